"""The only seam between the core and Qt: one door for requests, signals for what happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, TypeVar

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.team import Actor
from machina_desktop.core.events import (
    Changed,
    ConnectionChanged,
    Event,
    EventBus,
    LogAppended,
    LoginAsked,
    ProgressMade,
    TransferChanged,
    TunnelChanged,
    VaultChanged,
)
from machina_desktop.core.services.use_case import Request

# Its code follows servers in the store, which is loaded after the first paint.
if TYPE_CHECKING:
    from machina_desktop.core.sync.gateway import Gateway
    from machina_desktop.core.terminal.session import Session
    from machina_desktop.core.workers.files import Files
    from machina_desktop.core.workers.hosted_session import HostedSession
    from machina_desktop.core.workers.terminals import Terminals

R = TypeVar("R")


class Bridge(QObject):
    """What a view holds of the core. Everything here runs on the Qt thread.

    Signals:
        changed(frozenset[str]): entities that were written, such as ``{"machine", "deployment"}``.
        appended(str, int): a run's log grew: deployment id, its new length in bytes.
        progressed(object): a :class:`ProgressMade`.
        vault_changed(bool): the vault was opened (True) or locked.
        connection_changed(str, str): the line to a server, or what waits for it, is another: its id, a `Connection`.
        settled(): the actor and team are known; before it no request can be answered.
        transfer_changed(str): a transfer of files is another, or gone: its id.
        tunnel_changed(str): a tunnel of this computer is another, or gone: its id.
        login_asked(str): what a machine asks on behalf of files and tunnels is another question, or none: its id.
        team_changed(str): another team is in view: its id. What was asked for the former one is out of date.
    """

    changed = Signal(object)
    appended = Signal(str, int)
    progressed = Signal(object)
    vault_changed = Signal(bool)
    connection_changed = Signal(str, str)
    transfer_changed = Signal(str)
    tunnel_changed = Signal(str)
    login_asked = Signal(str)
    settled = Signal()
    team_changed = Signal(str)

    def __init__(self, bus: EventBus) -> None:
        super().__init__()
        self._gateway: Gateway | None = None
        self._terminals: Callable[[], Terminals] | None = None
        self._files: Callable[[], Files] | None = None
        self._has_files = False
        self._chosen_team = ""
        self._team_told = ""
        self._ready = asyncio.Event()
        self._tasks: set[asyncio.Task[object]] = set()
        bus.subscribe(self._on_event)

    def settle(self, gateway: Gateway, terminals: Callable[[], Terminals] | None = None) -> None:
        """The core has started: requests are answered from now on, as the gateway's actor.

        ``terminals`` loads what speaks SSH when it is first called.
        """
        self._gateway = gateway
        self._terminals = terminals
        self._team_told = self.team_id
        self._ready.set()
        self.settled.emit()

    @property
    def is_settled(self) -> bool:
        """Whether the core has started."""
        return self._ready.is_set()

    def when_settled(self, begin: Callable[[], None]) -> None:
        """Call ``begin`` once: now, or as soon as the core has started, unless its object is gone by then."""
        if self.is_settled:
            begin()
        else:
            self.settled.connect(begin, Qt.ConnectionType.SingleShotConnection)

    @property
    def actor(self) -> Actor:
        """The person as the home of the team in view knows them, as of this moment. Only after :attr:`settled`."""
        return self._door.actor_in(self.team_id)

    def actor_in(self, team_id: str) -> Actor:
        """The person as the home of that team knows them. Only after :attr:`settled`."""
        return self._door.actor_in(team_id)

    @property
    def person(self) -> Actor:
        """The person signed in to this device, with the roles they have in teams of all homes."""
        return self._door.actor

    @property
    def team_id(self) -> str:
        """The team in view: the chosen one, else the first the person is in. Only after :attr:`settled`."""
        teams = [team_id for team_id, _role in self.person.team_roles]
        if self._chosen_team in teams:
            return self._chosen_team
        # Between leaving the last team and hearing of another one there is none; what was in view stays.
        return teams[0] if teams else self._team_told

    def choose_team(self, team_id: str) -> None:
        """Put a team into view; before the core has started, the one to begin with.

        One that the person is not in leaves the first one in view, until they join it.
        """
        self._chosen_team = team_id
        self._tell_team()

    async def call(self, ask: Request[R]) -> R:
        """The answer to ``ask``; waits for the core to start first.

        Raises:
            MachinaError: what went wrong, fit to be shown.
        """
        await self._ready.wait()
        return await self._door.call(ask)

    def open_terminal(
        self, machine_id: str, columns: int, lines: int, kept: KeptShell | None = None
    ) -> HostedSession | Session:
        """A shell on that machine, or the one it keeps, which has begun to connect. Only after :attr:`settled`.

        Set its ``on_change``, then look at its state: that may be another one already. What keeps it from opening is
        its ``reason``, not an error of this method.
        """
        if self._terminals is None:
            raise RuntimeError("the core has not started")
        return self._terminals().open(machine_id, columns, lines, kept)

    def attach_files(self, files: Callable[[], Files]) -> None:
        """Offer files and tunnels from now on; ``files`` loads what speaks SSH when it is first called."""
        self._files = files

    @property
    def files(self) -> Files:
        """Files of machines and tunnels to them. Only after :attr:`settled`."""
        if self._files is None:
            raise RuntimeError("the core has not started")
        self._has_files = True
        return self._files()

    @property
    def unfinished_transfers(self) -> int:
        """How many transfers would be cut off now; asking loads nothing."""
        return self.files.transfers.unfinished if self._has_files else 0

    @property
    def _door(self) -> Gateway:
        if self._gateway is None:
            raise RuntimeError("the core has not started")
        return self._gateway

    def spawn(self, work: Coroutine[object, object, object], *, name: str) -> asyncio.Task[object]:
        """Run ``work`` on the loop, named and referenced; views use ``views.tasks.run``, which shows errors."""
        task = asyncio.ensure_future(work)
        task.set_name(name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def finish(self) -> None:
        """Cancel what views still run and wait for it; the first step of stopping."""
        # Queries that outlive their views ask nothing any more.
        for timer in self.findChildren(QTimer):
            timer.stop()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tell_team(self) -> None:
        """Say it where another team has come into view: by choice, or because the person is no longer in it."""
        if self.is_settled and self.team_id != self._team_told:
            self._team_told = self.team_id
            self.team_changed.emit(self._team_told)

    def _on_event(self, event: Event) -> None:
        match event:
            case Changed(changes):
                entities = frozenset(change.entity for change in changes)
                if "team_member" in entities:
                    self._tell_team()
                self.changed.emit(entities)
            case LogAppended(deployment_id, end):
                self.appended.emit(deployment_id, end)
            case ProgressMade():
                self.progressed.emit(event)
            case VaultChanged(is_open):
                self.vault_changed.emit(is_open)
            case TransferChanged(transfer_id):
                self.transfer_changed.emit(transfer_id)
            case TunnelChanged(tunnel_id):
                self.tunnel_changed.emit(tunnel_id)
            case LoginAsked(machine_id):
                self.login_asked.emit(machine_id)
            case ConnectionChanged(server_id, state):
                self.connection_changed.emit(server_id, state)
