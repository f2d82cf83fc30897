"""A transaction on SQLAlchemy Core: team filter, change numbers and audit chain live here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from machina_desktop.core.codec import from_json, to_json, to_plain
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome, chain_digest
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.team import Actor, TeamMember, TeamRole, User
from machina_desktop.core.errors import Bug, Conflict, NotFound
from machina_desktop.core.events import Change
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.store.tables import (
    BY_SHAPE,
    CHANGE,
    COUNTER,
    CURSOR,
    LOG,
    SEALED,
    STATE,
    Entity,
)
from machina_desktop.core.store.transaction import SealedPlace, StateRevision, Transaction

T = TypeVar("T")
CHUNK_BYTES = 64 << 10

FEED = 10_000
"""How many changes of a team are kept; who is further behind takes a snapshot instead."""
FEED_STEP = 100

LOG_HEAD_BYTES, LOG_TAIL_BYTES, LOG_SLACK_BYTES = 5 << 20, 15 << 20, 2 << 20
"""Of a log over head and tail, the middle is left out, each time it has grown by the slack."""


class SqlTransaction(Transaction):
    """One open transaction of one actor. Lives on the store's threads only.

    ``permit`` is asked with the team of every row about to be written and raises when it is not allowed.
    """

    def __init__(self, connection: sa.Connection, actor: Actor, permit: Callable[[str], None]) -> None:
        self._connection = connection
        self._actor = actor
        self._permit_outside = permit
        self._entered: set[str] = set()
        self.changes: list[Change] = []
        self.touched: dict[str, str] = {}

    # Rows

    def get(self, shape: type[T], key: str) -> T:
        entity = _entity(shape)
        row = self._first(entity, entity.table.c[entity.key] == key)
        if row is None:
            raise _missing(entity, key)
        return row

    def find(self, shape: type[T], **conditions: object) -> T | None:
        entity = _entity(shape)
        return self._first(entity, *_clauses(entity, conditions))

    def find_anywhere(self, shape: type[T], **conditions: object) -> T | None:
        entity = _entity(shape)
        query = sa.select(entity.table).where(*_clauses(entity, conditions)).limit(1)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else entity.value(row)

    def enter(self, team_id: str, role: TeamRole) -> None:
        self._entered.add(team_id)
        self._actor = replace(self._actor, team_roles=(*self._actor.team_roles, (team_id, role)))

    def share(self, row: object, team_id: str) -> None:
        entity = _entity(type(row))
        self._append_change(entity, row, team_id, exists=True)

    def list(
        self,
        shape: type[T],
        where: Mapping[str, object] | None = None,
        *,
        search: str = "",
        order_by: str = "",
        descending: bool = False,
        limit: int = 1000,
        offset: int = 0,
        **conditions: object,
    ) -> tuple[T, ...]:
        entity = _entity(shape)
        order = entity.table.c[order_by or entity.key]
        tie = entity.table.c[entity.key]
        query = (
            sa.select(entity.table)
            .where(*self._visible(entity), *_clauses(entity, {**(where or {}), **conditions}), *_search(entity, search))
            .order_by(order.desc() if descending else order, tie.desc() if descending else tie)
            .limit(limit)
            .offset(offset)
        )
        return tuple(entity.value(row) for row in self._connection.execute(query).mappings())

    def count(self, shape: type[object], *, search: str = "", **conditions: object) -> int:
        entity = _entity(shape)
        query = (
            sa.select(sa.func.count())
            .select_from(entity.table)
            .where(*self._visible(entity), *_clauses(entity, conditions), *_search(entity, search))
        )
        return int(self._connection.execute(query).scalar_one())

    def add(self, row: object) -> None:
        entity = self._writable(row)
        self._connection.execute(sa.insert(entity.table).values(**entity.row(row)))
        self._record(entity, row, exists=True)

    def replace(self, row: object) -> None:
        entity = self._writable(row)
        values = entity.row(row)
        key = values.pop(entity.key)
        result = self._connection.execute(
            sa.update(entity.table).where(entity.table.c[entity.key] == key, *self._visible(entity)).values(**values)
        )
        if result.rowcount != 1:
            raise _missing(entity, key)
        self._record(entity, row, exists=True)

    def delete(self, row: object) -> None:
        entity = self._writable(row)
        key = getattr(row, entity.key)
        result = self._connection.execute(
            sa.delete(entity.table).where(entity.table.c[entity.key] == key, *self._visible(entity))
        )
        if result.rowcount != 1:
            raise _missing(entity, key)
        self._record(entity, row, exists=False)

    # Secrets and states

    def save_sealed(self, place: SealedPlace, envelope: bytes) -> None:
        self._permit(place.team_id)
        self._connection.execute(sa.delete(SEALED).where(*_sealed_at(place)))
        self._connection.execute(
            sa.insert(SEALED).values(
                team_id=place.team_id,
                record_table=place.table,
                record_id=place.record_id,
                field=place.field,
                version=place.version,
                envelope=envelope,
            )
        )

    def read_sealed(self, team_id: str, table: str, record_id: str) -> tuple[tuple[SealedPlace, bytes], ...]:
        self._require_team(team_id)
        query = sa.select(SEALED).where(
            SEALED.c.team_id == team_id, SEALED.c.record_table == table, SEALED.c.record_id == record_id
        )
        return tuple(
            (
                SealedPlace(team_id=team_id, table=table, record_id=record_id, field=row.field, version=row.version),
                row.envelope,
            )
            for row in self._connection.execute(query)
        )

    def delete_sealed(self, team_id: str, table: str, record_id: str) -> None:
        self._permit(team_id)
        self._connection.execute(
            sa.delete(SEALED).where(
                SEALED.c.team_id == team_id, SEALED.c.record_table == table, SEALED.c.record_id == record_id
            )
        )

    def has_sealed(self) -> bool:
        """Whether any envelope is stored: then a vault must never be made anew."""
        secret = sa.select(sa.exists(sa.select(SEALED.c.field)))
        state = sa.select(sa.exists(sa.select(STATE.c.serial)))
        return bool(self._connection.execute(secret).scalar() or self._connection.execute(state).scalar())

    def save_state(self, revision: StateRevision, *, keep: int) -> None:
        self._permit(revision.team_id)
        newest = self.read_state(revision.machine_id)
        if newest is not None and (newest.lineage != revision.lineage or newest.serial > revision.serial):
            raise Conflict(
                "A newer state of this machine, or one of another lineage, is already stored.",
                hint="Refresh the machine before doing anything else with it.",
                code="E-STATE-STALE",
            )
        mine = STATE.c.machine_id == revision.machine_id
        self._connection.execute(sa.delete(STATE).where(mine, STATE.c.serial == revision.serial))
        self._connection.execute(
            sa.insert(STATE).values(
                machine_id=revision.machine_id,
                lineage=revision.lineage,
                serial=revision.serial,
                team_id=revision.team_id,
                envelope=revision.envelope,
            )
        )
        kept = sa.select(STATE.c.serial).where(mine).order_by(STATE.c.serial.desc()).limit(keep)
        self._connection.execute(sa.delete(STATE).where(mine, STATE.c.serial.not_in(kept)))

    def read_state(self, machine_id: str) -> StateRevision | None:
        query = sa.select(STATE).where(STATE.c.machine_id == machine_id).order_by(STATE.c.serial.desc()).limit(1)
        row = self._connection.execute(query).first()
        if row is None:
            return None
        self._require_team(row.team_id)
        return StateRevision(
            team_id=row.team_id, machine_id=machine_id, lineage=row.lineage, serial=row.serial, envelope=row.envelope
        )

    # Logs

    def append_log(self, deployment_id: str, lines: tuple[LogLine, ...], cursors: Mapping[str, int]) -> int:
        start = self._log_end(deployment_id)
        data = b"".join(to_json(line) + b"\n" for line in lines)
        if data:
            self._connection.execute(
                sa.insert(LOG).values(deployment_id=deployment_id, start=start, end=start + len(data), data=data)
            )
            self._leave_out_middle(deployment_id, start + len(data))
        for source, position in cursors.items():
            at = (CURSOR.c.deployment_id == deployment_id, CURSOR.c.source == source)
            moved = self._connection.execute(sa.update(CURSOR).where(*at).values(position=position))
            if moved.rowcount == 0:
                self._connection.execute(
                    sa.insert(CURSOR).values(deployment_id=deployment_id, source=source, position=position)
                )
        return start + len(data)

    def _log_end(self, deployment_id: str) -> int:
        query = sa.select(sa.func.max(LOG.c.end)).where(LOG.c.deployment_id == deployment_id)
        return int(self._connection.execute(query).scalar() or 0)

    def _leave_out_middle(self, deployment_id: str, end: int) -> None:
        """Keep a log's head and tail. Offsets stay: one marker line stands for all the bytes left out."""
        if end <= LOG_HEAD_BYTES + LOG_TAIL_BYTES + LOG_SLACK_BYTES:
            return
        mine = LOG.c.deployment_id == deployment_id
        first = sa.select(LOG.c.start, LOG.c.end, sa.func.length(LOG.c.data).label("size"))
        gap = self._connection.execute(
            first.where(mine, LOG.c.start >= LOG_HEAD_BYTES).order_by(LOG.c.start).limit(1)
        ).first()
        tail = sa.select(sa.func.min(LOG.c.start)).where(mine, LOG.c.start >= end - LOG_TAIL_BYTES)
        until = int(self._connection.execute(tail).scalar() or 0)
        # What the marker covers already costs nothing; the rest must be worth the work.
        covered = gap.end if gap and gap.end - gap.start != gap.size else LOG_HEAD_BYTES
        if gap is None or until - covered < LOG_SLACK_BYTES:
            return
        self._connection.execute(sa.delete(LOG).where(mine, LOG.c.start >= gap.start, LOG.c.start < until))
        text = f"… {until - gap.start} bytes of log were left out here …"
        marker = to_json(LogLine(at=now(), phase="log", level=LogLevel.WARNING, text=text)) + b"\n"
        self._connection.execute(
            sa.insert(LOG).values(deployment_id=deployment_id, start=gap.start, end=until, data=marker)
        )

    def read_log(self, deployment_id: str, offset: int, limit: int) -> tuple[bytes, int]:
        query = (
            sa.select(LOG)
            .where(LOG.c.deployment_id == deployment_id, LOG.c.end > offset)
            .order_by(LOG.c.start)
            .limit(max(1, limit // CHUNK_BYTES) * 4)
        )
        parts: list[bytes] = []
        length, following = 0, offset
        for row in self._connection.execute(query):
            is_marker = row.end - row.start != len(row.data)
            part = row.data if is_marker else row.data[max(0, offset - row.start) :]
            if parts and length + len(part) > limit:
                break
            parts.append(part)
            length += len(part)
            following = row.end
        return b"".join(parts), following

    def read_cursors(self, deployment_id: str) -> dict[str, int]:
        query = sa.select(CURSOR.c.source, CURSOR.c.position).where(CURSOR.c.deployment_id == deployment_id)
        return {row.source: row.position for row in self._connection.execute(query)}

    # Audit and feed

    def read_chain(self, team_id: str) -> tuple[AuditEvent, ...]:
        self._require_team(team_id)
        return self.list(AuditEvent, team_id=team_id, order_by="seq", limit=10_000_000)

    def audit_head(self, team_id: str) -> tuple[int, str]:
        row = self._connection.execute(sa.select(COUNTER).where(COUNTER.c.team_id == team_id)).first()
        return (0, "") if row is None else (row.audit_seq, row.audit_digest)

    def read_changes(self, team_id: str, after: int) -> tuple[Change, ...]:
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

    def grown_logs(self, after: int) -> tuple[tuple[tuple[str, int], ...], int]:
        """Logs with chunks past the row number ``after``, with their new lengths; and the newest row number."""
        number: sa.ColumnElement[int] = sa.literal_column("rowid", sa.Integer)
        head = int(self._connection.execute(sa.select(sa.func.max(number)).select_from(LOG)).scalar() or 0)
        if head <= after:
            return (), head
        query = sa.select(LOG.c.deployment_id, sa.func.max(LOG.c.end)).where(number > after)
        rows = self._connection.execute(query.group_by(LOG.c.deployment_id))
        return tuple((deployment_id, end) for deployment_id, end in rows), head

    def change_heads(self) -> dict[str, int]:
        """The newest change number of every team."""
        return {row.team_id: row.change_seq for row in self._connection.execute(sa.select(COUNTER))}

    def audit(self, team_id: str, action: str, target: str, outcome: AuditOutcome, detail: str = "") -> None:
        """Append one event to the team's chain."""
        head = self._counter(team_id)
        event = AuditEvent(
            audit_event_id=new_id("audit"),
            team_id=team_id,
            seq=head.audit_seq + 1,
            at=now(),
            actor_id=self._actor.user_id,
            actor_name=self._actor.display_name,
            action=action,
            target=target,
            outcome=outcome,
            detail=detail,
            previous=head.audit_digest,
        )
        event = replace(event, digest=chain_digest(event))
        entity = _entity(AuditEvent)
        self._connection.execute(sa.insert(entity.table).values(**entity.row(event)))
        self._connection.execute(
            sa.update(COUNTER)
            .where(COUNTER.c.team_id == team_id)
            .values(audit_seq=event.seq, audit_digest=event.digest)
        )

    def _counter(self, team_id: str) -> sa.Row[Any]:
        query = sa.select(COUNTER).where(COUNTER.c.team_id == team_id)
        row = self._connection.execute(query.with_for_update()).first()
        if row is None:
            self._connection.execute(
                sa.insert(COUNTER).values(team_id=team_id, change_seq=0, audit_seq=0, audit_digest="")
            )
            row = self._connection.execute(query).one()
        return row

    # Rules every row goes through

    def _first(self, entity: Entity[T], *clauses: sa.ColumnElement[bool]) -> T | None:
        query = sa.select(entity.table).where(*self._visible(entity), *clauses).limit(1)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else entity.value(row)

    def _visible(self, entity: Entity[Any]) -> tuple[sa.ColumnElement[bool], ...]:
        if self._actor.is_runner or "team_id" not in entity.table.c:
            return ()
        teams = [team_id for team_id, _role in self._actor.team_roles]
        column = entity.table.c.team_id
        return (sa.or_(column.in_(teams), column.is_(None)) if column.nullable else column.in_(teams),)

    def _require_team(self, team_id: str) -> None:
        if not self._actor.is_runner and self._actor.role_in(team_id) is None:
            raise NotFound("There is no such team.")

    def _permit(self, team_id: str) -> None:
        if team_id not in self._entered:
            self._permit_outside(team_id)

    def _writable(self, row: object) -> Entity[Any]:
        entity = _entity(type(row))
        team_id = getattr(row, "team_id", None)
        if isinstance(team_id, str):
            self._permit(team_id)
        return entity

    def _record(self, entity: Entity[Any], row: object, *, exists: bool) -> None:
        for team_id in self._teams_of(row):
            self.touched.setdefault(team_id, f"{entity.name}:{getattr(row, entity.key)}")
            if entity.is_synced:
                self._append_change(entity, row, team_id, exists=exists)

    def _teams_of(self, row: object) -> tuple[str, ...]:
        """The teams that a write concerns: of a person those they are in."""
        if isinstance(row, User):
            member = _entity(TeamMember).table
            query = sa.select(member.c.team_id).where(member.c.user_id == row.user_id)
            return tuple(self._connection.execute(query).scalars())
        team_id = getattr(row, "team_id", None)
        return (team_id,) if isinstance(team_id, str) else ()

    def _append_change(self, entity: Entity[Any], row: object, team_id: str, *, exists: bool) -> None:
        key = getattr(row, entity.key)
        seq = self._counter(team_id).change_seq + 1
        at = now()
        self._connection.execute(sa.update(COUNTER).where(COUNTER.c.team_id == team_id).values(change_seq=seq))
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
        self.changes.append(
            Change(
                team_id=team_id,
                seq=seq,
                entity=entity.name,
                entity_id=key,
                row=to_plain(row) if exists else None,
                at=at,
            )
        )


def _entity(shape: type[T]) -> Entity[T]:
    try:
        return BY_SHAPE[shape]
    except KeyError:
        raise Bug(f"{shape.__name__} has no table.") from None


def _missing(entity: Entity[Any], key: object) -> NotFound:
    return NotFound(f"There is no {entity.name.replace('_', ' ')} {key}.", hint="It may have been deleted.")


def _clauses(entity: Entity[Any], conditions: Mapping[str, object]) -> list[sa.ColumnElement[bool]]:
    return [_clause(entity, name, value) for name, value in conditions.items()]


def _clause(entity: Entity[Any], name: str, value: object) -> sa.ColumnElement[bool]:
    field, _, comparison = name.partition("__")
    column = entity.table.c[field]
    match comparison:
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


def _search(entity: Entity[Any], search: str) -> list[sa.ColumnElement[bool]]:
    words = search.split()
    return [
        sa.or_(*(sa.cast(entity.table.c[name], sa.Text).icontains(word, autoescape=True) for name in entity.searched))
        for word in words
    ]


def _sealed_at(place: SealedPlace) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        SEALED.c.team_id == place.team_id,
        SEALED.c.record_table == place.table,
        SEALED.c.record_id == place.record_id,
        SEALED.c.field == place.field,
    )
