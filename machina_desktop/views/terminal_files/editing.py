"""Files of a machine in the system's editor: opened here, watched, sent back whenever they are saved."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.transfer import Edit, Entry, shown_name
from machina_desktop.core.errors import Conflict, MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.terminal_files.file_dialogs import EditConflictDialog

# Editors write in several steps; what they are in the middle of is not sent.
SETTLE_MS = 300


class Editing(QObject):
    """The files that one panel has opened.

    Signals:
        said(str): Something worth a line happened.
        sent(): A file on the machine is another one now.
    """

    said = Signal(str)
    sent = Signal()

    def __init__(self, bridge: Bridge, machine_id: str, panel: QWidget) -> None:
        super().__init__(panel)
        self._bridge = bridge
        self._machine_id = machine_id
        self._panel = panel
        self._edits: dict[str, Edit] = {}
        self._timers: dict[str, QTimer] = {}
        self._watcher = QFileSystemWatcher(self)
        self._watcher.fileChanged.connect(self._on_touched)
        self._watcher.directoryChanged.connect(self._on_touched)
        self.show_local = QDesktopServices.openUrl

    def open(self, path: str) -> None:
        """Fetch a file and show it in the program the system has for it."""
        self._run(self._bridge.files.edits.open(self._machine_id, path), self._on_opened)

    def open_here(self, path: str) -> None:
        """Show a file of this computer in the program the system has for it."""
        self.show_local(QUrl.fromLocalFile(path))

    def _on_opened(self, edit: Edit) -> None:
        self._edits[edit.edit_id] = edit
        timer = QTimer(self, interval=SETTLE_MS, singleShot=True)
        timer.timeout.connect(partial(self._save, edit.edit_id))
        self._timers[edit.edit_id] = timer
        # The folder as well: many editors write a new file and put it in the place of the old one.
        self._watcher.addPaths([str(edit.local), str(edit.local.parent)])
        name = shown_name(edit.name)
        if self.show_local(QUrl.fromLocalFile(str(edit.local))):
            self.said.emit(self.tr("{0} is open in your editor; what you save is sent back.").format(name))
        else:
            self.said.emit(self.tr("No program here opens {0}.").format(name))

    def _on_touched(self, path: str) -> None:
        for key, edit in self._edits.items():
            if path in (str(edit.local), str(edit.local.parent)):
                self._timers[key].start()

    def _save(self, key: str) -> None:
        edit = self._edits[key]
        if not edit.local.exists():
            return
        self._watcher.addPath(str(edit.local))
        self._run(
            self._bridge.files.edits.save(key), partial(self._on_saved, edit), failed=partial(self._on_failed, edit)
        )

    def _on_saved(self, before: Edit, edit: Edit) -> None:
        self._edits[edit.edit_id] = edit
        if edit.digest != before.digest:
            self.said.emit(self.tr("{0} was sent to the machine.").format(shown_name(edit.name)))
            self.sent.emit()

    def _on_failed(self, edit: Edit, error: MachinaError) -> None:
        found, mine = getattr(error, "found", None), getattr(error, "mine", None)
        if not isinstance(error, Conflict) or not isinstance(found, Entry) or not isinstance(mine, Entry):
            tasks.PRESENTER.show(error)
            return
        dialog = EditConflictDialog(edit.name, mine, found, parent=self._panel)
        dialog.decided.connect(partial(self._on_decided, edit))
        dialog.open()

    def _on_decided(self, edit: Edit, choice: str) -> None:
        edits = self._bridge.files.edits
        if choice == "overwrite":
            self._run(edits.save(edit.edit_id, overwrites=True), partial(self._on_saved, edit))
        elif choice == "copy":
            self._run(edits.save_copy(edit.edit_id), self._on_copied)
        else:
            self._run(edits.reload(edit.edit_id), partial(self._edits.__setitem__, edit.edit_id))

    def _on_copied(self, name: str) -> None:
        self.said.emit(self.tr("Yours is on the machine as {0}.").format(shown_name(name)))
        self.sent.emit()

    def _run(self, work: object, done: object, failed: object = None) -> None:
        tasks.run(
            self._bridge,
            work,  # type: ignore[arg-type]
            owner=self,
            name="edit a file of a machine",
            done=done,  # type: ignore[arg-type]
            failed=failed,  # type: ignore[arg-type]
        )
