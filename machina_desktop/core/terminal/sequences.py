"""Control sequences as what they do: a table, and a cache from the text of a sequence to its action."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from pyte.streams import Stream as PyteStream

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK, RESET, parse_sgr
from machina_desktop.core.terminal.rows import NO_CLUSTERS, Row, merged
from machina_desktop.core.terminal.widths import spread

#: Kinds of actions: look, place, erase to the end of the row, call a method of the screen, nothing.
SGR, CUP, EL, CALL, IGNORE = range(5)
#: Kind, and two numbers: SGR has what to keep and what to set, CUP row and column from 0.
Action = tuple[int, int, int]


class Call(NamedTuple):
    """A method of the screen and what it is given."""

    name: str
    parameters: tuple[int, ...]
    is_private: bool


#: Longer sequences are swallowed whole.
LONGEST: Final = 256
_LARGEST = 9999
_CACHED = 20_000

#: Prefix, intermediates and final character to a method; pyte's table and what it lacks.
CSI: Final[dict[str, str]] = {
    **PyteStream.csi,
    "I": "tabs_forward",
    "S": "scroll_text_up",
    "T": "scroll_text_down",
    "^": "scroll_text_down",
    "Z": "tabs_back",
    "`": "cursor_to_column",
    "a": "columns_forward",
    "b": "repeat",
    "e": "lines_forward",
    "s": "set_side_margins",
    "t": "manipulate_window",
    "u": "restore_cursor",
    "x": "report_parameters",
    ">c": "report_secondary",
    "=c": "report_tertiary",
    ">q": "report_version",
    "?J": "erase_in_display",
    "?K": "erase_in_line",
    "?h": "set_mode",
    "?l": "reset_mode",
    "?n": "report_device_status",
    "?s": "keep_modes",
    "?r": "return_modes",
    "?W": "set_tab_every_eight",
    "!p": "soft_reset",
    " q": "set_cursor_style",
    "$p": "report_mode",
    "?$p": "report_private_mode",
    '"q': "protect",
    "'}": "insert_columns",
    "'~": "delete_columns",
    "$v": "copy_rectangle",
    "$x": "fill_rectangle",
    "$z": "erase_rectangle",
    "${": "erase_rectangle_selectively",
    "*y": "report_checksum",
}
#: How many parameters a method takes; one if it is not named here.
_COUNTS = {
    "cursor_position": 2,
    "set_margins": 2,
    "set_side_margins": 2,
    "manipulate_window": 3,
    "scroll_text_down": 5,
    "set_mode": 32,
    "reset_mode": 32,
    "keep_modes": 32,
    "return_modes": 32,
    "copy_rectangle": 8,
    "fill_rectangle": 5,
    "erase_rectangle": 4,
    "erase_rectangle_selectively": 4,
    "report_checksum": 6,
    "restore_cursor": 0,
    "soft_reset": 0,
}
_PRIVATE = {"?J", "?K", "?h", "?l", "?n"}
#: Intermediates and final character of other escape sequences to a method.
ESCAPE: Final[dict[str, str]] = {
    **PyteStream.escape,
    "E": "next_line",
    "6": "back_index",
    "9": "forward_index",
    "=": "keypad_application",
    ">": "keypad_numeric",
    "V": "start_guarded",
    "W": "end_guarded",
    "Z": "report_device_attributes",
    "c": "reset",
    "#8": "alignment_display",
}

_split = re.compile(r"([<-?]?)([0-9:;]*)([ -/]*)([@-~])\Z").match
without_sgr: Final = re.compile("\x1b\\[[0-9:;]*m").sub
_find_sgr = re.compile("\x1b\\[([0-9:;]*m)").findall
_split_sgr = re.compile("\x1b\\[([0-9:;]*)m").split
#: As a change of looks, too: all is kept and nothing set.
_NOTHING: Final[Action] = (IGNORE, -1, 0)
#: What sequences do, by their text after CSI; those that call a method stand in ``CALLS`` too.
CACHE: Final[dict[str, Action]] = {}
CALLS: Final[dict[str, Call]] = {}


def compile_csi(body: str) -> Action:
    """The action of ``CSI body``, which is kept for the next time."""
    if len(body) > LONGEST:
        return _NOTHING
    if len(CACHE) >= _CACHED:
        CACHE.clear()
        CALLS.clear()
    action = CACHE[body] = _compiled(body)
    return action


def _compiled(body: str) -> Action:
    match = _split(body)
    if match is None:
        return _NOTHING
    prefix, text, intermediates, final = match.groups()
    key = prefix + intermediates + final
    if key == "m":
        change = parse_sgr(text)
        return (SGR, change.keep, change.bits)
    numbers = tuple(min(int(part.partition(":")[0] or 0), _LARGEST) for part in text.split(";"))
    if key in {"H", "f"}:
        return (CUP, max(numbers[0] - 1, 0), max(numbers[1] - 1, 0) if len(numbers) > 1 else 0)
    if key == "K" and numbers[0] == 0:
        return (EL, 0, 0)
    name = CSI.get(key)
    if name is None:
        return _NOTHING
    CALLS[body] = Call(name, numbers[: _COUNTS.get(name, 1)], key in _PRIVATE)
    return (CALL, 0, 0)


def after_sgr(text: str, attribute: int) -> int:
    """The attribute at the end of a text with SGR sequences that begins with ``attribute``."""
    if "\x1b" not in text:
        return attribute
    reset = text.rfind("\x1b[0m")
    reset = max(reset, text.rfind("\x1b[m", max(reset, 0)))
    if reset >= 0:
        attribute &= RESET.keep
        if "\x1b" not in text[reset + 1 :]:
            return attribute
        text = text[reset:]
    for body in _find_sgr(text):
        _, keep, bits = CACHE.get(body) or compile_csi(body)
        attribute = attribute & keep | bits
    return attribute


def read_raw(raw: str, attribute: int) -> Row:
    """A line of printable text and SGR sequences as a row; ``attribute`` is how it begins."""
    fill = attribute & BACKGROUND_MASK
    text = ""
    runs: list[int] = []
    clusters: dict[int, str] = {}
    for number, part in enumerate(_split_sgr(raw)):
        if number % 2:
            action = CACHE.get(part + "m") or compile_csi(part + "m")
            attribute = attribute & action[1] | action[2]
        elif part:
            begin = len(text)
            text = text + part if part.isascii() else spread(text, part, clusters)
            # Marks may have gone to the character before.
            if len(text) > begin:
                runs += (begin, attribute)
    runs = merged(runs)
    return Row(text, () if runs == [0, 0] else tuple(runs), fill, clusters or NO_CLUSTERS)


#: Shifts: locking ones (LS2, LS3 and their right-hand sisters, which do nothing in UTF-8) and those for one character.
SHIFTS: Final = {"n": ("shift", 2), "o": ("shift", 3), "N": ("shift_once", 2), "O": ("shift_once", 3)}
