"""The icon in the system's tray: what runs, what waits, the way back to the window and out."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from machina_desktop.views import theme
from machina_desktop.views.brand import NAME, app_icon
from machina_desktop.views.run_watch import RunWatch, doing

LISTED = 5


class Tray(QObject):
    """Exists only where the system has a tray, so nothing may depend on it.

    Attributes:
        icon: The icon, or ``None`` without a tray.

    Signals:
        show_requested(): The window should come to the front.
        run_requested(str): A run was chosen: its id.
        quit_requested(): The program should end.
    """

    show_requested = Signal()
    run_requested = Signal(str)
    quit_requested = Signal()

    def __init__(self, watch: RunWatch, *, parent: QWidget) -> None:
        super().__init__(parent)
        self._watch = watch
        self._menu = QMenu(parent)
        self._is_waiting: bool | None = None
        self.icon: QSystemTrayIcon | None = None
        if QSystemTrayIcon.isSystemTrayAvailable():
            self.icon = QSystemTrayIcon(self)
            self.icon.setContextMenu(self._menu)
            self.icon.activated.connect(self._on_activated)
            watch.open_changed.connect(lambda _runs: self.refresh())
            theme.events().theme_changed.connect(self._on_theme_changed)
            self.refresh()
            self.icon.show()

    def refresh(self) -> None:
        """Tell what runs and what waits now."""
        if self.icon is None:
            return
        waiting = self._watch.waiting
        if bool(waiting) != self._is_waiting:
            self._is_waiting = bool(waiting)
            self.icon.setIcon(app_icon(has_notice=bool(waiting)))
        self.icon.setToolTip(f"{NAME}: {self.summary()}")
        self._menu.clear()
        self._menu.addAction(self.tr("Open {0}").format(NAME), self.show_requested.emit)
        self._menu.addSeparator()
        self._menu.addAction(self.summary()).setEnabled(False)
        for run in (*waiting, *self._watch.running)[:LISTED]:
            action = QAction(doing(run), self._menu)
            action.triggered.connect(lambda _checked=False, key=run.deployment_id: self.run_requested.emit(key))
            self._menu.addAction(action)
        self._menu.addSeparator()
        self._menu.addAction(self.tr("Quit"), self.quit_requested.emit)

    def summary(self) -> str:
        """Runs and approvals in words: ``1 running, 2 awaiting approval``."""
        parts = []
        if self._watch.running:
            parts.append(self.tr("{0} running").format(len(self._watch.running)))
        if self._watch.waiting:
            parts.append(self.tr("{0} awaiting approval").format(len(self._watch.waiting)))
        return ", ".join(parts) or self.tr("nothing running")

    def menu(self) -> QMenu:
        """The menu of the icon."""
        return self._menu

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.show_requested.emit()

    def _on_theme_changed(self) -> None:
        self._is_waiting = None
        self.refresh()
