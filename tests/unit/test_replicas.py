"""Two desktops and a server: what one does the other sees, and everything goes on while the line is cut."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from machina_desktop.core.domain.server import Connection, Server
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.machines import ListMachines, UpdateMachine
from machina_desktop.core.services.servers import ListServers, RegisterAtServer
from machina_desktop.core.services.teams import ListTeams
from tests.fakes.homes import add_machine
from tests.fakes.hosts import Core, core, until
from tests.fakes.server import PASSWORD, Site, settled


@dataclass
class Desk:
    """A desktop that is signed in to the server."""

    core: Core
    server: Server

    async def state(self) -> Connection:
        return (await self.core.call(ListServers()))[0].connection


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with settled(tmp_path / "server") as made:
        yield made


@asynccontextmanager
async def desktop(home: Path, site: Site, name: str, *, role: str = "member") -> AsyncIterator[Desk]:
    async with core(home) as made:
        made.host.start_followers()
        server = await made.call(
            RegisterAtServer(
                url=site.url,
                email=f"{name.lower()}@example.org",
                display_name=name,
                password=Secret(PASSWORD),
                code=Secret(await site.code(role)),
            )
        )
        yield Desk(made, server)


async def test_a_team_of_a_server_can_be_read_here(tmp_path: Path, site: Site) -> None:
    machine_id = (await add_machine(site.host, site.team_id)).machine_id
    async with desktop(tmp_path / "ben", site, "Ben") as ben:

        async def is_there() -> bool:
            return [each.machine_id for each in await ben.core.call(ListMachines(team_id=site.team_id))] == [machine_id]

        await until(is_there)
        teams = {team.name: team.home for team in await ben.core.call(ListTeams())}
        assert teams == {"Personal": "", "Crew": site.url}

        async def is_live() -> bool:
            return await ben.state() is Connection.LIVE

        await until(is_live)


async def test_an_edit_here_is_seen_there(tmp_path: Path, site: Site) -> None:
    machine_id = (await add_machine(site.host, site.team_id)).machine_id
    async with desktop(tmp_path / "ben", site, "Ben") as ben, desktop(tmp_path / "cy", site, "Cy") as cy:

        async def is_there() -> bool:
            return (
                len(await cy.core.call(ListMachines(team_id=site.team_id))) == 1
                and len(await ben.core.call(ListMachines(team_id=site.team_id))) == 1
            )

        await until(is_there)
        await ben.core.call(UpdateMachine(machine_id=machine_id, notes="mine"))
        assert (await site.admin.get(f"/api/machines/{machine_id}"))["notes"] == "mine"

        async def heard() -> bool:
            return (await cy.core.machine(machine_id)).notes == "mine"

        await until(heard)
