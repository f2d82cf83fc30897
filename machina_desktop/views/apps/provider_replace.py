"""Replacing what an account signs in with: a token that expired, a key that was rotated, another region or endpoint."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderInfo
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError
from machina_desktop.core.services.account_credentials import ReplaceCredentials
from machina_desktop.core.services.providers import ListProviders
from machina_desktop.views import tasks
from machina_desktop.views.apps.provider_credentials import CredentialsPanel
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.dialogs import Dialog

_CONFIRMED = {"E-ACCOUNT-UNVERIFIED": "save_unverified", "E-ACCOUNT-ELSEWHERE": "save_elsewhere"}


class ReplaceCredentialsDialog(Dialog):
    """The account's form, its settings filled in; secrets that are left empty stay. What does not work is not saved.

    Signals:
        replaced: They are stored (ProviderAccount).
    """

    replaced = Signal(object)

    def __init__(self, bridge: Bridge, account: ProviderAccount, *, parent: QWidget | None = None) -> None:
        super().__init__("", primary="", width=520, parent=parent)
        self.setObjectName("replace_credentials")
        self.setWindowTitle(self.tr("Replace the credentials of {0}").format(account.label))
        self.primary.setText(self.tr("Verify and replace"))
        self.primary.setObjectName("replace_credentials.submit")
        self.cancel.setObjectName("replace_credentials.cancel")
        self._bridge, self._account = bridge, account
        self._confirmed: set[str] = set()
        self.credentials = CredentialsPanel(bridge, name="replace_credentials")
        self.credentials.submitted.connect(self._on_primary)
        self.credentials.troubled.connect(lambda error: self.show_error(str(error)))
        self._question = Callout("warning")
        self._question.setObjectName("replace_credentials.question")
        self.add_button(self.credentials.verify)
        self.column.addWidget(self.credentials)
        self.column.addWidget(self._question)
        self.column.addStretch()
        self.primary.setEnabled(False)
        self.primary.clicked.connect(self._on_primary)
        tasks.ask(
            bridge,
            ListProviders(),
            owner=self,
            done=self._on_providers,
            failed=lambda error: self.show_error(str(error)),
        )

    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        info = next((each for each in infos if each.type is self._account.provider_type), None)
        if info is None:
            self.show_error(self.tr("This version does not know the provider of the account."))
            return
        self.credentials.show_provider(info, self._account)
        self.credentials.edited.connect(self._on_edited)
        self.primary.setEnabled(True)
        self.credentials.focus_first()

    def _on_edited(self) -> None:
        # What was asked about was something else.
        self._confirmed.clear()
        self._question.clear()
        self.show_error("")
        self.primary.setText(self.tr("Verify and replace"))

    def _on_primary(self) -> None:
        if self.primary.is_busy() or not self.primary.isEnabled() or not self.credentials.validate():
            return
        fields = self.credentials.fields()
        if not fields:
            self.show_error(self.tr("Nothing is changed yet."))
            return
        self.credentials.stop()
        self._question.clear()
        self.show_error("")
        ask = ReplaceCredentials(
            account_id=self._account.provider_account_id,
            fields=fields,
            save_unverified="save_unverified" in self._confirmed,
            save_elsewhere="save_elsewhere" in self._confirmed,
        )
        tasks.ask(self._bridge, ask, owner=self, done=self._on_replaced, failed=self._on_failed, busy=self)

    def _on_replaced(self, account: ProviderAccount) -> None:
        self.replaced.emit(account)
        self.accept()

    def _on_failed(self, error: MachinaError) -> None:
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        elif error.code in _CONFIRMED:
            self._confirmed.add(_CONFIRMED[error.code])
            self._question.say(error.message, error.hint, code=error.code)
            is_elsewhere = error.code == "E-ACCOUNT-ELSEWHERE"
            self.primary.setText(self.tr("Move the account there") if is_elsewhere else self.tr("Save unverified"))
            self.cancel.setFocus()
        elif error.code == "E-ACCOUNT-REFUSED":
            self.credentials.show_problem(error.message, hint=error.hint)
            self.credentials.focus_first()
        elif isinstance(error, InvalidInput) and error.field:
            self.credentials.show_problem(str(error), field=error.field)
        else:
            self.show_error(str(error))


def replaced_words(account: ProviderAccount) -> tuple[str, str]:
    """The kind of notice, and what it says, once an account has other credentials."""
    if account.credential_status is CredentialStatus.VALID:
        return "success", _tr("{0} has new credentials, and they work").format(account.label)
    return "warning", _tr("{0} has new credentials, which could not be verified").format(account.label)


def _tr(text: str) -> str:
    return QCoreApplication.translate("ReplaceCredentialsDialog", text)
