"""What a person's computer does with files of machines and tunnels to them, put together for the host."""

from __future__ import annotations

import asyncio

from machina_desktop.core.config import Paths
from machina_desktop.core.domain.kept_shell import KeptSessions
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.tunnel import ListeningPort, Tunnel, TunnelKind
from machina_desktop.core.events import EventBus, LoginAsked, TransferChanged, TunnelChanged
from machina_desktop.core.services.machines import GetMachine
from machina_desktop.core.services.transfers import FileDeed, RecordFiles
from machina_desktop.core.services.tunnels import RecordTunnel
from machina_desktop.core.ssh.kept_sessions import kept_sessions
from machina_desktop.core.ssh.listening import listening_ports
from machina_desktop.core.sync.gateway import Gateway
from machina_desktop.core.workers.dragged import Dragged
from machina_desktop.core.workers.file_sides import LocalSide, RemoteSide
from machina_desktop.core.workers.lines import Lines
from machina_desktop.core.workers.local_edits import LocalEdits
from machina_desktop.core.workers.questions import Connect, Questions
from machina_desktop.core.workers.transfers import Spawn, Transfers
from machina_desktop.core.workers.tunnels import Tunnels


class Files:
    """Files and tunnels of one host. Lives on the loop.

    Attributes:
        local: The files of this computer.
        transfers: The queue.
        dragged: Files of machines on their way to other programs and machines.
        edits: The files of machines that are open in programs of this computer.
        tunnels: Ports forwarded to and from machines.
        questions: What machines ask before they let either through.
    """

    def __init__(self, gateway: Gateway, connect: Connect, *, bus: EventBus, paths: Paths, spawn: Spawn) -> None:
        self._gateway = gateway
        self.questions = Questions(connect, announce=lambda key: bus.publish(LoginAsked(key)))
        self._lines = Lines(self.questions.dial)
        self.local = LocalSide()
        self.transfers = Transfers(
            self._lines, record=self._record, announce=lambda key: bus.publish(TransferChanged(key)), spawn=spawn
        )
        self.dragged = Dragged(self.transfers, paths.home / "drags")
        self.edits = LocalEdits(self._lines, paths.home / "edits", record=self._record)
        self.tunnels = Tunnels(
            self.questions.dial,
            paths.home / "tunnels.json",
            record=self._record_tunnel,
            announce=lambda key: bus.publish(TunnelChanged(key)),
            spawn=spawn,
        )

    def side(self, machine_id: str) -> RemoteSide:
        """The files of a machine."""
        return RemoteSide(self._lines, machine_id, self._record)

    async def ports(self, machine_id: str) -> tuple[ListeningPort, ...]:
        """The ports at which programs of a machine listen.

        Raises:
            Unavailable: E-TUNNEL-PORTS, the machine does not tell; else there is no connection.
        """
        return await asyncio.to_thread(listening_ports, await self._lines.connection(machine_id))

    async def kept(self, machine_id: str) -> KeptSessions:
        """The sessions of tmux and screen on a machine.

        Raises:
            Unavailable: E-TERMINAL-KEPT, the machine does not tell; else there is no connection.
        """
        return await asyncio.to_thread(kept_sessions, await self._lines.connection(machine_id))

    async def stop(self) -> None:
        """End transfers and tunnels, remove the copies of edited files."""
        self.questions.close()
        self.transfers.stop()
        await self.tunnels.close()
        self._lines.close()
        await asyncio.to_thread(self.edits.close_all)

    async def _record(self, machine_id: str, deed: FileDeed, about: str) -> None:
        machine: Machine = await self._gateway.call(GetMachine(machine_id=machine_id))
        await self._gateway.call(RecordFiles(team_id=machine.team_id, machine_id=machine_id, deed=deed, about=about))

    async def _record_tunnel(self, tunnel: Tunnel) -> None:
        machine: Machine = await self._gateway.call(GetMachine(machine_id=tunnel.machine_id))
        await self._gateway.call(
            RecordTunnel(team_id=machine.team_id, machine_id=tunnel.machine_id, about=_in_words(tunnel))
        )


def _in_words(tunnel: Tunnel) -> str:
    at = f"{tunnel.kind} {tunnel.bind_host}:{tunnel.bind_port}"
    return at if tunnel.kind is TunnelKind.SOCKS else f"{at} to {tunnel.target_host}:{tunnel.target_port}"
