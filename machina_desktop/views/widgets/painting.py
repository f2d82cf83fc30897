"""What painted widgets and delegates share: shapes, and text that ends in an ellipsis where it does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QWidget

from machina_desktop.views.widgets.cut_text import tell_in_full
from machina_desktop.views.widgets.strokes import draw_focus_ring, draw_spinner, fill_rounded

__all__ = [
    "Drawn",
    "cut_texts",
    "draw_focus_ring",
    "draw_paragraph",
    "draw_spinner",
    "draw_text",
    "fill_rounded",
    "listening",
    "paragraph_height",
]

_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A text that was painted.

    Attributes:
        text: What was to be painted.
        is_cut: Whether an ellipsis stands for its end.
        rect: Where its letters are, in pixels of what was painted on.
        widget: What it was painted on; ``None`` for a picture.
    """

    text: str
    is_cut: bool
    rect: QRectF
    widget: QWidget | None


_LISTENERS: list[Callable[[Drawn], object]] = []


@contextmanager
def listening(listener: Callable[[Drawn], object]) -> Iterator[None]:
    """Tell ``listener`` of each text painted meanwhile. Qt thread only."""
    _LISTENERS.append(listener)
    try:
        yield
    finally:
        _LISTENERS.remove(listener)


def cut_texts(paint: Callable[[QPainter], object]) -> tuple[str, ...]:
    """The texts that ``paint`` has to shorten, in full; it is given a painter whose strokes nobody sees."""
    drawn: list[Drawn] = []
    picture = QImage(1, 1, QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(picture)
    with listening(drawn.append):
        paint(painter)
    painter.end()
    return tuple(each.text for each in drawn if each.is_cut)


def draw_text(
    painter: QPainter,
    rect: QRectF,
    text: str,
    font: QFont,
    color: QColor,
    *,
    align: Qt.AlignmentFlag = _LEFT,
    elide: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
) -> float:
    """Draw one line, shortened by an ellipsis where it does not fit; answers the width it took, in pixels."""
    metrics = QFontMetricsF(font)
    shown = metrics.elidedText(text, elide, rect.width())
    painter.setFont(font)
    painter.setPen(color)
    # Sides are the caller's, who has placed the rest by them too: Qt would swap them from right to left.
    painter.drawText(rect, align | Qt.AlignmentFlag.AlignAbsolute | Qt.TextFlag.TextSingleLine, shown)
    used = min(metrics.horizontalAdvance(shown), rect.width())
    _note(painter, _ink(rect, used, metrics.height(), align), text, is_cut=shown != text)
    return used


def draw_paragraph(
    painter: QPainter, rect: QRectF, text: str, font: QFont, color: QColor, *, is_centred: bool = False
) -> None:
    """Draw ``text`` from the top, wrapped between words, or within a word that is wider than ``rect``.

    The last line that fits ends in an ellipsis.
    """
    metrics = QFontMetricsF(font)
    layout = QTextLayout(text, font)
    layout.setTextOption(_wrapped())
    layout.beginLayout()
    top, is_cut = rect.top(), False
    painter.setFont(font)
    painter.setPen(color)
    while (line := layout.createLine()).isValid():
        line.setLineWidth(rect.width())
        start = line.textStart()
        is_end = start + line.textLength() >= len(text)
        shown = text[start : start + line.textLength()].rstrip()
        if not is_end and top + 2 * metrics.height() > rect.bottom() + 1:
            shown, is_cut = metrics.elidedText(text[start:], Qt.TextElideMode.ElideRight, rect.width()), True
        free = rect.width() - metrics.horizontalAdvance(shown)
        is_mirrored = painter.layoutDirection() == Qt.LayoutDirection.RightToLeft
        left = rect.left() + (free / 2 if is_centred else free if is_mirrored else 0)
        painter.drawText(QPointF(left, top + metrics.ascent()), shown)
        top += metrics.height()
        if is_cut:
            break
    layout.endLayout()
    _note(painter, rect, text, is_cut=is_cut)


def paragraph_height(text: str, font: QFont, width: float) -> float:
    """The height, in pixels, that `draw_paragraph` needs for all of ``text``."""
    layout = QTextLayout(text, font)
    layout.setTextOption(_wrapped())
    layout.beginLayout()
    lines = 0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        lines += 1
    layout.endLayout()
    return max(1, lines) * QFontMetricsF(font).height()


def _wrapped() -> QTextOption:
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    return option


def _ink(rect: QRectF, width: float, height: float, align: Qt.AlignmentFlag) -> QRectF:
    """Where the letters are in ``rect``."""
    free = rect.width() - width
    left = free if align & Qt.AlignmentFlag.AlignRight else free / 2 if align & Qt.AlignmentFlag.AlignHCenter else 0
    top = (rect.height() - height) / 2 if align & Qt.AlignmentFlag.AlignVCenter else 0
    return QRectF(rect.left() + left, rect.top() + top, width, min(height, rect.height()))


def _note(painter: QPainter, rect: QRectF, text: str, *, is_cut: bool) -> None:
    if not is_cut and not _LISTENERS:
        return
    device = painter.device()
    widget = device if isinstance(device, QWidget) else None
    place = painter.worldTransform().mapRect(rect)
    for listener in _LISTENERS:
        listener(Drawn(text=text, is_cut=is_cut, rect=place, widget=widget))
    if is_cut and widget is not None:
        tell_in_full(widget, place, text)
