"""Character sets that a program can put behind the keys of ASCII (SCS, SO/SI, single shifts)."""

from __future__ import annotations

from typing import Final

from pyte import charsets as pyte_charsets

Charset = dict[int, str]

#: The VT100's line drawing, from pyte's table, without what it does to control characters.
LINES: Final[Charset] = {
    code: character for code, character in enumerate(pyte_charsets.VT100_MAP) if 0x5F <= code <= 0x7E
}
UNITED_KINGDOM: Final[Charset] = {ord("#"): "£"}
#: Final characters of ``ESC ( x`` to sets; every other one stands for ASCII.
DESIGNATED: Final[dict[str, Charset]] = {"0": LINES, "2": LINES, "A": UNITED_KINGDOM}
#: What ``ESC ( ) * +`` and ``- . /`` designate.
SLOTS: Final = {"(": 0, ")": 1, "*": 2, "+": 3, "-": 1, ".": 2, "/": 3}
