"""The program as a process: no display, two starts, a killed first window, an ordinary end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from PySide6.QtWidgets import QApplication

from machina_desktop.views.crash import CrashWatch
from machina_desktop.views.loop_watch import LoopWatch
from machina_desktop.views.single_instance import SingleInstance, server_name
from tests.architecture.source import ROOT

DEADLINE_S = 40


def until(condition: Callable[[], object], qapp: QApplication | None = None) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end, "the condition did not come true in time"
        if qapp is not None:
            qapp.processEvents()
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts the program on one data folder; whatever is left at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def start_(**changes: str) -> subprocess.Popen[str]:
        environment = {key: value for key, value in os.environ.items() if key not in {"DISPLAY", "WAYLAND_DISPLAY"}}
        environment |= {"MACHINA_HOME": str(tmp_path / "home"), "MACHINA_VAULT": "key-file"} | changes
        command = [sys.executable, "-m", "machina_desktop"]
        started.append(
            subprocess.Popen(
                command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
        )
        return started[-1]

    yield start_
    for process in started:
        process.kill()
        process.communicate()


def is_settled(home: Path) -> bool:
    return (home / ".data" / ".encryption_key").exists() and (home / "window.lock").exists()


def holder_of_the_lock(home: Path) -> str:
    """Process id in the lock file; empty in the moment between a stale one and its successor."""
    try:
        return (home / "window.lock").read_text(errors="replace").partition("\n")[0]
    except FileNotFoundError:
        return ""


def test_without_a_display_it_says_so_and_names_the_command_line(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(QT_QPA_PLATFORM="")
    _, told = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert "no display" in told
    assert "machina --help" in told
    assert len(told.strip().splitlines()) == 1


def test_a_display_that_does_not_answer_is_named(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(QT_QPA_PLATFORM="xcb", DISPLAY=":973")
    _, told = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 2
    assert ":973" in told


def test_a_second_start_raises_the_first_and_a_term_signal_ends_that_in_order(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    first = start()
    until(lambda: is_settled(tmp_path / "home"))
    second = start()
    second.communicate(timeout=DEADLINE_S)
    assert second.returncode == 0
    assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    _, told = first.communicate(timeout=DEADLINE_S)
    assert first.returncode == 0
    assert "Traceback" not in told
    assert "never awaited" not in told


def test_a_killed_first_window_does_not_lock_the_next_out(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    first = start()
    until(lambda: is_settled(tmp_path / "home"))
    first.kill()
    first.wait()
    second = start()
    until(lambda: holder_of_the_lock(tmp_path / "home") == str(second.pid))
    assert second.poll() is None


def test_the_first_window_hears_the_second_start(qapp: QApplication, tmp_path: Path) -> None:
    first = SingleInstance(tmp_path)
    heard: list[bool] = []
    first.raise_requested.connect(lambda: heard.append(True))
    assert first.claim()
    first.listen()
    with socket.socket(socket.AF_UNIX) as asker:
        asker.connect(str(Path(os.environ.get("TMPDIR", "/tmp")) / server_name(tmp_path)))
        until(lambda: heard, qapp)
    first.release()


def test_a_slow_event_loop_is_logged_with_what_it_did(
    qapp: QApplication, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_looked = threading.Event()
    frames = sys._current_frames

    def looked() -> dict[int, FrameType]:
        found = frames()
        has_looked.set()
        return found

    monkeypatch.setattr(sys, "_current_frames", looked)
    watch = LoopWatch()
    watch.start()

    def hold_the_loop() -> None:
        assert has_looked.wait(DEADLINE_S)

    hold_the_loop()
    until(lambda: caplog.records, qapp)
    watch.stop()
    assert "hold_the_loop" in caplog.text


def test_an_unhandled_error_is_reported_without_secrets(qapp: QApplication, caplog: pytest.LogCaptureFixture) -> None:
    watch = CrashWatch(lambda text: text.replace("hunter22", "•••"))
    told: list[tuple[str, str]] = []
    watch.crashed.connect(lambda sentence, report: told.append((sentence, report)))
    watch.report(KeyError("hunter22"), "a test")
    assert "hunter22" not in told[0][1]
    assert "KeyError" in told[0][0]
