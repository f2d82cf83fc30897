"""Modes: what a program may switch, what each switch does, and what the view is told of it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from pyte import modes as mo

from machina_desktop.core.terminal.editing import Editing
from machina_desktop.core.terminal.grid import SIDE_MARGINS
from machina_desktop.core.terminal.line import Line
from machina_desktop.core.terminal.moving import REVERSE_WRAP


def private(number: int) -> int:
    """A private mode (``CSI ? number h``) as pyte writes it."""
    return number << 5


CURSOR_KEYS: Final = private(1)
BLINKING: Final = private(12)
WIDE_ALLOWED: Final = private(40)
KEYPAD: Final = private(66)
MOUSE: Final = {private(9): "x10", private(1000): "press", private(1002): "drag", private(1003): "motion"}
ENCODING: Final = {private(1005): "utf8", private(1006): "sgr", private(1015): "urxvt"}
FOCUS: Final = private(1004)
ALTERNATE_SCROLL: Final = private(1007)
SCREENS: Final = {private(47), private(1047), private(1049)}
SAVED_CURSOR: Final = private(1048)
PASTE: Final = private(2004)
HELD: Final = private(2026)

#: Modes that do nothing but to be remembered, and those above and in pyte: all that DECRQM knows.
_KNOWN: Final = frozenset(
    {mo.IRM, mo.LNM, mo.DECTCEM, mo.DECSCNM, mo.DECOM, mo.DECAWM, mo.DECCOLM, CURSOR_KEYS, BLINKING, WIDE_ALLOWED}
    | {KEYPAD, FOCUS, ALTERNATE_SCROLL, SAVED_CURSOR, PASTE, HELD, SIDE_MARGINS, REVERSE_WRAP, private(8)}
    | {*MOUSE, *ENCODING, *SCREENS}
)
_AT_START: Final = frozenset({mo.DECAWM, mo.DECTCEM, ALTERNATE_SCROLL, private(8)})


class Modes(NamedTuple):
    """What of the modes a view has to heed.

    Attributes:
        mouse: ``off``, ``x10`` (presses only), ``press`` (and releases), ``drag`` or ``motion``.
        mouse_encoding: ``default``, ``utf8``, ``sgr`` or ``urxvt``.
        is_alternate_scroll: Whether the wheel sends arrow keys on the alternate screen.
        is_newline: Whether Return sends CR LF.
    """

    is_alternate: bool = False
    is_bracketed_paste: bool = False
    mouse: str = "off"
    mouse_encoding: str = "default"
    is_focus_reported: bool = False
    is_cursor_application: bool = False
    is_keypad_application: bool = False
    is_reverse_screen: bool = False
    is_alternate_scroll: bool = True
    is_newline: bool = False


class Switching(Editing):
    """Sets and resets modes.

    Attributes:
        mouse: The mouse mode that was set last; see ``Modes``.
        cursor_style: 0 to 6 of DECSCUSR.
    """

    def clear_modes(self) -> None:
        """All modes as at the start."""
        self.mode = set(_AT_START)
        self.saved_modes: dict[int, bool] = {}
        self.mouse = "off"
        self.mouse_encoding = "default"
        self.cursor_style = 0

    def modes(self) -> Modes:
        """What a view has to heed."""
        modes = self.mode
        return Modes(
            is_alternate=self.is_alternate,
            is_bracketed_paste=PASTE in modes,
            mouse=self.mouse,
            mouse_encoding=self.mouse_encoding,
            is_focus_reported=FOCUS in modes,
            is_cursor_application=CURSOR_KEYS in modes,
            is_keypad_application=KEYPAD in modes,
            is_reverse_screen=mo.DECSCNM in modes,
            is_alternate_scroll=ALTERNATE_SCROLL in modes,
            is_newline=mo.LNM in modes,
        )

    def set_mode(self, *modes: int, **kwargs: Any) -> None:  # noqa: ANN401 (pyte's signature)
        """Switch modes on; ``private=True`` for ``CSI ? … h``."""
        for number in modes:
            self._switch(private(number) if kwargs.get("private") else number, on=True)
        self.choose_paths()

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:  # noqa: ANN401 (pyte's signature)
        """Switch modes off; ``private=True`` for ``CSI ? … l``."""
        for number in modes:
            self._switch(private(number) if kwargs.get("private") else number, on=False)
        self.choose_paths()

    def _switch(self, mode: int, *, on: bool) -> None:
        if mode not in _KNOWN:
            return
        if mode == mo.DECCOLM and WIDE_ALLOWED not in self.mode:
            return
        if on:
            self.mode.add(mode)
        else:
            self.mode.discard(mode)
        if mode in MOUSE:
            self.mouse = MOUSE[mode] if on else "off"
        elif mode in ENCODING:
            self.mouse_encoding = ENCODING[mode] if on else "default"
        elif mode in SCREENS:
            self._choose_screen(mode, on=on)
        elif mode in _EFFECTS:
            getattr(self, _EFFECTS[mode])(on=on)

    def _on_columns(self, *, on: bool) -> None:
        # The view decides how many columns there are; what else DECCOLM does is done.
        self.margins = None
        self.sides = (0, self.columns - 1)
        self.erase_in_display(2)
        self.cursor_position()

    def _on_origin(self, *, on: bool) -> None:
        self.cursor_position()

    def _on_reverse(self, *, on: bool) -> None:
        self.damage_all()

    def _on_shown(self, *, on: bool) -> None:
        self.cursor.hidden = not on

    def _on_sides(self, *, on: bool) -> None:
        self.sides = (0, self.columns - 1)

    def _on_saved_cursor(self, *, on: bool) -> None:
        if on:
            self.save_cursor()
        else:
            self.restore_cursor()

    def _choose_screen(self, mode: int, *, on: bool) -> None:
        """Show the alternate screen or the main one; 1049 keeps the cursor and blanks, 1047 blanks on its way back."""
        if on == self.is_alternate:
            return
        if on and mode == private(1049):
            self.save_cursor()
        if not on and mode == private(1047):
            self._blank_screen()
        self.is_alternate = on
        self.rows, self.other_rows = self.other_rows, self.rows
        self.savepoints, self.other_savepoints = self.other_savepoints, self.savepoints
        self.mode.difference_update(SCREENS)
        if on:
            self.mode.add(mode)
        if on and mode == private(1049):
            self._blank_screen()
        if not on and mode == private(1049):
            self.restore_cursor()
        self.damage_all()

    def _blank_screen(self) -> None:
        self.rows = [Line(fill=self.blank_attribute) for _ in range(self.lines)]

    def keep_modes(self, *modes: int) -> None:
        """Remember how private modes stand (XTSAVE)."""
        for number in modes[:32]:
            self.saved_modes[private(number)] = private(number) in self.mode

    def return_modes(self, *modes: int) -> None:
        """Set private modes as they were remembered (XTRESTORE)."""
        for number in modes[:32]:
            mode = private(number)
            if mode in self.saved_modes and self.saved_modes[mode] != (mode in self.mode):
                self._switch(mode, on=self.saved_modes[mode])
        self.choose_paths()

    def keypad_application(self) -> None:
        """The number pad sends sequences (DECKPAM)."""
        self.mode.add(KEYPAD)

    def keypad_numeric(self) -> None:
        """The number pad sends numbers (DECKPNM)."""
        self.mode.discard(KEYPAD)

    def set_cursor_style(self, style: int = 0) -> None:
        """Block, underline or bar, blinking or steady (DECSCUSR)."""
        if 0 <= style <= 6:
            self.cursor_style = style

    def mode_state(self, number: int, *, is_private: bool) -> int:
        """1 set, 2 reset, 0 unknown; 4 is for modes of ECMA-48 that no terminal has (DECRQM)."""
        mode = private(number) if is_private else number
        if mode in _KNOWN:
            return 1 if mode in self.mode else 2
        return 4 if not is_private and number in _NEVER_SET else 0


_NEVER_SET: Final = {1, 5, 7, 10, 11, 13, 14, 15, 16, 17, 18, 19}
_EFFECTS: Final = {
    mo.DECCOLM: "_on_columns",
    mo.DECOM: "_on_origin",
    mo.DECSCNM: "_on_reverse",
    mo.DECTCEM: "_on_shown",
    SIDE_MARGINS: "_on_sides",
    SAVED_CURSOR: "_on_saved_cursor",
}
