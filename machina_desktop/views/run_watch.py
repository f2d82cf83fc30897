"""The runs of the team in view: which are open now, and when one ends or begins to wait for a person."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.services.deployments import GetDeployment, ListDeployments
from machina_desktop.views import tasks
from machina_desktop.views.models.live_query import LiveQuery

# Runs that begin and end between two questions are found among the newest few.
RECENT = 20
# So many runs are remembered with their team, for notices that are read later.
KEPT = 500


class RunWatch(QObject):
    """Follows deployments by asking again after each change, and tells what is new in them.

    What was already so at the first answer is not told. Start it when the core has settled; when another team comes
    into view it begins anew with that one.

    Signals:
        open_changed(object): ``tuple[Deployment, ...]``, every run that has not ended, newest first.
        progressed(): The step counts of some open run moved.
        ended(object): A ``Deployment`` that has just succeeded, failed or been cancelled.
        awaits_approval(object): A ``Deployment`` whose plan has just become ready.
        decided(object): A ``Deployment`` whose plan does not wait any more.
    """

    open_changed = Signal(object)
    progressed = Signal()
    ended = Signal(object)
    awaits_approval = Signal(object)
    decided = Signal(object)

    def __init__(self, bridge: Bridge, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._states: dict[str, DeploymentState] = {}
        self._open: tuple[Deployment, ...] = ()
        self._steps: dict[str, tuple[int, int]] = {}
        self._is_primed = {"open": False, "recent": False}
        self._team_of: dict[str, str] = {}
        self._open_query: LiveQuery[tuple[Deployment, ...]] | None = None
        self._recent_query: LiveQuery[tuple[Deployment, ...]] | None = None
        bridge.progressed.connect(self._on_progress)
        bridge.team_changed.connect(lambda _team_id: self._begin_anew())

    def start(self) -> None:
        """Begin to ask. Only after the bridge has settled."""
        depends = frozenset({"deployment"})
        self._open_query = LiveQuery(
            self._bridge,
            self._ask_open(),
            depends=depends,
            on_answer=self._on_open,
            on_error=lambda _error: None,
            parent=self,
        )
        self._recent_query = LiveQuery(
            self._bridge,
            self._ask_recent(),
            depends=depends,
            on_answer=lambda runs: self._learn(runs, "recent"),
            on_error=lambda _error: None,
            parent=self,
        )

    @property
    def open_runs(self) -> tuple[Deployment, ...]:
        """Every run that has not ended, newest first."""
        return self._open

    @property
    def running(self) -> tuple[Deployment, ...]:
        """Runs that a runner works on now."""
        return tuple(run for run in self._open if is_running(run))

    @property
    def waiting(self) -> tuple[Deployment, ...]:
        """Runs whose plan waits for approval."""
        return tuple(run for run in self._open if run.state is DeploymentState.AWAITING_APPROVAL)

    def team_of(self, deployment_id: str) -> str:
        """The team of a run that was seen lately, also when that team is no longer in view; else empty."""
        return self._team_of.get(deployment_id, "")

    def steps(self, deployment_id: str) -> tuple[int, int]:
        """Resources done and to do; a total of 0 means not known."""
        return self._steps.get(deployment_id, (0, 0))

    def _ask_open(self) -> ListDeployments:
        return ListDeployments(team_id=self._bridge.team_id, only_open=True)

    def _ask_recent(self) -> ListDeployments:
        return ListDeployments(team_id=self._bridge.team_id, limit=RECENT)

    def _begin_anew(self) -> None:
        """Forget the former team's runs at once; an answer about them that is still under way is dropped."""
        if self._open_query is None or self._recent_query is None:
            return
        self._states, self._steps, self._open = {}, {}, ()
        self._is_primed = {"open": False, "recent": False}
        self._open_query.ask(self._ask_open())
        self._recent_query.ask(self._ask_recent())
        self.open_changed.emit(())

    def _on_open(self, runs: tuple[Deployment, ...]) -> None:
        gone = [
            run.deployment_id for run in self._open if run.deployment_id not in {each.deployment_id for each in runs}
        ]
        self._open = runs
        self._steps = {key: steps for key, steps in self._steps.items() if key not in gone}
        self._learn(runs, "open")
        self.open_changed.emit(runs)
        for deployment_id in gone:
            self._look_after(deployment_id)

    def _look_after(self, deployment_id: str) -> None:
        """Find out how a run that is no longer open has ended."""

        def failed(_error: MachinaError) -> None:
            self._states.pop(deployment_id, None)

        def done(run: Deployment) -> None:
            # Meanwhile another team may have come into view.
            if run.team_id == self._bridge.team_id:
                self._learn((run,), "open")

        tasks.ask(
            self._bridge,
            GetDeployment(deployment_id=deployment_id),
            owner=self,
            done=done,
            failed=failed,
        )

    def _learn(self, runs: tuple[Deployment, ...], source: str) -> None:
        is_news = all(self._is_primed.values())
        self._is_primed[source] = True
        for run in runs:
            known = self._states.get(run.deployment_id)
            # Two questions may be answered out of order; a run that has ended stays ended.
            if known is run.state or (known is not None and known.is_final):
                continue
            self._states[run.deployment_id] = run.state
            self._keep_team(run)
            if not is_news:
                continue
            if known is DeploymentState.AWAITING_APPROVAL:
                self.decided.emit(run)
            if run.state.is_final:
                self.ended.emit(run)
            elif run.state is DeploymentState.AWAITING_APPROVAL:
                self.awaits_approval.emit(run)

    def _keep_team(self, run: Deployment) -> None:
        self._team_of[run.deployment_id] = run.team_id
        while len(self._team_of) > KEPT:
            del self._team_of[next(iter(self._team_of))]

    def _on_progress(self, event: ProgressMade) -> None:
        self._steps[event.deployment_id] = (event.done, event.total)
        self.progressed.emit()


def is_running(run: Deployment) -> bool:
    """Whether a runner works on it now."""
    return run.state in (DeploymentState.PLANNING, DeploymentState.APPLYING)


def doing(run: Deployment) -> str:
    """What a run is doing, in words: ``Creating web-1``."""
    words = {
        DeploymentType.CREATE: _tr("Creating {0}"),
        DeploymentType.UPDATE: _tr("Updating {0}"),
        DeploymentType.DESTROY: _tr("Destroying {0}"),
        DeploymentType.REBOOT: _tr("Rebooting {0}"),
        DeploymentType.START: _tr("Starting {0}"),
        DeploymentType.STOP: _tr("Stopping {0}"),
        DeploymentType.RESTART_SERVICE: _tr("Restarting a service of {0}"),
        DeploymentType.REBUILD: _tr("Rebuilding {0}"),
        DeploymentType.SNAPSHOT: _tr("Taking a snapshot of {0}"),
        DeploymentType.RESCUE: _tr("Switching the rescue system of {0}"),
        DeploymentType.REFRESH: _tr("Refreshing {0}"),
    }
    return words[run.type].format(run.machine_name).strip()


def outcome(run: Deployment) -> str:
    """What came of a run, in words, as a sentence: ``web-1 is running``."""
    if run.state is DeploymentState.CANCELLED:
        return _tr("{0} was cancelled.").format(doing(run))
    words = _done_words() if run.state is DeploymentState.SUCCEEDED else _failed_words()
    return words[run.type].format(run.machine_name or _tr("The deployment"))


def _done_words() -> dict[DeploymentType, str]:
    return {
        DeploymentType.CREATE: _tr("{0} is running."),
        DeploymentType.UPDATE: _tr("{0} is up to date."),
        DeploymentType.DESTROY: _tr("{0} is destroyed."),
        DeploymentType.REBOOT: _tr("{0} has rebooted."),
        DeploymentType.START: _tr("{0} is running."),
        DeploymentType.STOP: _tr("{0} is stopped."),
        DeploymentType.RESTART_SERVICE: _tr("{0} has its service restarted."),
        DeploymentType.REBUILD: _tr("{0} is rebuilt."),
        DeploymentType.SNAPSHOT: _tr("{0} has a new snapshot."),
        DeploymentType.RESCUE: _tr("{0} has its rescue system switched."),
        DeploymentType.REFRESH: _tr("{0} was compared with its plan."),
    }


def _failed_words() -> dict[DeploymentType, str]:
    return {
        DeploymentType.CREATE: _tr("{0} was not created."),
        DeploymentType.UPDATE: _tr("{0} was not updated."),
        DeploymentType.DESTROY: _tr("{0} was not destroyed."),
        DeploymentType.REBOOT: _tr("{0} was not rebooted."),
        DeploymentType.START: _tr("{0} was not started."),
        DeploymentType.STOP: _tr("{0} was not stopped."),
        DeploymentType.RESTART_SERVICE: _tr("{0} has not restarted its service."),
        DeploymentType.REBUILD: _tr("{0} was not rebuilt."),
        DeploymentType.SNAPSHOT: _tr("No snapshot was taken of {0}."),
        DeploymentType.RESCUE: _tr("{0} has not switched its rescue system."),
        DeploymentType.REFRESH: _tr("{0} could not be refreshed."),
    }


def _tr(text: str) -> str:
    return QCoreApplication.translate("Run", text)
