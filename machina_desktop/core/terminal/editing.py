"""Inserting, deleting, erasing and copying of what is on the screen."""

from __future__ import annotations

from pyte import modes as mo

from machina_desktop.core.terminal.line import Line
from machina_desktop.core.terminal.moving import Moving
from machina_desktop.core.terminal.widths import HALF


class Editing(Moving):
    """Everything that changes cells without drawing text."""

    def insert_characters(self, count: int | None = None) -> None:
        """Move the rest of the row to the right (ICH); what passes the edge is lost."""
        self.settle()
        if self._is_between_sides():
            self.insert_blanks(count or 1)

    def insert_blanks(self, count: int) -> None:
        """Make room at the cursor."""
        self._shift_row(self.cursor.y, self.cursor.x, count)

    def delete_characters(self, count: int | None = None) -> None:
        """Move the rest of the row to the left (DCH); blanks follow."""
        self.settle()
        if self._is_between_sides():
            self._shift_row(self.cursor.y, self.cursor.x, -(count or 1))

    def _is_between_sides(self) -> bool:
        return not self.has_sides or self.sides[0] <= self.cursor.x <= self.sides[1]

    def _shift_row(self, y: int, x: int, by: int) -> None:
        """Move the cells from ``x`` to the right margin; what becomes free takes the background in force."""
        end = (self.sides[1] if self.has_sides else self.columns - 1) + 1
        count = min(abs(by), end - x)
        line = self.rows[y]
        cells, looks = line.to_cells(self.columns)
        self._part(cells, x)
        self._part(cells, end)
        self._part(cells, end - count if by > 0 else x + count)
        blanks, look = [" "] * count, [self.blank_attribute] * count
        if by > 0:
            cells[x:end] = blanks + cells[x : end - count]
            looks[x:end] = look + looks[x : end - count]
        else:
            cells[x:end] = cells[x + count : end] + blanks
            looks[x:end] = looks[x + count : end] + look
        line.is_wrapped = False
        self.damaged_rows.add(y)

    def _part(self, cells: list[str], x: int) -> None:
        """Make a wide character that stands across the left edge of column ``x`` two blanks."""
        if 0 < x < len(cells) and cells[x] == HALF:
            cells[x - 1] = cells[x] = " "

    def erase_characters(self, count: int | None = None) -> None:
        """Blank some cells from the cursor on (ECH)."""
        self.settle()
        self.erase(self.cursor.y, self.cursor.x, min(self.cursor.x + (count or 1), self.columns))

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:  # noqa: FBT001, FBT002 (pyte's signature)
        """Blank the row from the cursor (0), up to the cursor (1), or all of it (2); private: spare protected cells."""
        self.settle()
        x = self.cursor.x
        spans = {0: (x, self.columns), 1: (0, x + 1), 2: (0, self.columns)}
        if how not in spans:
            return
        start, end = spans[how]
        if private:
            self.erase_unprotected(self.cursor.y, start, end)
        else:
            self.erase(self.cursor.y, start, end)

    def erase_in_display(self, how: int = 0, *_: int, private: bool = False) -> None:
        """Blank the screen from the cursor (0), up to it (1), or all of it (2); 3 drops the scrollback."""
        y = self.cursor.y
        spans = {0: range(y + 1, self.lines), 1: range(y), 2: range(self.lines)}
        if how == 3 and not private:
            self.clear_scrollback()
        if how not in spans:
            return
        if how < 2:
            self.erase_in_line(how, private)
        else:
            self.settle()
        for row in spans[how]:
            if private:
                self.erase_unprotected(row, 0, self.columns)
            else:
                self.erase(row, 0, self.columns)
                self.rows[row].marks = ()

    def insert_lines(self, count: int | None = None) -> None:
        """Move the rows from the cursor's on down to the bottom margin (IL)."""
        self._move_lines(count or 1, down=True)

    def delete_lines(self, count: int | None = None) -> None:
        """Take rows away from the cursor's on; rows move up from the bottom margin (DL)."""
        self._move_lines(count or 1, down=False)

    def _move_lines(self, count: int, *, down: bool) -> None:
        self.settle()
        top, bottom = self.region
        y = self.cursor.y
        if not (top <= y <= bottom and self._is_between_sides()):
            return
        count = min(count, bottom - y + 1)
        if self.has_sides:
            shift = self.shift_columns_down if down else self.shift_columns_up
            shift(y, bottom, count)
        else:
            blanks = [Line(fill=self.blank_attribute) for _ in range(count)]
            if down:
                del self.rows[bottom - count + 1 : bottom + 1]
                self.rows[y:y] = blanks
            else:
                del self.rows[y : y + count]
                self.rows[bottom - count + 1 : bottom - count + 1] = blanks
            if y:
                self.rows[y - 1].is_wrapped = False
            self.damage_region(y, bottom)
        self.cursor.x = self.sides[0] if self.has_sides else 0

    def scroll_text_up(self, count: int | None = None) -> None:
        """Scroll the region up, the cursor stays (SU)."""
        self._scroll(count or 1, down=False)

    def scroll_text_down(self, count: int | None = None, *rest: int) -> None:
        """Scroll the region down, the cursor stays (SD); with more parameters it is something else and ignored."""
        if not rest:
            self._scroll(count or 1, down=True)

    def _scroll(self, count: int, *, down: bool) -> None:
        self.settle()
        top, bottom = self.region
        count = min(count, bottom - top + 1)
        if self.has_sides:
            shift = self.shift_columns_down if down else self.shift_columns_up
            shift(top, bottom, count)
            return
        for _ in range(count):
            if down:
                self.scroll_down(top, bottom, self.blank_attribute)
            else:
                self.scroll_up(top, bottom, self.blank_attribute)

    def shift_columns_up(self, top: int, bottom: int, count: int) -> None:
        left, right = self.sides
        for y in range(top, bottom + 1):
            self._copy_span(y + count if y + count <= bottom else None, y, left, right)

    def shift_columns_down(self, top: int, bottom: int, count: int) -> None:
        left, right = self.sides
        for y in range(bottom, top - 1, -1):
            self._copy_span(y - count if y - count >= top else None, y, left, right)

    def _copy_span(self, source: int | None, target: int, left: int, right: int) -> None:
        """Copy the columns from ``left`` to ``right`` from another row; without a source they become blank."""
        cells, looks = self.rows[target].to_cells(self.columns)
        self._part(cells, left)
        self._part(cells, right + 1)
        width = right + 1 - left
        if source is None:
            cells[left : right + 1] = [" "] * width
            looks[left : right + 1] = [self.blank_attribute] * width
        else:
            from_cells, from_looks = self.rows[source].to_cells(self.columns)
            self._part(from_cells, left)
            self._part(from_cells, right + 1)
            cells[left : right + 1] = from_cells[left : right + 1]
            looks[left : right + 1] = from_looks[left : right + 1]
        self.damaged_rows.add(target)

    def insert_columns(self, count: int | None = None) -> None:
        """Move the columns from the cursor's on to the right, in all rows of the region (DECIC)."""
        self._shift_columns(count or 1)

    def delete_columns(self, count: int | None = None) -> None:
        """Take columns away at the cursor, in all rows of the region (DECDC)."""
        self._shift_columns(-(count or 1))

    def _shift_columns(self, by: int, x: int | None = None) -> None:
        self.settle()
        top, bottom = self.region
        if top <= self.cursor.y <= bottom and self._is_between_sides():
            for y in range(top, bottom + 1):
                self._shift_row(y, self.cursor.x if x is None else x, by)

    def back_index(self) -> None:
        """Move left; at the left margin the region moves right instead (DECBI)."""
        self.settle()
        left = self.sides[0] if self.has_sides else 0
        if self.cursor.x == left:
            self._shift_columns(1)
        elif self.cursor.x:
            self.cursor.x -= 1

    def forward_index(self) -> None:
        """Move right; at the right margin the region moves left instead (DECFI)."""
        self.settle()
        left, right = self.sides if self.has_sides else (0, self.columns - 1)
        if self.cursor.x == right:
            self._shift_columns(-1, left)
        elif self.cursor.x < self.columns - 1:
            self.cursor.x += 1

    def repeat(self, count: int | None = None) -> None:
        """Draw the last character again (REP)."""
        if self.last_drawn:
            self.draw(self.last_drawn * min(count or 1, self.columns * self.lines))

    def alignment_display(self) -> None:
        """Fill the screen with E, margins at the edges, the cursor home (DECALN)."""
        self.margins = None
        self.sides = (0, self.columns - 1)
        self.mode.discard(mo.DECOM)
        self.choose_paths()
        self.cursor_position()
        for line in self.rows:
            line.blank(0)
            line.write(0, "E" * self.columns, [0, 0], self.columns)
        self.damage_all()
