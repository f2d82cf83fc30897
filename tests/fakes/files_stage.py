"""A files panel over a real sshd: a bridge with a gateway of rows, and files as the host puts them together."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Paths
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.terminal import Answer, HostKey, Question
from machina_desktop.core.services.transfers import RecordFiles
from machina_desktop.core.services.tunnels import RecordTunnel
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.hop import Hop, StoredKey
from machina_desktop.core.ssh.jump import connect_over
from machina_desktop.core.ssh.target import Target
from machina_desktop.core.workers.files import Files
from machina_desktop.core.workers.supervisor import Supervisor
from tests.fakes.file_machine import KEY, connect_to
from tests.fakes.gateway import FakeGateway, bridge_with
from tests.fakes.rows import team_rows
from tests.fakes.sshd import USER, Sshd

DEADLINE_S = 60.0


class FilesStage:
    """What a files panel stands on.

    Attributes:
        machine_id: The machine that the sshd stands for.
        recorded: What was recorded in the audit trail.
        is_trusted: Whether the host key of the machine is known; else each login asks, until somebody trusts it.
        hop: The machine, where it is another server than the sshd.
        logins: How many times somebody began to log in while it was not.
    """

    def __init__(self, server: Sshd, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.gateway = FakeGateway(team_rows(machines=3, runs=0))
        self.machine_id = self.gateway.all(Machine)[0].machine_id
        self.recorded: list[RecordFiles | RecordTunnel] = []
        self.gateway.answers[RecordFiles] = self.recorded.append
        self.gateway.answers[RecordTunnel] = self.recorded.append
        self.supervisor = Supervisor()
        self.bridge: Bridge = bridge_with(self.gateway)
        self.is_trusted = True
        self.logins = 0
        self.hop: Hop | None = None
        self._server = server
        self.files = Files(
            self.gateway,
            self._connect,
            bus=self.gateway.bus,
            paths=Paths(folder),
            spawn=lambda work, name: self.supervisor.spawn(work, name=name),
        )
        self.bridge.attach_files(lambda: self.files)

    def _connect(self, machine_id: str, ask: Callable[[Question], Answer], _is_over: Callable[[], bool]) -> Connection:
        if self.hop is not None:
            return connect_over((self.hop,), _Guide(self, ask))
        if self.is_trusted:
            return connect_to(self._server)
        self.logins += 1
        target = Target(host="127.0.0.1", port=self._server.port, user=USER)
        hop = Hop(name="web-1", target=target, about=machine_id, keys=(StoredKey(name="deploy", private=KEY.private),))
        return connect_over((hop,), _Guide(self, ask))

    async def close(self) -> None:
        """End all."""
        await self.bridge.finish()
        await self.files.stop()
        await self.supervisor.stop()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


class _Guide:
    """Hands questions on; a key that is accepted is trusted from then on."""

    def __init__(self, stage: FilesStage, ask: Callable[[Question], Answer]) -> None:
        self._stage = stage
        self.ask = ask

    def pin(self, _hop: Hop, _key: HostKey) -> None:
        self._stage.is_trusted = True


@asynccontextmanager
async def files_stage(server: Sshd, folder: Path) -> AsyncIterator[FilesStage]:
    """A stage for one test."""
    stage = FilesStage(server, folder)
    try:
        yield stage
    finally:
        await stage.close()


async def seen(condition: Callable[[], object], what: str = "it") -> None:
    """Let Qt and the loop work until a condition is true; fail when it does not come true in time."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_S:.0f} s for {what}"
        QCoreApplication.processEvents()
        await asyncio.sleep(0.005)
