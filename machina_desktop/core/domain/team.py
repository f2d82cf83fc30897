"""People and teams, and what each role may do (spec 3.1, 9.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto


class SystemRole(StrEnum):
    """Spec 3.1, User.role."""

    ADMIN = "admin"
    USER = "user"
    READONLY = "readonly"


class TeamRole(StrEnum):
    """Spec 3.1, TeamMember.role."""

    ADMIN = "admin"
    MEMBER = "member"


@dataclass(frozen=True, kw_only=True)
class User:
    """A person."""

    user_id: str
    email: str
    display_name: str
    profile_picture_url: str | None = None
    role: SystemRole = SystemRole.USER
    created_at: datetime
    last_login_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Team:
    """What owns resources. ``home`` is empty for a team that lives on this computer."""

    team_id: str
    name: str
    handle: str
    avatar_url: str | None = None
    created_by: str
    home: str = ""
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class TeamMember:
    """A user's place in a team."""

    team_member_id: str
    team_id: str
    user_id: str
    role: TeamRole
    joined_at: datetime
    invited_by: str | None = None


class Access(StrEnum):
    """How far a grant goes."""

    VIEWER = "viewer"
    DEPLOYER = "deployer"
    APPROVER = "approver"


ENVIRONMENT = "env:"
"""What the tag of an environment begins with, such as ``env:prod``."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a member may do with the machines of one tag; it narrows what the member's role allows.

    Attributes:
        tag: A tag of machines, in whatever case; that of an environment is ``env:NAME``. Empty for everything else.
    """

    grant_id: str
    team_id: str
    user_id: str
    access: Access
    tag: str = ""
    granted_by: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Client:
    """The program that somebody asks a server with, as the server sees it; all empty on a computer of their own.

    Attributes:
        address: The IP address, behind a trusted proxy the one that the proxy names.
        session_id: The session it asks in; empty before anybody has signed in.
        is_device: That session is one of a program on somebody's computer, not of a browser.
        op_id: Its own id for a write, which is then carried out once however often it comes.
        expects: What the rows are that the write was based on, see ``core/services/expectations.py``.
    """

    address: str = ""
    user_agent: str = ""
    session_id: str = ""
    is_device: bool = False
    op_id: str = ""
    expects: str = ""


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who asks: a person in their teams, or the runner acting for the home.

    Attributes:
        user_id: Empty for somebody who has not signed in.
        grants: The person's own, of all teams.
        is_runner: The deployer reporting what happened; may do what no person may.
    """

    user_id: str
    display_name: str
    system_role: SystemRole = SystemRole.USER
    team_roles: tuple[tuple[str, TeamRole], ...] = ()
    grants: tuple[Grant, ...] = ()
    client: Client = Client()
    is_runner: bool = False

    def role_in(self, team_id: str) -> TeamRole | None:
        """The actor's role in that team, ``None`` for a stranger."""
        return dict(self.team_roles).get(team_id)


class Right(StrEnum):
    """What actions have in common when it comes to who may do them."""

    SIGN_IN = auto()
    READ = auto()
    SELF = auto()
    DEPLOY = auto()
    CANCEL = auto()
    APPROVE = auto()
    KEEP = auto()
    REPORT = auto()
    ADMINISTER = auto()
    RUN = auto()


_ADMIN = frozenset(Right) - {Right.RUN}
_MEMBER = _ADMIN - {Right.ADMINISTER}
_READER = frozenset({Right.SIGN_IN, Right.READ})

_ROLES: Mapping[tuple[SystemRole, TeamRole], frozenset[Right]] = {
    (SystemRole.ADMIN, TeamRole.ADMIN): _ADMIN,
    (SystemRole.ADMIN, TeamRole.MEMBER): _MEMBER,
    (SystemRole.USER, TeamRole.ADMIN): _ADMIN,
    (SystemRole.USER, TeamRole.MEMBER): _MEMBER,
    (SystemRole.READONLY, TeamRole.ADMIN): _READER,
    (SystemRole.READONLY, TeamRole.MEMBER): _READER,
}

_ACCESS: Mapping[Access, frozenset[Right]] = {
    Access.VIEWER: frozenset({Right.READ, Right.SELF, Right.REPORT}),
    Access.DEPLOYER: frozenset({Right.READ, Right.SELF, Right.REPORT, Right.DEPLOY, Right.CANCEL}),
    Access.APPROVER: frozenset({Right.READ, Right.SELF, Right.REPORT, Right.APPROVE, Right.CANCEL}),
}

REPORTS = (
    "deployment.claim",
    "deployment.take_over",
    "deployment.renew",
    "deployment.report_phase",
    "deployment.report_plan",
    "deployment.report_facts",
    "deployment.report_outcome",
    "deployment.expire",
    "deployment.append_log",
    "deployment.save_state",
    "deployment.keep_lock_file",
    "deployment.keep_key_id",
    "deployment.report_account",
    "deployment.report_fallback",
)
"""What is said of a run by whoever carries it out."""

_OF_MACHINES = frozenset({Right.DEPLOY, Right.CANCEL, Right.APPROVE})

# Where an action stands here, by its noun or its whole name, it needs that right; else reading needs the right to
# read, and a write that nobody has thought of is for administrators.
_ACTIONS: Mapping[str, Right] = {
    "invite.list": Right.ADMINISTER,
    "team.leave": Right.SELF,
    "team.export": Right.ADMINISTER,
    "deployment.approve": Right.APPROVE,
    "deployment.cancel": Right.CANCEL,
    # Whoever asked for a run may report on it from their own computer, even if they could not ask for it any more.
    **dict.fromkeys(REPORTS, Right.REPORT),
    "team.settle": Right.RUN,
    "secret.trust_key": Right.ADMINISTER,
    "account.open": Right.RUN,
    "account.enter": Right.RUN,
    "account.set_password": Right.RUN,
    "agent.beat": Right.SIGN_IN,
    "agent.mark": Right.RUN,
    "agent.suspect": Right.RUN,
    "snippet.run": Right.SELF,
    # What an account offers is kept on one's own computer.
    "provider_account.keep_catalogue": Right.SELF,
}
_NOUNS: Mapping[str, Right] = {
    "machine": Right.DEPLOY,
    "agent": Right.DEPLOY,
    "deployment": Right.RUN,
    "runner": Right.RUN,
    "provider_account": Right.KEEP,
    "ssh_key": Right.KEEP,
    "firewall_profile": Right.KEEP,
    "secret": Right.KEEP,
    "account": Right.SIGN_IN,
    "session": Right.SIGN_IN,
    "server": Right.SIGN_IN,
    "intent": Right.SELF,
    "recording": Right.SELF,
}


def right_of(action: str, *, is_read: bool) -> Right:
    """The right that an action needs."""
    if action in _ACTIONS:
        return _ACTIONS[action]
    return Right.READ if is_read else _NOUNS.get(action.partition(".")[0], Right.ADMINISTER)


def is_granted(actor: Actor, action: str, team_id: str, *, is_read: bool, tags: tuple[str, ...] | None = None) -> bool:
    """Whether ``actor`` may do ``action`` in the team; the whole authorisation rule in one place.

    ``team_id`` empty means the action concerns only the asking person or their device. ``tags`` are those of the
    machine it is about; ``None`` where that is not known yet: then it says whether there may be such a machine.
    """
    if actor.is_runner:
        return True
    right = right_of(action, is_read=is_read)
    if right is Right.RUN or (actor.system_role is SystemRole.READONLY and right not in _READER):
        return False
    if right is Right.REPORT and not actor.client.is_device:
        # Nobody carries out a run in a browser, and on a computer of one's own its deployer does.
        return False
    if not team_id:
        return True
    role = actor.role_in(team_id)
    if role is None or right not in _ROLES[actor.system_role, role]:
        return False
    grants = tuple(grant for grant in actor.grants if grant.team_id == team_id)
    return role is TeamRole.ADMIN or not grants or _is_within(grants, right, tags)


def _is_within(grants: tuple[Grant, ...], right: Right, tags: tuple[str, ...] | None) -> bool:
    """Whether a member's grants let them do what their role allows.

    Grants of one tag add up. Of a machine with several such tags all must allow it; the grants without a tag decide
    on a machine that has none of them, and without those the role does.
    """
    by_tag: dict[str, frozenset[Right]] = {}
    for grant in grants:
        tag = grant.tag.casefold()
        by_tag[tag] = by_tag.get(tag, frozenset()) | _ACCESS[grant.access]
    if tags is None and right in _OF_MACHINES:
        return "" not in by_tag or any(right in rights for rights in by_tag.values())
    own = {tag.casefold() for tag in tags or ()} - {""}
    decisive = [rights for tag, rights in by_tag.items() if tag in own] or [by_tag.get("", _MEMBER)]
    return all(right in rights for rights in decisive)
