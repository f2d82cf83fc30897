"""Text on its way into the rows: whole runs where nothing is in their way, one character at a time elsewhere."""

from __future__ import annotations

from pyte import modes as mo

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK
from machina_desktop.core.terminal.blocks import Entry
from machina_desktop.core.terminal.charsets import DESIGNATED, SLOTS, Charset
from machina_desktop.core.terminal.grid import Grid
from machina_desktop.core.terminal.line import Line
from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.widths import HALF, aligned, composed, cut, find_doubtful, width, with_mark
from machina_desktop.core.terminal.wrapping import fill_behind, kept


class Writing(Grid):
    """Draws text at the cursor.

    Attributes:
        is_plain: Whether text simply follows the cursor: it wraps, does not insert, and no margins or character sets
            are in its way. The bulk paths hold only then.
        charsets: The sets designated as G0 to G3; None is ASCII.
        last_drawn: The character REP repeats; empty if there is none.
    """

    def clear_writing(self) -> None:
        """ASCII in all character sets."""
        self.charsets: list[Charset | None] = [None] * 4
        self.charset = 0
        self.single_shift: int | None = None
        self.last_drawn = ""
        self.choose_paths()

    def choose_paths(self) -> None:
        """Decide anew whether the bulk paths hold; to be called when what they depend on has changed."""
        modes = self.mode
        self.is_plain = (
            mo.DECAWM in modes
            and mo.IRM not in modes
            and not self.has_sides
            and self.charsets[self.charset] is None
            and self.single_shift is None
        )

    def define_charset(self, code: str, mode: str) -> None:
        """Designate a set as one of G0 to G3; ``mode``: the character after ESC."""
        self.charsets[SLOTS[mode]] = DESIGNATED.get(code)
        self.choose_paths()

    def shift(self, number: int) -> None:
        """Use G0 to G3 from now on (locking shift)."""
        self.charset = number
        self.choose_paths()

    def shift_in(self) -> None:
        self.shift(0)

    def shift_out(self) -> None:
        self.shift(1)

    def shift_once(self, number: int) -> None:
        """Use G2 or G3 for one character."""
        self.single_shift = number
        self.choose_paths()

    def draw(self, data: str) -> None:
        """Show text without C0 characters at the cursor; what takes no room and joins nothing is lost."""
        if not data:
            return
        if not self.is_plain:
            self._draw_each(self._translated(data))
            return
        if not data.isascii():
            if find_doubtful(data):
                data = composed(data)
                if find_doubtful(data):
                    self._draw_each(data)
                    return
            self.last_drawn = data[-1]
            self.put(aligned(data), is_narrow=False)
            return
        self.last_drawn = data[-1]
        self.put(data, is_narrow=True)

    def _translated(self, data: str) -> str:
        if self.single_shift is not None:
            once = self.charsets[self.single_shift]
            self.single_shift = None
            self.choose_paths()
            first = data[0].translate(once) if once else data[0]
            return first + self._translated(data[1:])
        current = self.charsets[self.charset]
        return data.translate(current) if current else data

    def _draw_each(self, data: str) -> None:
        wraps = mo.DECAWM in self.mode
        inserts = mo.IRM in self.mode
        for character in data:
            columns = 1 if " " <= character <= "~" else width(character)
            if columns > 0:
                self._draw_one(character, columns, wraps=wraps, inserts=inserts)
                self.last_drawn = character
            elif not columns:
                self._join(character)

    def right_edge(self) -> int:
        """The column after the last one the cursor may write to before it wraps."""
        right = self.sides[1] + 1
        return right if self.has_sides and self.cursor.x <= right else self.columns

    def _draw_one(self, character: str, columns: int, *, wraps: bool, inserts: bool) -> None:
        cursor = self.cursor
        edge = self.right_edge()
        if cursor.x + columns > edge:
            if wraps:
                self.wrap()
                edge = self.right_edge()
            else:
                cursor.x = edge - columns
        if inserts:
            self.insert_blanks(columns)
        text = character if columns == 1 else character + HALF
        self.rows[cursor.y].write(cursor.x, text, [cursor.x, cursor.attribute], self.columns)
        self.damaged_rows.add(cursor.y)
        cursor.x += columns
        if not wraps and self.has_sides:
            cursor.x = min(cursor.x, edge - 1)

    def wrap(self) -> None:
        """Go on at the beginning of the next row, which continues this one if it ended at the edge of the screen."""
        if self.cursor.x >= self.columns - 1:
            self.rows[self.cursor.y].wrap(self.columns, has_gap=self.cursor.x < self.columns)
        self.cursor.x = self.sides[0] if self.has_sides and self.cursor.x >= self.sides[0] else 0
        self.index()

    def insert_blanks(self, count: int) -> None:
        """Make room at the cursor (ICH)."""
        raise NotImplementedError

    def _join(self, mark: str) -> None:
        """Add a code point without width to the character before the cursor."""
        x = self.cursor.x - 1
        if x < 0:
            return
        line = self.rows[self.cursor.y]
        cells, _ = line.to_cells(self.columns)
        if cells[x] == HALF and x:
            x -= 1
        whole = with_mark(cells[x], mark)
        if whole:
            if len(whole) == 1 and cells[x] == self.last_drawn:
                self.last_drawn = whole
            cells[x] = whole
            self.damaged_rows.add(self.cursor.y)

    def put(self, text: str, *, is_narrow: bool) -> None:
        """Write aligned text at the cursor and wrap it at the edge; only while ``is_plain``."""
        cursor = self.cursor
        columns = self.columns
        x, y, attribute = cursor.x, cursor.y, cursor.attribute
        end = x + len(text)
        if end <= columns:
            self.rows[y].write(x, text, [x, attribute], columns)
            self.damaged_rows.add(y)
            cursor.x = end
            return
        if not is_narrow:
            self._put_wide(text)
            return
        at = columns - x
        if at:
            self.rows[y].write(x, text[:at], [x, attribute], columns)
            self.damaged_rows.add(y)
            cursor.x = columns
        length = len(text)
        passes = length - at > (self.lines + 1) * columns and not self.margins and not self.is_alternate
        if passes and not any(line.marks for line in self.rows[cursor.y + 1 :]):
            at = self._pass_unseen(text, at)
        at = self._fill_rows_below(text, at)
        while at < length:
            self.wrap()
            piece = text[at : at + columns]
            self.rows[cursor.y].write(0, piece, [0, attribute], columns)
            self.damaged_rows.add(cursor.y)
            at += columns
            cursor.x = len(piece)

    def _fill_rows_below(self, text: str, at: int) -> int:
        """Go on in the rows below the cursor's, which is full, without scrolling; answers where the text goes on."""
        columns, cursor, rows = self.columns, self.cursor, self.rows
        bottom = self.region[1]
        last = bottom if cursor.y <= bottom else self.lines - 1
        attribute = cursor.attribute
        first = cursor.y
        below = rows[first + 1 : min(last, first + (len(text) - at) // columns) + 1]
        if not below:
            return at
        rows[first].wrap(columns)
        # What fills a whole row leaves nothing of it.
        for line in below:
            line.text = text[at : at + columns]
            line.runs = [0, attribute]
            line.cells = line.clusters = line.unread = None
            line.is_wrapped = True
            line.has_gap = False
            at += columns
        below[-1].is_wrapped = False
        cursor.y += len(below)
        self.damaged_rows.update(range(first + 1, cursor.y + 1))
        return at

    def _pass_unseen(self, text: str, at: int) -> int:
        """Send what would scroll through to the scrollback; answers where the last screenful begins."""
        columns, cursor = self.columns, self.cursor
        unseen = (len(text) - at) // columns - self.lines
        self.rows[cursor.y].wrap(columns)
        self.keep_all(self.rows[: cursor.y + 1])
        end = at + unseen * columns
        self.scrollback.append_wrapped(text[at:end], cursor.attribute)
        fill = self.blank_attribute
        self.rows[:] = [Line(fill=fill) for _ in range(self.lines)]
        self.rows[0].write(0, text[end : end + columns], [0, cursor.attribute], columns)
        cursor.x, cursor.y = columns, 0
        self.damage_all()
        return end + columns

    def _put_wide(self, text: str) -> None:
        cursor = self.cursor
        columns = self.columns
        at = 0
        while at < len(text):
            end = at + columns - cursor.x
            if end < len(text) and text[end] == HALF:
                end -= 1
            if end > at:
                piece = text[at:end]
                self.rows[cursor.y].write(cursor.x, piece, [cursor.x, cursor.attribute], columns)
                self.damaged_rows.add(cursor.y)
                cursor.x += len(piece)
                at = end
            if at < len(text):
                self.wrap()

    def put_lines(self, lines: list[str], *, is_narrow: bool) -> None:
        """Write aligned lines with CR LF between them; only while ``is_plain``. The last one is not finished."""
        if lines[0]:
            self.put(lines[0], is_narrow=is_narrow)
        last = len(lines) - 1
        for number in range(1, last + 1):
            cursor = self.cursor
            cursor.x = 0
            at_bottom = cursor.y == self.region[1]
            self.index()
            if at_bottom and number < last:
                self._put_many(lines[number:last])
                if lines[last]:
                    self.put(lines[last], is_narrow=is_narrow)
                return
            if lines[number]:
                self.put(lines[number], is_narrow=is_narrow)

    def _put_many(self, lines: list[str]) -> None:
        """Whole lines, the first into the blank row at the bottom of the region; a blank row follows the last."""
        top, bottom = self.region
        longest = max(map(len, lines))
        height = bottom - top
        begin = self._first_shown(lines, height, longest)
        keeps = not top and not self.is_alternate
        attribute, fill = self.cursor.attribute, self.blank_attribute
        shown = [Line(text, [0, attribute] if text else None, fill) for text in lines[begin:]]
        if longest > self.columns:
            shown = [row for line in shown for row in self._in_rows(line)]
        rows = self.rows
        leaving = min(len(shown), height) if not begin else height
        if keeps:
            self.keep_all(rows[top : top + leaving])
            if begin:
                self._keep_unseen(lines[:begin])
            self.keep_all(shown[: max(len(shown) - height, 0)])
        if top:
            rows[top - 1].is_wrapped = False
        rows[top : bottom + 1] = (rows[top + leaving : bottom] + shown)[-height:] if height else []
        rows.insert(bottom, Line(fill=fill))
        self.damage_scrolled(top, bottom, len(shown) if not begin else self.lines)

    def _in_rows(self, line: Line) -> list[Line]:
        """A line of one look in rows of the screen."""
        if len(line.text) <= self.columns:
            return [line]
        pieces = cut(line.text, self.columns)
        rows = [Line(piece, [*line.runs], line.fill, is_wrapped=True) for piece in pieces]
        rows[-1].is_wrapped = False
        return rows

    def _first_shown(self, lines: list[str], height: int, longest: int) -> int:
        """The first of the lines of which something stays on a screen with ``height`` rows for them."""
        if longest <= self.columns:
            return max(len(lines) - height, 0)
        rows = 0
        for number in range(len(lines) - 1, -1, -1):
            if rows >= height:
                return number + 1
            rows += -(-len(lines[number]) // self.columns) or 1
        return 0

    def _keep_unseen(self, lines: list[str]) -> None:
        """Put whole lines into the scrollback that were never shown."""
        attribute, fill = self.cursor.attribute, self.blank_attribute
        if not attribute & ~BACKGROUND_MASK:
            lines = [kept(line, self.columns) for line in lines]
        entries: list[Entry] = [*lines]
        if attribute:
            runs = 0, attribute
            entries = [
                Row(text, runs, fill_behind(text, runs, fill, self.columns)) if text else Row("", (), fill)
                for text in lines
            ]
        self.scrollback.extend(entries, lines)

    def damage_scrolled(self, top: int, bottom: int, count: int) -> None:
        """Have the rows painted again that came when a region moved up by some rows."""
        if self.is_all_damaged:
            return
        if top or bottom != self.lines - 1:
            self.damage_region(top, bottom)
            return
        self.scrolled_up += count
        if self.scrolled_up >= self.lines:
            self.damage_all()
            return
        self.damaged_rows = {y - count for y in self.damaged_rows if y >= count}
        self.damaged_rows.update(range(bottom - count, bottom + 1))
