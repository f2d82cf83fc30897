"""The audit trail: who did what to which thing, and with what outcome (spec 9.5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.codec import to_json


class AuditOutcome(StrEnum):
    """How the attempt ended."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """One write, or one refused attempt. Events of a team form a hash chain.

    Attributes:
        seq: 1, 2, 3 … within the team, without gaps.
        previous: ``digest`` of the event before, empty for the first.
        digest: SHA-256, hex, over all other fields in canonical JSON.
    """

    audit_event_id: str
    team_id: str
    seq: int
    at: datetime
    actor_id: str
    actor_name: str
    action: str
    target: str
    outcome: AuditOutcome
    detail: str = ""
    ip_address: str = ""
    user_agent: str = ""
    previous: str = ""
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class ChainReport:
    """What verifying the chain found: ``broken_at`` is the first wrong ``seq``, ``None`` when all is well."""

    events: int
    broken_at: int | None = None
    problem: str = ""


def chain_digest(event: AuditEvent) -> str:
    """SHA-256, hex, over the event without its digest, as JSON in the order of its fields."""
    return hashlib.sha256(to_json(replace(event, digest=""))).hexdigest()
