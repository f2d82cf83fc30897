"""The files of a machine over SFTP: folders listed in chunks, names as bytes have them; blocking, for threads."""

from __future__ import annotations

import posixpath
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

from machina_desktop.core.domain.transfer import Entry, EntryKind, check_name, shown_name
from machina_desktop.core.errors import Conflict, MachinaError, NotFound, Unavailable
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.sftp_entries import entry_of, join, raw, seen_through, text
from machina_desktop.core.ssh.sftp_wire import (
    Answer,
    AtEnd,
    Attributes,
    Kind,
    Refused,
    StatusCode,
    Wire,
    broken,
    string,
)

ENTRIES_LIMIT = 1_000_000
"""So many names are looked at, of one folder or one tree; more no person can mean."""

DEPTH_LIMIT = 200
_AHEAD = 8
_POSIX_RENAME = "posix-rename@openssh.com=1"
_STATVFS = "statvfs@openssh.com=2"
_LIMITS = "limits@openssh.com=1"
_SAFE_LENGTH = 32_768
_LONGEST_WRITE = 255 * 1024
# Longer answers would be read, sealed and opened one after the other; measured, not guessed.
_LONGEST_READ = 64 * 1024


class Stopped(Exception):
    """Somebody has called it off."""


class Sftp:
    """A file session on a machine; a context manager that ends it. One thread at a time.

    Paths are absolute, with ``/``; bytes that are not UTF-8 are lone surrogates in them. Every method raises
    Unavailable, ``E-SSH-DROPPED`` or ``E-SSH-TIMEOUT``, when the connection is lost, and:

    ``E-SFTP-NOT-FOUND``, ``E-SFTP-DENIED``, ``E-SFTP-NAME``, ``E-SFTP-FAILED`` and ``E-SFTP-PROTOCOL``.
    """

    def __init__(self, connection: Connection) -> None:
        """Begin it.

        Raises:
            Unavailable: E-SFTP-MISSING, or as above.
        """
        self.wire = Wire(connection.transport, connection.target)
        self._host = connection.target.host
        try:
            self.read_length, self.write_length = self._lengths()
        except BaseException:
            self.wire.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the session. From any thread."""
        self.wire.close()

    @property
    def is_open(self) -> bool:
        """Whether it can be used still, as far as is known here."""
        return self.wire.is_open

    def home(self) -> str:
        """The folder in which a login begins."""
        return self.real_path(".")

    def real_path(self, path: str) -> str:
        """``path`` absolute, without links and ``..``, as the machine sees it."""
        with self.on(path):
            answer = self.wire.ask(Kind.REALPATH, string(raw(path)))
        return self._one_name(answer)

    def entries(self, path: str, *, looks_through: bool = True) -> Iterator[tuple[Entry, ...]]:
        """What lies in a folder, in the machine's order, some hundred names at a time; links are looked through."""
        with self.on(path):
            handle = self.wire.ask(Kind.OPENDIR, string(raw(path))).string()
        try:
            count = 0
            while chunk := self._read_names(path, handle):
                entries = self._resolved(path, chunk) if looks_through else chunk
                count += len(entries)
                if count > ENTRIES_LIMIT:
                    raise broken(self.wire.target)
                yield tuple(entries)
        finally:
            # After a fault nobody would answer any more; the session is closed then.
            with suppress(Refused, AtEnd, Unavailable):
                self.wire.ask(Kind.CLOSE, string(handle))

    def stat(self, path: str, *, is_followed: bool = True) -> Entry:
        """What a path names; a link itself where it is not followed."""
        with self.on(path):
            answer = self.wire.ask(Kind.STAT if is_followed else Kind.LSTAT, string(raw(path)))
            return entry_of(posixpath.basename(path) or "/", answer.attributes())

    def find(self, path: str, *, is_followed: bool = True) -> Entry | None:
        """As :meth:`stat`; ``None`` where there is nothing."""
        try:
            return self.stat(path, is_followed=is_followed)
        except NotFound:
            return None

    def make_folder(self, path: str) -> None:
        """Make a folder, with the permissions the machine gives new ones.

        Raises:
            Conflict: E-SFTP-EXISTS.
        """
        with self.explained(path, self._why_not_made):
            self.wire.ask(Kind.MKDIR, string(raw(path)), Attributes().packed())

    def rename(self, old: str, new: str, *, replaces: bool = False) -> None:
        """Give a file or folder another path on the same file system; with ``replaces`` in place of a file there.

        Raises:
            Conflict: E-SFTP-EXISTS.
        """
        paths = string(raw(old)) + string(raw(new))
        if not replaces:
            if self.find(new, is_followed=False) is not None:
                raise self._exists(new)
            with self.on(old):
                self.wire.ask(Kind.RENAME, paths)
        elif _POSIX_RENAME in self.wire.extensions:
            with self.on(new):
                self.wire.ask(Kind.EXTENDED, string(b"posix-rename@openssh.com"), paths)
        else:
            # Version 3 itself replaces nothing.
            with suppress(NotFound):
                self.remove(new)
            with self.on(new):
                self.wire.ask(Kind.RENAME, paths)

    def remove(self, path: str) -> None:
        """Remove a file or a link, not what it leads to."""
        with self.on(path):
            self.wire.ask(Kind.REMOVE, string(raw(path)))

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder."""
        with self.on(path):
            self.wire.ask(Kind.RMDIR, string(raw(path)))

    def remove_tree(
        self, path: str, *, on_progress: Callable[[int], None], stop: threading.Event | None = None, gone: int = 0
    ) -> int:
        """Remove a file, a link, or a folder with all that is in it; links are not followed.

        Args:
            on_progress: Told how many have gone so far, on this thread.
            stop: When set, what is left stays.
            gone: How many have gone before.

        Returns:
            How many files and folders have gone by now.

        Raises:
            Stopped: ``stop`` was set.
        """
        folders: list[str] = []
        pending = [(path, self.stat(path, is_followed=False).kind)]
        while pending:
            at, kind = pending.pop()
            _look(stop)
            if kind is EntryKind.FOLDER:
                folders.append(at)
                pending += [
                    (join(at, entry.name), entry.kind)
                    for chunk in self.entries(at, looks_through=False)
                    for entry in chunk
                ]
                if len(pending) + len(folders) > ENTRIES_LIMIT or at.count("/") > path.count("/") + DEPTH_LIMIT:
                    raise broken(self.wire.target)
                continue
            self.remove(at)
            gone += 1
            on_progress(gone)
        for at in reversed(folders):
            _look(stop)
            self.remove_folder(at)
            gone += 1
            on_progress(gone)
        return gone

    def set_permissions(self, path: str, mode: int) -> None:
        """Set the permission bits of a file or folder."""
        with self.on(path):
            self.wire.ask(Kind.SETSTAT, string(raw(path)), Attributes(mode=mode & 0o7777).packed())

    def free_space(self, path: str) -> int | None:
        """Bytes that may still be written there; ``None`` where the server does not tell."""
        if _STATVFS not in self.wire.extensions:
            return None
        with self.on(path):
            answer = self.wire.ask(Kind.EXTENDED, string(b"statvfs@openssh.com"), string(raw(path)))
            block, fragment, _blocks, _free, available = (answer.long() for _ in range(5))
        return (fragment or block) * available

    def walk(self, path: str, *, stop: threading.Event | None = None) -> Iterator[tuple[str, Entry]]:
        """All below a folder, folders before what is in them, each with its path relative to ``path``.

        Links to files count as those files; links to folders come as they are, and are not entered.
        """
        pending, count = [("", 0)], 0
        while pending:
            at, depth = pending.pop()
            for chunk in self.entries(join(path, at) if at else path):
                _look(stop)
                for entry in chunk:
                    below = f"{at}/{entry.name}" if at else entry.name
                    count += 1
                    if count > ENTRIES_LIMIT or depth > DEPTH_LIMIT:
                        raise broken(self.wire.target)
                    if entry.kind is EntryKind.FOLDER:
                        pending.append((below, depth + 1))
                    yield below, entry

    @contextmanager
    def on(self, path: str) -> Iterator[None]:
        """What the server refuses about ``path`` leaves as a MachinaError."""
        try:
            yield
        except Refused as error:
            raise self._refusal(path, error) from error
        except AtEnd as error:
            raise broken(self.wire.target) from error
        except struct.error as error:
            raise broken(self.wire.target) from error

    def _lengths(self) -> tuple[int, int]:
        """How much one request may read and write: what OpenSSH 8.5 and later tells, else what all must bear."""
        if _LIMITS not in self.wire.extensions:
            return _SAFE_LENGTH, _SAFE_LENGTH
        try:
            answer = self.wire.ask(Kind.EXTENDED, string(b"limits@openssh.com"))
        except Refused:
            return _SAFE_LENGTH, _SAFE_LENGTH
        answer.long()
        read, write = answer.long() or _SAFE_LENGTH, answer.long() or _SAFE_LENGTH
        return min(max(read, 1024), _LONGEST_READ), min(max(write, 1024), _LONGEST_WRITE)

    def _read_names(self, path: str, handle: bytes) -> list[Entry]:
        """The next some hundred names; none at the end."""
        found: list[Entry] = []
        with self.on(path):
            requests = [(Kind.READDIR, string(handle))] * _AHEAD
            answers = self.wire.ask_all(requests)
            for answer in answers:
                if answer is None:
                    continue
                for _ in range(answer.number()):
                    name = text(answer.string())
                    answer.string()
                    attributes = answer.attributes()
                    if name not in {".", ".."}:
                        found.append(entry_of(check_name(name), attributes))
        return found

    def _resolved(self, path: str, entries: list[Entry]) -> list[Entry]:
        links = [place for place, entry in enumerate(entries) if entry.kind is EntryKind.LINK]
        if not links:
            return entries
        names = [string(raw(join(path, entries[place].name))) for place in links]
        with self.on(path):
            targets = self.wire.ask_all([(Kind.READLINK, name) for name in names])
            facts = self.wire.ask_all([(Kind.STAT, name) for name in names])
            for place, target, fact in zip(links, targets, facts, strict=True):
                to = self._one_name(target) if target is not None else ""
                behind = entry_of("", fact.attributes()) if fact is not None else None
                entries[place] = seen_through(entries[place], to, behind)
        return entries

    def _one_name(self, answer: Answer) -> str:
        if answer.kind != Kind.NAME or answer.number() != 1:
            raise broken(self.wire.target)
        return text(answer.string())

    @contextmanager
    def explained(self, path: str, why: Callable[[str], MachinaError | None]) -> Iterator[None]:
        """As :meth:`on`; ``why`` looks for the reason where the server only says that it failed."""
        try:
            with self.on(path):
                yield
        except Unavailable as error:
            if error.code == "E-SFTP-FAILED" and (reason := why(path)) is not None:
                raise reason from error
            raise

    def _why_not_made(self, path: str) -> MachinaError | None:
        if self.find(path, is_followed=False) is not None:
            return self._exists(path)
        return self.no_space(posixpath.dirname(path), 1)

    def no_space(self, folder: str, wanted: int) -> MachinaError | None:
        """``E-SFTP-NO-SPACE`` where a folder's file system has less than ``wanted`` bytes left."""
        left = None
        with suppress(MachinaError):
            left = self.free_space(folder)
        if left is None or left >= wanted:
            return None
        return Unavailable(
            f"There is no space left on {self._host} in {shown_name(folder)}.",
            hint="Make room there, then choose Try again: it goes on where it stopped.",
            code="E-SFTP-NO-SPACE",
        )

    def _exists(self, path: str) -> Conflict:
        return Conflict(
            f"{shown_name(path)} is there already.", hint="Choose another name, or remove it.", code="E-SFTP-EXISTS"
        )

    def _refusal(self, path: str, error: Refused) -> MachinaError:
        shown = shown_name(path)
        if error.code == StatusCode.NO_SUCH_FILE:
            return NotFound(
                f"There is no {shown} on {self._host}.",
                hint="It may have been removed or renamed; read the folder anew.",
                code="E-SFTP-NOT-FOUND",
            )
        if error.code == StatusCode.PERMISSION_DENIED:
            return Unavailable(
                f"{self._host} does not let this login work with {shown}.",
                hint="Change the permissions there, or connect the machine with a user who may.",
                code="E-SFTP-DENIED",
            )
        if error.code == StatusCode.OP_UNSUPPORTED:
            return Unavailable(f"The file server of {self._host} cannot do this.", code="E-SFTP-UNSUPPORTED")
        said = shown_name(error.said) or "no reason given"
        return Unavailable(
            f"{self._host} could not do it to {shown}: {said}.",
            hint="Look whether the folder is empty, the disk has room and is not mounted read-only.",
            code="E-SFTP-FAILED",
        )


def _look(stop: threading.Event | None) -> None:
    if stop is not None and stop.is_set():
        raise Stopped
