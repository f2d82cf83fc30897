"""A whole core in a temporary data folder, started and stopped for one test; tests act through its door."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import psutil  # type: ignore[import-untyped]
import pytest

from machina_desktop.core.config import ENGINE, Paths, Settings
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.domain.team import Actor, SystemRole, TeamRole
from machina_desktop.core.events import Changed, Event, EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.ids import new_id
from machina_desktop.core.providers import registry
from machina_desktop.core.providers.base import Provider
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.deployments import ApproveDeployment, GetDeployment, ReadLog
from machina_desktop.core.services.machines import CreateMachine, GetMachine
from machina_desktop.core.services.passwords import Accounts
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.tables import METADATA
from machina_desktop.core.sync.gateway import LocalGateway
from machina_desktop.core.sync.person import Person
from machina_desktop.core.terraform.workspace import LOCK_FILE
from tests.fakes import postgres
from tests.fakes.provider import RecordProvider, install

R = TypeVar("R")
DEADLINE_S = 60.0

ON_ONE_STORE = pytest.mark.parametrize("each_store", ["sqlite"], indirect=True)
"""For what is refused before the store is asked: it is so on every database."""

STRANGER = Actor(user_id="user-stranger", display_name="Stranger", team_roles=(("team-foreign", TeamRole.ADMIN),))


async def until(condition: Callable[[], bool] | Callable[[], Awaitable[bool]], *, what: str = "it") -> None:
    """Wait for a condition; fail when it does not come true in time."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        met = condition()
        if met if isinstance(met, bool) else await met:
            return
        assert time.monotonic() < deadline, f"{what} did not happen within {DEADLINE_S:.0f} s"
        await asyncio.sleep(0.01)


def contents(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every regular file below ``folder`` with what it holds, also while a program that works there removes some."""
    # Unlike rglob, walk is not disturbed by folders that are being removed.
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            with suppress(FileNotFoundError):
                if path.is_file():
                    yield path, path.read_bytes()


def store_at(path: Path, *, busy_ms: int = 5000) -> Database:
    """The store of that file, or what stands for it on PostgreSQL where the test runs on both."""
    if postgres.STORE in os.environ:
        return Database.of_url(postgres.server().url(postgres.database_of(path)))
    return Database.of_file(path, busy_ms=busy_ms)


def read_sql(database: Path, statement: str, *parameters: object) -> list[tuple[object, ...]]:
    """Look into the store of a file, or change it, behind the program's back."""
    if postgres.STORE in os.environ:
        return postgres.server().sql(postgres.database_of(database), statement, *parameters)
    with closing(sqlite3.connect(database, timeout=5)) as connection, connection:
        return connection.execute(statement, parameters).fetchall()


@dataclass
class Core:
    """A started host and what tests ask of it most.

    Attributes:
        events: Everything the bus has delivered so far.
    """

    host: Host
    team_id: str
    events: list[Event] = field(default_factory=list)
    _account: ProviderAccount | None = None

    @property
    def paths(self) -> Paths:
        """Where its data lie."""
        return self.host.paths

    async def call(self, ask: Request[R]) -> R:
        """The answer to ``ask``, as this computer's person."""
        return await self.host.gateway.call(ask)

    def door(self, actor: Actor) -> LocalGateway:
        """The same door for somebody else."""
        return LocalGateway(self.host._dispatcher.execute, Person(actor))

    @property
    def reader(self) -> Actor:
        """The person, were they only allowed to read."""
        return replace(self.host.actor, system_role=SystemRole.READONLY)

    def member(self) -> Actor:
        """Somebody else who is an ordinary member of the team."""
        return Actor(user_id="user-member", display_name="Member", team_roles=((self.team_id, TeamRole.MEMBER),))

    async def account(self) -> ProviderAccount:
        """The one account, made when it is first asked for."""
        if self._account is None:
            self._account = await self.call(AddAccount(team_id=self.team_id, type=ProviderType.SANDBOX, label="here"))
        return self._account

    async def create(self, name: str = "m1", *, auto_approve: bool = False, **fields: object) -> CreateMachine:
        """Ask for a machine; answers the request, which holds both ids."""
        account = await self.account()
        ask = CreateMachine(
            team_id=self.team_id,
            account_id=account.provider_account_id,
            name=name,
            auto_approve=auto_approve,
            **fields,  # type: ignore[arg-type]
        )
        await self.call(ask)
        return ask

    async def made(self, name: str = "m1", **fields: object) -> Machine:
        """A machine that has been created."""
        ask = await self.create(name, auto_approve=True, **fields)
        ended = await self.resting(ask.deployment_id)
        assert ended.state is DeploymentState.SUCCEEDED, ended.error_message
        return await self.machine(ask.machine_id)

    async def made_of(self, ask: Request[Deployment]) -> str:
        """The id of the run that ``ask`` queues."""
        return (await self.call(ask)).deployment_id

    async def machine(self, machine_id: str) -> Machine:
        """The machine as it stands."""
        return await self.call(GetMachine(machine_id=machine_id))

    async def deployment(self, deployment_id: str) -> Deployment:
        """The deployment as it stands."""
        return await self.call(GetDeployment(deployment_id=deployment_id))

    async def resting(self, deployment_id: str) -> Deployment:
        """The deployment once it has ended or waits for approval."""

        async def rests() -> bool:
            found = await self.deployment(deployment_id)
            return found.state.is_final or found.state is DeploymentState.AWAITING_APPROVAL

        await until(rests, what=f"the end of {deployment_id}")
        return await self.deployment(deployment_id)

    async def in_phase(self, deployment_id: str, phase: str) -> None:
        """Wait until the runner does that with the deployment."""

        async def is_there() -> bool:
            return (await self.deployment(deployment_id)).phase_detail == phase

        await until(is_there, what=f"phase {phase}")

    async def approve(self, deployment_id: str) -> Deployment:
        """Approve the plan shown now and wait for the end."""
        await self.call(ApproveDeployment(deployment_id=deployment_id))
        return await self.ended(deployment_id)

    async def ended(self, deployment_id: str) -> Deployment:
        """The deployment once it has ended."""

        async def has_ended() -> bool:
            return (await self.deployment(deployment_id)).state.is_final

        await until(has_ended, what=f"the end of {deployment_id}")
        return await self.deployment(deployment_id)

    async def log(self, deployment_id: str) -> list[str]:
        """The texts of a run's log."""
        chunk = await self.call(ReadLog(deployment_id=deployment_id, limit=64 << 20))
        return [line.text for line in chunk.lines]

    async def audit(self) -> tuple[AuditEvent, ...]:
        """The team's audit events, oldest first."""
        newest_first = await self.call(ListAuditEvents(team_id=self.team_id, limit=100_000))
        return newest_first[::-1]

    def sql(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        """Look into the database, or change it, behind the program's back."""
        return read_sql(self.paths.database, statement, *parameters)

    def stored(self) -> bytes:
        """Whatever lies in the data folder and, on PostgreSQL, in every table."""
        files = b"".join(data for _, data in contents(self.paths.home))
        if postgres.STORE not in os.environ:
            return files
        tables = (f'SELECT CAST("{table.name}" AS text) FROM "{table.name}"' for table in METADATA.sorted_tables)
        return files + repr([self.sql(query) for query in tables]).encode()

    async def quiet(self) -> None:
        """Wait until everything committed so far has been announced, and forget it."""

        def newest() -> int:
            seqs = [change.seq for event in self.events if isinstance(event, Changed) for change in event.changes]
            return max(seqs, default=0)

        [(head,)] = self.sql("SELECT change_seq FROM counter WHERE team_id = ?", self.team_id)
        await until(lambda: newest() == head, what=f"the announcement of change {head}")
        self.events.clear()

    def plaintext(self) -> list[Path]:
        """Files in the run folders that hold anything of a run."""
        kept = {"main.tf", "variables.tf", "outputs.tf", "terraform.rc", LOCK_FILE}
        found = (path for path, _ in contents(self.paths.runs))
        return [path for path in found if path.name not in kept and ".terraform" not in path.parts]

    async def wiped(self) -> None:
        """Wait until nothing of any run is left on disk."""
        await until(lambda: not self.plaintext(), what="the wipe")


@asynccontextmanager
async def core(
    home: Path,
    *,
    engine: Path | None = None,
    provider: Provider | None = None,
    deployer: bool = False,
    watch: bool = False,
    vault: str = "key-file",
    accounts: Accounts | None = None,
) -> AsyncIterator[Core]:
    """A host on the data folder ``home``, with a provider that has no outside in the practice provider's place."""
    before = os.environ.get("MACHINA_VAULT")
    real = registry.PROVIDERS[ProviderType.SANDBOX]
    os.environ["MACHINA_VAULT"] = vault
    install(provider or RecordProvider())
    host = _host(home, engine, accounts)
    try:
        await host.start(watch=watch)
        made = Core(host, host.actor.team_roles[0][0])
        host.bus.subscribe(made.events.append)
        if deployer:
            host.start_deployer()
        yield made
    finally:
        await host.stop()
        registry.PROVIDERS[ProviderType.SANDBOX] = real
        registry.provider_for.cache_clear()
        if before is None:
            os.environ.pop("MACHINA_VAULT", None)
        else:
            os.environ["MACHINA_VAULT"] = before


def _host(home: Path, engine: Path | None, accounts: Accounts | None) -> Host:
    paths = Paths(home)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = Settings(paths.settings)
    if engine is not None and settings.get(ENGINE) != str(engine):
        settings.set(ENGINE, str(engine))
    return Host(paths, settings, EventBus(), database=store_at(paths.database), accounts=accounts)


def new_team_id() -> str:
    """A team that nobody here is in."""
    return new_id("team")


def processes_in(folder: Path) -> list[psutil.Process]:
    """Processes that work in ``folder`` or below: launchers and what they run."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found
