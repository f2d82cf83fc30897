"""Text that must never be shown: its representation is dots, and nothing encodes it by accident."""

from __future__ import annotations

DOTS = "•••"


class Secret:
    """A secret in clear, held for as short a time as possible.

    ``str``, ``repr`` and format show dots; :meth:`reveal` is the only way to the text, so every use can be found.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text in clear. Never log it, never put it on a command line."""
        return self._text

    def __repr__(self) -> str:
        return DOTS

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")
