"""Who keeps a secret of a shared team (trust.md 4.6), and the keys of those who carry runs out for it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

BOX_MAGIC = b"MSE1"
"""What an envelope begins with that only a home's runners can open."""

FINGERPRINT_BYTES = 16
RECIPIENT_AT = len(BOX_MAGIC) + 1


DEVICE_KIND = "device"
"""What the id of a computer begins with, as its person's sessions at a home name it."""

KEPT_BACK = frozenset({"start_command"})
"""Settings of accounts that stay on the computer they were typed on: they would run wherever a copy of them is."""


class Custody(StrEnum):
    """Where a secret can be opened: on the computer it was typed in only, or by the home's runners, too."""

    LOCAL = "local"
    SERVER = "server"


class Kept(Protocol):
    """A record with secrets that somebody keeps."""

    @property
    def custody(self) -> Custody: ...
    @property
    def keeper(self) -> str: ...


def opens_at(record: Kept, device_id: str) -> bool:
    """Whether that computer can open a record's secrets; without a ``device_id``, whether the home's own host can."""
    if not record.keeper and record.custody is Custody.LOCAL:
        # It has none, or they lie in the vault of this very host.
        return True
    return record.keeper == device_id if device_id else record.custody is Custody.SERVER


@dataclass(frozen=True, kw_only=True)
class RunnerKey:
    """A public key that secrets for the home's runners are sealed to; only they hold the private half.

    Attributes:
        runner_key_id: ``runner-key-1``, and one more with each rotation: of two that register at once, one loses.
        public_key: 32 bytes of X25519 as unpadded base64url.
    """

    runner_key_id: str
    public_key: str
    created_at: datetime
    retired_at: datetime | None = None

    @property
    def raw(self) -> bytes:
        """The 32 bytes of the public key."""
        return base64.urlsafe_b64decode(self.public_key + "=")


def fingerprint_of(public_key: bytes) -> bytes:
    """The 16 bytes by which an envelope names the 32-byte public key it was sealed to."""
    return hashlib.sha256(public_key).digest()[:FINGERPRINT_BYTES]


def is_box(envelope: bytes) -> bool:
    """Whether it was sealed to a public key, and not by somebody's vault; not yet authenticated."""
    return envelope[: len(BOX_MAGIC)] == BOX_MAGIC


def recipient_of(envelope: bytes) -> bytes:
    """Fingerprint of the key that an envelope says it was sealed to; not yet authenticated, empty for another kind."""
    return envelope[RECIPIENT_AT : RECIPIENT_AT + FINGERPRINT_BYTES] if is_box(envelope) else b""
