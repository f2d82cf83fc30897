"""Files on machines and here, and their way from one to the other."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from machina_desktop.core.errors import MachinaError, Unavailable

PERMISSIONS = 0o777
"""What a copy takes over of a file's mode; set-user-id bits and the like stay behind."""


class EntryKind(StrEnum):
    """What a name in a folder stands for."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One name in a folder.

    Attributes:
        name: As the file system has it; bytes that are not UTF-8 are lone surrogates, as ``os.fsdecode`` makes them.
        size: Bytes.
        mtime: Seconds since 1970, whole ones on a machine.
        mode: Type and permission bits as in ``st_mode``; 0 where the server does not tell.
        target: Where a link leads, as it is written there; empty for everything else.
        is_folder: A folder, or a link that leads to one.
        is_broken: A link that leads nowhere, or in a circle.
    """

    name: str
    kind: EntryKind
    size: int = 0
    mtime: float = 0.0
    mode: int = 0
    target: str = ""
    is_folder: bool = False
    is_broken: bool = False

    @property
    def permissions(self) -> str:
        """``drwxr-xr-x``; empty where the server does not tell."""
        return stat.filemode(self.mode) if self.mode else ""

    @property
    def is_hidden(self) -> bool:
        """Whether it is left out unless asked for."""
        return self.name.startswith(".")


class Direction(StrEnum):
    """Which way a transfer goes."""

    UPLOAD = "upload"
    DOWNLOAD = "download"


class TransferState(StrEnum):
    """How a transfer stands."""

    WAITING = "waiting"
    RUNNING = "running"
    ASKING = "asking"
    PAUSED = "paused"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether nothing happens to it any more unless it is tried again."""
        return self in (TransferState.DONE, TransferState.FAILED, TransferState.CANCELLED)


class OnConflict(StrEnum):
    """What to do where a file of that name is there already."""

    ASK = "ask"
    OVERWRITE = "overwrite"
    SKIP = "skip"
    RENAME = "rename"
    NEWER = "newer"


@dataclass(frozen=True, kw_only=True)
class FileConflict:
    """A file that is there already, and the one that should take its place."""

    name: str
    source_size: int
    source_mtime: float
    found_size: int
    found_mtime: float


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """A file or a folder on its way.

    Attributes:
        source: Path where it comes from: here for an upload, on the machine for a download.
        destination: Folder it goes to.
        is_move: The source is removed once it has arrived.
        files: How many files belong to it, 0 while they are being counted; ``files_done`` of them are finished.
        size: Bytes of all of them; ``done`` of them have arrived.
        rate: Bytes a second over the last seconds.
        skipped: Files left out: because somebody said so, or because they are neither files nor folders.
        current: The file under way, relative to the source.
        conflict: What is asked while it is ASKING.
        problem: Why it failed, or what it waits for before it goes on by itself.
    """

    transfer_id: str
    machine_id: str
    direction: Direction
    source: str
    destination: str
    is_move: bool = False
    state: TransferState = TransferState.WAITING
    files: int = 0
    files_done: int = 0
    size: int = 0
    done: int = 0
    rate: float = 0.0
    skipped: int = 0
    current: str = ""
    conflict: FileConflict | None = None
    problem: MachinaError | None = None

    @property
    def name(self) -> str:
        """The last part of its source."""
        return base_name(self.source)

    @property
    def remaining_s(self) -> float | None:
        """Seconds it will still take at the present rate; ``None`` where that cannot be said."""
        if self.state is not TransferState.RUNNING or self.rate <= 0 or not self.size:
            return None
        return max(0.0, (self.size - self.done) / self.rate)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A file of a machine that is open here.

    Attributes:
        path: Where it is on the machine, links followed.
        local: The copy that is edited.
        size: Of the file there when it was last fetched or sent; ``mtime`` likewise.
        digest: SHA-256 of the copy then.
    """

    edit_id: str
    machine_id: str
    path: str
    local: Path
    size: int
    mtime: float
    digest: str

    @property
    def name(self) -> str:
        """The file's name."""
        return posixpath.basename(self.path)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """Files of one folder of a machine that were offered to somebody.

    Attributes:
        sources: Their paths on the machine.
        folder: Where they will lie, which does not exist yet.
    """

    machine_id: str
    sources: tuple[str, ...]
    folder: Path

    @property
    def targets(self) -> tuple[Path, ...]:
        """Where each lies once it is there; before that there is nothing."""
        return tuple(self.folder / check_name(base_name(source)) for source in self.sources)


def base_name(path: str) -> str:
    """The last part of a path of either side."""
    text = path.replace(os.sep, "/").rstrip("/")
    return posixpath.basename(text) or path


def kind_of(mode: int) -> EntryKind:
    """What a file's mode says it is."""
    kinds = {
        stat.S_IFREG: EntryKind.FILE,
        stat.S_IFDIR: EntryKind.FOLDER,
        stat.S_IFLNK: EntryKind.LINK,
    }
    # A server that tells no type has nothing but files, as far as can be told.
    return kinds.get(stat.S_IFMT(mode), EntryKind.OTHER) if mode else EntryKind.FILE


def shown_name(name: str) -> str:
    """``name`` as one printable line: what is no text, ends a line or turns its direction is spelled in ASCII."""
    raw = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(each if each.isprintable() else _escaped(each) for each in raw)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


# What Windows takes for a way out of the folder, or for a stream or device, besides what no system allows.
_FORBIDDEN = frozenset("/\0") | (frozenset('\\:*?"<>|') if os.name == "nt" else frozenset())


def check_name(name: str) -> str:
    """``name``, which is one name in a folder and leads nowhere else.

    Raises:
        Unavailable: E-SFTP-NAME; no honest server answers such a name.
    """
    if name in {"", ".", ".."} or not _FORBIDDEN.isdisjoint(name) or len(name) > 1024:
        raise Unavailable(
            f"The machine has a file called “{shown_name(name)[:100]}”, which cannot be a file's name here.",
            hint="Nothing was written. If the name is not one of yours, the machine may be in strange hands.",
            code="E-SFTP-NAME",
        )
    return name


def numbered(name: str, number: int) -> str:
    """``report (2).txt`` for ``report.txt`` and 2."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        return f"{name} ({number})"
    return f"{stem} ({number}){dot}{suffix}"
