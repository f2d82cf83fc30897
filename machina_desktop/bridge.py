"""The only seam between the core and Qt: one door for requests, signals for what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

from PySide6.QtCore import QObject, Signal

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.events import Changed, Event, EventBus, LogAppended, ProgressMade, VaultChanged
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.sync.gateway import Gateway

R = TypeVar("R")


class Bridge(QObject):
    """What a view holds of the core. Everything here runs on the Qt thread.

    Signals:
        changed(frozenset[str]): entities that were written, such as ``{"machine", "deployment"}``.
        appended(str, int): a run's log grew: deployment id, its new length in bytes.
        progressed(object): a :class:`ProgressMade`.
        vault_changed(bool): the vault was opened (True) or locked.
        settled(): the actor and team are known; before it no request can be answered.
    """

    changed = Signal(object)
    appended = Signal(str, int)
    progressed = Signal(object)
    vault_changed = Signal(bool)
    settled = Signal()

    def __init__(self, bus: EventBus) -> None:
        super().__init__()
        self._gateway: Gateway | None = None
        self._actor: Actor | None = None
        self._ready = asyncio.Event()
        self._tasks: set[asyncio.Task[object]] = set()
        bus.subscribe(self._on_event)

    def settle(self, gateway: Gateway, actor: Actor) -> None:
        """The core has started: requests are answered from now on."""
        self._gateway, self._actor = gateway, actor
        self._ready.set()
        self.settled.emit()

    @property
    def is_settled(self) -> bool:
        """Whether the core has started."""
        return self._ready.is_set()

    @property
    def actor(self) -> Actor:
        """The person signed in to this device. Only after :attr:`settled`."""
        if self._actor is None:
            raise RuntimeError("the core has not started")
        return self._actor

    @property
    def team_id(self) -> str:
        """The team in view. Only after :attr:`settled`."""
        return self.actor.team_roles[0][0]

    async def call(self, ask: Request[R]) -> R:
        """The answer to ``ask``; waits for the core to start first.

        Raises:
            MachinaError: what went wrong, fit to be shown.
        """
        await self._ready.wait()
        if self._gateway is None:
            raise RuntimeError("the core has not started")
        return await self._gateway.call(ask)

    def spawn(self, work: Coroutine[object, object, object], *, name: str) -> asyncio.Task[object]:
        """Run ``work`` on the loop, named and referenced; views use ``views.tasks.run``, which shows errors."""
        task = asyncio.ensure_future(work)
        task.set_name(name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self) -> None:
        """Cancel what views still run and wait for it; the first step of stopping."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _on_event(self, event: Event) -> None:
        match event:
            case Changed(changes):
                self.changed.emit(frozenset(change.entity for change in changes))
            case LogAppended(deployment_id, end):
                self.appended.emit(deployment_id, end)
            case ProgressMade():
                self.progressed.emit(event)
            case VaultChanged(is_open):
                self.vault_changed.emit(is_open)
