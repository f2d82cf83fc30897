"""What stands in the line of a table, for each kind of thing that is listed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass

from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.firewall import FirewallProfile, FirewallTemplate
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderInfo, Size
from machina_desktop.core.domain.team import Grant, Team
from machina_desktop.core.services.device import SettingValue
from machina_desktop.core.services.invites import ListedInvite
from machina_desktop.core.services.members import Membership
from machina_desktop.core.services.storage import PartSize

Row = Mapping[str, object]
"""Values by their columns' names, in the order of the columns."""


def row_of(each: object) -> Row:
    """What stands in the line of one thing, by the columns' names; of what has no line of its own, every field."""
    makers: dict[type[object], Callable[..., Row]] = {
        Machine: _machine,
        Deployment: _deployment,
        ProviderAccount: _account,
        ProviderInfo: _provider,
        SSHKey: _key,
        FirewallProfile: _firewall,
        FirewallTemplate: _template,
        Size: _size,
        AuditEvent: _event,
        Team: _team,
        Membership: _membership,
        Grant: _grant,
        ListedInvite: _invite,
        SettingValue: _setting,
        PartSize: _part,
    }
    return makers.get(type(each), fields_of)(each)


def fields_of(thing: object) -> Row:
    """Every field of a thing by its name; of a bare value, only that."""
    if not is_dataclass(thing):
        return {"value": thing}
    return {entry.name: getattr(thing, entry.name) for entry in fields(thing)}


def price_text(amount: float | None, currency: str) -> str:
    """A price to a hundredth of a cent; empty where it is not known."""
    return "" if amount is None else f"{amount:.4f}".rstrip("0").rstrip(".") + f" {currency}"


def size_text(size_bytes: int) -> str:
    """A size in the largest unit of which it has at least one."""
    size = float(size_bytes)
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


def _machine(machine: Machine) -> Row:
    return {
        "name": machine.name,
        "status": f"{machine.actual_status.value}, rescue system" if machine.is_in_rescue else machine.actual_status,
        "provider": "practice" if machine.is_practice else machine.provider,
        "address": f"{machine.ssh_host}:{machine.ssh_port}" if machine.ssh_host else machine.public_ip,
        "region": machine.region,
        "size": machine.size,
        "tags": machine.tags,
        "id": machine.machine_id,
        "reason": machine.status_reason,
    }


def _deployment(deployment: Deployment) -> Row:
    plan = deployment.plan_summary
    return {
        "machine": deployment.machine_name,
        "type": deployment.type,
        "state": deployment.state,
        "plan": f"+{plan.add} ~{plan.change} -{plan.remove}" if plan else "",
        "asked": deployment.created_at,
        "id": deployment.deployment_id,
        "error": deployment.error_code,
    }


def _account(account: ProviderAccount) -> Row:
    return {
        "label": account.label,
        "type": account.provider_type,
        "credentials": account.credential_status,
        "identity": account.identity,
        "id": account.provider_account_id,
        "reason": account.status_reason,
    }


def _provider(info: ProviderInfo) -> Row:
    return {"type": info.type, "title": info.title, "about": info.unavailable_reason or info.summary}


def _key(key: SSHKey) -> Row:
    return {
        "name": key.name,
        "type": key.key_type,
        "bits": key.key_bits,
        "private": key.has_private_key,
        "fingerprint": key.fingerprint,
        "id": key.ssh_key_id,
    }


def _firewall(profile: FirewallProfile) -> Row:
    return {"name": profile.name, "rules": profile.rules, "id": profile.profile_id}


def _template(template: FirewallTemplate) -> Row:
    return {"name": template.name, "about": template.summary, "rules": template.rules}


def _size(size: Size) -> Row:
    return {
        "slug": size.slug,
        "kind": size.kind,
        "cpus": size.vcpus,
        "memory": f"{size.memory_mb / 1024:g} GB",
        "disk": f"{size.disk_gb} GB" if size.disk_gb else "",
        "hourly": price_text(size.price_hourly, size.currency),
        "monthly": price_text(size.price_monthly, size.currency),
        "architecture": size.architecture,
        "sold out in": size.sold_out,
    }


def _event(event: AuditEvent) -> Row:
    return {
        "no": event.seq,
        "at": event.at,
        "who": event.actor_name,
        "action": event.action,
        "target": event.target,
        "outcome": event.outcome,
        "detail": event.detail,
    }


def _team(team: Team) -> Row:
    return {"name": team.name, "handle": team.handle, "home": team.home, "id": team.team_id}


def _membership(membership: Membership) -> Row:
    return {
        "name": membership.user.display_name,
        "email": membership.user.email,
        "role": membership.member.role,
        "grants": membership.grants,
        "joined": membership.member.joined_at,
        "id": membership.member.team_member_id,
    }


def _grant(grant: Grant) -> Row:
    return {"access": grant.access, "tag": grant.tag, "since": grant.created_at, "id": grant.grant_id}


def _invite(invite: ListedInvite) -> Row:
    return {
        "state": invite.state,
        "role": invite.role,
        "made by": invite.created_by,
        "expires": invite.expires_at,
        "used by": invite.used_by,
        "id": invite.invite_id,
    }


def _setting(setting: SettingValue) -> Row:
    return {"key": setting.key, "value": setting.value, "default": setting.default, "about": setting.help}


def _part(part: PartSize) -> Row:
    return {"part": part.part, "size": size_text(part.size_bytes), "files": part.files}
