"""The top of a deployment's detail: where it stands, how far it is, and what a person has to know about it now."""

from __future__ import annotations

from datetime import timedelta

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.config import APPROVAL_HOURS
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.ids import now
from machina_desktop.views import wording
from machina_desktop.views.apps.deployment_actions import FORCE_AFTER, is_cancelling
from machina_desktop.views.apps.deployment_words import phase_word
from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.feedback import Progress
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import ElidedLabel, Label

_WORKING = frozenset({DeploymentState.PLANNING, DeploymentState.APPLYING})
# What `find_engine` refuses with.
_ABOUT_THE_ENGINE = frozenset({"E-TF-MISSING", "E-TF-OLD", "E-TF-BROKEN"})


class DeploymentHeader(QWidget):
    """State, phase, elapsed time and, while it works, progress."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: Deployment | None = None
        self._progress: ProgressMade | None = None
        self.badge = StatusBadge()
        self.badge.setObjectName("deployment.state")
        self.phase = ElidedLabel(tone="secondary")
        self.phase.setObjectName("deployment.phase")
        self.elapsed = Label(tone="secondary", style=Type.SECONDARY)
        self.elapsed.setObjectName("deployment.elapsed")
        self.bar = Progress(name=self.tr("Progress"))
        self.bar.setObjectName("deployment.progress")
        line = QHBoxLayout()
        line.setSpacing(Space.S)
        line.addWidget(self.badge)
        line.addWidget(self.phase, 1)
        line.addWidget(self.elapsed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addLayout(line)
        column.addWidget(self.bar)

    def show_run(self, run: Deployment) -> None:
        """Show the run as it stands; to be called again as time passes."""
        if self._run is not None and run.state is not self._run.state:
            self._progress = None
        self._run = run
        self.badge.set_status(run.state)
        self._render(run)

    def show_progress(self, progress: ProgressMade) -> None:
        """Show how far the run is within its state."""
        self._progress = progress
        if self._run is not None:
            self._render(self._run)

    def _render(self, run: Deployment) -> None:
        is_working = run.state in _WORKING
        done, total = (self._progress.done, self._progress.total) if self._progress is not None else (0, 0)
        phase = self._progress.phase if self._progress is not None else run.phase_detail
        count = self.tr("  {0} of {1}").format(done, total) if total else ""
        self.phase.setText(f"{phase_word(phase)}{count}" if is_working else self._resting_words(run))
        self.elapsed.setText("" if run.started_at is None else wording.since(run.started_at, run.finished_at))
        self.bar.setVisible(is_working)
        self.bar.set_progress(done, total)

    def _resting_words(self, run: Deployment) -> str:
        if run.state is DeploymentState.QUEUED:
            return self.tr("waits for its turn")
        return "" if run.finished_at is None else wording.moment(run.finished_at)


class DeploymentRemarks(QWidget):
    """Why it failed, how long the plan stays good, or that it is being cancelled.

    Attributes:
        approval_hours: How long an unapproved plan is kept.

    Signals:
        settings_wanted: What went wrong is put right in Settings, and the person wants to go there.
    """

    settings_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.approval_hours = APPROVAL_HOURS.default
        self.failure = Callout("error")
        self.failure.setObjectName("deployment.failure")
        self._settings = Button(self.tr("Open Settings"), icon_name="settings")
        self._settings.setObjectName("deployment.open_settings")
        self._settings.clicked.connect(self.settings_wanted)
        self.failure.add_button(self._settings)
        self.waiting = Callout("warning")
        self.waiting.setObjectName("deployment.waiting")
        self.cancelling = Callout("warning")
        self.cancelling.setObjectName("deployment.cancelling")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for remark in (self.failure, self.waiting, self.cancelling):
            column.addWidget(remark)

    def show_run(self, run: Deployment) -> None:
        """Say what fits the run as it stands; to be called again as time passes."""
        if run.error_message:
            self._say_failure(run)
        else:
            self.failure.clear()
        if run.state is DeploymentState.AWAITING_APPROVAL:
            self._say_waiting(run)
        else:
            self.waiting.clear()
        if is_cancelling(run):
            self._say_cancelling(run)
        else:
            self.cancelling.clear()
        self.setVisible(any(not each.isHidden() for each in (self.failure, self.waiting, self.cancelling)))

    def _say_failure(self, run: Deployment) -> None:
        message = run.error_message or ""
        details = (
            f"{run.error_code}: {message} {run.error_hint}\n"
            f"{run.type.value} of {run.machine_name}, {run.deployment_id}, attempt {run.attempt}, "
            f"asked for at {run.created_at.isoformat()}"
        )
        # No Terraform, or one that cannot serve: which one is used is a setting.
        self._settings.setVisible(run.error_code in _ABOUT_THE_ENGINE)
        self.failure.say(message, run.error_hint, code=run.error_code, details=details)

    def _say_waiting(self, run: Deployment) -> None:
        expires = run.updated_at + timedelta(hours=self.approval_hours)
        left = expires - now()
        if left > timedelta(0):
            words = self.tr("Unless approved, it is discarded in {0} ({1}).")
            text = words.format(wording.span(_coarse(left)), wording.moment(expires))
        else:
            text = self.tr("Its time is over; it is about to be discarded.")
        self.waiting.say(self.tr("Read the plan, then approve or discard it."), text)

    def _say_cancelling(self, run: Deployment) -> None:
        waited = timedelta(0) if run.cancel_requested_at is None else now() - run.cancel_requested_at
        seconds = max(0, int(waited.total_seconds()))
        if run.cancel_level > 1:
            self.cancelling.say(
                self.tr("Forced to stop, waiting for Terraform to end ({0} s)").format(seconds),
                self.tr("The machine is examined afterwards, before anything else runs."),
            )
            return
        hint = self.tr("The provider brings what it is doing to an end; that may take a while.")
        if waited >= FORCE_AFTER:
            hint = self.tr("It takes long. Waiting is safe; forcing may lose track of what is being made.")
        self.cancelling.say(self.tr("Cancelling, waiting for the provider ({0} s)").format(seconds), hint)


def _coarse(left: timedelta) -> timedelta:
    """Whole minutes: a deadline hours away does not tick by the second."""
    return left if left < timedelta(minutes=2) else timedelta(minutes=left // timedelta(minutes=1))
