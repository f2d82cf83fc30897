"""How much work an encrypted private key asks for, read before any of it is done (trust.md T06, T08)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

BCRYPT_ROUNDS_LIMIT = 512
"""``ssh-keygen -a``; 16 is usual, 512 take some seconds."""

PKCS8_NUMBER_LIMIT = 10_000_000
"""Iterations of PBKDF2, or the cost of scrypt."""

_OPENSSH_MAGIC = b"openssh-key-v1\0"
_SEQUENCE = 0x30
_INTEGER = 0x02


def is_too_costly(pem: bytes) -> bool:
    """Whether decrypting ``pem`` would take more than some seconds. False where it is not encrypted or no key."""
    lines = [line for line in pem.splitlines() if line and not line.startswith(b"-----")]
    try:
        body = base64.b64decode(b"".join(lines), validate=True)
    except binascii.Error:
        return False
    if body.startswith(_OPENSSH_MAGIC):
        return _bcrypt_rounds(body[len(_OPENSSH_MAGIC) :]) > BCRYPT_ROUNDS_LIMIT
    if b"BEGIN ENCRYPTED PRIVATE KEY" in pem:
        return any(number > PKCS8_NUMBER_LIMIT for number in _numbers(body, depth=8))
    return False


def _bcrypt_rounds(body: bytes) -> int:
    # string cipher, string kdf, string kdf options = (string salt, uint32 rounds); PROTOCOL.key of OpenSSH.
    _, rest = _string(body)
    kdf, rest = _string(rest)
    options, _ = _string(rest)
    _, rounds = _string(options)
    return int.from_bytes(rounds[:4], "big") if kdf != b"none" else 0


def _string(data: bytes) -> tuple[bytes, bytes]:
    end = 4 + int.from_bytes(data[:4], "big")
    return data[4:end], data[end:]


def _numbers(der: bytes, *, depth: int) -> Iterator[int]:
    """All INTEGERs in nested SEQUENCEs; ends quietly at what is not DER, which the real parser refuses."""
    while len(der) > 1 and depth:
        tag, length, start = der[0], der[1], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(der[2:start], "big")
        value, der = der[start : start + length], der[start + length :]
        if tag == _SEQUENCE:
            yield from _numbers(value, depth=depth - 1)
        elif tag == _INTEGER:
            yield int.from_bytes(value, "big")
