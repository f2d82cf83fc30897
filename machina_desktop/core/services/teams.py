"""People and teams, as far as one computer needs them (spec 3.1, 4.6)."""

from __future__ import annotations

from dataclasses import dataclass

from machina_desktop.core.domain.team import Actor, SystemRole, Team, TeamMember, TeamRole, User
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction


@dataclass(frozen=True, kw_only=True)
class ListTeams(Request[tuple[Team, ...]]):
    """Teams the actor is in."""


@dataclass(frozen=True, kw_only=True)
class WhoAmI(Request[User]):
    """The person who asks."""


@dataclass(frozen=True, kw_only=True)
class Settle(Request[Actor]):
    """Make this computer's person and first team, once; later answers who that is."""

    display_name: str


@use_case("team.list", "GET /api/teams")
def list_teams(tx: Transaction, _actor: Actor, _ask: ListTeams) -> tuple[Team, ...]:
    """Teams by name."""
    return tx.list(Team, order_by="name")


@use_case("user.me", "GET /api/auth/me")
def who_am_i(tx: Transaction, actor: Actor, _ask: WhoAmI) -> User:
    """The actor's own row."""
    return tx.get(User, actor.user_id)


@use_case("team.settle", "POST /api/device/settle", is_audited=False, is_internal=True)
def settle(tx: Transaction, _actor: Actor, ask: Settle) -> Actor:
    """The first start makes an administrator of a team of one; every later start finds them."""
    user = tx.find(User)
    if user is None:
        at = now()
        user = User(
            user_id=new_id("user"), email="", display_name=ask.display_name, role=SystemRole.ADMIN, created_at=at
        )
        team = Team(
            team_id=new_id("team"),
            name="Personal",
            handle="personal",
            created_by=user.user_id,
            created_at=at,
            updated_at=at,
        )
        member = TeamMember(
            team_member_id=new_id("member"),
            team_id=team.team_id,
            user_id=user.user_id,
            role=TeamRole.ADMIN,
            joined_at=at,
        )
        for row in (user, team, member):
            tx.add(row)
    roles = tuple((member.team_id, member.role) for member in tx.list(TeamMember, user_id=user.user_id))
    return Actor(user_id=user.user_id, display_name=user.display_name, system_role=user.role, team_roles=roles)
