"""A team's home over HTTP: the server's loop over the registry, backwards."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar, cast

from machina_desktop.core.codec import from_json
from machina_desktop.core.config import Settings
from machina_desktop.core.domain.account import SessionKind, lifetime
from machina_desktop.core.domain.server import SCHEMA, SCHEMA_HEADER
from machina_desktop.core.errors import InvalidInput, MachinaError, Unavailable
from machina_desktop.core.http import Http
from machina_desktop.core.http_terms import Answer, NoAnswer, Patience, strange
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.authentication import SignedIn
from machina_desktop.core.services.routes import Written, written
from machina_desktop.core.services.sessions import RotateSession
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.core.sync.home import Alive, HeadMoved, Hint, LogGrown
from machina_desktop.core.sync.server_answers import check_schema, problem, result, retry_after_s

R = TypeVar("R")
LOG = logging.getLogger(__name__)

HINTS = "/api/sync/hints"
EVENT_BYTES = 64 << 10
READ_REPEATS, WRITE_REPEATS = 2, 3
PATIENCE_S = 5
"""A server that asks to wait no longer than that is waited for, once."""
TOKEN_AGE = timedelta(days=1)
ROTATION_PAUSE = timedelta(hours=1)


@dataclass
class Rotation:
    """How a device's token is renewed each day.

    Whoever uses one session from several programs lets one of them do it: a former token, used long after, ends it.

    Attributes:
        expires_at: When the session ends with the token in use.
        keep: Stores a new token; only then is it used. When it raises, the former one stays in use.
    """

    expires_at: datetime
    keep: Callable[[SignedIn], Awaitable[None]]
    not_before: datetime | None = None

    def is_due(self, at: datetime) -> bool:
        """Whether the token is a day old, and it was not tried just now."""
        is_old = at >= self.expires_at - lifetime(SessionKind.DEVICE) + TOKEN_AGE
        return is_old and (self.not_before is None or at >= self.not_before)


class ServerClient:
    """A :class:`Home` on a server. Everything lives on the loop."""

    def __init__(
        self,
        url: str,
        token: Secret | None,
        *,
        settings: Settings,
        rotation: Rotation | None = None,
        patience: Patience | None = None,
    ) -> None:
        """``token`` is ``None`` for what anybody may ask, such as signing in.

        Raises:
            InvalidInput: E-SERVER-ADDRESS, ``url`` is no origin.
            Unavailable: E-PROXY.
        """
        patience = patience or Patience()
        self._http = Http(url, settings, patience)
        self._pause_s = patience.pause_s
        self._token = token
        self._rotation = rotation
        self._rotating = asyncio.Lock()

    @property
    def url(self) -> str:
        """The server's origin."""
        return self._http.origin

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        """See :class:`Home`. Where that does no harm, of reads and with an op_id, a lost answer is asked for again."""
        await self._rotate_when_due()
        case = REGISTRY.find(type(ask))
        request = written(case, cast("Request[object]", ask))
        repeats = READ_REPEATS if case.is_read else WRITE_REPEATS if op_id else 0
        headers = self._headers()
        if op_id:
            headers["Idempotency-Key"] = op_id
        if expects:
            headers["Machina-Expects"] = expects
        answer = await self._patient(request, headers, repeats)
        return cast("R", result(answer, cast("type[object]", case.result), self._http.host))

    async def _patient(self, request: Written, headers: dict[str, str], repeats: int) -> Answer:
        answer = await self._persistent(request, headers, repeats)
        wait_s = retry_after_s(answer)
        # What was too often was not carried out; of what took too long nobody knows.
        is_harmless = answer.status == 429 or (answer.status == 503 and repeats)
        if is_harmless and 0 < wait_s <= PATIENCE_S:
            await asyncio.sleep(wait_s + random.uniform(0, 0.2))  # noqa: S311 - no secret
            answer = await self._persistent(request, headers, repeats)
        return answer

    async def _persistent(self, request: Written, headers: dict[str, str], repeats: int) -> Answer:
        """The answer; once one was lost, the request is repeated, also while the server cannot be reached."""
        for number in range(repeats + 1):
            try:
                return await self._ask(request, headers)
            except NoAnswer as error:
                if number == repeats or error.is_late:
                    raise
                LOG.info("%s %s: the answer was lost, asking again", request.method, self._http.host)
            except Unavailable as error:
                if number in {0, repeats} or error.code != "E-OFFLINE":
                    raise
            await asyncio.sleep(self._pause_s * 2**number * random.uniform(0.5, 1))  # noqa: S311 - no secret
        raise AssertionError

    async def _ask(self, request: Written, headers: dict[str, str]) -> Answer:
        return await self._http.ask(
            request.method, request.path, query=request.query, headers=headers, body=request.body
        )

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Content-Type": "application/json", SCHEMA_HEADER: str(SCHEMA)}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return headers

    async def _rotate_when_due(self) -> None:
        rotation = self._rotation
        if rotation is None or self._token is None or not rotation.is_due(now()):
            return
        async with self._rotating:
            if rotation.is_due(now()):
                rotation.not_before = now() + ROTATION_PAUSE
                await self._rotate(rotation)

    async def _rotate(self, rotation: Rotation) -> None:
        case = REGISTRY.find(RotateSession)
        try:
            answer = await self._ask(written(case, cast("Request[object]", RotateSession())), self._headers())
            given = result(answer, SignedIn, self._http.host)
            # Stored first: the one before stays good until this one is used, and would then be all that is left.
            await rotation.keep(given)
        except MachinaError as error:
            # What was to be asked says itself what is wrong with the line or the session.
            LOG.info("the token for %s was not renewed: %s", self._http.host, error.code)
            return
        self._token, rotation.expires_at = given.token, given.expires_at

    async def hints(self) -> AsyncIterator[Hint]:
        """See :class:`Home`; a line on which nothing came for 5 seconds is taken for broken."""
        await self._rotate_when_due()
        headers = {**self._headers(), "Accept": "text/event-stream"}
        host = self._http.host
        async with self._http.follow(HINTS, headers=headers) as (head, pieces):
            check_schema(head, host)
            if head.status != 200:
                raise problem(head, host)
            if not head.headers.get("content-type", "").startswith("text/event-stream"):
                raise strange(host, "with something other than news")
            async for name, data in _events(pieces, host):
                yield _hint(name, data, host)
        raise Unavailable(f"{host} has ended the line.", hint="It is tried again.", code="E-OFFLINE")

    async def close(self) -> None:
        """Let go of the line."""
        await self._http.close()


@dataclass(frozen=True)
class _Gone:
    status: int
    code: str
    message: str
    hint: str = ""


def _hint(name: str, data: bytes, host: str) -> Hint:
    try:
        match name:
            case "hint":
                return from_json(data, HeadMoved)
            case "log":
                return from_json(data, LogGrown)
            case "gone":
                raise _gone(from_json(data, _Gone), data, host)
    except InvalidInput as error:
        raise strange(host, "with news of an unknown form") from error
    return Alive()


def _gone(said: _Gone, data: bytes, host: str) -> MachinaError:
    return problem(Answer(status=said.status, headers={"content-type": "application/json"}, body=data), host)


async def _events(pieces: AsyncIterator[bytes], host: str) -> AsyncIterator[tuple[str, bytes]]:
    """Server-sent events by name; a comment, which tells that the line stands, is one without a name.

    Our own reading of them, for no event may grow without end and comments count.
    """
    waiting, name, data = b"", "", b""
    async for piece in pieces:
        *lines, waiting = (waiting + piece).split(b"\n")
        if len(waiting) + len(data) > EVENT_BYTES:
            raise strange(host, "with news without an end")
        for line in lines:
            field, _, value = line.rstrip(b"\r").partition(b":")
            value = value.removeprefix(b" ")
            if not line.rstrip(b"\r"):
                if name:
                    yield name, data
                name, data = "", b""
            elif not field:
                yield "", b""
            elif field == b"event":
                name = value.decode(errors="replace")[:40]
            elif field == b"data":
                data += value
                if len(data) > EVENT_BYTES:
                    raise strange(host, "with news without an end")
