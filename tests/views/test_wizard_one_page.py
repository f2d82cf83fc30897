"""All steps of the deploy wizard on one page, on a gateway that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QScrollArea, QWidget

from machina_desktop.core.domain.provider import ProviderType, WizardStep
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.views.deploy_wizard.rail import StepState
from tests.fakes.gateway import FakeGateway, turn, until
from tests.fakes.rows import account, keys
from tests.fakes.wizard import Opened, team

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


async def on_one_page(opened: Opened) -> None:
    QTest.keyClick(opened.wizard, Qt.Key.Key_E, CONTROL)
    await until(lambda: opened.find("wizard.one-page").isVisible())
    await turn()


def show(opened: Opened, name: str) -> QWidget:
    """Scroll to it, as a wheel would."""
    page = opened.find("wizard.one-page")
    assert isinstance(page, QScrollArea)
    page.ensureWidgetVisible(opened.find(name))
    return opened.find(name)


async def choose_all(opened: Opened) -> None:
    opened.click("wizard.account.account-hetzner")
    await until(lambda: opened.wizard.findChild(QWidget, "wizard.region.fsn1"))
    await turn()
    show(opened, "wizard.region.fsn1")
    opened.click("wizard.region.fsn1")
    await turn()
    show(opened, "wizard.sizes")
    opened.click_row("wizard.sizes", "cx32")
    await turn()
    for name in ("wizard.image.debian-12", "wizard.key.key-laptop"):
        show(opened, name)
        opened.click(name)
        await turn()


async def test_everything_is_chosen_and_deployed_on_one_page() -> None:
    async with Opened(team()) as opened:
        await on_one_page(opened)
        await choose_all(opened)
        show(opened, "wizard.name")
        opened.type("wizard.name", "web-9")
        QTest.keyClick(opened.find("wizard.name"), Qt.Key.Key_Return, CONTROL)
        await until(lambda: opened.window.inspected)
        ask = opened.asked
        assert (ask.name, ask.region, ask.size, ask.image) == ("web-9", "fsn1", "cx32", "debian-12")
        assert ask.key_ids == ("key-laptop",)


async def test_what_is_not_finished_is_gone_to_and_told_instead_of_deploying() -> None:
    async with Opened(team()) as opened:
        await on_one_page(opened)
        opened.click("wizard.account.account-hetzner")
        await until(lambda: opened.wizard.findChild(QWidget, "wizard.region.fsn1"))
        assert opened.state(WizardStep.SIZE) is StepState.AHEAD
        opened.click("wizard.deploy")
        await turn()
        problem = opened.find("wizard.region.problem")
        assert isinstance(problem, QLabel)
        assert (opened.wizard.current(), problem.text()) == (WizardStep.REGION, "Choose a region.")
        assert opened.state(WizardStep.SIZE) is StepState.ERROR
        assert not opened.gateway.asked_of(CreateMachine)


async def test_enter_in_a_part_goes_on_to_the_next_and_deploys_nothing() -> None:
    async with Opened(team()) as opened:
        await on_one_page(opened)
        await choose_all(opened)
        show(opened, "wizard.tags")
        opened.type("wizard.tags", "prod")
        QTest.keyClick(opened.find("wizard.tags"), Qt.Key.Key_Return)
        await until(lambda: opened.wizard.current() is WizardStep.REVIEW)
        assert not opened.gateway.asked_of(CreateMachine)


async def test_the_rail_brings_back_the_part_that_was_scrolled_away_from() -> None:
    async with Opened(team()) as opened:
        await on_one_page(opened)
        await choose_all(opened)
        opened.click("wizard.rail.name")
        await until(opened.find("wizard.name").hasFocus)
        page = opened.find("wizard.one-page")
        assert isinstance(page, QScrollArea)
        bar = page.verticalScrollBar()
        await until(lambda: bar.value() > 0)
        bar.setValue(0)
        opened.wizard.setFocus()
        opened.click("wizard.rail.name")
        await until(lambda: bar.value() > 0)
        assert opened.find("wizard.name").hasFocus()


async def test_back_to_single_steps_nothing_is_lost() -> None:
    async with Opened(team()) as opened:
        await on_one_page(opened)
        await choose_all(opened)
        way = opened.find("wizard.on-one-page")
        assert isinstance(way, QAbstractButton)
        opened.click("wizard.on-one-page")
        await until(lambda: not opened.find("wizard.one-page").isVisible())
        assert opened.find(f"wizard.step.{opened.wizard.current()}").isVisible()
        assert opened.wizard._state.draft.size == "cx32"
        await on_one_page(opened)
        assert opened.find("wizard.sizes").isVisibleTo(opened.wizard)


async def test_the_page_comes_back_as_it_was_left() -> None:
    async with Opened(team()) as opened:
        await on_one_page(opened)
    async with Opened(team()) as opened:
        await until(lambda: opened.find("wizard.one-page").isVisible())
        opened.click("wizard.start-over")
        await turn()
        assert opened.find("wizard.one-page").isVisible()


async def test_started_over_nothing_is_red_and_what_is_chosen_by_itself_is_chosen_again() -> None:
    async with Opened(FakeGateway((account(ProviderType.HETZNER, "account-one", "One"), *keys()))) as opened:
        await on_one_page(opened)
        opened.click("wizard.deploy")
        await turn()
        assert opened.state(WizardStep.SIZE) is StepState.ERROR
        name = opened.wizard._state.draft.name
        opened.click("wizard.start-over")
        await turn()
        draft = opened.wizard._state.draft
        assert (draft.account_id, draft.name, bool(name)) == ("account-one", name, True)
        assert opened.state(WizardStep.SIZE) is StepState.AHEAD
