"""Steps that let the believable team live on a server which is not there: what the window would be told of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from machina_desktop.core.domain.account import Registration
from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.server import Connection, FoundServer
from machina_desktop.core.domain.team import Team
from machina_desktop.core.services.machines import GetMachine, ListMachines
from machina_desktop.core.services.providers import ListAccounts
from machina_desktop.core.services.servers import ListIntents, ListServers, ProbeServer
from machina_desktop.core.services.teams import GetTeam, ListTeams
from tests.e2e.walk import Step, Walk
from tests.fakes.server_answers import DEVICE_ID, SERVER_ID, intent, server, status

URL = "https://machina.acme-robotics.example"
EMAIL = "ada@acme-robotics.example"
_ENTITIES = frozenset({"team", "machine", "provider_account", "deployment"})


async def find_server(walk: Walk) -> None:
    """Let a server answer wherever one is looked for."""
    walk.gateway.answers[ProbeServer] = lambda ask: FoundServer(
        url=ask.url, is_plain=False, version="0.4.0", registration=Registration.INVITE, has_accounts=True
    )


def share(connection: Connection, *intents: Intent) -> Step:
    """Let Acme live on the server from now on, and the line to it be as it is named."""

    async def do(walk: Walk) -> None:
        acme = walk.ids["acme"]
        waiting = sum(each.state is IntentState.WAITING for each in intents)
        known = status(
            connection,
            server=server(url=URL, email=EMAIL),
            waiting=waiting,
            refused=len(intents) - waiting,
        )
        walk.gateway.answers[ListServers] = lambda _ask: (known,)
        walk.gateway.answers[ListIntents] = lambda _ask: tuple(replace(each, team_id=acme) for each in intents)

        def moved(row: Team) -> Team:
            return replace(row, home=URL) if row.team_id == acme else row

        walk.gateway.altered |= {
            ListTeams: lambda rows: tuple(moved(row) for row in rows),
            GetTeam: moved,
            ListAccounts: lambda rows: tuple(_kept(row) for row in rows),
            ListMachines: lambda rows: tuple(_worked_on(row) for row in rows),
            GetMachine: _worked_on,
        }
        await _tell(walk, connection)

    return do


async def open_servers(walk: Walk) -> None:
    """Press what the status bar says of servers."""
    await walk.hand.until(walk.window.status.servers.isVisible, "servers")
    walk.window.status.servers.click()


def edits() -> Iterable[Intent]:
    """One edit waits, one was refused."""
    return (
        intent(1, title="web-2"),
        intent(2, IntentState.REFUSED, title="db-primary", error_message="Grace has changed db-primary meanwhile."),
    )


async def _tell(walk: Walk, connection: Connection) -> None:
    walk.bridge.changed.emit(_ENTITIES)
    walk.bridge.connection_changed.emit(SERVER_ID, connection.value)
    await walk.rest()


def _kept(row: ProviderAccount) -> ProviderAccount:
    custody = Custody.SERVER if row.label == "Acme production" else Custody.LOCAL
    return replace(row, keeper=DEVICE_ID, custody=custody)


def _worked_on(row: Machine) -> Machine:
    return replace(row, state_keeper=DEVICE_ID if row.name.startswith("web") else "")
