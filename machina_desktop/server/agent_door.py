"""What agents of machines ask all the time, answered without the framework: half of an answer's cost would be its."""

from __future__ import annotations

import asyncio

from litestar.types import Receive, Scope, Send

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.agent import BODY_BYTES
from machina_desktop.core.domain.team import Actor, Client
from machina_desktop.core.errors import MachinaError, Unauthenticated
from machina_desktop.core.services.dispatch import Dispatcher
from machina_desktop.core.services.use_case import UseCase
from machina_desktop.server import errors
from machina_desktop.server.auth import read_credential
from machina_desktop.server.gate import Call
from machina_desktop.server.reading import Reader
from machina_desktop.server.routes import success_of

ANSWER_S = 30.0
_PLAIN = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
_HEADERS = [
    (b"content-type", b"application/json"),
    *((name.encode(), value.encode()) for name, value in _PLAIN.items()),
]


class AgentDoor:
    """The ASGI application of one use case that agents ask with their own token."""

    def __init__(self, case: UseCase, dispatcher: Dispatcher) -> None:
        self._case = case
        self._dispatcher = dispatcher
        self._reader = Reader(case)
        self._status = success_of(case)

    async def answer(self, call: Call, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; what it was stands in the log only when it failed."""
        call.action, call.is_routine = self._case.action, True
        try:
            async with asyncio.timeout(ANSWER_S):
                body = await self._found(call, scope, receive)
        except TimeoutError:
            call.status = 503
            await errors.answer(errors.too_slow(), _PLAIN)(scope, receive, send)
        except MachinaError as error:
            call.status = error.status
            await errors.answer(error, _PLAIN)(scope, receive, send)
        else:
            call.status = self._status
            headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
            await send({"type": "http.response.start", "status": self._status, "headers": headers})
            await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _found(self, call: Call, scope: Scope, receive: Receive) -> bytes:
        if scope["method"] != self._case.method:  # type: ignore[typeddict-item]
            raise errors.NoMethod("This address does not take that method.", hint="See /schema/openapi.json.")
        credential = read_credential(call.headers)
        if credential is None or not credential.is_agents:
            raise Unauthenticated("This is for agents of machines.", hint="Send the agent's token.")
        body = await _body(receive)
        query = [(scope["query_string"].decode("latin-1"), "")] if scope["query_string"] else []
        ask = self._reader.read({"token": credential.token.reveal()}, query, body, call.headers.get("content-type"))
        agent = Actor(user_id="agent", display_name="", client=Client(address=call.address))
        return to_json(await self._dispatcher.execute(agent, ask))


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    length = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise errors.Malformed("The request has no end.")
        parts.append(message["body"])
        length += len(message["body"])
        if length > BODY_BYTES:
            raise errors.too_large()
        if not message["more_body"]:
            return b"".join(parts)
