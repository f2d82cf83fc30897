"""The tray: a real one on a virtual display, its menu by the mouse, and none at all."""

from __future__ import annotations

import queue
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from PySide6.QtWidgets import QSystemTrayIcon

from machina_desktop.core.config import CLOSE_TO_TRAY
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.services import device
from tests.architecture.source import ROOT
from tests.fakes.display import virtual_display
from tests.fakes.gateway import turn, until
from tests.fakes.shell import Open, filled

DEADLINE_S = 40.0


class Program:
    """`tests.fakes.tray_window` on a display, and a hand at its mouse."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self._environment = environment
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.tray_window", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def hear(self, first: str) -> list[str]:
        """The next line that begins with ``first``, in its parts; others are passed over."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the program did not say {first}") from None
            assert line, f"the program ended before it said {first}: {self._complaint()}"
            if line.split("|")[0] == first:
                return line.split("|")

    def order(self, word: str) -> None:
        """Have something done."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()

    def click(self, x: str, y: str, *, button: int) -> None:
        """Press a button of the mouse at a place of the screen."""
        _run(self._environment, "xdotool", "mousemove", x, y, "click", str(button))

    def end(self) -> None:
        """End it, in order where that is possible."""
        if self._process.poll() is None:
            self.order("quit")
        try:
            assert self._process.wait(timeout=DEADLINE_S) == 0, self._complaint()
        finally:
            self._process.kill()
            self._reader.join(DEADLINE_S)
            # Closes its streams, too.
            self._process.__exit__(None, None, None)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())
        self._lines.put("")

    def _complaint(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.read()[-2000:]


def _run(environment: dict[str, str], *command: str) -> None:
    assert shutil.which(command[0]), f"{command[0]} is missing: install the Debian package {command[0]}"
    subprocess.run(command, env=environment, check=True, timeout=DEADLINE_S, capture_output=True)


@contextmanager
def _tray(environment: dict[str, str]) -> Iterator[None]:
    assert shutil.which("trayer"), "trayer is missing: install the Debian package trayer"
    command = ["trayer", "--edge", "top", "--align", "right", "--widthtype", "pixel", "--width", "120"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


@contextmanager
def _running(environment: dict[str, str], *arguments: str) -> Iterator[Program]:
    program = Program(environment, *arguments)
    try:
        yield program
    finally:
        program.end()


def _places(menu: list[str]) -> dict[str, tuple[str, str]]:
    """Where each entry of a menu lies, by its title."""
    pairs = [entry.rsplit("=", 1) for entry in menu[1:]]
    return {title: (place.split(",")[0], place.split(",")[1]) for title, place in pairs}


@pytest.mark.window
class TestRealTray:
    def test_its_menu_lists_the_runs_and_a_press_leads_to_one(self) -> None:
        with virtual_display() as environment, _tray(environment), _running(environment) as program:
            _, state, waiting, running = program.hear("tray")
            _, x, y = program.hear("icon")
            assert state == "there"
            program.click(x, y, button=3)
            entries = _places(program.hear("menu"))
            titles = list(entries)
            assert titles[0] == "Open Machina"
            assert f"{waiting} awaiting approval" in titles[1]
            assert sum(title.endswith("awaiting approval") for title in titles[2:]) == int(waiting)
            assert titles[-2:] == ["Lock vault", "Quit"]
            assert any(title.endswith("3 of 7") for title in titles)
            chosen = next(title for title in titles if title.endswith("3 of 7"))
            program.click(*entries[chosen], button=1)
            assert program.hear("run") == ["run", running]

    def test_the_closed_window_waits_in_it_and_comes_back(self) -> None:
        with virtual_display() as environment, _tray(environment), _running(environment, "hide") as program:
            _, x, y = program.hear("icon")
            program.order("close")
            assert program.hear("window") == ["window", "hidden"]
            program.click(x, y, button=1)
            assert program.hear("window") == ["window", "shown"]

    def test_the_window_comes_back_when_the_tray_goes(self) -> None:
        with virtual_display() as environment, _running(environment, "hide") as program:
            with _tray(environment):
                # It came after the program, and holds the icon all the same.
                program.hear("icon")
                program.order("close")
                assert program.hear("window") == ["window", "hidden"]
            assert program.hear("window") == ["window", "shown"]


class TestWithoutTray:
    async def test_nothing_breaks_and_closing_quits_whatever_is_set(self, open_window: Open) -> None:
        made = open_window(runs=0)
        await until(lambda: made.desk.vault.status)
        made.settings.set(CLOSE_TO_TRAY, value=True)
        assert not QSystemTrayIcon.isSystemTrayAvailable()
        assert made.desk.tray is not None
        agreed: list[bool] = []
        made.window.quit_agreed.connect(lambda: agreed.append(True))
        made.window.close()
        assert agreed == [True]

    async def test_its_menu_is_kept_all_the_same_and_locks_an_open_vault(self, open_window: Open) -> None:
        made = await filled(open_window())
        tray = made.desk.tray
        assert tray is not None
        await until(
            lambda: any(action.text() == "Lock vault" and action.isEnabled() for action in tray.menu().actions())
        )
        next(action for action in tray.menu().actions() if action.text() == "Lock vault").trigger()
        await until(lambda: made.gateway.asked_of(device.LockVault))
        await until(lambda: not any(a.text() == "Lock vault" and a.isEnabled() for a in tray.menu().actions()))

    async def test_it_tells_how_far_a_run_is_and_how_many_there_are(self, open_window: Open) -> None:
        made = await filled(open_window())
        tray = made.desk.tray
        assert tray is not None
        count = len(made.desk.runs.running) + len(made.desk.runs.waiting)
        titles = [action.text() for action in tray.menu().actions()]
        assert f"{count - 5} more…" in titles
        for run in made.desk.runs.open_runs[1:]:
            made.gateway.put(replace(run, state=DeploymentState.CANCELLED))
        last = made.desk.runs.open_runs[0]
        made.gateway.put(replace(last, state=DeploymentState.APPLYING, machine_name="a&b" + "x" * 200))
        await until(lambda: len(made.desk.runs.open_runs) == 1 and made.desk.runs.running)
        made.gateway.progress(last.deployment_id, "apply", 1, 2)
        await until(lambda: any("… · 1 of 2" in action.text() for action in tray.menu().actions()))
        assert any("a&&bxx" in action.text() for action in tray.menu().actions())
        await turn()
        assert tray.summary() == "1 running"
