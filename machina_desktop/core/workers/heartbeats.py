"""Hears the agents of machines: many heartbeats go into one transaction, and who falls silent is listed as offline."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from machina_desktop.core.domain.account import hashed_token
from machina_desktop.core.domain.agent import INTERVAL_S, MISSED, SLACK_S, Agent, Heartbeat, KnownAgent, heard
from machina_desktop.core.domain.machine import AgentStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Forbidden, MachinaError, TooMany, Unauthenticated, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.agents import LISTENER, MarkAgents, SuspectAgent
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.transaction import Transaction

LOG = logging.getLogger(__name__)
MANY = 100
"""So many heartbeats are worth a transaction at once: what each costs beside its rows is shared by them."""
TOGETHER = 100
"""So many machines at most are listed anew in one transaction."""
WAITING = 5_000
"""So many heartbeats may wait for the database; more are turned away until it has caught up."""


@dataclass(frozen=True, kw_only=True)
class BeatTimes:
    """How heartbeats are timed, in seconds.

    Attributes:
        gather_s: From one transaction of heartbeats to the next, at least, unless :data:`MANY` wait.
        silent_s: An agent that was not heard for so long is offline.
        sweep_s: How often that is looked for.
    """

    gather_s: float = 0.015
    silent_s: float = MISSED * INTERVAL_S + SLACK_S
    sweep_s: float = 2.0


@dataclass(frozen=True)
class _Waiting:
    beat: Heartbeat
    answer: asyncio.Future[datetime]


@dataclass(frozen=True)
class _Verdict:
    """What became of one heartbeat.

    Attributes:
        appears: Team and machine whose agent is not listed as online yet.
        suspected: What is to be asked for, when two machines use the token.
    """

    error: MachinaError | None = None
    appears: tuple[str, str] | None = None
    suspected: SuspectAgent | None = None


class Heartbeats:
    """The intake of one process. Loop thread only; :meth:`run`, :meth:`tell` and :meth:`sweep` run for ever.

    Attributes:
        at_once: So many transactions are worth while: while one waits for a server's disk, the next can be made.
    """

    def __init__(
        self, database: Database, execute: Callable[[Actor, Request[object]], Awaitable[object]], times: BeatTimes
    ) -> None:
        self._database = database
        self._execute = execute
        self._times = times
        self.at_once = 2 if database.is_shared else 1
        self._waiting: dict[str, _Waiting] = {}
        self._came = asyncio.Event()
        self._are_many = asyncio.Event()
        self._appeared: set[tuple[str, str]] = set()
        self._suspected: set[SuspectAgent] = set()
        self._is_news = asyncio.Event()

    async def hear(self, token: Secret, beat: Heartbeat) -> datetime:
        """Store a heartbeat; answers when it was heard, once that is committed.

        Raises:
            Unauthenticated: E-AGENT, no agent has that token, or not any more.
            Forbidden: E-AGENT-SUSPECTED, two machines used it.
            Conflict: E-BEAT-OLD, it was heard before.
            TooMany: E-BEAT-BUSY, the agent's last one is still being stored.
            Unavailable: the database cannot take it now.
        """
        token_hash = hashed_token(token.reveal())
        if token_hash in self._waiting:
            raise TooMany("One heartbeat at a time.", retry_after_s=1, code="E-BEAT-BUSY")
        if len(self._waiting) >= WAITING:
            raise Unavailable("More heartbeats came than can be stored.", hint="Wait a moment.", code="E-DB-BUSY")
        answer: asyncio.Future[datetime] = asyncio.get_running_loop().create_future()
        self._waiting[token_hash] = _Waiting(beat, answer)
        self._came.set()
        if len(self._waiting) >= MANY:
            self._are_many.set()
        return await answer

    async def run(self) -> None:
        """Store what comes, all that waits in one transaction; as many as :attr:`at_once` may do so side by side."""
        while True:
            await self._came.wait()
            self._came.clear()
            self._are_many.clear()
            began = time.monotonic()
            batch, self._waiting = self._waiting, {}
            if not batch:
                # Another one has it.
                continue
            await self._store(batch)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._are_many.wait(), began + self._times.gather_s - time.monotonic())

    async def _store(self, batch: dict[str, _Waiting]) -> None:
        at = now()
        said = {token_hash: waiting.beat for token_hash, waiting in batch.items()}
        verdicts: dict[str, _Verdict] = {}
        failure: MachinaError = Unavailable("The server is closing.", hint="Ask again in a moment.", code="E-CLOSING")
        try:
            verdicts, _tx = await self._database.write(LISTENER, _anything, lambda tx: _judge(tx, said, at))
        except MachinaError as error:
            failure = error
        finally:
            # Also when this is cancelled: whoever waits must be told.
            for token_hash, waiting in batch.items():
                verdict = verdicts.get(token_hash) or _Verdict(_copy_of(failure))
                _settle(waiting.answer, at, verdict.error)
        self._appeared.update(verdict.appears for verdict in verdicts.values() if verdict.appears)
        self._suspected.update(verdict.suspected for verdict in verdicts.values() if verdict.suspected)
        if self._appeared or self._suspected:
            self._is_news.set()

    async def tell(self) -> None:
        """Write what heartbeats have changed in what people see of machines."""
        while True:
            await self._is_news.wait()
            self._is_news.clear()
            appeared, self._appeared = self._appeared, set()
            suspected, self._suspected = self._suspected, set()
            for ask in suspected:
                await self._write(ask)
            await self._mark(appeared, AgentStatus.ONLINE)

    async def sweep(self) -> None:
        """List agents as offline that were not heard for long.

        Nobody is blamed for a time in which this process or its database did not listen itself: after a pause it
        waits until everybody has had the time to be heard.
        """
        times = self._times
        listens_since = looked_at = time.monotonic()
        while True:
            await asyncio.sleep(times.sweep_s)
            if time.monotonic() - looked_at > times.sweep_s + times.silent_s / 4:
                listens_since = time.monotonic()
            try:
                since = now() - timedelta(seconds=times.silent_s)
                found = await self._database.read(LISTENER, lambda tx, since=since: tx.agents.silent(since))  # type: ignore[misc]
            except Unavailable as error:
                LOG.warning("agents cannot be looked after for a moment: %s", error.code)
                listens_since = looked_at = time.monotonic()
                continue
            looked_at = time.monotonic()
            if looked_at - listens_since >= times.silent_s:
                await self._mark(found, AgentStatus.OFFLINE, since)

    async def _mark(
        self, machines: Collection[tuple[str, str]], status: AgentStatus, since: datetime | None = None
    ) -> None:
        """A fleet that comes or goes together takes some transactions, not one for each machine."""
        for team_id, of_team in itertools.groupby(sorted(machines), key=lambda each: each[0]):
            machine_ids = [machine_id for _team_id, machine_id in of_team]
            for first in range(0, len(machine_ids), TOGETHER):
                some = tuple(machine_ids[first : first + TOGETHER])
                await self._write(MarkAgents(team_id=team_id, machine_ids=some, status=status, silent_since=since))

    async def _write(self, ask: Request[None]) -> None:
        try:
            await self._execute(LISTENER, ask)  # type: ignore[arg-type]
        except MachinaError as error:
            # The next heartbeat, or the next sweep, asks for it again.
            LOG.warning("the status of an agent was not written: %s %s", error.code, error)


def _judge(tx: Transaction, said: dict[str, Heartbeat], at: datetime) -> dict[str, _Verdict]:
    """Who may be heard, and what they said, stored."""
    known = {each.agent.token_hash: each for each in tx.agents.known(tuple(said))}
    verdicts: dict[str, _Verdict] = {}
    stored: list[Agent] = []
    for token_hash, beat in said.items():
        verdicts[token_hash] = _heard(known.get(token_hash), beat, at, stored)
    tx.agents.save(tuple(stored))
    return verdicts


def _heard(known: KnownAgent | None, beat: Heartbeat, at: datetime, stored: list[Agent]) -> _Verdict:
    if known is None or known.agent.revoked_at is not None or known.is_gone:
        return _Verdict(Unauthenticated("No agent has this token.", hint="Install the agent anew.", code="E-AGENT"))
    machine_id = known.agent.machine_id
    if known.agent.suspected_at is not None:
        return _Verdict(_suspected())
    try:
        agent = heard(known.agent, beat, at)
    except MachinaError as error:
        return _Verdict(error)
    if agent.suspected_at is not None:
        suspected = SuspectAgent(machine_id=machine_id, token_hash=agent.token_hash)
        return _Verdict(_suspected(), suspected=suspected)
    stored.append(agent)
    is_news = known.status is not AgentStatus.ONLINE
    return _Verdict(appears=(agent.team_id, machine_id) if is_news else None)


def _suspected() -> Forbidden:
    return Forbidden(
        "Two machines used the token of this agent, so neither is heard.",
        hint="An administrator of the team makes a new one.",
        code="E-AGENT-SUSPECTED",
    )


def _settle(answer: asyncio.Future[datetime], at: datetime, error: MachinaError | None) -> None:
    if answer.done():
        # Nobody waits for it any more.
        return
    if error is None:
        answer.set_result(at)
    else:
        answer.set_exception(error)


def _copy_of(error: MachinaError) -> MachinaError:
    """One for each who waits: what is raised collects where it came by."""
    return Unavailable(error.message, hint=error.hint, code=error.code)


def _anything(_team_id: str, _tags: object = None) -> None:
    """Agents are written by the server itself."""
