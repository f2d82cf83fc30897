"""What the window and the process that its shells run in say to each other: frames of JSON, some with an open socket.

Private keys and what people type cross this line and no other. It is a pair of sockets that only the two processes
have, so nothing of it stands in an argument, the environment, a file or a log.
"""

from __future__ import annotations

import socket
import struct
from array import array
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from machina_desktop.core.codec import from_json, to_private_json
from machina_desktop.core.domain.terminal import Answer, HostKey, Question, SessionState
from machina_desktop.core.errors import (
    Bug,
    Conflict,
    Forbidden,
    InvalidInput,
    Locked,
    MachinaError,
    NotFound,
    Outdated,
    Unauthenticated,
    Unavailable,
)
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.ssh.wish import ShellWish

_READ_BYTES = 65_536
_INT_BYTES = array("i").itemsize
_ROOM = socket.CMSG_SPACE(16 * _INT_BYTES) if hasattr(socket, "CMSG_SPACE") else 0
"""Bytes for the sockets that may come with one piece."""
_HEAD = struct.Struct("!IB")
_ERRORS: dict[str, type[MachinaError]] = {
    each.__name__: each
    for each in (Bug, Conflict, Forbidden, InvalidInput, Locked, NotFound, Outdated, Unauthenticated, Unavailable)
}


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An error on its way to the other process; of one that carries more, only what a person reads arrives."""

    kind: str
    message: str
    hint: str
    code: str

    @classmethod
    def of(cls, error: MachinaError) -> Failure:
        """That error, ready to be sent."""
        return cls(kind=type(error).__name__, message=error.message, hint=error.hint, code=error.code)

    @property
    def error(self) -> MachinaError:
        """The error it stands for."""
        return _ERRORS.get(self.kind, Unavailable)(self.message, hint=self.hint, code=self.code)


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a machine is reached and what is to run there."""

    route: tuple[Hop, ...]
    wish: ShellWish


# To the process of shells. ``shell_id`` is a number that is used once.


@dataclass(frozen=True, kw_only=True)
class Open:
    """Connect and run a shell; the socket that comes with it carries what is typed and what it says."""

    shell_id: int
    way: Way
    columns: int
    lines: int


@dataclass(frozen=True, kw_only=True)
class Resize:
    """The terminal has another size."""

    shell_id: int
    columns: int
    lines: int


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What the person says to the question with that number."""

    shell_id: int
    question: int
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Pinned:
    """The host key was kept, or could not be."""

    shell_id: int
    failure: Failure | None = None


@dataclass(frozen=True, kw_only=True)
class Close:
    """Hang up."""

    shell_id: int


@dataclass(frozen=True, kw_only=True)
class Ping:
    """Are you there?"""


# To the window.


@dataclass(frozen=True, kw_only=True)
class Stands:
    """Where a shell stands. When it is over, all it has said is in its socket already.

    Attributes:
        number: How many questions were asked so far; the last of them is ``question`` while it waits for an answer.
    """

    shell_id: int
    state: SessionState
    number: int = 0
    question: Question | None = None
    failure: Failure | None = None
    exit_status: int | None = None


@dataclass(frozen=True, kw_only=True)
class Pin:
    """The person has accepted the key of that hop of the way; answered by :class:`Pinned`."""

    shell_id: int
    hop: int
    key: HostKey


@dataclass(frozen=True, kw_only=True)
class Noted:
    """Something for the log."""

    level: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Pong:
    """I am here."""


Message = Open | Resize | Answered | Pinned | Close | Ping | Stands | Pin | Noted | Pong
_KINDS: tuple[type[Message], ...] = (Open, Resize, Answered, Pinned, Close, Ping, Stands, Pin, Noted, Pong)


def frame(message: Message) -> bytes:
    """The bytes that a message is sent as: length, kind, JSON."""
    body = to_private_json(message)
    return _HEAD.pack(len(body), _KINDS.index(type(message))) + body


class Incoming:
    """Takes messages from the line's end, with the sockets that came; one thread."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._data = bytearray()
        self.sockets: deque[socket.socket] = deque()

    def read(self) -> Iterator[Message]:
        """Everything that has come, in order, without waiting for more.

        Raises:
            EOFError: the other process is gone.
        """
        while self._receive():
            yield from self._messages()

    def _receive(self) -> bool:
        try:
            # Python 3.11's `recv_fds` takes flags and forgets them.
            data, extras, _flags, _address = self._line.recvmsg(_READ_BYTES, _ROOM, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError as error:
            raise EOFError from error
        for _level, _kind, packed in extras:
            handles = array("i", packed[: len(packed) - len(packed) % _INT_BYTES])
            self.sockets.extend(socket.socket(fileno=handle) for handle in handles)
        if not data:
            raise EOFError
        self._data += data
        return True

    def _messages(self) -> Iterator[Message]:
        while len(self._data) >= _HEAD.size:
            size, kind = _HEAD.unpack_from(self._data)
            end = _HEAD.size + size
            if len(self._data) < end:
                return
            body = bytes(self._data[_HEAD.size : end])
            del self._data[:end]
            yield from_json(body, _KINDS[kind])
