"""Web processes and runners on one PostgreSQL database, each a process of its own, and a look at what they left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from machina_desktop.core.config import ENGINE, Settings
from machina_desktop.core.ids import new_id
from tests.fakes import postgres, terraform_shim
from tests.fakes.hosts import processes_in

PROGRAM = Path(__file__).with_name("program.py")
PASSWORD = "correct horse battery staple"
TOKEN = "record-token-canary-71"
START_S = 60.0
PATIENCE_S = 180.0
FINAL = ("succeeded", "failed", "cancelled")
Json = dict[str, Any]


@dataclass
class Member:
    """One process of the fleet.

    Attributes:
        started_at: When it was last started, by the monotonic clock.
        log_before: How long its log was then, in bytes.
    """

    what: str
    home: Path
    variables: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    started_at: float = 0.0
    log_before: int = 0

    def start(self) -> None:
        self.log_before = self.log.stat().st_size if self.log.exists() else 0
        environment = {**os.environ, **self.variables, "MACHINA_HOME": str(self.home), "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(PROGRAM), self.what], env=environment, stdin=subprocess.DEVNULL, stderr=log
            )
        self.starts += 1
        self.started_at = time.monotonic()

    def said(self, beginning: str) -> list[str]:
        """Messages that begin so, oldest first."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        messages = [json.loads(line)["message"] for line in lines if line.startswith("{") and beginning in line]
        return [message for message in messages if message.startswith(beginning)]

    def is_at_work(self) -> bool:
        """Whether a runner has said so since it was last started; it must not have ended by itself."""
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return b"carrying out as" in self.log.read_bytes()[self.log_before :]

    def wait_for(self, beginning: str, count: int = 1) -> str:
        """The newest message that begins so, once there are ``count``."""
        deadline = time.monotonic() + START_S
        while len(self.said(beginning)) < count:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)
        return self.said(beginning)[-1]

    def kill(self, *, with_runs: bool = False) -> None:
        """As the power fails: this process, and with it its launchers and what they run, if asked for."""
        assert self.process is not None
        # Stopped first, so that nothing new is started meanwhile.
        self.process.send_signal(signal.SIGSTOP)
        if with_runs:
            for other in processes_in(self.home):
                with_suppressed(other.kill)
        self.process.kill()
        self.process.wait(START_S)

    def end(self) -> int:
        """Tell it to end; answers its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(START_S)


def with_suppressed(act: Any) -> None:
    """Do it to a process that may be gone."""
    try:
        act()
    except psutil.Error:
        return


@dataclass
class Fleet:
    """All of it, with one team whose administrator asks."""

    folder: Path
    database: str
    shim: Path
    webs: list[Member] = field(default_factory=list)
    runners: list[Member] = field(default_factory=list)
    clients: list[httpx.Client] = field(default_factory=list)
    team_id: str = ""
    account_id: str = ""
    asked: int = 0

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the database behind everybody's back."""
        return postgres.server().sql(self.database, statement, *parameters)

    @property
    def url(self) -> str:
        return postgres.server().url(self.database).reveal()

    def add_web(self, **variables: str) -> Member:
        if "DATABASE_URL" not in variables:
            variables["DATABASE_URL"] = self.url
        variables["PORT"] = "0"
        made = Member("web", self.folder / "web", variables, self.folder / f"web-{len(self.webs)}.log")
        made.start()
        self.webs.append(made)
        port = made.wait_for("serving at").rpartition(" ")[2]
        self.clients.append(httpx.Client(base_url=f"http://localhost:{port}", timeout=30, trust_env=False))
        return made

    def add_runner(self, name: str = "", **variables: str) -> Member:
        """A runner with a data folder of its own, as on a host of its own."""
        home = self.folder / (name or f"runner-{len(self.runners)}")
        home.mkdir(mode=0o700, exist_ok=True)
        Settings(home / "settings.json").set(ENGINE, str(self.shim / "terraform"))
        own = {"DATABASE_URL": self.url, "MACHINA_RUNNER_KEY": str(self.folder / "keys" / "key"), **variables}
        made = Member("runner", home, own, self.folder / f"runner-{len(self.runners)}.log")
        made.start()
        self.runners.append(made)
        return made

    def settle(self, *, with_account: bool = True) -> None:
        """The first account, its team and an account at the provider, whose token is sealed to the runners."""
        person = {"email": "ada@example.org", "display_name": "Ada", "password": PASSWORD, "kind": "device"}
        token = self.ask("POST", "/api/auth/register", **person)["token"]
        for client in self.clients:
            client.headers["Authorization"] = f"Bearer {token}"
        self.team_id = self.ask("POST", "/api/teams", name="Crew", handle="crew")["team_id"]
        if not with_account:
            return
        made = self.ask(
            "POST", "/api/providers/sandbox/accounts", team_id=self.team_id, label="here", fields={"token": TOKEN}
        )
        self.account_id = made["provider_account_id"]

    def ask(self, method: str, path: str, **fields: Any) -> Any:
        """The answer of one web process or the other, which must be a success; one that is too busy is asked again."""
        where = {"params": fields} if method == "GET" else {"json": fields}
        headers = {} if method == "GET" else {"Idempotency-Key": new_id("op")}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.asked += 1
            client = self.clients[self.asked % len(self.clients)]
            try:
                answer = client.request(method, path, headers=headers, **where)  # type: ignore[arg-type]
            except httpx.TimeoutException:
                assert time.monotonic() < deadline, f"{method} {path}"
                continue
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and time.monotonic() < deadline:
                time.sleep(1)
                continue
            assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
            return answer.json() if answer.content else None

    def create(self, name: str, **fields: Any) -> str:
        about = {"team_id": self.team_id, "account_id": self.account_id, "name": name, "auto_approve": True, **fields}
        return str(self.ask("POST", "/api/machines", **about)["machine_id"])

    def states(self) -> Counter[str]:
        """How many deployments are in each state."""
        return Counter(dict(self.sql("SELECT state, count(*) FROM deployment GROUP BY state")))

    def ledger(self, event: str) -> Counter[str]:
        """How often that happened to each machine."""
        return Counter(Path(row[3]).name for row in terraform_shim.ledger(self.shim, event))

    def close(self) -> None:
        for client in self.clients:
            client.close()
        for member in (*self.runners, *self.webs):
            if member.process is not None and member.process.poll() is None:
                member.process.kill()
                member.process.wait(START_S)
        for left in processes_in(self.folder):
            with_suppressed(left.kill)


@contextmanager
def fleet(folder: Path, *, webs: int = 1, runners: int = 1, **variables: str) -> Iterator[Fleet]:
    """So many of each, at work."""
    with postgres.in_use():
        made = Fleet(folder, postgres.database_of(folder / "machina.db"), folder / "shim")
        terraform_shim.install(made.shim)
        try:
            for _ in range(runners):
                made.add_runner(**variables)
            for runner in made.runners:
                runner.wait_for("carrying out as")
            for _ in range(webs):
                made.add_web()
            made.settle()
            yield made
        finally:
            made.close()
