"""Another size: lines of the main screen and the scrollback wrap anew, the alternate screen is cut."""

from __future__ import annotations

from typing import NamedTuple

from pyte.screens import Savepoint

from machina_desktop.core.terminal.line import Line
from machina_desktop.core.terminal.marks import Mark
from machina_desktop.core.terminal.rows import EMPTY_ROW, Row
from machina_desktop.core.terminal.strings import Strings
from machina_desktop.core.terminal.widths import HALF
from machina_desktop.core.terminal.wrapping import joined, wrapped


class _Wrapped(NamedTuple):
    """Rows at the new width, and where the cursor has come to."""

    lines: list[Line]
    y: int
    x: int


class _Place(NamedTuple):
    """Where the cursor is among whole lines.

    Attributes:
        line: The number of its line.
        column: The column of that line.
        is_full: Whether it waits behind the last column of its row.
    """

    line: int
    column: int
    is_full: bool


class Reflowing(Strings):
    """Resizes."""

    def resize(self, lines: int | None = None, columns: int | None = None) -> None:
        """Take another size; text of the main screen stays where its line is, the cursor with it.

        A cursor that waits behind a full row overwrites nothing at any size: it goes on waiting, or has room there.
        """
        lines = max(lines or self.lines, 1)
        columns = max(columns or self.columns, 2)
        if (lines, columns) == (self.lines, self.columns):
            return
        before = self.columns
        if self.is_alternate:
            self._resize_behind(lines, columns)
            self.rows = self._cut(self.rows, lines, columns)
            self.cursor.x = _carried(self.cursor.x, before, columns)
            self._carry(self.savepoints, columns)
        else:
            self.cursor.y, self.cursor.x = self._reflow(lines, columns, self.cursor.y, self.cursor.x)
            self.other_rows = self._cut(self.other_rows, lines, columns)
            self._carry(self.savepoints + self.other_savepoints, columns)
        self.columns, self.lines = columns, lines
        self.margins = None
        self.sides = (0, columns - 1)
        self.tabstops = {stop for stop in self.tabstops if stop < columns}
        self.tabstops.update(range((before + 7) // 8 * 8, columns, 8))
        self.cursor.y = min(self.cursor.y, lines - 1)
        self.choose_paths()
        self.damage_all()

    def _carry(self, saved: list[Savepoint], columns: int) -> None:
        """Keep saved cursors inside another width."""
        for each in saved:
            each.cursor.x = _carried(each.cursor.x, self.columns, columns)

    def _resize_behind(self, lines: int, columns: int) -> None:
        """Reflow the main screen while the alternate one is shown; the cursor kept by 1049 goes with its text."""
        shown = self.rows
        self.rows = self.other_rows
        saved = self.other_savepoints[-1].cursor if self.other_savepoints else None
        place = (min(saved.y, self.lines - 1), min(saved.x, self.columns)) if saved else (0, 0)
        y, x = self._reflow(lines, columns, *place)
        if saved:
            saved.y, saved.x = y, x
        self.other_rows = self.rows
        self.rows = shown

    def _cut(self, rows: list[Line], lines: int, columns: int) -> list[Line]:
        """Rows cut or padded to a size, without wrapping."""
        surplus = max(len(rows) - lines, 0)
        above = min(surplus, max(self.cursor.y - lines + 1, 0)) if rows is self.rows else 0
        if above:
            self.cursor.y -= above
        kept = rows[above : above + lines]
        result = []
        for line in kept:
            row = wrapped(line.to_row(self.columns), columns)[0]
            result.append(Line.from_row(row._replace(is_wrapped=False)))
        return result + [Line() for _ in range(lines - len(result))]

    def _reflow(self, lines: int, columns: int, y: int, x: int) -> tuple[int, int]:
        """Wrap the rows of the main screen anew; answers where the cursor's cell has come to."""
        was_full = self._last_used(y) == self.lines - 1
        logical, marks, place = self._logical_lines(y, x)
        self.scrollback.set_columns(columns)
        found = _wrapped(logical, marks, place, columns)
        rows, y = found.lines, found.y
        while rows and len(rows) - 1 > y and _is_blank(rows[-1]):
            rows.pop()
        surplus = len(rows) - lines
        if surplus > 0:
            surplus = min(surplus, max(y, 0)) if y < surplus else surplus
            self._keep_at(rows[:surplus], columns)
            rows = rows[surplus : surplus + lines]
            y -= surplus
        elif surplus < 0 and was_full:
            taken = self._take_back(-surplus, columns)
            rows = taken + rows
            y += len(taken)
            if len(rows) > lines:
                over = len(rows) - lines
                self._keep_at(rows[:over], columns)
                rows = rows[over:]
                y -= over
        self.rows = rows + [Line() for _ in range(lines - len(rows))]
        return y, found.x

    def _last_used(self, y: int) -> int:
        """The last row that shows something or holds the cursor."""
        for number in range(self.lines - 1, y, -1):
            if not _is_blank(self.rows[number]):
                return number
        return y

    def _logical_lines(self, y: int, x: int) -> tuple[list[Row], list[tuple[Mark, ...]], _Place]:
        """The screen's rows as whole lines, their marks, and where among them the cursor is."""
        logical: list[Row] = []
        marks: list[tuple[Mark, ...]] = []
        place = _Place(0, 0, is_full=False)
        missing = 0
        for number, line in enumerate(self.rows):
            row = line.to_row(self.columns)
            if number == 0 and self.scrollback.is_open():
                before = self.scrollback.continued(row)
                start = len(before.text) - len(row.text)
                logical.append(before)
                marks.append(line.marks)
            elif logical and logical[-1].is_wrapped:
                whole = joined(logical[-1], row, missing)
                start = len(whole.text) - len(row.text)
                logical[-1] = whole
                marks[-1] += line.marks
            else:
                start = 0
                logical.append(row)
                marks.append(line.marks)
            if number == y:
                place = _Place(len(logical) - 1, start + x, x >= self.columns)
            missing = self.columns - len(row.text)
        return logical, marks, place

    def _keep_at(self, lines: list[Line], columns: int) -> None:
        width, self.columns = self.columns, columns
        self.keep_all(lines)
        self.columns = width

    def _take_back(self, count: int, columns: int) -> list[Line]:
        """Whole lines from the end of the scrollback that make at least ``count`` rows, or all there are."""
        taken: list[Line] = []
        while len(taken) < count and len(self.scrollback):
            serial = self.scrollback.first_serial + len(self.scrollback) - 1
            row = self.scrollback.pop()
            lines = [Line.from_row(piece) for piece in wrapped(row, columns)]
            lines[0].marks = self.line_marks.pop(serial, ())
            taken = lines + taken
        return taken


def _is_blank(line: Line) -> bool:
    row = line.to_row(1 << 30) if line.cells is None else line.to_row(len(line.cells))
    return row[:3] == EMPTY_ROW[:3] and not line.marks


def _wrapped(logical: list[Row], marks: list[tuple[Mark, ...]], place: _Place, columns: int) -> _Wrapped:
    """Whole lines in rows of ``columns``."""
    lines: list[Line] = []
    y = x = 0
    for number, row in enumerate(logical):
        pieces = wrapped(row, columns)
        if number == place.line:
            inside, x = _row_and_column(row, len(pieces), place, columns)
            pieces += [EMPTY_ROW] * (inside + 1 - len(pieces))
            y = len(lines) + inside
        made = [Line.from_row(piece) for piece in pieces]
        made[0].marks = marks[number]
        lines += made
    return _Wrapped(lines, y, x)


def _row_and_column(row: Row, rows: int, place: _Place, columns: int) -> tuple[int, int]:
    """Row and column of the cursor among the rows of its line; behind the end of the line it stays on the last one."""
    start = 0
    for number in range(rows):
        width = columns - 1 if row.text[start + columns : start + columns + 1] == HALF else columns
        end = start + width
        if place.column < end or number == rows - 1 or (place.is_full and place.column == start + columns):
            return number, min(place.column - start, columns if place.is_full else columns - 1)
        start = end
    return 0, 0


def _carried(x: int, before: int, after: int) -> int:
    """A column on a screen of another width; the one behind the last stays that, if there is no room for it."""
    return min(x, after if x >= before else after - 1)
