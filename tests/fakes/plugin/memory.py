"""A provider of any schema whose objects lie in a JSON file: enough to validate, plan, apply and destroy a module.

`python -m tests.fakes.plugin.memory SCHEMA STORE`
"""

from __future__ import annotations

import fcntl
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.fakes.plugin.protocol import UNKNOWN, Missing, Resource, Schema, Stop, Values, serve


class Store:
    """Objects by id, in one file that several plugin processes share."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @contextmanager
    def opened(self) -> Iterator[dict[str, Values]]:
        """What is there, to be changed; written on the way out."""
        with self._path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            objects = json.loads(file.read() or "{}")
            yield objects
            file.seek(0)
            file.truncate()
            json.dump(objects, file)


class Remembered(Resource):
    """One type of resource."""

    def __init__(self, block: Schema, store: Store) -> None:
        self._block = block
        self._store = store

    def create(self, client: Any, planned: Values, stop: Stop) -> Values:
        # Digits, because some arguments take ids as numbers.
        made: Values = {**_told(self._block, planned), "id": str(uuid.uuid4().int % 10**9)}
        with self._store.opened() as objects:
            objects[made["id"]] = made
        return made

    def read(self, client: Any, state: Values) -> Values:
        with self._store.opened() as objects:
            if state["id"] not in objects:
                raise Missing(state["id"])
            return {**state, **objects[state["id"]]}

    def update(self, client: Any, prior: Values, planned: Values, stop: Stop) -> Values:
        made = _told(self._block, planned)
        with self._store.opened() as objects:
            objects[prior["id"]] = made
        return made

    def delete(self, client: Any, state: Values, stop: Stop) -> None:
        with self._store.opened() as objects:
            objects.pop(state["id"], None)


def _told(block: Schema, values: Values) -> Values:
    """The values, with something of the right kind for what only the provider could tell."""
    told = {}
    for name, value in values.items():
        if value is UNKNOWN:
            told[name] = _invented(name, block["attributes"][name]["type"])
        else:
            told[name] = value
    return told


def _invented(name: str, kind: object) -> object:
    match kind:
        case "number":
            return 1
        case "bool":
            return False
        case "string":
            return "192.0.2.10" if name.endswith(("_ip", "_address")) else f"{name}-{uuid.uuid4().hex[:8]}"
        case ["map", *_]:
            return {}
        case ["list" | "set", *_]:
            return []
        case _:
            return None


def main() -> None:
    """Serve the schema of the first argument from the store of the second."""
    schema = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    store = Store(Path(sys.argv[2]))
    kinds = schema["resource_schemas"]
    serve(schema, {kind: Remembered(told["block"], store) for kind, told in kinds.items()}, lambda _config: None)


if __name__ == "__main__":
    main()
