"""The machines page: every machine of the team, live, as cards or a table (spec 4.1)."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPoint, QSettings, Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Paths
from machina_desktop.core.domain.console import console_of
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderAccount, ProviderInfo, ProviderType
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.providers import ListAccounts, ListProviders
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.apps.machine_actions import (
    DANGEROUS,
    LOOKS,
    SINGLE,
    Action,
    MachineActions,
    applies,
    is_offered,
    title_of,
)
from machina_desktop.views.apps.machine_console import ICON, console_words, open_console
from machina_desktop.views.apps.machine_detail import MachineDetail
from machina_desktop.views.apps.machine_list import Grouping, MachineList
from machina_desktop.views.apps.machine_looks import account_words
from machina_desktop.views.apps.machine_search import LIMIT, searches
from machina_desktop.views.apps.machine_selection import MachineSelectionBar
from machina_desktop.views.apps.machine_text import address_of, endpoint_of, ssh_command
from machina_desktop.views.apps.machine_views import SavedViews
from machina_desktop.views.commands import Command, install_keys
from machina_desktop.views.icons import icon
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.models.status import word_of
from machina_desktop.views.provider_words import provider_title
from machina_desktop.views.remembered import recall, remember
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind, Segment, Segmented
from machina_desktop.views.widgets.filter_bar import Filter, FilterBar
from machina_desktop.views.widgets.inputs import fill_combo, plain_combo
from machina_desktop.views.widgets.layout import PageHeader
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.text import copy_text

# Machines without any among the newest so many tell nothing of it.
RUNS = 300
MINUTE_MS = 60_000


class MachinesPage(Page):
    """Search, filters, grouping and the list itself; every change of a machine or a run shows within a moment."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("machines")
        self._machines: tuple[Machine, ...] = ()
        self._accounts: dict[str, ProviderAccount] = {}
        self._infos: dict[ProviderType, ProviderInfo] = {}
        self._live: LiveQuery[tuple[Machine, ...]] | None = None
        self._search = ""
        self._is_restored = False
        self._actions = MachineActions(bridge, window, self)
        self._build()
        self._restore()
        self._states.show_loading()
        self._minutes = QTimer(self, interval=MINUTE_MS)
        self._minutes.timeout.connect(self._list.tell_time)
        bridge.when_settled(self._start)

    def shown(self) -> None:
        self._list.tell_time()
        self._minutes.start()
        if self._live is not None:
            self._live.resume()

    def hidden(self) -> None:
        self._minutes.stop()
        if self._live is not None:
            self._live.pause()

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        if self._header.search is not None:
            self._header.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self._header.search.selectAll()

    def commands(self) -> Iterable[Command]:
        yield from self._actions.commands(self._list.selected_machines(), self._infos)
        yield Command(
            name="machines.clear",
            title=self.tr("Clear search and filters"),
            group=self.tr("Machines"),
            icon="list-filter",
            run=self._clear_filters,
            is_available=lambda: bool(self._search or self._filters.state()),
        )
        yield from self._views.commands()
        is_table = self._toggle.current() == "table"
        yield Command(
            name="machines.look",
            title=self.tr("Show machines as cards") if is_table else self.tr("Show machines as a table"),
            group=self.tr("Machines"),
            icon="layout-grid" if is_table else "rows-3",
            run=lambda: self._toggle.set_current("cards" if is_table else "table"),
            is_available=lambda: bool(self._machines),
        )

    def machines_shown(self) -> tuple[Machine, ...]:
        """The machines that pass search and filters, by name."""
        return tuple(machine for machine in self._machines if self._passes(machine))

    def _build(self) -> None:
        self._header = PageHeader(self.tr("Machines"), search_placeholder=self.tr("Name, address or tag"), parent=self)
        deploy = Button(self.tr("Deploy"), kind=ButtonKind.PRIMARY, icon_name="plus")
        deploy.setObjectName("machines.deploy")
        deploy.setToolTip("Ctrl+N")
        deploy.clicked.connect(self.window_door.open_deploy_wizard)
        self._header.add_action(deploy)
        if self._header.search is not None:
            self._header.search.setObjectName("machines.search")
            self._header.search.searched.connect(self._on_searched)
        self._bar = MachineSelectionBar(parent=self)
        self._bar.chosen.connect(lambda action: self._actions.run(action, self._list.selected_machines()))
        self._bar.cleared.connect(self._on_cleared)
        self._build_list()
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        column.setSpacing(Space.M)
        column.addWidget(self._header)
        column.addWidget(self._build_filters())
        column.addWidget(self._bar)
        column.addWidget(self._states, 1)
        install_keys(self, self.commands)

    def _build_filters(self) -> QWidget:
        self._filters = FilterBar(
            (
                Filter(key="status", any_title=self.tr("Any status"), choices=_statuses()),
                Filter(key="account", any_title=self.tr("Any account")),
                Filter(key="provider", any_title=self.tr("Any provider")),
                Filter(key="region", any_title=self.tr("Any region")),
            )
        )
        names = ("status", "account", "provider", "region")
        for name, combo in zip(names, self._filters.findChildren(QComboBox), strict=True):
            combo.setObjectName(f"machines.filter.{name}")
        self._filters.setObjectName("machines.filters")
        self._filters.changed.connect(self._on_filters_changed)
        self._second_row = QWidget()
        # There is nothing to narrow before there is a machine.
        self._second_row.hide()
        row = QHBoxLayout(self._second_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self._filters, 1)
        row.addWidget(self._build_view_controls())
        return self._second_row

    def _build_view_controls(self) -> QWidget:
        self._group = plain_combo()
        self._group.setObjectName("machines.group")
        self._group.setAccessibleName(self.tr("Group by"))
        fill_combo(
            self._group,
            (
                (Grouping.NONE, self.tr("Not grouped")),
                (Grouping.ACCOUNT, self.tr("By account")),
                (Grouping.PROVIDER, self.tr("By provider")),
                (Grouping.REGION, self.tr("By region")),
                (Grouping.STATUS, self.tr("By status")),
            ),
        )
        self._group.currentIndexChanged.connect(self._on_look_changed)
        self._toggle = Segmented(
            (
                Segment(key="cards", title=self.tr("Cards"), icon_name="layout-grid"),
                Segment(key="table", title=self.tr("Table"), icon_name="rows-3"),
            ),
            name=self.tr("Show as"),
        )
        self._toggle.setObjectName("machines.view")
        self._toggle.changed.connect(self._on_look_changed)
        self._views = SavedViews(parent=self)
        self._views.chosen.connect(self._show_view)
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self._views)
        row.addWidget(self._group)
        row.addWidget(self._toggle)
        return holder

    def _build_list(self) -> None:
        self._list = MachineList(QSettings(str(Paths.default().window_state), QSettings.Format.IniFormat))
        self._list.setObjectName("machines.list")
        self._list.selected.connect(self._inspect)
        self._list.activated.connect(self._inspect)
        self._list.peeked.connect(self._inspect)
        self._list.menu_requested.connect(self._on_menu)
        self._list.selection_changed.connect(self._on_selection_changed)
        self._states = ListStates(self._list, empty=EmptyState(icon_name="server", title=""))
        self._states.empty.setObjectName("machines.empty")
        self._states.empty.activated.connect(self._on_empty_action)
        self._states.error.retried.connect(self._on_retried)

    def _start(self) -> None:
        LiveQuery(
            self.bridge,
            ListProviders(),
            depends=frozenset(),
            on_answer=self._on_providers,
            on_error=lambda _error: None,
            parent=self,
        )
        self._live = LiveQuery(
            self.bridge,
            ListMachines(team_id=self.bridge.team_id, limit=LIMIT),
            depends=frozenset({"machine", "deployment"}),
            on_answer=self._on_machines,
            on_error=self._on_error,
            parent=self,
        )

        LiveQuery(
            self.bridge,
            ListAccounts(team_id=self.bridge.team_id),
            depends=frozenset({"provider_account"}),
            on_answer=self._on_accounts,
            on_error=lambda _error: None,
            parent=self,
        )
        LiveQuery(
            self.bridge,
            ListDeployments(team_id=self.bridge.team_id, limit=RUNS),
            depends=frozenset({"deployment"}),
            on_answer=self._on_runs,
            on_error=lambda _error: None,
            parent=self,
        )

    def _on_accounts(self, accounts: tuple[ProviderAccount, ...]) -> None:
        self._accounts = {each.provider_account_id: each for each in accounts}
        self._list.set_accounts(self._accounts)
        self._offer_filters()
        if self._search:
            self._render()

    def _on_runs(self, runs: tuple[Deployment, ...]) -> None:
        newest: dict[str, Deployment] = {}
        for run in runs:
            # One that waits for a person says more than the ones queued behind it.
            known = newest.get(run.machine_id or "")
            if known is None or (known.state is DeploymentState.QUEUED and not run.state.is_final):
                newest[run.machine_id or ""] = run
        self._list.set_runs(newest)

    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        self._infos = {info.type: info for info in infos}
        self._on_selection_changed()

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self._machines = machines
        self._offer_filters()
        self._restore_filters()
        self._header.set_count(len(machines) or None)
        self._second_row.setVisible(bool(machines))
        self._render()

    def _offer_filters(self) -> None:
        self._filters.set_choices("account", self._account_choices())
        self._filters.set_choices("provider", _providers(self._machines))
        self._filters.set_choices("region", _regions(self._machines))

    def _account_choices(self) -> tuple[tuple[str, str], ...]:
        """The accounts on which machines live; one that is not known yet goes by its provider."""
        found = {each.provider_account_id: self._account_words(each) for each in self._machines}
        return tuple(sorted(found.items(), key=lambda each: each[1].casefold()))

    def _account_words(self, machine: Machine) -> str:
        return account_words(machine, self._accounts.get(machine.provider_account_id))

    def _on_error(self, error: MachinaError) -> None:
        self._header.set_count(None)
        self._states.show_error(error)

    def _on_retried(self) -> None:
        self._states.error.retry.set_busy(True)
        if self._live is not None:
            self._live.refresh()

    def _render(self) -> None:
        shown = self.machines_shown()
        self._list.set_machines(shown)
        if shown:
            self._states.show_content()
        elif self._machines:
            self._states.empty.set_message(
                self.tr("No machine matches"),
                self.tr("None of your machines passes the search and the filters."),
                self.tr("Clear search and filters"),
            )
            self._states.show_empty()
        else:
            self._states.empty.set_message(
                self.tr("Deploy your first machine"),
                self.tr("A practice machine runs on this computer in a minute: no account, no cost, real Terraform."),
                self.tr("Try it on this computer"),
            )
            self._states.show_empty()
        self._on_selection_changed()

    def _passes(self, machine: Machine) -> bool:
        wanted = self._filters.state()
        return (
            wanted.get("status", machine.actual_status) == machine.actual_status
            and wanted.get("account", machine.provider_account_id) == machine.provider_account_id
            and wanted.get("provider", machine.provider) == machine.provider
            and wanted.get("region", machine.region) == machine.region
            and all(word in self._haystack(machine) for word in self._search.casefold().split())
        )

    def _haystack(self, machine: Machine) -> str:
        words = (machine.name, address_of(machine), machine.private_ip or "", *machine.tags)
        return " ".join((*words, self._account_words(machine))).casefold()

    def _on_searched(self, text: str) -> None:
        self._search = text
        self._remember()
        self._render()

    def _on_filters_changed(self, _state: dict[str, str]) -> None:
        self._remember()
        self._render()

    def _on_look_changed(self) -> None:
        self._remember()
        self._show_look()

    def _show_look(self) -> None:
        grouping = Grouping(self._group.currentData() or "")
        self._list.set_look(is_table=self._toggle.current() == "table", grouping=grouping)

    def _show_view(self, view: dict[str, str]) -> None:
        """Put search, filters, groups and look of a saved view in force."""
        self._search = view.get("search", "")
        if self._header.search is not None:
            self._header.search.setText(self._search)
        self._group.setCurrentIndex(max(0, self._group.findData(view.get("group", ""))))
        self._toggle.set_current(view.get("view", "cards"))
        self._filters.restore(view)
        self._remember()
        self._render()

    def _remember(self) -> None:
        if self._is_restored:
            look = {"view": self._toggle.current(), "group": str(self._group.currentData() or "")}
            look |= self._filters.state()
            remember("machines", look)
            self._views.set_current({**look, "search": self._search.strip()})

    def _on_empty_action(self) -> None:
        if not self._machines:
            self.window_door.open_deploy_wizard()
        else:
            self._clear_filters()

    def _clear_filters(self) -> None:
        if self._header.search is not None:
            self._header.search.clear()
        self._filters.restore({})

    def _on_selection_changed(self) -> None:
        self._bar.show_selection(self._list.selected_machines(), self._infos)

    def _on_cleared(self) -> None:
        self._list.clear_selection()

    def _inspect(self, key: str) -> None:
        self.window_door.inspect("machine", key)

    def _on_menu(self, key: str, at: QPoint) -> None:
        chosen = self._list.selected_machines()
        menu = Menu(parent=self)
        menu.setObjectName("machines.menu")
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        _entry(menu, self.tr("Inspect"), "panel-right").triggered.connect(lambda: self._inspect(key))
        if len(chosen) == 1:
            self._add_copying(menu, chosen[0])
        menu.addSeparator()
        for action in Action:
            is_hidden = any(not is_offered(action, machine, self._infos) for machine in chosen)
            if is_hidden or (action in SINGLE and len(chosen) != 1):
                continue
            entry = _entry(menu, title_of(action, chosen[0] if chosen else None), LOOKS[action].icon_name)
            entry.setEnabled(applies(action, chosen, self._infos))
            entry.triggered.connect(lambda _checked=False, action=action: self._actions.run(action, chosen))
            if action in DANGEROUS:
                menu.mark_dangerous(entry)
        menu.popup(at)

    def _add_copying(self, menu: QMenu, machine: Machine) -> None:
        for title, text in (
            (self.tr("Copy address"), endpoint_of(machine)),
            (self.tr("Copy SSH command"), ssh_command(machine)),
        ):
            entry = _entry(menu, title, "copy")
            entry.setEnabled(bool(text))
            entry.triggered.connect(lambda _checked=False, text=text: copy_text(text))
        account = self._accounts.get(machine.provider_account_id)
        if address := console_of(machine, self._infos.get(machine.provider), account):
            _entry(menu, console_words(machine), ICON).triggered.connect(lambda: open_console(address))

    def _restore(self) -> None:
        """Put the remembered look in force; filters follow when their choices are known."""
        self._recalled = recall("machines")
        self._group.setCurrentIndex(max(0, self._group.findData(self._recalled.get("group", ""))))
        self._toggle.set_current(self._recalled.get("view", "cards"))
        self._show_look()

    def _restore_filters(self) -> None:
        if not self._is_restored:
            self._filters.restore(self._recalled)
            self._is_restored = True
            self._remember()


def _entry(menu: QMenu, title: str, icon_name: str) -> QAction:
    return menu.addAction(icon(icon_name), title)


def _statuses() -> tuple[tuple[str, str], ...]:
    return tuple((status.value, word_of(status).capitalize()) for status in MachineStatus if status != "terminated")


def _providers(machines: Iterable[Machine]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(machine.provider.value, provider_title(machine.provider)) for machine in machines}))


def _regions(machines: Iterable[Machine]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({(machine.region, machine.region) for machine in machines if machine.region}))


APP = App(
    name="machines",
    title="Machines",
    icon="server",
    page=MachinesPage,
    details={"machine": MachineDetail},
    searches=searches,
)
