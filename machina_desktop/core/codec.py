"""Dataclass to JSON and back, with validation paths: the only user of msgspec."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret

T = TypeVar("T")


def to_json(value: object) -> bytes:
    """Compact UTF-8 JSON of a dataclass, container or scalar. Secrets refuse to be encoded."""
    return msgspec.json.encode(value)


def to_pretty_json(value: object) -> str:
    """Indented JSON text for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def to_plain(value: object) -> Any:
    """Dicts, lists, strings, numbers, booleans and None only; times become RFC 3339 text."""
    return msgspec.to_builtins(value)


def from_json(data: bytes | str, shape: type[T]) -> T:
    """The value of ``shape`` that ``data`` spells.

    Raises:
        InvalidInput: not JSON, or not of that shape; the message holds the path.
    """
    try:
        return msgspec.json.decode(data, type=shape, dec_hook=_decode)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"The data cannot be read: {error}.", code="E-CODEC") from error


def _decode(shape: type, value: object) -> object:
    if shape is object:
        return value
    if shape is Secret and isinstance(value, str):
        return Secret(value)
    # What msgspec expects of a hook that does not know the shape.
    raise NotImplementedError(f"{shape} has no JSON form")
