"""Writes that were carried out under an id of their asker's, so that none is carried out twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from machina_desktop.core.store.tables import APPLIED_OP
from machina_desktop.core.store.transaction import AppliedOp

KEPT = timedelta(days=90)
FORGOTTEN_AT_ONCE = 20

# The same words on both databases; of two that come at once, the second waits for the end of the first.
_BEGIN = sa.text(
    "INSERT INTO applied_op (op_id, name, user_id, digest, answer, at) "
    "VALUES (:op_id, :name, :user_id, :digest, NULL, :at) ON CONFLICT (op_id, name) DO NOTHING RETURNING op_id"
).bindparams(sa.bindparam("at", type_=APPLIED_OP.c.at.type))


class AppliedOps:
    """What a transaction does with them."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, op_id: str, name: str) -> AppliedOp | None:
        """The write of that kind under that id."""
        query = sa.select(APPLIED_OP).where(APPLIED_OP.c.op_id == op_id, APPLIED_OP.c.name == name)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else AppliedOp(user_id=row["user_id"], digest=row["digest"], answer=row["answer"])

    def begin(self, op_id: str, name: str, op: AppliedOp, at: datetime) -> AppliedOp | None:
        """Note a write that is about to be carried out; answers the one that was before, and then notes nothing."""
        values = {"op_id": op_id, "name": name, "user_id": op.user_id, "digest": op.digest, "at": at}
        if self._connection.execute(_BEGIN, values).scalar() is None:
            return self.find(op_id, name)
        self._forget(at - KEPT)
        return None

    def finish(self, op_id: str, name: str, answer: str) -> None:
        """Keep what was answered."""
        row = (APPLIED_OP.c.op_id == op_id, APPLIED_OP.c.name == name)
        self._connection.execute(sa.update(APPLIED_OP).where(*row).values(answer=answer))

    def _forget(self, until: datetime) -> None:
        """A few at a time, more than come: no write waits long for it, and none for another that does it too."""
        oldest = (
            sa.select(APPLIED_OP.c.op_id)
            .where(APPLIED_OP.c.at < until)
            .order_by(APPLIED_OP.c.at)
            .limit(FORGOTTEN_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        op_ids = tuple(self._connection.execute(oldest).scalars())
        if op_ids:
            self._connection.execute(
                sa.delete(APPLIED_OP).where(APPLIED_OP.c.op_id.in_(op_ids), APPLIED_OP.c.at < until)
            )
