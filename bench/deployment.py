"""A deployment's wall time, paired with a shell doing init, plan and apply; and how soon an approved apply starts."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

os.environ["MACHINA_VAULT"] = "key-file"

from machina_desktop.core.config import REPOSITORY, Paths, Settings
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.events import Changed, Event, EventBus
from machina_desktop.core.host import Host
from machina_desktop.core.process import Launch
from machina_desktop.core.services.deployments import ApproveDeployment, GetDeployment
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.providers import AddAccount
from tests.fakes import provider

PAIRS = 12
MODULE = REPOSITORY / "terraform" / "sandbox"


def shell_seconds(variables: dict[str, object]) -> float:
    """What the same module takes when a shell runs it."""
    folder = Path(tempfile.mkdtemp(prefix="machina-bench-"))
    for source in MODULE.glob("*.tf"):
        shutil.copy(source, folder)
    (folder / "machina.auto.tfvars.json").write_text(json.dumps(variables))
    script = "terraform init -input=false && terraform plan -input=false -out=tfplan && terraform apply tfplan"
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "CHECKPOINT_DISABLE": "1"}
    began = time.perf_counter()
    subprocess.run(script, shell=True, cwd=folder, env=environment, check=True, capture_output=True)
    taken = time.perf_counter() - began
    shutil.rmtree(folder)
    return taken


class Desk:
    """A host with one account, and the times at which its deployments reach a state."""

    def __init__(self, home: Path) -> None:
        self.paths = Paths(home)
        self.bus = EventBus()
        self.host = Host(self.paths, Settings(self.paths.settings), self.bus)
        self._account_id = ""
        self._team_id = ""
        self._state_changed = asyncio.Event()

    async def open(self) -> None:
        """Start it."""
        await self.host.start()
        self.host.start_deployer()
        self.bus.subscribe(self._on_event)
        self._team_id = self.host.actor.team_roles[0][0]
        account = await self.host.gateway.call(
            AddAccount(team_id=self._team_id, type=ProviderType.SANDBOX, label="here")
        )
        self._account_id = account.provider_account_id
        await self.host.find_engine()

    def ask(self, name: str, *, auto_approve: bool) -> CreateMachine:
        """The request for a machine."""
        return CreateMachine(team_id=self._team_id, account_id=self._account_id, name=name, auto_approve=auto_approve)

    async def reach(self, deployment_id: str, *states: DeploymentState) -> Deployment:
        """Wait until the deployment is in one of the states."""
        while True:
            self._state_changed.clear()
            deployment = await self.host.gateway.call(GetDeployment(deployment_id=deployment_id))
            if deployment.state in states:
                return deployment
            await self._state_changed.wait()

    async def deployment_seconds(self, name: str) -> float:
        """From the request to the end of a deployment approved beforehand."""
        ask = self.ask(name, auto_approve=True)
        began = time.perf_counter()
        await self.host.gateway.call(ask)
        ended = await self.reach(ask.deployment_id, DeploymentState.SUCCEEDED, DeploymentState.FAILED)
        if ended.state is DeploymentState.FAILED:
            raise SystemExit(ended.error_message)
        return time.perf_counter() - began

    async def approval_seconds(self, name: str) -> float:
        """From the approval to the moment at which the apply's process is on record."""
        ask = self.ask(name, auto_approve=False)
        machine = await self.host.gateway.call(ask)
        await self.reach(ask.deployment_id, DeploymentState.AWAITING_APPROVAL)
        folder = self.paths.runs / machine.machine_id / "launches" / ask.deployment_id / "apply"
        began = time.perf_counter()
        await self.host.gateway.call(ApproveDeployment(deployment_id=ask.deployment_id))
        # Another process writes the record.
        while (launch := Launch.attach(folder)) is None or not launch.begun:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        taken = time.perf_counter() - began
        await self.reach(ask.deployment_id, DeploymentState.SUCCEEDED)
        return taken

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Changed):
            self._state_changed.set()


async def measure(home: Path) -> None:
    """Print both figures."""
    desk = Desk(home)
    await desk.open()
    variables = provider.RecordProvider().variables(
        await desk.host.gateway.call(desk.ask("warm-up", auto_approve=True)), ()
    )
    await asyncio.sleep(1)
    pairs = []
    for number in range(PAIRS):
        ours = await desk.deployment_seconds(f"pair-{number}")
        pairs.append((await asyncio.to_thread(shell_seconds, variables), ours))
    shell = statistics.median(pair[0] for pair in pairs) * 1000
    ours = statistics.median(pair[1] for pair in pairs) * 1000
    more = statistics.median(pair[1] - pair[0] for pair in pairs) * 1000
    print(f"shell init && plan && apply    {shell:7.0f} ms")
    print(f"deployment, approved before    {ours:7.0f} ms   paired median {more:+.0f} ms (bar: +150 ms)")
    approvals = [await desk.approval_seconds(f"approve-{number}") for number in range(PAIRS)]
    print(f"approve to apply started       {statistics.median(approvals) * 1000:7.1f} ms   (bar: 50 ms)")
    await desk.host.stop()


def main() -> None:
    """Run in a throw-away data folder."""
    provider.install(provider.RecordProvider())
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as folder:
        asyncio.run(measure(Path(folder) / "home"))


if __name__ == "__main__":
    main()
