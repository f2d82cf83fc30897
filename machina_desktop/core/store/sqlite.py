"""The database as one SQLite file: one transaction writes at a time, in any process; the file is checked and copied."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path

import sqlalchemy as sa

from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.store import backend, migrations
from machina_desktop.core.store.news import Heard, News
from machina_desktop.core.store.tables import Malformed

LOG = logging.getLogger(__name__)
BUSY_MS = 5000
READERS = 2


def is_wal_safe(version: tuple[int, int, int]) -> bool:
    """Whether that SQLite is free of the WAL-reset bug, which can lose commits (3.7.0 to 3.51.2, but back-ports)."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


class SqliteFile(backend.Backend):
    """The file of one computer. SQLite serialises all writers; each waits up to ``busy_ms`` for the others."""

    writers = 1
    readers = READERS
    is_shared = False
    errors = (sa.exc.StatementError, sqlite3.Error, Malformed, UnicodeError, OverflowError, OSError)

    def __init__(self, path: Path, *, busy_ms: int = BUSY_MS) -> None:
        self._path = path
        self._write_engine = _engine(path, begin="BEGIN IMMEDIATE", is_reader=False, busy_ms=busy_ms)
        self._read_engine = _engine(path, begin="BEGIN", is_reader=True, busy_ms=busy_ms)

    def prepare(self) -> None:
        self._path.touch(mode=0o600)
        # One transaction from the look to the last revision: of several processes that start at once, one copies.
        with self._write_engine.begin() as connection:
            _refuse_damaged(connection)
            revision = migrations.revision_of(connection)
            if revision == migrations.HEAD:
                return
            if revision is not None:
                copy(self._path, self._path.with_name(f"{self._path.name}.before-{migrations.HEAD}"))
            migrations.upgrade(connection)

    def writing(self) -> AbstractContextManager[sa.Connection]:
        return self._write_engine.begin()

    def reading(self) -> AbstractContextManager[sa.Connection]:
        return self._read_engine.begin()

    def translate(self, error: Exception) -> MachinaError:
        match error:
            case sa.exc.IntegrityError():
                is_taken = "unique" in str(error.orig).lower()
                return backend.taken() if is_taken else backend.broken_rule(str(error.orig))
            case UnicodeDecodeError():
                return _trouble("malformed text")
            case sa.exc.DatabaseError() | sqlite3.Error() | Malformed():
                return _trouble(str(getattr(error, "orig", error)).lower())
            case OSError():
                return Unavailable(
                    f"The database cannot be opened: {error.strerror}.",
                    hint="Check the data folder.",
                    code="E-DB-OPEN",
                )
        return backend.unstorable()

    def retries_after(self, error: Exception) -> int:
        # SQLite has waited already.
        del error
        return 0

    def announce(self, news: tuple[News, ...]) -> None:
        """There is nobody to tell: other processes look at the file."""

    def listen(self, heard: Heard) -> Callable[[], None] | None:
        del heard
        return None

    def copy_to(self, target: Path) -> None:
        copy(self._path, target)

    def damage(self) -> str:
        with self._read_engine.begin() as connection:
            found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        return "" if found == "ok" else found

    def compact(self) -> None:
        """The file is written anew; of what was deleted, its free pages would still hold every word."""
        with closing(sqlite3.connect(self._path, timeout=BUSY_MS / 1000, isolation_level=None)) as connection:
            connection.execute("VACUUM")
            is_busy, _pages, _moved = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if is_busy:
                raise sqlite3.OperationalError("database is locked")

    def close(self) -> None:
        self._write_engine.dispose()
        self._read_engine.dispose()


def copy(source: Path, target: Path) -> None:
    """A consistent copy of a database that may be in use; written beside and renamed, so never half there."""
    temporary = target.with_name(target.name + ".new")
    temporary.unlink(missing_ok=True)
    temporary.touch(mode=0o600)
    with sqlite3.connect(source) as old, sqlite3.connect(temporary) as new:
        old.backup(new)
    old.close()
    new.close()
    temporary.replace(target)


def _refuse_damaged(connection: sa.Connection) -> None:
    found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
    if found != "ok":
        raise Malformed(f"malformed: {found}")


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


def _trouble(text: str) -> Unavailable:
    # What cannot be decoded is quoted by the library; it may be anybody's.
    text = text.partition(" with text ")[0]
    LOG.error("database: %s", text)
    if "full" in text:
        return backend.disk_full()
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
