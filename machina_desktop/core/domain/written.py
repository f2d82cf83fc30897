"""One way of writing for texts that look equal."""

from __future__ import annotations

import unicodedata

_APART = 4
"""Into so many code points at most one character falls when it is taken apart."""


def composed(text: str, *, longest: int) -> str:
    """``text`` in Unicode's composed form (NFC).

    One that cannot have ``longest`` characters or fewer that way is left as it is, to be refused for its length: the
    time that composing takes grows with the square, and 160 KB of accents would stop a server for 20 s.
    """
    return unicodedata.normalize("NFC", text) if len(text) <= _APART * longest else text
