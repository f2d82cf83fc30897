"""How many columns a character takes, decided for whole runs of text wherever that is possible."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from wcwidth import wcwidth as _measure

#: The right half of a wide character, in text that has one code point a column.
HALF: Final = "\0"
#: Code points one cell keeps; more combining marks than that are not shown by any font.
CLUSTER: Final = 16

# Characters whose width is beyond doubt, as parts of a regular expression's class. tests/terminal/test_widths.py holds
# every one of them against wcwidth. Everything else is measured one by one.
NARROW: Final = (
    "\u00a0-\u00ac\u00ae-\u02ff\u0370-\u0377\u037a-\u037f\u0384-\u038a\u038e-\u03a1\u03a3-\u0482\u048a-\u052f"
    "\u2010-\u2027\u2030-\u205e\u2070-\u2071\u2074-\u208e\u20a0-\u20c0\u2100-\u218b\u2190-\u2319\u231c-\u2328"
    "\u232b-\u23e8\u2400-\u2426\u2440-\u244a\u2460-\u25fc\u25ff-\u2613\u2800-\u28ff\ue0a0-\ue0d7"
)
WIDE: Final = (
    "\u3001-\u3029\u3041-\u3096\u30a0-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uff01-\uff60\U0001f600-\U0001f64f"
)

#: Finds a character that is neither surely narrow nor surely wide.
find_doubtful: Final = re.compile(f"[^ -~{NARROW}{WIDE}]").search
#: Finds a character that is not surely narrow.
find_not_narrow: Final = re.compile(f"[^ -~{NARROW}]").search
_split_wide = re.compile(f"([{WIDE}]+)").split
_replace_marked = re.compile("[^\x00-\x1f][\u0300-\u036f]+").sub


@lru_cache(maxsize=4096)
def width(character: str) -> int:
    """Columns of one code point: 0, 1, 2; -1 for a control character."""
    measured: int = _measure(character)
    return measured


def aligned(text: str) -> str:
    """Text of surely narrow and surely wide characters with one code point a column."""
    parts = _split_wide(text)
    if len(parts) == 1:
        return text
    parts[1::2] = ["\0".join(wide) + "\0" for wide in parts[1::2]]
    return "".join(parts)


def _composed(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match.group())


def composed(text: str) -> str:
    """Text whose letters and marks are one code point where Unicode has one for them."""
    return text if text.isascii() else _replace_marked(_composed, text)


def spread(before: str, text: str, clusters: dict[int, str]) -> str:
    """``before`` with any text added, one code point a column; what has no width goes to ``clusters``."""
    if find_doubtful(text):
        text = composed(text)
    if not find_doubtful(text):
        return before + aligned(text)
    columns = [before]
    length = len(before)
    for character in text:
        taken = width(character)
        if taken > 0:
            columns.append(character if taken == 1 else character + HALF)
            length += taken
        elif not taken and length:
            last = "".join(columns)
            at = length - 2 if last[-1] == HALF else length - 1
            whole = with_mark(clusters.get(at, last[at]), character)
            if len(whole) > 1:
                clusters[at] = whole
            elif whole:
                clusters.pop(at, None)
                columns = [last[:at], whole, last[at + 1 :]]
    return "".join(columns)


def with_mark(cluster: str, mark: str) -> str:
    """A cluster with a code point more, composed if Unicode has one for both; empty if it has no room for it."""
    if len(cluster) >= CLUSTER:
        return ""
    whole = unicodedata.normalize("NFC", cluster + mark)
    return whole if len(whole) > 1 or width(whole) == width(cluster[0]) else ""


def cut(text: str, columns: int) -> list[str]:
    """Aligned text in rows of at most ``columns``; a wide character that does not fit goes to the next row."""
    if HALF not in text:
        return [text[start : start + columns] for start in range(0, len(text), columns)] or [""]
    rows = []
    start = 0
    length = len(text)
    while start < length:
        end = start + columns
        if end < length and text[end] == HALF and end - 1 > start:
            end -= 1
        rows.append(text[start:end])
        start = end
    return rows or [""]
