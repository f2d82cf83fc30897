"""The origin of a server, from what people type."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from machina_desktop.core.errors import InvalidInput

LONGEST_URL = 400


def origin_of(typed: str) -> str:
    """The origin of a server as people type it; without a scheme it is https, on this very computer http.

    Raises:
        InvalidInput: E-SERVER-ADDRESS.
    """
    text = typed.strip()
    if not text or len(text) > LONGEST_URL or any(letter.isspace() for letter in text):
        raise _no_address()
    parts = _split(text)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if parts.port in {None, usual} else f"{parts.scheme}://{host}:{parts.port}"


def is_plain(origin: str) -> bool:
    """Whether what is said there could be read on the way: not encrypted, and to another computer."""
    return origin.startswith("http:") and not _is_loopback(urlsplit(origin).hostname or "")


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise _no_address() from error
    is_other = parts.query or parts.fragment or parts.path.strip("/") or parts.username is not None
    if parts.scheme not in {"http", "https"} or not host or is_other:
        raise _no_address()
    return parts._replace(scheme="http") if "://" not in text and _is_loopback(host) else parts


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _no_address() -> InvalidInput:
    return InvalidInput(
        "This is no server's address.",
        field="url",
        hint="It looks like machina.example.org or https://10.0.0.7:8443.",
        code="E-SERVER-ADDRESS",
    )
