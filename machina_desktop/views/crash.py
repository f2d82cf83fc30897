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
from PySide6.QtCore import QCoreApplication, QObject, Signal
from PySide6.QtWidgets import QPlainTextEdit, QWidget

import machina_desktop
from machina_desktop.views import theme
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.text import Label, copy_text

LOG = logging.getLogger(__name__)

Redact = Callable[[str], str]


class CrashWatch(QObject):
    """Hooks into the interpreter, its threads and the loop. Reports reach the Qt thread as a signal.

    Signals:
        crashed(str, str): One sentence, and the redacted report. Emitted from any thread.
    """

    crashed = Signal(str, str)

    def __init__(self, redact: Redact, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._redact = redact
        self._fault_log: TextIO | None = None

    def install(self, loop: asyncio.AbstractEventLoop, fault_log: Path) -> None:
        """Catch from now on; a hard crash of the interpreter leaves its stacks in ``fault_log``."""
        self._fault_log = fault_log.open("a", encoding="utf-8")
        faulthandler.enable(self._fault_log)
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception
        loop.set_exception_handler(self._on_loop_exception)

    def uninstall(self) -> None:
        """Give everything back, at the end of the program."""
        sys.excepthook = sys.__excepthook__
        threading.excepthook = threading.__excepthook__
        if self._fault_log is not None:
            faulthandler.disable()
            self._fault_log.close()
            self._fault_log = None

    def report(self, error: BaseException, where: str) -> None:
        """Log ``error`` and tell the window. Any thread."""
        # Frames without locals: a local may hold a secret nobody has learnt yet.
        trace = "".join(traceback.format_exception(error))
        LOG.error("unhandled error in %s: %s", where, type(error).__name__, exc_info=error)
        sentence = self.tr("Machina met an error it did not expect: {0}.").format(type(error).__name__)
        self.crashed.emit(sentence, self._redact(report_text(trace, where)))

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self.report(error.with_traceback(trace), "the window")

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


class CrashDialog(Dialog):
    """Says that something broke, that work goes on, and offers the report to copy; nothing is sent by itself.

    Attributes:
        report: The redacted text that *Copy details* copies.
    """

    def __init__(self, sentence: str, report: str, *, parent: QWidget | None = None) -> None:
        super().__init__(
            QCoreApplication.translate("CrashDialog", "This should not have happened"),
            text=sentence,
            primary=QCoreApplication.translate("CrashDialog", "Go on"),
            width=640,
            parent=parent,
        )
        self.report = report
        self.cancel.hide()
        self.primary.clicked.connect(self.accept)
        self.column.addWidget(
            Label(
                self.tr(
                    "The window goes on, and deployments are not affected. The report below holds no secrets; "
                    "nothing is sent by itself."
                ),
                tone="secondary",
                wraps=True,
            )
        )
        text = QPlainTextEdit(report)
        text.setProperty("role", "code")
        text.setFont(theme.font(Type.MONO))
        text.setReadOnly(True)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setMinimumHeight(220)
        text.setAccessibleName(self.tr("Report"))
        self.column.addWidget(text)
        copy = Button(self.tr("Copy details"), icon_name="copy")
        copy.clicked.connect(lambda: copy_text(self.report))
        self.add_button(copy)
