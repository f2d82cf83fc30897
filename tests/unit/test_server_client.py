"""A team's home over HTTP: what is lost on the way is asked for again, once carried out; tokens are renewed in time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import urllib.parse
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from machina_desktop.core.config import PROXY_MODE, PROXY_URL, Settings
from machina_desktop.core.domain.account import SessionKind, lifetime
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, TooMany, Unauthenticated, Unavailable
from machina_desktop.core.http import Http, NoAnswer, Patience, checked_origin, proxy_for
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.authentication import SignedIn
from machina_desktop.core.services.expectations import expected, expected_row
from machina_desktop.core.services.invites import CreateInvite
from machina_desktop.core.services.machines import CreateMachine, GetMachine, RebootMachine, UpdateMachine
from machina_desktop.core.services.sessions import Logout
from machina_desktop.core.services.teams import CreateTeam, GetTeam, ListTeams, UpdateTeam
from machina_desktop.core.sync.home import Alive, HeadMoved, Hint, LogGrown
from machina_desktop.core.sync.server_client import Rotation, ServerClient
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.server.streams import Times
from tests.fakes.evil_server import answer, answering, road
from tests.fakes.hosts import until
from tests.fakes.server import Site, settled


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with settled(tmp_path / "site", times=Times(hint_heartbeat_s=0.2, recheck_s=0.2)) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
async def ada(site: Site, settings: Settings) -> AsyncIterator[ServerClient]:
    client = ServerClient(site.url, Secret(site.admin.token), settings=settings)
    yield client
    await client.close()


def port_of(site: Site) -> int:
    return urllib.parse.urlsplit(site.url).port or 0


def events(site: Site, action: str) -> int:
    return int(site.sql("SELECT count(*) FROM audit_event WHERE action = ?", action)[0][0])


# What is lost on the way (F18, F22)


async def test_each_of_two_hundred_writes_is_carried_out_once_though_answers_get_lost(
    site: Site, settings: Settings
) -> None:
    fates = random.Random(7).choices(["", "lost", "cut"], [6, 2, 2], k=2000)
    async with road(port_of(site), fates.__getitem__) as way:
        patience = Patience(pause_s=0.001)
        client = ServerClient(way.url, Secret(site.admin.token), settings=settings, patience=patience)
        before = events(site, "team.update")
        for number in range(200):
            ask = UpdateTeam(team_id=site.team_id, name=f"Crew {number}")
            assert (await stubborn(client, ask, new_id("op"))).name == f"Crew {number}"
        await client.close()
    assert way.count > 250, "many were asked again"
    assert events(site, "team.update") - before == 200


async def stubborn(client: ServerClient, ask: UpdateTeam, op_id: str) -> object:
    """As the outbox does: what the client gives up on is asked again, under the same id."""
    while True:
        try:
            return await client.call(ask, op_id=op_id)
        except NoAnswer:
            continue


async def test_a_request_that_comes_several_times_is_carried_out_once(site: Site, settings: Settings) -> None:
    async with road(port_of(site), lambda _number: "", repeats=lambda _number: 3) as way:
        client = ServerClient(way.url, Secret(site.admin.token), settings=settings)
        made = await client.call(CreateTeam(name="Thrice", handle="thrice"), op_id=new_id("op"))
        assert made.name == "Thrice"
        await client.close()
    assert site.sql("SELECT count(*) FROM team WHERE handle = 'thrice'") == [(1,)]


async def test_old_requests_that_come_after_newer_ones_change_nothing(site: Site, ada: ServerClient) -> None:
    asks = [(UpdateTeam(team_id=site.team_id, name=f"Name {number}"), new_id("op")) for number in range(10)]
    for ask, op_id in asks:
        await ada.call(ask, op_id=op_id)
    mixed = asks * 3
    random.Random(3).shuffle(mixed)
    for ask, op_id in mixed:
        assert (await ada.call(ask, op_id=op_id)).name == ask.name
    assert (await ada.call(GetTeam(team_id=site.team_id))).name == "Name 9"


async def test_the_same_write_asked_twice_at_once_is_carried_out_once(site: Site, ada: ServerClient) -> None:
    account_id, op_id = await site.account(), new_id("op")
    ask = CreateMachine(team_id=site.team_id, account_id=account_id, name="web")
    found = await asyncio.gather(*(ada.call(ask, op_id=op_id) for _ in range(6)))
    assert len(set(map(repr, found))) == 1
    assert site.sql("SELECT count(*) FROM machine WHERE name = 'web'") == [(1,)]


async def test_a_write_without_an_id_is_never_asked_again(site: Site, settings: Settings) -> None:
    async with road(port_of(site), lambda _number: "lost") as way:
        client = ServerClient(way.url, Secret(site.admin.token), settings=settings)
        with pytest.raises(Unavailable) as caught:
            await client.call(UpdateTeam(team_id=site.team_id, name="Once"))
        await client.close()
    assert caught.value.code == "E-OFFLINE"
    assert way.count == 1


async def test_a_read_is_asked_again_twice(site: Site, settings: Settings) -> None:
    for losses, is_answered in ((2, True), (3, False)):
        async with road(port_of(site), lambda number, losses=losses: "lost" if number < losses else "") as way:  # type: ignore[misc]
            client = ServerClient(way.url, Secret(site.admin.token), settings=settings)
            try:
                found = await client.call(ListTeams())
            except Unavailable:
                assert not is_answered
            else:
                assert is_answered
                assert found
            await client.close()
            assert way.count == 3


async def test_an_answer_that_is_told_once_is_not_told_again(site: Site, ada: ServerClient) -> None:
    op_id, ask = new_id("op"), CreateInvite(team_id=site.team_id)
    await ada.call(ask, op_id=op_id)
    with pytest.raises(Conflict) as caught:
        await ada.call(ask, op_id=op_id)
    assert caught.value.code == "E-REPLAYED"
    assert site.sql("SELECT count(*) FROM team_invite WHERE invite_id = ?", ask.invite_id) == [(1,)]


async def test_a_short_wait_that_the_server_asks_for_is_kept_once(settings: Settings) -> None:
    busy = answer(b'{"code": "E-DB-BUSY", "message": "", "hint": "", "field": ""}', status="503 Busy", retry_after="1")
    good = answer(b"[]")

    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(busy if len(server.requests) == 1 else good)

    async with answering(say) as server:
        client = ServerClient(server.url, None, settings=settings)
        assert await client.call(ListTeams()) == ()
        await client.close()
    async with answering(busy) as server:
        client = ServerClient(server.url, None, settings=settings)
        with pytest.raises(Unavailable) as caught:
            await client.call(Logout())
        await client.close()
    assert caught.value.code == "E-DB-BUSY"
    assert len(server.requests) == 1, "nobody knows whether that write was carried out"


async def test_too_many_attempts_are_told_with_the_time_to_wait(site: Site, settings: Settings) -> None:
    from machina_desktop.core.services.accounts import Login

    client = ServerClient(site.url, None, settings=settings)
    errors: list[MachinaError] = []
    for _ in range(20):
        with pytest.raises(MachinaError) as caught:
            await client.call(Login(email="ada@example.org", password=Secret("wrong")))
        errors.append(caught.value)
        if isinstance(caught.value, TooMany):
            break
    await client.close()
    assert isinstance(errors[-1], TooMany)
    assert errors[-1].retry_after_s > 5
    assert errors[0].code == "E-LOGIN"


# Tokens


async def test_a_token_is_renewed_each_day_and_kept_before_it_is_used(site: Site, settings: Settings) -> None:
    order: list[str] = []
    kept: list[SignedIn] = []

    async def keep(given: SignedIn) -> None:
        order.append("kept")
        kept.append(given)

    ends = now() + lifetime(SessionKind.DEVICE) - timedelta(days=1, minutes=1)
    client = ServerClient(
        site.url, Secret(site.admin.token), settings=settings, rotation=Rotation(expires_at=ends, keep=keep)
    )
    assert await client.call(ListTeams())
    assert await client.call(ListTeams())
    await client.close()
    assert order == ["kept"]
    assert kept[0].token.reveal() != site.admin.token
    hashes = site.sql("SELECT previous_hash FROM session WHERE session_id = ?", site.admin.session_id)
    assert hashes == [("",)], "the new one was used, and the former is good no more"


async def test_a_token_that_cannot_be_kept_is_not_used(site: Site, settings: Settings) -> None:
    async def keep(_given: SignedIn) -> None:
        raise Unavailable("The vault is locked.")

    client = ServerClient(
        site.url, Secret(site.admin.token), settings=settings, rotation=Rotation(expires_at=now(), keep=keep)
    )
    for _ in range(3):
        assert await client.call(ListTeams())
    await client.close()
    assert site.sql("SELECT count(*) FROM retired_token") == [(1,)], "it is tried again in an hour, not at once"
    assert site.sql("SELECT count(*) FROM session WHERE previous_hash <> ''") == [(1,)], "the new one was never used"


async def test_a_token_of_today_is_left_alone(site: Site, settings: Settings) -> None:
    async def keep(_given: SignedIn) -> None:
        pytest.fail("it was renewed")

    ends = now() + lifetime(SessionKind.DEVICE) - timedelta(hours=23)
    client = ServerClient(
        site.url, Secret(site.admin.token), settings=settings, rotation=Rotation(expires_at=ends, keep=keep)
    )
    assert await client.call(ListTeams())
    await client.close()


# Hints


@contextlib.asynccontextmanager
async def listening(client: ServerClient) -> AsyncIterator[list[Hint]]:
    """What the client hears from now on."""
    found: list[Hint] = []

    async def listen() -> None:
        async for hint in client.hints():
            found.append(hint)  # noqa: PERF401 - the list is looked at meanwhile

    task = asyncio.create_task(listen())
    try:
        yield found
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


def ends(found: list[Hint], deployment_id: str) -> list[int]:
    return [hint.end for hint in found if isinstance(hint, LogGrown) and hint.deployment_id == deployment_id]


def heads(found: list[Hint], team_id: str) -> list[int]:
    return [hint.seq for hint in found if isinstance(hint, HeadMoved) and hint.team_id == team_id]


async def test_hints_tell_all_heads_first_then_what_grows(site: Site, ada: ServerClient) -> None:
    other = (await ada.call(CreateTeam(name="Other", handle="other"))).team_id
    _, deployment_id = await site.machine("web", await site.account())
    fence = await site.claim(deployment_id)
    await site.say(deployment_id, fence, "one")
    async with listening(ada) as found:
        await until(lambda: bool(heads(found, site.team_id) and heads(found, other) and ends(found, deployment_id)))
        first = [hint for hint in found if not isinstance(hint, Alive)]
        assert {type(hint) for hint in first[:2]} == {HeadMoved}
        await site.say(deployment_id, fence, "two")
        await until(lambda: len(ends(found, deployment_id)) == 2)
        await ada.call(UpdateTeam(team_id=other, name="Another"))
        await until(lambda: len(heads(found, other)) == 2)
        before = len(found)
        await until(lambda: len(found) > before + 1, what="comments in the silence")
    assert ends(found, deployment_id)[1] > ends(found, deployment_id)[0]
    assert heads(found, other)[1] > heads(found, other)[0]
    assert len(heads(found, site.team_id)) == 1
    assert isinstance(found[-1], Alive)


async def test_hints_tell_nothing_of_teams_one_is_not_in(site: Site, settings: Settings) -> None:
    olaf, team_id = await site.outsider("Olaf")
    _, deployment_id = await site.machine("web", await site.account())
    fence = await site.claim(deployment_id)
    await site.say(deployment_id, fence, "one")
    client = ServerClient(site.url, Secret(olaf.token), settings=settings)
    async with listening(client) as found:
        await until(lambda: bool(heads(found, team_id)))
        await site.say(deployment_id, fence, "two")
        await client.call(UpdateTeam(team_id=team_id, name="Mine"))
        await until(lambda: len(heads(found, team_id)) == 2)
        before = len(found)
        await until(lambda: len(found) > before + 1, what="comments in the silence")
    await client.close()
    assert {hint.team_id for hint in found if isinstance(hint, HeadMoved)} == {team_id}
    assert not ends(found, deployment_id)


async def test_hints_end_with_the_session_as_a_call_would(site: Site, settings: Settings) -> None:
    max_ = await site.member("Max")
    client = ServerClient(site.url, Secret(max_.token), settings=settings)

    async def listen() -> None:
        async for hint in client.hints():
            if isinstance(hint, HeadMoved):
                await max_.post("/api/auth/logout")

    async with asyncio.timeout(60):
        with pytest.raises(Unauthenticated):
            await listen()
        with pytest.raises(Unauthenticated):
            await client.call(ListTeams())
        with pytest.raises(Unauthenticated):
            await listen()
    await client.close()


async def test_hints_end_as_offline_when_the_server_ends(tmp_path: Path, settings: Settings) -> None:
    async with settled(tmp_path / "site") as site:
        client = ServerClient(site.url, Secret(site.admin.token), settings=settings)

        async def listen() -> None:
            async for hint in client.hints():
                if isinstance(hint, HeadMoved):
                    site.server.streams.stop()

        async with asyncio.timeout(60):
            with pytest.raises(Unavailable) as caught:
                await listen()
        await client.close()
    assert caught.value.code == "E-OFFLINE"


# What travels


async def test_answers_have_the_very_same_values_as_at_home(site: Site, ada: ServerClient) -> None:
    machine_id, _ = await site.machine("web", await site.account())
    ask = UpdateMachine(machine_id=machine_id, notes="Zeile\n☃ \u2028 \x7f", tags=("a b", "ü"))
    changed = await ada.call(ask)
    stored = await site.host.database.read(RUNNER, lambda tx: tx.get(Machine, machine_id))
    assert changed == stored == await ada.call(GetMachine(machine_id=machine_id))


async def test_an_error_of_the_server_arrives_as_it_was_meant(site: Site, ada: ServerClient) -> None:
    machine_id, _ = await site.machine("web", await site.account())
    with pytest.raises(Conflict) as conflict:
        await ada.call(RebootMachine(machine_id=machine_id))
    assert conflict.value.code.startswith("E-")
    with pytest.raises(InvalidInput) as invalid:
        await ada.call(UpdateTeam(team_id=site.team_id, handle="NO"))
    assert invalid.value.field == "handle"


async def test_an_edit_tells_the_server_what_it_was_based_on(site: Site, ada: ServerClient) -> None:
    machine_id, _ = await site.machine("web", await site.account())
    row = expected_row("machine", machine_id, seen={"notes": ""}, wanted={"notes": "mine"})
    ask = UpdateMachine(machine_id=machine_id, notes="mine")
    assert (await ada.call(ask, op_id=new_id("op"), expects=expected(row))).notes == "mine"
    await ada.call(UpdateMachine(machine_id=machine_id, notes="theirs"))
    with pytest.raises(Conflict) as caught:
        await ada.call(ask, op_id=new_id("op"), expects=expected(row))
    assert caught.value.code == "E-EDITED-MEANWHILE"
    assert "notes" in caught.value.message


async def test_many_requests_share_few_lines(site: Site, ada: ServerClient) -> None:
    found = await asyncio.gather(*(ada.call(ListTeams()) for _ in range(60)))
    assert len(set(map(repr, found))) == 1


# The way there


@pytest.mark.parametrize(
    "text",
    [
        "machina.example.org",
        "ftp://machina.example.org",
        "https://user@machina.example.org",
        "https://machina.example.org/path",
        "https://machina.example.org?x",
        "https://machina.example.org:99999",
        "https://",
        "https://mach\nina",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_origin_is_refused(text: str, settings: Settings) -> None:
    with pytest.raises(InvalidInput) as caught:
        Http(text, settings)
    assert caught.value.code == "E-SERVER-ADDRESS"


def test_an_origin_is_compared_in_one_form() -> None:
    assert checked_origin("HTTPS://Machina.Example.org:443/") == "https://machina.example.org"
    assert checked_origin("http://[::1]:3001") == "http://[::1]:3001"


def test_the_proxy_that_is_set_is_used_but_for_hosts_without(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from machina_desktop.core.config import NO_PROXY_HOSTS

    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert not proxy_for("https://machina.example.org", settings)
    monkeypatch.setenv("https_proxy", "http://env.example:1")
    assert proxy_for("https://machina.example.org", settings) == "http://env.example:1"
    settings.set(PROXY_MODE, "none")
    assert not proxy_for("https://machina.example.org", settings)
    settings.set(PROXY_MODE, "manual")
    settings.set(PROXY_URL, "http://proxy.example:3128")
    settings.set(NO_PROXY_HOSTS, "internal.example, 10.0.0.0/8, *.lan")
    proxied = {host: bool(proxy_for(f"https://{host}", settings)) for host in (
        "machina.example.org", "internal.example", "a.internal.example", "10.2.3.4", "11.2.3.4", "box.lan",
        "localhost", "127.0.0.1", "[::1]",
    )}  # fmt: skip
    assert [host for host, is_proxied in proxied.items() if is_proxied] == ["machina.example.org", "11.2.3.4"]


async def test_requests_go_through_the_proxy(site: Site, settings: Settings) -> None:
    settings.set(PROXY_MODE, "manual")
    async with answering(answer(b"[]")) as proxy:
        settings.set(PROXY_URL, proxy.url)
        client = ServerClient("http://machina.example.org", Secret("t"), settings=settings)
        assert await client.call(ListTeams()) == ()
        await client.close()
    assert proxy.requests[0].startswith(b"GET http://machina.example.org/api/teams HTTP/1.1")


async def test_a_proxy_that_refuses_is_named(settings: Settings) -> None:
    settings.set(PROXY_MODE, "manual")
    async with answering(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as proxy:
        settings.set(PROXY_URL, proxy.url)
        client = ServerClient("https://machina.example.org", Secret("t"), settings=settings)
        with pytest.raises(Unavailable) as caught:
            await client.call(ListTeams())
        await client.close()
    assert caught.value.code == "E-PROXY"


def test_a_proxy_of_a_kind_that_cannot_be_used_is_told(settings: Settings) -> None:
    settings.set(PROXY_MODE, "manual")
    settings.set(PROXY_URL, "socks5://proxy.example:1080")
    with pytest.raises(Unavailable) as caught:
        Http("https://machina.example.org", settings)
    assert caught.value.code == "E-PROXY"


async def test_the_program_says_what_it_is_and_what_it_understands(settings: Settings) -> None:
    async with answering(answer(b"[]")) as server:
        client = ServerClient(server.url, Secret("token"), settings=settings)
        await client.call(ListTeams())
        await client.close()
    head = server.requests[0].lower()
    system = {"linux": b"linux", "darwin": b"darwin", "win32": b"windows"}[sys.platform]
    assert b"user-agent: machina/" in head
    assert b"(" + system + b")" in head
    assert b"machina-schema: 1" in head
    assert b"authorization: bearer token" in head


async def test_a_program_of_another_time_is_told_what_to_update(site: Site) -> None:
    for schema, status in (("1", 200), ("0", 200), ("2", 426), ("x", 400), ("", 200)):
        said = await site.visitor(**({"Machina-Schema": schema} if schema else {})).http.get("/api/server")
        assert said.status_code == status, schema
        assert said.headers["machina-schema"] == "1"
    problem = json.loads((await site.visitor(**{"Machina-Schema": "2"}).http.get("/api/server")).content)
    assert problem["code"] == "E-OUTDATED"
    assert problem["hint"]
