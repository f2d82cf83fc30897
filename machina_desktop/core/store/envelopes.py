"""What is stored sealed: envelopes of secrets by their place, and of Terraform states by their number."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa

from machina_desktop.core.store.tables import SEALED, STATE
from machina_desktop.core.store.transaction import SealedPlace, StateRevision


class Envelopes:
    """What a transaction does with envelopes; who may is decided before."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def save(self, place: SealedPlace, envelope: bytes) -> None:
        """Keep a secret's envelope, in place of an earlier version."""
        at = (*_of_record(place.team_id, place.table, place.record_id), SEALED.c.field == place.field)
        self._connection.execute(sa.delete(SEALED).where(*at))
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

    def read(self, team_id: str, table: str, record_id: str) -> tuple[tuple[SealedPlace, bytes], ...]:
        """All envelopes of one record."""
        query = sa.select(SEALED).where(*_of_record(team_id, table, record_id))
        return tuple(
            (
                SealedPlace(team_id=team_id, table=table, record_id=record_id, field=row.field, version=row.version),
                row.envelope,
            )
            for row in self._connection.execute(query)
        )

    def delete(self, team_id: str, table: str, record_id: str) -> None:
        """Forget all envelopes of one record."""
        self._connection.execute(sa.delete(SEALED).where(*_of_record(team_id, table, record_id)))

    def has_any(self) -> bool:
        """Whether a secret or a state is stored."""
        secret = sa.select(sa.exists(sa.select(SEALED.c.field)))
        state = sa.select(sa.exists(sa.select(STATE.c.serial)))
        return bool(self._connection.execute(secret).scalar() or self._connection.execute(state).scalar())

    def save_state(self, revision: StateRevision, *, keep: int) -> None:
        """Keep a state; of its machine only the newest ``keep`` stay."""
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

    def reseal(self, again: Callable[[SealedPlace, bytes], bytes]) -> int:
        """Put what ``again`` makes of it in the place of every envelope, states of all serials included.

        Answers how many became another. A state's place is its machine's, with the serial as version.
        """
        done = 0
        for row in self._connection.execute(sa.select(SEALED)).all():
            at = SealedPlace(
                team_id=row.team_id,
                table=row.record_table,
                record_id=row.record_id,
                field=row.field,
                version=row.version,
            )
            where = (*_of_record(at.team_id, at.table, at.record_id), SEALED.c.field == at.field)
            done += self._resealed(SEALED, where, row.envelope, again(at, row.envelope))
        for row in self._connection.execute(sa.select(STATE)).all():
            at = SealedPlace(
                team_id=row.team_id, table=STATE.name, record_id=row.machine_id, field="state", version=row.serial
            )
            where = (STATE.c.machine_id == row.machine_id, STATE.c.lineage == row.lineage, STATE.c.serial == row.serial)
            done += self._resealed(STATE, where, row.envelope, again(at, row.envelope))
        return done

    def _resealed(self, table: sa.Table, where: tuple[sa.ColumnElement[bool], ...], old: bytes, new: bytes) -> int:
        if new == old:
            return 0
        self._connection.execute(sa.update(table).where(*where).values(envelope=new))
        return 1

    def newest_state(self, machine_id: str) -> StateRevision | None:
        """The state with the highest number."""
        query = sa.select(STATE).where(STATE.c.machine_id == machine_id).order_by(STATE.c.serial.desc()).limit(1)
        row = self._connection.execute(query).first()
        if row is None:
            return None
        return StateRevision(
            team_id=row.team_id, machine_id=machine_id, lineage=row.lineage, serial=row.serial, envelope=row.envelope
        )


def _of_record(team_id: str, table: str, record_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return SEALED.c.team_id == team_id, SEALED.c.record_table == table, SEALED.c.record_id == record_id
