"""Secrets for a home's runners are sealed to their public key: whoever can seal cannot open (trust.md 4.6).

    envelope  "MSE1" | alg:1 (1 = X25519, HKDF-SHA256, AES-256-GCM) | recipient:16 | ephemeral:32 | ciphertext | tag:16

``recipient`` is the fingerprint of the public key. Key and nonce come from the exchange of a key pair made for this
one envelope with the recipient's, bound to both public keys and to the place (as in HPKE's base mode, RFC 9180).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from machina_desktop.core.domain.custody import BOX_MAGIC, FINGERPRINT_BYTES, fingerprint_of, is_box, recipient_of
from machina_desktop.core.errors import Bug, InvalidInput, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault.cipher import KEY_BYTES, TAG_BYTES, Key, open_once, seal_once, tampered, tlv

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
        return BOX_MAGIC + bytes([_ALGORITHM]) + fingerprint_of(self.public_key) + ephemeral + body


class RunnerVault:
    """Seals and opens with the private keys of a home's runners. Any thread; does not block.

    Args:
        current: The private key whose public half is registered; what a runner seals itself goes to it.
        former: Private keys from before a rotation; they only open.
    """

    def __init__(self, current: Key, former: Iterable[Key] = ()) -> None:
        keys = [X25519PrivateKey.from_private_bytes(bytes(key)) for key in (current, *former)]
        self._by_fingerprint = {fingerprint_of(_public(key)): key for key in reversed(keys)}
        self.recipient = Recipient(_public(keys[0]))

    @property
    def is_open(self) -> bool:
        """Always: a runner has nobody to ask."""
        return True

    def seal(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, secret: Secret | bytes
    ) -> bytes:
        """The envelope of a secret that this runner, or another with its key, opens again."""
        return self.recipient.seal(team_id, table, record_id, field, version, secret)

    def open_(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, envelope: bytes
    ) -> Secret:
        """The text that was sealed for this place.

        Raises:
            Unavailable: E-VAULT-TAMPERED, the envelope was changed, moved or rolled back; E-NOT-FOR-RUNNERS, it is
                kept on somebody's computer; E-RUNNER-KEY-UNKNOWN, it was sealed to a key that is not here.
        """
        plaintext = self.open_bytes(team_id, table, record_id, field, version, envelope)
        try:
            return Secret(plaintext.decode())
        except UnicodeDecodeError:
            raise Bug(f"The sealed {table}.{field} is not text.") from None

    def open_bytes(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, envelope: bytes
    ) -> bytes:
        """Like :meth:`open_`, for what is not text."""
        private = self._key_for(envelope)
        ephemeral = envelope[_EPHEMERAL_AT:_BODY_AT]
        try:
            source = _exchanged(private, ephemeral)
        except InvalidInput as error:
            raise tampered() from error
        place = (team_id, table, record_id, field, version)
        return open_once(envelope[_BODY_AT:], source, _info(place, ephemeral, _public(private)))

    def _key_for(self, envelope: bytes) -> X25519PrivateKey:
        if not is_box(envelope):
            raise Unavailable(
                "This secret is kept on somebody's computer; the server cannot open it.",
                hint="Run it from a desktop, or give the server custody of the secret.",
                code="E-NOT-FOR-RUNNERS",
            )
        if len(envelope) <= _BODY_AT + TAG_BYTES or envelope[len(BOX_MAGIC)] != _ALGORITHM:
            raise tampered()
        private = self._by_fingerprint.get(recipient_of(envelope))
        if private is None:
            raise Unavailable(
                "This secret was sealed to a key that the server's runners do not have.",
                hint="Enter the secret again, or bring back the runners' former key.",
                code="E-RUNNER-KEY-UNKNOWN",
            )
        return private


def public_half(private: Key) -> bytes:
    """The 32-byte public key that belongs to a private one."""
    return _public(X25519PrivateKey.from_private_bytes(bytes(private)))


def encoded(public_key: bytes) -> str:
    """A public key as unpadded base64url."""
    return base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()


def _public(private: X25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()


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
