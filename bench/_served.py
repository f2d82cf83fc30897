"""A real ``machina-server`` with rows to ask for, a bare Litestar application beside it, and both databases."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psutil

from machina_desktop.core.config import REPOSITORY, Paths
from machina_desktop.core.domain.account import Session, SessionKind, hashed_token
from machina_desktop.core.domain.agent import AGENT_TOKEN, Agent
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, DeploymentType
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.domain.team import Team, TeamMember, TeamRole, User
from machina_desktop.core.ids import new_id, new_token, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.transaction import Transaction
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes import postgres

START_S = 30


@dataclass
class Store:
    """Where a server keeps its rows; ``url`` is empty for a SQLite file."""

    home: Path
    url: str = field(default="", repr=False)

    def open(self) -> Database:
        """The database, with its tables."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Database.of_url(Secret(self.url)) if self.url else Database.of_file(Paths(self.home).database)
        made.open()
        return made

    @property
    def variables(self) -> dict[str, str]:
        """What a server is started with to use it."""
        return {"MACHINA_HOME": str(self.home), **({"DATABASE_URL": self.url} if self.url else {})}


@dataclass(frozen=True)
class Process:
    """A server that answers."""

    process: subprocess.Popen[str]
    port: int

    def tell(self) -> None:
        """Let something be said on its streams."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def cpu_s(self) -> float:
        """What it has used of the processor so far."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)

    def rss_kib(self) -> float:
        """The memory it takes."""
        return float(psutil.Process(self.process.pid).memory_info().rss) / 1024


@contextmanager
def stores() -> Iterator[dict[str, Store]]:
    """Both databases, as durable as they are in earnest."""
    postgres.OPTIONS = (*postgres.OPTIONS, "fsync=on", "full_page_writes=on", "autovacuum=on")
    cluster = postgres.Cluster()
    try:
        with tempfile.TemporaryDirectory(prefix="machina-bench-") as folder:
            cluster.create("bench", template="migrated")
            yield {
                "SQLite": Store(Path(folder) / "sqlite"),
                "PostgreSQL": Store(Path(folder) / "postgresql", cluster.url("bench").reveal()),
            }
    finally:
        cluster.remove()


@contextmanager
def machina(store: Store) -> Iterator[Process]:
    """``machina-server`` as it is started in earnest."""
    with _started([sys.executable, "-m", "machina_desktop.server"], store.variables, log=store.home / "log") as made:
        yield made


@contextmanager
def telling(store: Store, deployment_id: str) -> Iterator[Process]:
    """The same server, in which a run says something when it is told to."""
    command = [sys.executable, "-m", "bench._teller", deployment_id]
    with _started(command, store.variables, log=store.home / "log") as made:
        yield made


@contextmanager
def bare() -> Iterator[Process]:
    """Handlers that do nothing, in the same framework on the same server."""
    command = [sys.executable, "-m", "bench._bare"]
    with tempfile.TemporaryDirectory() as folder, _started(command, {}, log=Path(folder) / "log") as made:
        yield made


@contextmanager
def _started(command: list[str], variables: dict[str, str], *, log: Path) -> Iterator[Process]:
    environment = {**os.environ, "PORT": "0", "PYTHONUNBUFFERED": "1", **variables}
    with log.open("w") as written:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=environment, stdin=subprocess.PIPE, stderr=written, text=True
        )
    try:
        yield Process(process, _port(process, log))
    finally:
        process.terminate()
        process.communicate(timeout=START_S)


def _port(process: subprocess.Popen[str], log: Path) -> int:
    until = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < until:
        for line in log.read_text().splitlines():
            if "serving at" in line:
                return int(json.loads(line)["message"].rpartition(" ")[2])
        time.sleep(0.05)
    raise SystemExit(log.read_text())


@dataclass(frozen=True)
class Crew:
    """A team that is there.

    Attributes:
        agents: The tokens of its machines' agents.
        people: The tokens of its members' devices.
        deployment_id: A run that is under way.
    """

    team_id: str
    agents: tuple[str, ...]
    people: tuple[str, ...]
    deployment_id: str


async def seed(database: Database, *, machines: int, people: int) -> Crew:
    """Make a team with so many machines and members; each machine's agent and each member's device has a token."""
    agents = tuple(new_token(AGENT_TOKEN) for _ in range(machines))
    devices = tuple(new_token() for _ in range(people))
    team_id, deployment_id = new_id("team"), new_id("deployment")

    def work(tx: Transaction) -> None:
        at = now()
        tx.add(Team(team_id=team_id, name="Crew", handle=team_id[-12:], created_by="u", created_at=at, updated_at=at))
        for token in agents:
            _machine(tx, team_id, token)
        for token in devices:
            _person(tx, team_id, token)
        run = Deployment(
            deployment_id=deployment_id,
            team_id=team_id,
            type=DeploymentType.CREATE,
            state=DeploymentState.APPLYING,
            machine_id=None,
            initiated_by="u",
            runs_on="a desktop",
            created_at=at,
            updated_at=at,
        )
        tx.add(run)

    await database.write(RUNNER, lambda *_: None, work, team_id=team_id)
    return Crew(team_id, agents, devices, deployment_id)


def _machine(tx: Transaction, team_id: str, token: str) -> None:
    at, machine_id = now(), new_id("machine")
    machine = Machine(
        machine_id=machine_id,
        team_id=team_id,
        name=machine_id[-20:],
        provider=ProviderType.BAREMETAL,
        provider_account_id="account",
        created_at=at,
        updated_at=at,
    )
    tx.add(machine)
    agent = Agent(machine_id=machine_id, team_id=team_id, token_hash=hashed_token(token), issued_by="u", created_at=at)
    tx.add(agent)


def _person(tx: Transaction, team_id: str, token: str) -> None:
    at, user_id = now(), new_id("user")
    tx.add(User(user_id=user_id, email=f"{user_id}@example.org", display_name=user_id, created_at=at))
    member = TeamMember(
        team_member_id=new_id("member"), team_id=team_id, user_id=user_id, role=TeamRole.MEMBER, joined_at=at
    )
    tx.add(member)
    session = Session(
        session_id=new_id("session"),
        user_id=user_id,
        kind=SessionKind.DEVICE,
        device_name="bench",
        user_agent="bench",
        address="127.0.0.1",
        token_hash=hashed_token(token),
        created_at=at,
        last_seen_at=at,
        expires_at=at + timedelta(days=1),
    )
    tx.add(session)


async def say(database: Database, deployment_id: str, text: str) -> None:
    """Append a line to a run's log, as another process does that carries it out."""
    line = LogLine(at=now(), phase="apply", level=LogLevel.INFO, text=text)
    await database.write(RUNNER, lambda *_: None, lambda tx: tx.append_log(deployment_id, (line,), {}))


def spread(values: list[float]) -> str:
    """Median and p99 of times in seconds, in milliseconds."""
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {ordered[len(ordered) // 2] * 1000:6.1f} ms   p99 {p99 * 1000:6.1f} ms"
