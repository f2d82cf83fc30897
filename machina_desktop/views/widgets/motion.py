"""One clock for everything that moves by itself; it runs only while something visible needs it."""

from __future__ import annotations

import time

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

from machina_desktop.views import theme

FRAME_MS = 40
TURN_S = 1.0


def turn_angle() -> float:
    """Degrees, 0..360, that anything spinning is turned by now; always 0 with reduced motion."""
    return 0.0 if theme.is_motion_reduced() else time.monotonic() % TURN_S / TURN_S * 360


class Animation(QObject):
    """Repaints its widget at 25 frames a second while it is active and the widget is on the screen."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        self._widget = widget
        self._is_active = False
        self._timer = QTimer(self, interval=FRAME_MS)
        self._timer.timeout.connect(self._on_tick)

    def set_active(self, is_active: bool) -> None:
        """Start or stop moving."""
        if is_active and not self._is_active:
            # Only while it moves: every event of every button would pass through here.
            self._widget.installEventFilter(self)
        elif not is_active and self._is_active:
            self._widget.removeEventFilter(self)
        self._is_active = is_active
        self._retime()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Show, QEvent.Type.Hide):
            self._retime(is_shown=event.type() == QEvent.Type.Show)
        return super().eventFilter(watched, event)

    def _on_tick(self) -> None:
        if theme.is_motion_reduced():
            self._timer.stop()
        self._widget.update()

    def _retime(self, is_shown: bool | None = None) -> None:
        is_visible = self._widget.isVisible() if is_shown is None else is_shown
        if self._is_active and is_visible and not theme.is_motion_reduced():
            self._timer.start()
        else:
            self._timer.stop()
        self._widget.update()
