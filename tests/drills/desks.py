"""Real desktops and a real server, each a process of its own, as the drill handles them."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from machina_desktop.core.codec import from_plain, to_plain
from machina_desktop.core.config import ENGINE, Paths, Settings
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import catalogue
from machina_desktop.core.services.use_case import REGISTRY, Request
from tests.fakes.hosts import contents

R = TypeVar("R")
PROGRAM = Path(__file__).with_name("program.py")
DESKTOP = Path(__file__).with_name("desktop_process.py")
START_S = 60.0
ANSWER_S = 90.0
assert catalogue.AREAS


class Refused(Exception):
    """A desktop answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass
class Server:
    """A server process on its data folder; it can be killed, started again and restored."""

    home: Path
    port: int
    log: Path
    before: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    host: str = "127.0.0.1"
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "MACHINA_HOME": str(self.home),
            "PORT": str(self.port),
            "MACHINA_BIND": self.host,
            "MACHINA_ALLOWED_HOSTS": self.host,
            "PYTHONUNBUFFERED": "1",
            **self.variables,
        }

    def start(self) -> None:
        known = self._said("serving at")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*self.before, sys.executable, str(PROGRAM), "web"],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stderr=log,
            )
        deadline = time.monotonic() + START_S
        while self._said("serving at") == known:
            assert self.process.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() < deadline, self.log.read_text()[-3000:]
            time.sleep(0.02)

    def _said(self, words: str) -> int:
        return self.log.read_text().count(f'"{words}') if self.log.exists() else 0

    def kill(self) -> None:
        """As the power fails."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(START_S)

    def end(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(START_S)

    def command(self, *arguments: str) -> str:
        """``machina-server`` with these arguments; what it said."""
        ended = subprocess.run(
            [sys.executable, str(PROGRAM), "web", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=START_S,
        )
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into its database."""
        with closing(sqlite3.connect(Paths(self.home).database, timeout=20)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    def log_of(self, deployment_id: str) -> bytes:
        """A run's log as it is stored there."""
        return b"".join(
            data
            for (data,) in self.sql("SELECT data FROM log_chunk WHERE deployment_id = ? ORDER BY start", deployment_id)
        )


class Desktop:
    """A desktop process and the person before it."""

    def __init__(
        self, home: Path, *, engine: Path | str = "", before: list[str] | None = None, window: bool = False
    ) -> None:
        self.home = home
        paths = Paths(home)
        paths.create()
        if engine:
            Settings(paths.settings).set(ENGINE, str(engine))
        self._count = 0
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()
        self._ready: Future[int] = Future()
        self._log = home.with_name(f"{home.name}.log")
        command = [*(before or []), sys.executable, str(DESKTOP), *(["--window"] if window else [])]
        environment = {
            **os.environ,
            "MACHINA_HOME": str(home),
            "MACHINA_VAULT": "key-file",
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONUNBUFFERED": "1",
        }
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.result(START_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "ready" in said:
                self._ready.set_result(said["ready"])
                continue
            found = self._waiting.pop(said["id"])
            if "error" in said:
                found.set_exception(Refused(**said["error"]))
            else:
                found.set_result(said["answer"])
        gone = RuntimeError(f"The desktop has ended: {self._log.read_text()[-3000:]}")
        for found in (self._ready, *self._waiting.values()):
            if not found.done():
                found.set_exception(gone)

    def ask(self, **what: Any) -> Future[Any]:
        """Say a line; the future is its answer."""
        found: Future[Any] = Future()
        with self._lock:
            self._count += 1
            self._waiting[self._count] = found
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"id": self._count, **what}) + "\n")
            self._process.stdin.flush()
        return found

    def begin(self, request: Request[Any]) -> Future[Any]:
        """Ask for something without waiting for it."""
        return self.ask(call=type(request).__name__, fields=_plain(request))

    def call(self, request: Request[R]) -> R:
        """The answer, as the person at this desktop; an error is :class:`Refused`."""
        answer = self.begin(request).result(ANSWER_S)
        shape = REGISTRY.find(type(request)).result
        return cast("R", None if answer is None else from_plain(answer, cast("type[object]", shape)))

    def will_see(self, entity: str, key: str, name: str, value: object) -> Future[float]:
        """At what monotonic time a row is seen here to have that value."""
        return self.ask(seen=[entity, key, name, value])

    def will_be(self, state: str) -> Future[float]:
        """At what monotonic time the line to the server is so."""
        return self.ask(state=state)

    def rows(self, team_id: str) -> dict[str, Any]:
        """All synced rows of the team here, and the number of its feed."""
        return cast("dict[str, Any]", self.ask(rows=team_id).result(ANSWER_S))

    def holds(self, text: bytes) -> list[Path]:
        """The files of its data folder that have ``text`` in them."""
        return [path for path, data in contents(self.home) if text in data]

    def end(self) -> None:
        """Close it as a person does; what it runs goes on or ends with it."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(START_S)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._reader.join(START_S)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def problems(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text()


def _plain(request: Request[Any]) -> dict[str, Any]:
    return {each.name: _revealed(getattr(request, each.name)) for each in fields(request)}


def _revealed(value: object) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {name: _revealed(each) for name, each in value.items()}
    return to_plain(value)
