"""Shared servers this computer is signed in to, and how the line to each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.domain.account import Registration

SCHEMA = 1
"""The form of what is said between a desktop and a server; a server understands this one and the one before."""
SCHEMA_HEADER = "Machina-Schema"
"""Both sides tell each other their schema with every request and every answer."""


class Connection(StrEnum):
    """How the line to a server is."""

    CONNECTING = "connecting"
    LIVE = "live"
    OFFLINE = "offline"
    SIGNED_OUT = "signed_out"
    OUTDATED = "outdated"
    LOCKED = "locked"

    @property
    def is_lasting(self) -> bool:
        """Whether it stays so until a person does something."""
        return self in {Connection.SIGNED_OUT, Connection.OUTDATED, Connection.LOCKED}


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server this computer is signed in to. Kept on this computer only; the session's token lies in the vault.

    Attributes:
        url: Its origin, such as ``https://machina.example.org``; the ``home`` of its teams.
        user_id: Who the person is there.
        session_id: The session there; empty after it has ended.
        device_id: What this computer is called there; it stays when one signs in again.
        runner_key: The public key of its runners as first seen from here; secrets are sealed to no other.
    """

    server_id: str
    url: str
    user_id: str
    email: str
    display_name: str
    session_id: str = ""
    device_id: str
    runner_key: str = ""
    connected_at: datetime


@dataclass(frozen=True, kw_only=True)
class ServerDescription:
    """What a server says of itself to whoever asks, before anybody has signed in.

    Attributes:
        name: The program, by which it is told from any other.
        has_accounts: Whether somebody has an account already; the first one may always be made.
    """

    name: str
    version: str
    schema: int
    registration: Registration
    has_accounts: bool


@dataclass(frozen=True, kw_only=True)
class ServerStatus:
    """A server and how things stand with it.

    Attributes:
        reason: Why it is not live, one sentence; empty when it is.
        since: Since when it is in this state.
        waiting: How many edits wait to be sent.
        refused: How many edits it refused or lost, which nobody has looked at yet.
    """

    server: Server
    connection: Connection
    reason: str = ""
    since: datetime | None = None
    waiting: int = 0
    refused: int = 0


@dataclass(frozen=True, kw_only=True)
class FoundServer:
    """What answers at an address.

    Attributes:
        url: Its origin, as it is kept when one signs in.
        is_plain: Nothing protects what is said to it, passwords included: http to another computer.
        registration: Who may make an account there; ``has_accounts`` is false while the first one is still to be made.
    """

    url: str
    is_plain: bool
    version: str
    registration: Registration
    has_accounts: bool


@dataclass(frozen=True, kw_only=True)
class Replica:
    """A copy of a team whose home is a server.

    Attributes:
        schema: The form of rows it was made with; a copy of another form is made anew.
        is_whole: Whether its snapshot was taken in to the end.
    """

    team_id: str
    server_id: str
    schema: int = SCHEMA
    is_whole: bool = False
