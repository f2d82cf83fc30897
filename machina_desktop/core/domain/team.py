"""People and teams, and what each role may do (spec 3.1, 9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who asks: a person in one team, or the runner acting for the home.

    Attributes:
        is_runner: The deployer reporting what happened; may do what no person may.
    """

    user_id: str
    display_name: str
    system_role: SystemRole = SystemRole.USER
    team_roles: tuple[tuple[str, TeamRole], ...] = ()
    is_runner: bool = False

    def role_in(self, team_id: str) -> TeamRole | None:
        """The actor's role in that team, ``None`` for a stranger."""
        return dict(self.team_roles).get(team_id)


# Reading is granted to every member. What a member may not do is listed with admins only.
_ADMIN_ONLY = frozenset({"team.delete", "team.update", "member.update", "member.remove", "member.invite"})
_RUNNER_ONLY = frozenset(
    {
        "deployment.claim",
        "deployment.take_over",
        "deployment.renew",
        "deployment.report_phase",
        "deployment.report_plan",
        "deployment.append_log",
        "deployment.save_state",
        "deployment.report_facts",
        "deployment.report_outcome",
    }
)


def is_granted(actor: Actor, action: str, team_id: str, *, is_read: bool) -> bool:
    """Whether ``actor`` may do ``action`` in the team; the whole authorisation rule in one place.

    ``team_id`` empty means the action concerns only the asking person's device.
    """
    if actor.is_runner:
        return True
    if action in _RUNNER_ONLY:
        return False
    if actor.system_role is SystemRole.READONLY and not is_read:
        return False
    if not team_id:
        return True
    role = actor.role_in(team_id)
    if role is None:
        return False
    return role is TeamRole.ADMIN or action not in _ADMIN_ONLY
