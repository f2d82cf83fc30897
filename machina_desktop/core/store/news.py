"""What processes tell each other after a commit: which feed or log grew and how far, whose sessions ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_LOG = "log:"
_SESSIONS = "sessions:"
LONGEST_BYTES = 7000
"""PostgreSQL takes 7999 bytes; an id this long is none of ours."""


@dataclass(frozen=True)
class News:
    """A team's feed has reached ``number``.

    Attributes:
        is_log: A deployment's log is that many bytes long.
        is_sessions: Sessions of a person have ended; the number says nothing.
    """

    name: str
    number: int = 0
    is_log: bool = False
    is_sessions: bool = False

    def written(self) -> str:
        """``team_id:seq``, ``log:deployment_id:end`` or ``sessions:user_id:0``."""
        kind = _LOG if self.is_log else _SESSIONS if self.is_sessions else ""
        return f"{kind}{self.name}:{self.number}"


Heard = Callable[[News | None], None]
"""Called with what was told; with ``None`` when something may have been missed. On any thread, must not block."""


def read_news(text: str) -> News | None:
    """The news written so; ``None`` for what is none of ours."""
    is_log, is_sessions = text.startswith(_LOG), text.startswith(_SESSIONS)
    name, _, number = text.removeprefix(_LOG).removeprefix(_SESSIONS).rpartition(":")
    is_ours = name and number.isascii() and number.isdecimal()
    return News(name, int(number), is_log=is_log, is_sessions=is_sessions) if is_ours else None
