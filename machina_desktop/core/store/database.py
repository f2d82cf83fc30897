"""The database: one writer thread, two readers, and every database error translated."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Bug, Conflict, InvalidInput, MachinaError, Unavailable
from machina_desktop.core.events import Change
from machina_desktop.core.store import migrations
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.transaction import Permit, Transaction

R = TypeVar("R")
LOG = logging.getLogger(__name__)
BUSY_MS = 5000
READERS = 2

_STORE = Actor(user_id="store", display_name="Store", is_runner=True)


def is_wal_safe(version: tuple[int, int, int]) -> bool:
    """Whether that SQLite is free of the WAL-reset bug, which can lose commits (3.7.0 to 3.51.2, but back-ports)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


class Database:
    """The SQLite file of one computer.

    :meth:`write` and :meth:`read` may be called from the loop; the work runs on the store's own threads. Several
    processes may use the file at once: SQLite serialises them, and each waits up to ``busy_ms`` for the others.
    """

    def __init__(self, path: Path, *, busy_ms: int = BUSY_MS) -> None:
        self._path = path
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")
        self._write_engine = _engine(path, begin="BEGIN IMMEDIATE", is_reader=False, busy_ms=busy_ms)
        self._read_engine = _engine(path, begin="BEGIN", is_reader=True, busy_ms=busy_ms)
        self._closed = threading.Event()

    def open(self) -> None:
        """Bring the file to this version's schema, after a copy. Blocking.

        Raises:
            Unavailable: damaged (``E-DB-CORRUPT``), made by a newer version (``E-DB-NEWER``) or another program
                (``E-DB-FOREIGN``), disk full, locked.
        """
        with translated():
            self._path.touch(mode=0o600)
            migrations.migrate(self._path, self._write_engine)

    async def write(
        self, actor: Actor, permit: Permit, work: Callable[[SqlTransaction], R]
    ) -> tuple[R, SqlTransaction]:
        """Run ``work`` in one durable transaction; answers its result and the transaction with its changes."""
        return await self._submit(self._writer, self._write, actor, permit, work)

    async def read(self, actor: Actor, work: Callable[[Transaction], R]) -> R:
        """Run ``work`` in a read-only transaction that sees what the actor may see."""
        return await self._submit(self._readers, self._read, actor, work)

    async def change_heads(self) -> dict[str, int]:
        """The newest change number of every team."""
        return await self._submit(self._readers, self._read, _STORE, SqlTransaction.change_heads)

    async def changes_after(self, team_id: str, seq: int) -> tuple[Change, ...]:
        """Changes of a team with a higher number."""
        return await self._submit(self._readers, self._read, _STORE, lambda tx: tx.read_changes(team_id, seq))

    async def log_head(self) -> int:
        """A number that grows with every piece of log stored."""
        return (await self.logs_after(1 << 62))[1]

    async def logs_after(self, head: int) -> tuple[tuple[tuple[str, int], ...], int]:
        """Which logs grew since ``head``, as (deployment id, new length), and the new head."""
        return await self._submit(self._readers, self._read, _STORE, lambda tx: tx.grown_logs(head))

    async def has_sealed(self) -> bool:
        """Whether any envelope is stored: then a vault must never be made anew."""
        return await self._submit(self._readers, self._read, _STORE, SqlTransaction.has_sealed)

    def copy_to(self, target: Path) -> None:
        """Put a consistent copy of the file at ``target``, private, while it is in use. Blocking.

        Raises:
            Unavailable: the disk refused, or the database is damaged.
        """
        with translated():
            migrations.copy(self._path, target)

    def damage(self) -> str:
        """What SQLite finds wrong with the file; empty when it is whole. Blocking, some 0.1 s for 250 MB."""
        with translated(), self._read_engine.begin() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return "" if found == "ok" else found

    def close(self) -> None:
        """Finish what is under way and let go of the file. Blocking."""
        self._closed.set()
        self._writer.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._write_engine.dispose()
        self._read_engine.dispose()

    async def _submit(self, pool: ThreadPoolExecutor, work: Callable[..., R], *arguments: object) -> R:
        if self._closed.is_set():
            raise Unavailable("The application is closing.", code="E-CLOSING")
        return await asyncio.wrap_future(pool.submit(work, *arguments))

    def _write(self, actor: Actor, permit: Permit, work: Callable[[SqlTransaction], R]) -> tuple[R, SqlTransaction]:
        with translated(), self._write_engine.begin() as connection:
            transaction = SqlTransaction(connection, actor, permit)
            return work(transaction), transaction

    def _read(self, actor: Actor, work: Callable[[SqlTransaction], R]) -> R:
        with translated(), self._read_engine.begin() as connection:
            return work(SqlTransaction(connection, actor, _refuse))


def _refuse(team_id: str, _tags: object = None) -> None:
    raise Conflict(f"A reading transaction wrote to team {team_id}.", code="E-READ-ONLY")


def _engine(path: Path, *, begin: str, is_reader: bool, busy_ms: int) -> sa.Engine:
    engine = sa.create_engine(
        f"sqlite+pysqlite:///{path}",
        poolclass=sa.pool.SingletonThreadPool,
        hide_parameters=True,
        connect_args={"timeout": busy_ms / 1000, "check_same_thread": False},
    )
    journal = "WAL" if is_wal_safe(sqlite3.sqlite_version_info) else "TRUNCATE"

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {busy_ms}")
        if not is_reader:
            connection.execute(f"PRAGMA journal_mode = {journal}")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA query_only = {'ON' if is_reader else 'OFF'}")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


@contextmanager
def translated() -> Iterator[None]:
    """Turns database errors into ours: what happened, whose fault it is, what to do."""
    try:
        yield
    except MachinaError:
        raise
    except sa.exc.IntegrityError as error:
        if "unique" not in str(error.orig).lower():
            raise Bug(f"A write broke a rule of the database: {error.orig}.") from error
        raise Conflict("That exists already.", hint="Look at what is there and try again.", code="E-TAKEN") from error
    except UnicodeDecodeError as error:
        raise _trouble("malformed text") from error
    except (sa.exc.DatabaseError, sqlite3.Error) as error:
        raise _trouble(str(getattr(error, "orig", error)).lower()) from error
    except (sa.exc.StatementError, UnicodeEncodeError, OverflowError) as error:
        # Half a surrogate pair, as a command line with broken bytes holds; a number of more than 64 bits.
        raise InvalidInput("A text or number in the request cannot be stored.", code="E-VALUE") from error
    except OSError as error:
        raise Unavailable(
            f"The database cannot be opened: {error.strerror}.", hint="Check the data folder.", code="E-DB-OPEN"
        ) from error


def _trouble(text: str) -> Unavailable:
    # What cannot be decoded is quoted by the library; it may be anybody's.
    text = text.partition(" with text ")[0]
    LOG.error("database: %s", text)
    if "full" in text:
        return Unavailable(
            "The disk is full; nothing was changed.", hint="Free some space and try again.", code="E-DISK-FULL"
        )
    if "locked" in text or "busy" in text:
        return Unavailable(
            "The database is in use by another program.",
            hint="Close backup tools or other copies of Machina and try again.",
            code="E-DB-BUSY",
        )
    if any(sign in text for sign in ("malformed", "not a database", "could not decode")):
        return Unavailable(
            "The database is damaged. It was left as it is.",
            hint="Restore the newest machina.db.before-* copy in the data folder, or a backup of yours.",
            code="E-DB-CORRUPT",
        )
    return Unavailable(f"The database failed: {text}.", hint="Check the disk of the data folder.", code="E-DB-IO")
