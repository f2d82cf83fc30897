"""What a selection copies: lines that were wrapped come out whole."""

from __future__ import annotations

from typing import Protocol

from machina_desktop.core.terminal.marks import Place
from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.widths import HALF


class Rows(Protocol):
    """What can be read of a terminal."""

    @property
    def columns(self) -> int: ...
    @property
    def lines(self) -> int: ...
    @property
    def dropped(self) -> int: ...
    @property
    def top(self) -> int: ...
    def row(self, y: int) -> Row: ...


def shown(row: Row, start: int, end: int) -> str:
    """The characters of some columns; half of a wide character takes the whole of it along."""
    text = row.text
    if 0 < start < len(text) and text[start] == HALF:
        start -= 1
    if row.clusters:
        return "".join(row.clusters.get(x, text[x]) for x in range(start, min(end, len(text)))).replace(HALF, "")
    return text[start:end].replace(HALF, "")


def text_between(rows: Rows, first: Place, last: Place, *, is_block: bool) -> str:
    """The text from one cell to another inclusive, in whichever order they are."""
    first, last = sorted((first, last))
    begin, end = max(first.row, rows.dropped), min(last.row, rows.top + rows.lines - 1)
    left, right = sorted((first.x, last.x))
    parts: list[str] = []
    for number in range(begin, end + 1):
        row = rows.row(number - rows.top)
        start = first.x if number == first.row else 0
        stop = last.x + 1 if number == last.row else rows.columns
        if is_block:
            start, stop = left, right + 1
        part = shown(row, start, stop)
        if is_block or number == end:
            parts.append(part.rstrip(" ") if is_block else part)
        else:
            parts.append(part)
        if number < end and (is_block or not row.is_wrapped):
            parts.append("\n")
    return "".join(parts)
