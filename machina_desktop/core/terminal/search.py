"""Search in what is on the screen and above it, in whole lines, newest first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from machina_desktop.core.terminal.copying import Rows, shown
from machina_desktop.core.terminal.marks import Place
from machina_desktop.core.terminal.widths import HALF

#: Rows of one line that are searched together; longer lines are searched in pieces.
TOGETHER = 256


class Match(NamedTuple):
    """Where something was found: its first and its last cell, in absolute rows."""

    first: Place
    last: Place


def matches(rows: Rows, pattern: re.Pattern[str], before: int | None) -> Iterator[Match]:
    """All matches that are not empty, from the last to the first."""
    bottom = rows.top + rows.lines - 1
    end = bottom if before is None else min(before - 1, bottom)
    while end >= rows.dropped:
        begin = end
        while begin > rows.dropped and end - begin < TOGETHER and rows.row(begin - 1 - rows.top).is_wrapped:
            begin -= 1
        yield from _in_line(rows, pattern, begin, end)
        end = begin - 1


def _in_line(rows: Rows, pattern: re.Pattern[str], begin: int, end: int) -> Iterator[Match]:
    """Matches in the rows of one line, from the last to the first."""
    if begin == end:
        row = rows.row(begin - rows.top)
        if not row.text or (not row.clusters and HALF not in row.text and not pattern.search(row.text)):
            return
    text: list[str] = []
    places: list[Place] = []
    for number in range(begin, end + 1):
        row = rows.row(number - rows.top)
        for x in range(len(row.text)):
            characters = shown(row, x, x + 1) if row.text[x] != HALF else ""
            text.append(characters)
            places += [Place(number, x)] * len(characters)
        if number < end:
            text.append(" " * (rows.columns - len(row.text)))
            places += [Place(number, x) for x in range(len(row.text), rows.columns)]
    found = [match.span() for match in pattern.finditer("".join(text)) if match.end() > match.start()]
    for start, stop in reversed(found):
        yield Match(places[start], places[stop - 1])
