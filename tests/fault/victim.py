"""Starts the driver, kills its children, and reads what they left: the oracle of the fault tests."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from machina_desktop.core.config import REPOSITORY, Paths, Settings
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.events import EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.services.audit import VerifyAudit
from machina_desktop.core.services.deployments import ListDeployments, ReadLog
from machina_desktop.core.services.machines import ListMachines


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a data folder holds."""

    machines: tuple[Machine, ...]
    deployments: tuple[Deployment, ...]
    logs: dict[str, tuple[LogLine, ...]]
    chain_is_whole: bool


class Victim:
    """One data folder and the process that forks its applications."""

    def __init__(self, home: Path, engine: Path | str, module: Path | str) -> None:
        self.home = home
        arguments = [sys.executable, "-m", "tests.fault.driver", str(home), str(engine) or "-", str(module)]
        self._driver = subprocess.Popen(
            arguments, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, *, die: str = "-", create: int = 1, cancel: bool = False) -> int:
        """Start an application, which cancels what it sees applied if told so; answers its pid."""
        assert self._driver.stdin is not None
        self._driver.stdin.write(f"{die} {create} {'cancel' if cancel else '-'}\n")
        self._driver.stdin.flush()
        return int(self._line())

    def wait(self) -> int:
        """How the application ended: its exit code, negative for a signal."""
        return int(self._line().split()[2])

    def kill(self, pid: int) -> None:
        """``kill -9``, unless it has ended by itself."""
        os.kill(pid, signal.SIGKILL)

    def finish(self) -> None:
        """Start it once more and let it come to its end."""
        self.start()
        assert self.wait() == 0

    def close(self) -> None:
        """End the driver."""
        assert self._driver.stdin is not None
        with self._driver:
            self._driver.stdin.close()

    def left(self) -> Left:
        """Read the data folder as the next start would."""
        return asyncio.run(self._read())

    async def _read(self) -> Left:
        paths = Paths(self.home)
        host = Host(paths, Settings(paths.settings), EventBus())
        await host.start(watch=False)
        try:
            team_id = host.actor.team_roles[0][0]
            deployments = await host.gateway.call(ListDeployments(team_id=team_id))
            logs = {
                deployment.deployment_id: (
                    await host.gateway.call(ReadLog(deployment_id=deployment.deployment_id, limit=64 << 20))
                ).lines
                for deployment in deployments
            }
            chain = await host.gateway.call(VerifyAudit(team_id=team_id))
            machines = await host.gateway.call(ListMachines(team_id=team_id, include_gone=True))
            return Left(machines=machines, deployments=deployments, logs=logs, chain_is_whole=chain.broken_at is None)
        finally:
            await host.stop()

    def _line(self) -> str:
        assert self._driver.stdout is not None
        line = self._driver.stdout.readline()
        assert line, "the driver has died"
        return line
