"""What a person puts into a terminal: keys, composed text, pasted text. Each terminal gets it as its own modes ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PySide6.QtGui import QKeyEvent

from machina_desktop.core.terminal.modes import Modes
from machina_desktop.views.terminal import keymap, pasting
from machina_desktop.views.terminal.keymap import KeyModes


class Entry(Protocol):
    """Something that was put in; it is valid while it is told of."""

    def encoded(self, modes: Modes) -> bytes:
        """The bytes for a terminal in these modes; empty for none."""


@dataclass(frozen=True)
class Pressed:
    """A key."""

    event: QKeyEvent

    def encoded(self, modes: Modes) -> bytes:
        """As xterm encodes it."""
        return keymap.encoded(
            self.event,
            KeyModes(
                is_cursor_application=modes.is_cursor_application,
                is_keypad_application=modes.is_keypad_application,
                is_newline=modes.is_newline,
            ),
        )


@dataclass(frozen=True)
class Composed:
    """What an input method has made."""

    text: str

    def encoded(self, _modes: Modes) -> bytes:
        """The text as it is."""
        return self.text.encode("utf-8", "replace")


@dataclass(frozen=True)
class Pasted:
    """A cleaned text."""

    text: str

    def encoded(self, modes: Modes) -> bytes:
        """With marks around it where the program asked for them."""
        return pasting.encoded(self.text, is_bracketed=modes.is_bracketed_paste)
