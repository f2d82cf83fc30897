"""Who is in a team, and what they may do: listing, roles, grants, removing, leaving (spec 4.7, 6.7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.team import ENVIRONMENT, Access, Actor, Grant, TeamMember, TeamRole, User
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.authentication import end_sessions
from machina_desktop.core.services.custody import device_owner
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000
TAG_CHARACTERS = 100


def _new_grant_id() -> str:
    return new_id("grant")


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A place in a team, whose it is, and the grants that narrow it."""

    member: TeamMember
    user: User
    grants: tuple[Grant, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """What somebody was able to read in a team, to be replaced when they go: these secrets may be known to them.

    In a shared team nobody reads what somebody else's computer keeps, nor what is sealed for the server's runners.

    Attributes:
        accounts: Provider accounts with stored credentials; renew those at the provider.
        keys: Keys whose private half lies in the vault; put others in their place on the machines.
    """

    accounts: tuple[ProviderAccount, ...] = ()
    keys: tuple[SSHKey, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ListMembers(Request[tuple[Membership, ...]]):
    """Members of a team by name; ``search`` looks through names and addresses."""

    team_id: str
    role: TeamRole | None = None
    search: str = ""


@dataclass(frozen=True, kw_only=True)
class GetMember(Request[Membership]):
    """One member."""

    team_id: str
    member_id: str


@dataclass(frozen=True, kw_only=True)
class ChangeRole(Request[TeamMember]):
    """Give a member another role; a team always keeps an administrator."""

    team_id: str
    member_id: str
    role: TeamRole


@dataclass(frozen=True, kw_only=True)
class ListExposure(Request[Exposure]):
    """What a member is able to read, before one removes them."""

    team_id: str
    member_id: str


@dataclass(frozen=True, kw_only=True)
class RemoveMember(Request[Exposure]):
    """Put a member out of the team; answers the secrets that they may know and that should be replaced."""

    team_id: str
    member_id: str


@dataclass(frozen=True, kw_only=True)
class LeaveTeam(Request[None]):
    """Leave a team oneself."""

    team_id: str


@dataclass(frozen=True, kw_only=True)
class AddGrant(Request[Grant]):
    """Narrow what a member may do with the machines of a tag or an environment; with neither, with all others.

    ``environment`` prod is the tag env:prod. Grants of one tag add up.
    """

    team_id: str
    member_id: str
    access: Access
    tag: str = ""
    environment: str = ""
    grant_id: str = field(default_factory=_new_grant_id)


@dataclass(frozen=True, kw_only=True)
class RemoveGrant(Request[None]):
    """Take a grant back; what it narrowed, the member's role decides again."""

    team_id: str
    grant_id: str


@use_case("member.list", "GET /api/teams/{team_id}/members")
def list_members(tx: Transaction, _actor: Actor, ask: ListMembers) -> tuple[Membership, ...]:
    """Members by name, whatever the case."""
    conditions = {} if ask.role is None else {"role": ask.role}
    members = tx.list(TeamMember, conditions, team_id=ask.team_id, limit=ALL)
    user_ids = tuple(member.user_id for member in members)
    users = {user.user_id: user for user in tx.list(User, user_id=user_ids, search=ask.search, limit=ALL)}
    grants = tx.list(Grant, team_id=ask.team_id, order_by="tag", limit=ALL)
    found = (
        Membership(
            member=member,
            user=users[member.user_id],
            grants=tuple(grant for grant in grants if grant.user_id == member.user_id),
        )
        for member in members
        if member.user_id in users
    )
    return tuple(sorted(found, key=lambda each: (each.user.display_name.casefold(), each.member.team_member_id)))


@use_case("member.get", "GET /api/teams/{team_id}/members/{member_id}")
def get_member(tx: Transaction, _actor: Actor, ask: GetMember) -> Membership:
    """The member as they stand."""
    member = _member(tx, ask.team_id, ask.member_id)
    grants = tx.list(Grant, team_id=ask.team_id, user_id=member.user_id, order_by="tag", limit=ALL)
    return Membership(member=member, user=tx.get(User, member.user_id), grants=grants)


@use_case("member.update", "PUT /api/teams/{team_id}/members/{member_id}")
def change_role(tx: Transaction, _actor: Actor, ask: ChangeRole) -> TeamMember:
    """Write the role. Whoever is no administrator any more can let nobody in either."""
    member = replace(_member(tx, ask.team_id, ask.member_id), role=ask.role)
    tx.replace(member)
    _keep_an_administrator(tx, ask.team_id)
    if member.role is not TeamRole.ADMIN:
        _revoke_invites_of(tx, member)
    return member


@use_case("member.exposure", "GET /api/teams/{team_id}/members/{member_id}/exposure", at_home=True)
def list_exposure(tx: Transaction, _actor: Actor, ask: ListExposure) -> Exposure:
    """What the member is able to read now."""
    return _exposure(tx, _member(tx, ask.team_id, ask.member_id))


@use_case("member.remove", "DELETE /api/teams/{team_id}/members/{member_id}")
def remove_member(tx: Transaction, _actor: Actor, ask: RemoveMember) -> Exposure:
    """Take away the place, and with it grants and open invites; whoever is in no team any more is signed out."""
    member = _member(tx, ask.team_id, ask.member_id)
    _take_away(tx, member)
    return _exposure(tx, member)


@use_case("team.leave", "POST /api/teams/{team_id}/leave")
def leave_team(tx: Transaction, actor: Actor, ask: LeaveTeam) -> None:
    """Like being removed, but nobody is left without any team by their own doing."""
    if tx.count(TeamMember, user_id=actor.user_id) == 1:
        raise Conflict("This is your only team.", hint="Create or join another team first.", code="E-ONLY-TEAM")
    member = tx.find(TeamMember, team_id=ask.team_id, user_id=actor.user_id)
    if member is None:
        raise NotFound("There is no such team.")
    _take_away(tx, member)


@use_case("grant.add", "POST /api/teams/{team_id}/members/{member_id}/grants")
def add_grant(tx: Transaction, actor: Actor, ask: AddGrant) -> Grant:
    """Store the grant; it holds from the next request on."""
    member = _member(tx, ask.team_id, ask.member_id)
    if known := tx.find(Grant, grant_id=ask.grant_id):
        return known
    if member.role is TeamRole.ADMIN:
        raise Conflict(
            "An administrator may do everything; a grant would change nothing.",
            hint="Make them a member first.",
            code="E-GRANT-ADMIN",
        )
    tag = _checked_tag(ask)
    if tx.find(Grant, team_id=ask.team_id, user_id=member.user_id, tag=tag, access=ask.access):
        raise Conflict("The member has this grant already.", code="E-GRANT-KNOWN")
    grant = Grant(
        grant_id=ask.grant_id,
        team_id=ask.team_id,
        user_id=member.user_id,
        access=ask.access,
        tag=tag,
        granted_by=actor.user_id,
        created_at=now(),
    )
    tx.add(grant)
    return grant


def _checked_tag(ask: AddGrant) -> str:
    tag, environment = ask.tag.strip(), ask.environment.strip()
    if tag and environment:
        raise InvalidInput("A grant is for a tag or for an environment.", field="tag", hint="Give one of the two.")
    tag = tag or (f"{ENVIRONMENT}{environment}" if environment else "")
    if len(tag) > TAG_CHARACTERS or not tag.isprintable():
        raise InvalidInput(
            f"A tag has at most {TAG_CHARACTERS} visible characters.", field="tag", hint="Copy it from a machine."
        )
    return tag.casefold()


@use_case("grant.remove", "DELETE /api/teams/{team_id}/grants/{grant_id}")
def remove_grant(tx: Transaction, _actor: Actor, ask: RemoveGrant) -> None:
    """Forget the grant."""
    grant = tx.find(Grant, team_id=ask.team_id, grant_id=ask.grant_id)
    if grant is None:
        raise NotFound("The team has no such grant.", hint="It may have been taken back already.")
    tx.delete(grant)


def _member(tx: Transaction, team_id: str, member_id: str) -> TeamMember:
    member = tx.find(TeamMember, team_id=team_id, team_member_id=member_id)
    if member is None:
        raise NotFound("The team has no such member.", hint="They may have left.")
    return member


def _take_away(tx: Transaction, member: TeamMember) -> None:
    tx.delete(member)
    _keep_an_administrator(tx, member.team_id)
    if tx.find_anywhere(TeamMember, user_id=member.user_id) is None:
        end_sessions(tx, member.user_id, now())
    for grant in tx.list(Grant, team_id=member.team_id, user_id=member.user_id, limit=ALL):
        tx.delete(grant)
    _revoke_invites_of(tx, member)


def _keep_an_administrator(tx: Transaction, team_id: str) -> None:
    """To be asked after the write: that holds the team's feed, so two that go at once count one after the other."""
    if not tx.count(TeamMember, team_id=team_id, role=TeamRole.ADMIN):
        raise Conflict(
            "A team needs an administrator, and this is the last one.",
            hint="Make somebody else an administrator first, or delete the team.",
            code="E-LAST-ADMIN",
        )


def _revoke_invites_of(tx: Transaction, member: TeamMember) -> None:
    invites = tx.list(
        TeamInvite, team_id=member.team_id, created_by=member.user_id, used_at=None, revoked_at=None, limit=ALL
    )
    for invite in invites:
        tx.replace(replace(invite, revoked_at=now()))


def _exposure(tx: Transaction, member: TeamMember) -> Exposure:
    team_id = member.team_id
    accounts = tx.list(ProviderAccount, team_id=team_id, order_by="label", limit=ALL)
    keys = tx.list(SSHKey, team_id=team_id, has_private_key=True, order_by="name", limit=ALL)
    return Exposure(
        accounts=tuple(account for account in accounts if _may_know(tx, member, account)),
        keys=tuple(key for key in keys if _may_know(tx, member, key)),
    )


def _may_know(tx: Transaction, member: TeamMember, kept: ProviderAccount | SSHKey) -> bool:
    """Whether a member may know a record's secrets: those of this very host, and those that their computer keeps.

    What only the server's runners can open nobody can read, but whoever typed it in.
    """
    if kept.keeper:
        return device_owner(tx, kept.keeper) in {"", member.user_id}
    if kept.custody is Custody.SERVER:
        return False
    return isinstance(kept, SSHKey) or bool(tx.read_sealed(kept.team_id, "provider_account", kept.provider_account_id))
