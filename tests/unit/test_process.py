"""Starting and finding processes: identity by pid and start time, clean environments."""

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
    Command,
    Launch,
    Outcome,
    boot_id,
    clean_environment,
    is_process,
    launch,
    process_start_time,
    run_briefly,
    start_detached,
)


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
    deadline = time.monotonic() + 60
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
    deadline = time.monotonic() + 60
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
