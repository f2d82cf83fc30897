"""Bytes between a socket and a channel, both ways, until both are at their end; what went through is counted."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

import paramiko  # type: ignore[import-untyped]

_CHUNK = 65_536
_TELL_BYTES = 1 << 20


class Counts:
    """What goes through a tunnel. Safe from any thread.

    Attributes:
        open: Connections now; ``ever`` since the start.
        sent: Bytes towards the target; ``received`` came back.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self.open = 0
        self.ever = 0
        self.sent = 0
        self.received = 0
        self._untold = 0
        self._on_change = on_change
        self._lock = threading.Lock()
        self._channels: set[paramiko.Channel] = set()

    def begin(self, channel: paramiko.Channel) -> None:
        """A connection begins."""
        with self._lock:
            self._channels.add(channel)
            self.open += 1
            self.ever += 1
        self._on_change()

    def end(self, channel: paramiko.Channel) -> None:
        """A connection has ended."""
        with self._lock:
            self._channels.discard(channel)
            self.open -= 1
        self._on_change()

    def add(self, *, sent: int = 0, received: int = 0) -> None:
        """Bytes have gone through; told at most once a MiB."""
        with self._lock:
            self.sent += sent
            self.received += received
            self._untold += sent + received
            is_told = self._untold >= _TELL_BYTES
            if is_told:
                self._untold = 0
        if is_told:
            self._on_change()

    def end_all(self) -> None:
        """Hang up every connection."""
        with self._lock:
            channels = tuple(self._channels)
        for channel in channels:
            hang_up(channel)


def hang_up(channel: paramiko.Channel) -> None:
    """Close a channel, whose connection may have gone first."""
    with suppress(OSError, EOFError, paramiko.SSHException):
        channel.close()


def pump(client: socket.socket, channel: paramiko.Channel, counts: Counts) -> None:
    """Carry bytes both ways until both sides have ended. Blocks; closes the channel and shuts the socket down.

    An end of one direction is handed on, and the other goes on: some protocols ask by hanging up half.
    """
    client.settimeout(None)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    counts.begin(channel)
    back = threading.Thread(target=_back, args=(client, channel, counts), name="tunnel-back", daemon=True)
    back.start()
    try:
        _forth(client, channel, counts)
        back.join()
    finally:
        hang_up(channel)
        counts.end(channel)


def _forth(client: socket.socket, channel: paramiko.Channel, counts: Counts) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):
        while data := client.recv(_CHUNK):
            channel.sendall(data)
            counts.add(sent=len(data))
    with suppress(OSError, EOFError, paramiko.SSHException):
        channel.shutdown_write()


def _back(client: socket.socket, channel: paramiko.Channel, counts: Counts) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):
        while data := channel.recv(_CHUNK):
            client.sendall(data)
            counts.add(received=len(data))
    with suppress(OSError):
        # A channel that was closed altogether ends the reading side as well, or its thread would wait for ever.
        client.shutdown(socket.SHUT_RDWR if channel.closed else socket.SHUT_WR)
