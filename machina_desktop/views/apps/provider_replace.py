"""Replacing what an account signs in with: a token that expired, a key that was rotated, another region or endpoint."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderInfo
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError
from machina_desktop.core.services.account_credentials import ReplaceCredentials
from machina_desktop.views import tasks
from machina_desktop.views.apps.provider_credentials_dialog import CredentialsDialog
from machina_desktop.views.callout import Callout

_CONFIRMED = {"E-ACCOUNT-UNVERIFIED": "save_unverified", "E-ACCOUNT-ELSEWHERE": "save_elsewhere"}


class ReplaceCredentialsDialog(CredentialsDialog):
    """The account's form, its settings filled in; secrets that are left empty stay. What does not work is not saved.

    Signals:
        replaced: They are stored (ProviderAccount).
    """

    replaced = Signal(object)

    def __init__(self, bridge: Bridge, account: ProviderAccount, *, parent: QWidget | None = None) -> None:
        super().__init__(
            bridge,
            name="replace_credentials",
            title=_tr("Replace the credentials of {0}").format(account.label),
            confirm=_tr("Verify and replace"),
            width=520,
            parent=parent,
        )
        self._account = account
        self._confirmed: set[str] = set()
        self._question = Callout("warning")
        self._question.setObjectName("replace_credentials.question")
        self.column.addWidget(self.credentials)
        self.column.addWidget(self._question)
        self.column.addStretch()

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
