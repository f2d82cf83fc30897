"""The one door: a request goes in, its typed answer comes out, wherever the team has its home."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from machina_desktop.core.domain.team import Actor, Team
from machina_desktop.core.errors import Bug, Locked, MachinaError, NotFound, Unauthenticated, Unavailable
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.sync.follower import Follower
from machina_desktop.core.sync.person import HERE, Person
from machina_desktop.core.sync.team_copy import COPIER

if TYPE_CHECKING:
    from machina_desktop.core.store.database import Database
    from machina_desktop.core.sync.connections import Connections

R = TypeVar("R")
Execute = Callable[[Actor, Request[object]], Awaitable[object]]

EDIT_S = 5.0
"""So long an edit is waited for at its home; then it goes on by itself."""
OWNED = {
    "machine": "machine",
    "deployment": "deployment",
    "account": "provider_account",
    "key": "ssh_key",
    "firewall": "firewall_profile",
    "grant": "grant",
    "invite": "team_invite",
    "member": "team_member",
    "snippet": "snippet",
    "rule": "recording_rule",
}
"""What an id that begins so is the key of; every such row belongs to a team."""


class Gateway(Protocol):
    """What a face holds: requests about a team are answered as its home would answer them."""

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

    def __init__(self, execute: Execute, person: Person) -> None:
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


class RoutingGateway:
    """Answers here what can be answered here, and asks the team's home for the rest. Lives on the loop.

    Reads are answered from the copy but for what no copy holds; a write is made at the home and then waited for here,
    or, where it may wait, made here at once and sent; what needs the world runs here and records at the home.
    """

    def __init__(self, execute: Execute, person: Person, database: Database, connections: Connections) -> None:
        self._execute = execute
        self._person = person
        self._database = database
        self._connections = connections

    @property
    def actor(self) -> Actor:
        """The person with the roles of this moment, in teams of all homes."""
        return self._person.actor

    def actor_in(self, team_id: str) -> Actor:
        """The person as the home of that team knows them."""
        return self._person.actor_in(team_id)

    def is_elsewhere(self, team_id: str) -> bool:
        """Whether the home of that team is a server."""
        return self._person.home_of(team_id) != HERE

    async def call(self, ask: Request[R]) -> R:
        """The answer to ``ask``."""
        return cast("R", await self._routed(cast("Request[object]", ask)))

    async def record(self, actor: Actor, ask: Request[object], here: Callable[[], Awaitable[object]]) -> object:
        """Send what a use case that runs here has learnt to the home of the team it is about."""
        del actor
        team_id = await self._team_of(ask)
        case = REGISTRY.find(type(ask))
        if not self.is_elsewhere(team_id) or case.path.startswith("/api/device/"):
            return await here()
        if case.is_read:
            return await self._follower(team_id).ask(ask)
        return await self._write(team_id, ask)

    async def ask_home(self, team_id: str, ask: Request[R], *, op_id: str = "") -> R:
        """What the home of a team answers to a report; the copy here takes it in when it comes to it.

        Raises:
            NotFound: the person is not in that team any more.
        """
        if not self.is_elsewhere(team_id):
            raise NotFound("There is no such team.")
        return await self._follower(team_id).ask(ask, op_id=op_id)

    async def _routed(self, ask: Request[object]) -> object:
        case = REGISTRY.find(type(ask))
        is_here = case.is_async or case.path.startswith("/api/device/") or (case.is_read and not case.at_home)
        if is_here and not case.is_async and not getattr(ask, "team_id", ""):
            return await self._execute(self._person.actor, ask)
        team_id = await self._team_of(ask)
        if case.is_read and case.at_home and not case.is_async and not team_id:
            return await self._somewhere(ask)
        if is_here or not self.is_elsewhere(team_id):
            is_there = self.is_elsewhere(team_id)
            return await self._execute(self._person.actor_in(team_id) if is_there else self._person.actor, ask)
        if case.is_read:
            return self._as_here(team_id, await self._follower(team_id).ask(ask))
        if case.offline:
            return await self._edit(team_id, ask)
        return await self._write(team_id, ask)

    async def _somewhere(self, ask: Request[object]) -> object:
        """Look for a thing of which no copy tells whose it is: here first, then at each server."""
        try:
            return await self._execute(self._person.actor, ask)
        except NotFound as missing:
            for follower in self._connections.all():
                with contextlib.suppress(NotFound, Unavailable, Unauthenticated, Locked):
                    return await follower.ask(ask)
            raise missing from None

    async def _write(self, team_id: str, ask: Request[object]) -> object:
        """Ask the home, then wait for what has come of it here."""
        follower = self._follower(team_id)
        answer = await follower.ask(ask, op_id=new_id("op"))
        await follower.catch_up(team_id)
        return self._as_here(team_id, answer)

    async def _edit(self, team_id: str, ask: Request[object]) -> object:
        """Make the edit here and send it; while the home cannot be asked, it waits.

        What the home refuses at once is raised, and nothing is left of it here.
        """
        follower = self._follower(team_id)
        copy = follower.copy_of(team_id)
        edited = await copy.edit(ask)
        if edited.intent is None:
            return edited.answer
        if follower.is_away:
            follower.nudge(team_id)
            return edited.answer
        try:
            async with asyncio.timeout(EDIT_S):
                said = (await copy.send(await follower.home())).get(edited.intent.op_id)
        except (MachinaError, TimeoutError):
            # Of the line or the session, not of the edit: it waits.
            follower.nudge(team_id)
            return edited.answer
        if isinstance(said, MachinaError):
            await copy.withdraw(edited.intent.op_id)
            raise said
        await follower.catch_up(team_id)
        return edited.answer if said is None else self._as_here(team_id, said)

    def _as_here(self, team_id: str, answer: object) -> object:
        """At its home, a team lives at home; here it lives there."""
        return replace(answer, home=self._person.home_of(team_id)) if isinstance(answer, Team) else answer

    def _follower(self, team_id: str) -> Follower:
        follower = self._connections.at(self._person.home_of(team_id))
        if follower is None:
            raise Bug("A team's home is a server that this computer does not know.")
        return follower

    # Whose it is

    async def _team_of(self, ask: Request[object]) -> str:
        """The team that ``ask`` is about: the one it names, or that of the first thing it names."""
        if not self._person.has_homes:
            return ""
        named = getattr(ask, "team_id", "")
        if named:
            return str(named)
        ids = [getattr(ask, entry.name) for entry in fields(ask)]
        known = [each for each in ids if isinstance(each, str) and each.partition("-")[0] in OWNED]
        return await self._database.read(COPIER, lambda tx: _owner(tx, known)) if known else ""


def _owner(tx: Transaction, ids: list[str]) -> str:
    """The team of the first of these things that is stored here; empty for none."""
    for each in ids:
        found = tx.plain_row(OWNED[each.partition("-")[0]], each)
        if found is not None:
            return str(found["team_id"])
    return ""
