"""The private keys of a home's runners, and what is opened with them; no other process loads this (trust.md 4.6)."""

from __future__ import annotations

from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from machina_desktop.core.domain.custody import fingerprint_of, is_box, recipient_of
from machina_desktop.core.errors import Bug, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.vault.cipher import Key
from machina_desktop.core.vault.sealed_box import Recipient, open_box


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

    def seal(  # noqa: PLR0917 - the five parts of a place, then the secret; so for the two below
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
        return open_box(self._key_for(envelope), (team_id, table, record_id, field, version), envelope)

    def is_current(self, envelope: bytes) -> bool:
        """Whether it was sealed to the key that is registered now."""
        return recipient_of(envelope) == fingerprint_of(self.recipient.public_key)

    def _key_for(self, envelope: bytes) -> X25519PrivateKey:
        if not is_box(envelope):
            raise Unavailable(
                "This secret is kept on somebody's computer; the server cannot open it.",
                hint="Run it from a desktop, or give the server custody of the secret.",
                code="E-NOT-FOR-RUNNERS",
            )
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


def _public(private: X25519PrivateKey) -> bytes:
    return private.public_key().public_bytes_raw()
