"""Bringing a database file to this version's schema: Alembic, after a copy of the file."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import sqlalchemy as sa

from machina_desktop.core.errors import Unavailable

HEAD = "0002"
KNOWN = ("0001", "0002")


def migrate(path: Path, engine: sa.Engine) -> None:
    """Check the file and, when its revision is older, copy it and run the missing migrations. Blocking.

    Raises:
        Unavailable: the file is damaged, was made by a newer version, or is not ours.
    """
    revision = _revision(engine)
    if revision == HEAD:
        return
    if revision is not None and revision not in KNOWN:
        raise Unavailable(
            f"The data folder was written by a newer version (schema {revision}).",
            hint="Install the newest version of Machina Desktop.",
            code="E-DB-NEWER",
        )
    if revision is not None:
        copy(path, path.with_name(f"{path.name}.before-{HEAD}"))
    _upgrade(engine)


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


def _revision(engine: sa.Engine) -> str | None:
    with engine.begin() as connection:
        found = connection.exec_driver_sql("PRAGMA quick_check(1)").scalar()
        if found != "ok":
            raise sqlite3.DatabaseError(f"malformed: {found}")
        if not (tables := sa.inspect(connection).get_table_names()):
            return None
        if "alembic_version" not in tables:
            raise Unavailable(
                "The database in the data folder belongs to another program. It was left as it is.",
                hint="Move it away, or set MACHINA_HOME to a folder of its own.",
                code="E-DB-FOREIGN",
            )
        return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar())


def _upgrade(engine: sa.Engine) -> None:
    # Alembic costs half a second to import; most starts have nothing to migrate.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, HEAD)
