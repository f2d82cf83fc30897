"""Desktops that are signed in to a real server, over a line that tests watch, cut, or let lose answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast

from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.domain.server import Server
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.routes import written
from machina_desktop.core.services.servers import ListServers, RegisterAtServer, SignInAtServer
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.core.sync.connections import Credentials
from machina_desktop.core.sync.home import Hint, Home
from tests.fakes.hosts import Core, core, until
from tests.fakes.server import PASSWORD, Site

R = TypeVar("R")


@dataclass
class Line:
    """What lies between a desktop and its server.

    Attributes:
        is_cut: Nothing is asked any more.
        loses: Of requests of these names the next answer is lost, after they were carried out.
        refuses: Requests of that name do not get through.
        bodies: What was sent so far, as it travels.
        asked: The names of the requests.
    """

    is_cut: bool = False
    loses: list[str] = field(default_factory=list)
    refuses: str = ""
    bodies: list[bytes] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def check(self, name: str = "") -> None:
        """Refuse what cannot get through."""
        if self.is_cut or (name and name == self.refuses):
            raise Unavailable("The line is cut.", code="E-OFFLINE")


class WatchedHome:
    """A server's line with a :class:`Line` before it."""

    def __init__(self, home: Home, line: Line) -> None:
        self._home = home
        self._line = line

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        name = type(ask).__name__
        self._line.check(name)
        self._line.asked.append(name)
        sent = written(REGISTRY.find(type(ask)), cast("Request[object]", ask))
        self._line.bodies.append(f"{sent.path} {sent.query} ".encode() + (sent.body or b""))
        answer = await self._home.call(ask, op_id=op_id, expects=expects)
        self._line.check()
        if name in self._line.loses:
            self._line.loses.remove(name)
            raise Unavailable("The answer is lost.", code="E-OFFLINE")
        return answer

    async def hints(self) -> AsyncIterator[Hint]:
        async for hint in self._home.hints():
            self._line.check()
            yield hint

    async def close(self) -> None:
        await self._home.close()


@dataclass
class Desk:
    """A desktop that is signed in to the server.

    Attributes:
        team_id: The team of the server that its person is in.
    """

    core: Core
    server: Server
    line: Line
    team_id: str

    @property
    def device_id(self) -> str:
        """What this computer is called at the server."""
        return self.server.device_id

    async def call(self, ask: Request[R]) -> R:
        """The answer, as the person at this desktop."""
        return await self.core.call(ask)

    async def account(self, token: str, label: str = "cloud", **fields: object) -> ProviderAccount:
        """An account of the shared team."""
        given = {"api_token": Secret(token)}
        ask = AddAccount(
            team_id=self.team_id,
            type=ProviderType.SANDBOX,
            label=label,
            fields={**given, **cast("dict[str, Secret]", fields.pop("more", {}))},
            **fields,  # type: ignore[arg-type]
        )
        return await self.call(ask)

    async def create(self, account: ProviderAccount, name: str = "m1", **fields: object) -> CreateMachine:
        """Ask for a machine of the shared team, to be made by this computer if not said otherwise."""
        ask = CreateMachine(
            team_id=self.team_id,
            account_id=account.provider_account_id,
            name=name,
            **{"runs_on": self.device_id, **fields},  # type: ignore[arg-type]
        )
        await self.call(ask)
        return ask


@asynccontextmanager
async def desk(
    home: Path, site: Site, name: str, *, role: str = "member", engine: Path | None = None, deployer: bool = False
) -> AsyncIterator[Desk]:
    """A desktop on the data folder ``home``; the person has an account there after the first time.

    Desktops and server of one process share their providers.
    """
    line = Line()
    async with core(home, engine=engine, provider=provider_for(ProviderType.SANDBOX)) as made:
        connections = made.host.connections
        plain = connections._open_home

        async def watched(url: str, credentials: Credentials | None) -> Home:
            return cast("Home", WatchedHome(await plain(url, credentials), line))

        connections._open_home = watched
        made.host.start_followers()
        if deployer:
            made.host.start_deployer()
        known = await made.call(ListServers())
        server = known[0].server if known else await _entered(made, site, name, role)
        yield Desk(made, server, line, site.team_id)


async def _entered(made: Core, site: Site, name: str, role: str) -> Server:
    email = f"{name.lower()}@example.org"
    if site.admin.name == name:
        return await made.call(SignInAtServer(url=site.url, email=email, password=Secret(PASSWORD), device_name=name))
    return await made.call(
        RegisterAtServer(
            url=site.url,
            email=email,
            display_name=name,
            password=Secret(PASSWORD),
            code=Secret(await site.code(role)),
            device_name=f"{name}'s laptop",
        )
    )


async def same(one: Desk, other: Desk, machine_id: str) -> None:
    """Wait until both see the machine alike."""

    async def are_same() -> bool:
        return await one.core.machine(machine_id) == await other.core.machine(machine_id)

    await until(are_same)
