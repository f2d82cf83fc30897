"""A machine like another one, and several alike, on a gateway that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderType, WizardStep
from machina_desktop.views.apps.machine_actions import Action, MachineActions, is_offered
from machina_desktop.views.deploy_wizard.draft import DraftFile
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, until
from tests.fakes.rows import PROVIDER_INFOS, machine, team_rows
from tests.fakes.wizard import Opened

WEB = replace(
    machine(1, name="web-9"),
    provider=ProviderType.HETZNER,
    provider_account_id="account-hetzner",
    region="fsn1",
    size="cx22",
    image="debian-12",
    ssh_key_ids=("key-laptop",),
    tags=("env:prod",),
    bootstrap_script="echo hello",
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


def team() -> FakeGateway:
    return FakeGateway((*team_rows(machines=0, runs=0), WEB))


async def test_one_like_another_needs_a_look_and_nothing_else() -> None:
    async with Opened(team(), like=WEB) as opened:
        await until(lambda: opened.wizard._state.catalogue)
        assert opened.wizard.current() is WizardStep.NAME
        await until(lambda: opened.wizard._state.draft.name == "web-10")
        await opened.next(WizardStep.REVIEW)
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        ask = opened.asked
        assert (ask.name, ask.region, ask.size, ask.image) == ("web-10", "fsn1", "cx22", "debian-12")
        assert (ask.key_ids, ask.tags, ask.bootstrap_script) == (("key-laptop",), ("env:prod",), "echo hello")
        assert ask.machine_id != WEB.machine_id


async def test_the_draft_that_was_begun_is_still_there_after_one_like_another(tmp_path: Path) -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-rack")
    kept = DraftFile(tmp_path / "draft.json").load()
    async with Opened(team(), like=WEB) as opened:
        opened.wizard._state.change(name="db-1")
        opened.click("wizard.start-over")
        assert opened.wizard._state.draft.account_id == "account-hetzner"
    assert kept.account_id == "account-rack"
    assert DraftFile(tmp_path / "draft.json").load() == kept


async def test_a_machine_s_menu_opens_the_wizard_on_one_like_it() -> None:
    gateway, window, parent = team(), RecordingWindow(), QWidget()
    bridge = bridge_with(gateway)
    MachineActions(bridge, window, parent).run(Action.CLONE, (WEB,))
    assert window.likes == [WEB]
    await close(bridge, parent)


def test_a_server_of_one_s_own_has_no_other_like_it() -> None:
    infos = {info.type: info for info in PROVIDER_INFOS}
    own: Machine = replace(WEB, provider=ProviderType.BAREMETAL)
    assert is_offered(Action.CLONE, WEB, infos)
    assert not is_offered(Action.CLONE, own, infos)
