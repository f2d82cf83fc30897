"""What the sidekick shows of a provider account: whether it works, whose it is, what lives on it."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QLocale

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import (
    AccountField,
    CredentialStatus,
    ProviderAccount,
    ProviderInfo,
    ProviderType,
)
from machina_desktop.core.errors import MachinaError, NotFound
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.providers import (
    DeleteAccount,
    ForgetPlugins,
    ListAccounts,
    ListProviders,
    UpdateAccount,
    VerifyAccount,
)
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.apps.provider_editor import AccountEditor
from machina_desktop.views.apps.provider_replace import ReplaceCredentialsDialog, replaced_words
from machina_desktop.views.callout import Callout
from machina_desktop.views.commands import Command
from machina_desktop.views.detail_panel import DetailPanel, MachineLinks, Sections, WidgetList
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.provider_words import provider_title
from machina_desktop.views.server_custody import (
    CustodyActions,
    can_share,
    can_stop_sharing,
    custody_words,
    device_of,
)
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import KeyValueList, Label


class ProviderDetail(Detail):
    """One account. The list of accounts is asked: there is no request for a single one."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("provider_account")
        self._account: ProviderAccount | None = None
        self._infos: tuple[ProviderInfo, ...] = ()
        self._machines: tuple[Machine, ...] = ()
        self._status = StatusBadge()
        self._practice = Badge(self.tr("practice"), icon_name="flask-conical")
        self._trouble = Callout("error")
        self._trouble.setObjectName("provider_account.trouble")
        self._mend = Button(self.tr("Replace credentials…"), icon_name="key-round", parent=self)
        self._mend.setObjectName("provider_account.mend")
        self._mend.clicked.connect(self.replace)
        self._trouble.add_button(self._mend)
        self._facts = KeyValueList()
        self._settings = WidgetList()
        self._quota = WidgetList()
        self._editor = AccountEditor()
        self._editor.label_edited.connect(lambda label: self._update(UpdateAccount(account_id=key, label=label)))
        self._editor.colour_edited.connect(lambda colour: self._update(UpdateAccount(account_id=key, colour=colour)))
        self._residents = MachineLinks(name="provider_account.machine", nothing=self.tr("No machine lives here."))
        self._residents.chosen.connect(lambda machine_id: window.inspect("machine", machine_id))
        self._sections = Sections()
        self._panel = DetailPanel(self._sections, parent=self)
        self._panel.problem.setObjectName("provider_account.problem")
        self._lay_out()
        self._query = LiveQuery(
            bridge,
            ListAccounts(team_id=bridge.team_id),
            depends=frozenset({"provider_account"}),
            on_answer=self._on_accounts,
            on_error=self._panel.show_error,
            parent=self,
        )
        self._panel.retried.connect(self._query.refresh)
        LiveQuery(
            bridge,
            ListMachines(team_id=bridge.team_id),
            depends=frozenset({"machine"}),
            on_answer=self._on_machines,
            parent=self,
        )
        tasks.ask(bridge, ListProviders(), owner=self, done=self._on_infos)

    @property
    def title(self) -> str:
        return self._account.label if self._account is not None else self.tr("Account")

    def commands(self) -> Iterable[Command]:
        if self._account is None:
            return
        for name, title, icon_name, button, act in (
            ("verify", self.tr("Verify the account {0} again"), "refresh-cw", self._verify, self._on_verify),
            ("replace", self.tr("Replace the credentials of {0}…"), "key-round", self._replace, self.replace),
            ("delete", self.tr("Delete the account {0}…"), "trash-2", self._delete, self._on_delete),
        ):
            yield Command(
                name=f"provider.{name}",
                title=title.format(self.title),
                group=self.tr("Providers"),
                icon=icon_name,
                run=act,
                is_available=button.isEnabled,
            )

    def _lay_out(self) -> None:
        for key, name in (
            ("provider", self.tr("Provider")),
            ("identity", self.tr("Identity")),
            ("scopes", self.tr("Scopes")),
            ("verified", self.tr("Last verified")),
            ("custody", self.tr("Credentials")),
            ("created", self.tr("Added")),
        ):
            self._facts.add_text(key, name)
        self._facts.add_copyable("id", self.tr("Account id"))
        self._panel.add_to_header(self._status, self._practice)
        self._panel.add_remark(self._trouble)
        self._sections.add(self.tr("Account"), self._facts)
        self._quota_part = self._sections.add(self.tr("Quota"), self._quota)
        self._sections.add(self.tr("In lists"), self._editor)
        self._settings_part = self._sections.add(self.tr("Settings"), self._settings)
        self._sections.add(self.tr("Machines"), self._residents)
        self._verify = Button(self.tr("Verify again"), icon_name="refresh-cw")
        self._verify.setObjectName("provider_account.verify")
        self._verify.clicked.connect(self._on_verify)
        self._replace = Button(self.tr("Replace credentials…"), icon_name="key-round")
        self._replace.setObjectName("provider_account.replace")
        self._replace.clicked.connect(self.replace)
        self._forget = Button(self.tr("Forget plugins…"))
        self._forget.setObjectName("provider_account.forget_plugins")
        self._forget.clicked.connect(self._on_forget)
        self._delete = Button(self.tr("Delete…"), kind=ButtonKind.DANGER)
        self._delete.setObjectName("provider_account.delete")
        self._delete.clicked.connect(self._on_delete)
        self._custody = CustodyActions(
            self.bridge,
            tell=lambda text: self.window_door.notify(text, kind="success"),
            failed=self._panel.show_problem,
            parent=self,
        )
        self._share = Button(self.tr("Share with the server…"))
        self._share.setObjectName("provider_account.share")
        self._share.clicked.connect(self._on_share)
        self._unshare = Button(self.tr("Stop sharing…"))
        self._unshare.setObjectName("provider_account.stop_sharing")
        self._unshare.clicked.connect(self._on_stop_sharing)
        self._panel.add_actions(self._verify, self._replace, self._forget, self._share, self._unshare, self._delete)

    def _on_accounts(self, accounts: tuple[ProviderAccount, ...]) -> None:
        found = next((each for each in accounts if each.provider_account_id == self.key), None)
        if found is None:
            self._panel.show_error(NotFound("The account is not here any more."))
            return
        self._account = found
        self._render(found)

    def _on_infos(self, infos: tuple[ProviderInfo, ...]) -> None:
        self._infos = infos
        if self._account is not None:
            self._render(self._account)

    def _render(self, account: ProviderAccount) -> None:
        info = next((each for each in self._infos if each.type is account.provider_type), None)
        self._status.set_status(account.credential_status)
        self._practice.setVisible(account.provider_type is ProviderType.SANDBOX)
        self._facts.set_values(
            {
                "provider": provider_title(account.provider_type),
                "identity": account.identity,
                "scopes": ", ".join(account.scopes or ()),
                "verified": wording.full_moment(account.last_verified_at),
                "custody": custody_words(account, device_of(self.bridge)),
                "created": wording.full_moment(account.created_at),
                "id": account.provider_account_id,
            }
        )
        device = device_of(self.bridge)
        self._facts.set_row_visible("custody", bool(custody_words(account, device)))
        self._share.setVisible(can_share(account, device))
        self._unshare.setVisible(can_stop_sharing(account, device))
        self._facts.set_row_visible("identity", bool(account.identity))
        self._facts.set_row_visible("scopes", bool(account.scopes))
        self._forget.setVisible(info is not None and info.has_firewalls)
        can_replace = info is not None and bool(info.account_fields) and account.keeper in {"", device}
        is_invalid = account.credential_status is CredentialStatus.INVALID
        self._replace.setEnabled(can_replace)
        self._replace.setVisible(can_replace and not is_invalid)
        self._mend.setVisible(can_replace and is_invalid)
        self._editor.show_account(account)
        self._render_quota(account)
        self._render_settings(account, info)
        self._render_trouble(account)
        self._panel.show_content()
        self.setWindowTitle(self.title)

    def _render_quota(self, account: ProviderAccount) -> None:
        values = KeyValueList()
        for quota in account.quota:
            limit = QLocale().toString(quota.limit)
            words = self.tr("at most {0}").format(limit)
            if quota.used is not None:
                words = self.tr("{0} of {1}").format(QLocale().toString(quota.used), limit)
            values.add_text(quota.name, quota.name, words)
        self._quota.fill(values)
        self._quota_part.setVisible(bool(account.quota))

    def _render_settings(self, account: ProviderAccount, info: ProviderInfo | None) -> None:
        titles = {entry.name: entry.title for entry in info.account_fields} if info is not None else {}
        values = KeyValueList()
        for name, value in account.settings.items():
            values.add_text(name, titles.get(name, name), " ".join(value.split()), is_mono=True)
        secrets = _secrets_of(account, info) if info is not None else ()
        for entry in secrets:
            values.add_widget(entry.name, entry.title, Label(self.tr("sealed in the vault"), tone="secondary"))
        self._settings.fill(values)
        self._settings_part.setVisible(bool(account.settings or secrets))

    def _render_trouble(self, account: ProviderAccount) -> None:
        reason = account.status_reason
        if account.credential_status is CredentialStatus.INVALID:
            hint = self.tr("Replace the credentials, or put it right at the provider and verify again.")
            self._trouble.say(reason or self.tr("The provider refuses these credentials."), hint)
        elif account.credential_status is CredentialStatus.UNKNOWN:
            self._trouble.say(
                reason or self.tr("The provider could not be asked."), self.tr("Check the network, then verify again.")
            )
        else:
            self._trouble.clear()

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self._machines = tuple(each for each in machines if each.provider_account_id == self.key)
        self._residents.show_machines(self._machines)

    def _update(self, ask: UpdateAccount) -> None:
        self._panel.problem.clear()
        tasks.ask(self.bridge, ask, owner=self, failed=self._on_not_updated)

    def _on_not_updated(self, error: MachinaError) -> None:
        self._panel.show_problem(error)
        if self._account is not None:
            self._editor.restore(self._account)

    def _on_forget(self) -> None:
        question = ConfirmDialog(
            self.tr("Forget the plugins of {0}?").format(self.title),
            text=self.tr("The next run takes the plugins that it is given then, and later runs keep to those."),
            losses=(
                self.tr("Runs no longer refuse a plugin that differs from the first one."),
                self.tr("Do this when the provider has withdrawn a version, or your mirror has another build of it."),
            ),
            confirm=self.tr("Forget plugins"),
            is_danger=False,
            parent=self,
        )
        question.setObjectName("forget_plugins")
        question.primary.setObjectName("forget_plugins.confirm")
        question.accepted.connect(self._on_forget_confirmed)
        question.open()

    def _on_forget_confirmed(self) -> None:
        tasks.ask(
            self.bridge,
            ForgetPlugins(account_id=self.key),
            owner=self,
            done=lambda _none: self.window_door.notify(
                self.tr("The plugins of {0} are forgotten").format(self.title), kind="success"
            ),
            failed=self._panel.show_problem,
            busy=self._forget,
        )

    def _on_share(self) -> None:
        if self._account is not None:
            self._panel.problem.clear()
            self._custody.share(self._account, busy=self._share)

    def _on_stop_sharing(self) -> None:
        if self._account is not None:
            self._panel.problem.clear()
            self._custody.stop_sharing(self._account, busy=self._unshare)

    def _on_verify(self) -> None:
        self._panel.problem.clear()
        tasks.ask(
            self.bridge,
            VerifyAccount(account_id=self.key),
            owner=self,
            done=self._on_verified,
            failed=self._panel.show_problem,
            busy=self._verify,
        )

    def _on_verified(self, account: ProviderAccount) -> None:
        self._account = account
        self._render(account)
        if account.credential_status is CredentialStatus.VALID:
            self.window_door.notify(self.tr("{0} works").format(account.label), kind="success")

    def replace(self) -> None:
        """Ask for other credentials; harmless before the account is there."""
        if self._account is None:
            return
        self._panel.problem.clear()
        dialog = ReplaceCredentialsDialog(self.bridge, self._account, parent=self)
        dialog.replaced.connect(self._on_replaced)
        dialog.open()

    def _on_replaced(self, account: ProviderAccount) -> None:
        self._account = account
        self._render(account)
        kind, text = replaced_words(account)
        self.window_door.notify(text, kind=kind)

    def _on_delete(self) -> None:
        if self._account is None:
            return
        self._panel.problem.clear()
        losses = [self.tr("Its credentials are wiped from the vault; nothing changes at the provider.")]
        if self._machines:
            losses.append(self.tr("It is refused while machines live on it: {0}.").format(self._names()))
        question = ConfirmDialog(
            self.tr("Delete the account {0}?").format(self._account.label),
            losses=tuple(losses),
            confirm=self.tr("Delete account"),
            parent=self,
        )
        question.setObjectName("delete_account")
        question.primary.setObjectName("delete_account.confirm")
        question.cancel.setObjectName("delete_account.cancel")
        question.accepted.connect(self._on_delete_confirmed)
        question.open()

    def _names(self) -> str:
        names = ", ".join(machine.name for machine in self._machines[:3])
        more = len(self._machines) - 3
        return self.tr("{0} and {1} more").format(names, more) if more > 0 else names

    def _on_delete_confirmed(self) -> None:
        tasks.ask(
            self.bridge,
            DeleteAccount(account_id=self.key),
            owner=self,
            done=lambda _none: self._on_deleted(),
            failed=self._on_refused,
            busy=self._delete,
        )

    def _on_deleted(self) -> None:
        self.window_door.notify(self.tr("{0} is deleted").format(self.title), kind="success")

    def _on_refused(self, error: MachinaError) -> None:
        self._panel.show_problem(error)
        if error.code == "E-ACCOUNT-IN-USE" and self._machines:
            self._panel.problem.say(
                error.message,
                self.tr("{0} There: {1}.").format(error.hint, self._names()),
                code=error.code,
                details=f"{error.code}: {error}",
            )


def _secrets_of(account: ProviderAccount, info: ProviderInfo) -> tuple[AccountField, ...]:
    """The secrets that it has for certain: those without which its way to sign in does not work."""
    way = info.way_of(account.settings)
    return tuple(
        entry for entry in info.account_fields if entry.is_secret and entry.is_required and entry.way in {"", way}
    )
