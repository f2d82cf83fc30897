"""What the terminal answers: fixed forms around its own state, never text that the other side chose."""

from __future__ import annotations

from typing import Final

from machina_desktop.core.terminal.attributes import PROTECTED, as_sgr
from machina_desktop.core.terminal.grid import SIDE_MARGINS
from machina_desktop.core.terminal.rectangles import Rectangles

#: DA1: a VT220 with colours. DA2: as xterm 354, which is what editors look for before they use its sequences.
PRIMARY: Final = "\x1b[?62;22c"
SECONDARY: Final = "\x1b[>41;354;0c"
TERTIARY: Final = "\x1bP!|00000000\x1b\\"
VERSION: Final = "\x1bP>|MachinaDesktop\x1b\\"
#: Pixels of a cell, for programs that ask; the real ones are nobody's business.
CELL_WIDTH, CELL_HEIGHT = 10, 20
TITLES = 10


class Replying(Rectangles):
    """Answers queries through ``write_process_input``, as pyte does.

    Attributes:
        is_checksum_answered: Whether DECRQCRA is: it lets a program read the screen, so only tests switch it on.
    """

    is_checksum_answered = False
    titles: list[tuple[str, str]]

    def report_device_attributes(self, mode: int = 0, **kwargs: bool) -> None:
        """Primary device attributes (DA1)."""
        if mode == 0 and not kwargs.get("private"):
            self.write_process_input(PRIMARY)

    def report_secondary(self, mode: int = 0) -> None:
        """Secondary device attributes (DA2)."""
        if mode == 0:
            self.write_process_input(SECONDARY)

    def report_tertiary(self, mode: int = 0) -> None:
        """Tertiary device attributes (DA3)."""
        if mode == 0:
            self.write_process_input(TERTIARY)

    def report_version(self, mode: int = 0) -> None:
        """Name of the terminal (XTVERSION)."""
        if mode == 0:
            self.write_process_input(VERSION)

    def report_parameters(self, mode: int = 0) -> None:
        """Line parameters, which mean nothing any more (DECREQTPARM)."""
        if mode in {0, 1}:
            self.write_process_input(f"\x1b[{mode + 2};1;1;128;128;1;0x")

    def report_device_status(self, mode: int = 0, *_: int, private: bool = False) -> None:
        """Status (5), place of the cursor (6) and what else DECDSR can ask."""
        y, x = self.place()
        if private:
            answer = _STATES.get(mode, "")
            if mode == 6:
                answer = f"\x1b[?{y + 1};{x + 1};1R"
            elif mode == 63:
                answer = "\x1bP0!~0000\x1b\\"
        else:
            answer = {5: "\x1b[0n", 6: f"\x1b[{y + 1};{x + 1}R"}.get(mode, "")
        if answer:
            self.write_process_input(answer)

    def report_mode(self, number: int = 0) -> None:
        """State of an ANSI mode (DECRQM)."""
        self.write_process_input(f"\x1b[{number};{self.mode_state(number, is_private=False)}$y")

    def report_private_mode(self, number: int = 0) -> None:
        """State of a private mode (DECRQM)."""
        self.write_process_input(f"\x1b[?{number};{self.mode_state(number, is_private=True)}$y")

    def report_setting(self, wanted: str) -> None:
        """The sequence that would make a setting what it is (DECRQSS); unknown ones are refused."""
        top, bottom = self.region
        left, right = self.sides
        settings = {
            "m": f"{as_sgr(self.cursor.attribute)}m",
            "r": f"{top + 1};{bottom + 1}r",
            "s": f"{left + 1};{right + 1}s" if SIDE_MARGINS in self.mode else f"1;{self.columns}s",
            " q": f"{self.cursor_style or 1} q",
            '"q': f'{1 if self.cursor.attribute & PROTECTED else 0}"q',
            '"p': '64;1"p',
            "t": f"{self.lines}t",
            "*|": f"{self.lines}*|",
            "$|": f"{self.columns}$|",
        }
        found = settings.get(wanted)
        self.write_process_input(f"\x1bP1$r{found}\x1b\\" if found else "\x1bP0$r\x1b\\")

    def manipulate_window(self, operation: int = 0, which: int = 0, *_: int) -> None:
        """Sizes (14 to 19) and the stack of titles (22, 23); the title is never told (XTWINOPS)."""
        if operation == 22 and len(self.titles) < TITLES:
            self.titles.append((self.title, self.icon_name))
        elif operation == 23 and self.titles:
            title, icon = self.titles.pop()
            if which in {0, 1}:
                self.icon_name = icon
            if which in {0, 2}:
                self.set_title(title)
        height, width = self.lines, self.columns
        answers = {
            11: "\x1b[1t",
            13: "\x1b[3;0;0t",
            14: f"\x1b[4;{height * CELL_HEIGHT};{width * CELL_WIDTH}t",
            15: f"\x1b[5;{height * CELL_HEIGHT};{width * CELL_WIDTH}t",
            16: f"\x1b[6;{CELL_HEIGHT};{CELL_WIDTH}t",
            18: f"\x1b[8;{height};{width}t",
            19: f"\x1b[9;{height};{width}t",
        }
        if operation in answers:
            self.write_process_input(answers[operation])

    def report_checksum(self, number: int = 0, _page: int = 0, *area: int) -> None:
        """Checksum over a rectangle, as xterm counts it (DECRQCRA)."""
        if not self.is_checksum_answered:
            return
        total = 0
        for y, left, right in self.rectangle(area):
            row = self.rows[y].to_row(self.columns)
            text = row.text.ljust(right)[left:right]
            total += sum(0x20 if code == "\0" else ord(code) for code in text)
        self.write_process_input(f"\x1bP{number}!~{-total & 0xFFFF:04X}\x1b\\")


#: DECDSR: no printer, user keys unlocked, North American keyboard, no locator, no macros, one session.
_STATES: Final = {
    15: "\x1b[?13n",
    25: "\x1b[?20n",
    26: "\x1b[?27;1;0;0n",
    53: "\x1b[?50n",
    55: "\x1b[?50n",
    56: "\x1b[?57;0n",
    62: "\x1b[0*{",
    75: "\x1b[?70n",
    85: "\x1b[?83n",
}
