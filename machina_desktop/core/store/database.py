"""The database: writers and readers on threads of their own, work done again where that helps, errors in our words."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import Conflict, MachinaError, Unavailable
from machina_desktop.core.events import Change
from machina_desktop.core.secret import Secret
from machina_desktop.core.store.backend import Backend
from machina_desktop.core.store.news import Heard, News
from machina_desktop.core.store.sql_transaction import SqlTransaction, StartOver
from machina_desktop.core.store.sqlite import BUSY_MS, SqliteFile
from machina_desktop.core.store.transaction import Permit, Transaction

R = TypeVar("R")
LOG = logging.getLogger(__name__)
BACK_OFF_S = 0.02
OWN_NUMBERS = 4096

_STORE = Actor(user_id="store", display_name="Store", is_runner=True)


class Database:
    """All that is stored, on SQLite or PostgreSQL.

    :meth:`write` and :meth:`read` may be called from the loop; the work runs on the store's own threads, and may run
    more than once before its one commit: it does nothing but use its transaction. Several processes may use the same
    database at once.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._writers = ThreadPoolExecutor(backend.writers, thread_name_prefix="store-writer")
        self._readers = ThreadPoolExecutor(backend.readers, thread_name_prefix="store-reader")
        self._own = _Numbers()
        self._stop_listening: Callable[[], None] | None = None
        self._closed = threading.Event()

    @classmethod
    def of_file(cls, path: Path, *, busy_ms: int = BUSY_MS) -> Database:
        """The SQLite file of one computer; each writer waits up to ``busy_ms`` for the others."""
        return cls(SqliteFile(path, busy_ms=busy_ms))

    @classmethod
    def of_url(cls, url: Secret, *, connections: int = 10) -> Database:
        """A database on a PostgreSQL server, ``postgresql://user:password@host/name``; at most so many connections.

        Raises:
            InvalidInput: the address is none of PostgreSQL.
        """
        # The desktop never loads the driver: it has no server's database.
        from machina_desktop.core.store.postgres import PostgresServer  # noqa: PLC0415

        return cls(PostgresServer(url, connections=connections))

    def open(self) -> None:
        """Bring the database to this version's schema; a file is copied before. Blocking.

        Raises:
            Unavailable: damaged (``E-DB-CORRUPT``), made by a newer version (``E-DB-NEWER``) or another program
                (``E-DB-FOREIGN``), disk full, locked, not to be reached.
        """
        with self._translated():
            self._backend.prepare()

    @property
    def is_shared(self) -> bool:
        """Whether several transactions write at once."""
        return self._backend.is_shared

    async def write(
        self, actor: Actor, permit: Permit, work: Callable[[SqlTransaction], R], *, team_id: str = ""
    ) -> tuple[R, SqlTransaction]:
        """Run ``work`` in one durable transaction; answers its result and the transaction with its changes.

        ``team_id``, where it is known, is the team that ``work`` writes to: it saves a second beginning.
        """
        held = frozenset({team_id} if team_id else ())
        return await self._submit(self._writers, self._write, actor, permit, work, held)

    async def read(self, actor: Actor, work: Callable[[Transaction], R]) -> R:
        """Run ``work`` in a read-only transaction that sees what the actor may see."""
        return await self._submit(self._readers, self._read, actor, work)

    async def change_heads(self) -> dict[str, int]:
        """The newest change number of every team."""
        return await self._submit(self._readers, self._read, _STORE, SqlTransaction.change_heads)

    async def changes_after(self, team_id: str, seq: int) -> tuple[Change, ...]:
        """Changes of a team with a higher number."""
        return await self._submit(self._readers, self._read, _STORE, lambda tx: tx.read_changes(team_id, seq))

    async def log_ends(self, also: tuple[str, ...] = ()) -> dict[str, int]:
        """How long the logs of runs that are under way are, and those of the deployments ``also``, in bytes."""
        return await self._submit(self._readers, self._read, _STORE, lambda tx: tx.log_ends(also))

    async def has_sealed(self) -> bool:
        """Whether any envelope is stored: then a vault must never be made anew."""
        return await self._submit(self._readers, self._read, _STORE, SqlTransaction.has_sealed)

    def is_own(self, news: News) -> bool:
        """Whether this very object wrote that lately; known before anybody else can read it. Any thread."""
        return news in self._own

    def listen(self, heard: Heard) -> bool:
        """Hear from now on what any process has committed; whether there is a way, else one has to look.

        One listener at a time; :meth:`close` ends it.
        """
        if self._stop_listening is not None:
            self._stop_listening()
        self._stop_listening = self._backend.listen(heard)
        return self._stop_listening is not None

    def copy_to(self, target: Path) -> None:
        """Put a consistent copy of a file at ``target``, private, while it is in use. Blocking.

        Raises:
            Unavailable: the disk refused, or the database is damaged.
            Conflict: the database is no file; its server makes copies of it.
        """
        with self._translated():
            self._backend.copy_to(target)

    def damage(self) -> str:
        """What the database finds wrong with itself; empty when it is whole. Blocking, some 0.1 s for 250 MB."""
        with self._translated():
            return self._backend.damage()

    async def compact(self) -> None:
        """Let nothing that was deleted be found in the file any more.

        Raises:
            Unavailable: others use the file without a pause, or the disk is full; it may still be found.
        """
        await self._submit(self._writers, self._compact)

    def _compact(self) -> None:
        with self._translated():
            self._backend.compact()

    def close(self) -> None:
        """Finish what is under way and let go of the database. Blocking."""
        self._closed.set()
        if self._stop_listening is not None:
            self._stop_listening()
        self._writers.shutdown(wait=True)
        self._readers.shutdown(wait=True)
        self._backend.close()

    async def _submit(self, pool: ThreadPoolExecutor, work: Callable[..., R], *arguments: object) -> R:
        if self._closed.is_set():
            raise Unavailable("The application is closing.", code="E-CLOSING")
        return await asyncio.wrap_future(pool.submit(work, *arguments))

    def _write(
        self, actor: Actor, permit: Permit, work: Callable[[SqlTransaction], R], held: frozenset[str]
    ) -> tuple[R, SqlTransaction]:
        retries = 0
        with self._translated():
            while True:
                try:
                    return self._attempt(actor, permit, work, held)
                except StartOver as too_late:
                    held = too_late.team_ids
                except self._backend.errors as error:
                    retries += 1
                    if retries > self._backend.retries_after(error):
                        raise
                    time.sleep(BACK_OFF_S * 2**retries * random.uniform(0.5, 1))  # noqa: S311 - no secret

    def _attempt(
        self, actor: Actor, permit: Permit, work: Callable[[SqlTransaction], R], held: frozenset[str]
    ) -> tuple[R, SqlTransaction]:
        news: tuple[News, ...] = ()
        try:
            with self._backend.writing() as connection:
                transaction = SqlTransaction(
                    connection,
                    actor,
                    permit,
                    limit=partial(self._backend.limit, connection),
                    is_shared=self._backend.is_shared,
                    held=held,
                )
                result = work(transaction)
                news = _news(transaction)
                self._own.add(news)
        except BaseException:
            # The numbers were given back, and are another's next.
            self._own.remove(news)
            raise
        self._backend.announce(tuple({(each.name, each.is_log, each.is_sessions): each for each in news}.values()))
        return result, transaction

    def _read(self, actor: Actor, work: Callable[[SqlTransaction], R]) -> R:
        with self._translated(), self._backend.reading() as connection:
            return work(SqlTransaction(connection, actor, _refuse, limit=partial(self._backend.limit, connection)))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except MachinaError:
            raise
        except self._backend.errors as error:
            raise self._backend.translate(error) from error


class _Numbers:
    """The newest numbers that were written here. Any thread."""

    def __init__(self) -> None:
        self._known: dict[News, None] = {}
        self._lock = threading.Lock()

    def add(self, news: tuple[News, ...]) -> None:
        with self._lock:
            self._known.update(dict.fromkeys(news))
            while len(self._known) > OWN_NUMBERS:
                del self._known[next(iter(self._known))]

    def remove(self, news: tuple[News, ...]) -> None:
        with self._lock:
            for each in news:
                self._known.pop(each, None)

    def __contains__(self, news: News) -> bool:
        return news in self._known


def _news(transaction: SqlTransaction) -> tuple[News, ...]:
    """What a transaction has added to, each change on its own."""
    changes = tuple(News(change.team_id, change.seq) for change in transaction.changes)
    logs = (News(name, end, is_log=True) for name, end in transaction.logs.items())
    return (*changes, *logs, *(News(user_id, is_sessions=True) for user_id in sorted(transaction.signed_out)))


def _refuse(team_id: str, _tags: object = None) -> None:
    raise Conflict(f"A reading transaction wrote to team {team_id}.", code="E-READ-ONLY")
