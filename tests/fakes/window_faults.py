"""The real application with something wrong in it: ``python -m tests.fakes.window_faults ACT``.

It ends with 0 when the act came to its end; what the act found is printed as one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

from PySide6.QtCore import QObject, QRunnable, QThread, QThreadPool, QTimer, Signal, qWarning
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop import app as desktop_app
from machina_desktop.core.log import REDACTOR
from machina_desktop.views.crash_presenter import CrashPresenter
from machina_desktop.views.desk import Desk
from tests.e2e.performance import run_with

CANARY = "canary-7f3a9c21"
PATIENCE_S = 20.0


async def until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


class Broken(QWidget):
    """Cannot be painted."""

    paintings = 0

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        Broken.paintings += 1
        raise ValueError(f"painting with {CANARY}")


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
    await until(lambda: Broken.paintings > 30 and "×" in dialog.again(), "the count")
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


async def nothing(_fault: Fault) -> None:
    """Only start and end."""


async def time_the_loop(fault: Fault) -> None:
    """The longest time in which the window did not answer, in milliseconds."""
    longest_s, end = 0.0, time.monotonic() + 1
    while time.monotonic() < end:
        at = time.monotonic()
        await asyncio.sleep(0.01)
        longest_s = max(longest_s, time.monotonic() - at)
    fault.found.append(round(longest_s * 1000))


ACTS: dict[str, Callable[[Fault], Awaitable[None]]] = {
    act.__name__: act
    for act in (every_edge, a_painting_fails, the_dialog_fails, stay, tell_notices, nothing, time_the_loop)
}


def main() -> int:
    """Run the application with the act in it."""

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
