"""The real application with something wrong in it: ``python -m tests.fakes.window_faults ACT``.

It ends with 0 when the act came to its end; what the act found is printed as one JSON line.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, QRect, QRunnable, Qt, QThread, QThreadPool, QTimer, Signal, qWarning
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QApplication, QDockWidget, QFrame, QMenu, QWidget

from machina_desktop import app as desktop_app
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.services.device import ChangeSetting
from machina_desktop.views import theme
from machina_desktop.views.crash_presenter import CrashPresenter
from machina_desktop.views.desk import Desk
from machina_desktop.views.desktop_notifications import DesktopNotifications
from machina_desktop.views.window_state import is_reachable
from tests.e2e.performance import run_with

CANARY = "canary-7f3a9c21"
PATIENCE_S = 20.0


async def until(condition: Callable[[], object], what: str, seen: Callable[[], object] = str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what} {seen()}"
        await asyncio.sleep(0.01)


class Broken(QWidget):
    """Cannot be painted."""

    paintings = 0

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        painter = QPainter(self)
        Broken.paintings += 1
        raise ValueError(f"painting with {CANARY} by {painter.isActive()}")


class Slots(QObject):
    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.asked.connect(self._on_asked)

    def _on_asked(self) -> None:
        raise LookupError(f"a slot with {CANARY}")


class Work(QRunnable):
    def run(self) -> None:
        raise ArithmeticError(f"pool work with {CANARY}")


class Thread(QThread):
    def run(self) -> None:
        raise BufferError(f"a thread of Qt with {CANARY}")


class Fault:
    """The parts of the running application that acts look at."""

    def __init__(self, desktop: desktop_app.Desktop) -> None:
        self.desktop = desktop
        self.window = desktop._window
        self.found: list[object] = []

    @property
    def desk(self) -> Desk:
        return self.window.findChild(Desk)

    @property
    def crashes(self) -> CrashPresenter:
        return self.desk.presenter.crashes

    async def ready(self) -> None:
        await until(lambda: self.window.findChild(Desk) is not None, "the desk")
        await until(lambda: self.desktop._bridge.is_settled, "the core")
        REDACTOR.learn(CANARY)
        dialog = None
        await until(lambda: self.desk.vault.status is not None, "the vault")
        await asyncio.sleep(0)
        dialog = self.desk.vault_door.dialog
        if dialog is not None:
            dialog.reject()

    async def shown(self, part: str) -> str:
        """The report of the dialog that tells of ``part``; the dialog is closed."""
        await until(lambda: self.crashes.dialog is not None and part in self.crashes.dialog.report, part)
        assert self.crashes.dialog is not None
        report = self.crashes.dialog.report
        self.crashes.dialog.accept()
        await until(lambda: self.crashes.dialog is None, "the dialog to close")
        return report


async def every_edge(fault: Fault) -> None:
    """One error at each edge; each is shown and none holds the secret."""
    slots, thread = Slots(), Thread()

    def fail_in_thread() -> None:
        raise MemoryError(f"a thread with {CANARY}")

    async def fail_in_task() -> None:
        raise EOFError(f"a task with {CANARY}")

    class Unraisable:
        def __del__(self) -> None:
            raise RecursionError(f"a destructor with {CANARY}")

    def fail_in_executor() -> None:
        raise OverflowError(f"an executor with {CANARY}")

    loop = asyncio.get_running_loop()
    pool = ThreadPoolExecutor(1)
    edges: dict[str, Callable[[], object]] = {
        "LookupError": slots.asked.emit,
        "ZeroDivisionError": lambda: QTimer.singleShot(0, lambda: 1 / 0),
        "ArithmeticError: pool": lambda: QThreadPool.globalInstance().start(Work()),
        "BufferError": thread.start,
        "MemoryError": threading.Thread(target=fail_in_thread).start,
        "EOFError": lambda: fault.desktop._bridge.spawn(fail_in_task(), name="a task"),
        "RecursionError": lambda: Unraisable() and None,
        "OverflowError": lambda: loop.run_in_executor(pool, fail_in_executor) and None,
    }
    for part, provoke in edges.items():
        provoke()
        report = await fault.shown(part)
        assert CANARY not in report, report
        assert "Traceback" in report, report
        fault.found.append(part)
    thread.wait()
    pool.shutdown()
    qWarning(f"Qt says {CANARY}")


async def a_painting_fails(fault: Fault) -> None:
    """One dialog that counts, then one toast; the window answers all the while."""
    broken = Broken(fault.window)
    broken.resize(50, 50)
    broken.show()
    timer = QTimer(broken, interval=1)
    timer.timeout.connect(broken.update)
    timer.start()
    await until(lambda: fault.crashes.dialog is not None, "the dialog")
    dialog = fault.crashes.dialog
    assert dialog is not None
    await until(lambda: Broken.paintings > 30 and "times" in dialog.again(), "the count")
    assert fault.crashes.dialog is dialog
    dialog.accept()
    before = Broken.paintings
    await until(lambda: Broken.paintings > before + 50, "further paintings")
    assert fault.crashes.dialog is None
    fault.crashes._told_s.clear()
    await until(fault.window.notices.shown, "a toast")
    assert len(fault.window.notices.shown()) == 1
    timer.stop()
    broken.deleteLater()


async def the_dialog_fails(fault: Fault) -> None:
    """An error in the crash dialog ends in a plain box, not in a chain."""
    from machina_desktop.views import crash_dialog

    def fail(*_rest: object) -> None:
        raise RuntimeError("no text today")

    crash_dialog.CrashDialog._build_body = fail  # type: ignore[method-assign]
    slots = Slots()
    slots.asked.emit()
    await until(lambda: [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "QMessageBox"], "a box")
    slots.asked.emit()
    await asyncio.sleep(0.1)
    boxes = [w for w in QApplication.topLevelWidgets() if type(w).__name__ == "QMessageBox" and w.isVisible()]
    assert len(boxes) == 1
    boxes[0].close()


async def stay(fault: Fault) -> None:
    """Say that the window is there, and wait for the end."""
    print(json.dumps({"ready": os.getpid()}), flush=True)
    await asyncio.sleep(PATIENCE_S)


async def tell_notices(fault: Fault) -> None:
    fault.found += [toast.notice.text for toast in fault.window.notices.shown()]


async def time_the_loop(fault: Fault) -> None:
    """The longest time in which the window did not answer, in milliseconds."""
    longest_s, end = 0.0, time.monotonic() + 0.3
    while time.monotonic() < end:
        at = time.monotonic()
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, time.monotonic() - at)
    fault.found.append(round(longest_s * 1000))


async def one_of_two_screens_goes(fault: Fault) -> None:
    """Window, floating inspector, dialog and popup stand on the right screen, and it goes away."""
    arrange = lambda *words: subprocess.run(["xrandr", *words], check=True)  # noqa: E731
    arrange("--setmonitor", "left", "1000/250x900/250+0+0", "screen")
    arrange("--setmonitor", "right", "1000/250x900/250+1000+0", "none")
    await until(lambda: len(QGuiApplication.screens()) == 2, "the second screen")
    window, right = fault.window, QRect(1000, 0, 1000, 900)
    window.resize(600, 560)
    window.move(1100, 100)
    fault.window.open_app("settings")
    dock = QDockWidget("floating", window.area)
    window.area.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
    dock.setFloating(True)
    dock.resize(360, 400)
    dock.move(1300, 200)
    dock.show()
    popup = QFrame(window, Qt.WindowType.Popup)
    popup.setGeometry(1200, 300, 400, 300)
    popup.show()
    menu = QMenu(window)
    menu.addAction("one")
    menu.popup(QPoint(1500, 300))
    everything: tuple[QWidget, ...] = (window, dock, popup)
    await until(lambda: all(right.intersects(each.frameGeometry()) for each in everything), "the right screen")
    arrange("--delmonitor", "right")
    await until(lambda: len(QGuiApplication.screens()) == 1, "one screen")
    left = lambda: [each.frameGeometry() for each in everything if not is_reachable(each.frameGeometry())]  # noqa: E731
    await until(lambda: not left(), "the left screen", left)
    assert not menu.isVisible()
    popup.close()
    fault.found += [type(each).__name__ for each in everything]


async def the_bus_dies(fault: Fault) -> None:
    """The session's daemon is gone in the middle; what is told after that neither waits nor breaks."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    outside = fault.desk.findChild(DesktopNotifications)
    at = time.monotonic()
    outside.send("web-1 is running.", "", key="deployment-1")
    # Whoever waits for such a bus waits for 25 seconds, the time limit of D-Bus.
    fault.found.append(time.monotonic() - at < 20)
    await until(lambda: not fault.desk.session_bus.is_open, "the end of the bus")
    await asyncio.sleep(0.2)
    fault.found.append(fault.crashes.dialog is None)


async def look_around(fault: Fault) -> None:
    """What a start found: page, theme, tray, and whether something broke."""
    fault.window.grab()
    for name in ("machines", "settings"):
        fault.window.open_app(name)
        await asyncio.sleep(0.05)
        fault.window.grab()
    await time_the_loop(fault)
    assert fault.desk.tray is not None
    fault.found += [theme.current().name, fault.desk.tray.is_there(), fault.crashes.dialog is None]


async def the_disk_is_full(fault: Fault) -> None:
    """Settings refuse with a code, the layout is not saved, and the program ends in order."""
    disk = fault.desktop._paths.home.parent
    with contextlib.suppress(OSError), (disk / "ballast").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(bytes(size))
    try:
        await fault.desktop._bridge.call(ChangeSetting(key="theme", value="light"))
    except Unavailable as error:
        fault.found.append(error.code)


ACTS: dict[str, Callable[[Fault], Awaitable[None]]] = {
    act.__name__: act
    for act in (
        every_edge,
        a_painting_fails,
        the_dialog_fails,
        stay,
        tell_notices,
        one_of_two_screens_goes,
        the_bus_dies,
        look_around,
        the_disk_is_full,
    )
}


def main() -> int:
    """Run the application with the act in it; a second argument is the folder to take for the shipped resources."""
    if len(sys.argv) > 2:
        theme.RESOURCES = Path(sys.argv[2])  # type: ignore[misc]

    async def act(desktop: desktop_app.Desktop) -> None:
        fault = Fault(desktop)
        await fault.ready()
        await ACTS[sys.argv[1]](fault)
        print(json.dumps(fault.found), flush=True)

    return run_with(act)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
