"""A terminal as its view sees it: bytes go in, rows, damage and events come out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from machina_desktop.core.terminal import marks as shell
from machina_desktop.core.terminal.attributes import link_id
from machina_desktop.core.terminal.copying import text_between
from machina_desktop.core.terminal.events import Told
from machina_desktop.core.terminal.grid import Damage
from machina_desktop.core.terminal.links import Link
from machina_desktop.core.terminal.marks import Command, Mark, Place
from machina_desktop.core.terminal.modes import BLINKING, HELD, Modes
from machina_desktop.core.terminal.rows import EMPTY_ROW, Row
from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.search import Match, Pattern, matches
from machina_desktop.core.terminal.stream import Stream


class Cursor(NamedTuple):
    """Where the next character goes.

    Attributes:
        x: Column, 0 to columns - 1.
        y: Row of the screen, 0 to lines - 1.
        is_pending_wrap: The row is full; the next character goes to the beginning of the next one first.
    """

    x: int
    y: int
    is_pending_wrap: bool


class Terminal:
    """One terminal; used on the thread that feeds it.

    Rows are named in two ways. ``y`` is relative: 0 to lines - 1 on the screen, -scrolled to -1 above it. An absolute
    ``row`` (in ``Place``) is ``dropped + scrolled + y``: it stays the same while the terminal scrolls, but not when its
    width changes. ``top`` is the absolute row of the screen's first.

    Args:
        columns: At least 2.
        lines: At least 1.
        scrollback: Lines kept at least; see ``Screen``.
        reply: Takes what goes back to the program: fixed answers about the terminal's own state.
        tell: Takes events, in the order they happen, while ``feed`` runs.
    """

    def __init__(
        self,
        columns: int,
        lines: int,
        *,
        scrollback: int = 100_000,
        reply: Callable[[bytes], None] = lambda _: None,
        tell: Callable[[Told], None] = lambda _: None,
    ) -> None:
        self.screen = Screen(columns, lines, scrollback=scrollback, reply=reply, tell=tell)
        self._stream = Stream(self.screen)

    @property
    def columns(self) -> int:
        """Width in cells."""
        return self.screen.columns

    @property
    def lines(self) -> int:
        """Height in cells."""
        return self.screen.lines

    def feed(self, data: bytes) -> None:
        """Show what arrives; never raises. The same bytes in other chunks show the same."""
        self._stream.feed(data)

    def feed_until(self, data: bytes, at: float) -> bytes:
        """Like ``feed``, but what takes long only until a time of ``time.perf_counter``; answers what is left then."""
        return self._stream.feed_until(data, at)

    def resize(self, columns: int, lines: int) -> None:
        """Take another size: lines of the screen and the scrollback wrap anew."""
        self.screen.resize(lines=lines, columns=columns)

    def reset(self) -> None:
        """Everything as at the start, but the scrollback."""
        self.screen.reset()

    def clear_scrollback(self) -> None:
        """Drop what has scrolled off."""
        self.screen.clear_scrollback()

    @property
    def scrolled(self) -> int:
        """Rows above the screen at this width; none on the alternate screen."""
        return 0 if self.screen.is_alternate else self.screen.scrollback.rows

    @property
    def dropped(self) -> int:
        """Rows that lie before the oldest one that can be read."""
        return self.top - self.scrolled

    @property
    def top(self) -> int:
        """Absolute row of the screen's first."""
        return self.screen.scrollback.top

    @property
    def counts_late(self) -> bool:
        """Whether lines that pass through unseen count as one row each until somebody comes near.

        Then ``top`` and all numbers of rows below stay, and those above become smaller. Several times quicker in a
        flood, for whoever follows the newest row and remembers no row's number.
        """
        return self.screen.scrollback.counts_late

    @counts_late.setter
    def counts_late(self, is_so: bool) -> None:
        self.screen.scrollback.counts_late = is_so

    def count_some(self) -> bool:
        """Count, for some 0.3 ms, rows that were not counted; False if there are none."""
        return self.screen.scrollback.count_some()

    def count_all(self) -> None:
        """Make the numbers of all rows final; 100,000 lines that nobody has looked at take some 0.2 s."""
        while self.screen.scrollback.count_some():
            pass

    def settle(self, row: int) -> None:
        """Make the numbers of this row and of those below final."""
        self.screen.scrollback.settle(row)

    def row(self, y: int) -> Row:
        """A row from -scrolled to lines - 1; blank beyond."""
        screen = self.screen
        if 0 <= y < screen.lines:
            return screen.rows[y].to_row(screen.columns)
        if -self.scrolled <= y < 0:
            return screen.scrollback.row(screen.scrollback.top + y)
        return EMPTY_ROW

    def take_damage(self) -> Damage:
        """What has changed since this was asked last."""
        return self.screen.take_damage()

    @property
    def cursor(self) -> Cursor:
        """Where the next character goes."""
        cursor = self.screen.cursor
        is_full = cursor.x >= self.columns
        return Cursor(self.columns - 1 if is_full else cursor.x, cursor.y, is_full)

    @property
    def is_cursor_visible(self) -> bool:
        """Whether the program wants it to be seen."""
        return not self.screen.cursor.hidden

    @property
    def cursor_shape(self) -> str:
        """``block``, ``underline`` or ``bar``."""
        return ("block", "block", "block", "underline", "underline", "bar", "bar")[self.screen.cursor_style]

    @property
    def is_cursor_blinking(self) -> bool:
        """Whether the program wants it to blink."""
        return BLINKING in self.screen.mode or self.screen.cursor_style in {1, 3, 5}

    @property
    def title(self) -> str:
        """What the program calls its window."""
        return self.screen.title

    @property
    def cwd(self) -> str:
        """The shell's directory as a ``file:`` address; its host is the reader's to check. Empty if unknown."""
        return self.screen.cwd

    @property
    def modes(self) -> Modes:
        """What of the modes a view has to heed."""
        return self.screen.modes()

    @property
    def is_held(self) -> bool:
        """The program is in the middle of a frame (DEC 2026): the painter waits, 150 ms at most."""
        return HELD in self.screen.mode

    @property
    def palette(self) -> Mapping[int, int]:
        """Colours 0 to 255 that the program has changed, 0xRRGGBB."""
        return self.screen.palette

    @property
    def foreground(self) -> int | None:
        """The default colour of text, if the program has changed it."""
        return self.screen.colours.get("foreground")

    @property
    def background(self) -> int | None:
        """The default background, if the program has changed it."""
        return self.screen.colours.get("background")

    @property
    def cursor_colour(self) -> int | None:
        """The colour of the cursor, if the program has changed it."""
        return self.screen.colours.get("cursor")

    def link_at(self, y: int, x: int) -> Link | None:
        """The link that a cell belongs to."""
        row = self.row(y)
        attribute = 0
        for index in range(0, len(row.runs), 2):
            if row.runs[index] > x:
                break
            attribute = row.runs[index + 1]
        return self.screen.links.get(link_id(attribute)) if x < len(row.text) else None

    def link(self, attribute: int) -> Link | None:
        """The link that cells with this attribute belong to."""
        return self.screen.links.get(link_id(attribute))

    def marks(self) -> tuple[Command, ...]:
        """Prompts and commands of the main screen and the scrollback, oldest first."""
        return shell.commands(self._marks())

    def _marks(self) -> Iterator[tuple[int, Mark]]:
        screen = self.screen
        for serial, found in sorted(screen.line_marks.items()):
            row = screen.scrollback.row_of(serial)
            if row is not None:
                yield from ((row, mark) for mark in found)
        lines = screen.other_rows if screen.is_alternate else screen.rows
        for y, line in enumerate(lines):
            yield from ((self.top + y, mark) for mark in line.marks)

    def text(self, first: Place, last: Place, *, is_block: bool = False) -> str:
        """What a selection copies: from ``first`` up to ``last`` inclusive, wrapped lines joined, in any order."""
        self.screen.scrollback.settle(min(first, last).row)
        return text_between(self, first, last, is_block=is_block)

    def search(self, pattern: Pattern, *, before: int | None = None) -> Iterator[Match | None]:
        """Where the pattern is found in lines, newest first; only those that begin before row ``before``.

        In between comes ``None``, often enough to stop there for a while.

        The iterator may be left alone while the terminal goes on; rows that are dropped meanwhile are not found.
        """
        return matches(self, pattern, before)
