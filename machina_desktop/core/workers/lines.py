"""Connections to machines for files: one a machine, made when first needed, and the file sessions on it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.sftp import Sftp, Stopped

R = TypeVar("R")
Dial = Callable[[str], Awaitable[Connection]]
"""A new connection to a machine, by its id: who asks may have one, keys and pins are as everywhere."""

LOST = frozenset({"E-SSH-DROPPED", "E-SSH-TIMEOUT"})
"""The connection is gone, or might as well be."""
AWAY = LOST | {"E-SSH-REFUSED", "E-SSH-UNREACHABLE", "E-SSH-PROTOCOL", "E-SSH-UNKNOWN-HOST"}
"""The machine cannot be reached just now; it may be in a while."""

_IDLE_SESSIONS = 4


class Lines:
    """What files are worked with over. Everything lives on the loop; what blocks runs in threads."""

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._connections: dict[str, Connection] = {}
        self._dialing: dict[str, asyncio.Future[Connection]] = {}
        self._idle: defaultdict[str, list[Sftp]] = defaultdict(list)

    async def connection(self, machine_id: str) -> Connection:
        """The connection to a machine.

        Raises:
            MachinaError: there is none to be had.
        """
        while True:
            found = self._connections.get(machine_id)
            if found is not None and found.is_alive:
                return found
            under_way = self._dialing.get(machine_id)
            if under_way is None:
                return await self._dialed(machine_id)
            await asyncio.wait({under_way})
            # Where whoever dialled was called off, those who only waited for it dial.
            if not under_way.cancelled():
                return under_way.result()

    async def _dialed(self, machine_id: str) -> Connection:
        """Dial once for all who want the machine meanwhile: they get the same connection, or the same reason."""
        self._forget(machine_id)
        self._dialing[machine_id] = answer = asyncio.get_running_loop().create_future()
        try:
            made = await self._dial(machine_id)
        except MachinaError as error:
            answer.set_exception(error)
            # Nobody else may have waited for it.
            answer.exception()
            raise
        else:
            self._connections[machine_id] = made
            answer.set_result(made)
            return made
        finally:
            del self._dialing[machine_id]
            answer.cancel()

    async def borrow(self, machine_id: str) -> Sftp:
        """A file session that nobody else uses; it is to be given back."""
        connection = await self.connection(machine_id)
        idle = self._idle[machine_id]
        while idle:
            session = idle.pop()
            if session.is_open:
                return session
        return await asyncio.to_thread(Sftp, connection)

    def give_back(self, machine_id: str, session: Sftp) -> None:
        """Let others use a session; a broken one is done with."""
        idle = self._idle[machine_id]
        if session.is_open and len(idle) < _IDLE_SESSIONS:
            idle.append(session)
        else:
            session.close()

    async def work(self, machine_id: str, work: Callable[[Sftp], R], *, is_repeatable: bool = False) -> R:
        """What ``work`` answers, done in a thread with a session of its own.

        A connection that was lost unnoticed, as after sleep, is made again where ``work`` may be done twice.
        """
        try:
            return await self._once(machine_id, work)
        except MachinaError as error:
            if not is_repeatable or error.code not in LOST:
                raise
        return await self._once(machine_id, work)

    def drop(self, machine_id: str) -> None:
        """End the connection to a machine, as after a loss."""
        self._forget(machine_id)

    def close(self) -> None:
        """End all of it."""
        for machine_id in tuple(self._connections):
            self._forget(machine_id)

    async def _once(self, machine_id: str, work: Callable[[Sftp], R]) -> R:
        session = await self.borrow(machine_id)
        try:
            return await asyncio.to_thread(work, session)
        except (Stopped, asyncio.CancelledError):
            # The thread may be in the middle of it; that ends with the session.
            session.close()
            raise
        except MachinaError as error:
            if error.code in LOST:
                self.drop(machine_id)
            raise
        finally:
            self.give_back(machine_id, session)

    def _forget(self, machine_id: str) -> None:
        for session in self._idle.pop(machine_id, ()):
            session.close()
        connection = self._connections.pop(machine_id, None)
        if connection is not None:
            with suppress(OSError, EOFError):
                connection.close()
