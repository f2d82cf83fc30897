"""Letting people into a team by a code: making, listing and revoking invites, and joining with one (spec 4.6, 6.7)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from machina_desktop.core.domain.invite import (
    INVITE_HOURS,
    LONGEST_HOURS,
    SHORTEST_HOURS,
    InviteState,
    TeamInvite,
    hashed_code,
    written_code,
)
from machina_desktop.core.domain.team import Actor, Team, TeamRole, User
from machina_desktop.core.domain.throttle import JOIN
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.ids import new_code, new_id, now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.admission import invite_of, let_in
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _new_invite_id() -> str:
    return new_id("invite")


def _new_member_id() -> str:
    return new_id("member")


@dataclass(frozen=True, kw_only=True)
class IssuedInvite:
    """A new invite and its code, in groups; the code is told here and never again."""

    invite_id: str
    code: str
    role: TeamRole
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class ListedInvite:
    """An invite as administrators see it; of whoever made and used it the name, empty where that is not known."""

    invite_id: str
    team_id: str
    role: TeamRole
    state: InviteState
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_by: str = ""
    used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class ListInvites(Request[tuple[ListedInvite, ...]]):
    """Invites into a team, newest first."""

    team_id: str
    state: InviteState | None = None


@dataclass(frozen=True, kw_only=True)
class CreateInvite(Request[IssuedInvite]):
    """Make a code that lets one person in, in that role, within ``hours`` (1 to 720). It is shown once."""

    team_id: str
    role: TeamRole = TeamRole.MEMBER
    hours: int = INVITE_HOURS
    invite_id: str = field(default_factory=_new_invite_id)


@dataclass(frozen=True, kw_only=True)
class RecordInvite(Request[TeamInvite]):
    """Keep an invite whose code was made here, by the code's SHA-256 (hex)."""

    team_id: str
    invite_id: str
    code_hash: str
    role: TeamRole
    hours: int


@dataclass(frozen=True, kw_only=True)
class RevokeInvite(Request[None]):
    """Make an open invite useless."""

    team_id: str
    invite_id: str


@dataclass(frozen=True, kw_only=True)
class JoinTeam(Request[Team]):
    """Join a team with an invite code, with or without its hyphens, in whatever case."""

    code: Secret
    member_id: str = field(default_factory=_new_member_id)


@use_case("invite.list", "GET /api/teams/{team_id}/invites")
def list_invites(tx: Transaction, _actor: Actor, ask: ListInvites) -> tuple[ListedInvite, ...]:
    """Invites with what has become of each by now."""
    at = now()
    invites = tx.list(TeamInvite, team_id=ask.team_id, order_by="created_at", descending=True, limit=ALL)
    user_ids = {user_id for invite in invites for user_id in (invite.created_by, invite.used_by) if user_id}
    names = {user.user_id: user.display_name for user in tx.list(User, user_id=tuple(user_ids), limit=ALL)}
    return tuple(
        ListedInvite(
            invite_id=invite.invite_id,
            team_id=invite.team_id,
            role=invite.role,
            state=invite.state(at),
            created_by=names.get(invite.created_by, ""),
            created_at=invite.created_at,
            expires_at=invite.expires_at,
            used_by=names.get(invite.used_by or "", ""),
            used_at=invite.used_at,
        )
        for invite in invites
        if ask.state in {None, invite.state(at)}
    )


@use_case("invite.create", "POST /api/teams/{team_id}/invites", keeps_answer=False)
async def create_invite(context: Context, actor: Actor, ask: CreateInvite) -> IssuedInvite:
    """Make the code here; the team's home is told only its hash."""
    code = new_code()
    REDACTOR.learn(code, written_code(code))
    invite = await context.record(
        actor,
        RecordInvite(
            team_id=ask.team_id,
            invite_id=ask.invite_id,
            code_hash=hashed_code(code),
            role=ask.role,
            hours=ask.hours,
        ),
    )
    return IssuedInvite(
        invite_id=invite.invite_id, code=written_code(code), role=invite.role, expires_at=invite.expires_at
    )


@use_case("invite.record", "POST /api/teams/{team_id}/invites/{invite_id}", is_for_devices=True)
def record_invite(tx: Transaction, actor: Actor, ask: RecordInvite) -> TeamInvite:
    """Store the invite; it expires by the clock of the team's home."""
    if not SHORTEST_HOURS <= ask.hours <= LONGEST_HOURS:
        raise InvalidInput(
            f"An invite holds for {SHORTEST_HOURS} to {LONGEST_HOURS} hours.",
            field="hours",
            hint="Seven days are 168 hours.",
            code="E-INVITE-HOURS",
        )
    if not _SHA256.fullmatch(ask.code_hash):
        raise InvalidInput("This is no SHA-256 in hex.", field="code_hash", code="E-INVITE-HASH")
    at = now()
    invite = TeamInvite(
        invite_id=ask.invite_id,
        team_id=ask.team_id,
        code_hash=ask.code_hash,
        role=ask.role,
        created_by=actor.user_id,
        created_at=at,
        expires_at=at + timedelta(hours=ask.hours),
    )
    tx.add(invite)
    return invite


@use_case("invite.revoke", "DELETE /api/teams/{team_id}/invites/{invite_id}")
def revoke_invite(tx: Transaction, _actor: Actor, ask: RevokeInvite) -> None:
    """Write when; an invite that somebody used stays as it is."""
    invite = tx.find(TeamInvite, team_id=ask.team_id, invite_id=ask.invite_id)
    if invite is None:
        raise NotFound("The team has no such invite.")
    at = now()
    if invite.state(at) is InviteState.USED:
        raise Conflict(
            "Somebody has joined with this invite already.", hint="Remove the member instead.", code="E-INVITE-USED"
        )
    if invite.revoked_at is None:
        tx.replace(replace(invite, revoked_at=at))


@use_case("team.join", "POST /api/teams/join", is_open=True, limits=JOIN)
def join_team(tx: Transaction, actor: Actor, ask: JoinTeam) -> Team:
    """Let in whoever has an open invite's code, once. What is wrong with a code is not told."""
    found = invite_of(tx, ask.code)
    if actor.role_in(found.team_id) is None:
        return let_in(tx, actor.user_id, found, ask.member_id)
    if found.used_by == actor.user_id:
        return tx.get(Team, found.team_id)
    raise Conflict("You are in this team already.", hint="Leave the code to somebody else.", code="E-IN-TEAM")
