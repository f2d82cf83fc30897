"""One row of the screen into a picture, in pixels of the device: grounds, glyph runs, boxes, lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPen, QPixmap

from machina_desktop.views.terminal import boxes
from machina_desktop.views.terminal.styles import Style, Styles, Underline
from machina_desktop.views.terminal.typeface import Sign, Typeface

# From so many runs on, pictures of single cells are quicker than a run of glyphs each.
MANY_RUNS: Final = 40
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
    """Paints rows in one typeface and one set of styles. Pictures of cells are kept between rows."""

    def __init__(self, typeface: Typeface, styles: Styles) -> None:
        self._face = typeface
        self._styles = styles
        self._cells: dict[tuple[str, int, int, int], QPixmap] = {}

    def paint(self, painter: QPainter, top: int, row: RowLike, columns: int) -> bool:
        """Paint a row whose upper edge is at ``top``; answers whether something in it blinks."""
        face = self._face
        width, height = columns * face.width, face.height
        ground = self._styles.style(row.fill).ground if row.fill else None
        painter.fillRect(0, top, width, height, ground or self._styles.ground)
        is_blinking = False
        if len(row.runs) > 2 * MANY_RUNS:
            return self._paint_cells(painter, top, row, columns)
        for start, end, attribute in runs_of(row):
            style = self._styles.style(attribute)
            area = QRect(start * face.width, top, (end - start) * face.width, height)
            if style.ground is not None:
                painter.fillRect(area, style.ground)
            elif ground is not None:
                painter.fillRect(area, self._styles.ground)
            self._write(painter, area, row, start, style)
            is_blinking = is_blinking or style.is_blinking
        return is_blinking

    def _write(self, painter: QPainter, area: QRect, row: RowLike, first: int, style: Style) -> None:
        """Write the characters of a row from column ``first`` on that fall into ``area``."""
        text = row.text[first : first + area.width() // self._face.width]
        if not style.is_invisible:
            shown = text.rstrip(" ")
            if shown:
                shape = self._face.shape(shown, style.face, row.clusters, first)
                if shape.glyphs is not None:
                    painter.setPen(style.ink)
                    painter.drawGlyphRun(QPointF(area.x(), area.y() + self._face.ascent), shape.glyphs)
                for sign in shape.signs:
                    self._place(painter, area.topLeft(), sign, style)
        if style.has_lines:
            self._draw_lines(painter, area, style)

    def _place(self, painter: QPainter, origin: QPoint, sign: Sign, style: Style) -> None:
        """Put a character that is no glyph of the run into its cells."""
        face = self._face
        cell = QRect(origin.x() + sign.column * face.width, origin.y(), sign.cells * face.width, face.height)
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

    def _paint_cells(self, painter: QPainter, top: int, row: RowLike, columns: int) -> bool:
        """Paint a row of many runs from pictures of its cells."""
        face, is_blinking = self._face, False
        for start, end, attribute in runs_of(row):
            style = self._styles.style(attribute)
            is_blinking = is_blinking or style.is_blinking
            text = row.text[start:end]
            area = QRect(start * face.width, top, (end - start) * face.width, face.height)
            ground = style.ground or self._styles.ground
            if not text.isascii() or style.has_lines or style.is_invisible:
                painter.fillRect(area, ground)
                self._write(painter, area, row, start, style)
                continue
            for column, sign in enumerate(text, start):
                key = (sign, style.face, style.ink.rgba(), ground.rgba())
                picture = self._cells.get(key) or self._keep(key, self._cell(sign, style, ground))
                painter.drawPixmap(column * face.width, top, picture)
        return is_blinking

    def _cell(self, sign: str, style: Style, ground: QColor) -> QPixmap:
        """A whole cell, ground and all."""
        face = self._face
        picture = QPixmap(face.width, face.height)
        picture.fill(ground)
        painter = QPainter(picture)
        glyphs = face.shape(sign, style.face).glyphs
        if glyphs is not None:
            painter.setPen(style.ink)
            painter.drawGlyphRun(QPointF(0, face.ascent), glyphs)
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
