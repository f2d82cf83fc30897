"""One run against one machine, its states, and which step may follow which (spec 3.2)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.errors import Conflict


class DeploymentType(StrEnum):
    """Spec 3.2, DeploymentType, and the further actions that the Machines app offers besides reboot."""

    CREATE = "create"
    UPDATE = "update"
    DESTROY = "destroy"
    REBOOT = "reboot"
    START = "start"
    STOP = "stop"
    RESTART_SERVICE = "restart_service"
    REBUILD = "rebuild"
    SNAPSHOT = "snapshot"
    RESCUE = "rescue"
    REFRESH = "refresh"

    @property
    def is_planned(self) -> bool:
        """Whether Terraform plans it; power actions go straight to the provider."""
        return self in _PLANNED


_PLANNED = frozenset({DeploymentType.CREATE, DeploymentType.UPDATE, DeploymentType.DESTROY, DeploymentType.REFRESH})


class DeploymentState(StrEnum):
    """Spec 3.2, DeploymentState."""

    QUEUED = "queued"
    PLANNING = "planning"
    AWAITING_APPROVAL = "awaiting_approval"
    APPLYING = "applying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows."""
        return self in _FINAL

    @property
    def is_active(self) -> bool:
        """Whether it holds its machine: no other run may start."""
        return self in _ACTIVE


_FINAL = frozenset({DeploymentState.SUCCEEDED, DeploymentState.FAILED, DeploymentState.CANCELLED})
_ACTIVE = frozenset({DeploymentState.PLANNING, DeploymentState.AWAITING_APPROVAL, DeploymentState.APPLYING})

# `queued -> applying` is a power action, which has no plan; `planning -> applying` is a run approved beforehand.
# `queued -> succeeded` is the destruction of a machine that was never made.
_NEXT = {
    DeploymentState.QUEUED: frozenset(
        {
            DeploymentState.PLANNING,
            DeploymentState.APPLYING,
            DeploymentState.SUCCEEDED,
            DeploymentState.CANCELLED,
        }
    ),
    DeploymentState.PLANNING: frozenset(
        {
            DeploymentState.AWAITING_APPROVAL,
            DeploymentState.APPLYING,
            DeploymentState.SUCCEEDED,
            DeploymentState.FAILED,
            DeploymentState.CANCELLED,
        }
    ),
    DeploymentState.AWAITING_APPROVAL: frozenset(
        {DeploymentState.APPLYING, DeploymentState.FAILED, DeploymentState.CANCELLED}
    ),
    DeploymentState.APPLYING: frozenset({DeploymentState.SUCCEEDED, DeploymentState.FAILED, DeploymentState.CANCELLED}),
}


def may_follow(state: DeploymentState, following: DeploymentState) -> bool:
    """Whether ``following`` is a legal successor of ``state``."""
    return following in _NEXT.get(state, frozenset())


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One run; the fields of spec 3.2 first, then what carrying it out needs.

    Attributes:
        phase_detail: What the runner does right now: ``init``, ``plan``, ``show``, ``apply``, ``prepare``, …
        plan_digest: SHA-256 of the saved plan file, hex; what an approval is bound to.
        plan_serial: Serial of the state the plan was made against.
        cancel_level: 0 none, 1 asked (one interrupt), 2 forced by the user (second interrupt).
        attempt: 1 at first; one more with each runner that takes it over from a dead one. Never a second apply.
        runs_on: The device that carries it out; empty for the runners of the team's home.
        options: What a person chose for it, such as the ``image`` of a rebuild.
        needs_recovery: Its apply ended without a known outcome, and no run has settled yet what that left.
    """

    deployment_id: str
    team_id: str
    machine_id: str | None
    type: DeploymentType
    state: DeploymentState = DeploymentState.QUEUED
    terraform_workspace: str = ""
    plan_summary: PlanSummary | None = None
    initiated_by: str
    error_message: str | None = None

    machine_name: str = ""
    error_code: str = ""
    error_hint: str = ""
    auto_approve: bool = False
    approved_by: str = ""
    plan_digest: str = ""
    plan_serial: int = 0
    phase_detail: str = ""
    runs_on: str = ""
    cancel_level: int = 0
    cancel_requested_at: datetime | None = None
    needs_recovery: bool = False
    attempt: int = 1
    options: dict[str, str] = field(default_factory=dict)
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Lease:
    """Who carries a deployment out. Never synchronised: it concerns the home's runners only.

    Attributes:
        runner_id: ``host:pid:start:boot`` of the process; empty when nobody holds it.
        fence: Grows with each claim; a report with an older number is refused.
        host: Where its run folder lies, and with it an approved plan; stays when nobody holds it.
    """

    deployment_id: str
    team_id: str
    runner_id: str
    fence: int
    until: datetime
    host: str = ""


def host_of(runner_id: str) -> str:
    """The host in ``host:pid:start:boot``; empty where none is named."""
    return runner_id.partition(":")[0] if runner_id.count(":") == 3 else ""


def moved(deployment: Deployment, state: DeploymentState, at: datetime) -> Deployment:
    """The deployment in its next state, with the times that go with it.

    Raises:
        Conflict: ``state`` may not follow the present one.
    """
    if not may_follow(deployment.state, state):
        raise Conflict(
            f"The deployment is {deployment.state.value.replace('_', ' ')} and cannot become "
            f"{state.value.replace('_', ' ')}.",
            hint="It has moved on meanwhile; look at its present state.",
            code="E-DEPLOYMENT-STATE",
        )
    return replace(
        deployment,
        state=state,
        updated_at=at,
        started_at=deployment.started_at or (None if state is DeploymentState.CANCELLED else at),
        finished_at=at if state.is_final else None,
    )
