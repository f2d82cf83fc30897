"""The desktop's composition root: the window first, then loop, bridge and core."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from PySide6.QtCore import QDeadlineTimer, QObject
from PySide6.QtWidgets import QApplication

from machina_desktop.core.config import (
    INTERFACE_SIZE,
    LOG_LEVEL,
    REDUCED_MOTION,
    THEME,
    Paths,
    Settings,
    interface_scaled,
)
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import theme
from machina_desktop.views.application import Application
from machina_desktop.views.apps import APPS
from machina_desktop.views.bus_probe import keep_qt_from_waiting
from machina_desktop.views.display import display_problem
from machina_desktop.views.early_log import EarlyLog
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.single_instance import SingleInstance

if TYPE_CHECKING:
    import asyncio

    from machina_desktop.core.host import Host
    from machina_desktop.views.desk import Desk

# Each part gets this long to let go before it is left behind.
VIEWS_STOP_S = 3.0
HOST_STOP_S = 10.0
# A window that is not exposed is never painted; the core starts all the same.
PAINT_MS = 2000


def run(link: str = "") -> int:
    """Open the window, show what ``link`` names, and stay until the person quits. The answer is the exit code.

    0 after an ordinary end, and when another window of this data folder was raised instead; 2 without a display or
    data folder; 1 when another window holds the data folder and does not answer.
    """
    if problem := display_problem():
        print(f"{problem} The same is done from the command line: machina --help", file=sys.stderr)
        return 2
    paths = Paths.default()
    try:
        paths.create()
    except MachinaError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 2
    early = EarlyLog()
    early.install()
    keep_qt_from_waiting()
    settings = Settings(paths.settings)
    with interface_scaled(settings.get(INTERFACE_SIZE)):
        app = Application(link)
    instance = SingleInstance(paths.home, parent=app)
    if not instance.claim():
        if instance.ask_first_to_raise(link):
            return 0
        print(f"Another Machina uses {paths.home} and does not answer. End it first.", file=sys.stderr)
        return 1
    try:
        window = show_window(app, settings, paths)
        desktop = Desktop(app, window, instance, settings, paths)
        early.write()
        return desktop.run()
    except MachinaError as error:
        print(f"{error.code}: {error}", file=sys.stderr)
        return 2
    finally:
        instance.release()


def show_window(app: QApplication, settings: Settings, paths: Paths) -> MainWindow:
    """Dress the application, show the window and see it painted, before anything heavier is loaded."""
    theme.set_motion(settings.get(REDUCED_MOTION))
    theme.apply_theme(app, settings.get(THEME))
    window = MainWindow(apps=APPS, paths=paths)
    window.show()
    deadline = QDeadlineTimer(PAINT_MS)
    while not window.is_painted and not deadline.hasExpired():
        app.processEvents()
    return window


class Desktop(QObject):
    """One run of the program behind its window, from the first paint to the end of the loop."""

    def __init__(
        self, app: Application, window: MainWindow, instance: SingleInstance, settings: Settings, paths: Paths
    ) -> None:
        super().__init__(app)
        self._app = app
        import asyncio

        import qasync

        from machina_desktop.bridge import Bridge
        from machina_desktop.core import log
        from machina_desktop.core.events import EventBus
        from machina_desktop.views.crash import CrashWatch
        from machina_desktop.views.garbage import GarbageCollection
        from machina_desktop.views.loop_watch import LoopWatch
        from machina_desktop.views.screen_watch import ScreenWatch

        log.configure(paths.logs, level=settings.get(LOG_LEVEL))
        self._redact = log.REDACTOR.redact
        self._window = window
        self._settings = settings
        self._paths = paths
        self._loop = qasync.QEventLoop(app)
        asyncio.set_event_loop(self._loop)
        self._bus = EventBus()
        self._bridge = Bridge(self._bus)
        self._crashes = CrashWatch(self._redact, parent=self)
        self._watch = LoopWatch(parent=self)
        self._garbage = GarbageCollection(parent=self)
        self._screens = ScreenWatch(parent=self)
        self._host: Host | None = None
        self._starting: asyncio.Task[object] | None = None
        self._quit = asyncio.Event()
        window.retried.connect(self._start_soon)
        window.quit_agreed.connect(self._quit.set)
        window.visibility_changed.connect(self._watch.set_window_visible)
        instance.raise_requested.connect(window.come_to_front)
        instance.link_received.connect(app.take_link)
        instance.listen()

    def run(self) -> int:
        """Run the loop until the person quits."""
        import signal

        self._crashes.install(self._loop, self._paths.logs / "fault.log")
        # Delivered because the watch over the loop keeps the interpreter ticking.
        signal.signal(signal.SIGINT, lambda _number, _frame: self._window.ask_to_quit())
        signal.signal(signal.SIGTERM, lambda _number, _frame: self._quit.set())
        self._watch.start()
        self._garbage.start()
        try:
            with self._loop:
                self._loop.run_until_complete(self._live())
        finally:
            self._crashes.uninstall()
        return 0

    async def _live(self) -> None:
        """Start, wait for the end, then stop in order: views, workers and core, loop. Never the application first."""
        self._start_soon()
        await self._quit.wait()
        self._watch.stop()
        self._garbage.stop()
        self._window.close_for_good()
        await _within(self._bridge.finish(), VIEWS_STOP_S)
        if self._host is not None:
            await _within(self._host.stop(), HOST_STOP_S)

    def _start_soon(self) -> None:
        if self._starting is None or self._starting.done():
            self._starting = self._bridge.spawn(self._start(), name="start the core")

    async def _start(self) -> None:
        """Furnish the window and open the core. Code is loaded on a thread, so that the window keeps answering."""
        import asyncio

        if not self._window.is_furnished:
            views = await asyncio.to_thread(importlib.import_module, "machina_desktop.views.desk")
            await asyncio.to_thread(importlib.import_module, "machina_desktop.views.inspectors")
            await asyncio.to_thread(importlib.import_module, f"machina_desktop.views.apps.{self._window.pages.name}")
            desk: Desk = views.Desk(self._window, self._bridge, self._settings, self._redact)
            self._crashes.crashed.connect(desk.presenter.crashes.show)
            self._crashes.repeated.connect(desk.presenter.crashes.show_again)
            if self._crashes.last_fault:
                desk.presenter.crashes.tell_last(self._crashes.last_fault)
            self._window.furnish(self._bridge)
            self._app.link_opened.connect(desk.general.links.open_text)
            self._app.tell_links()
        core = await asyncio.to_thread(importlib.import_module, "machina_desktop.core.host")
        host: Host = core.Host(self._paths, self._settings, self._bus)
        try:
            await host.start()
        except MachinaError as error:
            self._window.show_start_failure(error)
            return
        self._host = host
        host.start_deployer()
        host.start_followers()
        host.start_account_checks()
        self._bridge.attach_files(lambda: host.files)
        self._bridge.settle(host.gateway, lambda: host.terminals)
        # What is loaded by now stays for good. Looking through all of it at each full collection would stop the loop
        # for about 70 ms each time.
        gc.freeze()


async def _within(work: Coroutine[object, object, None], limit_s: float) -> None:
    """Wait for ``work`` at most that long; a part that does not let go must not keep the program."""
    import asyncio

    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(work, limit_s)
