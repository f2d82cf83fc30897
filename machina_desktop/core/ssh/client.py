"""SSH logins on which the host key is always pinned and whose every failure says what to do; blocking, for threads.

Providers are loaded to be listed; what speaks SSH takes 16 MB and is loaded when one of them first connects.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from machina_desktop.core.domain.terminal import NO, Answer, HostKey, Question
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.hop import Hop, StoredKey
from machina_desktop.core.ssh.target import CONNECT_TIMEOUT_S, Target

if TYPE_CHECKING:
    from machina_desktop.core.ssh.connection import Connection

__all__ = ["HostKey", "Target", "check_host_key", "connect", "probe_host_key"]


class _Nobody:
    """Who is asked where no person is there: every answer is no."""

    def ask(self, _question: Question) -> Answer:
        return NO

    def pin(self, _hop: Hop, _key: HostKey) -> None:
        return


def probe_host_key(target: Target, *, timeout_s: float = CONNECT_TIMEOUT_S) -> HostKey:
    """The key the server prefers to show, without logging in.

    Raises:
        Unavailable: the server cannot be reached or does not speak SSH; codes as in :func:`connect`.
    """
    from machina_desktop.core.ssh.handshake import dial_to, handshake  # noqa: PLC0415 - brings paramiko
    from machina_desktop.core.ssh.handshake import host_key as shown_key  # noqa: PLC0415 - as above

    transport = handshake(target, timeout_s, dial=dial_to(target))
    try:
        return shown_key(transport)
    finally:
        transport.close()


def check_host_key(target: Target, *, host_key: str, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
    """The server answers and owns the pinned key; nobody logs in.

    Raises:
        Unavailable: as :func:`connect`, save ``E-SSH-AUTH``.
    """
    from machina_desktop.core.ssh.handshake import dial_to, trusted  # noqa: PLC0415 - brings paramiko

    trusted(_unattended(target, host_key), _Nobody(), timeout_s, dial_to(target)).close()


def connect(
    target: Target, *, private_keys: Sequence[Secret], host_key: str, timeout_s: float = CONNECT_TIMEOUT_S
) -> Connection:
    """Log in with the first key that is accepted, to a server that owns ``host_key``; no agent, no password.

    Args:
        target: Where, and as whom.
        private_keys: Private keys in OpenSSH form without passphrase, in order of preference.
        host_key: Fingerprint ``SHA256:…`` of any one of the server's keys; must be given.
        timeout_s: Seconds for each of connecting, the handshake and one login attempt.

    Raises:
        Unavailable: ``E-SSH-REFUSED``, ``E-SSH-UNKNOWN-HOST``, ``E-SSH-UNREACHABLE``, ``E-SSH-TIMEOUT``,
            ``E-SSH-PROTOCOL``, ``E-SSH-HOST-KEY``, ``E-SSH-AUTH`` or ``E-SSH-KEY``.
    """
    from machina_desktop.core.ssh.jump import connect_over  # noqa: PLC0415 - brings paramiko
    from machina_desktop.core.ssh.private_keys import private_key  # noqa: PLC0415 - as above

    for each in private_keys:
        private_key(each)
    if not private_keys:
        raise Unavailable(
            f"There is no private key to log in to {target.host} with.",
            hint="Choose an SSH key whose private half is stored here.",
            code="E-SSH-KEY",
        )
    keys = tuple(StoredKey(name="", private=each) for each in private_keys)
    return connect_over((_unattended(target, host_key, keys),), _Nobody(), timeout_s=timeout_s)


def _unattended(target: Target, pin: str, keys: tuple[StoredKey, ...] = ()) -> Hop:
    if not pin:
        raise Unavailable(
            f"The host key of {target.host} is not known, so the connection was not made.",
            hint="Compare the fingerprint with the one shown on the host, then store it with the machine.",
            code="E-SSH-HOST-KEY",
        )
    return Hop(name=target.host, target=target, pins=(pin,), keys=keys, is_limited=True, is_attended=False)
