"""Addresses of what the window can show: ``machina://machine/<id>``, ``machina://app/<name>/<place>``, a join.

A join may name the server to join at: ``machina://join/<code>?server=https://machina.example.org``.

A link only shows. Whoever wrote it, a page on the web included, gets nothing done by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, quote

from machina_desktop.core.errors import InvalidInput

SCHEME: Final = "machina://"
APP: Final = "app"
JOIN: Final = "join"
# Far more than the longest link, and few enough to be one line of a log or a socket.
LONGEST: Final = 200
# What an identifier of each entity begins with (core.ids).
KINDS: Final = {
    "machine": "machine",
    "deployment": "deployment",
    "provider_account": "account",
    "ssh_key": "key",
    "team": "team",
    "member": "member",
    "invite": "invite",
    "audit_event": "audit",
}

_ID = re.compile(r"(?P<kind>[a-z]{2,16})-[0-9a-hjkmnp-tv-z]{26}")
# An invite code in its groups.
_CODE = re.compile(r"[0-9a-z]{5}(?:-?[0-9a-z]{5}){3}-?[0-9a-z]{6}")
_SERVER = re.compile(r"https?://[0-9A-Za-z.\[\]:_-]{1,120}/?")
_WORD = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_HINT = "Copy the link again where it comes from, or look for what it names with Ctrl+K."


@dataclass(frozen=True)
class Link:
    """Where to go.

    Attributes:
        entity: ``machine``, ``deployment``, ``provider_account``, ``ssh_key``, ``team``, ``member``,
            ``invite``, ``audit_event``; ``app`` for a page; ``join`` for joining a team.
        key: The entity's identifier, the app's name, or the invite's code.
        place: Somewhere on the app's page, as `Page.go_to` knows it; empty for the page itself.
        server: The origin of the server to join at; empty where the link names none.
    """

    entity: str
    key: str
    place: str = ""
    server: str = ""

    def __str__(self) -> str:
        path = "/".join(part for part in (f"{SCHEME}{self.entity}", self.key, self.place) if part)
        return f"{path}?server={quote(self.server, safe=':/')}" if self.server else path

    @classmethod
    def to_app(cls, name: str, place: str = "") -> Link:
        """To an app's page."""
        return cls(APP, name, place)

    @classmethod
    def to_join(cls, code: str, server: str = "") -> Link:
        """To the dialog that joins a team, with the code of an invite in it; the person still has to say so."""
        return cls(JOIN, code, server=server)

    @classmethod
    def parse(cls, text: str) -> Link:
        """Read a link; what it names need not exist.

        Raises:
            InvalidInput: E-LINK, it is none of ours: too long, another scheme, an unknown entity, an id or a name
                that cannot be, or more than that in it.
        """
        if len(text) > LONGEST:
            raise _refused("The link is too long to be one of Machina's.")
        if not text.startswith(SCHEME):
            raise _refused("Links of Machina begin with machina://.")
        # Browsers and desktops end an address that has a host and no path with a slash.
        path, _mark, query = text.removeprefix(SCHEME).partition("?")
        entity, *parts = path.removesuffix("/").split("/")
        server = _server_of(query) if entity == JOIN and query else ""
        if query and not server:
            raise _refused("The link is damaged: it names no server.")
        if entity == APP and 1 <= len(parts) <= 2 and all(map(_WORD.fullmatch, parts)):
            return cls(APP, *parts)
        if entity == JOIN and len(parts) == 1 and _CODE.fullmatch(parts[0]):
            return cls(JOIN, parts[0], server=server)
        if entity not in KINDS and entity not in {APP, JOIN}:
            raise _refused("The link names nothing that Machina can show.")
        if entity in KINDS and len(parts) == 1 and _kind_of(parts[0]) == KINDS[entity]:
            return cls(entity, parts[0])
        raise _refused("The link is damaged: it names nothing that can exist.")


def of_id(text: str) -> Link | None:
    """The link to what has ``text`` as its identifier; ``None`` when it is no identifier of something shown."""
    kind = _kind_of(text)
    return next((Link(entity, text) for entity, prefix in KINDS.items() if prefix == kind), None)


def _server_of(query: str) -> str:
    """The origin that a link's query names; empty for anything else."""
    named = parse_qsl(query, keep_blank_values=True)
    if [name for name, _value in named] != ["server"] or not _SERVER.fullmatch(named[0][1]):
        return ""
    return named[0][1].removesuffix("/")


def _kind_of(text: str) -> str:
    match = _ID.fullmatch(text)
    return match["kind"] if match is not None else ""


def _refused(message: str) -> InvalidInput:
    return InvalidInput(message, hint=_HINT, code="E-LINK")
