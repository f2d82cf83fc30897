"""The icon in the system's tray: what runs, what waits, the way back to the window and out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction, QGuiApplication, QIcon
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.views import theme
from machina_desktop.views.brand import NAME, app_icon
from machina_desktop.views.icons import icon
from machina_desktop.views.run_watch import RunWatch, doing

LISTED = 5
NAME_LENGTH = 40


@dataclass(frozen=True, kw_only=True)
class TrayTunnel:
    """A tunnel as the menu lists it.

    Attributes:
        words: What it is called, or where it leads.
        address: Where programs here find it; empty where they do not.
        page: What a browser opens through it; empty for what is no web page.
    """

    tunnel_id: str
    words: str
    address: str = ""
    page: str = ""


class Tray(QObject):
    """Shown only where the system has a tray, and as soon as it has one; so nothing may depend on it.

    Attributes:
        icon: The icon. Without a tray it is nowhere to be seen.

    Signals:
        show_requested(): The window should come to the front.
        run_requested(str): A run was chosen: its id; empty for the page of all deployments.
        tunnel_requested(str, str): ``show``, ``copy``, ``browse`` or ``stop`` was chosen of a tunnel: its id, and that.
        lock_requested(): The vault should be locked.
        quit_requested(): The program should end.
    """

    show_requested = Signal()
    run_requested = Signal(str)
    tunnel_requested = Signal(str, str)
    lock_requested = Signal()
    quit_requested = Signal()

    def __init__(self, watch: RunWatch, *, parent: QWidget) -> None:
        super().__init__(parent)
        self._watch = watch
        self._menu = QMenu(parent)
        self._is_waiting: bool | None = None
        self._can_lock = False
        self._tunnels: tuple[TrayTunnel, ...] = ()
        self.icon = QSystemTrayIcon(self)
        self.icon.setContextMenu(self._menu)
        self.icon.activated.connect(self._on_activated)
        watch.open_changed.connect(self.refresh)
        watch.progressed.connect(self.refresh)
        theme.events().theme_changed.connect(self._on_theme_changed)
        self.refresh()
        # Under X11 Qt also puts it into a tray that comes later; elsewhere it would only complain.
        if self.is_there() or QGuiApplication.platformName() == "xcb":
            self.icon.show()

    def is_there(self) -> bool:
        """Whether the system has a tray now."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    def set_lockable(self, can_lock: bool) -> None:
        """Whether the vault is open, so that it can be locked from here."""
        if can_lock != self._can_lock:
            self._can_lock = can_lock
            self.refresh()

    def set_tunnels(self, tunnels: tuple[TrayTunnel, ...]) -> None:
        """List these tunnels, each with what can be done to it."""
        if tunnels != self._tunnels:
            self._tunnels = tunnels
            self.refresh()

    def refresh(self) -> None:
        """Tell what runs and what waits now."""
        waiting = self._watch.waiting
        if bool(waiting) != self._is_waiting:
            self._is_waiting = bool(waiting)
            self.icon.setIcon(app_icon(has_notice=bool(waiting)))
        self.icon.setToolTip(f"{NAME}: {self.summary()}")
        # Taken out under an open menu, an entry would be gone from under the mouse.
        if self._menu.isVisible():
            return
        self._menu.clear()
        self._menu.addAction(self.tr("Open {0}").format(NAME), self.show_requested.emit)
        self._menu.addSeparator()
        self._menu.addAction(_sentence(self.summary())).setEnabled(False)
        runs = (*waiting, *self._watch.running)
        for run in runs[:LISTED]:
            self._menu.addAction(self._action_of(run))
        if len(runs) > LISTED:
            more = self.tr("{0} more…").format(len(runs) - LISTED)
            self._menu.addAction(more, lambda: self.run_requested.emit(""))
        self._add_tunnels()
        self._menu.addSeparator()
        self._menu.addAction(icon("lock"), self.tr("Lock vault"), self.lock_requested.emit).setEnabled(self._can_lock)
        self._menu.addAction(icon("log-out"), self.tr("Quit"), self.quit_requested.emit)

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

    def _action_of(self, run: Deployment) -> QAction:
        action = QAction(self._sign_of(run), self._words_of(run), self._menu)
        action.triggered.connect(lambda _checked=False, key=run.deployment_id: self.run_requested.emit(key))
        return action

    def _add_tunnels(self) -> None:
        if self._tunnels:
            self._menu.addSeparator()
        for tunnel in self._tunnels[:LISTED]:
            menu = QMenu(tunnel.words.replace("&", "&&"), self._menu)
            menu.setIcon(icon("network"))
            rows = (
                ("globe", self.tr("Open in browser"), "browse", tunnel.page),
                ("copy", self.tr("Copy {0}").format(tunnel.address), "copy", tunnel.address),
                ("circle-stop", self.tr("Stop"), "stop", tunnel.tunnel_id),
                ("list", self.tr("Show tunnels…"), "show", tunnel.tunnel_id),
            )
            for icon_name, words, wish, is_offered in rows:
                if is_offered:
                    menu.addAction(icon(icon_name), words, partial(self.tunnel_requested.emit, tunnel.tunnel_id, wish))
            self._menu.addMenu(menu)
        if len(self._tunnels) > LISTED:
            self._menu.addAction(self.tr("{0} more tunnels").format(len(self._tunnels) - LISTED)).setEnabled(False)

    def _sign_of(self, run: Deployment) -> QIcon:
        is_waiting = run in self._watch.waiting
        return icon("clock", "accent-warning") if is_waiting else icon("circle-play", "accent-primary")

    def _words_of(self, run: Deployment) -> str:
        """``Creating web-1 · 3 of 5``; an ampersand of the name is not a key of the menu."""
        words = doing(run)
        if len(words) > NAME_LENGTH:
            words = f"{words[: NAME_LENGTH - 1]}…"
        done, total = self._watch.steps(run.deployment_id)
        if run in self._watch.waiting:
            stage = self.tr("awaiting approval")
        else:
            stage = self.tr("{0} of {1}").format(done, total) if total else run.phase_detail
        return " · ".join(part for part in (words, stage) if part).replace("&", "&&")

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.show_requested.emit()

    def _on_theme_changed(self) -> None:
        self._is_waiting = None
        self.refresh()


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
