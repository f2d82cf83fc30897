"""The ways to the vault's dialogs: setting it up at the first start, unlocking it later; one dialog at a time."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import UnlockVault, VaultStatus
from machina_desktop.views import tasks
from machina_desktop.views.first_run import FirstRunDialog
from machina_desktop.views.unlock import UnlockDialog
from machina_desktop.views.vault_watch import VaultWatch


class VaultDoor(QObject):
    """Opens the dialog that the vault's state asks for: by itself once at the start, later when something needs it.

    Signals:
        begun(str): The first start is done and the person wants to deploy on ``sandbox`` or ``baremetal``.
        unlocked(): The vault was opened by the person.
    """

    begun = Signal(str)
    unlocked = Signal()

    def __init__(self, bridge: Bridge, watch: VaultWatch, *, window: QWidget) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._watch = watch
        self._window = window
        self._dialog: QDialog | None = None
        self._is_first_answer = True
        self._is_unlocking = False
        watch.changed.connect(self._on_status)

    @property
    def dialog(self) -> QDialog | None:
        """The dialog that is open."""
        return self._dialog

    def open_what_is_needed(self) -> None:
        """Ask to set the vault up or to unlock it; nothing when it is open.

        Where nothing has to be typed, it is unlocked without a question.
        """
        status = self._watch.status
        if self._dialog is not None:
            self._dialog.raise_()
            self._dialog.activateWindow()
        elif status is not None and not status.exists:
            self._open_first_run(status)
        elif status is not None and not status.is_open:
            if "passphrase" in status.slots or not status.slots:
                self._open_unlock(status)
            else:
                self._unlock_at_once(status)

    def _open_first_run(self, status: VaultStatus) -> None:
        dialog = FirstRunDialog(self._bridge, status, parent=self._window)
        dialog.vault_made.connect(self._watch.refresh)
        dialog.begun.connect(self.begun)
        self._open(dialog)

    def _open_unlock(self, status: VaultStatus, *, problem: str = "") -> None:
        dialog = UnlockDialog(self._bridge, status, parent=self._window)
        dialog.unlocked.connect(self._on_unlocked)
        self._open(dialog)
        dialog.show_error(problem)

    def _unlock_at_once(self, status: VaultStatus) -> None:
        if self._is_unlocking:
            return
        self._is_unlocking = True
        slot = "key-file" if "key-file" in status.slots else status.slots[0]
        tasks.ask(
            self._bridge,
            UnlockVault(slot=slot),
            owner=self,
            done=self._on_unlock_answer,
            failed=lambda error: self._on_unlock_failed(status, error),
        )

    def _on_unlock_answer(self, _status: VaultStatus) -> None:
        self._is_unlocking = False
        self._on_unlocked()

    def _on_unlock_failed(self, status: VaultStatus, error: MachinaError) -> None:
        self._is_unlocking = False
        if self._dialog is None:
            self._open_unlock(status, problem=str(error))

    def _open(self, dialog: QDialog) -> None:
        self._dialog = dialog
        dialog.finished.connect(self._on_finished)
        dialog.open()

    def _on_status(self) -> None:
        status = self._watch.status
        if not self._is_first_answer or status is None:
            return
        self._is_first_answer = False
        if status.exists and not status.is_open and self._dialog is None:
            # What opens without a question was tried by the core.
            self._open_unlock(status)
        else:
            self.open_what_is_needed()

    def _on_unlocked(self) -> None:
        self._watch.refresh()
        self.unlocked.emit()

    def _on_finished(self) -> None:
        self._dialog = None
