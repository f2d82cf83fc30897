"""A home, three desktops with a copy of its team, and a line between them that loses, doubles, delays and dies."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from machina_desktop.core.codec import from_json, to_json, to_plain
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Actor, Client, SystemRole, Team, TeamMember, TeamRole, User
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.events import EventBus
from machina_desktop.core.ids import new_code, new_id, now
from machina_desktop.core.services import catalogue  # noqa: F401 - fills the registry of use cases
from machina_desktop.core.services.authentication import actor_of
from machina_desktop.core.services.dispatch import Dispatcher
from machina_desktop.core.services.teams import Settle
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.core.store.backend import Backend
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.sqlite import SqliteFile, copy
from machina_desktop.core.store.tables import ENTITIES
from machina_desktop.core.sync.connections import Connections, Credentials
from machina_desktop.core.sync.follower import Follower
from machina_desktop.core.sync.gateway import RoutingGateway
from machina_desktop.core.sync.home import Hint, Home
from machina_desktop.core.sync.person import remembered
from machina_desktop.core.sync.team_copy import Desk
from tests.fakes.homes import machine_row

R = TypeVar("R")
URL = "https://home.example.org"
KEEPER = Actor(user_id="keeper", display_name="Keeper", is_runner=True)
NAMES = ("ada", "ben", "cy")
MACHINES = ("m1", "m2")
SYNCED = tuple(entity for entity in ENTITIES if entity.is_synced)


class Inline(Database):
    """A database whose work is done where it is asked for, and whose file stays open from run to run.

    Handing work to threads and compiling statements anew would take most of the time.
    """

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self._looking: sqlite3.Connection | None = None

    @classmethod
    def at(cls, file: Path) -> Inline:
        """That file, brought to the present schema."""
        database = cls(SqliteFile(file))
        database.open()
        database.file = file
        return database

    file: Path

    async def _submit(self, pool: ThreadPoolExecutor, work: Callable[..., R], *arguments: object) -> R:
        return work(*arguments)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into it, or change it, behind the program's back."""
        self._looking = self._looking or sqlite3.connect(self.file, isolation_level=None)
        return self._looking.execute(statement, parameters).fetchall()

    def become(self, other: Path) -> None:
        """Have what is in that file instead."""
        with closing(sqlite3.connect(other)) as source, closing(sqlite3.connect(self.file)) as target:
            source.backup(target)


class Killed(BaseException):
    """The desktop's process ended at this very point."""


@dataclass
class Faults:
    """What happens to the next calls on a line: ``fate`` of each in turn, then nothing.

    ``lose`` a request, lose its ``answer``, carry it out ``twice``, or keep a ``copy`` of it that arrives later;
    ``kill`` the desktop before the request leaves, or ``die`` when its answer arrives.
    """

    is_cut: bool = False
    fates: list[str] = field(default_factory=list)


class HomeServer:
    """A home without a network, and copies of its database."""

    def __init__(self, database: Inline) -> None:
        self.database = database
        self.backups: list[Path] = []
        self.dispatcher = Dispatcher(self.database, EventBus())

    async def execute(self, user_id: str, ask: Request[R], op_id: str = "", expects: str = "") -> R:
        """As the server's face does it, with everything written and read as it travels."""
        client = Client(op_id=op_id, expects=expects, is_device=True)
        actor = await self.database.read(KEEPER, lambda tx: actor_of(tx, tx.get(User, user_id), client))
        answer = await self.dispatcher.execute(actor, from_json(to_json(ask), type(ask)))
        return cast("R", from_json(to_json(answer), cast("Any", REGISTRY.find(type(ask)).result)))

    async def write(self, work: Any) -> None:
        """Change rows as somebody else would."""
        await self.database.write(KEEPER, _anything, work)

    def back_up(self) -> None:
        """Copy the database."""
        target = self.database.file.with_name(f"backup-{len(self.backups)}")
        copy(self.database.file, target)
        self.backups.append(target)

    def restore(self, number: int) -> None:
        """As :func:`checked_copy` makes a copy fit, without looking for damage."""
        self.database.become(self.backups[number])
        self.database.sql("UPDATE counter SET epoch = ?", new_code())


class Line:
    """A :class:`Home` as one desktop reaches it."""

    def __init__(self, home: HomeServer, user_id: str, faults: Faults, delayed: list[Awaitable[object]]) -> None:
        self._home = home
        self._user_id = user_id
        self._faults = faults
        self._delayed = delayed

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        fate = self._faults.fates.pop(0) if self._faults.fates else ""
        if fate == "kill":
            raise Killed
        if self._faults.is_cut or fate == "lose":
            raise _lost()
        if fate == "copy" and op_id:
            self._delayed.append(self._home.execute(self._user_id, ask, op_id, expects))
        answer = await self._home.execute(self._user_id, ask, op_id, expects)
        if fate == "twice" and (op_id or REGISTRY.find(type(ask)).is_read):
            answer = await self._home.execute(self._user_id, ask, op_id, expects)
        if fate == "answer":
            raise _lost()
        if fate == "die":
            raise Killed
        return answer

    async def hints(self) -> AsyncIterator[Hint]:
        raise _lost()
        yield

    async def close(self) -> None:
        """There is nothing to let go of."""


def _lost() -> Unavailable:
    return Unavailable("The line is cut.", code="E-OFFLINE")


class Servers(Connections):
    """Connections whose sessions need no token."""

    async def _credentials(self, server_id: str) -> Credentials:
        return cast("Credentials", None)


class Desktop:
    """One desktop: its store, its line, and what the running program holds in memory."""

    def __init__(self, database: Inline, name: str, home: HomeServer, delayed: list[Awaitable[object]]) -> None:
        self.database, self.name = database, name
        self.faults = Faults()
        self._home, self._delayed = home, delayed

    async def start(self) -> None:
        """Begin with nothing but what is stored; what was in memory before is gone."""
        bus = EventBus()
        dispatcher = Dispatcher(self.database, bus)
        actor = await dispatcher.execute(KEEPER, Settle(display_name=self.name))
        self.person = await self.database.read(KEEPER, lambda tx: remembered(tx, actor))
        bus.witness(self.person.learn)

        async def open_home(_url: str, _credentials: Credentials | None) -> Home:
            return Line(self._home, user_of(self.name), self.faults, self._delayed)

        desk = Desk(database=self.database, bus=bus, person=self.person)
        self.servers = Servers(desk, cast("Any", None), open_home)
        await self.servers.load()
        self.gateway = RoutingGateway(dispatcher.execute, self.person, self.database, self.servers)

    @property
    def follower(self) -> Follower:
        """The follower of the home."""
        follower = self.servers.at(URL)
        assert follower is not None
        return follower

    async def sync(self) -> None:
        """What the follower does when it has a line: the list of teams, then each team."""
        home = await self.follower.home()
        new = await self.follower.refresh(home)
        for team_id in {*new, *(row[0] for row in self.sql("SELECT team_id FROM replica"))}:
            await self.follower.serve(home, team_id)

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the store behind the program's back."""
        return self.database.sql(statement, *parameters)


def user_of(name: str) -> str:
    """The id of a person at the home."""
    return f"user-{name}"


@dataclass(frozen=True)
class Template:
    """Files of a home and desktops that are signed in to it, and open databases to begin with them again and again."""

    folder: Path
    team_id: str
    databases: dict[str, Inline]

    def fresh(self, name: str) -> Inline:
        """The database of that name as it was at first."""
        self.databases[name].become(self.folder / f"{name}.db")
        return self.databases[name]


_TEMPLATES: list[Template] = []


def template() -> Template:
    """What every run begins with, made once."""
    if not _TEMPLATES:
        _TEMPLATES.append(asyncio.run(_make_template()))
    return _TEMPLATES[0]


def memory() -> str | None:
    """A folder that is no disk, where there is one."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


async def _make_template() -> Template:
    folder = Path(tempfile.mkdtemp(prefix="model-", dir=memory()))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "open").mkdir()
    databases = {name: Inline.at(folder / "open" / f"{name}.db") for name in ("home", *NAMES)}
    team_id = new_id("team")
    home = HomeServer(databases["home"])
    await home.write(lambda tx: _furnish(tx, team_id))
    for name in NAMES:
        await Dispatcher(databases[name], EventBus()).execute(KEEPER, Settle(display_name=name))
        server = Server(
            server_id="server-1",
            url=URL,
            user_id=user_of(name),
            email="",
            display_name=name,
            device_id=f"device-{name}",
            connected_at=now(),
        )
        await databases[name].write(KEEPER, _anything, lambda tx, row=server: tx.add(row))  # type: ignore[misc]
        desk = Desktop(databases[name], name, home, [])
        await desk.start()
        await desk.sync()
    for name, database in databases.items():
        copy(database.file, folder / f"{name}.db")
    return Template(folder, team_id, databases)


def _anything(_team_id: str, _tags: object = None) -> None:
    """Nobody is asked for a right."""


def _furnish(tx: SqlTransaction, team_id: str) -> None:
    at = now()
    for name in ("root", "dora", *NAMES):
        tx.add(User(user_id=user_of(name), email="", display_name=name, role=SystemRole.USER, created_at=at))
    tx.add(Team(team_id=team_id, name="Crew", handle="crew", created_by="user-root", created_at=at, updated_at=at))
    for name in ("root", "dora", *NAMES):
        tx.add(member_row(team_id, name))
        tx.share(tx.get(User, user_of(name)), team_id)
    for name in MACHINES:
        tx.add(machine_row(team_id, name, machine_id=f"machine-{name}"))


def member_row(team_id: str, name: str) -> TeamMember:
    """A place in the team."""
    role = TeamRole.ADMIN if name in {"root", "ada"} else TeamRole.MEMBER
    return TeamMember(
        team_member_id=new_id("member"), team_id=team_id, user_id=user_of(name), role=role, joined_at=now()
    )


async def rows_of(database: Database, team_id: str) -> dict[tuple[str, str], dict[str, Any]]:
    """All that a copy of the team should hold, as plain values."""

    def read(tx: SqlTransaction) -> dict[tuple[str, str], dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        members = tx.list(TeamMember, team_id=team_id)
        for entity in SYNCED:
            if entity.shape is User:
                values: Any = tx.list(User, user_id=tuple(member.user_id for member in members))
            else:
                values = tx.list(entity.shape, team_id=team_id)
            for value in values:
                found[entity.name, getattr(value, entity.key)] = {**to_plain(value), "home": ""}
        return found

    return await database.read(KEEPER, read)  # type: ignore[arg-type]
