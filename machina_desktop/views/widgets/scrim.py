"""The shade over a window while a modal panel lies above it."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QEvent, QObject, QRect, QRectF, Qt, QVariantAnimation
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme
from machina_desktop.views.widgets.painting import fill_rounded

FADE_MS = 140


class Scrim(QWidget):
    """Dims ``over``, a window, until `fade_out`; it stays as large as the window and above all in it.

    Clicks on it reach nobody: the window is blocked by the panel, so nothing typed there is lost.
    """

    def __init__(self, over: QWidget, *, area: QRect | None = None, radius: int = 0) -> None:
        """``area`` is the part to dim, in the window's own pixels; all of it without one."""
        super().__init__(over)
        self._is_whole = area is None
        self._radius = radius
        self._opacity = 0.0
        self._fade = QVariantAnimation(self, duration=FADE_MS)
        self._fade.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._fade.valueChanged.connect(self._set_opacity)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setGeometry(area if area is not None else over.rect())
        over.installEventFilter(self)
        self.show()
        self.raise_()
        self._fade_to(1.0)

    def fade_out(self) -> None:
        """Let the window shine again, then be gone."""
        if theme.is_motion_reduced() or not self.isVisible():
            self.hide()
            self.deleteLater()
            return
        self._fade.finished.connect(self.deleteLater)
        self._fade_to(0.0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self._is_whole and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        elif event.type() == QEvent.Type.ChildAdded:
            # A banner that comes while the panel is open lies under the shade as well.
            self.raise_()
        return super().eventFilter(watched, event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        shade = QColor(theme.color("scrim"))
        shade.setAlphaF(shade.alphaF() * self._opacity)
        fill_rounded(QPainter(self), QRectF(self.rect()), self._radius, shade)

    def _fade_to(self, opacity: float) -> None:
        if theme.is_motion_reduced():
            self._set_opacity(opacity)
            return
        self._fade.stop()
        self._fade.setStartValue(self._opacity)
        self._fade.setEndValue(opacity)
        self._fade.start()

    def _set_opacity(self, opacity: float) -> None:
        self._opacity = opacity
        self.update()
