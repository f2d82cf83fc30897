"""What people call an account, and the colour of its machines; saved as the field is left."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.views.colour_choice import ColourChoice
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.inputs import Input


class AccountEditor(QWidget):
    """Two controls that follow the account, but never under the cursor of somebody who types.

    Signals:
        label_edited(str): The label now.
        colour_edited(str): The colour now; empty for none.
    """

    label_edited = Signal(str)
    colour_edited = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._account: ProviderAccount | None = None
        self.label = Input(self.tr("Label"))
        self.label.control.setObjectName("provider_account.label")
        self.label.left.connect(self._save_label)
        self.label.submitted.connect(self._save_label)
        self.colour = ColourChoice(name="provider_account.colour")
        self.colour.chosen.connect(self.colour_edited)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        column.addWidget(self.label)
        column.addWidget(self.colour)

    def show_account(self, account: ProviderAccount) -> None:
        """Follow the account; a label that was changed and not yet saved stays as it is typed."""
        before, self._account = self._account, account
        if before is None or self.label.text().strip() in {before.label, account.label}:
            self.label.set_text(account.label)
        self.colour.set_value(account.colour)

    def restore(self, account: ProviderAccount) -> None:
        """Show again what is stored."""
        self.label.set_text(account.label)
        self.colour.set_value(account.colour)

    def _save_label(self) -> None:
        label = self.label.text().strip()
        self.label.set_error("" if label else self.tr("Give the account a label."))
        if label and self._account is not None and label != self._account.label:
            self.label_edited.emit(label)
