"""What an ``async def`` use case may reach of the world, handed in by the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.engine import EngineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.transaction import Transaction

if TYPE_CHECKING:
    from machina_desktop.core.services.passwords import Accounts
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.vault.vault import Vault

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Context:
    """Handles of the asking host. No transaction is held while a use case waits.

    Attributes:
        database: Reads go through :meth:`read`, writes through :meth:`record`.
        announce: Tells everybody that the vault was opened or locked.
        accounts: What a shared server needs to keep accounts; other hosts keep none.
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

    async def read(self, actor: Actor, work: Callable[[Transaction], R]) -> R:
        """Run ``work`` in a read-only transaction that sees what the actor may see."""
        return await self.database.read(actor, work)

    async def record(self, actor: Actor, ask: Request[R]) -> R:
        """Send what was learned to the home of the team as a ``def`` use case."""
        return await self.execute(actor, ask)  # type: ignore[arg-type, return-value]
