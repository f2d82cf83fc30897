"""Logs read once for all who follow them: a thousand readers of one run cost the database as much as one."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from machina_desktop.core.codec import to_json
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.events import Changed, Event, EventBus, LogAppended
from machina_desktop.core.services.deployments import GetDeployment, ReadLog
from machina_desktop.core.services.dispatch import Dispatcher

CHUNK_BYTES = 64 << 10
KEPT = 64
"""So many pieces are kept: of each run that grows, its readers are at one of the newest."""


@dataclass(frozen=True)
class Piece:
    """What follows a byte of a run's log.

    Attributes:
        event: The lines, as the event that tells of them; empty where nothing follows.
        end: The byte after it.
        state: The run's, where nothing follows; read before the log when it is final: what a run says before it ends
            is never behind its end.
    """

    event: bytes
    end: int
    state: DeploymentState | None = None


@dataclass
class _Shared:
    """A piece that is being read, or was; without one when reading failed."""

    version: int
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)
    piece: Piece | None = None


class SharedLogs:
    """Reads for the streams of one process. Loop thread only.

    What a run has said stays said, so a piece with lines in it is good for everybody at that byte. That nothing
    follows is good only until the run is heard of again. Whoever asks must have been let in before: others may have
    read for them.

    Attributes:
        on_read: Called with a run of which something was read.
    """

    def __init__(self, dispatcher: Dispatcher, bus: EventBus) -> None:
        self._dispatcher = dispatcher
        self.on_read: Callable[[str], None] = lambda _deployment_id: None
        self._pieces: OrderedDict[tuple[str, int], _Shared] = OrderedDict()
        self._versions: dict[str, int] = {}
        # Before any stream: whoever is woken by an event finds it taken in here.
        bus.subscribe(self._hear)

    async def look(self, actor: Actor, deployment_id: str, offset: int) -> Piece:
        """What follows that byte now.

        Raises:
            MachinaError: the run is gone, or no line begins at that byte.
        """
        version = self._versions.setdefault(deployment_id, 0)
        place = (deployment_id, offset)
        shared = self._pieces.get(place)
        if shared is None or not _is_good(shared, version):
            shared = _Shared(version)
            self._keep(place, shared)
            try:
                shared.piece = await self._read(actor, deployment_id, offset)
            finally:
                # Without a piece when it failed: the others find out for themselves, as themselves.
                shared.is_ready.set()
                self.on_read(deployment_id)
            return shared.piece
        if not shared.is_ready.is_set():
            await shared.is_ready.wait()
        return shared.piece or await self._read(actor, deployment_id, offset)

    def _keep(self, place: tuple[str, int], shared: _Shared) -> None:
        self._pieces[place] = shared
        self._pieces.move_to_end(place)
        while len(self._pieces) > KEPT:
            (deployment_id, _offset), _oldest = self._pieces.popitem(last=False)
            if all(deployment_id != kept for kept, _ in self._pieces):
                self._versions.pop(deployment_id, None)

    async def _read(self, actor: Actor, deployment_id: str, offset: int) -> Piece:
        piece = await self._read_lines(actor, deployment_id, offset)
        if piece.event:
            return piece
        run = await self._dispatcher.execute(actor, GetDeployment(deployment_id=deployment_id))
        if run.state.is_final:
            piece = await self._read_lines(actor, deployment_id, offset)
        return piece if piece.event else Piece(b"", piece.end, run.state)

    async def _read_lines(self, actor: Actor, deployment_id: str, offset: int) -> Piece:
        ask = ReadLog(deployment_id=deployment_id, offset=offset, limit=CHUNK_BYTES)
        chunk = await self._dispatcher.execute(actor, ask)
        event = event_of("log", to_json(chunk), number=chunk.end) if chunk.end > offset else b""
        return Piece(event, chunk.end)

    def _hear(self, event: Event) -> None:
        if isinstance(event, LogAppended):
            self._outdate(event.deployment_id)
        elif isinstance(event, Changed):
            for change in event.changes:
                self._outdate(change.entity_id)

    def _outdate(self, deployment_id: str) -> None:
        if deployment_id in self._versions:
            self._versions[deployment_id] += 1


def _is_good(shared: _Shared, version: int) -> bool:
    if shared.version == version:
        return shared.piece is not None or not shared.is_ready.is_set()
    return shared.piece is not None and bool(shared.piece.event)


def event_of(name: str, data: bytes, *, number: int | None = None) -> bytes:
    """One event; ``data`` is JSON on one line."""
    head = b"" if number is None else b"id: %d\n" % number
    return b"%sevent: %s\ndata: %s\n\n" % (head, name.encode(), data)
