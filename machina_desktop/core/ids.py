"""Identifiers and the clock: the only places where randomness and time of day enter."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


def new_id(kind: str) -> str:
    """A fresh identifier ``kind-<26 lower-case base-32 characters>``; later ones sort after earlier ones.

    48 bits of milliseconds and 80 random bits, as in the ULID specification.
    """
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10))
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return f"{kind}-" + "".join(alphabet[number >> shift & 31] for shift in range(125, -1, -5))
