"""Invitations into a team: a code that is shown once, and the rows that know it only by its hash (spec 4.6, 4.7)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.domain.team import TeamRole

INVITE_HOURS, SHORTEST_HOURS, LONGEST_HOURS = 7 * 24, 1, 30 * 24

_GROUP = 5
# What people take for each other when they read a code aloud or from paper (Crockford's base 32).
_MEANT = str.maketrans("oil", "011", " -")


class InviteState(StrEnum):
    """What has become of an invite."""

    OPEN = "open"
    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, kw_only=True)
class TeamInvite:
    """Whoever has the code may join the team in that role, once, until it expires.

    Attributes:
        code_hash: SHA-256, hex, of the code; the code itself is stored nowhere.
        used_by: The user who joined with it.
    """

    invite_id: str
    team_id: str
    code_hash: str
    role: TeamRole
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_by: str | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def state(self, at: datetime) -> InviteState:
        """What has become of it by then."""
        if self.used_at is not None:
            return InviteState.USED
        if self.revoked_at is not None:
            return InviteState.REVOKED
        return InviteState.EXPIRED if at >= self.expires_at else InviteState.OPEN


def written_code(code: str) -> str:
    """The code as people are shown it, in groups: ``7k3m9-2qhx4-…``."""
    starts = range(0, len(code) - _GROUP, _GROUP)
    return "-".join(code[start : start + _GROUP] if start != starts[-1] else code[start:] for start in starts)


def hashed_code(code: str) -> str:
    """SHA-256, hex, of a code as people type it: whatever the case, with or without hyphens.

    A plain hash will do, for the code is 130 random bits and no password.
    """
    return hashlib.sha256(code.lower().translate(_MEANT).encode(errors="replace")).hexdigest()
