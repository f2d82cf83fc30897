"""Homes of teams without a network, and rows put straight into them, as runners and other people would have."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.account import SessionKind
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.domain.server import Connection, ServerStatus
from machina_desktop.core.domain.team import Actor, Client, TeamMember, TeamRole, User
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.events import Changed
from machina_desktop.core.host import Host
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.accounts import Login, Register
from machina_desktop.core.services.authentication import SignedIn, actor_of
from machina_desktop.core.services.servers import ListServers, SignInAtServer
from machina_desktop.core.services.sessions import Logout
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.sync.connections import Credentials
from machina_desktop.core.sync.home import Alive, HeadMoved, Hint, Home
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes import postgres
from tests.fakes.hosts import Core, core, read_sql, until

R = TypeVar("R")
URL = "https://home.example.org"


def machine_row(team_id: str, name: str = "m1", **fields: object) -> Machine:
    """A machine that runs."""
    at = now()
    machine = Machine(
        machine_id=new_id("machine"),
        team_id=team_id,
        name=name,
        provider=ProviderType.SANDBOX,
        provider_account_id=new_id("account"),
        actual_status=MachineStatus.RUNNING,
        created_at=at,
        updated_at=at,
    )
    return replace(machine, **fields)  # type: ignore[arg-type]


async def write(host: Host, work: Callable[[SqlTransaction], object]) -> None:
    """Change the rows of that host, and tell of it."""
    _result, tx = await host.database.write(RUNNER, lambda _team_id, _tags=None: None, work)
    host.bus.publish(Changed(tuple(tx.changes)))


async def add_machine(host: Host, team_id: str, name: str = "m1", **fields: object) -> Machine:
    """Put a machine there."""
    machine = machine_row(team_id, name, **fields)
    await write(host, lambda tx: tx.add(machine))
    return machine


class NearServer:
    """A whole core that plays a server, asked without a network.

    Attributes:
        user_id: Who signs in there.
        trouble: What every request meets instead of an answer.
        spoil: May change an answer before it goes out, as an evil home would.
        asked: Every request with its ``op_id`` and ``expects``, in order.
    """

    def __init__(self, host: Host, user_id: str) -> None:
        self.host = host
        self.user_id = user_id
        self.trouble: MachinaError | None = None
        self.spoil: Callable[[object], object] = lambda answer: answer
        self.asked: list[tuple[Request[object], str, str]] = []
        self.hinted: list[Hint] = []
        self._news = asyncio.Event()

    async def open_home(self, url: str, credentials: Credentials | None) -> Home:
        """A line to it."""
        assert url == URL
        return NearHome(self, has_token=credentials is not None)

    def hint(self, hint: Hint) -> None:
        """Tell whoever listens."""
        self.hinted.append(hint)
        self._news.set()

    def asked_of(self, shape: type[R]) -> list[R]:
        """The requests of one class, in order."""
        return [ask for ask, _op_id, _expects in self.asked if isinstance(ask, shape)]

    async def heads(self) -> dict[str, int]:
        """How far the feeds of the person's teams have grown."""
        actor = await self.actor()
        heads = await self.host.database.change_heads()
        return {team_id: heads.get(team_id, 0) for team_id, _role in actor.team_roles}

    async def actor(self, **client: str) -> Actor:
        """Who asks, with the roles of this moment."""
        made = Client(is_device=True, **client)  # type: ignore[arg-type]
        return await self.host.database.read(RUNNER, lambda tx: actor_of(tx, tx.get(User, self.user_id), made))

    async def news(self) -> None:
        """Wait a moment, or until there is something to tell."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), 0.02)
        self._news.clear()


class NearHome:
    """A :class:`Home` at such a server."""

    def __init__(self, server: NearServer, *, has_token: bool) -> None:
        self._server = server
        self._has_token = has_token

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        server = self._server
        server.asked.append((cast("Request[object]", ask), op_id, expects))
        if server.trouble is not None:
            raise server.trouble
        if isinstance(ask, Login | Register):
            return cast("R", await self._signed_in())
        if isinstance(ask, Logout):
            return cast("R", None)
        assert self._has_token
        actor = await server.actor(op_id=op_id, expects=expects)
        answer = await server.host.dispatcher.execute(actor, ask)
        travelled = from_json(to_json(answer), cast("Any", REGISTRY.find(type(ask)).result))
        return cast("R", server.spoil(travelled))

    async def _signed_in(self) -> SignedIn:
        user = await self._server.host.database.read(RUNNER, lambda tx: tx.get(User, self._server.user_id))
        return SignedIn(
            token=Secret("machina_token-of-the-tests"),
            session_id="session-1",
            kind=SessionKind.DEVICE,
            expires_at=now(),
            user=user,
        )

    async def hints(self) -> AsyncIterator[Hint]:
        told: dict[str, int] = {}
        while True:
            if self._server.trouble is not None:
                raise self._server.trouble
            if not told:
                yield Alive()
            for team_id, seq in (await self._server.heads()).items():
                if told.get(team_id) != seq:
                    told[team_id] = seq
                    yield HeadMoved(team_id, seq)
            while self._server.hinted:
                yield self._server.hinted.pop(0)
            await self._server.news()

    async def close(self) -> None:
        """There is nothing to let go of."""


@dataclass
class Shared:
    """A desktop, the server it is signed in to, and a team that lives there."""

    desk: Core
    home: NearServer
    team_id: str

    @property
    def server_id(self) -> str:
        """The server, as the desktop knows it."""
        return str(self.desk.sql("SELECT server_id FROM server")[0][0])

    async def status(self) -> ServerStatus:
        """How things stand with it."""
        return (await self.desk.call(ListServers()))[0]

    async def until(self, state: Connection) -> ServerStatus:
        """Wait for the line to be so."""

        async def is_so() -> bool:
            return (await self.status()).connection is state

        await until(is_so, what=f"state {state}")
        return await self.status()

    async def heard(self) -> None:
        """Wait until the copy has what the home has."""

        async def is_level() -> bool:
            there = (await self.home.host.database.change_heads())[self.team_id]
            return bool(self.desk.sql(HEAD, self.team_id) == [(there,)])

        await until(is_level, what="the newest change")

    def _home_sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        return read_sql(self.home.host.paths.database, statement, *parameters)


HEAD = "SELECT change_seq FROM counter WHERE team_id = ?"


async def join(host: Host, team_id: str, name: str, role: TeamRole = TeamRole.MEMBER) -> str:
    """Put somebody into a team of that host; answers their user id there."""
    user = User(user_id=new_id("user"), email=f"{name}@example.org", display_name=name, created_at=now())

    def work(tx: SqlTransaction) -> None:
        tx.add(user)
        tx.add(
            TeamMember(
                team_member_id=new_id("member"), team_id=team_id, user_id=user.user_id, role=role, joined_at=now()
            )
        )
        tx.share(user, team_id)

    await write(host, work)
    return user.user_id


@contextmanager
def _in_files() -> Iterator[None]:
    """A desktop has its file, whatever its server has."""
    before = os.environ.pop(postgres.STORE, None)
    yield
    if before is not None:
        os.environ[postgres.STORE] = before


@asynccontextmanager
async def shared(
    folder: Path, *, role: TeamRole = TeamRole.MEMBER, follows: bool = True, on_postgres: bool = False
) -> AsyncIterator[Shared]:
    """A desktop that is signed in to a server where its person is in a team."""
    async with AsyncExitStack() as stack:
        if on_postgres:
            stack.enter_context(postgres.in_use())
        home = await stack.enter_async_context(core(folder / "home"))
        stack.enter_context(_in_files())
        desk = await stack.enter_async_context(core(folder / "desk"))
        near = NearServer(home.host, await join(home.host, home.team_id, "ben", role))
        desk.host.connections._open_home = near.open_home  # type: ignore[method-assign]
        if follows:
            desk.host.start_followers()
        await desk.call(SignInAtServer(url=URL, email="ben@example.org", password=Secret("its password")))
        yield Shared(desk, near, home.team_id)
