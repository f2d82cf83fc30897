"""Taking the audit trail along as a file: CSV or JSON, all pages of it, with progress and a way to stop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QStandardPaths, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.services.audit import LONGEST_EXPORT, AuditFilter, ExportAudit, ExportFormat
from machina_desktop.views import tasks
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.feedback import Progress
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.text import Label

_PAGE = LONGEST_EXPORT // 5


class ExportAuditDialog(Dialog):
    """Asks for the format and the file, then writes; closing it stops the writing and leaves no file.

    Signals:
        exported(str): The file's path.
    """

    exported = Signal(str)

    def __init__(
        self, bridge: Bridge, meant: AuditFilter, *, newest: int, is_narrowed: bool, parent: QWidget | None
    ) -> None:
        """``newest`` is the number of the newest event, by which progress is measured."""
        what = _tr("What search and filters show is exported, the oldest event first.")
        whole = _tr("The whole trail is exported, the oldest event first.")
        super().__init__(
            _tr("Export the audit trail"),
            text=what if is_narrowed else whole,
            primary=_tr("Choose a file…"),
            parent=parent,
        )
        self.setObjectName("export_audit")
        self._bridge = bridge
        self._meant = meant
        self._newest = newest
        self._task: asyncio.Task[object] | None = None
        self.format = Select(
            self.tr("Format"),
            choices=(
                (ExportFormat.CSV.value, self.tr("CSV: for spreadsheets")),
                (ExportFormat.JSON.value, self.tr("JSON: one object a line, for programs")),
            ),
        )
        self.format.control.setObjectName("export_audit.format")
        self._progress = Progress(name=self.tr("Export"))
        self._progress.hide()
        self._told = Label("", tone="secondary")
        self._told.hide()
        for widget in (self.format, self._progress, self._told):
            self.column.addWidget(widget)
        self.column.addStretch()
        self.primary.setObjectName("export_audit.choose")
        self.cancel.setObjectName("export_audit.cancel")
        self.primary.clicked.connect(self._on_choose)
        self.finished.connect(self._stop)

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _on_choose(self) -> None:
        self.show_error("")
        kind = ExportFormat(self.format.value())
        home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        files = QFileDialog(self, _tr("Export the audit trail"), home)
        files.setObjectName("export_audit.files")
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        files.setDefaultSuffix(kind.value)
        files.setNameFilters([f"{kind.value.upper()} (*.{kind.value})", f"{_tr('All files')} (*)"])
        files.selectFile(f"machina-audit-{now().astimezone():%Y-%m-%d}.{kind.value}")
        files.fileSelected.connect(lambda path: self._write(kind, Path(path)))
        files.finished.connect(files.deleteLater)
        files.open()

    def _write(self, kind: ExportFormat, path: Path) -> None:
        named = {entry.name: getattr(self._meant, entry.name) for entry in fields(AuditFilter)}
        self.format.control.setEnabled(False)
        self._progress.show()
        self._told.show()
        self._on_progress(0, 0)
        self._task = tasks.run(
            self._bridge,
            write_export(self._bridge, ExportAudit(**named, format=kind, limit=_PAGE), path, self._on_progress),
            owner=self,
            name="ExportAudit",
            done=lambda _none: self._on_written(path),
            failed=self._on_failed,
            busy=self,
        )

    def _on_progress(self, after: int, written_bytes: int) -> None:
        self._progress.set_progress(after, self._newest)
        size = self.locale().formattedDataSize(written_bytes)
        text = self.tr("Event {0} of {1} · {2}")
        number = self.locale().toString
        self._told.setText(text.format(number(after), number(self._newest), size))

    def _on_written(self, path: Path) -> None:
        self._task = None
        self.exported.emit(str(path))
        self.accept()

    def _on_failed(self, error: MachinaError) -> None:
        self._task = None
        self.format.control.setEnabled(True)
        self._progress.hide()
        self._told.hide()
        self.show_error(str(error))


async def write_export(bridge: Bridge, ask: ExportAudit, path: Path, tell: Callable[[int, int], None]) -> None:
    """Write all pages of ``ask`` into a file that only its owner can read; ``tell`` hears event and bytes so far.

    The file appears when it is whole; stopped before, nothing is left.

    Raises:
        Unavailable: E-AUDIT-EXPORT, the file cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    after, written_bytes, is_last = 0, 0, False
    try:
        await asyncio.to_thread(_begin, part)
        while not is_last:
            page = await bridge.call(replace(ask, after=after))
            written_bytes += await asyncio.to_thread(_append, part, page.text)
            after, is_last = page.after, page.is_last
            tell(after, written_bytes)
        await asyncio.to_thread(part.replace, path)
    except OSError as error:
        raise Unavailable(
            f"{path.name} cannot be written: {error.strerror}.",
            hint="Choose another folder, or make room on the disk.",
            code="E-AUDIT-EXPORT",
        ) from error
    finally:
        part.unlink(missing_ok=True)


def _begin(part: Path) -> None:
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))


def _append(part: Path, text: str) -> int:
    with part.open("ab") as file:
        return file.write(text.encode())


def _tr(text: str) -> str:
    return QCoreApplication.translate("ExportAuditDialog", text)
