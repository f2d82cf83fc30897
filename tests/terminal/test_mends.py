"""Each defect of pyte that the terminal mends, as xterm does it; plain pyte shows something else or raises."""

from __future__ import annotations

from typing import NamedTuple

import pyte
import pytest

from machina_desktop.core.terminal.screen import Screen
from machina_desktop.core.terminal.stream import Stream
from tests.terminal import fuzz
from tests.terminal.reference import Reference, ReferenceStream

COLUMNS, LINES = 5, 4


class Mend(NamedTuple):
    """A stream on 5 columns and 4 lines, and what is to be seen: rows, column and row of the cursor."""

    name: str
    stream: str
    rows: tuple[str, str, str, str]
    x: int
    y: int


MENDS = (
    Mend("line feed below the region does not jump into it", "\x1b[1;2r\x1b[4Hx\n", ("", "", "", "x"), 1, 3),
    Mend("cursor down below the region does not jump into it", "\x1b[1;2r\x1b[3H\x1b[Bx", ("", "", "", "x"), 1, 3),
    Mend("cursor up above the region does not jump into it", "\x1b[3;4r\x1b[2H\x1b[Ax", ("x", "", "", ""), 1, 0),
    Mend("reverse index above the region does not jump into it", "\x1b[3;4r\x1b[2H\x1bMx", ("x", "", "", ""), 1, 0),
    Mend("next line goes to the first column", "ab\x1bEx", ("ab", "x", "", ""), 1, 1),
    Mend("deleting lines moves empty rows too", "a\r\n\r\nc\x1b[H\x1b[M", ("", "c", "", ""), 0, 0),
    Mend(
        "what insertion moves over the edge does not come back", "abcde\x1b[G\x1b[@\x1b[P", ("abcd", "", "", ""), 0, 0
    ),
    Mend("a full row is erased in its last column", "abcde\x1b[K", ("abcd", "", "", ""), 4, 0),
    Mend("a full row is left in its last column", "\x1b[2Habcde\x1b[Ax", ("    x", "abcde", "", ""), 5, 0),
    Mend("a full row keeps its last column over a line feed", "abcde\nx", ("abcde", "    x", "", ""), 5, 1),
    Mend("a wide character in the last column wraps", "abcd中", ("abcd", "中", "", ""), 2, 1),
    Mend("half of a wide character does not stay", "中\x1b[Hx", ("x", "", "", ""), 1, 0),
    Mend("a mark at the end of a full row stays on it", "abcde\u0328", ("abcdę", "", "", ""), 5, 0),
    Mend("a joiner does not lose the rest of the text", "a\u200dbc", ("a\u200dbc", "", "", ""), 3, 0),
    Mend("a saved cursor can be restored twice", "\x1b[2;2H\x1b7\x1b[H\x1b8\x1b[H\x1b8x", ("", " x", "", ""), 2, 1),
    Mend("the origin ends with a restored cursor", "\x1b7\x1b[2;3r\x1b[?6h\x1b8x", ("x", "", "", ""), 1, 0),
    Mend("the whole region homes the cursor", "ab\x1b[r", ("ab", "", "", ""), 0, 0),
    Mend("the cursor is kept inside the region", "\x1b[2;3r\x1b[?6h\x1b[9Hx", ("", "", "x", ""), 1, 2),
    Mend("rows count from the region's top without margins", "\x1b[?6h\x1b[2dx", ("", "x", "", ""), 1, 1),
    Mend("extra parameters are no error", "\x1b[1;2Cx", (" x", "", "", ""), 2, 0),
    Mend("a private report is no error", "\x1b[?6nx", ("x", "", "", ""), 1, 0),
    Mend("a device control string is not shown", "\x1bPq#0~~\x1b\\x", ("x", "", "", ""), 1, 0),
    Mend("an application command is not shown", "\x1b_Ga=1;AAAA\x1b\\x", ("x", "", "", ""), 1, 0),
    Mend("an escape in a sequence begins another one", "\x1b[3\x1b[2Cx", ("  x", "", "", ""), 3, 0),
    Mend("a cancelled title is not waited for", "\x1b]2;ab\x18x", ("x", "", "", ""), 1, 0),
    Mend("a soft reset is not shown", "\x1b[!px", ("x", "", "", ""), 1, 0),
    Mend("line drawing is drawn", "\x1b(0lqk\x1b(B", ("┌─┐", "", "", ""), 3, 0),
    Mend("132 columns are not for a program to choose", "ab\x1b[?3h", ("ab", "", "", ""), 2, 0),
)


def shown(screen: pyte.Screen) -> tuple[tuple[str, ...], int, int]:
    return tuple(row.rstrip() for row in screen.display), screen.cursor.x, screen.cursor.y


@pytest.mark.parametrize("mend", MENDS, ids=[mend.name for mend in MENDS])
def test_the_terminal_mends_what_pyte_does(mend: Mend) -> None:
    screen = Screen(COLUMNS, LINES)
    Stream(screen).feed(mend.stream.encode())
    plain = pyte.Screen(COLUMNS, LINES)
    try:
        pyte.ByteStream(plain).feed(mend.stream.encode())
        unmended = shown(plain)
    except (AssertionError, IndexError, TypeError):
        unmended = None
    assert shown(screen) == (mend.rows, mend.x, mend.y)
    assert unmended != (mend.rows, mend.x, mend.y)


BLUE = pyte.screens.Char(" ", bg="blue")


@pytest.mark.parametrize(
    "stream, y, x",
    [
        ("\x1b[4;44m\x1b[2J", 3, 4),
        ("\x1b[7;44mab\x1b[K", 0, 3),
        ("\x1b[1;44m\x1b[2X", 0, 1),
        ("\x1b[4H\x1b[44m\n", 3, 2),
        ("\x1b[44m\x1bM", 0, 0),
        ("\x1b[44m\x1b[L", 0, 2),
        ("\x1b[44m\x1b[M", 3, 2),
        ("abcde\x1b[H\x1b[44m\x1b[@", 0, 0),
        ("abcde\x1b[H\x1b[44m\x1b[P", 0, 4),
    ],
)
def test_what_is_erased_keeps_the_background_and_nothing_else(stream: str, y: int, x: int) -> None:
    screen = Screen(COLUMNS, LINES)
    Stream(screen).feed(stream.encode())
    plain = pyte.Screen(COLUMNS, LINES)
    pyte.ByteStream(plain).feed(stream.encode())
    assert screen.buffer[y][x] == BLUE
    assert plain.buffer[y][x] != BLUE


@pytest.mark.parametrize(
    "stream",
    ["\x1b[>4;2mx", "\x1b[58;5;1mx", "\x1b[4:3;4:0mx", "\x1b[?4mx"],
)
def test_what_is_no_colour_does_not_change_the_look(stream: str) -> None:
    screen = Screen(COLUMNS, LINES)
    Stream(screen).feed(stream.encode())
    assert screen.display[0].rstrip() == "x"
    assert screen.buffer[0][0] == pyte.screens.Char("x")


@pytest.mark.parametrize("mend", MENDS[:19], ids=[mend.name for mend in MENDS[:19]])
def test_the_mended_pyte_agrees(mend: Mend) -> None:
    reference = Reference(COLUMNS, LINES)
    ReferenceStream(reference).feed(mend.stream.encode())
    screen = Screen(COLUMNS, LINES)
    Stream(screen).feed(mend.stream.encode())
    assert fuzz.state(screen) == fuzz.state(reference)


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_random_streams_in_random_chunks_show_what_the_mended_pyte_shows(first: int) -> None:
    assert [wrong for wrong in map(fuzz.difference, range(first, first + 50)) if wrong] == []
