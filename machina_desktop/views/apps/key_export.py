"""Taking a private key out of the vault: a warning, then a file that only its owner can read."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.services.keys import ExportKey
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.widgets.dialogs import ConfirmDialog


class KeyExport(QObject):
    """Asks over ``parent`` and writes the file.

    Signals:
        exported(str): The file's path.
        failed(object): Why it was not written (MachinaError).
    """

    exported = Signal(str)
    failed = Signal(object)

    def __init__(self, bridge: Bridge, window: Window, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window = window
        self._over = parent

    def begin(self, key: SSHKey, *, busy: tasks.Busy | None = None) -> None:
        """Say what an export means, then ask for the file."""
        warning = ConfirmDialog(
            self.tr("Export the private key of {0}?").format(key.name),
            text=self.tr("It leaves the vault as a file that only you can read."),
            losses=(
                self.tr("The file is not protected by your vault and has no passphrase."),
                self.tr("Whoever gets it can sign in to every machine that trusts this key."),
                self.tr("The export is noted in the audit trail."),
            ),
            confirm=self.tr("Choose a file…"),
            parent=self._over,
        )
        warning.setObjectName("export_key")
        warning.primary.setObjectName("export_key.confirm")
        warning.accepted.connect(lambda: self._choose_file(key, busy))
        warning.open()

    def _choose_file(self, key: SSHKey, busy: tasks.Busy | None) -> None:
        home = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.HomeLocation)
        files = QFileDialog(self._over, self.tr("Export the private key"), home)
        files.setObjectName("export_key.files")
        files.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        # The core never writes over a file, so there is nothing to confirm.
        files.setOption(QFileDialog.Option.DontConfirmOverwrite)
        files.selectFile("".join(sign if sign.isalnum() or sign in "-_." else "-" for sign in key.name)[:80])
        files.fileSelected.connect(lambda path: self._write(key, path, busy))
        files.finished.connect(files.deleteLater)
        files.open()

    def _write(self, key: SSHKey, path: str, busy: tasks.Busy | None) -> None:
        tasks.ask(
            self._bridge,
            ExportKey(key_id=key.ssh_key_id, to=path),
            owner=self,
            done=self._on_written,
            failed=self.failed.emit,
            busy=busy,
        )

    def _on_written(self, path: str) -> None:
        self._window.notify(self.tr("Private key written to {0}").format(Path(path).name), kind="success")
        self.exported.emit(path)
