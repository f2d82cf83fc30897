"""A transaction on SQLAlchemy Core: team filter, change numbers and audit chain live here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from machina_desktop.core.codec import from_json, to_json, to_plain
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome, chain_digest
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Actor, TeamMember, TeamRole, User
from machina_desktop.core.errors import Bug, Conflict, NotFound
from machina_desktop.core.events import Change
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.store.run_logs import RunLogs
from machina_desktop.core.store.tables import (
    BY_SHAPE,
    CHANGE,
    COUNTER,
    CURSOR,
    KEPT_OF_A_TEAM,
    LOG,
    METADATA,
    SEALED,
    STATE,
    Entity,
)
from machina_desktop.core.store.transaction import Permit, SealedPlace, StateRevision, Transaction

T = TypeVar("T")

FEED = 10_000
"""How many changes of a team are kept; who is further behind takes a snapshot instead."""
FEED_STEP = 100


class SqlTransaction(Transaction):
    """One open transaction of one actor. Lives on the store's threads only.

    ``permit`` is asked with the team of every row about to be written, and with the tags of its machine where grants
    decide; it raises when it is not allowed.
    """

    def __init__(self, connection: sa.Connection, actor: Actor, permit: Permit) -> None:
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
        self._counter(team_id)
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

    def purge(self, team_id: str) -> None:
        self._permit(team_id)
        runs = sa.select(_entity(Deployment).table.c.deployment_id).where(
            _entity(Deployment).table.c.team_id == team_id
        )
        for table in (LOG, CURSOR):
            self._connection.execute(sa.delete(table).where(table.c.deployment_id.in_(runs)))
        for table in METADATA.sorted_tables:
            if "team_id" in table.c and table.name not in KEPT_OF_A_TEAM:
                self._connection.execute(sa.delete(table).where(table.c.team_id == team_id))

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
        return RunLogs(self._connection).append(deployment_id, lines, cursors)

    def read_log(self, deployment_id: str, offset: int, limit: int) -> tuple[bytes, int]:
        return RunLogs(self._connection).read(deployment_id, offset, limit)

    def read_cursors(self, deployment_id: str) -> dict[str, int]:
        return RunLogs(self._connection).read_cursors(deployment_id)

    def grown_logs(self, after: int) -> tuple[tuple[tuple[str, int], ...], int]:
        """Logs with chunks past the row number ``after``, with their new lengths; and the newest row number."""
        return RunLogs(self._connection).grown(after)

    # Audit and feed

    def read_chain(self, team_id: str, *, after: int | None = None, limit: int = 1000) -> tuple[AuditEvent, ...]:
        self._require_team(team_id)
        following = {} if after is None else {"seq__ge": after + 1}
        return self.list(AuditEvent, following, team_id=team_id, order_by="seq", limit=limit)

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

    def _permit(self, team_id: str, tags: tuple[str, ...] | None = None) -> None:
        if team_id not in self._entered:
            self._permit_outside(team_id, tags)

    def _writable(self, row: object) -> Entity[Any]:
        entity = _entity(type(row))
        team_id = getattr(row, "team_id", None)
        if isinstance(team_id, str):
            for tags in self._tags_of(row):
                self._permit(team_id, tags)
        return entity

    def _tags_of(self, row: object) -> tuple[tuple[str, ...] | None, ...]:
        """The tags of the machine that a row is about, those it has and those it shall have; ``None`` for no machine.

        Only whoever has grants is judged by them.
        """
        if not self._actor.grants or not isinstance(row, Machine | Deployment):
            return (None,)
        stored = self.find(Machine, machine_id=row.machine_id) if row.machine_id else None
        about = (stored, row if isinstance(row, Machine) else None)
        return tuple(machine.tags for machine in about if machine is not None) or ((),)

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
