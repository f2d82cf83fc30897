"""What a person can do about a deployment now: approve, discard, cancel, force, try again, open its machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.ids import now
from machina_desktop.core.services.deployments import ApproveDeployment, CancelDeployment
from machina_desktop.core.services.machines import (
    RebootMachine,
    RefreshMachine,
    RetryMachine,
    StartMachine,
    StopMachine,
)
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.apps.deployment_words import title_of
from machina_desktop.views.commands import Command
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.flow import Flow

FORCE_AFTER = timedelta(seconds=30)

_AGAIN: dict[DeploymentType, Callable[[str], Request[Deployment]]] = {
    DeploymentType.CREATE: lambda machine_id: RetryMachine(machine_id=machine_id),
    DeploymentType.UPDATE: lambda machine_id: RetryMachine(machine_id=machine_id),
    DeploymentType.REFRESH: lambda machine_id: RefreshMachine(machine_id=machine_id),
    DeploymentType.REBOOT: lambda machine_id: RebootMachine(machine_id=machine_id),
    DeploymentType.START: lambda machine_id: StartMachine(machine_id=machine_id),
    DeploymentType.STOP: lambda machine_id: StopMachine(machine_id=machine_id),
}
_CANCELLABLE = frozenset({DeploymentState.QUEUED, DeploymentState.PLANNING, DeploymentState.APPLYING})


def is_cancelling(run: Deployment) -> bool:
    """Whether a cancel was asked for and the run has not ended yet."""
    return run.cancel_level > 0 and not run.state.is_final


def may_force(run: Deployment) -> bool:
    """Whether the provider has had its 30 s to come to an end by itself."""
    if not is_cancelling(run) or run.cancel_level > 1 or run.cancel_requested_at is None:
        return False
    return now() - run.cancel_requested_at >= FORCE_AFTER


def _is_offered(button: Button) -> bool:
    return not button.isHidden() and button.isEnabled()


class DeploymentActions(QWidget):
    """The buttons that fit the state; the one that goes on first, the one that ends it at the right.

    Signals:
        failed: What was asked for was refused (MachinaError).
        asked: Something is asked now; remarks about what went wrong before are out of date.
        restarted: A new deployment tries again (Deployment).
        machine_wanted: The machine is to be shown: its id (str).
        focus_freed: What was asked for from the keyboard is under way; the focus is free for what shows it.
    """

    failed = Signal(object)
    asked = Signal()
    restarted = Signal(object)
    machine_wanted = Signal(str)
    focus_freed = Signal()

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._run: Deployment | None = None
        self._machine: Machine | None = None
        self.approve = self._button("approve", self.tr("Approve"), ButtonKind.PRIMARY, "check", self._on_approve)
        self.discard = self._button("discard", self.tr("Discard"), ButtonKind.SECONDARY, "", self._on_discard)
        self.retry = self._button("retry", self.tr("Try again"), ButtonKind.PRIMARY, "rotate-cw", self._on_retry)
        self.open_machine = self._button(
            "open_machine", self.tr("Open machine"), ButtonKind.PRIMARY, "server", self._on_open_machine
        )
        self.cancel = self._button("cancel", self.tr("Cancel…"), ButtonKind.DANGER, "", self._on_cancel)
        self.force = self._button("force", self.tr("Force…"), ButtonKind.DANGER, "zap", self._on_force)
        row = Flow(self)
        for button in (self.approve, self.discard, self.retry, self.open_machine):
            row.addWidget(button)
        row.add_apart(self.cancel)
        row.add_apart(self.force)

    def show_run(self, run: Deployment) -> None:
        """Offer what fits the run as it stands now; to be called again as time passes."""
        self._run = run
        awaits = run.state is DeploymentState.AWAITING_APPROVAL
        self._show_approve(run)
        self.approve.setVisible(awaits)
        self.discard.setVisible(awaits)
        self.cancel.setVisible(run.state in _CANCELLABLE and not is_cancelling(run))
        self.force.setVisible(may_force(run))
        self.retry.setVisible(self._may_retry(run))
        self.open_machine.setVisible(self._has_machine(run))

    def has_any(self) -> bool:
        """Whether there is something to do."""
        buttons = (self.approve, self.cancel, self.force, self.retry, self.open_machine)
        return any(not button.isHidden() for button in buttons)

    def commands(self) -> Iterator[Command]:
        """What the buttons that are shown do, naming the run."""
        run = self._run
        if run is None:
            return
        for name, button, title, icon_name, act in (
            ("approve", self.approve, self.tr("Approve the plan: {0}"), "check", self._on_approve),
            ("discard", self.discard, self.tr("Discard the plan: {0}"), "x", self._on_discard),
            ("retry", self.retry, self.tr("Try again: {0}"), "rotate-cw", self._on_retry),
            ("open_machine", self.open_machine, self.tr("Open the machine of: {0}"), "server", self._on_open_machine),
            ("cancel", self.cancel, self.tr("Cancel the run: {0}"), "ban", self._on_cancel),
            ("force", self.force, self.tr("Force the run to stop: {0}"), "zap", self._on_force),
        ):
            yield Command(
                name=f"deployment.{name}",
                title=title.format(title_of(run)),
                group=self.tr("Deployments"),
                icon=icon_name,
                words=button.text(),
                run=act,
                is_available=partial(_is_offered, button),
            )

    def first_focus(self) -> QWidget | None:
        """The button that goes on, while there is one."""
        going_on = (self.approve, self.retry, self.open_machine)
        return next((button for button in going_on if not button.isHidden() and button.isEnabled()), None)

    def show_machine(self, machine: Machine) -> None:
        """Learn how the machine stands: trying again makes sense only while something is wrong with it."""
        self._machine = machine
        if self._run is not None:
            self.show_run(self._run)

    def _show_approve(self, run: Deployment) -> None:
        destroys = run.plan_summary.remove if run.plan_summary is not None else 0
        text = self.tr("Approve and destroy {0}").format(destroys) if destroys else self.tr("Approve")
        if self.approve.text() != text:
            self.approve.setText(text)
            self.approve.set_kind(ButtonKind.DANGER if destroys else ButtonKind.PRIMARY)
            self.approve.set_icon_name("triangle-alert" if destroys else "check")

    def _may_retry(self, run: Deployment) -> bool:
        machine = self._machine
        if run.state is not DeploymentState.FAILED or run.type not in _AGAIN or machine is None or machine.is_gone:
            return False
        needs_error = run.type in {DeploymentType.CREATE, DeploymentType.UPDATE}
        return not needs_error or machine.actual_status is MachineStatus.ERROR

    def _has_machine(self, run: Deployment) -> bool:
        is_there = self._machine is not None and not self._machine.is_gone
        return is_there and run.state is DeploymentState.SUCCEEDED

    def _button(self, name: str, text: str, kind: ButtonKind, icon_name: str, slot: Callable[[], None]) -> Button:
        button = Button(text, kind=kind, icon_name=icon_name, parent=self)
        button.setObjectName(f"deployment.{name}")
        button.clicked.connect(slot)
        return button

    def _send(self, ask: Request[Deployment], button: Button, done: Callable[[Deployment], None] | None = None) -> None:
        self.asked.emit()
        has_focus = button.hasFocus()

        def answered(run: Deployment) -> None:
            (done or self.show_run)(run)
            if has_focus:
                self.focus_freed.emit()

        tasks.ask(self._bridge, ask, owner=self, done=answered, failed=self.failed.emit, busy=button)

    def _on_approve(self) -> None:
        if self._run is not None:
            ask = ApproveDeployment(deployment_id=self._run.deployment_id, plan_digest=self._run.plan_digest)
            self._send(ask, self.approve)

    def _on_retry(self) -> None:
        if self._run is not None and self._run.machine_id is not None:
            self._send(_AGAIN[self._run.type](self._run.machine_id), self.retry, self.restarted.emit)

    def _on_open_machine(self) -> None:
        if self._machine is not None:
            self.machine_wanted.emit(self._machine.machine_id)

    def _on_discard(self) -> None:
        if self._run is None:
            return
        losses = [self.tr("Nothing has been changed outside, and nothing will be.")]
        if self._run.type is DeploymentType.CREATE:
            losses.append(self.tr("{0} was never made; its record is closed.").format(self._run.machine_name))
        question = ConfirmDialog(
            self.tr("Discard this plan?"),
            losses=tuple(losses),
            confirm=self.tr("Discard plan"),
            is_danger=False,
            parent=self,
        )
        question.cancel.setText(self.tr("Keep it"))
        self._ask(question, "discard_deployment", lambda: self._cancel(self.discard))

    def _on_cancel(self) -> None:
        run = self._run
        if run is None:
            return
        if run.state is DeploymentState.QUEUED:
            self._cancel(self.cancel)
            return
        question = ConfirmDialog(
            self.tr("Cancel “{0}”?").format(title_of(run)),
            text=self.tr("The run is asked once to stop and brings what it is doing to an end."),
            losses=self._left_behind(run),
            confirm=self.tr("Cancel the run"),
            parent=self,
        )
        question.cancel.setText(self.tr("Let it run"))
        self._ask(question, "cancel_deployment", lambda: self._cancel(self.cancel))

    def _left_behind(self, run: Deployment) -> tuple[str, ...]:
        if run.state is DeploymentState.PLANNING:
            return (self.tr("Nothing has been changed outside yet; only the plan is lost."),)
        return (
            self.tr("What has been made already stays, and may cost money."),
            self.tr("What is being made right now may be left half-made."),
            self.tr("{0} will be in error; from there you can try again or destroy it.").format(run.machine_name),
        )

    def _on_force(self) -> None:
        if self._run is None:
            return
        question = ConfirmDialog(
            self.tr("Force the run to stop?"),
            text=self.tr("A second interrupt ends Terraform at once, in the middle of what it is doing."),
            losses=(
                self.tr("Something may exist at the provider that Machina then does not know of, and cost money."),
                self.tr("The recorded state may be incomplete; the machine is examined before anything else runs."),
                self.tr("If the provider still answers, waiting is the safer choice."),
            ),
            confirm=self.tr("Force to stop"),
            parent=self,
        )
        question.cancel.setText(self.tr("Keep waiting"))
        self._ask(question, "force_deployment", lambda: self._cancel(self.force, force=True))

    def _ask(self, question: ConfirmDialog, name: str, then: Callable[[], None]) -> None:
        question.setObjectName(name)
        question.primary.setObjectName(f"{name}.confirm")
        question.cancel.setObjectName(f"{name}.cancel")
        question.accepted.connect(then)
        question.open()

    def _cancel(self, button: Button, *, force: bool = False) -> None:
        if self._run is not None:
            self._send(CancelDeployment(deployment_id=self._run.deployment_id, force=force), button)
