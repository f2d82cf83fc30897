"""One sequence at a time: every state a sequence can be in, kept from chunk to chunk."""

from __future__ import annotations

import re
from typing import Final

import pyte

from machina_desktop.core.terminal import sequences
from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.sequences import CACHE, CALLS, CUP, EL, IGNORE, LONGEST, SGR, compile_csi

#: Characters of a string command (OSC, DCS) that are kept; longer ones are swallowed whole.
LONGEST_STRING: Final = 262_144

#: States: between sequences; after ESC; after CSI; in a string command; after ESC in one.
GROUND, _ESCAPE, _CSI, _STRING, _STRING_ESCAPE = range(5)
IN_ESCAPE: Final = frozenset({_ESCAPE, _STRING_ESCAPE})
_match_text = re.compile("[^\x00-\x1f\x7f]+").match
_match_body = re.compile("[ -?]*").match
_find_string_end = re.compile("[\x07\x18\x1a\x1b]").search
_STRINGS: Final = {"]": "osc", "P": "dcs", "X": "", "^": "", "_": ""}


class Walking(pyte.ByteStream):
    """Goes through text one sequence at a time.

    Attributes:
        listener: The screen.
        state: What the next character belongs to.
    """

    listener: Screen
    csi = sequences.CSI
    escape = sequences.ESCAPE

    def __init__(self, screen: Screen) -> None:
        self.state = GROUND
        self._collected = ""
        self._string: list[str] = []
        self._string_size = 0
        self._string_kind = ""
        super().__init__(screen, strict=False)

    def _initialize_parser(self) -> None:
        self.state = GROUND

    def leave_string(self) -> None:
        """A sequence has begun: what was not finished before it never will be."""
        self.state = GROUND
        self._string.clear()

    def act(self, body: str) -> None:
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

    def walk(self, text: str, *, to_ground: bool = False) -> int:
        """Go through text one sequence at a time; answers where it stopped, which may be at ground level."""
        at = 0
        while at < len(text):
            if self.state == GROUND:
                if to_ground:
                    return at
                at = self._on_ground(text, at)
            elif self.state == _STRING:
                at = self._in_string(text, at)
            elif self.state == _CSI:
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
            self.state = _ESCAPE
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
            self.state = GROUND
        elif character == "\x1b":
            self.state = _ESCAPE
            self._collected = ""
        else:
            return False
        return True

    def _after_escape(self, text: str, at: int) -> int:
        character = text[at]
        if self.state == _STRING_ESCAPE:
            string = "".join(self._string)
            self._string.clear()
            self.state = _ESCAPE
            self._collected = ""
            if character == "\\":
                self.state = GROUND
                self._finish(string)
                return at + 1
        if character < " " or character == "\x7f":
            if not self._is_aborted(character):
                self._control(character)
        elif character > "\x7f":
            self.state = GROUND
            return at
        elif character <= "/":
            self._collected = (self._collected + character)[:4]
        elif self._collected or character not in "[]PX^_":
            self.state = GROUND
            self._escape(self._collected + character)
        else:
            self._begin(character)
        return at + 1

    def _begin(self, character: str) -> None:
        if character == "[":
            self.state = _CSI
            return
        self.state = _STRING
        self._string_kind = _STRINGS[character]
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
        self.state = GROUND
        if character > "\x7f":
            return at
        self.act(self._collected + character)
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
            self.state = _STRING_ESCAPE
        elif character != "\x07":
            self.leave_string()
        elif self._string_kind == "osc":
            string = "".join(self._string)
            self.leave_string()
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
