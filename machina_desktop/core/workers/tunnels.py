"""Tunnels of this computer: kept standing while they are wanted, saved per machine, seen by whoever asks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from machina_desktop.core import codec
from machina_desktop.core.domain.tunnel import (
    LOOPBACK,
    Tunnel,
    TunnelKind,
    TunnelState,
    TunnelStatus,
    check_tunnel,
    is_loopback,
)
from machina_desktop.core.errors import InvalidInput, MachinaError, NotFound, Unavailable
from machina_desktop.core.ids import new_id
from machina_desktop.core.ssh.connection import Connection, Pulse
from machina_desktop.core.ssh.forward import Forward, PortTaken
from machina_desktop.core.ssh.listening import listening_ports
from machina_desktop.core.workers.lines import Dial
from machina_desktop.core.workers.transfers import Spawn

LOG = logging.getLogger(__name__)
RecordOpening = Callable[[Tunnel], Awaitable[None]]
"""Leaves a trace of a tunnel before it is opened; raises where somebody may not open it."""

RETRY_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
"""Waits before a lost connection is made again; the last one is repeated."""
POLL_S = 0.5
LOOK_S = 30.0
"""So often it is looked whether something listens where a tunnel leads, without connecting to it."""


@dataclass
class _Running:
    """A tunnel that is wanted."""

    forward: Forward
    state: TunnelState = TunnelState.CONNECTING
    problem: MachinaError | None = None
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    connection: Connection | None = None
    is_answered: bool | None = None


class Tunnels:
    """All tunnels of this program. Lives on the loop."""

    def __init__(
        self,
        dial: Dial,
        file: Path,
        *,
        record: RecordOpening,
        announce: Callable[[str], None],
        spawn: Spawn,
        retry_s: Sequence[float] = RETRY_S,
        look_s: float = LOOK_S,
    ) -> None:
        """``file`` keeps the saved ones. ``announce`` hears the id of each that is another than before."""
        self._dial = dial
        self._file = file
        self._record = record
        self._announce = announce
        self._spawn = spawn
        self._retry_s = retry_s
        self._look_s = look_s
        self._running: dict[str, _Running] = {}
        # What is asked of one tunnel is done one after the other.
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tunnels: dict[str, Tunnel] = {each.tunnel_id: each for each in _read(file)}

    def all(self, machine_id: str = "") -> tuple[TunnelStatus, ...]:
        """The saved tunnels and the open ones, of a machine or of all."""
        return tuple(
            self.status(each.tunnel_id)
            for each in self._tunnels.values()
            if not machine_id or each.machine_id == machine_id
        )

    def status(self, tunnel_id: str) -> TunnelStatus:
        """How one stands.

        Raises:
            NotFound: there is none.
        """
        tunnel = self._tunnel(tunnel_id)
        running = self._running.get(tunnel_id)
        if running is None:
            return TunnelStatus(tunnel=tunnel)
        counts = running.forward.counts
        return TunnelStatus(
            tunnel=tunnel,
            state=running.state,
            port=running.forward.port if running.state.is_active else 0,
            connections=counts.open,
            connections_ever=counts.ever,
            bytes_sent=counts.sent,
            bytes_received=counts.received,
            problem=running.problem or running.forward.problem,
            is_answered=running.is_answered if running.state is TunnelState.LISTENING else None,
        )

    def leading_to(self, machine_id: str, remote_port: int) -> TunnelStatus | None:
        """The tunnel that leads to a port of the machine itself, or shall as soon as it can."""
        for status in self.all(machine_id):
            tunnel = status.tunnel
            if tunnel.kind is TunnelKind.LOCAL and tunnel.target_port == remote_port and status.state.is_active:
                return status
        return None

    async def open_tunnel(
        self, machine_id: str, remote_port: int, *, host: str = LOOPBACK, label: str = ""
    ) -> TunnelStatus:
        """A way to a port of a machine, at the same port here or else the next one that is free.

        One that leads there already is used. For a click on a port that was found on a machine.
        """
        if (found := self.leading_to(machine_id, remote_port)) is not None:
            return found
        tunnel = Tunnel(
            tunnel_id=new_id("tunnel"),
            machine_id=machine_id,
            bind_port=remote_port if remote_port >= 1024 else 0,
            target_host=host,
            target_port=remote_port,
            label=label,
        )
        try:
            return await self.open(tunnel)
        except PortTaken as error:
            return await self.open(replace(tunnel, bind_port=error.free_port))

    async def open(self, tunnel: Tunnel, *, may_be_open: bool = False) -> TunnelStatus:
        """Begin a tunnel; its port is taken when this answers, the connection to the machine may still be made.

        Args:
            tunnel: As it shall be; one of the same id is replaced.
            may_be_open: Somebody has confirmed that other computers may use it.

        Raises:
            InvalidInput, PortTaken, Forbidden, Unavailable: it cannot be opened.
        """
        check_tunnel(tunnel, may_be_open=may_be_open or self._tunnels.get(tunnel.tunnel_id) == tunnel)
        await self._record(tunnel)
        async with self._turns[tunnel.tunnel_id]:
            await self._stop(tunnel.tunnel_id)
            forward = Forward(tunnel, on_change=self._teller(tunnel.tunnel_id))
            await asyncio.to_thread(forward.listen)
            self._tunnels[tunnel.tunnel_id] = tunnel
            self._running[tunnel.tunnel_id] = running = _Running(forward)
            self._keep()
            self._spawn(self._stand(tunnel, running), f"tunnel {tunnel.tunnel_id}")
            self._announce(tunnel.tunnel_id)
            return self.status(tunnel.tunnel_id)

    async def start(self, tunnel_id: str) -> TunnelStatus:
        """Begin a saved tunnel; that it may be open to others was confirmed when it was saved."""
        return await self.open(self._tunnel(tunnel_id), may_be_open=True)

    async def stop(self, tunnel_id: str) -> None:
        """End a tunnel and every connection through it; a saved one stays in the list."""
        async with self._turns[tunnel_id]:
            await self._stop(tunnel_id)

    async def _stop(self, tunnel_id: str) -> None:
        running = self._running.pop(tunnel_id, None)
        if running is None:
            return
        running.closed.set()
        await asyncio.to_thread(_end, running)
        if not self._tunnels[tunnel_id].is_saved:
            del self._tunnels[tunnel_id]
        self._announce(tunnel_id)

    def save(self, tunnel: Tunnel) -> None:
        """Keep a tunnel for another time, or keep it as it is now."""
        self._tunnels[tunnel.tunnel_id] = replace(tunnel, is_saved=True)
        self._keep()
        self._announce(tunnel.tunnel_id)

    async def remove(self, tunnel_id: str) -> None:
        """End a tunnel and forget it; of two who remove it at once, the second has nothing to do."""
        async with self._turns[tunnel_id]:
            await self._stop(tunnel_id)
            if self._tunnels.pop(tunnel_id, None) is not None:
                self._keep()
                self._announce(tunnel_id)

    async def close(self) -> None:
        """End all; the saved ones stay saved."""
        await asyncio.gather(*(self.stop(tunnel_id) for tunnel_id in tuple(self._running)))

    def _tunnel(self, tunnel_id: str) -> Tunnel:
        try:
            return self._tunnels[tunnel_id]
        except KeyError:
            raise NotFound("There is no such tunnel.") from None

    async def _stand(self, tunnel: Tunnel, running: _Running) -> None:
        """Make the connection, watch over it, and make it again whenever it is lost, until nobody wants the tunnel."""
        attempt = 0
        while not running.closed.is_set():
            try:
                connection = await self._dial(tunnel.machine_id)
                if running.closed.is_set():
                    connection.close()
                    return
                running.connection = connection
                await asyncio.to_thread(running.forward.attach, connection)
            except MachinaError as error:
                if not self._is_tried_again(running, error, attempt):
                    return
            else:
                attempt = 0
                self._show(tunnel, running, TunnelState.LISTENING, None)
                await self._until_lost(running, connection)
                running.forward.detach()
                # One that only stands still would keep its side open.
                await asyncio.to_thread(connection.close)
                self._show(tunnel, running, TunnelState.RECONNECTING, running.problem)
            wait_s = self._retry_s[min(attempt, len(self._retry_s) - 1)]
            attempt += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(running.closed.wait(), wait_s)

    def _is_tried_again(self, running: _Running, error: MachinaError, attempt: int) -> bool:
        tunnel = running.forward.tunnel
        connection, running.connection = running.connection, None
        if connection is not None:
            connection.close()
        has_stood = running.state is TunnelState.RECONNECTING
        # A fault of another kind than the network's would be the same the next time.
        if isinstance(error, Unavailable) and error.code.startswith("E-SSH-") and (has_stood or attempt == 0):
            is_final = error.code in {"E-SSH-AUTH", "E-SSH-HOST-KEY", "E-SSH-KEY", "E-SSH-ASKS"}
        else:
            is_final = not has_stood
        if is_final:
            running.forward.close()
            self._show(tunnel, running, TunnelState.FAILED, error)
        else:
            self._show(tunnel, running, TunnelState.RECONNECTING, error)
        return not is_final

    async def _until_lost(self, running: _Running, connection: Connection) -> None:
        looked_at = -math.inf
        can_look = _leads_to_machine(running.forward.tunnel)
        pulse = Pulse(connection.transport)
        while connection.is_alive and not pulse.is_lost():
            if can_look and time.monotonic() - looked_at >= self._look_s:
                looked_at = time.monotonic()
                can_look = await self._look(running, connection)
            try:
                await asyncio.wait_for(running.closed.wait(), POLL_S)
            except TimeoutError:
                continue
            return

    async def _look(self, running: _Running, connection: Connection) -> bool:
        """See whether something listens where the tunnel leads; ``False`` where the machine does not tell."""
        tunnel = running.forward.tunnel
        try:
            found = await asyncio.to_thread(listening_ports, connection)
        except MachinaError as error:
            # One that is slow or lost now may tell another time.
            return error.code != "E-TUNNEL-PORTS"
        is_answered = any(each.port == tunnel.target_port for each in found)
        if is_answered is not running.is_answered and not running.closed.is_set():
            running.is_answered = is_answered
            self._announce(tunnel.tunnel_id)
        return True

    def _show(self, tunnel: Tunnel, running: _Running, state: TunnelState, problem: MachinaError | None) -> None:
        if not running.closed.is_set():
            running.state, running.problem = state, problem
            self._announce(tunnel.tunnel_id)

    def _teller(self, tunnel_id: str) -> Callable[[], None]:
        loop = asyncio.get_running_loop()

        def tell() -> None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._announce, tunnel_id)

        return tell

    def _keep(self) -> None:
        """Write down the saved ones, for this computer's user alone."""
        saved = [each for each in self._tunnels.values() if each.is_saved]
        if not saved and not self._file.exists():
            return
        fresh = self._file.with_suffix(".new")
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(codec.to_json(saved))
            fresh.replace(self._file)
        except OSError as error:
            raise Unavailable(
                f"The tunnels could not be saved: {error.strerror}.", hint="Make room on the disk.", code="E-FILE-WRITE"
            ) from error


def _leads_to_machine(tunnel: Tunnel) -> bool:
    return tunnel.kind is TunnelKind.LOCAL and is_loopback(tunnel.target_host)


def _end(running: _Running) -> None:
    running.forward.close()
    if running.connection is not None:
        running.connection.close()


def _read(file: Path) -> tuple[Tunnel, ...]:
    try:
        return codec.from_json(file.read_bytes(), tuple[Tunnel, ...])
    except FileNotFoundError:
        return ()
    except (OSError, InvalidInput) as error:
        LOG.warning("the saved tunnels cannot be read: %s", error)
        return ()
