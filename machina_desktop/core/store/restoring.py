"""A copy of the database made fit to take the database's place."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ids import new_code
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.sqlite import copy

BESIDE = ("-wal", "-shm", "-journal")


def checked_copy(source: Path, target: Path) -> None:
    """Copy a database file to ``target``, brought to this version's schema and into a new epoch. Blocking.

    Whoever followed the database loads it anew, for numbers given since the copy was made are given again. Sessions
    are left out: one that was ended since then would let somebody in again.

    Raises:
        Unavailable: ``source`` is damaged, made by a newer version or another program, or the disk is full.
    """
    copy(source, target)
    _refuse_foreign(target)
    database = Database.of_file(target)
    try:
        database.open()
    finally:
        database.close()
    with closing(sqlite3.connect(target)) as connection, connection:
        connection.execute("UPDATE counter SET epoch = ?", (new_code(),))
        connection.execute("DELETE FROM session")
        connection.execute("DELETE FROM retired_token")


def _refuse_foreign(file: Path) -> None:
    """An empty file is a good database to SQLite, and to us one that was never used."""
    with closing(sqlite3.connect(file)) as connection:
        found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'counter'").fetchone()
    if found is None:
        raise foreign()


def foreign() -> Unavailable:
    """What was given to be restored is no database of ours."""
    return Unavailable(
        "The copy holds no data of Machina.", hint="Choose a file that backup wrote.", code="E-DB-FOREIGN"
    )


def put_in_place(new: Path, database: Path, aside: Path) -> None:
    """Move ``new`` to where the database lies, after a copy of that to ``aside``; nobody may be using it. Blocking.

    The former one is copied byte by byte: it may be damaged, which may be why something is restored.
    """
    for suffix in ("", *BESIDE):
        former = database.with_name(f"{database.name}{suffix}")
        if former.exists():
            shutil.copy2(former, aside.with_name(f"{aside.name}{suffix}"))
    for suffix in BESIDE:
        database.with_name(f"{database.name}{suffix}").unlink(missing_ok=True)
    new.replace(database)
