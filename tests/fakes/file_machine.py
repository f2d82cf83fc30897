"""A machine with files: a real sshd with SFTP, what works on it as the host puts it together, and traces in a list."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path

from machina_desktop.core.domain.transfer import Transfer, TransferState
from machina_desktop.core.services.transfers import FileDeed
from machina_desktop.core.ssh.client import Target, connect
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.workers.lines import Lines
from machina_desktop.core.workers.supervisor import Supervisor
from machina_desktop.core.workers.transfers import Transfers
from tests.fakes.sshd import USER, KeyPair, Sshd, running

KEY = KeyPair()
MACHINE = "machine-files"
SFTP = "Subsystem sftp internal-sftp"
DEADLINE_S = 60.0


@contextmanager
def file_server(folder: Path, *options: str) -> Iterator[Sshd]:
    """A started sshd that serves files."""
    with running(folder, options=(SFTP, "MaxStartups 100:30:200", *options)) as sshd:
        sshd.authorize(KEY)
        yield sshd


def connect_to(server: Sshd) -> Connection:
    """A connection to it."""
    target = Target(host="127.0.0.1", port=server.port, user=USER)
    return connect(target, private_keys=[KEY.private], host_key=server.fingerprint, timeout_s=10)


def dial_to(server: Sshd) -> Callable[[str], Awaitable[Connection]]:
    """What the workers make connections with."""

    async def dial(_machine_id: str) -> Connection:
        return await asyncio.to_thread(connect_to, server)

    return dial


class Depot:
    """Lines, queue and traces of one test.

    Attributes:
        traces: What was recorded, as deed and words.
        announced: Ids of transfers, in the order they were announced.
    """

    def __init__(self, server: Sshd, *, at_once: int = 3, retry_s: tuple[float, ...] = (0.05,) * 40) -> None:
        self.traces: list[tuple[FileDeed, str]] = []
        self.announced: list[str] = []
        self.supervisor = Supervisor()
        self.lines = Lines(dial_to(server))
        self.transfers = Transfers(
            self.lines,
            record=self.record,
            announce=self.announced.append,
            spawn=self.spawn,
            at_once=at_once,
            retry_s=retry_s,
        )

    def spawn(self, work: Coroutine[object, object, None], name: str) -> object:
        """Run it until the depot closes."""
        return self.supervisor.spawn(work, name=name)

    async def record(self, _machine_id: str, deed: FileDeed, about: str) -> None:
        """Leave a trace."""
        self.traces.append((deed, about))

    def shown(self, transfer_id: str) -> Transfer:
        """A transfer as it stands."""
        found = self.transfers.get(transfer_id)
        assert found is not None
        return found

    async def until(self, transfer_id: str, *states: TransferState) -> Transfer:
        """Wait until a transfer is in one of these states."""
        await until(lambda: self.shown(transfer_id).state in states, lambda: str(self.shown(transfer_id)))
        return self.shown(transfer_id)

    async def done(self, transfer_id: str) -> Transfer:
        """Wait until a transfer has ended well."""
        ended = await self.until(transfer_id, TransferState.DONE, TransferState.FAILED)
        assert ended.state is TransferState.DONE, ended.problem
        return ended

    async def close(self) -> None:
        """End all."""
        self.transfers.stop()
        self.lines.close()
        await self.supervisor.stop()


async def until(condition: Callable[[], object], what: Callable[[], str] = lambda: "it") -> None:
    """Wait for a condition; fail when it does not come true in time."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_S:.0f} s for {what()}"
        await asyncio.sleep(0.005)
