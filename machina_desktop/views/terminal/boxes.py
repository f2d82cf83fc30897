"""Box-drawing and block characters, drawn to the edges of their cell so that neighbours join without a seam."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPolygonF

_SIDES: Final = {
    "LEFT": ("left",),
    "RIGHT": ("right",),
    "UP": ("up",),
    "DOWN": ("down",),
    "HORIZONTAL": ("left", "right"),
    "VERTICAL": ("up", "down"),
}
_WEIGHTS: Final = {"LIGHT": 1, "SINGLE": 1, "HEAVY": 2, "DOUBLE": 3}
_DASHES: Final = {"DOUBLE DASH": 2, "TRIPLE DASH": 3, "QUADRUPLE DASH": 4}
# Which quarters are filled: upper left 1, upper right 2, lower left 4, lower right 8.
_QUARTERS: Final = (4, 8, 1, 13, 9, 7, 11, 2, 6, 14)
_POWERLINE: Final = "\ue0b0\ue0b1\ue0b2\ue0b3"


def is_drawn(sign: str) -> bool:
    """Whether the character is drawn here and not by a font."""
    return "\u2500" <= sign <= "\u259f" or sign in _POWERLINE


@dataclass(frozen=True, kw_only=True)
class _Lines:
    """The arms of a box-drawing character by side: 0 none, 1 light, 2 heavy, 3 double; and in how many dashes."""

    left: int = 0
    right: int = 0
    up: int = 0
    down: int = 0
    dashes: int = 0
    shape: str = ""


@cache
def _lines_of(sign: str) -> _Lines:
    """What the character's name in Unicode says of it."""
    name = unicodedata.name(sign).removeprefix("BOX DRAWINGS ")
    dashes = 0
    for kind, count in _DASHES.items():
        if kind in name:
            name, dashes = name.replace(f" {kind}", ""), count
    for shape in ("ARC", "DIAGONAL"):
        if shape in name:
            sides = {side: 1 for word in name.split() for side in _SIDES.get(word, ())}
            return _Lines(**sides, shape=f"{shape} {sign}")
    arms: dict[str, int] = {}
    weight = 1
    for part in name.split(" AND "):
        words = part.split()
        weight = next((_WEIGHTS[word] for word in words if word in _WEIGHTS), weight)
        arms |= {side: weight for word in words for side in _SIDES.get(word, ())}
    return _Lines(**arms, dashes=dashes)  # type: ignore[arg-type]


def draw(painter: QPainter, cell: QRect, sign: str, ink: QColor) -> None:
    """Draw the character into its cell, in whole pixels of the device."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    if sign in _POWERLINE:
        _draw_powerline(painter, cell, sign, ink)
    elif sign >= "\u2580":
        _draw_block(painter, cell, ord(sign), ink)
    else:
        lines = _lines_of(sign)
        if lines.shape:
            _draw_curve(painter, cell, lines, ink)
        elif lines.dashes:
            _draw_dashes(painter, cell, lines, ink)
        else:
            for rect in _rects(cell, lines):
                painter.fillRect(rect, ink)
    painter.restore()


def _thickness(cell: QRect) -> int:
    return max(1, round(cell.width() / 7))


def _rects(cell: QRect, lines: _Lines) -> list[QRect]:
    """The strokes of the four arms: each is worked out as the one to the right, and turned to its side."""
    arms = (lines.right, lines.down, lines.left, lines.up)
    found = []
    for turn in range(4):
        weight = arms[turn]
        if not weight:
            continue
        # Seen along the arm: the one on its left hand, the one behind, the one on its right hand.
        over, behind, under = arms[(turn + 3) % 4], arms[(turn + 2) % 4], arms[(turn + 1) % 4]
        if turn in {1, 2}:
            over, under = under, over
        found += _arm(cell, turn, weight, (over, behind, under))
    return found


def _arm(cell: QRect, turn: int, weight: int, crossing: tuple[int, int, int]) -> list[QRect]:
    """An arm's strokes; ``crossing`` is what meets it on the side of smaller coordinates, behind, on the other side."""
    over, behind, under = crossing
    light = _thickness(cell)
    gap = 2 * light
    is_across = turn in {0, 2}
    forwards = turn in {0, 1}

    def stroke(offset: int, start: int, width: int) -> QRect:
        """A stroke at ``offset`` from the middle across, beginning at ``start`` from the middle along."""
        middle = (cell.width() if is_across else cell.height()) // 2
        across = (cell.height() if is_across else cell.width()) // 2 + offset - width // 2
        length = cell.width() if is_across else cell.height()
        # To the far edge of a stroke of the same width that crosses it, so that corners are whole.
        low, high = (middle + start - width // 2, length) if forwards else (0, middle - start + width - width // 2)
        if is_across:
            return QRect(cell.x() + low, cell.y() + across, high - low, width)
        return QRect(cell.x() + across, cell.y() + low, width, high - low)

    if weight < 3:
        width = light if weight == 1 else 2 * light
        doubles = (over == 3) + (under == 3)
        start = 0 if behind or not doubles else gap if doubles == 2 else -gap
        return [stroke(0, start, width)]
    made = []
    for offset, near, far in ((-gap, over, under), (gap, under, over)):
        start = gap if near == 3 else -gap if far == 3 and not near and not behind else 0
        made.append(stroke(offset, start, light))
    return made


def _draw_dashes(painter: QPainter, cell: QRect, lines: _Lines, ink: QColor) -> None:
    width = _thickness(cell) * (2 if max(lines.left, lines.up) == 2 else 1)
    is_across = bool(lines.left)
    length = cell.width() if is_across else cell.height()
    for number in range(lines.dashes):
        begin, end = (round(length * (number + part) / lines.dashes) for part in (0.2, 0.8))
        if is_across:
            painter.fillRect(cell.x() + begin, cell.center().y() - width // 2 + 1, max(1, end - begin), width, ink)
        else:
            painter.fillRect(cell.center().x() - width // 2 + 1, cell.y() + begin, width, max(1, end - begin), ink)


def _draw_curve(painter: QPainter, cell: QRect, lines: _Lines, ink: QColor) -> None:
    light = _thickness(cell)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(ink, light, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.setClipRect(cell)
    left, top, right, bottom = cell.x(), cell.y(), cell.x() + cell.width(), cell.y() + cell.height()
    sign = lines.shape[-1]
    if lines.shape.startswith("DIAGONAL"):
        if sign in "\u2571\u2573":
            painter.drawLine(QPointF(right, top), QPointF(left, bottom))
        if sign in "\u2572\u2573":
            painter.drawLine(QPointF(left, top), QPointF(right, bottom))
        return
    # In the middle of where straight strokes lie, so that they meet.
    middle_x = left + cell.width() // 2 - light // 2 + light / 2
    middle_y = top + cell.height() // 2 - light // 2 + light / 2
    reach = min(cell.width(), cell.height()) / 2
    across, along = (1, right) if lines.right else (-1, left)
    downwards, end = (1, bottom) if lines.down else (-1, top)
    path = QPainterPath(QPointF(middle_x, end))
    path.lineTo(middle_x, middle_y + downwards * reach)
    path.quadTo(middle_x, middle_y, middle_x + across * reach, middle_y)
    path.lineTo(along, middle_y)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPath(path)


def _draw_block(painter: QPainter, cell: QRect, code: int, ink: QColor) -> None:
    left, top, width, height = cell.x(), cell.y(), cell.width(), cell.height()
    middle_x, middle_y = width // 2, height // 2
    if code >= 0x2596:
        quarters = _QUARTERS[code - 0x2596]
        for bit, x, y, wide, high in (
            (1, 0, 0, middle_x, middle_y),
            (2, middle_x, 0, width - middle_x, middle_y),
            (4, 0, middle_y, middle_x, height - middle_y),
            (8, middle_x, middle_y, width - middle_x, height - middle_y),
        ):
            if quarters & bit:
                painter.fillRect(left + x, top + y, wide, high, ink)
    elif code == 0x2580:
        painter.fillRect(left, top, width, middle_y, ink)
    elif code <= 0x2588:
        part = height - round(height * (0x2588 - code) / 8)
        painter.fillRect(left, top + height - part, width, part, ink)
    elif code <= 0x258F:
        painter.fillRect(left, top, max(1, round(width * (0x2590 - code) / 8)), height, ink)
    elif code == 0x2590:
        painter.fillRect(left + middle_x, top, width - middle_x, height, ink)
    elif code <= 0x2593:
        shade = QColor(ink)
        shade.setAlphaF((code - 0x2590) / 4)
        painter.fillRect(cell, shade)
    elif code == 0x2594:
        painter.fillRect(left, top, width, max(1, round(height / 8)), ink)
    else:
        part = max(1, round(width / 8))
        painter.fillRect(left + width - part, top, part, height, ink)


def _draw_powerline(painter: QPainter, cell: QRect, sign: str, ink: QColor) -> None:
    left, top, right, bottom = cell.x(), cell.y(), cell.x() + cell.width(), cell.y() + cell.height()
    base, tip = (left, right) if sign in _POWERLINE[:2] else (right, left)
    corners = [QPointF(base, top), QPointF(tip, (top + bottom) / 2), QPointF(base, bottom)]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipRect(cell)
    if sign in _POWERLINE[::2]:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ink)
        painter.drawPolygon(QPolygonF(corners))
    else:
        painter.setPen(QPen(ink, _thickness(cell)))
        painter.drawPolyline(QPolygonF(corners))
