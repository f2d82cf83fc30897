"""What PostgreSQL's errors mean; none of our sentences quotes a value that was sent or stored."""

from __future__ import annotations

import logging

import psycopg
import sqlalchemy as sa

from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.store import backend
from machina_desktop.core.store.tables import Malformed

LOG = logging.getLogger(__name__)

TAKEN = "23505"
RETRIES = 3

PASSING_CODES = frozenset({"40001", "40P01"})
"""Two transactions stood in each other's way; one was undone."""

GONE_CODES = frozenset({"57P01", "57P02", "57P05", "25006", "25P03", "08000", "08001", "08003", "08004", "08006"})
"""The server ends connections, or it is a copy that takes no writes at the moment."""

BUSY_CODES = frozenset({*PASSING_CODES, "53000", "53200", "53300", "53400", "55P03", "57014", "57P03"})
BUSY_SIGNS = (
    "starting up",
    "shutting down",
    "too many clients",
    "too many connections",
    "connection slots",
    "recovery mode",
    "not yet accept",
)
REFUSED_CODES = frozenset({"28000", "28P01", "3D000", "42501"})
REFUSED_SIGNS = ("authentication failed", "does not exist", "pg_hba.conf", "no password supplied", "permission denied")

_RETRY = "Try again in a few seconds; it comes back by itself when the database does."


def retries_after(error: Exception) -> int:
    """How often to do the same work again, nothing having been changed; 0 when that would end the same way."""
    code = _code(error)
    if code in PASSING_CODES:
        return RETRIES
    # Somebody may have stored it since the work looked; looking again, it finds that and knows what to say.
    return 1 if code == TAKEN else 0


def translate(error: Exception) -> MachinaError:
    """What happened, whose fault it is, what to do."""
    code = _code(error)
    if isinstance(error, UnicodeEncodeError | OverflowError) or code.startswith("22") or _is_of_values(error):
        return backend.unstorable()
    if code == TAKEN:
        return backend.taken()
    if code.startswith("23") or _is_wall(error, code):
        return backend.broken_rule(_primary(error))
    return _trouble(error, code)


def _trouble(error: Exception, code: str) -> Unavailable:
    text = _primary(error).lower()
    LOG.error("database: %s %s", code, text)
    if isinstance(error, Malformed | UnicodeDecodeError) or code.startswith("XX"):
        return Unavailable(
            "The database is damaged. It was left as it is.",
            hint="Have the server's administrator look at it, or restore a backup.",
            code="E-DB-CORRUPT",
        )
    if code == "53100":
        return backend.disk_full()
    if code in BUSY_CODES or isinstance(error, sa.exc.TimeoutError) or any(sign in text for sign in BUSY_SIGNS):
        return Unavailable("The database is busy or starting.", hint=_RETRY, code="E-DB-BUSY")
    if code in REFUSED_CODES or (not code and any(sign in text for sign in REFUSED_SIGNS)):
        return Unavailable(
            "The database does not let us in.",
            hint="Check user, password and name in DATABASE_URL, and the rights of that user.",
            code="E-DB-OPEN",
        )
    if is_of_connection(error):
        return Unavailable("The database cannot be reached.", hint=_RETRY, code="E-DB-GONE")
    return Unavailable(
        f"The database failed ({code or type(error).__name__}).",
        hint="The server's log says more.",
        code="E-DB-IO",
    )


def _original(error: Exception) -> BaseException:
    return getattr(error, "orig", None) or error


def _code(error: Exception) -> str:
    return getattr(_original(error), "sqlstate", None) or ""


def _primary(error: Exception) -> str:
    """The first sentence of an error: the details that follow quote whole rows."""
    original = _original(error)
    said = original.diag.message_primary if isinstance(original, psycopg.Error) else None
    return said or (str(original).splitlines() or [type(original).__name__])[0]


def _is_wall(error: Exception, code: str) -> bool:
    return code == "42501" and "row-level security" in _primary(error)


def _is_of_values(error: Exception) -> bool:
    """Refused before anything was sent: NUL in a text, say."""
    original = _original(error)
    if isinstance(original, psycopg.DataError):
        return not original.sqlstate
    return isinstance(error, sa.exc.StatementError) and not isinstance(error, sa.exc.DBAPIError)


def is_of_connection(error: Exception) -> bool:
    """Whether there is no server, or it ended the connection."""
    if code := _code(error):
        return code in GONE_CODES
    return isinstance(_original(error), psycopg.OperationalError | psycopg.InterfaceError | OSError)
