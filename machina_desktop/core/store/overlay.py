"""An edit carried out on a copy of a team before its home has agreed: nothing is numbered, and it can be taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

import sqlalchemy as sa

from machina_desktop.core.codec import to_json, to_plain
from machina_desktop.core.domain.team import Actor, TeamRole
from machina_desktop.core.errors import Bug
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.tables import BASE_ROW, BY_SHAPE
from machina_desktop.core.store.transaction import Permit, SealedPlace, StateRevision


@dataclass(frozen=True)
class Touched:
    """A row that an edit has changed, as plain values before and after; ``None`` for none."""

    entity: str
    entity_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None


class Overlay(SqlTransaction):
    """Part of another transaction: what a use case writes goes over the rows of a copy.

    Of each row it keeps what the home has, once. Only use cases that write rows of the copied team can run so.

    Attributes:
        team_id: The copied team.
    """

    def __init__(self, outer: SqlTransaction, actor: Actor, permit: Permit, *, team_id: str) -> None:
        super().__init__(outer.connection, actor, permit, limit=_everything)
        self.team_id = team_id
        self._before: dict[tuple[str, str], dict[str, Any] | None] = {}
        self._after: dict[tuple[str, str], dict[str, Any] | None] = {}

    @property
    def written(self) -> tuple[Touched, ...]:
        """The rows that were changed, in the order in which they were first."""
        return tuple(Touched(*place, self._before[place], self._after[place]) for place in self._before)

    def add(self, row: object) -> None:
        self._keep(row)
        super().add(row)
        self._note(row, exists=True)

    def replace(self, row: object) -> None:
        self._keep(row)
        super().replace(row)
        self._note(row, exists=True)

    def delete(self, row: object) -> None:
        self._keep(row)
        super().delete(row)
        self._note(row, exists=False)

    def _keep(self, row: object) -> None:
        """Remember the row as it is, and as the home has it unless an earlier edit has remembered that."""
        if getattr(row, "team_id", "") != self.team_id:
            raise Bug(f"An edit that may wait wrote a {type(row).__name__} that is not of its team.")
        entity = BY_SHAPE[type(row)]
        key = getattr(row, entity.key)
        query = sa.select(entity.table).where(entity.table.c[entity.key] == key)
        found = self._connection.execute(query).mappings().first()
        value = None if found is None else entity.value(found)
        self._before.setdefault((entity.name, key), None if value is None else to_plain(value))
        text = None if value is None else to_json(value).decode()
        place = {"team_id": self.team_id, "entity": entity.name, "entity_id": key, "row": text}
        self._connection.execute(sa.insert(BASE_ROW).prefix_with("OR IGNORE").values(**place))

    def _note(self, row: object, *, exists: bool) -> None:
        entity = BY_SHAPE[type(row)]
        self._after[entity.name, getattr(row, entity.key)] = to_plain(row) if exists else None

    def _record(self, entity: object, row: object, *, exists: bool) -> None:
        """The home numbers it, later."""

    def enter(self, team_id: str, role: TeamRole) -> None:
        _refuse()

    def share(self, row: object, team_id: str) -> None:
        _refuse()

    def concern(self, user_id: str, target: str) -> None:
        _refuse()

    def purge(self, team_id: str) -> None:
        _refuse()

    def save_sealed(self, place: SealedPlace, envelope: bytes) -> None:
        _refuse()

    def delete_sealed(self, team_id: str, table: str, record_id: str) -> None:
        _refuse()

    def save_state(self, revision: StateRevision, *, keep: int) -> None:
        _refuse()


def _everything(_team_ids: tuple[str, ...] | None) -> None:
    """A computer's own database has no second wall."""


def _refuse() -> NoReturn:
    raise Bug("An edit that may wait for its home did more than write rows.")
