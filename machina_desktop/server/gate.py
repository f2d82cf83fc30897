"""The outermost layer of the server: who may speak to it at all, what every answer carries, and what is noted."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from machina_desktop.core.domain.server import SCHEMA, SCHEMA_HEADER
from machina_desktop.core.errors import MachinaError, Outdated
from machina_desktop.server.auth import client_address
from machina_desktop.server.config import ServerConfig
from machina_desktop.server.cors import Cors
from machina_desktop.server.errors import Malformed, answer
from machina_desktop.server.metrics import Metrics

ACCESS = logging.getLogger("machina.access")
CALL = "machina.call"
USER_AGENT_CHARACTERS = 300
PROBES = frozenset({"/health", "/ready"})
"""Asked by address rather than by name, and by programs that look every few seconds."""

_ALWAYS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "origin-agent-cluster": "?1",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-dns-prefetch-control": "off",
    "x-download-options": "noopen",
    "x-frame-options": "DENY",
    "x-permitted-cross-domain-policies": "none",
    "x-xss-protection": "0",
    "cache-control": "no-store",
    SCHEMA_HEADER.lower(): str(SCHEMA),
}
_HSTS = "max-age=31536000; includeSubDomains"


class RawHeaders:
    """Headers as the server has them, by lower-case name."""

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in raw:
            self._values.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))

    def get(self, key: str, default: str = "") -> str:
        """The first value, or ``default``."""
        return self._values[key][0] if key in self._values else default

    def getall(self, key: str, default: list[str]) -> list[str]:
        """Every value."""
        return self._values.get(key, default)


@dataclass
class Call:
    """One request on its way; what becomes known of it is written here.

    Attributes:
        address: Whose request it is.
        is_forwarded: Somebody speaks for somebody else, rightly or not.
        action: What was asked, once that is known.
        user_id: Who asked, once that is known.
        is_routine: Asked by programs all the time; it is noted only when it fails.
    """

    address: str
    user_agent: str
    headers: RawHeaders
    is_forwarded: bool
    action: str = "none"
    user_id: str = ""
    status: int = 0
    is_routine: bool = False


Door = Callable[[Call, Scope, Receive, Send], Awaitable[None]]
"""Answers at one address by itself."""


class Gate:
    """Lets requests for known names through to ``app`` and completes its answers."""

    def __init__(
        self, app: ASGIApp, config: ServerConfig, metrics: Metrics, doors: Mapping[str, Door] | None = None
    ) -> None:
        """``doors`` are for agents, by path; these are no browsers, so nothing is said to any."""
        self._app = app
        self._doors = doors or {}
        self._config = config
        self._metrics = metrics
        self._cors = Cors(config.cors_origins)
        always = _ALWAYS | ({"strict-transport-security": _HSTS} if config.is_production else {})
        self._headers = [(name.encode(), value.encode()) for name, value in always.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        call = self._call(scope)
        door = self._doors.get(scope["path"])
        if door is not None and self._is_meant(scope["path"], call.headers):
            try:
                await door(call, scope, receive, send)
            finally:
                self._note(scope, call, time.perf_counter() - began)
            return
        scope[CALL] = call  # type: ignore[literal-required]

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                call.status = message["status"]
                message["headers"] = self._completed(message["headers"], call.headers)
            await send(message)

        try:
            await self._chosen(scope["method"], scope["path"], call.headers)(scope, receive, complete)
        finally:
            self._note(scope, call, time.perf_counter() - began)

    def _call(self, scope: Any) -> Call:  # noqa: ANN401 - a scope is a dictionary of many kinds of value
        headers = RawHeaders(scope["headers"])
        peer = (scope.get("client") or ("", 0))[0]
        return Call(
            address=client_address(peer, headers, self._config.proxies),
            user_agent=headers.get("user-agent")[:USER_AGENT_CHARACTERS],
            headers=headers,
            is_forwarded=bool(headers.get("x-forwarded-for") or headers.get("forwarded")),
        )

    def _chosen(self, method: str, path: str, headers: RawHeaders) -> ASGIApp:
        if not self._is_meant(path, headers):
            return answer(Malformed("This server is not known by that name.", code="E-HOST"))
        if stranger := _not_understood(headers.get(SCHEMA_HEADER.lower())):
            return answer(stranger)
        return self._cors.preflight(method, headers) or self._app

    def _is_meant(self, path: str, headers: RawHeaders) -> bool:
        names = headers.getall("host", [])
        if path in PROBES:
            return True
        return len(names) == 1 and _without_port(names[0]) in self._config.hosts

    def _completed(self, headers: Iterable[tuple[bytes, bytes]], asked: RawHeaders) -> list[tuple[bytes, bytes]]:
        said = [(name.lower(), value) for name, value in headers]
        names = {name for name, _ in said}
        # A page says for itself what it may load, and a file how long it keeps.
        ours = (each for each in self._headers if each[0] not in names)
        return [*said, *ours, *self._cors.headers(asked)]

    def _note(self, scope: Any, call: Call, took_s: float) -> None:  # noqa: ANN401 - as above
        self._metrics.note(call.action, call.status, took_s)
        if (call.is_routine or scope["path"] in PROBES) and call.status < 400:
            return
        # The path names things, the query may hold what somebody typed: it stays out.
        ACCESS.info(
            "%s %r %s %d %.1f ms %s %s",
            scope["method"],
            _noted(scope["path"]),
            call.action,
            call.status,
            took_s * 1000,
            call.address,
            call.user_id or "-",
        )


def _not_understood(schema: str) -> MachinaError | None:
    """Why a program that speaks in that form cannot be answered; what says nothing of it is taken as it comes."""
    if not schema:
        return None
    if not schema.isascii() or not schema.isdecimal() or len(schema) > 5:
        return Malformed(f"The header {SCHEMA_HEADER} is no number.")
    if int(schema) > SCHEMA:
        return Outdated("This server is older than the program.", hint="Ask whoever runs the server to update it.")
    if int(schema) < SCHEMA - 1:
        return Outdated("This server is newer than the program.", hint="Update Machina on this computer.")
    return None


def _noted(path: str) -> str:
    """The path as it may be kept: an invite's code lets somebody in."""
    head, join, code = path.partition("/join/")
    return f"{head}{join}…"[:300] if code else path[:300]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    is_with_port = bool(colon) and port.isdecimal() and (not name.startswith("[") or name.endswith("]"))
    return (name if is_with_port else host).lower()
