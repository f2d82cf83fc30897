"""Large chunks of lines: those that scroll through before anybody can see them go to the scrollback unread."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

import re2

from machina_desktop.core.terminal.attributes import BACKGROUND_MASK
from machina_desktop.core.terminal.line import Line
from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.sequences import after_sgr, read_raw, without_sgr
from machina_desktop.core.terminal.widths import HALF, aligned, composed, cut, find_doubtful
from machina_desktop.core.terminal.wrapping import runs_between

_find_other_sequence = re.compile("\x1b(?!\\[[0-9:;]*m)").search
#: All bytes of UTF-8 but the control characters; ESC is looked at on its own.
_HARMLESS: Final = bytes([0x1B, *range(0x20, 0x7F), *range(0x80, 0x100)])

#: Lines of text and SGR sequences, CR LF after each; RE2 says so at some 500 MB/s.
_is_lines: Final = re2.compile(r"(?:(?:[ -~\x{a0}-\x{d7ff}\x{e000}-\x{10ffff}]|\x1b\[[0-9:;]*m)*\r\n)*").fullmatch
#: Rows of a line that are made though the last of them may be all that is seen.
_LONGEST: Final = 3


class Stretch(NamedTuple):
    """Where in a chunk lines are that may pass unseen: from ``begin`` to ``seen``; up to ``end`` they are seen."""

    begin: int
    seen: int
    end: int


def find_lines(screen: Screen, data: bytes, least: int) -> Stretch | None:
    """Where a chunk, if it is lines, brings the cursor into a blank row at the bottom, and what is seen then.

    None if less than so many bytes would pass unseen.
    """
    begin = 0
    for _ in range(screen.lines - screen.cursor.y):
        begin = data.find(b"\n", begin) + 1
        if not begin:
            return None
    end = seen = data.rfind(b"\n") + 1
    for _ in range(screen.lines + 1):
        seen = data.rfind(b"\n", 0, max(seen - 1, 0)) + 1
    return Stretch(begin, seen, end) if seen - begin >= least else None


def flow_lines(screen: Screen, data: bytes, lines: Stretch, show: Callable[[str], None]) -> bool:
    """Take whole lines of nothing but text and SGR sequences, after what comes before them; False leaves no trace.

    ``show`` takes the pieces of lines that have to be seen.
    """
    # What is seen then must scroll off the blank rows in between.
    if not (_is_flowing(screen) and _is_at_blank_bottom(screen) and _is_lines(data, lines.begin, lines.end)):
        return False
    passed = data[lines.begin : lines.seen]
    _pass_unseen(screen, passed)
    screen.last_drawn = _last_drawn(passed.decode("utf-8", "replace")) or screen.last_drawn
    _show(screen, data[lines.seen : lines.end].decode("utf-8", "replace"), show)
    return True


def _is_at_blank_bottom(screen: Screen) -> bool:
    """Whether the cursor is where a line feed has just brought a row into sight."""
    row = screen.rows[-1]
    is_blank = not row.text and row.cells is None and not row.marks and row.fill == screen.blank_attribute
    return is_blank and not screen.cursor.x and screen.cursor.y == screen.lines - 1


def _is_flowing(screen: Screen) -> bool:
    return screen.is_plain and screen.margins is None and not screen.is_alternate


def flow(screen: Screen, text: str, show: Callable[[str], None]) -> bool:
    """Take a chunk that holds nothing but text, SGR sequences and CR LF; False leaves no trace.

    A CR LF may be cut by the chunk at both ends. ``show`` takes the pieces of lines that have to be seen.
    """
    if not _is_flowing(screen):
        return False
    begin, end = text[0] == "\n", text[-1] == "\r"
    text = text[begin : len(text) - end]
    controls = text.encode().translate(None, _HARMLESS)
    feeds = text.count("\r\n")
    # As many of both in turn could stand apart.
    if controls != b"\r\n" * feeds or ("\x1b" in text and _find_other_sequence(text)):
        return False
    if begin:
        screen.linefeed()
    _show(screen, text, show)
    if end:
        screen.carriage_return()
    return True


def _show(screen: Screen, text: str, show: Callable[[str], None]) -> None:
    is_at_bottom = False
    while not is_at_bottom:
        line, feed, text = text.partition("\r\n")
        if line:
            show(line)
        if not feed:
            return
        is_at_bottom = screen.cursor.y == screen.lines - 1
        screen.carriage_return()
        screen.index()
    # The cursor is in a blank row at the bottom, and each line takes a row at least.
    lines = text.rsplit("\r\n", screen.lines)
    unseen = _count_unseen(lines, screen)
    passed = "".join([f"{line}\r\n" for line in lines[:unseen]])
    drawn_before = screen.last_drawn
    if unseen:
        _pass_unseen(screen, passed.encode())
        del lines[:unseen]
        screen.last_drawn = ""
    whole = _put_lines(screen, lines[:-1])
    for number, line in enumerate(lines[whole:]):
        if number:
            screen.carriage_return()
            screen.index()
        if line:
            show(line)
    screen.unkept = 0
    if not screen.last_drawn:
        screen.last_drawn = _last_drawn(passed) or drawn_before


def _last_drawn(text: str) -> str:
    """The last character in whole lines of text and SGR sequences; empty if there is none."""
    end = len(text)
    while end > 0:
        begin = text.rfind("\n", 0, end) + 1
        shown = read_raw(text[begin:end].rstrip("\r"), 0).text.rstrip(HALF)
        if shown:
            return shown[-1]
        end = begin - 1
    return ""


def _put_lines(screen: Screen, lines: list[str]) -> int:
    """Write whole lines from the blank row at the bottom on, to be coloured when looked at; answers how many.

    None if there are characters that cannot be counted at once, or lines of many rows, which may pass unseen.
    """
    raw = "\r\n".join(lines)
    bare = without_sgr("", raw) if "\x1b" in raw else composed(raw)
    is_narrow = bare.isascii()
    if not lines or not (is_narrow or not find_doubtful(bare.replace("\r\n", ""))):
        return 0
    texts = (bare if is_narrow else aligned(bare)).split("\r\n")
    if max(map(len, texts)) > _LONGEST * screen.columns:
        return 0
    attribute = screen.cursor.attribute
    made: list[Line] = []
    for text, line in zip(texts, lines, strict=True):
        if len(text) > screen.columns:
            made += _wrapped(line, attribute, screen.columns)
        else:
            row = Line(text, [0, attribute] if text else None, attribute & BACKGROUND_MASK)
            if text and "\x1b" in line:
                row.unread = line, attribute
            made.append(row)
        attribute = after_sgr(line, attribute)
    screen.cursor.attribute = attribute
    screen.last_drawn = bare.rstrip("\r\n")[-1:] or screen.last_drawn
    made[0].marks, made[0].fill = screen.rows[-1].marks, screen.rows[-1].fill
    rows = [*screen.rows[:-1], *made, Line(fill=attribute & BACKGROUND_MASK)]
    screen.keep_all(rows[: -screen.lines])
    screen.rows[:] = rows[-screen.lines :]
    screen.damage_scrolled(0, screen.lines - 1, len(made))
    return len(lines)


def _wrapped(line: str, attribute: int, columns: int) -> list[Line]:
    """A line that is too long for a row; each row it goes on in is blank in the colour that is in force then."""
    row = read_raw(line, attribute)
    fill = row.fill
    start = 0
    made = []
    for piece in cut(row.text, columns):
        runs = runs_between(row.runs or (0, 0), start, start + len(piece))
        made.append(Line(piece, runs, runs[1] & BACKGROUND_MASK if start else fill, is_wrapped=True))
        start += len(piece)
    made[-1].is_wrapped = False
    return made


def _count_unseen(lines: list[str], screen: Screen) -> int:
    """How many of the lines, the last of which may not be finished, will have left the screen at the end."""
    rows = 0
    for number in range(len(lines) - 1, -1, -1):
        if rows >= screen.lines:
            return number + 1
        line = lines[number]
        if len(line) >= 2 * screen.columns and "\x1b" in line:
            line = without_sgr("", line)
        # A line with wide characters or marks takes another number of rows than its length says.
        rows += max(len(line) // screen.columns, 1) if line.isascii() else 1
    return 0


def _pass_unseen(screen: Screen, raw: bytes) -> None:
    """Send lines to the scrollback behind what is on the screen, which is blank then."""
    screen.keep_all(screen.rows[:-1])
    screen.cursor.attribute = screen.scrollback.extend_unread(raw, screen.cursor.attribute)
    # The lines that follow scroll these blanks off, row by row, so that each new row gets the background of its time.
    screen.rows[:] = [Line(fill=screen.blank_attribute) for _ in range(screen.lines)]
    screen.unkept = screen.lines - 1
    screen.damage_all()
