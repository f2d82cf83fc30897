"""What is done to a machine after its first day: resizing, rebuilding, snapshots, the rescue system, its firewall."""

from __future__ import annotations

from dataclasses import dataclass, field

from machina_desktop.core.domain.deployment import Deployment, DeploymentType
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.account_access import has_list
from machina_desktop.core.services.runs import FIREWALL, GROW_DISK, IMAGE, MODE, SIZE, check_firewall, queue_run
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

LONGEST_NAME = 100


def _new_deployment_id() -> str:
    return new_id("deployment")


@dataclass(frozen=True, kw_only=True)
class ResizeMachine(Request[Deployment]):
    """Ask for another size; its plan is shown first. With ``grow_disk`` it can never be made smaller again.

    At AWS and Google Cloud a disk is a thing apart, which keeps its size. The machine has the new size on record once
    the plan is applied; a plan that is discarded leaves it as it was.
    """

    machine_id: str
    size: str
    grow_disk: bool = False
    auto_approve: bool = False
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class RebuildMachine(Request[Deployment]):
    """Ask for a new system in place of all that is on the machine, from ``image`` or, without one, its own.

    A protected one wants its name in ``confirm_name``.
    """

    machine_id: str
    image: str = ""
    confirm_name: str = ""
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class SnapshotMachine(Request[Deployment]):
    """Ask for an image of the machine's disk, kept in its account under ``name``, or under one that tells the time."""

    machine_id: str
    name: str = ""
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class RescueMachine(Request[Deployment]):
    """Ask for a restart into the provider's rescue system, or with ``is_on`` false back into the machine's own."""

    machine_id: str
    is_on: bool = True
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


@dataclass(frozen=True, kw_only=True)
class SetFirewall(Request[Deployment]):
    """Ask for another firewall; an empty ``profile_id`` takes it away, and without one it gets its own one's new rules.

    As with a resize, the machine has it on record once the plan is applied.
    """

    machine_id: str
    profile_id: str | None = None
    auto_approve: bool = False
    runs_on: str = ""
    deployment_id: str = field(default_factory=_new_deployment_id)


_KINDS: dict[type[Request[Deployment]], DeploymentType] = {
    RebuildMachine: DeploymentType.REBUILD,
    SnapshotMachine: DeploymentType.SNAPSHOT,
    RescueMachine: DeploymentType.RESCUE,
}
_RESTING = frozenset({MachineStatus.RUNNING, MachineStatus.STOPPED})
_FROM = {
    DeploymentType.REBUILD: _RESTING | {MachineStatus.ERROR},
    DeploymentType.SNAPSHOT: _RESTING,
    DeploymentType.RESCUE: _RESTING | {MachineStatus.ERROR},
    DeploymentType.UPDATE: _RESTING,
}


@use_case("machine.resize", "POST /api/machines/{machine_id}/resize")
def resize_machine(tx: Transaction, actor: Actor, ask: ResizeMachine) -> Deployment:
    """Queue the update; whether there is such a size is looked up before its plan is made."""
    machine = _ready(tx, ask.machine_id, DeploymentType.UPDATE, "be resized")
    if not has_list(machine.provider):
        raise _cannot(machine, "be resized")
    size = ask.size.strip()
    if not size:
        raise InvalidInput("Choose a size.", field="size")
    if size == machine.size and not ask.grow_disk:
        raise Conflict(f"{machine.name} has that size already.", hint="Choose another size.", code="E-SAME-SIZE")
    if ask.grow_disk and not provider_for(machine.provider).info.has_disk_in_size:
        raise _cannot_grow(machine)
    options = {SIZE: size} | ({GROW_DISK: "yes"} if ask.grow_disk else {})
    return _queue_update(tx, actor, machine, ask, options)


@use_case("machine.rebuild", "POST /api/machines/{machine_id}/rebuild")
def rebuild_machine(tx: Transaction, actor: Actor, ask: RebuildMachine) -> Deployment:
    """Queue the rebuild."""
    machine = _able(tx, ask.machine_id, DeploymentType.REBUILD, "be rebuilt")
    if machine.is_protected and ask.confirm_name != machine.name:
        raise Conflict(
            f"{machine.name} is protected.",
            hint="Type its name to confirm that everything on it may go.",
            code="E-PROTECTED",
        )
    image = ask.image.strip() or machine.image
    if not image:
        raise InvalidInput("Choose an image.", field="image")
    return _queue(tx, actor, machine, ask, {IMAGE: image})


@use_case("machine.snapshot", "POST /api/machines/{machine_id}/snapshot")
def snapshot_machine(tx: Transaction, actor: Actor, ask: SnapshotMachine) -> Deployment:
    """Queue the snapshot."""
    machine = _able(tx, ask.machine_id, DeploymentType.SNAPSHOT, "be kept as an image")
    name = ask.name.strip()
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(f"The name has at most {LONGEST_NAME} printable characters.", field="name")
    return _queue(tx, actor, machine, ask, {"name": name} if name else {})


@use_case("machine.rescue", "POST /api/machines/{machine_id}/rescue")
def rescue_machine(tx: Transaction, actor: Actor, ask: RescueMachine) -> Deployment:
    """Queue the way there or back."""
    machine = _able(tx, ask.machine_id, DeploymentType.RESCUE, "start a rescue system")
    return _queue(tx, actor, machine, ask, {MODE: "on" if ask.is_on else "off"})


@use_case("machine.set_firewall", "POST /api/machines/{machine_id}/firewall")
def set_firewall(tx: Transaction, actor: Actor, ask: SetFirewall) -> Deployment:
    """Queue the update; it is done even where the profile stays: its rules may be others by now."""
    machine = _ready(tx, ask.machine_id, DeploymentType.UPDATE, "get another firewall")
    profile_id = (machine.firewall_profile_id or "") if ask.profile_id is None else ask.profile_id
    check_firewall(tx, machine.team_id, machine.provider, profile_id)
    return _queue_update(tx, actor, machine, ask, {FIREWALL: profile_id})


def _queue_update(
    tx: Transaction, actor: Actor, machine: Machine, ask: ResizeMachine | SetFirewall, options: dict[str, str]
) -> Deployment:
    return queue_run(
        tx,
        actor,
        machine,
        DeploymentType.UPDATE,
        deployment_id=ask.deployment_id,
        at=now(),
        auto_approve=ask.auto_approve,
        runs_on=ask.runs_on,
        options=options,
    )


def _queue(
    tx: Transaction,
    actor: Actor,
    machine: Machine,
    ask: RebuildMachine | SnapshotMachine | RescueMachine,
    options: dict[str, str],
) -> Deployment:
    return queue_run(
        tx,
        actor,
        machine,
        _KINDS[type(ask)],
        deployment_id=ask.deployment_id,
        at=now(),
        runs_on=ask.runs_on,
        options=options,
    )


def _ready(tx: Transaction, machine_id: str, kind: DeploymentType, what: str) -> Machine:
    machine = tx.get(Machine, machine_id)
    if machine.is_gone:
        raise Conflict(f"{machine.name} is already destroyed.", code="E-MACHINE-GONE")
    if machine.actual_status not in _FROM[kind]:
        raise Conflict(
            f"{machine.name} is {machine.actual_status.value}; it cannot {what} now.",
            hint="Wait until the present action is done, or refresh the machine.",
            code="E-MACHINE-STATE",
        )
    return machine


def _able(tx: Transaction, machine_id: str, kind: DeploymentType, what: str) -> Machine:
    machine = _ready(tx, machine_id, kind, what)
    if kind.value not in provider_for(machine.provider).info.power_actions:
        raise _cannot(machine, what)
    return machine


def _cannot_grow(machine: Machine) -> InvalidInput:
    return InvalidInput(
        f"The disk of {machine.name} does not grow with its size: at {provider_for(machine.provider).info.title} it is "
        "a thing of its own.",
        field="grow_disk",
        hint="Ask without it, and make the disk larger in the provider's console where that is wanted.",
        code="E-PROVIDER-CANNOT",
    )


def _cannot(machine: Machine, what: str) -> Conflict:
    return Conflict(f"{machine.name} cannot {what}: its provider has no such action.", code="E-NO-POWER")
