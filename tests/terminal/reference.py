"""pyte with its defects mended, one method each: what the terminal is compared with, stream by stream.

The mended pyte is slow and plain on purpose: cells in a dictionary, nothing shared with the terminal. Every mend has a
test of its own in ``test_mends.py``.
"""

from __future__ import annotations

import unicodedata
from typing import Any, ClassVar

import pyte
from pyte import modes as mo
from pyte.screens import Char, Margins, StaticDefaultDict
from wcwidth import wcwidth


class Reference(pyte.Screen):
    """What xterm does, written on top of pyte."""

    def blank(self) -> Char:
        """An erased cell keeps the background and nothing else."""
        return Char(" ", bg=self.cursor.attrs.bg)

    def settle(self) -> None:
        """A full row is a state of its own: whatever moves or erases begins in the last column."""
        self.cursor.x = min(self.cursor.x, self.columns - 1)

    @property
    def region(self) -> Margins:
        return self.margins or Margins(0, self.lines - 1)

    def blank_row(self) -> StaticDefaultDict[int, Char]:
        row = StaticDefaultDict[int, Char](self.default_char)
        row.update(dict.fromkeys(range(self.columns), self.blank()))
        return row

    def take_out_and_put_in(self, out: int, into: int) -> None:
        rows = [self.buffer[y] for y in range(self.lines)]
        del rows[out]
        rows.insert(into, self.blank_row())
        self.buffer.clear()
        self.buffer.update(enumerate(rows))

    def index(self) -> None:
        self.settle()
        if self.cursor.y == self.region.bottom:
            self.take_out_and_put_in(self.region.top, self.region.bottom)
        elif self.cursor.y < self.lines - 1:
            self.cursor.y += 1

    def reverse_index(self) -> None:
        self.settle()
        if self.cursor.y == self.region.top:
            self.take_out_and_put_in(self.region.bottom, self.region.top)
        elif self.cursor.y:
            self.cursor.y -= 1

    def cursor_up(self, count: int | None = None) -> None:
        self.settle()
        edge = self.region.top if self.cursor.y >= self.region.top else 0
        self.cursor.y = max(self.cursor.y - (count or 1), edge)

    def cursor_down(self, count: int | None = None) -> None:
        self.settle()
        edge = self.region.bottom if self.cursor.y <= self.region.bottom else self.lines - 1
        self.cursor.y = min(self.cursor.y + (count or 1), edge)

    def cursor_forward(self, count: int | None = None) -> None:
        self.settle()
        super().cursor_forward(count)

    def tab(self) -> None:
        self.settle()
        super().tab()

    def set_tab_stop(self) -> None:
        self.settle()
        super().set_tab_stop()

    def clear_tab_stop(self, how: int = 0) -> None:
        x = self.cursor.x
        self.settle()
        super().clear_tab_stop(how)
        self.cursor.x = x

    def cursor_position(self, line: int | None = None, column: int | None = None) -> None:
        first, last = self.region if mo.DECOM in self.mode else (0, self.lines - 1)
        self.cursor.y = min((line or 1) - 1 + first, last)
        self.cursor.x = min((column or 1) - 1, self.columns - 1)

    def cursor_to_line(self, line: int | None = None) -> None:
        self.settle()
        self.cursor_position(line, self.cursor.x + 1)

    def origin_row(self) -> int:
        return max(self.cursor.y - (self.region.top if mo.DECOM in self.mode else 0), 0)

    def cursor_to_column(self, column: int | None = None) -> None:
        self.cursor_position(self.origin_row() + 1, column)

    def columns_forward(self, count: int | None = None) -> None:
        self.settle()
        self.cursor_position(self.origin_row() + 1, self.cursor.x + 1 + (count or 1))

    def lines_forward(self, count: int | None = None) -> None:
        self.settle()
        self.cursor_position(self.origin_row() + 1 + (count or 1), self.cursor.x + 1)

    def set_margins(self, top: int | None = None, bottom: int | None = None) -> None:
        first, last = (top or 1) - 1, min(bottom or self.lines, self.lines) - 1
        if last > first:
            self.margins = None if (first, last) == (0, self.lines - 1) else Margins(first, last)
            self.cursor_position()

    def save_cursor(self) -> None:
        super().save_cursor()
        del self.savepoints[:-1]

    def restore_cursor(self) -> None:
        self.mode.discard(mo.DECOM)
        if not self.savepoints:
            self.cursor_position()
            self.cursor.attrs = self.default_char
            return
        saved = self.savepoints[-1]
        self.cursor.x, self.cursor.y, self.cursor.attrs = saved.cursor.x, saved.cursor.y, saved.cursor.attrs
        if saved.origin:
            self.mode.add(mo.DECOM)
            self.cursor.y = min(max(self.cursor.y, self.region.top), self.region.bottom)

    def next_line(self) -> None:
        self.index()
        self.cursor.x = 0

    def insert_lines(self, count: int | None = None) -> None:
        self.settle()
        if self.region.top <= self.cursor.y <= self.region.bottom:
            for _ in range(min(count or 1, self.lines)):
                self.take_out_and_put_in(self.region.bottom, self.cursor.y)
            self.cursor.x = 0

    def delete_lines(self, count: int | None = None) -> None:
        self.settle()
        if self.region.top <= self.cursor.y <= self.region.bottom:
            for _ in range(min(count or 1, self.lines)):
                self.take_out_and_put_in(self.cursor.y, self.region.bottom)
            self.cursor.x = 0

    def cells(self) -> list[Char]:
        return [self.buffer[self.cursor.y][x] for x in range(self.columns)]

    def put_cells(self, cells: list[Char]) -> None:
        """Store a row; what is left of a wide character is blank."""
        for x, cell in enumerate(cells):
            if cell.data == "" and (x == 0 or not is_wide(cells[x - 1])):
                cells[x] = cell._replace(data=" ")
            if is_wide(cell) and (x + 1 == len(cells) or cells[x + 1].data != ""):
                cells[x] = cell._replace(data=" ")
        self.buffer[self.cursor.y].update(enumerate(cells))

    def insert_characters(self, count: int | None = None) -> None:
        self.settle()
        x, cells = self.cursor.x, self.parted(self.cells(), self.cursor.x)
        blanks = [self.blank()] * min(count or 1, self.columns - x)
        self.put_cells((cells[:x] + blanks + cells[x:])[: self.columns])

    def delete_characters(self, count: int | None = None) -> None:
        self.settle()
        x, count = self.cursor.x, min(count or 1, self.columns - self.cursor.x)
        cells = self.parted(self.parted(self.cells(), x), x + count)
        self.put_cells(cells[:x] + cells[x + count :] + [self.blank()] * count)

    @staticmethod
    def parted(cells: list[Char], x: int) -> list[Char]:
        """Two blanks in place of a wide character that column ``x`` cuts."""
        if x < len(cells) and cells[x].data == "":
            cells[x - 1 : x + 1] = [cell._replace(data=" ") for cell in cells[x - 1 : x + 1]]
        return cells

    def erase(self, y: int, columns: range) -> None:
        kept, self.cursor.y = self.cursor.y, y
        cells = self.cells()
        for x in columns:
            if x < self.columns:
                cells[x] = self.blank()
        self.put_cells(cells)
        self.cursor.y = kept

    def erase_characters(self, count: int | None = None) -> None:
        self.settle()
        self.erase(self.cursor.y, range(self.cursor.x, self.cursor.x + (count or 1)))

    def erase_in_line(self, how: int = 0, private: bool = False) -> None:  # noqa: FBT001, FBT002 (pyte's)
        self.settle()
        x = self.cursor.x
        self.erase(
            self.cursor.y, {0: range(x, self.columns), 1: range(x + 1), 2: range(self.columns)}.get(how, range(0))
        )

    def erase_in_display(self, how: int = 0, *_: Any, **__: Any) -> None:
        y = self.cursor.y
        for row in {0: range(y + 1, self.lines), 1: range(y), 2: range(self.lines)}.get(how, ()):
            self.erase(row, range(self.columns))
        if how in {0, 1}:
            self.erase_in_line(how)
        elif how == 2:
            self.settle()

    def draw(self, data: str) -> None:
        for character in data:
            width = wcwidth(character)
            if width > 0:
                self.draw_one(character, width)
            elif width == 0:
                self.join(character)

    def draw_one(self, character: str, width: int) -> None:
        if self.cursor.x + width > self.columns:
            if mo.DECAWM in self.mode:
                self.cursor.x = 0
                self.index()
            else:
                self.cursor.x = self.columns - width
        if mo.IRM in self.mode:
            self.insert_characters(width)
        cells = self.cells()
        x = self.cursor.x
        cells[x : x + width] = [self.cursor.attrs._replace(data=part) for part in (character, "")[:width]]
        self.put_cells(cells)
        self.cursor.x += width

    def join(self, mark: str) -> None:
        x = self.cursor.x - 1
        if x >= 0:
            row = self.buffer[self.cursor.y]
            x -= row[x].data == ""
            row[x] = row[x]._replace(data=unicodedata.normalize("NFC", row[x].data + mark))


def is_wide(cell: Char) -> bool:
    return cell.data != "" and wcwidth(cell.data[0]) == 2


class ReferenceStream(pyte.ByteStream):
    """pyte's parser with the sequences it lacks or sends to the wrong method."""

    escape: ClassVar = {**pyte.ByteStream.escape, "E": "next_line"}
    csi: ClassVar = {**pyte.ByteStream.csi, "a": "columns_forward", "e": "lines_forward", "`": "cursor_to_column"}
    events = pyte.ByteStream.events | {"next_line", "columns_forward", "lines_forward"}
