"""The Providers app: accounts at the places where machines live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QLocale, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderInfo, ProviderType
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.providers import AddAccount, ListAccounts, ListProviders
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import App, Window
from machina_desktop.views.apps.list_page import ListPage
from machina_desktop.views.apps.provider_adoption import AdoptionDialog
from machina_desktop.views.apps.provider_detail import ProviderDetail
from machina_desktop.views.apps.provider_dialog import AddAccountDialog
from machina_desktop.views.commands import Command
from machina_desktop.views.icons import PROVIDER_ICONS
from machina_desktop.views.links import Link
from machina_desktop.views.list_panel import ListPanel, ListShape
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.models.status import Status
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.provider_words import dot_of, provider_title
from machina_desktop.views.searches import Finding, Search, search
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.states import EmptyState

# As many as the machines page shows.
COUNTED = 5000


def _tr(text: str) -> str:
    return QCoreApplication.translate("ProvidersPage", text)


def _note(account: ProviderAccount) -> str:
    return account.status_reason or account.identity or "–"


def _shape(machines_on: Callable[[ProviderAccount], int]) -> ListShape[ProviderAccount]:
    return ListShape(
        name="providers",
        title=_tr("Providers"),
        search=_tr("Filter accounts…"),
        key=lambda account: account.provider_account_id,
        depends=frozenset({"provider_account"}),
        columns=(
            Column(
                key="label",
                title=_tr("Account"),
                text=lambda account: account.label,
                icon=lambda account: PROVIDER_ICONS[account.provider_type],
                dot=dot_of,
                width=200,
                grows=1,
            ),
            Column(
                key="provider",
                title=_tr("Provider"),
                text=lambda each: provider_title(each.provider_type),
                width=140,
                rank=3,
            ),
            Column(
                key="status", title=_tr("Credentials"), status=lambda each: Status(each.credential_status), width=130
            ),
            Column(
                key="machines",
                title=_tr("Machines"),
                text=lambda account: QLocale().toString(machines_on(account)),
                sort_key=machines_on,
                width=100,
                rank=1,
            ),
            Column(
                key="verified",
                title=_tr("Last verified"),
                text=lambda account: wording.moment(account.last_verified_at),
                sort_key=lambda account: account.last_verified_at.timestamp() if account.last_verified_at else 0.0,
                is_quiet=True,
                width=140,
                rank=4,
            ),
            Column(key="identity", title=_tr("Identity"), text=_note, is_quiet=True, width=240, rank=2, grows=3),
        ),
    )


class _NoAccounts(EmptyState):
    """Two ways to begin without any account anywhere, and the third at the page's head.

    Signals:
        host_offered: *Add a server I have* was chosen.
    """

    host_offered = Signal()

    def __init__(self) -> None:
        super().__init__(
            icon_name="cloud",
            title=_tr("Where shall your machines live?"),
            text=_tr("A practice machine on this computer needs no account. A server you have is reached by SSH."),
            action=_tr("Try it on this computer"),
        )
        self.setObjectName("providers.empty")
        self.action.setObjectName("providers.try_here")
        self.action.set_icon_name("flask-conical")
        self.host = Button(_tr("Add a server I have"), icon_name="hard-drive", parent=self)
        self.host.setObjectName("providers.add_server")
        self.host.clicked.connect(self.host_offered)
        self._buttons.addWidget(self.host)

    def set_busy(self, is_busy: bool) -> None:
        """Show that the practice account is being made."""
        self.action.set_busy(is_busy)

    def can_practise(self) -> bool:
        """Whether a practice machine can be had on this computer now."""
        return self.action.isEnabled()

    def set_practice(self, problem: str) -> None:
        """Say why there is no practice on this computer; empty when there is."""
        self.action.setEnabled(not problem)
        self.action.setToolTip(problem)


class ProvidersPage(ListPage[ProviderAccount]):
    """Accounts by label, with *Add account* as the one primary action; the badge counts those that do not work."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("providers")
        self._machines: Counter[str] = Counter()
        self._empty = _NoAccounts()
        self._empty.activated.connect(self._on_try)
        self._empty.host_offered.connect(lambda: self._add(ProviderType.BAREMETAL))
        shape = _shape(self._machines_on)
        self.show_list(ListPanel(bridge, shape, ask=self._request, empty=self._empty, parent=self))
        self.list.chosen.connect(lambda key: window.inspect("provider_account", key))
        add = Button(self.tr("Add account"), kind=ButtonKind.PRIMARY, icon_name="plus", parent=self)
        add.setObjectName("providers.add")
        add.clicked.connect(lambda: self._add(None))
        find = Button(self.tr("Find machines"), icon_name="search", parent=self)
        find.setObjectName("providers.find_machines")
        find.setToolTip(self.tr("What runs in your accounts and is not managed here"))
        find.clicked.connect(self._on_find)
        self.list.header.add_action(find)
        self.list.header.add_action(add)
        tasks.ask(bridge, ListProviders(), owner=self, done=self._on_providers, failed=lambda _error: None)
        bridge.when_settled(self._start)

    def commands(self) -> Iterable[Command]:
        yield from _beginnings(lambda: self._add(None), lambda: self._add(ProviderType.BAREMETAL))
        yield Command(
            name="provider.find_machines",
            title=_tr("Find machines in your accounts that are not managed"),
            group=_tr("Providers"),
            icon="search",
            words=_tr("adopt import unmanaged instances"),
            run=self._on_find,
        )
        yield from self.list.commands()
        yield Command(
            name="provider.try_here",
            title=_tr("Try it on this computer"),
            group=_tr("Providers"),
            icon="flask-conical",
            run=self._on_try,
            is_available=lambda: self.list.states.currentWidget() is self._empty and self._empty.can_practise(),
        )

    def _on_find(self) -> None:
        AdoptionDialog(self.bridge, self.window_door, parent=self).open()

    def _start(self) -> None:
        LiveQuery(
            self.bridge,
            ListMachines(team_id=self.bridge.team_id, limit=COUNTED),
            depends=frozenset({"machine"}),
            on_answer=self._on_machines,
            on_error=lambda _error: None,
            parent=self,
        )

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self._machines = Counter(machine.provider_account_id for machine in machines)
        self.list.table.viewport().update()

    def _machines_on(self, account: ProviderAccount) -> int:
        return self._machines[account.provider_account_id]

    def _request(self, search: str, _filters: dict[str, str]) -> Request[tuple[ProviderAccount, ...]]:
        return ListAccounts(team_id=self.bridge.team_id, search=search)

    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        for info in infos:
            if info.type is ProviderType.SANDBOX:
                self._empty.set_practice(info.unavailable_reason)

    def _add(self, kind: ProviderType | None) -> None:
        dialog = AddAccountDialog(self.bridge, kind=kind, parent=self)
        dialog.added.connect(self._on_added)
        dialog.open()

    def _on_try(self) -> None:
        ask = AddAccount(team_id=self.bridge.team_id, type=ProviderType.SANDBOX, label=self.tr("This computer"))
        tasks.ask(self.bridge, ask, owner=self, done=self._on_added, busy=self._empty)

    def _on_added(self, account: ProviderAccount) -> None:
        if account.credential_status is CredentialStatus.INVALID:
            text = self.tr("{0} is added, but its credentials do not work").format(account.label)
            self.window_door.notify(text, kind="warning")
        else:
            self.window_door.notify(
                self.tr("{0} is ready").format(account.label),
                kind="success",
                action=self.tr("Deploy a machine"),
                on_action=self.window_door.open_deploy_wizard,
            )
        self.window_door.inspect("provider_account", account.provider_account_id)


def _beginnings(add: Callable[[], None], add_server: Callable[[], None]) -> tuple[Command, ...]:
    """What can be begun on the page and, by way of it, from anywhere."""
    return (
        Command(
            name="provider.add",
            title=_tr("Add a provider account"),
            group=_tr("Providers"),
            icon="cloud",
            words=_tr("connect cloud token credentials"),
            run=add,
        ),
        Command(
            name="provider.add_server",
            title=_tr("Add a server I have"),
            group=_tr("Providers"),
            icon="hard-drive",
            words=_tr("bare metal host ssh"),
            run=add_server,
        ),
    )


def _anywhere(window: Window) -> tuple[Command, ...]:
    return _beginnings(
        lambda: window.do("providers", "provider.add"), lambda: window.do("providers", "provider.add_server")
    )


def _finding(account: ProviderAccount) -> Finding:
    return Finding(
        link=Link("provider_account", account.provider_account_id),
        title=account.label,
        icon=PROVIDER_ICONS[account.provider_type],
        detail=provider_title(account.provider_type),
        words=f"{account.provider_account_id} {account.identity}",
        status=Status(account.credential_status),
    )


def _searches() -> tuple[Search, ...]:
    return (
        search(
            entity="provider_account",
            title=_tr("Provider accounts"),
            request=lambda team: ListAccounts(team_id=team),
            depends=frozenset({"provider_account"}),
            finding=_finding,
        ),
    )


APP = App(
    name="providers",
    title="Providers",
    icon="cloud",
    page=ProvidersPage,
    details={"provider_account": ProviderDetail},
    searches=_searches,
    commands=_anywhere,
)
