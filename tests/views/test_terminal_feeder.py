"""How a flood is parsed and painted: in large portions, in slices, with frames that come often enough."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.terminal.feeder import FRAME_S, LONGEST_FRAME_S, Feeder

LINE = b"\x1b[32mNov 22\x1b[0m kernel: \x1b[1mdocker0\x1b[0m entered blocking state\r\n"


class Pipe:
    """What has come and was not taken; ``more`` brings as much as is asked for, for ever.

    Attributes:
        taken: The sizes of what was taken, without nothings.
    """

    def __init__(self) -> None:
        self.came = b""
        self.more = b""
        self.taken: list[int] = []

    @property
    def waiting(self) -> int:
        return len(self.came)

    def take(self, limit: int = 65_536) -> bytes:
        self.came += self.more * (limit // len(self.more)) if self.more else b""
        data, self.came = self.came[:limit], self.came[limit:]
        if data:
            self.taken.append(len(data))
        return data


class Fed:
    """A feeder from a pipe into a terminal, and how often a frame was due."""

    def __init__(self) -> None:
        self.pipe = Pipe()
        self.terminal = Terminal(80, 24)
        self.is_followed = True
        self.feeder = Feeder(self.terminal, self.pipe, is_followed=lambda: self.is_followed)
        self.frames = 0
        self.feeder.frame_due.connect(self._on_frame)

    def put(self, data: bytes) -> None:
        self.pipe.came += data
        self.feeder.wake()

    def _on_frame(self) -> None:
        self.frames += 1


@pytest.fixture
def fed(qapp: QApplication) -> Fed:
    return Fed()


def wait(until: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not until():
        QTest.qWait(1)
        assert time.monotonic() < deadline


@pytest.mark.parametrize(("cost", "gap"), [(0.0, FRAME_S), (0.001, FRAME_S), (0.005, LONGEST_FRAME_S), (0.04, 0.08)])
def test_the_dearer_frames_are_the_more_seldom_they_come_and_parsing_has_half_of_the_time(
    fed: Fed, cost: float, gap: float
) -> None:
    fed.feeder.weigh_frame(cost)
    assert fed.feeder.frame_gap == pytest.approx(gap)


def test_one_cheap_frame_among_dear_ones_changes_little_and_many_change_all(fed: Fed) -> None:
    fed.feeder.weigh_frame(0.005)
    fed.feeder.weigh_frame(0.0001)
    assert fed.feeder.frame_gap == LONGEST_FRAME_S
    for _ in range(20):
        fed.feeder.weigh_frame(0.0001)
    assert fed.feeder.frame_gap == FRAME_S


def test_what_comes_after_quiet_is_shown_at_once(fed: Fed) -> None:
    fed.feeder.weigh_frame(1.0)
    fed.put(b"echo")
    QApplication.processEvents()
    assert fed.terminal.row(0).text == "echo"
    QApplication.processEvents()
    assert fed.frames == 1


def test_what_trickles_in_during_a_flood_is_joined(fed: Fed) -> None:
    fed.put(LINE * 2_000)
    wait(lambda: not fed.pipe.waiting)
    before = len(fed.pipe.taken)
    for _ in range(50):
        fed.put(LINE * 5)
        QApplication.processEvents()
    wait(lambda: not fed.pipe.waiting)
    assert len(fed.pipe.taken) - before < 25


def test_a_flood_is_taken_in_large_portions_and_left_for_frames_in_time(fed: Fed) -> None:
    fed.feeder.weigh_frame(0.005)
    fed.pipe.more = LINE
    fed.feeder.wake()
    rates: list[float] = []
    # Other programs of the computer only ever make frames seldomer: the best of a few says what there is time for.
    while len(rates) < 8 and max(rates, default=0.0) <= 15:
        before, began = fed.frames, time.monotonic()
        QTest.qWait(600)
        rates.append((fed.frames - before) / (time.monotonic() - began))
    fed.pipe.more = b""
    wait(lambda: not fed.pipe.waiting)
    assert max(rates) > 15
    assert sorted(fed.pipe.taken)[len(fed.pipe.taken) // 2] >= 32_768


def test_what_is_slow_to_parse_is_taken_in_small_portions(fed: Fed) -> None:
    fed.put(random.Random(1).randbytes(150_000))
    wait(lambda: not fed.pipe.waiting)
    assert sorted(fed.pipe.taken)[len(fed.pipe.taken) // 2] <= 16_384


def test_what_fills_the_screen_with_few_bytes_is_taken_in_the_smallest_portions_until_it_is_over(fed: Fed) -> None:
    fed.terminal.resize(200, 60)
    fed.feeder._pace = 100_000
    fed.put(b"\x1b[65;1;1;99;999$x\x1b[?2J" * 500)
    wait(lambda: not fed.pipe.waiting)
    assert max(fed.pipe.taken) == 1_024
    fed.pipe.taken.clear()
    fed.put(LINE * 20_000)
    wait(lambda: not fed.pipe.waiting)
    assert max(fed.pipe.taken) >= 8_192


def test_rows_of_a_flood_are_counted_once_it_is_over(fed: Fed) -> None:
    long = LINE.replace(b"state", b"state " * 20)
    fed.put(long * 3_000)
    wait(lambda: not fed.pipe.waiting)
    before, frames = fed.terminal.scrolled, fed.frames
    wait(lambda: not fed.feeder._counting.isActive() and fed.frames > frames)
    assert fed.terminal.scrolled > before
    assert not fed.terminal.count_some()


def test_rows_of_a_flood_are_counted_as_they_come_if_somebody_looks_back(fed: Fed) -> None:
    fed.is_followed = False
    fed.put(LINE.replace(b"state", b"state " * 20) * 3_000)
    wait(lambda: not fed.pipe.waiting)
    assert not fed.terminal.counts_late
    before = fed.terminal.scrolled
    fed.terminal.count_all()
    assert fed.terminal.scrolled == before


def test_what_turns_out_to_be_slow_is_left_for_later_slices_and_shown_in_order(fed: Fed) -> None:
    fed.feeder._pace = 1e9
    slices: list[int] = []
    fed.feeder.fed.connect(lambda: slices.append(1))
    fed.put(b"\x1b[65;1;1;20;60$x\x1b[?2J" * 16_000 + b"\x1b[Hend")
    wait(lambda: fed.terminal.row(0).text == "end")
    assert fed.pipe.taken[0] > 100_000
    assert len(slices) >= 5
