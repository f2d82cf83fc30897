"""Runs of teams that live elsewhere, which their home lets this computer carry out: found here, claimed there."""

from __future__ import annotations

import logging
from datetime import datetime

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.reports import Claim, ClaimDeployment, ExpireApproval, TakeOver
from machina_desktop.core.services.run_here import ReadLease
from machina_desktop.core.services.runs import APPROVED
from machina_desktop.core.workers.holders import LEASE_S, Holders
from machina_desktop.core.workers.material import OwnRun, own_runs
from machina_desktop.core.workers.recorder import AskHome, HomeRecorder, StoreRecorder, will_pass

LOG = logging.getLogger(__name__)
_TO_DO = (DeploymentState.QUEUED, DeploymentState.PLANNING, DeploymentState.APPLYING)


class RunsForHomes:
    """Takes such runs. Lives on the loop.

    The copy here says what there may be to do, the home alone says what is to be done. Nobody else ever takes such a
    run: a lease that has run out while this computer slept is taken up again by this computer.
    """

    def __init__(self, ask_home: AskHome, store: StoreRecorder, holders: Holders) -> None:
        self._ask_home = ask_home
        self._store = store
        self._holders = holders
        self._refused: dict[str, datetime] = {}

    async def due(self) -> tuple[OwnRun, ...]:
        """What there may be to do; what the home has refused only after it has changed."""
        found = await self._store.peek(lambda tx: own_runs(tx, _TO_DO))
        self._refused = {
            run.deployment.deployment_id: run.deployment.updated_at for run in found if self._is_refused(run)
        }
        return tuple(run for run in found if not self._is_refused(run))

    def _is_refused(self, run: OwnRun) -> bool:
        at = self._refused.get(run.deployment.deployment_id)
        return at is not None and at == run.deployment.updated_at

    def recorder_of(self, run: OwnRun) -> HomeRecorder:
        """What records it."""
        return HomeRecorder(self._ask_home, self._store, run)

    async def take(self, run: OwnRun) -> Claim | None:
        """Claim it, or take up what an earlier process of this computer left; ``None`` when it is not to be had now."""
        try:
            return await (self._claim(run) if _is_waiting(run) else self._take_over(run))
        except MachinaError as error:
            if not will_pass(error):
                LOG.warning("%s is not to be had: %s %s", run.deployment.deployment_id, error.code, error)
                self._refused[run.deployment.deployment_id] = run.deployment.updated_at
            return None

    async def _claim(self, run: OwnRun) -> Claim | None:
        claim = ClaimDeployment(
            runner_id=self._holders.own,
            lease_s=LEASE_S,
            only=(run.deployment.deployment_id,),
            device_id=run.device_id,
        )
        return await self._ask_home(run.deployment.team_id, claim, op_id=new_id("op"))

    async def _take_over(self, run: OwnRun) -> Claim | None:
        name, team_id = run.deployment.deployment_id, run.deployment.team_id
        lease = await self._ask_home(team_id, ReadLease(deployment_id=name))
        if lease is None or not lease.runner_id or not self._holders.is_orphan(lease):
            return None
        LOG.warning("%s was left unfinished; going on", name)
        take = TakeOver(
            deployment_id=name, dead_runner_id=lease.runner_id, runner_id=self._holders.own, lease_s=LEASE_S
        )
        return await self._ask_home(team_id, take, op_id=new_id("op"))

    async def expire(self, oldest: datetime) -> None:
        """Discard plans made here that nobody approved since ``oldest``; their home may have nobody who does that."""
        for run in await self._store.peek(lambda tx: own_runs(tx, (DeploymentState.AWAITING_APPROVAL,))):
            if run.deployment.updated_at > oldest:
                continue
            expire = ExpireApproval(deployment_id=run.deployment.deployment_id, waiting_since=oldest)
            try:
                await self._ask_home(run.deployment.team_id, expire, op_id=new_id("op"))
            except MachinaError as error:
                LOG.info("a plan could not be discarded: %s %s", error.code, error)


def _is_waiting(run: OwnRun) -> bool:
    state = run.deployment.state
    return state is DeploymentState.QUEUED or run.deployment.phase_detail == APPROVED
