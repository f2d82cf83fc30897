"""What nobody handled, in the real application: caught at every edge, told once, without secrets."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from machina_desktop.views.crash import CrashWatch
from machina_desktop.views.crash_dialog import CrashDialog
from machina_desktop.views.crash_last import READ_BYTES, take_last_fault
from tests.architecture.source import ROOT
from tests.fakes.window_faults import CANARY


def command(act: str) -> list[str]:
    return [sys.executable, "-m", "tests.fakes.window_faults", act]


def environment(home: Path) -> dict[str, str]:
    return {
        **os.environ,
        "MACHINA_HOME": str(home),
        "MACHINA_VAULT": "key-file",
        "DBUS_SESSION_BUS_ADDRESS": "disabled:",
    }


def play(act: str, home: Path) -> tuple[list[object], str]:
    """What the act found, and the log it left."""
    done = subprocess.run(
        command(act), cwd=ROOT, env=environment(home), capture_output=True, text=True, timeout=80, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    log = "".join(path.read_text() for path in sorted((home / "logs").glob("machina.log*")))
    return json.loads(done.stdout.splitlines()[-1]), log


@pytest.mark.window
def test_an_error_at_any_edge_is_shown_and_logged_without_its_secret(tmp_path: Path) -> None:
    found, log = play("every_edge", tmp_path / "home")
    assert len(found) == 8
    assert CANARY not in log
    assert log.count("unhandled error") == 8
    assert "Qt says •••" in log


@pytest.mark.window
def test_an_error_of_a_painting_is_counted_in_one_dialog(tmp_path: Path) -> None:
    _, log = play("a_painting_fails", tmp_path / "home")
    assert log.count("unhandled error") == 1
    assert "times by now" in log
    assert log.count("times by now") < 15
    assert "active painter" not in log


@pytest.mark.window
def test_an_error_in_the_crash_dialog_ends_in_a_plain_box(tmp_path: Path) -> None:
    play("the_dialog_fails", tmp_path / "home")


@pytest.mark.window
def test_a_hard_crash_is_told_at_the_next_start_and_only_then(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with subprocess.Popen(command("stay"), cwd=ROOT, env=environment(home), stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        assert "ready" in first.stdout.readline()
        first.send_signal(signal.SIGSEGV)
        assert first.wait(timeout=20) == -signal.SIGSEGV
    found, log = play("tell_notices", home)
    assert "Machina ended unexpectedly last time." in found
    assert "Segmentation fault" in log
    assert "Segmentation fault" in (home / "logs" / "fault.last.log").read_text()
    found, _ = play("tell_notices", home)
    assert "Machina ended unexpectedly last time." not in found


def test_a_fault_log_of_any_size_and_content_is_read(tmp_path: Path) -> None:
    file = tmp_path / "fault.log"
    assert take_last_fault(file) == ""
    file.touch()
    assert take_last_fault(file) == ""
    file.write_bytes(b"\xff\x00" * READ_BYTES + b"Fatal Python error")
    assert take_last_fault(file).endswith("Fatal Python error")
    assert not file.exists()
    file.mkdir()
    assert take_last_fault(file) == ""


def test_different_errors_are_told_apart_and_equal_ones_counted(
    qapp: QApplication, caplog: pytest.LogCaptureFixture
) -> None:
    watch = CrashWatch(lambda text: text)
    told: list[str] = []
    counts: list[int] = []
    watch.crashed.connect(lambda _sentence, report: told.append(report))
    watch.repeated.connect(lambda _sentence, _report, count: counts.append(count))

    def break_down(shape: type[Exception], text: str) -> None:
        raise shape(text)

    def fail(shape: type[Exception], text: str) -> None:
        with pytest.raises(shape) as caught:
            break_down(shape, text)
        watch.report(caught.value, "a test")

    for number in range(5):
        fail(KeyError, str(number))
    fail(ValueError, "other")
    assert len(told) == 2
    assert counts == [2, 3, 4, 5]


def test_a_report_is_saved_where_the_person_says(qapp: QApplication, tmp_path: Path, qtbot: QtBot) -> None:
    dialog = CrashDialog("It broke.", "the report")
    told: list[str] = []
    dialog.saved.connect(told.append)
    dialog.write(str(tmp_path / "report.txt"))
    qtbot.waitUntil(lambda: bool(told), timeout=5000)
    assert (tmp_path / "report.txt").read_text() == "the report"
    dialog.write(str(tmp_path / "nowhere" / "report.txt"))
    qtbot.waitUntil(lambda: len(told) == 2, timeout=5000)
    assert told[1] == ""
    assert dialog.save.text() == "Saved"
    dialog.deleteLater()
