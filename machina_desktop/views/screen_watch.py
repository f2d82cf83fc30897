"""Windows stay where they can be reached when a screen goes away or shrinks."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRect, Qt, QTimer
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QApplication, QMenu

from machina_desktop.views.window_state import VISIBLE_HEIGHT, VISIBLE_WIDTH, bring_back, is_reachable

# Screens come and go in bursts, and window managers move windows themselves: they go first.
SETTLE_MS = 300
# What was brought back may still be moved by the window manager, which is told at the same time.
LOOKS = 3


class ScreenWatch(QObject):
    """Brings windows, floating panels, dialogs and popups back onto a screen; an open menu is closed."""

    def __init__(self, *, parent: QObject) -> None:
        super().__init__(parent)
        self._soon = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._soon.timeout.connect(self._on_settled)
        self._looks = 0
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.screenAdded.connect(self._on_screen_added)
            app.screenRemoved.connect(self._on_changed)
            for screen in app.screens():
                self._on_screen_added(screen)

    def bring_all_back(self) -> None:
        """Move what cannot be reached."""
        for window in QApplication.topLevelWidgets():
            if window.isHidden() or _is_seen(window.frameGeometry()):
                continue
            if isinstance(window, QMenu):
                # It belongs to a place that is somewhere else by now.
                window.close()
            elif window.windowType() != Qt.WindowType.ToolTip:
                bring_back(window)

    def _on_screen_added(self, screen: QScreen) -> None:
        screen.availableGeometryChanged.connect(self._on_changed)

    def _on_changed(self) -> None:
        self._looks = LOOKS
        self._soon.start()

    def _on_settled(self) -> None:
        self.bring_all_back()
        self._looks -= 1
        if self._looks > 0:
            self._soon.start()


def _is_seen(frame: QRect) -> bool:
    """Whether a window can be reached; of a small one, such as a list of choices, any part will do."""
    if frame.width() < 2 * VISIBLE_WIDTH or frame.height() < 2 * VISIBLE_HEIGHT:
        return any(screen.availableGeometry().intersects(frame) for screen in QGuiApplication.screens())
    return is_reachable(frame)
