"""The whole screen: pyte's, with everything overridden that was slow or wrong."""

from __future__ import annotations

from collections.abc import Callable

from pyte import modes as mo

from machina_desktop.core.terminal.events import Told
from machina_desktop.core.terminal.grid import SIDE_MARGINS
from machina_desktop.core.terminal.links import Links
from machina_desktop.core.terminal.modes import CURSOR_KEYS, KEYPAD
from machina_desktop.core.terminal.moving import REVERSE_WRAP
from machina_desktop.core.terminal.reflow import Reflowing


class Screen(Reflowing):
    """A ``pyte.Screen`` with xterm's semantics, an alternate screen and a scrollback.

    Args:
        columns: At least 2.
        lines: At least 1.
        scrollback: Lines kept at least (a thousand more may be there); of those that are wrapped often, as many rows
            three times.
        reply: Takes what goes back to the program.
        tell: Takes what the view should know.
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
        self.reply = reply
        self.tell = tell
        self.links = Links()
        self.title = ""
        super().__init__(max(columns, 2), max(lines, 1), scrollback)

    def reset(self) -> None:
        """Everything as at the start, but the scrollback (RIS)."""
        title = getattr(self, "title", "")
        self.clear_modes()
        self.clear_grid()
        self.clear_writing()
        self.clear_strings()
        self.set_tab_every_eight()
        self.saved_columns = None
        self.title = title
        self.set_title("")

    def soft_reset(self) -> None:
        """Modes, margins and looks as at the start; what is shown stays (DECSTR)."""
        self.mode.difference_update({mo.IRM, mo.DECOM, CURSOR_KEYS, KEYPAD, SIDE_MARGINS, REVERSE_WRAP})
        self.mode.update({mo.DECAWM, mo.DECTCEM})
        self.cursor.hidden = False
        self.cursor.attribute = 0
        self.margins = None
        self.sides = (0, self.columns - 1)
        self.savepoints.clear()
        self.is_erase_guarded = False
        self.cursor_style = 0
        self.clear_writing()

    def set_tab_every_eight(self, *_: int) -> None:
        """Tabulators as at the start (DECST8C)."""
        self.tabstops = set(range(8, self.columns, 8))

    def write_process_input(self, data: str) -> None:
        self.reply(data.encode("ascii"))
