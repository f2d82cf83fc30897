"""Backup and restore of a server: its database, the pepper of its passwords and the header of its vault."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import machina_desktop
from machina_desktop.core.config import Paths
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.secret import Secret
from machina_desktop.core.store import migrations, restoring
from machina_desktop.core.store.database import Database
from machina_desktop.core.terraform.workspace import run_lock
from machina_desktop.server import archive
from machina_desktop.server.archive import Kind, Manifest
from machina_desktop.server.config import ServerConfig

SUFFIX = ".machina-backup"


@dataclass(frozen=True, kw_only=True)
class Made:
    """A backup that was written; ``parts`` are the names of what is in it, ``left_out`` what must be kept elsewhere."""

    file: Path
    parts: tuple[str, ...]
    left_out: tuple[Path, ...]


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


def back_up(config: ServerConfig, paths: Paths, target: Path) -> Made:
    """Copy what a server needs to begin anew, whatever goes on meanwhile, to a new file or into a folder.

    Raises:
        Conflict: the file exists.
        InvalidInput: there is no such folder.
        Unavailable: there is nothing to copy, it cannot be reached, or the copy cannot be written.
    """
    target = target.expanduser().resolve()
    if target.is_dir():
        target /= f"machina-{now():%Y%m%d-%H%M%S}{SUFFIX}"
    if not target.parent.is_dir():
        raise InvalidInput(f"There is no folder {target.parent}.", field="file", code="E-BACKUP")
    if target.exists():
        raise Conflict(f"{target} exists already.", hint="Choose another name.", code="E-BACKUP")
    if not config.database_url and not paths.database.exists():
        raise Unavailable(f"There is no database in {paths.home}.", hint="Set MACHINA_HOME.", code="E-BACKUP")
    try:
        return _packed(config, paths, target)
    except OSError as error:
        raise Unavailable(
            f"{target} cannot be written: {error.strerror}.",
            hint="Free space, or name another folder.",
            code="E-BACKUP",
        ) from error


def _packed(config: ServerConfig, paths: Paths, target: Path) -> Made:
    # Beside the backup, where there has to be room anyway.
    with tempfile.TemporaryDirectory(prefix=".machina-backup-", dir=target.parent) as folder:
        database = Path(folder, archive.DATABASE)
        _copy_database(config, paths, database)
        parts = {archive.DATABASE: database}
        parts |= {name: path for name, path in _keepsakes(paths).items() if path.exists()}
        manifest = Manifest(
            format=archive.FORMAT,
            kind=_kind(config),
            schema=migrations.HEAD,
            version=machina_desktop.__version__,
            made_at=now(),
        )
        archive.pack(target, manifest, parts)
    keys = (paths.key_file, paths.runner_key)
    return Made(file=target, parts=tuple(parts), left_out=tuple(path for path in keys if path.exists()))


def _keepsakes(paths: Paths) -> dict[str, Path]:
    """What lies beside the database; without the pepper no stored password is worth anything."""
    return {archive.PEPPER: paths.pepper, archive.VAULT: paths.vault_header}


def _copy_database(config: ServerConfig, paths: Paths, target: Path) -> None:
    if config.database_url:
        # The driver is not loaded for a SQLite file.
        from machina_desktop.core.store import postgres_copies  # noqa: PLC0415

        postgres_copies.dump(config.database_url, target)
        return
    database = Database.of_file(paths.database)
    try:
        database.copy_to(target)
    finally:
        database.close()


def restore(config: ServerConfig, paths: Paths, source: Path) -> Path | None:
    """Put a backup in the place of what is there; answers where that lies now, ``None`` when there was nothing.

    Raises:
        Conflict: a server uses the database.
        InvalidInput: there is no such file.
        Unavailable: it is damaged, of another kind of database or none of ours, or the disk or the database refused;
            then everything is as it was.
    """
    source = source.expanduser().resolve()
    if not source.is_file():
        raise InvalidInput(f"There is no file {source}.", field="file", code="E-RESTORE")
    paths.create()
    try:
        # Beside the database, so that the last step is a renaming on one disk.
        with tempfile.TemporaryDirectory(prefix="restore-", dir=paths.home) as folder, _unused(config, paths):
            return _put_back(config, paths, source, Path(folder))
    except (sqlite3.Error, OSError) as error:
        raise Unavailable(
            f"{source.name} cannot be restored: {error}.",
            hint="The database was left as it is; try another backup.",
            code="E-RESTORE",
        ) from error


@contextlib.contextmanager
def _unused(config: ServerConfig, paths: Paths) -> Iterator[None]:
    """Of a database on a PostgreSQL server, the transaction that replaces it finds out."""
    if config.database_url:
        yield
        return
    # The work is done outside of the loop, where an interrupt reaches it.
    with asyncio.Runner() as runner:
        lock = contextlib.AsyncExitStack()
        is_ours = runner.run(lock.enter_async_context(run_lock(server_lock(paths), waits=False)))
        try:
            if not is_ours:
                raise in_use()
            yield
        finally:
            runner.run(lock.aclose())


def _put_back(config: ServerConfig, paths: Paths, source: Path, folder: Path) -> Path | None:
    manifest = archive.unpack(source, folder)
    if manifest.kind is not _kind(config):
        raise Unavailable(
            f"{source.name} is of a server on {_TITLES[manifest.kind]}, and this one is on {_TITLES[_kind(config)]}.",
            hint="Set DATABASE_URL as it was there, or leave it out for SQLite.",
            code="E-RESTORE",
        )
    if manifest.schema not in migrations.KNOWN:
        raise Unavailable(
            f"{source.name} was made by a newer version ({manifest.version}).",
            hint="Install that version of Machina, or a newer one.",
            code="E-DB-NEWER",
        )
    former = paths.home / f"before-restore-{now():%Y%m%d-%H%M%S-%f}"
    if config.database_url:
        aside = _replace_on_server(
            config, config.database_url, paths, folder / archive.DATABASE, former.with_name(f"{former.name}{SUFFIX}")
        )
    else:
        aside = _replace_file(paths, folder, former)
    _put_keepsakes(paths, folder, former)
    return aside


_TITLES = {Kind.SQLITE: "SQLite", Kind.POSTGRESQL: "PostgreSQL"}


def _kind(config: ServerConfig) -> Kind:
    return Kind.POSTGRESQL if config.database_url else Kind.SQLITE


def _replace_file(paths: Paths, folder: Path, former: Path) -> Path | None:
    new, aside = folder / paths.database.name, paths.database.with_name(f"{paths.database.name}.{former.name}")
    restoring.checked_copy(folder / archive.DATABASE, new)
    was_there = paths.database.exists()
    restoring.put_in_place(new, paths.database, aside)
    return aside if was_there else None


def _replace_on_server(config: ServerConfig, url: Secret, paths: Paths, new: Path, aside: Path) -> Path | None:
    from machina_desktop.core.store import postgres_copies  # noqa: PLC0415 - as above

    if postgres_copies.is_empty(url):
        postgres_copies.load(url, new)
        return None
    _packed(config, paths, aside)
    try:
        postgres_copies.load(url, new)
    except MachinaError:
        # Everything is as it was.
        aside.unlink()
        raise
    return aside


def _put_keepsakes(paths: Paths, folder: Path, former: Path) -> None:
    """The pepper belongs to the passwords that came with it; a vault's header that is there has newer slots."""
    for name, path in _keepsakes(paths).items():
        new = folder / name
        if not new.exists() or (path.exists() and (name == archive.VAULT or path.read_bytes() == new.read_bytes())):
            continue
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if path.exists():
            shutil.copy2(path, path.with_name(f"{path.name}.{former.name}"))
        new.replace(path)
