"""One server: the line to it, who the person is there, and copies of all their teams, kept up to date."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from machina_desktop.core.domain.server import Connection, Replica, Server
from machina_desktop.core.errors import (
    Bug,
    Forbidden,
    Locked,
    MachinaError,
    NotFound,
    Outdated,
    Unauthenticated,
    Unavailable,
)
from machina_desktop.core.events import ConnectionChanged, LogAppended
from machina_desktop.core.ids import now
from machina_desktop.core.services.authentication import NO_TEAM
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.moves import MoveStep
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.sync.home import HeadMoved, Home, LogGrown
from machina_desktop.core.sync.team_copy import COPIER, Desk, TeamCopy
from machina_desktop.core.tasks import settle_cancels

R = TypeVar("R")
LOG = logging.getLogger(__name__)
ALL = 1_000_000
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
OUTDATED_PAUSE_S = 600.0
LOOK_S = 15.0
"""So often the list of teams is asked for; hints tell of most changes to it at once."""
CATCH_UP_S = 5.0
STRANGE_PAUSE_S = 30.0
"""A team of which the server says what cannot be is left alone for that long."""


class Follower:
    """Keeps the copies of a server's teams. Lives on the loop.

    Attributes:
        server: As it is stored.
        state: How the line is, with ``reason`` and ``since``.
        decide: Finds out what has become of teams whose move from or to the server was interrupted.
    """

    def __init__(self, desk: Desk, server: Server, open_home: Callable[[], Awaitable[Home]]) -> None:
        """``open_home`` makes a line as the person there; it raises Locked while their token cannot be read."""
        self.server = server
        self.state = Connection.CONNECTING
        self.reason = ""
        self.since = now()
        self._desk = desk
        self._open_home = open_home
        self._home: Home | None = None
        self._opening = asyncio.Lock()
        self._listing = asyncio.Lock()
        self._copies: dict[str, TeamCopy] = {}
        self._due: dict[str, None] = {}
        self._news = asyncio.Event()
        self._wake = asyncio.Event()
        self._troubles: dict[str, tuple[str, float]] = {}
        self._aside: set[str] = set()
        self._was_live = False
        self.decide: Callable[[Home], Awaitable[None]] | None = None

    # What gateways ask

    async def home(self) -> Home:
        """The line; made when it is first needed.

        Raises:
            Locked: the vault is locked.
        """
        async with self._opening:
            if self._home is None:
                self._home = await self._open_home()
            return self._home

    def copy_of(self, team_id: str) -> TeamCopy:
        """The copy of a team of this server."""
        return self._copies.setdefault(team_id, TeamCopy(self._desk, self.server, team_id))

    @property
    def is_away(self) -> bool:
        """Whether it is known that the server cannot be asked now."""
        return self.state in {Connection.OFFLINE, Connection.SIGNED_OUT, Connection.OUTDATED}

    def away(self) -> MachinaError:
        """Why the server cannot be asked, for whoever wanted to."""
        host = self.server.url.partition("://")[2]
        match self.state:
            case Connection.SIGNED_OUT:
                return Unauthenticated(f"You are not signed in to {host} any more.", hint="Sign in there again.")
            case Connection.OUTDATED:
                return Outdated(self.reason, hint="Until then, what was copied can be read.")
        return Unavailable(
            f"This needs the server {host}, which cannot be reached.",
            hint="Try again when there is a connection.",
            code="E-OFFLINE",
        )

    async def ask(self, ask: Request[R], *, op_id: str = "") -> R:
        """The server's answer.

        Raises:
            Unavailable: E-OFFLINE, it cannot be reached.
            MachinaError: what it refuses.
        """
        if self.is_away:
            self.wake()
            raise self.away()
        try:
            home = await self.home()
            return await home.call(ask, op_id=op_id)
        except Unauthenticated as error:
            self._be(Connection.SIGNED_OUT, error.message)
            raise
        except Outdated as error:
            self._be(Connection.OUTDATED, error.message)
            raise

    async def catch_up(self, team_id: str) -> None:
        """Wait until the copy has what the home has now, at most 5 s; a team that is gone there is gone here.

        A server that cannot be asked any more is no error: the copy follows when it can.
        """
        try:
            async with asyncio.timeout(CATCH_UP_S):
                home = await self.home()
                try:
                    await self.copy_of(team_id).pull(home)
                except (NotFound, Forbidden):
                    await self.refresh(home)
        except (MachinaError, TimeoutError) as error:
            LOG.info("%s: the copy of %s is not up to date yet: %s", self.server.url, team_id, error)
            self._mark(team_id)

    async def refresh(self, home: Home) -> frozenset[str]:
        """Remove the copies of teams the person is no longer in; answers the teams of which there is none yet.

        Raises:
            MachinaError: as the home's call raises it.
        """
        async with self._listing:
            there = {team.team_id for team in await home.call(ListTeams())}
            here, moving = await self._desk.database.read(COPIER, self._here)
            for team_id in here - there - moving:
                await self.copy_of(team_id).purge()
                self._copies.pop(team_id, None)
            for team_id in there - here - moving:
                self._mark(team_id)
            return frozenset(there - here)

    def _here(self, tx: Transaction) -> tuple[set[str], set[str]]:
        """Teams that are copied, and those of which nobody knows yet whether they have moved."""
        copied = {each.team_id for each in tx.list(Replica, server_id=self.server.server_id, limit=ALL)}
        return copied, {move.team_id for move in tx.moves.moves() if move.step is MoveStep.DECIDING}

    def set_aside(self, team_id: str) -> None:
        """The team moves: nothing of it is taken in before :meth:`take_up`."""
        self._aside.add(team_id)

    def take_up(self, team_id: str) -> None:
        """The team has moved, or stays where it was."""
        self._aside.discard(team_id)
        self._copies.pop(team_id, None)

    def nudge(self, team_id: str) -> None:
        """Something waits to be sent."""
        self._mark(team_id)
        self._tell()

    def wake(self) -> None:
        """Try the line now."""
        self._wake.set()

    # The task

    async def run(self) -> None:
        """Follow the server for ever."""
        pause_s = FIRST_PAUSE_S
        while True:
            self._wake.clear()
            try:
                await self._follow()
            except BaseExceptionGroup as group:
                settle_cancels()
                await self._take_end(_first(group))
            except MachinaError as error:
                await self._take_end(error)
            pause_s = FIRST_PAUSE_S if self._was_live else min(2 * pause_s, LONGEST_PAUSE_S)
            self._was_live = False
            await self._rest(pause_s)

    async def _follow(self) -> None:
        home = await self.home()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(home), name="hints")
            group.create_task(self._work(home), name="copies")
            group.create_task(self._look(home), name="teams")

    async def _listen(self, home: Home) -> None:
        """What a hint tells of is asked for; of the first ones nobody knows what they have missed."""
        heard: set[str] = set()
        async for hint in home.hints():
            if self.state is not Connection.LIVE:
                self._be(Connection.LIVE, "")
                self._was_live = True
            match hint:
                case HeadMoved(team_id, seq):
                    if team_id not in heard or seq > self.copy_of(team_id).seq:
                        self._mark(team_id)
                    heard.add(team_id)
                case LogGrown(deployment_id, end):
                    self._desk.bus.publish(LogAppended(deployment_id, end))
        raise Unavailable("The server has ended the line.", code="E-OFFLINE")

    async def _look(self, home: Home) -> None:
        while True:
            await self.refresh(home)
            if self.decide is not None:
                await self.decide(home)
            await asyncio.sleep(LOOK_S)

    async def _work(self, home: Home) -> None:
        """Bring copies up to date and send what waits, team by team."""
        await self._mark_all()
        while True:
            while self._due:
                team_id = next(iter(self._due))
                del self._due[team_id]
                await self.serve(home, team_id)
            self._news.clear()
            if not self._due:
                await self._news.wait()

    async def serve(self, home: Home, team_id: str) -> None:
        """Bring one copy up to date and send what waits for it.

        Raises:
            MachinaError: the line or the session is no good any more.
        """
        if team_id in self._aside or self._is_troubled(team_id):
            return
        copy = self.copy_of(team_id)
        try:
            await copy.pull(home)
            if await copy.send(home):
                await copy.pull(home)
                self._tell()
        except (NotFound, Forbidden):
            await self.refresh(home)
        except Unavailable as error:
            if error.code != "E-SERVER-ANSWER":
                raise
            LOG.warning("%s", error)
            self._troubles[team_id] = (error.message, asyncio.get_running_loop().time() + STRANGE_PAUSE_S)
            self._tell()
        except Bug as error:
            LOG.warning("%s: %s", self.server.url, error)

    async def _purge_all(self) -> None:
        """The person was put out of their last team there, and with it signed out: nothing of it stays here."""
        copied, moving = await self._desk.database.read(COPIER, self._here)
        for team_id in copied - moving:
            await self.copy_of(team_id).purge()
            self._copies.pop(team_id, None)

    def _is_troubled(self, team_id: str) -> bool:
        trouble = self._troubles.get(team_id)
        if trouble is not None and asyncio.get_running_loop().time() < trouble[1]:
            return True
        self._troubles.pop(team_id, None)
        return False

    async def _mark_all(self) -> None:
        copied, moving = await self._desk.database.read(COPIER, self._here)
        self._aside |= moving
        for team_id in copied:
            self._mark(team_id)

    def _mark(self, team_id: str) -> None:
        self._due[team_id] = None
        self._news.set()

    # How the line is

    @property
    def trouble(self) -> str:
        """What is strange about what the server says; empty for nothing."""
        return next((message for message, _until in self._troubles.values()), "")

    async def _take_end(self, error: MachinaError) -> None:
        if isinstance(error, Unauthenticated) and error.code == NO_TEAM:
            try:
                await self._purge_all()
            except MachinaError as left:
                # The line is tried again soon, and with it this.
                error = left
        match error:
            case Unauthenticated():
                self._be(Connection.SIGNED_OUT, error.message)
            case Outdated():
                self._be(Connection.OUTDATED, error.message)
            case Locked():
                self._be(Connection.LOCKED, error.message)
            case _:
                self._be(Connection.OFFLINE, error.message)

    async def _rest(self, pause_s: float) -> None:
        """Wait before the line is tried again: until somebody acts, or a while with chance in it."""
        if self.state.is_lasting and self.state is not Connection.OUTDATED:
            await self._wake.wait()
        else:
            wait_s = OUTDATED_PAUSE_S if self.state is Connection.OUTDATED else pause_s
            try:
                async with asyncio.timeout(wait_s * random.uniform(0.5, 1)):  # noqa: S311 - no secret
                    await self._wake.wait()
            except TimeoutError:
                return
        self._be(Connection.CONNECTING, "")

    def _be(self, state: Connection, reason: str) -> None:
        if (state, reason) == (self.state, self.reason):
            return
        if state is not self.state:
            self.since = now()
        self.state, self.reason = state, reason
        self._tell()

    def _tell(self) -> None:
        self._desk.bus.publish(ConnectionChanged(self.server.server_id, self.state.value))

    # The end

    async def forget_line(self) -> None:
        """Let go of the line; the next one who needs it makes it anew."""
        async with self._opening:
            home, self._home = self._home, None
        if home is not None:
            await home.close()

    def be_signed_in(self, server: Server) -> None:
        """A new session has begun."""
        self.server = server
        self._copies.clear()
        self._be(Connection.CONNECTING, "")
        self.wake()


def _first(group: BaseExceptionGroup[BaseException]) -> MachinaError:
    """What ended the line; what is no error of ours goes on."""
    errors = [error for error in group.exceptions if isinstance(error, MachinaError)]
    if len(errors) != len(group.exceptions):
        raise group
    order = (Unauthenticated, Outdated, Locked)
    return next((error for kind in order for error in errors if isinstance(error, kind)), errors[0])
