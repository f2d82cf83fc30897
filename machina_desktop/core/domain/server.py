"""Shared servers this computer is signed in to, and how the line to each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SCHEMA = 1
"""The form of what is said between a desktop and a server; a server understands this one and the one before."""


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
    """

    server_id: str
    url: str
    user_id: str
    email: str
    display_name: str
    session_id: str = ""
    device_id: str
    connected_at: datetime


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
