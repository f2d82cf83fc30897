"""Identifiers and the clock: the only places where randomness and time of day enter."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)


_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id(kind: str) -> str:
    """A fresh identifier ``kind-<26 lower-case base-32 characters>``; later ones sort after earlier ones.

    48 bits of milliseconds and 80 random bits, as in the ULID specification.
    """
    return f"{kind}-{_written((time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10)))}"


def new_code() -> str:
    """130 random bits as 26 lower-case base-32 characters, for a code that nobody may guess."""
    return _written(int.from_bytes(os.urandom(17)))


def new_token(start: str = "machina_") -> str:
    """256 random bits as 43 characters of base64url after ``start``, by which a token that leaked is recognised."""
    return f"{start}{secrets.token_urlsafe(32)}"


def _written(number: int) -> str:
    """The lowest 130 bits in Crockford's base 32."""
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5))


def made_at(identifier: str) -> datetime | None:
    """When :func:`new_id` made that identifier, to the millisecond; ``None`` for another kind of text."""
    letters = identifier.rpartition("-")[2]
    if len(letters) != 26 or not set(letters) <= set(_ALPHABET):
        return None
    number = sum(_ALPHABET.index(letter) << 5 * place for place, letter in enumerate(reversed(letters)))
    return datetime.fromtimestamp((number >> 80) / 1000, UTC)
