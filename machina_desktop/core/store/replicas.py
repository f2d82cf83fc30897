"""Copies of teams whose home is elsewhere: rows taken in as the home numbered them, nothing else believed of them."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from machina_desktop.core.codec import from_json, from_plain, to_json, to_plain
from machina_desktop.core.domain.custody import KEPT_BACK
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.invite import TeamInvite
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.domain.server import SCHEMA, Replica
from machina_desktop.core.domain.team import Team, TeamMember, User
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.events import Change
from machina_desktop.core.ids import now
from machina_desktop.core.store.feed import FEED
from machina_desktop.core.store.moves import CopiedRow
from machina_desktop.core.store.sql_transaction import SqlTransaction
from machina_desktop.core.store.tables import (
    BASE_ROW,
    BY_SHAPE,
    CHANGE,
    COUNTER,
    CURSOR,
    ENTITIES,
    LOG,
    METADATA,
    Entity,
)

LOGGER = logging.getLogger(__name__)
PURGED = "purged"
"""Epoch of a counter whose team is gone from here; no home has it."""
# Ids name folders, and no home is trusted with those.
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_SYNCED = {entity.name: entity for entity in ENTITIES if entity.is_synced}
_PEOPLE = frozenset({"user", "team", "team_member", "grant"})

Row = tuple[Entity[Any], str, object | None]
"""A row that was read and may be stored: its kind, its key, and the value; ``None`` for one that is deleted."""


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Whose rows are taken in.

    Attributes:
        home: The server's origin.
        own_ids: Who the person is here and at other servers: users that this home may not describe.
    """

    team_id: str
    server_id: str
    home: str
    own_ids: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Position:
    """How far a copy has come: numbers of different epochs have nothing to do with each other."""

    epoch: str
    seq: int


class Replicas:
    """What a transaction does with copies. What it writes is in ``tx.changes`` as the home numbered it."""

    def __init__(self, tx: SqlTransaction) -> None:
        self._tx = tx
        self._connection = tx.connection

    # Where a copy stands

    def position(self, team_id: str) -> Position | None:
        """Up to where the copy has taken its home's changes in; ``None`` where nothing was ever taken in."""
        query = sa.select(COUNTER.c.epoch, COUNTER.c.change_seq).where(COUNTER.c.team_id == team_id)
        found = self._connection.execute(query).first()
        return None if found is None else Position(found.epoch, found.change_seq)

    # Edits that wait

    def put_back(self, team_id: str) -> tuple[tuple[str, str], ...]:
        """Every row that waiting edits have changed is again as the home has it; answers kind and key of each."""
        kept = self._connection.execute(sa.select(BASE_ROW).where(BASE_ROW.c.team_id == team_id)).all()
        for base in kept:
            entity = _SYNCED[base.entity]
            value = None if base.row is None else from_json(base.row, entity.shape)
            self._write([(entity, base.entity_id, value)])
        self._connection.execute(sa.delete(BASE_ROW).where(BASE_ROW.c.team_id == team_id))
        return tuple((base.entity, base.entity_id) for base in kept)

    def base_of(self, team_id: str, entity: str, entity_id: str) -> dict[str, Any] | None:
        """A row as the home has it, as plain values; ``None`` for none."""
        at = (BASE_ROW.c.team_id == team_id, BASE_ROW.c.entity == entity, BASE_ROW.c.entity_id == entity_id)
        kept = self._connection.execute(sa.select(BASE_ROW.c.row).where(*at)).first()
        if kept is not None:
            return None if kept.row is None else from_json(kept.row, dict[str, Any])
        kind = _SYNCED[entity]
        query = sa.select(kind.table).where(kind.table.c[kind.key] == entity_id)
        found = self._connection.execute(query).mappings().first()
        return None if found is None else _plain(kind.value(found))

    # Changes

    def take_changes(self, origin: Origin, epoch: str, reaches: int, changes: Iterable[Change]) -> None:
        """Take in what the home wrote after the number where the copy stands; what is older is known already.

        Raises:
            Unavailable: E-SERVER-ANSWER, the home tells what cannot be; nothing may be kept of it.
        """
        since = self._since(origin.team_id)
        news = [change for change in changes if change.seq > since]
        rows: list[Row] = []
        for change in news:
            if change.team_id != origin.team_id or change.seq > reaches:
                raise _strange(origin, "a change that is not of this team")
            row = self._read(origin, change.entity, change.entity_id, change.row)
            if row is not None:
                rows.append(row)
                plain = None if row[2] is None else _plain(row[2])
                self._tx.changes.append(replace(change, row=plain))
        allowed = self._allowed(origin, rows)
        self._write(allowed)
        for entity, key, value in allowed:
            if value is None:
                # What this computer kept sealed of an account or a key ends with it.
                self._tx.delete_sealed(origin.team_id, entity.name, key)
        self._keep_changes(origin.team_id, self._tx.changes)
        self._count(origin.team_id, epoch, max(reaches, since))

    def _since(self, team_id: str) -> int:
        position = self.position(team_id)
        return position.seq if position else 0

    def _keep_changes(self, team_id: str, changes: Iterable[Change]) -> None:
        kept = [
            {
                "team_id": team_id,
                "seq": change.seq,
                "entity": change.entity,
                "entity_id": change.entity_id,
                "row": None if change.row is None else to_json(change.row).decode(),
                "at": change.at,
            }
            for change in changes
        ]
        if kept:
            self._connection.execute(sa.insert(CHANGE).prefix_with("OR REPLACE"), kept)

    def _count(self, team_id: str, epoch: str, seq: int) -> None:
        values = {"epoch": epoch, "change_seq": seq}
        written = self._connection.execute(sa.update(COUNTER).where(COUNTER.c.team_id == team_id).values(**values))
        if not written.rowcount:
            self._connection.execute(sa.insert(COUNTER).values(team_id=team_id, audit_seq=0, audit_digest="", **values))
        self._connection.execute(sa.delete(CHANGE).where(CHANGE.c.team_id == team_id, CHANGE.c.seq <= seq - FEED))

    # Snapshots

    def begin(self, origin: Origin) -> None:
        """A copy is made anew from now on; until it is whole, what was there stays readable.

        Raises:
            Unavailable: E-SERVER-ANSWER, a team of that id has another home.
        """
        self._refuse_foreign_team(origin)
        table = BY_SHAPE[Replica].table
        values = {"team_id": origin.team_id, "server_id": origin.server_id, "schema": SCHEMA, "is_whole": False}
        self._connection.execute(sa.insert(table).prefix_with("OR REPLACE").values(**values))

    def take_rows(self, origin: Origin, rows: Iterable[CopiedRow], head: int) -> None:
        """Take in rows of a snapshot that began when the home's newest change was ``head``."""
        at = now()
        read = [self._read(origin, each.entity, each.entity_id, each.row) for each in rows]
        known = [each for each in read if each is not None]
        self._write(self._allowed(origin, known))
        self._tx.changes += [
            Change(team_id=origin.team_id, seq=head, entity=entity.name, entity_id=key, row=_plain(value), at=at)
            for entity, key, value in known
        ]

    def finish(
        self, origin: Origin, epoch: str, head: int, kept: Mapping[str, frozenset[str]]
    ) -> tuple[CopiedRow, ...]:
        """The snapshot has been taken in: what it did not have goes, by kind and key; answers what went.

        The feed here begins anew at ``head``, with a change for each kind of row, so that others look again.
        """
        gone: list[CopiedRow] = []
        for entity in _SYNCED.values():
            if entity.shape is User:
                continue
            column, key = entity.table.c.team_id, entity.table.c[entity.key]
            had = self._connection.execute(sa.select(key).where(column == origin.team_id)).scalars().all()
            missing = [each for each in had if each not in kept.get(entity.name, frozenset())]
            for each in missing:
                row = self._connection.execute(sa.select(entity.table).where(key == each)).mappings().one()
                gone.append(CopiedRow(entity=entity.name, entity_id=each, row=_plain(entity.value(row))))
                self._connection.execute(sa.delete(entity.table).where(key == each))
        self._tx.changes += [_deleted(origin.team_id, head, each.entity, each.entity_id) for each in gone]
        self._connection.execute(sa.delete(CHANGE).where(CHANGE.c.team_id == origin.team_id))
        self._count(origin.team_id, epoch, head)
        self._keep_changes(origin.team_id, self._summary(origin, head, gone))
        table = BY_SHAPE[Replica].table
        self._connection.execute(sa.update(table).where(table.c.team_id == origin.team_id).values(is_whole=True))
        return tuple(gone)

    def _summary(self, origin: Origin, head: int, gone: list[CopiedRow]) -> list[Change]:
        """Of everything that is about people each row, of other kinds one; as many as there are numbers for."""
        rows: list[tuple[str, str, dict[str, Any] | None]] = [
            (each.entity, each.entity_id, None) for each in gone if each.entity in _PEOPLE
        ]
        for entity in _SYNCED.values():
            query = sa.select(entity.table).where(_owned(entity, origin.team_id)).order_by(entity.table.c[entity.key])
            found = self._connection.execute(query if entity.name in _PEOPLE else query.limit(1)).mappings()
            rows += [(entity.name, row[entity.key], _plain(entity.value(row))) for row in found]
        rows = rows[-head:] if head else []
        at = now()
        return [
            Change(team_id=origin.team_id, seq=seq, entity=entity, entity_id=key, row=row, at=at)
            for seq, (entity, key, row) in enumerate(rows, head - len(rows) + 1)
        ]

    # The end of a copy

    def purge(self, origin: Origin) -> None:
        """Remove all that is here of the team: rows, secrets, states, logs, edits. Its id alone is remembered.

        That there is a copy stays on record, for :meth:`forget`: words that were deleted are still in the file.

        Raises:
            Unavailable: E-SERVER-ANSWER, a team of that id has another home.
        """
        self._refuse_foreign_team(origin)
        team_id, seq = origin.team_id, self._since(origin.team_id)
        member, run = BY_SHAPE[TeamMember].table, BY_SHAPE[Deployment].table
        places = self._connection.execute(
            sa.select(member.c.team_member_id, member.c.user_id).where(member.c.team_id == team_id)
        ).all()
        runs = sa.select(run.c.deployment_id).where(run.c.team_id == team_id)
        for table in (LOG, CURSOR):
            self._connection.execute(sa.delete(table).where(table.c.deployment_id.in_(runs)))
        copied = BY_SHAPE[Replica].table
        for table in METADATA.sorted_tables:
            if "team_id" in table.c and table.name not in {COUNTER.name, copied.name}:
                self._connection.execute(sa.delete(table).where(table.c.team_id == team_id))
        self._connection.execute(sa.update(copied).where(copied.c.team_id == team_id).values(is_whole=False))
        self._forget_people(frozenset(place.user_id for place in places) - origin.own_ids)
        left = [("team_member", place.team_member_id) for place in places] + [("team", team_id)]
        changes = [_deleted(team_id, seq + number, *each) for number, each in enumerate(left, 1)]
        self._count(team_id, PURGED, seq + len(left))
        self._keep_changes(team_id, changes)
        self._tx.changes += changes

    def forget(self, team_id: str) -> None:
        """There is no copy any more, and nothing of it can be found in the file."""
        copied = BY_SHAPE[Replica].table
        self._connection.execute(sa.delete(copied).where(copied.c.team_id == team_id))

    def _forget_people(self, user_ids: frozenset[str]) -> None:
        user, member = BY_SHAPE[User].table, BY_SHAPE[TeamMember].table
        elsewhere = sa.select(member.c.user_id).where(member.c.user_id == user.c.user_id)
        self._connection.execute(sa.delete(user).where(user.c.user_id.in_(user_ids), ~sa.exists(elsewhere)))

    # What may be stored

    def _read(self, origin: Origin, name: str, key: str, row: Mapping[str, Any] | None) -> Row | None:
        """The row as ours; ``None`` for a kind that this version does not know or does not copy."""
        entity = _SYNCED.get(name)
        if entity is None:
            _note_unknown(origin.home, name[:40])
            return None
        if not _ID.fullmatch(key):
            raise _strange(origin, f"a {name} with an impossible id")
        if row is None:
            return (entity, key, None)
        try:
            value = from_plain(row, entity.shape)
        except InvalidInput as error:
            raise _strange(origin, f"a {name} that cannot be read") from error
        if getattr(value, entity.key) != key or getattr(value, "team_id", origin.team_id) != origin.team_id:
            raise _strange(origin, f"a {name} that is not of this team")
        if isinstance(value, Team):
            value = replace(value, home=origin.home)
        if isinstance(value, ProviderAccount):
            settings = {name: each for name, each in value.settings.items() if name not in KEPT_BACK}
            value = replace(value, settings=settings)
        return (entity, key, value)

    def _allowed(self, origin: Origin, rows: list[Row]) -> list[Row]:
        """The rows but those about people of other homes; one that another team has here is an attack."""
        self._refuse_foreign_team(origin)
        by_kind: dict[str, set[str]] = {}
        for entity, key, _value in rows:
            by_kind.setdefault(entity.name, set()).add(key)
        runs = [value for _entity, _key, value in rows if isinstance(value, Deployment)]
        machines = {run.machine_id for run in runs if run.machine_id}
        by_kind["machine"] = by_kind.get("machine", set()) | machines
        for name, keys in by_kind.items():
            if name != "user" and self._is_foreign(origin, _SYNCED[name], _SYNCED[name].key, keys):
                raise _strange(origin, f"a {name} that belongs to another team")
        codes = {value.code_hash for _entity, _key, value in rows if isinstance(value, TeamInvite)}
        if self._is_foreign(origin, BY_SHAPE[TeamInvite], "code_hash", codes):
            raise _strange(origin, "an invite that belongs to another team")
        foreign = self._people_of_others(origin, by_kind.get("user", set()))
        for user_id in foreign:
            LOGGER.warning("%s describes %s, who is known from elsewhere; that is left as it is", origin.home, user_id)
        return [row for row in rows if row[0].shape is not User or (row[1] not in foreign and row[2] is not None)]

    def _is_foreign(self, origin: Origin, entity: Entity[Any], column: str, values: set[str]) -> bool:
        if not values:
            return False
        table = entity.table
        query = sa.select(table.c.team_id).where(table.c[column].in_(values), table.c.team_id != origin.team_id)
        return self._connection.execute(query.limit(1)).first() is not None

    def _people_of_others(self, origin: Origin, user_ids: set[str]) -> set[str]:
        """Those of the users who are ours, or members of a team that has another home."""
        member, team = BY_SHAPE[TeamMember].table, BY_SHAPE[Team].table
        query = (
            sa.select(member.c.user_id)
            .join(team, team.c.team_id == member.c.team_id)
            .where(member.c.user_id.in_(user_ids), team.c.home != origin.home)
        )
        if not user_ids:
            return set()
        return {*(user_ids & origin.own_ids), *map(str, self._connection.execute(query).scalars())}

    def _refuse_foreign_team(self, origin: Origin) -> None:
        table = BY_SHAPE[Team].table
        query = sa.select(table.c.home).where(table.c.team_id == origin.team_id)
        found = self._connection.execute(query).first()
        if found is not None and found.home != origin.home:
            raise _strange(origin, "a team that lives somewhere else")

    def _write(self, rows: list[Row]) -> None:
        """One statement for each run of rows of one kind; a row that stands in the way of another is out of date."""
        for (entity, is_deletion), group in groupby(rows, key=lambda row: (row[0], row[2] is None)):
            if is_deletion:
                keys = [key for _entity, key, _value in group]
                self._connection.execute(sa.delete(entity.table).where(entity.table.c[entity.key].in_(keys)))
            else:
                values = [entity.row(value) for _entity, _key, value in group]
                self._connection.execute(sa.insert(entity.table).prefix_with("OR REPLACE"), values)


def _owned(entity: Entity[Any], team_id: str) -> sa.ColumnElement[bool]:
    if entity.shape is not User:
        return entity.table.c.team_id == team_id
    member = BY_SHAPE[TeamMember].table.c
    return entity.table.c.user_id.in_(sa.select(member.user_id).where(member.team_id == team_id))


def _deleted(team_id: str, seq: int, entity: str, entity_id: str) -> Change:
    return Change(team_id=team_id, seq=seq, entity=entity, entity_id=entity_id, row=None, at=now())


def _plain(value: object) -> dict[str, Any]:
    plain: dict[str, Any] = to_plain(value)
    return plain


@functools.cache
def _note_unknown(home: str, name: str) -> None:
    """Once a kind: a newer server has kinds of rows that this version has no use for."""
    LOGGER.warning("%s sends rows of kind %r, which are not copied here", home, name)


def _strange(origin: Origin, what: str) -> Unavailable:
    return Unavailable(
        f"{origin.home} sent {what}.",
        hint="Nothing of it was stored. Ask whoever runs the server.",
        code="E-SERVER-ANSWER",
    )
