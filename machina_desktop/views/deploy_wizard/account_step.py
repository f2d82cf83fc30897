"""Step 1: the account the machine will live on, or a new one made on the spot."""

from __future__ import annotations

from contextlib import suppress

from PySide6.QtCore import Qt

from machina_desktop.core.domain.provider import (
    CredentialStatus,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
    WizardStep,
)
from machina_desktop.core.errors import InvalidInput, MachinaError, NotFound
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.providers import AddAccount, DeleteAccount
from machina_desktop.views import tasks
from machina_desktop.views.apps.provider_replace import ReplaceCredentialsDialog
from machina_desktop.views.choice import ChoiceList, Option
from machina_desktop.views.deploy_wizard.account_form import AccountForm
from machina_desktop.views.deploy_wizard.state import WizardState
from machina_desktop.views.deploy_wizard.step import Step
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.models.status import mark_of, word_of
from machina_desktop.views.provider_words import provider_title
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.layout import SectionHeader
from machina_desktop.views.widgets.text import Label


class AccountStep(Step):
    """The accounts there are; under them every provider a new one could be made for."""

    def __init__(self, state: WizardState) -> None:
        super().__init__(
            WizardStep.ACCOUNT,
            state,
            title=self.tr("Where does it live?"),
            hint=self.tr("Choose an account, or add a new one."),
        )
        self._is_adding = False
        self._kept: ProviderAccount | None = None
        self._accounts = ChoiceList(name=self.tr("Accounts"), prefix="wizard.account")
        self._accounts.chosen.connect(lambda key: state.change(account_id=key))
        self._accounts.confirmed.connect(self.finished)
        self._problem = Label(tone="error", wraps=True)
        self._problem.setObjectName("wizard.account-problem")
        self._replace = Button(self.tr("Replace credentials…"), icon_name="key-round")
        self._replace.setObjectName("wizard.replace-credentials")
        self._replace.clicked.connect(self._on_replace)
        self._new = SectionHeader(self.tr("New account"))
        self._providers = ChoiceList(
            name=self.tr("Providers for a new account"), prefix="wizard.provider", has_mark=False
        )
        self._providers.chosen.connect(self._on_provider)
        self._form = AccountForm(state.bridge)
        self._form.submitted.connect(self._on_form)
        self._form.cancelled.connect(self._on_cancelled)
        self.column.addWidget(self._accounts)
        self.column.addWidget(self._problem)
        self.column.addWidget(self._replace, 0, Qt.AlignmentFlag.AlignLeft)
        for widget in (self._new, self._providers, self._form):
            self.column.addWidget(widget)
        self.column.addStretch()
        self._show_form(None)
        self._problem.hide()
        self._replace.hide()

    def refresh(self) -> None:
        kept = self._kept.provider_account_id if self._kept is not None else ""
        accounts = [each for each in self.state.accounts.values() if each.provider_account_id != kept]
        options = [self._account_option(each) for each in accounts]
        self._accounts.set_options(options, (self.state.draft.account_id,))
        self._accounts.setVisible(bool(options))
        self.hint = (
            self.tr("Choose an account, or add a new one.")
            if options
            else self.tr("A practice machine needs no account and costs nothing; your own server needs SSH only.")
        )
        self._providers.set_options([_provider_option(info) for info in self.state.infos.values()])
        account = self.state.account
        self._say(self.state.problem(self.key) if account is not None else "")
        self._replace.setVisible(account is not None and account.credential_status is CredentialStatus.INVALID)

    def entered(self) -> None:
        if self.state.account is None and len(self.state.accounts) == 1:
            self.state.change(account_id=next(iter(self.state.accounts)))
        if not (self.state.accounts and self._accounts.focus_choice()):
            self._providers.focus_choice(ProviderType.SANDBOX)

    def show_problems(self) -> None:
        self._say(self.state.problem(self.key))

    def show_error(self, field: str, message: str) -> bool:
        self._say(message)
        return True

    def _say(self, problem: str) -> None:
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))

    def _account_option(self, account: ProviderAccount) -> Option:
        info = self.state.infos.get(account.provider_type)
        title = info.title if info is not None else provider_title(account.provider_type)
        is_valid = account.credential_status is CredentialStatus.VALID
        return Option(
            key=account.provider_account_id,
            title=account.label,
            text=" · ".join(part for part in (title, account.identity) if part),
            icon_name=PROVIDER_ICONS[account.provider_type],
            side="" if is_valid else word_of(account.credential_status),
            side_mark=None if is_valid else mark_of(account.credential_status),
            why_not=_why_not(self.tr("{0} comes with a later version.").format(title), info),
        )

    def _on_provider(self, key: str) -> None:
        info = self.state.infos[ProviderType(key)]
        if info.account_fields:
            self._show_form(info)
        else:
            self._add(info, self._free_label(info), {})

    def _on_form(self, label: str, values: dict[str, Secret]) -> None:
        if self._form.info is not None:
            self._add(self._form.info, label, values)

    def _add(self, info: ProviderInfo, label: str, values: dict[str, Secret]) -> None:
        if self._is_adding:
            return
        self._is_adding = True
        ask = AddAccount(
            team_id=self.state.bridge.team_id,
            type=info.type,
            label=label,
            fields=values,
            custody=self._form.custody.custody,
        )
        tasks.run(
            self.state.bridge,
            self._added(ask),
            owner=self,
            name="wizard.add_account",
            done=self._on_added,
            failed=self._on_refused,
            busy=self._form.submit,
        )

    async def _added(self, ask: AddAccount) -> ProviderAccount:
        """Add it; what was refused before makes room for it."""
        if self._kept is not None:
            # Somebody else may have deleted it meanwhile.
            with suppress(NotFound):
                await self.state.bridge.call(DeleteAccount(account_id=self._kept.provider_account_id))
            self._kept = None
        return await self.state.bridge.call(ask)

    def _on_added(self, account: ProviderAccount) -> None:
        self._is_adding = False
        if account.credential_status is CredentialStatus.INVALID and self._form.info is not None:
            self._kept = account
            self._form.show_refused(account.status_reason)
            self.refresh()
            self.reveal(self._new)
            return
        self._show_form(None)
        self.state.add_account(account)
        if not self.state.problem(self.key):
            self.finished.emit()

    def _on_cancelled(self) -> None:
        """What was refused is stored all the same; whoever leaves the form now keeps it so."""
        if self._kept is not None and self._is_adding:
            # It is being deleted.
            return
        kept, self._kept = self._kept, None
        self._show_form(None)
        if kept is not None:
            self.state.add_account(kept)
            self._accounts.focus_choice()
            self.reveal(self._problem)
            self.reveal(self._accounts)

    def _on_replace(self) -> None:
        if self.state.account is not None:
            dialog = ReplaceCredentialsDialog(self.state.bridge, self.state.account, parent=self.window())
            dialog.replaced.connect(self.state.add_account)
            dialog.open()

    def _on_refused(self, error: MachinaError) -> None:
        self._is_adding = False
        if self._kept is None:
            self._form.offer_new()
        if self.is_about_the_vault(error):
            return
        field = error.field if isinstance(error, InvalidInput) else "label" if error.code == "E-LABEL-TAKEN" else ""
        if self._form.info is None:
            self._say(str(error))
        else:
            self._form.show_error(field, str(error))

    def _show_form(self, info: ProviderInfo | None) -> None:
        self._providers.setVisible(info is None)
        self._new.set_title(self.tr("New account: {0}").format(info.title) if info else self.tr("New account"))
        self._form.show_provider(info, self._free_label(info) if info is not None else "")

    def _free_label(self, info: ProviderInfo) -> str:
        stem = self.tr("This computer") if info.type is ProviderType.SANDBOX else info.title
        taken = {account.label for account in self.state.accounts.values()}
        names = (stem, *(f"{stem} {number}" for number in range(2, len(taken) + 3)))
        return next(name for name in names if name not in taken)


def _provider_option(info: ProviderInfo) -> Option:
    return Option(
        key=info.type.value,
        title=info.title,
        text=info.summary,
        icon_name=PROVIDER_ICONS[info.type],
        why_not=info.unavailable_reason,
    )


def _why_not(is_missing: str, info: ProviderInfo | None) -> str:
    """Why nothing can be deployed there, ``is_missing`` where the provider is not in this version at all."""
    return is_missing if info is None else info.unavailable_reason
