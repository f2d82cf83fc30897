"""Teams that move, on SQLAlchemy Core: parts made and put aside, rows written without a number, and the note of a move.

While it is not decided which of two homes a team has, its counter gives out no number, so nothing can be written to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.errors import Bug, InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.store.moves import (
    PART_BYTES,
    CopiedRow,
    LogPiece,
    Move,
    Moves,
    MoveStep,
    OutgoingPart,
    TeamNumbers,
    TeamPart,
)
from machina_desktop.core.store.snapshots import Snapshots
from machina_desktop.core.store.tables import BY_SHAPE, COUNTER, CURSOR, IMPORT_PART, LOG, TEAM_MOVE

ROWS, EVENTS, LOGS = "rows", "events", "logs"
FETCHED = 200
PIECE_BYTES = 128 << 10
_EVENT = BY_SHAPE[AuditEvent]
_RUN = BY_SHAPE[Deployment].table


class SqlMoves(Moves):
    """One open transaction's; who may is decided before."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    # Parts that go

    def part(self, team_id: str, place: str, *, has_rows: bool) -> OutgoingPart:
        kind, _, rest = (place or (ROWS if has_rows else EVENTS)).partition("|")
        walk = {ROWS: self._rows, EVENTS: self._events, LOGS: self._logs}.get(kind)
        if walk is None:
            raise _no_place()
        found: list[Any] = []
        size = 0
        reached = rest
        for each, reached in walk(team_id, rest):
            found.append(each)
            size += len(to_json(each)) + 1
            if size >= PART_BYTES:
                return OutgoingPart(part=_part_of(kind, found), following=f"{kind}|{reached}")
        following = {ROWS: EVENTS, EVENTS: LOGS, LOGS: ""}[kind]
        return OutgoingPart(part=_part_of(kind, found), following=following)

    def _rows(self, team_id: str, rest: str) -> Iterator[tuple[CopiedRow, str]]:
        entity, _, after = rest.partition("|")
        while rows := Snapshots(self._connection).rows(team_id, entity, after, FETCHED):
            for row in rows:
                yield row, f"{row.entity}|{row.entity_id}"
            entity, after = rows[-1].entity, rows[-1].entity_id

    def _events(self, team_id: str, rest: str) -> Iterator[tuple[AuditEvent, str]]:
        after = _number(rest)
        table = _EVENT.table
        while True:
            query = sa.select(table).where(table.c.team_id == team_id, table.c.seq > after).order_by(table.c.seq)
            events = [_EVENT.value(row) for row in self._connection.execute(query.limit(FETCHED)).mappings()]
            for event in events:
                yield event, str(event.seq)
            if len(events) < FETCHED:
                return
            after = events[-1].seq

    def _logs(self, team_id: str, rest: str) -> Iterator[tuple[LogPiece, str]]:
        deployment_id, _, text = rest.partition("|")
        end = _number(text)
        run = LOG.c.deployment_id
        mine = run.in_(sa.select(_RUN.c.deployment_id).where(_RUN.c.team_id == team_id))
        while True:
            later = sa.or_(run > deployment_id, sa.and_(run == deployment_id, LOG.c.end > end))
            query = sa.select(LOG).where(mine, later).order_by(run, LOG.c.start).limit(1)
            row = self._connection.execute(query).first()
            if row is None:
                return
            for piece in _pieces(row, end if row.deployment_id == deployment_id else 0):
                yield piece, f"{piece.deployment_id}|{piece.end}"
            deployment_id, end = row.deployment_id, row.end

    def numbers(self, team_id: str) -> TeamNumbers:
        row = self._connection.execute(sa.select(COUNTER).where(COUNTER.c.team_id == team_id)).first()
        if row is None:
            return TeamNumbers(epoch="", change_seq=0, audit_seq=0, audit_digest="")
        return TeamNumbers(
            epoch=row.epoch, change_seq=row.change_seq, audit_seq=row.audit_seq, audit_digest=row.audit_digest
        )

    # Parts that come

    def keep_part(self, user_id: str, team_id: str, number: int, content: str, digest: str) -> None:
        self._connection.execute(sa.delete(IMPORT_PART).where(*_one(user_id, team_id, number)))
        self._connection.execute(
            sa.insert(IMPORT_PART).values(
                user_id=user_id, coming_team_id=team_id, number=number, content=content, digest=digest, at=now()
            )
        )

    def kept_parts(self, user_id: str, team_id: str = "") -> tuple[str, ...]:
        query = sa.select(IMPORT_PART.c.digest).where(IMPORT_PART.c.user_id == user_id)
        if team_id:
            query = query.where(IMPORT_PART.c.coming_team_id == team_id)
        return tuple(self._connection.execute(query.order_by(IMPORT_PART.c.number)).scalars())

    def read_part(self, user_id: str, team_id: str, number: int) -> str | None:
        query = sa.select(IMPORT_PART.c.content).where(*_one(user_id, team_id, number))
        content = self._connection.execute(query).scalar()
        return None if content is None else str(content)

    def forget_parts(self, user_id: str, team_id: str) -> None:
        mine = (IMPORT_PART.c.user_id == user_id, IMPORT_PART.c.coming_team_id == team_id)
        self._connection.execute(sa.delete(IMPORT_PART).where(*mine))

    def forget_old_parts(self, before: datetime) -> None:
        self._connection.execute(sa.delete(IMPORT_PART).where(IMPORT_PART.c.at < before))

    def take_in(self, rows: Iterable[object]) -> None:
        for shape, group in groupby(rows, key=type):
            entity = BY_SHAPE[shape]
            self._connection.execute(sa.insert(entity.table), [entity.row(row) for row in group])

    def take_in_logs(self, pieces: Iterable[LogPiece]) -> None:
        for piece in pieces:
            self._connection.execute(
                sa.delete(LOG).where(LOG.c.deployment_id == piece.deployment_id, LOG.c.start == piece.start)
            )
            self._connection.execute(
                sa.insert(LOG).values(
                    deployment_id=piece.deployment_id, start=piece.start, end=piece.end, data=piece.text.encode()
                )
            )

    def set_numbers(self, team_id: str, numbers: TeamNumbers) -> None:
        values: dict[str, object] = {
            "change_seq": numbers.change_seq,
            "audit_seq": numbers.audit_seq,
            "audit_digest": numbers.audit_digest,
        }
        if numbers.epoch:
            values["epoch"] = numbers.epoch
        written = self._connection.execute(sa.update(COUNTER).where(COUNTER.c.team_id == team_id).values(**values))
        if written.rowcount == 0:
            self._connection.execute(sa.insert(COUNTER).values(team_id=team_id, **values))

    # What happens here without a number

    def log_end(self, deployment_id: str) -> int:
        query = sa.select(sa.func.max(LOG.c.end)).where(LOG.c.deployment_id == deployment_id)
        return int(self._connection.execute(query).scalar() or 0)

    def forget_history(self, team_id: str) -> None:
        runs = sa.select(_RUN.c.deployment_id).where(_RUN.c.team_id == team_id)
        for table in (LOG, CURSOR):
            self._connection.execute(sa.delete(table).where(table.c.deployment_id.in_(runs)))
        self._connection.execute(sa.delete(_EVENT.table).where(_EVENT.table.c.team_id == team_id))

    def settle(self, row: object) -> None:
        entity = BY_SHAPE[type(row)]
        values = entity.row(row)
        key = values.pop(entity.key)
        written = self._connection.execute(
            sa.update(entity.table).where(entity.table.c[entity.key] == key).values(**values)
        )
        if written.rowcount != 1:
            raise Bug(f"There is no {entity.name} {key} to write over.")

    def remove(self, row: object) -> None:
        entity = BY_SHAPE[type(row)]
        self._connection.execute(sa.delete(entity.table).where(entity.table.c[entity.key] == getattr(row, entity.key)))

    # The note of a move

    def move_of(self, team_id: str) -> Move | None:
        return next((move for move in self.moves() if move.team_id == team_id), None)

    def moves(self) -> tuple[Move, ...]:
        query = sa.select(TEAM_MOVE).order_by(TEAM_MOVE.c.began_at)
        return tuple(
            Move(
                team_id=row.team_id,
                server_id=row.server_id,
                is_coming=row.is_coming,
                step=MoveStep(row.step),
                handle=row.handle,
                audit_seq=row.audit_seq,
                began_at=row.began_at,
            )
            for row in self._connection.execute(query)
        )

    def note(self, move: Move) -> None:
        self.end(move.team_id)
        self._connection.execute(
            sa.insert(TEAM_MOVE).values(
                team_id=move.team_id,
                server_id=move.server_id,
                is_coming=move.is_coming,
                step=move.step.value,
                handle=move.handle,
                audit_seq=move.audit_seq,
                began_at=move.began_at,
            )
        )

    def end(self, team_id: str) -> None:
        self._connection.execute(sa.delete(TEAM_MOVE).where(TEAM_MOVE.c.team_id == team_id))


def _part_of(kind: str, found: list[Any]) -> TeamPart:
    return {
        ROWS: lambda: TeamPart(rows=tuple(found)),
        EVENTS: lambda: TeamPart(events=tuple(found)),
        LOGS: lambda: TeamPart(logs=tuple(found)),
    }[kind]()


def _pieces(row: sa.Row[Any], after: int) -> Iterator[LogPiece]:
    """A stored chunk from byte ``after`` on; a long one comes in several pieces of whole lines."""
    if row.end - row.start != len(row.data):
        yield LogPiece(deployment_id=row.deployment_id, start=row.start, end=row.end, text=row.data.decode())
        return
    data = row.data[max(0, after - row.start) :]
    start = row.end - len(data)
    while data:
        # A line that is longer than a piece goes whole.
        cut = len(data) if len(data) <= PIECE_BYTES else data.rfind(b"\n", 0, PIECE_BYTES) + 1
        cut = cut or data.find(b"\n") + 1 or len(data)
        yield LogPiece(deployment_id=row.deployment_id, start=start, end=start + cut, text=data[:cut].decode())
        data, start = data[cut:], start + cut


def _one(user_id: str, team_id: str, number: int) -> tuple[sa.ColumnElement[bool], ...]:
    return IMPORT_PART.c.user_id == user_id, IMPORT_PART.c.coming_team_id == team_id, IMPORT_PART.c.number == number


def _number(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal() and len(text) < 18):
        raise _no_place()
    return int(text)


def _no_place() -> InvalidInput:
    return InvalidInput("This is no place in a team.", field="place", hint="Leave it out to begin.", code="E-PLACE")
