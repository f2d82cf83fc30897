"""Who keeps a secret of a shared team (trust.md 4.6), and the keys of those who carry runs out for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Custody(StrEnum):
    """Where a secret can be opened: on the computer it was typed in only, or by the home's runners, too."""

    LOCAL = "local"
    SERVER = "server"


@dataclass(frozen=True, kw_only=True)
class RunnerKey:
    """A public key that secrets for the home's runners are sealed to; only they hold the private half.

    Attributes:
        public_key: 32 bytes of X25519 as unpadded base64url.
    """

    runner_key_id: str
    public_key: str
    created_at: datetime
    retired_at: datetime | None = None
