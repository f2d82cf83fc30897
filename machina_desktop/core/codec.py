"""Dataclass to JSON and back, with validation paths: the only user of msgspec."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret

T = TypeVar("T")
_FIELD = re.compile(r"required field `([a-z_]+)`$|at `\$\.([a-z_]+)")


def to_json(value: object) -> bytes:
    """Compact UTF-8 JSON of a dataclass, container or scalar. Secrets refuse to be encoded."""
    return msgspec.json.encode(value)


def to_private_json(value: object) -> bytes:
    """As :func:`to_json`, with secrets in clear and paths as text: for a process of our own, nowhere else."""
    return msgspec.json.encode(value, enc_hook=_in_clear)


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


def from_plain(value: object, shape: type[T], *, is_text: bool = False) -> T:
    """The value of ``shape`` that plain values make; with ``is_text`` numbers and the like are spelled as text.

    Raises:
        InvalidInput: not of that shape; ``field`` names the outermost field that is wrong.
    """
    try:
        return msgspec.convert(value, shape, strict=not is_text, dec_hook=_decode)
    except (msgspec.ValidationError, UnicodeError, RecursionError) as error:
        field = _FIELD.search(str(error))
        name = next((part for part in field.groups() if part), "") if field else ""
        raise InvalidInput(f"The data cannot be read: {error}.", field=name, code="E-CODEC") from error


def json_schemas(shapes: Sequence[object], ref: str) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """JSON Schema 2020-12 of each shape, and what these refer to by ``ref``, which contains ``{name}``."""
    found, components = msgspec.json.schema_components(shapes, schema_hook=_schema, ref_template=ref)
    return found, components


def _schema(shape: type) -> dict[str, Any]:
    if shape is Secret:
        return {"type": "string", "format": "password"}
    if shape is object:
        return {}
    raise NotImplementedError(f"{shape} has no JSON form")


def _in_clear(value: object) -> object:
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value)} has no JSON form")


def _decode(shape: type, value: object) -> object:
    if shape is object:
        return value
    if shape is Path and isinstance(value, str):
        return Path(value)
    if shape is Secret:
        if not isinstance(value, str):
            # Without the value: it may be a secret all the same.
            raise TypeError("Expected `str`")
        return Secret(value)
    # What msgspec expects of a hook that does not know the shape.
    raise NotImplementedError(f"{shape} has no JSON form")
