"""Deployments as people see them: listing, reading the log, approving, cancelling (spec 4.4, 6.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from machina_desktop.core.codec import from_json
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType, Lease, moved
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict
from machina_desktop.core.ids import now
from machina_desktop.core.services.runs import APPROVED, discard, during, unplanned
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

FORSAKEN = timedelta(minutes=10)
"""A desktop that sleeps comes back; after so long without a sign of it, a person may end its run."""


@dataclass(frozen=True, kw_only=True)
class ListDeployments(Request[tuple[Deployment, ...]]):
    """Deployments of a team, newest first; ``since`` and ``until`` bound when they were asked for."""

    team_id: str
    state: DeploymentState | None = None
    type: DeploymentType | None = None
    machine_id: str | None = None
    search: str = ""
    since: datetime | None = None
    until: datetime | None = None
    only_open: bool = False
    limit: int = 500
    offset: int = 0


@dataclass(frozen=True, kw_only=True)
class GetDeployment(Request[Deployment]):
    """One deployment."""

    deployment_id: str


@dataclass(frozen=True)
class LogChunk:
    """A piece of a run's log: ``lines`` lie at bytes ``start`` to ``end``; read on from there."""

    lines: tuple[LogLine, ...]
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class ReadLog(Request[LogChunk]):
    """The log from byte ``offset`` on, whole lines, about ``limit`` bytes; empty at the end."""

    deployment_id: str
    offset: int = 0
    limit: int = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ApproveDeployment(Request[Deployment]):
    """Let exactly the plan with that digest be applied; an empty digest means the one shown now."""

    deployment_id: str
    plan_digest: str = ""


@dataclass(frozen=True, kw_only=True)
class CancelDeployment(Request[Deployment]):
    """Stop a run or discard its plan. ``force`` asks a second time, which may lose what is in flight.

    Forced, a run also ends whose desktop has not been heard of for a while.
    """

    deployment_id: str
    force: bool = False


@use_case("deployment.list", "GET /api/deployments")
def list_deployments(tx: Transaction, _actor: Actor, ask: ListDeployments) -> tuple[Deployment, ...]:
    """Deployments, newest first."""
    conditions: dict[str, object] = {"team_id": ask.team_id}
    if ask.state is not None:
        conditions["state"] = ask.state
    elif ask.only_open:
        conditions["state"] = tuple(state for state in DeploymentState if not state.is_final)
    if ask.type is not None:
        conditions["type"] = ask.type
    if ask.machine_id is not None:
        conditions["machine_id"] = ask.machine_id
    if ask.since is not None:
        conditions["created_at__ge"] = ask.since
    if ask.until is not None:
        conditions["created_at__le"] = ask.until
    return tx.list(
        Deployment,
        conditions,
        search=ask.search,
        order_by="created_at",
        descending=True,
        limit=ask.limit,
        offset=ask.offset,
    )


@use_case("deployment.get", "GET /api/deployments/{deployment_id}")
def get_deployment(tx: Transaction, _actor: Actor, ask: GetDeployment) -> Deployment:
    """The deployment as it stands."""
    return tx.get(Deployment, ask.deployment_id)


@use_case("deployment.read_log", "GET /api/deployments/{deployment_id}/logs", at_home=True)
def read_log(tx: Transaction, _actor: Actor, ask: ReadLog) -> LogChunk:
    """Lines from the offset on."""
    deployment = tx.get(Deployment, ask.deployment_id)
    data, end = tx.read_log(deployment.deployment_id, ask.offset, ask.limit)
    lines = tuple(from_json(line, LogLine) for line in data.splitlines())
    return LogChunk(lines=lines, start=ask.offset, end=end)


@use_case("deployment.approve", "POST /api/deployments/{deployment_id}/approve")
def approve_deployment(tx: Transaction, actor: Actor, ask: ApproveDeployment) -> Deployment:
    """Record the approval; of two at once exactly one wins."""
    deployment = tx.get(Deployment, ask.deployment_id)
    if deployment.state is not DeploymentState.AWAITING_APPROVAL:
        raise Conflict(
            f"The deployment is {deployment.state.value.replace('_', ' ')}; there is no plan to approve.",
            code="E-NOT-AWAITING",
        )
    if ask.plan_digest and ask.plan_digest != deployment.plan_digest:
        raise Conflict(
            "The plan has changed since it was shown.", hint="Read the new plan, then approve.", code="E-PLAN-CHANGED"
        )
    at = now()
    approved = replace(
        moved(deployment, DeploymentState.APPLYING, at), approved_by=actor.user_id, phase_detail=APPROVED
    )
    tx.replace(approved)
    if deployment.machine_id is not None:
        tx.replace(during(tx.get(Machine, deployment.machine_id), deployment.type, at))
    return approved


@use_case("deployment.cancel", "POST /api/deployments/{deployment_id}/cancel")
def cancel_deployment(tx: Transaction, _actor: Actor, ask: CancelDeployment) -> Deployment:
    """End it at once while nothing runs, else ask the runner to interrupt what does."""
    deployment = tx.get(Deployment, ask.deployment_id)
    at = now()
    if deployment.state in {DeploymentState.QUEUED, DeploymentState.AWAITING_APPROVAL}:
        return discard(tx, deployment, at)
    if deployment.state.is_final:
        raise Conflict(f"The deployment has already {_ended(deployment)}.", code="E-DEPLOYMENT-ENDED")
    if ask.force and deployment.cancel_level == 0:
        raise Conflict(
            "A run is forced to stop only after an ordinary cancel.", hint="Cancel first.", code="E-CANCEL-FIRST"
        )
    if ask.force and _is_forsaken(tx, deployment, at):
        return _end_forsaken(tx, deployment, at)
    asked = replace(
        deployment,
        cancel_level=2 if ask.force else max(1, deployment.cancel_level),
        cancel_requested_at=deployment.cancel_requested_at or at,
        updated_at=at,
    )
    tx.replace(asked)
    return asked


def _is_forsaken(tx: Transaction, deployment: Deployment, at: datetime) -> bool:
    """Whether a person's computer carries it out that may never come back: nobody else can, so it would never end."""
    lease = tx.find(Lease, deployment_id=deployment.deployment_id)
    return bool(deployment.runs_on) and lease is not None and at > lease.until + FORSAKEN


def _end_forsaken(tx: Transaction, deployment: Deployment, at: datetime) -> Deployment:
    """What it has changed outside nobody knows; the record of that is on the computer that went away."""
    reason = "The computer that carried it out has not come back."
    is_applying = deployment.state is DeploymentState.APPLYING
    ended = replace(
        moved(deployment, DeploymentState.FAILED, at),
        phase_detail="",
        cancel_level=2,
        error_message=reason,
        error_code="E-DEVICE-GONE",
        error_hint="When that computer is back, refresh the machine on it.",
        needs_recovery=is_applying,
    )
    tx.replace(ended)
    if deployment.machine_id is not None:
        machine = tx.get(Machine, deployment.machine_id)
        lost = replace(machine, actual_status=MachineStatus.ERROR, status_reason=reason, updated_at=at)
        tx.replace(lost if is_applying else unplanned(machine, deployment.type, at))
    return ended


def _ended(deployment: Deployment) -> str:
    return "been cancelled" if deployment.state is DeploymentState.CANCELLED else deployment.state.value
