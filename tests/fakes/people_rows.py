"""The people of the team of view tests: members, grants, invites, and what they did."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome, chain_digest
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.team import Access, Grant, Team, TeamMember, TeamRole, User
from machina_desktop.core.ids import now
from tests.fakes.rows import ACTOR_ID, AT, TEAM_ID

PEOPLE = (
    (ACTOR_ID, "Ada Lovelace", TeamRole.ADMIN),
    ("user-02grace", "Grace Hopper", TeamRole.ADMIN),
    ("user-03linus", "Linus Pauling", TeamRole.MEMBER),
    ("user-04ken", "Ken Sakamura", TeamRole.MEMBER),
    ("user-05margaret", "Margaret Hamilton", TeamRole.MEMBER),
)
HOME = "https://machina.example.org"
_DEEDS = (
    ("machine.reboot", "machine:machine-01", AuditOutcome.SUCCEEDED, ""),
    ("ssh_key.generate", "ssh_key:key-laptop", AuditOutcome.SUCCEEDED, ""),
    ("machine.destroy", "machine-02", AuditOutcome.REFUSED, "E-FORBIDDEN"),
    ("provider_account.add", "provider_account:account-hetzner", AuditOutcome.FAILED, "E-CREDENTIALS"),
    ("deployment.approve", "deployment:deployment-03", AuditOutcome.SUCCEEDED, ""),
    ("member.update", "team_member:member-03", AuditOutcome.SUCCEEDED, ""),
)


def team(**fields: object) -> Team:
    """The team in view; it lives on this computer."""
    made: dict[str, object] = {
        "team_id": TEAM_ID,
        "name": "Personal",
        "handle": "personal",
        "created_by": ACTOR_ID,
        "created_at": AT,
        "updated_at": AT,
    }
    return Team(**{**made, **fields})  # type: ignore[arg-type]


def users() -> tuple[User, ...]:
    """Five people."""
    return tuple(
        User(
            user_id=user_id,
            email=f"{name.split()[0].lower()}@example.org",
            display_name=name,
            created_at=AT,
            last_login_at=AT + timedelta(days=number),
        )
        for number, (user_id, name, _role) in enumerate(PEOPLE)
    )


def members() -> tuple[TeamMember, ...]:
    """Their places: ``member-01`` and so on."""
    return tuple(
        TeamMember(
            team_member_id=f"member-{number:02}",
            team_id=TEAM_ID,
            user_id=user_id,
            role=role,
            joined_at=AT + timedelta(days=9 * number),
            invited_by=ACTOR_ID if number > 1 else None,
        )
        for number, (user_id, _name, role) in enumerate(PEOPLE, 1)
    )


def grants() -> tuple[Grant, ...]:
    """Linus deploys in the laboratory and only looks at production."""
    scopes = (("grant-01", Access.DEPLOYER, "env:lab"), ("grant-02", Access.VIEWER, "env:prod"))
    return tuple(
        Grant(
            grant_id=grant_id,
            team_id=TEAM_ID,
            user_id="user-03linus",
            access=access,
            tag=tag,
            granted_by=ACTOR_ID,
            created_at=AT,
        )
        for grant_id, access, tag in scopes
    )


def invites() -> tuple[TeamInvite, ...]:
    """Two open ones, one that was used, one revoked."""
    at = now()
    made = tuple(
        TeamInvite(
            invite_id=f"invite-{number:02}",
            team_id=TEAM_ID,
            code_hash=f"{number:064}",
            role=TeamRole.ADMIN if number == 2 else TeamRole.MEMBER,
            created_by=ACTOR_ID,
            created_at=at - timedelta(hours=number),
            expires_at=at + timedelta(days=number, hours=5, minutes=30),
        )
        for number in range(1, 5)
    )
    used = replace(made[2], used_by="user-05margaret", used_at=at)
    return (made[0], made[1], used, replace(made[3], revoked_at=at))


def events(count: int = 30) -> tuple[AuditEvent, ...]:
    """A whole chain, the oldest first: everybody does one thing after the other."""
    made: list[AuditEvent] = []
    for number in range(1, count + 1):
        action, target, outcome, detail = _DEEDS[number % len(_DEEDS)]
        user_id, name, _role = PEOPLE[number % len(PEOPLE)]
        event = AuditEvent(
            audit_event_id=f"audit-{number:04}",
            team_id=TEAM_ID,
            seq=number,
            at=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=17 * number),
            actor_id=user_id,
            actor_name=name,
            action=action,
            target=target,
            outcome=outcome,
            detail=detail,
            ip_address="192.0.2.7" if number % 2 else "",
            previous=made[-1].digest if made else "",
        )
        made.append(replace(event, digest=chain_digest(event)))
    return tuple(made)


def people_rows() -> tuple[object, ...]:
    """Everything above."""
    return (team(), *users(), *members(), *grants(), *invites(), *events())
