"""Logs over server-sent events: nothing is lost or doubled, and nobody reads on who may not (trust.md T35)."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import ServerSentEvent, aconnect_sse

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.events import LogAppended
from machina_desktop.server.shared_logs import Piece
from machina_desktop.server.streams import PER_USER, Times
from tests.fakes.hosts import until
from tests.fakes.server import Site, Visitor, settled

QUICK = Times(heartbeat_s=0.2, recheck_s=0.3, slow_s=60.0, settle_s=0.05)


@dataclass
class Followed:
    """A run that is under way, and its runner's fence."""

    site: Site
    deployment_id: str
    fence: int

    @property
    def path(self) -> str:
        return f"/api/deployments/{self.deployment_id}/logs"

    async def say(self, *texts: str) -> None:
        await self.site.say(self.deployment_id, self.fence, *texts)


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Followed]:
    async with settled(tmp_path / "home", times=QUICK) as site:
        _, deployment_id = await site.machine("web", await site.account())
        yield Followed(site, deployment_id, await site.claim(deployment_id))


@asynccontextmanager
async def following(
    run: Followed, visitor: Visitor | None = None, *, last: str = ""
) -> AsyncIterator[AsyncIterator[ServerSentEvent]]:
    http = (visitor or run.site.admin).http
    headers = {"Last-Event-ID": last} if last else {}
    async with aconnect_sse(http, "GET", run.path, params={"stream": "true"}, headers=headers) as source:
        assert source.response.status_code == 200, await source.response.aread()
        yield source.aiter_sse()


def texts(event: ServerSentEvent) -> list[str]:
    return [line["text"] for line in json.loads(event.data)["lines"]]


async def read(events: AsyncIterator[ServerSentEvent], count: int) -> tuple[list[str], str]:
    """So many lines, and the id of the last event."""
    found: list[str] = []
    last = ""
    async with asyncio.timeout(60):
        while len(found) < count:
            event = await anext(events)
            assert event.event == "log"
            found += texts(event)
            last = event.id
    return found, last


async def test_what_was_said_before_and_what_is_said_later_comes_once_and_in_order(run: Followed) -> None:
    await run.say("one", "two")
    async with following(run) as events:
        assert (await read(events, 2))[0] == ["one", "two"]
        await run.say("three")
        assert (await read(events, 1))[0] == ["three"]


async def test_what_is_said_while_a_stream_finds_nothing_more_is_told_as_well(run: Followed) -> None:
    logs = run.site.server.streams.logs
    look, later = logs.look, ["two"]

    async def looked(actor: Actor, deployment_id: str, offset: int) -> Piece:
        piece = await look(actor, deployment_id, offset)
        if not piece.event and later:
            heard = asyncio.Event()
            unsubscribe = run.site.host.bus.subscribe(
                lambda event: heard.set() if isinstance(event, LogAppended) else None
            )
            await run.say(later.pop())
            await heard.wait()
            unsubscribe()
        return piece

    logs.look = looked  # type: ignore[method-assign]
    await run.say("one")
    async with following(run) as events:
        assert (await read(events, 2))[0] == ["one", "two"]


async def test_a_reader_who_comes_back_goes_on_after_the_last_event(run: Followed) -> None:
    await run.say("one", "two")
    async with following(run) as events:
        found, last = await read(events, 2)
    await run.say("three", "four")
    async with following(run, last=last) as events:
        found += (await read(events, 2))[0]
    assert found == ["one", "two", "three", "four"]


async def test_many_readers_of_a_growing_log_get_the_same_bytes(run: Followed) -> None:
    async def reader() -> list[str]:
        found: list[str] = []
        last = ""
        while len(found) < 120:
            # Each comes back again and again, wherever it happens to be.
            async with following(run, last=last) as events:
                more, last = await read(events, min(37, 120 - len(found)))
                found += more
        return found

    readers = [asyncio.create_task(reader()) for _ in range(4)]
    said = []
    for number in range(40):
        lines = [f"{number}.{part} {'x' * (number * 7)}" for part in range(3)]
        await run.say(*lines)
        said += lines
    for each in readers:
        assert await each == said


async def test_a_log_longer_than_a_chunk_comes_in_several(run: Followed) -> None:
    said = [f"{number} {'y' * 5000}" for number in range(60)]
    for number in range(0, 60, 10):
        await run.say(*said[number : number + 10])
    async with following(run) as events:
        assert (await read(events, 60))[0] == said


async def test_a_stream_ends_when_its_run_has(run: Followed) -> None:
    await run.say("last words")
    run.site.sql("UPDATE deployment SET state = 'succeeded' WHERE deployment_id = ?", run.deployment_id)
    async with following(run) as events:
        assert (await read(events, 1))[0] == ["last words"]
        end = await anext(events)
        assert (end.event, json.loads(end.data)) == ("end", {"state": "succeeded"})
        assert [event async for event in events] == []


async def test_the_end_is_told_also_while_it_is_asked_whether_its_reader_may_still_read(run: Followed) -> None:
    streams = run.site.server.streams
    look = streams.logs.look

    async def looked(actor: Actor, deployment_id: str, offset: int) -> Piece:
        piece = await look(actor, deployment_id, offset)
        if piece.state is not None and piece.state.is_final:
            [reader] = streams.rights.readers
            reader._good_until = 0.0
        return piece

    streams.logs.look = looked  # type: ignore[method-assign]
    await run.say("last words")
    run.site.sql("UPDATE deployment SET state = 'succeeded' WHERE deployment_id = ?", run.deployment_id)
    async with following(run) as events:
        assert (await read(events, 1))[0] == ["last words"]
        assert [event.event async for event in events] == ["end"]


async def test_silence_is_broken_by_comments(run: Followed) -> None:
    async with run.site.admin.http.stream("GET", run.path, params={"stream": "true"}) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        async with asyncio.timeout(60):
            pieces = answer.aiter_text()
            assert (await anext(pieces)).startswith(": machina")
            assert await anext(pieces) == ":\n"


async def test_a_removed_member_reads_no_further(run: Followed) -> None:
    max_ = await run.site.member("Max")
    async with following(run, max_) as events:
        await run.say("one")
        assert (await read(events, 1))[0] == ["one"]
        [place] = [
            each["member"]["team_member_id"]
            for each in await run.site.admin.get(f"/api/teams/{run.site.team_id}/members")
            if each["user"]["user_id"] == max_.user_id
        ]
        await run.site.admin.http.delete(f"/api/teams/{run.site.team_id}/members/{place}")
        await run.say("two")
        gone = await anext(events)
        # Whoever is in no team any more is signed out as well.
        assert gone.event == "gone"
        assert json.loads(gone.data)["code"] in {"E-NOT-FOUND", "E-NO-TEAM"}


async def test_a_session_that_ended_reads_no_further(run: Followed) -> None:
    max_ = await run.site.member("Max")
    async with following(run, max_) as events:
        await run.say("one")
        await read(events, 1)
        run.site.sql("DELETE FROM session WHERE session_id = ?", max_.session_id)
        await is_gone(events)


async def test_a_reader_of_a_log_that_never_rests_is_let_go_as_soon(run: Followed) -> None:
    max_ = await run.site.member("Max")
    async with following(run, max_) as events:
        await run.say("one")
        await read(events, 1)
        run.site.sql("DELETE FROM session WHERE session_id = ?", max_.session_id)
        [reader] = run.site.server.streams.rights.readers
        after = 0
        async with asyncio.timeout(60):
            while (event := await anext(events)).event == "log":
                after += reader.refusal is not None
                await run.say("more")
    assert json.loads(event.data)["code"] == "E-AUTH"
    assert event.event == "gone"
    # One piece may be under way while it is found that nobody reads there any more, and one waits to be read here.
    assert after <= 2


async def test_of_a_long_log_a_removed_member_gets_nothing_more(run: Followed) -> None:
    for _ in range(16):
        await run.say(*(f"{'z' * 8000}" for _ in range(60)))
    max_ = await run.site.member("Max")
    reading, writing = await asyncio.open_connection(*_place(run), limit=4096)
    with closing(writing):
        writing.write(_asked(run, max_))
        await reading.readuntil(b"event: log\n")
        run.site.sql("DELETE FROM session WHERE session_id = ?", max_.session_id)
        [reader] = run.site.server.streams.rights.readers
        await until(lambda: reader.refusal is not None, what="the look that finds nobody")
        rest = await asyncio.wait_for(reading.read(), 60)
    assert b"event: gone\n" in rest
    assert len(rest) < 16 * 60 * 8000 * 3 / 4, "more than what was on its way"


async def test_whoever_signs_out_reads_no_further_at_once(tmp_path: Path) -> None:
    seldom = Times(heartbeat_s=60, recheck_s=60)
    async with settled(tmp_path / "home", times=seldom) as site:
        _, deployment_id = await site.machine("web", await site.account())
        run = Followed(site, deployment_id, await site.claim(deployment_id))
        max_ = await site.member("Max")
        async with following(run, max_) as events:
            await run.say("one")
            await read(events, 1)
            await max_.post("/api/auth/logout")
            await is_gone(events)


async def is_gone(events: AsyncIterator[ServerSentEvent]) -> None:
    async with asyncio.timeout(60):
        gone = await anext(events)
    assert (gone.event, json.loads(gone.data)["code"]) == ("gone", "E-AUTH")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"stream": "maybe"}, 422),
        ({"stream": "true", "offset": "-1"}, 422),
        ({"stream": "true", "offset": "1"}, 422),
        ({"stream": "true", "colour": "red"}, 422),
    ],
)
async def test_what_cannot_be_followed_is_refused_before_the_stream_begins(
    run: Followed, query: dict[str, Any], status: int
) -> None:
    await run.say("one")
    answer = await run.site.admin.http.get(run.path, params=query)
    assert answer.status_code == status, answer.text


async def test_only_members_follow_a_run(run: Followed) -> None:
    outsider, _ = await run.site.outsider("Olaf")
    assert (await outsider.http.get(run.path, params={"stream": "true"})).status_code == 404
    assert (await run.site.visitor().http.get(run.path, params={"stream": "true"})).status_code == 401


async def test_one_person_follows_only_so_many_streams(run: Followed) -> None:
    limits = httpx.Limits(max_connections=None)
    headers = {"Authorization": f"Bearer {run.site.admin.token}"}
    async with httpx.AsyncClient(base_url=run.site.url, headers=headers, limits=limits, trust_env=False) as http:
        answers = [
            await http.send(http.build_request("GET", run.path, params={"stream": "true"}), stream=True)
            for _ in range(PER_USER)
        ]
        refused = await http.get(run.path, params={"stream": "true"})
        assert (refused.status_code, refused.json()["code"]) == (429, "E-STREAMS")
        assert refused.headers["retry-after"] == "5"
        await answers[0].aclose()
        await until(lambda: run.site.server.streams.count == PER_USER - 1, what="the end of a stream")
        async with http.stream("GET", run.path, params={"stream": "true"}) as again:
            assert again.status_code == 200
        for each in answers:
            await each.aclose()
    await until(lambda: run.site.server.streams.count == 0, what="the end of all streams")


async def test_a_reader_who_takes_nothing_is_let_go(run: Followed) -> None:
    run.site.server.streams.times = replace(QUICK, slow_s=1.0)
    for _ in range(16):
        await run.say(*(f"{'z' * 8000}" for _ in range(60)))
    with socket.create_connection(_place(run)) as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(line.sendall, _asked(run, run.site.admin))
        await until(lambda: run.site.server.streams.count == 1, what="the stream")
        await until(lambda: run.site.server.streams.count == 0, what="the end of a stream that nobody reads")


def _place(run: Followed) -> tuple[str, int]:
    host, port = run.site.url.removeprefix("http://").split(":")
    return host, int(port)


def _asked(run: Followed, visitor: Visitor) -> bytes:
    head = (
        f"GET {run.path}?stream=true HTTP/1.1",
        f"Host: {_place(run)[0]}",
        f"Authorization: Bearer {visitor.token}",
        "Connection: close",
        "\r\n",
    )
    return "\r\n".join(head).encode()
