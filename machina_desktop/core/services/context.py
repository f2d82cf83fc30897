"""What an ``async def`` use case may reach of the world, handed in by the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.agent import Heartbeat
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.domain.intent import Intent
from machina_desktop.core.domain.server import FoundServer, Server, ServerStatus
from machina_desktop.core.domain.team import Actor, Client, Team
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.transaction import Transaction

if TYPE_CHECKING:
    from machina_desktop.core.services.passwords import Accounts
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.vault.vault import Vault

R = TypeVar("R")


class Servers(Protocol):
    """The lines from this computer to shared servers. Everything lives on the loop.

    What a server refuses is raised as it said it; one that cannot be reached is Unavailable, E-OFFLINE.
    """

    async def statuses(self) -> tuple[ServerStatus, ...]:
        """The servers by address, and how things stand with each."""
        ...

    async def probe(self, url: str) -> FoundServer:
        """What is found at an address as people type it."""
        ...

    async def sign_in(self, url: str, email: str, password: Secret, *, device_name: str) -> Server:
        """Begin a session and follow the person's teams from now on."""
        ...

    async def register(
        self, url: str, email: str, display_name: str, *, password: Secret, code: Secret, device_name: str
    ) -> Server:
        """Make an account, then as :meth:`sign_in`."""
        ...

    async def join(self, server_id: str, code: Secret) -> Team:
        """Join a team; it is here when this answers."""
        ...

    async def create_team(self, server_id: str, name: str, handle: str) -> Team:
        """Make a team; it is here when this answers."""
        ...

    async def move(self, team_id: str, server_id: str, handle: str) -> Team:
        """Let a team live at that server from now on, or on this computer without one; see ``MoveTeam``."""
        ...

    async def sign_out(self, server_id: str) -> None:
        """End the session, and forget the server and what its teams have here."""
        ...

    async def reconnect(self, server_id: str) -> None:
        """Try the line now."""
        ...

    async def retry(self, op_id: str) -> Intent:
        """Make a refused edit anew; answers the new one."""
        ...

    async def dismiss(self, op_id: str) -> None:
        """Forget an edit."""
        ...


class Elsewhere(Protocol):
    """Takes what an ``async def`` use case records of a team whose home is a server. Lives on the loop."""

    def is_elsewhere(self, team_id: str) -> bool:
        """Whether the home of that team is a server."""
        ...

    async def record(self, actor: Actor, ask: Request[object], here: Callable[[], Awaitable[object]]) -> object:
        """Send ``ask`` to the home of the team it is about; do it ``here`` when that is this computer."""
        ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """Handles of the asking host. No transaction is held while a use case waits.

    Attributes:
        database: Reads go through :meth:`read`, writes through :meth:`record`.
        announce: Tells everybody that the vault was opened or locked.
        accounts: What a shared server needs to keep accounts; other hosts keep none.
        servers: The lines to shared servers; only a person's own computer has them, and so ``elsewhere``.
        note_sign_in: Lets the teams of a person know in a while that somebody tried to sign in as them, and failed;
            an empty id is nobody's, which takes the same work.
        hear: Stores the heartbeat of whoever has that token, and answers when it was heard; only where accounts are.
        engine_status: Finds the Terraform program in a thread; what is wrong comes as a status.
    """

    paths: Paths
    settings: Settings
    database: Database
    vault: Vault
    engine_status: Callable[[], Awaitable[EngineStatus]]
    execute: Callable[[Actor, Request[object]], Awaitable[object]]
    announce: Callable[[], None]
    accounts: Accounts | None = None
    servers: Servers | None = None
    elsewhere: Elsewhere | None = None
    hear: Callable[[Secret, Heartbeat], Awaitable[datetime]] | None = None
    note_sign_in: Callable[[str, Client], None] | None = None

    async def read(self, actor: Actor, work: Callable[[Transaction], R]) -> R:
        """Run ``work`` in a read-only transaction that sees what the actor may see."""
        return await self.database.read(actor, work)

    async def record(self, actor: Actor, ask: Request[R]) -> R:
        """Send what was learned to the home of the team as a ``def`` use case."""
        return cast("R", await self._recorded(actor, cast("Request[object]", ask)))

    async def _recorded(self, actor: Actor, ask: Request[object]) -> object:
        if self.elsewhere is None:
            return await self.execute(actor, ask)
        return await self.elsewhere.record(actor, ask, lambda: self.execute(actor, ask))
