"""SFTP version 3 on one channel: requests go ahead, answers are taken as they come; blocking, one thread at a time.

The protocol is draft-ietf-secsh-filexfer-02 with OpenSSH's extensions (its file PROTOCOL, section 4).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import IntEnum

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.failures import connected
from machina_desktop.core.ssh.target import Target

WINDOW_BYTES = 8 << 20
"""What the server may send ahead: enough for 100 ms of distance at 80 MB/s."""

SILENCE_S = 60.0
_LONGEST_ANSWER = 1 << 20
_CHUNK = 1 << 20
# The most a server is asked to put into a packet of the transport; OpenSSH joins up to 32 KiB.
_LARGEST_PACKET = 1 << 18


class Kind(IntEnum):
    """Types of packets."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    SETSTAT = 9
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    READLINK = 19
    SYMLINK = 20
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class StatusCode(IntEnum):
    """What a STATUS says."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8


class Refused(Exception):
    """The server answered a request with a status that is neither OK nor EOF."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(said)
        self.code = code
        self.said = said


class AtEnd(Exception):
    """There is no more of what was read."""


@dataclass(frozen=True)
class Attributes:
    """What a server tells of a file, or is told to set; ``None`` for what is not said.

    Attributes:
        owner: Numbers of user and group.
        atime: Whole seconds since 1970, as ``mtime``.
    """

    size: int | None = None
    owner: tuple[int, int] | None = None
    mode: int | None = None
    atime: int | None = None
    mtime: int | None = None

    def packed(self) -> bytes:
        """As they are sent."""
        flags, body = 0, b""
        if self.size is not None:
            flags, body = flags | 1, body + struct.pack(">Q", self.size)
        if self.owner is not None:
            flags, body = flags | 2, body + struct.pack(">II", *self.owner)
        if self.mode is not None:
            flags, body = flags | 4, body + struct.pack(">I", self.mode)
        if self.mtime is not None:
            atime = self.mtime if self.atime is None else self.atime
            flags, body = flags | 8, body + struct.pack(">II", atime & 0xFFFFFFFF, self.mtime & 0xFFFFFFFF)
        return struct.pack(">I", flags) + body


class Answer:
    """The body of an answer, read from its start."""

    def __init__(self, kind: int, body: bytes, target: Target) -> None:
        self.kind = kind
        self._body = body
        self._at = 0
        self._target = target

    def number(self) -> int:
        """Four bytes."""
        value: int = self._unpacked(">I", 4)
        return value

    def long(self) -> int:
        """Eight bytes."""
        value: int = self._unpacked(">Q", 8)
        return value

    def string(self) -> bytes:
        """A length and so many bytes."""
        end = self.number() + self._at
        if end > len(self._body):
            raise broken(self._target)
        value, self._at = self._body[self._at : end], end
        return value

    def attributes(self) -> Attributes:
        """What is told of a file."""
        flags, found = self.number(), Attributes()
        if flags & 1:
            found = replace(found, size=self.long())
        if flags & 2:
            found = replace(found, owner=(self.number(), self.number()))
        if flags & 4:
            found = replace(found, mode=self.number())
        if flags & 8:
            found = replace(found, atime=self.number(), mtime=self.number())
        if flags & 0x80000000:
            for _ in range(min(self.number(), 1000)):
                self.string(), self.string()
        return found

    @property
    def is_at_end(self) -> bool:
        """Whether all of it has been read."""
        return self._at >= len(self._body)

    def _unpacked(self, form: str, size: int) -> int:
        if self._at + size > len(self._body):
            raise broken(self._target)
        (value,) = struct.unpack_from(form, self._body, self._at)
        self._at += size
        return int(value)


class Wire:
    """A started SFTP subsystem.

    Attributes:
        extensions: What the server offers beyond version 3, by name.
    """

    def __init__(self, transport: paramiko.Transport, target: Target) -> None:
        """Start it.

        Raises:
            Unavailable: E-SFTP-MISSING, the server has no SFTP; else as on any standing connection.
        """
        self.target = target
        self._number = 0
        self._buffer = bytearray()
        self._at = 0
        with connected(target):
            self._channel = _subsystem(transport, target)
            self._channel.settimeout(SILENCE_S)
            self._room: int = self._channel.out_max_packet_size
        try:
            self.extensions = self._begin()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the subsystem, and with it every open handle. From any thread; whoever waits is told it was lost."""
        # The connection may have gone first.
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._channel.close()

    @property
    def is_open(self) -> bool:
        """Whether it can be used still, as far as is known here."""
        return not self._channel.closed

    def send(self, kind: Kind, *parts: bytes) -> int:
        """Send a request ahead; its number, by which its answer is known."""
        self._number = number = (self._number + 1) & 0xFFFFFFFF
        size = 5 + sum(map(len, parts))
        self._send(b"".join((struct.pack(">IBI", size, kind, number), *parts)))
        return number

    def receive(self) -> tuple[int, Answer]:
        """The next answer of all that are awaited, and the number of its request."""
        body = self._packet()
        if len(body) < 5:
            raise broken(self.target)
        kind, number = struct.unpack_from(">BI", body)
        return number, Answer(kind, body[5:], self.target)

    def ask(self, kind: Kind, *parts: bytes) -> Answer:
        """The answer to a request while no other is awaited.

        Raises:
            Refused: the server does not do it.
            AtEnd: there is no more to be read.
            Unavailable: E-SSH-DROPPED, E-SSH-TIMEOUT, E-SFTP-PROTOCOL.
        """
        number = self.send(kind, *parts)
        answered, answer = self.receive()
        if answered != number:
            raise broken(self.target)
        return checked(answer)

    def ask_all(self, requests: Sequence[tuple[Kind, bytes]]) -> list[Answer | None]:
        """The answers to independent requests, sent ahead together; ``None`` for those that were refused."""
        places = {self.send(kind, body): place for place, (kind, body) in enumerate(requests)}
        answers: list[Answer | None] = [None] * len(requests)
        for _ in requests:
            number, answer = self.receive()
            if number not in places:
                raise broken(self.target)
            with suppress(Refused, AtEnd):
                answers[places.pop(number)] = checked(answer)
        return answers

    def _begin(self) -> frozenset[str]:
        self._send(struct.pack(">IBI", 5, Kind.INIT, 3))
        body = self._packet()
        if len(body) < 5 or body[0] != Kind.VERSION:
            raise broken(self.target)
        answer, names = Answer(Kind.VERSION, body[5:], self.target), set()
        while not answer.is_at_end:
            name, version = answer.string(), answer.string()
            names.add(f"{name.decode('ascii', 'replace')}={version.decode('ascii', 'replace')}")
        return frozenset(names)

    def _send(self, data: bytes) -> None:
        with connected(self.target):
            if len(data) <= self._room:
                self._channel.sendall(data)
                return
            view, at = memoryview(data), 0
            while at < len(data):
                at += self._channel.send(bytes(view[at : at + self._room]))

    def _packet(self) -> bytes:
        self._fill(4)
        (size,) = struct.unpack_from(">I", self._buffer, self._at)
        if size > _LONGEST_ANSWER:
            raise broken(self.target)
        self._fill(4 + size)
        start = self._at + 4
        self._at = start + size
        with memoryview(self._buffer) as view:
            return bytes(view[start : self._at])

    def _fill(self, size: int) -> None:
        while len(self._buffer) - self._at < size:
            if self._at:
                del self._buffer[: self._at]
                self._at = 0
            try:
                with connected(self.target):
                    data = self._channel.recv(_CHUNK)
                    if not data:
                        raise EOFError
            except Unavailable:
                # What is still under way could not be told from what comes later.
                self.close()
                raise
            self._buffer += data


def string(value: bytes) -> bytes:
    """``value`` with its length, as requests have it."""
    return struct.pack(">I", len(value)) + value


def checked(answer: Answer) -> Answer:
    """``answer``, unless it says that nothing was done.

    Raises:
        Refused: it does.
        AtEnd: there is no more to be read.
    """
    if answer.kind == Kind.STATUS:
        code = answer.number()
        if code not in (StatusCode.OK, StatusCode.EOF):
            said = b"" if answer.is_at_end else answer.string()
            raise Refused(code, said.decode("utf-8", "replace")[:200])
        if code == StatusCode.EOF:
            raise AtEnd
    return answer


def broken(target: Target) -> Unavailable:
    """``E-SFTP-PROTOCOL``: what came is no answer to what was asked."""
    return Unavailable(
        f"{target.host} does not answer as a file server should.",
        hint="Try again. If it stays so, look whether something on the machine prints text at every login.",
        code="E-SFTP-PROTOCOL",
    )


def _subsystem(transport: paramiko.Transport, target: Target) -> paramiko.Channel:
    channel = transport.open_session(window_size=WINDOW_BYTES, max_packet_size=_LARGEST_PACKET, timeout=30)
    try:
        channel.invoke_subsystem("sftp")
    except (paramiko.SSHException, EOFError) as error:
        channel.close()
        if not transport.is_active():
            raise
        raise Unavailable(
            f"{target.host} serves no files: its SSH server has SFTP switched off.",
            hint="Add “Subsystem sftp internal-sftp” to its sshd_config and reload sshd; the terminal works as it is.",
            code="E-SFTP-MISSING",
        ) from error
    return channel
