"""A channel's input that goes on to a socket as it comes: on the thread that decrypts, without a hand-over."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections import deque

from paramiko.buffered_pipe import PipeTimeout  # type: ignore[import-untyped]

AT_ONCE = 65_536
"""So many bytes are passed on before the reader hears of it, which then lets the server send as many more."""


class Passed:
    """So many bytes have been passed on; nothing means that all is over."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size


class Relay:
    """Takes the place of a channel's ``in_buffer`` (its methods are those of paramiko's ``BufferedPipe``).

    What comes is written to a socket by the thread that brings it. What the socket does not take waits for
    :meth:`read`, which is called again and again, and is at most the channel's window: only what ``read`` has told of
    is asked of the server anew.
    """

    def __init__(self, outlet: socket.socket) -> None:
        """``outlet`` is not blocking; one that nobody reads any more swallows everything."""
        self._outlet = outlet
        self._changed = threading.Condition()
        self._kept: deque[memoryview] = deque()
        self._passed = 0
        self._is_closed = False
        self._writable = select.poll()
        self._writable.register(outlet, select.POLLOUT)

    def say(self, data: bytes) -> None:
        """Pass on what did not come over the channel; before anything of it does."""
        with self._changed:
            sent = self._send(data)
            if sent < len(data):
                self._kept.append(memoryview(data)[sent:])

    def feed(self, data: bytes) -> None:
        """Pass it on."""
        with self._changed:
            sent = 0 if self._kept else self._send(data)
            if sent < len(data):
                self._kept.append(memoryview(data)[sent:])
            self._passed += sent
            if self._kept or self._passed >= AT_ONCE:
                self._changed.notify_all()

    def read(self, _limit: int, timeout: float | None = None) -> Passed:
        """How much has been passed on since it was last asked; nothing once all is over.

        Raises:
            PipeTimeout: that is nothing so far, after ``timeout`` seconds.
        """
        deadline = time.monotonic() + (3600.0 if timeout is None else timeout)
        while True:
            with self._changed:
                self._pass_kept()
                left = deadline - time.monotonic()
                is_done = self._is_closed and not self._kept
                if is_done or self._passed >= AT_ONCE or (left <= 0 and self._passed):
                    passed, self._passed = Passed(self._passed), 0
                    return passed
                if left <= 0:
                    raise PipeTimeout
                if not self._kept:
                    self._changed.wait(left)
                    continue
            self._writable.poll(left * 1000)

    def read_ready(self) -> bool:
        """Whether something waits that was not passed on."""
        return bool(self._kept)

    def empty(self) -> bytes:
        """Nothing is ever taken back."""
        return b""

    def close(self) -> None:
        """No more comes."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def __len__(self) -> int:
        with self._changed:
            return sum(map(len, self._kept))

    def _pass_kept(self) -> None:
        while self._kept:
            piece = self._kept[0]
            sent = self._send(piece)
            self._passed += sent
            if sent < len(piece):
                self._kept[0] = piece[sent:]
                return
            self._kept.popleft()

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._outlet.send(data)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)
