"""A database reaches this version's schema whole, after a copy, or is left exactly as it was."""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.autogenerate
import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext

from machina_desktop.core.config import REPOSITORY
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.store import migrations
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.tables import METADATA
from tests.fakes import postgres
from tests.fakes.hosts import read_sql, store_at
from tests.unit.test_store import MACHINE, MINE, allow

HEAD = migrations.HEAD
FOLLOWING = f"{int(HEAD) + 1:04}"

# What the next version's revision might look like.
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "{following}"
down_revision = "{head}"


def upgrade() -> None:
    op.create_table("label", sa.Column("name", sa.Text(), primary_key=True))
    op.execute("INSERT INTO label SELECT name FROM machine")
    {afterwards}
"""

OPENS = """
import sys
from pathlib import Path
from machina_desktop.core.store import migrations
from tests.fakes.hosts import store_at
migrations.__file__ = sys.argv[2]
migrations.HEAD = sys.argv[3]
migrations.KNOWN += (sys.argv[3],)
store_at(Path(sys.argv[1])).open()
"""


@pytest.fixture
def path(tmp_path: Path, each_store: str) -> Path:
    """Where nothing is stored yet; on PostgreSQL an empty database stands for it."""
    path = tmp_path / "machina.db"
    if each_store == "postgresql":
        postgres.database_of(path, is_empty=True)
    return path


@contextmanager
def engine_of(path: Path) -> Iterator[sa.Engine]:
    """Into the database past the store."""
    if postgres.STORE in os.environ:
        url = postgres.server().url(postgres.database_of(path)).reveal()
        engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:", 1))
    else:
        engine = sa.create_engine(f"sqlite+pysqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def old(path: Path) -> Path:
    """A database of the present version with a machine in it."""
    database = store_at(path)
    database.open()
    asyncio.run(_fill(database))
    database.close()
    return path


async def _fill(database: Database) -> None:
    await database.write(MINE, allow, lambda tx: tx.add(MACHINE))


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    database = store_at(path)
    try:
        database.open()
        yield database
    finally:
        database.close()


@pytest.fixture
def next_version(old: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """This program as its next version, with one revision more; the ``old`` database is there. Answers the revision."""
    folder = tmp_path / "migrations"
    shutil.copytree(Path(migrations.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    revision = folder / "versions" / f"r{FOLLOWING}_labels.py"
    revision.write_text(next_revision())
    monkeypatch.setattr(migrations, "__file__", str(folder / "__init__.py"))
    monkeypatch.setattr(migrations, "HEAD", FOLLOWING)
    monkeypatch.setattr(migrations, "KNOWN", (*migrations.KNOWN, FOLLOWING))
    return revision


def next_revision(afterwards: str = "") -> str:
    return NEXT.format(head=HEAD, following=FOLLOWING, afterwards=afterwards)


def version(path: Path) -> object:
    return read_sql(path, "SELECT version_num FROM alembic_version")[0][0]


def of_revision(path: Path, revision: str) -> None:
    """Make an empty database as an earlier version made it."""
    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with engine_of(path) as engine, engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, revision)


def fill_with_plain_rows(path: Path) -> dict[str, int]:
    """Put a row into every table, of whatever its columns take; answers how many rows each table has."""
    plain: dict[type[object], object] = {int: 1, bool: True, bytes: b"x", str: "x"}
    known = sa.MetaData()
    with engine_of(path) as engine, engine.begin() as connection:
        # Not those that the full-text index keeps for itself, nor the version.
        known.reflect(connection, only=lambda name, _metadata: name in METADATA.tables)
        for table in known.tables.values():
            row = {column.name: plain[column.type.python_type] for column in table.columns}
            connection.execute(sa.insert(table).values(row))
    return {name: count(path, name) for name in known.tables}


def count(path: Path, table: str) -> int:
    return int(str(read_sql(path, f'SELECT count(*) FROM "{table}"')[0][0]))


def has_table(path: Path, name: str) -> bool:
    with engine_of(path) as engine:
        return sa.inspect(engine).has_table(name)


@pytest.mark.parametrize("revision", migrations.KNOWN[:-1])
def test_a_database_of_every_earlier_version_comes_up_to_date_with_all_its_rows(path: Path, revision: str) -> None:
    of_revision(path, revision)
    before = fill_with_plain_rows(path)
    assert min(before.values()) == 1
    with opened(path):
        pass
    assert version(path) == HEAD
    assert differences(path) == []
    assert {table: count(path, table) for table in before} == before


def differences(path: Path) -> list[object]:
    with engine_of(path) as engine, engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": is_declared})
        return list(alembic.autogenerate.compare_metadata(context, METADATA))


def is_declared(name: str | None, kind: str, _parents: object) -> bool:
    """The index of recordings' lines is a virtual table, and several more behind it."""
    return not (kind == "table" and name is not None and name.startswith("recording_text"))


def test_the_migrated_schema_is_the_declared_one(old: Path) -> None:
    assert differences(old) == []
    with engine_of(old) as engine:
        [partial] = [
            each for each in sa.inspect(engine).get_indexes("deployment") if str(each["name"]).startswith("uq_")
        ]
        where = str(partial["dialect_options"][f"{engine.dialect.name}_where"])
    assert all(f"'{state}'" in where for state in ("planning", "awaiting_approval", "applying"))


def test_every_revision_known_is_in_the_folder_and_the_newest_is_the_head() -> None:
    files = sorted(path.name for path in (Path(migrations.__file__).parent / "versions").glob("r*.py"))
    assert tuple(name[1:5] for name in files) == migrations.KNOWN
    assert migrations.KNOWN[-1] == migrations.HEAD


def test_a_database_of_this_version_is_opened_without_a_copy(old: Path) -> None:
    with opened(old):
        pass
    assert not list(old.parent.glob("*.before-*"))


def test_an_older_database_is_brought_up_to_date_and_a_file_is_copied_before(old: Path, next_version: Path) -> None:
    with opened(old) as database:
        assert asyncio.run(database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))) == MACHINE
    assert version(old) == FOLLOWING
    assert read_sql(old, "SELECT name FROM label") == [("m1",)]
    if postgres.STORE in os.environ:
        return
    copy = old.with_name(f"machina.db.before-{FOLLOWING}")
    assert version(copy) == HEAD
    assert read_sql(copy, "SELECT name FROM machine") == [("m1",)]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not list(old.parent.glob("*.new"))


def test_a_migration_that_fails_changes_nothing(old: Path, next_version: Path) -> None:
    next_version.write_text(next_revision('op.execute("INSERT INTO absent VALUES (1)")'))
    with pytest.raises(MachinaError), opened(old):
        pass
    assert version(old) == HEAD
    assert not has_table(old, "label")
    next_version.write_text(next_revision())
    with opened(old):
        assert version(old) == FOLLOWING


def test_a_migration_killed_in_the_middle_is_made_again_from_the_beginning(old: Path, next_version: Path) -> None:
    next_version.write_text(next_revision("import os; os.kill(os.getpid(), 9)"))
    arguments = [sys.executable, "-c", OPENS, str(old), str(next_version.parents[1] / "__init__.py"), FOLLOWING]
    assert subprocess.run(arguments, cwd=REPOSITORY, check=False).returncode == -9
    assert version(old) == HEAD
    next_version.write_text(next_revision())
    with opened(old) as database:
        assert asyncio.run(database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))) == MACHINE
    assert version(old) == FOLLOWING


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(old: Path) -> None:
    read_sql(old, "UPDATE alembic_version SET version_num = '9999'")
    before = old.read_bytes() if old.exists() else b""
    with pytest.raises(Unavailable) as caught, opened(old):
        pass
    assert caught.value.code == "E-DB-NEWER"
    assert "9999" in caught.value.message
    assert caught.value.hint
    assert (old.read_bytes() if old.exists() else b"") == before
    assert not list(old.parent.glob("*.before-*"))


def test_processes_that_start_at_once_bring_it_up_to_date_together(old: Path, next_version: Path) -> None:
    arguments = [sys.executable, "-c", OPENS, str(old), str(next_version.parents[1] / "__init__.py"), FOLLOWING]
    starts = [subprocess.Popen(arguments, cwd=REPOSITORY) for _ in range(3)]
    assert [process.wait(30) for process in starts] == [0, 0, 0]
    assert version(old) == FOLLOWING
    assert count(old, "label") == 1
    # The copy is of what was there before any of them.
    for copy in old.parent.glob("*.before-*"):
        assert version(copy) == HEAD
