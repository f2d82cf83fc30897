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

from machina_desktop.core.domain.deployment import DeploymentType
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.services.members import ListMembers
from machina_desktop.views.choice import OptionButton
from tests.e2e.cloud_scenario import cloud
from tests.e2e.performance import run_with
from tests.e2e.person import Person, advance_to


async def sandbox(person: Person) -> None:
    """A newcomer's first machine: on this computer, by mouse and keyboard, from the first start to its end."""
    hand = person.hand
    await person.set_up("this computer")
    await hand.look("wizard-account")
    if hand.seen("wizard.provider.sandbox") is not None and hand.seen("wizard.step.keys") is None:
        await _maybe_make_account(person)
    await advance_to(person, "wizard.generate-key")
    await hand.look("wizard-keys")
    await hand.click("wizard.generate-key")
    await advance_to(person, "wizard.name")
    await hand.write("wizard.name", "my-first")
    await hand.look("wizard-name")
    await advance_to(person, "wizard.deploy")
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
    await advance_to(person, "wizard.host")
    await hand.write("wizard.host", host)
    await hand.write("wizard.port", port)
    await hand.write("wizard.user", user)
    await hand.click("wizard.fetch-host-key")
    await hand.control("wizard.found-key")
    await hand.click("wizard.compared")
    await hand.look("wizard-host")
    await advance_to(person, "wizard.generate-key")
    await hand.look("wizard-keys")
    await advance_to(person, "wizard.script")
    await hand.write("wizard.script", "echo hello from the script")
    await advance_to(person, "wizard.name")
    await hand.write("wizard.name", "rack-1")
    await advance_to(person, "wizard.deploy")
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
    "cloud": cloud,
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
