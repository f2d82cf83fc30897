"""The steps of a transfer, each done in a thread: what belongs to it, what is in the way, one file, the end."""

from __future__ import annotations

import os
import posixpath
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from machina_desktop.core.domain.transfer import (
    PERMISSIONS,
    Direction,
    Entry,
    EntryKind,
    FileConflict,
    Transfer,
    base_name,
    check_name,
    kind_of,
    numbered,
    shown_name,
)
from machina_desktop.core.errors import Conflict, NotFound, Unavailable
from machina_desktop.core.ssh.sftp import Sftp, Stopped
from machina_desktop.core.ssh.sftp_copy import Watch, download, failed_here, forget_download, forget_upload, upload
from machina_desktop.core.ssh.sftp_entries import join
from machina_desktop.core.ssh.sftp_wire import Attributes, Kind, Refused, string

NUMBERS = 1000


@dataclass(frozen=True)
class Item:
    """Something that belongs to a transfer: its path below the source, empty for the source itself."""

    below: str
    entry: Entry

    @property
    def is_copied(self) -> bool:
        """Whether its bytes go over; of links to folders, of links to nothing and of devices none do."""
        is_link_to_file = self.entry.kind is EntryKind.LINK and not (self.entry.is_folder or self.entry.is_broken)
        return self.entry.kind is EntryKind.FILE or is_link_to_file


class Steps(ABC):
    """What is done for a transfer in one direction. Each method blocks, and raises MachinaError."""

    def __init__(self, transfer: Transfer) -> None:
        self.transfer = transfer
        self.top = check_name(base_name(transfer.source))

    @abstractmethod
    def items(self, sftp: Sftp, stop: threading.Event) -> tuple[Item, ...]:
        """All that belongs to it; folders stand before what is in them."""

    @abstractmethod
    def make_folder(self, sftp: Sftp, item: Item) -> None:
        """Make a folder at the destination; one that is there is used."""

    @abstractmethod
    def conflict(self, sftp: Sftp, item: Item) -> FileConflict | None:
        """What is in a file's way."""

    @abstractmethod
    def free_name(self, sftp: Sftp, item: Item) -> str:
        """A name beside the one that is taken."""

    @abstractmethod
    def copy(self, sftp: Sftp, item: Item, name: str, watch: Watch) -> None:
        """Copy one file; ``name`` stands for the last part of its path."""

    @abstractmethod
    def forget(self, sftp: Sftp, item: Item, name: str) -> None:
        """Remove what a copy that was called off has left."""

    @abstractmethod
    def remove_source(self, sftp: Sftp, item: Item) -> None:
        """Remove what has been moved; folders only when nothing is left in them."""

    @abstractmethod
    def finish_folder(self, sftp: Sftp, item: Item) -> None:
        """Give a folder the permissions and time of its source, once all is in it."""


def steps_of(transfer: Transfer) -> Steps:
    """The steps in the transfer's direction."""
    return _Upload(transfer) if transfer.direction is Direction.UPLOAD else _Download(transfer)


class _Download(Steps):
    def items(self, sftp: Sftp, stop: threading.Event) -> tuple[Item, ...]:
        source = sftp.stat(self.transfer.source)
        if source.kind is not EntryKind.FOLDER:
            return (Item("", source),)
        return (Item("", source), *(Item(*each) for each in sftp.walk(self.transfer.source, stop=stop)))

    def make_folder(self, sftp: Sftp, item: Item) -> None:
        folder = self._to(item)
        with _here(folder):
            try:
                folder.mkdir()
            except FileExistsError:
                # A link would lead what the machine sends out of the folder that was chosen.
                if not stat.S_ISDIR(folder.lstat().st_mode):
                    raise _in_the_way(str(folder)) from None

    def conflict(self, sftp: Sftp, item: Item) -> FileConflict | None:
        to = self._to(item)
        with _here(to):
            if not os.path.lexists(to):
                return None
            if to.is_dir():
                raise _in_the_way(str(to))
            return _conflict(item, to.lstat().st_size, to.lstat().st_mtime, shown=str(to))

    def free_name(self, sftp: Sftp, item: Item) -> str:
        to = self._to(item)
        for name in _numbered(to.name):
            if not os.path.lexists(to.with_name(name)):
                return name
        raise _in_the_way(str(to))

    def copy(self, sftp: Sftp, item: Item, name: str, watch: Watch) -> None:
        download(sftp, self._from(item), self._to(item).with_name(check_name(name)), watch)

    def forget(self, sftp: Sftp, item: Item, name: str) -> None:
        forget_download(sftp, self._from(item), self._to(item).with_name(check_name(name)))

    def remove_source(self, sftp: Sftp, item: Item) -> None:
        path = self._from(item)
        if item.entry.kind is EntryKind.FOLDER:
            with suppress(Unavailable):
                sftp.remove_folder(path)
        else:
            sftp.remove(path)

    def finish_folder(self, sftp: Sftp, item: Item) -> None:
        folder = self._to(item)
        with suppress(OSError):
            if item.entry.mode:
                folder.chmod((item.entry.mode & PERMISSIONS) | 0o700)
            os.utime(folder, (item.entry.mtime, item.entry.mtime))

    def _from(self, item: Item) -> str:
        return join(self.transfer.source, item.below) if item.below else self.transfer.source

    def _to(self, item: Item) -> Path:
        parts = [check_name(part) for part in item.below.split("/")] if item.below else []
        return Path(self.transfer.destination, self.top, *parts)


class _Upload(Steps):
    def items(self, sftp: Sftp, stop: threading.Event) -> tuple[Item, ...]:
        source = Path(self.transfer.source)
        with _here(source):
            entry = _entry_here(source)
            if entry.kind is not EntryKind.FOLDER:
                return (Item("", entry),)
            found = [Item("", entry)]
            for folder, folders, files in os.walk(source):
                if stop.is_set():
                    raise Stopped
                for name in (*sorted(folders), *sorted(files)):
                    path = Path(folder, name)
                    found.append(Item(path.relative_to(source).as_posix(), _entry_here(path)))
        return tuple(found)

    def make_folder(self, sftp: Sftp, item: Item) -> None:
        to = self._to(item)
        try:
            sftp.make_folder(to)
        except Conflict:
            if not sftp.stat(to).is_folder:
                raise _in_the_way(to) from None

    def conflict(self, sftp: Sftp, item: Item) -> FileConflict | None:
        to = self._to(item)
        found = sftp.find(to, is_followed=False)
        if found is None:
            return None
        if found.kind is EntryKind.FOLDER:
            raise _in_the_way(to)
        return _conflict(item, found.size, found.mtime, shown=to)

    def free_name(self, sftp: Sftp, item: Item) -> str:
        folder, name = posixpath.split(self._to(item))
        for other in _numbered(name):
            if sftp.find(join(folder, other), is_followed=False) is None:
                return other
        raise _in_the_way(self._to(item))

    def copy(self, sftp: Sftp, item: Item, name: str, watch: Watch) -> None:
        upload(sftp, self._from(item), join(posixpath.dirname(self._to(item)), name), watch)

    def forget(self, sftp: Sftp, item: Item, name: str) -> None:
        forget_upload(sftp, self._from(item), join(posixpath.dirname(self._to(item)), name))

    def remove_source(self, sftp: Sftp, item: Item) -> None:
        path = self._from(item)
        with _here(path):
            if item.entry.kind is EntryKind.FOLDER:
                with suppress(OSError):
                    path.rmdir()
            else:
                path.unlink()

    def finish_folder(self, sftp: Sftp, item: Item) -> None:
        facts = Attributes(mode=item.entry.mode & PERMISSIONS, mtime=int(item.entry.mtime))
        path = self._to(item).encode("utf-8", "surrogateescape")
        with suppress(Refused):
            sftp.wire.ask(Kind.SETSTAT, string(path), facts.packed())

    def _from(self, item: Item) -> Path:
        return Path(self.transfer.source, item.below) if item.below else Path(self.transfer.source)

    def _to(self, item: Item) -> str:
        to = join(self.transfer.destination, self.top)
        return join(to, item.below) if item.below else to


def _conflict(item: Item, size: int, mtime: float, *, shown: str) -> FileConflict:
    return FileConflict(
        name=shown,
        source_size=item.entry.size,
        source_mtime=item.entry.mtime,
        found_size=size,
        found_mtime=mtime,
    )


def _numbered(name: str) -> Iterator[str]:
    return (numbered(name, number) for number in range(2, NUMBERS))


def _entry_here(path: Path) -> Entry:
    facts = path.lstat()
    kind = kind_of(facts.st_mode)
    is_broken = kind is EntryKind.LINK and not path.exists()
    if kind is EntryKind.LINK:
        with suppress(OSError):
            behind = path.stat()
            # A link to a file stands for that file.
            kind = EntryKind.FILE if stat.S_ISREG(behind.st_mode) else kind
            facts = behind
    return Entry(
        name=path.name,
        kind=kind,
        size=facts.st_size,
        mtime=facts.st_mtime,
        mode=facts.st_mode,
        is_folder=stat.S_ISDIR(facts.st_mode),
        is_broken=is_broken,
    )


def _in_the_way(path: str) -> Conflict:
    return Conflict(
        f"{shown_name(path)} is there already, and is of another kind.",
        hint="Rename or remove it, or choose another folder.",
        code="E-SFTP-IN-THE-WAY",
    )


@contextmanager
def _here(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise NotFound(f"There is no {shown_name(str(path))} on this computer.", code="E-SFTP-LOCAL") from error
    except OSError as error:
        raise failed_here(path, error) from error


def size_of(items: tuple[Item, ...]) -> int:
    """Bytes of all files."""
    return sum(item.entry.size for item in items if item.is_copied)
