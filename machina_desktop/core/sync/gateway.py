"""The one door: a request goes in, its typed answer comes out, wherever the team has its home."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar, cast

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.sync.person import Person

R = TypeVar("R")


class Gateway(Protocol):
    """What a face holds. The local one runs the use case here; a remote one sends it to the team's home."""

    @property
    def actor(self) -> Actor:
        """Who asks, with the roles of this moment.

        It has learnt of a change before anybody hears of that change, and before the request that made it is answered.
        """
        ...

    def actor_in(self, team_id: str) -> Actor:
        """Who asks, as the home of that team knows them: their user id and name there."""
        ...

    async def call(self, ask: Request[R]) -> R:
        """The answer to ``ask``.

        Raises:
            MachinaError: what went wrong, fit to be shown.
        """
        ...


class LocalGateway:
    """Runs every request here, as the person signed in to this device."""

    def __init__(self, execute: Callable[[Actor, Request[object]], Awaitable[object]], person: Person) -> None:
        self._execute = execute
        self._person = person

    @property
    def actor(self) -> Actor:
        """The person with the roles of this moment."""
        return self._person.actor

    def actor_in(self, team_id: str) -> Actor:
        """The person as the home of that team knows them."""
        return self._person.actor_in(team_id)

    async def call(self, ask: Request[R]) -> R:
        """Run the use case and answer its result."""
        return cast("R", await self._execute(self.actor, cast("Request[object]", ask)))
