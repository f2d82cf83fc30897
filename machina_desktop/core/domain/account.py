"""How a person signs in to a shared server: their account, their sessions, and how long these live (spec 9.1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from machina_desktop.core.domain.profile import EMAIL_CHARACTERS
from machina_desktop.core.domain.written import composed

BROWSER_IDLE = timedelta(minutes=30)
BROWSER_LIFE = timedelta(hours=12)
DEVICE_LIFE = timedelta(days=30)
"""From the last rotation of its token on, so a device that is in use never has to sign in again."""
LEEWAY = timedelta(seconds=60)
"""How long a replaced token is still good: requests with it may be under way while the new one arrives."""
SEEN_STEP = timedelta(minutes=1)
"""How exactly it is known when a session was last used: writing it down at each request would cost a write each."""
TOKENS_KEPT = timedelta(days=90)
"""How long a replaced token is remembered, to be recognised when somebody uses it again."""


class Registration(StrEnum):
    """Who may make an account at a server; the first account may always be made."""

    OPEN = "open"
    INVITE = "invite"


class SessionKind(StrEnum):
    """What a session lives in."""

    BROWSER = "browser"
    DEVICE = "device"


@dataclass(frozen=True, kw_only=True)
class Account:
    """What a person signs in with. It never leaves the server that keeps it.

    Attributes:
        email: The address as it is compared; unique among accounts.
        password_hash: bcrypt's own text, with cost and salt.
        pepper: A fingerprint of the server's pepper that went into it.
    """

    user_id: str
    email: str
    password_hash: str
    pepper: str
    changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class Session:
    """One place where a person is signed in. It never leaves the server that keeps it.

    Attributes:
        token_hash: SHA-256, hex, of the newest token.
        device_id: What the computer is called that keeps secrets and carries runs out; empty until it has said so.
        previous_hash: That of the token before, until the newest has been used once: its owner may never have got it.
        last_seen_at: At most :data:`SEEN_STEP` behind.
        expires_at: Whatever happens, it ends then. Only the rotation of a device's token moves it.
    """

    session_id: str
    user_id: str
    kind: SessionKind
    device_name: str
    user_agent: str
    address: str
    token_hash: str
    previous_hash: str = ""
    device_id: str = ""
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    def is_alive(self, at: datetime) -> bool:
        """Whether it lets anybody in by then."""
        is_idle = self.kind is SessionKind.BROWSER and at >= self.last_seen_at + BROWSER_IDLE
        return self.revoked_at is None and at < self.expires_at and not is_idle


@dataclass(frozen=True, kw_only=True)
class RetiredToken:
    """A token that another has replaced; using it long after that means that two have it.

    Attributes:
        token_hash: SHA-256, hex.
    """

    token_hash: str
    session_id: str
    retired_at: datetime


def lifetime(kind: SessionKind) -> timedelta:
    """How long a session lives from its beginning, or from the last rotation of its token."""
    return DEVICE_LIFE if kind is SessionKind.DEVICE else BROWSER_LIFE


def hashed_token(token: str) -> str:
    """SHA-256, hex. A plain hash will do, for a token is 256 random bits and no password."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def compared_email(email: str) -> str:
    """The address as it is compared: composed, without space around it, whatever the case."""
    return composed(email.strip(), longest=EMAIL_CHARACTERS).casefold()
