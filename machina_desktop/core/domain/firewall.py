"""Firewall profiles (spec 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FirewallDirection(StrEnum):
    """Which way traffic flows."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class FirewallProtocol(StrEnum):
    """What traffic a rule speaks of; ports apply to TCP and UDP."""

    TCP = "tcp"
    UDP = "udp"
    ICMP = "icmp"


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """Traffic that is let through. ``ports`` is ``80``, ``8000-8100`` or ``all``; ``sources`` are CIDR ranges."""

    direction: FirewallDirection
    protocol: FirewallProtocol
    ports: str = "all"
    sources: tuple[str, ...] = ("0.0.0.0/0", "::/0")
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class FirewallProfile:
    """Network rules that machines share."""

    profile_id: str
    team_id: str | None
    name: str
    rules: tuple[FirewallRule, ...]
    created_at: datetime
    updated_at: datetime
