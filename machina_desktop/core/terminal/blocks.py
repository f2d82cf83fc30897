"""A few hundred lines of scrollback, and how many rows they take at a width.

An entry is one of four things, from small to large: a ``str`` (default attributes), ``(raw, attribute, columns)``
(text with SGR sequences that passed through unseen, the attribute it began with and the width of the screen then; it
is read when it is looked at), a ``Packed`` row, or a ``Row`` of any width. A ``Row`` that ``is_wrapped`` is continued
by the next entry.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from itertools import accumulate
from typing import Final, NamedTuple

from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.sequences import after_sgr, read_raw, without_sgr
from machina_desktop.core.terminal.widths import aligned, composed, find_doubtful
from machina_desktop.core.terminal.wrapping import kept, kept_width, rows_of

#: Entries a block holds at most.
BLOCK: Final = 256


class Packed(NamedTuple):
    """A coloured row in little room; ``runs``: column and number of the look, 16 bits each."""

    text: str
    runs: bytes


Entry = str | tuple[str, int, int] | Packed | Row


def texts_of(raw: str) -> list[str]:
    """What lines of printable text and SGR sequences show, CR LF between them, one code point a column."""
    bare = without_sgr("", raw) if "\x1b" in raw else raw
    if not bare.isascii():
        flat = bare.replace("\r\n", "")
        if find_doubtful(flat):
            bare = composed(bare)
            if find_doubtful(bare.replace("\r\n", "")):
                return [read_raw(line, 0).text for line in raw.split("\r\n")]
        bare = aligned(bare)
    return bare.split("\r\n")


class Block:
    """Some entries in order.

    Attributes:
        first: The number of the first entry.
        size: How many there are.
        longest: An upper bound of their columns; 0 as long as they are not counted.
        is_counted: Whether the columns of lines that passed through unseen are known.
    """

    __slots__ = ("_counted_at", "_entries", "_raw", "_starts", "_widths", "first", "is_counted", "longest", "size")

    def __init__(self, first: int) -> None:
        self.first = first
        self.size = 0
        self.longest = 0
        self.is_counted = True
        self._entries: list[Entry] = []
        # Lines that nobody has looked at: as they came, with the attribute of their beginning and the width.
        self._raw: tuple[bytes, int, int] | None = None
        # Columns of the entries, as far as they have been counted.
        self._widths = array("I")
        self._counted_at = 0
        self._starts: list[int] = []

    @classmethod
    def of_raw(cls, first: int, raw: bytes, attribute: int, columns: int) -> Block:
        """Lines of text and SGR sequences, CR LF after each, that begin with this attribute on a screen so wide."""
        block = cls(first)
        block._raw = raw, attribute, columns
        block.size = raw.count(b"\n")
        block.is_counted = False
        return block

    @property
    def entries(self) -> list[Entry]:
        """The entries; to be changed by the methods of the block only."""
        if self._raw is not None:
            self.count()
            raw, attribute, columns = self._raw
            self._raw = None
            for line in _lines(raw).split("\r\n"):
                is_plain = not attribute and "\x1b" not in line and line.isascii()
                self._entries.append(kept(line, columns) if is_plain else (line, attribute, columns))
                attribute = after_sgr(line, attribute)
        return self._entries

    def count(self) -> None:
        """Learn how many columns the lines take; until then each is taken for one that fits."""
        if not self.is_counted and self._raw is not None:
            self._widths.extend(_widths(*self._raw))
            self.longest = max(self._widths)
            self.is_counted = True

    @property
    def is_open(self) -> bool:
        """Whether more may be added."""
        return self.size < BLOCK and self._raw is None

    @property
    def last(self) -> Entry | None:
        """The last entry; None if nobody has looked at it."""
        return self._entries[-1] if self._entries else None

    def append(self, entry: Entry, text: str) -> None:
        """Add an entry that shows this."""
        self._entries.append(entry)
        if len(self._widths) == self.size:
            self._widths.append(len(text))
        self.size += 1
        self.longest = max(self.longest, len(text))
        if self._counted_at:
            self._starts.append(self._starts[-1] + rows_of(text, self._counted_at))

    def extend(self, entries: list[Entry], longest: int) -> None:
        """Add entries of no more columns than ``longest``."""
        self._entries += entries
        self.size += len(entries)
        self.longest = max(self.longest, longest)
        self._counted_at = 0

    def replace_last(self, entry: Entry, width: int) -> None:
        """Put an entry of so many columns in the place of the last."""
        self._entries[-1] = entry
        if len(self._widths) == self.size:
            self._widths[-1] = width
        self.longest = max(self.longest, width)
        self._counted_at = 0

    def pop(self) -> Entry:
        """Take the last entry away."""
        entry = self.entries.pop()
        self.size -= 1
        del self._widths[self.size :]
        self._counted_at = 0
        return entry

    def rows(self, columns: int) -> int:
        """How many rows the entries take at a width."""
        return self.size if self.longest <= columns else self._counted(columns)[-1]

    def start(self, at: int, columns: int) -> int:
        """The row, counted in the block, at which entry ``at`` begins; ``size`` stands for the end."""
        return at if self.longest <= columns else self._counted(columns)[at]

    def at_row(self, row: int, columns: int) -> int:
        """The entry that a row of the block belongs to."""
        return row if self.longest <= columns else bisect_right(self._counted(columns), row) - 1

    def _counted(self, columns: int) -> list[int]:
        """The first row of each entry, and the number of rows."""
        if self._counted_at != columns:
            self._widths.extend(len(_text(entry)) for entry in self._entries[len(self._widths) :])
            counts = [-(-width // columns) or 1 for width in self._widths]
            # A wide character that does not fit goes to the next row: where that may make one more, the text decides.
            narrower = columns - 1
            doubtful = [
                at for at, width in enumerate(self._widths) if width > columns and -(-width // narrower) > counts[at]
            ]
            if doubtful and not (self._raw and self._raw[0].isascii()):
                texts = texts_of(_lines(self._raw[0])) if self._raw else None
                for at in doubtful:
                    text = texts[at] if texts else _text(self._entries[at])
                    counts[at] = rows_of(text[: self._widths[at]], columns)
            self._starts = [0, *accumulate(counts)]
            self._counted_at = columns
        return self._starts


def _lines(raw: bytes) -> str:
    """Lines as text, CR LF between them."""
    return raw[:-2].decode("utf-8", "replace")


def _widths(raw: bytes, attribute: int, columns: int) -> list[int]:
    """The columns of lines that begin with this attribute on a screen so wide."""
    text = _lines(raw)
    texts = texts_of(text)
    widths = [*map(len, texts)]
    if " \r" in text or " \x1b" in text or text[-1:] == " ":
        ends_blank = [at for at, shown in enumerate(texts) if shown[-1:] == " "]
        lines = text.split("\r\n")
        read = 0
        for at in ends_blank:
            attribute = after_sgr("".join(lines[read:at]), attribute)
            read = at
            is_plain = not attribute and "\x1b" not in lines[at] and lines[at].isascii()
            widths[at] = (
                len(kept(texts[at], columns)) if is_plain else kept_width(read_raw(lines[at], attribute), columns)
            )
    return widths


def _text(entry: Entry) -> str:
    """What an entry shows."""
    if isinstance(entry, str):
        return entry
    return entry.text if isinstance(entry, Row | Packed) else texts_of(entry[0])[0]
