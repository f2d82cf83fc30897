"""Frames of full-screen programs: only what can be seen of them is written, and coloured when it is looked at.

Most frames are never painted, because the next one is there already: of the rows that one chunk writes again and again
the last stays. What is seen of that at once is its text; the runs of its attributes are worked out by whoever asks for
them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Final

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK
from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.sequences import after_sgr, without_sgr
from machina_desktop.core.terminal.widths import NARROW

#: What the beginning of a chunk is, the rest of it is most of the time.
_SAMPLE: Final = 8192
_HOME = "\x1b[H"
_FIRST_ROW = "\x1b[1;1H"
_ERASE = "\x1b[K"
_ASCII_SET = "\x1b(B"
_PRIVATE = "\x1b[?"
#: An SGR sequence that does nothing.
_NO_CHANGE = "\x1b[1000m"
#: The cursor is shown or not, a frame is finished or not: programs say so between frames, and no row is changed by it.
_MODES: Final = "\x1b\\[\\?(?:25|2026)[hl]"
_IN_ROW: Final = "\\[(?:[0-9:;]*+m|K|\\?(?:25|2026)[hl])|\\(B"
_split_rows = re.compile("\x1b\\[([0-9]{1,4});1H").split
_is_row = re.compile(f"(?:[ -~{NARROW}]++|\x1b(?:{_IN_ROW}))*+\\Z").match
_find_other_sequence = re.compile(f"\x1b(?!{_IN_ROW})").search
_find_other_text = re.compile(f"[^\n\x1b -~{NARROW}]").search
_without_modes = re.compile(_MODES).sub
_HARMLESS: Final = bytes([0x0A, 0x1B, *range(0x20, 0x7F)])


def is_frame(text: str) -> bool:
    """Whether much of the text may be whole rows: cheap to say, and not always right."""
    rows = text.count(";1H", 0, _SAMPLE)
    length = min(len(text), _SAMPLE)
    return rows > 4 and 24 * rows < length < 600 * rows and text.count(_ERASE, 0, _SAMPLE) * 2 > rows


def show_frame(screen: Screen, text: str, show: Callable[[str], None]) -> None:
    """Take any text with whole rows in it; ``show`` takes what is none, and nothing where rows begin."""
    before, *parts = _split_rows(text.replace(_HOME, _FIRST_ROW))
    if before:
        show(before)
    numbers, contents = parts[::2], parts[1::2]
    if _redraw(screen, numbers, contents, show):
        return
    # Something in it is more than a row: rows that stand together are still taken together.
    rows = zip(numbers, contents, strict=True)
    for is_row, group in groupby(rows, key=lambda row: _is_row(row[1]) is not None):
        together = [*group]
        places, texts = [row[0] for row in together], [row[1] for row in together]
        if not (is_row and _redraw(screen, places, texts, show)):
            for number, content in together:
                screen.cursor_position(int(number), 1)
                show(content)


def _redraw(screen: Screen, numbers: Sequence[str], contents: Sequence[str], show: Callable[[str], None]) -> bool:
    """Write rows of text, SGR and EL that stay where they begin; False leaves no trace."""
    raw = "\n".join(contents)
    is_simple = screen.is_plain and not (screen.is_erase_guarded or screen.is_origin or screen.margins)
    if not is_simple or not _is_rows(raw) or raw.count("\n") != len(contents) - 1:
        return False
    if _ASCII_SET in raw:
        if screen.charsets[0] is not None:
            return False
        contents = raw.replace(_ASCII_SET, _NO_CHANGE).split("\n")
    kept, texts = _perhaps_seen(screen, numbers, contents)
    if max(map(len, texts)) > screen.columns:
        return False
    show("")
    done = 0
    for index, text in _seen(numbers, contents, kept, texts, screen.columns):
        if index > done:
            screen.cursor.attribute = after_sgr("".join(contents[done:index]), screen.cursor.attribute)
        screen.cursor.y = min(int(numbers[index]) or 1, screen.lines) - 1
        if not _write(screen, contents[index], text):
            screen.cursor.x = 0
            show(contents[index])
        done = index + 1
    drawn = next((text for text in reversed(texts) if text), "")
    if drawn:
        screen.last_drawn = drawn[-1]
    return True


def _is_rows(raw: str) -> bool:
    """Whether there is nothing but narrow text, line feeds and sequences that stay in their row."""
    has_other_text = raw.encode().translate(None, _HARMLESS) if raw.isascii() else _find_other_text(raw)
    return not has_other_text and not _find_other_sequence(raw)


def _texts(contents: Sequence[str]) -> list[str]:
    """The text in each of some rows."""
    raw = "\n".join(contents)
    if _PRIVATE in raw:
        raw = _without_modes("", raw)
    return without_sgr("", raw).replace(_ERASE, "").split("\n")


def _perhaps_seen(screen: Screen, numbers: Sequence[str], contents: Sequence[str]) -> tuple[list[int], list[str]]:
    """Rows of which something may be left, and their texts: the last frame or two, and what those do not cover."""
    first = max(len(contents) - 2 * screen.lines, 0)
    kept = range(first, len(contents))
    texts = _texts(contents[first:])
    if not first:
        return [*kept], texts
    if not any(texts):
        return [*range(len(contents))], _texts(contents)
    columns = screen.columns
    whole = {
        numbers[at] for at, text in zip(kept, texts, strict=True) if _ERASE in contents[at] or len(text) == columns
    }
    room = 0
    # A row that is too long goes on in those below it, which does no harm if they are written anew as well.
    rooms: dict[str, int] = {}
    for number in map(str, range(screen.lines, 0, -1)):
        room = room + columns if number in whole else 0
        if room:
            rooms[number] = room
    sizes = zip(map(len, contents), [rooms.get(number, -1) for number in numbers[:first]], strict=False)
    beside = [at for at, (length, room) in enumerate(sizes) if length > room]
    if any(_PRIVATE in content for content in contents):
        beside = sorted({*beside, *(at for at in range(first) if _PRIVATE in contents[at])})
    return [*beside, *kept], (_texts([contents[at] for at in beside]) if beside else []) + texts


def _seen(
    numbers: Sequence[str], contents: Sequence[str], among: list[int], texts: list[str], columns: int
) -> list[tuple[int, str]]:
    """Rows of which something is left when all are written, in order, with their texts; the last one is among them."""
    seen = []
    covered: dict[str, int] = {}
    for at, text in zip(reversed(among), reversed(texts), strict=True):
        content, number = contents[at], numbers[at]
        reach = columns if _ERASE in content else len(text)
        if reach > covered.get(number, -1) or _PRIVATE in content:
            covered[number] = max(reach, covered.get(number, -1))
            seen.append((at, text))
    return seen[::-1]


def _write(screen: Screen, content: str, text: str) -> bool:
    """Write a row that is erased to its end or as long as what was there before."""
    cursor = screen.cursor
    line = screen.rows[cursor.y]
    begin = cursor.attribute
    head, erase, tail = content.rpartition(_ERASE)
    width = len(text)
    if _PRIVATE in content:
        return False
    if not erase:
        head, tail = tail, ""
        if line.cells is not None or not len(line.text) <= width or not width:
            return False
    elif _ERASE in head or width >= screen.columns or (tail and without_sgr("", tail)):
        return False
    attribute = after_sgr(head, begin)
    if erase:
        line.fill = attribute & BACKGROUND_MASK
    cursor.attribute = after_sgr(tail, attribute) if tail else attribute
    if erase or width == screen.columns:
        line.is_wrapped = False
    line.text = text
    line.runs = []
    line.unread = (head, begin) if width else None
    line.cells = line.clusters = None
    cursor.x = width
    screen.damaged_rows.add(cursor.y)
    return True
