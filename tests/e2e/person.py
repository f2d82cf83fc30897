"""Someone who knows the application: what several scenarios do in the same way."""

from __future__ import annotations

import asyncio
from pathlib import Path

from machina_desktop import app as desktop_app
from machina_desktop.core.domain.deployment import DeploymentState, DeploymentType
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.machines import ListMachines
from tests.e2e.hand import Hand


class Person:
    """Someone who knows the application, with the window open before them."""

    def __init__(self, desktop: desktop_app.Desktop, pictures: Path, server: list[str]) -> None:
        self.hand = Hand(pictures)
        self.bridge = desktop._bridge
        self.window = desktop._window
        self.server = server

    async def machine(self, name: str) -> Machine | None:
        """The machine as the store has it."""
        found = await self.bridge.call(ListMachines(team_id=self.bridge.team_id, include_gone=True))
        return next((machine for machine in found if machine.name == name), None)

    async def wait_for(self, name: str, status: MachineStatus) -> Machine:
        """Wait until the machine has that status."""
        for _ in range(3000):
            machine = await self.machine(name)
            if machine is not None and machine.actual_status is status:
                return machine
            if machine is not None and machine.actual_status is MachineStatus.ERROR:
                await self.hand.look("error")
                raise AssertionError(machine.status_reason)
            await asyncio.sleep(0.01)
        await self.hand.look("timeout")
        raise AssertionError(f"{name} did not become {status.value}")

    async def wait_for_run(self, kind: DeploymentType) -> None:
        """Wait until the newest run of that kind has succeeded."""
        ask = ListDeployments(team_id=self.bridge.team_id, type=kind)
        for _ in range(3000):
            runs = await self.bridge.call(ask)
            if runs and runs[0].state is DeploymentState.SUCCEEDED:
                return
            assert not (runs and runs[0].state.is_final), runs[0].error_message
            await asyncio.sleep(0.01)
        raise AssertionError(f"no {kind.value} succeeded")

    async def set_up(self, first: str) -> None:
        """Go through the first run and choose what to begin with, until the wizard is there."""
        await self.begin(first)
        await self.hand.control("wizard")

    async def begin(self, first: str) -> None:
        """Go through the first run and choose what to begin with."""
        hand = self.hand
        await hand.until(lambda: hand.button("Continue") is not None, "the first run")
        await hand.look("first-run-look")
        await hand.click_text("Continue")
        await hand.look("first-run-team")
        await hand.click_text("Continue")
        await hand.click_card("key file")
        await hand.look("first-run-vault")
        await hand.click_text("Create vault")
        await hand.until(lambda: hand.choice(first) is not None, "what first?")
        await hand.look("first-run-begin")
        await hand.click_card(first)

    async def approve_and_watch(self, name: str) -> None:
        """Read the plan in the sidekick, approve it, and see the machine come up."""
        hand = self.hand
        await hand.control("deployment.approve")
        await hand.look("plan")
        await hand.click("deployment.approve")
        await self.wait_for(name, MachineStatus.RUNNING)
        await hand.look("deployed")

    async def open_machine(self) -> None:
        """From the deployment's detail to the machine's."""
        await self.hand.click_text("Details")
        await self.hand.click("deployment.machine.open")
        await self.hand.control("machine.detail")
        await self.hand.look("machine")

    async def destroy(self, name: str) -> None:
        """Destroy by the button in the detail, confirm, approve the plan."""
        hand = self.hand
        await hand.click("machine.destroy")
        await hand.control("machine.destroy-dialog")
        await hand.look("destroy-question")
        await hand.click("machine.destroy-dialog.confirm")
        await hand.control("deployment.approve")
        await hand.look("destroy-plan")
        await hand.click("deployment.approve")
        await self.wait_for(name, MachineStatus.TERMINATED)
        await hand.look("destroyed")


async def advance_to(person: Person, name: str) -> None:
    """Press Next until the step with that control is open; whatever can be chosen on the way has its first choice."""
    hand = person.hand
    for _ in range(10):
        if hand.seen(name) is not None:
            return
        await hand.until(lambda: hand.seen(name) is not None or _is_ready(hand), f"a way on to {name}")
        if hand.seen(name) is None:
            await hand.click("wizard.next")
            await asyncio.sleep(0.2)
    await hand.look("stuck")
    raise AssertionError(f"the wizard never came to {name}")


def _is_ready(hand: Hand) -> bool:
    button = hand.seen("wizard.next")
    return button is not None and button.isEnabled()
