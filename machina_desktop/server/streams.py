"""Server-sent events: streams that lose nothing, end with the right to read, and cannot be held by slow readers."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from litestar.types import Receive, Scope, Send

from machina_desktop.core.codec import to_json, to_plain
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import MachinaError, NotFound, TooMany
from machina_desktop.core.events import Changed, Event, EventBus, LogAppended
from machina_desktop.core.services.deployments import GetDeployment
from machina_desktop.core.services.dispatch import permit_for
from machina_desktop.core.services.use_case import REGISTRY
from machina_desktop.server.errors import problem_of
from machina_desktop.server.metrics import Metrics
from machina_desktop.server.rights import Reader, Rights
from machina_desktop.server.shared_logs import SharedLogs, event_of

PER_USER = 10
PATIENCE_S = 0.05
MEDIA_TYPE = b"text/event-stream; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Times:
    """How long streams wait, in seconds.

    Attributes:
        heartbeat_s: After that much silence a comment tells that the line still stands.
        hint_heartbeat_s: The same for who follows the feeds, and wants to know soon that it is cut off.
        recheck_s: So often it is asked whether the reader may still read.
        slow_s: A reader that takes nothing for so long is let go.
        settle_s: A run that has ended may still say its last words within that time.
    """

    heartbeat_s: float = 15.0
    hint_heartbeat_s: float = 2.0
    recheck_s: float = 15.0
    slow_s: float = 30.0
    settle_s: float = 1.0


RUNS_KNOWN = 4096


class RunTeams:
    """Which team a run belongs to, looked up once for all streams: what is told of logs does not say it."""

    def __init__(self, find: Callable[[str], Awaitable[str]]) -> None:
        """``find`` answers the team of a run, nothing when there is no such run."""
        self._find = find
        self._known: dict[str, str] = {}
        self._lock = asyncio.Lock()

    def known(self, deployment_id: str) -> str | None:
        """As :meth:`team_of`, where it was looked up already."""
        return self._known.get(deployment_id)

    async def team_of(self, deployment_id: str) -> str:
        """The team's id; empty when there is no such run."""
        async with self._lock:
            if deployment_id not in self._known:
                self._known[deployment_id] = await self._find(deployment_id)
                while len(self._known) > RUNS_KNOWN:
                    del self._known[next(iter(self._known))]
            return self._known[deployment_id]


class Streams:
    """All streams of one process: their number is bounded for each person, and they end together.

    Attributes:
        rights: Of those who read.
    """

    def __init__(self, metrics: Metrics, times: Times, bus: EventBus, logs: SharedLogs, rights: Rights) -> None:
        self.times = times
        self.logs = logs
        self.rights = rights
        logs.on_read = self._wake_waiting
        self._waiting: dict[str, list[Stream]] = {}
        self._metrics = metrics
        self._by_user: Counter[str] = Counter()
        self._open: dict[str, set[Stream]] = {}
        # Once for all: the bus calls each listener by itself, and there may be a thousand streams.
        bus.subscribe(self._hear)

    @property
    def count(self) -> int:
        """How many are open."""
        return sum(map(len, self._open.values()))

    def admit(self, stream: Stream) -> None:
        """Count a stream before it begins.

        Raises:
            TooMany: its reader has as many as anybody may.
        """
        user_id = stream.reader.actor.user_id
        if self._by_user[user_id] >= PER_USER:
            raise TooMany(
                f"You follow {PER_USER} streams already.", retry_after_s=5, hint="Close one first.", code="E-STREAMS"
            )
        self._by_user[user_id] += 1
        self._metrics.streams[stream.kind] += 1
        self._open.setdefault(stream.topic, set()).add(stream)
        stream.reader = self.rights.join(stream.reader, stream.wake)

    def dismiss(self, stream: Stream) -> None:
        """It has ended."""
        siblings = self._open.get(stream.topic, set())
        if stream not in siblings:
            return
        siblings.discard(stream)
        if not siblings:
            del self._open[stream.topic]
        self.rights.leave(stream.reader, stream.wake)
        user_id = stream.reader.actor.user_id
        self._metrics.streams[stream.kind] -= 1
        self._by_user[user_id] -= 1
        if not self._by_user[user_id]:
            del self._by_user[user_id]

    def check(self, user_id: str) -> None:
        """Ask now, not in a while, whether that person may still read."""
        self.rights.check(user_id)

    def _hear(self, event: Event) -> None:
        if isinstance(event, LogAppended):
            self._hear_log(event)
            return
        # First of all: what is sent of this event is sent to whoever may read after it.
        self.rights.hear(event)
        if isinstance(event, Changed):
            for topic in {"", *(change.entity_id for change in event.changes)}:
                for stream in self._open.get(topic, ()):
                    if stream.concerns(event):
                        stream.wake()

    def _hear_log(self, event: LogAppended) -> None:
        for stream in self._open.get("", ()):
            if stream.concerns(event):
                stream.wake()
        readers = [stream for stream in self._open.get(event.deployment_id, ()) if stream.concerns(event)]
        first = next((each for each in readers if not each.is_sending and each.reader.is_trusted), None)
        if first is None:
            # Each looks by itself when it has got rid of what it holds, or is trusted again.
            return
        first.wake()
        # One reads; the others are woken with what it has read, or do it themselves when it lets them wait.
        if event.deployment_id not in self._waiting:
            asyncio.get_running_loop().call_later(PATIENCE_S, self._wake_waiting, event.deployment_id)
        self._waiting.setdefault(event.deployment_id, []).extend(readers)

    def _wake_waiting(self, deployment_id: str) -> None:
        for stream in self._waiting.pop(deployment_id, ()):
            stream.wake()

    def stop(self) -> None:
        """End every stream; readers come back with the number of the last event they got."""
        for streams in self._open.values():
            for stream in streams:
                stream.end()


class Stream(ABC):
    """One stream of events to one reader; it is an ASGI application that answers once.

    It listens before it reads, and reads again whenever it was woken: what happens in between is never missed, and a
    position tells what was sent, so nothing is sent twice.

    Attributes:
        reader: Whose it is.
        topic: The run it is about; empty where it is about all.
    """

    kind: str

    def __init__(self, reader: Reader, streams: Streams, *, topic: str = "") -> None:
        self.reader = reader
        self.topic = topic
        self._streams = streams
        self._actor: Actor | None = None
        self._wake = asyncio.Event()
        self._is_over = False
        self._is_last = False
        self._is_silent = False
        self._is_slow = False
        self._sends_since = 0.0
        self._quiet_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None

    @property
    def heartbeat_s(self) -> float:
        """After that much silence a comment is sent."""
        return self._streams.times.heartbeat_s

    @property
    def is_sending(self) -> bool:
        """Whether it waits for its reader to take something."""
        return self._sends_since > 0

    @abstractmethod
    def concerns(self, event: Event) -> bool:
        """Whether ``event`` may have something to send; takes it in. Must be quick."""

    @abstractmethod
    async def news(self) -> bytes:
        """What is to be sent next, as whole events; empty for nothing now. The last one comes with :meth:`finish`."""

    @abstractmethod
    def check_leave(self, actor: Actor) -> None:
        """See whether the reader, as they are now, may still read this.

        Raises:
            MachinaError: they may not.
        """

    def wake(self) -> None:
        """Look for something to send."""
        self._wake.set()

    def finish(self) -> None:
        """Send what is found now, as soon as the reader may have it, and nothing more."""
        self._is_last = True

    def end(self) -> None:
        """Send nothing more."""
        self._is_over = True
        self._wake.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._task = asyncio.current_task()
        self._look_after()
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch(receive), name="stream reader")
                await self._run(send)
                watch.cancel()
        except asyncio.CancelledError:
            if self._task is None or not self._is_slow:
                raise
            self._task.uncancel()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._streams.dismiss(self)

    async def _run(self, send: Send) -> None:
        headers = [(b"content-type", MEDIA_TYPE), (b"x-accel-buffering", b"no")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await self._send(send, b": machina\n")
        try:
            await self._tell(send)
        except MachinaError as error:
            await self._send(send, _gone(error))
        await self._send(send, b"", more=False)

    async def _tell(self, send: Send) -> None:
        found = b""
        while not self._is_over:
            self._wake.clear()
            if self._may_read():
                found = found or await self.news()
                # Reading takes its time: whoever may not read any more meanwhile does not get it.
                if found and self._may_read():
                    await self._send(send, found)
                    if self._is_last:
                        return
                    found = b""
                    continue
            await self._rest(send)

    def _may_read(self) -> bool:
        """Whether something may be sent now; if not, the stream is woken when that is known.

        Raises:
            MachinaError: never any more.
        """
        reader = self.reader
        if not reader.is_trusted:
            if reader.refusal is not None:
                raise reader.refusal
            return False
        if reader.actor is not self._actor:
            self.check_leave(reader.actor)
            self._actor = reader.actor
        return True

    async def _rest(self, send: Send) -> None:
        self._quiet_until = time.monotonic() + self._pause_s
        await self._wake.wait()
        if self._is_silent:
            self._is_silent = False
            # A comment alone: some readers take an empty line for an event as soon as one had an id.
            await self._send(send, b":\n")

    @property
    def _pause_s(self) -> float:
        return min(self.heartbeat_s, self._streams.times.recheck_s)

    def _look_after(self) -> None:
        """Break the silence after a while, and let go of a reader that takes nothing; again and again."""
        at = time.monotonic()
        if self._sends_since and at - self._sends_since > self._streams.times.slow_s and self._task is not None:
            self._is_slow = True
            self._task.cancel()
            return
        left_s = self._quiet_until - at
        if self._quiet_until and left_s <= 0:
            self._is_silent = True
            self._wake.set()
        self._timer = asyncio.get_running_loop().call_later(left_s if left_s > 0 else self._pause_s, self._look_after)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        # The server takes no more than its buffer holds: waiting here is waiting for the reader. It is watched by the
        # one timer of the stream, for a timer of its own would cost as much as sending does.
        self._sends_since = time.monotonic()
        await send({"type": "http.response.body", "body": body, "more_body": more})
        self._sends_since = 0.0

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.end()


class LogStream(Stream):
    """A run's log from a byte on: events ``log`` with a chunk, its end as the event's id; ``end`` when it is whole."""

    kind = "log"

    def __init__(self, reader: Reader, streams: Streams, *, run: Deployment, offset: int) -> None:
        """The reader may read ``run``, and a line of its log begins at ``offset``."""
        super().__init__(reader, streams, topic=run.deployment_id)
        self._team_id = run.team_id
        self._logs = streams.logs
        self._offset = offset
        self._heard_end = 0
        self._may_have_more = True
        self._is_settled = False

    def check_leave(self, actor: Actor) -> None:
        # As the use case itself would decide, and a run stays in its team.
        permit_for(actor, REGISTRY.find(GetDeployment))("", None)
        if actor.role_in(self._team_id) is None:
            raise NotFound("There is no such deployment.")

    def concerns(self, event: Event) -> bool:
        if isinstance(event, LogAppended):
            self._heard_end = max(self._heard_end, event.end)
            return True
        if isinstance(event, Changed) and any(change.entity_id == self.topic for change in event.changes):
            self._may_have_more = True
            return True
        return False

    async def news(self) -> bytes:
        while self._may_have_more or self._offset < self._heard_end:
            had_more, self._may_have_more, heard_end = self._may_have_more, False, self._heard_end
            piece = await self._logs.look(self.reader.actor, self.topic, self._offset)
            if piece.event:
                # How a run stands is known where nothing follows.
                self._offset, self._may_have_more, self._is_settled = piece.end, had_more, False
                return piece.event
            if piece.state is None or not piece.state.is_final:
                if self._heard_end == heard_end:
                    # Nor was more heard of meanwhile.
                    self._heard_end = min(heard_end, self._offset)
            elif not self._is_settled:
                self._may_have_more = self._is_settled = True
                await asyncio.sleep(self._streams.times.settle_s)
            else:
                self.finish()
                return event_of("end", to_json({"state": piece.state}), number=self._offset)
        return b""


@dataclass(frozen=True, kw_only=True)
class Heads:
    """Where a stream of hints learns what it tells.

    Attributes:
        feeds: The newest change of every team.
        logs: How long the logs of runs under way are, in bytes.
        runs: Whose they are.
    """

    feeds: Callable[[], Awaitable[dict[str, int]]]
    logs: Callable[[], Awaitable[dict[str, int]]]
    runs: RunTeams


class HintStream(Stream):
    """How far the feeds and the logs of the reader's teams have grown: numbers, and nothing of what they count.

    Events ``hint`` with a team and its newest change, events ``log`` with a run and the end of its log. At first each
    team and each run under way is told; a reader who comes back misses nothing, whatever happened meanwhile.
    """

    kind = "hints"

    def __init__(self, reader: Reader, streams: Streams, *, heads: Heads) -> None:
        super().__init__(reader, streams)
        self._heads = heads
        self._heard: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._logs: dict[str, int] = {}
        self._has_begun = False

    @property
    def heartbeat_s(self) -> float:
        return self._streams.times.hint_heartbeat_s

    def check_leave(self, actor: Actor) -> None:
        """What is told is told of the teams the reader is in; there may be none."""

    def concerns(self, event: Event) -> bool:
        if isinstance(event, LogAppended):
            team_id = self._heads.runs.known(event.deployment_id)
            if team_id is not None and self.reader.actor.role_in(team_id) is None:
                # Logs grow all the time, and most are no business of most readers.
                return False
            self._logs[event.deployment_id] = max(event.end, self._logs.get(event.deployment_id, 0))
            return True
        if not isinstance(event, Changed):
            return False
        for change in event.changes:
            self._heard[change.team_id] = max(change.seq, self._heard.get(change.team_id, 0))
        return any(self.reader.actor.role_in(change.team_id) is not None for change in event.changes)

    async def news(self) -> bytes:
        found: list[bytes] = []
        own = [team_id for team_id, _role in self.reader.actor.team_roles]
        if not self._has_begun or any(team_id not in self._told for team_id in own):
            await self._begin()
        self._told = {team_id: seq for team_id, seq in self._told.items() if team_id in own}
        for team_id in own:
            seq = self._heard.get(team_id, 0)
            if seq > self._told.get(team_id, -1):
                self._told[team_id] = seq
                found.append(event_of("hint", to_json({"team_id": team_id, "seq": seq})))
        self._heard = {team_id: seq for team_id, seq in self._heard.items() if team_id in own}
        while self._logs:
            deployment_id = next(iter(self._logs))
            team_id, end = await self._heads.runs.team_of(deployment_id), self._logs.pop(deployment_id)
            if self.reader.actor.role_in(team_id) is not None:
                found.append(event_of("log", to_json({"deployment_id": deployment_id, "end": end})))
        return b"".join(found)

    async def _begin(self) -> None:
        """What has happened before, also of a team that somebody has just joined."""
        self._has_begun = True
        for team_id, seq in (await self._heads.feeds()).items():
            self._heard[team_id] = max(seq, self._heard.get(team_id, 0))
        for deployment_id, end in (await self._heads.logs()).items():
            self._logs[deployment_id] = max(end, self._logs.get(deployment_id, 0))


def _gone(error: MachinaError) -> bytes:
    """Why a stream ends before its end, with the status that asking anew would be answered with."""
    return event_of("gone", to_json({"status": error.status, **to_plain(problem_of(error))}))
