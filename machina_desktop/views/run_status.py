"""What the status bar tells about runs: how far the only one is, how many there are, what waits for the person."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QPainter

from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.views.models.status import mark_of
from machina_desktop.views.run_watch import RunWatch, doing
from machina_desktop.views.status_bar import Glyph, StatusBar
from machina_desktop.views.widgets.status import paint_glyph


class RunStatus(QObject):
    """Keeps the two items on the left of the status bar current.

    Signals:
        chosen(str): An item was pressed: the only run it stands for, or empty when there are several.
    """

    chosen = Signal(str)

    def __init__(self, watch: RunWatch, bar: StatusBar, *, parent: QObject) -> None:
        super().__init__(parent)
        self._watch = watch
        self._bar = bar
        bar.runs.clicked.connect(lambda: self.chosen.emit(_only(watch.running)))
        bar.approvals.clicked.connect(lambda: self.chosen.emit(_only(watch.waiting)))
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
        self._bar.approvals.setVisible(bool(waiting))
        if waiting:
            self._bar.approvals.say(
                self.tr("{0} awaiting approval").format(len(waiting)),
                glyph=_glyph(DeploymentState.AWAITING_APPROVAL),
                token="accent-warning",
                tip=self.tr("Show the plans that wait for you"),
            )

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


def _only(runs: tuple[Deployment, ...]) -> str:
    return runs[0].deployment_id if len(runs) == 1 else ""
