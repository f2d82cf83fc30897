"""A machine's agent is heard, and reaches nothing that is none of its business (trust.md T43, T44, F31, F32, G05)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from machina_desktop.core.domain.machine import AgentStatus
from machina_desktop.core.workers.heartbeats import BeatTimes
from machina_desktop.server.routes import served
from tests.fakes.hosts import contents, until
from tests.fakes.server import Site, running, settled

PATH = "/api/agents/heartbeat"
QUICK = BeatTimes(gather_s=0.01, silent_s=2.0, sweep_s=0.1)


@dataclass
class Machine:
    """A machine with an agent that has a token."""

    site: Site
    machine_id: str
    token: str = field(repr=False)
    boot_id: str = field(default_factory=lambda: str(uuid4()))
    seq: int = 0

    async def beat(self, boot_id: str = "", seq: int = 0, **fields: Any) -> httpx.Response:
        """Send a heartbeat: the next one, or that one."""
        self.seq = seq or self.seq + 1
        beat = {"boot_id": boot_id or self.boot_id, "seq": self.seq, "sent_at": "2026-01-31T12:00:00Z", **fields}
        return await self.site.visitor(self.token).http.post(PATH, json={"heartbeat": beat})

    async def heard(self, boot_id: str = "", seq: int = 0) -> None:
        answer = await self.beat(boot_id, seq)
        assert answer.status_code == 200, answer.text

    async def refused(self, code: str, boot_id: str = "", seq: int = 0) -> None:
        answer = await self.beat(boot_id, seq)
        assert answer.json()["code"] == code

    async def status(self) -> str:
        return str((await self.site.admin.get(f"/api/machines/{self.machine_id}"))["agent_status"])

    async def is_listed_as(self, status: AgentStatus) -> None:
        async def is_so() -> bool:
            return await self.status() == status

        await until(is_so, what=f"the agent's being {status}")

    async def new_token(self) -> None:
        self.token = (await self.site.admin.post(f"/api/machines/{self.machine_id}/agent-token"))["token"]


async def machine_at(site: Site, name: str) -> Machine:
    machine_id, _ = await site.machine(name, await site.account(name))
    made = Machine(site, machine_id, "")
    await made.new_token()
    return made


@pytest.fixture
async def machine(tmp_path: Path) -> AsyncIterator[Machine]:
    async with settled(tmp_path / "home") as site:
        yield await machine_at(site, "web")


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Machine]:
    """At a server that soon misses an agent."""
    async with settled(tmp_path / "home", beat_times=QUICK) as site:
        yield await machine_at(site, "web")


def events(site: Site) -> list[tuple[Any, ...]]:
    return site.sql("SELECT action, target, outcome, detail, actor_id FROM audit_event ORDER BY seq")


async def test_a_heartbeat_is_stored_when_it_is_answered(machine: Machine) -> None:
    answer = await machine.beat(load=[0.5, 0.4, 0.3], memory_bytes=1 << 32)
    assert answer.status_code == 200
    assert answer.json()["interval_s"] == 10
    [(stored, seen)] = machine.site.sql("SELECT heartbeat, last_seen_at FROM agent")
    assert (json.loads(stored)["seq"], json.loads(stored)["memory_bytes"]) == (1, 1 << 32)
    # By the server's clock, whatever the machine's says (F20).
    assert not seen.startswith("2026-01-31T12:00:00")


async def test_only_the_hash_of_a_token_is_stored(machine: Machine) -> None:
    await machine.heard()
    assert len(machine.token) - len("machina_agent_") == 43
    assert not [path for path, data in contents(machine.site.paths.home) if machine.token.encode() in data]


async def test_the_feed_hears_of_an_agent_only_when_it_comes_and_goes(watched: Machine) -> None:
    def changes() -> int:
        found = watched.site.sql("SELECT count(*) FROM change WHERE entity = 'machine'")
        return int(found[0][0])

    await watched.heard()
    await watched.is_listed_as(AgentStatus.ONLINE)
    before = changes()
    for _ in range(20):
        await watched.heard()
    assert changes() == before
    await watched.is_listed_as(AgentStatus.OFFLINE)
    assert changes() == before + 1
    await watched.heard()
    await watched.is_listed_as(AgentStatus.ONLINE)


async def test_heartbeats_of_many_machines_are_stored_together(tmp_path: Path) -> None:
    async with settled(tmp_path / "home", beat_times=BeatTimes(gather_s=0.3)) as site:
        machines = [await machine_at(site, f"m{number}") for number in range(8)]
        writes = 0
        write = site.host.database.write

        async def counting(actor: Any, *rest: Any, **more: Any) -> Any:
            nonlocal writes
            writes += actor.user_id == "agents"
            return await write(actor, *rest, **more)

        site.host.database.write = counting  # type: ignore[method-assign]
        await machines[0].heard()
        before = writes
        await asyncio.gather(*(machine.heard() for machine in machines))
        # One transaction stores them, and one says that they are online now; a second of each for who came late.
        await asyncio.gather(*(machine.is_listed_as(AgentStatus.ONLINE) for machine in machines))
        assert writes - before <= 4


async def test_what_was_heard_before_is_refused(machine: Machine) -> None:
    await machine.heard(seq=5)
    await machine.refused("E-BEAT-OLD", seq=5)
    await machine.refused("E-BEAT-OLD", seq=4)
    await machine.heard(seq=9)


async def test_a_machine_that_boots_begins_to_count_anew(machine: Machine) -> None:
    for _ in range(3):
        machine.boot_id = str(uuid4())
        await machine.heard(seq=1)
        await machine.heard(seq=2)


async def test_two_machines_with_one_token_are_both_silenced_until_an_administrator_decides(machine: Machine) -> None:
    member = await machine.site.member("Max")
    first, second = str(uuid4()), str(uuid4())
    await machine.heard(first, 1)
    await machine.heard(second, 1)
    await machine.refused("E-AGENT-SUSPECTED", first, 2)
    await machine.is_listed_as(AgentStatus.ERROR)
    await machine.refused("E-AGENT-SUSPECTED", second, 2)
    await machine.refused("E-AGENT-SUSPECTED", first, 3)
    [found] = [each for each in events(machine.site) if each[0] == "agent.suspect"]
    assert found[:3] == ("agent.suspect", f"agent:{machine.machine_id}", "succeeded")
    path = f"/api/machines/{machine.machine_id}/agent-token"
    assert (await member.http.post(path)).json()["code"] == "E-AGENT-SUSPECTED"
    # Revoking it first is no way around.
    assert (await member.http.delete(path)).status_code == 204
    assert (await member.http.post(path)).status_code == 403
    await machine.new_token()
    await machine.heard(second, 3)
    await machine.is_listed_as(AgentStatus.ONLINE)


async def test_a_late_repetition_from_before_a_boot_makes_nobody_suspect(machine: Machine) -> None:
    first, second = str(uuid4()), str(uuid4())
    await machine.heard(first, 7)
    await machine.heard(second, 1)
    await machine.refused("E-BEAT-OLD", first, 7)
    await machine.heard(second, 2)


async def test_a_new_token_ends_the_former_and_a_revoked_one_ends_at_once(machine: Machine) -> None:
    await machine.heard()
    former = machine.token
    await machine.new_token()
    new, machine.token = machine.token, former
    await machine.refused("E-AGENT")
    machine.token = new
    await machine.heard()
    path = f"/api/machines/{machine.machine_id}/agent-token"
    assert (await machine.site.admin.http.delete(path)).status_code == 204
    await machine.refused("E-AGENT")
    assert await machine.status() == "not_installed"
    assert (await machine.site.admin.http.delete(path)).status_code == 404


async def test_a_destroyed_machine_is_heard_no_more(machine: Machine) -> None:
    await machine.heard()
    machine.site.sql("UPDATE machine SET actual_status = 'terminated'")
    await machine.refused("E-AGENT")
    path = f"/api/machines/{machine.machine_id}/agent-token"
    assert (await machine.site.admin.http.post(path)).json()["code"] == "E-MACHINE-GONE"


async def test_an_agents_token_opens_nothing_else_and_the_team_reads_of_it(machine: Machine) -> None:
    agent = machine.site.visitor(machine.token)
    wrong = []
    for case in served():
        if case.is_public or case.is_by_agent:
            continue
        path = case.path.format_map(_Anything(machine_id=machine.machine_id, team_id=machine.site.team_id))
        answer = await agent.http.request(case.method, path)
        if (answer.status_code, answer.json()["code"]) != (403, "E-AGENT-STRAY"):
            wrong.append(f"{case.action}: {answer.status_code} {answer.text}")
    assert not wrong, wrong
    assert (await agent.http.get("/api/sync/hints")).status_code == 403
    stray = [each for each in events(machine.site) if each[3] == "E-AGENT-STRAY"]
    # A flood of them tells no more than some do.
    assert 0 < len(stray) <= 10
    assert {each[1:3] for each in stray} == {(f"agent:{machine.machine_id}", "refused")}
    assert {each[4] for each in stray} == {machine.machine_id}
    cookies = {"Cookie": f"__Host-machina={machine.token}"}
    assert (await machine.site.visitor("", **cookies).http.get("/api/teams")).status_code == 401


class _Anything(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "x"


async def test_no_person_is_heard_as_an_agent(machine: Machine) -> None:
    beat = {"boot_id": machine.boot_id, "seq": 1, "sent_at": "2026-01-31T12:00:00Z"}
    for visitor in (machine.site.visitor(), machine.site.admin, machine.site.visitor("machina_agent_" + "x" * 43)):
        answer = await visitor.http.post(PATH, json={"heartbeat": beat})
        assert answer.status_code == 401, answer.text
    # Nor can a token be given where it would be logged or guessed at.
    answer = await machine.site.visitor(machine.token).http.post(PATH, json={"heartbeat": beat, "token": machine.token})
    assert answer.json()["code"] == "E-UNKNOWN-FIELD"


WRONG: list[dict[str, Any]] = [
    {"boot_id": "x"},
    {"boot_id": "../../etc"},
    {"seq": 0},
    {"seq": -1},
    {"seq": 1 << 60},
    {"seq": 1.5},
    {"seq": "1"},
    {"sent_at": "yesterday"},
    {"sent_at": "2026-01-31T12:00:00"},
    {"uptime_s": -1},
    {"memory_bytes": 10**30},
    {"load": [1, 2]},
    {"load": [1, 2, -3]},
    {"load": [1, 2, 1e300]},
    {"load": "high"},
    {"version": "<b>1</b>"},
    {"version": "\x1b[31m"},
    {"version": "1" * 100},
]


async def test_what_is_no_heartbeat_is_refused_and_changes_nothing(machine: Machine) -> None:
    for wrong in WRONG:
        answer = await _sent(machine, wrong)
        assert 400 <= answer.status_code < 500, (wrong, answer.text)
    assert machine.site.sql("SELECT last_seen_at FROM agent") == [(None,)]


async def _sent(machine: Machine, wrong: dict[str, Any]) -> httpx.Response:
    beat = {"boot_id": machine.boot_id, "seq": 1, "sent_at": "2026-01-31T12:00:00Z", **wrong}
    return await machine.site.visitor(machine.token).http.post(PATH, json={"heartbeat": beat})


async def test_what_a_newer_agent_says_besides_is_left_out(machine: Machine) -> None:
    answer = await machine.beat(colour="red")
    assert answer.status_code == 200
    assert "red" not in str(machine.site.sql("SELECT * FROM agent"))


async def test_what_is_no_number_or_too_long_is_refused(machine: Machine) -> None:
    agent = machine.site.visitor(machine.token).http
    kind = {"Content-Type": "application/json"}
    for body in (b'{"heartbeat": {"load": [NaN, 1, 1]}}', b'{"heartbeat": {"load": [Infinity, 1, 1]}}', b"[" * 10_000):
        assert (await agent.post(PATH, content=body, headers=kind)).status_code in {400, 422}
    long = b'{"heartbeat": {"version": "' + b"x" * (65 << 10) + b'"}}'
    assert (await agent.post(PATH, content=long, headers=kind)).status_code == 413
    # Others may say more at once.
    admin = machine.site.admin.http
    assert (await admin.post("/api/teams", content=long, headers=kind)).status_code != 413


async def test_a_flood_of_one_agent_is_turned_away_and_others_are_heard(tmp_path: Path) -> None:
    async with settled(tmp_path / "home", beat_times=BeatTimes(gather_s=0.3)) as site:
        loud, quiet = await machine_at(site, "loud"), await machine_at(site, "quiet")
        await quiet.heard()
        answers = await asyncio.gather(*(loud.beat(seq=number) for number in range(1, 40)), quiet.beat())
        assert answers[-1].status_code == 200
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 30
        assert {answer.headers["retry-after"] for answer in refused} == {"1"}


async def test_a_server_that_was_away_itself_takes_nobody_for_silent(tmp_path: Path) -> None:
    """F20: nobody is blamed for a pause of the server's own, nor for its start."""
    async with settled(tmp_path / "home", beat_times=QUICK) as site:
        machine = await machine_at(site, "web")
        await machine.heard()
        await machine.is_listed_as(AgentStatus.ONLINE)
    times = BeatTimes(gather_s=0.01, silent_s=30, sweep_s=0.05)
    async with running(tmp_path / "home", beat_times=times) as site:
        site.sql("UPDATE agent SET last_seen_at = '2020-01-01T00:00:00.000000Z'")
        sweeps = 0
        read = site.host.database.read

        async def counting(actor: Any, *rest: Any) -> Any:
            nonlocal sweeps
            sweeps += actor.user_id == "agents"
            return await read(actor, *rest)

        site.host.database.read = counting  # type: ignore[method-assign]
        await until(lambda: sweeps > 4, what="the fifth sweep")
        assert site.sql("SELECT agent_status FROM machine") == [("online",)]
