"""What an edit was based on, said in hashes: a row that somebody else has changed meanwhile is not overwritten."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from machina_desktop.core.codec import from_json, to_json, to_plain
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.store.transaction import Transaction

LONGEST_BYTES = 8 << 10
HASH_CHARACTERS = 16
_UNREADABLE = frozenset({"team_invite"})
"""Rows that are shown to some members of a team only."""


@dataclass(frozen=True, kw_only=True)
class ExpectedRow:
    """A row as an edit knew it: of each field the hash of the value it saw, and of the one it wants."""

    entity: str
    id: str
    fields: Mapping[str, tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """What goes with an edit: ``{"rows": [{"entity": "machine", "id": "machine-…", "fields": {"notes": […, …]}}]}``."""

    rows: tuple[ExpectedRow, ...]


def expected_row(
    entity: str, entity_id: str, *, seen: Mapping[str, object], wanted: Mapping[str, object]
) -> ExpectedRow:
    """A row whose fields were ``seen`` so, and shall be as ``wanted``; both have the same names."""
    fields = {name: (hashed(value), hashed(wanted[name])) for name, value in seen.items()}
    return ExpectedRow(entity=entity, id=entity_id, fields=fields)


def expected(*rows: ExpectedRow) -> str:
    """What is to be sent with the edit, as :attr:`Client.expects`."""
    return to_json(Expectations(rows=rows)).decode()


def hashed(value: object) -> str:
    """The beginning of the SHA-256 of a value's JSON, whatever the order of its keys."""
    text = json.dumps(to_plain(value), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:HASH_CHARACTERS]


def check(tx: Transaction, text: str) -> None:
    """See that the rows are as they were seen, or as they are wanted already.

    Raises:
        Conflict: E-EDITED-MEANWHILE, names the fields that are neither.
        NotFound: there is no such row, or not for this actor.
        InvalidInput: E-EXPECTS, the text says nothing of that kind.
    """
    for row in _read(text).rows:
        found = None if row.entity in _UNREADABLE else tx.plain_row(row.entity, row.id)
        if found is None:
            raise NotFound(f"There is no {row.entity[:40].replace('_', ' ')} {row.id[:80]}.")
        if changed := _changed(row, found):
            raise Conflict(
                f"Somebody else has changed this meanwhile: {', '.join(changed)}.",
                hint="Look at both values and decide which one holds.",
                code="E-EDITED-MEANWHILE",
            )


def _read(text: str) -> Expectations:
    try:
        return from_json(text, Expectations)
    except InvalidInput as error:
        raise InvalidInput("What the edit expects cannot be read.", code="E-EXPECTS") from error


def _changed(row: ExpectedRow, found: Mapping[str, Any]) -> list[str]:
    if unknown := row.fields.keys() - found.keys():
        raise InvalidInput(f"There is no field {min(unknown)[:40]!r} in {row.entity[:40]}.", code="E-EXPECTS")
    return sorted(name for name, hashes in row.fields.items() if hashed(found[name]) not in hashes)
