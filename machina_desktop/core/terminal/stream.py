"""Bytes on their way to the screen: whole chunks where they are simple, one sequence at a time where they are not.

Three paths, from fast to exact, which show the same: lines without sequences; a loop over whole CSI sequences; and
``walk``, which knows every state a sequence can be in and keeps it from chunk to chunk.
"""

from __future__ import annotations

import math
import re
import time
from typing import Final

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK
from machina_desktop.core.terminal.flow import find_lines, flow, flow_lines
from machina_desktop.core.terminal.frames import is_frame, show_frame
from machina_desktop.core.terminal.placing import is_placed, show_placed
from machina_desktop.core.terminal.sequences import CACHE, CUP, EL, IGNORE, LONGEST, SGR, compile_csi
from machina_desktop.core.terminal.styled import is_styled, show_styled
from machina_desktop.core.terminal.walking import GROUND, IN_ESCAPE, Walking
from machina_desktop.core.terminal.widths import HALF, aligned, composed, find_doubtful, find_not_narrow

#: A chunk without a line feed in so many characters is no log.
_SAMPLE: Final = 32_768
#: So much that is not only lines is shown without a look at the clock.
_PIECE: Final = 65_536
#: Pagers scroll back with it, a line at a time.
_REVERSE_INDEX: Final = "\x1bM"
#: So many lines with sequences are worth to be looked at together.
_FEW: Final = 6

_split_csi = re.compile("\x1b\\[([0-?]*[ -/]*[@-~])").split
_find_unfinished = re.compile("\x1b(?:\\[[0-?]*[ -/]*)?\\Z").search
#: Behind a sequence that chooses UTF-8 or Latin-1.
_split_encodings = re.compile(b"(?<=\x1b%[@G8])").split
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
#: C1 controls as the escape sequences they stand for.
_C1: Final = {code: f"\x1b{chr(code - 0x40)}" for code in range(0x80, 0xA0)}


def _is_clean(text: str, sequences_in_it: int) -> bool:
    """Whether text holds nothing but printable ASCII and that many sequences."""
    if not text.isascii():
        return False
    controls = text.encode().translate(None, _PRINTABLE)
    return len(controls) == sequences_in_it and not controls.strip(b"\x1b")


class Stream(Walking):
    """A ``pyte.ByteStream`` that never raises and holds a bounded amount of what is not finished.

    Attributes:
        worth: So many bytes are worth to be looked at as lines that pass unseen.
    """

    worth = 2_048

    def feed(self, data: bytes) -> None:  # type: ignore[override]
        """Show what arrives. Any chunks of the same bytes show the same."""
        self.feed_until(data, math.inf)

    def feed_until(self, data: bytes, at: float) -> bytes:
        """Like ``feed``, but go on only until that time (``perf_counter``); answers what is left, never all of it.

        A few bytes may fill the whole screen, so a chunk that is no time for one program is a minute for another.
        """
        if len(data) > self.worth:
            data = self._flow(data)
        while data:
            self._feed(data[:_PIECE])
            data = data[_PIECE:]
            if time.perf_counter() > at:
                break
        return data

    def _flow(self, data: bytes) -> bytes:
        """Take lines of a large chunk as they are; answers what is left to be decoded."""
        lines = find_lines(self.listener, data, self.worth)
        if lines is None or lines.begin > _PIECE:
            return data
        self._feed(data[: lines.begin])
        is_between = self.state == GROUND and self.use_utf8 and not self.utf8_decoder.getstate()[0]
        if is_between and flow_lines(self.listener, data, lines, self._line):
            return data[lines.end :]
        return data[lines.begin :]

    def _feed(self, data: bytes) -> None:
        # Another encoding is in force from the very next byte on.
        if self.state in IN_ESCAPE:
            for at in range(min(len(data), 2)):
                self._decode(data[at : at + 1])
            data = data[2:]
        if b"%" in data and b"\x1b%" in data:
            *before, data = _split_encodings(data)
            for part in before:
                self._decode(part)
        if data:
            self._decode(data)

    def _decode(self, data: bytes) -> None:
        text = self.utf8_decoder.decode(data) if self.use_utf8 else data.decode("latin-1")
        if not text.isascii() and (b"\xc2" in data or "\x80" <= text[0] <= "\x9f" or not self.use_utf8):
            text = text.translate(_C1)
        if self.state != GROUND:
            text = text[self.walk(text, to_ground=True) :]
        if text:
            self._run(text)

    def _run(self, text: str) -> None:
        rest = ""
        unfinished = _find_unfinished(text, max(len(text) - LONGEST, 0))
        if unfinished:
            rest = text[unfinished.start() :]
            text = text[: unfinished.start()]
        is_log = self._is_log(text)
        if not (is_log and flow(self.listener, text, self._line)) and text:
            self._line(text)
        if rest:
            self.walk(rest)

    def _is_log(self, text: str) -> bool:
        """Whether most of the text may scroll through: cheap to say, and not always right."""
        screen = self.listener
        if len(text) > 6 * screen.lines * screen.columns:
            return text.find("\n", 0, _SAMPLE) >= 0
        feeds = text.count("\n", 0, _SAMPLE)
        return feeds > 3 * screen.lines or (feeds > _FEW and "\x1b" in text)

    def _line(self, text: str) -> None:
        if "\x1b" not in text:
            self._plain(text)
        elif is_frame(text):
            show_frame(self.listener, text, self._sequences)
        elif is_placed(text):
            show_placed(self.listener, text, self._sequences)
        elif is_styled(text):
            show_styled(self.listener, text, self._sequences)
        else:
            self._tokens(text)

    def _sequences(self, text: str) -> None:
        if self.state != GROUND:
            self.leave_string()
        if "\x1b" in text:
            self._tokens(text)
        elif text:
            self._plain(text)

    def _plain(self, text: str) -> None:
        """Text without ESC."""
        screen = self.listener
        if screen.is_plain:
            if text[0] == "\n":
                screen.linefeed()
                text = text[1:]
            ends_with_return = text[-1:] == "\r"
            if ends_with_return:
                text = text[:-1]
            flat = text.replace("\r\n", "") if "\n" in text else text
            if flat.isprintable() and text:
                is_narrow = flat.isascii()
                if not is_narrow and find_doubtful(flat):
                    text = composed(text)
                    flat = ""
                if is_narrow or flat or not find_doubtful(text.replace("\r\n", "")):
                    self._put(text, is_narrow=is_narrow)
                    text = ""
            if text:
                self._by_lines(text)
            if ends_with_return:
                screen.carriage_return()
        elif text:
            self.walk(text)

    def _put(self, text: str, *, is_narrow: bool) -> None:
        screen = self.listener
        last = text.rstrip("\r\n")[-1:]
        if not is_narrow:
            text = aligned(text)
        if "\n" in text:
            screen.put_lines(text.split("\r\n"), is_narrow=is_narrow)
        else:
            screen.put(text, is_narrow=is_narrow)
        if last:
            screen.last_drawn = last

    def _by_lines(self, text: str) -> None:
        """One odd line does not slow down its neighbours."""
        lines = text.split("\r\n")
        if len(lines) == 1:
            self.walk(text)
            return
        for number, line in enumerate(lines):
            if number:
                self.listener.carriage_return()
                self.listener.linefeed()
            if line.isprintable() and self.listener.is_plain:
                self.listener.draw(line)
            elif line:
                self.walk(line)

    def _tokens(self, text: str) -> None:  # noqa: C901, PLR0912, PLR0915 (its docstring says why)
        """Text with CSI sequences; whatever else is in it goes through ``walk``.

        This loop runs once for each sequence, so it keeps the cursor in local variables and gathers what is drawn in
        order (``pending`` from column ``begin`` on, with its ``runs``) until something else happens to the row.
        """
        screen = self.listener
        parts = _split_csi(text)
        if parts[0]:
            self._piece(parts[0])
        if len(parts) == 1:
            return
        self.leave_string()
        cursor = screen.cursor
        columns = screen.columns
        last = screen.lines - 1
        rows = screen.rows
        x, y, attribute = cursor.x, cursor.y, cursor.attribute
        simple, origin, guarded = screen.is_plain, screen.is_origin, screen.is_erase_guarded
        damage = screen.damaged_rows.add
        clean = _is_clean(text, len(parts) // 2)
        pending = drawn = ""
        begin = x
        runs: list[int] = []
        for body, piece in zip(parts[1::2], parts[2::2], strict=True):
            try:
                kind, first, second = CACHE[body]
            except KeyError:
                kind, first, second = compile_csi(body)
            if kind == SGR:
                attribute = attribute & first | second
                if pending and clean and piece and simple:
                    end = x + len(piece)
                    if end <= columns:
                        pending += piece
                        runs += (x, attribute)
                        x = end
                        continue
            elif kind == CUP and not origin:
                if pending:
                    rows[y].write(begin, pending, runs, columns)
                    damage(y)
                    drawn, pending = pending, ""
                y = first if first < last else last  # noqa: FURB136 (min() costs three times that)
                x = second if second < columns else columns - 1
                if clean and simple and len(piece) == 1:
                    row = rows[y]
                    cells = row.cells
                    if cells is not None and x < columns - 1 and cells[x] != HALF and cells[x + 1] != HALF:
                        cells[x] = drawn = piece
                        row.attributes[x] = attribute
                        damage(y)
                        x += 1
                        continue
            elif kind == EL and begin == 0 and pending and x < columns and not guarded:
                # The row is now exactly what is pending.
                row = rows[y]
                row.text = pending
                row.runs = runs
                row.fill = attribute & BACKGROUND_MASK
                row.cells = row.clusters = row.unread = None
                row.is_wrapped = False
                damage(y)
                drawn, pending = pending, ""
            elif kind != IGNORE:
                if pending:
                    rows[y].write(begin, pending, runs, columns)
                    damage(y)
                    drawn, pending = pending, ""
                cursor.x, cursor.y, cursor.attribute = x, y, attribute
                if drawn:
                    screen.last_drawn = drawn[-1]
                    drawn = ""
                self.act(body)
                cursor, rows = screen.cursor, screen.rows
                columns, last = screen.columns, screen.lines - 1
                x, y, attribute = cursor.x, cursor.y, cursor.attribute
                simple, origin, guarded = screen.is_plain, screen.is_origin, screen.is_erase_guarded
                damage = screen.damaged_rows.add
            if not piece:
                continue
            if simple and (clean or (piece.isprintable() and (piece.isascii() or not find_not_narrow(piece)))):
                end = x + len(piece)
                if end <= columns:
                    if pending:
                        pending += piece
                        runs += (x, attribute)
                    else:
                        pending = piece
                        begin = x
                        runs = [x, attribute]
                    x = end
                    continue
                if x == columns and end - x <= columns:
                    if pending:
                        rows[y].write(begin, pending, runs, columns)
                        damage(y)
                    rows[y].wrap(columns)
                    if y == screen.region[1]:
                        screen.scroll_up(*screen.region, attribute & BACKGROUND_MASK)
                        damage = screen.damaged_rows.add
                    elif y < last:
                        y += 1
                    pending = piece
                    begin = 0
                    runs = [0, attribute]
                    x = end - columns
                    continue
            if pending:
                rows[y].write(begin, pending, runs, columns)
                damage(y)
                drawn, pending = pending, ""
            cursor.x, cursor.y, cursor.attribute = x, y, attribute
            if drawn:
                screen.last_drawn = drawn[-1]
                drawn = ""
            if self.state != GROUND:
                self.leave_string()
            self._piece(piece)
            cursor, rows = screen.cursor, screen.rows
            columns, last = screen.columns, screen.lines - 1
            x, y, attribute = cursor.x, cursor.y, cursor.attribute
            simple, origin, guarded = screen.is_plain, screen.is_origin, screen.is_erase_guarded
            damage = screen.damaged_rows.add
        if pending:
            rows[y].write(begin, pending, runs, columns)
            damage(y)
            drawn = pending
        cursor.x, cursor.y, cursor.attribute = x, y, attribute
        if drawn:
            screen.last_drawn = drawn[-1]
        if self.state != GROUND and "\x1b" not in parts[-1]:
            self.leave_string()

    def _piece(self, text: str) -> None:
        escapes = text.count("\x1b")
        if not escapes:
            self._plain(text)
        elif escapes == text.count(_REVERSE_INDEX):
            for number, part in enumerate(text.split(_REVERSE_INDEX)):
                if number:
                    self.listener.reverse_index()
                if part:
                    self._plain(part)
        else:
            self.walk(text)
