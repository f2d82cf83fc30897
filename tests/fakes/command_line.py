"""The real ``machina`` program in processes of their own, on a data folder of its own."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.fakes.engine import real_engine

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 60.0

# Lets everything through to the real program, but notes each apply and holds it while the file "hold" exists.
GATE = """#!/bin/sh
case " $* " in *" apply "*)
    echo apply >>"{folder}/applies"
    while [ -e "{folder}/hold" ]; do sleep 0.02; done
esac
exec {terraform} "$@"
"""


class Machina:
    """``machina(...)`` runs a command to its end; :meth:`start` leaves it running.

    Attributes:
        patience_s: How long a command may take.
    """

    patience_s = DEADLINE_S

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.environment = {**os.environ, "MACHINA_HOME": str(self.home), "MACHINA_VAULT": "key-file"}

    def __call__(self, *words: object) -> subprocess.CompletedProcess[str]:
        """The ended command; nobody is at its terminal."""
        return subprocess.run(
            self._argv(words),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=self.patience_s,
            check=False,
        )

    def done(self, *words: object) -> str:
        """What a command printed that has to succeed."""
        ended = self(*words)
        assert ended.returncode == 0, f"{words} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def refused(self, *words: object) -> str:
        """What a command that has to fail said on standard error."""
        ended = self(*words)
        assert ended.returncode == 1, f"{words} ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
        return ended.stderr

    def json(self, *words: object) -> Any:
        """The document a command printed."""
        return json.loads(self.done(*words, "--json"))

    @contextmanager
    def start(self, *words: object) -> Iterator[subprocess.Popen[str]]:
        """A running command, killed at the end if it has not ended by then."""
        with subprocess.Popen(
            self._argv(words),
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def at_terminal(self, *words: object) -> Iterator[Terminal]:
        """A running command with a person at its terminal."""
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            self._argv(words), cwd=ROOT, env=self.environment, stdin=theirs, stdout=theirs, stderr=theirs
        ) as process:
            os.close(theirs)
            try:
                yield Terminal(process, ours)
            finally:
                process.kill()
                os.close(ours)

    def state_of(self, deployment: str) -> str:
        """The state of a run; a machine's name means its newest."""
        return str(self.json("deployments", "get", deployment)["state"])

    def wait_for_state(self, deployment: str, state: str) -> None:
        """Return once the run is in that state."""
        deadline = time.monotonic() + DEADLINE_S
        while self("deployments", "get", deployment).returncode or self.state_of(deployment) != state:
            assert time.monotonic() < deadline, f"{deployment} did not become {state}"

    def hold_applies(self) -> None:
        """From now on each apply waits in the real program's stead until :meth:`let_go`."""
        gate = self.folder / "terraform"
        gate.write_text(GATE.format(folder=self.folder, terraform=shlex.join(real_engine().argv)))
        gate.chmod(0o755)
        (self.folder / "hold").touch()
        self.done("settings", "change", "engine", "--value", gate)

    def wait_for_apply(self) -> None:
        """Return once an apply has begun and is held."""
        deadline = time.monotonic() + DEADLINE_S
        while not self.applies:
            assert time.monotonic() < deadline, "no apply began"
            time.sleep(0.01)

    def let_go(self) -> None:
        """Let the held apply go on."""
        (self.folder / "hold").unlink()

    @property
    def applies(self) -> int:
        """How many times the program was asked to apply."""
        noted = self.folder / "applies"
        return len(noted.read_text().splitlines()) if noted.exists() else 0

    def end_leftovers(self) -> None:
        """End the SSH servers and held applies that a failed test left: our folder is on their command lines."""
        for process in psutil.process_iter(["cmdline"]):
            if any(str(self.folder) in word for word in process.info["cmdline"] or ()):
                process.kill()

    @staticmethod
    def _argv(words: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "machina_desktop", *(str(word) for word in words)]


class Terminal:
    """The person's side: reads what is shown and types answers."""

    def __init__(self, process: subprocess.Popen[bytes], handle: int) -> None:
        self.process = process
        self._handle = handle
        self.shown = ""

    def wait_for(self, text: str) -> None:
        """Return once ``text`` has been shown."""
        while text not in self.shown:
            piece = os.read(self._handle, 4096)
            assert piece, f"{text!r} was never shown, but {self.shown!r}"
            self.shown += piece.decode("utf-8", "replace")

    def type(self, text: str) -> None:
        """Type, as a keyboard would."""
        os.write(self._handle, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C: the terminal is nobody's controlling one here, so the signal is sent by hand."""
        self.process.send_signal(signal.SIGINT)

    def ended(self) -> int:
        """Read what is still shown until the command has ended; its exit code."""
        try:
            while piece := os.read(self._handle, 4096):
                self.shown += piece.decode("utf-8", "replace")
        except OSError:
            # Linux's way of saying that the other side is closed.
            pass
        return self.process.wait(timeout=DEADLINE_S)
