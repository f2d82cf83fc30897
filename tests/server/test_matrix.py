"""Every operation, asked by everybody: nobody gets further than the table of roles lets them (trust.md T30)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio

from machina_desktop.core.codec import from_json
from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.domain.team import Actor, SystemRole, TeamRole, is_granted
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.routes import path_fields
from machina_desktop.core.services.use_case import UseCase
from machina_desktop.core.ssh.keys import generate
from machina_desktop.server.routes import answer_of, served, success_of
from tests.fakes.server import PASSWORD, Site, Visitor, settled

PERSONAS = ("anonymous", "outsider", "removed", "readonly", "member", "admin")
ROLES = {
    "outsider": (SystemRole.USER, None),
    "removed": (SystemRole.USER, None),
    "readonly": (SystemRole.READONLY, TeamRole.MEMBER),
    "member": (SystemRole.USER, TeamRole.MEMBER),
    "admin": (SystemRole.ADMIN, TeamRole.ADMIN),
}


@dataclass
class World:
    """A team with one of everything, and somebody of each kind."""

    site: Site
    people: dict[str, Visitor]
    account_id: str
    count: int = 0
    emails: list[str] = field(default_factory=list)

    @property
    def team_id(self) -> str:
        return self.site.team_id

    def fresh(self) -> str:
        """A name nobody has used."""
        self.count += 1
        return f"n{self.count}"

    async def machine(self, status: str = "running") -> str:
        machine_id, _ = await self.site.machine(self.fresh(), self.account_id)
        self.site.sql("UPDATE deployment SET state = 'succeeded' WHERE machine_id = ?", machine_id)
        self.site.sql("UPDATE machine SET actual_status = ? WHERE machine_id = ?", status, machine_id)
        return machine_id

    async def agent(self) -> str:
        """A machine whose agent has a token."""
        machine_id = await self.machine()
        await self.site.admin.post(f"/api/machines/{machine_id}/agent-token")
        return machine_id

    async def run(self, state: str = "queued") -> str:
        _, deployment_id = await self.site.machine(self.fresh(), self.account_id)
        self.site.sql("UPDATE deployment SET state = ? WHERE deployment_id = ?", state, deployment_id)
        return deployment_id

    async def key(self) -> str:
        made = await self.site.admin.post("/api/ssh/keys/generate", team_id=self.team_id, name=self.fresh())
        return str(made["ssh_key_id"])

    async def place(self) -> str:
        """A member nobody needs."""
        name = self.fresh()
        self.site.sql(
            "INSERT INTO user SELECT ?, ?, ?, NULL, 'user', created_at, NULL FROM user LIMIT 1", name, name, name
        )
        member_id = new_id("member")
        self.site.sql(
            "INSERT INTO team_member SELECT ?, ?, ?, 'member', created_at, NULL FROM user LIMIT 1",
            member_id,
            self.team_id,
            name,
        )
        return member_id

    async def grant(self) -> str:
        path = f"/api/teams/{self.team_id}/members/{await self.place()}/grants"
        return str((await self.site.admin.post(path, access="viewer"))["grant_id"])

    async def snippet(self) -> str:
        made = await self.site.admin.post("/api/snippets", team_id=self.team_id, name=self.fresh(), text="uptime")
        return str(made["snippet_id"])

    async def rule(self) -> str:
        made = await self.site.admin.post("/api/recording-rules", team_id=self.team_id, tag=self.fresh())
        return str(made["rule_id"])

    async def firewall(self) -> str:
        made = await self.site.admin.post(
            "/api/bootstrap/firewall-profiles", team_id=self.team_id, name=self.fresh(), template="web"
        )
        return str(made["profile_id"])

    async def cloud_machine(self) -> str:
        """A machine whose provider has sizes, images and a rescue system."""
        machine_id = await self.machine()
        made = "provider = 'hetzner', image = 'debian-12', provider_resource_id = '42'"
        self.site.sql(f"UPDATE machine SET {made} WHERE machine_id = ?", machine_id)
        return machine_id

    async def invite(self) -> str:
        return str((await self.site.admin.post(f"/api/teams/{self.team_id}/invites"))["invite_id"])


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with settled(tmp_path_factory.mktemp("site") / "home") as site:
        readonly = await site.member("Rita")
        people = {
            "anonymous": site.visitor(),
            "readonly": readonly,
            "member": await site.member("Max"),
            "admin": site.admin,
            "outsider": (await site.outsider("Olaf"))[0],
            "removed": await removed(site),
        }
        site.sql("UPDATE user SET role = 'readonly' WHERE user_id = ?", readonly.user_id)
        yield World(site, people, await site.account())


async def removed(site: Site) -> Visitor:
    """Somebody who was in the team until just now, and is still signed in for a team of their own."""
    made, _ = await site.outsider("Rosa")
    await made.post("/api/teams/join", code=await site.code())
    members = await site.admin.get(f"/api/teams/{site.team_id}/members")
    [place] = [each["member"] for each in members if each["user"]["user_id"] == made.user_id]
    gone = await site.admin.http.delete(f"/api/teams/{site.team_id}/members/{place['team_member_id']}")
    assert gone.status_code == 200, gone.text
    return made


Fields = Callable[[World, str], Awaitable[dict[str, Any]]]


def of(**makers: Callable[[World], Awaitable[str]] | object) -> Fields:
    """Fields by name; what is callable makes its value."""

    async def fields(world: World, _persona: str) -> dict[str, Any]:
        return {
            name: await maker(world) if callable(maker) else maker  # type: ignore[misc]
            for name, maker in makers.items()
        }

    return fields


async def team(world: World) -> str:
    return world.team_id


async def name(world: World) -> str:
    return world.fresh()


async def account(world: World) -> str:
    return world.account_id


async def event(world: World) -> str:
    return str(world.site.sql("SELECT audit_event_id FROM audit_event WHERE team_id = ?", world.team_id)[0][0])


async def public_key(_world: World) -> str:
    return generate(SSHKeyType.ED25519, 0, "x").public_line


async def spare_account(world: World) -> str:
    return await world.site.account(world.fresh())


async def awaiting(world: World) -> str:
    return await world.run("awaiting_approval")


async def own_session(world: World, persona: str) -> dict[str, Any]:
    return {"session_id": world.people[persona].session_id or "session-of-nobody"}


async def spare_team(world: World) -> str:
    """A team like the first, for what ends it or one's place in it."""
    made = await world.site.admin.post("/api/teams", name="Spare", handle=world.fresh() + "-spare")
    for persona in ("readonly", "member"):
        member = (new_id("member"), made["team_id"], world.people[persona].user_id)
        world.site.sql("INSERT INTO team_member SELECT ?, ?, ?, 'member', created_at, NULL FROM user LIMIT 1", *member)
    world.site.sql(
        "INSERT INTO team_member SELECT ?, ?, ?, 'admin', created_at, NULL FROM user LIMIT 1",
        new_id("member"),
        made["team_id"],
        world.people["outsider"].user_id + "-nobody",
    )
    return str(made["team_id"])


async def coming_team(_world: World) -> str:
    return new_id("team")


NUMBERS = {"epoch": "", "change_seq": 0, "audit_seq": 0, "audit_digest": ""}


def machine_in(status: str) -> Callable[[World], Awaitable[str]]:
    async def made(world: World) -> str:
        return await world.machine(status)

    return made


ASK: dict[str, Fields] = {
    "account.register": of(email="x", display_name="x", password=PASSWORD),
    "account.login": of(email="ada@example.org", password="wrong"),
    "account.change_password": of(current="wrong", new=PASSWORD + "!"),
    "session.list": of(),
    "session.rotate": of(),
    "session.revoke": own_session,
    "session.logout": of(),
    "user.me": of(),
    "user.update": of(display_name="Somebody"),
    "team.list": of(),
    "team.create": of(name="New", handle=name),
    "team.get": of(team_id=team),
    "team.update": of(team_id=team, name="Crew"),
    "team.delete": of(team_id=spare_team),
    "team.leave": of(team_id=spare_team),
    "team.join": of(code="0" * 26),
    "member.list": of(team_id=team),
    "member.get": of(team_id=team, member_id=World.place),
    "member.update": of(team_id=team, member_id=World.place, role="admin"),
    "member.exposure": of(team_id=team, member_id=World.place),
    "member.remove": of(team_id=team, member_id=World.place),
    "grant.add": of(team_id=team, member_id=World.place, access="viewer"),
    "grant.remove": of(team_id=team, grant_id=World.grant),
    "invite.list": of(team_id=team),
    "invite.create": of(team_id=team),
    "invite.revoke": of(team_id=team, invite_id=World.invite),
    "machine.list": of(team_id=team),
    "machine.create": of(team_id=team, account_id=account, name=name),
    "machine.copy": of(machine_id=World.machine, name=name),
    "machine.get": of(machine_id=World.machine),
    "machine.console": of(machine_id=World.cloud_machine),
    "machine.update": of(machine_id=World.machine, notes="x"),
    "machine.pin_host_key": of(machine_id=World.machine, host_key="SHA256:" + "A" * 43),
    "machine.reboot": of(machine_id=World.machine),
    "machine.start": of(machine_id=machine_in("stopped")),
    "machine.stop": of(machine_id=World.machine),
    "machine.destroy": of(machine_id=World.machine),
    "machine.refresh": of(machine_id=World.machine),
    "machine.retry": of(machine_id=machine_in("error")),
    "machine.resize": of(machine_id=World.cloud_machine, size="cx32"),
    "machine.rebuild": of(machine_id=World.cloud_machine),
    "machine.snapshot": of(machine_id=World.cloud_machine),
    "machine.rescue": of(machine_id=World.cloud_machine),
    "machine.set_firewall": of(machine_id=World.cloud_machine, profile_id=World.firewall),
    "machine.instances": of(team_id=team),
    "machine.import": of(team_id=team, account_id=account, resource_id="7", name=name),
    "agent.issue_token": of(machine_id=World.machine),
    "agent.revoke_token": of(machine_id=World.agent),
    "agent.beat": of(heartbeat={"boot_id": "0" * 8, "seq": 1, "sent_at": "2026-01-01T00:00:00Z"}),
    "deployment.list": of(team_id=team),
    "deployment.get": of(deployment_id=World.run),
    "deployment.read_log": of(deployment_id=World.run),
    "deployment.approve": of(deployment_id=awaiting),
    "deployment.cancel": of(deployment_id=World.run),
    "provider.list": of(),
    "provider_account.list": of(team_id=team),
    "provider_account.add": of(team_id=team, type="sandbox", label=name),
    "provider_account.update": of(account_id=account, colour="teal"),
    "provider_account.forget_plugins": of(account_id=account),
    "provider_account.verify": of(account_id=account),
    "provider_account.catalogue": of(account_id=account, type="sandbox"),
    "provider_account.replace_credentials": of(account_id=account, fields={"api_token": "x"}),
    "provider_account.compare": of(team_id=team, account_id=account, size="none-such"),
    "provider_account.delete": of(account_id=spare_account),
    "ssh_key.list": of(team_id=team),
    "ssh_key.get": of(key_id=World.key),
    "ssh_key.generate": of(team_id=team, name=name),
    "ssh_key.import": of(team_id=team, name=name, public_key=public_key),
    "ssh_key.sync": of(key_id=World.key, account_id=account),
    "ssh_key.unsync": of(key_id=World.key, account_id=account),
    "ssh_key.delete": of(key_id=World.key),
    "firewall_profile.list": of(team_id=team),
    "firewall_profile.get": of(profile_id=World.firewall),
    "firewall_profile.users": of(profile_id=World.firewall),
    "firewall_profile.templates": of(),
    "firewall_profile.create": of(team_id=team, name=name, template="ssh"),
    "firewall_profile.update": of(profile_id=World.firewall, name=name),
    "firewall_profile.delete": of(profile_id=World.firewall),
    "snippet.list": of(team_id=team),
    "snippet.create": of(team_id=team, name=name, text="uptime"),
    "snippet.update": of(snippet_id=World.snippet, text="w"),
    "snippet.delete": of(snippet_id=World.snippet),
    "recording_rule.list": of(team_id=team),
    "recording_rule.add": of(team_id=team, tag=name),
    "recording_rule.remove": of(rule_id=World.rule),
    "server.describe": of(),
    "audit.list": of(team_id=team),
    "audit.get": of(audit_event_id=event),
    "audit.export": of(team_id=team),
    "audit.verify": of(team_id=team),
    "runner.show_key": of(team_id=team),
    "sync.pull": of(team_id=team),
    "sync.snapshot": of(team_id=team),
    "team.read_import": of(team_id=coming_team),
    "team.import_part": of(team_id=coming_team, number=0, part={}),
    "team.drop_import": of(team_id=coming_team),
    "team.import": of(team_id=coming_team, parts=1, digest="", numbers=NUMBERS, device_id=new_id("device")),
    "team.export": of(team_id=team),
    "team.release": of(team_id=spare_team, change_seq=0, audit_seq=0),
    "team.departure": of(team_id=coming_team, audit_seq=0),
}

# Concern the person who asks and nobody's team.
OF_ONESELF = {
    "account.register",
    "account.login",
    "server.describe",
    "account.change_password",
    "session.list",
    "session.rotate",
    "session.revoke",
    "session.logout",
    "user.me",
    "user.update",
    "team.list",
    "team.create",
    "team.join",
    "team.read_import",
    "team.import_part",
    "team.drop_import",
    "team.import",
    "team.departure",
    "provider.list",
    "firewall_profile.templates",
}

# What is refused although the role allows it, or answered although there is nobody: with which status and why.
EXCEPTIONS = {
    ("account.register", "*"): (403, 422),  # by invitation only, and x is no address
    ("server.describe", "anonymous"): (200,),  # whoever wants to sign in asks first
    ("account.login", "*"): (401,),  # the password is wrong
    ("account.change_password", "*"): (422,),
    ("agent.beat", "*"): (401,),  # no person is an agent
    ("team.join", "outsider"): (422,),  # the code is wrong
    ("team.join", "removed"): (422,),
    ("team.join", "member"): (422,),
    ("team.join", "admin"): (422,),
    ("team.import", "outsider"): (409,),  # nothing was sent
    ("team.import", "removed"): (409,),
    ("team.import", "member"): (409,),
    ("team.import", "admin"): (409,),
    ("team.release", "admin"): (409,),  # the team has moved on
    ("team.departure", "*"): (404,),
    ("machine.import", "member"): (404,),  # nothing of that id is there
    ("machine.import", "admin"): (404,),
    ("provider_account.replace_credentials", "member"): (422,),  # accounts for practice have no such field
    ("provider_account.replace_credentials", "admin"): (422,),
    ("provider_account.compare", "*"): (404,),  # no size of that name is offered
    ("ssh_key.sync", "member"): (422,),  # accounts for practice hold no keys
    ("ssh_key.sync", "admin"): (422,),
}


async def ask(world: World, case: UseCase, persona: str) -> httpx.Response:
    fields = await ASK[case.action](world, persona)
    path = case.path.format(**{each: fields.pop(each) for each in path_fields(case)})
    http = world.people[persona].http
    if case.method in {"GET", "DELETE"}:
        return await http.request(case.method, path, params=fields)
    return await http.request(case.method, path, json=fields)


def expected(case: UseCase, persona: str) -> tuple[int, ...]:
    """The only statuses that are right."""
    named = EXCEPTIONS.get((case.action, persona)) or EXCEPTIONS.get((case.action, "*"))
    if named and (persona != "anonymous" or case.is_public):
        return named
    if persona == "anonymous":
        return (401,)
    system, role = ROLES[persona]
    team_id = "" if case.action in OF_ONESELF else "team"
    actor = Actor(user_id="somebody", display_name="", system_role=system, team_roles=(("team", role),) if role else ())
    if team_id and role is None:
        return (404,)
    is_allowed = is_granted(actor, case.action, team_id, is_read=case.is_read)
    return (success_of(case),) if is_allowed else (403,)


@pytest.mark.parametrize("persona", PERSONAS)
async def test_nobody_gets_further_than_their_role_and_answers_have_their_shape(world: World, persona: str) -> None:
    wrong = []
    for case in served():
        answer = await ask(world, case, persona)
        if answer.status_code not in expected(case, persona):
            wrong.append(f"{case.action}: {answer.status_code} {answer.text[:120]}, not {expected(case, persona)}")
        elif answer.status_code == success_of(case) != 204:
            from_json(answer.content, answer_of(case))  # type: ignore[arg-type]
        if answer.is_success and case.action in {"session.logout", "session.revoke", "session.rotate"}:
            await sign_in(world.people[persona], world)
    assert not wrong, "\n".join(wrong)


async def sign_in(visitor: Visitor, world: World) -> None:
    """Once more: the session has ended, or its token was replaced. How often that may be is not what is tested."""
    world.site.sql("DELETE FROM rate_limit")
    fields = {"email": f"{visitor.name.lower()}@example.org", "password": PASSWORD, "kind": "device"}
    given = await world.site.visitor().post("/api/auth/login", **fields)
    visitor.http.headers["Authorization"] = f"Bearer {given['token']}"
    visitor.session_id = given["session_id"]


@pytest.mark.asyncio(loop_scope="module")
async def test_the_table_names_every_operation() -> None:
    assert ASK.keys() == {case.action for case in served()}
