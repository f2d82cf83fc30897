"""One file's way over SFTP: many requests ahead, into a partial file that is taken up again and renamed at the end."""

from __future__ import annotations

import errno
import hashlib
import os
import shlex
import stat
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path

from machina_desktop.core.domain.transfer import PERMISSIONS, Entry, EntryKind, check_name, shown_name
from machina_desktop.core.errors import Conflict, MachinaError, Unavailable
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.sftp import Sftp, Stopped
from machina_desktop.core.ssh.sftp_entries import join, permissions_of, raw
from machina_desktop.core.ssh.sftp_wire import AtEnd, Attributes, Kind, Refused, broken, checked, string

AHEAD_BYTES = 4 << 20
"""So much is asked for, or sent, before the first answer is waited for."""

_READ, _WRITE, _CREATE, _TRUNCATE, _EXCLUSIVE = 1, 2, 8, 16, 32
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_BINARY: int = getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What goes along with a copy.

    Attributes:
        on_bytes: Told of bytes as they arrive, on the copying thread.
        on_resumed: Told first of all how many are there already.
        stop: When set, the copy stops; what has arrived stays in the partial file.
    """

    on_bytes: Callable[[int], None] = lambda _count: None
    on_resumed: Callable[[int], None] = lambda _count: None
    stop: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Go on, or not.

        Raises:
            Stopped: ``stop`` is set.
        """
        if self.stop.is_set():
            raise Stopped


def download(sftp: Sftp, source: str, to: Path, watch: Watch) -> Entry:
    """Bring a file here, in place of one that is there; with its permissions and time.

    A partial file of the same source, unchanged since in size and time, is gone on with.

    Args:
        sftp: Is closed when the copy is stopped in the middle.
        source: The file on the machine; a link is followed.
        to: The file here; its folder exists.

    Raises:
        Stopped: ``watch.stop`` was set.
        Conflict: E-SFTP-CHANGED, the file was written to meanwhile.
        Unavailable: E-SFTP-LOCAL, the file cannot be written here; else as of :class:`Sftp`.
    """
    check_name(to.name)
    entry = _regular(sftp.stat(source), source)
    part = to.parent / part_name(source, entry)
    with sftp.on(source):
        handle = sftp.wire.ask(Kind.OPEN, string(raw(source)), struct.pack(">I", _READ), Attributes().packed()).string()
    with _here(to), _open_part(part) as file:
        at = _resumed(file.seek(0, os.SEEK_END), entry.size)
        watch.on_resumed(at)
        with sftp.on(source):
            _Reader(sftp, handle, file, watch).run(at, entry.size)
            _finish_read(sftp, handle, source, entry)
        # A file that has become shorter than its partial one was is not to keep the rest of that.
        file.truncate(entry.size)
        part.chmod(permissions_of(entry, 0o644))
        os.utime(part, (entry.mtime, entry.mtime))
    with _here(to):
        part.replace(to)
    return entry


def upload(sftp: Sftp, source: Path, to: str, watch: Watch, *, is_edit: bool = False) -> Entry:
    """Bring a file to a machine, in place of one that is there; with its permissions and time. As :func:`download`.

    What is an edit of the file there keeps that one's owner, as far as the login may give files away, and permissions.
    """
    with _here(source), source.open("rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        entry = _regular(_local_entry(source, facts), str(source))
        part = join(to.rpartition("/")[0], part_name(f"{source}>{to}", entry))
        handle, at = _open_remote_part(sftp, part, entry)
        watch.on_resumed(at)
        with sftp.on(to):
            try:
                _Writer(sftp, handle, file, watch).run(at, entry.size)
            except Refused as error:
                raise sftp.no_space(part.rpartition("/")[0], sftp.write_length) or error from error
        after = os.fstat(file.fileno())
        if (after.st_size, after.st_mtime_ns) != (facts.st_size, facts.st_mtime_ns):
            sftp.remove(part)
            raise _changed(str(source))
    facts_there = Attributes(mode=entry.mode & PERMISSIONS, mtime=int(entry.mtime))
    if is_edit:
        facts_there = replace(_facts_of(sftp, to) or facts_there, size=None, atime=None, mtime=int(entry.mtime))
    _finish_write(sftp, handle, part, to=to, size=entry.size, facts=facts_there)
    return entry


def part_name(source: str, entry: Entry) -> str:
    """The name of the partial file of a source as it is now; of another state of it, it would be another name."""
    about = f"{source}\0{entry.size}\0{int(entry.mtime)}".encode("utf-8", "surrogateescape")
    return f".machina-{hashlib.sha256(about).hexdigest()[:16]}.part"


def forget_download(sftp: Sftp, source: str, to: Path) -> None:
    """Remove what an unfinished download has left; harmless where there is nothing."""
    with suppress(MachinaError, OSError):
        to.parent.joinpath(part_name(source, sftp.stat(source))).unlink(missing_ok=True)


def forget_upload(sftp: Sftp, source: Path, to: str) -> None:
    """Remove what an unfinished upload has left; harmless where there is nothing."""
    with suppress(MachinaError, OSError):
        entry = _local_entry(source, source.stat())
        sftp.remove(join(to.rpartition("/")[0], part_name(f"{source}>{to}", entry)))


def digest_there(connection: Connection, path: str, *, timeout_s: float = 600.0) -> str | None:
    """SHA-256 of a file on a machine, hex; ``None`` where the machine has no ``sha256sum``.

    Raises:
        Unavailable: the connection was lost, or E-SFTP-FAILED with what was said.
    """
    spelled = "".join(f"\\0{byte:03o}" for byte in raw(path))
    command = (
        f'p=$(printf %b_ {shlex.quote(spelled)}); command -v sha256sum >/dev/null || exit 127; sha256sum <"${{p%_}}"'
    )
    status, said = connection.capture(command, timeout_s=timeout_s)
    if status == 127:
        return None
    if status != 0:
        raise Unavailable(f"{shown_name(path)} could not be read: {shown_name(said.strip())}.", code="E-SFTP-FAILED")
    return said.split()[0]


def digest_here(path: Path) -> str:
    """SHA-256 of a file here, hex."""
    with _here(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass
class _Reader:
    """Reads one open file with many requests ahead. Answers may come in any order."""

    sftp: Sftp
    handle: bytes
    file: FileIO
    watch: Watch
    _pending: dict[int, tuple[int, int]] = field(default_factory=dict)
    _gaps: deque[tuple[int, int]] = field(default_factory=deque)

    def run(self, at: int, size: int) -> None:
        position = at
        limit = max(1, AHEAD_BYTES // self.sftp.read_length)
        self.file.seek(at)
        try:
            while self._pending or self._gaps or position < size:
                self.watch.look()
                while len(self._pending) < limit and (self._gaps or position < size):
                    if self._gaps:
                        self._ask(*self._gaps.popleft())
                    else:
                        length = min(self.sftp.read_length, size - position)
                        self._ask(position, length)
                        position += length
                self._take()
        except BaseException:
            # What has not been answered would leave a hole; and what still comes nobody awaits any more.
            missing = [offset for offset, _length in (*self._pending.values(), *self._gaps)]
            self.file.truncate(min(missing, default=position))
            self.sftp.close()
            raise

    def _ask(self, offset: int, length: int) -> None:
        number = self.sftp.wire.send(Kind.READ, string(self.handle), struct.pack(">QI", offset, length))
        self._pending[number] = (offset, length)

    def _take(self) -> None:
        number, answer = self.sftp.wire.receive()
        if number not in self._pending:
            raise broken(self.sftp.wire.target)
        offset, length = self._pending[number]
        data = checked(answer).string()
        if not 0 < len(data) <= length:
            raise broken(self.sftp.wire.target)
        if self.file.tell() != offset:
            self.file.seek(offset)
        _write_whole(self.file, data)
        del self._pending[number]
        if len(data) < length:
            self._gaps.append((offset + len(data), length - len(data)))
        self.watch.on_bytes(len(data))


@dataclass
class _Writer:
    """Writes one open file with many requests ahead."""

    sftp: Sftp
    handle: bytes
    file: FileIO
    watch: Watch
    _pending: dict[int, int] = field(default_factory=dict)

    def run(self, at: int, size: int) -> None:
        position, limit = at, max(1, AHEAD_BYTES // self.sftp.write_length)
        self.file.seek(at)
        try:
            while self._pending or position < size:
                self.watch.look()
                while len(self._pending) < limit and position < size:
                    data = _read_some(self.file, min(self.sftp.write_length, size - position))
                    head = struct.pack(">QI", position, len(data))
                    number = self.sftp.wire.send(Kind.WRITE, string(self.handle), head, data)
                    self._pending[number] = len(data)
                    position += len(data)
                self._take()
        except Refused:
            self._drain()
            with suppress(Refused):
                self.sftp.wire.ask(Kind.CLOSE, string(self.handle))
            raise
        except BaseException:
            self.sftp.close()
            raise

    def _take(self) -> None:
        number, answer = self.sftp.wire.receive()
        if number not in self._pending:
            raise broken(self.sftp.wire.target)
        length = self._pending.pop(number)
        checked(answer)
        self.watch.on_bytes(length)

    def _drain(self) -> None:
        """Await the answers under way, so that the session can be asked for the reason."""
        while self._pending:
            with suppress(Refused):
                self._take()


def _open_part(part: Path) -> FileIO:
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | _NO_FOLLOW | _BINARY, 0o600)
    return FileIO(descriptor, "r+")


def _open_remote_part(sftp: Sftp, part: str, entry: Entry) -> tuple[bytes, int]:
    found = sftp.find(part, is_followed=False)
    if found is not None and found.kind is not EntryKind.FILE:
        # Somebody has put something in the way, such as a link to a file of ours.
        sftp.remove(part)
        found = None
    flags = _WRITE if found is not None else _WRITE | _CREATE | _EXCLUSIVE
    at = _resumed(found.size, entry.size) if found is not None else 0
    with sftp.explained(part, lambda path: sftp.no_space(path.rpartition("/")[0], 1)):
        mode = Attributes(mode=0o600).packed()
        handle = sftp.wire.ask(Kind.OPEN, string(raw(part)), struct.pack(">I", flags), mode).string()
    return handle, at


def _resumed(found: int, size: int) -> int:
    """Where to go on: the last part of what is there may have holes, as far as requests went ahead."""
    return max(0, min(found, size) - AHEAD_BYTES)


def _finish_read(sftp: Sftp, handle: bytes, source: str, entry: Entry) -> None:
    after = sftp.wire.ask(Kind.FSTAT, string(handle)).attributes()
    sftp.wire.ask(Kind.CLOSE, string(handle))
    if (after.size, float(after.mtime or 0)) != (entry.size, entry.mtime):
        raise _changed(source)


def _facts_of(sftp: Sftp, path: str) -> Attributes | None:
    try:
        return sftp.wire.ask(Kind.STAT, string(raw(path))).attributes()
    except Refused:
        return None


def _finish_write(sftp: Sftp, handle: bytes, part: str, *, to: str, size: int, facts: Attributes) -> None:
    with sftp.on(to):
        # Who may not give files away sets the rest; a file system without permissions has the file all the same.
        for wanted in (facts, replace(facts, owner=None)):
            try:
                sftp.wire.ask(Kind.FSETSTAT, string(handle), wanted.packed())
                break
            except Refused:
                continue
        arrived = sftp.wire.ask(Kind.FSTAT, string(handle)).attributes().size
        sftp.wire.ask(Kind.CLOSE, string(handle))
    if arrived != size:
        sftp.remove(part)
        raise _changed(to)
    sftp.rename(part, to, replaces=True)


def _read_some(file: FileIO, length: int) -> bytes:
    data = file.read(length)
    if not data:
        raise _changed(str(file.name))
    return data


def _write_whole(file: FileIO, data: bytes) -> None:
    written = file.write(data) or 0
    while written < len(data):
        written += file.write(data[written:]) or 0


def _local_entry(path: Path, facts: os.stat_result) -> Entry:
    kind = EntryKind.FILE if stat.S_ISREG(facts.st_mode) else EntryKind.OTHER
    return Entry(name=path.name, kind=kind, size=facts.st_size, mtime=facts.st_mtime, mode=facts.st_mode)


def _regular(entry: Entry, path: str) -> Entry:
    if entry.kind is not EntryKind.FILE:
        raise Unavailable(f"{shown_name(path)} is not a file that can be copied.", code="E-SFTP-NO-FILE")
    return entry


def _changed(path: str) -> Conflict:
    return Conflict(
        f"{shown_name(path)} was written to while it was copied.",
        hint="Try again when nothing writes to it; it begins anew.",
        code="E-SFTP-CHANGED",
    )


@contextmanager
def _here(path: Path) -> Iterator[None]:
    """What fails on this computer's side leaves as ``E-SFTP-LOCAL``."""
    try:
        yield
    except AtEnd as error:
        raise _changed(str(path)) from error
    except OSError as error:
        raise failed_here(path, error) from error


def failed_here(path: Path, error: OSError) -> Unavailable:
    """Why a file of this computer could not be used; ``E-SFTP-NO-SPACE`` where there is no room for it."""
    shown = shown_name(str(path))
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return Unavailable(
            f"There is no space left on this computer for {shown}.",
            hint="Make room here, then choose Try again: it goes on where it stopped.",
            code="E-SFTP-NO-SPACE",
        )
    if error.errno == errno.EFBIG:
        return Unavailable(
            f"{shown} is larger than files may be in that folder of this computer.",
            hint="Choose a folder on another file system, or raise the limit (ulimit -f).",
            code="E-SFTP-NO-SPACE",
        )
    return Unavailable(
        f"{shown} on this computer: {error.strerror or 'it cannot be used'}.",
        hint="Choose a folder in which you may write.",
        code="E-SFTP-LOCAL",
    )
