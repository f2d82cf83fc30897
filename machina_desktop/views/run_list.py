"""The runs behind a figure of the status bar: a list that follows them while it is open; each leads to its run."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QRectF, QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.views.models.status import mark_of, word_of
from machina_desktop.views.popup import Popup, PopupRow
from machina_desktop.views.run_watch import RunWatch, doing
from machina_desktop.views.widgets.motion import Animation
from machina_desktop.views.widgets.status import paint_glyph
from machina_desktop.views.widgets.text import IconLabel

_GLYPH = 12


class RunList(Popup):
    """Closes by itself when nothing is left to show.

    Signals:
        chosen(str): A run was chosen: its id; empty for the page of all deployments.
    """

    chosen = Signal(str)

    def __init__(
        self, name: str, watch: RunWatch, runs: Callable[[], tuple[Deployment, ...]], *, parent: QWidget
    ) -> None:
        """``runs`` tells which to show; it is asked again whenever the watch has news."""
        super().__init__(name, parent=parent)
        self._watch = watch
        self._runs = runs
        self._listed: dict[str, _RunRow] = {}
        every = PopupRow(self.tr("All deployments"), leading=IconLabel("rocket"))
        every.setObjectName("runs.all")
        every.clicked.connect(lambda: self._on_chosen(""))
        self.add_to_foot(every)
        watch.open_changed.connect(self.refresh)
        watch.progressed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show how things stand now; rows keep their place and the keyboard."""
        runs = self._runs()
        ids = {run.deployment_id for run in runs}
        for key in [key for key in self._listed if key not in ids]:
            row = self._listed.pop(key)
            row.hide()
            row.deleteLater()
        for run in runs:
            row = self._listed.get(run.deployment_id) or self._add(run)
            row.show_run(run, self._watch.steps(run.deployment_id))
        if not runs:
            self.close()
        elif self.isVisible():
            self.adjust_height()

    def _add(self, run: Deployment) -> _RunRow:
        row = _RunRow(run)
        row.clicked.connect(lambda _checked=False, key=run.deployment_id: self._on_chosen(key))
        self._listed[run.deployment_id] = row
        self.add_row(row)
        return row

    def _on_chosen(self, key: str) -> None:
        self.close()
        self.chosen.emit(key)


class _RunRow(PopupRow):
    """What one run does, and how far it is."""

    def __init__(self, run: Deployment) -> None:
        self._glyph = _Glyph(run.state)
        super().__init__(doing(run), leading=self._glyph)
        self.setObjectName(f"run.{run.deployment_id}")

    def show_run(self, run: Deployment, steps: tuple[int, int]) -> None:
        """Show the run as it is now; ``steps`` are done and to do, 0 when that is not known."""
        done, total = steps
        self._glyph.set_state(run.state)
        self.say(doing(run), _stage(run, done, total))
        self.set_progress(done, total)


class _Glyph(QWidget):
    """The sign of a run's state."""

    def __init__(self, state: DeploymentState) -> None:
        super().__init__()
        self._mark = mark_of(state)
        self._animation = Animation(self)
        self.setFixedSize(QSize(_GLYPH + 6, _GLYPH))
        self.set_state(state)

    def set_state(self, state: DeploymentState) -> None:
        """Show another state."""
        self._mark = mark_of(state)
        self._animation.set_active(self._mark.is_moving)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        paint_glyph(QPainter(self), QRectF(3, 0, _GLYPH, _GLYPH), self._mark)


def _stage(run: Deployment, done: int, total: int) -> str:
    plan = run.plan_summary
    if run.state is DeploymentState.AWAITING_APPROVAL and plan is not None:
        return _tr("{0} to add, {1} to change, {2} to destroy").format(plan.add, plan.change, plan.remove)
    word = word_of(run.state)
    if total:
        return _tr("{0} · {1} of {2} resources").format(word, done, total)
    return f"{word} · {run.phase_detail}" if run.phase_detail else word


def _tr(text: str) -> str:
    return QCoreApplication.translate("RunList", text)
