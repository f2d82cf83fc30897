"""From a use case's result to an answer; a session goes to a browser as cookies, to a device as its token."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from litestar.response.base import ASGIResponse

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.account import SessionKind
from machina_desktop.core.domain.team import User
from machina_desktop.core.ids import now
from machina_desktop.core.services.authentication import SignedIn
from machina_desktop.server.auth import CSRF_HEADER, Credential, csrf_token, no_cookies, session_cookies
from machina_desktop.server.errors import JSON


@dataclass(frozen=True, kw_only=True)
class SessionGiven:
    """A session has begun, or has a new token.

    Attributes:
        token: A device sends it as ``Authorization: Bearer``; empty for a browser, which gets it as a cookie.
        csrf_token: A browser's page sends it as ``X-CSRF-Token`` with whatever changes something; else empty.
    """

    session_id: str
    kind: SessionKind
    expires_at: datetime
    user: User
    token: str = ""
    csrf_token: str = ""


def plain(status: int, found: object) -> ASGIResponse:
    """The result as JSON."""
    if status == 204:
        return ASGIResponse(status_code=204)
    return ASGIResponse(body=to_json(found), status_code=status, media_type=JSON)


def of(found: object, status: int, credential: Credential | None, *, is_leaving: bool) -> ASGIResponse:
    """The answer to whoever showed ``credential``; with ``is_leaving`` a browser forgets its session."""
    if isinstance(found, SignedIn):
        return _session(found, status)
    given = plain(status, found)
    if credential is not None and credential.is_cookie:
        # A page that was loaded anew, or lies on another host, cannot read the cookie.
        given.headers.add(CSRF_HEADER, csrf_token(credential.token))
        if is_leaving:
            _set_cookies(given, no_cookies())
    return given


def _session(found: SignedIn, status: int) -> ASGIResponse:
    is_browser = found.kind is SessionKind.BROWSER
    given = plain(
        status,
        SessionGiven(
            session_id=found.session_id,
            kind=found.kind,
            expires_at=found.expires_at,
            user=found.user,
            token="" if is_browser else found.token.reveal(),
            csrf_token=csrf_token(found.token) if is_browser else "",
        ),
    )
    if is_browser:
        seconds = int((found.expires_at - now()).total_seconds())
        _set_cookies(given, session_cookies(found.token, seconds))
    return given


def _set_cookies(answer: ASGIResponse, values: tuple[str, ...]) -> None:
    for value in values:
        answer.headers.add("set-cookie", value)
