"""What every answer of the server has in common, and what it makes of requests that are none."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from machina_desktop.core.ids import new_id
from machina_desktop.server.gate import USER_AGENT_CHARACTERS
from tests.fakes.server import Site, running, settled

PROBLEM = {"code", "message", "hint", "field"}


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """One server for all tests that leave it as it was."""
    async with settled(tmp_path_factory.mktemp("site") / "home") as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def own_site(tmp_path: Path) -> AsyncIterator[Site]:
    """A server of the test's own."""
    async with settled(tmp_path / "home") as made:
        yield made


def is_problem(answer: httpx.Response, status: int, code: str) -> bool:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() == PROBLEM
    assert "Traceback" not in answer.text
    return bool(answer.json()["code"] == code)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "E-NO-ROUTE"),
        ("GET", "/api/nothing", 404, "E-NO-ROUTE"),
        ("GET", "/api/device/settings", 404, "E-NO-ROUTE"),
        ("POST", "/api/runner/key", 405, "E-METHOD"),
        ("GET", "/api/machines/../../etc/passwd", 404, "E-NO-ROUTE"),
        ("PATCH", "/api/machines", 405, "E-METHOD"),
        ("DELETE", "/api/machines", 405, "E-METHOD"),
        ("GET", "/api/machines/machine-none", 404, "E-NOT-FOUND"),
        ("GET", "/api/machines/%00", 404, "E-NOT-FOUND"),
        ("GET", "/api/machines", 422, "E-CODEC"),
        ("GET", "/api/machines?team_id=x&team_id=y", 422, "E-TWICE"),
        ("GET", "/api/machines?team_id=x&colour=red", 422, "E-UNKNOWN-FIELD"),
        ("GET", "/api/machines?team_id=x&limit=501", 422, "E-PAGE"),
        ("GET", "/api/machines?team_id=x&limit=0", 422, "E-PAGE"),
        ("GET", "/api/machines?team_id=x&offset=-1", 422, "E-PAGE"),
        ("GET", "/api/machines?team_id=x&limit=many", 422, "E-CODEC"),
        ("GET", "/api/machines?team_id=nobodys", 404, "E-NOT-FOUND"),
        ("GET", "/api/machines?" + "&".join(f"a{n}=1" for n in range(101)), 400, "E-REQUEST"),
    ],
)
async def test_a_request_that_is_none_is_refused_in_the_same_words(
    site: Site, method: str, path: str, status: int, code: str
) -> None:
    assert is_problem(await site.admin.http.request(method, path), status, code)


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "E-JSON"),
        (b"[]", "application/json", 400, "E-JSON"),
        (b'"text"', "application/json", 400, "E-JSON"),
        (b'{"name": "\xff"}', "application/json", 400, "E-JSON"),
        (b'{"name": NaN}', "application/json", 400, "E-JSON"),
        (b'{"name":' + b"[" * 40 + b"]" * 40 + b"}", "application/json", 400, "E-JSON-DEPTH"),
        (b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "application/json", 400, "E-JSON"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "E-MEDIA-TYPE"),
        (b'{"name": "x"}', "text/plain", 415, "E-MEDIA-TYPE"),
        (b'{"name": "x"}', "application/json", 422, "E-CODEC"),
        (b'{"name": 1, "handle": "x"}', "application/json", 422, "E-CODEC"),
        (b'{"name": "x", "handle": "xy", "created_by": "me"}', "application/json", 422, "E-UNKNOWN-FIELD"),
        (b'{"name": "x", "handle": "xy", "team_id": "../../x"}', "application/json", 422, "E-ID"),
        (b'{"name": "' + b"x" * (1 << 20) + b'"}', "application/json", 413, "E-TOO-LARGE"),
    ],
)
async def test_a_body_that_is_none_is_refused_in_the_same_words(
    site: Site, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = await site.admin.http.post("/api/teams", content=body, headers={"content-type": content_type})
    assert is_problem(answer, status, code)


async def test_a_body_without_a_length_is_counted_while_it_comes(site: Site) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * 65_536

    answer = await site.admin.http.post("/api/teams", content=pieces(), headers={"content-type": "application/json"})
    assert is_problem(answer, 413, "E-TOO-LARGE")


async def test_the_field_that_is_wrong_is_named(site: Site) -> None:
    answer = await site.admin.http.post("/api/teams", json={"name": "x"})
    assert answer.json()["field"] == "handle"
    answer = await site.admin.http.post("/api/teams", json={"name": 1, "handle": "x"})
    assert answer.json()["field"] == "name"
    answer = await site.admin.http.post("/api/teams", json={"name": "x", "handle": "No Handle"})
    assert (answer.json()["code"], answer.json()["field"]) == ("E-TEAM-HANDLE", "handle")


async def test_a_field_of_the_path_cannot_be_given_again(site: Site) -> None:
    answer = await site.admin.http.put(f"/api/teams/{site.team_id}", json={"team_id": site.team_id, "name": "x"})
    assert is_problem(answer, 422, "E-UNKNOWN-FIELD")


async def test_every_answer_carries_the_headers_that_protect_browsers(site: Site) -> None:
    for answer in (
        await site.admin.http.get("/api/teams"),
        await site.visitor().http.get("/api/teams"),
        await site.visitor().http.get("/nothing"),
    ):
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers


async def test_in_production_browsers_are_told_to_insist_on_tls(tmp_path: Path) -> None:
    variables = {"MACHINA_ENV": "production", "PUBLIC_SERVER_URL": "https://machina.example.com"}
    async with running(tmp_path / "home", variables=variables) as site:
        visitor = site.visitor().http
        answer = await visitor.get("/api/teams", headers={"Host": "machina.example.com"})
        assert answer.status_code == 401
        assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
        refused = await visitor.get("/api/teams", headers={"Host": "localhost"})
        assert is_problem(refused, 400, "E-HOST")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost@evil.example", ""])
async def test_a_server_answers_only_under_its_own_names(site: Site, host: str) -> None:
    answer = await site.admin.http.get("/api/teams", headers={"Host": host})
    assert is_problem(answer, 400, "E-HOST")


async def test_only_pages_of_the_configured_origin_may_read_answers(site: Site) -> None:
    visitor = site.visitor().http
    asked = {"Access-Control-Request-Method": "POST"}
    allowed = await visitor.options("/api/machines", headers={"Origin": "http://localhost:5173", **asked})
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert allowed.headers["access-control-allow-credentials"] == "true"
    for origin in ("http://evil.example", "null", "http://localhost:51730", "https://localhost:5173"):
        refused = await visitor.options("/api/machines", headers={"Origin": origin, **asked})
        assert is_problem(refused, 403, "E-ORIGIN")
        assert "access-control-allow-origin" not in refused.headers
        read = await visitor.get("/api/machines", headers={"Origin": origin})
        assert "access-control-allow-origin" not in read.headers
        assert read.headers["vary"] == "Origin"


async def test_health_and_readiness_answer_whoever_asks(site: Site) -> None:
    visitor = site.visitor().http
    assert (await visitor.get("/health", headers={"Host": "10.0.0.7"})).json() == {"status": "alive"}
    assert (await visitor.get("/ready")).json() == {"status": "ready"}


async def test_a_server_without_its_database_is_alive_but_not_ready(own_site: Site) -> None:
    own_site.host.database.close()
    visitor = own_site.visitor().http
    assert (await visitor.get("/health")).status_code == 200
    answer = await visitor.get("/ready")
    assert is_problem(answer, 503, "E-CLOSING")
    assert answer.headers["retry-after"] == "1"


async def test_figures_are_told_to_this_computer_only(own_site: Site) -> None:
    await own_site.admin.get("/api/teams")
    visitor = own_site.visitor().http
    text = (await visitor.get("/metrics")).text
    assert 'machina_requests_total{action="team.list",status="200"} 1\n' in text
    assert 'machina_request_seconds_count{action="team.list"} 1\n' in text
    assert 'machina_runs{state="queued"} 0\n' in text
    forwarded = await visitor.get("/metrics", headers={"X-Forwarded-For": "127.0.0.1"})
    assert is_problem(forwarded, 404, "E-NO-ROUTE")


async def test_only_a_trusted_proxy_says_on_whose_behalf_it_asks(tmp_path: Path) -> None:
    spoofed = {"X-Forwarded-For": "203.0.113.9, 198.51.100.7", "User-Agent": "x" * 1000}
    for proxies, address in (
        ("", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.7"),
        ("127.0.0.1, 198.51.100.0/24", "203.0.113.9"),
    ):
        home = tmp_path / str(len(proxies))
        async with settled(home, variables={"MACHINA_TRUSTED_PROXIES": proxies}) as site:
            fields = {"email": "ada@example.org", "password": "correct horse battery staple", "kind": "device"}
            answer = await site.visitor().http.post("/api/auth/login", json=fields, headers=spoofed)
            assert answer.status_code == 200
            [(kept, agent)] = site.sql("SELECT address, user_agent FROM session ORDER BY created_at DESC LIMIT 1")
            assert kept == address
            assert len(agent) <= USER_AGENT_CHARACTERS


async def test_the_access_log_tells_no_query_and_no_token(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", "machina.access"):
        await site.admin.get("/api/machines", team_id=site.team_id, search="my-secret-search")
    [line] = [record.getMessage() for record in caplog.records if record.name == "machina.access"]
    assert "machine.list 200" in line
    assert site.admin.user_id in line
    assert "my-secret-search" not in line
    assert site.admin.token not in caplog.text


async def test_of_many_machines_every_page_is_another(own_site: Site) -> None:
    account_id = await own_site.account()
    for number in range(5):
        await own_site.machine(f"m{number}", account_id)
    pages = [
        [
            each["name"]
            for each in await own_site.admin.get("/api/machines", team_id=own_site.team_id, limit=2, offset=offset)
        ]
        for offset in (0, 2, 4)
    ]
    assert pages == [["m0", "m1"], ["m2", "m3"], ["m4"]]


async def test_the_same_ids_make_one_machine(own_site: Site) -> None:
    account_id, machine_id = await own_site.account(), new_id("machine")
    fields = {"team_id": own_site.team_id, "account_id": account_id, "name": "web", "machine_id": machine_id}
    first = await own_site.admin.http.post("/api/machines", json=fields)
    again = await own_site.admin.http.post("/api/machines", json=fields)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json()["machine_id"] == machine_id
    assert len(await own_site.admin.get("/api/machines", team_id=own_site.team_id)) == 1


async def test_an_answer_is_sent_without_waiting_for_its_head_to_be_acknowledged(site: Site) -> None:
    visitor = site.visitor().http
    took: list[float] = []
    while len(took) < 300 and min(took, default=1.0) >= 0.03:
        began = time.perf_counter()
        await visitor.get("/health")
        took.append(time.perf_counter() - began)
    # Nagle's algorithm and delayed acknowledgements together cost 40 ms each time.
    assert min(took) < 0.03, took
