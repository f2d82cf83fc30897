"""What the bulk paths leave out nobody could have seen, and a new width is quickly counted."""

from __future__ import annotations

import time

import pytest

from bench._terminal_workloads import stream
from machina_desktop.core.terminal.terminal import Terminal
from tests.terminal import fuzz, paths_fuzz

LINES = 100_000


@pytest.mark.parametrize("seed", range(60))
def test_a_chunk_shows_what_its_characters_show_one_by_one(seed: int) -> None:
    assert paths_fuzz.difference(seed) == ""


@pytest.mark.parametrize("seed", range(60))
def test_a_stream_shows_what_the_mended_pyte_shows(seed: int) -> None:
    assert fuzz.difference(seed) == ""


def frames(count: int, columns: int, lines: int) -> list[bytes]:
    """Screens that differ in every row."""
    return [
        b"\x1b[H"
        + b"".join(
            b"\x1b[%d;1H\x1b[3%dmrow %d\x1b[0m of %d\x1b[K" % (row, row % 8, row, each) for row in range(1, lines + 1)
        )
        for each in range(count)
    ]


def test_of_many_frames_in_a_chunk_the_last_is_seen() -> None:
    terminal = Terminal(40, 10)
    terminal.feed(b"\x1b[?1049h" + b"".join(frames(50, 40, 10)))
    assert [terminal.row(y).text for y in range(10)] == [f"row {y} of 49" for y in range(1, 11)]


def test_the_colour_that_a_frame_nobody_saw_has_left_is_in_force() -> None:
    terminal = Terminal(40, 10)
    unseen = b"".join(frames(20, 40, 10)) + b"\x1b[3;1H\x1b[44mblue"
    terminal.feed(unseen + b"".join(b"\x1b[%d;1Hlast\x1b[K" % row for row in range(1, 11)) * 2)
    coloured = Terminal(40, 10)
    coloured.feed(b"\x1b[44mlast\x1b[K")
    assert terminal.row(0) == coloured.row(0)


def test_what_a_row_nobody_rewrites_has_shown_stays() -> None:
    terminal = Terminal(40, 10)
    first, *others = frames(30, 40, 10)
    terminal.feed(first + b"".join(frame[: frame.index(b"\x1b[10;1H")] for frame in others))
    assert terminal.row(8).text == "row 9 of 29"
    assert terminal.row(9).text == "row 10 of 0"


def test_of_letters_put_into_one_cell_the_last_is_seen() -> None:
    terminal = Terminal(20, 5)
    terminal.feed(
        b"".join(b"\x1b[%d;%dH%c" % (y, x, letter) for letter in b"ABHCH" for y in (1, 5) for x in range(1, 21))
    )
    assert [terminal.row(y).text for y in range(5)] == ["H" * 20, "", "", "", "H" * 20]
    assert terminal.cursor == (19, 4, True)


@pytest.mark.parametrize(
    "line",
    ["\x1b[31;44m{}yyyyyyyy", "\x1b[44m{}\x1b[41m34567890abc", "\x1b[44m{}34567 \x1b[0m"],
    ids=["full", "longer", "blank at its end"],
)
def test_behind_a_line_that_nobody_saw_is_the_background_of_its_last_row(line: str) -> None:
    text = "".join(f"{line.format(10 + number % 90)}\r\n" for number in range(100)).encode()
    at_once, slowly = Terminal(10, 5), Terminal(10, 5)
    at_once.feed(text)
    for at in range(len(text)):
        slowly.feed(text[at : at + 1])
    for columns in (10, 20):
        at_once.resize(columns, 5)
        slowly.resize(columns, 5)
        assert paths_fuzz.seen(at_once) == paths_fuzz.seen(slowly)


def test_behind_a_full_row_of_a_frame_is_no_background_once_it_has_scrolled_off() -> None:
    first = b"\x1b[44m" + b"".join(b"\x1b[%d;1Hsome words of a row\x1b[K" % row for row in range(1, 7)) * 2
    full = b"".join(b"\x1b[%d;1H%s" % (row, b"y" * 30) for row in (1, 2))
    second = full + b"".join(b"\x1b[%d;1Hother words of a row\x1b[K" % row for row in range(3, 7))
    at_once, slowly = Terminal(30, 6), Terminal(30, 6)
    for part in (first, second, b"\x1b[0m" + b"\r\n" * 9):
        at_once.feed(part)
        for at in range(len(part)):
            slowly.feed(part[at : at + 1])
    assert paths_fuzz.seen(at_once) == paths_fuzz.seen(slowly)


def test_after_lines_that_nobody_saw_their_last_character_is_repeated() -> None:
    terminal = Terminal(20, 5)
    terminal.feed(b"a\r\n" * 40 + "\x1b[31mb\u4e2d\x1b[0m".encode() + b"\r\n" * 30)
    terminal.feed(b"\x1b[b")
    assert terminal.row(4).text == "\u4e2d\0"


def test_two_hundred_resizes_of_a_coloured_log_take_no_longer_than_the_log_itself_ten_times() -> None:
    data = stream("color_log", 135 * LINES)
    terminal = Terminal(120, 30, scrollback=LINES)
    began = time.process_time()
    for at in range(0, len(data), 16_384):
        terminal.feed(data[at : at + 16_384])
        terminal.row(-terminal.scrolled)
    fed = time.process_time() - began
    began = time.process_time()
    for number in range(200):
        terminal.resize(40 + number * 37 % 160, 20 + number % 30)
        assert terminal.scrolled > LINES * 0.9
        terminal.row(-terminal.scrolled // 2)
    resized = time.process_time() - began
    assert resized <= 10 * fed, f"{resized / fed:.1f} times"


def test_a_log_that_was_resized_often_reads_as_one_that_never_was() -> None:
    data = stream("color_log", 400_000)
    lines = data.splitlines(keepends=True)
    resized, fresh = Terminal(120, 30), Terminal(70, 24)
    for at in range(0, len(lines), 100):
        resized.resize(40 + at // 100 * 37 % 160, 24)
        resized.feed(b"".join(lines[at : at + 100]))
    resized.resize(70, 24)
    fresh.feed(data)
    assert resized.scrolled == fresh.scrolled
    assert [resized.row(y) for y in range(-resized.scrolled, 24)] == [fresh.row(y) for y in range(-fresh.scrolled, 24)]


def test_rows_written_after_the_edge_of_the_last_row_has_scrolled_the_screen_are_painted() -> None:
    terminal = Terminal(10, 5)
    terminal.feed(b"\x1b[5;9H")
    terminal.take_damage()
    terminal.feed(b"\x1b[31mab\x1b[32mcd\x1b[2;1H\x1b[33mef")
    assert terminal.take_damage().rows >= {1, 3, 4}


@pytest.mark.parametrize("before", ["", "\x1b]0;not finished", "\x1b[?7l", "\x1b[4h", "\x1b(0", "\x1b[3;8H中"])
def test_characters_with_a_look_each_show_the_same_whatever_the_chunks(before: str) -> None:
    cells = "".join(f"\x1b[{30 + number % 8}m{'▀' if number % 3 else 'mé'}" for number in range(700))
    data = f"{before}{cells}\x1b[2;2H{cells}\x1b[0m".encode()
    at_once, slowly = Terminal(40, 12), Terminal(40, 12)
    at_once.feed(data)
    for at in range(len(data)):
        slowly.feed(data[at : at + 1])
    assert paths_fuzz.seen(at_once) == paths_fuzz.seen(slowly)
