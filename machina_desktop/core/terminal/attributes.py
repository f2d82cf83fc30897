"""How a cell looks is one whole number: flags, colours, underline and link, packed.

Bits from the lowest: 12 flags, 3 bits underline style, 26 bits foreground, 26 bits background, 26 bits colour of the
underline, and above them the number of the link (OSC 8; 0 for none). A colour is 2 bits of kind and 24 bits of value.
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final, NamedTuple

BOLD: Final = 1 << 0
DIM: Final = 1 << 1
ITALIC: Final = 1 << 2
BLINK: Final = 1 << 3
REVERSE: Final = 1 << 4
INVISIBLE: Final = 1 << 5
STRIKE: Final = 1 << 6
OVERLINE: Final = 1 << 7
PROTECTED: Final = 1 << 8

_UNDERLINE_SHIFT = 12
_UNDERLINE_MASK = 7 << _UNDERLINE_SHIFT
_COLOUR_BITS = 26
_COLOUR_MASK = (1 << _COLOUR_BITS) - 1
_FOREGROUND_SHIFT = 16
_BACKGROUND_SHIFT = _FOREGROUND_SHIFT + _COLOUR_BITS
_UNDERLINE_COLOUR_SHIFT = _BACKGROUND_SHIFT + _COLOUR_BITS
LINK_SHIFT: Final = _UNDERLINE_COLOUR_SHIFT + _COLOUR_BITS

#: What is left of an attribute in a cell that was erased: only its background (background-colour erase).
BACKGROUND_MASK: Final = _COLOUR_MASK << _BACKGROUND_SHIFT
_ALL = (1 << (LINK_SHIFT + 32)) - 1
_LINK_MASK = _ALL >> LINK_SHIFT << LINK_SHIFT
#: What SGR 0 leaves alone: protection belongs to DECSCA, the link to OSC 8.
_BEYOND_SGR = PROTECTED | _LINK_MASK


class Underline(IntEnum):
    """The styles of SGR 4:0 to 4:5."""

    NONE = 0
    SINGLE = 1
    DOUBLE = 2
    CURLY = 3
    DOTTED = 4
    DASHED = 5


class ColourKind(IntEnum):
    """What the value of a colour means."""

    DEFAULT = 0
    ANSI = 1
    INDEXED = 2
    RGB = 3


class Colour(NamedTuple):
    """A colour as the program named it; which pixels that are is the painter's business.

    Attributes:
        kind: DEFAULT (value 0), ANSI (0..15), INDEXED (0..255) or RGB (0xRRGGBB).
        value: See ``kind``.
    """

    kind: ColourKind
    value: int


@lru_cache(maxsize=4096)
def _unpacked(packed: int) -> Colour:
    return Colour(ColourKind(packed >> 24), packed & 0xFFFFFF)


def foreground(attribute: int) -> Colour:
    """The colour of the characters."""
    return _unpacked(attribute >> _FOREGROUND_SHIFT & _COLOUR_MASK)


def background(attribute: int) -> Colour:
    """The colour behind the characters."""
    return _unpacked(attribute >> _BACKGROUND_SHIFT & _COLOUR_MASK)


def underline_colour(attribute: int) -> Colour:
    """The colour of the underline; DEFAULT means that of the characters."""
    return _unpacked(attribute >> _UNDERLINE_COLOUR_SHIFT & _COLOUR_MASK)


def underline(attribute: int) -> Underline:
    """The style of the underline."""
    return Underline(attribute >> _UNDERLINE_SHIFT & 7)


def link_id(attribute: int) -> int:
    """The number of the link the cell belongs to; 0 for none."""
    return attribute >> LINK_SHIFT


def with_link(attribute: int, number: int) -> int:
    """The attribute as part of link ``number``; 0 takes the link away."""
    return attribute & ~_LINK_MASK | number << LINK_SHIFT


def packed_colour(kind: ColourKind, value: int) -> int:
    """A colour as 26 bits."""
    return kind << 24 | value


def with_colours(attribute: int, fore: int, back: int) -> int:
    """The attribute with two packed colours put in."""
    kept = attribute & ~(_COLOUR_MASK << _FOREGROUND_SHIFT | BACKGROUND_MASK)
    return kept | fore << _FOREGROUND_SHIFT | back << _BACKGROUND_SHIFT


class Change(NamedTuple):
    """What an SGR sequence does: ``attribute & keep | bits``."""

    keep: int
    bits: int


UNCHANGED: Final = Change(_ALL, 0)
RESET: Final = Change(_BEYOND_SGR, 0)


def _sets(mask: int, bits: int) -> Change:
    return Change(_ALL & ~mask, bits)


def _colour(shift: int, kind: ColourKind, value: int) -> Change:
    return _sets(_COLOUR_MASK << shift, packed_colour(kind, value) << shift)


def _underlined(style: int) -> Change:
    return _sets(_UNDERLINE_MASK, style << _UNDERLINE_SHIFT)


def _simple_changes() -> dict[int, Change]:
    """SGR numbers that stand for themselves (xterm control sequences, "CSI Pm m")."""
    changes = {0: RESET, 4: _underlined(Underline.SINGLE), 21: _underlined(Underline.DOUBLE), 24: _underlined(0)}
    switches = {1: BOLD, 2: DIM, 3: ITALIC, 5: BLINK, 6: BLINK, 7: REVERSE, 8: INVISIBLE, 9: STRIKE, 53: OVERLINE}
    changes |= {number: _sets(flag, flag) for number, flag in switches.items()}
    ends = {22: BOLD | DIM, 23: ITALIC, 25: BLINK, 27: REVERSE, 28: INVISIBLE, 29: STRIKE, 55: OVERLINE}
    changes |= {number: _sets(flag, 0) for number, flag in ends.items()}
    for base, shift in ((30, _FOREGROUND_SHIFT), (40, _BACKGROUND_SHIFT)):
        changes |= {base + value: _colour(shift, ColourKind.ANSI, value) for value in range(8)}
        changes |= {base + 60 + value: _colour(shift, ColourKind.ANSI, value + 8) for value in range(8)}
        changes[base + 9] = _colour(shift, ColourKind.DEFAULT, 0)
    changes[59] = _colour(_UNDERLINE_COLOUR_SHIFT, ColourKind.DEFAULT, 0)
    return changes


_SIMPLE = _simple_changes()
_COLOURED = {38: _FOREGROUND_SHIFT, 48: _BACKGROUND_SHIFT, 58: _UNDERLINE_COLOUR_SHIFT}
_STYLES = {style.value for style in Underline}


def _extended(shift: int, values: list[int]) -> Change:
    """The colour that ``5;n`` or ``2;r;g;b`` names; numbers out of range name none."""
    match values:
        case [5, index, *_] if index <= 255:
            return _colour(shift, ColourKind.INDEXED, index)
        case [2, red, green, blue, *_] if max(red, green, blue) <= 255:
            return _colour(shift, ColourKind.RGB, red << 16 | green << 8 | blue)
    return UNCHANGED


def _with_subparameters(text: str) -> Change:
    """One parameter in the colon form: ``4:3``, ``38:5:208``, ``38:2:r:g:b``, ``38:2:space:r:g:b``."""
    first, *rest = [int(part or 0) for part in text.split(":")]
    if first == 4 and rest[0] in _STYLES:
        return _underlined(rest[0])
    if first not in _COLOURED:
        return UNCHANGED
    if rest[0] == 2 and len(rest) >= 5:
        del rest[1]
    return _extended(_COLOURED[first], rest)


def _after(first: Change, second: Change) -> Change:
    return Change(first.keep & second.keep, first.bits & second.keep | second.bits)


def parse_sgr(parameters: str) -> Change:
    """What ``CSI parameters m`` does; unknown numbers do nothing. ``parameters``: digits, ``;`` and ``:``."""
    change = UNCHANGED
    rest = parameters.split(";")[::-1]
    while rest:
        part = rest.pop()
        if ":" in part:
            change = _after(change, _with_subparameters(part))
            continue
        number = int(part or 0)
        if number not in _COLOURED:
            change = _after(change, _SIMPLE.get(number, UNCHANGED))
            continue
        wanted = {"5": 2, "2": 4}.get(rest[-1].lstrip("0"), 1) if rest else 0
        values = [int(value) if value.isdigit() else 0 for value in rest[: -wanted - 1 : -1]] if wanted else []
        del rest[len(rest) - len(values) :]
        if len(values) == wanted:
            change = _after(change, _extended(_COLOURED[number], values))
    return change


def as_sgr(attribute: int) -> str:
    """The parameters of the SGR sequence that makes this attribute from the default one (DECRQSS ``m``)."""
    parts = ["0"]
    parts += [str(number) for number, flag in _SHOWN_FLAGS if attribute & flag]
    style = underline(attribute)
    if style:
        parts.append("4" if style is Underline.SINGLE else f"4:{style.value}")
    parts += _colour_sgr(foreground(attribute), 30) + _colour_sgr(background(attribute), 40)
    return ";".join(parts)


_SHOWN_FLAGS = ((1, BOLD), (2, DIM), (3, ITALIC), (5, BLINK), (7, REVERSE), (8, INVISIBLE), (9, STRIKE), (53, OVERLINE))


def _colour_sgr(colour: Colour, base: int) -> list[str]:
    kind, value = colour
    if kind is ColourKind.ANSI:
        return [str(base + value if value < 8 else base + 52 + value)]
    if kind is ColourKind.INDEXED:
        return [f"{base + 8}:5:{value}"]
    if kind is ColourKind.RGB:
        return [f"{base + 8}:2::{value >> 16}:{value >> 8 & 255}:{value & 255}"]
    return []
