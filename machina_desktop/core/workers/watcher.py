"""Tells this process what others wrote: the command line beside the window, or the window beside it."""

from __future__ import annotations

import asyncio
import logging

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.events import Change, Changed, Event, EventBus, LogAppended
from machina_desktop.core.store.database import Database

LOG = logging.getLogger(__name__)
LOOK_S = 0.5
SETTLE_S = 0.02


class FeedWatcher:
    """Publishes changes and log growth that another process committed; what this one wrote is known already."""

    def __init__(self, database: Database, bus: EventBus) -> None:
        self._database = database
        self._bus = bus
        self._own: set[tuple[str, int]] = set()
        self._unsubscribe = bus.subscribe(self._on_event)

    async def run(self) -> None:
        """Look twice a second, for ever."""
        heads: dict[str, int] | None = None
        logs = 0
        while True:
            try:
                if heads is None:
                    logs, heads = await self._database.log_head(), await self._database.change_heads()
                logs = await self._look(heads, logs)
            except Unavailable as error:
                LOG.warning("changes of others are looked for again in a moment: %s %s", error.code, error)
            await asyncio.sleep(LOOK_S)

    async def _look(self, heads: dict[str, int], logs: int) -> int:
        for team_id, head in (await self._database.change_heads()).items():
            known = heads.get(team_id, 0)
            if head > known:
                await self._publish(team_id, known)
                heads[team_id] = head
        self._own = {(team_id, seq) for team_id, seq in self._own if seq > heads.get(team_id, 0)}
        return await self._publish_logs(logs)

    def stop(self) -> None:
        """Stop listening to our own writes."""
        self._unsubscribe()

    async def _publish(self, team_id: str, after: int) -> None:
        changes = await self._database.changes_after(team_id, after)
        # What we have just committed ourselves may not have been announced yet.
        await asyncio.sleep(SETTLE_S)
        foreign = tuple(change for change in changes if (team_id, change.seq) not in self._own)
        if foreign:
            self._bus.publish(Changed(foreign))

    async def _publish_logs(self, after: int) -> int:
        grown, head = await self._database.logs_after(after)
        for deployment_id, end in grown:
            self._bus.publish(LogAppended(deployment_id, end))
        return head

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Changed):
            self._own |= {_number(change) for change in event.changes}


def _number(change: Change) -> tuple[str, int]:
    return change.team_id, change.seq
