"""A machine like another one, and several alike, on a gateway that answers from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderType, WizardStep
from machina_desktop.core.errors import Conflict
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.views.apps.machine_actions import Action, MachineActions, is_offered
from machina_desktop.views.deploy_wizard.draft import DraftFile
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, turn, until
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


async def test_started_over_what_is_gone_by_now_is_not_chosen_again() -> None:
    like = replace(WEB, ssh_key_ids=("key-laptop", "key-gone"), firewall_profile_id="firewall-gone")
    async with Opened(team(), like=like) as opened:
        await until(lambda: opened.wizard._state._knows_firewalls)
        opened.click("wizard.start-over")
        draft = opened.wizard._state.draft
        assert (draft.key_ids, draft.firewall_profile_id) == (("key-laptop",), "")


def refuse_the_third(gateway: FakeGateway) -> None:
    create = gateway._create_machine
    count = 0

    def answer(ask: CreateMachine) -> Machine:
        nonlocal count
        count += 1
        if count == 3:
            raise Conflict("There is already a machine called db-3.", code="E-NAME-TAKEN")
        return create(ask)

    gateway.answers[CreateMachine] = answer


async def test_several_alike_are_named_in_a_row_and_priced_together() -> None:
    async with Opened(team(), like=WEB) as opened:
        await until(lambda: opened.wizard._state.size)
        opened.type("wizard.name", "db-1")
        opened.type("wizard.copies", "3")
        assert label(opened, "wizard.names") == "They are called db-1, db-2, db-3."
        assert label(opened, "wizard.price") == "11.37 EUR / month"
        await opened.next(WizardStep.REVIEW)
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        asks = opened.gateway.asked_of(CreateMachine)
        assert [ask.name for ask in asks] == ["db-1", "db-2", "db-3"]
        assert len({ask.machine_id for ask in asks} | {ask.deployment_id for ask in asks}) == 6
        assert opened.window.inspected == [("deployment", asks[0].deployment_id)]


async def test_what_was_refused_of_several_stays_in_the_wizard_and_is_asked_for_once_more_only() -> None:
    gateway = team()
    refuse_the_third(gateway)
    async with Opened(gateway, like=WEB) as opened:
        await until(lambda: opened.wizard._state.size)
        opened.type("wizard.name", "db-1")
        opened.type("wizard.copies", "4")
        await opened.next(WizardStep.REVIEW)
        opened.click("wizard.deploy")
        await until(lambda: opened.wizard.current() is WizardStep.NAME)
        assert (opened.wizard._state.draft.name, opened.wizard._state.draft.copies) == ("db-3", 2)
        assert "2 of 4" in opened.window.notices[0][1]
        await opened.next(WizardStep.REVIEW)
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        asks = opened.gateway.asked_of(CreateMachine)
        assert [ask.name for ask in asks] == ["db-1", "db-2", "db-3", "db-3", "db-4"]
        assert asks[2].machine_id == asks[3].machine_id


async def test_what_is_left_keeps_its_names_though_the_others_are_among_the_machines_by_then() -> None:
    gateway = team()
    refuse_the_third(gateway)
    async with Opened(gateway, like=WEB) as opened:
        await until(lambda: opened.wizard._state.size)
        opened.type("wizard.name", "db-1")
        opened.type("wizard.copies", "4")
        await opened.next(WizardStep.REVIEW)
        refuse = gateway.answers[CreateMachine]

        def answer(ask: CreateMachine) -> object:
            opened.wizard._state._on_machines(tuple(gateway.all(Machine)))
            return refuse(ask)

        gateway.answers[CreateMachine] = answer
        opened.click("wizard.deploy")
        await until(lambda: opened.wizard.current() is WizardStep.NAME)
        assert opened.wizard._state.names() == ("db-3", "db-4")


async def test_nothing_can_be_changed_while_the_machines_are_being_asked_for() -> None:
    gateway = team()
    async with Opened(gateway, like=WEB) as opened:
        await until(lambda: opened.wizard._state.size)
        opened.type("wizard.name", "db-1")
        opened.type("wizard.copies", "2")
        await opened.next(WizardStep.REVIEW)
        before = opened.wizard._state.draft
        gateway.gate = asyncio.Event()
        opened.click("wizard.deploy")
        await until(lambda: not opened.find("wizard.rail.name").isEnabled())
        for name in ("wizard.start-over", "wizard.rail.name", "wizard.on-one-page"):
            opened.click(name)
        assert not opened.find("wizard.step.review").isEnabled()
        opened.wizard._on_start_over()
        assert opened.wizard._state.draft == before
        gateway.gate.set()
        await until(lambda: opened.window.inspected)


@pytest.mark.parametrize("typed", ["0", ""])
async def test_while_no_number_of_machines_is_typed_none_is_deployed(typed: str) -> None:
    async with Opened(team(), like=WEB) as opened:
        await until(lambda: opened.wizard._state.size)
        opened.type("wizard.name", "db-1")
        opened.wizard._on_way()
        await turn()
        opened.type("wizard.copies", "3")
        opened.type("wizard.copies", typed)
        opened.wizard._go_on()
        await turn()
        assert not opened.gateway.asked_of(CreateMachine)
        assert "1 to 20" in opened.find("wizard.copies").accessibleDescription()


async def test_no_number_of_machines_but_a_sensible_one_is_taken() -> None:
    async with Opened(team(), like=WEB) as opened:
        opened.type("wizard.copies", "0")
        opened.type("wizard.copies", "")
        assert opened.wizard._state.draft.copies == 1
        copies = opened.find("wizard.copies")
        assert isinstance(copies, QLineEdit)
        QTest.keyClick(copies, Qt.Key.Key_Tab)
        await until(lambda: copies.text() == "1")


def label(opened: Opened, name: str) -> str:
    found = opened.find(name)
    assert isinstance(found, QLabel)
    return found.text()


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
