"""What is laid over the rows without touching them: selection, search marks, links, cursor, composed text."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from machina_desktop.views import theme
from machina_desktop.views.terminal.row_painter import draw_underline
from machina_desktop.views.terminal.scheme import colored, overlay, readable
from machina_desktop.views.terminal.styles import Styles, Underline
from machina_desktop.views.terminal.typeface import Typeface


@dataclass(frozen=True, kw_only=True)
class Span:
    """Columns of one row, from 0 at the top of what is shown."""

    line: int
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class CursorLook:
    """The cursor as it is to be drawn.

    Attributes:
        shape: ``block``, ``underline`` or ``bar``.
        is_hollow: Whether only its outline is drawn: the keyboard is elsewhere.
        text: What stands in its cell.
        cells: How wide that is.
    """

    line: int
    column: int
    shape: str
    is_hollow: bool
    text: str
    cells: int
    face: int = 0


class Overlay:
    """Draws in pixels of the device, on a painter whose origin is the upper left cell."""

    def __init__(self, typeface: Typeface, styles: Styles) -> None:
        self._face = typeface
        self._styles = styles

    def rect(self, span: Span) -> QRect:
        """The pixels of a span."""
        face = self._face
        left, width = span.first * face.width, (span.last - span.first) * face.width
        return QRect(left, span.line * face.height, width, face.height)

    def tint(self, painter: QPainter, spans: Collection[Span], token: str) -> None:
        """Colour the ground of spans and leave the letters as they are."""
        if not spans:
            return
        ink = overlay(self._styles.scheme.name, token)
        ground, letters = colored(self._styles.background), colored(self._styles.foreground)
        modes = QPainter.CompositionMode
        painter.save()
        if theme.contrast(letters, ink) < theme.contrast(letters, ground) / 3:
            # The program has turned the colours round, so that the tint would swallow the letters.
            mode, ink = modes.CompositionMode_Difference, letters
        elif letters.lightness() > ground.lightness():
            # Letters are further from the ground than the tint is, so that they win.
            mode = modes.CompositionMode_Lighten
        else:
            mode = modes.CompositionMode_Darken
        painter.setCompositionMode(mode)
        for span in spans:
            painter.fillRect(self.rect(span), ink)
        painter.restore()

    def frame(self, painter: QPainter, spans: Iterable[Span], token: str) -> None:
        """Draw a line around spans, such as the match one stands on."""
        painter.setPen(QPen(overlay(self._styles.scheme.name, token), self._face.light))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for span in spans:
            painter.drawRect(self.rect(span).adjusted(0, 0, -1, -1))

    def underline(self, painter: QPainter, spans: Iterable[Span], token: str) -> None:
        """Underline spans, as a link under the mouse."""
        face = self._face
        for span in spans:
            place = self.rect(span)
            base = min(place.y() + face.ascent + max(2, 2 * face.light), place.y() + face.height - face.light)
            line = QRect(place.x(), base, place.width(), face.light)
            draw_underline(painter, line, Underline.SINGLE, overlay(self._styles.scheme.name, token))

    def cursor(self, painter: QPainter, look: CursorLook) -> None:
        """Draw the cursor, and what stands under a filled one anew."""
        face = self._face
        cell = self.rect(Span(line=look.line, first=look.column, last=look.column + look.cells))
        ink = colored(self._styles.cursor)
        thick = max(2, face.light * 2)
        if look.is_hollow:
            painter.setPen(QPen(ink, face.light))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(cell.adjusted(0, 0, -1, -1))
        elif look.shape == "bar":
            painter.fillRect(cell.x(), cell.y(), thick, cell.height(), ink)
        elif look.shape == "underline":
            painter.fillRect(cell.x(), cell.y() + cell.height() - thick, cell.width(), thick, ink)
        else:
            painter.fillRect(cell, ink)
            self._write(painter, cell, look.text, look.face, colored(readable(self._styles.background, ink.rgb())))

    def composed(self, painter: QPainter, line: int, column: int, text: str) -> None:
        """Draw what an input method composes, at the cursor, underlined."""
        face = self._face
        width = round(face.advance(text, 0))
        cell = QRect(column * face.width, line * face.height, max(width, face.width), face.height)
        painter.fillRect(cell, overlay(self._styles.scheme.name, "surface-pressed"))
        self._write(painter, cell, text, 0, colored(self._styles.foreground))
        painter.fillRect(cell.x(), cell.y() + face.height - face.light, width, face.light, colored(self._styles.cursor))

    def _write(self, painter: QPainter, cell: QRect, text: str, style: int, ink: QColor) -> None:
        if not text.strip():
            return
        painter.setFont(self._face.font(style))
        painter.setPen(ink)
        painter.drawText(QPointF(cell.x(), cell.y() + self._face.ascent), text)
