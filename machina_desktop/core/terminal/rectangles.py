"""Areas of the screen that are copied, filled and erased (VT420), and cells protected from erasing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from machina_desktop.core.terminal.attributes import PROTECTED
from machina_desktop.core.terminal.modes import Switching


class Rectangles(Switching):
    """Rectangles are given as top, left, bottom, right from 1; absent ones mean the edges; origin mode counts."""

    def rectangle(self, area: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Row, first column and the column after the last, of every row of an area."""
        first_row, last_row, first_column, last_column = 0, self.lines - 1, 0, self.columns - 1
        if self.is_origin:
            first_row, last_row = self.region
            if self.has_sides:
                first_column, last_column = self.sides
        top, left, bottom, right = (*area[:4], 0, 0, 0, 0)[:4]
        upper = min(first_row + max(top, 1) - 1, last_row)
        start = min(first_column + max(left, 1) - 1, last_column)
        lower = min(first_row + bottom - 1, last_row) if bottom else last_row
        end = min(first_column + right - 1, last_column) if right else last_column
        if upper <= lower and start <= end:
            for y in range(upper, lower + 1):
                yield y, start, end + 1

    def fill_rectangle(self, code: int = 0, *area: int) -> None:
        """Fill with a character (DECFRA)."""
        if not (32 <= code <= 126 or 160 <= code <= 255):
            return
        for y, left, right in self.rectangle(area):
            self.rows[y].to_cells(self.columns)
            self.rows[y].write(left, chr(code) * (right - left), [left, self.cursor.attribute], self.columns)
            self.damaged_rows.add(y)

    def erase_rectangle(self, *area: int) -> None:
        """Blank (DECERA)."""
        for y, left, right in self.rectangle(area):
            self.rows[y].to_cells(self.columns)
            self.rows[y].write(left, " " * (right - left), [left, self.blank_attribute], self.columns)
            self.damaged_rows.add(y)

    def erase_rectangle_selectively(self, *area: int) -> None:
        """Blank what is not protected (DECSERA)."""
        for y, left, right in self.rectangle(area):
            self.erase_unprotected(y, left, right)

    def copy_rectangle(self, *parameters: int) -> None:
        """Copy to another place (DECCRA): area, page, then top and left of the target."""
        top, left = (*parameters[5:7], 0, 0)[:2]
        spans = list(self.rectangle(parameters))
        copies = []
        for y, start, end in spans:
            cells, looks = self.rows[y].to_cells(self.columns)
            copies.append((cells[start:end], looks[start:end]))
        if not spans:
            return
        targets = list(self.rectangle((max(top, 1), max(left, 1), 0, 0)))
        for (y, start, edge), (copied, copied_looks) in zip(targets, copies, strict=False):
            count = min(len(copied), edge - start)
            cells, looks = self.rows[y].to_cells(self.columns)
            cells[start : start + count] = copied[:count]
            looks[start : start + count] = copied_looks[:count]
            self.damaged_rows.add(y)

    def protect(self, how: int = 0) -> None:
        """Protect what is drawn from now on against selective erasing (1), or not (DECSCA)."""
        self.is_erase_guarded = False
        if how == 1:
            self.cursor.attribute |= PROTECTED
        elif how in {0, 2}:
            self.cursor.attribute &= ~PROTECTED

    def start_guarded(self) -> None:
        """Protect what is drawn from now on against plain erasing too (SPA)."""
        self.is_erase_guarded = True
        self.cursor.attribute |= PROTECTED

    def end_guarded(self) -> None:
        """Stop protecting what is drawn (EPA)."""
        self.cursor.attribute &= ~PROTECTED
