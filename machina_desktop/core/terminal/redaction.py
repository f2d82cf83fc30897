"""Known secrets are taken out of a terminal's stream, also where reads or escape sequences cut through them."""

from __future__ import annotations

import re
from bisect import bisect_right

from machina_desktop.core.log import Redactor
from machina_desktop.core.secret import DOTS

LONGEST_SEQUENCE = 4096
"""So many characters of a control sequence are waited for; what is longer goes on as it is."""

SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-Z\\^-~]"
    r"|[\x00\x07\x0e\x0f\x7f]"
)
"""What a terminal shows nothing of, and so may stand inside of a secret that is on the screen."""
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?|[ -/]*)?\Z")


class StreamRedactor:
    """Text goes in as it is read, and comes out without known secrets. One thread at a time.

    What may be the beginning of a secret is held back: never more than the longest secret's characters, and the
    control sequences among them. Each call costs time for what it is given, whatever came before.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = ""
        self._covered = 0

    @property
    def held(self) -> int:
        """Characters that wait for what follows."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """What can be told by now."""
        return self._told(text, is_last=False)

    def finish(self) -> str:
        """What is left; nothing follows."""
        return self._told("", is_last=True)

    def _told(self, new: str, *, is_last: bool) -> str:
        text = self._held + new
        self._held = ""
        if not self._redactor.longest:
            return text
        end = len(text) if is_last else _cut(text)
        plain, shown = _without_sequences(text[:end])
        spans = self._spans(plain)
        safe = len(plain) if is_last else self._redactor.unfinished(plain)
        cut = end if safe == len(plain) else shown.raw(safe)
        told = self._replaced(text[:cut], [(start, min(last, safe)) for start, last in spans if start < safe], shown)
        self._held = text[cut:]
        self._covered = max([0, *(last - safe for start, last in spans if start < safe)])
        return told

    def _spans(self, plain: str) -> list[tuple[int, int]]:
        """Where secrets stand; one that was told of already may go on at the beginning."""
        spans = self._redactor.spans(plain)
        if not self._covered:
            return spans
        begun = max([self._covered, *(last for start, last in spans if start < self._covered)])
        return [(0, begun), *(span for span in spans if span[0] >= self._covered)]

    def _replaced(self, text: str, spans: list[tuple[int, int]], shown: _Shown) -> str:
        pieces, done = [], 0
        for first, last in spans:
            start, end = shown.raw(first), shown.raw_end(last)
            is_told = first == 0 and self._covered
            pieces += [text[done:start], "" if is_told else DOTS, *SEQUENCE.findall(text, start, end)]
            done = end
        return "".join([*pieces, text[done:]])


def _cut(text: str) -> int:
    """Where a control sequence begins that is not whole yet; the text's length for none."""
    first = max(0, len(text) - LONGEST_SEQUENCE)
    begin = text.rfind("\x1b", first)
    # The last escape may be half of what ends a string that began before.
    before = text.rfind("\x1b", first, begin) if begin == len(text) - 1 else -1
    return next((at for at in (before, begin) if at >= 0 and _UNFINISHED.match(text, at)), len(text))


class _Shown:
    """Positions of what is shown of a text, in that text."""

    def __init__(self) -> None:
        self._plain: list[int] = [0]
        self._raw: list[int] = [0]

    def skip(self, plain: int, raw: int) -> None:
        self._plain.append(plain)
        self._raw.append(raw)

    def raw(self, at: int) -> int:
        """Where the character ``at`` stands, after what is not shown before it."""
        index = bisect_right(self._plain, at) - 1
        return self._raw[index] + at - self._plain[index]

    def raw_end(self, at: int) -> int:
        """Where what ends before the character ``at`` ends."""
        return self.raw(at - 1) + 1


def _without_sequences(text: str) -> tuple[str, _Shown]:
    shown, pieces, done, length = _Shown(), [], 0, 0
    for match in SEQUENCE.finditer(text):
        pieces.append(text[done : match.start()])
        length += match.start() - done
        done = match.end()
        shown.skip(length, done)
    pieces.append(text[done:])
    return "".join(pieces), shown
