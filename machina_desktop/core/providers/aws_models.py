"""The descriptions of services that boto3 works by, read in pieces, so that other threads come in between.

That of EC2 is 4 MB of JSON. Read in one go it stops every thread of the process for a quarter of a second, the
window's included: the parser, written in C, does not let go of the interpreter.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

_BLANK = re.compile(r"[ \t\r\n]*")
_DEPTH = 2
"""So deep lie a service's operations and shapes, each of which is small."""
_READERS: dict[str, Callable[[Path], bytes]] = {
    ".json": Path.read_bytes,
    ".json.gz": lambda path: gzip.decompress(path.read_bytes()),
}


class Models:
    """What botocore's loader reads files with, for it has no other seam for that: ``file_loader``."""

    def exists(self, file_path: str) -> bool:
        """Whether there is such a file; its ending is left out."""
        return any(Path(file_path + ending).is_file() for ending in _READERS)

    def load_file(self, file_path: str) -> object:
        """What is in it; ``None`` where there is no such file."""
        for ending, read in _READERS.items():
            path = Path(file_path + ending)
            if path.is_file():
                return pieces(read(path).decode())
        return None


def pieces(text: str) -> object:
    """What the JSON ``text`` says, its outer objects put together member by member.

    Raises:
        ValueError: it is no JSON.
    """
    found, end = _value(text, _skip(text, 0), json.JSONDecoder(), _DEPTH)
    if _skip(text, end) != len(text):
        raise ValueError("There is more after the end.")
    return found


def _value(text: str, at: int, decoder: json.JSONDecoder, depth: int) -> tuple[object, int]:
    if depth == 0 or text[at : at + 1] != "{":
        return decoder.raw_decode(text, at)
    found: dict[str, object] = {}
    at = _skip(text, at + 1)
    if text[at : at + 1] == "}":
        return found, at + 1
    while True:
        if text[at : at + 1] != '"':
            raise ValueError(f"A name is missing at {at}.")
        name, at = decoder.raw_decode(text, at)
        at = _after(text, at, ":")
        found[name], at = _value(text, at, decoder, depth - 1)
        at = _skip(text, at)
        if text[at : at + 1] == "}":
            return found, at + 1
        at = _after(text, at, ",")


def _after(text: str, at: int, sign: str) -> int:
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise ValueError(f"{sign!r} is missing at {at}.")
    return _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return at if found is None else found.end()
