"""Tells this process what others wrote: the command line beside the window, or one server process another."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.events import Changed, EventBus, LogAppended, SessionsEnded
from machina_desktop.core.store.database import Database
from machina_desktop.core.store.news import News

LOG = logging.getLogger(__name__)
LOOK_S = 0.5
LISTENING_LOOK_S = 2.0
LOGS = 256
"""So many logs are looked after; that of a run that has ended may still grow a little."""


class FeedWatcher:
    """Publishes changes and log growth that another process committed; what this one wrote is known already.

    It looks again and again, and at once where the database tells it to; what it hears are numbers only.
    """

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._heads: dict[str, int] | None = None
        self._ends: dict[str, int] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Look and listen, for ever."""
        loop = asyncio.get_running_loop()

        def heard(news: News | None) -> None:
            # The loop may be closed at any moment by its own thread.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._hear, news)

        pause_s = LISTENING_LOOK_S if self._database.listen(heard) else LOOK_S
        while True:
            self._wake.clear()
            try:
                await self._look()
            except Unavailable as error:
                LOG.warning("changes of others are looked for again in a moment: %s %s", error.code, error)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause_s)

    def _hear(self, news: News | None) -> None:
        if news is None:
            self._wake.set()
        elif news.is_sessions:
            self._bus.publish(SessionsEnded(news.name))
        elif self._database.is_own(news):
            return
        elif news.is_log:
            self._publish_log(news.name, news.number)
        else:
            self._wake.set()

    async def _look(self) -> None:
        if self._heads is None:
            self._ends = await self._database.log_ends()
            self._heads = await self._database.change_heads()
        for team_id, head in (await self._database.change_heads()).items():
            known = self._heads.get(team_id, 0)
            if head < known:
                # A copy of a team was made anew from a home that had been restored: its numbers began again.
                known = 0
            if head > known:
                # More may have come than the head told; what is cut off from the feed is behind it.
                self._heads[team_id] = max(head, await self._publish(team_id, known))
        for deployment_id, end in (await self._database.log_ends(tuple(self._ends))).items():
            self._publish_log(deployment_id, end)

    async def _publish(self, team_id: str, after: int) -> int:
        """Tell what others wrote; answers the newest number seen."""
        changes = await self._database.changes_after(team_id, after)
        foreign = tuple(change for change in changes if not self._database.is_own(News(team_id, change.seq)))
        self._ends = {change.entity_id: 0 for change in foreign if change.entity == "deployment"} | self._ends
        if foreign:
            self._bus.publish(Changed(foreign))
        return changes[-1].seq if changes else after

    def _publish_log(self, deployment_id: str, end: int) -> None:
        if end <= self._ends.get(deployment_id, 0):
            return
        # The logs that grew last stand last.
        self._ends.pop(deployment_id, None)
        self._ends[deployment_id] = end
        for oldest in tuple(self._ends)[:-LOGS]:
            del self._ends[oldest]
        if not self._database.is_own(News(deployment_id, end, is_log=True)):
            self._bus.publish(LogAppended(deployment_id, end))
