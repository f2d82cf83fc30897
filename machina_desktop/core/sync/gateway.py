"""The one door: a request goes in, its typed answer comes out, wherever the team has its home."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.services.use_case import Request

R = TypeVar("R")


class Gateway(Protocol):
    """What a face holds. The local one runs the use case here; a remote one sends it to the team's home."""

    async def call(self, ask: Request[R]) -> R:
        """The answer to ``ask``.

        Raises:
            MachinaError: what went wrong, fit to be shown.
        """
        ...


class LocalGateway:
    """Runs every request here, as the person signed in to this device."""

    def __init__(self, execute: Callable[[Actor, Request[object]], Awaitable[object]], actor: Actor) -> None:
        self._execute = execute
        self._actor = actor

    async def call(self, ask: Request[R]) -> R:
        """Run the use case and answer its result."""
        return cast("R", await self._execute(self._actor, cast("Request[object]", ask)))
