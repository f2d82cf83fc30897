"""Whether those who read streams still may: asked anew for many sessions at once, and beside what they read."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from machina_desktop.core.domain.team import Actor, Client
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.events import Change, Changed, Event, SessionsEnded
from machina_desktop.core.secret import Secret

SLICE = 50
"""So many sessions are looked at in one read; others wait meanwhile."""
STEPS = 20
"""So often within the time that a look is good for it is seen who is due."""
_ABOUT_RIGHTS = frozenset({"user", "team_member", "grant", "team"})


@dataclass(frozen=True)
class Shown:
    """What somebody showed who reads: a session's token, and from where it came."""

    token: Secret
    client: Client


Ask = Callable[[Sequence[Shown]], Awaitable[Sequence[Actor | MachinaError]]]
"""Tells of each who it is now, or why nobody."""
Wake = Callable[[], None]


class Reader:
    """A session that reads streams, and what it may.

    Attributes:
        actor: Who it is; another object as soon as anything about them is another.
        refusal: Why it may read nothing any more; then that stays so.
    """

    def __init__(self, shown: Shown, actor: Actor, good_for_s: float) -> None:
        self.shown = shown
        self.actor = actor
        self.refusal: MachinaError | None = None
        self.wakes: set[Wake] = set()
        self.doubts = 0
        self._good_for_s = good_for_s
        self._good_until = self._due_at = 0.0
        self._keep(time.monotonic())

    @property
    def is_trusted(self) -> bool:
        """Whether it may be sent something now, as far as is known."""
        return self.refusal is None and time.monotonic() < self._good_until

    def is_due(self, at: float) -> bool:
        """Whether it is time to look again."""
        return at >= self._due_at

    def doubt(self) -> None:
        """Nothing is sent before somebody has looked again."""
        self.doubts += 1
        self._good_until = self._due_at = 0.0

    def learn(self, found: Actor | MachinaError, asked_at: float) -> None:
        """Take in what was found when somebody looked at ``asked_at``."""
        was_trusted, former = self.is_trusted, self.actor
        if isinstance(found, MachinaError):
            self.refusal = found
        else:
            self.actor = former if found == former else found
            self._keep(asked_at)
        if not was_trusted or self.refusal is not None or self.actor is not former:
            for wake in tuple(self.wakes):
                wake()

    def _keep(self, asked_at: float) -> None:
        self._good_until = asked_at + self._good_for_s
        # Early, so that nobody waits for it; and spread out, for those who came together would be due together.
        self._due_at = asked_at + self._good_for_s * random.uniform(0.6, 0.9)  # noqa: S311 - no secret


class Rights:
    """Looks after all readers of one process. Loop thread only."""

    def __init__(self, ask: Ask, good_for_s: float) -> None:
        """What ``ask`` found is good for so many seconds."""
        self._ask = ask
        self._good_for_s = good_for_s
        self._readers: dict[Shown, Reader] = {}
        self._bell = asyncio.Event()

    @property
    def readers(self) -> tuple[Reader, ...]:
        """All that are looked after."""
        return tuple(self._readers.values())

    def reader(self, shown: Shown, actor: Actor) -> Reader:
        """The session's, who was found to be ``actor`` just now."""
        return self._readers.get(shown) or Reader(shown, actor, self._good_for_s)

    def join(self, reader: Reader, wake: Wake) -> Reader:
        """Look after it, or the one that is known of its session; ``wake`` is called when its rights change."""
        reader = self._readers.setdefault(reader.shown, reader)
        reader.wakes.add(wake)
        self._bell.set()
        return reader

    def leave(self, reader: Reader, wake: Wake) -> None:
        """That stream has ended."""
        reader.wakes.discard(wake)
        if not reader.wakes and self._readers.get(reader.shown) is reader:
            del self._readers[reader.shown]

    def check(self, user_id: str) -> None:
        """Look now, not in a while, whether that person may still read."""
        for reader in self._readers.values():
            if reader.actor.user_id == user_id:
                reader.doubt()
        self._bell.set()

    def hear(self, event: Event) -> None:
        """Take in what may have changed somebody's rights."""
        if isinstance(event, SessionsEnded):
            self.check(event.user_id)
        if isinstance(event, Changed) and (changes := [each for each in event.changes if _is_about_rights(each)]):
            for reader in self._readers.values():
                # Of a look that is under way nobody knows whether it was before this or after it.
                if not reader.is_trusted or any(_may_concern(reader.actor, change) for change in changes):
                    reader.doubt()
            self._bell.set()

    async def run(self) -> None:
        """Look again and again, for ever."""
        while True:
            self._bell.clear()
            at = time.monotonic()
            # Whoever waits for it comes first.
            due = sorted((each for each in self._readers.values() if each.is_due(at)), key=lambda each: each.is_trusted)
            for first in range(0, len(due), SLICE):
                await self._look(due[first : first + SLICE])
            if not due:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._bell.wait(), self._good_for_s / STEPS if self._readers else None)

    async def _look(self, readers: Sequence[Reader]) -> None:
        asked_at, doubts = time.monotonic(), [reader.doubts for reader in readers]
        found: Sequence[Actor | MachinaError]
        try:
            found = await self._ask([reader.shown for reader in readers])
        except MachinaError as error:
            found = [error] * len(readers)
        for reader, doubted, each in zip(readers, doubts, found, strict=True):
            if isinstance(each, MachinaError) and self._readers.get(reader.shown) is reader:
                del self._readers[reader.shown]
            # What was found may be of before the doubt.
            if isinstance(each, MachinaError) or reader.doubts == doubted:
                reader.learn(each, asked_at)


def _is_about_rights(change: Change) -> bool:
    return change.entity in _ABOUT_RIGHTS


def _may_concern(actor: Actor, change: Change) -> bool:
    """Of what was deleted nobody can tell any more whose it was, only of which team."""
    if change.row is None:
        return actor.role_in(change.team_id) is not None
    return bool(change.row.get("user_id", actor.user_id) == actor.user_id)
