"""The two sides of a files panel: folders of a machine and folders here, looked at and changed in the same way."""

from __future__ import annotations

import asyncio
import os
import posixpath
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from machina_desktop.core.domain.file_side import Chunk
from machina_desktop.core.domain.transfer import Entry, EntryKind, check_name, kind_of, shown_name
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, NotFound, Unavailable
from machina_desktop.core.services.transfers import FileDeed
from machina_desktop.core.ssh.sftp import Sftp, Stopped
from machina_desktop.core.ssh.sftp_copy import digest_here, digest_there
from machina_desktop.core.ssh.sftp_entries import join
from machina_desktop.core.workers.lines import Lines

T = TypeVar("T")
CHUNK = 500
Record = Callable[[str, FileDeed, str], Awaitable[None]]
"""Leaves a trace of what is done on a machine, by its id, before it is done; raises where somebody may not do it."""


class RemoteSide:
    """The files of a machine."""

    def __init__(self, lines: Lines, machine_id: str, record: Record) -> None:
        self._lines = lines
        self._machine_id = machine_id
        self._record = record

    async def home(self) -> str:
        return await self._lines.work(self._machine_id, Sftp.home, is_repeatable=True)

    async def entries(self, path: str, on_chunk: Chunk) -> str:
        tell = _on_loop(on_chunk)

        def read(session: Sftp) -> str:
            real = session.real_path(path)
            for chunk in session.entries(real):
                tell(chunk)
            return real

        return await self._lines.work(self._machine_id, read)

    async def free_space(self, path: str) -> int | None:
        return await self._lines.work(self._machine_id, lambda session: session.free_space(path), is_repeatable=True)

    async def make_folder(self, path: str) -> None:
        await self._record(self._machine_id, FileDeed.FOLDER, shown_name(path))
        await self._lines.work(self._machine_id, lambda session: session.make_folder(path))

    async def rename(self, path: str, name: str) -> None:
        new = join(posixpath.dirname(path), _fit_name(name))
        await self._record(self._machine_id, FileDeed.RENAME, f"{shown_name(path)} to {shown_name(name)}")
        await self._lines.work(self._machine_id, lambda session: session.rename(path, new))

    async def remove(self, paths: tuple[str, ...], on_progress: Callable[[int], None], stop: threading.Event) -> None:
        names = ", ".join(shown_name(path) for path in paths)
        await self._record(self._machine_id, FileDeed.DELETE, names)
        tell = _on_loop(on_progress)

        def clear(session: Sftp) -> None:
            gone = 0
            for path in paths:
                gone = session.remove_tree(path, on_progress=tell, stop=stop, gone=gone)

        with suppress(Stopped):
            await self._lines.work(self._machine_id, clear)

    async def set_permissions(self, path: str, mode: int) -> None:
        await self._record(self._machine_id, FileDeed.PERMISSIONS, f"{mode:o} {shown_name(path)}")
        await self._lines.work(self._machine_id, lambda session: session.set_permissions(path, mode))

    async def is_same(self, path: str, here: Path) -> bool | None:
        """Whether a file there and one here have the same SHA-256; ``None`` where the machine cannot tell."""
        connection = await self._lines.connection(self._machine_id)
        there = await asyncio.to_thread(digest_there, connection, path)
        return None if there is None else there == await asyncio.to_thread(digest_here, here)

    def join(self, folder: str, name: str) -> str:
        return join(folder, name)

    def parent(self, path: str) -> str:
        return posixpath.dirname(path.rstrip("/")) or "/"


class LocalSide:
    """The files of this computer."""

    async def home(self) -> str:
        return str(Path.home())

    async def entries(self, path: str, on_chunk: Chunk) -> str:
        tell = _on_loop(on_chunk)

        def read() -> str:
            with _explained(path):
                real, found = str(Path(path).resolve()), []
                with os.scandir(real) as entries:
                    for entry in entries:
                        found.append(_entry_of(entry))
                        if len(found) >= CHUNK:
                            tell(tuple(found))
                            found = []
                tell(tuple(found))
            return real

        return await asyncio.to_thread(read)

    async def free_space(self, path: str) -> int | None:
        def read() -> int:
            with _explained(path):
                return shutil.disk_usage(path).free

        return await asyncio.to_thread(read)

    async def make_folder(self, path: str) -> None:
        def make() -> None:
            with _explained(path):
                Path(path).mkdir()

        await asyncio.to_thread(make)

    async def rename(self, path: str, name: str) -> None:
        new = Path(path).with_name(_fit_name(name))

        def change() -> None:
            with _explained(path):
                if os.path.lexists(new):
                    raise FileExistsError
                Path(path).rename(new)

        await asyncio.to_thread(change)

    async def remove(self, paths: tuple[str, ...], on_progress: Callable[[int], None], stop: threading.Event) -> None:
        tell, gone = _on_loop(on_progress), 0

        def clear() -> None:
            nonlocal gone
            for each in _bottom_up(paths):
                if stop.is_set():
                    raise Stopped
                with _explained(str(each)):
                    each.rmdir() if each.is_dir() and not each.is_symlink() else each.unlink()
                gone += 1
                tell(gone)

        with suppress(Stopped):
            await asyncio.to_thread(clear)

    async def set_permissions(self, path: str, mode: int) -> None:
        def change() -> None:
            with _explained(path):
                Path(path).chmod(mode & 0o7777)

        await asyncio.to_thread(change)

    def join(self, folder: str, name: str) -> str:
        return str(Path(folder) / name)

    def parent(self, path: str) -> str:
        return str(Path(path).parent)


def _on_loop(call: Callable[[T], None]) -> Callable[[T], None]:
    """``call`` for another thread: it is called on the loop, in order."""
    loop = asyncio.get_running_loop()

    def tell(value: T) -> None:
        # The loop may have ended while the thread was still at work.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(call, value)

    return tell


def _fit_name(name: str) -> str:
    try:
        return check_name(name)
    except MachinaError as error:
        raise InvalidInput("A name has no slash and is neither . nor ..", field="name") from error


def _entry_of(entry: os.DirEntry[str]) -> Entry:
    target, is_folder = "", False
    try:
        facts = entry.stat(follow_symlinks=False)
        kind = kind_of(facts.st_mode)
        is_folder = entry.is_dir()
        if kind is EntryKind.LINK:
            target = str(Path(entry.path).readlink())
            facts = entry.stat() if entry.is_file() or is_folder else facts
    except OSError:
        # It is being removed, or nobody may look at it; that there is such a name is still true.
        return Entry(name=entry.name, kind=EntryKind.OTHER)
    return Entry(
        name=entry.name,
        kind=kind,
        size=facts.st_size,
        mtime=facts.st_mtime,
        mode=facts.st_mode,
        target=target,
        is_folder=is_folder,
    )


def _bottom_up(paths: tuple[str, ...]) -> Iterator[Path]:
    for path in paths:
        if Path(path).is_dir() and not Path(path).is_symlink():
            for folder, folders, files in os.walk(path, topdown=False):
                yield from (Path(folder) / name for name in files)
                yield from (Path(folder) / name for name in folders)
        yield Path(path)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    shown = shown_name(path)
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is no {shown} on this computer.", code="E-FILE-NOT-FOUND") from error
    except FileExistsError as error:
        raise Conflict(f"{shown} is there already.", hint="Choose another name.", code="E-FILE-EXISTS") from error
    except OSError as error:
        raise Unavailable(
            f"{shown} on this computer: {error.strerror or 'it cannot be used'}.", code="E-FILE"
        ) from error
