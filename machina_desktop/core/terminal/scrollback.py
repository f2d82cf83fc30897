"""What has scrolled off the screen, as logical lines: a new width costs nothing until somebody looks.

Wrapped rows are joined up to ``PIECE`` columns, so that a line of 50 MB is many entries and not one.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import Final

from machina_desktop.core.terminal.blocks import BLOCK, Block, Entry, Packed
from machina_desktop.core.terminal.rows import EMPTY_ROW, Row
from machina_desktop.core.terminal.sequences import after_sgr, read_raw
from machina_desktop.core.terminal.wrapping import joined, kept_width, read_line, rows_of, trimmed, wrapped

#: Rows after which a block takes no more; the oldest block is dropped as a whole.
_ROWS = 512
#: Bytes and lines of a block of lines that passed through unseen, about.
_RAW: Final = 16_384
_RAW_LINES: Final = 1024
#: Bytes of a line, on average, from which on lines are counted as they come: many would be kept, though few rows are.
_LONG: Final = 512
#: Rows of wrapped lines are kept up to so many times the number of lines.
_WRAPPED: Final = 3
#: Columns after which a wrapped line goes on in another entry.
PIECE: Final = 4096


class Scrollback:
    """The lines above the screen.

    Rows have numbers, from ``dropped`` to before ``top``, at the current width.

    Attributes:
        columns: The current width.
        top: The number of the row after the newest one.
        counts_late: Lines that passed through unseen, if they are not long, count as one row each until somebody comes
            near: the numbers of what is above them become smaller then, those below stay. Otherwise they are counted as
            they come.
    """

    def __init__(self, columns: int, limit: int) -> None:
        self.columns = columns
        self.limit = limit
        self.top = 0
        self.counts_late = False
        # The number of the next entry.
        self._next = 0
        self._blocks: list[Block] = []
        # The first row of each block.
        self._starts: list[int] = []
        # From this row on all numbers are final.
        self._settled = 0
        self._recent: tuple[int, list[Row]] = (-1, [])
        self._missing = 0
        # Looks in packed rows, in the order they were first seen, and their numbers.
        self._looks: dict[int, int] = {}
        self._looks_by_number: list[int] = []

    @property
    def rows(self) -> int:
        """How many rows there are; of those that are counted late, at least."""
        return self.top - self.dropped

    @property
    def dropped(self) -> int:
        """The number of the oldest row there is."""
        return self._starts[0] if self._starts else self.top

    @property
    def first_serial(self) -> int:
        """The number of the oldest entry; entries are numbered from 0 in the order they came."""
        return self._blocks[0].first if self._blocks else self._next

    def __len__(self) -> int:
        return self._next - self.first_serial

    def settle(self, row: int) -> None:
        """Make the numbers of this row and of those below final."""
        while self._settled > row and self.count_some():
            pass

    def count_some(self) -> bool:
        """Count the newest block whose number of rows is not final, some 0.3 ms of work; False if there is none."""
        number = bisect_left(self._starts, self._settled) - 1
        if number < 0:
            return False
        block = self._blocks[number]
        if not block.is_counted:
            block.count()
            growth = block.rows(self.columns) - block.size
            if growth:
                self._starts[: number + 1] = [start - growth for start in self._starts[: number + 1]]
        self._settled = self._starts[number]
        return True

    def extend_unread(self, raw: bytes, attribute: int) -> int:
        """Append whole lines of printable text and SGR sequences, CR LF after each, to be read when needed.

        Args:
            raw: The lines.
            attribute: How they begin.

        Returns:
            How they end.
        """
        if self.is_open():
            line, _, raw = raw.partition(b"\r\n")
            text = line.decode("utf-8", "replace")
            self.append(read_line(text, attribute, self.columns))
            attribute = after_sgr(text, attribute)
        short = raw.count(b"\n", 0, _RAW) > _RAW_LINES
        step = _RAW_LINES * len(raw) // raw.count(b"\n") if short else _RAW
        at = 0
        while at < len(raw):
            end = raw.find(b"\n", at + step - 1) + 1 or len(raw)
            piece = raw[at:end]
            at = end
            block = Block.of_raw(self._next, piece, attribute, self.columns)
            if b"\x1b" in piece:
                attribute = after_sgr(piece.decode("utf-8", "replace"), attribute)
            if not self.counts_late or len(piece) > _LONG * block.size:
                block.count()
            self._add(block)
            self._next += block.size
            self.top += block.rows(self.columns)
            if self.counts_late:
                self._settled = self.top
        self._trim()
        return attribute

    def extend(self, entries: list[Entry], texts: list[str]) -> None:
        """Append whole lines; ``texts``: what each of them shows."""
        if self.is_open():
            self.append(self.whole(entries[0]))
            entries, texts = entries[1:], texts[1:]
        longest = max(map(len, texts), default=0)
        counts = None if longest <= self.columns else [rows_of(text, self.columns) for text in texts]
        at = 0
        while at < len(entries):
            block = self._open_block()
            end = min(at + BLOCK - block.size, len(entries))
            block.extend(entries[at:end], longest)
            self._next += end - at
            self.top += sum(counts[at:end]) if counts else end - at
            at = end
        self._trim()

    def append(self, row: Row) -> None:
        """Append one row of the screen, which may continue the last entry."""
        width = len(row.text)
        missing, self._missing = self._missing, self.columns - width
        last = self._last()
        if last is not None and last.is_wrapped:
            # A row that was scrolled off counts as one, even if there is nothing to be seen on it.
            row = row if row.text else row._replace(text=" ", runs=(0, row.fill))
            if len(last.text) < PIECE:
                self._replace_last(last, joined(last, row, missing))
                return
        block = self._open_block()
        block.append(self._packed(row), row.text)
        self._next += 1
        self.top += 1 if width <= self.columns else rows_of(row.text, self.columns)
        if block.size == 1:
            self._trim()

    def append_raw(self, raw: str, attribute: int, text: str) -> None:
        """Append a line of text and SGR sequences that begins with this attribute, and what it shows."""
        if self.is_open():
            self.append(read_line(raw, attribute, self.columns))
            return
        self._missing = self.columns - len(text)
        if text[-1:] == " ":
            text = text[: kept_width(read_raw(raw, attribute), self.columns)]
        block = self._open_block()
        block.append((raw, attribute, self.columns), text)
        self._next += 1
        self.top += rows_of(text, self.columns)
        if block.size == 1:
            self._trim()

    def append_wrapped(self, text: str, attribute: int) -> None:
        """Append text of narrow characters, of some whole rows, that goes on with the next row."""
        runs = (0, attribute) if attribute else ()
        last = self._last()
        begin = 0
        if last is not None and last.is_wrapped and len(last.text) < PIECE:
            begin = -(-(PIECE - len(last.text)) // self.columns) * self.columns
            self._replace_last(last, joined(last, Row(text[:begin], runs, is_wrapped=True), self._missing))
        length = -(-PIECE // self.columns) * self.columns
        for start in range(begin, len(text), length):
            piece = text[start : start + length]
            row = Row(piece, runs, is_wrapped=True)
            self._open_block().append(row, piece)
            self._next += 1
            self.top += len(piece) // self.columns
        self._missing = 0
        self._trim()

    def _packed(self, row: Row) -> Entry:
        """The row in as little room as it can be had."""
        if row.fill or row.clusters or row.is_wrapped or len(row.text) > 0xFFFF:
            return row
        if not row.runs:
            return row.text
        looks = self._looks
        numbers = [*row.runs]
        numbers[1::2] = [looks.setdefault(look, len(looks)) for look in row.runs[1::2]]
        return Packed(row.text, struct.pack(f"{len(numbers)}H", *numbers)) if len(looks) < 0xFFFF else row

    def _unpacked(self, row: Packed) -> Row:
        numbers = [*struct.unpack(f"{len(row.runs) // 2}H", row.runs)]
        if len(self._looks_by_number) != len(self._looks):
            self._looks_by_number = [*self._looks]
        numbers[1::2] = [self._looks_by_number[number] for number in numbers[1::2]]
        return Row(row.text, tuple(numbers))

    def is_open(self) -> bool:
        """Whether the newest line goes on with the first row of the screen."""
        last = self._last()
        return last is not None and last.is_wrapped

    def _last(self) -> Row | None:
        """The newest entry, if it is one that may go on."""
        last = self._blocks[-1].last if self._blocks else None
        return last if isinstance(last, Row) else None

    def continued(self, row: Row) -> Row:
        """The newest line, which is taken away, and ``row``, which continues it."""
        return joined(self.pop(), row, self._missing)

    def pop(self) -> Row:
        """Take the newest entry away; there must be one."""
        self.settle(self.top - 1)
        block = self._blocks[-1]
        self.top -= block.rows(self.columns) - block.start(block.size - 1, self.columns)
        self._settled = min(self._settled, self.top)
        self._next -= 1
        row = self.whole(block.pop())
        self._recent = (-1, [])
        if not block.size:
            self._blocks.pop()
            self._starts.pop()
        return row

    def clear(self) -> None:
        """Drop everything."""
        self._blocks.clear()
        self._starts.clear()
        self._settled = self.top
        self._recent = (-1, [])

    def set_columns(self, columns: int) -> None:
        """Show the lines at another width."""
        if columns == self.columns:
            return
        self.columns = columns
        self._recent = (-1, [])
        unsettled = bisect_left(self._starts, self._settled)
        rows = (block.rows(columns) for block in self._blocks)
        starts = [*accumulate(rows, initial=self.dropped)]
        self._settled = starts[unsettled]
        *self._starts, self.top = starts

    def _open_block(self) -> Block:
        last = self._blocks[-1] if self._blocks else None
        if not last or not last.is_open or self.top - self._starts[-1] >= _ROWS:
            last = Block(self._next)
            self._add(last)
        return last

    def _add(self, block: Block) -> None:
        self._blocks.append(block)
        self._starts.append(self.top)

    def _replace_last(self, before: Row, row: Row) -> None:
        self._blocks[-1].replace_last(self._packed(row), len(row.text))
        self._recent = (-1, [])
        self.top += rows_of(row.text, self.columns) - rows_of(before.text, self.columns)

    def _trim(self) -> None:
        """Drop the oldest blocks if the others hold as many lines as shall be kept, or far more rows."""
        if not self.limit:
            self.clear()
            return
        whole = bisect_right(self._blocks, self._next - self.limit, key=lambda block: block.first) - 1
        excess = max(whole, bisect_right(self._starts, self.top - _WRAPPED * self.limit) - 1)
        if excess > 0:
            del self._blocks[:excess], self._starts[:excess]
            self._recent = (-1, [])

    def row(self, number: int) -> Row:
        """The row with that number, one that is there."""
        self.settle(number)
        at_block = bisect_right(self._starts, number) - 1
        block = self._blocks[at_block]
        inside = number - self._starts[at_block]
        at = block.at_row(inside, self.columns)
        if block.longest <= self.columns:
            return trimmed(self.whole(block.entries[at]))
        serial = block.first + at
        if self._recent[0] != serial:
            self._recent = (serial, wrapped(trimmed(self.whole(block.entries[at])), self.columns))
        rows = self._recent[1]
        # The blanks at the end of a line may have had rows of their own.
        inside -= block.start(at, self.columns)
        return rows[inside] if inside < len(rows) else EMPTY_ROW

    def row_of(self, serial: int) -> int | None:
        """The number, final then, of the row at which entry ``serial`` begins; None if it is gone."""
        if not self.first_serial <= serial < self._next:
            return None
        number = bisect_right(self._blocks, serial, key=lambda block: block.first) - 1
        while self._settled > self._starts[number]:
            self.count_some()
        block = self._blocks[number]
        return self._starts[number] + block.start(serial - block.first, self.columns)

    def whole(self, entry: Entry) -> Row:
        """An entry as one row as wide as it needs to be."""
        if isinstance(entry, str):
            return Row(entry)
        if isinstance(entry, Row):
            return entry
        return self._unpacked(entry) if isinstance(entry, Packed) else read_line(*entry)
