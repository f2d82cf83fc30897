"""Lines of a growing file are delivered whole, once, and in bounded memory."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from machina_desktop.core.process import run_briefly
from machina_desktop.core.workers.growing_file import CUT_MARKER, LINE_LIMIT, read_new_lines


def write(path: Path, data: bytes) -> Path:
    with path.open("ab") as file:
        file.write(data)
    return path


def test_whole_lines_are_delivered_once_with_the_offset_that_follows(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\ntwo\r\nthr")
    assert read_new_lines(path, 0) == ([b"one", b"two"], 9)
    assert read_new_lines(path, 9) == ([], 9)
    write(path, b"ee\n\n")
    assert read_new_lines(path, 9) == ([b"three", b""], 16)


def test_a_last_line_without_an_end_is_delivered_when_the_run_has_ended(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"one\nhalf")
    assert read_new_lines(path, 4) == ([], 4)
    assert read_new_lines(path, 4, ended=True) == ([b"half"], 8)
    assert read_new_lines(path, 8, ended=True) == ([], 8)


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_new_lines(tmp_path / "none", 0, ended=True) == ([], 0)


@pytest.mark.parametrize("extra", [-1, 0, 1, 2, 5_000_000])
def test_a_line_over_the_limit_is_cut_and_the_next_one_is_whole(tmp_path: Path, extra: int) -> None:
    path = write(tmp_path / "log", b"x" * (LINE_LIMIT + extra) + b"\nnext\n")
    lines, offset = read_new_lines(path, 0)
    if len(lines) == 1:
        more, offset = read_new_lines(path, offset)
        lines += more
    expected = b"x" * (LINE_LIMIT + extra) if extra <= 0 else b"x" * LINE_LIMIT + CUT_MARKER
    assert lines == [expected, b"next"]
    assert offset == path.stat().st_size


def test_an_unfinished_line_over_the_limit_waits_for_its_end(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"a\n" + b"x" * (3 * LINE_LIMIT))
    assert read_new_lines(path, 0) == ([b"a"], 2)
    assert read_new_lines(path, 2, ended=True) == ([b"x" * LINE_LIMIT + CUT_MARKER], 2 + 3 * LINE_LIMIT)


def test_a_50_mb_line_is_read_in_bounded_memory(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with path.open("wb") as file:
        file.seek(50_000_000)
        file.write(b"\nafter\n")
    source = (
        "import resource, sys; from pathlib import Path\n"
        "from machina_desktop.core.workers.growing_file import read_new_lines\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"lines, offset = read_new_lines(Path({str(path)!r}), 0)\n"
        f"more, _ = read_new_lines(Path({str(path)!r}), offset)\n"
        "print([len(line) for line in lines + more], resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    code, out, err = run_briefly((sys.executable, "-c", source), timeout_s=20)
    assert (code, err) == (0, b"")
    lengths, grown_kb = out.decode().rsplit(" ", 1)
    assert lengths == f"[{LINE_LIMIT + len(CUT_MARKER)}, 5]"
    assert int(grown_kb) < 16_000


def test_a_hundred_thousand_lines_arrive_in_batches_without_loss(tmp_path: Path) -> None:
    path = write(tmp_path / "log", b"".join(b"line %d %s\n" % (number, b"x" * 100) for number in range(100_000)))
    lines: list[bytes] = []
    offset = 0
    while True:
        more, offset = read_new_lines(path, offset)
        if not more:
            break
        lines += more
    assert [int(line.split()[1]) for line in lines] == list(range(100_000))
