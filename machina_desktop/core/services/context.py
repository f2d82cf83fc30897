"""What an ``async def`` use case may reach of the world, handed in by the host."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.services.use_case import Request

if TYPE_CHECKING:
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.terraform.engine import Engine
    from machina_desktop.core.vault.vault import Vault

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Context:
    """Handles of the asking host. No transaction is held while a use case waits.

    Attributes:
        database: For reads outside a use case; writes go through :meth:`record`.
        find_engine: Finds the Terraform program in a thread; cached until the setting changes.
    """

    paths: Paths
    settings: Settings
    database: Database
    vault: Vault
    find_engine: Callable[[], Awaitable[Engine]]
    execute: Callable[[Actor, Request[object]], Awaitable[object]]

    async def record(self, actor: Actor, ask: Request[R]) -> R:
        """Send what was learned to the home of the team as a ``def`` use case."""
        return await self.execute(actor, ask)  # type: ignore[arg-type, return-value]
