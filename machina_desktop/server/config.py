"""What the server is told by its environment, checked once and frozen (spec 10.1)."""

from __future__ import annotations

import ipaddress
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from machina_desktop.core.domain.account import Registration
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret

PORT = 3001
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Mode(StrEnum):
    """What the server runs for; production refuses what is only good on one's own computer."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True, kw_only=True)
class ServerConfig:
    """One server process.

    Attributes:
        bind: The address it listens at.
        port: TCP port; 0 lets the system choose one.
        public_url: Under which people and agents reach it: scheme and host, without a path.
        cors_origins: Browsers may ask from pages of these origins, and of no others.
        hosts: Names it answers under, in lower case and without a port.
        proxies: Only what comes from these may say on whose behalf.
        registration: Who may make an account; the first one may always be made.
        database_url: A PostgreSQL server; ``None`` for the SQLite file in the data folder.
        carries_out: Whether this process carries runs out, too; never with PostgreSQL, where ``machina-runner`` does.
    """

    bind: str = "127.0.0.1"
    port: int = PORT
    public_url: str = f"http://localhost:{PORT}"
    cors_origins: tuple[str, ...] = ()
    hosts: frozenset[str] = _LOCAL_NAMES
    proxies: tuple[Network, ...] = ()
    mode: Mode = Mode.DEVELOPMENT
    database_url: Secret | None = field(default=None, repr=False)
    registration: Registration = Registration.INVITE
    carries_out: bool = True

    @property
    def is_production(self) -> bool:
        """Whether strangers can reach it."""
        return self.mode is Mode.PRODUCTION


def read_config(variables: Mapping[str, str]) -> ServerConfig:
    """The configuration that environment variables spell; an empty variable counts as none.

    Raises:
        InvalidInput: ``E-CONFIG``, ``field`` names the variable.
    """
    mode = _mode(variables)
    port = _port(variables.get("PORT", ""))
    public_url = _public_url(variables.get("PUBLIC_SERVER_URL", "") or f"http://localhost:{port or PORT}", mode)
    database_url = variables.get("DATABASE_URL", "")
    return ServerConfig(
        bind=_address(variables.get("MACHINA_BIND", "") or "127.0.0.1"),
        port=port,
        public_url=public_url,
        cors_origins=_origins(variables, mode),
        hosts=_hosts(variables.get("MACHINA_ALLOWED_HOSTS", ""), public_url, mode),
        proxies=tuple(_network(part) for part in _parts(variables.get("MACHINA_TRUSTED_PROXIES", ""))),
        mode=mode,
        database_url=_database(database_url) if database_url else None,
        carries_out=_is_on(variables.get("MACHINA_RUNNER", "") or "on") and not database_url,
        registration=_registration(variables.get("MACHINA_REGISTRATION", "") or Registration.INVITE.value),
    )


def _wrong(variable: str, message: str, hint: str) -> InvalidInput:
    return InvalidInput(f"{variable} {message}", field=variable, hint=hint, code="E-CONFIG")


def _parts(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _mode(variables: Mapping[str, str]) -> Mode:
    name = "MACHINA_ENV" if variables.get("MACHINA_ENV") else "NODE_ENV"
    value = variables.get(name, "") or Mode.DEVELOPMENT.value
    if value not in set(Mode):
        raise _wrong(name, "is none of development, test and production.", "Set MACHINA_ENV=production on a server.")
    return Mode(value)


def _registration(text: str) -> Registration:
    if text not in set(Registration):
        raise _wrong("MACHINA_REGISTRATION", "is neither invite nor open.", "invite lets in who has a team's code.")
    return Registration(text)


def _is_on(text: str) -> bool:
    if text not in {"on", "off"}:
        raise _wrong("MACHINA_RUNNER", "is neither on nor off.", "off: this server carries no runs out.")
    return text == "on"


def _port(text: str) -> int:
    if not text:
        return PORT
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise _wrong("PORT", "is no port.", "Give a number from 0 to 65535; 0 lets the system choose.")
    return int(text)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip("[]")))
    except ValueError:
        raise _wrong("MACHINA_BIND", "is no IP address.", "0.0.0.0 listens on every network.") from None


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        raise _wrong(
            "MACHINA_TRUSTED_PROXIES",
            f"names {text!r}, which is no address and no network.",
            "For example: 127.0.0.1, 10.0.0.0/8.",
        ) from None


def _split(url: str) -> tuple[str, str, int | None]:
    """Scheme, host as a Host header has it, and port of a bare origin; empty where it is anything else.

    The address is written into scripts that run on machines: nothing passes that means something there.
    """
    if not re.fullmatch(r"https?://[A-Za-z0-9.\-\[\]:]+", url):
        return "", "", None
    try:
        found = urllib.parse.urlsplit(url)
        host, port = found.hostname or "", found.port
    except ValueError:
        return "", "", None
    return found.scheme, f"[{host}]" if ":" in host else host, port


def _public_url(text: str, mode: Mode) -> str:
    url = text.removesuffix("/")
    scheme, host, _ = _split(url)
    if not host:
        raise _wrong(
            "PUBLIC_SERVER_URL",
            "is not a plain address of scheme and host.",
            "For example: https://machina.example.com, without path, user or query.",
        )
    if mode is Mode.PRODUCTION and scheme != "https":
        raise _wrong(
            "PUBLIC_SERVER_URL",
            "is not https.",
            "In production sessions are sent over TLS only; put a proxy with a certificate in front.",
        )
    return url


def _origins(variables: Mapping[str, str], mode: Mode) -> tuple[str, ...]:
    # The development server of a web client, where spec 10.1 has it.
    default = "" if mode is Mode.PRODUCTION else "http://localhost:5173"
    origins = _parts(variables.get("CORS_ORIGIN", default))
    for origin in origins:
        if not _split(origin)[1]:
            raise _wrong(
                "CORS_ORIGIN", f"names {origin!r}, which is no origin.", "For example: https://app.example.com; no *."
            )
    return origins


def _hosts(text: str, public_url: str, mode: Mode) -> frozenset[str]:
    own = _split(public_url)[1]
    local = frozenset() if mode is Mode.PRODUCTION else _LOCAL_NAMES
    return frozenset({own.lower(), *(part.lower() for part in _parts(text)), *local})


def _database(text: str) -> Secret:
    if not text.startswith(("postgresql://", "postgres://")):
        raise _wrong(
            "DATABASE_URL",
            "is no address of a PostgreSQL server.",
            "For example: postgresql://user:password@host/name. Without it, a SQLite file is used.",
        )
    return Secret(text)
