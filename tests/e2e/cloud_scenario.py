"""A machine's whole life at a cloud, in the window: the cloud is a stand-in, Terraform is real, its plugin is ours."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from machina_desktop.core.domain.deployment import DeploymentState, DeploymentType
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.providers.hetzner import Hetzner
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.device import ChangeSetting
from machina_desktop.views.callout import Callout
from machina_desktop.views.models.table_model import RecordTableModel
from machina_desktop.views.widgets.table_view import TableView
from tests.e2e.hand import Hand
from tests.e2e.person import Person, advance_to
from tests.fakes.clouds.hetzner import Hetzner as Fake
from tests.fakes.clouds.served import serving
from tests.fakes.clouds.stage import PACE, PATIENCE, TOKEN, WAITS
from tests.fakes.plugin import mirror
from tests.fakes.provider import install


async def cloud(person: Person) -> None:
    """Add an account, deploy by the wizard, resize, find a change that somebody made elsewhere, destroy."""
    with tempfile.TemporaryDirectory() as plugins, serving(Fake(token=TOKEN)) as fake:
        mirror.install(Path(plugins), "hcloud", (sys.executable, "-m", "tests.fakes.plugin.hcloud"))
        install(Hetzner(pace=PACE, waits=WAITS, patience=PATIENCE))
        await person.begin("cloud")
        await person.bridge.call(ChangeSetting(key="plugin_mirror", value=plugins))
        await _add_account(person, fake)
        await _deploy(person, fake)
        await _resize(person, fake)
        await _drift(person, fake)
        await person.destroy("web-1")
        assert not fake.servers


async def _add_account(person: Person, fake: Fake) -> None:
    hand = person.hand
    await hand.click("add_account.provider.hetzner")
    await hand.write("add_account.label", "Acme")
    await hand.write("add_account.field.api_token", "a-token-that-is-wrong-0123456789")
    await hand.click("add_account.more")
    await hand.write("add_account.field.endpoint", fake.url)
    await hand.look("account-form")
    await hand.click("add_account.submit")
    await hand.control("add_account.refused")
    await hand.look("account-refused")
    await hand.write("add_account.field.api_token", TOKEN)
    await hand.click("add_account.submit")
    await hand.control("provider_account")
    await hand.look("account")


async def _deploy(person: Person, fake: Fake) -> None:
    hand = person.hand
    fake.sold_out.add("cx32@nbg1")
    await hand.key(Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    await advance_to(person, "wizard.region.nbg1")
    await hand.click("wizard.region.nbg1")
    await hand.look("wizard-region")
    await advance_to(person, "wizard.sizes")
    await click_row(hand, "wizard.sizes", "cx22")
    await hand.look("wizard-size")
    await advance_to(person, "wizard.image.debian-12")
    await hand.click("wizard.image.debian-12")
    await hand.look("wizard-image")
    await advance_to(person, "wizard.generate-key")
    await hand.click("wizard.generate-key")
    await advance_to(person, "wizard.firewall-template.web")
    await hand.click("wizard.firewall-template.web")
    await hand.look("wizard-firewall")
    await advance_to(person, "wizard.name")
    await hand.write("wizard.name", "web-1")
    await advance_to(person, "wizard.deploy")
    await hand.look("wizard-review")
    await hand.key(Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    await person.approve_and_watch("web-1")
    (server,) = fake.servers.values()
    assert server["server_type"]["name"] == "cx22"
    assert len(fake.firewalls) == 1
    await person.open_machine()


async def _resize(person: Person, fake: Fake) -> None:
    hand = person.hand
    fake.sold_out.clear()
    await hand.click("machine.more")
    await hand.look("machine-more")
    await _choose_from_menu(hand, "Resize…")
    await click_row(hand, "machine.sizes", "ccx13")
    await hand.look("resize")
    await hand.click("machine.resize-dialog.confirm")
    await hand.control("deployment.approve")
    await hand.look("resize-plan")
    await hand.click("deployment.approve")
    await person.wait_for_run(DeploymentType.UPDATE)
    (server,) = fake.servers.values()
    assert server["server_type"]["name"] == "ccx13"
    machine = await person.wait_for("web-1", MachineStatus.RUNNING)
    assert machine.size == "ccx13"
    await hand.look("resized")
    await person.open_machine()


async def _drift(person: Person, fake: Fake) -> None:
    """Somebody gives the server another size at the provider's console."""
    hand = person.hand
    (server,) = fake.servers.values()
    server["server_type"] = {**server["server_type"], "name": "cpx11"}
    await hand.click("machine.refresh")
    await person.wait_for_run(DeploymentType.REFRESH)
    runs = await person.bridge.call(ListDeployments(team_id=person.bridge.team_id, type=DeploymentType.REFRESH))
    assert runs[0].state is DeploymentState.SUCCEEDED
    assert runs[0].plan_summary is not None
    assert runs[0].plan_summary.drift
    advice = await hand.control("machine.advice")
    assert isinstance(advice, Callout)
    await hand.until(lambda: advice.title() == "It was changed outside of Machina.", "the change to be told")
    await hand.look("drifted")


async def click_row(hand: Hand, name: str, key: str) -> None:
    """Click the row of a table, once it is there."""

    def row() -> int:
        table = hand.seen(name)
        model = table.model() if isinstance(table, TableView) else None
        return model.row_of(key) if isinstance(model, RecordTableModel) else -1

    await hand.until(lambda: row() >= 0, f"{key} in {name}")
    table = await hand.control(name)
    assert isinstance(table, TableView)
    at = table.visualRect(table.model().index(row(), 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(at))
    await asyncio.sleep(0)


async def _choose_from_menu(hand: Hand, text: str) -> None:
    def found() -> bool:
        return hand.menu_row(text) is not None

    await hand.until(found, f"the row {text}")
    row = hand.menu_row(text)
    assert row is not None
    menu, at = row
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=at)
