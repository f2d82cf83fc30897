"""A whole desktop as a process of its own, told what to do by lines on its standard input.

Started as ``python -m tests.drills.desktop_process [--window]`` with its data folder in the environment. Each line is a
JSON object with an ``id`` and one of

    {"call": "UpdateMachine", "fields": {…}}       a request through the person's gateway; answers the plain result
    {"seen": ["machine", ID, "notes", "x"]}        answers at what monotonic time the row was seen to have that value
    {"state": "live"}                              answers at what monotonic time the first server's line was so
    {"rows": TEAM}                                 all synced rows of a team here, and the number of its feed

and is answered, in whatever order, by ``{"id", "answer"}`` or ``{"id", "error": {"code", "message"}}``. With
``--window`` the real application runs behind its window; without, its core alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[2]))

from machina_desktop.core.codec import from_plain, to_plain
from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.events import Changed, ConnectionChanged, Event, EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.services.servers import ListServers
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.core.store.tables import ENTITIES
from machina_desktop.core.sync.team_copy import COPIER
from tests.drills.program import SealedProvider
from tests.fakes.provider import install

Json = dict[str, Any]
REQUESTS = {request.__name__: request for request in REGISTRY.by_request}
SYNCED = tuple(entity.name for entity in ENTITIES if entity.is_synced)


class Obedience:
    """Does what the lines say."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._waiting: dict[tuple[str, str, str, str], asyncio.Future[float]] = {}
        self._states: dict[str, asyncio.Future[float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        host.bus.subscribe(self._hear)

    async def live(self) -> None:
        """Until the lines end."""
        lines: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def read() -> None:
            with contextlib.suppress(RuntimeError):
                for line in sys.stdin:
                    loop.call_soon_threadsafe(lines.put_nowait, line)
                loop.call_soon_threadsafe(lines.put_nowait, "")

        threading.Thread(target=read, daemon=True).start()
        _say({"ready": os.getpid()})
        while line := await lines.get():
            task = asyncio.create_task(self._obey(json.loads(line)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _obey(self, asked: Json) -> None:
        try:
            answer = await self._answer(asked)
        except MachinaError as error:
            _say({"id": asked["id"], "error": {"code": error.code, "message": error.message}})
        else:
            _say({"id": asked["id"], "answer": answer})

    async def _answer(self, asked: Json) -> Any:
        if "call" in asked:
            ask = from_plain(asked["fields"], REQUESTS[asked["call"]])
            return to_plain(await self._host.gateway.call(cast("Request[object]", ask)))
        if "seen" in asked:
            return await self._seen(*asked["seen"])
        if "state" in asked:
            return await self._in_state(asked["state"])
        return await self._rows(asked["rows"])

    async def _seen(self, entity: str, key: str, field: str, value: Any) -> float:
        wanted = (entity, key, field, json.dumps(value))
        found = self._waiting.setdefault(wanted, asyncio.get_running_loop().create_future())
        row = await self._host.database.read(COPIER, lambda tx: tx.plain_row(entity, key))
        if row is not None and row.get(field) == value:
            return time.monotonic()
        return await found

    async def _in_state(self, state: str) -> float:
        found = self._states.setdefault(state, asyncio.get_running_loop().create_future())
        if any(each.connection == state for each in await self._host.gateway.call(ListServers())):
            return time.monotonic()
        return await found

    def _hear(self, event: Event) -> None:
        if isinstance(event, ConnectionChanged) and (state := self._states.pop(event.state, None)) is not None:
            state.set_result(time.monotonic())
        if not isinstance(event, Changed):
            return
        for change in event.changes:
            for field, value in (change.row or {}).items():
                key = (change.entity, change.entity_id, field, json.dumps(value))
                if (found := self._waiting.pop(key, None)) is not None:
                    found.set_result(time.monotonic())

    async def _rows(self, team_id: str) -> Json:
        def read(tx: Any) -> Json:
            rows, entity, after = [], "", ""
            while page := tx.read_rows(team_id, entity=entity, after=after, limit=500):
                rows += [[each.entity, each.entity_id, each.row] for each in page]
                entity, after = page[-1].entity, page[-1].entity_id
            head = tx.feed_head(team_id)
            return {"rows": rows, "seq": head.seq, "epoch": head.epoch}

        return cast("Json", await self._host.database.read(COPIER, read))


def _say(what: Json) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def _core() -> None:
    paths = Paths.default()
    paths.create()
    host = Host(paths, Settings(paths.settings), EventBus())
    await host.start()
    host.start_deployer()
    host.start_followers()
    await Obedience(host).live()
    await host.stop()


def _window() -> int:
    from tests.e2e.performance import run_with

    async def play(desktop: Any) -> None:
        # Nobody tells when the core has started.
        while desktop._host is None:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await Obedience(desktop._host).live()

    return run_with(play)


if __name__ == "__main__":
    install(SealedProvider())
    if "--window" in sys.argv:
        sys.exit(_window())
    asyncio.run(_core())
