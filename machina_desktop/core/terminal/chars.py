"""The same cells in pyte's words, made when somebody reads ``screen.buffer`` or ``cursor.attrs``."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Protocol

from pyte import graphics
from pyte.screens import Char
from pyte.screens import Cursor as PyteCursor

from machina_desktop.core.terminal import attributes
from machina_desktop.core.terminal.attributes import Colour, ColourKind, Underline
from machina_desktop.core.terminal.line import Line
from machina_desktop.core.terminal.widths import HALF

_FOREGROUNDS = [graphics.FG_ANSI[30 + value] for value in range(8)] + [
    graphics.FG_AIXTERM[90 + value] for value in range(8)
]
_BACKGROUNDS = [graphics.BG_ANSI[40 + value] for value in range(8)] + [
    graphics.BG_AIXTERM[100 + value] for value in range(8)
]
_FLAGS = (
    ("bold", attributes.BOLD),
    ("italics", attributes.ITALIC),
    ("strikethrough", attributes.STRIKE),
    ("reverse", attributes.REVERSE),
    ("blink", attributes.BLINK),
)
_SINGLE_UNDERLINE = attributes.parse_sgr("4").bits


def _name(colour: Colour, ansi: list[str]) -> str:
    kind, value = colour
    if kind is ColourKind.DEFAULT:
        return "default"
    if kind is ColourKind.ANSI:
        return ansi[value]
    return graphics.FG_BG_256[value] if kind is ColourKind.INDEXED else f"{value:06x}"


def _packed(name: str, ansi: list[str]) -> int:
    if name == "default":
        return 0
    if name in ansi:
        return attributes.packed_colour(ColourKind.ANSI, ansi.index(name))
    return attributes.packed_colour(ColourKind.RGB, int(name, 16))


@lru_cache(maxsize=4096)
def char(attribute: int, data: str = " ") -> Char:
    """A cell as pyte's ``Char``."""
    return Char(
        data,
        fg=_name(attributes.foreground(attribute), _FOREGROUNDS),
        bg=_name(attributes.background(attribute), _BACKGROUNDS),
        underscore=attributes.underline(attribute) is not Underline.NONE,
        **{name: bool(attribute & flag) for name, flag in _FLAGS},
    )


def attribute_of(cell: Char) -> int:
    """The attribute a ``Char`` stands for."""
    found = sum(flag for name, flag in _FLAGS if getattr(cell, name))
    if cell.underscore:
        found |= _SINGLE_UNDERLINE
    return attributes.with_colours(found, _packed(cell.fg, _FOREGROUNDS), _packed(cell.bg, _BACKGROUNDS))


class Cursor(PyteCursor):
    """Where the next character goes. ``x`` equal to the screen's columns means: full, the next character wraps first.

    Attributes:
        attribute: How the next character will look.
    """

    __slots__ = ("attribute",)

    def __init__(self, x: int = 0, y: int = 0, attribute: int = 0) -> None:
        self.attribute = attribute
        super().__init__(x, y, char(attribute))

    @property
    def attrs(self) -> Char:
        """The look as pyte tells it."""
        return char(self.attribute)

    @attrs.setter
    def attrs(self, cell: Char) -> None:
        self.attribute = attribute_of(cell)

    def copy(self) -> Cursor:
        """The same place and look."""
        other = Cursor(self.x, self.y, self.attribute)
        other.hidden = self.hidden
        return other


class Cells(Protocol):
    """A screen of rows."""

    rows: list[Line]
    columns: int
    lines: int


class RowView:
    """``screen.buffer[y]``: the cells of one row."""

    def __init__(self, grid: Cells, y: int) -> None:
        self._grid = grid
        self._y = y

    def __getitem__(self, x: int) -> Char:
        row = self._grid.rows[self._y].to_row(self._grid.columns)
        if x >= len(row.text):
            return char(row.fill)
        data = row.clusters.get(x, row.text[x])
        attribute = 0
        for index in range(0, len(row.runs), 2):
            if row.runs[index] > x:
                break
            attribute = row.runs[index + 1]
        return char(attribute, "" if data == HALF else data)

    def __setitem__(self, x: int, cell: Char) -> None:
        cells, looks = self._grid.rows[self._y].to_cells(self._grid.columns)
        cells[x] = cell.data or HALF
        looks[x] = attribute_of(cell)

    def items(self) -> Iterator[tuple[int, Char]]:
        """Column and cell, all of them."""
        return ((x, self[x]) for x in range(self._grid.columns))


class BufferView:
    """``screen.buffer``: rows from the top of the screen."""

    def __init__(self, grid: Cells) -> None:
        self._grid = grid

    def __getitem__(self, y: int) -> RowView:
        return RowView(self._grid, y)

    def __len__(self) -> int:
        return self._grid.lines

    def items(self) -> Iterator[tuple[int, RowView]]:
        """Row number and cells, all of them."""
        return ((y, RowView(self._grid, y)) for y in range(self._grid.lines))
