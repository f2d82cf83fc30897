"""Chunks of coloured log lines: those that scroll through unseen go to the scrollback unread."""

from __future__ import annotations

import re
from collections.abc import Callable

from machina_desktop.core.terminal.rows import Line
from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.scrollback import Entry, rows_of
from machina_desktop.core.terminal.sequences import CACHE, compile_csi
from machina_desktop.core.terminal.widths import aligned, composed, find_doubtful

_without_sgr = re.compile("\x1b\\[[0-9:;]*m").sub
_find_sgr = re.compile("\x1b\\[([0-9:;]*m)").findall


def _is_free(screen: Screen) -> bool:
    return screen.is_plain and screen.margins is None and not screen.is_alternate


def flow(screen: Screen, text: str, show: Callable[[str], None]) -> bool:
    """Take a chunk that holds printable text, SGR sequences and CR LF, and nothing else; False leaves no trace.

    ``show`` takes those pieces that have to be seen.
    """
    if not _is_free(screen):
        return False
    begins_with_feed = text[0] == "\n"
    if begins_with_feed:
        text = text[1:]
    plain = _without_sgr("", text)
    flat = plain.replace("\r\n", "").removesuffix("\r")
    if not flat.isprintable() or (not flat.isascii() and find_doubtful(composed(flat))):
        return False
    if not flat.isascii():
        plain = aligned(composed(plain))
    if begins_with_feed:
        screen.linefeed()
    _show_lines(screen, text.split("\r\n"), plain.split("\r\n"), show)
    return True


def _show_lines(screen: Screen, lines: list[str], texts: list[str], show: Callable[[str], None]) -> None:
    """Show lines, which are ``texts`` without their sequences; whatever would scroll through passes unseen."""
    last = len(lines) - 1
    bottom = screen.lines - 1
    number = 0
    while number < last:
        if lines[number]:
            show(lines[number])
        number += 1
        screen.cursor.x = 0
        at_bottom = screen.cursor.y == bottom
        screen.index()
        if at_bottom:
            number = _pass_unseen(screen, lines, texts, number)
    if lines[last]:
        show(lines[last])


def _pass_unseen(screen: Screen, lines: list[str], texts: list[str], begin: int) -> int:
    """Send all lines but the last screenful to the scrollback; answers the first one that is to be shown."""
    columns = screen.columns
    missing = screen.lines - 1
    end = len(lines) - 1
    while end > begin and missing > 0:
        end -= 1
        missing -= rows_of(texts[end], columns)
    if missing > 0 or end == begin:
        return begin
    for line in screen.rows[:-1]:
        screen.keep(line)
    attribute = screen.cursor.attribute
    entries: list[Entry] = []
    add = entries.append
    for raw in lines[begin:end]:
        if "\x1b" in raw:
            add((raw, attribute))
            reset = raw.rfind("\x1b[0m")
            if reset >= 0 and reset == raw.rfind("\x1b"):
                attribute = 0
                continue
            for body in _find_sgr(raw):
                action = CACHE.get(body) or compile_csi(body)
                attribute = attribute & action[1] | action[2]
        elif attribute:
            add((raw, attribute))
        else:
            add(raw)
    screen.scrollback.extend(entries, texts[begin:end])
    screen.cursor.attribute = attribute
    screen.rows[:] = [Line(fill=screen.blank_attribute) for _ in range(screen.lines)]
    screen.damage_all()
    screen.cursor.y = 0
    return end
