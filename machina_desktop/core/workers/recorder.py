"""Where a run is recorded: in this host's store, or at the home of a team that lives elsewhere."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Protocol, TypeVar, cast

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.custody import opens_at
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, Locked, MachinaError, Outdated, TooMany, Unauthenticated, Unavailable
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.reports import AppendLog, SaveState
from machina_desktop.core.services.run_here import KeepState, ReadRun, RunRecord, without_kept_back
from machina_desktop.core.services.sealing import ACCOUNT_TABLE
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.transaction import StateRevision, Transaction
from machina_desktop.core.workers.growing_file import BATCH_BYTES
from machina_desktop.core.workers.material import Material, OwnRun, material_of, sealed_of

R = TypeVar("R")
LOG = logging.getLogger(__name__)

LOOK_S = 2.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.25, 10.0
HOME_BATCH_BYTES = 128 << 10
"""So much of a file is read at once where its lines travel: what comes of it fits into one request."""
LINES_BYTES = 600 << 10
"""So many bytes of log lines travel in one request."""

# The store changed nothing and will work again: what a run has to report waits until then.
_PASSING = frozenset({"E-DB-BUSY", "E-DISK-FULL"})
_HOME_PASSING = _PASSING | {"E-OFFLINE", "E-SLOW", "E-DB-GONE"}

Execute = Callable[[Actor, Request[object]], Awaitable[object]]


class AskHome(Protocol):
    """Asks the home of a team that lives elsewhere, as the person who is signed in there."""

    async def __call__(self, team_id: str, ask: Request[R], *, op_id: str = "") -> R:
        """The home's answer; under one ``op_id`` a write is carried out at most once.

        Raises:
            Unavailable: E-OFFLINE, it cannot be reached, or gave no answer.
            MachinaError: what it refused or failed at.
        """
        ...


class Recorder(Protocol):
    """Takes what a run reports, and tells what it works on.

    Attributes:
        batch_bytes: How much of an output file may be read at once.
    """

    batch_bytes: int

    async def report(self, ask: Request[R]) -> R:
        """The answer to a report; waits as long as what keeps it from being recorded will pass.

        Raises:
            Conflict: E-FENCE, somebody else carries the run out now.
        """
        ...

    async def deployment(self, deployment_id: str) -> Deployment:
        """The run as it is recorded."""
        ...

    async def material(self, deployment: Deployment) -> Material:
        """What the run works on, still sealed."""
        ...


class StoreRecorder:
    """Records in this host's own store, as the runner."""

    batch_bytes = BATCH_BYTES

    def __init__(self, database: Database, execute: Execute, runner: Actor) -> None:
        self._database = database
        self._execute = execute
        self._runner = runner

    async def report(self, ask: Request[R]) -> R:
        """Carry the report out here."""
        return cast("R", await self._patiently(lambda: self._execute(self._runner, cast("Request[object]", ask))))

    async def peek(self, work: Callable[[Transaction], R]) -> R:
        """Read the store in one transaction."""
        return await self._patiently(lambda: self._database.read(self._runner, work))

    async def deployment(self, deployment_id: str) -> Deployment:
        """The row."""
        return await self.peek(lambda tx: tx.get(Deployment, deployment_id))

    async def material(self, deployment: Deployment) -> Material:
        """Rows and envelopes, from one transaction."""
        return await self.peek(lambda tx: material_of(tx, deployment))

    @staticmethod
    async def _patiently(work: Callable[[], Awaitable[R]]) -> R:
        """What ``work`` answers; while the store is busy or its disk full, nothing was changed, and it is tried again.

        A run that failed for that would leave a Terraform behind that still changes things.
        """
        while True:
            try:
                return await work()
            except Unavailable as error:
                if error.code not in _PASSING:
                    raise
                LOG.warning("a run waits: %s %s", error.code, error)
                await asyncio.sleep(LOOK_S)


class HomeRecorder:
    """Records at the home of the run's team; while that cannot be reached, reports wait and the run goes on.

    Secrets and states come from this computer's own store. Every report has one id however often it is sent, so none
    is taken twice when an answer is lost.
    """

    batch_bytes = HOME_BATCH_BYTES

    def __init__(self, ask_home: AskHome, here: StoreRecorder, own: OwnRun) -> None:
        self._ask_home = ask_home
        self._here = here
        self._team_id = own.deployment.team_id
        self._machine_id = own.deployment.machine_id or ""
        self._device_id = own.device_id

    async def report(self, ask: Request[R]) -> R:
        """Send the report home. A state is kept here first: there it is a copy."""
        if isinstance(ask, SaveState):
            await self._keep_state(ask)
        if isinstance(ask, AppendLog):
            *before, last = parts_of(ask)
            for part in before:
                await self._send(part)
            return cast("R", await self._send(last))
        return await self._send(ask)

    async def _send(self, ask: Request[R]) -> R:
        op_id, pause_s = new_id("op"), FIRST_PAUSE_S
        while True:
            try:
                return await self._ask_home(self._team_id, ask, op_id=op_id)
            except MachinaError as error:
                if not will_pass(error):
                    raise
                LOG.info("a report waits for its team's home: %s %s", error.code, error)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _keep_state(self, ask: SaveState) -> None:
        revision = StateRevision(
            team_id=self._team_id,
            machine_id=self._machine_id,
            lineage=ask.lineage,
            serial=ask.serial,
            envelope=ask.envelope,
        )
        await self._here.report(KeepState(revision=revision))

    async def _run(self, deployment_id: str) -> RunRecord:
        return await self._send(ReadRun(deployment_id=deployment_id))

    async def deployment(self, deployment_id: str) -> Deployment:
        """As the home has it: the copy here may be behind."""
        return (await self._run(deployment_id)).deployment

    async def material(self, deployment: Deployment) -> Material:
        """Rows as the home has them; what is sealed, from here.

        Raises:
            Conflict: E-NOT-HERE, the account's secrets are not on this computer.
        """
        run = await self._run(deployment.deployment_id)
        account = without_kept_back(run.account)
        sealed, kept = await self._here.peek(
            lambda tx: (sealed_of(tx, account, run.keys), tx.read_state(run.machine.machine_id))
        )
        has_secrets = any(place.table == ACCOUNT_TABLE for place, _envelope in sealed)
        if not opens_at(account, self._device_id) or (account.keeper and not has_secrets):
            raise Conflict(
                f"The credentials of {account.label} are not on this computer.",
                hint="Add the account here, or run it on the computer that keeps them.",
                code="E-NOT-HERE",
            )
        state = max((each for each in (kept, run.state) if each is not None), key=_serial, default=None)
        return Material(
            machine=run.machine,
            account=account,
            keys=run.keys,
            sealed=sealed,
            state=state,
            cursors=run.cursors,
            locks=run.locks,
            rules=run.rules,
        )


def will_pass(error: MachinaError) -> bool:
    """Whether a home will answer later, when the line stands again or the person has signed in."""
    return isinstance(error, (Unauthenticated, Locked, Outdated, TooMany)) or error.code in _HOME_PASSING


def parts_of(ask: AppendLog) -> tuple[AppendLog, ...]:
    """The same lines in requests that are not too long; only the last one says how far the files have been read."""
    batches: list[list[LogLine]] = [[]]
    size = 0
    for line in ask.lines:
        length = len(to_json(line)) + 1
        if batches[-1] and size + length > LINES_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(line)
        size += length
    parts = [replace(ask, lines=tuple(batch), cursors={}) for batch in batches]
    return (*parts[:-1], replace(parts[-1], cursors=ask.cursors))


def _serial(state: StateRevision) -> int:
    return state.serial
