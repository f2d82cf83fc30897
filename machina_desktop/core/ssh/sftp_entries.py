"""Paths and entries of a machine's folders: as SFTP sends them, and as they are held here."""

from __future__ import annotations

from machina_desktop.core.domain.transfer import PERMISSIONS, Entry, EntryKind, kind_of
from machina_desktop.core.ssh.sftp_wire import Attributes


def raw(path: str) -> bytes:
    """A path as it is sent."""
    return path.encode("utf-8", "surrogateescape")


def text(path: bytes) -> str:
    """A path as it is held here."""
    return path.decode("utf-8", "surrogateescape")


def join(folder: str, name: str) -> str:
    """The path of a name in a folder."""
    return f"{folder.rstrip('/')}/{name}"


def entry_of(name: str, facts: Attributes) -> Entry:
    """What the machine tells of a name; a link as itself, not as what it leads to."""
    mode = facts.mode or 0
    kind = kind_of(mode)
    return Entry(
        name=name,
        kind=kind,
        size=facts.size or 0,
        mtime=float(facts.mtime or 0),
        mode=mode,
        is_folder=kind is EntryKind.FOLDER,
    )


def seen_through(link: Entry, target: str, behind: Entry | None) -> Entry:
    """A link with what it leads to: ``behind``, which has the path ``target``; ``None`` where nothing is there."""
    return Entry(
        name=link.name,
        kind=EntryKind.LINK,
        size=behind.size if behind is not None else link.size,
        mtime=behind.mtime if behind is not None else link.mtime,
        mode=link.mode,
        target=target or "?",
        is_folder=behind is not None and behind.is_folder,
        is_broken=behind is None,
    )


def permissions_of(entry: Entry, fallback: int) -> int:
    """The permission bits a copy of it gets; ``fallback`` where its own are not known."""
    return entry.mode & PERMISSIONS if entry.mode else fallback
