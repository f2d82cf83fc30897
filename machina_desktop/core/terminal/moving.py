"""The cursor on its way: margins, tabulators, and rows that scroll because it ran into the edge.

Names and parameters are pyte's; semantics are xterm's. Counts of 0 and absent ones mean 1. Every explicit movement
gives up a pending wrap.
"""

from __future__ import annotations

from typing import cast

from pyte import modes as mo
from pyte.screens import Margins, Savepoint

from machina_desktop.core.terminal.chars import Cursor
from machina_desktop.core.terminal.grid import SIDE_MARGINS
from machina_desktop.core.terminal.writing import Writing

#: Reverse wrap-around, as pyte writes private modes.
REVERSE_WRAP = 45 << 5


class Moving(Writing):
    """Everything that moves the cursor without writing."""

    def index(self) -> None:
        """Move down; scroll at the bottom margin."""
        self.settle()
        top, bottom = self.region
        cursor = self.cursor
        if cursor.y != bottom:
            if cursor.y < self.lines - 1:
                cursor.y += 1
        elif not self.has_sides:
            self.scroll_up(top, bottom, self.blank_attribute)
        elif self.sides[0] <= cursor.x <= self.sides[1]:
            self.shift_columns_up(top, bottom, 1)

    def reverse_index(self) -> None:
        """Move up; scroll at the top margin."""
        self.settle()
        top, bottom = self.region
        cursor = self.cursor
        if cursor.y != top:
            if cursor.y:
                cursor.y -= 1
        elif not self.has_sides:
            self.scroll_down(top, bottom, self.blank_attribute)
        elif self.sides[0] <= cursor.x <= self.sides[1]:
            self.shift_columns_down(top, bottom, 1)

    def shift_columns_up(self, top: int, bottom: int, count: int) -> None:
        """Scroll only the columns between the side margins up."""
        raise NotImplementedError

    def shift_columns_down(self, top: int, bottom: int, count: int) -> None:
        """Scroll only the columns between the side margins down."""
        raise NotImplementedError

    def linefeed(self) -> None:
        """Move down, and to the beginning of the row in new-line mode."""
        self.index()
        if mo.LNM in self.mode:
            self.carriage_return()

    def next_line(self) -> None:
        """Move down and to the beginning of the row (NEL)."""
        self.index()
        self.carriage_return()

    def left_edge(self) -> int:
        """The column the cursor stops at on its way left."""
        if not self.has_sides:
            return 0
        return self.sides[0] if self.cursor.x >= self.sides[0] else 0

    def last_column(self) -> int:
        """The column the cursor stops at on its way right."""
        if not self.has_sides:
            return self.columns - 1
        return self.sides[1] if self.cursor.x <= self.sides[1] else self.columns - 1

    def carriage_return(self) -> None:
        """Go to the left edge."""
        self.cursor.x = self.sides[0] if self.is_origin and self.has_sides else self.left_edge()

    def backspace(self) -> None:
        self.cursor_back()

    def cursor_up(self, count: int | None = None) -> None:
        """Move up, as far as the top margin if the cursor is below it (CUU)."""
        self.settle()
        top = self.region[0]
        self.cursor.y = max(self.cursor.y - (count or 1), top if self.cursor.y >= top else 0)

    def cursor_down(self, count: int | None = None) -> None:
        """Move down, as far as the bottom margin if the cursor is above it (CUD)."""
        self.settle()
        bottom = self.region[1]
        self.cursor.y = min(self.cursor.y + (count or 1), bottom if self.cursor.y <= bottom else self.lines - 1)

    def cursor_up1(self, count: int | None = None) -> None:
        self.cursor_up(count)
        self.carriage_return()

    def cursor_down1(self, count: int | None = None) -> None:
        self.cursor_down(count)
        self.carriage_return()

    def cursor_forward(self, count: int | None = None) -> None:
        """Move right (CUF)."""
        self.settle()
        self.cursor.x = min(self.cursor.x + (count or 1), self.last_column())

    def cursor_back(self, count: int | None = None) -> None:
        """Move left (CUB); in reverse-wrap mode on to the end of the row above."""
        self.settle()
        count = count or 1
        if REVERSE_WRAP in self.mode and mo.DECAWM in self.mode:
            self._back_across_rows(min(count, self.lines * self.columns))
            return
        self.cursor.x = max(self.cursor.x - count, self.left_edge())

    def _back_across_rows(self, count: int) -> None:
        cursor = self.cursor
        top, bottom = self.region
        while True:
            left = self.left_edge()
            steps = min(count, cursor.x - left)
            cursor.x -= steps
            count -= steps
            if not count:
                return
            count -= 1
            cursor.x = self.sides[1] if self.has_sides else self.columns - 1
            if cursor.y == top:
                cursor.y = bottom
            elif cursor.y:
                cursor.y -= 1
            else:
                cursor.y = self.lines - 1

    def cursor_position(self, line: int | None = None, column: int | None = None) -> None:
        """Go to a row and column from 1; in origin mode counted from the margins and kept inside (CUP)."""
        self._go_to((line or 1) - 1, (column or 1) - 1)

    def _go_to(self, y: int, x: int) -> None:
        first_row, last_row, first_column, last_column = 0, self.lines - 1, 0, self.columns - 1
        if self.is_origin:
            first_row, last_row = self.region
            if self.has_sides:
                first_column, last_column = self.sides
        self.cursor.y = min(first_row + y, last_row)
        self.cursor.x = min(first_column + x, last_column)

    def place(self) -> tuple[int, int]:
        """Row and column from 0, counted from the margins in origin mode."""
        x = min(self.cursor.x, self.columns - 1)
        if not self.is_origin:
            return self.cursor.y, x
        return self.cursor.y - self.region[0], x - (self.sides[0] if self.has_sides else 0)

    def cursor_to_column(self, column: int | None = None) -> None:
        """Go to a column from 1 (CHA, HPA)."""
        self._go_to(max(self.place()[0], 0), (column or 1) - 1)

    def cursor_to_line(self, line: int | None = None) -> None:
        """Go to a row from 1 (VPA)."""
        self._go_to((line or 1) - 1, max(self.place()[1], 0))

    def columns_forward(self, count: int | None = None) -> None:
        """Move right whatever the margins (HPR)."""
        y, x = self.place()
        self._go_to(max(y, 0), max(x + (count or 1), 0))

    def lines_forward(self, count: int | None = None) -> None:
        """Move down whatever the margins (VPR)."""
        y, x = self.place()
        self._go_to(max(y + (count or 1), 0), max(x, 0))

    def tab(self) -> None:
        """Go to the next tabulator, or to the edge."""
        self.tabs_forward(1)

    def tabs_forward(self, count: int | None = None) -> None:
        """Go some tabulators to the right (CHT)."""
        self.settle()
        edge = self.last_column()
        stops = sorted(stop for stop in self.tabstops if self.cursor.x < stop <= edge)
        number = (count or 1) - 1
        self.cursor.x = stops[number] if number < len(stops) else edge

    def tabs_back(self, count: int | None = None) -> None:
        """Go some tabulators to the left (CBT)."""
        self.settle()
        edge = self.sides[0] if self.is_origin and self.has_sides else 0
        stops = sorted((stop for stop in self.tabstops if edge <= stop < self.cursor.x), reverse=True)
        number = (count or 1) - 1
        self.cursor.x = stops[number] if number < len(stops) else edge

    def set_tab_stop(self) -> None:
        """Put a tabulator at the cursor (HTS)."""
        self.settle()
        self.tabstops.add(self.cursor.x)

    def clear_tab_stop(self, how: int = 0) -> None:
        """Take the tabulator at the cursor away (0), or all of them (3) (TBC)."""
        if how == 0:
            self.tabstops.discard(min(self.cursor.x, self.columns - 1))
        elif how == 3:
            self.tabstops = set()

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        """Scroll only between two rows from 1 on; the cursor goes home. Regions of one row are refused (DECSTBM)."""
        first = (top or 1) - 1
        last = min(bottom or self.lines, self.lines) - 1
        if last <= first:
            return
        self.margins = None if (first, last) == (0, self.lines - 1) else Margins(first, last)
        self.cursor_position()

    def set_side_margins(self, left: int | None = None, right: int | None = None) -> None:
        """Scroll and wrap only between two columns from 1 on (DECSLRM); without the mode: save the cursor (SCOSC)."""
        if SIDE_MARGINS not in self.mode:
            self.save_cursor()
            return
        first = (left or 1) - 1
        last = min(right or self.columns, self.columns) - 1
        if last <= first:
            return
        self.sides = (first, last)
        self.choose_paths()
        self.cursor_position()

    def save_cursor(self) -> None:
        """Keep place, look, character sets, origin and wrap (DECSC); each screen keeps one."""
        # pyte keeps two maps; here are four sets in the place of the first.
        sets = self.charsets[:]
        self.savepoints[:] = [
            Savepoint(self.cursor.copy(), sets, None, self.charset, self.is_origin, mo.DECAWM in self.mode)  # type: ignore[arg-type]
        ]

    def restore_cursor(self) -> None:
        """Go back to what was kept, as often as wanted; to the home position if nothing was (DECRC)."""
        self.mode.discard(mo.DECOM)
        if not self.savepoints:
            self.cursor_position()
            self.cursor.attribute = 0
            self.charsets = [None] * 4
            self.charset = 0
            self.choose_paths()
            return
        saved = self.savepoints[-1]
        hidden = self.cursor.hidden
        self.cursor = cast(Cursor, saved.cursor).copy()
        self.cursor.hidden = hidden
        self.cursor.x = min(self.cursor.x, self.columns)
        self.cursor.y = min(self.cursor.y, self.lines - 1)
        self.charsets = list(saved.g0_charset)  # type: ignore[arg-type]
        self.charset = saved.charset
        if saved.origin:
            self.mode.add(mo.DECOM)
        self.choose_paths()
