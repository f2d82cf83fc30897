"""What a person types or pastes to name a server: a host, an address, or an invite link with all of it in it."""

from __future__ import annotations

from dataclasses import dataclass

from machina_desktop.core.domain.origins import is_plain, no_address, origin_of
from machina_desktop.core.errors import InvalidInput
from machina_desktop.views.links import JOIN, SCHEME, Link

_JOIN_PATH = "join/"


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
        return is_plain(self.url)


def parse_address(text: str) -> Address:
    """Read what was typed or pasted.

    Raises:
        InvalidInput: E-SERVER-ADDRESS, it can be no server's address; ``field`` is ``url``.
    """
    typed = text.strip()
    if typed.startswith(SCHEME):
        return _of_link(typed)
    scheme, separator, rest = typed.partition("://") if "://" in typed else ("", "", typed)
    host, _, path = rest.partition("/")
    url = origin_of(f"{scheme}{separator}{host}")
    if path.startswith(_JOIN_PATH):
        return Address(url, _of_link(f"{SCHEME}{JOIN}/{path.removeprefix(_JOIN_PATH).strip('/')}").code)
    return Address(url)


def _of_link(text: str) -> Address:
    try:
        link = Link.parse(text)
    except InvalidInput as error:
        raise no_address(error.message) from error
    if link.entity != JOIN:
        raise no_address("This link is no invite.")
    return Address(link.server, link.key)
