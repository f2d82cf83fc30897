"""Opening the vault: the question for its passphrase, and how to make a good one."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.device import UnlockVault, VaultStatus
from machina_desktop.views import tasks
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import PasswordInput, Select
from machina_desktop.views.widgets.text import Label


class UnlockDialog(Dialog):
    """Asks for what opens the vault.

    Signals:
        unlocked(): The vault is open now.
    """

    unlocked = Signal()

    def __init__(self, bridge: Bridge, status: VaultStatus, *, parent: QWidget | None = None) -> None:
        super().__init__(
            QCoreApplication.translate("UnlockDialog", "Unlock the vault"),
            text=QCoreApplication.translate(
                "UnlockDialog", "Credentials and private keys are sealed in it. Deployments wait until it is open."
            ),
            primary=QCoreApplication.translate("UnlockDialog", "Unlock"),
            parent=parent,
        )
        self._bridge = bridge
        self._slots = status.slots
        titles = {
            "passphrase": self.tr("Passphrase"),
            "keyring": self.tr("System keyring"),
            "key-file": self.tr("Key file"),
        }
        ordered = sorted(status.slots, key=lambda slot: slot != "passphrase")
        self._slot = Select(self.tr("Open with"), choices=tuple((slot, titles.get(slot, slot)) for slot in ordered))
        self._slot.setVisible(len(ordered) > 1)
        self._slot.changed.connect(lambda _slot: self._on_slot_changed())
        self._passphrase = PasswordInput(self.tr("Passphrase"))
        self._passphrase.submitted.connect(self._on_primary)
        self._hint = Label("", tone="secondary", wraps=True)
        for widget in (self._slot, self._passphrase, self._hint):
            self.column.addWidget(widget)
        self.cancel.setText(self.tr("Later"))
        self.primary.clicked.connect(self._on_primary)
        self._on_slot_changed()

    def _on_slot_changed(self) -> None:
        slot = self._slot.value()
        self._passphrase.setVisible(slot == "passphrase")
        self._hint.setVisible(slot != "passphrase")
        self._hint.setText(
            self.tr("The system may ask for your login password to open its keyring.")
            if slot == "keyring"
            else self.tr("The key file lies in the data folder. Put it back if it was moved.")
        )
        if slot == "passphrase":
            self._passphrase.control.setFocus()
        self.show_error("")

    def _on_primary(self) -> None:
        if self.primary.is_busy():
            return
        slot = self._slot.value()
        passphrase = self._passphrase.secret() if slot == "passphrase" else Secret("")
        if slot == "passphrase" and not passphrase:
            self._passphrase.set_error(self.tr("Type the passphrase."))
            return
        self._passphrase.set_error("")
        tasks.ask(
            self._bridge,
            UnlockVault(slot=slot, passphrase=passphrase),
            owner=self,
            done=self._on_answer,
            failed=self._on_failed,
            busy=self,
        )

    def _on_answer(self, status: VaultStatus) -> None:
        if not status.is_open:
            self.show_error(self.tr("The vault is still locked."))
            return
        self._passphrase.set_text("")
        self.unlocked.emit()
        self.accept()

    def _on_failed(self, error: MachinaError) -> None:
        if self._slot.value() == "passphrase":
            self._passphrase.set_error(str(error))
            self._passphrase.control.selectAll()
            self._passphrase.control.setFocus()
        else:
            self.show_error(str(error))
