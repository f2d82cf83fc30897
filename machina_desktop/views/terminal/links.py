"""Addresses in the text of a terminal: found where nobody marked them, and opened only as what they are."""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_ADDRESS: Final = re.compile(
    r"\b(?:https?|ftp|sftp|ssh|file)://[^\s<>\"'`{}|\\^\0]+|\bmailto:[^\s<>\"'\0]+@[^\s<>\"'\0]+"
)
_PAIRS: Final = {")": "(", "]": "["}
_LONGEST: Final = 2_083
# What is opened without a question.
_USUAL: Final = frozenset({"http", "https"})


class Found(NamedTuple):
    """An address in a logical line: where it begins and ends, and itself."""

    start: int
    end: int
    address: str


def addresses(text: str) -> list[Found]:
    """The addresses in a logical line's text; full stops and brackets around them are left out."""
    found = []
    if "://" not in text and "mailto:" not in text:
        return []
    for match in _ADDRESS.finditer(text):
        address = match[0][:_LONGEST]
        while address and (address[-1] in ".,;:!?" or _is_stray(address)):
            address = address[:-1]
        found.append(Found(match.start(), match.start() + len(address), address))
    return found


def _is_stray(address: str) -> bool:
    """Whether it ends in a bracket that was opened before it."""
    opening = _PAIRS.get(address[-1])
    return opening is not None and address.count(address[-1]) > address.count(opening)


def is_usual(address: str) -> bool:
    """Whether it may be opened without asking: a web page."""
    try:
        return urlsplit(address).scheme.lower() in _USUAL
    except ValueError:
        return False


def shown(address: str) -> str:
    """An address as it may be shown: without characters that are not seen or that turn the reading direction."""
    return "".join(sign if sign.isprintable() else f"%{ord(sign):02X}" for sign in address[:_LONGEST])
