"""What somebody tries who means harm: hidden fields, wrong passwords by the thousand, spoofed addresses, huge bodies.

Rows T31, T32, T33, T39 and T42 of trust.md.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from httpx_sse import aconnect_sse

from machina_desktop.core.domain.throttle import SIGN_IN, By
from machina_desktop.core.errors import InvalidInput, MachinaError, TooMany, Unauthenticated
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.accounts import Login
from machina_desktop.core.services.passwords import LONGEST_LINE, Passwords
from machina_desktop.core.services.routes import path_fields
from machina_desktop.core.store.tables import ENTITIES
from machina_desktop.server.auth import client_address
from machina_desktop.server.config import read_config
from machina_desktop.server.gate import RawHeaders
from machina_desktop.server.reading import Reader
from machina_desktop.server.routes import served
from machina_desktop.server.streams import Times
from tests.fakes import accounts, postgres
from tests.fakes.hosts import until
from tests.fakes.server import PASSWORD, Site, running, settled
from tests.server.test_process import process

TRIES = 3_000
WRITES = tuple(case for case in served() if not case.is_read)
FIELDS = sorted({column.name for entity in ENTITIES for column in entity.table.columns})
# What would do harm if it were taken from a request.
HARMFUL = ("role", "team_id", "created_by", "actual_status", "user_id", "state", "home", "is_runner", "custody")
ALL_WRITES = pytest.mark.parametrize("case", WRITES, ids=lambda case: case.action)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with settled(tmp_path_factory.mktemp("site") / "home") as made:
        yield made


# Hidden fields: row T31


@ALL_WRITES
def test_a_write_takes_no_field_of_any_row_that_is_not_its_own(case: Any) -> None:
    reader = Reader(case)
    path = dict.fromkeys(path_fields(case), "x")
    for name in set(FIELDS) - set(reader.fields):
        if case.method == "DELETE":
            given: dict[str, Any] = {"query": [(name, "x")], "body": b"", "content_type": ""}
        else:
            given = {"query": [], "body": json.dumps({name: "x"}).encode(), "content_type": "application/json"}
        with pytest.raises(InvalidInput) as caught:
            reader.read(path, **given)
        assert (caught.value.code, caught.value.field) == ("E-UNKNOWN-FIELD", name)


@pytest.mark.asyncio(loop_scope="module")
async def test_hidden_fields_change_nothing_that_is_stored(site: Site) -> None:
    tables = ("user", "team", "team_member", "machine", "deployment", "team_invite", "provider_account", "grant")

    def stored() -> list[Any]:
        return [site.sql(f'SELECT * FROM "{table}" ORDER BY 1') for table in tables]

    before = stored()
    for case in WRITES:
        if case.is_by_agent:
            continue
        path = case.path.format(**dict.fromkeys(path_fields(case), site.team_id))
        for name in set(HARMFUL) - set(Reader(case).fields):
            how = {"params": {name: "admin"}} if case.method == "DELETE" else {"json": {name: "admin"}}
            answer = await site.admin.http.request(case.method, path, **how)  # type: ignore[arg-type]
            assert answer.status_code == 422, f"{case.action} {name}: {answer.status_code} {answer.text}"
    assert stored() == before


# Passwords: row T32


async def test_of_thousands_of_wrong_passwords_no_more_than_the_limit_are_compared(tmp_path: Path) -> None:
    async with accounts.server(tmp_path / "home") as shared:
        await shared.registered("Ada")
        before = shared.passwords.hashings

        async def attack(number: int) -> None:
            email = "ada@example.org" if number % 2 else f"user{number % 500}@example.org"
            ask = Login(email=email, password=Secret("wrong"))
            with pytest.raises(MachinaError, match=r"wrong|too often|at this moment"):
                await shared.ask(ask, address=f"198.51.{number % 100}.{number % 250}")

        for start in range(0, TRIES, 500):
            await asyncio.gather(*(attack(number) for number in range(start, start + 500)))
        # So many a minute by everybody together; a minute may have ended meanwhile.
        [everybody] = [limit.count for limit in SIGN_IN if limit.by is By.ALL]
        assert 0 < shared.passwords.hashings - before <= 2 * everybody


async def test_who_was_there_before_signs_in_while_others_guess(tmp_path: Path) -> None:
    async with accounts.server(tmp_path / "home") as shared:
        await shared.registered("Ada")
        [(home,)] = shared.made.sql("SELECT address FROM session")
        for number in range(130):
            ask = Login(email=f"user{number}@example.org", password=Secret("wrong"))
            with pytest.raises(MachinaError):
                await shared.ask(ask, address=f"198.51.100.{number}")
        right = Login(email="ada@example.org", password=accounts.PASSWORD)
        with pytest.raises(TooMany):
            await shared.ask(right, address="198.51.100.250")
        await shared.ask(right, address=str(home))
        # Nor does that help to guess: what one address and one account may try, they may try from there as well.
        for _ in range(9):
            with pytest.raises(Unauthenticated):
                await shared.ask(Login(email="ada@example.org", password=Secret("wrong")), address=str(home))
        with pytest.raises(TooMany):
            await shared.ask(Login(email="ada@example.org", password=Secret("wrong")), address=str(home))


async def test_only_so_many_strangers_wait_for_their_password_to_be_compared() -> None:
    passwords = Passwords(Secret("pepper"), cost=9)
    try:
        strangers = [passwords.match(Secret("x"), None, is_first=False) for _ in range(LONGEST_LINE + 10)]
        found = await asyncio.gather(*strangers, return_exceptions=True)
        refused = [each for each in found if isinstance(each, TooMany)]
        assert [error.code for error in refused] == ["E-LOGIN-LINE"] * 10
        assert found.count(False) == LONGEST_LINE
        assert await passwords.match(Secret("x"), None, is_first=False) is False
    finally:
        await asyncio.to_thread(passwords.close)


async def test_teams_read_of_wrong_passwords_of_their_members_and_of_nobody_elses(tmp_path: Path) -> None:
    async with settled(tmp_path / "home") as site:
        max_ = await site.member("Max")
        await site.outsider("Olaf")
        for email in ("max@example.org", "nobody@example.org"):
            answer = await site.visitor().http.post("/api/auth/login", json={"email": email, "password": "wrong"})
            assert answer.status_code == 401

        def noted() -> list[Any]:
            columns = "team_id, target, outcome, detail, actor_id, ip_address"
            return site.sql(f"SELECT {columns} FROM audit_event WHERE action = 'account.login' AND outcome = 'failed'")

        await until(lambda: bool(noted()), what="the event of a wrong password")
        expected = (site.team_id, f"user:{max_.user_id}", "failed", "E-LOGIN", "", "127.0.0.1")
        assert noted() == [expected]
        assert (await site.admin.get("/api/audit/chain", team_id=site.team_id))["broken_at"] is None


def test_a_server_without_accounts_says_who_will_administer_it(tmp_path: Path) -> None:
    with process(tmp_path / "home", PUBLIC_SERVER_URL="http://machina.example") as server:
        assert server.end() == 0
    said = [json.loads(line)["message"] for line in server.lines]
    expected = "nobody has an account yet; whoever registers first administers this server: http://machina.example"
    assert expected in said


# Sessions: row T33


async def test_a_session_revoked_at_one_server_ends_its_streams_at_another_within_five_seconds(tmp_path: Path) -> None:
    seldom = Times(heartbeat_s=60, hint_heartbeat_s=60, recheck_s=60)
    with postgres.in_use():
        url = postgres.server().url(postgres.database_of(tmp_path / "machina.db")).reveal()
        options: dict[str, Any] = {"times": seldom, "variables": {"DATABASE_URL": url}}
        async with running(tmp_path / "home", **options) as first, running(tmp_path / "home", **options) as second:
            first.admin = await first.person("Ada")
            await first.admin.post("/api/teams", name="Crew", handle="crew")
            given = await first.visitor().post(
                "/api/auth/login", email="ada@example.org", password=PASSWORD, kind="device"
            )
            elsewhere = second.visitor(given["token"])
            async with aconnect_sse(elsewhere.http, "GET", "/api/sync/hints") as source:
                events = source.aiter_sse()
                await until(lambda: second.server.streams.count == 1, what="the stream")
                await first.admin.http.delete(f"/api/auth/sessions/{given['session_id']}")
                async with asyncio.timeout(5):
                    gone = await anext(event async for event in events if event.event == "gone")
                assert (gone.event, json.loads(gone.data)["code"]) == ("gone", "E-AUTH")
            assert (await elsewhere.http.get("/api/teams")).status_code == 401


# Spoofed addresses: row T39

PEERS = ("192.0.2.1", "127.0.0.1", "10.1.2.3", "::1", "2001:db8::1")
NEAR = {"127.0.0.1", "10.1.2.3", "::1"}
CHAINS = (
    "203.0.113.9",
    "203.0.113.9, 10.0.0.1",
    "127.0.0.1",
    "127.0.0.1, 203.0.113.9",
    "::ffff:203.0.113.9",
    "[2001:db8::7]",
    "not an address",
    "203.0.113.9, not an address",
    ", ".join(["203.0.113.9"] * 5000),
    "",
)


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain[:40])
def test_an_address_is_believed_from_a_trusted_proxy_only(peer: str, chain: str) -> None:
    proxies = read_config({"MACHINA_TRUSTED_PROXIES": "127.0.0.1, 10.0.0.0/8, ::1"}).proxies
    headers = RawHeaders([(b"x-forwarded-for", chain.encode())])
    found = client_address(peer, headers, proxies)
    if peer not in NEAR:
        assert found == peer
    elif "203.0.113.9" in chain and not chain.endswith("not an address"):
        assert found == "203.0.113.9"
    else:
        # Never what is further away than the last word of a proxy that is trusted.
        assert found in {peer, "127.0.0.1", "2001:db8::7"}


async def test_other_headers_say_nothing_and_a_new_address_for_each_try_helps_nobody(tmp_path: Path) -> None:
    async with settled(tmp_path / "home") as site:
        statuses = []
        for number in range(14):
            spoofed = f"203.0.113.{number}"
            headers = {
                "X-Forwarded-For": spoofed,
                "Forwarded": f"for={spoofed}",
                "X-Real-IP": spoofed,
                "True-Client-IP": spoofed,
                "CF-Connecting-IP": spoofed,
                "X-Client-IP": spoofed,
            }
            fields = {"email": f"user{number}@example.org", "password": "wrong"}
            answer = await site.visitor().http.post("/api/auth/login", json=fields, headers=headers)
            statuses.append(answer.status_code)
        assert statuses.count(429) >= 2, statuses


# Much at once: row T42

MIB = 1 << 20


def crafted() -> list[bytes]:
    """Bodies of nearly 1 MiB that cost much to read carelessly."""
    return [
        b'{"name":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
        b'{"name":' + b'{"a":' * 150_000 + b"1" + b"}" * 150_000 + b"}",
        b'{"name":[' + b"0," * 500_000 + b"0]}",
        b"{" + b",".join(b'"k%d":0' % number for number in range(90_000)) + b"}",
        b'{"name":"' + b"\\u0301" * 170_000 + b'","handle":"x"}',
        b'{"name":' + b"9" * 1_000_000 + b',"handle":"x"}',
        b'{"name":1e999999999,"handle":"x"}',
        b"\x00" * MIB,
    ]


@pytest.mark.asyncio(loop_scope="module")
async def test_crafted_bodies_are_refused_and_leave_no_memory_behind(site: Site) -> None:
    me = psutil.Process()
    kind = {"Content-Type": "application/json"}

    async def send(body: bytes) -> int:
        return (await site.admin.http.post("/api/teams", content=body, headers=kind)).status_code

    bodies = crafted()
    assert {await send(body) for body in bodies} <= {400, 413, 422}
    gc.collect()
    before = me.memory_info().rss
    for _ in range(6):
        assert set(await asyncio.gather(*map(send, bodies))) <= {400, 413, 422}
        assert (await site.visitor().http.get("/health")).status_code == 200
    gc.collect()
    assert me.memory_info().rss - before < 48 * MIB


@pytest.mark.asyncio(loop_scope="module")
async def test_no_list_is_longer_than_a_page(site: Site) -> None:
    for case in served():
        longest = Reader(case).longest
        if longest:
            path = case.path.format(**dict.fromkeys(path_fields(case), "x"))
            answer = await site.admin.http.get(path, params={"team_id": site.team_id, "limit": str(longest + 1)})
            assert answer.status_code == 422, case.action
