"""What a team's counter row numbers: the changes of its feed and the events of its audit chain, without gaps."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from machina_desktop.core.codec import from_json, to_json, to_plain
from machina_desktop.core.domain.audit import AuditEvent, chain_digest
from machina_desktop.core.errors import Conflict
from machina_desktop.core.events import Change
from machina_desktop.core.ids import now
from machina_desktop.core.store.tables import BY_SHAPE, CHANGE, COUNTER, TEAM_MOVE, Entity

FEED = 10_000
"""How many changes of a team are kept; who is further behind takes a snapshot instead."""
FEED_STEP = 100

# The same words on both databases: of two that write first to a team, one makes the row and both go on.
_NEW_COUNTER = sa.text(
    "INSERT INTO counter (team_id, change_seq, audit_seq, audit_digest) VALUES (:team_id, 0, 0, '') "
    "ON CONFLICT (team_id) DO NOTHING"
)

# It is being decided whether the team's home is still here: what is written now could be lost.
_IS_LEAVING = sa.exists(
    sa.select(TEAM_MOVE.c.team_id).where(
        TEAM_MOVE.c.team_id == COUNTER.c.team_id, TEAM_MOVE.c.step == "deciding", sa.not_(TEAM_MOVE.c.is_coming)
    )
)


class Feed:
    """What a transaction does with the counters of teams. Reading is filtered by nobody here."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def hold(self, team_id: str) -> sa.Row[Any]:
        """The team's counter row, locked: nobody else writes to the team before this transaction ends."""
        query = sa.select(COUNTER, _IS_LEAVING.label("is_leaving")).where(COUNTER.c.team_id == team_id)
        query = query.with_for_update(of=COUNTER)
        row = self._connection.execute(query).first()
        if row is None:
            self._connection.execute(_NEW_COUNTER, {"team_id": team_id})
            row = self._connection.execute(query).one()
        return row

    def append(self, entity: Entity[Any], row: object, team_id: str, *, exists: bool) -> Change:
        """Give a write its number and put it into the feed."""
        key = getattr(row, entity.key)
        seq = self._next_number(team_id)
        at = now()
        if seq % FEED_STEP == 0:
            self._connection.execute(sa.delete(CHANGE).where(CHANGE.c.team_id == team_id, CHANGE.c.seq <= seq - FEED))
        self._connection.execute(
            sa.insert(CHANGE).values(
                team_id=team_id,
                seq=seq,
                entity=entity.name,
                entity_id=key,
                row=to_json(row).decode() if exists else None,
                at=at,
            )
        )
        plain = to_plain(row) if exists else None
        return Change(team_id=team_id, seq=seq, entity=entity.name, entity_id=key, row=plain, at=at)

    def _next_number(self, team_id: str) -> int:
        counted = sa.update(COUNTER).where(COUNTER.c.team_id == team_id).values(change_seq=COUNTER.c.change_seq + 1)
        query = counted.returning(COUNTER.c.change_seq, _IS_LEAVING.label("is_leaving"))
        counter = self._connection.execute(query).first()
        if counter is None:
            self._connection.execute(_NEW_COUNTER, {"team_id": team_id})
            counter = self._connection.execute(query).one()
        if counter.is_leaving:
            raise _moving()
        return int(counter.change_seq)

    def read(self, team_id: str, after: int) -> tuple[Change, ...]:
        """Changes with a higher number, oldest first."""
        query = sa.select(CHANGE).where(CHANGE.c.team_id == team_id, CHANGE.c.seq > after).order_by(CHANGE.c.seq)
        return tuple(
            Change(
                team_id=team_id,
                seq=row.seq,
                entity=row.entity,
                entity_id=row.entity_id,
                row=None if row.row is None else from_json(row.row, dict[str, object]),
                at=row.at,
            )
            for row in self._connection.execute(query)
        )

    def heads(self) -> dict[str, int]:
        """The newest change number of every team."""
        return {row.team_id: row.change_seq for row in self._connection.execute(sa.select(COUNTER))}

    def audit(self, event: AuditEvent) -> None:
        """Append an event to its team's chain; number, previous and own digest are given here."""
        head = self.hold(event.team_id)
        if head.is_leaving:
            raise _moving()
        event = replace(event, seq=head.audit_seq + 1, previous=head.audit_digest)
        event = replace(event, digest=chain_digest(event))
        entity = BY_SHAPE[AuditEvent]
        self._connection.execute(sa.insert(entity.table).values(**entity.row(event)))
        self._connection.execute(
            sa.update(COUNTER)
            .where(COUNTER.c.team_id == event.team_id)
            .values(audit_seq=event.seq, audit_digest=event.digest)
        )

    def audit_head(self, team_id: str) -> tuple[int, str]:
        """Number and digest of the newest audit event; ``(0, "")`` for none."""
        row = self._connection.execute(sa.select(COUNTER).where(COUNTER.c.team_id == team_id)).first()
        return (0, "") if row is None else (row.audit_seq, row.audit_digest)


def _moving() -> Conflict:
    return Conflict(
        "The team is moving to a server, and it is not known yet whether it has arrived.",
        hint="Connect to the server and move the team again: that finds out.",
        code="E-MOVING",
    )
