"""SSH key pairs are made and read here: OpenSSH, PEM and PKCS#8 in, OpenSSH out (RFC 4253 6.6, PROTOCOL.key).

Everything blocks for as long as the mathematics take, an RSA pair up to some seconds: call it on a thread.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ecdsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)

from machina_desktop.core.domain.key import SSHKeyType
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.key_cost import is_too_costly

SIZE_LIMIT: Final = 64 << 10
"""Bytes of the longest key text that is looked at."""

COMMENT_LIMIT: Final = 256

_SIZES: Final = {SSHKeyType.ED25519: (256,), SSHKeyType.RSA: (3072, 4096), SSHKeyType.ECDSA: (256, 384, 521)}
_CURVES: Final = {256: SECP256R1(), 384: SECP384R1(), 521: SECP521R1()}
_RSA_RANGE: Final = range(2048, 16385)

_ALGORITHMS: Final = frozenset(
    {"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}
)
# A double-quoted option may hold spaces and escaped quotes (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
_WORD: Final = re.compile(r'(?:"(?:\\"|[^"])*"|[^\s"])+')

_Private = Ed25519PrivateKey | RSAPrivateKey | EllipticCurvePrivateKey
_Public = Ed25519PublicKey | RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """The public half.

    Attributes:
        public_line: ``type base64 comment`` in one line, without options.
        fingerprint: ``SHA256:…`` as ``ssh-keygen -l`` prints it.
        bits: 256 for ed25519, the modulus of RSA, the curve of ECDSA.
    """

    public_line: str
    fingerprint: str
    key_type: SSHKeyType
    bits: int
    comment: str = ""


@dataclass(frozen=True, kw_only=True)
class KeyPair(PublicKey):
    """Both halves; ``private`` is OpenSSH PEM without a passphrase."""

    private: Secret


def generate(key_type: SSHKeyType, bits: int = 0, comment: str = "") -> KeyPair:
    """A new pair. ``bits`` 0 takes the usual length: ed25519 256, RSA 3072, ECDSA 256.

    Raises:
        InvalidInput: ``bits`` is not among 256 / 3072, 4096 / 256, 384, 521; or the comment does not fit in a line.
    """
    sizes = _SIZES[key_type]
    bits = bits or sizes[0]
    if bits not in sizes:
        raise InvalidInput(f"Keys of type {key_type} have {' or '.join(map(str, sizes))} bits.", field="bits")
    private: _Private
    if key_type is SSHKeyType.ED25519:
        private = Ed25519PrivateKey.generate()
    elif key_type is SSHKeyType.RSA:
        private = generate_rsa(public_exponent=65537, key_size=bits)
    else:
        private = generate_ecdsa(_CURVES[bits])
    return _pair(private, comment)


def parse_public(line: str) -> PublicKey:
    """The public key that one line in OpenSSH form spells.

    Raises:
        InvalidInput: field ``public_key``; says whether it is no key, a private key, a certificate, DSA, on a
            security key, too short, or has options in front.
    """
    text = line.strip()
    _refuse_unfit_public(text)
    try:
        public = load_ssh_public_key(" ".join(text.split()[:2]).encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _not_public("This is not a public SSH key.") from error
    if not isinstance(public, _Public):
        raise _not_public("Keys of this type are not supported; use ed25519, RSA or ECDSA.")
    return _public(public, " ".join(text.split()[2:]), field="public_key")


def parse_private(text: Secret, passphrase: Secret | None = None, comment: str = "") -> KeyPair:
    """The pair that a private key in OpenSSH, PEM or PKCS#8 form holds.

    Args:
        text: The whole file; any line ends.
        passphrase: Of the file; not looked at where the file has none.
        comment: For the public line; the file's own comment is not read.

    Raises:
        InvalidInput: field ``passphrase``, it is needed or wrong; field ``private_key``, says whether it is no key, a
            public key, a PuTTY key, a certificate, DSA, too short or too costly to decrypt.
    """
    data = _unified(text)
    _refuse_unfit_private(data)
    try:
        private = _loaded(data, passphrase)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise _not_private("This private key is damaged or of an unknown kind.") from error
    if not isinstance(private, _Private):
        raise _not_private("Keys of this type are not supported; use ed25519, RSA or ECDSA.")
    return _pair(private, comment)


def fingerprint_of(public_line: str) -> str:
    """``SHA256:…``, unpadded, of a public line with or without options, as ``ssh-keygen -l`` prints it.

    Raises:
        InvalidInput: the line holds no key.
    """
    try:
        return fingerprint_of_blob(base64.b64decode(public_line_without_options(public_line).split()[1], validate=True))
    except (IndexError, binascii.Error) as error:
        raise _not_public("This is not a public SSH key.") from error


def fingerprint_of_blob(blob: bytes) -> str:
    """``SHA256:…``, unpadded, of a key in wire form."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def public_line_without_options(line: str) -> str:
    """``type base64 comment`` of a line of an ``authorized_keys`` file, which may begin with options.

    Raises:
        InvalidInput: no supported key type stands at its beginning or after the options.
    """
    text = line.strip()
    if len(text) > SIZE_LIMIT:
        raise _not_public("This is too long for a public SSH key.")
    if text.split(maxsplit=1)[:1] and text.split(maxsplit=1)[0] in _ALGORITHMS:
        return " ".join(text.split())
    options = _WORD.match(text)
    rest = text[options.end() :].split() if options else []
    if not rest or rest[0] not in _ALGORITHMS:
        raise _not_public("This is not a public SSH key.")
    return " ".join(rest)


def _pair(private: _Private, comment: str) -> KeyPair:
    public = _public(private.public_key(), comment, field="private_key")
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return KeyPair(
        private=Secret(pem),
        public_line=public.public_line,
        fingerprint=public.fingerprint,
        key_type=public.key_type,
        bits=public.bits,
        comment=public.comment,
    )


def _public(public: _Public, comment: str, *, field: str) -> PublicKey:
    comment = comment.strip()
    if len(comment) > COMMENT_LIMIT or not comment.isprintable():
        raise InvalidInput(f"A key's comment has at most {COMMENT_LIMIT} printable characters.", field="comment")
    if isinstance(public, Ed25519PublicKey):
        key_type, bits = SSHKeyType.ED25519, 256
    elif isinstance(public, RSAPublicKey):
        key_type, bits = SSHKeyType.RSA, public.key_size
        if bits not in _RSA_RANGE:
            raise InvalidInput(f"An RSA key has 2048 to 16384 bits, not {bits}.", field=field, code="E-KEY-LENGTH")
    else:
        key_type, bits = SSHKeyType.ECDSA, public.key_size
        if public.curve.name not in {curve.name for curve in _CURVES.values()}:
            raise InvalidInput(f"SSH does not know the curve {public.curve.name}.", field=field, code="E-KEY-CURVE")
    line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return PublicKey(
        public_line=f"{line} {comment}".strip(),
        fingerprint=fingerprint_of(line),
        key_type=key_type,
        bits=bits,
        comment=comment,
    )


def _refuse_unfit_public(text: str) -> None:
    if len(text) > SIZE_LIMIT:
        raise _not_public("This is too long for a public SSH key.")
    if "PRIVATE KEY" in text or text.startswith("PuTTY-User-Key-File"):
        raise _not_public("This is a private key; import it as one.")
    if len(text.splitlines()) > 1:
        raise _not_public("A public SSH key is one line.", hint="Paste the line of one .pub file.")
    kind = text.split(maxsplit=1)[0] if text else ""
    if "-cert-v" in kind:
        raise _not_public("This is a certificate, not a key.", hint="Use the .pub file without -cert.")
    if kind in {"ssh-dss", "ssh-dsa"}:
        raise _not_public("DSA keys are no longer accepted by SSH servers.", hint="Generate an ed25519 key.")
    if kind.startswith("sk-"):
        raise _not_public("Keys on a security key are not supported.", hint="Generate an ed25519 key.")
    if kind not in _ALGORITHMS:
        is_optioned = any(word in _ALGORITHMS for word in text.split()[1:])
        reason = "Remove the options in front of the key." if is_optioned else "This is not a public SSH key."
        raise _not_public(reason)


def _unified(text: Secret) -> bytes:
    raw = text.reveal()
    if len(raw) > SIZE_LIMIT:
        raise _not_private("This is too long for a private SSH key (64 KiB).")
    try:
        return raw.strip().replace("\r\n", "\n").replace("\r", "\n").encode("ascii") + b"\n"
    except UnicodeEncodeError as error:
        raise _not_private("This is not a private SSH key.") from error


def _refuse_unfit_private(data: bytes) -> None:
    if data.startswith(b"PuTTY-User-Key-File"):
        raise _not_private(
            "This is a PuTTY key.", hint="Convert it with PuTTYgen: Conversions, Export OpenSSH key; then import that."
        )
    if b"BEGIN DSA" in data:
        raise _not_private("DSA keys are no longer accepted by SSH servers.", hint="Generate an ed25519 key.")
    first = data.split(maxsplit=1)[:1]
    if first and b"-cert-v" in first[0]:
        raise _not_private("This is a certificate, not a private key.")
    if b"BEGIN CERTIFICATE" in data:
        raise _not_private("This is a certificate, not a private key.")
    if (first and first[0].decode() in _ALGORITHMS) or b"PUBLIC KEY" in data:
        raise _not_private("This is a public key; import it as one.")
    if not (data.startswith(b"-----BEGIN ") and b"PRIVATE KEY-----" in data.split(b"\n", 1)[0]):
        raise _not_private("This is not a private SSH key.")


def _loaded(data: bytes, passphrase: Secret | None) -> object:
    if is_too_costly(data):
        raise _not_private("Decrypting this key would take too long.", hint="Write it again with ssh-keygen -p -a 16.")
    load = load_ssh_private_key if b"BEGIN OPENSSH" in data else load_pem_private_key
    try:
        return load(data, None)
    except TypeError:
        pass
    except ValueError as error:
        if "password" not in str(error).lower():
            raise
    if not passphrase:
        raise InvalidInput("This key has a passphrase.", field="passphrase", code="E-KEY-PASSPHRASE")
    try:
        return load(data, passphrase.reveal().encode())
    except ValueError as error:
        raise InvalidInput(
            "This passphrase does not open the key.", field="passphrase", code="E-KEY-PASSPHRASE"
        ) from error


def _not_public(reason: str, *, hint: str = "") -> InvalidInput:
    return InvalidInput(reason, field="public_key", hint=hint, code="E-KEY-PUBLIC")


def _not_private(reason: str, *, hint: str = "") -> InvalidInput:
    return InvalidInput(reason, field="private_key", hint=hint, code="E-KEY-PRIVATE")
