"""What ``terraform show -json`` tells of the resources in a state."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ShownResource:
    """One managed resource.

    Attributes:
        id: Its id at the provider; empty where it has none.
        is_tainted: Its creation was cut short or failed.
        values: Attributes as plain values.
    """

    address: str
    name: str
    id: str
    is_tainted: bool
    values: Mapping[str, object]


def resources_of_state(show_json: bytes) -> tuple[ShownResource, ...]:
    """All managed resources, those of child modules included."""
    return tuple(_below(json.loads(show_json).get("values", {}).get("root_module", {})))


def _below(module: Mapping[str, Any]) -> Iterator[ShownResource]:
    for entry in module.get("resources", ()):
        if entry["mode"] == "managed":
            values = entry["values"]
            yield ShownResource(
                address=entry["address"],
                name=entry["name"],
                id=values.get("id") or "",
                is_tainted=entry.get("tainted", False),
                values=values,
            )
    for child in module.get("child_modules", ()):
        yield from _below(child)
