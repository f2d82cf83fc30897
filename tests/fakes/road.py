"""A computer with a team that has a history, and a real server that it may move to."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Team
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import UpdateMachine
from machina_desktop.core.services.sync import PullSnapshot
from machina_desktop.core.services.teams import CreateTeam
from machina_desktop.core.store.moves import CopiedRow
from machina_desktop.core.store.replicas import Origin, Replicas
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.sync.home import Home
from machina_desktop.core.sync.move_steps import MOVER
from machina_desktop.core.sync.moving import Mover
from machina_desktop.core.sync.server_client import ServerClient
from tests.fakes.hosts import Core, core
from tests.fakes.server import Site, settled

R = TypeVar("R")
LINES = 300


def anything(_team_id: str, _tags: object = None) -> None:
    """The tests may."""


@dataclass
class Road:
    """A computer with a team that has a history, and a server its person has an account at."""

    here: Core
    site: Site
    server: Server
    home: ServerClient
    mover: Mover
    team_id: str
    person: str
    machine_id: str = ""
    deployment_id: str = ""
    key_id: str = ""

    async def go(self, handle: str = "", home: Home | None = None) -> Team:
        return await self.mover.to_server(self.team_id, self.person, self.server, home or self.home, handle=handle)

    async def come(self, home: Home | None = None) -> Team:
        return await self.mover.to_here(self.team_id, self.person, self.server, home or self.home, copy=Followed(self))

    def reborn(self) -> None:
        """As after a start of the program."""
        self.mover = Mover(self.here.host.database, self.here.host.bus)

    @property
    def is_local(self) -> bool:
        [(home,)] = self.here.sql("SELECT home FROM team WHERE team_id = ?", self.team_id)
        return home == ""

    @property
    def is_there(self) -> bool:
        return bool(self.site.sql("SELECT 1 FROM team WHERE team_id = ?", self.team_id))

    async def write_here(self) -> None:
        await self.here.call(UpdateMachine(machine_id=self.machine_id, notes=new_id("note")))

    async def follow(self) -> None:
        """Make the copy whole, as the follower does."""
        origin = Origin(team_id=self.team_id, server_id=self.server.server_id, home=self.server.url)
        await self.write(lambda tx: Replicas(tx).begin(origin))
        rows: list[CopiedRow] = []
        page = await self.home.call(PullSnapshot(team_id=self.team_id))
        first = page
        rows += page.rows
        while not page.is_last:
            page = await self.home.call(PullSnapshot(team_id=self.team_id, entity=page.entity, after=page.after))
            rows += page.rows
        kept: dict[str, set[str]] = {}
        for row in rows:
            kept.setdefault(row.entity, set()).add(row.entity_id)

        def take(tx: SqlTransaction) -> None:
            Replicas(tx).take_rows(origin, rows, first.head)
            frozen = {name: frozenset(keys) for name, keys in kept.items()}
            Replicas(tx).finish(origin, first.epoch, first.head, frozen)

        await self.write(take)

    async def write(self, work: Callable[[SqlTransaction], R]) -> R:
        result, _ = await self.here.host.database.write(MOVER, anything, work)
        return result

    async def read(self, work: Callable[[Transaction], R]) -> R:
        return await self.here.host.database.read(MOVER, work)

    def rows(self, of: Core | Site, table: str) -> list[tuple[Any, ...]]:
        return of.sql(f"SELECT * FROM {table} WHERE team_id = ? ORDER BY 1", self.team_id)

    def log(self, of: Core | Site) -> bytes:
        found = of.sql("SELECT data FROM log_chunk WHERE deployment_id = ? ORDER BY start", self.deployment_id)
        return b"".join(cast("bytes", data) for (data,) in found)


class Followed:
    """The copy of the team, as the mover knows it."""

    def __init__(self, made: Road) -> None:
        self.team_id = made.team_id
        self._made = made

    async def pull(self, home: Home) -> None:
        """Take everything in anew."""
        await home.call(PullSnapshot(team_id=self.team_id, limit=1))
        await self._made.follow()

    def at_rest(self) -> AbstractAsyncContextManager[None]:
        """Nobody else pulls."""
        return nullcontext()


@asynccontextmanager
async def road(tmp_path: Path) -> AsyncIterator[Road]:
    async with core(tmp_path / "desktop") as here, settled(tmp_path / "server") as site:
        server = Server(
            server_id=new_id("server"),
            url=site.url,
            user_id=site.admin.user_id,
            email="ada@example.org",
            display_name="Ada",
            device_id=new_id("device"),
            connected_at=now(),
        )
        home = ServerClient(site.url, Secret(site.admin.token), settings=here.host.settings)
        made = Road(
            here, site, server, home, Mover(here.host.database, here.host.bus), here.team_id, here.host.actor.user_id
        )
        await made.write(lambda tx: tx.add(server))
        try:
            yield made
        finally:
            await home.close()


async def lived(made: Road) -> None:
    """Give the team a machine, a run with a log, a key and a history."""
    ask = await made.here.create("web")
    made.machine_id, made.deployment_id = ask.machine_id, ask.deployment_id
    made.here.sql("UPDATE deployment SET state = 'succeeded' WHERE deployment_id = ?", ask.deployment_id)
    made.here.sql(
        "UPDATE machine SET actual_status = 'running', terraform_state_status = 'synced' WHERE machine_id = ?",
        ask.machine_id,
    )
    made.here.sql(
        "INSERT INTO terraform_state (machine_id, lineage, serial, team_id, envelope) VALUES (?, 'l', 1, ?, x'00')",
        made.machine_id,
        made.team_id,
    )
    lines = tuple(LogLine(at=now(), phase="plan", level=LogLevel.INFO, text=f'"ä" {n} ' * 40) for n in range(LINES))
    for begin in range(0, LINES, 50):
        part = lines[begin : begin + 50]
        await made.write(lambda tx, part=part: tx.append_log(made.deployment_id, part, {}))  # type: ignore[misc]
    made.key_id = (await made.here.call(GenerateKey(team_id=made.team_id, name="laptop"))).ssh_key_id


async def lives_anew(made: Road) -> None:
    """Another team of this computer, with a life of its own."""
    team = await made.here.call(CreateTeam(name="Next", handle=new_id("t")[-20:]))
    made.team_id = made.here.team_id = team.team_id
    made.here._account = None
    made.reborn()
    await lived(made)
