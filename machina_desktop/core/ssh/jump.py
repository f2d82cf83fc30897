"""Connections over jump hosts, each of which proves who it is and logs the person in before the next is dialled."""

from __future__ import annotations

from dataclasses import replace

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.failures import connected
from machina_desktop.core.ssh.handshake import Dial, dial_to, host_key, trusted
from machina_desktop.core.ssh.hop import Guide, Hop
from machina_desktop.core.ssh.login import log_in
from machina_desktop.core.ssh.target import CONNECT_TIMEOUT_S, Target

KEEPALIVE_S = 15

WINDOW_BYTES = 8 << 20
"""What may be on its way through a jump host: files go over it as well. What a shell shows has a window of its own."""

_REFUSED_BY_RULE = 1


def connect_over(route: tuple[Hop, ...], guide: Guide, *, timeout_s: float = CONNECT_TIMEOUT_S) -> Connection:
    """Log in to the last server of a route over all the ones before it. Blocks.

    Raises:
        Unavailable: as :func:`core.ssh.client.connect`, or E-SSH-JUMP where a jump host does not let us through.
        MachinaError: what the guide raises.
    """
    over: tuple[Connection, ...] = ()
    try:
        for hop in route[:-1]:
            over = (*over, _connect(hop, guide, timeout_s, over))
        return _connect(route[-1], guide, timeout_s, over)
    except BaseException:
        for each in reversed(over):
            each.close()
        raise


def _connect(hop: Hop, guide: Guide, timeout_s: float, over: tuple[Connection, ...]) -> Connection:
    dial = _dial_through(over[-1], hop.target) if over else dial_to(hop.target)
    transport = trusted(hop, guide, timeout_s, dial)
    known = replace(hop, pins=(host_key(transport).fingerprint,), printed=())

    def again() -> paramiko.Transport:
        return trusted(known, guide, timeout_s, dial)

    transport, banner = log_in(transport, hop, guide, timeout_s, again)
    transport.set_keepalive(KEEPALIVE_S)
    return Connection(transport, hop.target, over, banner=banner)


def _dial_through(connection: Connection, target: Target) -> Dial:
    def dial(timeout_s: float) -> paramiko.Channel:
        try:
            with connected(connection.target):
                return connection.transport.open_channel(
                    "direct-tcpip",
                    (target.host, target.port),
                    ("127.0.0.1", 0),
                    window_size=WINDOW_BYTES,
                    timeout=timeout_s,
                )
        except Unavailable as error:
            cause = error.__cause__
            if not isinstance(cause, paramiko.ChannelException):
                raise
            raise _not_through(connection.target, target, cause) from cause

    return dial


def _not_through(jump: Target, target: Target, error: paramiko.ChannelException) -> Unavailable:
    if error.code == _REFUSED_BY_RULE:
        return Unavailable(
            f"{jump.host} lets nobody through to {target}.",
            hint="Allow it there: AllowTcpForwarding and PermitOpen in its sshd_config.",
            code="E-SSH-JUMP",
        )
    return Unavailable(
        f"{jump.host} cannot reach {target}.",
        hint="Check the private address, and that the machine is up and its SSH server runs.",
        code="E-SSH-JUMP",
    )
