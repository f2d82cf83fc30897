"""What nobody handled: caught at every edge, logged without secrets, shown once, and the window lives on."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import platform
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TextIO

import PySide6
from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler

import machina_desktop
from machina_desktop.views.crash_last import take_last_fault

LOG = logging.getLogger(__name__)
QT_LOG = logging.getLogger("qt")

Redact = Callable[[str], str]

# Different errors that are told apart; what comes after these is only logged.
KNOWN_AT_MOST = 200

_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class CrashWatch(QObject):
    """Hooks into the interpreter, its threads, Qt and the loop. Reports reach the Qt thread as a signal.

    An error that comes again from the same place, as one in a painting does, is counted and not logged again each
    time.

    Attributes:
        last_fault: The stacks a hard crash of the last run left, redacted; empty when it ended otherwise.

    Signals:
        crashed(str, str): One sentence, and the redacted report. Emitted from any thread.
        repeated(str, str, int): The same again: sentence, report, and how often it has come by now.
    """

    crashed = Signal(str, str)
    repeated = Signal(str, str, int)

    def __init__(self, redact: Redact, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.last_fault = ""
        self._redact = redact
        self._fault_log: TextIO | None = None
        self._lock = threading.Lock()
        self._known: dict[str, tuple[str, int]] = {}

    def install(self, loop: asyncio.AbstractEventLoop, fault_log: Path) -> None:
        """Catch from now on; a hard crash of the interpreter leaves its stacks in ``fault_log``."""
        self.last_fault = self._redact(take_last_fault(fault_log))
        if self.last_fault:
            LOG.error("the last run ended in a hard crash:\n%s", self.last_fault)
        self._fault_log = fault_log.open("a", encoding="utf-8")
        faulthandler.enable(self._fault_log)
        sys.excepthook = self._on_exception
        sys.unraisablehook = self._on_unraisable
        threading.excepthook = self._on_thread_exception
        loop.set_exception_handler(self._on_loop_exception)
        qInstallMessageHandler(_on_qt_message)

    def uninstall(self) -> None:
        """Give everything back, at the end of the program."""
        sys.excepthook = sys.__excepthook__
        sys.unraisablehook = sys.__unraisablehook__
        threading.excepthook = threading.__excepthook__
        qInstallMessageHandler(None)
        if self._fault_log is not None:
            faulthandler.disable()
            self._fault_log.close()
            self._fault_log = None

    def report(self, error: BaseException, where: str) -> None:
        """Log ``error`` and tell the window. Any thread."""
        place = _place_of(error)
        count, report = self._count(place)
        sentence = self.tr("Machina met an error it did not expect: {0}.").format(type(error).__name__)
        if count > 1:
            if count.bit_count() == 1:
                LOG.error("the same error in %s, %d times by now: %s", where, count, type(error).__name__)
            self.repeated.emit(sentence, report, count)
            return
        # Frames without locals: a local may hold a secret nobody has learnt yet.
        trace = "".join(traceback.format_exception(error))
        LOG.error("unhandled error in %s: %s", where, type(error).__name__, exc_info=error)
        report = self._redact(report_text(trace, where))
        with self._lock:
            if len(self._known) < KNOWN_AT_MOST:
                self._known[place] = (report, 1)
        self.crashed.emit(sentence, report)

    def _count(self, place: str) -> tuple[int, str]:
        """How often an error has come from ``place``, this time included, and its report from the first time."""
        with self._lock:
            known = self._known.get(place)
            if known is None:
                return 1, ""
            self._known[place] = (known[0], known[1] + 1)
            return known[1] + 1, known[0]

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self.report(error.with_traceback(trace), "the window")
        # The interpreter keeps the last error with its frames. A painter among their variables would keep its widget
        # from ever being painted again, and end the process when that widget goes.
        traceback.clear_frames(trace)

    def _on_unraisable(self, args: sys.UnraisableHookArgs) -> None:
        if isinstance(args.exc_value, BaseException):
            self.report(args.exc_value.with_traceback(args.exc_traceback), args.err_msg or "a place that cannot raise")

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.report(args.exc_value, f"thread {args.thread.name if args.thread else '?'}")

    def _on_loop_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            task = context.get("task") or context.get("future")
            name = task.get_name() if isinstance(task, asyncio.Task) else "the loop"
            self.report(error, name)
        else:
            LOG.error("the loop reports: %s", context.get("message"))


def report_text(trace: str, where: str) -> str:
    """What *Copy details* copies: versions, place, stack; not yet redacted."""
    return (
        f"Machina Desktop {machina_desktop.__version__}\n"
        f"Python {platform.python_version()}, PySide6 {PySide6.__version__}, {platform.platform()}\n"
        f"In {where}\n\n{trace}"
    )


def _place_of(error: BaseException) -> str:
    """The kind of ``error`` and the lines it came through; its text may differ each time."""
    lines = (f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__))
    return " ".join((type(error).__name__, *lines))


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    QT_LOG.log(_LEVELS.get(kind, logging.WARNING), "%s: %s", context.category or "default", text)
    if kind is QtMsgType.QtFatalMsg:
        # The process ends with this, and the person may be at a terminal.
        print(text, file=sys.__stderr__)
