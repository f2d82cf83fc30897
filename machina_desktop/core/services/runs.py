"""How a run is queued and what it does to its machine: the rule every area that starts runs shares."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from machina_desktop.core.domain.custody import opens_at
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType, Lease, moved
from machina_desktop.core.domain.firewall import FirewallProfile, FirewallRule
from machina_desktop.core.domain.host_pin import remade
from machina_desktop.core.domain.lock_file import LockFile
from machina_desktop.core.domain.machine import Machine, MachineStatus, TerraformStateStatus, in_rescue, out_of_rescue
from machina_desktop.core.domain.plan import PlanAction
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.custody import (
    claim_device,
    device_name,
    is_remote,
    not_here,
    runner_key,
)
from machina_desktop.core.store.transaction import Transaction

APPROVED = "approved"
"""``Deployment.phase_detail`` of a run that a person let be applied and that no runner has heard of yet."""

PREPARE = "prepare"
"""``Deployment.phase_detail`` of a run whose apply is next: its provider gets ready."""

STATE_REVISIONS = 20
"""So many Terraform states of a machine are kept."""

SIZE, IMAGE, FIREWALL, GROW_DISK = "size", "image", "firewall_profile_id", "grow_disk"
"""Keys of ``Deployment.options`` that say what the machine shall be made of; :func:`ordered` reads them."""

FALLBACKS = "fallbacks"
"""Key of ``Deployment.options``: what may be made instead where the size is sold out, in order, with blanks between."""

MODE = "mode"
"""Key of ``Deployment.options``: a rescue system is switched ``on`` or ``off``."""

_DURING = {
    DeploymentType.CREATE: MachineStatus.PROVISIONING,
    DeploymentType.DESTROY: MachineStatus.TERMINATING,
    DeploymentType.REBOOT: MachineStatus.REBOOTING,
    DeploymentType.STOP: MachineStatus.STOPPING,
    DeploymentType.START: MachineStatus.PROVISIONING,
    DeploymentType.REBUILD: MachineStatus.PROVISIONING,
}

_AFTERWARDS = {
    DeploymentType.CREATE: MachineStatus.RUNNING,
    DeploymentType.DESTROY: MachineStatus.TERMINATED,
    DeploymentType.REBOOT: MachineStatus.RUNNING,
    DeploymentType.STOP: MachineStatus.STOPPED,
    DeploymentType.START: MachineStatus.RUNNING,
    DeploymentType.REBUILD: MachineStatus.RUNNING,
}


# By each of these a machine starts its own system, or will with its next start.
_STARTS = frozenset(
    {DeploymentType.REBOOT, DeploymentType.START, DeploymentType.STOP, DeploymentType.REBUILD, DeploymentType.DESTROY}
)
_WAITING = (DeploymentState.QUEUED, DeploymentState.AWAITING_APPROVAL)
_UNMADE = frozenset({MachineStatus.PENDING, MachineStatus.PROVISIONING})


def queue_run(
    tx: Transaction,
    actor: Actor,
    machine: Machine,
    kind: DeploymentType,
    *,
    deployment_id: str,
    at: datetime,
    auto_approve: bool = False,
    runs_on: str = "",
    options: dict[str, str] | None = None,
) -> Deployment:
    """Store a queued deployment of ``machine`` and what the machine shall become.

    ``runs_on`` is the device of the person that shall carry it out; empty for the runners of the team's home.

    Raises:
        Conflict: E-NOT-HERE, E-STATE-ELSEWHERE, E-NO-RUNNER, E-NOT-ON-A-SERVER: it cannot be carried out there.
        Conflict: the same kind of run is already waiting or under way for this machine.
        Forbidden: the plan shall need no approval, and the actor may not approve plans for this machine.
    """
    is_bypass = auto_approve and kind is not DeploymentType.REFRESH
    if is_bypass and not is_granted(actor, "deployment.approve", machine.team_id, is_read=False, tags=machine.tags):
        raise Forbidden(
            f"You may not approve plans for {machine.name}.",
            hint="Ask without approving beforehand; somebody who may can then approve the plan.",
            code="E-MAY-NOT-APPROVE",
        )
    machine = _placed(tx, actor, machine, runs_on)
    pending = tx.find(
        Deployment,
        machine_id=machine.machine_id,
        type=kind,
        state=tuple(state for state in DeploymentState if not state.is_final),
    )
    if pending is not None:
        raise Conflict(
            f"{machine.name} already has a {kind.value} under way.",
            hint="Wait for it, or cancel it first.",
            code="E-RUN-PENDING",
        )
    deployment = Deployment(
        deployment_id=deployment_id,
        team_id=machine.team_id,
        machine_id=machine.machine_id,
        machine_name=machine.name,
        type=kind,
        terraform_workspace=machine.terraform_workspace,
        initiated_by=actor.user_id,
        auto_approve=auto_approve,
        runs_on=runs_on,
        options=options or {},
        created_at=at,
        updated_at=at,
    )
    tx.add(deployment)
    if wanted := _AFTERWARDS.get(kind):
        tx.replace(replace(machine, desired_status=wanted, updated_at=at))
    return deployment


def _placed(tx: Transaction, actor: Actor, machine: Machine, runs_on: str) -> Machine:
    """The machine, if its run can be carried out there: that needs the account's secrets and the Terraform state."""
    if not is_remote(actor):
        if runs_on:
            raise InvalidInput("The team lives on this computer; its runs are carried out here.", field="runs_on")
        return machine
    account = tx.get(ProviderAccount, machine.provider_account_id)
    if runs_on:
        claim_device(tx, actor, runs_on)
    elif provider_for(machine.provider).info.is_on_this_computer:
        raise Conflict(
            f"{machine.name} lives on somebody's own computer; a server cannot work on it.",
            hint="Run it here, on that computer.",
            code="E-NOT-ON-A-SERVER",
        )
    else:
        runner_key(tx)
    if not opens_at(account, runs_on):
        raise not_here(tx, account)
    if machine.state_keeper == runs_on:
        return machine
    has_state = machine.terraform_state_status is not TerraformStateStatus.NONE or tx.read_state(machine.machine_id)
    if machine.state_keeper or has_state:
        raise _state_elsewhere(tx, machine)
    # The runners have nothing of it yet: whoever begins keeps what comes of it.
    begun = replace(machine, state_keeper=runs_on)
    tx.replace(begun)
    return begun


def _state_elsewhere(tx: Transaction, machine: Machine) -> Conflict:
    if not machine.state_keeper:
        return Conflict(
            f"The record of {machine.name} is kept by the server's runners.",
            hint="Run it on the server.",
            code="E-STATE-ELSEWHERE",
        )
    return Conflict(
        f"The record of {machine.name} is kept on {device_name(tx, machine.state_keeper)}.",
        hint="Run it on that computer, or hand the machine over to the server there.",
        code="E-STATE-ELSEWHERE",
    )


def during(machine: Machine, kind: DeploymentType, at: datetime) -> Machine:
    """The machine while a run of that kind changes it."""
    status = _DURING.get(kind)
    if status is None:
        return machine
    return replace(machine, actual_status=status, status_reason="", updated_at=at)


def unplanned(machine: Machine, kind: DeploymentType, at: datetime) -> Machine:
    """The machine after a run that ended before it changed anything outside.

    A machine whose creation never began is gone: there is nothing to look after. One in error stays: an earlier try
    may have left something, even where Terraform recorded nothing.
    """
    is_blank = machine.terraform_state_status is TerraformStateStatus.NONE and machine.actual_status in _UNMADE
    if kind is DeploymentType.CREATE and is_blank:
        gone = MachineStatus.TERMINATED
        return replace(machine, actual_status=gone, desired_status=gone, status_reason="Never created.", updated_at=at)
    return replace(machine, desired_status=settled(machine), updated_at=at)


def ordered(machine: Machine, run: Deployment) -> Machine:
    """The machine as ``run`` shall make it: of another size, from another image or with another firewall."""
    options = run.options
    profile_id = options.get(FIREWALL)
    return replace(
        machine,
        size=options.get(SIZE, machine.size),
        image=options.get(IMAGE, machine.image),
        firewall_profile_id=machine.firewall_profile_id if profile_id is None else profile_id or None,
    )


def since_rescue(machine: Machine, run: Deployment, at: datetime) -> Machine:
    """The machine after ``run`` has succeeded: in its provider's rescue system, or out of it.

    Providers do not tell it: a rescue system is switched off by itself with the first start into it, and every later
    start is one of the machine's own system.
    """
    if run.type is DeploymentType.RESCUE and run.options.get(MODE) != "off":
        return in_rescue(machine, at)
    is_start = run.type in _STARTS or (run.type is DeploymentType.UPDATE and SIZE in run.options)
    if is_start or run.type is DeploymentType.RESCUE:
        return out_of_rescue(machine, is_new=run.type is DeploymentType.REBUILD)
    return machine


def since_made(machine: Machine, run: Deployment, at: datetime) -> Machine:
    """The machine after ``run`` has succeeded: where it was put there anew, its host keys are other ones."""
    if run.type is DeploymentType.REBUILD:
        return remade(machine, at)
    main = provider_for(machine.provider).main_resource
    changes = run.plan_summary.resources if run.plan_summary is not None else ()
    is_new = any(each.address == main and each.action in {PlanAction.CREATE, PlanAction.REPLACE} for each in changes)
    # What was never known needs no other one.
    return remade(machine, at) if is_new and machine.host_key else machine


def discard(tx: Transaction, deployment: Deployment, at: datetime, *, reason: str = "", code: str = "") -> Deployment:
    """End a run that waits, in the queue or for approval, and settle its machine: nothing outside knows of it yet."""
    cancelled = replace(
        moved(deployment, DeploymentState.CANCELLED, at), phase_detail="", error_message=reason or None, error_code=code
    )
    tx.replace(cancelled)
    if deployment.machine_id is not None:
        machine = unplanned(tx.get(Machine, deployment.machine_id), deployment.type, at)
        tx.replace(machine)
        end_queue_of_gone(tx, machine, at)
    return cancelled


def discard_waiting(tx: Transaction, machine: Machine, at: datetime) -> Machine:
    """Make way for the machine's end: whatever waits for it, but an earlier order to destroy it, is discarded."""
    for run in tx.list(Deployment, machine_id=machine.machine_id, state=_WAITING, order_by="created_at"):
        if run.type is not DeploymentType.DESTROY:
            discard(tx, run, at, reason="The machine was ordered to be destroyed.", code="E-SUPERSEDED")
    return tx.get(Machine, machine.machine_id)


def end_queue_of_gone(tx: Transaction, machine: Machine, at: datetime) -> None:
    """End what is queued for a machine that is gone: carried out, it would bring the machine back, or into error."""
    if not machine.is_gone:
        return
    for run in tx.list(Deployment, machine_id=machine.machine_id, state=DeploymentState.QUEUED):
        if run.type is DeploymentType.DESTROY:
            tx.replace(moved(run, DeploymentState.SUCCEEDED, at))
        else:
            cancelled = moved(run, DeploymentState.CANCELLED, at)
            tx.replace(replace(cancelled, error_message=f"{machine.name} is gone.", error_code="E-MACHINE-GONE"))


def settled(machine: Machine) -> MachineStatus:
    """What the machine should be when nothing is under way: what it was last seen to be, if that is a resting state."""
    if machine.actual_status in {MachineStatus.STOPPED, MachineStatus.TERMINATED}:
        return machine.actual_status
    return MachineStatus.RUNNING


def held_run(tx: Transaction, actor: Actor, deployment_id: str, fence: int) -> Deployment:
    """The run that ``actor`` carries out.

    Raises:
        Conflict: E-FENCE, another runner holds it now.
        Forbidden: E-NOT-YOURS, somebody else carries it out.
    """
    deployment = tx.get(Deployment, deployment_id)
    check_reporter(tx, actor, deployment)
    if tx.get(Lease, deployment_id).fence != fence:
        raise Conflict("Another runner holds the deployment now.", code="E-FENCE")
    return deployment


def check_reporter(tx: Transaction, actor: Actor, deployment: Deployment) -> None:
    """A person reports on what they asked their own computer for; runners on all the rest."""
    if actor.is_runner:
        return
    if not deployment.runs_on or deployment.initiated_by != actor.user_id:
        raise Forbidden("Somebody else carries this run out.", code="E-NOT-YOURS")
    claim_device(tx, actor, deployment.runs_on)


def locks_of(tx: Transaction, account_id: str) -> dict[str, str]:
    """The lock files that runs with an account keep to, by the program that made them."""
    return {lock.engine: lock.text for lock in tx.list(LockFile, provider_account_id=account_id)}


def rules_of(tx: Transaction, machine: Machine) -> tuple[FirewallRule, ...] | None:
    """What the machine's firewall lets through; ``None`` where it has none."""
    profile = tx.find(FirewallProfile, profile_id=machine.firewall_profile_id) if machine.firewall_profile_id else None
    return profile.rules if profile is not None else None


def check_firewall(tx: Transaction, team_id: str, provider: ProviderType, profile_id: str) -> None:
    """Refuse a profile that is not the team's, or any for a machine that can have none; empty is always right.

    Raises:
        NotFound, InvalidInput: it is refused.
    """
    if not profile_id:
        return
    if tx.find(FirewallProfile, profile_id=profile_id, team_id=team_id) is None:
        raise NotFound("The team has no such firewall.", hint="Choose one of the team's own.")
    info = provider_for(provider).info
    if not info.has_firewalls:
        raise InvalidInput(
            f"Machines of {info.title} have no firewall of their provider's.",
            field="firewall_profile_id",
            code="E-PROVIDER-CANNOT",
        )
