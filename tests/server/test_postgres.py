"""Several servers on one PostgreSQL database are one server to whoever asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from httpx_sse import aconnect_sse

from machina_desktop.core.services.runner_keys import RegisterRunnerKey
from machina_desktop.core.vault.runner_vault import public_half
from machina_desktop.core.vault.sealed_box import encoded
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.server.streams import Times
from tests.fakes import postgres
from tests.fakes.server import PASSWORD, Site, running

QUICK = Times(heartbeat_s=0.5, recheck_s=0.5, slow_s=60.0, settle_s=0.1)


@pytest.fixture
async def sites(tmp_path: Path) -> AsyncIterator[tuple[Site, Site]]:
    """Two servers with one database, and what is mixed into passwords, in common."""
    with postgres.in_use():
        url = postgres.server().url(postgres.database_of(tmp_path / "machina.db")).reveal()
        options = {"times": QUICK, "variables": {"DATABASE_URL": url}}
        async with running(tmp_path / "home", **options) as first, running(tmp_path / "home", **options) as second:  # type: ignore[arg-type]
            first.admin = await first.person("Ada")
            first.team_id = (await first.admin.post("/api/teams", name="Crew", handle="crew"))["team_id"]
            second.admin, second.team_id = second.visitor(first.admin.token), first.team_id
            key = RegisterRunnerKey(public_key=encoded(public_half(bytes(range(32)))))
            await first.host.dispatcher.execute(RUNNER, key)
            yield first, second


async def test_a_session_of_one_is_a_session_of_the_other(sites: tuple[Site, Site]) -> None:
    first, second = sites
    assert (await second.admin.get(f"/api/teams/{first.team_id}"))["name"] == "Crew"
    fields = {"email": "ada@example.org", "password": PASSWORD, "kind": "device"}
    assert (await second.visitor().post("/api/auth/login", **fields))["token"]
    await second.admin.post("/api/auth/logout")
    assert (await first.admin.http.get("/api/teams")).status_code == 401


async def test_wrong_passwords_are_counted_together(sites: tuple[Site, Site]) -> None:
    fields = {"email": "ada@example.org", "password": "wrong"}
    # Ten are let through in each span of time, and at most two spans are met here.
    for number in range(22):
        answer = await sites[number % 2].visitor().http.post("/api/auth/login", json=fields)
        if answer.status_code == 429:
            break
    assert answer.status_code == 429


async def test_a_stream_at_one_tells_what_was_said_and_changed_at_the_other(sites: tuple[Site, Site]) -> None:
    first, second = sites
    _, deployment_id = await first.machine("web", await first.account())
    fence = await first.claim(deployment_id)
    path = f"/api/deployments/{deployment_id}/logs"
    async with (
        asyncio.timeout(60),
        aconnect_sse(second.admin.http, "GET", path, params={"stream": "true"}) as log,
        aconnect_sse(second.admin.http, "GET", "/api/sync/hints") as hints,
    ):
        texts: list[str] = []
        events = log.aiter_sse()
        for number in range(5):
            await first.say(deployment_id, fence, f"line {number}")
            while len(texts) <= number:
                texts += [line["text"] for line in json.loads((await anext(events)).data)["lines"]]
        assert texts == [f"line {number}" for number in range(5)]
        await first.admin.http.put(f"/api/teams/{first.team_id}", json={"name": "Renamed"})
        head = (await first.admin.get("/api/sync/pull", team_id=first.team_id))["head"]
        async for hint in hints.aiter_sse():
            if json.loads(hint.data) == {"team_id": first.team_id, "seq": head}:
                break
