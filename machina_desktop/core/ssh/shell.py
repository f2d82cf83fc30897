"""A login shell or one command on a connection, with a terminal or without; nothing is waited for without a limit."""

from __future__ import annotations

import threading

import paramiko  # type: ignore[import-untyped]
from paramiko.agent import AgentRequestHandler  # type: ignore[import-untyped]

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.failures import connected
from machina_desktop.core.ssh.target import timed_out
from machina_desktop.core.ssh.wish import ShellWish

TERM = "xterm-256color"
OPEN_TIMEOUT_S = 15.0


def open_shell(connection: Connection, wish: ShellWish, buffer: object = None) -> paramiko.Channel:
    """Start it; what it prints on the channel is already on its way when this answers. Blocks.

    ``buffer`` takes what it prints in place of the channel's own (paramiko's ``BufferedPipe``).

    Raises:
        Unavailable: E-SSH-DROPPED, E-SSH-TIMEOUT, or E-SSH-TERMINAL where the login gets no terminal or no shell.
    """
    # The library waits for the answer to a request for as long as the connection stands.
    watch = threading.Timer(OPEN_TIMEOUT_S, connection.close)
    watch.daemon = True
    watch.start()
    try:
        with connected(connection.target):
            channel = connection.transport.open_session(timeout=OPEN_TIMEOUT_S)
            if buffer is not None:
                channel.in_buffer = buffer
            try:
                _prepare(connection, channel, wish)
            except BaseException:
                channel.close()
                raise
    except Unavailable as error:
        if watch.finished.is_set():
            raise timed_out(connection.target) from error
        raise
    finally:
        watch.cancel()
    return channel


def _prepare(connection: Connection, channel: paramiko.Channel, wish: ShellWish) -> None:
    for name, value in wish.variables.items():
        channel.set_environment_variable(name, value)
    if wish.forwards_agent:
        AgentRequestHandler(channel)
    try:
        if wish.columns:
            channel.set_combine_stderr(True)
            channel.get_pty(term=TERM, width=wish.columns, height=wish.lines)
        if wish.command:
            channel.exec_command(wish.command)
        else:
            channel.invoke_shell()
    except paramiko.SSHException as error:
        if not connection.is_alive:
            raise
        raise Unavailable(
            f"{connection.target.host} gives this login no {'terminal' if wish.columns else 'command'}.",
            hint="Allow terminals: PermitTTY in its sshd_config, no-pty in its authorized_keys.",
            code="E-SSH-TERMINAL",
        ) from error
