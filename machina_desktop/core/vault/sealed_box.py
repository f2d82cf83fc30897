"""Secrets for a home's runners are sealed to their public key: whoever can seal cannot open (trust.md 4.6).

    envelope  "MSE1" | alg:1 (1 = X25519, HKDF-SHA256, AES-256-GCM) | recipient:16 | ephemeral:32 | ciphertext | tag:16

``recipient`` is the fingerprint of the public key. Key and nonce come from the exchange of a key pair made for this
one envelope with the recipient's, bound to both public keys and to the place (as in HPKE's base mode, RFC 9180).
"""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from machina_desktop.core.domain.custody import BOX_MAGIC, FINGERPRINT_BYTES, fingerprint_of
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault.cipher import KEY_BYTES, TAG_BYTES, open_once, seal_once, tampered, tlv

_ALGORITHM = 1
_EPHEMERAL_AT = len(BOX_MAGIC) + 1 + FINGERPRINT_BYTES
_BODY_AT = _EPHEMERAL_AT + KEY_BYTES


class Recipient:
    """Seals to one public key. Any thread; does not block.

    Args:
        public_key: 32 bytes of X25519.
    """

    def __init__(self, public_key: bytes) -> None:
        self.public_key = public_key

    @classmethod
    def of_text(cls, text: str) -> Recipient:
        """Of a public key as unpadded base64url, which is how :class:`RunnerKey` has it.

        Raises:
            InvalidInput: E-RUNNER-KEY-FORM, it is none, or one that gives every exchange the same outcome.
        """
        try:
            public_key = base64.b64decode(text + "=", altchars=b"-_", validate=True)
        except ValueError as error:
            raise _no_key() from error
        if len(public_key) != KEY_BYTES or encoded(public_key) != text:
            raise _no_key()
        _exchanged(X25519PrivateKey.generate(), public_key)
        return cls(public_key)

    def seal(  # noqa: PLR0917 - the five parts of a place, then the secret
        self, team_id: str, table: str, record_id: str, field: str, version: int, secret: Secret | bytes
    ) -> bytes:
        """The envelope of a secret for its place; only the runners can open it.

        Raises:
            InvalidInput: the text holds half of a character; E-RUNNER-KEY-FORM, the key is no good one.
        """
        return self.seal_with(X25519PrivateKey.generate(), (team_id, table, record_id, field, version), secret)

    def seal_with(self, once: X25519PrivateKey, place: tuple[str, str, str, str, int], secret: Secret | bytes) -> bytes:
        """Like :meth:`seal`, with a given ephemeral key, which must never be used again; apart for frozen vectors."""
        ephemeral = once.public_key().public_bytes_raw()
        source = _exchanged(once, self.public_key)
        body = seal_once(_plain(secret), source, _info(place, ephemeral, self.public_key))
        return _head(self.public_key) + ephemeral + body


def open_box(private: X25519PrivateKey, place: tuple[str, str, str, str, int], envelope: bytes) -> bytes:
    """What was sealed to the public half of ``private`` for that place.

    Raises:
        Unavailable: E-VAULT-TAMPERED, the envelope was changed or moved, or is for another key.
    """
    recipient = private.public_key().public_bytes_raw()
    is_ours = envelope[:_EPHEMERAL_AT] == _head(recipient) and len(envelope) > _BODY_AT + TAG_BYTES
    if not is_ours:
        raise tampered()
    ephemeral = envelope[_EPHEMERAL_AT:_BODY_AT]
    try:
        source = _exchanged(private, ephemeral)
    except InvalidInput as error:
        raise tampered() from error
    return open_once(envelope[_BODY_AT:], source, _info(place, ephemeral, recipient))


def encoded(public_key: bytes) -> str:
    """A public key as unpadded base64url."""
    return base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()


def _head(recipient: bytes) -> bytes:
    return BOX_MAGIC + bytes([_ALGORITHM]) + fingerprint_of(recipient)


def _exchanged(private: X25519PrivateKey, public_key: bytes) -> bytes:
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public_key))
    except ValueError as error:
        # A point of small order gives zero with every private key (RFC 7748, section 6.1).
        raise _no_key() from error


def _info(place: tuple[str, str, str, str, int], ephemeral: bytes, recipient: bytes) -> bytes:
    return tlv(BOX_MAGIC.decode(), _ALGORITHM, *place, ephemeral, recipient)


def _plain(secret: Secret | bytes) -> bytes:
    if isinstance(secret, bytes):
        return secret
    try:
        return secret.reveal().encode()
    except UnicodeEncodeError:
        # Without its cause, which quotes the text.
        raise InvalidInput("The secret holds a broken character; paste it again.", code="E-VAULT-TEXT") from None


def _no_key() -> InvalidInput:
    return InvalidInput(
        "What the server gives as its runners' key is none.",
        hint="Look at machina-runner on the server; `machina-runner key` shows the right one.",
        code="E-RUNNER-KEY-FORM",
    )
