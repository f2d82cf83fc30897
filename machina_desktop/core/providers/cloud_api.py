"""A line to one cloud's API: JSON over HTTP with patience, in which nothing is done twice."""

from __future__ import annotations

import asyncio
import email.utils
import random
import re
import time
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self, TypeVar

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.config import Settings
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.http_terms import Answer, NoAnswer, Patience, checked_origin
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import Cancelled
from machina_desktop.core.providers.cloud_errors import BUSY, FAULT, UNSURE, Complaint, Dialect, busy
from machina_desktop.core.secret import Secret

T = TypeVar("T")
I = TypeVar("I")  # noqa: E741 - the items of a page
Query = tuple[tuple[str, str], ...]

PAGES = 1000
SLICE_S = 0.1
"""How soon a wait notices that it was cancelled."""
_AGAIN = frozenset({"E-OFFLINE", BUSY, FAULT})
_LOCAL = re.compile(r"http://(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?")


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often and how fast an API is asked again.

    Attributes:
        tries: How often a request that changes nothing, or the same each time, is sent at most.
        pause_s: Before the second try; twice as long each time, and at random down to half of that.
        longest_s: The longest that is waited because the API says so; more is an error that says how long.
        whole_s: After so long no further try is begun.
        few: With fewer requests left than that, they are spread over the time until there are more.
    """

    tries: int = 5
    pause_s: float = 0.5
    longest_s: float = 30.0
    whole_s: float = 60.0
    few: int = 5


class Page(Protocol):
    """One page of a list, as a shape to decode."""

    @property
    def following(self) -> str:
        """The next page: its address, or its number or token; empty for the last one."""


P = TypeVar("P", bound=Page)


class CloudApi:
    """Requests to one API with one token. Lives on the loop; ``async with`` closes its lines.

    Every request raises:
        CloudError: ``E-CLOUD-…``.
        Unavailable: ``E-OFFLINE``, ``E-TLS``, ``E-PROXY``; :class:`NoAnswer` where a write may have been carried out.
        Cancelled: while waiting.
    """

    def __init__(
        self,
        endpoint: str,
        token: Secret,
        dialect: Dialect,
        preferences: Settings,
        *,
        cancelled: Callable[[], bool] = lambda: False,
        pace: Pace | None = None,
        patience: Patience | None = None,
    ) -> None:
        """``endpoint`` is what every path is appended to, as :func:`checked_endpoint` answers it.

        Raises:
            InvalidInput: E-CLOUD-TOKEN, the token cannot be one; E-SERVER-ADDRESS, E-CLOUD-ENDPOINT.
        """
        self.dialect, self.pace = dialect, pace or Pace()
        self._secrets = (token,)
        self._authorization = f"Bearer {checked_token(token, dialect.title)}"
        parts = urllib.parse.urlsplit(checked_endpoint(endpoint))
        self._base = parts.path
        # Providers are loaded to be listed, before anybody speaks to one.
        from machina_desktop.core.http import Http  # noqa: PLC0415 - brings httpx

        self._http = Http(f"{parts.scheme}://{parts.netloc}", preferences, patience)
        self._cancelled = cancelled
        self._free_at = 0.0
        self._asking: set[asyncio.Task[object] | None] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Of what was asked at once something may have failed: the rest would open lines that nobody closes.
        others = tuple(each for each in self._asking if each is not None and each is not asyncio.current_task())
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._http.close()

    async def get(self, path: str, shape: type[T], query: Query = ()) -> T:
        """What is at ``path``."""
        task = asyncio.current_task()
        self._asking.add(task)
        try:
            return self._decoded(await self._asked("GET", path, query=query, again=True), shape)
        finally:
            self._asking.discard(task)

    async def listed(
        self, path: str, shape: type[P], things: Callable[[P], tuple[I, ...]], query: Query = ()
    ) -> tuple[I, ...]:
        """What is on all pages of a list; ``things`` takes it from one of them.

        Raises:
            CloudError: E-CLOUD-ANSWER, a page repeats, or a next one lies elsewhere.
        """
        found: list[I] = []
        asked = {query}
        before: tuple[I, ...] = ()
        for _ in range(PAGES):
            page = await self.get(path, shape, query)
            told = things(page)
            if told and told == before:
                break
            found += told
            before = told
            if not page.following:
                return tuple(found)
            query = self._following(path, query, page.following)
            if query in asked:
                break
            asked.add(query)
        raise self.dialect.strange(self._http.host, "with the same page of a list again and again")

    async def write(self, method: str, path: str, shape: type[T], body: object = None, *, again: bool = False) -> T:
        """Change something; ``again`` says that doing it twice is the same as once, as the API promises."""
        answer = await self._asked(method, path, body=body, again=again and method != "POST")
        return self._decoded(answer, shape, may_be_done=True)

    async def remove(self, path: str) -> None:
        """Delete what is at ``path``, whatever is answered to it when that worked."""
        await self._asked("DELETE", path, again=True)

    async def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Cancelled: the run was cancelled meanwhile.
        """
        await pause(seconds, self._cancelled)

    async def _asked(
        self, method: str, path: str, *, query: Query = (), body: object = None, again: bool = False
    ) -> Answer:
        number, since = 0, time.monotonic()
        while True:
            number += 1
            await self.pause(self._free_at - time.monotonic())
            wait_s = 0.0
            try:
                answer = await self._sent(method, path, query, body, is_write=not again)
                wait_s = _retry_after(answer)
                return self._judged(answer, is_write=method != "GET", wait_s=wait_s)
            except Unavailable as error:
                is_late = number >= self.pace.tries or time.monotonic() - since > self.pace.whole_s
                if not again or error.code not in _AGAIN or is_late or wait_s > self.pace.longest_s:
                    raise
            pause_s = self.pace.pause_s * 2 ** (number - 1)
            await self.pause(max(wait_s, pause_s * random.uniform(0.5, 1.0)))  # noqa: S311 - spreads load, guards nothing

    async def _sent(self, method: str, path: str, query: Query, body: object, *, is_write: bool) -> Answer:
        headers, data = await self._dressed(body)
        try:
            answer = await self._http.ask(method, self._base + path, query=query, headers=headers, body=data)
        except NoAnswer as error:
            if not is_write:
                raise
            raise NoAnswer(error.message, hint=UNSURE, is_late=error.is_late) from error
        except Unavailable as error:
            if error.code != "E-SERVER-ANSWER":
                raise
            how = error.message.removeprefix(f"{self._http.host} answers ").rstrip(".")
            raise self.dialect.strange(self._http.host, how, may_be_done=is_write) from error
        self._note_limit(answer)
        return answer

    async def _dressed(self, body: object) -> tuple[dict[str, str], bytes | None]:
        """Headers and body as they are sent; nothing has been when this raises."""
        headers = {"Authorization": self._authorization, "Accept": "application/json"}
        if body is None:
            return headers, None
        return headers | {"Content-Type": "application/json"}, to_json(body)

    def _judged(self, answer: Answer, *, is_write: bool, wait_s: float) -> Answer:
        status = answer.status
        if 200 <= status < 300:
            return answer
        if status < 400:
            raise self.dialect.strange(self._http.host, f"that it has moved (HTTP {status})", may_be_done=is_write)
        try:
            code, words = self.dialect.read(answer.body)
        except InvalidInput as error:
            if status != 429 and status < 500:
                # A gateway or a page to log in at; nothing that the account could be blamed for.
                how = f"{_kind(answer.body)} (HTTP {status})"
                raise self.dialect.strange(self._http.host, how) from error
            code, words = "", ""
        complaint = Complaint(status=status, code=code, words=words)
        if self.dialect.code_of(complaint) == BUSY:
            raise busy(self.dialect.title, wait_s, complaint)
        raise self.dialect.error(complaint, self._secrets, may_be_done=is_write)

    def _decoded(self, answer: Answer, shape: type[T], *, may_be_done: bool = False) -> T:
        try:
            return from_json(answer.body, shape)
        except InvalidInput as error:
            is_json = answer.body.lstrip()[:1] == b"{"
            how = f"in a form of its own ({_where(error)})" if is_json else _kind(answer.body)
            raise self.dialect.strange(self._http.host, how, may_be_done=may_be_done) from error

    def _following(self, path: str, query: Query, following: str) -> Query:
        if not following.startswith(("http:", "https:")):
            name = self.dialect.page_parameter
            return (*(each for each in query if each[0] != name), (name, following))
        try:
            parts = urllib.parse.urlsplit(following)
            is_here = checked_origin(f"{parts.scheme}://{parts.netloc}") == self._http.origin
        except (InvalidInput, ValueError):
            is_here = False
        if not is_here or parts.path != self._base + path:
            raise self.dialect.strange(self._http.host, "that the next page of a list lies elsewhere")
        return tuple(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))

    def _note_limit(self, answer: Answer) -> None:
        left, reset = (answer.headers.get(f"ratelimit-{name}", "") for name in ("remaining", "reset"))
        if not left.isdigit() or not reset.isdigit() or int(left) >= self.pace.few:
            return
        until_s = int(reset) - now().timestamp()
        # Spread over the time, but never for long: when there is none left, the API says so and for how long.
        self._free_at = time.monotonic() + max(0.0, min(until_s / (int(left) + 1), self.pace.pause_s * 2))


async def pause(seconds: float, cancelled: Callable[[], bool]) -> None:
    """Wait.

    Raises:
        Cancelled: ``cancelled`` said so meanwhile.
    """
    until = time.monotonic() + seconds
    while not cancelled():
        left = until - time.monotonic()
        if left <= 0:
            return
        await asyncio.sleep(min(SLICE_S, left))
    raise Cancelled


def checked_token(token: Secret, title: str) -> str:
    """The token in clear.

    Raises:
        InvalidInput: E-CLOUD-TOKEN, no header could carry it; the message says why and does not hold it.
    """
    text = token.reveal()
    problem = ""
    if not text:
        problem = f"The account has no API token for {title}."
    elif "\n" in text or "\r" in text:
        problem = "The API token has a line break in it."
    elif not text.isascii():
        problem = "The API token has a letter in it that no token has."
    elif not re.fullmatch(r"[\x21-\x7e]+", text):
        problem = "The API token has a blank in it."
    if problem:
        raise InvalidInput(
            problem,
            field="api_token",
            hint=f"Copy it from {title} once more, without anything before or after it.",
            code="E-CLOUD-TOKEN",
        )
    return text


def checked_endpoint(text: str) -> str:
    """An API's address without a slash at the end.

    Raises:
        InvalidInput: E-SERVER-ADDRESS, it is no address; E-CLOUD-ENDPOINT, the token would travel in clear.
    """
    parts = urllib.parse.urlsplit(text.strip())
    try:
        origin = checked_origin(f"{parts.scheme}://{parts.netloc}")
    except InvalidInput as error:
        raise InvalidInput(
            "The API endpoint is no address of a server.",
            field="endpoint",
            hint="Leave it empty for the provider's own, or write one such as https://api.example.org.",
            code=error.code,
        ) from error
    if parts.query or parts.fragment or not re.fullmatch(r"[A-Za-z0-9._~/-]*", parts.path):
        raise InvalidInput(
            "The API endpoint is an address and at most a path.", field="endpoint", code="E-CLOUD-ENDPOINT"
        )
    if origin.startswith("http:") and not _LOCAL.fullmatch(origin):
        raise InvalidInput(
            "Without TLS the account's credentials would travel in clear to this API endpoint.",
            field="endpoint",
            hint="Write https:// instead of http://; only this computer itself may be asked without TLS.",
            code="E-CLOUD-ENDPOINT",
        )
    return origin + parts.path.rstrip("/")


def _retry_after(answer: Answer) -> float:
    """Seconds from now; 0 for not told. Both forms of RFC 9110, and the moment in which a limit begins anew."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now().timestamp())
    except (ValueError, OverflowError):
        pass
    reset = answer.headers.get("ratelimit-reset", "")
    if answer.status == 429 and reset.isdigit() and answer.headers.get("ratelimit-remaining") == "0":
        return max(0.0, float(reset[:12]) - now().timestamp())
    return 0.0


def _kind(body: bytes) -> str:
    start = body.lstrip()[:1]
    if not start:
        return "with nothing"
    return "with a web page" if start == b"<" else "with something that is no JSON of its own"


def _where(error: InvalidInput) -> str:
    return error.message.removeprefix("The data cannot be read: ").rstrip(".")[:200]
