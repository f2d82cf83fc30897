"""The form of a new account, drawn from the provider's fields; what is typed here is never stored in the draft."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import ProviderInfo
from machina_desktop.core.secret import Secret
from machina_desktop.views.callout import Callout
from machina_desktop.views.server_custody import CustodyChoice
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.form import Form
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.layout import Card


class AccountForm(Card):
    """Label, the provider's fields, *Add account* and *Cancel*.

    Attributes:
        info: The provider it is for; ``None`` while it is hidden.
        submit: The button that adds the account.
        custody: Who keeps its secrets, in a shared team.

    Signals:
        submitted(str, dict): The label, and the fields' values as secrets by name.
        cancelled(): No new account after all, or not now.
    """

    submitted = Signal(str, dict)
    cancelled = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.custody = CustodyChoice(bridge, name="wizard")
        self.info: ProviderInfo | None = None
        self._form: Form | None = None
        self._label = Input(self.tr("Label"), help_text=self.tr("How you will recognise the account."))
        self._label.control.setObjectName("wizard.account-label")
        self._label.submitted.connect(self._on_submit)
        self._error = Callout("error")
        self._error.setObjectName("wizard.account-error")
        self.submit = Button("", icon_name="plus")
        self.submit.setObjectName("wizard.add-account")
        self.submit.clicked.connect(self._on_submit)
        self._cancel = Button("")
        self._cancel.setObjectName("wizard.cancel-account")
        self._cancel.clicked.connect(self.cancelled)
        self._place = QVBoxLayout()
        buttons = QHBoxLayout()
        buttons.setSpacing(Space.S)
        buttons.addWidget(self.submit)
        buttons.addWidget(self._cancel)
        buttons.addStretch()
        self.column.setSpacing(Space.L)
        self.column.addWidget(self._error)
        self.column.addWidget(self._label)
        self.column.addLayout(self._place)
        self.column.addWidget(self.custody)
        self.column.addLayout(buttons)
        self.hide()

    def show_provider(self, info: ProviderInfo | None, label: str) -> None:
        """Ask for what this provider needs; ``None`` hides the form and forgets what was typed."""
        self.info = info
        self.setVisible(info is not None)
        if self._form is not None:
            self._place.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
            self._form = None
        self._say("")
        self.offer_new()
        self._label.set_error("")
        self._label.set_text(label)
        if info is None:
            return
        self._form = Form(info.account_fields)
        self._form.more.setObjectName("wizard.account-more")
        self._form.submitted.connect(self._on_submit)
        _name_controls(self._form, info)
        self._place.addWidget(self._form)
        self.custody.set_wanted(any(each.is_secret for each in info.account_fields))
        self._form.focus_first()

    def offer_new(self) -> None:
        """There is nothing that could be kept as it is: the buttons are those of a new account."""
        self.submit.setText(self.tr("Add account"))
        self._cancel.setText(self.tr("Cancel"))

    def show_refused(self, reason: str) -> None:
        """The provider refuses the credentials: say so where they can be put right at once."""
        self._say(
            reason or self.tr("The provider refuses these credentials."),
            self.tr("Put them right here and try again, or keep the account as it is and see to them later."),
        )
        self.submit.setText(self.tr("Try again"))
        self._cancel.setText(self.tr("Keep it so"))
        if self._form is not None:
            self._form.focus_first()

    def show_error(self, field: str, message: str) -> None:
        """Say at a field what the answer complained about, else above them."""
        if field == "label":
            self._label.set_error(message)
        elif self._form is not None and self.info and field in {each.name for each in self.info.account_fields}:
            self._form.set_errors({field: message})
        else:
            self._say(message)

    def _say(self, message: str, hint: str = "") -> None:
        if message:
            self._error.say(message, hint)
        else:
            self._error.clear()

    def _on_submit(self) -> None:
        if self._form is None or self.submit.is_busy():
            return
        label = self._label.text().strip()
        self._label.set_error("" if label else self.tr("Give the account a label."))
        if not self._form.validate() or not label:
            return
        self._say("")
        self.submitted.emit(label, {name: Secret(value) for name, value in self._form.values().items() if value})


def _name_controls(form: Form, info: ProviderInfo) -> None:
    """Object names after the fields, so that tests and assistive tools find the controls."""
    for field in info.account_fields:
        form.control(field.name).control.setObjectName(f"wizard.account-field.{field.name}")
