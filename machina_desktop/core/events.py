"""What happened, told to whoever listens: one bus per host, any thread may publish."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Change:
    """One write as it stands in the feed of its team.

    Attributes:
        seq: 1, 2, 3 … within the team, without gaps; given in the writing transaction.
        entity: Snake-case name of the dataclass, such as ``machine``.
        row: The whole row after the write as plain values, ``None`` when it was deleted.
    """

    team_id: str
    seq: int
    entity: str
    entity_id: str
    row: dict[str, Any] | None = None
    at: datetime


@dataclass(frozen=True)
class Changed:
    """Changes committed together, in order of ``seq``."""

    changes: tuple[Change, ...]


@dataclass(frozen=True)
class LogAppended:
    """A run's log grew; ``end`` is its new length in bytes."""

    deployment_id: str
    end: int


@dataclass(frozen=True)
class ProgressMade:
    """A run moved on within its state; not stored, may be lost. ``done`` of ``total`` resources."""

    deployment_id: str
    phase: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True)
class VaultChanged:
    """The vault was locked or unlocked."""

    is_open: bool


@dataclass(frozen=True)
class SessionsEnded:
    """Sessions of a person at this server have ended; which ones, whoever cares must ask."""

    user_id: str


@dataclass(frozen=True)
class ConnectionChanged:
    """The line to a shared server is another one, or its outbox: ``state`` is a value of ``Connection``."""

    server_id: str
    state: str


@dataclass(frozen=True)
class TeamVanished:
    """The person is no longer in a team of that server, or it is gone: what was here of it has been removed."""

    team_id: str
    server_id: str


@dataclass(frozen=True)
class TransferChanged:
    """A transfer of files is another than before, or is gone."""

    transfer_id: str


@dataclass(frozen=True)
class TunnelChanged:
    """A tunnel of this computer is another than before, or is gone."""

    tunnel_id: str


@dataclass(frozen=True)
class LoginAsked:
    """What a machine asks before files or tunnels get through is another question than before, or none."""

    machine_id: str


Event = (
    Changed
    | LogAppended
    | ProgressMade
    | VaultChanged
    | SessionsEnded
    | ConnectionChanged
    | TeamVanished
    | TransferChanged
    | TunnelChanged
    | LoginAsked
)
Listener = Callable[[Event], None]


@dataclass
class EventBus:
    """Delivers events to listeners on the loop it was attached to, in the order published.

    ``publish`` may be called from any thread; listeners run on the loop and must not block.
    """

    _loop: asyncio.AbstractEventLoop | None = None
    _listeners: list[Listener] = field(default_factory=list)
    _witnesses: list[Listener] = field(default_factory=list)

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Deliver on ``loop`` from now on. Events published before are dropped: nobody could listen yet."""
        self._loop = loop

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each event; the answer ends the subscription. Loop thread only."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    def witness(self, listener: Listener) -> None:
        """Call ``listener`` with each event while it is published, before anybody else hears of it.

        It runs on the thread that publishes; it must be quick and may not raise.
        """
        self._witnesses.append(listener)

    def publish(self, event: Event) -> None:
        """Deliver ``event`` soon. Any thread; never blocks, never raises."""
        for witness in tuple(self._witnesses):
            witness(event)
        loop = self._loop
        if loop is not None:
            # The loop may be closed at any moment by its own thread.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._deliver, loop, event)

    def _deliver(self, loop: asyncio.AbstractEventLoop, event: Event) -> None:
        for listener in tuple(self._listeners):
            # Each on its own: what one fails at, the others still hear.
            loop.call_soon(listener, event)
