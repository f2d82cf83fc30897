"""The shapes that painted widgets are made of: plates, the ring of focus, the arc of work under way."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from machina_desktop.views import theme


def fill_rounded(painter: QPainter, rect: QRectF, radius: float, fill: QColor, border: QColor | None = None) -> None:
    """Fill a rounded rectangle; ``border`` adds a crisp line of one pixel inside it."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(fill)
    if border is None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(rect, radius, radius)
        return
    painter.setPen(QPen(border, 1))
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def draw_focus_ring(painter: QPainter, rect: QRectF, radius: float, token: str = "accent-primary") -> None:
    """Draw the two-pixel ring of keyboard focus just inside ``rect``."""
    half = theme.FOCUS_WIDTH / 2
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme.color(token), theme.FOCUS_WIDTH))
    painter.drawRoundedRect(rect.adjusted(half, half, -half, -half), radius, radius)


def draw_spinner(painter: QPainter, rect: QRectF, angle: float, color: QColor, width: float = 2) -> None:
    """Draw a three-quarter arc turned by ``angle`` degrees, clockwise, in the largest centred square of ``rect``."""
    side = min(rect.width(), rect.height()) - width
    box = QRectF(rect.center().x() - side / 2, rect.center().y() - side / 2, side, side)
    pen = QPen(color, width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(pen)
    painter.drawArc(box, round(-angle * 16), 270 * 16)
