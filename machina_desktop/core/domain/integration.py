"""Connections to outside services (spec 3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class IntegrationType(StrEnum):
    """Spec 3.4, IntegrationType."""

    GITHUB = "github"
    SLACK = "slack"
    DISCORD = "discord"
    X = "x"


class IntegrationStatus(StrEnum):
    """Spec 3.4, IntegrationStatus."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ERROR = "error"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, kw_only=True)
class TeamIntegration:
    """A team's connection to one service; ``external_id`` is that service's own id for it."""

    integration_id: str
    team_id: str
    type: IntegrationType
    status: IntegrationStatus
    external_id: str
    external_account_name: str
    connected_by_user_id: str
    last_sync_at: datetime | None = None
    config: dict[str, object] | None = None
