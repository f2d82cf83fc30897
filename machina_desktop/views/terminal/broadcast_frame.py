"""The red frame of a terminal that takes part in broadcast input: a line in its margin, an icon and a word."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme
from machina_desktop.views.icons import draw_icon
from machina_desktop.views.theme import Radius, Space, Type
from machina_desktop.views.widgets.painting import draw_text, fill_rounded

_LINE: Final = 3
_HEIGHT: Final = 22
_ICON: Final = 14
_BAR: Final = 14


class BroadcastFrame(QWidget):
    """Lies over a terminal's margin and lets the mouse through; hidden at first.

    Attributes:
        words: What it says.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.words = self.tr("Broadcast")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.hide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Only what is drawn: what lies under the rest is painted without looking at this.
        whole = QRegion(self.rect())
        self.setMask(whole.subtracted(QRegion(self._inner())).united(QRegion(self._plate())))

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        red, ink = theme.color("accent-error"), theme.color("on-accent")
        # The mask cuts the middle out.
        painter.fillRect(self.rect(), red)
        plate = QRectF(self._plate())
        painter.fillRect(plate, theme.color("terminal-background"))
        fill_rounded(painter, plate.adjusted(0, -Radius.INPUT, Radius.INPUT, 0), Radius.INPUT, red)
        icon = QRectF(plate.left() + Space.S, plate.center().y() - _ICON / 2, _ICON, _ICON)
        draw_icon(painter, icon, "radio", "on-accent")
        room = plate.adjusted(2 * Space.S + _ICON - 2, 0, -Space.S, 0)
        draw_text(painter, room, self.words, theme.font(Type.KEY), ink)

    def _inner(self) -> QRect:
        return self.rect().adjusted(_LINE, _LINE, -_LINE, -_LINE)

    def _plate(self) -> QRect:
        """The upper right corner, beside the scroll bar."""
        words = QFontMetricsF(theme.font(Type.KEY)).horizontalAdvance(self.words)
        width = round(3 * Space.S + _ICON + words)
        left = _BAR + _LINE if self.isRightToLeft() else self.width() - width - _BAR - _LINE
        return QRect(left, 0, width, _HEIGHT)
