"""One line of a run's log, as it is stored and shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class LogLevel(StrEnum):
    """How much a line matters."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """A redacted line. A run's log is these as JSON lines, UTF-8, addressed by byte offset.

    Attributes:
        phase: What ran: ``prepare``, ``init``, ``plan``, ``show``, ``apply``, ``bootstrap``, ``finish``, ``recover``.
        text: One line without control characters, at most 8,192 characters.
        address: The Terraform resource it speaks of; empty for none.
    """

    at: datetime
    phase: str
    level: LogLevel = LogLevel.INFO
    text: str
    address: str = ""
