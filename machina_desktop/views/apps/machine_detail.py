"""One machine in the sidekick: what it is, how to reach it, what was done to it, what can be done now."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.console import console_of
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.host_pin import REMADE
from machina_desktop.core.domain.machine import OWN_HOST_KEY, PIN, RESCUE, Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderAccount, ProviderInfo, ProviderType
from machina_desktop.core.errors import Locked, MachinaError, NotFound
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.firewalls import ListFirewalls
from machina_desktop.core.services.keys import ListKeys
from machina_desktop.core.services.machines import GetMachine, UpdateMachine
from machina_desktop.core.services.providers import ListAccounts, ListProviders
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.apps.machine_access import MachineAccess
from machina_desktop.views.apps.machine_actions import Action, MachineActions, why_not
from machina_desktop.views.apps.machine_console import console_commands
from machina_desktop.views.apps.machine_editor import MachineEditor
from machina_desktop.views.apps.machine_firewall import MachineFirewall
from machina_desktop.views.apps.machine_foot import ActionFoot
from machina_desktop.views.apps.machine_looks import status_of
from machina_desktop.views.apps.machine_rescue import RescueBanner
from machina_desktop.views.apps.machine_text import drift_words, fact_title, what_to_do
from machina_desktop.views.apps.machine_timeline import Timeline
from machina_desktop.views.callout import Callout
from machina_desktop.views.commands import Command
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.provider_words import provider_title
from machina_desktop.views.rights import why_away
from machina_desktop.views.server_custody import CustodyActions, device_of, place_words, why_elsewhere
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import KeyValueList, Label
from machina_desktop.views.wording import full_moment

RUNS_SHOWN = 20


class MachineDetail(Detail):
    """Follows one machine live; its actions stand at the foot and stay in view."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("machine.detail")
        self._machine: Machine | None = None
        self._infos: dict[ProviderType, ProviderInfo] = {}
        self._accounts: dict[str, ProviderAccount] = {}
        self._drift = ""
        self._actions = MachineActions(bridge, window, self)
        self._problem = Callout("error")
        self._problem.setObjectName("machine.reason")
        self._advice = Callout("warning")
        self._advice.setObjectName("machine.advice")
        self._rescue = RescueBanner()
        self._rescue.leave_wanted.connect(lambda: self._on_action(Action.UNRESCUE, None))
        self._states = ListStates(self._build(), empty=EmptyState(icon_name="server", title=""), skeleton_rows=5)
        self._states.error.retried.connect(self._on_retried)
        self._states.show_loading()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._states)
        bridge.when_settled(self._start)

    @property
    def title(self) -> str:
        return self._machine.name if self._machine is not None else self.tr("Machine")

    def commands(self) -> Iterable[Command]:
        if self._machine is not None:
            yield from self._actions.commands((self._machine,), self._infos)
            yield from self._access.commands()
            yield from console_commands(self._machine, *self._provider_of(self._machine))
            yield self._protection(self._machine)

    def _provider_of(self, machine: Machine) -> tuple[ProviderInfo | None, ProviderAccount | None]:
        return self._infos.get(machine.provider), self._accounts.get(machine.provider_account_id)

    def _protection(self, machine: Machine) -> Command:
        words = self.tr("Take the protection off {0}") if machine.is_protected else self.tr("Protect {0}")
        wanted = UpdateMachine(machine_id=self.key, is_protected=not machine.is_protected)
        return Command(
            name="machine.protect",
            title=words.format(machine.name),
            group=self.tr("Machines"),
            icon="lock-open" if machine.is_protected else "lock",
            words=self.tr("destroy lock guard"),
            run=lambda: self._update(wanted),
        )

    def _build(self) -> QWidget:
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(Space.L, Space.M, Space.L, Space.L)
        column.setSpacing(Space.L)
        column.addLayout(self._build_head())
        column.addWidget(self._problem)
        column.addWidget(self._advice)
        column.addWidget(self._rescue)
        for title, body in (
            (self.tr("Connect"), self._build_access()),
            (self.tr("Timeline"), self._build_timeline()),
            (self.tr("Firewall"), self._build_firewall()),
            (self.tr("Machine"), self._build_about()),
            (self.tr("Found on it"), self._build_facts()),
            (self.tr("Labels"), self._build_editor()),
        ):
            column.addWidget(_section(title, body))
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        self._foot = ActionFoot()
        self._foot.chosen.connect(self._on_action)
        whole = QWidget()
        stacked = QVBoxLayout(whole)
        stacked.setContentsMargins(0, 0, 0, 0)
        stacked.setSpacing(0)
        stacked.addWidget(scroll, 1)
        stacked.addWidget(Divider())
        stacked.addWidget(self._foot)
        return whole

    def _build_head(self) -> Flow:
        self._status = StatusBadge()
        self._status.setObjectName("machine.status")
        self._practice = Badge(self.tr("practice"), icon_name="flask-conical")
        self._protected = Badge(self.tr("protected"), icon_name="lock")
        row = Flow()
        for badge in (self._status, self._practice, self._protected):
            row.addWidget(badge)
        return row

    def _build_access(self) -> QWidget:
        self._access = MachineAccess(self.bridge, self.window_door, parent=self)
        self._access.failed.connect(self._on_refused)
        return self._access

    def _build_firewall(self) -> QWidget:
        self._firewall = MachineFirewall()
        self._firewall.change_wanted.connect(lambda: self._on_action(Action.FIREWALL, None))
        return self._firewall

    def _build_about(self) -> QWidget:
        self._about = KeyValueList()
        for key, name in (
            ("provider", self.tr("Provider")),
            ("account", self.tr("Account")),
            ("region", self.tr("Region")),
            ("size", self.tr("Size")),
            ("image", self.tr("Image")),
            ("keeper", self.tr("Worked on by")),
            ("created", self.tr("Created")),
        ):
            self._about.add_text(key, name)
        self._about.add_copyable("resource", self.tr("Provider id"))
        self._about.add_copyable("id", self.tr("Id"))
        self._hand_over = Button(self.tr("Hand over…"), icon_name="server")
        self._hand_over.setObjectName("machine.hand_over")
        self._hand_over.clicked.connect(self._on_hand_over)
        self._custody = CustodyActions(
            self.bridge,
            tell=lambda text: self.window_door.notify(text, kind="success"),
            failed=self._on_refused,
            parent=self,
        )
        whole = QWidget()
        column = QVBoxLayout(whole)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._about)
        column.addWidget(self._hand_over)
        return whole

    def _build_facts(self) -> QWidget:
        self._facts = KeyValueList()
        self._facts_known: set[str] = set()
        return self._facts

    def _build_editor(self) -> QWidget:
        self._editor = MachineEditor()
        self._editor.tags_edited.connect(lambda tags: self._update(UpdateMachine(machine_id=self.key, tags=tags)))
        self._editor.notes_edited.connect(lambda notes: self._update(UpdateMachine(machine_id=self.key, notes=notes)))
        self._editor.protection_edited.connect(
            lambda is_protected: self._update(UpdateMachine(machine_id=self.key, is_protected=is_protected))
        )
        return self._editor

    def _build_timeline(self) -> QWidget:
        self._timeline = Timeline()
        self._timeline.chosen.connect(lambda key: self.window_door.inspect("deployment", key))
        return self._timeline

    def _on_error(self, error: MachinaError) -> None:
        if isinstance(error, NotFound):
            self._states.empty.set_message(self.tr("No longer here"), self.tr("It was deleted meanwhile."))
            self._states.show_empty()
        else:
            self._states.show_error(error)

    def _start(self) -> None:
        team = self.bridge.team_id
        servers_of(self.bridge).changed.connect(self._render)
        self._live = LiveQuery(
            self.bridge,
            GetMachine(machine_id=self.key),
            depends=frozenset({"machine"}),
            on_answer=self._on_machine,
            on_error=self._on_error,
            parent=self,
        )
        LiveQuery(
            self.bridge,
            ListDeployments(team_id=team, machine_id=self.key, limit=RUNS_SHOWN),
            depends=frozenset({"deployment"}),
            on_answer=self._on_deployments,
            on_error=self._on_side_error,
            parent=self,
        )
        LiveQuery(
            self.bridge,
            ListAccounts(team_id=team),
            depends=frozenset({"provider_account"}),
            on_answer=self._on_accounts,
            on_error=self._on_side_error,
            parent=self,
        )
        LiveQuery(
            self.bridge,
            ListFirewalls(team_id=team),
            depends=frozenset({"firewall_profile"}),
            on_answer=self._firewall.show_profiles,
            on_error=self._on_side_error,
            parent=self,
        )
        LiveQuery(
            self.bridge,
            ListKeys(team_id=team),
            depends=frozenset({"ssh_key"}),
            on_answer=self._access.show_keys,
            on_error=self._on_side_error,
            parent=self,
        )
        LiveQuery(
            self.bridge,
            ListProviders(),
            depends=frozenset(),
            on_answer=self._on_providers,
            on_error=self._on_side_error,
            parent=self,
        )

    def _on_machine(self, machine: Machine) -> None:
        self._machine = machine
        self.setWindowTitle(machine.name)
        self._render()
        self._states.show_content()

    def _on_deployments(self, deployments: tuple[Deployment, ...]) -> None:
        self._timeline.set_deployments(deployments)
        self._firewall.show_runs(deployments)
        self._drift = drift_words(deployments)
        self._render()

    def _on_accounts(self, accounts: tuple[ProviderAccount, ...]) -> None:
        self._accounts = {account.provider_account_id: account for account in accounts}
        self._render()

    def _on_providers(self, infos: tuple[ProviderInfo, ...]) -> None:
        self._infos = {info.type: info for info in infos}
        self._render()

    def _on_side_error(self, error: MachinaError) -> None:
        """What stands beside the machine is missing; the machine itself is shown all the same."""
        self._foot.setToolTip(str(error))

    def _on_refused(self, error: MachinaError) -> None:
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        else:
            self._problem.say_error(error)

    def _on_retried(self) -> None:
        self._states.error.retry.set_busy(True)
        self._live.refresh()

    def _on_action(self, action: object, button: object) -> None:
        if self._machine is not None:
            self._actions.run(action, (self._machine,), busy=button)  # type: ignore[arg-type]

    def _update(self, ask: UpdateMachine) -> None:
        tasks.ask(self.bridge, ask, owner=self)

    def _render(self) -> None:
        machine = self._machine
        if machine is None:
            return
        self._status.set_status(status_of(machine))
        self._practice.setVisible(machine.is_practice)
        self._protected.setVisible(machine.is_protected)
        self._render_problem(machine)
        self._render_values(machine)
        self._editor.show_machine(machine)
        elsewhere = why_elsewhere(machine, device_of(self.bridge))
        away = why_away(self.bridge, "machine.reboot", machine.team_id) or elsewhere
        console = console_of(machine, *self._provider_of(machine))
        self._foot.show_machine(machine, self._infos, away=away, console=console)
        self._rescue.show_machine(machine, why_not=away or why_not(Action.UNRESCUE, machine, self._infos))
        info = self._infos.get(machine.provider)
        self._firewall.show_machine(machine, why_not=away or why_not(Action.FIREWALL, machine, self._infos))
        _show_section(self._firewall, is_shown=info is not None and info.has_firewalls and not machine.is_gone)

    def _render_problem(self, machine: Machine) -> None:
        advice = what_to_do(machine, self._infos.get(machine.provider))
        is_wrong = machine.actual_status is MachineStatus.ERROR
        self._problem.clear()
        self._advice.clear()
        if is_wrong:
            self._problem.say(machine.status_reason or self.tr("Something went wrong with it."), advice)
        elif self._drift and not machine.status_reason and not machine.is_gone:
            self._advice.say(self.tr("It was changed outside of Machina."), self._drift)
        elif machine.status_reason or advice:
            self._advice.say(machine.status_reason or advice, advice if machine.status_reason else "")

    def _render_values(self, machine: Machine) -> None:
        self._access.show_machine(machine)
        account = self._accounts.get(machine.provider_account_id)
        values = {
            "provider": provider_title(machine.provider),
            "account": account.label if account is not None else "",
            "region": " · ".join(part for part in (machine.region, machine.zone or "") if part),
            "size": machine.size,
            "image": machine.image,
            "keeper": place_words(machine.state_keeper, device_of(self.bridge)),
            "created": full_moment(machine.created_at),
            "resource": machine.provider_resource_id or "",
            "id": machine.machine_id,
        }
        self._about.set_values(values)
        for key in ("region", "size", "image"):
            self._about.set_row_visible(key, bool(values[key]) and not machine.is_practice)
        self._about.set_row_visible("keeper", bool(values["keeper"]))
        self._render_keeper(machine)
        self._about.set_row_visible("resource", bool(values["resource"]))
        self._render_facts(machine)

    def _render_keeper(self, machine: Machine) -> None:
        device, info = device_of(self.bridge), self._infos.get(machine.provider)
        is_movable = not (info is not None and info.is_on_this_computer) and not machine.is_gone
        self._hand_over.setVisible(bool(device) and machine.state_keeper == device and is_movable)

    def _on_hand_over(self) -> None:
        if self._machine is not None:
            self._problem.clear()
            account = self._accounts.get(self._machine.provider_account_id)
            self._custody.hand_over(self._machine, account=account, busy=self._hand_over)

    def _render_facts(self, machine: Machine) -> None:
        # What a banner or the way in tells is no finding.
        told = {RESCUE, OWN_HOST_KEY, PIN, REMADE}
        facts = {key: text for key, text in machine.facts.items() if key not in told}
        for key in sorted(facts.keys() - self._facts_known):
            self._facts.add_text(key, fact_title(key))
            self._facts_known.add(key)
        self._facts.set_values({key: facts.get(key, "") for key in self._facts_known})
        for key in self._facts_known:
            self._facts.set_row_visible(key, key in facts)
        _show_section(self._facts, is_shown=bool(facts))
        # There is no way in any more.
        _show_section(self._access, is_shown=not machine.is_gone)


def _show_section(body: QWidget, *, is_shown: bool) -> None:
    section = body.parentWidget()
    if section is not None:
        section.setVisible(is_shown)


def _section(title: str, body: QWidget) -> QWidget:
    whole = QWidget()
    column = QVBoxLayout(whole)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(Space.S)
    column.addWidget(Label(title, style=Type.LABEL, tone="secondary"))
    column.addWidget(body)
    return whole
