"""Connections whose server has proved who it is: nothing but the handshake is sent before its key is accepted."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable

import paramiko  # type: ignore[import-untyped]
from paramiko.ssh_exception import IncompatiblePeer  # type: ignore[import-untyped]

from machina_desktop.core.domain.terminal import HostKey, Question, QuestionKind
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.failures import reaching
from machina_desktop.core.ssh.hop import Guide, Hop
from machina_desktop.core.ssh.keys import fingerprint_of_blob
from machina_desktop.core.ssh.target import Target

WINDOW_BYTES = 512 << 10
"""What a server may send of one channel before we have taken it: enough for a fast line, little enough that what is
still on its way when somebody presses Ctrl+C has passed by soon."""

Dial = Callable[[float], "socket.socket | paramiko.Channel"]
"""Opens the way to a server, within that many seconds."""

_HOST_KEY_FAMILIES = (
    ("ssh-ed25519",),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "rsa-sha2-256"),
)

# Encryption and check in one step cost half as much a packet as two; the library prefers these last.
_FIRST_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")

# Every error is translated and raised; the library's own lines would repeat it with a stack.
_TRANSPORT_LOG = "machina.ssh.transport"
logging.getLogger(_TRANSPORT_LOG).setLevel(logging.CRITICAL + 1)


class _NoSuchKeyType(Exception):
    """The server owns no host key of the types asked for."""


class _Transport(paramiko.Transport):  # type: ignore[misc]
    """A connection that ends with one of the library's own errors, whatever a broken or evil server has sent."""

    def get_exception(self) -> Exception | None:
        error: Exception | None = super().get_exception()
        is_usual = error is None or isinstance(error, (paramiko.SSHException, OSError, EOFError))
        if not is_usual:
            # Such as text that is not UTF-8, or a message of a type that there is not.
            error = paramiko.SSHException(f"it sent what cannot be read ({type(error).__name__})")
        return error


def dial_to(target: Target) -> Dial:
    """The way over the network itself."""

    def dial(timeout_s: float) -> socket.socket:
        sock = socket.create_connection((target.host, target.port), timeout=timeout_s)
        # A request waits for its answer; held back to fill a packet, it would wait for 40 ms more.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    return dial


def handshake(
    target: Target, timeout_s: float, *, dial: Dial, key_types: tuple[str, ...] | None = None
) -> paramiko.Transport:
    """An encrypted connection to whoever answers there; nobody is logged in.

    Raises:
        Unavailable: as :func:`reaching` has it.
    """
    with reaching(target):
        transport = _Transport(dial(timeout_s), default_window_size=WINDOW_BYTES)
        try:
            transport.set_log_channel(_TRANSPORT_LOG)
            transport.use_compression(False)
            options = transport.get_security_options()
            options.ciphers = (*_FIRST_CIPHERS, *(each for each in options.ciphers if each not in _FIRST_CIPHERS))
            if key_types:
                options.key_types = key_types
            # Our own deadline rules; the library reports its own as a protocol error.
            transport.banner_timeout = transport.handshake_timeout = timeout_s + 5
            transport.auth_timeout = timeout_s
            _start(transport, timeout_s)
        except BaseException:
            transport.close()
            raise
    return transport


def host_key(transport: paramiko.Transport) -> HostKey:
    """The key that the server has shown."""
    key = transport.get_remote_server_key()
    return HostKey(
        fingerprint=fingerprint_of_blob(key.asbytes()),
        key_type=key.get_name(),
        bits=key.get_bits(),
        public_line=f"{key.get_name()} {key.get_base64()}",
    )


def trusted(hop: Hop, guide: Guide, timeout_s: float, dial: Dial) -> paramiko.Transport:
    """A connection to a server that owns a key that it printed at birth, a pinned one, or one just accepted.

    Raises:
        Unavailable: E-SSH-HOST-KEY, it shows another key, or the person does not accept it; else as :func:`reaching`.
    """
    if hop.printed:
        return _printed(hop, guide, timeout_s, dial)
    if hop.pins:
        return _owning(hop, hop.pins, timeout_s, dial)
    transport = handshake(hop.target, timeout_s, dial=dial)
    try:
        shown = host_key(transport)
        _accept(hop, guide, shown)
    except BaseException:
        transport.close()
        raise
    if transport.is_active():
        return transport
    # The server has not waited as long as the person did.
    return _owning(hop, (shown.fingerprint,), timeout_s, dial)


def _printed(hop: Hop, guide: Guide, timeout_s: float, dial: Dial) -> paramiko.Transport:
    """A connection to a server that owns a key it printed; that one is pinned without a question."""
    transport = _owning(hop, tuple(each.fingerprint for each in hop.printed), timeout_s, dial)
    try:
        guide.pin(hop, host_key(transport))
    except BaseException:
        transport.close()
        raise
    return transport


def _accept(hop: Hop, guide: Guide, shown: HostKey) -> None:
    if shown.fingerprint in hop.revoked:
        raise _refused(f"The host key of {hop.target} is revoked: {shown.fingerprint}.")
    question = Question(
        kind=QuestionKind.HOST_KEY,
        name=hop.name,
        address=str(hop.target),
        user=hop.target.user,
        text=f"{hop.name} at {hop.target} is not known yet. It shows the {shown.key_type} key {shown.fingerprint}.",
        host_key=shown,
        known=hop.known,
    )
    if not guide.ask(question).is_yes:
        raise Unavailable(
            f"The host key of {hop.name} was not accepted, so the connection was not made.",
            hint="Compare the fingerprint with the one shown on the host itself, then connect again.",
            code="E-SSH-HOST-KEY",
        )
    guide.pin(hop, shown)


def _owning(hop: Hop, wanted: tuple[str, ...], timeout_s: float, dial: Dial) -> paramiko.Transport:
    shown: list[str] = []
    # A server shows one key per handshake, and a pin does not say of which type it is.
    for key_types in (None, *_HOST_KEY_FAMILIES):
        try:
            transport = handshake(hop.target, timeout_s, dial=dial, key_types=key_types)
        except _NoSuchKeyType:
            continue
        key = host_key(transport)
        if key.fingerprint in wanted and key.fingerprint not in hop.revoked:
            return transport
        transport.close()
        if key.fingerprint not in shown:
            shown.append(key.fingerprint)
    raise _another_key(hop, wanted, shown)


def _another_key(hop: Hop, wanted: tuple[str, ...], shown: list[str]) -> Unavailable:
    known = f" {hop.known}" if hop.known else ""
    keys = f"{' or '.join(wanted)}, shown {', '.join(shown)}.{known}"
    if hop.printed:
        return _refused(
            f"The host key of {hop.target} is none of those that {hop.name} printed at its first boot: printed {keys}",
            "its keys were changed after that",
        )
    return _refused(f"The host key of {hop.target} is not the pinned one: pinned {keys}")


def _refused(message: str, innocence: str = "the machine was set up anew") -> Unavailable:
    return Unavailable(
        message,
        hint=f"If {innocence}, compare the fingerprint on the host itself and store the new one; "
        "else somebody may be in between, and nothing was sent.",
        code="E-SSH-HOST-KEY",
    )


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
