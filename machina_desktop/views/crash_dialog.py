"""The report of something that broke: to read, copy or save; nothing is sent by itself."""

from __future__ import annotations

import contextlib
import threading
from datetime import UTC
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QStandardPaths, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QWidget

from machina_desktop.core.ids import now
from machina_desktop.views import theme
from machina_desktop.views.theme import Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.text import Label, copy_text

# An error of a painting comes many times a second.
SAID_EVERY_MS = 200


class CrashDialog(Dialog):
    """Says that something broke, that work goes on, and offers the report.

    Attributes:
        report: The redacted text that is copied and saved.

    Signals:
        saved(str): The report was written to this file; empty when it could not be.
    """

    saved = Signal(str)

    def __init__(
        self,
        sentence: str,
        report: str,
        *,
        heading: str = "",
        remark: str = "",
        logs: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            heading or QCoreApplication.translate("CrashDialog", "This should not have happened"),
            text=sentence,
            primary=QCoreApplication.translate("CrashDialog", "Go on"),
            width=640,
            parent=parent,
        )
        self.report = report
        self._logs = logs
        self._count = 1
        self._others = 0
        self.cancel.hide()
        self.primary.clicked.connect(self.accept)
        self.saved.connect(self._on_saved)
        self._said = QTimer(self, singleShot=True, interval=SAID_EVERY_MS)
        self._said.timeout.connect(self._say_count)
        # There from the start, so that nothing moves when the error comes again.
        self._again = Label(self.tr("It came once."), tone="secondary", wraps=True)
        self._build_body(remark)
        self._build_buttons()
        self.primary.setFocus()

    def count(self, times: int) -> None:
        """The same error has come so often by now."""
        self._count = times
        if not self._said.isActive():
            self._said.start()

    def count_other(self) -> None:
        """Another error came meanwhile."""
        self._others += 1
        if not self._said.isActive():
            self._said.start()

    def again(self) -> str:
        """What it says about repetitions."""
        return self._again.text()

    def _build_body(self, remark: str) -> None:
        going_on = self.tr(
            "The window goes on, and deployments are not affected. The report below holds no secrets; "
            "nothing is sent by itself."
        )
        self.column.addWidget(Label(remark or going_on, tone="secondary", wraps=True))
        self.column.addWidget(self._again)
        text = QPlainTextEdit(self.report)
        text.setProperty("role", "code")
        text.setFont(theme.font(Type.MONO))
        text.setReadOnly(True)
        text.setTabChangesFocus(True)
        text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        text.setMinimumHeight(220)
        text.setAccessibleName(self.tr("Report"))
        self.column.addWidget(text)

    def _build_buttons(self) -> None:
        # Each goes to the left of those before it.
        if self._logs is not None:
            folder = Button(self.tr("Open logs"), icon_name="folder-open")
            folder.clicked.connect(self._on_open_logs)
            self.add_button(folder)
        self.save = Button(self.tr("Save…"), icon_name="download")
        self.save.clicked.connect(self._on_save)
        self.add_button(self.save)
        copy = Button(self.tr("Copy details"), icon_name="copy")
        copy.clicked.connect(lambda: copy_text(self.report))
        self.add_button(copy)

    def _say_count(self) -> None:
        parts = [self.tr("It came {0} times.").format(self._count) if self._count > 1 else self.tr("It came once.")]
        if self._others == 1:
            parts.append(self.tr("Another error came meanwhile; it is in the log."))
        elif self._others:
            parts.append(self.tr("{0} other errors came meanwhile; they are in the log.").format(self._others))
        self._again.setText(" ".join(parts))
        self._again.set_tone("warning" if self._count > 1 or self._others else "secondary")

    def _on_open_logs(self) -> None:
        if self._logs is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._logs)))

    def _on_save(self) -> None:
        home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.HomeLocation)
        files = QFileDialog(self, self.tr("Save the report"), home)
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        files.selectFile(f"machina-report-{now().astimezone(UTC):%Y%m%d-%H%M%S}.txt")
        files.fileSelected.connect(self.write)
        files.finished.connect(files.deleteLater)
        files.open()

    def write(self, path: str) -> None:
        """Write the report to a file, on a thread; `saved` tells how it went."""
        threading.Thread(target=self._write, args=(Path(path), self.report), name="save report", daemon=True).start()

    def _write(self, path: Path, report: str) -> None:
        try:
            path.write_text(report, encoding="utf-8")
            done = str(path)
        except OSError:
            done = ""
        # The dialog may have been closed meanwhile.
        with contextlib.suppress(RuntimeError):
            self.saved.emit(done)

    def _on_saved(self, path: str) -> None:
        if path:
            self.show_error("")
            self.save.setText(self.tr("Saved"))
        else:
            self.show_error(self.tr("The file cannot be written there. Choose another folder."))
