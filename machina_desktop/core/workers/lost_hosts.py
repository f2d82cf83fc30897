"""What becomes here of a run whose host is gone, and its run folder with it: planned anew, gone on with, or ended."""

from __future__ import annotations

from enum import Enum, auto
from pathlib import Path
from typing import Protocol, TypeVar

from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import MachineFacts, MachineStatus, TerraformStateStatus
from machina_desktop.core.services.reports import RECOVER, Claim, ReportOutcome, ReportPhase, RequeueDeployment
from machina_desktop.core.services.runs import APPROVED, PREPARE
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.terraform.workspace import Workspace
from machina_desktop.core.workers.commands import LAUNCHES

R = TypeVar("R")


class Report(Protocol):
    """Sends a report as the runner."""

    async def __call__(self, ask: Request[R]) -> R:
        """The answer to it."""
        ...


class Way(Enum):
    """How to go on with a run that was another host's."""

    WALK = auto()
    REQUEUE = auto()
    INTERRUPT = auto()


def way_on(deployment: Deployment, folder: Path) -> Way:
    """What may be done here, where ``folder`` is the machine's run folder. Reads the disk.

    A plan changes nothing and is made again. An apply may have changed anything, and what it recorded lies where it
    ran: nobody else may repeat it.
    """
    if deployment.state is not DeploymentState.APPLYING or not deployment.type.is_planned:
        return Way.WALK
    if (folder / LAUNCHES / deployment.deployment_id / "apply").exists():
        return Way.WALK
    if deployment.phase_detail not in {APPROVED, PREPARE}:
        return Way.INTERRUPT
    is_here = deployment.plan_digest and Workspace(folder).plan_digest() == deployment.plan_digest
    return Way.WALK if is_here else Way.REQUEUE


async def requeue(report: Report, claim: Claim) -> None:
    """Let whoever comes next plan it anew."""
    await report(RequeueDeployment(deployment_id=claim.deployment.deployment_id, fence=claim.fence))


async def interrupt(report: Report, claim: Claim, *, host: str, has_state: bool) -> None:
    """End it as interrupted; what it left is for a person to look at."""
    name = claim.deployment.deployment_id
    await report(ReportPhase(deployment_id=name, fence=claim.fence, phase=RECOVER))
    message = "The runner was lost while it changed things."
    await report(
        ReportOutcome(
            deployment_id=name,
            fence=claim.fence,
            state=DeploymentState.FAILED,
            touched=True,
            machine=MachineFacts(
                status=MachineStatus.ERROR,
                status_reason=message,
                state_status=TerraformStateStatus.UNCERTAIN if has_state else None,
            ),
            error_message=message,
            error_code="E-RUN-INTERRUPTED",
            error_hint=f"What it recorded lies on {host}: start the runner there again, then choose Try again.",
        )
    )
