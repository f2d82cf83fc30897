"""Edits made while their team's home could not be asked: what was wanted, on what it was based, what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class IntentState(StrEnum):
    """What has become of an edit."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    LOST = "lost"

    @property
    def wants_attention(self) -> bool:
        """Whether a person should look at it."""
        return self in {IntentState.REFUSED, IntentState.LOST}


@dataclass(frozen=True, kw_only=True)
class Intent:
    """One edit in the outbox; never a row, but the request itself.

    A ``lost`` one is a row that the home no longer knew after it had been restored from a copy: ``ours`` holds it.

    Attributes:
        op_id: Made when the person acted; the home carries it out at most once.
        number: Order on this computer.
        name: Class name of the request, such as ``UpdateMachine``; ``ask`` is the request as JSON.
        entity: Kind of the row it changed first, such as ``machine``; ``entity_id`` its key, ``title`` its name.
        seen: The fields it changed as they were before, by name.
        ours: The same fields as wanted.
        theirs: The same fields as the home had them when it refused.
        expects: What the home is asked to compare before it carries the edit out; see ``Client.expects``.
    """

    op_id: str
    team_id: str
    number: int
    name: str
    ask: str
    entity: str
    entity_id: str
    title: str = ""
    seen: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)
    theirs: dict[str, Any] = field(default_factory=dict)
    expects: str = ""
    state: IntentState = IntentState.WAITING
    error_code: str = ""
    error_message: str = ""
    error_hint: str = ""
    made_at: datetime
    settled_at: datetime | None = None
