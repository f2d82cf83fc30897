"""Servers are killed, databases restart and clocks jump: nothing acknowledged is lost, nothing is done twice or half.

Rows F17, F19 and F20 of trust.md.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from httpx_sse import aconnect_sse

from machina_desktop.core import ids
from machina_desktop.core.services import authentication, machines
from machina_desktop.core.store import feed, sql_transaction
from tests.fakes import postgres
from tests.fakes.hosts import store_at, until
from tests.fakes.ports import free_port
from tests.fakes.server import Site, running, settled
from tests.server.test_process import Prepared, process

KILLS, READERS, LINES = 3, 6, 30


# The server dies in mid-stream: row F17


@dataclass
class Reader:
    """Follows a log and comes back whenever it is cut off, with the number of the last event it got."""

    url: str
    path: str
    headers: dict[str, str]
    lines: list[str] = field(default_factory=list)
    last: str = ""
    cuts: int = 0

    async def read(self, until_line: str) -> None:
        async with httpx.AsyncClient(headers=self.headers, timeout=10, trust_env=False) as http:
            while until_line not in self.lines:
                try:
                    await self._follow(http, until_line)
                except httpx.TransportError:
                    self.cuts += 1
                    await asyncio.sleep(random.uniform(0.05, 0.2))

    async def _follow(self, http: httpx.AsyncClient, until_line: str) -> None:
        headers = {"Last-Event-ID": self.last} if self.last else {}
        async with aconnect_sse(
            http, "GET", self.url + self.path, params={"stream": "true"}, headers=headers
        ) as source:
            async for event in source.aiter_sse():
                if event.event == "log":
                    self.lines += [line["text"] for line in json.loads(event.data)["lines"]]
                    self.last = event.id
                    if until_line in self.lines:
                        return


def test_readers_of_a_server_that_is_killed_again_and_again_lose_and_double_nothing(tmp_path: Path) -> None:
    prepared = asyncio.run(_prepare(tmp_path / "home"))
    said = [f"line {number}" for number in range(KILLS * LINES)]
    port = free_port()
    readers = [Reader(f"http://localhost:{port}", prepared.path, prepared.headers) for _ in range(READERS)]

    all_read = threading.Event()

    def kill_and_say() -> None:
        for round_ in range(KILLS):
            with process(prepared.home, PORT=str(port)) as server:
                for number in range(0, LINES, 10):
                    at = round_ * LINES + number
                    prepared.say(*said[at : at + 10])
                if round_ < KILLS - 1:
                    server.end(signal.SIGKILL)
                else:
                    all_read.wait()

    async def follow() -> None:
        killing = asyncio.create_task(asyncio.to_thread(kill_and_say))
        try:
            async with asyncio.timeout(100):
                await asyncio.gather(*(reader.read(said[-1]) for reader in readers))
        finally:
            all_read.set()
            await killing

    asyncio.run(follow())
    for reader in readers:
        assert reader.lines == said


async def _prepare(home: Path) -> Prepared:
    async with settled(home) as site:
        _, deployment_id = await site.machine("web", await site.account())
        await site.claim(deployment_id)
        return Prepared(home, site.admin.token, site.team_id, deployment_id)


# PostgreSQL goes under load: row F19


async def test_while_postgresql_restarts_requests_say_when_to_come_back_and_nothing_is_half_done(
    tmp_path: Path,
) -> None:
    with postgres.in_use():
        url = postgres.server().url(postgres.database_of(tmp_path / "machina.db")).reveal()
        async with running(tmp_path / "home", variables={"DATABASE_URL": url}) as site:
            site.admin = await site.person("Ada")
            made, refused = await _founding_through_restarts(site)
            assert refused
            assert {answer.status_code for answer in refused} == {503}
            assert {answer.headers.get("retry-after") for answer in refused} == {"1"}
            assert (await site.visitor().http.get("/ready")).status_code == 200
            teams = {team["team_id"] for team in await site.admin.get("/api/teams")}
            # Whatever was acknowledged is there; of the rest it may be, for its answer may have been lost.
            assert teams >= set(made)
            assert len(teams) <= len(made) + len(refused)
        database = postgres.database_of(tmp_path / "machina.db")
        founded = "WHERE action = 'team.create' AND outcome = 'succeeded'"
        for table, which in (("team_member", ""), ("audit_event", founded)):
            found = postgres.server().sql(database, f"SELECT team_id, count(*) FROM {table} {which} GROUP BY team_id")
            assert dict(found) == dict.fromkeys(teams, 1)  # type: ignore[arg-type]
        heads = await _heads(tmp_path)
        for team_id in teams:
            numbers = postgres.server().sql(database, "SELECT seq FROM change WHERE team_id = ? ORDER BY seq", team_id)
            assert [number for (number,) in numbers] == list(range(1, heads[team_id] + 1))


async def _founding_through_restarts(site: Site) -> tuple[list[str], list[httpx.Response]]:
    """Teams that were acknowledged, and the answers that refused one, while the database goes down twice."""
    made: list[str] = []
    refused: list[httpx.Response] = []
    over = asyncio.Event()

    async def found(name: str) -> None:
        number = 0
        while not over.is_set():
            number += 1
            answer = await site.admin.http.post("/api/teams", json={"name": "T", "handle": f"{name}-{number}"})
            if answer.status_code == 201:
                made.append(answer.json()["team_id"])
            else:
                refused.append(answer)
                await asyncio.sleep(0.02)

    load = [asyncio.create_task(found(f"team{number}")) for number in range(4)]
    for _ in range(2):
        before, failed = len(made), len(refused)
        await until(lambda before=before: len(made) > before + 5, what="the load")
        await asyncio.to_thread(postgres.cluster().stop, signal.SIGQUIT)
        await until(lambda failed=failed: len(refused) > failed, what="a refusal")
        # Not on a thread that ends: the server would end with it.
        postgres.cluster().start()
    before = len(made)
    await until(lambda: len(made) > before + 5, what="work going on")
    over.set()
    await asyncio.gather(*load)
    return made, refused


async def _heads(tmp_path: Path) -> dict[str, int]:
    database = store_at(tmp_path / "machina.db")
    try:
        return await database.change_heads()
    finally:
        await asyncio.to_thread(database.close)


# Clocks that are wrong: row F20


@pytest.mark.parametrize("hours", [1, -1])
async def test_when_the_servers_clock_jumps_order_chain_and_devices_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    async with settled(tmp_path / "home") as site:
        await site.admin.http.put(f"/api/teams/{site.team_id}", json={"name": "Before"})

        def now() -> datetime:
            return ids.now() + timedelta(hours=hours)

        for module in (feed, sql_transaction, authentication, machines):
            monkeypatch.setattr(module, "now", now)
        for name in ("First", "Second"):
            answer = await site.admin.http.put(f"/api/teams/{site.team_id}", json={"name": name})
            assert answer.status_code == 200
        monkeypatch.undo()
        await site.admin.http.put(f"/api/teams/{site.team_id}", json={"name": "After"})
        page = await site.admin.get("/api/sync/snapshot", team_id=site.team_id)
        page = await site.admin.get("/api/sync/pull", team_id=site.team_id, since=0, epoch=page["epoch"])
        names = [change["row"]["name"] for change in page["changes"] if change["entity"] == "team"]
        assert names[-4:] == ["Before", "First", "Second", "After"]
        assert [change["seq"] for change in page["changes"]] == sorted(change["seq"] for change in page["changes"])
        assert (await site.admin.get("/api/audit/chain", team_id=site.team_id))["broken_at"] is None


async def test_what_a_client_says_of_the_time_decides_nothing(tmp_path: Path) -> None:
    async with settled(tmp_path / "home") as site:
        before = ids.now()
        for said in ("Wed, 01 Jan 1997 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"):
            headers = {"Date": said, "If-Unmodified-Since": said}
            answer = await site.admin.http.put(f"/api/teams/{site.team_id}", json={"name": said[:16]}, headers=headers)
            assert answer.status_code == 200
        [(updated,)] = site.sql("SELECT updated_at FROM team WHERE team_id = ?", site.team_id)
        assert before.strftime("%Y-%m-%dT%H:%M:%S") <= updated <= ids.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
