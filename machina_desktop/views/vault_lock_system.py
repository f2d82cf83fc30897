"""What the system says before nobody watches any more: it goes to sleep, or the screen is locked."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtDBus import QDBusObjectPath, QDBusUnixFileDescriptor

from machina_desktop.core.config import environment
from machina_desktop.views.brand import NAME
from machina_desktop.views.bus import Bus

LOGIN = "org.freedesktop.login1"
LOGIN_PATH = "/org/freedesktop/login1"
MANAGER = f"{LOGIN}.Manager"
SESSION = f"{LOGIN}.Session"
SCREEN_SAVERS = (
    "org.freedesktop.ScreenSaver",
    "org.gnome.ScreenSaver",
    "org.kde.screensaver",
    "org.cinnamon.ScreenSaver",
    "org.mate.ScreenSaver",
    "org.xfce.ScreenSaver",
)


class SystemWatch(QObject):
    """Hears systemd-logind (freedesktop.org/wiki/Software/systemd/inhibit) and the desktop's screen lock.

    Where there are none, on Windows and macOS for one, it tells nothing, and the vault is locked when idle only.

    Signals:
        sleeping(): The computer is about to sleep; it waits for `let_sleep`, but a few seconds at most.
        woken(): It is awake again.
        screen_locked(): The screen is locked.
    """

    sleeping = Signal()
    woken = Signal()
    screen_locked = Signal()

    def __init__(self, system: Bus, session: Bus, *, parent: QObject) -> None:
        super().__init__(parent)
        self._system = system
        self._session = session
        self._delay: QDBusUnixFileDescriptor | None = None
        system.opened.connect(self._on_system)
        session.opened.connect(self._on_session)

    @property
    def delays_sleep(self) -> bool:
        """Whether the computer waits for us before it sleeps."""
        return self._delay is not None

    def let_sleep(self) -> None:
        """Nothing is left to do before the computer sleeps."""
        # The descriptor is closed with its object, and that is the word.
        self._delay = None

    def _on_system(self) -> None:
        self._system.listen(MANAGER, "PrepareForSleep", self, "_on_prepare_for_sleep(bool)", path=LOGIN_PATH)
        self._hold_sleep()
        # "auto" is the session of the caller, else the one of their display.
        wanted = environment().get("XDG_SESSION_ID", "") or "auto"
        self._system.ask((LOGIN, LOGIN_PATH, MANAGER, "GetSession"), wanted, answer=self._on_session_found)

    def _on_session_found(self, values: tuple[object, ...]) -> None:
        if values and isinstance(values[0], QDBusObjectPath):
            self._system.listen(SESSION, "Lock", self, "_on_lock()", path=values[0].path())

    def _on_session(self) -> None:
        for interface in SCREEN_SAVERS:
            self._session.listen(interface, "ActiveChanged", self, "_on_screen_saver(bool)")

    def _hold_sleep(self) -> None:
        self._system.ask(
            (LOGIN, LOGIN_PATH, MANAGER, "Inhibit"),
            "sleep",
            NAME,
            self.tr("Locking the vault"),
            "delay",
            answer=self._on_held,
        )

    def _on_held(self, values: tuple[object, ...]) -> None:
        if values and isinstance(values[0], QDBusUnixFileDescriptor) and values[0].isValid():
            self._delay = values[0]

    @Slot(bool)
    def _on_prepare_for_sleep(self, is_about_to: bool) -> None:
        if is_about_to:
            self.sleeping.emit()
        else:
            self._hold_sleep()
            self.woken.emit()

    @Slot()
    def _on_lock(self) -> None:
        self.screen_locked.emit()

    @Slot(bool)
    def _on_screen_saver(self, is_active: bool) -> None:
        if is_active:
            self.screen_locked.emit()
