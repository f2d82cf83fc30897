"""Bytes on their way to the screen: whole chunks where they are simple, one sequence at a time where they are not.

Three paths, from fast to exact, which show the same: lines without sequences; a loop over whole CSI sequences; and
``_walk``, which knows every state a sequence can be in and keeps it from chunk to chunk.
"""

from __future__ import annotations

import re
from typing import Final

import pyte

from machina_desktop.core.terminal import sequences
from machina_desktop.core.terminal.attributes import BACKGROUND_MASK
from machina_desktop.core.terminal.flow import flow
from machina_desktop.core.terminal.frames import is_frame, show_frame
from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.sequences import CACHE, CALLS, CUP, EL, IGNORE, LONGEST, SGR, compile_csi
from machina_desktop.core.terminal.widths import HALF, aligned, composed, find_doubtful, find_not_narrow

#: Characters of a string command (OSC, DCS) that are kept; longer ones are swallowed whole.
LONGEST_STRING: Final = 262_144

#: A chunk without a line feed in so many characters is no log.
_SAMPLE: Final = 32_768

_GROUND, _ESCAPE, _CSI, _STRING, _STRING_ESCAPE = range(5)
_split_csi = re.compile("\x1b\\[([0-?]*[ -/]*[@-~])").split
_find_unfinished = re.compile("\x1b(?:\\[[0-?]*[ -/]*)?\\Z").search
_match_text = re.compile("[^\x00-\x1f\x7f]+").match
_match_body = re.compile("[ -?]*").match
_PRINTABLE: Final = bytes(range(0x20, 0x7F))
_find_string_end = re.compile("[\x07\x18\x1a\x1b]").search
#: C1 controls as the escape sequences they stand for.
_C1: Final = {code: f"\x1b{chr(code - 0x40)}" for code in range(0x80, 0xA0)}
_ASCII_STRING = {"]": "osc", "P": "dcs", "X": "", "^": "", "_": ""}


def _is_clean(text: str, sequences_in_it: int) -> bool:
    """Whether text holds nothing but printable ASCII and that many sequences."""
    if not text.isascii():
        return False
    controls = text.encode().translate(None, _PRINTABLE)
    return len(controls) == sequences_in_it and not controls.strip(b"\x1b")


class Stream(pyte.ByteStream):
    """A ``pyte.ByteStream`` that never raises and holds a bounded amount of what is not finished."""

    listener: Screen
    csi = sequences.CSI
    escape = sequences.ESCAPE

    def __init__(self, screen: Screen) -> None:
        self._state = _GROUND
        self._collected = ""
        self._string: list[str] = []
        self._string_size = 0
        self._string_kind = ""
        super().__init__(screen, strict=False)

    def _initialize_parser(self) -> None:
        self._state = _GROUND

    def feed(self, data: bytes) -> None:  # type: ignore[override]
        """Show what arrives. Any chunks of the same bytes show the same."""
        text = self.utf8_decoder.decode(data) if self.use_utf8 else data.decode("latin-1")
        if not text.isascii() and (b"\xc2" in data or text[0] <= "\x9f" or not self.use_utf8):
            text = text.translate(_C1)
        if self._state != _GROUND:
            text = text[self._walk(text, to_ground=True) :]
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
            self._walk(rest)

    def _is_log(self, text: str) -> bool:
        """Whether most of the text may scroll through: cheap to say, and not always right."""
        screen = self.listener
        feeds = text.count("\n", 0, _SAMPLE)
        return feeds > 3 * screen.lines or (feeds > 0 and len(text) > 6 * screen.lines * screen.columns)

    def _line(self, text: str) -> None:
        if "\x1b" not in text:
            self._plain(text)
        elif is_frame(text):
            show_frame(self.listener, text, self._piece_of_frame)
        else:
            self._tokens(text)

    def _piece_of_frame(self, text: str) -> None:
        if self._state != _GROUND:
            self._leave_string()
        if "\x1b" in text:
            self._tokens(text)
        else:
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
            self._walk(text)

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
            self._walk(text)
            return
        for number, line in enumerate(lines):
            if number:
                self.listener.carriage_return()
                self.listener.linefeed()
            if line.isprintable() and self.listener.is_plain:
                self.listener.draw(line)
            elif line:
                self._walk(line)

    def _tokens(self, text: str) -> None:  # noqa: C901, PLR0912, PLR0915 (its docstring says why)
        """Text with CSI sequences; whatever else is in it goes through ``_walk``.

        This loop runs once for each sequence, so it keeps the cursor in local variables and gathers what is drawn in
        order (``pending`` from column ``begin`` on, with its ``runs``) until something else happens to the row.
        """
        screen = self.listener
        parts = _split_csi(text)
        if parts[0]:
            self._piece(parts[0])
        if len(parts) == 1:
            return
        self._leave_string()
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
                self._act(body)
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
                    rows[y].is_wrapped = True
                    if y == screen.region[1]:
                        screen.scroll_up(*screen.region, attribute & BACKGROUND_MASK)
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
            if self._state != _GROUND:
                self._leave_string()
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
        if self._state != _GROUND and "\x1b" not in parts[-1]:
            self._leave_string()

    def _leave_string(self) -> None:
        """A sequence has begun: what was not finished before it never will be."""
        self._state = _GROUND
        self._string.clear()

    def _piece(self, text: str) -> None:
        if "\x1b" in text:
            self._walk(text)
        else:
            self._plain(text)

    def _act(self, body: str) -> None:
        """Do what ``CSI body`` says."""
        kind, first, second = CACHE.get(body) or compile_csi(body)
        screen = self.listener
        if kind == SGR:
            screen.cursor.attribute = screen.cursor.attribute & first | second
        elif kind == CUP:
            screen.cursor_position(first + 1, second + 1)
        elif kind == EL:
            screen.erase_in_line(0)
        elif kind != IGNORE:
            name, parameters, is_private = CALLS[body]
            method = getattr(screen, name)
            if is_private:
                method(*parameters, private=True)
            else:
                method(*parameters)

    def _walk(self, text: str, *, to_ground: bool = False) -> int:
        """Go through text one sequence at a time; answers where it stopped, which may be at ground level."""
        at = 0
        while at < len(text):
            if self._state == _GROUND:
                if to_ground:
                    return at
                at = self._on_ground(text, at)
            elif self._state == _STRING:
                at = self._in_string(text, at)
            elif self._state == _CSI:
                at = self._in_csi(text, at)
            else:
                at = self._after_escape(text, at)
        return at

    def _on_ground(self, text: str, at: int) -> int:
        match = _match_text(text, at)
        if match:
            self.listener.draw(match.group())
            return match.end()
        if text[at] == "\x1b":
            self._state = _ESCAPE
            self._collected = ""
        else:
            self._control(text[at])
        return at + 1

    def _control(self, character: str) -> None:
        name = self.basic.get(character)
        if name:
            getattr(self.listener, name)()

    def _is_aborted(self, character: str) -> bool:
        """Whether a control character ends every sequence; the others take effect in the middle of it."""
        if character in "\x18\x1a":
            self._state = _GROUND
        elif character == "\x1b":
            self._state = _ESCAPE
            self._collected = ""
        else:
            return False
        return True

    def _after_escape(self, text: str, at: int) -> int:
        character = text[at]
        if self._state == _STRING_ESCAPE:
            string = "".join(self._string)
            self._string.clear()
            self._state = _ESCAPE
            self._collected = ""
            if character == "\\":
                self._state = _GROUND
                self._finish(string)
                return at + 1
        if character < " " or character == "\x7f":
            if not self._is_aborted(character):
                self._control(character)
        elif character > "\x7f":
            self._state = _GROUND
            return at
        elif character <= "/":
            self._collected = (self._collected + character)[:4]
        elif self._collected or character not in "[]PX^_":
            self._state = _GROUND
            self._escape(self._collected + character)
        else:
            self._begin(character)
        return at + 1

    def _begin(self, character: str) -> None:
        if character == "[":
            self._state = _CSI
            return
        self._state = _STRING
        self._string_kind = _ASCII_STRING[character]
        self._string_size = 0

    def _escape(self, sequence: str) -> None:
        screen = self.listener
        name = sequences.ESCAPE.get(sequence)
        if name:
            getattr(screen, name)()
        elif len(sequence) == 2 and sequence[0] in "()*+-./":
            screen.define_charset(sequence[1], sequence[0])
        elif sequence in sequences.SHIFTS:
            method, number = sequences.SHIFTS[sequence]
            getattr(screen, method)(number)
        elif sequence in {"%@", "%G", "%8"}:
            self.select_other_charset(sequence[1])

    def _in_csi(self, text: str, at: int) -> int:
        match = _match_body(text, at)
        if match and match.end() > at:
            self._collected = (self._collected + match.group())[: LONGEST + 1]
            return match.end()
        character = text[at]
        if character < " " or character == "\x7f":
            if not self._is_aborted(character):
                self._control(character)
            return at + 1
        self._state = _GROUND
        if character > "\x7f":
            return at
        self._act(self._collected + character)
        return at + 1

    def _in_string(self, text: str, at: int) -> int:
        found = _find_string_end(text, at)
        end = found.start() if found else len(text)
        self._string_size += end - at
        if self._string_kind and self._string_size <= LONGEST_STRING:
            self._string.append(text[at:end])
        if not found:
            return end
        character = found.group()
        if character == "\x1b":
            self._state = _STRING_ESCAPE
        elif character != "\x07":
            self._leave_string()
        elif self._string_kind == "osc":
            string = "".join(self._string)
            self._leave_string()
            self._finish(string)
        elif self._string_kind:
            self._string.append(character)
        return end + 1

    def _finish(self, string: str) -> None:
        if self._string_size > LONGEST_STRING:
            return
        if self._string_kind == "osc":
            self.listener.operate(string)
        elif self._string_kind == "dcs":
            self.listener.device_control(string)
