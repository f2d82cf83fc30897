"""Backup and restore of a server that keeps its data in one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path

from machina_desktop.core.config import Paths
from machina_desktop.core.errors import Conflict, InvalidInput, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.restoring import checked_copy, put_in_place
from machina_desktop.core.terraform.workspace import run_lock
from machina_desktop.server.config import ServerConfig


def server_lock(paths: Paths) -> Path:
    """The file that a server on SQLite holds locked while it runs."""
    return paths.home / "server.lock"


def in_use() -> Conflict:
    """A server uses the data folder."""
    return Conflict(
        "A server uses this data folder.",
        hint="Stop it first; one server at a time uses a SQLite file.",
        code="E-SERVED",
    )


def back_up(config: ServerConfig, paths: Paths, target: Path) -> Path:
    """Copy the database to a new file, whatever goes on meanwhile; answers the file.

    Raises:
        Conflict: the file exists, or the database lies on PostgreSQL.
        InvalidInput: there is no such folder.
        Unavailable: there is nothing to copy, or it cannot be written.
    """
    _refuse_postgresql(config, "pg_dump")
    target = target.expanduser().resolve()
    if not target.parent.is_dir():
        raise InvalidInput(f"There is no folder {target.parent}.", field="file", code="E-BACKUP")
    if target.exists():
        raise Conflict(f"{target} exists already.", hint="Choose another name.", code="E-BACKUP")
    if not paths.database.exists():
        raise Unavailable(f"There is no database in {paths.home}.", hint="Set MACHINA_HOME.", code="E-BACKUP")
    database = Database.of_file(paths.database)
    try:
        database.copy_to(target)
    finally:
        database.close()
    return target


def restore(config: ServerConfig, paths: Paths, source: Path) -> Path:
    """Put a copy in the database's place; answers where the former one lies now.

    Raises:
        Conflict: a server runs on it, or the database lies on PostgreSQL.
        InvalidInput: there is no such file.
        Unavailable: it is damaged, none of ours, or the disk refused; the database is as it was.
    """
    _refuse_postgresql(config, "pg_restore")
    source = source.expanduser().resolve()
    if not source.is_file():
        raise InvalidInput(f"There is no file {source}.", field="file", code="E-RESTORE")
    paths.create()
    return asyncio.run(_restore(paths, source))


async def _restore(paths: Paths, source: Path) -> Path:
    async with run_lock(server_lock(paths), waits=False) as is_ours:
        if not is_ours:
            raise in_use()
        aside = paths.database.with_name(f"{paths.database.name}.before-restore-{now():%Y%m%d-%H%M%S}")
        try:
            await asyncio.to_thread(_put_back, paths, source, aside)
        except (sqlite3.Error, OSError) as error:
            raise Unavailable(
                f"{source.name} cannot be restored: {error}.",
                hint="The database was left as it is; try another backup.",
                code="E-RESTORE",
            ) from error
        return aside


def _put_back(paths: Paths, source: Path, aside: Path) -> None:
    # Beside the database, so that the last step is a renaming on one disk.
    with tempfile.TemporaryDirectory(prefix="restore-", dir=paths.home) as folder:
        new = Path(folder, paths.database.name)
        checked_copy(source, new)
        put_in_place(new, paths.database, aside)


def _refuse_postgresql(config: ServerConfig, program: str) -> None:
    if config.database_url:
        raise Conflict(
            "The database lies on a PostgreSQL server.", hint=f"Use its own {program} for copies.", code="E-DB-SERVER"
        )
