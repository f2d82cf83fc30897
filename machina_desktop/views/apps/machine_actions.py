"""What a person can do with machines: which actions apply now, why not, and doing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QLineEdit, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderInfo, ProviderType, WizardStep
from machina_desktop.core.services.machines import (
    DestroyMachine,
    RebootMachine,
    RefreshMachine,
    RetryMachine,
    StartMachine,
    StopMachine,
)
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.machine_firewall_dialog import FirewallDialog
from machina_desktop.views.apps.machine_resize import ResizeDialog
from machina_desktop.views.apps.machine_text import destroy_word, endpoint_of, losses_of, short, ssh_command, tr
from machina_desktop.views.apps.machine_upkeep import RebuildDialog, RescueDialog, SnapshotDialog, UpkeepDialog
from machina_desktop.views.commands import Command
from machina_desktop.views.server_custody import device_of, place_words
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.text import copy_text

Infos = Mapping[ProviderType, ProviderInfo]


class Action(StrEnum):
    """Actions on a machine, in the order menus show them."""

    REBOOT = "reboot"
    STOP = "stop"
    START = "start"
    REFRESH = "refresh"
    RETRY = "retry"
    CLONE = "clone"
    RESIZE = "resize"
    FIREWALL = "firewall"
    SNAPSHOT = "snapshot"
    RESCUE = "rescue"
    UNRESCUE = "unrescue"
    REBUILD = "rebuild"
    DESTROY = "destroy"


@dataclass(frozen=True)
class ActionLook:
    """How an action is shown.

    Attributes:
        asked: What the toast says; ``{0}`` is the machine.
        from_statuses: Statuses it starts from; empty for any.
    """

    title: str
    icon_name: str
    asked: str
    from_statuses: frozenset[MachineStatus] = frozenset()


_RESTING = frozenset({MachineStatus.RUNNING, MachineStatus.STOPPED, MachineStatus.ERROR})
_CALM = frozenset({MachineStatus.RUNNING, MachineStatus.STOPPED})

# The statuses are those of the use cases, so that no button leads into a refusal; the use case has the last word.
LOOKS = {
    Action.REBOOT: ActionLook(
        "Reboot", "rotate-cw", "{0} is asked to reboot.", frozenset({MachineStatus.RUNNING, MachineStatus.ERROR})
    ),
    Action.STOP: ActionLook(
        "Stop", "circle-stop", "{0} is asked to stop.", frozenset({MachineStatus.RUNNING, MachineStatus.ERROR})
    ),
    Action.START: ActionLook(
        "Start", "play", "{0} is asked to start.", frozenset({MachineStatus.STOPPED, MachineStatus.ERROR})
    ),
    Action.REFRESH: ActionLook("Refresh", "refresh-cw", "Looking what {0} is now.", _RESTING),
    Action.RETRY: ActionLook("Try again", "rotate-cw", "{0} is planned again.", frozenset({MachineStatus.ERROR})),
    Action.CLONE: ActionLook("Deploy another like it…", "copy", "", frozenset(MachineStatus)),
    Action.RESIZE: ActionLook("Resize…", "sliders-horizontal", "The new size of {0} is being planned.", _CALM),
    Action.FIREWALL: ActionLook("Change the firewall…", "shield", "The firewall of {0} is being planned.", _CALM),
    Action.SNAPSHOT: ActionLook("Take a snapshot…", "image", "A snapshot of {0} is taken.", _CALM),
    Action.RESCUE: ActionLook("Start rescue system…", "shield-alert", "{0} starts its rescue system.", _RESTING),
    Action.UNRESCUE: ActionLook("Leave rescue system…", "log-out", "{0} leaves its rescue system.", _RESTING),
    Action.REBUILD: ActionLook("Rebuild…", "undo-2", "{0} is being rebuilt.", _RESTING),
    Action.DESTROY: ActionLook(
        "Destroy", "trash-2", "The end of {0} is being planned.", _RESTING | {MachineStatus.PENDING}
    ),
}
_KEYS = {Action.REFRESH: "F5", Action.DESTROY: "Del"}
# What the provider must be able to do, by the name it has there.
_POWER = {
    Action.REBOOT: "reboot",
    Action.STOP: "stop",
    Action.START: "start",
    Action.SNAPSHOT: "snapshot",
    Action.RESCUE: "rescue",
    Action.UNRESCUE: "rescue",
    Action.REBUILD: "rebuild",
}
# Done on later days than the first, each in a window of its own.
UPKEEP = (Action.CLONE, Action.RESIZE, Action.FIREWALL, Action.SNAPSHOT, Action.RESCUE, Action.UNRESCUE, Action.REBUILD)
# By these something is lost.
DANGEROUS = frozenset({Action.REBUILD, Action.DESTROY})
# Asked for one machine at a time.
SINGLE = frozenset({*UPKEEP, Action.DESTROY})
# Their plan waits for a yes, so it is shown at once.
_PLANNED = frozenset({Action.RETRY, Action.RESIZE, Action.FIREWALL, Action.DESTROY})
_INTERRUPTING = frozenset({Action.REBOOT, Action.STOP})
# How many machines a question names.
NAMED = 8
# A machine is worked on by whoever keeps its Terraform record.
_REQUESTS: dict[Action, Callable[[Machine], Request[Deployment]]] = {
    Action.REBOOT: lambda row: RebootMachine(machine_id=row.machine_id, runs_on=row.state_keeper),
    Action.STOP: lambda row: StopMachine(machine_id=row.machine_id, runs_on=row.state_keeper),
    Action.START: lambda row: StartMachine(machine_id=row.machine_id, runs_on=row.state_keeper),
    Action.REFRESH: lambda row: RefreshMachine(machine_id=row.machine_id, runs_on=row.state_keeper),
    Action.RETRY: lambda row: RetryMachine(machine_id=row.machine_id, runs_on=row.state_keeper),
}


def title_of(action: Action, machine: Machine | None = None) -> str:
    """The action as a verb, for this machine."""
    if action is Action.DESTROY and machine is not None:
        return destroy_word(machine)
    return QCoreApplication.translate("MachineAction", LOOKS[action].title)


def why_not(action: Action, machine: Machine, infos: Infos) -> str:
    """Why the action does not apply to the machine now, one sentence; empty when it does."""
    if machine.is_gone:
        return tr("It is already destroyed.")
    info = infos.get(machine.provider)
    if info is not None and not _is_able(action, info):
        return tr("{0} cannot do this.").format(info.title)
    if action is Action.UNRESCUE and not machine.is_in_rescue:
        return tr("It does not run its rescue system.")
    if machine.actual_status not in LOOKS[action].from_statuses:
        return tr("It is {0}.").format(machine.actual_status.value)
    return ""


def is_offered(action: Action, machine: Machine, infos: Infos) -> bool:
    """Whether the action is worth a row in the machine's menu: upkeep is shown only where its provider can do it.

    Of the ways into a rescue system and out of it, the one that is open.
    """
    if action in {Action.RESCUE, Action.UNRESCUE} and machine.is_in_rescue is (action is Action.RESCUE):
        return False
    info = infos.get(machine.provider)
    return action not in UPKEEP or (info is not None and _is_able(action, info))


def _is_able(action: Action, info: ProviderInfo) -> bool:
    if action is Action.CLONE:
        return not info.asks_host
    if action is Action.RESIZE:
        return not info.asks_host and all(skipped.step is not WizardStep.SIZE for skipped in info.skipped_steps)
    if action is Action.FIREWALL:
        return info.has_firewalls
    return action not in _POWER or _POWER[action] in info.power_actions


def applies(action: Action, machines: Iterable[Machine], infos: Infos) -> bool:
    """Whether the action applies to every one of the machines, and there is one."""
    chosen = tuple(machines)
    return bool(chosen) and not any(why_not(action, machine, infos) for machine in chosen)


class MachineActions(QWidget):
    """Carries actions out for a page or a detail; questions are asked over ``parent``.

    Signals:
        asked(object): The deployment that was queued (Deployment).
    """

    asked = Signal(object)

    def __init__(self, bridge: Bridge, window: Window, parent: QWidget) -> None:
        super().__init__(parent)
        self.hide()
        self._bridge = bridge
        self._window = window

    def run(self, action: Action, machines: Iterable[Machine], *, busy: tasks.Busy | None = None) -> None:
        """Do it, after a question where something would be lost."""
        chosen = tuple(machines)
        if action is Action.DESTROY:
            for machine in chosen:
                self._confirm_end(machine)
        elif action is Action.CLONE:
            self._window.open_deploy_wizard(like=chosen[0])
        elif action in UPKEEP:
            for machine in chosen:
                self._ask_upkeep(action, machine)
        elif len(chosen) > 1 and action in _INTERRUPTING:
            self._confirm_many(action, chosen)
        else:
            self._run_all(action, chosen, busy)

    def commands(self, machines: Iterable[Machine], infos: Infos) -> Iterator[Command]:
        """What can be done with the chosen machines, named after them; all of it also while none is chosen."""
        chosen = tuple(machines)
        many = len(chosen) > 1
        for action in Action:
            is_hidden = bool(chosen) and not is_offered(action, chosen[0], infos)
            if is_hidden or (many and action in SINGLE):
                continue
            yield Command(
                name=f"{'machines' if many else 'machine'}.{action}",
                title=_titled(title_of(action, chosen[0] if chosen else None), chosen),
                group=tr("Machines"),
                icon=LOOKS[action].icon_name,
                keys=_KEYS.get(action, ""),
                run=partial(self.run, action, chosen),
                is_available=partial(applies, action, chosen, infos),
            )
        if not many:
            yield from self._copying(chosen[0] if chosen else None)

    def _copying(self, machine: Machine | None) -> Iterator[Command]:
        for name, title, text_of in (
            ("machine.copy_address", tr("Copy the address of {0}"), endpoint_of),
            ("machine.copy_ssh", tr("Copy the SSH command of {0}"), ssh_command),
        ):
            text = text_of(machine) if machine is not None else ""
            yield Command(
                name=name,
                title=title.format(machine.name if machine is not None else tr("the machine")),
                group=tr("Machines"),
                icon="copy",
                run=partial(copy_text, text),
                is_available=partial(bool, text),
            )

    def _run_all(self, action: Action, machines: tuple[Machine, ...], busy: tasks.Busy | None = None) -> None:
        for machine in machines:
            self._send(action, machine, _REQUESTS[action](machine), busy)

    def _confirm_many(self, action: Action, machines: tuple[Machine, ...]) -> None:
        """One machine at a time is a click; many at once are asked about."""
        question = tr("{0} {1} machines").format(title_of(action), len(machines))
        named = tuple(short(machine.name) for machine in machines[:NAMED])
        rest = (tr("and {0} more").format(len(machines) - NAMED),) if len(machines) > NAMED else ()
        dialog = ConfirmDialog(
            f"{question}?",
            text=tr("What runs on them is interrupted."),
            losses=(*named, *rest),
            confirm=question,
            is_danger=False,
            parent=self.parentWidget(),
        )
        dialog.setObjectName("machine.many-dialog")
        dialog.primary.setObjectName("machine.many-dialog.confirm")
        dialog.accepted.connect(lambda: self._run_all(action, machines))
        dialog.open()

    def _confirm_end(self, machine: Machine) -> None:
        verb = destroy_word(machine)
        place = place_words(machine.state_keeper, device_of(self._bridge, machine.team_id))
        by = tr("It is carried out by {0}.").format(place) if place else ""
        dialog = ConfirmDialog(
            tr("{0} {1}?").format(verb, short(machine.name)),
            text=" ".join(part for part in (tr("This cannot be undone."), by) if part),
            losses=losses_of(machine),
            confirm=f"{verb} {short(machine.name)}",
            type_to_confirm=machine.name if machine.is_protected else "",
            parent=self.parentWidget(),
        )
        at_once = Checkbox(tr("Do it without showing me the plan first"))
        at_once.setObjectName("machine.destroy-dialog.at-once")
        dialog.column.addSpacing(Space.S)
        dialog.column.addWidget(at_once)
        dialog.setObjectName("machine.destroy-dialog")
        dialog.primary.setObjectName("machine.destroy-dialog.confirm")
        for line in dialog.findChildren(QLineEdit):
            line.setObjectName("machine.destroy-dialog.name")
        dialog.accepted.connect(lambda: self._destroy(machine, at_once=at_once.isChecked()))
        dialog.open()

    def _destroy(self, machine: Machine, *, at_once: bool) -> None:
        name = machine.name if machine.is_protected else ""
        ask = DestroyMachine(
            machine_id=machine.machine_id, confirm_name=name, auto_approve=at_once, runs_on=machine.state_keeper
        )
        self._send(Action.DESTROY, machine, ask, None)

    def _ask_upkeep(self, action: Action, machine: Machine) -> None:
        """Ask for it in a dialog that stays open until the run is queued."""

        def done(deployment: Deployment) -> None:
            self._on_queued(action, machine, deployment)

        over = self.parentWidget()
        dialog: UpkeepDialog
        match action:
            case Action.RESIZE:
                dialog = ResizeDialog(self._bridge, machine, done=done, parent=over)
            case Action.FIREWALL:
                dialog = FirewallDialog(self._bridge, machine, done=done, parent=over)
            case Action.SNAPSHOT:
                dialog = SnapshotDialog(self._bridge, machine, done=done, parent=over)
            case Action.REBUILD:
                dialog = RebuildDialog(self._bridge, machine, done=done, parent=over)
            case _:
                is_on = action is Action.RESCUE
                dialog = RescueDialog(self._bridge, machine, is_on=is_on, done=done, parent=over)
        dialog.open()

    def _send(self, action: Action, machine: Machine, ask: Request[Deployment], busy: tasks.Busy | None) -> None:
        def done(deployment: Deployment) -> None:
            self._on_queued(action, machine, deployment)

        tasks.ask(self._bridge, ask, owner=self, done=done, busy=busy)

    def _on_queued(self, action: Action, machine: Machine, deployment: Deployment) -> None:
        if action in _PLANNED and not deployment.auto_approve:
            self._window.inspect("deployment", deployment.deployment_id)
        elif not self._window.is_inspecting("machine", machine.machine_id):
            self._tell(action, machine, deployment)
        self.asked.emit(deployment)

    def _tell(self, action: Action, machine: Machine, deployment: Deployment) -> None:
        """Say that it was asked for, where nothing else on the screen shows it."""
        key = deployment.deployment_id
        self._window.notify(
            QCoreApplication.translate("MachineAction", LOOKS[action].asked).format(machine.name),
            action=tr("Show"),
            on_action=lambda: self._window.inspect("deployment", key),
            about=key,
        )


def _titled(verb: str, machines: tuple[Machine, ...]) -> str:
    if len(machines) == 1:
        return f"{verb} {machines[0].name}"
    return tr("{0} {1} machines").format(verb, len(machines)) if machines else tr("{0} the machine").format(verb)
