"""The one door: a request goes in, its typed answer comes out, wherever the team has its home."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace
from typing import Protocol, TypeVar, cast

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.team import Actor, Grant, SystemRole, TeamMember, TeamRole
from machina_desktop.core.events import Change, Changed, Event
from machina_desktop.core.services.use_case import Request

R = TypeVar("R")
_ABOUT_PEOPLE = frozenset({"user", "team_member", "grant"})


class Gateway(Protocol):
    """What a face holds. The local one runs the use case here; a remote one sends it to the team's home."""

    @property
    def actor(self) -> Actor:
        """Who asks, with the roles of this moment.

        It has learnt of a change before anybody hears of that change, and before the request that made it is answered.
        """
        ...

    async def call(self, ask: Request[R]) -> R:
        """The answer to ``ask``.

        Raises:
            MachinaError: what went wrong, fit to be shown.
        """
        ...


class Person:
    """Who is signed in, kept up to date from the feed. Loop thread only.

    Attributes:
        actor: The person with the roles of this moment.
    """

    def __init__(self, actor: Actor, members: Iterable[TeamMember] = ()) -> None:
        """``members`` are the person's own rows, which tell whose place in a team a deleted row was."""
        self.actor = actor
        self._places = {member.team_member_id: (member.team_id, member.role) for member in members}
        self._newest: dict[tuple[str, str], int] = {}

    def learn(self, event: Event) -> None:
        """Take in what concerns the person; to be a witness of the bus."""
        if isinstance(event, Changed):
            for change in event.changes:
                if self._is_news(change):
                    self._take_in(change)

    def _is_news(self, change: Change) -> bool:
        """Whether no later change of that row was heard of: what another process wrote is heard of late."""
        if change.entity not in _ABOUT_PEOPLE:
            return False
        row = (change.team_id, change.entity_id)
        is_news = change.seq >= self._newest.get(row, 0)
        self._newest[row] = max(change.seq, self._newest.get(row, 0))
        return is_news

    def _take_in(self, change: Change) -> None:
        row = change.row or {}
        if change.entity == "user" and change.entity_id == self.actor.user_id and row:
            self.actor = replace(self.actor, display_name=row["display_name"], system_role=SystemRole(row["role"]))
        elif change.entity == "team_member" and row.get("user_id") == self.actor.user_id:
            self._places[change.entity_id] = (change.team_id, TeamRole(row["role"]))
            self._take_place()
        elif change.entity == "team_member" and not row and change.entity_id in self._places:
            del self._places[change.entity_id]
            self._take_place()
        elif change.entity == "grant" and row.get("user_id", self.actor.user_id) == self.actor.user_id:
            self._take_grant(change)

    def _take_place(self) -> None:
        self.actor = replace(self.actor, team_roles=tuple(self._places.values()))

    def _take_grant(self, change: Change) -> None:
        others = tuple(grant for grant in self.actor.grants if grant.grant_id != change.entity_id)
        written = () if change.row is None else (from_json(to_json(change.row), Grant),)
        self.actor = replace(self.actor, grants=others + written)


class LocalGateway:
    """Runs every request here, as the person signed in to this device."""

    def __init__(self, execute: Callable[[Actor, Request[object]], Awaitable[object]], person: Person) -> None:
        self._execute = execute
        self._person = person

    @property
    def actor(self) -> Actor:
        """The person with the roles of this moment."""
        return self._person.actor

    async def call(self, ask: Request[R]) -> R:
        """Run the use case and answer its result."""
        return cast("R", await self._execute(self.actor, cast("Request[object]", ask)))
