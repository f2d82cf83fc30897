"""Lines that pass in a flood are counted afterwards, and nobody sees a difference."""

from __future__ import annotations

import pytest

from bench._terminal_workloads import stream
from machina_desktop.core.terminal.marks import Place
from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.search import Pattern
from machina_desktop.core.terminal.terminal import Terminal

LOGS = ("ascii_log", "color_log", "unicode")
PORTION = 65_536


def flooded(workload: str, *, late: bool = True, columns: int = 50, lines: int = 10, size: int = 400_000) -> Terminal:
    """A terminal through which a log went, wrapped most of the time."""
    terminal = Terminal(columns, lines)
    terminal.counts_late = late
    data = stream(workload, size)
    for at in range(0, len(data), PORTION):
        terminal.feed(data[at : at + PORTION])
    return terminal


def rows(terminal: Terminal) -> list[Row]:
    return [terminal.row(y) for y in range(-terminal.scrolled, terminal.lines)]


@pytest.mark.parametrize("workload", LOGS)
def test_the_rows_are_those_of_a_terminal_that_counts_at_once(workload: str) -> None:
    late, at_once = flooded(workload), flooded(workload, late=False)
    late.count_all()
    assert late.scrolled == at_once.scrolled
    assert rows(late) == rows(at_once)


def test_lines_of_a_flood_wait_to_be_counted() -> None:
    terminal = flooded("color_log")
    counted_late = terminal.scrolled
    while terminal.count_some():
        pass
    assert terminal.scrolled > counted_late * 1.2


def test_the_numbers_of_the_newest_rows_stay_when_older_ones_are_counted() -> None:
    terminal = flooded("color_log")
    top = terminal.top
    newest = [terminal.row(y) for y in range(-300, terminal.lines)]
    terminal.count_all()
    assert terminal.top == top
    assert [terminal.row(y) for y in range(-300, terminal.lines)] == newest


def test_only_what_is_looked_at_is_counted() -> None:
    terminal = flooded("color_log")
    before = terminal.scrolled
    terminal.row(-200)
    counted = terminal.scrolled
    terminal.count_all()
    assert before < counted < before + (terminal.scrolled - before) / 5


def test_another_width_shows_the_same_however_lines_were_counted() -> None:
    late, at_once = flooded("color_log"), flooded("color_log", late=False)
    for columns in (90, 33, 61):
        late.resize(columns, 12)
        at_once.resize(columns, 12)
    late.count_all()
    assert rows(late) == rows(at_once)


def test_a_prompt_above_a_flood_is_found_where_it_is() -> None:
    terminal = Terminal(50, 10)
    terminal.counts_late = True
    terminal.feed(b"\x1b]133;A\x07$ \x1b]133;B\x07make\r\n\x1b]133;C\x07")
    terminal.feed(stream("color_log", 300_000))
    prompt = terminal.marks()[0].prompt
    assert prompt is not None
    assert terminal.row(prompt.row - terminal.top).text == "$ make"


def test_a_search_and_a_copy_find_what_is_above_a_flood() -> None:
    terminal = Terminal(50, 10)
    terminal.counts_late = True
    terminal.feed(b"the needle\r\n")
    terminal.feed(stream("color_log", 300_000))
    found = next(each for each in terminal.search(Pattern("needle")) if each)
    assert terminal.text(found.first, found.last) == "needle"


def test_what_was_selected_before_stays_where_it_is_if_lines_are_counted_as_they_come() -> None:
    terminal = flooded("color_log")
    place = Place(terminal.top - 2, 0)
    end = Place(place.row, 49)
    text = terminal.text(place, end)
    terminal.counts_late = False
    terminal.feed(stream("color_log", 300_000))
    assert terminal.text(place, end) == text


def test_a_scrollback_of_no_lines_keeps_none() -> None:
    terminal = Terminal(50, 10, scrollback=0)
    terminal.counts_late = True
    terminal.feed(stream("color_log", 300_000))
    assert terminal.scrolled == 0
    assert not terminal.count_some()


@pytest.mark.parametrize("is_late", [True, False])
@pytest.mark.parametrize(
    "line",
    [
        "x" * 9 + "  ",
        "\x1b[31mx\x1b[0m" + "x" * 8 + "  ",
        "x" * 9 + "\x1b[44m  \x1b[0m",
        "中" * 4 + "x  ",
        "x" * 39 + "    ",
        " " * 60,
    ],
)
def test_blanks_at_the_end_of_a_line_take_no_more_rows_than_if_they_came_one_by_one(
    line: str, *, is_late: bool
) -> None:
    data = f"{line}\r\n".encode() * 300
    at_once, one_by_one = Terminal(40, 5), Terminal(40, 5)
    at_once.counts_late = is_late
    at_once.feed(data)
    for at in range(len(data)):
        one_by_one.feed(data[at : at + 1])
    at_once.resize(10, 5)
    one_by_one.resize(10, 5)
    at_once.count_all()
    assert at_once.scrolled == one_by_one.scrolled
    assert rows(at_once) == rows(one_by_one)


def test_lines_that_begin_in_a_row_with_something_in_it_leave_the_rest_of_it() -> None:
    before, after = b"\r\n" * 9 + b"a row that is longer than others", b"\x1b[A\r\n" + b"short\r\n" * 3000
    at_once, one_by_one = Terminal(50, 10), Terminal(50, 10)
    at_once.feed(before)
    at_once.feed(after)
    for byte in before + after:
        one_by_one.feed(bytes([byte]))
    assert rows(at_once) == rows(one_by_one)


def test_of_long_lines_in_a_flood_only_so_many_rows_are_kept_as_if_they_were_counted_at_once() -> None:
    late, at_once = Terminal(80, 24, scrollback=500), Terminal(80, 24, scrollback=500)
    late.counts_late = True
    data = (b"0123456789" * 200 + b"\r\n") * 100
    for _ in range(20):
        late.feed(data)
        at_once.feed(data)
    late.count_all()
    assert late.scrolled == at_once.scrolled < 2000


@pytest.mark.parametrize(
    "line", ["cxc  cbbb  ", "\x1b[31mcxc  cbbb  ", "cxc  cbbb\x1b[44m  \x1b[0m", "c中  中x \u0301"]
)
def test_a_larger_screen_takes_no_more_rows_back_than_if_lines_had_come_one_by_one(line: str) -> None:
    data = f"{line}\r\n".encode() * 30 + b"end"
    at_once, one_by_one = Terminal(3, 2), Terminal(3, 2)
    at_once._stream.worth = 8
    at_once.feed(data)
    for at in range(len(data)):
        one_by_one.feed(data[at : at + 1])
    for columns in (10, 7, 40):
        at_once.resize(columns, 5)
        one_by_one.resize(columns, 5)
        assert rows(at_once) == rows(one_by_one)
        assert at_once.cursor == one_by_one.cursor
