"""Runs the real application on the display it is given, and a scenario in it: ``python -m tests.e2e.window_driver``.

Arguments: SCENARIO PICTURES [HOST PORT USER FINGERPRINT PRIVATE-KEY-FILE]. Ends with 0 when the scenario came to its
end, 1 with a traceback otherwise.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from machina_desktop import app as desktop_app
from machina_desktop.core.domain.deployment import DeploymentState, DeploymentType
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import ListMembers
from machina_desktop.views.deploy_wizard.choice import OptionButton
from tests.e2e.hand import Hand
from tests.e2e.performance import run_with


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


async def sandbox(person: Person) -> None:
    """A newcomer's first machine: on this computer, by mouse and keyboard, from the first start to its end."""
    hand = person.hand
    await person.set_up("this computer")
    await hand.look("wizard-account")
    if hand.seen("wizard.provider.sandbox") is not None and hand.seen("wizard.step.keys") is None:
        await _maybe_make_account(person)
    await _advance_to(person, "wizard.generate-key")
    await hand.look("wizard-keys")
    await hand.click("wizard.generate-key")
    await _advance_to(person, "wizard.name")
    await hand.write("wizard.name", "my-first")
    await hand.look("wizard-name")
    await _advance_to(person, "wizard.deploy")
    await hand.look("wizard-review")
    await hand.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    await person.approve_and_watch("my-first")
    await person.open_machine()
    await hand.click("machine.reboot")
    await person.wait_for_run(DeploymentType.REBOOT)
    await person.wait_for("my-first", MachineStatus.RUNNING)
    await hand.look("rebooted")
    await person.destroy("my-first")


async def baremetal(person: Person) -> None:
    """A server with SSH: import a key, give address and host key, run a script, deregister."""
    hand = person.hand
    host, port, user, fingerprint, key_file = person.server
    await person.set_up("server")
    await hand.click("wizard.close")
    await _import_key(person, await asyncio.to_thread(Path(key_file).read_text))
    await hand.key(Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    await hand.click("machines.deploy")
    await _make_account(person, "baremetal")
    await _advance_to(person, "wizard.host")
    await hand.write("wizard.host", host)
    await hand.write("wizard.port", port)
    await hand.write("wizard.user", user)
    await hand.click("wizard.fetch-host-key")
    await hand.control("wizard.found-key")
    await hand.click("wizard.compared")
    await hand.look("wizard-host")
    await _advance_to(person, "wizard.generate-key")
    await hand.look("wizard-keys")
    await _advance_to(person, "wizard.script")
    await hand.write("wizard.script", "echo hello from the script")
    await _advance_to(person, "wizard.name")
    await hand.write("wizard.name", "rack-1")
    await _advance_to(person, "wizard.deploy")
    await hand.look("wizard-review")
    await hand.click("wizard.deploy")
    await person.approve_and_watch("rack-1")
    machine = await person.machine("rack-1")
    assert machine is not None
    assert machine.host_key == fingerprint
    await person.open_machine()
    await person.destroy("rack-1")


async def _import_key(person: Person, private: str) -> None:
    hand = person.hand
    await hand.key(Qt.Key.Key_3, Qt.KeyboardModifier.ControlModifier)
    await hand.click("keys.import")
    await hand.write("import_key.name", "rack key")
    await hand.paste("import_key.key", private)
    await hand.look("import-key")
    await hand.click("import_key.submit")
    await hand.until(lambda: hand.seen("import_key") is None, "the key to be imported")
    await hand.look("keys")


async def _maybe_make_account(person: Person) -> None:
    if not any(button.isVisible() for button in _options("wizard.account.")):
        await _make_account(person, "sandbox")


async def _make_account(person: Person, kind: str) -> None:
    hand = person.hand
    await hand.click(f"wizard.provider.{kind}")
    await hand.until(
        lambda: hand.seen("wizard.add-account") is not None or bool(_options("wizard.account.")), "the account form"
    )
    await hand.look("wizard-new-account")
    if hand.seen("wizard.add-account") is not None:
        await hand.click("wizard.add-account")
    await hand.until(
        lambda: bool(_options("wizard.account.")) or hand.seen("wizard.add-account") is None, "the account"
    )


def _options(prefix: str) -> list[OptionButton]:
    return [
        button
        for window in QApplication.topLevelWidgets()
        for button in window.findChildren(OptionButton)
        if button.objectName().startswith(prefix) and button.isVisible()
    ]


async def _advance_to(person: Person, name: str) -> None:
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


async def invited(person: Person) -> None:
    """Come to a team's server by the link of an invite, see the team, and leave the server again."""
    hand, window = person.hand, person.window
    (link,) = person.server
    await person.begin("my team has a server")
    await hand.control("connect.address")
    await hand.write("connect.address", link)
    await hand.click("connect.continue")
    await hand.write("connect.person", "Grace Hopper")
    await hand.write("connect.email", "grace@example.org")
    await hand.write("connect.password", "correct horse battery staple")
    await hand.look("account")
    await hand.click("connect.continue")
    await hand.until(lambda: hand.button("Open Crew") is not None, "the team")
    await hand.look("team")
    await hand.click_text("Open Crew")
    await hand.until(lambda: window.sidebar.team.text() == "Crew", "the team in view")
    await hand.until(lambda: window.status.servers.text() == "Live", "a line that stands")
    window.open_app("members")
    await hand.look("members")
    window.open_app("settings", "servers")
    await hand.look("servers")
    assert person.bridge.actor.display_name == "Grace Hopper"
    members = await person.bridge.call(ListMembers(team_id=person.bridge.team_id))
    assert {each.user.display_name for each in members} == {"Ada", "Grace Hopper"}
    await hand.click("settings.server.sign_out")
    await hand.click("sign_out.confirm")
    await hand.until(lambda: window.sidebar.team.text() == "Personal", "the team of this computer")
    await hand.until(lambda: not window.status.servers.isVisible(), "no server any more")
    await hand.look("signed-out")


SCENARIOS: dict[str, Callable[[Person], Awaitable[None]]] = {
    "sandbox": sandbox,
    "baremetal": baremetal,
    "invited": invited,
}


def main() -> int:
    """Run the application with the scenario in it."""
    scenario, pictures, *server = sys.argv[1:]
    return run_with(lambda desktop: SCENARIOS[scenario](Person(desktop, Path(pictures), server)))


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
