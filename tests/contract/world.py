"""A server with a team in it, and its people, who ask through one of two doors: in its process, or over HTTP."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

import httpx
import sqlalchemy as sa

from machina_desktop.core.codec import from_json, to_plain
from machina_desktop.core.config import Settings
from machina_desktop.core.domain.account import SessionKind
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderType
from machina_desktop.core.domain.team import Access, Actor, Client, SystemRole, TeamMember, TeamRole, User
from machina_desktop.core.http import USER_AGENT, Answer
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.accounts import Register
from machina_desktop.core.services.agents import Beat, BeatHeard, IssueAgentToken
from machina_desktop.core.services.authentication import KEEPER, SignedIn, actor_of
from machina_desktop.core.services.invites import CreateInvite
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.members import AddGrant
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.core.services.reports import AppendLog, ClaimDeployment
from machina_desktop.core.services.runner_keys import RegisterRunnerKey, ShowRunnerKey
from machina_desktop.core.services.teams import CreateTeam
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.sync.server_answers import problem
from machina_desktop.core.sync.server_client import ServerClient
from machina_desktop.core.vault.sealed_box import encoded
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes import postgres
from tests.fakes.server import PASSWORD, Site, running

R = TypeVar("R")

STORES = ("sqlite", "postgresql")
DOORS = ("local", "http")


@dataclass
class Person:
    """Somebody with an account, at work on a device."""

    name: str
    user_id: str
    session_id: str
    token: Secret
    client: ServerClient


@dataclass
class World:
    """One server on one store, asked through one door."""

    site: Site
    door: str
    settings: Settings
    people: dict[str, Person] = field(default_factory=dict)
    team_id: str = ""
    account: ProviderAccount = None  # type: ignore[assignment]
    device_id: str = field(default_factory=lambda: new_id("device"))
    count: int = 0

    async def begin(self) -> None:
        """A team with somebody of each kind."""
        if await self.here("runner", ShowRunnerKey()) is None:
            await self.here("runner", RegisterRunnerKey(public_key=encoded(bytes(range(32)))))
        ada = await self.person("Ada")
        self.people["admin"] = ada
        self.team_id = (await self.here("admin", CreateTeam(name="Crew", handle="crew"))).team_id
        for who, name, role in (("member", "Max", SystemRole.USER), ("reader", "Rita", SystemRole.READONLY)):
            self.people[who] = await self.person(name, code=await self.code())
            await self.sql(
                'UPDATE "user" SET role = :role WHERE user_id = :key', role=role, key=self.people[who].user_id
            )
        self.people["stranger"] = await self.person("Olaf", code=await self.code())
        await self.sql("DELETE FROM team_member WHERE user_id = :key", key=self.people["stranger"].user_id)
        self.account = await self.spare_account()

    # Asking

    async def ask(self, who: str, ask: Request[R], *, op_id: str = "") -> R:
        """The answer through this world's door; ``runner`` and ``nobody`` are somebody too."""
        return await (self.here if self.door == "local" or who == "runner" else self.there)(who, ask, op_id=op_id)

    async def here(self, who: str, ask: Request[R], *, op_id: str = "") -> R:
        """The answer of the dispatcher."""
        return await self.site.host.dispatcher.execute(await self.actor(who, op_id), ask)

    async def there(self, who: str, ask: Request[R], *, op_id: str = "") -> R:
        """The answer over HTTP."""
        if who in self.people:
            return await self.people[who].client.call(ask, op_id=op_id)
        if isinstance(ask, Beat):
            return await self._beat(ask)
        client = ServerClient(self.site.url, None, settings=self.settings)
        try:
            return await client.call(ask, op_id=op_id)
        finally:
            await client.close()

    async def _beat(self, ask: Beat) -> Any:
        """Agents are programs of their own, and know nothing of the rest."""
        token = {"Authorization": f"Bearer {ask.token.reveal()}"}
        async with httpx.AsyncClient(base_url=self.site.url, headers=token, trust_env=False) as http:
            answer = await http.post("/api/agents/heartbeat", json=to_plain({"heartbeat": ask.heartbeat}))
        if answer.is_success:
            return from_json(answer.content, BeatHeard)
        raise problem(Answer(status=answer.status_code, headers=answer.headers, body=answer.content), "host")

    async def actor(self, who: str, op_id: str = "") -> Actor:
        """Who that is at this moment, as the server makes it out."""
        if who == "runner":
            return replace(RUNNER, client=Client(op_id=op_id))
        client = Client(address="127.0.0.1", user_agent=USER_AGENT, op_id=op_id)
        if who not in self.people:
            return Actor(user_id="agent" if who.startswith("machina_") else "", display_name="", client=client)
        person = self.people[who]
        client = replace(client, session_id=person.session_id, is_device=True)
        read = self.site.host.database.read
        return await read(KEEPER, lambda tx: actor_of(tx, tx.get(User, person.user_id), client))

    async def sql(self, statement: str, **values: object) -> None:
        """Change the database behind the server's back."""
        await self.site.host.database.write(
            RUNNER, _anything, lambda tx: tx.connection.execute(sa.text(statement), values)
        )

    # What is asked about

    def fresh(self, begin: str = "n") -> str:
        """A name that nothing has yet."""
        self.count += 1
        return f"{begin}{self.count}"

    async def person(self, name: str, *, code: str = "") -> Person:
        """Somebody with a new account."""
        ask = Register(
            email=f"{name.lower()}@example.org",
            display_name=name,
            password=Secret(PASSWORD),
            code=Secret(code),
            kind=SessionKind.DEVICE,
        )
        given: SignedIn = await self.here("nobody", ask)
        await self.sql("DELETE FROM rate_limit")
        client = ServerClient(self.site.url, given.token, settings=self.settings)
        return Person(name, given.user.user_id, given.session_id, given.token, client)

    async def spare_person(self) -> str:
        """Who can be asked as; nobody needs them afterwards."""
        name = self.fresh("Spare")
        self.people[name] = await self.person(name, code=await self.code())
        return name

    async def code(self, role: TeamRole = TeamRole.MEMBER) -> str:
        """An invite's code."""
        return (await self.here("admin", CreateInvite(team_id=self.team_id, role=role))).code

    async def invite(self) -> str:
        """An invite's id."""
        return (await self.here("admin", CreateInvite(team_id=self.team_id))).invite_id

    async def spare_account(self) -> ProviderAccount:
        """A provider account without secrets."""
        ask = AddAccount(team_id=self.team_id, type=ProviderType.SANDBOX, label=self.fresh("account"))
        return await self.here("admin", ask)

    async def run(self, state: str = "queued") -> str:
        """A run that shall create a machine."""
        return (await self._made(state)).deployment_id

    async def machine(self, status: str = "running") -> str:
        """A machine in that state."""
        made = await self._made("succeeded")
        await self.sql(
            "UPDATE machine SET actual_status = :status WHERE machine_id = :key", status=status, key=made.machine_id
        )
        return made.machine_id

    async def _made(self, state: str, *, runs_on: str = "") -> CreateMachine:
        ask = CreateMachine(
            team_id=self.team_id,
            account_id=self.account.provider_account_id,
            name=self.fresh("machine"),
            runs_on=runs_on,
        )
        await self.here("admin", ask)
        await self.sql(
            "UPDATE deployment SET state = :state WHERE deployment_id = :key", state=state, key=ask.deployment_id
        )
        return ask

    async def own_run(self) -> str:
        """A run that the administrator's own computer shall carry out."""
        return (await self._made("queued", runs_on=self.device_id)).deployment_id

    def claim(self, deployment_id: str) -> ClaimDeployment:
        """How that computer takes it."""
        only = (deployment_id,)
        return ClaimDeployment(runner_id="runner-a", lease_s=600, only=only, device_id=self.device_id)

    async def held(self) -> tuple[str, int]:
        """A run that the administrator's own computer holds, and the fence."""
        deployment_id = await self.own_run()
        claim = await self.here("admin", self.claim(deployment_id))
        assert claim is not None
        return deployment_id, claim.fence

    async def spoken(self) -> str:
        """A run with a log."""
        deployment_id, fence = await self.held()
        lines = tuple(
            LogLine(at=now(), phase="plan", level=LogLevel.INFO, text=text) for text in ("one", "zwei ☃", "three")
        )
        await self.here("admin", AppendLog(deployment_id=deployment_id, fence=fence, lines=lines))
        return deployment_id

    async def agent(self) -> tuple[str, str]:
        """A machine and the token of its agent."""
        machine_id = await self.machine()
        return machine_id, (await self.here("admin", IssueAgentToken(machine_id=machine_id))).token

    async def key(self) -> str:
        """A key pair's id."""
        return (await self.here("admin", GenerateKey(team_id=self.team_id, name=self.fresh("key")))).ssh_key_id

    async def spare_team(self) -> str:
        """A team that is not needed."""
        return (await self.here("admin", CreateTeam(name="Spare", handle=self.fresh("spare")))).team_id

    async def place(self, team_id: str = "") -> str:
        """The place of somebody in the team, whom nobody needs."""
        name, at = self.fresh("Guest"), now()
        user = User(user_id=new_id("user"), email=f"{name}@example.org", display_name=name, created_at=at)
        place = TeamMember(
            team_member_id=new_id("member"),
            team_id=team_id or self.team_id,
            user_id=user.user_id,
            role=TeamRole.MEMBER,
            joined_at=at,
        )
        await self.site.host.database.write(RUNNER, _anything, lambda tx: [tx.add(row) for row in (user, place)])
        return place.team_member_id

    async def grant(self) -> str:
        """A grant's id."""
        ask = AddGrant(team_id=self.team_id, member_id=await self.place(), access=Access.VIEWER)
        return (await self.here("admin", ask)).grant_id


def _anything(_team_id: str, _tags: object = None) -> None:
    pass


@asynccontextmanager
async def world(home: Path, store: str, door: str) -> AsyncIterator[World]:
    """A world that has begun."""
    variables = {}
    if store == "postgresql":
        variables["DATABASE_URL"] = postgres.server().url(postgres.database_of(home / "machina.db")).reveal()
    async with running(home, variables=variables) as site:
        made = World(site, door, Settings(home / "settings.json"))
        try:
            await made.begin()
            yield made
        finally:
            for person in made.people.values():
                await person.client.close()


# What differs from world to world, and what stands for it when two are compared.
_RANDOM = (
    (re.compile(r"\b([a-z_]+)-0[0-9a-hjkmnp-tv-z]{25}\b"), "id"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)"), "time"),
    (re.compile(r"SHA256:[A-Za-z0-9+/]{43}"), "fingerprint"),
    (re.compile(r"(ssh-ed25519) [A-Za-z0-9+/=]+"), "key"),
    (re.compile(r"\b[0-9a-f]{32,64}\b"), "hex"),
    (re.compile(r"\bmachina_[a-z_]*[A-Za-z0-9_-]{43}"), "token"),
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"), "public key"),
    (re.compile(r"\b[0-9a-hjkmnp-tv-z]{5}(-[0-9a-hjkmnp-tv-z]{5}){3}-[0-9a-hjkmnp-tv-z]{6}\b"), "code"),
)


class Likeness:
    """An answer without what is another one each time: the same id has the same number wherever it stands in it."""

    def __init__(self) -> None:
        self._numbers: dict[str, str] = {}

    def of(self, value: object) -> object:
        """The likeness of a value, types included."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return type(value).__name__, {each.name: self.of(getattr(value, each.name)) for each in fields_of(value)}
        if isinstance(value, Mapping):
            return {self.of(name): self.of(each) for name, each in value.items()}
        if isinstance(value, tuple | list):
            return type(value).__name__, [self.of(each) for each in value]
        if isinstance(value, datetime):
            return "datetime", str(value.tzinfo)
        if isinstance(value, Enum):
            return type(value).__name__, value.value
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text: str) -> str:
        for form, name in _RANDOM:
            text = form.sub(lambda match, name=name: self._number(name, match), text)  # type: ignore[misc]
        return text

    def _number(self, name: str, match: re.Match[str]) -> str:
        if name == "time":
            return "<time>"
        kind = f"{name} {match[1]}" if name in {"id", "key"} else name
        return self._numbers.setdefault(match[0], f"<{kind} {len(self._numbers)}>")


def fields_of(value: object) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(cast("Any", value))
