"""Changing how the vault opens: another way, another passphrase, one way less."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.services.device import AddVaultSlot, ChangePassphrase, RemoveVaultSlot, VaultStatus
from machina_desktop.views import tasks
from machina_desktop.views.first_run_steps import LockStep
from machina_desktop.views.new_passphrase import NewPassphrase
from machina_desktop.views.widgets.dialogs import ConfirmDialog, Dialog
from machina_desktop.views.widgets.inputs import PasswordInput


class AddWayDialog(Dialog):
    """Offers the ways to unlock that the vault does not have yet.

    Signals:
        changed(object): How the vault opens now (VaultStatus).
    """

    changed = Signal(object)

    def __init__(self, bridge: Bridge, status: VaultStatus, *, parent: QWidget | None = None) -> None:
        super().__init__(
            _tr("Another way to unlock"),
            text=_tr("Each way opens the vault by itself. The others stay as they are."),
            primary=_tr("Add"),
            width=520,
            parent=parent,
        )
        self.setObjectName("add_way")
        self._bridge = bridge
        self.step = LockStep(status)
        self.step.submitted.connect(self._on_primary)
        self.column.addWidget(self.step)
        self.primary.clicked.connect(self._on_primary)

    def _on_primary(self) -> None:
        if self.primary.is_busy() or not self.step.is_complete():
            return
        self.show_error("")
        tasks.ask(
            self._bridge,
            AddVaultSlot(slot=self.step.slot, passphrase=self.step.passphrase),
            owner=self,
            done=self._on_added,
            failed=lambda error: self.show_error(str(error)),
            busy=self,
        )

    def _on_added(self, status: VaultStatus) -> None:
        self.step.forget()
        self.changed.emit(status)
        self.accept()


class ChangePassphraseDialog(Dialog):
    """Asks for the passphrase there is, then twice for the new one.

    Attributes:
        current: The old passphrase.
        new: The new one.

    Signals:
        changed(object): The vault opens with the new one (VaultStatus).
    """

    changed = Signal(object)

    def __init__(self, bridge: Bridge, *, parent: QWidget | None = None) -> None:
        super().__init__(
            _tr("Change the passphrase"),
            text=_tr("Stored credentials and keys stay as they are; only what opens them changes."),
            primary=_tr("Change passphrase"),
            width=520,
            parent=parent,
        )
        self.setObjectName("change_passphrase")
        self._bridge = bridge
        self.current = PasswordInput(self.tr("Current passphrase"))
        self.new = NewPassphrase(label=self.tr("New passphrase"), has_advice=True)
        self.column.addWidget(self.current)
        self.column.addWidget(self.new)
        self.current.changed.connect(lambda _text: self.current.set_error(""))
        self.current.submitted.connect(self.new.enter)
        self.new.submitted.connect(self._on_primary)
        self.primary.clicked.connect(self._on_primary)
        self.current.control.setFocus()

    def _on_primary(self) -> None:
        if self.primary.is_busy():
            return
        self.current.set_error("" if self.current.text() else self.tr("Type the passphrase that opens the vault now."))
        if not self.new.is_complete() or self.current.error():
            if self.current.error():
                self.current.control.setFocus()
            return
        self.show_error("")
        tasks.ask(
            self._bridge,
            ChangePassphrase(current=self.current.secret(), new=self.new.secret()),
            owner=self,
            done=self._on_changed,
            failed=self._on_failed,
            busy=self,
        )

    def _on_changed(self, status: VaultStatus) -> None:
        self.current.set_text("")
        self.new.forget()
        self.changed.emit(status)
        self.accept()

    def _on_failed(self, error: MachinaError) -> None:
        field = error.field if isinstance(error, InvalidInput) else ""
        if field == "new":
            self.new.passphrase.set_error(str(error))
            self.new.enter()
        elif field == "current" or error.code == "E-VAULT-WAIT":
            self.current.set_error(str(error))
            self.current.control.selectAll()
            self.current.control.setFocus()
        else:
            self.show_error(str(error))


class RemoveWayDialog(ConfirmDialog):
    """Says what is left when a way to unlock is gone, and removes it.

    Signals:
        changed(object): How the vault opens now (VaultStatus).
    """

    changed = Signal(object)

    def __init__(self, bridge: Bridge, status: VaultStatus, slot: str, *, parent: QWidget | None = None) -> None:
        rest = _tr(" or ").join(name_of(each) for each in status.slots if each != slot)
        losses = [_tr("The vault opens with {0} only.").format(rest)]
        if slot == "key-file":
            losses.append(_tr("The file itself stays in the data folder; delete it yourself."))
        if slot != "passphrase" and set(status.slots) - {slot} == {"passphrase"}:
            losses.append(_tr("Machina asks for the passphrase at every start; without it nobody can open the vault."))
        super().__init__(
            _tr("No longer unlock with {0}?").format(name_of(slot)),
            losses=tuple(losses),
            confirm=_tr("Remove"),
            parent=parent,
        )
        self.setObjectName("remove_way")
        self.primary.setObjectName("remove_way.confirm")
        self._bridge = bridge
        self._slot = slot
        # It stays open until the vault has agreed.
        self.primary.clicked.disconnect(self.accept)
        self.primary.clicked.connect(self._on_primary)

    def _on_primary(self) -> None:
        tasks.ask(
            self._bridge,
            RemoveVaultSlot(slot=self._slot),
            owner=self,
            done=self._on_removed,
            failed=lambda error: self.show_error(str(error)),
            busy=self,
        )

    def _on_removed(self, status: VaultStatus) -> None:
        self.changed.emit(status)
        self.accept()


def name_of(slot: str) -> str:
    """A way to unlock in the middle of a sentence."""
    names = {
        "keyring": _tr("the system's keyring"),
        "passphrase": _tr("the passphrase"),
        "key-file": _tr("the key file"),
    }
    return names.get(slot, slot)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)
