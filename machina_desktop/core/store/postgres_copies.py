"""Copies of a database on a PostgreSQL server: made by ``pg_dump``, played back in one transaction of our own.

``pg_restore`` only writes the copy out as a script. A program that ran it would go on, and commit, after this process
has been killed; a connection of our own ends with us, and everything is as it was.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import psycopg
import sqlalchemy as sa

from machina_desktop.core.config import environment
from machina_desktop.core.errors import Conflict, MachinaError, Unavailable
from machina_desktop.core.ids import new_code
from machina_desktop.core.process import clean_environment, run_briefly
from machina_desktop.core.secret import Secret
from machina_desktop.core.store import migrations
from machina_desktop.core.store.postgres import bring_up
from machina_desktop.core.store.postgres_errors import translate
from machina_desktop.core.store.postgres_url import connector, for_programs
from machina_desktop.core.store.restoring import foreign

LONGEST_S = 6 * 3600
CHUNK = 1 << 16
EVERY_TEAM = "-c machina.teams={*}"
SECTIONS = ("pre-data", "data", "post-data")
_PSQL_ONLY = re.compile(rb"^\\(?:un)?restrict .*$", re.MULTILINE)
"""Newer versions guard their scripts with these; only psql knows them."""
_SPEAKER = re.compile(r"^.*?\b(?:error|detail): ")

_OTHERS = sa.text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
)
_EMPTY = b"""
DO $$
DECLARE
    statements text[];
    statement text;
BEGIN
    -- All names first: one that is dropped with another cannot be told any more.
    SELECT array_agg(found.statement) INTO statements FROM (
        SELECT format('DROP %s IF EXISTS %s CASCADE', CASE relkind
            WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END,
            oid::regclass) AS statement
        FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('e', 'i'))
        UNION ALL
        SELECT format('DROP ROUTINE IF EXISTS %s CASCADE', oid::regprocedure)
        FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_proc.oid AND deptype = 'e')
        UNION ALL
        SELECT format('DROP TYPE IF EXISTS %s CASCADE', oid::regtype)
        FROM pg_type WHERE typnamespace = current_schema()::regnamespace
            AND (typtype IN ('e', 'd') OR EXISTS (SELECT FROM pg_class WHERE oid = typrelid AND relkind = 'c'))
            AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_type.oid AND deptype = 'e')
    ) AS found;
    FOREACH statement IN ARRAY coalesce(statements, '{}') LOOP
        EXECUTE statement;
    END LOOP;
END $$
"""
"""Takes away whatever lies in the schema and belongs to no extension; each may have gone with the one before."""


def dump(url: Secret, target: Path) -> None:
    """Write the database's tables, and the queue beside them, as of one moment to ``target``. Blocking.

    Raises:
        Unavailable: ``pg_dump`` is missing (``E-PG-CLIENT``), older than the server (``E-PG-VERSION``) or failed
            (``E-BACKUP``); the database cannot be reached.
    """
    address, password = for_programs(url, EVERY_TEAM)
    _run(
        "pg_dump",
        "--format=custom",
        "--enable-row-security",
        "--no-password",
        f"--schema={_schema(url)}",
        f"--file={target}",
        f"--dbname={address}",
        password=password,
    )


def load(url: Secret, source: Path) -> None:
    """Put a copy that :func:`dump` made in the place of what the database holds, or change nothing. Blocking.

    It is brought to this version's schema and into a new epoch, and everybody is signed out, as
    :func:`~machina_desktop.core.store.restoring.checked_copy` tells.

    Raises:
        Conflict: somebody uses the database.
        Unavailable: the copy is damaged, none of ours or made by a newer version; ``pg_restore`` is missing; the
            database cannot be reached, or refused.
    """
    with tempfile.TemporaryDirectory(prefix="restore-", dir=source.parent) as folder:
        schema = _schema(url)
        scripts = [_script(source, section, schema, Path(folder)) for section in SECTIONS]
        engine = sa.create_engine(
            "postgresql+psycopg://", creator=connector(url), poolclass=sa.pool.NullPool, hide_parameters=True
        )
        with _translated(), engine.begin() as connection:
            for limit in ("statement_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(sa.select(sa.func.set_config(limit, "0", True)))
            _refuse_use(connection)
            driver = cast("psycopg.Connection", connection.connection.driver_connection)
            driver.execute(_EMPTY)
            for script in scripts:
                _play(driver, script)
            # The scripts set it, and what follows names no schema.
            connection.exec_driver_sql("RESET search_path")
            if migrations.revision_of(connection) is None:
                raise foreign()
            bring_up(connection)
            connection.execute(sa.text("UPDATE counter SET epoch = :epoch"), {"epoch": new_code()})
            connection.execute(sa.text("DELETE FROM session"))
            connection.execute(sa.text("DELETE FROM retired_token"))


def is_empty(url: Secret) -> bool:
    """Whether there is nothing to lose. Blocking.

    Raises:
        Conflict: somebody uses the database.
        Unavailable: what is there belongs to another program (``E-DB-FOREIGN``), or it cannot be reached.
    """
    engine = sa.create_engine("postgresql+psycopg://", creator=connector(url), poolclass=sa.pool.NullPool)
    with _translated(), engine.begin() as connection:
        _refuse_use(connection)
        try:
            return migrations.revision_of(connection) is None
        except Unavailable as error:
            # A newer version's data may be given up for what an older one wrote.
            if error.code != "E-DB-NEWER":
                raise
            return False


def _refuse_use(connection: sa.Connection) -> None:
    if connection.execute(_OTHERS).scalar():
        raise Conflict(
            "The database is in use.", hint="Stop every machina-server and machina-runner first.", code="E-SERVED"
        )


def _schema(url: Secret) -> str:
    """Where our tables lie; what lies elsewhere in the database is not ours to copy."""
    with _translated(), connector(url)() as connection:
        return str(cast("tuple[object]", connection.execute("SELECT current_schema()").fetchone())[0])


def _script(source: Path, section: str, schema: str, folder: Path) -> Path:
    script = folder / f"{section}.sql"
    _run(
        "pg_restore",
        "--no-owner",
        "--no-privileges",
        "--enable-row-security",
        f"--section={section}",
        # Without it, the schema itself would be made, which is there.
        f"--schema={schema}",
        f"--file={script}",
        str(source),
    )
    return script


def _play(connection: psycopg.Connection, script: Path) -> None:
    """Carry a script out, with its blocks of rows; what is not told apart by line is sent at once."""
    statements: list[bytes] = []
    with script.open("rb") as lines, connection.cursor() as cursor:
        for line in lines:
            if line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n"):
                _execute(cursor, statements)
                _copy_rows(cursor, line.removesuffix(b";\n"), lines)
            else:
                statements.append(line)
        _execute(cursor, statements)


def _execute(cursor: psycopg.Cursor, statements: list[bytes]) -> None:
    text = _PSQL_ONLY.sub(b"", b"".join(statements))
    statements.clear()
    if text.strip():
        cursor.execute(text)


def _copy_rows(cursor: psycopg.Cursor, statement: bytes, lines: BinaryIO) -> None:
    with cursor.copy(statement) as rows:
        chunk = bytearray()
        for line in lines:
            if line == b"\\.\n":
                break
            chunk += line
            if len(chunk) >= CHUNK:
                rows.write(bytes(chunk))
                chunk.clear()
        rows.write(bytes(chunk))


def _run(program: str, *arguments: str, password: Secret | None = None) -> None:
    if shutil.which(program) is None:
        raise Unavailable(
            f"{program} is not installed.",
            hint="Install the Debian package postgresql-client, of the PostgreSQL server's version or newer.",
            code="E-PG-CLIENT",
        )
    # What libpq is told by its own variables holds for its programs as well.
    told = {name: value for name, value in environment().items() if name.startswith("PG")}
    if password is not None and password.reveal():
        told["PGPASSWORD"] = password.reveal()
    code, _, said = run_briefly(
        (program, *arguments), timeout_s=LONGEST_S, environment=clean_environment({**told, "LC_ALL": "C"})
    )
    if code != 0:
        raise _failure(program, said.decode("utf-8", "replace"))


def _failure(program: str, said: str) -> Unavailable:
    if "server version mismatch" in said or "unsupported version" in said:
        return Unavailable(
            f"{program} is too old: {_first(said, 'server version', 'unsupported version')}.",
            hint="Install the package postgresql-client of the PostgreSQL server's version.",
            code="E-PG-VERSION",
        )
    return Unavailable(
        f"{program} failed: {_first(said, 'error:')}.", hint="The database was left as it is.", code="E-PG-PROGRAM"
    )


def _first(said: str, *signs: str) -> str:
    """The first line with one of these, without who says it."""
    lines = [line for sign in signs for line in said.splitlines() if sign in line and "aborting" not in line]
    line = (lines or said.splitlines() or ["it did not say why"])[0]
    return _SPEAKER.sub("", line).strip().rstrip(".")[:300]


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except MachinaError:
        raise
    except (sa.exc.SQLAlchemyError, psycopg.Error) as error:
        raise translate(error) from error
