"""One row of the screen into a picture, in pixels of the device: grounds, glyph runs, boxes, lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from machina_desktop.views.terminal import boxes
from machina_desktop.views.terminal.styles import Style, Styles, Underline
from machina_desktop.views.terminal.typeface import Sign, Typeface

_CELLS_AT_MOST: Final = 8192


class RowLike(Protocol):
    """What is painted of a row; `machina_desktop.core.terminal.terminal.Row` is one."""

    @property
    def text(self) -> str: ...
    @property
    def runs(self) -> Sequence[int]: ...
    @property
    def fill(self) -> int: ...
    @property
    def clusters(self) -> Mapping[int, str]: ...


def runs_of(row: RowLike) -> Iterator[tuple[int, int, int]]:
    """First column, column after the last, and attribute of each run of a row's text."""
    runs, length = row.runs, len(row.text)
    if length and (not runs or runs[0] > 0):
        yield 0, min(runs[0], length) if runs else length, 0
    for at in range(0, len(runs), 2):
        end = min(runs[at + 2], length) if at + 2 < len(runs) else length
        if runs[at] < end:
            yield runs[at], end, runs[at + 1]


class RowPainter:
    """Paints rows in one typeface and one set of styles. Pictures of what no font has by itself are kept."""

    def __init__(self, typeface: Typeface, styles: Styles) -> None:
        self._face = typeface
        self._styles = styles
        self._cells: dict[tuple[str, int, int, int], QPixmap] = {}
        self._origins: list[QPointF] = []

    def paint(self, painter: QPainter, top: int, row: RowLike, columns: int) -> bool:
        """Paint the first ``columns`` of a row whose upper edge is at ``top``; answers whether anything in it blinks.

        Nothing of the row's text may lie beyond.
        """
        face, text, style_of = self._face, row.text, self._styles.style
        width, height = face.width, face.height
        ground = style_of(row.fill).ground if row.fill else None
        is_blinking = False
        origins = self._reach(len(text))
        painter.translate(0, top)
        painter.fillRect(0, 0, columns * width, height, ground or self._styles.ground)
        for start, end, attribute in runs_of(row):
            style = style_of(attribute)
            if style.ground is not None:
                painter.fillRect(start * width, 0, (end - start) * width, height, style.ground)
            elif ground is not None:
                painter.fillRect(start * width, 0, (end - start) * width, height, self._styles.ground)
            shown = "" if style.is_invisible else text[start:end].rstrip(" ")
            if shown:
                shape = face.shape(shown, style.face, row.clusters, start)
                if shape.glyphs is not None:
                    painter.setPen(style.ink)
                    painter.drawGlyphRun(origins[start], shape.glyphs)
                for sign in shape.signs:
                    self._place(painter, start, sign, style)
            if style.has_lines:
                self._draw_lines(painter, QRect(start * width, 0, (end - start) * width, height), style)
            is_blinking = is_blinking or style.is_blinking
        painter.translate(0, -top)
        return is_blinking

    def _reach(self, columns: int) -> list[QPointF]:
        """Where the letters of each column stand, for so many columns at least."""
        origins, face = self._origins, self._face
        origins += [QPointF(column * face.width, face.ascent) for column in range(len(origins), columns)]
        return origins

    def _place(self, painter: QPainter, first: int, sign: Sign, style: Style) -> None:
        """Put a character that is no glyph of the run, which begins at column ``first``, into its cells."""
        face = self._face
        cell = QRect((first + sign.column) * face.width, 0, sign.cells * face.width, face.height)
        if sign.is_drawn:
            boxes.draw(painter, cell, sign.text, style.bare_ink)
            return
        key = (sign.text, style.face, style.ink.rgba(), sign.cells)
        picture = self._cells.get(key)
        if picture is None:
            picture = self._keep(key, self._written(sign, style))
        painter.drawPixmap(cell.topLeft(), picture)

    def _written(self, sign: Sign, style: Style) -> QPixmap:
        """A character as Qt writes it, with whatever font has it, made to fit its cells."""
        face = self._face
        picture = QPixmap(sign.cells * face.width, face.height)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        painter.setFont(face.font(style.face))
        painter.setPen(style.ink)
        wanted = face.advance(sign.text, style.face)
        room = picture.width()
        scale = min(1.0, room / wanted) if wanted > 0 else 1.0
        painter.translate(max(0.0, (room - wanted * scale) / 2) if sign.cells > 1 else 0, face.ascent)
        painter.scale(scale, scale)
        painter.drawText(QPointF(0, 0), sign.text)
        painter.end()
        return picture

    def _keep(self, key: tuple[str, int, int, int], picture: QPixmap) -> QPixmap:
        if len(self._cells) >= _CELLS_AT_MOST:
            self._cells.clear()
        self._cells[key] = picture
        return picture

    def _draw_lines(self, painter: QPainter, area: QRect, style: Style) -> None:
        """Underline, strike and overline."""
        face = self._face
        light = face.light
        if style.is_struck:
            painter.fillRect(area.x(), area.y() + round(face.ascent * 0.68), area.width(), light, style.ink)
        if style.is_overlined:
            painter.fillRect(area.x(), area.y(), area.width(), light, style.ink)
        if style.underline is not Underline.NONE:
            base = min(area.y() + face.ascent + max(2, 2 * light), area.y() + area.height() - light)
            draw_underline(painter, QRect(area.x(), base, area.width(), light), style.underline, style.line_ink)


def draw_underline(painter: QPainter, line: QRect, kind: Underline, ink: QColor) -> None:
    """Draw a line of ``line``'s place and thickness, in one of the five manners."""
    light = line.height()
    if kind is Underline.CURLY:
        _draw_wave(painter, line, ink)
        return
    if kind is Underline.DOUBLE:
        painter.fillRect(line.translated(0, -2 * light), ink)
    if kind in {Underline.DOTTED, Underline.DASHED}:
        mark, step = (light, 2 * light) if kind is Underline.DOTTED else (4 * light, 6 * light)
        # From the row's beginning, so that neighbouring runs keep step.
        for left in range(line.x() - line.x() % step, line.x() + line.width(), step):
            painter.fillRect(QRect(left, line.y(), mark, light).intersected(line), ink)
        return
    painter.fillRect(line, ink)


def _draw_wave(painter: QPainter, line: QRect, ink: QColor) -> None:
    light = line.height()
    period, rise = 6.0 * light, 1.2 * light
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipRect(QRectF(line.x(), line.y() - 3 * light, line.width(), 6 * light))
    painter.setPen(QPen(ink, light))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    left = line.x() - line.x() % period
    middle = line.y() + light / 2
    path = QPainterPath(QPointF(left, middle))
    for half in range(math.ceil((line.x() + line.width() - left) * 2 / period)):
        begin = left + half * period / 2
        bend = middle + (rise if half % 2 else -rise) * 2
        path.quadTo(QPointF(begin + period / 4, bend), QPointF(begin + period / 2, middle))
    painter.drawPath(path)
    painter.restore()
