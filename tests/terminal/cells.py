"""A screen as cells that can be compared: one from xterm's own answers, one from a terminal of ours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from machina_desktop.core.terminal import attributes
from machina_desktop.core.terminal.attributes import ColourKind, parse_sgr
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.core.terminal.widths import HALF

_FLAGS = (
    attributes.BOLD
    | attributes.DIM
    | attributes.ITALIC
    | attributes.BLINK
    | attributes.REVERSE
    | attributes.INVISIBLE
    | attributes.STRIKE
)
#: What is seen on a blank, too.
_SEEN_ON_BLANKS = attributes.REVERSE | attributes.STRIKE


class Cell(NamedTuple):
    """What is seen in a cell.

    Attributes:
        code: Sum of its code points, 16 bits of it; 0 for the right half of a wide character.
        look: Flags, whether it is underlined, and both colours as kind and value.
    """

    code: int
    look: tuple[int, bool, tuple[int, int], tuple[int, int]]

    def __str__(self) -> str:
        flags, is_underlined, fore, back = self.look
        return f"{chr(self.code or 32)!r} flags {flags:x}{' underlined' * is_underlined} {fore} on {back}"


def _colour(colour: attributes.Colour) -> tuple[int, int]:
    # The first sixteen have two names each.
    if colour.kind is ColourKind.INDEXED and colour.value < 16:
        return ColourKind.ANSI, colour.value
    return colour.kind, colour.value


def cell(code: int, attribute: int) -> Cell:
    """A cell by its code and attribute; of a blank, only what is seen."""
    flags, is_underlined = attribute & _FLAGS, bool(attributes.underline(attribute))
    fore, back = _colour(attributes.foreground(attribute)), _colour(attributes.background(attribute))
    if code in {0, 32}:
        code = 32
        flags &= _SEEN_ON_BLANKS
        if not (flags or is_underlined):
            fore = (0, 0)
    return Cell(code & 0xFFFF, (flags, is_underlined, fore, back))


def of_xterm(rows: Sequence[Sequence[tuple[int, str]]]) -> list[list[Cell]]:
    """The cells that a tap has read."""
    return [[cell(code, parse_sgr(look).bits) for code, look in row] for row in rows]


def of_terminal(terminal: Terminal) -> list[list[Cell]]:
    """The cells of a terminal's screen."""
    return [_row(terminal, y) for y in range(terminal.lines)]


def _row(terminal: Terminal, y: int) -> list[Cell]:
    row = terminal.row(y)
    looks = [row.fill] * terminal.columns
    runs = row.runs or (0, 0)
    ends = [*runs[2::2], len(row.text)]
    for start, look, end in zip(runs[::2], runs[1::2], ends, strict=True):
        looks[start:end] = [look] * (end - start)
    made = []
    for x, look in enumerate(looks):
        text = row.clusters.get(x) or row.text[x : x + 1] or " "
        made.append(Cell(0, cell(33, look).look) if text == HALF else cell(sum(map(ord, text)), look))
    return made


def differences(ours: list[list[Cell]], theirs: list[list[Cell]]) -> list[str]:
    """Where two screens differ, as a sentence for each cell."""
    found = []
    for y, (one, other) in enumerate(zip(ours, theirs, strict=True)):
        for x, (mine, yours) in enumerate(zip(one, other, strict=True)):
            if mine != yours and mine.code:
                found.append(f"row {y} column {x}: {mine}, xterm {yours}")
    return found
