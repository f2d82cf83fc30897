"""However the bytes arrive, the same is seen."""

from __future__ import annotations

import random

import pytest

from bench._terminal_workloads import WORKLOADS, stream
from machina_desktop.core.terminal.events import Told
from machina_desktop.core.terminal.terminal import Terminal
from tests.terminal.corpus import SEQUENCES

KEPT = 1000


class Seen:
    """A terminal and all that came out of it."""

    def __init__(self, columns: int = 30, lines: int = 8) -> None:
        self.replies = b""
        self.told: list[Told] = []
        self.terminal = Terminal(columns, lines, scrollback=KEPT, reply=self._reply, tell=self.told.append)

    def _reply(self, data: bytes) -> None:
        self.replies += data

    def state(self) -> tuple[object, ...]:
        terminal = self.terminal
        # More may have been kept.
        rows = [terminal.row(y) for y in range(-min(terminal.scrolled, KEPT), terminal.lines)]
        looks = terminal.modes, terminal.cursor_shape, terminal.is_cursor_visible, dict(terminal.palette)
        names = terminal.title, terminal.cwd, terminal.marks(), terminal.foreground
        return rows, terminal.cursor, terminal.screen.cursor.attribute, looks, names, self.replies, self.told


def fed(*chunks: bytes) -> tuple[object, ...]:
    seen = Seen()
    for chunk in chunks:
        seen.terminal.feed(chunk)
    return seen.state()


@pytest.mark.parametrize("number", range(len(SEQUENCES)))
def test_a_sequence_split_at_any_byte_shows_the_same(number: int) -> None:
    data = SEQUENCES[number] + b"end"
    whole = fed(data)
    step = max(len(data) // 200, 1)
    assert [at for at in range(1, len(data), step) if fed(data[:at], data[at:]) != whole] == []


@pytest.mark.parametrize("number", range(len(SEQUENCES)))
def test_a_sequence_that_arrives_byte_by_byte_shows_the_same(number: int) -> None:
    data = SEQUENCES[number] + b"end"
    assert fed(*(data[at : at + 1] for at in range(len(data)))) == fed(data)


@pytest.mark.parametrize("workload", WORKLOADS)
def test_a_workload_shows_the_same_in_large_and_in_small_chunks(workload: str) -> None:
    data = stream(workload, 30_000)
    large, small = Seen(80, 24), Seen(80, 24)
    large.terminal.feed(data)
    for at in range(0, len(data), 97):
        small.terminal.feed(data[at : at + 97])
    assert large.state() == small.state()


@pytest.mark.parametrize("seed", range(40))
def test_all_sequences_in_any_order_and_chunks_show_the_same(seed: int) -> None:
    choose = random.Random(seed)
    data = b"".join(choose.choices(SEQUENCES, k=25))
    cuts = sorted(choose.randint(0, len(data)) for _ in range(choose.randint(1, 60)))
    chunks = [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert fed(*chunks) == fed(data)


def test_a_return_and_a_line_feed_that_stand_apart_end_no_line() -> None:
    data = b"log line\r\n" * 30 + b"above\r@\nbelow\r\n" + b"log line\r\n" * 30
    assert fed(data) == fed(*(data[at : at + 1] for at in range(len(data))))


def test_what_only_looks_like_placed_letters_is_shown() -> None:
    data = b"\x1b7" + b";H" * 40
    assert fed(data) == fed(*(data[at : at + 1] for at in range(len(data))))


@pytest.mark.parametrize(
    "data", [b"\x1b%@\x94\xe9\x1b%G\xc3\xa9", b"\xc3\xa9\x1b%8\xc3\xa9\x1b%@\xc3\xa9", b"\x1b]0;a\x1b%@\xe9"]
)
def test_an_encoding_is_in_force_from_the_next_byte_on(data: bytes) -> None:
    whole = fed(data)
    assert whole == fed(*(data[at : at + 1] for at in range(len(data))))
    assert [at for at in range(1, len(data)) if fed(data[:at], data[at:]) != whole] == []


@pytest.mark.parametrize("mark", ["\u0301", "\x1b[31m\u0301", "a\x1b[31m\u0301"])
def test_a_mark_in_a_line_that_nobody_saw_has_no_cell_of_its_own(mark: str) -> None:
    data = b"\x1b[1m" + f"{mark}\r\n".encode() * 40
    assert fed(data) == fed(*(data[at : at + 1] for at in range(len(data))))


@pytest.mark.parametrize("line", [b"0123456789" * 700, b"x" * 4113, b" " * 3000])
def test_a_line_of_many_rows_wraps_at_another_width_as_if_it_had_come_byte_by_byte(line: bytes) -> None:
    data = b"first\r\n" + line + b"\r\n"
    at_once, one_by_one = Terminal(30, 8), Terminal(30, 8)
    at_once.feed(data)
    for at in range(len(data)):
        one_by_one.feed(data[at : at + 1])
    for columns in (30, 47, 9):
        at_once.resize(columns, 8)
        one_by_one.resize(columns, 8)
        assert [at_once.row(y) for y in range(-at_once.scrolled, 8)] == [
            one_by_one.row(y) for y in range(-one_by_one.scrolled, 8)
        ]


def test_only_so_much_is_shown_after_the_time_is_over_and_the_rest_is_answered() -> None:
    screens = b"\x1b[2Jx\x1b[999b" * 20_000
    terminal = Terminal(80, 24)
    left = terminal.feed_until(screens, at=0.0)
    assert screens.endswith(left)
    assert 0 < len(screens) - len(left) <= 65_536
    lines = b"a line that passes unseen\r\n" * 10_000
    assert Terminal(80, 24).feed_until(lines, at=0.0) == b""


@pytest.mark.parametrize("around", ["\x1b[38;5;{}mX", "\x1b[38;5;{}mline\r\n", "\x1b[{};1H\x1b[32mrow\x1b[K"])
def test_a_change_of_looks_that_is_too_long_changes_nothing(around: str) -> None:
    before = "".join(around.format(1 + number % 20) for number in range(60))
    data = f"{before}\x1b[{'1;' * 150}mY\x1b[4mZ{before}".encode()
    assert fed(data) == fed(*(data[at : at + 1] for at in range(len(data))))
