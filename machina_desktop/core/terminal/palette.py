"""Colours that a program sets and asks for (OSC 4, 10 to 12), as 0xRRGGBB."""

from __future__ import annotations

import re
from typing import Final

from pyte.graphics import FG_BG_256

#: What queries are answered with until the view or a program says otherwise: xterm's own.
DEFAULTS: Final = {"foreground": 0xE5E5E5, "background": 0x000000, "cursor": 0xE5E5E5}
_RGB = re.compile(r"rgb:([0-9a-f]{1,4})/([0-9a-f]{1,4})/([0-9a-f]{1,4})\Z", re.IGNORECASE)
_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{9}|[0-9a-f]{12})\Z", re.IGNORECASE)


def parse_colour(text: str) -> int | None:
    """``rgb:r/g/b`` with 1 to 4 digits each, or ``#rgb`` to ``#rrrrggggbbbb``; None for everything else."""
    match = _RGB.match(text)
    if match:
        parts = [round(int(part, 16) * 255 / (16 ** len(part) - 1)) for part in match.groups()]
    elif _HEX.match(text):
        digits = (len(text) - 1) // 3
        parts = [int(text[1 + digits * part : 1 + digits * (part + 1)].ljust(2, "0")[:2], 16) for part in range(3)]
    else:
        return None
    red, green, blue = (int(part) for part in parts)
    return red << 16 | green << 8 | blue


def told(colour: int) -> str:
    """A colour as replies write it: 16 bits a part."""
    red, green, blue = colour >> 16, colour >> 8 & 255, colour & 255
    return f"rgb:{red:02x}{red:02x}/{green:02x}{green:02x}/{blue:02x}{blue:02x}"


def standard(index: int) -> int:
    """What xterm shows for colour ``index``, 0 to 255."""
    return int(FG_BG_256[index], 16)
