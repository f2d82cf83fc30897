"""Whatever answers in a server's place: the client says what is wrong, holds no memory, and believes nothing (T46)."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.config import Settings
from machina_desktop.core.errors import InvalidInput, MachinaError, NotFound, Outdated, TooMany, Unavailable
from machina_desktop.core.http import Patience
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.machines import GetMachine
from machina_desktop.core.services.members import LeaveTeam
from machina_desktop.core.services.server_description import DescribeServer
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.sync.home import Hint
from machina_desktop.core.sync.server_client import ServerClient
from tests.fakes.evil_server import Evil, answer, answering, certified

HASTY = Patience(connect_s=0.5, read_s=0.5, call_s=0.8, silence_s=0.3)
CANARY = "canary-7f3a9c"


async def told(
    url: str, home: Path, ask: Request[object] | None = None, *, patience: Patience | None = None
) -> MachinaError:
    """The error that asking there ends with."""
    client = ServerClient(url, Secret(CANARY), settings=Settings(home / "settings.json"), patience=patience)
    try:
        with pytest.raises(MachinaError) as caught:
            await client.call(ask or ListTeams())
    finally:
        await client.close()
    return caught.value


def problem(status: str = "409 Conflict", **fields: object) -> bytes:
    said = {"code": "E-X", "message": "No.", "hint": "", "field": "", **fields}
    return answer(json.dumps(said).encode(), status=status)


STRANGE = {
    "a page": answer(b"<html><h1>Welcome</h1>", kind="text/html"),
    "a page with an error": answer(b"<html>404</html>", status="404 Not Found", kind="text/html"),
    "no JSON": answer(b"[{"),
    "JSON of another shape": answer(b'{"team_id": 1}'),
    "JSON with wrong types": answer(b'[{"team_id": 1, "name": []}]'),
    "nothing": answer(b""),
    "a number without an end": answer(b"1" * 5_000_000),
    "JSON too deep": answer(b"[" * 100_000),
    "another program's JSON": answer(b"[]", machina_schema=""),
    "an answer without content": answer(b"", status="204 No Content"),
    "a redirect": answer(b"", status="302 Found", location="http://elsewhere.example/"),
    "a status that is none": answer(b"", status="999 Hm"),
    "an error without a form": answer(b'{"error": "x"}', status="400 Bad Request"),
    "an error with wrong types": answer(b'{"code": 1, "message": []}', status="409 Conflict"),
    "no HTTP": b"220 smtp.example ESMTP\r\n\r\n",
    "something packed": answer(gzip.compress(b"[]" + b" " * 20_000_000), content_encoding="gzip"),
    "a length that is none": answer(b"[]", content_length="-5"),
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 9\r\n\r\n[]",
    "a chunk that is none": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    "headers without an end": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 50_000,
    "one header without an end": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000,
    "a header with a null": b"HTTP/1.1 200 OK\r\nx: \0\r\ncontent-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("said", STRANGE.values(), ids=STRANGE.keys())
async def test_what_is_no_answer_of_a_server_is_called_that(said: bytes, tmp_path: Path) -> None:
    async with answering(said) as evil:
        error = await told(evil.url, tmp_path)
    assert (type(error), error.code) == (Unavailable, "E-SERVER-ANSWER")
    assert error.hint
    assert CANARY not in str(error)
    assert len(evil.requests) == 1, "nobody asks such a server again"


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
async def test_a_server_that_is_down_behind_its_proxy_is_offline(status: str, tmp_path: Path) -> None:
    async with answering(answer(b"<html>nginx</html>", status=status, kind="text/html", machina_schema="")) as evil:
        assert (await told(evil.url, tmp_path)).code == "E-OFFLINE"


async def test_where_nobody_listens_is_offline(tmp_path: Path) -> None:
    async with answering(b"") as evil:
        pass
    error = await told(evil.url, tmp_path)
    assert (type(error), error.code) == (Unavailable, "E-OFFLINE")


async def test_a_name_that_nobody_has_is_offline(tmp_path: Path) -> None:
    assert (await told("https://nobody.invalid", tmp_path)).code == "E-OFFLINE"


async def pour(evil: Evil, head: bytes, piece: bytes) -> None:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        await evil.pour(writer, piece)

    evil.say = say


ENDLESS = {
    "a body": (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", b" " * 65536),
    "a body in chunks": (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
        b"10000\r\n" + b" " * 65536 + b"\r\n",
    ),
    "a body that says how long it is": (b"HTTP/1.1 200 OK\r\ncontent-length: 9999999999\r\n\r\n", b" " * 65536),
    "an error": (b"HTTP/1.1 409 Conflict\r\ncontent-type: application/json\r\n\r\n", b" " * 65536),
}


@pytest.mark.parametrize(("head", "piece"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_an_answer_without_an_end_fills_no_memory(head: bytes, piece: bytes, tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with answering(b"") as evil:
        await pour(evil, head, piece)
        error = await told(evil.url, tmp_path)
    assert error.code == "E-SERVER-ANSWER"
    assert evil.sent < 24 << 20, "8 MiB, and what lies in the buffers on the way"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


SLOW: dict[str, tuple[bytes, bytes]] = {
    "answers that are none yet": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body by the byte": (b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n", b" "),
    "headers by the byte": (b"HTTP/1.1 200 OK\r\nx: ", b"y"),
}


@pytest.mark.parametrize(("head", "piece"), SLOW.values(), ids=SLOW.keys())
async def test_an_answer_that_trickles_ends_in_time(head: bytes, piece: bytes, tmp_path: Path) -> None:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with answering(say) as evil, asyncio.timeout(30):
        assert (await told(evil.url, tmp_path, patience=HASTY)).code == "E-OFFLINE"


async def test_a_flood_of_answers_that_are_none_yet_ends_in_time(tmp_path: Path) -> None:
    async with answering(b"") as evil, asyncio.timeout(30):
        await pour(evil, b"", b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" * 500)
        assert (await told(evil.url, tmp_path, patience=HASTY)).code == "E-OFFLINE"


async def test_silence_ends_in_time(tmp_path: Path) -> None:
    async def say(_writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with answering(say) as evil, asyncio.timeout(30):
        error = await told(evil.url, tmp_path, LeaveTeam(team_id="team-x"), patience=HASTY)
    assert error.code == "E-OFFLINE"
    assert len(evil.requests) == 1


async def test_text_of_a_server_is_data(tmp_path: Path) -> None:
    phishing = "\x1b[2J\u202eevil\u2066 <a href='http://evil'>Click</a>\r\n\0\u200b" + "A" * 5000
    async with answering(problem(message=phishing, hint=phishing, code="E-<script>")) as evil:
        error = await told(evil.url, tmp_path)
    assert error.code == "E-SERVER-ANSWER"
    for text in (error.message, error.hint):
        assert text.isprintable()
        assert len(text) <= 500
        assert not set(text) & set("\u202e\u2066\u200b\x1b\n")
        assert "evil" in text


async def test_an_error_is_the_one_that_the_server_meant(tmp_path: Path) -> None:
    async with answering(problem("422 Unprocessable", field="name", code="E-NAME", hint="Shorter.")) as evil:
        error = await told(evil.url, tmp_path)
    assert isinstance(error, InvalidInput)
    assert (error.code, error.field, error.hint, error.message) == ("E-NAME", "name", "Shorter.", "No.")


async def test_what_a_server_does_not_know_is_a_matter_of_its_age(tmp_path: Path) -> None:
    async with answering(problem("404 Not Found", code="E-NO-ROUTE")) as evil:
        assert isinstance(await told(evil.url, tmp_path), Outdated)
    async with answering(problem("404 Not Found", code="E-NOT-FOUND")) as evil:
        assert isinstance(await told(evil.url, tmp_path), NotFound)


@pytest.mark.parametrize(("schema", "who"), [("0", "server"), ("3", "this computer")])
async def test_a_server_of_another_time_is_refused_and_it_is_said_what_to_update(
    schema: str, who: str, tmp_path: Path
) -> None:
    async with answering(answer(b"[]", machina_schema=schema)) as evil:
        error = await told(evil.url, tmp_path)
    assert isinstance(error, Outdated)
    assert who in error.hint


async def test_a_server_of_the_next_version_is_understood(tmp_path: Path) -> None:
    async with answering(answer(b"[]", machina_schema="2")) as evil:
        client = ServerClient(evil.url, None, settings=Settings(tmp_path / "settings.json"))
        assert await client.call(ListTeams()) == ()
        await client.close()


async def test_a_wait_beyond_all_patience_is_told_and_not_kept(tmp_path: Path) -> None:
    body = b'{"code": "E-RATE", "message": "Slow down.", "hint": "", "field": ""}'
    for header, wait_s in (("99999999999999999999", 1), ("-3", 1), ("\u0663", 1), ("86400000", 86400), ("40", 40)):
        said = answer(body, status="429 Too Many", retry_after=header.encode().decode("latin-1"))
        async with answering(said) as evil, asyncio.timeout(30):
            error = await told(evil.url, tmp_path)
        assert isinstance(error, TooMany)
        assert error.retry_after_s == wait_s


async def test_a_path_leads_nowhere_else(tmp_path: Path) -> None:
    async with answering(problem("404 Not Found", code="E-NOT-FOUND")) as evil:
        for key in ("../../admin", "..", "", "a/b"):
            assert isinstance(await told(evil.url, tmp_path, GetMachine(machine_id=key)), NotFound)
        assert not evil.requests
        await told(evil.url, tmp_path, GetMachine(machine_id="a?b=c#d\r\nx: y %2f"))
        line = evil.requests[0].split(b"\r\n")[0]
        assert line == b"GET /api/machines/a%3Fb%3Dc%23d%0D%0Ax%3A%20y%20%252f HTTP/1.1"


# The way there


async def test_a_certificate_of_nobodys_authority_is_refused(tmp_path: Path) -> None:
    tls, _file = certified(tmp_path)
    async with answering(answer(b"[]"), tls=tls) as evil:
        error = await told(evil.url, tmp_path)
    assert error.code == "E-TLS"
    assert "SSL_CERT_FILE" in error.hint
    assert not evil.requests


async def test_ones_own_authority_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, file = certified(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with answering(answer(b"[]"), tls=tls) as server:
        client = ServerClient(server.url, None, settings=Settings(tmp_path / "settings.json"))
        assert await client.call(ListTeams()) == ()
        await client.close()


async def test_an_expired_certificate_is_told_with_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, file = certified(tmp_path, days=-1)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with answering(answer(b"[]"), tls=tls) as evil:
        error = await told(evil.url, tmp_path)
    assert error.code == "E-TLS"
    assert "expired" in error.message
    assert "clock" in error.hint


async def test_a_certificate_of_another_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tls, file = certified(tmp_path, name="other.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with answering(answer(b"[]"), tls=tls) as evil:
        assert (await told(evil.url, tmp_path)).code == "E-TLS"


async def test_what_speaks_no_tls_is_no_safe_line(tmp_path: Path) -> None:
    async with answering(answer(b"[]")) as evil:
        error = await told(evil.url.replace("http:", "https:"), tmp_path, patience=HASTY)
    assert error.code in {"E-TLS", "E-OFFLINE"}


# What follows the feeds


async def hints_end(url: str, home: Path, *, patience: Patience | None = None) -> tuple[int, MachinaError]:
    """How many hints came, and what ended them."""
    client = ServerClient(url, Secret(CANARY), settings=Settings(home / "settings.json"), patience=patience)
    found: list[Hint] = []

    async def listen() -> None:
        async for hint in client.hints():
            found.append(hint)  # noqa: PERF401 - what came before an error counts

    try:
        with pytest.raises(MachinaError) as caught:
            await listen()
    finally:
        await client.close()
    return len(found), caught.value


def stream(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nmachina-schema: 1\r\n\r\n" + body


BAD_NEWS = {
    "no numbers": b'event: hint\ndata: {"team_id": 5}\n\n',
    "no JSON": b"event: log\ndata: <html>\n\n",
    "a line without an end": b"data: " + b"x" * 200_000,
    "an event without an end": b"event: hint\n" + b"data: xxxxxxxxxx\n" * 20_000,
}


@pytest.mark.parametrize("body", BAD_NEWS.values(), ids=BAD_NEWS.keys())
async def test_news_that_are_none_end_the_line(body: bytes, tmp_path: Path) -> None:
    async with answering(stream(body)) as evil, asyncio.timeout(30):
        count, error = await hints_end(evil.url, tmp_path)
    assert (count, error.code) == (0, "E-SERVER-ANSWER")


async def test_a_line_on_which_nothing_comes_is_broken(tmp_path: Path) -> None:
    async with answering(stream(b': hello\nevent: hint\ndata: {"team_id": "t", "seq": 1}\n\n')) as evil:
        async with asyncio.timeout(30):
            count, error = await hints_end(evil.url, tmp_path, patience=replace(HASTY, read_s=9.0, silence_s=1.0))
    assert (count, error.code) == (2, "E-OFFLINE")


async def test_a_page_in_place_of_news_is_none(tmp_path: Path) -> None:
    async with answering(answer(b"<html>", kind="text/html")) as evil, asyncio.timeout(30):
        assert (await hints_end(evil.url, tmp_path))[1].code == "E-SERVER-ANSWER"


async def test_nothing_of_a_request_is_in_any_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        async with answering(problem(message=CANARY)) as evil:
            await told(evil.url, tmp_path, GetMachine(machine_id=CANARY))
            await told(evil.url, tmp_path, DescribeServer())
    ours = [record for record in caplog.records if record.name != "asyncio"]
    assert CANARY not in "\n".join(f"{record.name} {record.getMessage()}" for record in ours)
