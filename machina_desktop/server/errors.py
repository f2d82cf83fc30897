"""Every error a client can meet, as one JSON shape: code, message, hint and the field it is about."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from litestar import Request
from litestar.exceptions import HTTPException
from litestar.response import Response
from litestar.response.base import ASGIResponse

from machina_desktop.core.codec import to_json
from machina_desktop.core.errors import (
    Bug,
    Conflict,
    Forbidden,
    InvalidInput,
    Locked,
    MachinaError,
    NotFound,
    Outdated,
    TooMany,
    Unauthenticated,
    Unavailable,
)

LOG = logging.getLogger(__name__)
JSON = "application/json"
BUSY_RETRY_S = 1


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong.

    Attributes:
        code: Stable, such as ``E-NAME-TAKEN``; for search and support.
        message: What happened, one sentence.
        hint: What to do next; may be empty.
        field: The field of the request it is about; empty where it is about no single one.
    """

    code: str
    message: str
    hint: str
    field: str


class Malformed(MachinaError):
    """The request cannot be read at all."""

    default_code = "E-REQUEST"
    status = 400


class TooLarge(MachinaError):
    """The request is larger than any that is meant seriously."""

    default_code = "E-TOO-LARGE"
    status = 413


class NotJson(MachinaError):
    """The body is of another kind than JSON."""

    default_code = "E-MEDIA-TYPE"
    status = 415


class NoMethod(MachinaError):
    """The address exists, but not for that method."""

    default_code = "E-METHOD"
    status = 405


KINDS: tuple[type[MachinaError], ...] = (
    Malformed,
    Unauthenticated,
    Forbidden,
    NotFound,
    NoMethod,
    Conflict,
    TooLarge,
    NotJson,
    InvalidInput,
    Locked,
    Outdated,
    TooMany,
    Bug,
    Unavailable,
)
"""In the order of their status."""


def too_large() -> TooLarge:
    """More was sent than the address takes."""
    return TooLarge("The body is larger than this address takes.", hint="Send less at once.")


def too_slow() -> Unavailable:
    """Nobody should wait any longer."""
    return Unavailable(
        "The answer takes too long.", hint="It may still be carried out; look before you ask again.", code="E-SLOW"
    )


def problem_of(error: MachinaError) -> Problem:
    """What a client is told of it."""
    field = error.field if isinstance(error, InvalidInput) else ""
    return Problem(code=error.code, message=error.message, hint=error.hint, field=field)


def headers_of(error: MachinaError) -> dict[str, str]:
    """What a client's program is told of it."""
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": 'Bearer realm="machina"'}
    if isinstance(error, TooMany):
        return {"Retry-After": str(error.retry_after_s)}
    if error.code in {"E-DB-BUSY", "E-DB-GONE", "E-SLOW", "E-CLOSING"}:
        return {"Retry-After": str(BUSY_RETRY_S)}
    return {}


def answer(error: MachinaError, headers: dict[str, str] | None = None) -> ASGIResponse:
    """The error as an answer."""
    return ASGIResponse(
        body=to_json(problem_of(error)),
        status_code=error.status,
        media_type=JSON,
        headers={**headers_of(error), **(headers or {})},
    )


def response(error: MachinaError, headers: dict[str, str] | None = None) -> Response[bytes]:
    """The error as an exception handler answers it."""
    return Response(
        to_json(problem_of(error)),
        status_code=error.status,
        media_type=JSON,
        headers={**headers_of(error), **(headers or {})},
    )


def on_machina_error(_request: Request[Any, Any, Any], error: MachinaError) -> Response[bytes]:
    """What the core refused or failed at."""
    if isinstance(error, Bug):
        LOG.error("bug met over HTTP: %s", error)
    return response(error)


def on_http_error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What the framework refused: unknown addresses and methods, bodies that are too large."""
    headers = {name.title(): value for name, value in (error.headers or {}).items()}
    return response(_translated(error), headers)


def on_any_error(_request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours; what it was stands in the log only."""
    LOG.error("a request met a fault of ours", exc_info=error)
    return response(Bug("Something went wrong in the server that should not.", hint="The server's log says more."))


def _translated(error: HTTPException) -> MachinaError:
    match error.status_code:
        case 404:
            return NotFound("There is nothing at this address.", hint="See /schema/openapi.json.", code="E-NO-ROUTE")
        case 405:
            return NoMethod("This address does not take that method.", hint="See /schema/openapi.json.")
        case 413:
            return too_large()
        case status if status < 500:
            return Malformed("The request cannot be read.", hint="See /schema/openapi.json.")
    return Bug("Something went wrong in the server that should not.", hint="The server's log says more.")
