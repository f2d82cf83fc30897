"""The origin of a server, from what people type."""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, urlsplit

from machina_desktop.core.errors import InvalidInput

# As long as an address may be that a person could have meant.
LONGEST = 400


def origin_of(typed: str) -> str:
    """The origin of a server as people type it; without a scheme it is https, on this very computer http.

    Raises:
        InvalidInput: E-SERVER-ADDRESS; ``field`` is ``url``.
    """
    text = typed.strip()
    if not text:
        raise no_address("Enter the server's address.")
    if len(text) > LONGEST or any(letter.isspace() for letter in text):
        raise no_address()
    parts = _split(text)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if parts.port in {None, usual} else f"{parts.scheme}://{host}:{parts.port}"


def is_plain(origin: str) -> bool:
    """Whether what is said there could be read on the way: not encrypted, and to another computer."""
    return origin.startswith("http:") and not _is_loopback(urlsplit(origin).hostname or "")


def no_address(message: str = "This is no server's address.") -> InvalidInput:
    """What was typed can be no server's address."""
    return InvalidInput(
        message,
        hint="It looks like machina.example.org, or paste an invite link.",
        field="url",
        code="E-SERVER-ADDRESS",
    )


def _split(text: str) -> SplitResult:
    has_scheme = "://" in text
    try:
        parts = urlsplit(text if has_scheme else f"https://{text}")
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise no_address() from error
    if parts.scheme not in {"http", "https"}:
        raise no_address("A server's address begins with https://.")
    if parts.query or parts.fragment or parts.path.strip("/") or parts.username is not None or not _is_host(host):
        raise no_address()
    return parts._replace(scheme="http") if not has_scheme and _is_loopback(host) else parts


def _is_host(host: str) -> bool:
    if ":" in host:
        return True
    labels = host.removesuffix(".").split(".")
    return all(label and not label.startswith("-") and label.replace("-", "").isalnum() for label in labels)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
