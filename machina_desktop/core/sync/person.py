"""Who the person at this computer is: here, and at each server they are signed in to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.domain.server import Server
from machina_desktop.core.domain.team import Actor, Grant, SystemRole, Team, TeamMember, TeamRole, User
from machina_desktop.core.events import Change, Changed, Event
from machina_desktop.core.store.transaction import Transaction

HERE = ""
ALL = 1_000_000
_ABOUT_PEOPLE = frozenset({"user", "team", "team_member", "grant"})


class Person:
    """Who is signed in, kept up to date from the feed. Loop thread only.

    Somebody is another user at each home; teams and grants of all of them are theirs.

    Attributes:
        actor: The person of this computer with the roles of this moment, in teams of all homes.
    """

    def __init__(
        self,
        actor: Actor,
        members: Iterable[TeamMember] = (),
        *,
        teams: Iterable[Team] = (),
        users: Mapping[str, User] | None = None,
    ) -> None:
        """``members`` are the person's own rows, which tell whose place in a team a deleted row was.

        ``teams`` tells where teams live, ``users`` who the person is at the servers, by origin.
        """
        self.actor = actor
        self._selves: dict[str, Actor] = {HERE: replace(actor, team_roles=(), grants=())}
        self._homes = {team.team_id: team.home for team in teams}
        self._places = {member.team_member_id: (member.team_id, member.role) for member in members}
        self._newest: dict[tuple[str, str, str], int] = {}
        for home, user in (users or {}).items():
            self.settle(home, user)

    def actor_in(self, team_id: str) -> Actor:
        """The person as the home of that team knows them; roles and grants are those of all teams all the same."""
        own = self._selves.get(self.home_of(team_id), self._selves[HERE])
        return replace(own, team_roles=self.actor.team_roles, grants=self.actor.grants)

    def home_of(self, team_id: str) -> str:
        """Where a team lives: empty for this computer and for a team nobody knows."""
        return self._homes.get(team_id, HERE)

    def ids_but(self, home: str) -> frozenset[str]:
        """Who the person is anywhere but at that server."""
        return frozenset(own.user_id for origin, own in self._selves.items() if origin != home)

    @property
    def has_homes(self) -> bool:
        """Whether any team is known that lives elsewhere."""
        return any(self._homes.values())

    def settle(self, home: str, user: User) -> None:
        """Be that user at that server from now on."""
        self._selves[home] = Actor(user_id=user.user_id, display_name=user.display_name, system_role=user.role)

    def depart(self, home: str) -> None:
        """Be nobody at that server any more."""
        self._selves.pop(home, None)

    def begin_anew(self, team_id: str) -> None:
        """Another epoch of that team's feed begins: its numbers have nothing to do with those before."""
        self._newest = {row: seq for row, seq in self._newest.items() if row[0] != team_id}

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
        row = (change.team_id, change.entity, change.entity_id)
        is_news = change.seq >= self._newest.get(row, 0)
        self._newest[row] = max(change.seq, self._newest.get(row, 0))
        return is_news

    def _take_in(self, change: Change) -> None:
        match change.entity:
            case "team":
                self._take_home(change)
            case "user":
                self._take_name(change)
            case "team_member":
                self._take_place(change)
            case "grant":
                self._take_grant(change)

    def _take_home(self, change: Change) -> None:
        if change.row is not None:
            self._homes[change.team_id] = str(change.row.get("home", HERE))

    def _take_name(self, change: Change) -> None:
        if change.row is None:
            return
        named = {"display_name": change.row["display_name"], "system_role": SystemRole(change.row["role"])}
        for home, own in self._selves.items():
            if own.user_id == change.entity_id:
                self._selves[home] = replace(own, **named)
        if change.entity_id == self.actor.user_id:
            self.actor = replace(self.actor, **named)

    def _take_place(self, change: Change) -> None:
        row = change.row
        if row is not None and self._is_own(row["user_id"]):
            self._places[change.entity_id] = (change.team_id, TeamRole(row["role"]))
        elif row is None and change.entity_id in self._places:
            del self._places[change.entity_id]
        else:
            return
        self.actor = replace(self.actor, team_roles=tuple(self._places.values()))

    def _take_grant(self, change: Change) -> None:
        if change.row is not None and not self._is_own(change.row["user_id"]):
            return
        others = tuple(grant for grant in self.actor.grants if grant.grant_id != change.entity_id)
        written = () if change.row is None else (from_json(to_json(change.row), Grant),)
        self.actor = replace(self.actor, grants=others + written)

    def _is_own(self, user_id: str) -> bool:
        return any(own.user_id == user_id for own in self._selves.values())


def remembered(tx: Transaction, actor: Actor) -> Person:
    """The person of this computer with all that is stored of them; ``tx`` reads the rows of every team."""
    servers = {server.url: server for server in tx.list(Server, limit=ALL)}
    ids = {HERE: actor.user_id, **{url: server.user_id for url, server in servers.items()}}
    teams = tx.list(Team, limit=ALL)
    own = {team.team_id: ids.get(team.home) for team in teams}
    members = tx.list(TeamMember, user_id=tuple(ids.values()), order_by="joined_at", limit=ALL)
    places = [member for member in members if own.get(member.team_id) == member.user_id]
    grants = tx.list(Grant, user_id=tuple(ids.values()), limit=ALL)
    # Teams of this computer first, as they always stood.
    places.sort(key=lambda member: ids[HERE] != member.user_id)
    return Person(
        replace(
            actor,
            team_roles=tuple((member.team_id, member.role) for member in places),
            grants=tuple(grant for grant in grants if own.get(grant.team_id) == grant.user_id),
        ),
        places,
        teams=teams,
        users={url: _known_as(tx, server) for url, server in servers.items()},
    )


def _known_as(tx: Transaction, server: Server) -> User:
    """Who the person is at a server; until its first team is here, as signing in told it."""
    known = tx.find(User, user_id=server.user_id)
    return known or User(
        user_id=server.user_id, email=server.email, display_name=server.display_name, created_at=server.connected_at
    )
