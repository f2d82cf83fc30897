"""Whether the person is away: the time since their last input, here or anywhere on this computer."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QWindow

from machina_desktop.views.bus import Bus

# So late it may be noticed; between two looks nothing is done but to note the time of an input.
LOOK_MS = 15_000

# Both answer in milliseconds. The interface org.freedesktop.ScreenSaver is not asked under its common name: some
# services count its seconds, some milliseconds.
IDLE_SERVICES = (
    (
        "org.gnome.Mutter.IdleMonitor",
        "/org/gnome/Mutter/IdleMonitor/Core",
        "org.gnome.Mutter.IdleMonitor",
        "GetIdletime",
    ),
    ("org.kde.screensaver", "/ScreenSaver", "org.freedesktop.ScreenSaver", "GetSessionIdleTime"),
)
_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.MouseMove,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.TabletPress,
        QEvent.Type.InputMethod,
    }
)


def clock_s() -> float:
    """Seconds that pass while the computer sleeps, too, and that no change of the wall clock moves.

    On macOS the time asleep is not counted: there the vault is a little later locked than it might be.
    """
    boot_time: int | None = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class IdleWatch(QObject):
    """Tells when nobody has used this computer for some time.

    Input to windows of ours is noted at the window, before it reaches any widget, so it costs nothing where there is
    none. When that is long ago, the desktop is asked, if it is one that knows (GNOME, KDE): somebody who works in
    another program is not away. Elsewhere, Windows and macOS included, only input to our windows counts.

    Signals:
        idled(): The limit has passed. Told once; `start` begins anew.
    """

    idled = Signal()

    def __init__(self, bus: Bus, limit_s: Callable[[], float], *, parent: QObject) -> None:
        """``limit_s`` is asked at each look, 0 stands for never; ``bus`` is the session's."""
        super().__init__(parent)
        self._bus = bus
        self._limit_s = limit_s
        self._last_input_s = clock_s()
        self._timer = QTimer(self, interval=LOOK_MS, timerType=Qt.TimerType.VeryCoarseTimer)
        self._timer.timeout.connect(self.look)
        app = QGuiApplication.instance()
        if isinstance(app, QGuiApplication):
            app.focusWindowChanged.connect(self._on_focus_window)
            self._on_focus_window(app.focusWindow())

    def start(self) -> None:
        """Count from now."""
        self._last_input_s = clock_s()
        self._timer.start()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    @property
    def idle_s(self) -> float:
        """Seconds since the last input that is known of."""
        return clock_s() - self._last_input_s

    def look(self) -> None:
        """See whether the limit has passed."""
        limit_s = self._limit_s()
        if self._timer.isActive() and 0 < limit_s <= self.idle_s:
            self._ask(IDLE_SERVICES)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _INPUT:
            self._last_input_s = clock_s()
        return super().eventFilter(watched, event)

    def _on_focus_window(self, window: QWindow | None) -> None:
        if window is not None:
            window.installEventFilter(self)

    def _ask(self, services: tuple[tuple[str, str, str, str], ...]) -> None:
        """Ask one service after the other for the idle time; the first that knows decides."""
        if not services:
            self._decide()
            return

        def hear(values: tuple[object, ...]) -> None:
            if values and isinstance(values[0], int):
                self._last_input_s = max(self._last_input_s, clock_s() - values[0] / 1000)
                self._decide()
            else:
                self._ask(services[1:])

        self._bus.ask(services[0], answer=hear)

    def _decide(self) -> None:
        limit_s = self._limit_s()
        if self._timer.isActive() and 0 < limit_s <= self.idle_s:
            self._timer.stop()
            self.idled.emit()
