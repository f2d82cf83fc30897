"""A remote command on pipes: its three streams are relayed as they come, and its status is answered."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.ssh.connection import ENDED_BY_SIGNAL, Connection, Pulse
from machina_desktop.core.ssh.failures import connected
from machina_desktop.core.ssh.shell import open_shell
from machina_desktop.core.ssh.target import lost
from machina_desktop.core.ssh.wish import ShellWish

_TICK_S = 1.0
_READ_BYTES = 65_536

Write = Callable[[bool, bytes], None]
"""Takes what came on standard error (True) or standard output (False); called on two threads."""


def run_piped(
    connection: Connection,
    wish: ShellWish,
    *,
    read: Callable[[], bytes],
    write: Write,
    is_over: Callable[[], bool],
) -> int:
    """Run it until it ends; blocks. ``read`` answers what is to go in, nothing at its end; on a thread of its own.

    Returns:
        Its exit status, or 128 where a signal ended it.

    Raises:
        Unavailable: E-SSH-DROPPED, or as :func:`open_shell`.
    """
    with connected(connection.target):
        channel = open_shell(connection, wish)
        channel.settimeout(_TICK_S)
        threading.Thread(target=_feed, args=(channel, read), name="ssh-input", daemon=True).start()
        errors = threading.Thread(
            target=_drain, args=(connection, channel, write, is_over), name="ssh-errors", daemon=True
        )
        errors.start()
        _receive(connection, channel, write, is_over)
        errors.join()
        channel.status_event.wait(_TICK_S)
    status = int(channel.exit_status)
    if status >= 0:
        return status
    if channel.eof_received and connection.is_alive:
        return ENDED_BY_SIGNAL
    raise lost(connection.target)


def _feed(channel: paramiko.Channel, read: Callable[[], bytes]) -> None:
    with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
        while data := read():
            view = memoryview(data)
            while view:
                try:
                    view = view[channel.send(bytes(view)) :]
                except TimeoutError:
                    # The command does not read at present.
                    if channel.closed:
                        return
        channel.shutdown_write()


def _receive(connection: Connection, channel: paramiko.Channel, write: Write, is_over: Callable[[], bool]) -> None:
    pulse = Pulse(connection.transport)
    while not is_over():
        try:
            data = channel.recv(_READ_BYTES)
        except TimeoutError:
            if pulse.is_lost():
                raise lost(connection.target) from None
            continue
        if not data:
            return
        pulse.heard()
        write(False, data)


def _drain(connection: Connection, channel: paramiko.Channel, write: Write, is_over: Callable[[], bool]) -> None:
    with contextlib.suppress(paramiko.SSHException, OSError, EOFError):
        while not is_over() and connection.is_alive:
            try:
                data = channel.recv_stderr(_READ_BYTES)
            except TimeoutError:
                continue
            if not data:
                return
            write(True, data)
