"""The Deployments app: every run, newest first, and which of them wait for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from PySide6.QtCore import QCoreApplication, QTimer

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.ids import now
from machina_desktop.core.services.deployments import GetDeployment, ListDeployments
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import remembered, wording
from machina_desktop.views.apps.base import App, Window
from machina_desktop.views.apps.deployment_detail import DeploymentDetail
from machina_desktop.views.apps.deployment_words import counts_of, kind_icon, step_words, title_of
from machina_desktop.views.apps.list_page import ListPage
from machina_desktop.views.links import Link
from machina_desktop.views.list_panel import ListPanel, ListShape
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.models.status import Status, word_of
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.people import people_of
from machina_desktop.views.run_words import kind_word
from machina_desktop.views.searches import Finding, Search, search
from machina_desktop.views.server_custody import device_of, place_words
from machina_desktop.views.widgets.day_edit import DayRange
from machina_desktop.views.widgets.filter_bar import Filter
from machina_desktop.views.widgets.states import EmptyState

# Of older runs the palette knows those whose id or link is given to it.
FINDABLE = 2000
OPEN = "open"
RANGE = "range"
_PERIODS = {
    "day": timedelta(days=1),
    "week": timedelta(days=7),
    "month": timedelta(days=30),
}


def _tr(text: str) -> str:
    return QCoreApplication.translate("DeploymentsPage", text)


def _seconds(run: Deployment) -> float:
    return 0.0 if run.started_at is None else ((run.finished_at or now()) - run.started_at).total_seconds()


def _shape(bridge: Bridge, step_of: Callable[[Deployment], str]) -> ListShape[Deployment]:
    return ListShape(
        name="deployments",
        title=_tr("Deployments"),
        search=_tr("Filter by machine…"),
        key=lambda run: run.deployment_id,
        depends=frozenset({"deployment"}),
        filters=_filters(),
        columns=(
            Column(
                key="run",
                title=_tr("Deployment"),
                text=title_of,
                icon=lambda run: kind_icon(run.type),
                sort_key=lambda run: f"{run.machine_name} {run.type}",
                width=210,
                least=150,
                grows=2,
            ),
            Column(key="state", title=_tr("State"), status=lambda run: Status(run.state), width=150, least=140),
            Column(key="step", title=_tr("Step"), text=step_of, is_quiet=True, width=230, least=150, rank=4, grows=3),
            Column(key="plan", title=_tr("Plan"), text=counts_of, is_mono=True, is_quiet=True, width=100, rank=3),
            Column(
                key="by",
                title=_tr("Started by"),
                text=lambda run: wording.person(bridge, run.initiated_by),
                width=150,
                rank=2,
            ),
            *_places(bridge),
            Column(
                key="asked",
                title=_tr("Started"),
                text=lambda run: wording.moment(run.created_at),
                sort_key=lambda run: run.created_at.timestamp(),
                is_quiet=True,
                width=130,
                rank=1,
            ),
            Column(
                key="took",
                title=_tr("Duration"),
                text=lambda run: wording.since(run.started_at, run.finished_at),
                sort_key=_seconds,
                is_quiet=True,
                width=110,
                rank=1,
            ),
        ),
    )


def _places(bridge: Bridge) -> tuple[Column[Deployment], ...]:
    """Which program carries a run out; in a team of this computer there is only one."""
    device_id = device_of(bridge)
    if not device_id:
        return ()
    return (
        Column(
            key="place",
            title=_tr("Runs on"),
            text=lambda run: place_words(run.runs_on, device_id),
            icon=lambda run: "monitor" if run.runs_on else "server",
            width=140,
            least=120,
            rank=2,
        ),
    )


def _filters() -> tuple[Filter, ...]:
    states = tuple((state.value, word_of(state)) for state in DeploymentState)
    periods = (
        ("day", _tr("Last 24 hours")),
        ("week", _tr("Last 7 days")),
        ("month", _tr("Last 30 days")),
        (RANGE, _tr("Between two days…")),
    )
    return (
        Filter(key="state", any_title=_tr("Any state"), choices=((OPEN, _tr("not finished")), *states)),
        Filter(
            key="type",
            any_title=_tr("Any type"),
            choices=tuple((kind.value, kind_word(kind)) for kind in DeploymentType),
        ),
        Filter(key="machine", any_title=_tr("Any machine")),
        Filter(key="period", any_title=_tr("Any time"), choices=periods),
    )


class DeploymentsPage(ListPage[Deployment]):
    """Runs, newest first; the badge counts those that wait for approval, whatever is filtered."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("deployments")
        empty = EmptyState(
            icon_name="rocket",
            title=self.tr("Nothing has been deployed yet"),
            text=self.tr("Every run of Terraform appears here with its plan and its log."),
            action=self.tr("Deploy a machine"),
        )
        empty.setObjectName("deployments.empty")
        empty.activated.connect(window.open_deploy_wizard)
        self._progress: dict[str, ProgressMade] = {}
        self.days = DayRange("deployments", parent=self)
        self.days.hide()
        self.show_list(ListPanel(bridge, _shape(bridge, self._step_of), ask=self._request, empty=empty, parent=self))
        self.list.add_below_filters(self.days)
        self.days.changed.connect(self.list.refresh)
        self.list.filters.changed.connect(self._on_filtered)
        self.list.chosen.connect(lambda key: window.inspect("deployment", key))
        self.list.answered.connect(self._on_answered)
        self.days.setVisible(self.list.filters.state().get("period") == RANGE)
        self._ticking = QTimer(self, interval=1000)
        self._ticking.timeout.connect(lambda: self.list.table.viewport().update())
        bridge.when_settled(self._start)

    def hidden(self) -> None:
        super().hidden()
        self._ticking.stop()

    def _start(self) -> None:
        team = self.bridge.team_id
        self.bridge.progressed.connect(self._on_progress)
        people_of(self.bridge).changed.connect(self.list.table.viewport().update)
        LiveQuery(
            self.bridge,
            ListMachines(team_id=team, include_gone=True),
            depends=frozenset({"machine"}),
            on_answer=self._on_machines,
            on_error=lambda _error: None,
            parent=self,
        )

    def _step_of(self, run: Deployment) -> str:
        return step_words(run, self._progress.get(run.deployment_id))

    def _on_progress(self, progress: ProgressMade) -> None:
        self._progress[progress.deployment_id] = progress
        self.list.table.viewport().update()

    def _request(self, search: str, filters: dict[str, str]) -> Request[tuple[Deployment, ...]]:
        state, period = filters.get("state", ""), filters.get("period", "")
        since, until = None, None
        if period == RANGE:
            since, until = self.days.bounds()
        elif period:
            since = now() - _PERIODS[period]
        return ListDeployments(
            team_id=self.bridge.team_id,
            state=DeploymentState(state) if state and state != OPEN else None,
            only_open=state == OPEN,
            type=DeploymentType(filters["type"]) if "type" in filters else None,
            machine_id=filters.get("machine"),
            search=search,
            since=since,
            until=until,
        )

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        bar = self.list.filters
        bar.set_choices("machine", tuple((machine.machine_id, machine.name) for machine in machines))
        # A machine that was filtered by could not be chosen before the machines were known.
        kept = remembered.recall("deployments")
        if kept.get("machine") and "machine" not in bar.state():
            bar.restore(kept)

    def _on_filtered(self, filters: dict[str, str]) -> None:
        self.days.setVisible(filters.get("period") == RANGE)

    def _on_answered(self, runs: tuple[Deployment, ...]) -> None:
        if any(run.started_at is not None and not run.state.is_final for run in runs):
            self._ticking.start()
        else:
            self._ticking.stop()


def _finding(run: Deployment) -> Finding:
    return Finding(
        link=Link("deployment", run.deployment_id),
        title=title_of(run),
        # Not the icon of what is done: a run that rebooted must not look like the action that reboots.
        icon="rocket",
        detail=_tr("Run · {0}").format(wording.moment(run.created_at)),
        words=f"{run.deployment_id} {run.machine_id or ''}",
        status=Status(run.state),
    )


def _searches() -> tuple[Search, ...]:
    return (
        search(
            entity="deployment",
            title=_tr("Deployments"),
            request=lambda team: ListDeployments(team_id=team, limit=FINDABLE),
            depends=frozenset({"deployment"}),
            finding=_finding,
            one=lambda key: GetDeployment(deployment_id=key),
        ),
    )


APP = App(
    name="deployments",
    title="Deployments",
    icon="rocket",
    page=DeploymentsPage,
    details={"deployment": DeploymentDetail},
    searches=_searches,
)
