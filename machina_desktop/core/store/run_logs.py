"""The logs of runs as chunks of bytes: appended, read by offset, and cut in the middle when they grow very long."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.ids import now
from machina_desktop.core.store.tables import ACTIVE, BY_SHAPE, CURSOR, LOG

CHUNK_BYTES = 64 << 10

LOG_HEAD_BYTES, LOG_TAIL_BYTES, LOG_SLACK_BYTES = 5 << 20, 15 << 20, 2 << 20
"""Of a log over head and tail, the middle is left out, each time it has grown by the slack."""


class RunLogs:
    """What a transaction does with logs; the meaning of each method stands with those of ``Transaction``."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def append(self, deployment_id: str, lines: tuple[LogLine, ...], cursors: Mapping[str, int]) -> int:
        """Add lines and say how far each source has been read; answers the log's length in bytes."""
        start = self._end(deployment_id)
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

    def _end(self, deployment_id: str) -> int:
        mine = sa.select(LOG.c.end).where(LOG.c.deployment_id == deployment_id)
        query = mine.order_by(LOG.c.start.desc()).limit(1)
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

    def read(self, deployment_id: str, offset: int, limit: int) -> tuple[bytes, int]:
        """Whole lines from ``offset`` on, about ``limit`` bytes, and the offset that follows them."""
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
        """How far each source file of a run has been read, in bytes."""
        query = sa.select(CURSOR.c.source, CURSOR.c.position).where(CURSOR.c.deployment_id == deployment_id)
        return {row.source: row.position for row in self._connection.execute(query)}

    def ends(self, also: tuple[str, ...]) -> dict[str, int]:
        """How long the logs of runs that are under way are, and those of ``also``, in bytes."""
        run = BY_SHAPE[Deployment].table.c
        newest = sa.select(LOG.c.end).where(LOG.c.deployment_id == run.deployment_id).order_by(LOG.c.start.desc())
        query = sa.select(run.deployment_id, newest.limit(1).scalar_subquery())
        found = [*self._connection.execute(query.where(ACTIVE))]
        if also:
            found += self._connection.execute(query.where(run.deployment_id.in_(also)))
        return {deployment_id: end for deployment_id, end in found if end}
