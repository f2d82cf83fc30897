"""A real server on loopback, in the loop of the test, and people who talk to it with a real client."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from machina_desktop.core.config import Paths
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.host import Host
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.providers import registry
from machina_desktop.core.services.reports import AppendLog, ClaimDeployment
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.core.workers.heartbeats import BeatTimes
from machina_desktop.server.app import Server
from machina_desktop.server.config import read_config
from machina_desktop.server.serving import Web, listen, opened
from machina_desktop.server.streams import Times
from tests.fakes.hosts import until
from tests.fakes.provider import RecordProvider, install

PASSWORD = "correct horse battery staple"
Json = dict[str, Any]


@dataclass
class Visitor:
    """Somebody at a server: ``http`` sends their token, if they have one."""

    http: httpx.AsyncClient
    name: str = ""
    user_id: str = ""
    session_id: str = ""
    token: str = field(default="", repr=False)

    async def get(self, path: str, **query: Any) -> Any:
        """The answer, which must be a success."""
        return _good(await self.http.get(path, params=query))

    async def post(self, path: str, **body: Any) -> Any:
        """The answer, which must be a success."""
        return _good(await self.http.post(path, json=body))


def _good(answer: httpx.Response) -> Any:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    return answer.json() if answer.content else None


@dataclass
class Site:
    """A server that runs.

    Attributes:
        url: Where it answers.
        admin: Whoever made the first account, and ``team_id``.
    """

    url: str
    paths: Paths
    host: Host
    server: Server
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    admin: Visitor = None  # type: ignore[assignment]
    team_id: str = ""

    def visitor(self, token: str = "", **headers: str) -> Visitor:
        """Somebody with that token, or with none."""
        if token:
            headers["Authorization"] = f"Bearer {token}"
        client = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, trust_env=False)
        self.clients.append(client)
        return Visitor(client, token=token)

    async def person(self, name: str, *, code: str = "") -> Visitor:
        """Somebody with a new account, signed in on a device."""
        fields = {"email": f"{name.lower()}@example.org", "display_name": name, "password": PASSWORD, "kind": "device"}
        given = await self.visitor().post("/api/auth/register", **fields, code=code)
        made = self.visitor(given["token"])
        made.name, made.user_id, made.session_id = name, given["user"]["user_id"], given["session_id"]
        return made

    async def member(self, name: str, role: str = "member", team_id: str = "") -> Visitor:
        """Somebody who is in the team."""
        return await self.person(name, code=await self.code(role, team_id))

    async def code(self, role: str = "member", team_id: str = "") -> str:
        """An invite code."""
        made = await self.admin.post(f"/api/teams/{team_id or self.team_id}/invites", role=role)
        return str(made["code"])

    async def outsider(self, name: str) -> tuple[Visitor, str]:
        """An administrator of a team that nobody else is in, and that team's id."""
        team = await self.admin.post("/api/teams", name=f"{name}'s", handle=name.lower())
        made = await self.member(name, "admin", team["team_id"])
        await self.admin.post(f"/api/teams/{team['team_id']}/leave")
        return made, team["team_id"]

    def sql(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the database, or change it, behind the server's back."""
        with closing(sqlite3.connect(self.paths.database, timeout=5)) as connection, connection:
            return connection.execute(statement, parameters).fetchall()

    async def account(self, label: str = "here") -> str:
        """A provider account of the team."""
        made = await self.admin.post("/api/providers/sandbox/accounts", team_id=self.team_id, label=label, fields={})
        return str(made["provider_account_id"])

    async def machine(self, name: str, account_id: str) -> tuple[str, str]:
        """A new machine and the run that shall create it."""
        deployment_id = new_id("deployment")
        fields = {"team_id": self.team_id, "account_id": account_id, "name": name, "deployment_id": deployment_id}
        made = await self.admin.post("/api/machines", **fields)
        return str(made["machine_id"]), deployment_id

    async def claim(self, deployment_id: str) -> int:
        """Hold a run as a runner does; answers the fence."""
        ask = ClaimDeployment(runner_id="runner-test", lease_s=600, only=(deployment_id,))
        claim = await self.host.dispatcher.execute(RUNNER, ask)
        assert claim is not None
        return claim.fence

    async def say(self, deployment_id: str, fence: int, *texts: str) -> None:
        """Append lines to a run's log, as its runner does."""
        lines = tuple(LogLine(at=now(), phase="plan", level=LogLevel.INFO, text=text) for text in texts)
        await self.host.dispatcher.execute(
            RUNNER, AppendLog(deployment_id=deployment_id, fence=fence, lines=lines, cursors={})
        )


@asynccontextmanager
async def running(
    home: Path,
    *,
    times: Times | None = None,
    variables: dict[str, str] | None = None,
    beat_times: BeatTimes | None = None,
) -> AsyncIterator[Site]:
    """A server on the data folder ``home``; passwords are hashed as cheaply as bcrypt can."""
    real = registry.PROVIDERS[ProviderType.SANDBOX]
    install(RecordProvider())
    config, paths = read_config({"PORT": "0", **(variables or {})}), Paths(home)
    paths.create()
    listener = listen(config)
    try:
        async with opened(config, paths, times=times or Times(), beat_times=beat_times, password_cost=4) as server:
            web = Web(server)
            task = asyncio.create_task(web.serve(sockets=[listener]))
            await until(lambda: web.started, what="the start of the server")
            site = Site(f"http://localhost:{listener.getsockname()[1]}", paths, server._parts.host, server)
            yield site
            for client in site.clients:
                await client.aclose()
            web.should_exit = True
            await task
    finally:
        registry.PROVIDERS[ProviderType.SANDBOX] = real
        registry.provider_for.cache_clear()


@dataclass(frozen=True)
class _Start:
    """A data folder with the first account and its team, made once for each process of the tests."""

    home: Path
    admin: tuple[str, str, str, str]
    team_id: str


_STARTS: list[_Start] = []


async def _start() -> _Start:
    if not _STARTS:
        home = Path(tempfile.mkdtemp(prefix="server-")) / "home"
        async with running(home) as site:
            admin = await site.person("Ada")
            team_id = (await admin.post("/api/teams", name="Crew", handle="crew"))["team_id"]
        _STARTS.append(_Start(home, (admin.name, admin.user_id, admin.session_id, admin.token), team_id))
    return _STARTS[0]


@asynccontextmanager
async def settled(home: Path, **options: Any) -> AsyncIterator[Site]:
    """A running server with its first administrator and their team."""
    start = await _start()
    shutil.copytree(start.home, home)
    async with running(home, **options) as site:
        name, user_id, session_id, token = start.admin
        site.admin, site.team_id = site.visitor(token), start.team_id
        site.admin.name, site.admin.user_id, site.admin.session_id = name, user_id, session_id
        yield site


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a server process on that data folder is started with; without more it carries nothing out."""
    own = {"MACHINA_HOME": str(home), "PORT": "0", "PYTHONUNBUFFERED": "1", "MACHINA_RUNNER": "off"}
    return {**os.environ, **own, **more}
