"""What the status bar tells about runs: how far the only one is, how many there are, what waits for the person."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QPainter

from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.views.models.status import mark_of
from machina_desktop.views.run_list import RunList
from machina_desktop.views.run_watch import RunWatch, doing
from machina_desktop.views.status_bar import Glyph, StatusBar, StatusItem
from machina_desktop.views.widgets.status import paint_glyph


class RunStatus(QObject):
    """Keeps the two items on the left of the status bar current. Pressed, they list the runs they stand for.

    Signals:
        chosen(str): A run was chosen, by its id: the only one an item stands for, or one from its list. Empty for the
            page of all deployments.
    """

    chosen = Signal(str)

    def __init__(self, watch: RunWatch, bar: StatusBar, *, parent: QObject) -> None:
        super().__init__(parent)
        self._watch = watch
        self._bar = bar
        self._list: RunList | None = None
        bar.runs.clicked.connect(self._on_runs_clicked)
        bar.approvals.clicked.connect(self._on_approvals_clicked)
        watch.open_changed.connect(lambda _runs: self.refresh())
        watch.progressed.connect(self.refresh)

    def refresh(self) -> None:
        """Tell how things stand now."""
        running, waiting, item = self._watch.running, self._watch.waiting, self._bar.runs
        queued = sum(run.state is DeploymentState.QUEUED for run in self._watch.open_runs)
        if len(running) == 1:
            self._show_one(running[0])
        elif running:
            text = self.tr("{0} deployments running").format(len(running))
            item.say(text, glyph=_glyph(running[0].state), is_moving=True)
        elif queued:
            item.say(self.tr("{0} queued").format(queued), glyph=_glyph(DeploymentState.QUEUED))
        else:
            self._bar.show_idle()
        self._bar.approvals.set_wanted(bool(waiting))
        if waiting:
            self._bar.approvals.say(
                self.tr("{0} awaiting approval").format(len(waiting)),
                glyph=_glyph(DeploymentState.AWAITING_APPROVAL),
                token="accent-warning",
                tip=self.tr("Show the plans that wait for you"),
            )

    @property
    def list(self) -> RunList | None:
        """The list of runs, while it is open."""
        return self._list

    def _active(self) -> tuple[Deployment, ...]:
        """What the first item stands for: what runs, and what will when its turn comes."""
        queued = tuple(run for run in self._watch.open_runs if run.state is DeploymentState.QUEUED)
        return (*self._watch.running, *queued)

    def _waiting(self) -> tuple[Deployment, ...]:
        return self._watch.waiting

    def _on_runs_clicked(self) -> None:
        self._open(self._bar.runs, self.tr("Running deployments"), self._active)

    def _on_approvals_clicked(self) -> None:
        self._open(self._bar.approvals, self.tr("Plans that await approval"), self._waiting)

    def _open(self, anchor: StatusItem, name: str, runs: Callable[[], tuple[Deployment, ...]]) -> None:
        found = runs()
        if len(found) < 2:
            self.chosen.emit(found[0].deployment_id if found else "")
            return
        self._list = RunList(name, self._watch, runs, parent=self._bar)
        self._list.chosen.connect(self.chosen)
        self._list.destroyed.connect(self._on_list_gone)
        self._list.open_at(anchor)

    def _on_list_gone(self) -> None:
        self._list = None

    def _show_one(self, run: Deployment) -> None:
        done, total = self._watch.steps(run.deployment_id)
        count = f"  {done}/{total}" if total else f"  {run.phase_detail}" if run.phase_detail else ""
        self._bar.runs.say(
            f"{doing(run)}{count}",
            glyph=_glyph(run.state),
            is_moving=True,
            steps=(done, total),
            tip=self.tr("Show this deployment"),
        )


def _glyph(state: DeploymentState) -> Glyph:
    mark = mark_of(state)

    def paint(painter: QPainter, box: QRectF) -> None:
        paint_glyph(painter, box, mark)

    return paint
