"""Search in what is on the screen and above it, in whole lines, newest first, in time that grows with the text only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import re2

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.terminal.copying import Rows, shown
from machina_desktop.core.terminal.marks import Place
from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.widths import HALF

#: Rows of one line that are searched together; longer lines are searched in pieces, each with some rows of the next.
TOGETHER = 256
_BEYOND = 16
#: Matches in one line after which whoever searches may pause.
_AT_ONCE = 256


class Pattern:
    """What is looked for. The engine is RE2, which never tries again: no line can hold up a search.

    Args:
        text: The words themselves, or a regular expression without look-around and back-references.

    Raises:
        InvalidInput: E-TERMINAL-PATTERN, it is no such expression.
    """

    def __init__(self, text: str, *, is_regex: bool = False, is_cased: bool = False) -> None:
        options = re2.Options()
        options.literal = not is_regex
        options.case_sensitive = is_cased
        options.log_errors = False
        self._key = (text, is_regex, is_cased)
        try:
            self._compiled = re2.compile(text, options)
        except re2.error as error:
            raise InvalidInput(
                f"This is not a pattern: {_reason(error)}.",
                field="pattern",
                hint="Mend it, or turn regular expressions off to find these very characters.",
                code="E-TERMINAL-PATTERN",
            ) from error

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Pattern) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def is_in(self, text: str) -> bool:
        """Whether it is found at all."""
        return self._compiled.search(text) is not None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of each match that is not empty, from the first to the last."""
        return (match.span() for match in self._compiled.finditer(text) if match.end() > match.start())


def _reason(error: re2.error) -> str:
    found = error.args[0] if error.args else ""
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


class Match(NamedTuple):
    """Where something was found: its first and its last cell, in absolute rows."""

    first: Place
    last: Place


def matches(rows: Rows, pattern: Pattern, before: int | None) -> Iterator[Match | None]:
    """All matches that are not empty, from the last to the first; ``None`` after each stretch in which there is none.

    So whoever searches is asked often enough whether to go on now.
    """
    bottom = rows.top + rows.lines - 1
    end = bottom if before is None else min(before - 1, bottom)
    beyond = 0
    while end >= rows.dropped:
        begin = end
        while begin > rows.dropped and end - begin < TOGETHER and rows.row(begin - 1 - rows.top).is_wrapped:
            begin -= 1
        yield from _in_line(rows, pattern, begin, end, beyond)
        yield None
        is_cut = end - begin >= TOGETHER and begin > rows.dropped and rows.row(begin - 1 - rows.top).is_wrapped
        beyond = _BEYOND if is_cut else 0
        end = begin - 1


def _in_line(rows: Rows, pattern: Pattern, begin: int, end: int, beyond: int) -> Iterator[Match | None]:
    """Matches that begin in some rows of one line and end so many rows beyond them at most, from the last on."""
    line = [rows.row(number - rows.top) for number in range(begin, end + 1 + beyond)]
    # A wide character that goes to the next row leaves a column free.
    is_full = all(len(row.text) == rows.columns for row in line[:-1])
    if not is_full or any(row.clusters or HALF in row.text for row in line):
        text, place = _by_cells(line, begin)
    else:
        text, place = _by_columns(line, begin, rows.columns)
    if not text or not pattern.is_in(text):
        return
    found = []
    for span in pattern.spans(text):
        found.append(span)
        if not len(found) % _AT_ONCE:
            yield None
    for start, stop in reversed(found):
        first = place(start)
        if first.row <= end:
            yield Match(first, place(stop - 1))


def _by_columns(line: list[Row], begin: int, columns: int) -> tuple[str, Callable[[int], Place]]:
    """The text of rows in which each character takes one column, and the place of each of its characters."""
    text = "".join([row.text for row in line])
    return text, lambda at: Place(begin + at // columns, at % columns)


def _by_cells(line: list[Row], begin: int) -> tuple[str, Callable[[int], Place]]:
    """The same of rows in which characters take two columns, or several characters one cell."""
    text: list[str] = []
    places: list[Place] = []
    for number, row in enumerate(line, begin):
        for x in range(len(row.text)):
            characters = shown(row, x, x + 1) if row.text[x] != HALF else ""
            text.append(characters)
            places += [Place(number, x)] * len(characters)
    return "".join(text), places.__getitem__
