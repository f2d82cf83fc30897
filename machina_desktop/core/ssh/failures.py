"""What the network and the library raise means something to a person: every failure leaves as one of our errors."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.target import Target, lost, timed_out


@contextmanager
def reaching(target: Target) -> Iterator[None]:
    """What fails on the way to a server leaves as :class:`Unavailable`."""
    try:
        yield
    except TimeoutError as error:
        raise timed_out(target) from error
    except (socket.gaierror, UnicodeError) as error:
        raise Unavailable(
            f"No computer is known by the name {target.host}.",
            hint="Look for a typing error, or give its IP address.",
            code="E-SSH-UNKNOWN-HOST",
        ) from error
    except ConnectionRefusedError as error:
        raise Unavailable(
            f"{target.host} is there, but nothing accepts connections on port {target.port}.",
            hint="Check the port, and that the SSH server runs.",
            code="E-SSH-REFUSED",
        ) from error
    except (paramiko.SSHException, EOFError) as error:
        raise _no_ssh(target, error) from error
    except OSError as error:
        # Among them: the other side resets the connection in the middle of the handshake.
        if isinstance(error, ConnectionError):
            raise _no_ssh(target, error) from error
        raise Unavailable(
            f"{target} cannot be reached: {error.strerror or error}.",
            hint="Check the address and the network, and that no firewall stands in between.",
            code="E-SSH-UNREACHABLE",
        ) from error


@contextmanager
def connected(target: Target) -> Iterator[None]:
    """What fails on a standing connection leaves as :class:`Unavailable`: it was lost."""
    try:
        yield
    except TimeoutError as error:
        raise timed_out(target) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise lost(target) from error


def _no_ssh(target: Target, error: BaseException) -> Unavailable:
    return Unavailable(
        f"What answers at {target} does not speak SSH as needed: {_said(error)}.",
        hint="Check the port; the server must be an SSH 2 server of the last ten years.",
        code="E-SSH-PROTOCOL",
    )


def _said(error: BaseException) -> str:
    text = " ".join(str(error).split()) or "it hung up"
    return "".join(character for character in text if character.isprintable())[:200]
