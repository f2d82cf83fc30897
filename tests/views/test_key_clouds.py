"""The accounts of a key over a real core and stand-ins for the cloud: what is shown is what the cloud has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton
from pytestqt.qtbot import QtBot

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.providers import registry
from machina_desktop.core.providers.hetzner import Hetzner
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.key_sync import RecordSync, SyncKey
from machina_desktop.core.services.keys import GenerateKey, GetKey
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.views.apps.key_detail import KeyDetail
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.text import CopyLabel, Label
from tests.fakes.clouds.hetzner import Hetzner as Fake
from tests.fakes.clouds.served import serving
from tests.fakes.clouds.stage import PACE, PATIENCE, TOKEN, WAITS
from tests.fakes.gateway import RecordingWindow, close, turn, until
from tests.fakes.hosts import Core, core
from tests.fakes.provider import install


@dataclass
class Desk:
    """The detail of a key, and what stands behind its two accounts, by label."""

    made: Core
    clouds: dict[str, Fake]
    accounts: dict[str, str]
    key: SSHKey
    detail: KeyDetail
    window: RecordingWindow

    def said(self, label: str) -> str:
        """What the account's line says."""
        found = self.detail.findChildren(Label, f"key.account.{self.accounts[label]}.said")
        return found[0].text() if found else ""

    def id_at(self, label: str) -> str:
        """The id that the account's line shows."""
        return self.detail.findChildren(CopyLabel, f"key.account.{self.accounts[label]}.id")[0].text()

    def press(self, label: str) -> None:
        """Put the key there or take it away."""
        self.click(f"key.account.{self.accounts[label]}.deed")

    def click(self, name: str) -> None:
        """Press the left button of the mouse on a button."""
        (button,) = self.detail.findChildren(QAbstractButton, name)
        assert button.isVisible()
        assert button.isEnabled()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)


async def _account(made: Core, label: str, cloud: Fake) -> str:
    fields = {"api_token": Secret(TOKEN), "endpoint": Secret(cloud.url)}
    ask = AddAccount(team_id=made.team_id, type=ProviderType.HETZNER, label=label, fields=fields)
    return (await made.call(ask)).provider_account_id


@pytest.fixture
async def desk(qtbot: QtBot, tmp_path: Path) -> AsyncIterator[Desk]:
    known = registry.PROVIDERS[ProviderType.HETZNER]
    try:
        with ExitStack() as stack:
            clouds = {label: Fake(token=TOKEN) for label in ("Acme", "Labs")}
            for cloud in clouds.values():
                stack.enter_context(serving(cloud))
            async with core(tmp_path / "home") as made:
                install(Hetzner(pace=PACE, waits=WAITS, patience=PATIENCE))
                accounts = {label: await _account(made, label, cloud) for label, cloud in clouds.items()}
                key = await made.call(GenerateKey(team_id=made.team_id, name="ada"))
                bridge, window = Bridge(made.host.bus), RecordingWindow()
                bridge.settle(made.host.gateway)
                detail = KeyDetail(bridge, window, key.ssh_key_id)
                detail.resize(360, 1000)
                detail.show()
                shown = Desk(made, clouds, accounts, key, detail, window)
                await until(lambda: shown.said("Acme") == shown.said("Labs") == "not there")
                await turn()
                yield shown
                await close(bridge, detail)
    finally:
        registry.PROVIDERS[ProviderType.HETZNER] = known
        registry.provider_for.cache_clear()


async def test_the_key_goes_to_both_clouds_out_of_one_and_back(desk: Desk) -> None:
    desk.click("key.accounts.put_all")
    await until(lambda: desk.said("Acme") == desk.said("Labs") == "there as")
    for label, cloud in desk.clouds.items():
        assert [str(each) for each in cloud.keys] == [desk.id_at(label)]
    await turn()
    desk.press("Labs")
    await until(lambda: desk.said("Labs") == "not there")
    assert (len(desk.clouds["Acme"].keys), len(desk.clouds["Labs"].keys)) == (1, 0)
    key = await desk.made.call(GetKey(key_id=desk.key.ssh_key_id))
    assert key.provider_key_ids == {desk.accounts["Acme"]: desk.id_at("Acme")}
    assert desk.window.notices == [("success", "ada is taken away from Labs")]


async def test_one_that_somebody_else_put_there_is_found_and_not_added_again(desk: Desk) -> None:
    pair = {"key_id": desk.key.ssh_key_id, "account_id": desk.accounts["Acme"]}
    await desk.made.call(SyncKey(**pair))
    await desk.made.call(RecordSync(**pair, provider_key_id=""))
    await until(lambda: desk.said("Acme") == "not there")
    await turn()
    desk.press("Acme")
    await until(lambda: desk.said("Acme") == "was there already, as")
    assert [str(each) for each in desk.clouds["Acme"].keys] == [desk.id_at("Acme")]


async def test_a_cloud_that_refuses_the_token_says_so_beside_its_account_and_the_other_goes_on(desk: Desk) -> None:
    desk.clouds["Acme"].token = "another"
    desk.click("key.accounts.put_all")
    (problem,) = desk.detail.findChildren(Callout, f"key.account.{desk.accounts['Acme']}.problem")
    await until(lambda: problem.isVisible() and desk.said("Labs") == "there as")
    assert "Hetzner" in problem.title()
    assert problem.accessibleDescription()
    assert desk.said("Acme") == "not there"
    await turn()
    desk.clouds["Acme"].token = TOKEN
    desk.press("Acme")
    await until(lambda: desk.said("Acme") == "there as")
    assert not problem.isVisible()
