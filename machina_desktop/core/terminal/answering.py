"""How much a terminal answers: what programs ask for that read the answers, and no flood of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Bytes of answers that may go out at once, and how many more each second.
AT_ONCE: Final = 65_536
A_SECOND: Final = 16_384


class AnswerRoom:
    """Says which answers go out. One thread.

    A program that asks without end and reads nothing would fill the memory with answers that wait for it, and keys such
    as Ctrl+C would wait behind them.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._room = float(AT_ONCE)
        self._at = clock()

    def has_room(self, size: int) -> bool:
        """Whether an answer of so many bytes goes out, which takes its room; otherwise it is dropped as a whole."""
        now = self._clock()
        self._room = min(self._room + (now - self._at) * A_SECOND, AT_ONCE)
        self._at = now
        if size > self._room:
            return False
        self._room -= size
        return True
