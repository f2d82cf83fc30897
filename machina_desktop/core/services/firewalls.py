"""Firewall profiles: what traffic reaches the machines that share one (spec 3.3, 6.6)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from machina_desktop.core.domain.firewall import (
    TEMPLATES,
    FirewallProfile,
    FirewallRule,
    FirewallTemplate,
    checked_name,
    checked_rules,
    template_of,
)
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

MOST = 10_000


def _new_profile_id() -> str:
    return new_id("firewall")


@dataclass(frozen=True, kw_only=True)
class ListFirewalls(Request[tuple[FirewallProfile, ...]]):
    """Firewall profiles of a team, by name."""

    team_id: str
    search: str = ""


@dataclass(frozen=True, kw_only=True)
class GetFirewall(Request[FirewallProfile]):
    """One firewall profile."""

    profile_id: str


@dataclass(frozen=True, kw_only=True)
class ListFirewallUsers(Request[tuple[Machine, ...]]):
    """The machines that have a firewall profile, by name; those that are gone are left out."""

    profile_id: str


@dataclass(frozen=True, kw_only=True)
class ListFirewallTemplates(Request[tuple[FirewallTemplate, ...]]):
    """Rules to begin a profile with."""


@dataclass(frozen=True, kw_only=True)
class CreateFirewall(Request[FirewallProfile]):
    """Add a firewall profile with the rules of a ``template``, if one is named, and ``rules`` after them.

    What no rule lets in stays out; without a rule for it, everything gets out.
    """

    team_id: str
    name: str
    template: str = ""
    rules: tuple[FirewallRule, ...] = ()
    profile_id: str = field(default_factory=_new_profile_id)


@dataclass(frozen=True, kw_only=True)
class UpdateFirewall(Request[FirewallProfile]):
    """Change a firewall profile; ``None`` leaves a field as it is.

    Machines that have it get the new rules with their next plan, such as that of ``machine.set_firewall``.
    """

    profile_id: str
    name: str | None = None
    rules: tuple[FirewallRule, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class DeleteFirewall(Request[None]):
    """Remove a firewall profile; refused while machines have it."""

    profile_id: str


@use_case("firewall_profile.list", "GET /api/bootstrap/firewall-profiles")
def list_firewalls(tx: Transaction, _actor: Actor, ask: ListFirewalls) -> tuple[FirewallProfile, ...]:
    """Profiles by name."""
    return tx.list(FirewallProfile, team_id=ask.team_id, search=ask.search, order_by="name", limit=MOST)


@use_case("firewall_profile.get", "GET /api/bootstrap/firewall-profiles/{profile_id}")
def get_firewall(tx: Transaction, _actor: Actor, ask: GetFirewall) -> FirewallProfile:
    """The profile as it stands."""
    return tx.get(FirewallProfile, ask.profile_id)


@use_case("firewall_profile.users", "GET /api/bootstrap/firewall-profiles/{profile_id}/machines")
def list_firewall_users(tx: Transaction, _actor: Actor, ask: ListFirewallUsers) -> tuple[Machine, ...]:
    """Machines by name."""
    return _users(tx, tx.get(FirewallProfile, ask.profile_id))


@use_case("firewall_profile.templates", "GET /api/bootstrap/firewall-templates")
def list_firewall_templates(
    _tx: Transaction, _actor: Actor, _ask: ListFirewallTemplates
) -> tuple[FirewallTemplate, ...]:
    """The same for everybody."""
    return TEMPLATES


@use_case("firewall_profile.create", "POST /api/bootstrap/firewall-profiles")
def create_firewall(tx: Transaction, _actor: Actor, ask: CreateFirewall) -> FirewallProfile:
    """Store it."""
    if known := tx.find(FirewallProfile, profile_id=ask.profile_id, team_id=ask.team_id):
        return known
    begun = template_of(ask.template).rules if ask.template else ()
    at = now()
    made = FirewallProfile(
        profile_id=ask.profile_id,
        team_id=ask.team_id,
        name=checked_name(ask.name),
        rules=checked_rules((*begun, *ask.rules)),
        created_at=at,
        updated_at=at,
    )
    _check_free(tx, made)
    tx.add(made)
    return made


@use_case("firewall_profile.update", "PUT /api/bootstrap/firewall-profiles/{profile_id}")
def update_firewall(tx: Transaction, _actor: Actor, ask: UpdateFirewall) -> FirewallProfile:
    """Write what is given over what there is."""
    stored = tx.get(FirewallProfile, ask.profile_id)
    changed = replace(
        stored,
        name=stored.name if ask.name is None else checked_name(ask.name),
        rules=stored.rules if ask.rules is None else checked_rules(ask.rules),
        updated_at=now(),
    )
    _check_free(tx, changed)
    tx.replace(changed)
    return changed


@use_case("firewall_profile.delete", "DELETE /api/bootstrap/firewall-profiles/{profile_id}")
def delete_firewall(tx: Transaction, _actor: Actor, ask: DeleteFirewall) -> None:
    """Remove it."""
    profile = tx.get(FirewallProfile, ask.profile_id)
    if users := _users(tx, profile):
        names = ", ".join(machine.name for machine in users[:3]) + (" and others" if len(users) > 3 else "")
        raise Conflict(
            f"{profile.name} cannot be deleted: {names} {'has' if len(users) == 1 else 'have'} it.",
            hint="Give those machines another firewall first, or none.",
            code="E-FIREWALL-IN-USE",
        )
    tx.delete(profile)


def _users(tx: Transaction, profile: FirewallProfile) -> tuple[Machine, ...]:
    return tx.list(
        Machine,
        team_id=profile.team_id,
        firewall_profile_id=profile.profile_id,
        actual_status__ne=MachineStatus.TERMINATED,
        order_by="name",
        limit=MOST,
    )


def _check_free(tx: Transaction, profile: FirewallProfile) -> None:
    twin = tx.find(FirewallProfile, team_id=profile.team_id, name=profile.name)
    if twin is not None and twin.profile_id != profile.profile_id:
        raise Conflict(f"There is already a firewall {twin.name}.", hint="Choose another name.", code="E-NAME-TAKEN")
