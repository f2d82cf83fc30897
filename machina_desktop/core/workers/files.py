"""What a person's computer does with files of machines and tunnels to them, put together for the host."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from machina_desktop.core.config import Paths
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.terminal import NO, Answer, Question, QuestionKind
from machina_desktop.core.domain.tunnel import Tunnel, TunnelKind
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.events import EventBus, TransferChanged, TunnelChanged
from machina_desktop.core.services.machines import GetMachine
from machina_desktop.core.services.transfers import FileDeed, RecordFiles
from machina_desktop.core.services.tunnels import RecordTunnel
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.sync.gateway import Gateway
from machina_desktop.core.workers.file_sides import LocalSide, RemoteSide
from machina_desktop.core.workers.lines import Lines
from machina_desktop.core.workers.local_edits import LocalEdits
from machina_desktop.core.workers.transfers import Spawn, Transfers
from machina_desktop.core.workers.tunnels import Tunnels

Connect = Callable[[str, Callable[[Question], Answer], Callable[[], bool]], Connection]
"""Logs in to a machine, by its id; blocks. As ``Terminals.connect``."""


class Files:
    """Files and tunnels of one host. Lives on the loop.

    Attributes:
        local: The files of this computer.
        transfers: The queue.
        edits: The files of machines that are open in programs of this computer.
        tunnels: Ports forwarded to and from machines.
    """

    def __init__(self, gateway: Gateway, connect: Connect, *, bus: EventBus, paths: Paths, spawn: Spawn) -> None:
        self._gateway = gateway
        self._connect = connect
        self._over = threading.Event()
        self._lines = Lines(self._dial)
        self.local = LocalSide()
        self.transfers = Transfers(
            self._lines, record=self._record, announce=lambda key: bus.publish(TransferChanged(key)), spawn=spawn
        )
        self.edits = LocalEdits(self._lines, paths.home / "edits", record=self._record)
        self.tunnels = Tunnels(
            self._dial,
            paths.home / "tunnels.json",
            record=self._record_tunnel,
            announce=lambda key: bus.publish(TunnelChanged(key)),
            spawn=spawn,
        )

    def side(self, machine_id: str) -> RemoteSide:
        """The files of a machine."""
        return RemoteSide(self._lines, machine_id, self._record)

    async def stop(self) -> None:
        """End transfers and tunnels, remove the copies of edited files."""
        self._over.set()
        self.transfers.stop()
        await self.tunnels.close()
        self._lines.close()
        await asyncio.to_thread(self.edits.close_all)

    async def _dial(self, machine_id: str) -> Connection:
        asked: list[Question] = []

        def nobody(question: Question) -> Answer:
            asked.append(question)
            return NO

        # Nobody is there to be asked: an unknown host key is shown, and accepted, where a terminal is opened.
        try:
            return await asyncio.to_thread(self._connect, machine_id, nobody, self._over.is_set)
        except MachinaError as error:
            if not asked:
                raise
            raise _unanswered(asked[0]) from error

    async def _record(self, machine_id: str, deed: FileDeed, about: str) -> None:
        machine: Machine = await self._gateway.call(GetMachine(machine_id=machine_id))
        await self._gateway.call(RecordFiles(team_id=machine.team_id, machine_id=machine_id, deed=deed, about=about))

    async def _record_tunnel(self, tunnel: Tunnel) -> None:
        machine: Machine = await self._gateway.call(GetMachine(machine_id=tunnel.machine_id))
        await self._gateway.call(
            RecordTunnel(team_id=machine.team_id, machine_id=tunnel.machine_id, about=_in_words(tunnel))
        )


def _unanswered(question: Question) -> Unavailable:
    """Why there is no connection, where the machine asked something first."""
    if question.kind is QuestionKind.HOST_KEY:
        return Unavailable(
            f"The host key of {question.name} is not known yet.",
            hint="Open a terminal on it first: it shows the key, and once you accept it, files and tunnels open too.",
            code="E-SSH-ASKS",
        )
    wanted = {QuestionKind.PASSPHRASE: "a passphrase", QuestionKind.PASSWORD: "a password"}
    return Unavailable(
        f"{question.name} asks for {wanted.get(question.kind, 'an answer')}, which only a terminal can give.",
        hint="Open a terminal on it. For files and tunnels, keep a key for it in the vault or in your SSH agent.",
        code="E-SSH-ASKS",
    )


def _in_words(tunnel: Tunnel) -> str:
    at = f"{tunnel.kind} {tunnel.bind_host}:{tunnel.bind_port}"
    return at if tunnel.kind is TunnelKind.SOCKS else f"{at} to {tunnel.target_host}:{tunnel.target_port}"
