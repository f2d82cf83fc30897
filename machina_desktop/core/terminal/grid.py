"""The two screens, the cursor and the scrollback; what scrolls, what is erased and what has to be painted again."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

import pyte
from pyte import modes as mo
from pyte.screens import Char, Margins

from machina_desktop.core.terminal import chars
from machina_desktop.core.terminal.attributes import BACKGROUND_MASK, PROTECTED
from machina_desktop.core.terminal.chars import BufferView, Cursor
from machina_desktop.core.terminal.line import Line
from machina_desktop.core.terminal.marks import Mark
from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.scrollback import Scrollback
from machina_desktop.core.terminal.widths import HALF

#: DECLRMM, the left and right margins, as pyte writes private modes.
SIDE_MARGINS = 69 << 5


class Damage(NamedTuple):
    """What has to be painted again.

    Attributes:
        is_all: Everything.
        rows: Rows of the screen, 0 to lines - 1, after the scrolling.
        scrolled: By how many rows the whole screen has moved up.
    """

    is_all: bool
    rows: frozenset[int]
    scrolled: int


class Grid(pyte.Screen):
    """Rows of cells with a cursor. Rows count from 0 at the top, columns from 0 at the left.

    Attributes:
        rows: The rows of the screen that is shown.
        scrollback: What has left the main screen at its top.
        is_alternate: Whether the alternate screen is shown.
        sides: First and last column that scroll and wrap.
        line_marks: Shell marks in the scrollback, by the number of their entry.
        unkept: How many rows at the top of the screen are not worth keeping when they leave it.
        is_erase_guarded: Whether plain erasing spares protected cells (ISO protection).
    """

    cursor: Cursor
    margins: Margins | None

    def __init__(self, columns: int, lines: int, scrollback: int) -> None:
        self.columns = columns
        self.lines = lines
        self.scrollback = Scrollback(columns, scrollback)
        self.line_marks: dict[int, tuple[Mark, ...]] = {}
        self.savepoints = []
        self.damaged_rows: set[int] = set()
        self.is_all_damaged = True
        self.scrolled_up = 0
        self.unkept = 0
        self.is_erase_guarded = False
        self.reset()

    def clear_grid(self) -> None:
        """Both screens blank, the cursor home, margins at the edges; the scrollback stays."""
        self.rows = [Line() for _ in range(self.lines)]
        self.other_rows = [Line() for _ in range(self.lines)]
        self.is_alternate = False
        self.margins = None
        self.sides = (0, self.columns - 1)
        self.is_erase_guarded = False
        self.cursor = Cursor()
        self.savepoints = []
        self.other_savepoints: list[pyte.screens.Savepoint] = []
        self.damage_all()

    @property  # type: ignore[override]
    def buffer(self) -> BufferView:
        """The cells in pyte's words."""
        return BufferView(self)

    @buffer.setter
    def buffer(self, cells: object) -> None:
        pass

    @property
    def display(self) -> list[str]:
        """Every row as text of the full width."""
        shown = []
        for line in self.rows:
            row = line.to_row(self.columns)
            text = row.text.ljust(self.columns)
            if row.clusters:
                text = "".join(row.clusters.get(x, character) for x, character in enumerate(text))
            shown.append(text.replace(HALF, ""))
        return shown

    @property
    def default_char(self) -> Char:
        """A blank cell."""
        return chars.char(0)

    @property
    def dirty(self) -> set[int]:
        """Rows to paint again, as pyte tells it: a scrolled screen is dirty as a whole."""
        if self.is_all_damaged or self.scrolled_up:
            self.damaged_rows.update(range(self.lines))
            self.is_all_damaged = False
            self.scrolled_up = 0
        return self.damaged_rows

    @dirty.setter
    def dirty(self, rows: set[int]) -> None:
        self.damaged_rows = rows
        self.is_all_damaged = False

    def take_damage(self) -> Damage:
        """What has changed since this was asked last."""
        damage = Damage(self.is_all_damaged, frozenset(self.damaged_rows), self.scrolled_up)
        self.damaged_rows.clear()
        self.is_all_damaged = False
        self.scrolled_up = 0
        return damage

    def damage_all(self) -> None:
        """Have everything painted again."""
        self.is_all_damaged = True
        self.scrolled_up = 0
        self.damaged_rows.clear()

    @property
    def region(self) -> tuple[int, int]:
        """First and last row that scroll."""
        return self.margins or (0, self.lines - 1)

    @property
    def has_sides(self) -> bool:
        """Whether left and right margins are in force."""
        return SIDE_MARGINS in self.mode and self.sides != (0, self.columns - 1)

    @property
    def blank_attribute(self) -> int:
        """What erased cells look like: the background in force."""
        return self.cursor.attribute & BACKGROUND_MASK

    def settle(self) -> None:
        """Give up a pending wrap: the cursor is in the last column and the next character stays there."""
        if self.cursor.x >= self.columns:
            self.cursor.x = self.columns - 1

    # Scrolling.

    def scroll_up(self, top: int, bottom: int, fill: int) -> None:
        """Move the rows of a region up by one; the first goes to the scrollback if it is the screen's first."""
        rows = self.rows
        line = rows.pop(top)
        if not top and not self.is_alternate:
            self.keep(line)
        if line.marks:
            line.marks = ()
        line.blank(fill)
        rows.insert(bottom, line)
        if top:
            rows[top - 1].is_wrapped = False
        if not self.is_all_damaged:
            self._damage_scroll(top, bottom)

    def _damage_scroll(self, top: int, bottom: int) -> None:
        if top or bottom != self.lines - 1:
            self.damaged_rows.update(range(top, bottom + 1))
            return
        self.scrolled_up += 1
        if self.scrolled_up >= self.lines:
            self.damage_all()
            return
        self.damaged_rows = {y - 1 for y in self.damaged_rows if y}
        self.damaged_rows.add(bottom)

    def scroll_down(self, top: int, bottom: int, fill: int) -> None:
        """Move the rows of a region down by one; the last is lost."""
        line = self.rows.pop(bottom)
        line.marks = ()
        line.blank(fill)
        self.rows.insert(top, line)
        if top:
            self.rows[top - 1].is_wrapped = False
        self.damage_region(top, bottom)

    def damage_region(self, top: int, bottom: int) -> None:
        """Have some rows painted again."""
        if not self.is_all_damaged:
            self.damaged_rows.update(range(top, bottom + 1))

    def keep_all(self, lines: Iterable[Line]) -> None:
        """Put rows that leave the main screen, from its top on, into the scrollback; those of one long line at once."""
        for attribute, rows in groupby(lines, key=lambda line: line.whole_look(self.columns)):
            if attribute is None or self.unkept:
                for line in rows:
                    self.keep(line)
            else:
                self.scrollback.append_wrapped("".join([line.text for line in rows]), attribute)

    def keep(self, line: Line) -> None:
        """Put a row that leaves the main screen into the scrollback."""
        if self.unkept:
            self.unkept -= 1
            return
        if line.unread is not None and not (line.is_wrapped or line.marks):
            raw, attribute = line.unread
            if len(line.text) >= self.columns or line.fill == attribute & BACKGROUND_MASK:
                self.scrollback.append_raw(raw, attribute, line.text)
                return
        line.read()
        if line.marks:
            row = line.to_row(self.columns)
            self.scrollback.append(row)
            serial = self.scrollback.first_serial + len(self.scrollback) - 1
            self.line_marks[serial] = self.line_marks.get(serial, ()) + line.marks
            self._forget_old_marks()
            return
        runs = line.runs
        is_compact = line.cells is None and not (line.fill or line.is_wrapped or line.clusters)
        if is_compact and (not runs or (len(runs) == 2 and not runs[1])):
            self.scrollback.append(Row(line.text.rstrip(" ")))
        else:
            self.scrollback.append(line.to_row(self.columns))

    def _forget_old_marks(self) -> None:
        oldest = self.scrollback.first_serial
        for serial in [serial for serial in self.line_marks if serial < oldest]:
            del self.line_marks[serial]

    def clear_scrollback(self) -> None:
        """Drop what has scrolled off."""
        self.scrollback.clear()
        self.line_marks.clear()

    # Erasing.

    def erase(self, y: int, start: int, end: int) -> None:
        """Blank the cells from column ``start`` to before ``end`` with the background in force."""
        if start >= end:
            return
        line = self.rows[y]
        self.damaged_rows.add(y)
        if self.is_erase_guarded:
            self.erase_unprotected(y, start, end)
            return
        fill = self.blank_attribute
        columns = self.columns
        if end >= columns:
            line.is_wrapped = False
            if not start:
                line.blank(fill)
                return
            if line.cells is None:
                length = len(line.text)
                if start < length:
                    line.truncate(start, fill)
                elif start > length and line.fill != fill:
                    line.write(length, " " * (start - length), [length, line.fill], columns)
                line.fill = fill
                return
        elif line.cells is None and start >= len(line.text) and line.fill == fill:
            return
        line.write(start, " " * (end - start), [start, fill], columns)

    def erase_unprotected(self, y: int, start: int, end: int) -> None:
        """Blank those cells that are not protected (DECSCA, SPA); they keep nothing but the background."""
        cells, looks = self.rows[y].to_cells(self.columns)
        fill = self.blank_attribute
        for x in range(start, min(end, self.columns)):
            if not looks[x] & PROTECTED:
                cells[x] = " "
                looks[x] = fill
        self.damaged_rows.add(y)

    @property
    def is_origin(self) -> bool:
        """Whether rows and columns count from the margins (DECOM)."""
        return mo.DECOM in self.mode
