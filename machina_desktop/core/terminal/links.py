"""Links that programs write (OSC 8), by number; their addresses are shown, never opened from here."""

from __future__ import annotations

from typing import Final, NamedTuple

#: Links that are kept; the oldest give way, and their cells are plain text from then on.
LINKS: Final = 4096
ADDRESS: Final = 2048
_NAME = 256


class Link(NamedTuple):
    """An address behind some cells.

    Attributes:
        address: What the program wrote, at most ``ADDRESS`` characters, without control characters; not checked.
        name: What makes cells that are apart one link; empty if the program gave none.
    """

    address: str
    name: str = ""


class Links:
    """All links that were written."""

    def __init__(self) -> None:
        self._by_number: dict[int, Link] = {}
        self._numbers: dict[Link, int] = {}
        self._last = 0

    def number(self, address: str, name: str) -> int:
        """The number of a link, 0 if the address cannot be one."""
        if not address or len(address) > ADDRESS or len(name) > _NAME or not address.isprintable():
            return 0
        link = Link(address, name)
        known = self._numbers.get(link)
        if known:
            return known
        self._last += 1
        self._by_number[self._last] = link
        self._numbers[link] = self._last
        if len(self._by_number) > LINKS:
            oldest = next(iter(self._by_number))
            del self._numbers[self._by_number.pop(oldest)]
        return self._last

    def get(self, number: int) -> Link | None:
        """The link of that number; None for 0 and for those that gave way."""
        return self._by_number.get(number)
