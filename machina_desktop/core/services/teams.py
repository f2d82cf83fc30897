"""People and teams: who one is, which teams one is in, making and changing them (spec 3.1, 4.6, 6.7)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.account import Account, compared_email
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.profile import (
    email_problem,
    handle_problem,
    name_problem,
    normal_name,
    picture_problem,
)
from machina_desktop.core.domain.team import Actor, SystemRole, Team, TeamMember, TeamRole, User
from machina_desktop.core.errors import Conflict, InvalidInput
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.authentication import actor_of
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

ALL = 1_000_000


def _new_team_id() -> str:
    return new_id("team")


@dataclass(frozen=True, kw_only=True)
class ListTeams(Request[tuple[Team, ...]]):
    """Teams the actor is in."""


@dataclass(frozen=True, kw_only=True)
class GetTeam(Request[Team]):
    """One team the actor is in."""

    team_id: str


@dataclass(frozen=True, kw_only=True)
class CreateTeam(Request[Team]):
    """Make a team; whoever makes it is its administrator. The handle is unique: 2–40 of a–z, 0–9 and hyphen."""

    name: str
    handle: str
    team_id: str = field(default_factory=_new_team_id)


@dataclass(frozen=True, kw_only=True)
class UpdateTeam(Request[Team]):
    """Change a team's name, handle or picture; ``None`` leaves a field as it is, an empty picture takes it away.

    The picture is an https address, or a data URL of a PNG, JPEG or WebP of at most 200 KB.
    """

    team_id: str
    name: str | None = None
    handle: str | None = None
    avatar_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteTeam(Request[None]):
    """Delete a team with all it has but its audit trail; refused while it has machines."""

    team_id: str


@dataclass(frozen=True, kw_only=True)
class WhoAmI(Request[User]):
    """The person who asks."""


@dataclass(frozen=True, kw_only=True)
class UpdateProfile(Request[User]):
    """Change one's own name, address or picture; ``None`` leaves a field as it is, an empty text takes it away.

    The picture is an https address, or a data URL of a PNG, JPEG or WebP of at most 200 KB.
    """

    display_name: str | None = None
    email: str | None = None
    profile_picture_url: str | None = None


@dataclass(frozen=True, kw_only=True)
class Settle(Request[Actor]):
    """Make this computer's person and first team, once; later answers who that is."""

    display_name: str


@use_case("team.list", "GET /api/teams")
def list_teams(tx: Transaction, _actor: Actor, _ask: ListTeams) -> tuple[Team, ...]:
    """Teams by name."""
    return tx.list(Team, order_by="name")


@use_case("team.get", "GET /api/teams/{team_id}")
def get_team(tx: Transaction, _actor: Actor, ask: GetTeam) -> Team:
    """The team as it stands."""
    return tx.get(Team, ask.team_id)


@use_case("team.create", "POST /api/teams", is_open=True)
def create_team(tx: Transaction, actor: Actor, ask: CreateTeam) -> Team:
    """Store the team with its first administrator."""
    if known := tx.find(Team, team_id=ask.team_id):
        return known
    at = now()
    team = Team(
        team_id=ask.team_id,
        name=_checked_name(ask.name),
        handle=_free_handle(tx, ask.handle),
        created_by=actor.user_id,
        created_at=at,
        updated_at=at,
    )
    _found(tx, team, tx.get(User, actor.user_id))
    return team


def _found(tx: Transaction, team: Team, founder: User) -> None:
    member = TeamMember(
        team_member_id=new_id("member"),
        team_id=team.team_id,
        user_id=founder.user_id,
        role=TeamRole.ADMIN,
        joined_at=team.created_at,
    )
    tx.enter(team.team_id, member.role)
    tx.add(team)
    tx.add(member)
    tx.share(founder, team.team_id)


@use_case("team.update", "PUT /api/teams/{team_id}", offline=True)
def update_team(tx: Transaction, _actor: Actor, ask: UpdateTeam) -> Team:
    """Write what was given."""
    team = tx.get(Team, ask.team_id)
    updated = replace(
        team,
        name=team.name if ask.name is None else _checked_name(ask.name),
        handle=team.handle if ask.handle in {None, team.handle} else _free_handle(tx, ask.handle or "", team.home),
        avatar_url=team.avatar_url if ask.avatar_url is None else _checked_picture(ask.avatar_url, "avatar_url"),
        updated_at=now(),
    )
    tx.replace(updated)
    return updated


@use_case("team.delete", "DELETE /api/teams/{team_id}")
def delete_team(tx: Transaction, actor: Actor, ask: DeleteTeam) -> None:
    """Remove everything, secrets and states included; every other copy hears that members and team are gone."""
    team = tx.get(Team, ask.team_id)
    machines = tx.list(
        Machine, team_id=ask.team_id, actual_status__ne=MachineStatus.TERMINATED, order_by="name", limit=ALL
    )
    if machines:
        names = ", ".join(machine.name for machine in machines[:3])
        raise Conflict(
            f"{team.name} still has {_counted(len(machines), 'machine')}: {names}{', …' if machines[3:] else ''}.",
            hint="Destroy them first; nobody would look after them.",
            code="E-TEAM-HAS-MACHINES",
        )
    if tx.count(TeamMember, user_id=actor.user_id) == 1:
        raise Conflict("This is your only team.", hint="Create or join another team first.", code="E-ONLY-TEAM")
    tx.purge(ask.team_id)
    for member in tx.list(TeamMember, team_id=ask.team_id, limit=ALL):
        tx.delete(member)
    tx.delete(team)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _checked_name(name: str, field: str = "name", code: str = "E-TEAM-NAME") -> str:
    name = normal_name(name)
    if problem := name_problem(name):
        raise InvalidInput(problem, field=field, hint="Choose a name of 1 to 80 visible characters.", code=code)
    return name


def _free_handle(tx: Transaction, handle: str, home: str = "") -> str:
    if problem := handle_problem(handle):
        raise InvalidInput(problem, field="handle", hint="For example: web-team.", code="E-TEAM-HANDLE")
    # A team whose home is elsewhere has its handle there.
    if tx.find_anywhere(Team, handle=handle, home=home):
        raise Conflict(f"The handle {handle} is taken.", hint="Choose another handle.", code="E-HANDLE-TAKEN")
    return handle


def _checked_picture(url: str, field: str) -> str | None:
    if problem := picture_problem(url):
        hint = "Choose a PNG, JPEG or WebP of at most 200 KB, or give an https address."
        raise InvalidInput(problem, field=field, hint=hint, code="E-PICTURE")
    return url or None


@use_case("user.me", "GET /api/auth/me")
def who_am_i(tx: Transaction, actor: Actor, _ask: WhoAmI) -> User:
    """The actor's own row."""
    return tx.get(User, actor.user_id)


@use_case("user.update", "PUT /api/auth/me")
def update_profile(tx: Transaction, actor: Actor, ask: UpdateProfile) -> User:
    """Write what was given; every team of the person hears of it."""
    user = tx.get(User, actor.user_id)
    picture = ask.profile_picture_url
    updated = replace(
        user,
        display_name=user.display_name
        if ask.display_name is None
        else _checked_name(ask.display_name, "display_name", "E-DISPLAY-NAME"),
        email=user.email if ask.email is None else _checked_email(ask.email.strip()),
        profile_picture_url=user.profile_picture_url
        if picture is None
        else _checked_picture(picture, "profile_picture_url"),
    )
    if updated.email != user.email:
        _sign_in_with(tx, updated)
    tx.replace(updated)
    return updated


def _sign_in_with(tx: Transaction, user: User) -> None:
    """Whoever has an account here signs in with their new address from now on."""
    account = tx.find(Account, user_id=user.user_id)
    if account is None:
        return
    if not user.email:
        raise InvalidInput("You sign in with this address.", field="email", hint="Give another one.", code="E-EMAIL")
    email = compared_email(user.email)
    if email != account.email and tx.find(Account, email=email) is not None:
        raise Conflict("There is an account with this address already.", hint="Give another.", code="E-EMAIL-TAKEN")
    tx.lock(User, user.user_id)
    tx.replace(replace(tx.get(Account, user.user_id), email=email))


def _checked_email(email: str) -> str:
    if problem := email_problem(email):
        raise InvalidInput(
            problem, field="email", hint="Write it as name@example.org, or leave it empty.", code="E-EMAIL"
        )
    return email


@use_case("team.settle", "POST /api/device/settle", is_audited=False, is_internal=True)
def settle(tx: Transaction, _actor: Actor, ask: Settle) -> Actor:
    """The first start makes an administrator of a team of one; every later start finds them."""
    user = _person_of_this_computer(tx)
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
        tx.add(user)
        _found(tx, team, user)
    return actor_of(tx, user)


def _person_of_this_computer(tx: Transaction) -> User | None:
    """Who is in the teams that live here; the other users are members of teams whose home is elsewhere."""
    local = tuple(team.team_id for team in tx.list(Team, home="", limit=ALL))
    places = tx.list(TeamMember, team_id=local, order_by="joined_at", limit=1)
    if places:
        return tx.get(User, places[0].user_id)
    elsewhere = {member.user_id for member in tx.list(TeamMember, limit=ALL)}
    return next((user for user in tx.list(User, limit=ALL) if user.user_id not in elsewhere), None)
