"""What is selected, in absolute rows: by character, word, line or block, kept while the screen scrolls."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, NamedTuple

# What a double click takes: everything that belongs to a name, a path, an address or an option.
_WORD: Final = re.compile(r"[\w\-./~:@%+=?&#,$\0]+")
# Often found at the end of a word and seldom meant.
_TRAILING: Final = ",.:;?"


class Spot(NamedTuple):
    """A place between cells: a row, absolute, and the column before which it is."""

    row: int
    column: int


class Unit(StrEnum):
    """By what a selection grows."""

    CHARACTER = "character"
    WORD = "word"
    LINE = "line"


class Line(NamedTuple):
    """A logical line: its rows' text joined, and the rows it spans, absolute."""

    text: str
    first: int
    last: int


@dataclass(frozen=True, kw_only=True)
class Selection:
    """From where the button went down to where the mouse is.

    Attributes:
        anchor: The beginning and the end of the unit that was pressed on.
        head: The beginning and the end of the unit that the mouse is on.
        is_block: Whether it is a rectangle of columns.
    """

    anchor: tuple[Spot, Spot]
    head: tuple[Spot, Spot]
    unit: Unit = Unit.CHARACTER
    is_block: bool = False

    @property
    def start(self) -> Spot:
        """The first place; of a block the upper left corner."""
        if self.is_block:
            return Spot(min(self._rows()), min(self._columns()))
        return min(self.anchor[0], self.head[0])

    @property
    def end(self) -> Spot:
        """The last place; of a block the lower right corner."""
        if self.is_block:
            return Spot(max(self._rows()), max(self._columns()))
        return max(self.anchor[1], self.head[1])

    @property
    def is_empty(self) -> bool:
        """Whether nothing is in it."""
        return self.start >= self.end or (self.is_block and self.start.column == self.end.column)

    def to(self, head: tuple[Spot, Spot]) -> Selection:
        """The selection with the mouse somewhere else."""
        return replace(self, head=head)

    def span(self, row: int, columns: int) -> tuple[int, int] | None:
        """The columns that are selected in a row; ``None`` for none."""
        start, end = self.start, self.end
        if self.is_empty or not start.row <= row <= end.row:
            return None
        if self.is_block:
            return start.column, end.column
        first = start.column if row == start.row else 0
        last = end.column if row == end.row else columns
        return (first, last) if first < last else None

    def _rows(self) -> tuple[int, ...]:
        return self.anchor[0].row, self.head[0].row

    def _columns(self) -> tuple[int, ...]:
        return self.anchor[0].column, self.head[0].column


def unit_at(spot: Spot, unit: Unit, line_at: Callable[[int], Line], columns: int) -> tuple[Spot, Spot]:
    """The character, word or line around a place; ``line_at`` answers the logical line of an absolute row."""
    if unit is Unit.CHARACTER:
        return spot, spot
    line = line_at(spot.row)
    if unit is Unit.LINE:
        return Spot(line.first, 0), Spot(line.last, columns)
    at = (spot.row - line.first) * columns + min(spot.column, columns - 1)
    for found in _WORD.finditer(line.text):
        if found.start() <= at < found.end():
            word = found[0].rstrip("\0")
            trimmed = word.rstrip(_TRAILING)
            end = found.start() + len(found[0]) - (len(word) - len(trimmed) if trimmed else 0)
            if at < end:
                return _spot(line, found.start(), columns), _spot(line, end, columns, is_end=True)
    width = 2 if line.text[at + 1 : at + 2] == "\0" else 1
    return _spot(line, at, columns), _spot(line, at + width, columns, is_end=True)


def _spot(line: Line, index: int, columns: int, *, is_end: bool = False) -> Spot:
    row, column = divmod(index, columns)
    if is_end and column == 0 and row > 0:
        return Spot(line.first + row - 1, columns)
    return Spot(line.first + row, column)
