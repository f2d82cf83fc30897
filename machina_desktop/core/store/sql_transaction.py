"""A transaction on SQLAlchemy Core: team filter, change numbers and audit chain live here and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from machina_desktop.core.codec import to_plain
from machina_desktop.core.domain.agent import Agent
from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Actor, TeamMember, TeamRole, User
from machina_desktop.core.domain.throttle import Counter
from machina_desktop.core.errors import Bug, Conflict, NotFound
from machina_desktop.core.events import Change
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.store.applied_ops import AppliedOps
from machina_desktop.core.store.conditions import clauses, matches
from machina_desktop.core.store.envelopes import Envelopes
from machina_desktop.core.store.feed import Feed
from machina_desktop.core.store.heard_agents import HeardAgents
from machina_desktop.core.store.moves import CopiedRow
from machina_desktop.core.store.rate_limits import RateLimits
from machina_desktop.core.store.recording_lines import RecordingLines
from machina_desktop.core.store.run_logs import RunLogs
from machina_desktop.core.store.snapshots import Snapshots
from machina_desktop.core.store.sql_moves import SqlMoves
from machina_desktop.core.store.tables import (
    BY_NAME,
    BY_SHAPE,
    CURSOR,
    KEPT_OF_A_TEAM,
    LOG,
    METADATA,
    Entity,
)
from machina_desktop.core.store.transaction import (
    AppliedOp,
    FeedHead,
    Permit,
    SealedPlace,
    StateRevision,
    Transaction,
)

T = TypeVar("T")
_RANK = "rank_"


class StartOver(Exception):
    """The work wrote to teams after reading what others may have changed since; it must hold these from the start."""

    def __init__(self, team_ids: frozenset[str]) -> None:
        super().__init__(f"hold {', '.join(sorted(team_ids))}")
        self.team_ids = team_ids


class SqlTransaction(Transaction):
    """One open transaction of one actor. Lives on the store's threads only.

    ``permit`` is asked with the team of every row about to be written, and with the tags of its machine where grants
    decide; it raises when it is not allowed.

    Where several transactions write at once (``is_shared``), one that writes holds its teams: ``held`` from the
    start, others from when their first row is met. Nobody else writes to them before it ends, so what it reads of
    them stays true. When it wrote to a team only after reading, it is too late for that: :class:`StartOver`.
    """

    def __init__(
        self,
        connection: sa.Connection,
        actor: Actor,
        permit: Permit,
        *,
        limit: Callable[[tuple[str, ...] | None], None],
        is_shared: bool = False,
        held: frozenset[str] = frozenset(),
    ) -> None:
        self._connection = connection
        self._actor = actor
        self._permit_outside = permit
        self._feed = Feed(connection)
        self._envelopes = Envelopes(connection)
        self.ops = AppliedOps(connection)
        self._entered: set[str] = set()
        self._is_shared = is_shared
        self._held: frozenset[str] = frozenset()
        self._has_read = False
        self.changes: list[Change] = []
        self.logs: dict[str, int] = {}
        self.signed_out: set[str] = set()
        self.touched: dict[str, str] = {}
        self._limit = limit
        self._limit(self._reach())
        self._hold(*held)

    @property
    def connection(self) -> sa.Connection:
        """For what lies in the store itself."""
        return self._connection

    # Rows

    def get(self, shape: type[T], key: str) -> T:
        entity = _entity(shape)
        row = self._first(entity, entity.table.c[entity.key] == key)
        if row is None:
            raise _missing(entity, key)
        return row

    def find(self, shape: type[T], **conditions: object) -> T | None:
        entity = _entity(shape)
        return self._first(entity, *clauses(entity, conditions))

    def find_or_other(self, shape: type[T], **conditions: object) -> tuple[T | None, bool]:
        entity = _entity(shape)
        self._has_read = True
        any_row = sa.select(entity.table).where(*self._visible(entity)).limit(1)
        wanted, other = any_row.where(*clauses(entity, conditions)).subquery(), any_row.subquery()
        # The order makes the database read both.
        query = sa.union_all(
            sa.select(wanted, sa.literal(0).label(_RANK)), sa.select(other, sa.literal(1).label(_RANK))
        ).order_by(_RANK)
        found = self._connection.execute(query.limit(1)).mappings().first()
        if found is None:
            return None, False
        fields = dict(found)
        rank = fields.pop(_RANK)
        return shape(**fields), rank == 0

    def find_anywhere(self, shape: type[T], **conditions: object) -> T | None:
        entity = _entity(shape)
        self._has_read = True
        query = self._alone(entity, sa.select(entity.table).where(*clauses(entity, conditions)).limit(1))
        with self._everywhere():
            row = self._connection.execute(query).mappings().first()
        return None if row is None else entity.value(row)

    def enter(self, team_id: str, role: TeamRole) -> None:
        self._actor = replace(self._actor, team_roles=(*self._actor.team_roles, (team_id, role)))
        self._limit(self._reach())
        self._take((team_id,))
        self._entered.add(team_id)

    def lock(self, shape: type[object], key: str) -> None:
        entity = _entity(shape)
        column = entity.table.c[entity.key]
        self._connection.execute(sa.select(column).where(column == key).with_for_update())
        self._has_read = True

    def concern(self, user_id: str, target: str) -> None:
        for team_id in self._teams_of_person(user_id):
            self.touched.setdefault(team_id, target)

    def sign_out(self, user_id: str) -> None:
        self.signed_out.add(user_id)

    def share(self, row: object, team_id: str) -> None:
        self._hold(team_id)
        self.changes.append(self._feed.append(_entity(type(row)), row, team_id, exists=True))

    def plain_row(self, entity: str, key: str) -> dict[str, Any] | None:
        known = BY_NAME.get(entity)
        if known is None or not known.is_synced or "team_id" not in known.table.c:
            return None
        row = self._first(known, known.table.c[known.key] == key)
        return None if row is None else cast("dict[str, Any]", to_plain(row))

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
        self._has_read = True
        order = entity.table.c[order_by or entity.key]
        tie = entity.table.c[entity.key]
        query = (
            sa.select(entity.table)
            .where(*self._visible(entity), *clauses(entity, {**(where or {}), **conditions}), *matches(entity, search))
            .order_by(order.desc() if descending else order, tie.desc() if descending else tie)
            .limit(limit)
            .offset(offset)
        )
        return tuple(entity.value(row) for row in self._connection.execute(query).mappings())

    def count(self, shape: type[object], *, search: str = "", **conditions: object) -> int:
        entity = _entity(shape)
        self._has_read = True
        query = (
            sa.select(sa.func.count())
            .select_from(entity.table)
            .where(*self._visible(entity), *clauses(entity, conditions), *matches(entity, search))
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
        RecordingLines(self._connection).remove_of(team_id)
        for table in (LOG, CURSOR):
            self._connection.execute(sa.delete(table).where(table.c.deployment_id.in_(runs)))
        for table in METADATA.sorted_tables:
            if "team_id" in table.c and table.name not in KEPT_OF_A_TEAM:
                self._connection.execute(sa.delete(table).where(table.c.team_id == team_id))

    # Secrets and states

    def save_sealed(self, place: SealedPlace, envelope: bytes) -> None:
        self._permit(place.team_id)
        self._envelopes.save(place, envelope)

    def read_sealed(self, team_id: str, table: str, record_id: str) -> tuple[tuple[SealedPlace, bytes], ...]:
        self._require_team(team_id)
        self._has_read = True
        return self._envelopes.read(team_id, table, record_id)

    def delete_sealed(self, team_id: str, table: str, record_id: str) -> None:
        self._permit(team_id)
        self._envelopes.delete(team_id, table, record_id)

    def has_sealed(self) -> bool:
        """Whether any envelope is stored: then a vault must never be made anew."""
        return self._envelopes.has_any()

    def reseal(self, again: Callable[[SealedPlace, bytes], bytes]) -> int:
        """Put what ``again`` makes of it in the place of every envelope of all teams; answers how many it changed."""
        with self._everywhere():
            return self._envelopes.reseal(again)

    def save_state(self, revision: StateRevision, *, keep: int) -> None:
        self._permit(revision.team_id)
        newest = self.read_state(revision.machine_id)
        if newest is not None and (newest.lineage != revision.lineage or newest.serial > revision.serial):
            raise Conflict(
                "A newer state of this machine, or one of another lineage, is already stored.",
                hint="Refresh the machine before doing anything else with it.",
                code="E-STATE-STALE",
            )
        self._envelopes.save_state(revision, keep=keep)

    def read_state(self, machine_id: str) -> StateRevision | None:
        self._has_read = True
        with self._everywhere():
            newest = self._envelopes.newest_state(machine_id)
        if newest is not None:
            self._require_team(newest.team_id)
        return newest

    # Logs

    def append_log(self, deployment_id: str, lines: tuple[LogLine, ...], cursors: Mapping[str, int]) -> int:
        self.logs[deployment_id] = RunLogs(self._connection).append(deployment_id, lines, cursors)
        return self.logs[deployment_id]

    def read_log(self, deployment_id: str, offset: int, limit: int) -> tuple[bytes, int]:
        return RunLogs(self._connection).read(deployment_id, offset, limit)

    def read_cursors(self, deployment_id: str) -> dict[str, int]:
        return RunLogs(self._connection).read_cursors(deployment_id)

    def log_ends(self, also: tuple[str, ...]) -> dict[str, int]:
        """How long the logs of runs that are under way are, and those of ``also``, in bytes."""
        return RunLogs(self._connection).ends(also)

    # Audit and feed

    def read_chain(self, team_id: str, *, after: int | None = None, limit: int = 1000) -> tuple[AuditEvent, ...]:
        self._require_team(team_id)
        following = {} if after is None else {"seq__ge": after + 1}
        return self.list(AuditEvent, following, team_id=team_id, order_by="seq", limit=limit)

    def audit_head(self, team_id: str) -> tuple[int, str]:
        return self._feed.audit_head(team_id)

    def read_changes(self, team_id: str, after: int) -> tuple[Change, ...]:
        """Changes with a higher number, oldest first."""
        return self._feed.read(team_id, after)

    def feed_head(self, team_id: str) -> FeedHead:
        self._require_team(team_id)
        return Snapshots(self._connection).head(team_id)

    def read_feed(self, team_id: str, *, after: int, limit: int) -> tuple[Change, ...]:
        self._require_team(team_id)
        return Snapshots(self._connection).changes(team_id, after, limit)

    def read_rows(self, team_id: str, *, entity: str, after: str, limit: int) -> tuple[CopiedRow, ...]:
        self._require_team(team_id)
        return Snapshots(self._connection).rows(team_id, entity, after, limit)

    def change_heads(self) -> dict[str, int]:
        """The newest change number of every team."""
        return self._feed.heads()

    def audit(self, team_id: str, action: str, target: str, outcome: AuditOutcome, detail: str = "") -> None:
        """Append one event to the team's chain."""
        self._hold(team_id)
        self._feed.audit(
            AuditEvent(
                audit_event_id=new_id("audit"),
                team_id=team_id,
                seq=0,
                at=now(),
                actor_id=self._actor.user_id,
                actor_name=self._actor.display_name,
                action=action,
                target=target,
                outcome=outcome,
                detail=detail,
                ip_address=self._actor.client.address,
                user_agent=self._actor.client.user_agent,
            )
        )

    def applied_op(self, op_id: str, name: str) -> AppliedOp | None:
        return self.ops.find(op_id, name)

    # Attempts

    def spent(self, counters: tuple[Counter, ...]) -> tuple[Counter, ...]:
        return RateLimits(self._connection).spent(counters)

    def count_up(self, counters: tuple[Counter, ...], at_s: float) -> tuple[Counter, ...]:
        return RateLimits(self._connection).count_up(counters, at_s)

    @property
    def agents(self) -> HeardAgents:
        return HeardAgents(self._connection)

    @property
    def recordings(self) -> RecordingLines:
        self._has_read = True
        return RecordingLines(self._connection)

    @property
    def moves(self) -> SqlMoves:
        self._has_read = True
        return SqlMoves(self._connection)

    # Rules every row goes through

    def _first(self, entity: Entity[T], *wanted: sa.ColumnElement[bool]) -> T | None:
        query = self._alone(entity, sa.select(entity.table).where(*self._visible(entity), *wanted).limit(1))
        row = self._connection.execute(query).mappings().first()
        team_id = None if row is None else row.get("team_id")
        if self._is_shared and not self._has_read and isinstance(team_id, str) and team_id not in self._held:
            # Whoever held the team until now may have changed the row.
            self._hold(team_id)
            row = self._connection.execute(query).mappings().first()
        self._has_read = True
        return None if row is None else entity.value(row)

    def _alone(self, entity: Entity[Any], query: sa.Select[Any]) -> sa.Select[Any]:
        """Who may write a row of no team holds the row itself, so that nobody else changes it meanwhile."""
        return query.with_for_update() if self._is_shared and "team_id" not in entity.table.c else query

    def _visible(self, entity: Entity[Any]) -> tuple[sa.ColumnElement[bool], ...]:
        if self._actor.is_runner or "team_id" not in entity.table.c:
            return ()
        teams = self._reach() or ()
        column = entity.table.c.team_id
        return (sa.or_(column.in_(teams), column.is_(None)) if column.nullable else column.in_(teams),)

    def _reach(self) -> tuple[str, ...] | None:
        return None if self._actor.is_runner else tuple(team_id for team_id, _role in self._actor.team_roles)

    @contextmanager
    def _everywhere(self) -> Iterator[None]:
        """For the little that concerns teams the actor may not be in."""
        self._limit(None)
        yield
        self._limit(self._reach())

    def _require_team(self, team_id: str) -> None:
        if not self._actor.is_runner and self._actor.role_in(team_id) is None:
            raise NotFound("There is no such team.")

    def _permit(self, team_id: str, tags: tuple[str, ...] | None = None) -> None:
        if team_id not in self._entered:
            self._permit_outside(team_id, tags)
        self._hold(team_id)

    def _hold(self, *team_ids: str) -> None:
        wanted = self._held.union(team_ids)
        if not self._is_shared or wanted == self._held:
            return
        if self._has_read:
            raise StartOver(wanted)
        self._take(team_ids)

    def _take(self, team_ids: tuple[str, ...]) -> None:
        # Always in the same order, so that two do not wait for each other.
        for team_id in sorted(set(team_ids) - self._held):
            self._feed.hold(team_id)
        self._held = self._held.union(team_ids)

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
        if not self._actor.grants or not isinstance(row, Machine | Deployment | Agent):
            return (None,)
        stored = self.find(Machine, machine_id=row.machine_id) if row.machine_id else None
        about = (stored, row if isinstance(row, Machine) else None)
        return tuple(machine.tags for machine in about if machine is not None) or ((),)

    def _record(self, entity: Entity[Any], row: object, *, exists: bool) -> None:
        with self._everywhere() if isinstance(row, User) else nullcontext():
            team_ids = self._teams_of(row)
            self._hold(*team_ids)
            for team_id in team_ids:
                self.touched.setdefault(team_id, f"{entity.name}:{getattr(row, entity.key)}")
                if entity.is_synced:
                    self.changes.append(self._feed.append(entity, row, team_id, exists=exists))

    def _teams_of(self, row: object) -> tuple[str, ...]:
        """The teams that a write concerns: of a person those they are in."""
        if isinstance(row, User):
            return self._teams_of_person(row.user_id)
        team_id = getattr(row, "team_id", None)
        return (team_id,) if isinstance(team_id, str) else ()

    def _teams_of_person(self, user_id: str) -> tuple[str, ...]:
        member = _entity(TeamMember).table
        query = sa.select(member.c.team_id).where(member.c.user_id == user_id)
        return tuple(self._connection.execute(query).scalars())


def _entity(shape: type[T]) -> Entity[T]:
    try:
        return BY_SHAPE[shape]
    except KeyError:
        raise Bug(f"{shape.__name__} has no table.") from None


def _missing(entity: Entity[Any], key: object) -> NotFound:
    return NotFound(f"There is no {entity.name.replace('_', ' ')} {key}.", hint="It may have been deleted.")
