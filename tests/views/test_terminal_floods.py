"""Floods over a real sshd into a real pane: the loop goes on, memory is bounded, and the shell answers afterwards."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PySide6.QtTest import QTest

from tests.fakes.sessions import NO_HOME
from tests.fakes.sshd import KeyPair, Sshd, running
from tests.fakes.typed_at import pane_at, shown, wait

KEY = KeyPair()
# The bar for one look of a person is 50 ms; a test beside others on two cores allows for more.
HELD_UP_S = 1.0
GROWN_MB = 150
# Ends a sequence that a flood was cut off in, and what it has switched.
SOBER = r"printf '\030\033\\\033c'"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=(NO_HOME,)) as sshd:
        sshd.authorize(KEY)
        yield sshd


def megabytes() -> float:
    return float(psutil.Process().memory_info().rss) / 2**20


@pytest.mark.usefixtures("qapp")
@pytest.mark.parametrize(
    "flood",
    [
        "cat {random}",
        "yes | head -c 20000000",
        "head -c 50000000 /dev/zero | tr '\\0' x",
        "yes \"$(printf '\\303\\050\\342\\202 \\355\\240\\200')\" | head -c 1000000",
        "yes \"$(printf 'a\\033[1;31mb\\033[0m\\tc')\" | head -c 2000000",
    ],
    ids=["random bytes", "yes", "one line of 50 MB", "invalid UTF-8", "coloured"],
)
def test_a_flood_neither_holds_up_the_window_nor_fills_the_memory(server: Sshd, flood: str, tmp_path: Path) -> None:
    before = megabytes()
    noise = tmp_path / "noise"
    noise.write_bytes(random.Random(7).randbytes(2_000_000))
    flood = flood.replace("{random}", str(noise))
    command = f"stty -echo; {flood}; {SOBER}; stty sane; echo done-$((6*7)); cat"
    with pane_at(server, KEY, command) as pane:
        longest = wait(lambda: "done-42" in shown(pane), "the end of the flood")
        QTest.keyClicks(pane.view, "still here")
        # Answers to what random bytes asked for may stand before it, so that it goes on in the next row.
        wait(lambda: "still here" in "".join(shown(pane)), "what was typed")
        assert all(len(row) <= pane.terminal.columns for row in shown(pane))
    assert longest < HELD_UP_S
    assert megabytes() - before < GROWN_MB


@pytest.mark.usefixtures("qapp")
def test_a_storm_of_sizes_in_a_flood_ends_at_the_size_that_is_shown(server: Sshd) -> None:
    choose = random.Random(8)
    with pane_at(server, KEY) as pane:
        wait(lambda: "ready>" in shown(pane), "the prompt")
        QTest.keyClicks(pane.view, "seq 1 1000000; echo done-$((6*7))\r")
        storms = 0

        def is_over() -> bool:
            nonlocal storms
            storms += 1
            pane.resize(choose.randint(60, 1200), choose.randint(40, 700))
            return storms > 200 and "done-42" in shown(pane)

        wait(is_over, "the end of the flood")
        pane.resize(700, 400)
        QTest.qWait(100)
        QTest.keyClicks(pane.view, "clear; stty size\r")
        size = f"{pane.terminal.lines} {pane.terminal.columns}"
        wait(lambda: size in shown(pane), f"the shell to know {size}")
