"""Seeing a run through: carrying it out where nobody else does, showing its log, getting its plan approved."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from datetime import datetime

from machina_desktop.cli import terminal
from machina_desktop.cli.references import short
from machina_desktop.cli.rendering import plan_text
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.errors import Conflict
from machina_desktop.core.events import Event
from machina_desktop.core.host import Host
from machina_desktop.core.services.deployments import (
    ApproveDeployment,
    CancelDeployment,
    GetDeployment,
    ListDeployments,
    ReadLog,
)

LOOK_S = 1.0


class Follower:
    """Follows runs on the loop of its host.

    Attributes:
        followed: The run that is being followed; ``None`` while there is none.
    """

    def __init__(self, host: Host, *, waits: bool, says_yes: bool, show: Callable[[LogLine], None] | None) -> None:
        self._host = host
        self._gateway = host.gateway
        self._waits = waits
        self._says_yes = says_yes
        self._show = show
        self._shown = 0
        self._presented = ""
        self._is_told_of_queue = False
        self._wake = asyncio.Event()
        self.followed: Deployment | None = None
        host.bus.subscribe(self._on_event)

    async def see_through(self, deployment_id: str) -> Deployment:
        """Carry the run out here, unless another process does, and follow it.

        Runs of the same machine that stand before it are carried out too, if their process has died: nothing else
        would ever make room. Answers the run when it has ended, or waits for somebody else and we do not.
        """
        run = await self._gateway.call(GetDeployment(deployment_id=deployment_id))
        if not run.state.is_final:
            before = await self._open_runs(run)
            self._host.start_deployer(only=(deployment_id, *(each.deployment_id for each in before)))
        return await self.follow(deployment_id)

    async def follow(self, deployment_id: str) -> Deployment:
        """Show the run until it has ended, or waits for somebody else and we do not."""
        while True:
            self._wake.clear()
            run = await self._gateway.call(GetDeployment(deployment_id=deployment_id))
            self.followed = run
            await self._show_log(deployment_id)
            if run.state.is_final or await self._is_left_to_others(run):
                self.followed = None
                return run
            await self._nap()

    async def drain(self, told: Callable[[Deployment], None]) -> tuple[Deployment, ...]:
        """Carry out whatever is left anywhere; answers the runs that were open, in the order they came to rest.

        At rest is a run that has ended, that waits for approval, or that is queued behind one that does. ``told``
        hears of each.
        """
        self._host.start_deployer()
        rested: list[Deployment] = []
        awaited = {run.deployment_id for run in await self._open_runs()}
        while awaited:
            self._wake.clear()
            runs = [await self._gateway.call(GetDeployment(deployment_id=each)) for each in sorted(awaited)]
            held = {run.machine_id for run in await self._open_runs() if run.state is DeploymentState.AWAITING_APPROVAL}
            for run in runs:
                if run.state.is_final or (run.machine_id in held and run.state not in _MOVING):
                    awaited.discard(run.deployment_id)
                    rested.append(run)
                    told(run)
            if awaited:
                await self._nap()
        return tuple(rested)

    async def _is_left_to_others(self, run: Deployment) -> bool:
        if run.state is DeploymentState.AWAITING_APPROVAL:
            if self._waits:
                await self._get_approved(run)
            return not self._waits
        if run.state is DeploymentState.QUEUED:
            blocking = await self._waiting_before(run)
            if blocking is not None:
                self._tell_of_queue(run, blocking)
            return blocking is not None and not self._waits
        return False

    async def _get_approved(self, run: Deployment) -> None:
        """Show each plan once and get an answer to it: ``--yes``, the person here, or whoever approves elsewhere."""
        if run.plan_digest == self._presented:
            return
        self._presented = run.plan_digest
        if run.plan_summary is not None:
            terminal.note(plan_text(run.plan_summary))
        if not self._says_yes and not terminal.is_there():
            terminal.note(how_to_decide(run))
            return
        is_approved = self._says_yes or terminal.confirm("Apply this plan? A no discards it.")
        try:
            if is_approved:
                approval = ApproveDeployment(deployment_id=run.deployment_id, plan_digest=run.plan_digest)
                await self._gateway.call(approval)
            else:
                await self._gateway.call(CancelDeployment(deployment_id=run.deployment_id))
        except Conflict as error:
            # Somebody else has decided while we asked; what comes of it is shown next.
            terminal.note(error.message)

    def _tell_of_queue(self, run: Deployment, blocking: Deployment) -> None:
        if not self._is_told_of_queue:
            self._is_told_of_queue = True
            terminal.note(f"This {run.type.value} waits until the {blocking.type.value} before it is decided.")
            terminal.note(how_to_decide(blocking))

    async def _waiting_before(self, run: Deployment) -> Deployment | None:
        """The run of the same machine that stands before this one and waits for a person."""
        awaiting = (each for each in await self._open_runs(run) if each.state is DeploymentState.AWAITING_APPROVAL)
        return next(awaiting, None)

    async def _open_runs(self, before: Deployment | None = None) -> tuple[Deployment, ...]:
        """All runs that have not ended, or those of the same machine that stand ``before`` a run; oldest first."""
        team_ids = (before.team_id,) if before else tuple(team_id for team_id, _role in self._host.actor.team_roles)
        machine_id = before.machine_id if before else None
        runs = [
            run
            for team_id in team_ids
            for run in await self._gateway.call(ListDeployments(team_id=team_id, machine_id=machine_id, only_open=True))
        ]
        return tuple(run for run in sorted(runs, key=_place) if before is None or _place(run) < _place(before))

    async def _show_log(self, deployment_id: str) -> None:
        while self._show is not None:
            chunk = await self._gateway.call(ReadLog(deployment_id=deployment_id, offset=self._shown))
            if not chunk.lines:
                break
            self._shown = chunk.end
            for line in chunk.lines:
                self._show(line)
            sys.stdout.flush()

    async def _nap(self) -> None:
        """Until something happens; what other processes do is noticed late, so a look now and then stays."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), LOOK_S)

    def _on_event(self, _event: Event) -> None:
        self._wake.set()


_MOVING = frozenset({DeploymentState.PLANNING, DeploymentState.APPLYING})


def _place(run: Deployment) -> tuple[datetime, str]:
    return run.created_at, run.deployment_id


def how_to_decide(run: Deployment) -> str:
    """What to type about a plan that waits."""
    name = short(run)
    return (
        f"The plan waits for approval: machina deployments approve {name} applies it, "
        f"machina deployments cancel {name} discards it."
    )
