"""The person's SSH agent, reached at the socket that is named, and never waited for without a limit."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko  # type: ignore[import-untyped]
from paramiko.agent import AgentKey, AgentSSH  # type: ignore[import-untyped]

from machina_desktop.core.ssh.keys import fingerprint_of_blob

LIST_S = 5.0
SIGN_S = 60.0
"""A key on a security token waits for a touch, and an agent may ask its person first."""


class _AgentAt(AgentSSH):  # type: ignore[misc]
    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        self._connect(sock)


@contextmanager
def agent_keys(path: str) -> Iterator[tuple[AgentKey, ...]]:
    """The keys of the agent at that socket, usable until this ends; none where there is no agent that answers."""
    if not path or not hasattr(socket, "AF_UNIX"):
        yield ()
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        yield _listed(sock, path)


def fingerprint_of_key(key: paramiko.PKey) -> str:
    """``SHA256:…`` of its public half."""
    return fingerprint_of_blob(key.asbytes())


def _listed(sock: socket.socket, path: str) -> tuple[AgentKey, ...]:
    sock.settimeout(LIST_S)
    try:
        sock.connect(path)
        keys: tuple[AgentKey, ...] = _AgentAt(sock).get_keys()
    except (OSError, paramiko.SSHException, ValueError, EOFError):
        # Without an agent there are other ways to log in; one that is broken is as good as none.
        return ()
    sock.settimeout(SIGN_S)
    return keys
