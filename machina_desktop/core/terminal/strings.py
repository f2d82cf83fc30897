"""Commands that carry text (OSC, DCS): titles, colours, the working directory, links, clipboard, shell marks."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Final

from machina_desktop.core.terminal import palette
from machina_desktop.core.terminal.attributes import with_link
from machina_desktop.core.terminal.events import (
    Bell,
    ClipboardAsked,
    CommandEnded,
    CommandStarted,
    CwdChanged,
    Notified,
    TitleChanged,
    Told,
)
from machina_desktop.core.terminal.links import Links
from machina_desktop.core.terminal.marks import MarkKind, parse_mark
from machina_desktop.core.terminal.replies import Replying

#: Characters of a title, a notification.
TITLE: Final = 256
#: Bytes a program may put to the clipboard, after a question.
CLIPBOARD: Final = 100_000
_DYNAMIC: Final = {10: "foreground", 11: "background", 12: "cursor"}


def cleaned(text: str, limit: int = TITLE) -> str:
    """Text without control and formatting characters (such as those that turn the direction), of limited length."""
    return "".join(character for character in text[: limit * 2] if character.isprintable())[:limit]


class Strings(Replying):
    """Reads string commands.

    Attributes:
        tell: Takes what the view should know.
        palette: Colours 0 to 255 that a program has changed.
        colours: Changed foreground, background and cursor colours.
        cwd: The shell's directory as it told (OSC 7); empty if it did not.
        links: All links.
    """

    tell: Callable[[Told], None]

    def clear_strings(self) -> None:
        """No titles, no colours."""
        self.title = ""
        self.icon_name = ""
        self.titles: list[tuple[str, str]] = []
        self.palette: dict[int, int] = {}
        self.colours: dict[str, int] = {}
        self.cwd = ""

    def bell(self, *args: object) -> None:
        self.tell(Bell())

    def set_title(self, param: str) -> None:
        """Name the window (OSC 0, 2)."""
        title = cleaned(param)
        if title != self.title:
            self.title = title
            self.tell(TitleChanged(title=title))

    def set_icon_name(self, param: str) -> None:
        """Name the icon (OSC 0, 1)."""
        self.icon_name = cleaned(param)

    def operate(self, text: str) -> None:
        """Do what ``OSC text`` says; unknown commands do nothing."""
        number, separator, rest = text.partition(";")
        if number in {"0", "1"} and separator:
            self.set_icon_name(rest)
        if number in {"0", "2"} and separator:
            self.set_title(rest)
        elif number in _COMMANDS:
            getattr(self, _COMMANDS[number])(rest)
        elif number in {"10", "11", "12"}:
            self._colour_text(int(number), rest.split(";"))
        elif number in {"110", "111", "112"}:
            self.colours.pop(_DYNAMIC[int(number) - 100], None)
            self.damage_all()

    def _colour(self, name: str) -> int:
        return self.colours.get(name, palette.DEFAULTS[name])

    def _colour_text(self, number: int, wanted: list[str]) -> None:
        """OSC 10 to 12: each further colour is for the next number."""
        for text in wanted:
            name = _DYNAMIC.get(number)
            if name is None:
                return
            if text == "?":
                self.write_process_input(f"\x1b]{number};{palette.told(self._colour(name))}\x1b\\")
            else:
                colour = palette.parse_colour(text)
                if colour is not None:
                    self.colours[name] = colour
                    self.damage_all()
            number += 1

    def _set_palette(self, text: str) -> None:
        """OSC 4: pairs of number and colour or ``?``."""
        fields = text.split(";")
        for number, wanted in zip(fields[::2], fields[1::2], strict=False):
            if not (number.isascii() and number.isdigit() and len(number) < 4 and int(number) < 256):
                continue
            index = int(number)
            if wanted == "?":
                colour = self.palette.get(index, palette.standard(index))
                self.write_process_input(f"\x1b]4;{index};{palette.told(colour)}\x1b\\")
                continue
            chosen = palette.parse_colour(wanted)
            if chosen is not None:
                self.palette[index] = chosen
                self.damage_all()

    def _reset_palette(self, text: str) -> None:
        """OSC 104: the colours named, or all."""
        if not text:
            self.palette.clear()
        for number in text.split(";"):
            if number.isascii() and number.isdigit() and len(number) < 4:
                self.palette.pop(int(number), None)
        self.damage_all()

    def _set_cwd(self, text: str) -> None:
        if text.startswith("file://") and len(text) <= 4096 and text.isprintable() and text != self.cwd:
            self.cwd = text
            self.tell(CwdChanged(cwd=text))

    def _set_link(self, text: str) -> None:
        parameters, _, address = text.partition(";")
        name = next((field[3:] for field in parameters.split(":") if field.startswith("id=")), "")
        self.cursor.attribute = with_link(self.cursor.attribute, self.links.number(address, name))

    def _ask_clipboard(self, text: str) -> None:
        """OSC 52: a question to the person; reading the clipboard is not answered at all."""
        _, separator, encoded = text.partition(";")
        if not separator or encoded == "?" or len(encoded) > CLIPBOARD * 4 // 3 + 4:
            return
        try:
            content = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            return
        self.tell(ClipboardAsked(text=content.decode("utf-8", "replace")))

    def _notify(self, text: str) -> None:
        # OSC 9;4 is a progress bar elsewhere.
        if text and not text.startswith("4;"):
            self.tell(Notified(text=cleaned(text)))

    def _mark(self, text: str) -> None:
        self.settle()
        mark = parse_mark(text.split(";")[:2], self.cursor.x)
        if mark is None:
            return
        line = self.rows[self.cursor.y]
        if not self.is_alternate and len(line.marks) < 16:
            line.marks += (mark,)
        if mark.kind is MarkKind.OUTPUT:
            self.tell(CommandStarted())
        elif mark.kind is MarkKind.END:
            self.tell(CommandEnded(exit_code=mark.exit_code))

    links: Links

    def device_control(self, text: str) -> None:
        """Do what ``DCS text`` says: only settings are answered, everything else is ignored."""
        if text.startswith("$q"):
            self.report_setting(text[2:])


_COMMANDS: Final = {
    "4": "_set_palette",
    "104": "_reset_palette",
    "7": "_set_cwd",
    "8": "_set_link",
    "9": "_notify",
    "52": "_ask_clipboard",
    "133": "_mark",
}
