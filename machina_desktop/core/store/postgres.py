"""The database on a PostgreSQL server: many transactions write at once, in any process on any host.

Connections are of this process alone: a pooler in front of the server must keep sessions, not only transactions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa

from machina_desktop.core.errors import Conflict, MachinaError, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.store import backend, migrations, postgres_walls
from machina_desktop.core.store.listener import CHANNEL, Listener
from machina_desktop.core.store.news import LONGEST_BYTES, Heard, News
from machina_desktop.core.store.postgres_errors import is_of_connection, retries_after, translate
from machina_desktop.core.store.postgres_url import connector
from machina_desktop.core.store.tables import Malformed

LOG = logging.getLogger(__name__)
OLDEST = 13_00_00
WAIT_S = 5.0
RECYCLE_S = 1800
MIGRATION_LOCK = 0x6D616368
"""Two processes that start at once bring the schema up one after the other; any number that is always the same."""


class PostgresServer(backend.Backend):
    """A database on a server. Its address holds a password and is kept by :mod:`postgres_url` only."""

    is_shared = True
    errors = (sa.exc.SQLAlchemyError, psycopg.Error, Malformed, UnicodeError, OverflowError, OSError)

    def __init__(self, url: Secret, *, connections: int) -> None:
        self.readers = max(1, connections // 2)
        self.writers = max(1, connections - self.readers)
        self._connect = connector(url)
        self._engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            pool_size=self.writers + self.readers,
            max_overflow=0,
            pool_timeout=WAIT_S,
            pool_pre_ping=True,
            pool_recycle=RECYCLE_S,
            hide_parameters=True,
        )
        self._read_engine = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def prepare(self) -> None:
        with self._engine.begin() as connection:
            _refuse_unfit(connection)
            if migrations.revision_of(connection) == migrations.HEAD:
                return
        with self._engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
            bring_up(connection)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                yield connection
            except BaseException:
                transaction.rollback()
                raise
            try:
                transaction.commit()
            except sa.exc.DBAPIError as error:
                if is_of_connection(error):
                    raise Unavailable(
                        "The database went away while it saved; the change may have been made or not.",
                        hint="Look before you do it again.",
                        code="E-DB-GONE",
                    ) from error
                raise

    def reading(self) -> AbstractContextManager[sa.Connection]:
        return self._read_engine.begin()

    def limit(self, connection: sa.Connection, team_ids: tuple[str, ...] | None) -> None:
        postgres_walls.limit(connection, team_ids)

    def translate(self, error: Exception) -> MachinaError:
        return translate(error)

    def retries_after(self, error: Exception) -> int:
        return retries_after(error)

    def announce(self, news: tuple[News, ...]) -> None:
        """Tell all listeners of the database. Not within the transaction: that would make all commits wait in line."""
        texts = [text for text in (each.written() for each in news) if len(text.encode()) <= LONGEST_BYTES]
        if not texts:
            return
        try:
            with self._engine.begin() as connection:
                connection.execute(
                    sa.text("SELECT pg_notify(:channel, told) FROM unnest(CAST(:texts AS text[])) AS told"),
                    {"channel": CHANNEL, "texts": texts},
                )
        except self.errors as error:
            # It is committed, and whoever hears nothing looks before long.
            LOG.warning("others were not told of a change: %s", translate(error).code)

    def listen(self, heard: Heard) -> Callable[[], None] | None:
        listener = Listener(self._connect, heard)
        listener.start()
        return listener.stop

    def copy_to(self, target: Path) -> None:
        raise Conflict(
            f"The data are on a PostgreSQL server and cannot be copied to {target.name}.",
            hint="Back the database up with pg_dump, or as the server's administrator does.",
            code="E-DB-NO-FILE",
        )

    def damage(self) -> str:
        query = "SELECT checksum_failures FROM pg_stat_database WHERE datname = current_database()"
        with self.reading() as connection:
            failures = connection.exec_driver_sql(query).scalar()
        return f"{failures} pages failed their checksum" if failures else ""

    def close(self) -> None:
        self._engine.dispose()


def bring_up(connection: sa.Connection) -> None:
    """Run the missing migrations in the connection's transaction, which then reaches every team."""
    # A migration reaches every row.
    postgres_walls.limit(connection, None)
    migrations.upgrade(connection)
    postgres_walls.build(connection)


def _refuse_unfit(connection: sa.Connection) -> None:
    version = int(str(connection.exec_driver_sql("SHOW server_version_num").scalar()))
    encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
    if version < OLDEST:
        raise Unavailable(
            f"PostgreSQL {version // 10_000} is too old.", hint="Use version 13 or newer.", code="E-DB-OLD"
        )
    if encoding != "UTF8":
        raise Unavailable(
            f"The database holds text as {encoding}.",
            hint="Create it anew with ENCODING 'UTF8' TEMPLATE template0.",
            code="E-DB-ENCODING",
        )
