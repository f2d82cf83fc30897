"""Claims deployments, carries them out, keeps their leases, and at start takes over what a dead runner left."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from machina_desktop.core import ids
from machina_desktop.core.config import APPROVAL_HOURS, CONCURRENT_RUNS, Paths, Settings
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, Lease
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, Locked, MachinaError, NotFound, Unavailable
from machina_desktop.core.events import Changed, Event, EventBus, VaultChanged
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.proxy import proxy_environment
from machina_desktop.core.services.reports import (
    AppendLog,
    Claim,
    ClaimDeployment,
    ExpireApproval,
    RenewLease,
    ReportOutcome,
    RescueState,
    TakeOver,
)
from machina_desktop.core.services.sealing import STATE_FIELD, STATE_TABLE
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.terraform.engine import Engine
from machina_desktop.core.terraform.state_file import StateFile
from machina_desktop.core.terraform.workspace import Workspace, run_lock
from machina_desktop.core.vault.seals import Opener
from machina_desktop.core.workers.commands import has_applied, is_busy
from machina_desktop.core.workers.holders import LEASE_S, RENEW_S, Holders
from machina_desktop.core.workers.log_pump import LogPump
from machina_desktop.core.workers.lost_hosts import Way, interrupt, requeue, way_on
from machina_desktop.core.workers.material import (
    expired,
    has_claimable,
    machines_awaiting,
    machines_in_use,
    opened,
    refuse_on_server,
    unfinished,
)
from machina_desktop.core.workers.recorder import LOOK_S, AskHome, Recorder, StoreRecorder
from machina_desktop.core.workers.run import GONE, Run
from machina_desktop.core.workers.runs_for_homes import RunsForHomes
from machina_desktop.core.workers.subject import Tools
from machina_desktop.core.workers.supervisor import Supervisor

R = TypeVar("R")
LOG = logging.getLogger(__name__)

SWEEP_S = 60.0
"""A server looks so often for what runs left that another host has ended meanwhile."""

RUNNER = Actor(user_id="runner", display_name="Runner", is_runner=True)
"""Who reports what happened: no person may do what it does."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the host hands to its deployer.

    Attributes:
        vault: Opens the secrets of runs, and seals their states.
        assign: Hands out what may be claimed, with :meth:`Deployer.carry_out`; without it the deployer helps itself.
        concurrency: Runs at once; as the settings say where it is not given.
        is_server: It serves a team: what belongs on a person's own computer is refused.
        lease_s: How long a lease of another host is believed after it was last renewed.
        ask_home: Asks the home of a team that lives elsewhere; without it, only what lives here is carried out.
    """

    paths: Paths
    settings: Settings
    database: Database
    vault: Opener
    bus: EventBus
    execute: Callable[[Actor, Request[object]], Awaitable[object]]
    find_engine: Callable[[], Awaitable[Engine]]
    assign: Callable[[], Awaitable[None]] | None = None
    concurrency: int | None = None
    is_server: bool = False
    lease_s: float = LEASE_S
    ask_home: AskHome | None = None


class Deployer:
    """Runs on the loop of its host until stopped.

    ``only`` limits it to these deployments: the command line carries out just its own. Stopping it leaves external
    runs alone; whoever starts next attaches to them.

    Attributes:
        taken: How many runs it has begun or taken over since it started.
        ended: With how many of these it is done.
    """

    def __init__(self, parts: Parts, *, only: tuple[str, ...] = ()) -> None:
        self._parts = parts
        self._only = only
        self._holders = Holders(parts.paths.home, lease_s=parts.lease_s)
        self._store = StoreRecorder(parts.database, parts.execute, RUNNER)
        self._homes = RunsForHomes(parts.ask_home, self._store, self._holders) if parts.ask_home else None
        self._at_homes: asyncio.Task[None] | None = None
        self._runs: dict[str, Run | None] = {}
        self._ended: dict[str, asyncio.Event] = {}
        self._freed = asyncio.Event()
        self.taken = self.ended = 0
        self._supervisor = Supervisor()
        self._sweeping = asyncio.Lock()
        self._swept_at = 0.0
        # What was just claimed and is not noted yet would look as if an earlier process had left it.
        self._taking = asyncio.Lock()
        self._wake = asyncio.Event()
        self._unlocked = asyncio.Event()
        self._unsubscribe = parts.bus.subscribe(self._on_event)
        if parts.vault.is_open:
            self._unlocked.set()

    @property
    def running(self) -> tuple[str, ...]:
        """Ids of the deployments this process carries out right now."""
        return tuple(self._runs)

    @property
    def host(self) -> str:
        """Where this process is, as leases name it."""
        return self._holders.host

    async def run(self) -> None:
        """Recover, then claim and carry out, for ever."""
        await self._sweep()
        while True:
            await self._unlocked.wait()
            self._wake.clear()
            try:
                await self._look()
            except MachinaError as error:
                LOG.warning("the deployer looks again in a moment: %s %s", error.code, error)
            # Not wait_for, which before Python 3.12 loses a cancel that comes together with the event.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wake.wait()

    async def _look(self) -> None:
        # What a person has just approved comes first.
        if self._parts.assign is not None:
            await self._parts.assign()
        else:
            while await self._claim_next():
                pass
        async with self._taking:
            await self._recover()
        await self._expire_approvals()
        if self._parts.is_server and time.monotonic() - self._swept_at >= SWEEP_S:
            await self._sweep()
        if self._homes is not None and (self._at_homes is None or self._at_homes.done()):
            # Apart from all this: a home that is slow to answer keeps nothing here waiting.
            self._at_homes = self._supervisor.spawn(self._look_at_homes(self._homes), name="runs for other homes")

    async def _look_at_homes(self, homes: RunsForHomes) -> None:
        for run in await homes.due():
            name = run.deployment.deployment_id
            if name in self._runs or (self._only and name not in self._only) or not self._has_room:
                continue
            claim = await homes.take(run)
            if claim is not None:
                self._begin(claim, homes.recorder_of(run))
        await homes.expire(self._oldest_plan())

    async def stop(self) -> None:
        """Let go of everything; external commands go on under their launchers."""
        self._unsubscribe()
        await self._supervisor.stop()
        for ended in self._ended.values():
            ended.set()
        await self._sweep()

    async def carry_out(self, deployment_id: str) -> None:
        """Take that deployment, if it is still to be had, and wait until this process is done with it.

        What an earlier process left counts as well: it may be that there is no room yet.
        """
        while not self._has_room:
            self._freed.clear()
            await self._freed.wait()
        async with self._taking:
            claim = await self._claim((deployment_id,))
            ended = self._begin(claim, self._store) if claim is not None else None
        if ended is not None:
            await ended.wait()

    # Claiming

    @property
    def _has_room(self) -> bool:
        most = self._parts.concurrency or self._parts.settings.get(CONCURRENT_RUNS)
        return len(self._runs) < most and self._parts.vault.is_open

    async def _claim_next(self) -> bool:
        if not self._has_room or not await self._peek(has_claimable):
            return False
        claim = await self._claim(self._only)
        if claim is not None:
            self._begin(claim, self._store)
        return claim is not None

    async def _claim(self, only: tuple[str, ...]) -> Claim | None:
        return await self._report(ClaimDeployment(runner_id=self._holders.own, lease_s=LEASE_S, only=only))

    def _begin(self, claim: Claim, recorder: Recorder) -> asyncio.Event:
        """Carry it out in a task; the event tells that this process is done with it."""
        name = claim.deployment.deployment_id
        self._runs[name] = None
        self._ended[name] = asyncio.Event()
        self.taken += 1

        async def carry_out() -> None:
            async with run_lock(self._lock_of(claim.deployment.machine_id)):
                # What this computer carries out for a home elsewhere, no other ever does.
                if recorder is not self._store or await self._may_walk(claim):
                    await self._carry_out(claim, recorder)
            self._forget(name)

        async def give_up(error: MachinaError) -> None:
            folder = self._parts.paths.runs / (claim.deployment.machine_id or "none")
            try:
                if error.code == GONE:
                    LOG.warning("%s is taken up again when the database is back", name)
                    await asyncio.sleep(LOOK_S)
                    return
                if not await asyncio.to_thread(is_busy, folder):
                    await self._give_up(claim, recorder, error)
                    await self._sweep()
                    return
                LOG.warning("%s still runs outside; it is taken up again", name)
                await asyncio.sleep(LOOK_S)
            except MachinaError:
                # It is taken up again, but not at once: a fault that lasts would fill the audit trail.
                await asyncio.sleep(LOOK_S)
                raise
            finally:
                self._forget(name)

        self._supervisor.spawn(carry_out(), name=f"run {name}", on_error=give_up)
        return self._ended[name]

    async def _may_walk(self, claim: Claim) -> bool:
        """Whether the run goes on here. One that was another host's may have left there what it needs."""
        lease = await self._peek(lambda tx: tx.get(Lease, claim.deployment.deployment_id))
        if lease.host in {"", self._holders.host}:
            return True
        folder = self._parts.paths.runs / (claim.deployment.machine_id or "none")
        way = await asyncio.to_thread(way_on, claim.deployment, folder)
        if way is Way.REQUEUE:
            await requeue(self._report, claim)
        elif way is Way.INTERRUPT:
            state = await self._peek(lambda tx: tx.read_state(folder.name))
            await interrupt(self._report, claim, host=lease.host.partition(".")[0], has_state=state is not None)
        return way is Way.WALK

    def _lock_of(self, machine_id: str | None) -> Path:
        return self._parts.paths.run_locks / (machine_id or "none")

    def _forget(self, deployment_id: str) -> None:
        del self._runs[deployment_id]
        self._ended.pop(deployment_id).set()
        self._freed.set()
        self.ended += 1
        self._wake.set()

    async def _give_up(self, claim: Claim, recorder: Recorder, error: MachinaError) -> None:
        """End a run that broke; what it was asked to apply may have been changed."""
        deployment = await recorder.deployment(claim.deployment.deployment_id)
        reason = REDACTOR.redact(error.message)
        touched = deployment.state is DeploymentState.APPLYING
        await recorder.report(
            ReportOutcome(
                deployment_id=deployment.deployment_id,
                fence=claim.fence,
                state=DeploymentState.FAILED,
                touched=touched,
                machine=MachineFacts(status=MachineStatus.ERROR, status_reason=reason) if touched else MachineFacts(),
                error_message=reason,
                error_code=error.code,
                error_hint=error.hint,
            )
        )

    async def _carry_out(self, claim: Claim, recorder: Recorder) -> None:
        deployment = claim.deployment

        async def append(lines: tuple[LogLine, ...], cursors: Mapping[str, int]) -> None:
            await recorder.report(
                AppendLog(deployment_id=deployment.deployment_id, fence=claim.fence, lines=lines, cursors=cursors)
            )

        material = await recorder.material(deployment)
        if self._parts.is_server:
            refuse_on_server(material)
        await self._unlocked.wait()
        subject = await asyncio.to_thread(opened, material, self._parts.vault)
        pump = LogPump(append, material.cursors, batch_bytes=recorder.batch_bytes)
        tools = Tools(
            paths=self._parts.paths,
            settings=self._parts.settings,
            report=recorder.report,
            seal=self._seal,
            find_engine=self._parts.find_engine,
            publish=self._parts.bus.publish,
            proxy=proxy_environment(self._parts.settings),
        )
        run = Run(tools, deployment, claim.fence, subject, pump)
        self._runs[deployment.deployment_id] = run
        # A cancel that came after the claim and before this line was heard by nobody.
        newest = await self._peek(lambda tx: tx.find(Deployment, deployment_id=deployment.deployment_id))
        run.cancel(newest.cancel_level if newest is not None else 0)
        beside = (
            self._supervisor.spawn(pump.run(), name=f"log of {deployment.deployment_id}"),
            self._supervisor.spawn(self._renew(claim, recorder), name=f"lease of {deployment.deployment_id}"),
        )
        try:
            await run.carry_out()
        finally:
            for task in beside:
                task.cancel()

    async def _renew(self, claim: Claim, recorder: Recorder) -> None:
        deployment_id = claim.deployment.deployment_id
        while True:
            await asyncio.sleep(RENEW_S)
            try:
                await recorder.report(RenewLease(deployment_id=deployment_id, fence=claim.fence, lease_s=LEASE_S))
            except MachinaError as error:
                LOG.warning("the lease of %s could not be renewed: %s", deployment_id, error)

    async def _seal(self, machine: Machine, state: StateFile) -> bytes:
        """The envelope of a state, however long it takes to get one: what was made is known nowhere else."""
        place = (machine.team_id, STATE_TABLE, machine.machine_id, STATE_FIELD, state.serial)
        while True:
            await self._unlocked.wait()
            try:
                return await asyncio.to_thread(self._parts.vault.seal, *place, state.raw)
            except (Locked, Unavailable) as error:
                LOG.warning("the state of %s cannot be sealed yet: %s %s", machine.machine_id, error.code, error)
                await asyncio.sleep(LOOK_S)

    # Recovery

    async def _recover(self) -> None:
        """Take over deployments whose holder is dead, and go on where it stopped."""
        # What ends while the others are read is not unfinished.
        ours = frozenset(self._runs)
        held = await self._peek(unfinished)
        self._holders.forget(but=frozenset(lease.deployment_id for _run, lease in held))
        for deployment, lease in held:
            name = deployment.deployment_id
            if name in ours or name in self._runs or (self._only and name not in self._only):
                continue
            if not self._holders.is_orphan(lease):
                continue
            LOG.warning("%s was left unfinished; going on", name)
            try:
                claim = await self._report(
                    TakeOver(
                        deployment_id=name,
                        dead_runner_id=lease.runner_id,
                        runner_id=self._holders.own,
                        lease_s=LEASE_S,
                    )
                )
            except Conflict:
                continue
            self._begin(claim, self._store)

    async def _sweep(self) -> None:
        """Wipe what lies in clear in run folders that no open deployment needs: a crash may have left it there."""
        async with self._sweeping:
            self._swept_at = time.monotonic()
            for folder in await asyncio.to_thread(_folders_to_wipe, self._parts.paths.runs):
                try:
                    await self._wipe_unused(folder)
                except (Unavailable, Conflict, NotFound) as error:
                    LOG.warning("%s is not wiped: %s %s", folder, error.code, error)

    async def _wipe_unused(self, folder: Path) -> None:
        # Asked for under the folder's lock: another process may just be beginning a run there, or ending one.
        async with run_lock(self._lock_of(folder.name), waits=False) as is_ours:
            if not is_ours:
                return
            if folder.name in await self._peek(machines_awaiting):
                # The process that made the plan may have ended right then. The copy of a home may be behind: what an
                # approved plan has begun stays as it is.
                if not await asyncio.to_thread(has_applied, folder):
                    await asyncio.to_thread(Workspace(folder).keep_plan)
            elif folder.name not in await self._peek(machines_in_use):
                await self._wipe(folder)

    async def _wipe(self, folder: Path) -> None:
        if await asyncio.to_thread(is_busy, folder):
            return
        revision = await self._peek(lambda tx: tx.read_state(folder.name))
        stored = None
        if revision is not None:
            stored = StateFile(raw=b"", lineage=revision.lineage, serial=revision.serial)
        if self._parts.is_server:
            stored = await self._rescued(folder, stored)
        await asyncio.to_thread(Workspace(folder).wipe_sealed, stored)

    async def _rescued(self, folder: Path, stored: StateFile | None) -> StateFile | None:
        """Store a state that lies here only: the machine's next run may be another host's. Answers what is stored."""
        left = await asyncio.to_thread(Workspace(folder).read_state)
        if left is None or not left.continues(stored):
            return stored
        machine = await self._peek(lambda tx: tx.get(Machine, folder.name))
        ask = RescueState(
            machine_id=machine.machine_id,
            lineage=left.lineage,
            serial=left.serial,
            envelope=await self._seal(machine, left),
            is_empty=not left.has_resources,
        )
        return left if await self._report(ask) else stored

    async def _expire_approvals(self) -> None:
        oldest = self._oldest_plan()
        for deployment in await self._peek(lambda tx: expired(tx, oldest)):
            LOG.info("the plan of %s has expired", deployment.deployment_id)
            await self._report(ExpireApproval(deployment_id=deployment.deployment_id, waiting_since=oldest))

    def _oldest_plan(self) -> datetime:
        return ids.now() - timedelta(hours=self._parts.settings.get(APPROVAL_HOURS))

    # Plumbing

    async def _report(self, ask: Request[R]) -> R:
        return await self._store.report(ask)

    async def _peek(self, work: Callable[[Transaction], R]) -> R:
        return await self._store.peek(work)

    def _on_event(self, event: Event) -> None:
        match event:
            case Changed(changes):
                for change in changes:
                    if change.entity == "deployment":
                        self._on_deployment(change.entity_id, change.row)
            case VaultChanged(is_open):
                if is_open:
                    self._unlocked.set()
                    self._wake.set()
                else:
                    self._unlocked.clear()
            case _:
                pass

    def _on_deployment(self, deployment_id: str, row: dict[str, object] | None) -> None:
        if row is None:
            return
        level = row.get("cancel_level")
        run = self._runs.get(deployment_id)
        if run is not None and isinstance(level, int) and level:
            run.cancel(level)
        if row.get("state") == DeploymentState.CANCELLED and run is None:
            self._supervisor.spawn(self._sweep(), name="sweep")
        if row.get("state") in {DeploymentState.QUEUED, DeploymentState.APPLYING} or row.get("finished_at"):
            self._wake.set()


def _folders_to_wipe(runs: Path) -> list[Path]:
    """Run folders that hold anything in clear: as a rule none, so hundreds of machines cost a start little."""
    folders = runs.iterdir() if runs.is_dir() else ()
    return [folder for folder in folders if folder.is_dir() and Workspace(folder).in_clear()]
