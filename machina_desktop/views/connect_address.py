"""What a person types or pastes to name a server: a host, an address, or an invite link with all of it in it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from machina_desktop.core.errors import InvalidInput
from machina_desktop.views.links import JOIN, SCHEME, Link

# As long as an address may be that a person could have meant.
LONGEST = 400
_JOIN_PATH = "/join/"


@dataclass(frozen=True)
class Address:
    """A server and, from an invite link, the code.

    Attributes:
        url: The origin, ``https://machina.example.org``; empty for a link that names no server.
        code: The invite's code; empty without one.
    """

    url: str
    code: str = ""

    @property
    def is_exposed(self) -> bool:
        """Whether what is said to it could be read on the way: not encrypted, and not on this computer."""
        return self.url.startswith("http:") and not is_loopback(urlsplit(self.url).hostname or "")


def parse_address(text: str) -> Address:
    """Read what was typed or pasted.

    Raises:
        InvalidInput: E-SERVER-ADDRESS, it can be no server's address; ``field`` is ``url``.
    """
    typed = text.strip()
    if not typed:
        raise _refused("Enter the server's address.")
    if len(typed) > LONGEST or any(letter.isspace() for letter in typed):
        raise _refused("This is no server's address.")
    if typed.startswith(SCHEME):
        return _of_link(typed)
    parts = _split(typed)
    code = ""
    if parts.path.startswith(_JOIN_PATH):
        code = _of_link(f"{SCHEME}{JOIN}/{parts.path.removeprefix(_JOIN_PATH).strip('/')}").code
    return Address(_origin(parts), code)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is this computer."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _of_link(text: str) -> Address:
    try:
        link = Link.parse(text)
    except InvalidInput as error:
        raise _refused(error.message) from error
    if link.entity != JOIN:
        raise _refused("This link is no invite.")
    return Address(link.server, link.key)


def _split(typed: str) -> SplitResult:
    has_scheme = "://" in typed
    try:
        parts = urlsplit(typed if has_scheme else f"https://{typed}")
        host, _port = parts.hostname or "", parts.port
    except ValueError as error:
        raise _refused("This is no server's address.") from error
    if parts.scheme not in {"http", "https"}:
        raise _refused("A server's address begins with https://.")
    if not host or parts.username is not None or not _is_host(host):
        raise _refused("This is no server's address.")
    if not has_scheme and is_loopback(host):
        return parts._replace(scheme="http")
    return parts


def _is_host(host: str) -> bool:
    if ":" in host:
        return True
    labels = host.removesuffix(".").split(".")
    return all(label and not label.startswith("-") and label.replace("-", "").isalnum() for label in labels)


def _origin(parts: SplitResult) -> str:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{host}" if parts.port in {None, usual} else f"{parts.scheme}://{host}:{parts.port}"


def _refused(message: str) -> InvalidInput:
    return InvalidInput(
        message,
        hint="It looks like machina.example.org, or paste an invite link.",
        field="url",
        code="E-SERVER-ADDRESS",
    )
