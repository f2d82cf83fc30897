"""What the people of a believable team did in a year: the audit trail, their grants, and who was invited."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome
from machina_desktop.core.domain.deployment import Deployment, DeploymentType
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Access, Grant, TeamRole
from machina_desktop.core.ids import new_id

_ACTIONS = {
    DeploymentType.CREATE: "machine.create",
    DeploymentType.DESTROY: "machine.destroy",
    DeploymentType.REBOOT: "machine.reboot",
    DeploymentType.START: "machine.start",
    DeploymentType.STOP: "machine.stop",
    DeploymentType.REFRESH: "machine.refresh",
}
# Who, what, on what by its name, how many minutes ago, and the code of what was not done.
_DEEDS = (
    ("ada", "team.create", "team:acme", 525_000, ""),
    ("ada", "provider_account.add", "provider_account:production", 489_000, ""),
    ("ada", "ssh_key.generate", "ssh_key:laptop", 488_000, ""),
    ("grace", "ssh_key.import", "ssh_key:grace-yubikey", 285_000, ""),
    ("grace", "provider_account.add", "provider_account:telemetry", 446_000, ""),
    ("ada", "grant.add", "grant:grant", 41_000, ""),
    ("radia", "ssh_key.export", "ssh_key:deploy", 3_900, ""),
    ("linus", "machine.destroy", "db-primary", 2_950, "E-FORBIDDEN"),
    ("ken", "machine.stop", "db-primary", 1_520, "E-FORBIDDEN"),
    ("barbara", "provider_account.verify", "provider_account:telemetry", 410, "E-CREDENTIALS"),
    ("grace", "machine.update", "machine:web-1", 122, ""),
    ("margaret", "machine.update", "machine:db-primary", 47, ""),
)


def grants(known: dict[str, str], at: datetime) -> Iterable[Grant]:
    """Some may not do everything everywhere."""
    narrowed = (
        ("linus", Access.DEPLOYER, "env:staging"),
        ("linus", Access.VIEWER, "env:prod"),
        ("ken", Access.VIEWER, "database"),
        ("radia", Access.APPROVER, "env:prod"),
    )
    for number, (name, access, tag) in enumerate(narrowed):
        yield Grant(
            grant_id=f"grant-{number:026}",
            team_id=known["acme"],
            user_id=known[name],
            access=access,
            tag=tag,
            granted_by=known["ada"],
            created_at=at - timedelta(days=29 - number),
        )


def invites(known: dict[str, str], at: datetime) -> Iterable[TeamInvite]:
    """Two that were used and one that nobody took."""
    for number, (name, days) in enumerate((("radia", 299), ("edsger", 288), ("", 40))):
        made = at - timedelta(days=days)
        yield TeamInvite(
            invite_id=f"invite-{number:026}",
            team_id=known["acme"],
            code_hash=f"{number:064}",
            role=TeamRole.MEMBER,
            created_by=known["grace" if number else "ada"],
            created_at=made,
            expires_at=made + timedelta(days=7),
            used_by=known[name] if name else None,
            used_at=made + timedelta(hours=30) if name else None,
        )


def trail(
    known: dict[str, str], names: dict[str, str], runs: tuple[Deployment, ...], made: tuple[Machine, ...], at: datetime
) -> tuple[AuditEvent, ...]:
    """Every event without its place in the chain, the oldest first; ``names`` are people's by their ids."""
    events = [_told(known, names, deed, at) for deed in _DEEDS]
    for run in runs:
        target = f"machine:{run.machine_id}"
        events.append(
            _event(
                known["acme"], names, run.initiated_by, _ACTIONS.get(run.type, "machine.update"), target, run.created_at
            )
        )
        if run.approved_by and run.started_at:
            target = f"deployment:{run.deployment_id}"
            events.append(_event(known["acme"], names, run.approved_by, "deployment.approve", target, run.started_at))
    for machine in made:
        target = f"machine:{machine.machine_id}"
        events.append(_event(known["acme"], names, known["ada"], "machine.create", target, machine.created_at))
    return tuple(sorted(events, key=lambda event: event.at))


def _told(
    known: dict[str, str], names: dict[str, str], deed: tuple[str, str, str, int, str], at: datetime
) -> AuditEvent:
    who, action, target, minutes, code = deed
    kind, _, name = target.partition(":")
    outcome = AuditOutcome.REFUSED if code == "E-FORBIDDEN" else AuditOutcome.FAILED if code else AuditOutcome.SUCCEEDED
    full = f"{kind}:{known.get(name, name)}" if name else known.get(target, target)
    when = at - timedelta(minutes=minutes)
    return _event(known["acme"], names, known[who], action, full, when, outcome=outcome, detail=code)


def _event(  # noqa: PLR0917 - who, what, on what, when
    team_id: str,
    names: dict[str, str],
    actor_id: str,
    action: str,
    target: str,
    at: datetime,
    *,
    outcome: AuditOutcome = AuditOutcome.SUCCEEDED,
    detail: str = "",
) -> AuditEvent:
    return AuditEvent(
        audit_event_id=new_id("audit"),
        team_id=team_id,
        seq=0,
        at=at,
        actor_id=actor_id,
        actor_name=names.get(actor_id, ""),
        action=action,
        target=target,
        outcome=outcome,
        detail=detail,
    )
