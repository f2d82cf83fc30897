"""Secrets are sealed here and nowhere else: AES-256-GCM envelopes, key wrapping and key derivation (trust.md 4.2-4.4).

    envelope  "MVE1" | alg:1 | tdk_id:16 | tdk_ver:4 | n1:12 | wrapped_cek:48 | n2:12 | ciphertext | tag:16

Every secret version is encrypted once, under a content key of its own; the team's key only wraps content keys.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
import time
import unicodedata
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret

KEY_BYTES = 32
NONCE_BYTES = 12
SALT_BYTES = 16
TAG_BYTES = 16
WRAPPED_BYTES = KEY_BYTES + TAG_BYTES
TEAM_KEY_ID_BYTES = 16

_MAGIC = b"MVE1"
_AES_256_GCM = 1
_PREFIX_BYTES = len(_MAGIC) + 1 + TEAM_KEY_ID_BYTES + 4
_BODY_START = _PREFIX_BYTES + NONCE_BYTES + WRAPPED_BYTES + NONCE_BYTES
_PAD_BLOCK = 64
# WORKAROUND: two Argon2id derivations at once in one process wait for each other for ever, or end in MemoryError:
# OpenSSL shares its pool of threads among them (cryptography 50.0.2).
_ONE_DERIVATION = threading.Lock()
_PAD_LIMIT = 4096

Key = bytes | bytearray
"""32 bytes; a ``bytearray`` where the owner wipes it."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a secret lives; bound into the envelope, so that it opens nowhere else.

    Attributes:
        secret_version: 1, 2, 3 … per field; an older envelope does not open in a newer row.
    """

    vault_id: str
    team_id: str
    table: str
    record_id: str
    field: str
    secret_version: int


@dataclass(frozen=True, kw_only=True)
class TeamKey:
    """One version of a team's data key.

    Attributes:
        tdk_id: 16 random bytes, the same for all versions.
        version: 1, 2, 3 …
        key: 32 bytes in clear.
    """

    tdk_id: bytes
    version: int
    key: bytearray = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Argon2Cost:
    """What one guess of a passphrase costs: KiB of memory, passes over it, lanes."""

    memory_kib: int
    passes: int
    lanes: int


FLOOR_COST = Argon2Cost(memory_kib=64 << 10, passes=3, lanes=4)
"""The least a passphrase slot is made with."""

_CALIBRATION_S = 1.2
_CALIBRATION_FACTOR = 4


def new_key() -> bytearray:
    """A fresh 256-bit key."""
    return bytearray(os.urandom(KEY_BYTES))


def new_salt() -> bytes:
    """16 random bytes; also serves as the identifier of a team key."""
    return os.urandom(SALT_BYTES)


def tlv(*parts: str | int | bytes) -> bytes:
    """An unambiguous spelling of ``parts``: type:1, length:4 big-endian, value; numbers take eight bytes, 0..2^64-1."""
    spelled = bytearray()
    for part in parts:
        if isinstance(part, int):
            kind, value = b"n", part.to_bytes(8, "big")
        elif isinstance(part, str):
            kind, value = b"t", part.encode()
        else:
            kind, value = b"b", part
        spelled += kind + len(value).to_bytes(4, "big") + value
    return bytes(spelled)


def seal(plaintext: bytes, place: Place, key: TeamKey) -> bytes:
    """The envelope of ``plaintext`` for ``place``: 113 bytes longer, and padded to 64 bytes up to 4 KiB."""
    content_key = new_key()
    wrapped = _wrap_content_key(content_key, _content_aad(place), key)
    nonce = os.urandom(NONCE_BYTES)
    body = AESGCM(content_key).encrypt(nonce, _pad(plaintext), _content_aad(place))
    wipe(content_key)
    return wrapped + nonce + body


def open_(envelope: bytes, place: Place, key: TeamKey) -> bytes:
    """The plaintext that was sealed for ``place``.

    Raises:
        Unavailable: E-VAULT-TAMPERED, the envelope was changed, moved, rolled back or sealed under another key.
    """
    aad = _content_aad(place)
    content_key = _unwrap_content_key(envelope, aad, key)
    try:
        padded = AESGCM(content_key).decrypt(
            envelope[_BODY_START - NONCE_BYTES : _BODY_START], envelope[_BODY_START:], aad
        )
    except InvalidTag as error:
        raise tampered() from error
    finally:
        wipe(content_key)
    return _unpad(padded)


def rewrap(envelope: bytes, place: Place, old: TeamKey, new: TeamKey) -> bytes:
    """The same ciphertext with its content key under ``new``; for rotation of a team's key.

    Raises:
        Unavailable: E-VAULT-TAMPERED, as for :func:`open_`; the ciphertext itself is not looked at.
    """
    aad = _content_aad(place)
    content_key = _unwrap_content_key(envelope, aad, old)
    wrapped = _wrap_content_key(content_key, aad, new)
    wipe(content_key)
    return wrapped + envelope[_BODY_START - NONCE_BYTES :]


def team_key_of(envelope: bytes) -> tuple[bytes, int]:
    """Identifier and version of the team key that an envelope names; not yet authenticated.

    Raises:
        Unavailable: E-VAULT-TAMPERED, this is no envelope of ours.
    """
    is_ours = envelope[:5] == _MAGIC + bytes([_AES_256_GCM]) and len(envelope) > _BODY_START + TAG_BYTES
    if not is_ours:
        raise tampered()
    return envelope[5:21], int.from_bytes(envelope[21:25], "big")


def wrap_key(key: Key, wrapping: Key, aad: bytes) -> tuple[bytes, bytes]:
    """``key`` encrypted under ``wrapping``: a 12-byte nonce and 48 bytes."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce, AESGCM(wrapping).encrypt(nonce, key, aad)


def unwrap_key(wrapped: bytes, nonce: bytes, wrapping: Key, aad: bytes) -> bytearray:
    """The key that :func:`wrap_key` encrypted.

    Raises:
        Unavailable: E-VAULT-TAMPERED, it was wrapped under another key or for another purpose.
    """
    key = bytearray(KEY_BYTES)
    try:
        AESGCM(wrapping).decrypt_into(nonce, wrapped, aad, key)
    except (InvalidTag, ValueError) as error:
        raise tampered() from error
    return key


def derive_key(source: Key, salt: bytes, purpose: str) -> bytes:
    """A 32-byte key for one purpose (HKDF-SHA256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=salt, info=purpose.encode()).derive(source)


def seal_once(plaintext: bytes, source: Key, info: bytes) -> bytes:
    """``plaintext`` padded and encrypted under a key that ``source`` and ``info`` make and nothing else ever will."""
    key, nonce = _single_use_key(source, info)
    return AESGCM(key).encrypt(nonce, _pad(plaintext), info)


def open_once(sealed: bytes, source: Key, info: bytes) -> bytes:
    """What :func:`seal_once` encrypted.

    Raises:
        Unavailable: E-VAULT-TAMPERED, it was changed, or made with another ``source`` or ``info``.
    """
    key, nonce = _single_use_key(source, info)
    try:
        padded = AESGCM(key).decrypt(nonce, sealed, info)
    except InvalidTag as error:
        raise tampered() from error
    return _unpad(padded)


def derive_from_passphrase(passphrase: Secret, salt: bytes, cost: Argon2Cost) -> bytearray:
    """The 32-byte key of a passphrase (Argon2id over its NFKC form). Takes about a second: never on the loop."""
    text = unicodedata.normalize("NFKC", passphrase.reveal()).encode("utf-8", "surrogatepass")
    key = bytearray(KEY_BYTES)
    derivation = Argon2id(
        salt=salt, length=KEY_BYTES, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib
    )
    with _ONE_DERIVATION:
        derivation.derive_into(text, key)
    return key


def calibrated_cost() -> Argon2Cost:
    """The floor, with up to four times its memory where that stays below 1.2 s on this computer. Blocks, 0.1-1 s."""
    started = time.perf_counter()
    derive_from_passphrase(Secret("calibration"), new_salt(), FLOOR_COST)
    affordable = int(_CALIBRATION_S / (time.perf_counter() - started))
    factor = max(1, min(_CALIBRATION_FACTOR, affordable))
    return Argon2Cost(memory_kib=FLOOR_COST.memory_kib * factor, passes=FLOOR_COST.passes, lanes=FLOOR_COST.lanes)


def authentication_tag(key: Key, data: bytes) -> bytes:
    """HMAC-SHA256, 32 bytes; commits to the key, which GCM does not."""
    return hmac.digest(key, data, "sha256")


def is_authentic(key: Key, data: bytes, tag: bytes) -> bool:
    """Whether ``tag`` is the tag of ``data`` under ``key``; in constant time."""
    return hmac.compare_digest(authentication_tag(key, data), tag)


def wipe(key: bytearray) -> None:
    """Overwrite a key. Best effort: Python may hold copies elsewhere."""
    key[:] = bytes(len(key))


def tampered() -> Unavailable:
    """The error of everything that fails authentication."""
    return Unavailable(
        "A stored secret was changed or damaged outside Machina Desktop.",
        hint="Restore the latest backup, or enter the secret again.",
        code="E-VAULT-TAMPERED",
    )


def _single_use_key(source: Key, info: bytes) -> tuple[bytes, bytes]:
    derived = HKDF(algorithm=SHA256(), length=KEY_BYTES + NONCE_BYTES, salt=None, info=info).derive(source)
    return derived[:KEY_BYTES], derived[KEY_BYTES:]


def _content_aad(place: Place) -> bytes:
    return tlv(
        "machina/v1",
        place.vault_id,
        place.team_id,
        place.table,
        place.record_id,
        place.field,
        place.secret_version,
        _AES_256_GCM,
    )


def _wrap_content_key(content_key: bytearray, content_aad: bytes, key: TeamKey) -> bytes:
    nonce, wrapped = wrap_key(content_key, key.key, _wrap_aad(content_aad, key))
    return _MAGIC + bytes([_AES_256_GCM]) + key.tdk_id + key.version.to_bytes(4, "big") + nonce + wrapped


def _unwrap_content_key(envelope: bytes, content_aad: bytes, key: TeamKey) -> bytearray:
    if team_key_of(envelope) != (key.tdk_id, key.version):
        raise tampered()
    nonce_end = _PREFIX_BYTES + NONCE_BYTES
    wrapped = envelope[nonce_end : nonce_end + WRAPPED_BYTES]
    return unwrap_key(wrapped, envelope[_PREFIX_BYTES:nonce_end], key.key, _wrap_aad(content_aad, key))


def _wrap_aad(content_aad: bytes, key: TeamKey) -> bytes:
    return tlv("machina/v1/wrap", hashlib.sha256(content_aad).digest(), key.tdk_id, key.version)


def _pad(plaintext: bytes) -> bytes:
    # The marker of ISO/IEC 7816-4 ends the text; large texts carry it too, without the zeros.
    marked = plaintext + b"\x80"
    return marked if len(marked) > _PAD_LIMIT else marked + bytes(-len(marked) % _PAD_BLOCK)


def _unpad(padded: bytes) -> bytes:
    marked = padded.rstrip(b"\0")
    if not marked.endswith(b"\x80"):
        raise tampered()
    return marked[:-1]
