"""What a line of scrollback costs."""

from __future__ import annotations

import gc
import tracemalloc

import pytest

from bench._terminal_workloads import stream
from machina_desktop.core.terminal.terminal import Terminal

LINES = 20_000


@pytest.mark.parametrize("workload, bar", [("ascii_log", 250), ("color_log", 400)])
@pytest.mark.parametrize("chunk", [1_000, 65_536])
def test_a_line_of_scrollback_is_small(workload: str, bar: int, chunk: int) -> None:
    data = stream(workload, 1_500_000)
    warm = Terminal(80, 24)
    warm.feed(data[:100_000])
    gc.collect()
    tracemalloc.start()
    try:
        terminal = Terminal(80, 24)
        before = tracemalloc.get_traced_memory()[0]
        lines = 0
        for at in range(0, len(data), chunk):
            terminal.feed(data[at : at + chunk])
            lines += data.count(b"\n", at, at + chunk)
        assert terminal.scrolled >= lines - 24
        # Rows that were looked at are not kept.
        for y in range(-200, 0):
            terminal.row(y)
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown / lines <= bar, f"{grown / lines:.0f} bytes a line"
