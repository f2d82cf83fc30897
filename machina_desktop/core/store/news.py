"""What processes tell each other after a commit: which feed or log grew and how far, never what is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

_LOG = "log:"
LONGEST_BYTES = 7000
"""PostgreSQL takes 7999 bytes; an id this long is none of ours."""


@dataclass(frozen=True)
class News:
    """A team's feed has reached ``number``; with ``is_log``, a deployment's log is that many bytes long."""

    name: str
    number: int
    is_log: bool = False

    def written(self) -> str:
        """``team_id:seq`` or ``log:deployment_id:end``."""
        return f"{_LOG if self.is_log else ''}{self.name}:{self.number}"


Heard = Callable[[News | None], None]
"""Called with what was told; with ``None`` when something may have been missed. On any thread, must not block."""


def read_news(text: str) -> News | None:
    """The news written so; ``None`` for what is none of ours."""
    is_log = text.startswith(_LOG)
    name, _, number = text.removeprefix(_LOG).rpartition(":")
    return News(name, int(number), is_log) if name and number.isascii() and number.isdecimal() else None
