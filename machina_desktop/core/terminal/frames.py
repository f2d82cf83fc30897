"""Frames of full-screen programs: a row that is written from its first column on is coloured when it is looked at.

Most frames are never painted, because the next one is there already. What is seen of a row at once is its text; the
runs of its attributes are worked out by whoever asks for them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK
from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.sequences import after_sgr, read_raw, without_sgr
from machina_desktop.core.terminal.widths import find_not_narrow

_ERASE = "\x1b[K"
_split_rows = re.compile("\x1b\\[(?:([0-9]{1,4});1)?H").split


def is_frame(text: str) -> bool:
    """Whether much of the text may be whole rows: cheap to say, and not always right."""
    rows = text.count(";1H")
    return rows > 4 and 24 * rows < len(text) < 200 * rows and text.count(_ERASE) * 2 > rows


def show_frame(screen: Screen, text: str, show: Callable[[str], None]) -> None:
    """Take any text with whole rows in it; ``show`` takes what is none."""
    before, *parts = _split_rows(text)
    if before:
        show(before)
    for number, content in zip(parts[::2], parts[1::2], strict=True):
        screen.cursor_position(int(number or 1), 1)
        is_simple = screen.is_plain and not screen.is_erase_guarded
        if content and not (is_simple and _redraw(screen, content)):
            show(content)


def _redraw(screen: Screen, content: str) -> bool:
    """Write a row of text and SGR sequences that is erased to its end or as long as what was there before."""
    cursor = screen.cursor
    line = screen.rows[cursor.y]
    begin = cursor.attribute
    head, erase, tail = content.rpartition(_ERASE)
    if not erase:
        head, tail = tail, ""
    text = without_sgr("", head)
    width = len(text)
    if not text.isprintable() or not (text.isascii() or not find_not_narrow(text)):
        return False
    if erase:
        if width >= screen.columns or (tail and without_sgr("", tail)):
            return False
    elif line.cells is not None or not len(line.text) <= width <= screen.columns or not width:
        return False
    cursor.attribute = after_sgr(head, begin)
    if erase:
        line.fill = cursor.attribute & BACKGROUND_MASK
        cursor.attribute = after_sgr(tail, cursor.attribute)
    if erase or width == screen.columns:
        line.is_wrapped = False
    line.text = text
    line.runs = []
    line.unread = partial(_runs, head, begin) if width else None
    line.cells = line.clusters = None
    if width:
        screen.last_drawn = text[-1]
    cursor.x = width
    screen.damaged_rows.add(cursor.y)
    return True


def _runs(raw: str, attribute: int) -> list[int]:
    return [*read_raw(raw, attribute).runs] or [0, 0]
