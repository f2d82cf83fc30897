"""What a runner reports of the deployment it holds; each report carries the fence of its lease.

A person's computer reports on the runs that the person asked of it, and on no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from machina_desktop.core.domain.deployment import (
    Deployment,
    DeploymentState,
    DeploymentType,
    Lease,
    host_of,
    moved,
)
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus, TerraformStateStatus, learnt
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.domain.team import Actor, Team
from machina_desktop.core.errors import Conflict
from machina_desktop.core.ids import now
from machina_desktop.core.services.custody import claim_device
from machina_desktop.core.services.runs import (
    APPROVED,
    PREPARE,
    STATE_REVISIONS,
    check_reporter,
    discard,
    during,
    end_queue_of_gone,
    held_run,
    ordered,
    settled,
    since_made,
    since_rescue,
    unplanned,
)
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import StateRevision, Transaction

RECOVER = "recover"
"""The phase in which a run looks what an apply without a known end has left."""


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A deployment and the fence under which its holder may report on it."""

    deployment: Deployment
    fence: int


@dataclass(frozen=True, kw_only=True)
class ClaimDeployment(Request[Claim | None]):
    """Take an approved deployment, else the oldest queued one whose machine is free; ``None`` when there is none.

    Only what the runners of this home shall carry out; with ``device_id``, what the asking person wants that computer
    of theirs to do. ``only`` limits the choice to these ids (the command line carries out just its own run).
    """

    runner_id: str
    lease_s: float
    only: tuple[str, ...] = ()
    device_id: str = ""


@dataclass(frozen=True, kw_only=True)
class TakeOver(Request[Claim]):
    """Take an unfinished deployment whose holder is known to be dead, or whose lease has run out.

    ``dead_runner_id`` must still be its holder: of two that recover, one wins.
    """

    deployment_id: str
    dead_runner_id: str
    runner_id: str
    lease_s: float


@dataclass(frozen=True, kw_only=True)
class RenewLease(Request[Lease]):
    """Stay the holder for another ``lease_s`` seconds."""

    deployment_id: str
    fence: int
    lease_s: float


@dataclass(frozen=True, kw_only=True)
class RequeueDeployment(Request[Deployment]):
    """Plan it anew: its plan was lost with the host that made it, and nothing of it was applied."""

    deployment_id: str
    fence: int


@dataclass(frozen=True, kw_only=True)
class ReportPhase(Request[Deployment]):
    """What the runner does now, such as ``init`` or ``apply``."""

    deployment_id: str
    fence: int
    phase: str


@dataclass(frozen=True, kw_only=True)
class ReportPlan(Request[Deployment]):
    """The plan is made: wait for approval, or go on when that was given beforehand.

    An empty ``digest`` says that the record needs no change; there is nothing to approve.
    """

    deployment_id: str
    fence: int
    summary: PlanSummary
    digest: str
    serial: int


@dataclass(frozen=True, kw_only=True)
class ExpireApproval(Request[Deployment]):
    """Discard a plan that has waited for approval since ``waiting_since`` or longer; one decided meanwhile stays."""

    deployment_id: str
    waiting_since: datetime


@dataclass(frozen=True, kw_only=True)
class AppendLog(Request[int]):
    """Add lines; ``cursors`` say how far each source file has been read. Answers the log's length in bytes."""

    deployment_id: str
    fence: int
    lines: tuple[LogLine, ...]
    cursors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SaveState(Request[int]):
    """Keep the sealed state; answers its serial. Refused when a newer or a foreign one is stored."""

    deployment_id: str
    fence: int
    lineage: str
    serial: int
    envelope: bytes
    is_empty: bool


@dataclass(frozen=True, kw_only=True)
class RescueState(Request[bool]):
    """Keep the sealed state that a run could not store, found by its runner later; whether it was taken.

    Refused when a newer or a foreign one is stored.
    """

    machine_id: str
    lineage: str
    serial: int
    envelope: bytes
    is_empty: bool


@dataclass(frozen=True, kw_only=True)
class ReportFacts(Request[Machine]):
    """Write what became known while the run goes on, such as a port chosen at birth."""

    deployment_id: str
    fence: int
    machine: MachineFacts


@dataclass(frozen=True, kw_only=True)
class ReportOutcome(Request[Deployment]):
    """The run has ended. ``touched`` says whether anything outside may have been changed."""

    deployment_id: str
    fence: int
    state: DeploymentState
    touched: bool
    machine: MachineFacts = field(default_factory=MachineFacts)
    error_message: str = ""
    error_code: str = ""
    error_hint: str = ""


@use_case("deployment.claim", "POST /api/runner/claims", is_for_devices=True)
def claim_deployment(tx: Transaction, actor: Actor, ask: ClaimDeployment) -> Claim | None:
    """Move the oldest runnable deployment on and lease it."""
    asked_by = "" if actor.is_runner else actor.user_id
    if asked_by:
        claim_device(tx, actor, ask.device_id)
    deployment = next(iter(claimable(tx, only=ask.only, runs_on=ask.device_id, asked_by=asked_by)), None)
    if deployment is None:
        return None
    if deployment.state is DeploymentState.QUEUED:
        return _start(tx, deployment, ask)
    heard = replace(deployment, phase_detail=PREPARE, updated_at=now())
    tx.replace(heard)
    return Claim(deployment=heard, fence=_lease(tx, heard, ask.runner_id, ask.lease_s).fence)


def claimable(
    tx: Transaction, *, only: tuple[str, ...] = (), runs_on: str = "", asked_by: str = ""
) -> Iterator[Deployment]:
    """What the runners of this home may take now: what a person approved comes first, then the oldest.

    With ``runs_on`` what that device may take, of what ``asked_by`` asked for. Rows of teams that live elsewhere are
    copies; their home, or the device that was named, carries them out.
    """
    ours: dict[str, object] = {"runs_on": runs_on}
    ours |= {"deployment_id": only} if only else {}
    ours |= {"initiated_by": asked_by} if asked_by else {}
    elsewhere = teams_elsewhere(tx)
    for deployment in tx.list(Deployment, ours, state=DeploymentState.APPLYING, phase_detail=APPROVED):
        lease = tx.find(Lease, deployment_id=deployment.deployment_id)
        if deployment.team_id not in elsewhere and (lease is None or not lease.runner_id):
            yield deployment
    for deployment in tx.list(Deployment, ours, state=DeploymentState.QUEUED, order_by="created_at"):
        if deployment.team_id not in elsewhere and _is_free(tx, deployment):
            yield deployment


def teams_elsewhere(tx: Transaction) -> frozenset[str]:
    """The teams of which only a copy is here."""
    return frozenset(team.team_id for team in tx.list(Team, home__ne=""))


def _is_free(tx: Transaction, deployment: Deployment) -> bool:
    if deployment.machine_id is None:
        return True
    active = tuple(state for state in DeploymentState if state.is_active)
    if tx.find(Deployment, machine_id=deployment.machine_id, state=active):
        return False
    oldest = tx.list(
        Deployment, machine_id=deployment.machine_id, state=DeploymentState.QUEUED, order_by="created_at", limit=1
    )
    # Another runner may have taken it since it was listed.
    return any(each.deployment_id == deployment.deployment_id for each in oldest)


def _start(tx: Transaction, deployment: Deployment, ask: ClaimDeployment) -> Claim:
    at = now()
    state = DeploymentState.PLANNING if deployment.type.is_planned else DeploymentState.APPLYING
    started = replace(moved(deployment, state, at), phase_detail="claimed")
    tx.replace(started)
    if deployment.machine_id is not None and not deployment.type.is_planned:
        tx.replace(during(tx.get(Machine, deployment.machine_id), deployment.type, at))
    lease = _lease(tx, started, ask.runner_id, ask.lease_s)
    return Claim(deployment=started, fence=lease.fence)


def _lease(tx: Transaction, deployment: Deployment, runner_id: str, lease_s: float) -> Lease:
    held = tx.find(Lease, deployment_id=deployment.deployment_id)
    lease = Lease(
        deployment_id=deployment.deployment_id,
        team_id=deployment.team_id,
        runner_id=runner_id,
        fence=held.fence + 1 if held else 1,
        until=now() + timedelta(seconds=lease_s),
        host=_folder_of(deployment, runner_id, held),
    )
    if held:
        tx.replace(lease)
    else:
        tx.add(lease)
    return lease


def _folder_of(deployment: Deployment, runner_id: str, held: Lease | None) -> str:
    """The host of the run folder: a plan, and what an apply left, stay where they were made, whoever holds the run."""
    is_made = deployment.type.is_planned and deployment.state is DeploymentState.APPLYING
    return held.host if is_made and held is not None and held.host else host_of(runner_id)


@use_case("deployment.take_over", "POST /api/runner/deployments/{deployment_id}/take-over", is_for_devices=True)
def take_over(tx: Transaction, actor: Actor, ask: TakeOver) -> Claim:
    """Lease an orphaned deployment under a higher fence."""
    deployment = tx.get(Deployment, ask.deployment_id)
    check_reporter(tx, actor, deployment)
    held = tx.find(Lease, deployment_id=ask.deployment_id)
    if deployment.state.is_final or (held is not None and held.runner_id != ask.dead_runner_id):
        raise Conflict("Another runner has taken the deployment over.", code="E-LEASE-TAKEN")
    lease = _lease(tx, deployment, ask.runner_id, ask.lease_s)
    again = replace(deployment, attempt=deployment.attempt + 1, updated_at=now())
    tx.replace(again)
    return Claim(deployment=again, fence=lease.fence)


@use_case(
    "deployment.renew", "POST /api/runner/deployments/{deployment_id}/renew", is_audited=False, is_for_devices=True
)
def renew_lease(tx: Transaction, actor: Actor, ask: RenewLease) -> Lease:
    """Extend the lease."""
    held_run(tx, actor, ask.deployment_id, ask.fence)
    lease = tx.get(Lease, ask.deployment_id)
    renewed = replace(lease, until=now() + timedelta(seconds=ask.lease_s))
    tx.replace(renewed)
    return renewed


@use_case("deployment.requeue", "POST /api/runner/deployments/{deployment_id}/requeue", is_internal=True)
def requeue_deployment(tx: Transaction, actor: Actor, ask: RequeueDeployment) -> Deployment:
    """Let go of it; an approval was of the plan that is lost. A cancel that came meanwhile wins.

    Raises:
        Conflict: its apply has begun, or it is not being applied.
    """
    held, at = held_run(tx, actor, ask.deployment_id, ask.fence), now()
    if held.state is not DeploymentState.APPLYING or held.phase_detail not in {APPROVED, PREPARE}:
        raise Conflict("An apply that has begun is never begun again.", code="E-DEPLOYMENT-STATE")
    tx.replace(replace(tx.get(Lease, held.deployment_id), runner_id="", host=""))
    if held.cancel_level:
        return discard(tx, held, at)
    # The table of states knows no way back: this is the only one, and it is open before the apply only.
    queued = replace(
        held,
        state=DeploymentState.QUEUED,
        plan_summary=None,
        plan_digest="",
        plan_serial=0,
        phase_detail="",
        approved_by="",
        started_at=None,
        updated_at=at,
    )
    tx.replace(queued)
    return queued


@use_case(
    "deployment.report_phase",
    "POST /api/runner/deployments/{deployment_id}/phase",
    is_audited=False,
    is_for_devices=True,
)
def report_phase(tx: Transaction, actor: Actor, ask: ReportPhase) -> Deployment:
    """Record what is being done."""
    held = held_run(tx, actor, ask.deployment_id, ask.fence)
    recovers = held.needs_recovery or ask.phase == RECOVER
    deployment = replace(held, phase_detail=ask.phase, needs_recovery=recovers, updated_at=now())
    tx.replace(deployment)
    return deployment


@use_case("deployment.report_plan", "POST /api/runner/deployments/{deployment_id}/plan", is_for_devices=True)
def report_plan(tx: Transaction, actor: Actor, ask: ReportPlan) -> Deployment:
    """Record the plan, and the approval where it was given beforehand.

    A cancel that came while the plan was made wins: the deployment stays as it is, for its runner to end.
    """
    deployment = held_run(tx, actor, ask.deployment_id, ask.fence)
    if deployment.cancel_level:
        return deployment
    at = now()
    approved = deployment.auto_approve or not ask.digest
    state = DeploymentState.APPLYING if approved else DeploymentState.AWAITING_APPROVAL
    planned = replace(
        moved(deployment, state, at),
        plan_summary=ask.summary,
        plan_digest=ask.digest,
        plan_serial=ask.serial,
        phase_detail=PREPARE if approved else "",
        approved_by=deployment.initiated_by if approved else "",
    )
    tx.replace(planned)
    if approved and deployment.machine_id is not None:
        tx.replace(during(tx.get(Machine, deployment.machine_id), deployment.type, at))
    if not approved:
        # While a person decides nobody holds it: whichever runner hears the approval first goes on.
        tx.replace(replace(tx.get(Lease, deployment.deployment_id), runner_id=""))
    return planned


@use_case("deployment.expire", "POST /api/runner/deployments/{deployment_id}/expire", is_for_devices=True)
def expire_approval(tx: Transaction, actor: Actor, ask: ExpireApproval) -> Deployment:
    """Discard the plan, unless somebody has decided since."""
    deployment = tx.get(Deployment, ask.deployment_id)
    check_reporter(tx, actor, deployment)
    if deployment.state is not DeploymentState.AWAITING_APPROVAL or deployment.updated_at > ask.waiting_since:
        return deployment
    return discard(tx, deployment, now(), reason="Nobody approved the plan in time.", code="E-PLAN-EXPIRED")


@use_case(
    "deployment.append_log", "POST /api/runner/deployments/{deployment_id}/logs", is_audited=False, is_for_devices=True
)
def append_log(tx: Transaction, actor: Actor, ask: AppendLog) -> int:
    """Store the lines with the cursors, so that nothing is read twice after a crash."""
    held_run(tx, actor, ask.deployment_id, ask.fence)
    return tx.append_log(ask.deployment_id, ask.lines, ask.cursors)


@use_case("deployment.save_state", "POST /api/runner/deployments/{deployment_id}/state", is_for_devices=True)
def save_state(tx: Transaction, actor: Actor, ask: SaveState) -> int:
    """Keep the state as the machine's newest revision; a device's is sealed by its vault, and opaque here."""
    deployment = held_run(tx, actor, ask.deployment_id, ask.fence)
    _keep_state(tx, tx.get(Machine, deployment.machine_id or ""), ask)
    return ask.serial


@use_case("deployment.rescue_state", "POST /api/runner/machines/{machine_id}/state", is_internal=True)
def rescue_state(tx: Transaction, _actor: Actor, ask: RescueState) -> bool:
    """Not while a run holds the machine: it has made its plan without that state; nor where a person keeps it."""
    machine = tx.get(Machine, ask.machine_id)
    active = tuple(state for state in DeploymentState if state.is_active)
    if machine.state_keeper or tx.find(Deployment, machine_id=ask.machine_id, state=active) is not None:
        return False
    _keep_state(tx, machine, ask)
    return True


def _keep_state(tx: Transaction, machine: Machine, ask: SaveState | RescueState) -> None:
    tx.save_state(
        StateRevision(
            team_id=machine.team_id,
            machine_id=machine.machine_id,
            lineage=ask.lineage,
            serial=ask.serial,
            envelope=ask.envelope,
        ),
        keep=STATE_REVISIONS,
    )
    status = TerraformStateStatus.NONE if ask.is_empty else TerraformStateStatus.SYNCED
    tx.replace(replace(machine, terraform_state_status=status, updated_at=now()))


@use_case("deployment.report_facts", "POST /api/runner/deployments/{deployment_id}/facts", is_for_devices=True)
def report_facts(tx: Transaction, actor: Actor, ask: ReportFacts) -> Machine:
    """Write the facts to the machine."""
    deployment = held_run(tx, actor, ask.deployment_id, ask.fence)
    machine = learnt(tx.get(Machine, deployment.machine_id or ""), ask.machine, now())
    tx.replace(machine)
    return machine


@use_case("deployment.report_outcome", "POST /api/runner/deployments/{deployment_id}/outcome", is_for_devices=True)
def report_outcome(tx: Transaction, actor: Actor, ask: ReportOutcome) -> Deployment:
    """End the run and settle its machine."""
    at = now()
    held = held_run(tx, actor, ask.deployment_id, ask.fence)
    deployment = replace(
        moved(held, ask.state, at),
        error_message=ask.error_message or None,
        error_code=ask.error_code,
        error_hint=ask.error_hint,
        phase_detail="",
        needs_recovery=held.needs_recovery and ask.state is DeploymentState.FAILED,
    )
    tx.replace(deployment)
    if deployment.machine_id is not None:
        machine = _after(tx.get(Machine, deployment.machine_id), deployment, ask, at)
        tx.replace(machine)
        end_queue_of_gone(tx, machine, at)
    return deployment


def _made(machine: Machine, deployment: Deployment, state: DeploymentState) -> Machine:
    """What was ordered is the machine's own once its apply has begun: a failed one is tried again towards that."""
    is_begun = deployment.type.is_planned or state is DeploymentState.SUCCEEDED
    return ordered(machine, deployment) if is_begun else machine


def _after(machine: Machine, deployment: Deployment, ask: ReportOutcome, at: datetime) -> Machine:
    if not ask.touched and ask.state is DeploymentState.FAILED and deployment.type is DeploymentType.CREATE:
        # It stays, in error, so that it can be tried again.
        return replace(machine, actual_status=MachineStatus.ERROR, status_reason=ask.error_message, updated_at=at)
    if not ask.touched:
        rested = learnt(unplanned(machine, deployment.type, at), ask.machine, at)
        if not rested.actual_status.is_moving:
            return rested
        # It was on its way when the run ended before its first step; what it was before is not known any more.
        reason = ask.error_message or "The run was cancelled before its first step."
        return replace(rested, actual_status=MachineStatus.ERROR, status_reason=reason)
    reported = learnt(_made(machine, deployment, ask.state), ask.machine, at)
    if ask.state is DeploymentState.SUCCEEDED:
        reported = since_rescue(reported, deployment, at)
        # A key that the run itself has learnt is one of the machine as it is now.
        reported = reported if ask.machine.host_key else since_made(reported, deployment, at)
    if ask.state is DeploymentState.SUCCEEDED and deployment.type is DeploymentType.DESTROY:
        gone = MachineStatus.TERMINATED
        return replace(reported, actual_status=gone, desired_status=gone, status_reason="")
    if ask.state is DeploymentState.SUCCEEDED:
        return replace(reported, desired_status=settled(reported))
    return reported
