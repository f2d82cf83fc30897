"""The pages for people with a browser, as HTTP sends them and as a real browser shows them."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from machina_desktop.core.config import bundle_folder
from machina_desktop.core.domain.integration import IntegrationType
from machina_desktop.server.pages.files import Files
from machina_desktop.server.pages.writing import Writer
from machina_desktop.views.links import Link
from tests.fakes.chromium import Tab, browsing, tab
from tests.fakes.hosts import until
from tests.fakes.server import Site, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")

CODE = "7k3m9-2qhx4-8wz1n-p5c6d-y0rt7s"
SERVER = "https://machina.example.com"
BROWSER = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
PATHS = (
    "/",
    "/status",
    f"/join/{CODE}",
    "/oauth/github/result?outcome=success",
    "/oauth/slack/result?outcome=refused",
    "/oauth/discord/result?outcome=expired",
    "/oauth/x/result",
    "/nothing",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    variables = {"PUBLIC_SERVER_URL": SERVER, "MACHINA_ALLOWED_HOSTS": "localhost"}
    async with settled(tmp_path_factory.mktemp("site") / "home", variables=variables) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tab]:
    async with browsing(tmp_path_factory.mktemp("browser")) as browser, tab(browser) as made:
        yield made


@pytest.fixture
def http(site: Site) -> httpx.AsyncClient:
    return site.visitor(**BROWSER).http


class Links(HTMLParser):
    """What a page refers to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value for name, value in attrs if name in {"href", "src"} and value]


async def test_an_invite_names_the_server_and_opens_in_the_desktop(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"/join/{CODE}")
    assert answer.status_code == 200
    [link] = [each for each in Links(answer.text).found if each.startswith("machina:")]
    assert Link.parse(link) == Link.to_join(CODE, SERVER)
    assert f"<code>{SERVER}" in answer.text.replace(' id="server"', "")
    assert f"<code>{CODE}" in answer.text.replace(' id="code"', "")


async def test_a_right_code_and_a_wrong_one_get_the_same_page(site: Site, http: httpx.AsyncClient) -> None:
    right, wrong = await site.code(), CODE
    first, second = await http.get(f"/join/{right}"), await http.get(f"/join/{wrong}")
    assert first.text.replace(right, "") == second.text.replace(wrong, "")
    assert {**first.headers, "date": ""} == {**second.headers, "date": ""}


async def test_a_code_is_kept_nowhere_on_its_way(
    site: Site, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    for path in (f"/join/{CODE}", f"/join/{CODE}/", f"/join/{CODE}/more", f"/x//join/{CODE}", f"/x/join/{CODE}"):
        for method in ("GET", "HEAD", "POST"):
            answer = await http.request(method, path)
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
    noted = [record.getMessage() for record in caplog.records if record.name == "machina.access"]
    assert len(noted) == 15
    assert "GET '/join/…' page.join 200" in noted[0]
    # The others are this test's own client, and loggers that reach no handler but the test's.
    kept = [each.getMessage() for each in caplog.records if logging.getLogger(each.name).propagate]
    assert not [text for text in kept if CODE[:11] in text and not text.startswith(("receive_", "HTTP Request"))]


@pytest.mark.parametrize("code", ["short", CODE.upper(), f"{CODE}x", "a" * 300, "%3Cscript%3E", f"{CODE}?server=x"])
async def test_what_is_no_code_is_no_invite(http: httpx.AsyncClient, code: str) -> None:
    answer = await http.get(f"/join/{code}")
    if "?" in code:
        assert "server=x" not in answer.text
    else:
        assert answer.status_code == 404
        assert code.lower() not in answer.text.lower()


@pytest.mark.parametrize("kind", IntegrationType)
@pytest.mark.parametrize(
    ("outcome", "heading"),
    [
        ("success", "is connected"),
        ("refused", "was not connected"),
        ("expired", "This took too long"),
        ("failed", "could not be connected"),
        ("<b>anything</b>", "could not be connected"),
        ("", "could not be connected"),
    ],
)
async def test_the_end_of_an_oauth_dance_is_told_in_words_of_ours(
    http: httpx.AsyncClient, kind: IntegrationType, outcome: str, heading: str
) -> None:
    answer = await http.get(
        f"/oauth/{kind}/result", params={"outcome": outcome, "error_description": "canary", "state": "canary"}
    )
    assert answer.status_code == 200
    assert heading in answer.text
    for reflected in ("canary", "anything"):
        assert reflected not in answer.text


async def test_an_unknown_service_has_no_result(http: httpx.AsyncClient) -> None:
    answer = await http.get("/oauth/canary/result", params={"outcome": "success"})
    assert answer.status_code == 404
    assert "canary" not in answer.text


async def test_the_status_tells_of_the_server_and_nothing_of_people(site: Site, http: httpx.AsyncClient) -> None:
    answer = await http.get("/status")
    assert answer.status_code == 200
    for part in ("machina.example.com", "0.1.0", "All is well", "answers", '<time datetime="20'):
        assert part in answer.text
    for private in ("Ada", "Crew", site.team_id, str(site.paths.home)):
        assert private not in answer.text


async def test_a_database_that_does_not_answer_is_told_and_not_asked_by_everybody(tmp_path: Path) -> None:
    async with settled(tmp_path / "home") as own:
        http = own.visitor(**BROWSER).http
        own.host.database.close()
        answer = await http.get("/status")
        assert answer.status_code == 503
        assert "The database does not answer" in answer.text
        assert "content-security-policy" in answer.headers
        assert (await http.get("/")).status_code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_whatever_a_page_refers_to_is_there(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    links = [each for each in Links(answer.text).found if not each.startswith("machina:")]
    assert len(links) >= 6
    for link in links:
        found = await http.get(link)
        assert found.status_code == 200, link
        if link.startswith("/static/"):
            assert found.headers["cache-control"] == "public, max-age=31536000, immutable"
            assert re.search(r"\.[0-9a-f]{16}\.", link)
    style = await http.get(next(link for link in links if link.endswith(".css")))
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    fonts = re.findall(r'url\("([^"]+)"\)', style.text)
    assert len(fonts) == 4
    for font in fonts:
        assert (await http.get(font)).headers["content-type"] == "font/ttf"


async def test_pages_load_from_their_own_server_only(http: httpx.AsyncClient) -> None:
    for path in PATHS:
        policy = (await http.get(path)).headers.get_list("content-security-policy")
        assert len(policy) == 1
        assert policy[0].startswith("default-src 'none'; style-src 'self'; script-src 'self';")
        assert "unsafe" not in policy[0]
        assert "frame-ancestors 'none'" in policy[0]


async def test_pages_carry_neither_script_nor_style_of_their_own(http: httpx.AsyncClient) -> None:
    for path in PATHS:
        text = (await http.get(path)).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|<script(?! src=)|javascript:", text)


@pytest.mark.parametrize(
    ("path", "status", "heading"),
    [
        ("/nothing", 404, "There is nothing here"),
        ("/static/nothing.css", 404, "There is nothing here"),
        ("/static/..%2f..%2fpyproject.toml", 404, "There is nothing here"),
        ("/api-reference", 404, "There is nothing here"),
    ],
)
async def test_people_get_a_page_for_an_error_and_programs_their_problem(
    site: Site, http: httpx.AsyncClient, path: str, status: int, heading: str
) -> None:
    answer = await http.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert heading in answer.text
    for accept in ("application/json", "*/*", ""):
        told = await site.visitor(Accept=accept).http.get(path)
        assert told.status_code == status
        assert told.json()["code"] == "E-NO-ROUTE"


async def test_a_page_takes_no_writes(http: httpx.AsyncClient) -> None:
    answer = await http.post("/status")
    assert answer.status_code == 405
    assert "That is not possible here" in answer.text
    assert answer.headers["allow"]


async def test_a_fault_of_ours_is_a_page_without_its_reason(
    site: Site, http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_identifiers: object) -> None:
        raise RuntimeError("canary")

    monkeypatch.setattr(site.server._pages._writer._templates["front"], "substitute", fail)
    answer = await http.get("/")
    assert answer.status_code == 500
    assert "Something went wrong" in answer.text
    assert "canary" not in answer.text
    assert "met a fault of ours" in caplog.text


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/nothing", "/api/teams", "/schema/nothing"])
async def test_the_api_answers_programs_whatever_they_accept(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(path)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["code"].startswith("E-")


async def test_a_head_is_a_page_without_its_body(http: httpx.AsyncClient) -> None:
    whole, head = await http.get("/"), await http.head("/")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))


async def test_what_is_put_into_a_page_is_text_there() -> None:
    page = Writer("https://host").text("message", "<t>", {"tone": '"><b>', "icon_state": "ban", "heading": "<script>",
        "text": "a & b", "link": "javascript:\"'", "action": "$main"}).decode()  # fmt: skip
    for part in ("<title>&lt;t&gt;", "&lt;script&gt;", "a &amp; b", "&quot;&gt;&lt;b&gt;", "javascript:&quot;&#x27;"):
        assert part in page
    assert "<script>" not in page
    assert ">$main<" in page


async def test_colours_of_pages_are_those_of_the_desktop() -> None:
    own = (bundle_folder() / "resources" / "web" / "pages.css").read_text("utf-8")
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgb|hsl|oklch)a?\(", own)
    files = Files()
    style = files.by_name[files.addresses["file_style"].rpartition("/")[2]].body.decode()
    for theme in ("dark", "light", "high-contrast"):
        assert f"--background: {files._tokens[theme]['colors']['background']};" in style


TROUBLES = """
(() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, at) => sum + v * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const colour = parse(getComputedStyle(each).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const troubles = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const [a, b] = [luminance(parse(style.color)), luminance(ground(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    const size = parseFloat(style.fontSize);
    const least = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < least) troubles.push(`${walker.currentNode.data.trim()}: ${ratio.toFixed(2)}`);
    if (size < 12) troubles.push(`${walker.currentNode.data.trim()}: ${size} px`);
  }
  const wide = document.scrollingElement.scrollWidth - innerWidth;
  if (wide > 0) troubles.push(`scrolls sideways by ${wide} px`);
  for (const each of document.querySelectorAll("a, button")) {
    const box = each.getBoundingClientRect();
    if (each.checkVisibility() && box.height < 20) troubles.push(`${each.textContent} is ${box.height} px high`);
    if (each.checkVisibility() && box.right > innerWidth) troubles.push(`${each.textContent} is cut off`);
  }
  return troubles;
})()
"""
LOOKS = (
    {"prefers_color_scheme": "dark"},
    {"prefers_color_scheme": "light"},
    {"prefers_color_scheme": "dark", "prefers_contrast": "more"},
)


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: "-".join(look.values()))
async def test_pages_are_legible_on_any_screen(site: Site, page: Tab, look: dict[str, str]) -> None:
    before, grounds = len(page.look_for_faults()), set()
    for path in PATHS:
        await page.show(1280, **look)
        await page.open(f"{site.url}{path}")
        for width in (1280, 768, 320):
            await page.show(width, **look)
            assert await page.run(TROUBLES) == [], f"{path} at {width}"
        grounds.add(await page.run("getComputedStyle(document.body).backgroundColor"))
        assert await page.run("document.fonts.check('16px \"DM Sans\"') && document.fonts.size === 4")
    assert len(grounds) == 1
    # The one address that is not there is told in the console by the browser itself.
    told = [text for text in page.look_for_faults()[before:] if "status of 404" not in text]
    assert told == []


async def test_dark_and_light_differ(site: Site, page: Tab) -> None:
    await page.open(f"{site.url}/")
    seen = []
    for scheme in ("dark", "light"):
        await page.show(1280, prefers_color_scheme=scheme)
        seen.append(await page.run("getComputedStyle(document.body).backgroundColor"))
    assert seen == ["rgb(10, 14, 20)", "rgb(246, 248, 250)"]


async def test_buttons_copy_what_stands_beside_them(site: Site, page: Tab) -> None:
    await page.show(1280)
    await page.open(f"{site.url}/join/{CODE}")
    for name, text in (("code", CODE), ("server", SERVER)):
        await page.click(f"[data-copy={name}]")
        assert await page.run(f"new Promise(done => {{ const look = () => document.querySelector('[data-copy={name}]')"
                              ".classList.contains('done') ? done(true) : setTimeout(look, 5); look(); })")  # fmt: skip
        assert await page.run("navigator.clipboard.readText()") == text
        assert await page.run(f"document.querySelector('[data-copy={name}]').innerText.trim()") == "Copied"


async def test_everything_is_reached_by_the_keyboard_and_shows_that_it_is(site: Site, page: Tab) -> None:
    await page.show(1280)
    await page.open(f"{site.url}/join/{CODE}")
    reached = []
    for _ in range(5):
        await page.press("Tab")
        reached.append(
            await page.run(
                "(() => { const it = document.activeElement, style = getComputedStyle(it);"
                " return [it.innerText.trim(), style.outlineStyle, style.outlineWidth]; })()"
            )
        )
    assert [text for text, _, _ in reached] == ["Machina", "Open in Machina", "Copy", "Copy", "Status"]
    assert {(style, width) for _, style, width in reached} == {("solid", "2px")}


async def test_nothing_moves_for_who_wants_less_motion(site: Site, page: Tab) -> None:
    await page.open(f"{site.url}/join/{CODE}")
    for wish, seconds in (("no-preference", "0.12s, 0.12s"), ("reduce", "0s")):
        await page.show(1280, prefers_reduced_motion=wish)
        assert await page.run("getComputedStyle(document.querySelector('.button')).transitionDuration") == seconds


async def test_a_page_is_whole_without_script(site: Site, page: Tab) -> None:
    await page.ask("Emulation.setScriptExecutionDisabled", value=True)
    try:
        after = len(page.browser.events)
        await page.ask("Page.navigate", url=f"{site.url}/join/{CODE}")
        await page.browser.event("Page.loadEventFired", page.session, after)
        text = await page.run("document.body.innerText")
    finally:
        await page.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert CODE in text
    assert "Open in Machina" in text
    assert "Copy" not in text


async def test_the_policy_holds_and_a_breach_of_it_is_seen(site: Site, page: Tab) -> None:
    await page.open(f"{site.url}/")
    before = len(page.look_for_faults())
    await page.run("document.body.setAttribute('style', 'color: red')")
    assert await page.run("getComputedStyle(document.body).color") != "rgb(255, 0, 0)"
    # The console tells it apart from the script's answer.
    await until(lambda: any("Content Security Policy" in text for text in page.look_for_faults()[before:]))
