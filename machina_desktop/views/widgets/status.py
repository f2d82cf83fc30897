"""Status as shape, word and colour together: a badge for pages and a painter for delegates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from machina_desktop.views import theme
from machina_desktop.views.models.status import Shape, Status, StatusMark, mark_of, word_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.motion import Animation, turn_angle
from machina_desktop.views.widgets.painting import draw_text, fill_rounded
from machina_desktop.views.widgets.tooltip import hang_tooltip

__all__ = ["Status", "StatusBadge", "mark_of", "paint_glyph", "paint_status", "word_of"]

_GLYPH_SIZE = 10
_GAP = 6


def _draw_disc(painter: QPainter, box: QRectF, color: QColor, _angle: float) -> None:
    painter.setBrush(color)
    painter.drawEllipse(box.adjusted(0.5, 0.5, -0.5, -0.5))


def _draw_half(painter: QPainter, box: QRectF, color: QColor, angle: float) -> None:
    inner = box.adjusted(1, 1, -1, -1)
    painter.setPen(QPen(color, 1.5))
    painter.drawEllipse(inner)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPie(inner, round((90 - angle) * 16), 180 * 16)


def _draw_ring(painter: QPainter, box: QRectF, color: QColor, _angle: float) -> None:
    painter.setPen(QPen(color, 1.5))
    painter.drawEllipse(box.adjusted(1, 1, -1, -1))


def _draw_square(painter: QPainter, box: QRectF, color: QColor, _angle: float) -> None:
    painter.setBrush(color)
    painter.drawRoundedRect(box.adjusted(1, 1, -1, -1), 1.5, 1.5)


def _draw_cross(painter: QPainter, box: QRectF, color: QColor, _angle: float) -> None:
    pen = QPen(color, 1.8)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    inner = box.adjusted(2, 2, -2, -2)
    painter.drawLine(inner.topLeft(), inner.bottomRight())
    painter.drawLine(inner.topRight(), inner.bottomLeft())


def _draw_triangle(painter: QPainter, box: QRectF, color: QColor, _angle: float) -> None:
    painter.setBrush(color)
    painter.drawPolygon(
        QPolygonF([QPointF(box.center().x(), box.top()), box.bottomRight(), QPointF(box.left(), box.bottom())])
    )


def _draw_diamond(painter: QPainter, box: QRectF, color: QColor, _angle: float) -> None:
    center = box.center()
    painter.setBrush(color)
    painter.drawPolygon(
        QPolygonF(
            [
                QPointF(center.x(), box.top()),
                QPointF(box.right(), center.y()),
                QPointF(center.x(), box.bottom()),
                QPointF(box.left(), center.y()),
            ]
        )
    )


_DRAW: Mapping[Shape, Callable[[QPainter, QRectF, QColor, float], None]] = {
    Shape.DISC: _draw_disc,
    Shape.HALF: _draw_half,
    Shape.RING: _draw_ring,
    Shape.SQUARE: _draw_square,
    Shape.CROSS: _draw_cross,
    Shape.TRIANGLE: _draw_triangle,
    Shape.DIAMOND: _draw_diamond,
}


def paint_glyph(painter: QPainter, box: QRectF, mark: StatusMark) -> None:
    """Draw the shape of ``mark`` into the square ``box``; a moving one stands where the clock says."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    _DRAW[mark.shape](painter, box, theme.color(mark.token), turn_angle() if mark.is_moving else 0.0)
    painter.restore()


def paint_status(painter: QPainter, rect: QRectF, status: Status) -> float:
    """Draw glyph and word, left-aligned and centred in height, for table rows and cards.

    A split status is drawn as ``■ stopped → running``. Answers the width used, in pixels.
    """
    glyph = QRectF(rect.left(), rect.center().y() - _GLYPH_SIZE / 2, _GLYPH_SIZE, _GLYPH_SIZE)
    paint_glyph(painter, glyph, status.mark)
    font = theme.font(Type.BODY)
    offset = float(_GLYPH_SIZE + _GAP)
    color = theme.color(status.mark.token)
    offset += draw_text(painter, rect.adjusted(offset, 0, 0, 0), word_of(status.actual), font, color)
    if status.is_split and status.desired is not None and offset < rect.width():
        wanted = f"  → {word_of(status.desired)}"
        offset += draw_text(painter, rect.adjusted(offset, 0, 0, 0), wanted, font, theme.color("text-secondary"))
    return offset


def status_width(status: Status) -> float:
    """The width `paint_status` needs, in pixels."""
    metrics = QFontMetricsF(theme.font(Type.BODY))
    wanted = f"  → {word_of(status.desired)}" if status.is_split and status.desired is not None else ""
    words = metrics.horizontalAdvance(word_of(status.actual)) + metrics.horizontalAdvance(wanted)
    return _GLYPH_SIZE + _GAP + words + 1


class StatusBadge(QWidget):
    """A status as a small tinted plate; two-part, ``■ stopped | → running``, when what is wanted differs."""

    def __init__(self, status: Status | StrEnum | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status: Status | None = None
        hang_tooltip(self)
        self._animation = Animation(self)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.set_status(status)

    def set_status(self, status: Status | StrEnum | None) -> None:
        """Show ``status``; ``None`` shows nothing."""
        self._status = Status(status) if isinstance(status, StrEnum) else status
        self.setVisible(self._status is not None)
        self._animation.set_active(self._status is not None and self._status.mark.is_moving)
        self.setAccessibleName(self.tr("Status: {0}").format(self._status.words()) if self._status else "")
        self.setToolTip(self._status.words() if self._status else "")
        self.updateGeometry()
        self.update()

    def status(self) -> Status | None:
        """What is shown."""
        return self._status

    def sizeHint(self) -> QSize:
        if self._status is None:
            return QSize(0, 0)
        return QSize(round(self._first_width() + self._second_width()), 22)

    def paintEvent(self, _event: QPaintEvent) -> None:
        if self._status is None:
            return
        painter = QPainter(self)
        whole, mark = QRectF(self.rect()), self._status.mark
        first = QRectF(whole.left(), whole.top(), self._first_width(), whole.height())
        font = theme.font(Type.SECONDARY)
        if self._status.is_split and self._status.desired is not None:
            fill_rounded(painter, whole, Space.XS, theme.color("tint-neutral"))
            second = whole.adjusted(first.width() + Space.M, 0, 0, 0)
            draw_text(painter, second, f"→ {word_of(self._status.desired)}", font, theme.color("text-secondary"))
        fill_rounded(painter, first, Space.XS, theme.color(mark.tint))
        if self._status.is_split:
            line = QRectF(round(first.right()) + 2, 5, 1, whole.height() - 10)
            painter.fillRect(line, theme.color("outline"))
        glyph = QRectF(Space.S, whole.center().y() - _GLYPH_SIZE / 2, _GLYPH_SIZE, _GLYPH_SIZE)
        paint_glyph(painter, glyph, mark)
        text = first.adjusted(Space.S + _GLYPH_SIZE + _GAP, 0, 0, 0)
        draw_text(painter, text, word_of(self._status.actual), font, theme.color(mark.token))

    def _first_width(self) -> float:
        return Space.S * 2 + _GLYPH_SIZE + _GAP + self._text_width(word_of(self._status.actual)) if self._status else 0

    def _second_width(self) -> float:
        if self._status is None or not self._status.is_split or self._status.desired is None:
            return 0
        return Space.M + Space.S + self._text_width(f"→ {word_of(self._status.desired)}")

    def _text_width(self, text: str) -> float:
        return QFontMetricsF(theme.font(Type.SECONDARY)).horizontalAdvance(text) + 1
