"""The server as a process of its own: told to end, killed, started again."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse

from machina_desktop.core.config import Paths
from machina_desktop.server.serving import STOP_S
from tests.fakes.server import environment, settled

START_S = 60.0


@dataclass
class Process:
    """A server process; everything it wrote."""

    process: subprocess.Popen[str]
    port: int = 0
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def wait_until_serving(self) -> None:
        assert self.process.stderr is not None
        deadline = time.monotonic() + START_S
        for line in self.process.stderr:
            self.lines.append(line)
            message = json.loads(line)["message"]
            if message.startswith("serving at"):
                self.port = int(message.rpartition(" ")[2])
                return
            assert time.monotonic() < deadline
        raise AssertionError("".join(self.lines))

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        _, rest = self.process.communicate(timeout=START_S)
        self.lines += rest.splitlines()
        return self.process.returncode


@contextmanager
def process(home: Path, **variables: str) -> Iterator[Process]:
    started = subprocess.Popen(
        [sys.executable, "-m", "machina_desktop.server"],
        env=environment(home, **variables),
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    made = Process(started)
    try:
        made.wait_until_serving()
        yield made
    finally:
        if started.poll() is None:
            made.end(signal.SIGKILL)


def command(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "machina_desktop.server", *arguments],
        env=environment(home, **variables),
        check=False,
        capture_output=True,
        text=True,
        timeout=START_S,
    )


@dataclass
class Prepared:
    """A data folder with a run whose log grows, and the token of its administrator."""

    home: Path
    token: str
    team_id: str
    deployment_id: str

    @property
    def path(self) -> str:
        return f"/api/deployments/{self.deployment_id}/logs"

    def get(self, url: str, path: str, **query: Any) -> Any:
        answer = httpx.get(f"{url}{path}", params=query, headers=self.headers, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def say(self, *texts: str) -> None:
        """As another process does that carries the run out."""

        async def append() -> None:
            from machina_desktop.core.domain.log_line import LogLevel, LogLine
            from machina_desktop.core.ids import now
            from machina_desktop.core.store.database import Database
            from machina_desktop.core.workers.deployer import RUNNER

            database = Database.of_file(Paths(self.home).database)
            lines = tuple(LogLine(at=now(), phase="plan", level=LogLevel.INFO, text=text) for text in texts)
            await database.write(RUNNER, lambda *_: None, lambda tx: tx.append_log(self.deployment_id, lines, {}))
            database.close()

        asyncio.run(append())


@pytest.fixture
def prepared(tmp_path: Path) -> Prepared:
    async def prepare() -> Prepared:
        async with settled(tmp_path / "home") as site:
            _, deployment_id = await site.machine("web", await site.account())
            await site.claim(deployment_id)
            return Prepared(tmp_path / "home", site.admin.token, site.team_id, deployment_id)

    return asyncio.run(prepare())


def test_told_to_end_it_ends_its_streams_and_succeeds(prepared: Prepared) -> None:
    prepared.say("one")
    with process(prepared.home) as server, httpx.Client(headers=prepared.headers, trust_env=False) as http:
        with connect_sse(http, "GET", f"{server.url}{prepared.path}", params={"stream": "true"}) as source:
            events = source.iter_sse()
            assert next(events).event == "log"
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            assert list(events) == []
            assert time.monotonic() - began < STOP_S
        assert server.end() == 0
        assert not [line for line in server.lines if "ERROR" in line or "Traceback" in line], server.lines


def test_killed_in_mid_stream_nothing_is_lost_or_doubled(prepared: Prepared) -> None:
    said: list[str] = []
    found: list[str] = []
    last = ""
    for round_ in range(3):
        with process(prepared.home) as server, httpx.Client(headers=prepared.headers, trust_env=False) as http:
            headers = {"Last-Event-ID": last} if last else {}
            url = f"{server.url}{prepared.path}"
            with connect_sse(http, "GET", url, params={"stream": "true"}, headers=headers) as source:
                events = source.iter_sse()
                for number in range(4):
                    lines = [f"{round_}.{number}.{part}" for part in range(50)]
                    prepared.say(*lines)
                    said += lines
                    if number == 3:
                        # Said, and perhaps not yet sent.
                        server.end(signal.SIGKILL)
                        break
                    event = next(events)
                    found += [line["text"] for line in json.loads(event.data)["lines"]]
                    last = event.id
    with process(prepared.home) as server:
        rest = prepared.get(server.url, prepared.path, offset=last)
        found += [line["text"] for line in rest["lines"]]
        assert server.end() == 0
    assert found == said


def test_of_a_sqlite_file_there_is_one_server(prepared: Prepared) -> None:
    with process(prepared.home) as server:
        second = command(prepared.home)
        assert (second.returncode, second.stderr.splitlines()[-1][:9]) == (1, "E-SERVED:")
        assert server.end() == 0


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = command(tmp_path / "home", PORT=str(port))
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(f"E-PORT: Nothing can listen at 127.0.0.1 port {port}")


def test_a_wrong_configuration_is_named_before_anything_is_touched(tmp_path: Path) -> None:
    ended = command(tmp_path / "home", CORS_ORIGIN="*")
    assert ended.returncode == 2
    assert ended.stderr.startswith("E-CONFIG: CORS_ORIGIN")
    assert not (tmp_path / "home").exists()
