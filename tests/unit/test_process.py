"""Starting, finding and reading processes: identity by pid and start time, clean environments, whole lines."""

from __future__ import annotations

import asyncio
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from machina_desktop.core.errors import Conflict, Unavailable
from machina_desktop.core.process import (
    CUT_MARKER,
    LINE_LIMIT,
    Command,
    Launch,
    Outcome,
    boot_id,
    clean_environment,
    is_process,
    launch,
    process_start_time,
    read_new_lines,
    run_briefly,
    start_detached,
)


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
        "import resource, sys; from pathlib import Path; from machina_desktop.core.process import read_new_lines\n"
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


def test_a_child_learns_only_what_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TF_LOG", "TF_CLI_ARGS_plan", "TF_WORKSPACE", "TF_VAR_x", "TF_DATA_DIR", "TF_REATTACH_PROVIDERS"):
        monkeypatch.setenv(name, "hostile")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hostile")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    environment = clean_environment({"HCLOUD_TOKEN": "given"})
    assert "hostile" not in environment.values()
    assert environment["HTTPS_PROXY"] == "http://proxy:3128"
    assert environment["HCLOUD_TOKEN"] == "given"
    assert environment["PATH"] == os.environ["PATH"]


def test_a_brief_command_answers_code_and_both_streams() -> None:
    source = "import sys; print('out'); print('err', file=sys.stderr); raise SystemExit(3)"
    assert run_briefly((sys.executable, "-c", source), timeout_s=20) == (3, b"out\n", b"err\n")


def test_a_brief_command_that_takes_too_long_is_an_error() -> None:
    with pytest.raises(Unavailable) as caught:
        run_briefly(("sleep", "600"), timeout_s=0.05)
    assert caught.value.code == "E-RUN-TIMEOUT"


def test_a_program_that_cannot_be_started_is_an_error_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        run_briefly((str(tmp_path / "none"),), timeout_s=1)
    assert caught.value.code == "E-RUN-START"
    assert caught.value.hint


def test_a_detached_process_lives_in_its_own_session_and_writes_privately(tmp_path: Path) -> None:
    source = "import os, sys; print(os.getsid(0) == os.getpid(), os.getcwd()); print('err', file=sys.stderr)"
    log = tmp_path / "log"
    pid = start_detached(
        (sys.executable, "-c", source), environment=clean_environment(), output=log, cwd=tmp_path.resolve()
    )
    deadline = time.monotonic() + 20
    while process_start_time(pid) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert sorted(log.read_text().splitlines()) == [f"True {tmp_path.resolve()}", "err"]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_process_is_known_by_pid_and_start_time() -> None:
    child = subprocess.Popen(["sleep", "600"])
    began = process_start_time(child.pid)
    assert began is not None
    assert is_process(child.pid, began)
    assert not is_process(child.pid, began - 1)
    child.kill()
    # Dead but not yet waited for: a zombie does not count.
    deadline = time.monotonic() + 20
    while is_process(child.pid, began):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    child.wait()
    assert process_start_time(child.pid) is None


def test_a_folder_takes_one_launch_at_a_time(tmp_path: Path) -> None:
    source = "import os, time\nwhile not os.path.exists('go'): time.sleep(0.005)"
    command = Command((sys.executable, "-c", source), "out")
    running = launch(tmp_path, (command,), cwd=tmp_path, environment=clean_environment())
    with pytest.raises(Conflict) as caught:
        launch(tmp_path, (command,), cwd=tmp_path, environment=clean_environment())
    assert caught.value.code == "E-RUN-BUSY"
    (tmp_path / "go").touch()
    assert asyncio.run(running.wait()) == Outcome((0,))

    again = launch(tmp_path, (command,), cwd=tmp_path, environment=clean_environment())
    assert asyncio.run(again.wait()) == Outcome((0,))


def test_nothing_is_attached_where_nothing_was_launched(tmp_path: Path) -> None:
    assert Launch.attach(tmp_path) is None


def test_a_launch_of_an_earlier_boot_is_dead_whatever_its_pid(tmp_path: Path) -> None:
    began = process_start_time(os.getpid())
    (tmp_path / "commands").write_bytes(b"another-boot\0/\0" + b"0\0")
    (tmp_path / "started").write_text(
        f"boot another-boot\nlauncher {os.getpid()} {began}\nchild 0 {os.getpid()} {began}\n"
    )
    left = Launch.attach(tmp_path)
    assert left is not None
    assert left.boot != boot_id()
    assert left.outcome() == Outcome(lost=True)


def test_a_run_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        launch(tmp_path / "none", (), cwd=tmp_path, environment={})
    assert caught.value.code == "E-RUN-FOLDER"
