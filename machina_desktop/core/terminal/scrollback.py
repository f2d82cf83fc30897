"""What has scrolled off the screen, as logical lines: a new width costs nothing until somebody looks.

Wrapped rows are joined up to ``PIECE`` columns, so that a line of 50 MB is many entries and not one.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from itertools import accumulate
from typing import Final

from machina_desktop.core.terminal.blocks import BLOCK, Block, Entry, Packed, texts_of
from machina_desktop.core.terminal.rows import EMPTY_ROW, Row
from machina_desktop.core.terminal.sequences import after_sgr
from machina_desktop.core.terminal.wrapping import joined, read_line, rows_of, trimmed, wrapped

#: Rows after which a block takes no more; the oldest block is dropped as a whole.
_ROWS = 512
#: Characters that wait to be read.
UNREAD: Final = 16_000_000
#: Columns after which a wrapped line goes on in another entry.
PIECE: Final = 4096


class Scrollback:
    """The lines above the screen.

    Rows are counted from the oldest one there is (0) to ``rows - 1``, at the current width.

    Attributes:
        columns: The current width.
        first_serial: The number of the oldest entry; entries are numbered from 0 in the order they came.
    """

    def __init__(self, columns: int, limit: int) -> None:
        self.columns = columns
        self.limit = limit
        self.first_serial = 0
        self._rows = 0
        self._dropped = 0
        self._blocks: list[Block] = []
        # The first row of each block, and what to take off: so nothing has to be done to the others when blocks go.
        self._block_starts: list[int] = []
        self._offset = 0
        self._recent: tuple[int, list[Row]] = (-1, [])
        self._missing = 0
        # Looks in packed rows, in the order they were first seen, and their numbers.
        self._looks: dict[int, int] = {}
        self._looks_by_number: list[int] = []
        # What came after the blocks and has not been looked at: rows, and lines as (text, attribute at its start).
        self._unread: list[Row | tuple[str, int]] = []
        self._unread_counts: list[int] = []
        self._unread_size = 0

    @property
    def rows(self) -> int:
        """How many rows there are."""
        self._read_all()
        return self._rows

    @property
    def dropped(self) -> int:
        """How many rows have fallen out at the far end, ever; lines that were never looked at count as one each."""
        self._read_all()
        return self._dropped

    def extend_unread(self, text: str, attribute: int) -> None:
        """Append whole lines of printable text and SGR sequences, CR LF between them, to be read when needed."""
        self._unread.append((text, attribute))
        self._unread_counts.append(text.count("\n") + 1)
        self._unread_size += len(text)
        if self._unread_size > UNREAD:
            self._forget_unseen()
            if self._unread_size > UNREAD:
                self._read_all()

    def _forget_unseen(self) -> None:
        """Drop what would fall out as soon as it were read."""
        left = sum(self._unread_counts)
        gone = 0
        while gone + 1 < len(self._unread) and left - self._unread_counts[gone] >= self.limit:
            left -= self._unread_counts[gone]
            gone += 1
        if gone:
            self._clear_blocks()
            self._dropped += sum(self._unread_counts[:gone])
            del self._unread[:gone], self._unread_counts[:gone]
            self._unread_size = sum(len(each[0]) for each in self._unread)

    def _read_all(self) -> None:
        """Put what has not been looked at into blocks."""
        if not self._unread:
            return
        self._forget_unseen()
        unread, self._unread = self._unread, []
        self._unread_counts = []
        self._unread_size = 0
        for each in unread:
            if isinstance(each, Row):
                self.append(each)
            elif "\n" not in each[0]:
                self.append_raw(*each, texts_of(each[0])[0])
            else:
                self._extend_raw(*each)

    def _extend_raw(self, text: str, attribute: int) -> None:
        lines = text.split("\r\n")
        if not attribute and "\x1b" not in text and text.isascii():
            self.extend([*lines], lines)
            return
        texts = texts_of(text)
        if self.is_open():
            self.append(read_line(lines[0], attribute, self.columns))
            attribute = after_sgr(lines[0], attribute)
            del lines[0], texts[0]
        if not self.limit:
            self._dropped += sum(rows_of(text, self.columns) for text in texts)
            return
        for at in range(0, len(lines), BLOCK):
            some = lines[at : at + BLOCK]
            first = self._count_entries() + self.first_serial
            block = Block.of_raw(first, some, texts[at : at + BLOCK], attribute, self.columns)
            self._add(block)
            self._rows += block.rows(self.columns)
            attribute = after_sgr("".join(some), attribute)
        self._trim()

    def extend(self, entries: list[Entry], texts: list[str]) -> None:
        """Append whole lines; ``texts``: what each of them shows."""
        if self.is_open():
            self.append(self.whole(entries[0]))
            entries, texts = entries[1:], texts[1:]
        longest = max(map(len, texts), default=0)
        counts = None if longest <= self.columns else [rows_of(text, self.columns) for text in texts]
        if not self.limit:
            self._dropped += sum(counts) if counts else len(entries)
            return
        at = 0
        while at < len(entries):
            block = self._open_block()
            end = min(at + BLOCK - block.size, len(entries))
            block.extend(entries[at:end], longest)
            self._rows += sum(counts[at:end]) if counts else end - at
            at = end
        self._trim()

    def append(self, row: Row) -> None:
        """Append one row of the screen, which may continue the last entry."""
        if self._unread:
            self._unread.append(row)
            self._unread_counts.append(1)
            return
        if not self.limit:
            self._dropped += 1
            return
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
        self._rows += 1 if width <= self.columns else rows_of(row.text, self.columns)
        if block.size == 1:
            self._trim()

    def append_raw(self, raw: str, attribute: int, text: str) -> None:
        """Append a line of text and SGR sequences that begins with this attribute, and what it shows."""
        if self._unread:
            self._unread.append((raw, attribute))
            self._unread_counts.append(1)
            return
        last = self._last()
        if not self.limit or (last is not None and last.is_wrapped):
            self.append(read_line(raw, attribute, self.columns))
            return
        self._missing = self.columns - len(text)
        block = self._open_block()
        block.append((raw, attribute, self.columns), text)
        self._rows += rows_of(text, self.columns)
        if block.size == 1:
            self._trim()

    def append_wrapped(self, text: str, attribute: int) -> None:
        """Append text of narrow characters, of some whole rows, that goes on with the next row."""
        self._read_all()
        if not self.limit:
            self._dropped += len(text) // self.columns
            return
        length = max(PIECE // self.columns, 1) * self.columns
        for start in range(0, len(text), length):
            piece = text[start : start + length]
            row = Row(piece, (0, attribute) if attribute else (), is_wrapped=True)
            self._open_block().append(row, piece)
            self._rows += len(piece) // self.columns
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
        self._read_all()
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
        self._read_all()
        block = self._blocks[-1]
        self._rows -= block.rows(self.columns) - block.start(block.size - 1, self.columns)
        row = self.whole(block.pop())
        self._recent = (-1, [])
        if not block.size:
            self._blocks.pop()
            self._block_starts.pop()
        return row

    def clear(self) -> None:
        """Drop everything."""
        self._read_all()
        self._clear_blocks()

    def _clear_blocks(self) -> None:
        self.first_serial += self._count_entries()
        self._dropped += self._rows
        self._rows = 0
        self._blocks.clear()
        self._block_starts.clear()
        self._recent = (-1, [])

    def set_columns(self, columns: int) -> None:
        """Show the lines at another width."""
        self._read_all()
        if columns == self.columns:
            return
        self.columns = columns
        self._recent = (-1, [])
        *self._block_starts, self._rows = accumulate((block.rows(columns) for block in self._blocks), initial=0)
        self._offset = 0

    def _open_block(self) -> Block:
        last = self._blocks[-1] if self._blocks else None
        if not last or not last.is_open or self._rows + self._offset - self._block_starts[-1] >= _ROWS:
            last = Block(self.first_serial + self._count_entries())
            self._add(last)
        return last

    def _add(self, block: Block) -> None:
        self._blocks.append(block)
        self._block_starts.append(self._rows + self._offset)

    def _replace_last(self, before: Row, row: Row) -> None:
        self._blocks[-1].replace_last(self._packed(row), len(row.text))
        self._recent = (-1, [])
        self._rows += rows_of(row.text, self.columns) - rows_of(before.text, self.columns)

    def _trim(self) -> None:
        excess = 0
        starts = self._block_starts
        end = self._rows + self._offset
        while excess + 1 < len(starts) and end - starts[excess + 1] >= self.limit:
            excess += 1
        if not excess:
            return
        gone = starts[excess] - self._offset
        self.first_serial = self._blocks[excess].first
        del self._blocks[:excess], starts[:excess]
        self._offset += gone
        self._rows -= gone
        self._dropped += gone
        self._recent = (-1, [])

    def __len__(self) -> int:
        self._read_all()
        return self._count_entries()

    def _count_entries(self) -> int:
        return self._blocks[-1].first + self._blocks[-1].size - self.first_serial if self._blocks else 0

    def row(self, index: int) -> Row:
        """Row ``index``, 0 being the oldest."""
        self._read_all()
        number = bisect_right(self._block_starts, index + self._offset) - 1
        block = self._blocks[number]
        inside = index + self._offset - self._block_starts[number]
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
        """The row at which entry ``serial`` begins; None if it is gone."""
        if not self.first_serial <= serial < self.first_serial + len(self):
            return None
        number = bisect_right(self._blocks, serial, key=lambda block: block.first) - 1
        block = self._blocks[number]
        return self._block_starts[number] - self._offset + block.start(serial - block.first, self.columns)

    def whole(self, entry: Entry) -> Row:
        """An entry as one row as wide as it needs to be."""
        if isinstance(entry, str):
            return Row(entry)
        if isinstance(entry, Row):
            return entry
        return self._unpacked(entry) if isinstance(entry, Packed) else read_line(*entry)
