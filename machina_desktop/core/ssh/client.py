"""SSH logins on which the host key is always pinned and whose every failure says what to do; blocking, for threads."""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import paramiko  # type: ignore[import-untyped]
from paramiko.ssh_exception import IncompatiblePeer  # type: ignore[import-untyped]

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.connection import ENDED_BY_SIGNAL, Connection
from machina_desktop.core.ssh.keys import fingerprint_of_blob
from machina_desktop.core.ssh.target import Target, reaching, timed_out

__all__ = [
    "ENDED_BY_SIGNAL",
    "Connection",
    "HostKey",
    "Target",
    "check_host_key",
    "connect",
    "probe_host_key",
]

CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 15

_HOST_KEY_FAMILIES = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)

# Every error is translated and raised; the library's own lines would repeat it with a stack.
_TRANSPORT_LOG = "machina.ssh.transport"
logging.getLogger(_TRANSPORT_LOG).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, kw_only=True)
class HostKey:
    """A server's public key. ``fingerprint`` is ``SHA256:…`` as ``ssh-keygen -l`` prints it."""

    fingerprint: str
    key_type: str
    bits: int


def probe_host_key(target: Target, *, timeout_s: float = CONNECT_TIMEOUT_S) -> HostKey:
    """The key the server prefers to show, without logging in.

    Raises:
        Unavailable: the server cannot be reached or does not speak SSH; codes as in :func:`connect`.
    """
    transport = _handshake(target, timeout_s, key_types=None)
    try:
        return _host_key(transport)
    finally:
        transport.close()


def check_host_key(target: Target, *, host_key: str, timeout_s: float = CONNECT_TIMEOUT_S) -> None:
    """The server answers and owns the pinned key; nobody logs in.

    Raises:
        Unavailable: as :func:`connect`, save ``E-SSH-AUTH``.
    """
    _pinned_transport(target, host_key, timeout_s).close()


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
    keys = [_private_key(secret) for secret in private_keys]
    if not keys:
        raise Unavailable(
            f"There is no private key to log in to {target.host} with.",
            hint="Choose an SSH key whose private half is stored here.",
            code="E-SSH-KEY",
        )
    transport = _pinned_transport(target, host_key, timeout_s)
    try:
        _log_in(transport, target, keys, timeout_s)
    except BaseException:
        transport.close()
        raise
    transport.set_keepalive(KEEPALIVE_S)
    return Connection(transport, target)


def _pinned_transport(target: Target, host_key: str, timeout_s: float) -> paramiko.Transport:
    if not host_key:
        raise Unavailable(
            f"The host key of {target.host} is not known, so the connection was not made.",
            hint="Compare the fingerprint with the one shown on the host, then store it with the machine.",
            code="E-SSH-HOST-KEY",
        )
    shown: list[str] = []
    # A server shows one key per handshake, and the pin does not say of which type it is.
    for key_types in (None, *_HOST_KEY_FAMILIES):
        try:
            transport = _handshake(target, timeout_s, key_types=key_types)
        except _NoSuchKeyType:
            continue
        key = _host_key(transport)
        if key.fingerprint == host_key:
            return transport
        transport.close()
        if key.fingerprint not in shown:
            shown.append(key.fingerprint)
    raise Unavailable(
        f"The host key of {target} is not the pinned one: pinned {host_key}, shown {', '.join(shown)}.",
        hint="If the machine was set up anew, compare the fingerprint on the host itself and store the new one; "
        "else somebody may be in between, and nothing was sent.",
        code="E-SSH-HOST-KEY",
    )


class _NoSuchKeyType(Exception):
    """The server owns no host key of the types asked for."""


def _handshake(target: Target, timeout_s: float, *, key_types: tuple[str, ...] | None) -> paramiko.Transport:
    with reaching(target):
        sock = socket.create_connection((target.host, target.port), timeout=timeout_s)
        # A request waits for its answer; held back to fill a packet, it would wait for 40 ms more.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(sock)
        try:
            transport.set_log_channel(_TRANSPORT_LOG)
            transport.use_compression(False)
            if key_types:
                transport.get_security_options().key_types = key_types
            # Our own deadline rules; the library reports its own as a protocol error.
            transport.banner_timeout = transport.handshake_timeout = timeout_s + 5
            transport.auth_timeout = timeout_s
            _start(transport, timeout_s)
        except BaseException:
            transport.close()
            raise
    return transport


def _start(transport: paramiko.Transport, timeout_s: float) -> None:
    done = threading.Event()
    transport.start_client(event=done)
    if not done.wait(timeout_s):
        raise TimeoutError
    if not transport.is_active():
        error = transport.get_exception()
        if isinstance(error, IncompatiblePeer) and "host key" in str(error):
            raise _NoSuchKeyType
        raise error or EOFError()


def _host_key(transport: paramiko.Transport) -> HostKey:
    key = transport.get_remote_server_key()
    return HostKey(fingerprint=fingerprint_of_blob(key.asbytes()), key_type=key.get_name(), bits=key.get_bits())


def _log_in(transport: paramiko.Transport, target: Target, keys: Sequence[paramiko.PKey], timeout_s: float) -> None:
    for key in keys:
        started = time.monotonic()
        try:
            transport.auth_publickey(target.user, key)
        except paramiko.AuthenticationException as error:
            if time.monotonic() - started >= timeout_s:
                raise timed_out(target) from error
            if not transport.is_active():
                break
        except (paramiko.SSHException, OSError, EOFError):
            break
        if transport.is_authenticated():
            return
    count = "1 key" if len(keys) == 1 else f"{len(keys)} keys"
    raise Unavailable(
        f"{target} refused to let {target.user} log in with {count}.",
        hint=f"Add the public key to ~{target.user}/.ssh/authorized_keys there, or choose another key or user.",
        code="E-SSH-AUTH",
    )


def _private_key(secret: Secret) -> paramiko.PKey:
    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(secret.reveal()))
        except (paramiko.SSHException, ValueError, IndexError):
            continue
    # No cause: what a parser says of a private key may quote it.
    raise Unavailable(
        "A private key could not be read.",
        hint="Import it again in OpenSSH form, without a passphrase.",
        code="E-SSH-KEY",
    ) from None
