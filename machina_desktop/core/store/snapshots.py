"""A team read for a copy of it: what changed since a number, or, for who is too far behind, all there is."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from machina_desktop.core.codec import from_json, to_plain
from machina_desktop.core.domain.team import TeamMember, User
from machina_desktop.core.events import Change
from machina_desktop.core.store.moves import CopiedRow
from machina_desktop.core.store.tables import BY_SHAPE, CHANGE, COUNTER, ENTITIES, Entity
from machina_desktop.core.store.transaction import FeedHead


class Snapshots:
    """What a transaction reads for copies of a team. Reading is filtered by nobody here."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def head(self, team_id: str) -> FeedHead:
        """Where the team's feed stands."""
        query = sa.select(COUNTER.c.epoch, COUNTER.c.change_seq).where(COUNTER.c.team_id == team_id)
        counter = self._connection.execute(query).first()
        oldest = self._connection.execute(sa.select(sa.func.min(CHANGE.c.seq)).where(CHANGE.c.team_id == team_id))
        epoch, seq = ("", 0) if counter is None else (counter.epoch, counter.change_seq)
        return FeedHead(epoch=epoch, seq=seq, oldest=oldest.scalar() or seq + 1)

    def changes(self, team_id: str, after: int, limit: int) -> tuple[Change, ...]:
        """The next changes, oldest first."""
        query = sa.select(CHANGE).where(CHANGE.c.team_id == team_id, CHANGE.c.seq > after)
        return tuple(
            Change(
                team_id=team_id,
                seq=row.seq,
                entity=row.entity,
                entity_id=row.entity_id,
                row=None if row.row is None else from_json(row.row, dict[str, object]),
                at=row.at,
            )
            for row in self._connection.execute(query.order_by(CHANGE.c.seq).limit(limit))
        )

    def rows(self, team_id: str, entity: str, after: str, limit: int) -> tuple[CopiedRow, ...]:
        """The next rows of a team in a fixed order of kinds and keys; none when that was all."""
        synced = [each for each in ENTITIES if each.is_synced]
        names = [each.name for each in synced]
        found: list[CopiedRow] = []
        for each in synced[names.index(entity) if entity in names else 0 :]:
            found += self._of(each, team_id, after if each.name == entity else "", limit - len(found))
            if len(found) >= limit:
                break
        return tuple(found)

    def _of(self, entity: Entity[Any], team_id: str, after: str, limit: int) -> list[CopiedRow]:
        key = entity.table.c[entity.key]
        if entity.shape is User:
            member = BY_SHAPE[TeamMember].table.c
            owned: sa.ColumnElement[bool] = key.in_(sa.select(member.user_id).where(member.team_id == team_id))
        else:
            owned = entity.table.c.team_id == team_id
        query = sa.select(entity.table).where(owned, key > after).order_by(key).limit(limit)
        return [
            CopiedRow(entity=entity.name, entity_id=row[entity.key], row=to_plain(entity.value(row)))
            for row in self._connection.execute(query).mappings()
        ]
