"""The application's mark, a lozenge around a core, drawn where it is needed in the size it is needed."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme

NAME = "Machina"
_ICON_SIZES = (16, 22, 24, 32, 48, 64, 128, 256)


def draw_mark(painter: QPainter, rect: QRectF, color: QColor) -> None:
    """Draw the mark into the largest centred square of ``rect``."""
    half = min(rect.width(), rect.height()) / 2
    stroke = max(1.2, half * 0.16)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    pen = QPen(color, stroke)
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    painter.setPen(pen)
    painter.drawPolygon(_lozenge(rect.center(), half - stroke * 0.75))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon(_lozenge(rect.center(), half * 0.42))
    painter.restore()


def _lozenge(center: QPointF, half: float) -> QPolygonF:
    x, y = center.x(), center.y()
    return QPolygonF([QPointF(x, y - half), QPointF(x + half, y), QPointF(x, y + half), QPointF(x - half, y)])


def app_icon(*, has_notice: bool = False) -> QIcon:
    """The icon of window and tray; with a dot when something waits for the person."""
    made = QIcon()
    for size in _ICON_SIZES:
        picture = QPixmap(size, size)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        draw_mark(painter, QRectF(0, 0, size, size), theme.color("accent-primary"))
        if has_notice:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(QPen(theme.color("background"), size / 16))
            painter.setBrush(theme.color("accent-warning"))
            painter.drawEllipse(QRectF(size * 0.58, size * 0.58, size * 0.38, size * 0.38))
        painter.end()
        made.addPixmap(picture)
    return made


class Mark(QWidget):
    """The mark as a widget."""

    def __init__(self, *, size: int = 20, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(QSize(size, size))
        self.setAccessibleName(NAME)

    def paintEvent(self, _event: QPaintEvent) -> None:
        draw_mark(QPainter(self), QRectF(self.rect()), theme.color("accent-primary"))
