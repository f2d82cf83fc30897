"""A browser's session: cookies that only the server reads, and writes that only its own page can send.

Proof of T34 of trust.md.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.fakes.server import PASSWORD, Site, running, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = "http://localhost:5173"
LOGIN = {"email": "ada@example.org", "password": PASSWORD}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with settled(tmp_path_factory.mktemp("site") / "home") as made:
        yield made


class Browser:
    """Keeps cookies as a browser on https would; our test server speaks http."""

    def __init__(self, site: Site, answer: httpx.Response) -> None:
        self.given = answer.headers.get_list("set-cookie")
        pairs = [each.partition(";")[0] for each in self.given]
        self.csrf = answer.json()["csrf_token"]
        self.http = site.visitor(Cookie="; ".join(pairs)).http


async def signed_in(site: Site) -> Browser:
    site.sql("DELETE FROM rate_limit")
    answer = await site.visitor().http.post("/api/auth/login", json=LOGIN)
    assert answer.status_code == 200, answer.text
    return Browser(site, answer)


async def test_a_browser_gets_its_session_as_a_cookie_and_never_reads_the_token(site: Site) -> None:
    site.sql("DELETE FROM rate_limit")
    answer = await site.visitor().http.post("/api/auth/login", json=LOGIN)
    session, csrf = answer.headers.get_list("set-cookie")
    assert session.startswith("__Host-machina=machina_")
    for part in ("; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax", "; Max-Age="):
        assert part in session
    assert "Domain" not in session
    assert csrf.startswith(f"__Host-machina-csrf={answer.json()['csrf_token']}; ")
    assert "HttpOnly" not in csrf
    assert answer.json()["token"] == ""
    assert session.partition("=")[2].partition(";")[0] not in answer.text


async def test_a_device_gets_a_token_and_no_cookie(site: Site) -> None:
    site.sql("DELETE FROM rate_limit")
    answer = await site.visitor().http.post("/api/auth/login", json={**LOGIN, "kind": "device"})
    assert "set-cookie" not in answer.headers
    assert answer.json()["token"].startswith("machina_")
    as_cookie = site.visitor(Cookie=f"__Host-machina={answer.json()['token']}").http
    assert (await as_cookie.get("/api/teams")).json()["code"] == "E-TOKEN"


async def test_reading_needs_the_cookie_alone_and_tells_the_page_what_to_repeat(site: Site) -> None:
    browser = await signed_in(site)
    answer = await browser.http.get("/api/auth/me")
    assert answer.status_code == 200
    assert answer.headers["x-csrf-token"] == browser.csrf


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-CSRF-Token": "right"}, 200),
        ({"X-CSRF-Token": "right", "Origin": PAGE, "Sec-Fetch-Site": "same-site"}, 200),
        ({"X-CSRF-Token": "right", "Origin": PAGE, "Sec-Fetch-Site": "cross-site"}, 200),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "same-origin"}, 200),
        ({}, 403),
        ({"X-CSRF-Token": "wrong"}, 403),
        ({"X-CSRF-Token": ""}, 403),
        ({"X-CSRF-Token": "\xe4"}, 403),
        ({"Origin": PAGE}, 403),
        ({"X-CSRF-Token": "right", "Origin": "http://evil.example"}, 403),
        ({"X-CSRF-Token": "right", "Origin": "null"}, 403),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "same-site"}, 403),
        ({"X-CSRF-Token": "right", "Origin": PAGE + ".evil.example"}, 403),
    ],
)
async def test_a_write_with_a_cookie_needs_the_pages_own_token(
    site: Site, headers: dict[str, str], status: int
) -> None:
    browser = await signed_in(site)
    sent = {name: browser.csrf if value == "right" else value for name, value in headers.items()}
    raw = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    answer = await browser.http.put(f"/api/teams/{site.team_id}", json={"name": "Crew"}, headers=raw)
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["code"] == "E-CSRF"


async def test_another_sessions_token_is_as_good_as_none(site: Site) -> None:
    first, second = await signed_in(site), await signed_in(site)
    headers = {"X-CSRF-Token": first.csrf}
    answer = await second.http.put(f"/api/teams/{site.team_id}", json={"name": "Crew"}, headers=headers)
    assert answer.json()["code"] == "E-CSRF"


async def test_a_bearer_token_needs_no_csrf_token_for_no_browser_sends_it_by_itself(site: Site) -> None:
    headers = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    answer = await site.admin.http.put(f"/api/teams/{site.team_id}", json={"name": "Crew"}, headers=headers)
    assert answer.status_code == 200


async def test_no_other_site_signs_a_browser_in(site: Site) -> None:
    answer = await site.visitor(Origin="http://evil.example").http.post("/api/auth/login", json=LOGIN)
    assert answer.json()["code"] == "E-CSRF"
    assert "set-cookie" not in answer.headers


async def test_signing_out_ends_the_session_and_takes_the_cookies_away(site: Site) -> None:
    browser = await signed_in(site)
    answer = await browser.http.post("/api/auth/logout", headers={"X-CSRF-Token": browser.csrf})
    assert answer.status_code == 204
    assert all("Max-Age=0" in each for each in answer.headers.get_list("set-cookie"))
    refused = await browser.http.get("/api/auth/me")
    assert refused.status_code == 401
    assert refused.headers["www-authenticate"] == 'Bearer realm="machina"'


@pytest.mark.parametrize(
    "shown",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer machina_" + "x" * 43},
        {"Authorization": "Basic YWRhOnB3"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "machina"},
        {"Cookie": "__Host-machina=machina_nobody"},
        {"Cookie": "__Host-machina=\x01"},
        {"Cookie": "machina=machina_nobody"},
    ],
)
async def test_what_is_no_token_of_ours_lets_nobody_in(site: Site, shown: dict[str, str]) -> None:
    answer = await site.visitor(**shown).http.get("/api/teams")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"]


async def test_no_token_is_stored_or_told_in_the_address(site: Site) -> None:
    tokens = {"token": site.admin.token, "access_token": site.admin.token}
    for name, value in tokens.items():
        assert (await site.visitor().http.get("/api/teams", params={name: value})).status_code == 401
    database = b"".join(path.read_bytes() for path in site.paths.home.glob("machina.db*"))
    assert site.admin.token.encode() not in database


async def test_too_many_wrong_passwords_are_refused_with_a_time_to_wait(tmp_path: Path) -> None:
    async with running(tmp_path / "home") as site:
        visitor = site.visitor().http
        answers = [
            await visitor.post("/api/auth/login", json={"email": "x@example.org", "password": str(number)})
            for number in range(12)
        ]
    assert [answer.status_code for answer in answers[:10]] == [401] * 10
    assert answers[-1].status_code == 429
    assert answers[-1].json()["code"] == "E-RATE"
    assert 0 < int(answers[-1].headers["retry-after"]) <= 900


@pytest.mark.parametrize(("registration", "status"), [("open", 200), ("invite", 403), ("", 403)])
async def test_who_may_make_an_account_is_configured(tmp_path: Path, registration: str, status: int) -> None:
    async with settled(tmp_path / "home", variables={"MACHINA_REGISTRATION": registration}) as site:
        fields = {"email": "eve@example.org", "display_name": "Eve", "password": PASSWORD}
        answer = await site.visitor().http.post("/api/auth/register", json=fields)
        assert answer.status_code == status, answer.text
