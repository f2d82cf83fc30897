"""The address of a PostgreSQL database, and connections to it; its password is seen here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import sqlalchemy as sa

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.secret import Secret

SCHEMES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})

SETTINGS = {
    "application_name": "machina",
    "client_encoding": "utf8",
    "connect_timeout": "5",
    # A host that vanished is noticed within half a minute, whatever the system's own patience.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}
TIMEOUTS = (
    "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=60s "
    "-c default_transaction_isolation=read\\ committed -c TimeZone=UTC"
)


def connector(url: Secret) -> Callable[[], psycopg.Connection]:
    """What makes one connection after the other to the database at ``url``; what the address sets wins over ours.

    Raises:
        InvalidInput: it is no address of a PostgreSQL database. The message does not quote it.
    """
    settings = connection_settings(url)

    def connect() -> psycopg.Connection:
        return psycopg.connect(settings.reveal())

    return connect


def connection_settings(url: Secret) -> Secret:
    """The address as libpq's settings, password included, for whoever connects by other means.

    Raises:
        InvalidInput: it is no address of a PostgreSQL database. The message does not quote it.
    """
    return Secret(_settings(url.reveal()))


def for_programs(url: Secret, options: str) -> tuple[str, Secret]:
    """The address as PostgreSQL's own programs take it, without its password, and that password.

    ``options`` is added to what a connection starts with, such as ``-c machina.teams={*}``.

    Raises:
        InvalidInput: it is no address of a PostgreSQL database. The message does not quote it.
    """
    settings = psycopg.conninfo.conninfo_to_dict(_settings(url.reveal()))
    password = Secret(str(settings.pop("password", "")))
    settings["options"] = f"{settings['options']} {options}"
    return psycopg.conninfo.make_conninfo("", **settings), password


def _settings(url: str) -> str:
    """The address as libpq's settings."""
    try:
        parsed = sa.make_url(url)
        given = {name: value if isinstance(value, str) else ",".join(value) for name, value in parsed.query.items()}
    except (sa.exc.ArgumentError, ValueError):
        # The library quotes the address, or the half of a password that it took for a port.
        raise _no_address() from None
    if parsed.drivername not in SCHEMES or not (parsed.database or given.get("dbname")):
        raise _no_address()
    password = parsed.password or given.get("password") or ""
    REDACTOR.learn(str(password))
    named = {
        "host": parsed.host,
        "port": str(parsed.port) if parsed.port else None,
        "user": parsed.username,
        "password": str(password),
        "dbname": parsed.database,
    }
    options = f"{TIMEOUTS} {given.pop('options', '')}".strip()
    merged = {**SETTINGS, **{name: value for name, value in named.items() if value}, **given, "options": options}
    try:
        return psycopg.conninfo.make_conninfo("", **merged)
    except psycopg.Error:
        raise _no_address() from None


def _no_address() -> InvalidInput:
    return InvalidInput(
        "This is no address of a PostgreSQL database.",
        field="DATABASE_URL",
        hint="Write postgresql://user:password@host:5432/database, with % escapes for special characters.",
        code="E-DB-URL",
    )
