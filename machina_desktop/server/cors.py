"""Which pages of other origins may ask: exactly those that are configured, never a pattern and never everybody."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp

from machina_desktop.core.errors import Forbidden
from machina_desktop.server.auth import Headers
from machina_desktop.server.errors import answer

METHODS = "GET, POST, PUT, DELETE"
HEADERS = "authorization, content-type, last-event-id, x-csrf-token"
EXPOSED = "retry-after, x-csrf-token"
MAX_AGE_S = 600


class Cors:
    """The rule for one server."""

    def __init__(self, origins: Iterable[str]) -> None:
        self._origins = frozenset(origins)

    def headers(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """What an answer says about who may read it."""
        origin = headers.get("origin", "")
        if origin not in self._origins:
            return [(b"vary", b"Origin")]
        return [
            (b"vary", b"Origin"),
            (b"access-control-allow-origin", origin.encode()),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSED.encode()),
        ]

    def preflight(self, method: str, headers: Headers) -> ASGIApp | None:
        """The answer to a browser that asks beforehand; ``None`` when it does not."""
        if method != "OPTIONS" or not headers.get("origin", "") or not headers.get("access-control-request-method", ""):
            return None
        if headers.get("origin", "") not in self._origins:
            return answer(Forbidden("Pages of that origin may not ask here.", code="E-ORIGIN"))
        allowed = {
            "access-control-allow-methods": METHODS,
            "access-control-allow-headers": HEADERS,
            "access-control-max-age": str(MAX_AGE_S),
        }
        return ASGIResponse(status_code=204, headers=allowed)
