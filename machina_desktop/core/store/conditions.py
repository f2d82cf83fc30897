"""What is asked of rows, as SQL: both databases understand every word of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from machina_desktop.core.errors import Bug
from machina_desktop.core.store.tables import Entity


def clauses(entity: Entity[Any], conditions: Mapping[str, object]) -> list[sa.ColumnElement[bool]]:
    """What each of ``conditions`` asks of a row, by ``column`` or ``column__comparison``."""
    return [_clause(entity, name, value) for name, value in conditions.items()]


def matches(entity: Entity[Any], search: str) -> list[sa.ColumnElement[bool]]:
    """That every word of ``search`` stands in one of the columns that are looked through."""
    words = search.split()
    return [
        sa.or_(*(sa.cast(entity.table.c[name], sa.Text).icontains(word, autoescape=True) for name in entity.searched))
        for word in words
    ]


def _clause(entity: Entity[Any], name: str, value: object) -> sa.ColumnElement[bool]:
    field, _, comparison = name.partition("__")
    column = entity.table.c[field]
    match comparison:
        case "starts":
            return column.startswith(value, autoescape=True)
        case "ge":
            return column >= value
        case "le":
            return column <= value
        case "ne":
            return column != value
        case "" if isinstance(value, tuple):
            return column.in_([str(entry) if isinstance(entry, StrEnum) else entry for entry in value])
        case "":
            return column.is_(None) if value is None else column == value
    raise Bug(f"{comparison} is no comparison.")
