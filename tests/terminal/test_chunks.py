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
