"""Private keys in the form that logs in."""

from __future__ import annotations

import io

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret


def private_key(secret: Secret) -> paramiko.PKey:
    """The key in OpenSSH or PEM form without a passphrase.

    Raises:
        Unavailable: E-SSH-KEY, it cannot be read.
    """
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
