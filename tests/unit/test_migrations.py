"""A database reaches this version's schema whole, after a copy, or is left exactly as it was."""

from __future__ import annotations

import asyncio
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.autogenerate
import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext

from machina_desktop.core.config import REPOSITORY
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.store import migrations
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.tables import METADATA
from tests.fakes.hosts import read_sql
from tests.unit.test_store import MACHINE, MINE, allow

# What the next version's revision might look like.
NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table("label", sa.Column("name", sa.Text(), primary_key=True))
    op.execute("INSERT INTO label SELECT name FROM machine")
    {afterwards}
"""

OPENS = """
import sys
from pathlib import Path
from machina_desktop.core.store.database import Database
from machina_desktop.core.store import migrations
migrations.__file__ = sys.argv[2]
migrations.HEAD, migrations.KNOWN = "0002", ("0001", "0002")
Database(Path(sys.argv[1])).open()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "machina.db"


@pytest.fixture
def old(path: Path) -> Path:
    """A database of the present version with a machine in it."""
    database = Database(path)
    database.open()
    asyncio.run(_fill(database))
    database.close()
    return path


async def _fill(database: Database) -> None:
    await database.write(MINE, allow, lambda tx: tx.add(MACHINE))


@contextmanager
def opened(path: Path) -> Iterator[Database]:
    database = Database(path)
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
    revision = folder / "versions" / "r0002_labels.py"
    revision.write_text(NEXT.format(afterwards=""))
    monkeypatch.setattr(migrations, "__file__", str(folder / "__init__.py"))
    monkeypatch.setattr(migrations, "HEAD", "0002")
    monkeypatch.setattr(migrations, "KNOWN", ("0001", "0002"))
    return revision


def version(path: Path) -> object:
    return read_sql(path, "SELECT version_num FROM alembic_version")[0][0]


def test_the_migrated_schema_is_the_declared_one(old: Path) -> None:
    engine = sa.create_engine(f"sqlite+pysqlite:///{old}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = alembic.autogenerate.compare_metadata(context, METADATA)
        indexes = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index'").all()
    engine.dispose()
    assert differences == []
    partial = next(sql for name, sql in indexes if name == "uq_deployment_active_machine")
    assert "'planning', 'awaiting_approval', 'applying'" in partial


def test_every_revision_known_is_in_the_folder_and_the_newest_is_the_head() -> None:
    files = sorted(path.name for path in (Path(migrations.__file__).parent / "versions").glob("r*.py"))
    assert tuple(name[1:5] for name in files) == migrations.KNOWN
    assert migrations.KNOWN[-1] == migrations.HEAD


def test_a_database_of_this_version_is_opened_without_a_copy(old: Path) -> None:
    with opened(old):
        pass
    assert not list(old.parent.glob("*.before-*"))


def test_an_older_database_is_copied_and_brought_up_to_date(old: Path, next_version: Path) -> None:
    with opened(old) as database:
        assert asyncio.run(database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))) == MACHINE
    assert version(old) == "0002"
    assert read_sql(old, "SELECT name FROM label") == [("m1",)]
    copy = old.with_name("machina.db.before-0002")
    assert version(copy) == "0001"
    assert read_sql(copy, "SELECT name FROM machine") == [("m1",)]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert not list(old.parent.glob("*.new"))


def test_a_migration_that_fails_changes_nothing(old: Path, next_version: Path) -> None:
    next_version.write_text(NEXT.format(afterwards='op.execute("INSERT INTO absent VALUES (1)")'))
    with pytest.raises(MachinaError), opened(old):
        pass
    assert version(old) == "0001"
    assert read_sql(old, "SELECT count(*) FROM sqlite_master WHERE name = 'label'") == [(0,)]
    next_version.write_text(NEXT.format(afterwards=""))
    with opened(old):
        assert version(old) == "0002"


def test_a_migration_killed_in_the_middle_is_made_again_from_the_beginning(old: Path, next_version: Path) -> None:
    next_version.write_text(NEXT.format(afterwards="import os; os.kill(os.getpid(), 9)"))
    arguments = [sys.executable, "-c", OPENS, str(old), str(next_version.parents[1] / "__init__.py")]
    assert subprocess.run(arguments, cwd=REPOSITORY, check=False).returncode == -9
    assert version(old) == "0001"
    next_version.write_text(NEXT.format(afterwards=""))
    with opened(old) as database:
        assert asyncio.run(database.read(MINE, lambda tx: tx.get(Machine, "machine-1"))) == MACHINE
    assert version(old) == "0002"


def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(old: Path) -> None:
    read_sql(old, "UPDATE alembic_version SET version_num = '9999'")
    before = old.read_bytes()
    with pytest.raises(Unavailable) as caught, opened(old):
        pass
    assert caught.value.code == "E-DB-NEWER"
    assert "9999" in caught.value.message
    assert caught.value.hint
    assert old.read_bytes() == before
    assert not list(old.parent.glob("*.before-*"))
