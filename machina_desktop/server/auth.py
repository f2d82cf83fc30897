"""How a client shows who it is: a bearer token, or a browser's cookie guarded against other sites."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Protocol

from machina_desktop.core.domain.agent import AGENT_TOKEN
from machina_desktop.core.errors import Forbidden, Unauthenticated
from machina_desktop.core.secret import Secret
from machina_desktop.server.config import Network, ServerConfig

COOKIE = "__Host-machina"
CSRF_COOKIE = "__Host-machina-csrf"
CSRF_HEADER = "x-csrf-token"
TOKEN_CHARACTERS = 200
_TOKEN = re.compile(f"[!-~]{{1,{TOKEN_CHARACTERS}}}")
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ADDRESSES = 32
"""So many addresses of a forwarding header are looked at; a longer chain is nobody's."""


class Headers(Protocol):
    """The headers of a request, by lower-case name."""

    def get(self, key: str, default: str = "", /) -> str:
        """The first value, or ``default``."""
        ...

    def getall(self, key: str, default: list[str], /) -> list[str]:
        """Every value."""
        ...


@dataclass(frozen=True, kw_only=True)
class Credential:
    """A session token as it came; ``is_cookie`` tells that a browser sent it by itself."""

    token: Secret
    is_cookie: bool

    @property
    def is_agents(self) -> bool:
        """Whether it is the form of a token that machines' agents have, and no person."""
        return not self.is_cookie and self.token.reveal().startswith(AGENT_TOKEN)


def read_credential(headers: Headers) -> Credential | None:
    """What the request shows; ``None`` when nothing. A token in the header counts before a cookie.

    Raises:
        Unauthenticated: what it shows cannot be a token.
    """
    shown = headers.getall("authorization", [])
    if shown:
        scheme, _, token = shown[0].partition(" ")
        if len(shown) > 1 or scheme.lower() != "bearer" or not _is_token(token):
            raise _no_token()
        return Credential(token=Secret(token), is_cookie=False)
    token = _cookies(headers).get(COOKIE, "")
    if not token:
        return None
    if not _is_token(token):
        raise _no_token()
    return Credential(token=Secret(token), is_cookie=True)


def _no_token() -> Unauthenticated:
    return Unauthenticated("This is no session token.", hint="Sign in again.", code="E-TOKEN")


def _is_token(text: str) -> bool:
    return _TOKEN.fullmatch(text) is not None


def _cookies(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for header in headers.getall("cookie", []):
        try:
            parsed = SimpleCookie(header)
        except CookieError:
            continue
        found |= {name: morsel.value for name, morsel in parsed.items()}
    return found


def csrf_token(token: Secret) -> str:
    """What a page must repeat to change anything; it follows from the session, so it cannot be planted."""
    return hmac.new(token.reveal().encode(), b"machina csrf 1", hashlib.sha256).hexdigest()


def check_page(config: ServerConfig, method: str, headers: Headers) -> None:
    """Refuse a write that a browser sends for a page of another site.

    Raises:
        Forbidden: ``E-CSRF``.
    """
    if method in SAFE_METHODS:
        return
    origin = headers.get("origin", "")
    is_known = origin in {config.public_url, *config.cors_origins}
    is_foreign = bool(origin) and not is_known
    site = headers.get("sec-fetch-site", "")
    if is_foreign or (site not in {"", "same-origin", "none"} and not is_known):
        raise Forbidden("The request comes from a page of another site.", code="E-CSRF")


def check_repeated(method: str, headers: Headers, token: Secret) -> None:
    """Refuse a browser's write whose page cannot repeat what only the session's own page knows.

    Raises:
        Forbidden: ``E-CSRF``.
    """
    if method in SAFE_METHODS:
        return
    if not hmac.compare_digest(headers.get(CSRF_HEADER, "").encode(), csrf_token(token).encode()):
        raise Forbidden(
            "The request lacks the token that proves it is the page's own.",
            hint=f"Send the value of the cookie {CSRF_COOKIE} as the header X-CSRF-Token.",
            code="E-CSRF",
        )


def session_cookies(token: Secret, max_age_s: int) -> tuple[str, str]:
    """Values of Set-Cookie that give a browser its session, and its page the token to repeat."""
    kept = f"Path=/; Max-Age={max_age_s}; Secure; SameSite=Lax"
    return f"{COOKIE}={token.reveal()}; {kept}; HttpOnly", f"{CSRF_COOKIE}={csrf_token(token)}; {kept}"


def no_cookies() -> tuple[str, str]:
    """Values of Set-Cookie that take both away."""
    gone = "=; Path=/; Max-Age=0; Secure; SameSite=Lax"
    return f"{COOKIE}{gone}; HttpOnly", f"{CSRF_COOKIE}{gone}"


def client_address(peer: str, headers: Headers, proxies: Iterable[Network]) -> str:
    """Whose request it is: the peer's address, or what trusted proxies say, read from the nearest outward.

    What an untrusted peer writes into a header says nothing.
    """
    forwarded = headers.getall("x-forwarded-for", [])
    if not forwarded:
        return peer
    trusted = tuple(proxies)
    chain = [part.strip() for value in forwarded for part in value.split(",")]
    address = peer
    for said in reversed(chain[-ADDRESSES:]):
        if not _is_among(address, trusted):
            break
        parsed = _parsed(said)
        if parsed is None:
            break
        address = str(parsed)
    return address


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, ipaddress.IPv6Address) else found


def _is_among(address: str, networks: Iterable[Network]) -> bool:
    found = _parsed(address)
    return found is not None and any(found in network for network in networks)


def is_loopback(address: str) -> bool:
    """Whether it is this computer itself."""
    found = _parsed(address)
    return found is not None and found.is_loopback
