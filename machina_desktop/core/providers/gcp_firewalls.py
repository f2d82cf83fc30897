"""What a machine's firewall rules are called at Google, as the module names them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from machina_desktop.core.domain.firewall import FirewallDirection, FirewallRule
from machina_desktop.core.providers.gcp_answers import Listed

_LONGEST_MARK = 50


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """A rule of the project's network."""

    name: str


@dataclass(frozen=True, kw_only=True)
class Firewalls(Listed):
    """A page of rules."""

    items: tuple[Firewall, ...] = ()


def firewalls_of(machine_id: str, rules: tuple[FirewallRule, ...] | None) -> Mapping[str, str]:
    """Names by address in the module: a rule has ranges of one family only, and what no rule names is closed."""
    if rules is None:
        return {}
    mark = f"machina-{machine_id.lower()}"[:_LONGEST_MARK].removesuffix("-")
    allowed = [
        f"{mark}-{index}-v{family}"
        for index, rule in enumerate(rules)
        for family in (4, 6)
        if any((":" in source) is (family == 6) for source in rule.sources)
    ]
    is_bound = any(rule.direction is FirewallDirection.OUTBOUND for rule in rules)
    return {f'google_compute_firewall.allowed["{name}"]': name for name in allowed} | {
        f'google_compute_firewall.closed["{way}"]': f"{mark}-closed-{way}"
        for way in ("in", *(["out"] if is_bound else []))
    }
