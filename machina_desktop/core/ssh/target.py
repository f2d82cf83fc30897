"""Where to connect, and how a person hears that the connection is gone or that nobody answers."""

from __future__ import annotations

from dataclasses import dataclass

from machina_desktop.core.errors import Unavailable

CONNECT_TIMEOUT_S = 10.0
"""For each of connecting, the handshake and one login attempt."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where to connect: a name or address without metacharacters, a TCP port 1..65535, and a login name."""

    host: str
    port: int = 22
    user: str = ""

    def __str__(self) -> str:
        return f"{self.host}, port {self.port}"


def lost(target: Target) -> Unavailable:
    """``E-SSH-DROPPED``: the connection stood and is gone."""
    return Unavailable(
        f"The connection to {target} was lost.",
        hint="Look whether the machine is up and the network works, then try again.",
        code="E-SSH-DROPPED",
    )


def timed_out(target: Target) -> Unavailable:
    """``E-SSH-TIMEOUT``: no answer, neither yes nor no."""
    return Unavailable(
        f"{target} did not answer in time.",
        hint="Check the address, that the machine is up, and that no firewall stands in between.",
        code="E-SSH-TIMEOUT",
    )
