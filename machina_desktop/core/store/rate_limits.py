"""Attempts counted per window, for all processes that use the database."""

from __future__ import annotations

import sqlalchemy as sa

from machina_desktop.core.domain.throttle import Counter
from machina_desktop.core.store.tables import RATE_LIMIT

# The same words on both databases; two that count the same thing at once come one after the other.
_COUNT_UP = sa.text(
    "INSERT INTO rate_limit (key, ends_at, count) VALUES (:key, :ends_at, 1) "
    "ON CONFLICT (key, ends_at) DO UPDATE SET count = rate_limit.count + 1 RETURNING count"
)


class RateLimits:
    """What a transaction does with the counters of attempts."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def spent(self, counters: tuple[Counter, ...]) -> tuple[Counter, ...]:
        """Those that stand at their limit already."""
        keys = sa.tuple_(RATE_LIMIT.c.key, RATE_LIMIT.c.ends_at).in_([(each.key, each.ends_at) for each in counters])
        counts = {
            row["key"]: row["count"] for row in self._connection.execute(sa.select(RATE_LIMIT).where(keys)).mappings()
        }
        return tuple(each for each in counters if counts.get(each.key, 0) >= each.limit)

    def count_up(self, counters: tuple[Counter, ...], at_s: float) -> tuple[Counter, ...]:
        """Add an attempt to each; answers those that are above their limit by it.

        Windows that are over are forgotten whenever a new one begins.
        """
        above, begins = [], False
        for each in counters:
            values = {"key": each.key, "ends_at": each.ends_at}
            count = self._connection.execute(_COUNT_UP, values).scalar_one()
            begins = begins or count == 1
            if count > each.limit:
                above.append(each)
        if begins:
            self._connection.execute(sa.delete(RATE_LIMIT).where(RATE_LIMIT.c.ends_at <= int(at_s)))
        return tuple(above)
