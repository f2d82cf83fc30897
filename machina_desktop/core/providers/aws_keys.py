"""By what EC2 knows an SSH key: a name of ours, and fingerprints of its own kinds."""

from __future__ import annotations

import base64
import binascii
import hashlib

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.errors import InvalidInput


def pair_name(key: SSHKey) -> str:
    """What the key is called in every region: ``machina-`` and the beginning of its fingerprint.

    Raises:
        InvalidInput: its fingerprint cannot be read.
    """
    try:
        digest = base64.b64decode(plain_print(key.fingerprint) + "=", validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidInput(f"The fingerprint of {key.name} cannot be read.", field="key_ids") from error
    return f"machina-{digest.hex()[:16]}"


def plain_print(text: object) -> str:
    """A fingerprint as it is compared."""
    return str(text or "").removeprefix("SHA256:").rstrip("=")


def prints_of(key: SSHKey) -> frozenset[str]:
    """The fingerprints under which it may be told, as :func:`plain_print` answers them.

    Of an Ed25519 key that is the one of OpenSSH; of an RSA key that was imported MD5 of its public half in DER
    (EC2 User Guide, "Verify the fingerprint of your key pair"), and stand-ins take SHA-256 of that.

    Raises:
        InvalidInput: the key has no public half that can be read.
    """
    # A window that is opened puts no keys.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - heavy
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - heavy

    try:
        public = serialization.load_ssh_public_key(key.public_key.strip().encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput(f"The public half of {key.name} cannot be read.", field="key_ids") from error
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digests = (hashlib.md5(der, usedforsecurity=False), hashlib.sha256(der))
    return frozenset({plain_print(key.fingerprint), *(each.digest().hex(":") for each in digests)})
