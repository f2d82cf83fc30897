"""What seals secrets and opens them, whoever's key it uses: a person's vault, a runner's, or one public key."""

from __future__ import annotations

from typing import Protocol

from machina_desktop.core.secret import Secret


class Sealer(Protocol):
    """Seals secrets for a place: team, table, record, field and version. Any thread; may block."""

    def seal(  # noqa: PLR0917 - the five parts of a place, then the secret; so for the two below
        self, team_id: str, table: str, record_id: str, field: str, version: int, secret: Secret | bytes
    ) -> bytes:
        """The envelope of a secret, which opens for this place only.

        Raises:
            InvalidInput: the text holds half of a character (a lone surrogate).
            Locked: the key is locked away.
            Unavailable: there is no key to seal with.
        """
        ...


class Opener(Sealer, Protocol):
    """Also opens what was sealed for it."""

    @property
    def is_open(self) -> bool:
        """Whether secrets can be sealed and opened now."""
        ...

    def open_(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, envelope: bytes
    ) -> Secret:
        """The text that was sealed for this place.

        Raises:
            Locked: the key is locked away.
            Unavailable: E-VAULT-TAMPERED, the envelope was changed, moved or rolled back; or it is for another key.
        """
        ...

    def open_bytes(  # noqa: PLR0917
        self, team_id: str, table: str, record_id: str, field: str, version: int, envelope: bytes
    ) -> bytes:
        """Like :meth:`open_`, for what is not text."""
        ...
