"""Server-sent events: streams that lose nothing, end with the right to read, and cannot be held by slow readers."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from litestar.types import Receive, Scope, Send

from machina_desktop.core.codec import to_json, to_plain
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.errors import MachinaError, TooMany
from machina_desktop.core.events import Change, Changed, Event, EventBus, LogAppended, SessionsEnded
from machina_desktop.core.services.deployments import GetDeployment, ReadLog
from machina_desktop.core.services.dispatch import Dispatcher
from machina_desktop.server.errors import problem_of
from machina_desktop.server.metrics import Metrics
from machina_desktop.server.shared_logs import SharedLogs, event_of

PER_USER = 10
PATIENCE_S = 0.05
MEDIA_TYPE = b"text/event-stream; charset=utf-8"
_ABOUT_RIGHTS = frozenset({"user", "team_member", "grant", "team"})


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
    """All streams of one process: their number is bounded for each person, and they end together."""

    def __init__(self, metrics: Metrics, times: Times, bus: EventBus, logs: SharedLogs) -> None:
        self.times = times
        self.logs = logs
        logs.on_read = self._wake_readers
        self._readers: dict[str, list[Stream]] = {}
        self._metrics = metrics
        self._by_user: Counter[str] = Counter()
        self._open: set[Stream] = set()
        # Once for all: the bus calls each listener by itself, and there may be a thousand streams.
        bus.subscribe(self._hear)

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    def admit(self, stream: Stream) -> None:
        """Count a stream before it begins.

        Raises:
            TooMany: its reader has as many as anybody may.
        """
        if self._by_user[stream.user_id] >= PER_USER:
            raise TooMany(
                f"You follow {PER_USER} streams already.", retry_after_s=5, hint="Close one first.", code="E-STREAMS"
            )
        self._by_user[stream.user_id] += 1
        self._metrics.streams[stream.kind] += 1
        self._open.add(stream)

    def dismiss(self, stream: Stream) -> None:
        """It has ended."""
        if stream in self._open:
            self._open.discard(stream)
            self._metrics.streams[stream.kind] -= 1
            self._by_user[stream.user_id] -= 1
            if not self._by_user[stream.user_id]:
                del self._by_user[stream.user_id]

    def check(self, user_id: str) -> None:
        """Ask now, not in a while, whether that person may still read."""
        for stream in self._open:
            if stream.user_id == user_id:
                stream.check()

    def _hear(self, event: Event) -> None:
        if not isinstance(event, LogAppended):
            for stream in self._open:
                stream.hear(event)
            return
        concerned = [stream for stream in self._open if stream.concerns(event)]
        readers = [stream for stream in concerned if stream.kind == LogStream.kind]
        for stream in concerned:
            if stream.kind != LogStream.kind or stream is readers[0]:
                stream.wake()
        if len(readers) > 1:
            # One reads; the others are woken with what it has read, or do it themselves when it lets them wait.
            self._readers.setdefault(event.deployment_id, []).extend(readers[1:])
            asyncio.get_running_loop().call_later(PATIENCE_S, self._wake_readers, event.deployment_id)

    def _wake_readers(self, deployment_id: str) -> None:
        for stream in self._readers.pop(deployment_id, ()):
            stream.wake()

    def stop(self) -> None:
        """End every stream; readers come back with the number of the last event they got."""
        for stream in tuple(self._open):
            stream.end()


class Stream(ABC):
    """One stream of events to one reader; it is an ASGI application that answers once.

    It listens before it reads, and reads again whenever it was woken: what happens in between is never missed, and a
    position tells what was sent, so nothing is sent twice.

    Attributes:
        user_id: Whose it is.
    """

    kind: str

    def __init__(self, actor: Actor, who: Callable[[], Awaitable[Actor]], streams: Streams) -> None:
        """``who`` tells anew who reads, and raises when they may not any more."""
        self.user_id = actor.user_id
        self.actor = actor
        self._who = who
        self._streams = streams
        self._wake = asyncio.Event()
        self._is_over = False
        self._is_silent = False
        self._is_slow = False
        self._sends_since = 0.0
        self._quiet_until = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        self._check_at = self._next_check()

    @property
    def heartbeat_s(self) -> float:
        """After that much silence a comment is sent."""
        return self._streams.times.heartbeat_s

    @abstractmethod
    def concerns(self, event: Event) -> bool:
        """Whether ``event`` may have something to send. Must be quick."""

    @abstractmethod
    def news(self) -> AsyncIterator[bytes]:
        """What there is to send now, as whole events; empty for none. Ends the stream by :meth:`end`."""

    @abstractmethod
    async def ask_leave(self) -> None:
        """See whether the reader, as they are now, may still read this.

        Raises:
            MachinaError: they may not.
        """

    def wake(self) -> None:
        """Look for something to send."""
        self._wake.set()

    def check(self) -> None:
        """Ask anew who reads, before anything else is sent."""
        self._check_at = 0.0
        self._wake.set()

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
        while not self._is_over:
            self._wake.clear()
            if await self._may_read(send):
                await self._send_news(send)
                await self._rest(send)
        await self._send(send, b"", more=False)

    async def _send_news(self, send: Send) -> None:
        try:
            async for event in self.news():
                await self._send(send, event)
                if self._is_over:
                    return
        except MachinaError as error:
            await self._send(send, _gone(error))
            self.end()

    async def _may_read(self, send: Send) -> bool:
        if time.monotonic() < self._check_at:
            return True
        try:
            self.actor = await self._who()
            await self.ask_leave()
        except MachinaError as error:
            await self._send(send, _gone(error))
            self.end()
            return False
        self._check_at = self._next_check()
        return True

    def _next_check(self) -> float:
        # Spread out: those who came together would ask together, again and again.
        return time.monotonic() + self._streams.times.recheck_s * random.uniform(0.6, 1)  # noqa: S311 - no secret

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

    def hear(self, event: Event) -> None:
        """Take an event in. Must be quick."""
        if self.concerns(event):
            self._wake.set()
        if isinstance(event, Changed) and any(map(self._is_about_rights, event.changes)):
            self.check()
        if isinstance(event, SessionsEnded) and event.user_id == self.user_id:
            self.check()

    def _is_about_rights(self, change: Change) -> bool:
        """Of what was deleted nobody can tell any more whose it was."""
        is_own = change.row is None or change.row.get("user_id", self.user_id) == self.user_id
        return change.entity in _ABOUT_RIGHTS and is_own


class LogStream(Stream):
    """A run's log from a byte on: events ``log`` with a chunk, its end as the event's id; ``end`` when it is whole."""

    kind = "log"

    def __init__(
        self,
        actor: Actor,
        who: Callable[[], Awaitable[Actor]],
        streams: Streams,
        *,
        dispatcher: Dispatcher,
        deployment_id: str,
        offset: int,
    ) -> None:
        super().__init__(actor, who, streams)
        self._dispatcher = dispatcher
        self._logs = streams.logs
        self._deployment_id = deployment_id
        self._offset = offset
        self._heard_end = 0
        self._may_have_more = True
        self._ended_at: float | None = None

    async def first(self) -> None:
        """Refuse, before anything is answered, what cannot be read.

        Raises:
            MachinaError: there is no such run, or no line begins at that byte.
        """
        await self._dispatcher.execute(
            self.actor, ReadLog(deployment_id=self._deployment_id, offset=self._offset, limit=1)
        )

    async def ask_leave(self) -> None:
        await self._dispatcher.execute(self.actor, GetDeployment(deployment_id=self._deployment_id))

    def concerns(self, event: Event) -> bool:
        if isinstance(event, LogAppended):
            if event.deployment_id != self._deployment_id:
                return False
            self._heard_end = max(self._heard_end, event.end)
            return True
        if isinstance(event, Changed) and any(change.entity_id == self._deployment_id for change in event.changes):
            self._may_have_more = True
            return True
        return False

    async def news(self) -> AsyncIterator[bytes]:
        while self._may_have_more or self._offset < self._heard_end:
            self._may_have_more = False
            piece = await self._logs.look(self.actor, self._deployment_id, self._offset)
            if piece.event:
                self._offset, self._ended_at = piece.end, None
                # How far the log goes is not known before it was heard to grow.
                self._may_have_more |= piece.state.is_final or not self._heard_end
                yield piece.event
            elif not piece.state.is_final:
                self._heard_end = min(self._heard_end, self._offset)
            elif self._ended_at is None:
                self._may_have_more = True
                self._ended_at = time.monotonic()
                await asyncio.sleep(self._streams.times.settle_s)
            else:
                yield event_of("end", to_json({"state": piece.state}), number=self._offset)
                self.end()
                return


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

    def __init__(self, actor: Actor, who: Callable[[], Awaitable[Actor]], streams: Streams, *, heads: Heads) -> None:
        super().__init__(actor, who, streams)
        self._heads = heads
        self._heard: dict[str, int] = {}
        self._told: dict[str, int] = {}
        self._logs: dict[str, int] = {}
        self._has_begun = False

    @property
    def heartbeat_s(self) -> float:
        return self._streams.times.hint_heartbeat_s

    async def ask_leave(self) -> None:
        """What is told is told of the teams the reader is in; there may be none."""

    def concerns(self, event: Event) -> bool:
        if isinstance(event, LogAppended):
            team_id = self._heads.runs.known(event.deployment_id)
            if team_id is not None and self.actor.role_in(team_id) is None:
                # Logs grow all the time, and most are no business of most readers.
                return False
            self._logs[event.deployment_id] = max(event.end, self._logs.get(event.deployment_id, 0))
            return True
        if not isinstance(event, Changed):
            return False
        for change in event.changes:
            self._heard[change.team_id] = max(change.seq, self._heard.get(change.team_id, 0))
        return any(self.actor.role_in(change.team_id) is not None for change in event.changes)

    async def news(self) -> AsyncIterator[bytes]:
        own = [team_id for team_id, _role in self.actor.team_roles]
        if not self._has_begun or any(team_id not in self._told for team_id in own):
            await self._begin()
        self._told = {team_id: seq for team_id, seq in self._told.items() if team_id in own}
        for team_id in own:
            seq = self._heard.get(team_id, 0)
            if seq > self._told.get(team_id, -1):
                self._told[team_id] = seq
                yield event_of("hint", to_json({"team_id": team_id, "seq": seq}))
        self._heard = {team_id: seq for team_id, seq in self._heard.items() if team_id in own}
        while self._logs:
            deployment_id = next(iter(self._logs))
            team_id, end = await self._heads.runs.team_of(deployment_id), self._logs.pop(deployment_id)
            if self.actor.role_in(team_id) is not None:
                yield event_of("log", to_json({"deployment_id": deployment_id, "end": end}))

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
