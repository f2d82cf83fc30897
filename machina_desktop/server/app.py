"""The Litestar application: one handler for each use case that is served, made by a loop over the registry."""

from __future__ import annotations

import asyncio
import contextlib
import urllib.parse
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from litestar import Litestar, Request
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, ControllerRouterHandler

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.account import Account, SessionKind
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Bug, InvalidInput, MachinaError, Unauthenticated
from machina_desktop.core.host import Host
from machina_desktop.core.services.agents import stray
from machina_desktop.core.services.authentication import KEEPER, authenticate, authenticate_again
from machina_desktop.core.services.deployments import GetDeployment, ReadLog
from machina_desktop.core.services.sessions import Logout
from machina_desktop.core.services.use_case import UseCase
from machina_desktop.core.workers.deployer import RUNNER
from machina_desktop.server import answers, auth, errors, openapi
from machina_desktop.server.agent_door import AgentDoor
from machina_desktop.server.config import ServerConfig
from machina_desktop.server.gate import CALL, Call, Gate
from machina_desktop.server.metrics import MEDIA_TYPE, Metrics
from machina_desktop.server.pages.handlers import Page, Pages, is_for_people
from machina_desktop.server.reading import BODY_BYTES, Reader, client_of
from machina_desktop.server.rights import Rights, Shown
from machina_desktop.server.routes import served, served_to_devices, success_of
from machina_desktop.server.shared_logs import SharedLogs
from machina_desktop.server.streams import Heads, HintStream, LogStream, RunTeams, Streams, Times

TITLE = "Machina"
REQUEST_S = 30.0
READY_S = 5.0
FIELDS = 100
"""A query of more fields than that is nobody's."""

_ABOUT_SESSIONS = frozenset({"account", "session"})
Connection = Request[Any, Any, Any]
Handle = Callable[[Connection], Awaitable[ASGIApp]]
Refusal = Response[bytes]
E = TypeVar("E", bound=Exception)


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the handlers work with."""

    config: ServerConfig
    host: Host
    metrics: Metrics = field(default_factory=Metrics)
    times: Times = field(default_factory=Times)


@dataclass(frozen=True)
class Caller:
    """Who asks, and how they showed it; nothing where nobody has to."""

    actor: Actor
    credential: auth.Credential | None = None


class Server:
    """The server's face of one host, as an ASGI application."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        logs = SharedLogs(parts.host.dispatcher, parts.host.bus)
        rights = Rights(self._who_now, parts.times.recheck_s)
        self.streams = Streams(parts.metrics, parts.times, parts.host.bus, logs, rights)
        database = parts.host.database
        self._heads = Heads(feeds=database.change_heads, logs=database.log_ends, runs=RunTeams(self._team_of_run))
        self._pages = Pages(parts.config.public_url, parts.host.database)
        pages = [_page_route(path, page) for path, page in self._pages.by_path.items()]
        routes: list[ControllerRouterHandler] = [*self._case_handlers(), *self._own_handlers(), *pages]
        app = Litestar(
            route_handlers=routes,
            exception_handlers={
                MachinaError: self._for_people(errors.on_machina_error),
                HTTPException: self._for_people(errors.on_http_error),
                Exception: self._for_people(errors.on_any_error),
            },
            openapi_config=None,
            request_max_body_size=BODY_BYTES,
            logging_config=None,
        )
        doors = {case.path: AgentDoor(case, parts.host.dispatcher).answer for case in served() if case.is_by_agent}
        self.application = Gate(app, parts.config, parts.metrics, doors)

    async def is_without_accounts(self) -> bool:
        """Whether whoever comes first will administer it."""
        return await self._parts.host.database.read(KEEPER, lambda tx: tx.count(Account)) == 0

    def _for_people(self, handle: Callable[[Connection, E], Refusal]) -> Callable[[Connection, E], Refusal]:
        """Programs get their error as they know it; whoever sits before a browser gets a page."""

        def answer(request: Connection, error: E) -> Refusal:
            made = handle(request, error)
            if not is_for_people(request.scope["path"], call_of(request).headers.get("accept")):
                return made
            return self._pages.error(made.status_code or 500, made.headers)

        return answer

    def _case_handlers(self) -> list[HTTPRouteHandler]:
        by_path: dict[str, dict[str, Handle]] = {}
        for case in (*served(), *served_to_devices()):
            if not case.is_by_agent:
                by_path.setdefault(case.path, {})[case.method] = self._handler(case)
        return [_route(path, handlers) for path, handlers in by_path.items()]

    def _handler(self, case: UseCase) -> Handle:
        reader, status = Reader(case), success_of(case)

        async def handle(request: Connection) -> ASGIApp:
            call = call_of(request)
            call.action = case.action
            async with _in_time():
                caller = await self._caller(request, call, is_public=case.is_public)
                query = [each for each in _query(request) if each[0] != "stream" or case.request is not ReadLog]
                content_type = call.headers.get("content-type")
                ask = reader.read(request.path_params, query, await request.body(), content_type)
                found = await self._parts.host.dispatcher.execute(caller.actor, ask)
            if case.action.partition(".")[0] in _ABOUT_SESSIONS:
                self.streams.check(caller.actor.user_id)
            return answers.of(found, status, caller.credential, is_leaving=case.request is Logout)

        return self._log_handler(handle) if case.request is ReadLog else handle

    def _log_handler(self, whole: Handle) -> Handle:
        """The same address answers a piece of the log, or follows it."""

        async def handle(request: Connection) -> ASGIApp:
            query = dict(_query(request))
            stream = query.pop("stream", "false")
            if stream not in {"true", "false"}:
                raise InvalidInput("This is either true or false.", field="stream")
            if stream == "false":
                return await whole(request)
            call = call_of(request)
            call.action = "deployment.follow_log"
            shown, actor = await self._shown(request, call)
            execute, deployment_id = self._parts.host.dispatcher.execute, request.path_params["deployment_id"]
            offset = _position(call, query)
            # What cannot be read is refused before anything is answered.
            run = await execute(actor, GetDeployment(deployment_id=deployment_id))
            await execute(actor, ReadLog(deployment_id=deployment_id, offset=offset, limit=1))
            following = LogStream(self.streams.rights.reader(shown, actor), self.streams, run=run, offset=offset)
            self.streams.admit(following)
            return following

        return handle

    async def _hints(self, request: Connection) -> ASGIApp:
        """Tells copies of teams elsewhere that there is something to pull."""
        call = call_of(request)
        call.action = "sync.hints"
        reader = self.streams.rights.reader(*await self._shown(request, call))
        stream = HintStream(reader, self.streams, heads=self._heads)
        self.streams.admit(stream)
        return stream

    async def _team_of_run(self, deployment_id: str) -> str:
        read = self._parts.host.database.read
        found = await read(RUNNER, lambda tx: tx.find(Deployment, deployment_id=deployment_id))
        return "" if found is None else found.team_id

    async def _shown(self, request: Connection, call: Call) -> tuple[Shown, Actor]:
        """What somebody showed who wants to read a stream, and who it is."""
        caller = await self._caller(request, call, is_public=False)
        if caller.credential is None:
            raise Bug("Somebody is signed in who has shown nothing.")
        return Shown(caller.credential.token, client_of(call)), caller.actor

    async def _who_now(self, shown: Sequence[Shown]) -> tuple[Actor | MachinaError, ...]:
        return await authenticate_again(self._parts.host.database, [(each.token, each.client) for each in shown])

    async def _caller(self, request: Connection, call: Call, *, is_public: bool) -> Caller:
        """Who asks.

        Raises:
            Unauthenticated: nobody that we know.
            Forbidden: a browser asks for somebody else's page.
        """
        client = client_of(call)
        if is_public:
            auth.check_page(self._parts.config, request.method, call.headers)
            return Caller(Actor(user_id="", display_name="", client=client))
        credential = auth.read_credential(call.headers)
        if credential is not None and credential.is_agents:
            raise await stray(self._parts.host.database, credential.token, client, call.action)
        if credential is None:
            raise Unauthenticated("This needs somebody who is signed in.", hint="Sign in and send the token.")
        actor, session = await authenticate(self._parts.host.database, credential.token, client)
        if credential.is_cookie is not (session.kind is SessionKind.BROWSER):
            raise Unauthenticated("This session's token is not sent that way.", hint="Sign in again.", code="E-TOKEN")
        if credential.is_cookie:
            auth.check_page(self._parts.config, request.method, call.headers)
            auth.check_repeated(request.method, call.headers, credential.token)
        call.user_id = actor.user_id
        return Caller(actor, credential)

    def _own_handlers(self) -> list[HTTPRouteHandler]:
        description = to_json(openapi.document(served(), title=TITLE, server_url=self._parts.config.public_url))

        async def schema(request: Connection) -> ASGIApp:
            call_of(request).action = "schema"
            return ASGIResponse(body=description, media_type=errors.JSON)

        async def health(request: Connection) -> ASGIApp:
            call_of(request).action = "health"
            return answers.plain(200, {"status": "alive"})

        async def ready(request: Connection) -> ASGIApp:
            call_of(request).action = "ready"
            async with _in_time(READY_S):
                await self._parts.host.database.change_heads()
            return answers.plain(200, {"status": "ready"})

        async def metrics(request: Connection) -> ASGIApp:
            call = call_of(request)
            call.action = "metrics"
            if call.is_forwarded or not auth.is_loopback(call.address):
                raise HTTPException(status_code=404)
            text = self._parts.metrics.text(await self._runs())
            return ASGIResponse(body=text.encode(), media_type=MEDIA_TYPE)

        return [
            _route("/api/sync/hints", {"GET": self._hints}),
            _route("/schema/openapi.json", {"GET": schema}),
            _route("/health", {"GET": health}),
            _route("/ready", {"GET": ready}),
            _route("/metrics", {"GET": metrics}),
        ]

    async def _runs(self) -> Mapping[str, int]:
        return await self._parts.host.database.read(
            RUNNER, lambda tx: {state.value: tx.count(Deployment, state=state) for state in DeploymentState}
        )


def call_of(request: Connection) -> Call:
    """What is known of a request."""
    call: Call = request.scope[CALL]  # type: ignore[literal-required]
    return call


def _route(path: str, handlers: Mapping[str, Handle]) -> HTTPRouteHandler:
    async def handle(request: Connection) -> ASGIApp:
        return await handlers[request.method](request)

    # Litestar wants the kind of each parameter.
    typed = path.replace("}", ":str}")
    return HTTPRouteHandler(typed, http_method=[*handlers], status_code=200, include_in_schema=False)(handle)  # type: ignore[list-item]


def _page_route(path: str, page: Page) -> HTTPRouteHandler:
    async def handle(request: Connection) -> ASGIApp:
        call_of(request).action = page.action
        return await page.show(request.path_params, dict(_query(request)))

    return _route(path, {"GET": handle, "HEAD": handle})


def _query(request: Connection) -> list[tuple[str, str]]:
    text = request.scope["query_string"].decode("latin-1")
    try:
        return urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError:
        raise errors.Malformed("The query cannot be read.") from None


def _position(call: Call, query: Mapping[str, str]) -> int:
    """Where a stream begins: after the last event its reader got, else where the query says."""
    if unknown := next((name for name in query if name != "offset"), ""):
        raise InvalidInput(f"There is no field {unknown[:100]!r} here.", field=unknown[:100], code="E-UNKNOWN-FIELD")
    text = call.headers.get("last-event-id") or query.get("offset", "0")
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise InvalidInput("This is no position in a log.", field="offset", code="E-PAGE")
    return int(text)


@contextlib.asynccontextmanager
async def _in_time(limit_s: float = REQUEST_S) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(limit_s):
            yield
    except TimeoutError:
        raise errors.too_slow() from None
