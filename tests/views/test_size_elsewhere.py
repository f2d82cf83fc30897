"""The same size elsewhere: what other accounts have, told beside the sizes and taken instead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from machina_desktop.cli.rendering import text_of
from machina_desktop.core.domain.provider import Catalogue, ProviderType, Region, Size, WizardStep
from machina_desktop.core.domain.similar import Similar
from machina_desktop.core.errors import Locked
from machina_desktop.core.services.offers import CompareSizes, Elsewhere, ListCatalogue
from machina_desktop.views.size_elsewhere import SizeElsewhere
from tests.fakes.gateway import turn, until
from tests.fakes.rows import AT, account
from tests.fakes.stage import Stage
from tests.views import test_deploy_wizard

OWN = Size(slug="cx22", title="CX22", vcpus=2, memory_mb=4096, disk_gb=40, price_monthly=3.79, currency="EUR")
LARGER = Size(slug="cx32", title="CX32", vcpus=4, memory_mb=8192, disk_gb=80, price_monthly=6.8, currency="EUR")
THEIRS = Size(slug="s-2", title="s-2vcpu-4gb", vcpus=2, memory_mb=4096, disk_gb=80, price_monthly=24.0)
FRANKFURT = Region(slug="fra1", title="Frankfurt 1")
LABS = Elsewhere(
    account_id="account-do",
    label="Labs",
    type=ProviderType.DIGITALOCEAN,
    sizes=(Similar(size=THEIRS, region=FRANKFURT),),
    fetched_at=AT,
)
STAGING = Elsewhere(
    account_id="account-two",
    label="Staging",
    type=ProviderType.HETZNER,
    sizes=(Similar(size=OWN, region=Region(slug="ash", title="Ashburn"), is_near=False),),
)
BROKEN = Elsewhere(
    account_id="account-aws",
    label="Old AWS",
    type=ProviderType.AWS,
    problem="The access key was deleted at AWS.",
    code="E-CLOUD-DENIED",
)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> AsyncIterator[Stage]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    made = Stage((account(ProviderType.HETZNER, "account-one", "One"),))
    made.gateway.answers[CompareSizes] = lambda _ask: (LABS, STAGING, BROKEN)
    yield made
    await made.clear()


def lines(widget: QWidget) -> list[str]:
    """All that it says, from the top."""
    return [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]


async def test_each_account_tells_its_nearest_size_its_place_its_price_and_what_cannot_be_asked(stage: Stage) -> None:
    shown = stage.show(SizeElsewhere(stage.bridge, name="others"))
    shown.compare("account-one", "fsn1", LARGER)
    await until(lambda: "s-2vcpu-4gb at Labs" in lines(shown))
    said = lines(shown)
    assert any(line.startswith("2 vCPU · 4 GB · 80 GB disk, Frankfurt 1; as of ") for line in said)
    assert "24.00 USD / month" in said
    assert "2 vCPU · 4 GB · 40 GB disk, Ashburn (far away)" in said
    assert "-3.01 EUR / month" in said
    assert said[-1] == "Old AWS: The access key was deleted at AWS."
    shown.compare("account-one", "fsn1", LARGER)
    await turn(5)
    (ask,) = stage.gateway.asked_of(CompareSizes)
    assert (ask.account_id, ask.region, ask.size) == ("account-one", "fsn1", "cx32")


async def test_whoever_has_one_account_sees_nothing_of_it(stage: Stage) -> None:
    stage.gateway.answers[CompareSizes] = lambda _ask: ()
    shown = stage.show(SizeElsewhere(stage.bridge, name="others"))
    shown.compare("account-one", "fsn1", OWN)
    await until(lambda: stage.gateway.asked_of(CompareSizes))
    await turn(5)
    assert not shown.isVisible()


async def test_only_the_newest_question_is_asked_next_and_only_its_answer_shown(stage: Stage) -> None:
    gate = asyncio.Event()

    async def slow(ask: CompareSizes) -> tuple[Elsewhere, ...]:
        await gate.wait()
        return (LABS,) if ask.size == "cx32" else (STAGING,)

    stage.gateway.answers[CompareSizes] = slow
    shown = stage.show(SizeElsewhere(stage.bridge, name="others"))
    shown.compare("account-one", "fsn1", OWN)
    await until(lambda: "Looking at what your other accounts have…" in lines(shown))
    shown.compare("account-one", "hel1", OWN)
    shown.compare("account-one", "hel1", LARGER)
    gate.set()
    await until(lambda: "s-2vcpu-4gb at Labs" in lines(shown))
    assert [(ask.size, ask.region) for ask in stage.gateway.asked_of(CompareSizes)] == [
        ("cx22", "fsn1"),
        ("cx32", "hel1"),
    ]
    shown.compare("", "", None)
    assert not shown.isVisible()


async def test_a_locked_vault_is_told_in_words_and_asks_nobody_for_anything(stage: Stage) -> None:
    def refuse(_ask: CompareSizes) -> tuple[Elsewhere, ...]:
        raise Locked("The vault is locked.")

    stage.gateway.answers[CompareSizes] = refuse
    shown = stage.show(SizeElsewhere(stage.bridge, name="others"))
    shown.compare("account-one", "fsn1", OWN)
    await until(lambda: any("The vault is locked." in line for line in lines(shown)))


async def test_what_another_account_has_is_taken_in_the_wizard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication
) -> None:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    gateway = test_deploy_wizard.at_a_cloud()
    gateway.put(account(ProviderType.DIGITALOCEAN, "account-do", "Labs"))
    theirs = Catalogue(regions=(FRANKFURT,), sizes=(THEIRS,), images=test_deploy_wizard.CLOUD.images, fetched_at=AT)
    gateway.answers[ListCatalogue] = lambda ask: theirs if ask.account_id == "account-do" else test_deploy_wizard.CLOUD
    gateway.answers[CompareSizes] = lambda ask: (LABS,) if ask.account_id == "account-one" else ()
    async with test_deploy_wizard.Opened(gateway) as opened:
        opened.click("wizard.account.account-one")
        await opened.next(WizardStep.REGION)
        opened.click("wizard.region.nbg1")
        await opened.next(WizardStep.SIZE)
        await turn(5)
        opened.click_row("wizard.sizes", "cx32")
        await until(lambda: opened.wizard.findChild(QWidget, "wizard.sizes.others.account-do") is not None)
        await turn(5)
        take = opened.find("wizard.sizes.others.account-do")
        assert take.accessibleName() == "Choose s-2vcpu-4gb at Labs"
        QTest.mouseClick(take, Qt.MouseButton.LeftButton)
        await until(lambda: opened.wizard._state.size == THEIRS)
        assert len(gateway.asked_of(CompareSizes)) == 2
        draft = opened.wizard._state.draft
        assert (draft.account_id, draft.region, draft.size) == ("account-do", "fra1", "s-2")
        assert opened.wizard.current() is WizardStep.SIZE
        await opened.next(WizardStep.IMAGE)


def test_commands_tell_it_as_a_table_with_the_accounts_that_told_nothing_below() -> None:
    text = text_of((LABS, STAGING, BROKEN)).splitlines()
    assert text[0].split() == ["ACCOUNT", "SIZE", "CPUS", "MEMORY", "DISK", "REGION", "MONTHLY", "AS", "OF"]
    assert text[1].split()[:9] == ["Labs", "s-2", "2", "4", "GB", "80", "GB", "fra1", "24"]
    assert "ash (far away)" in text[2]
    assert text[3] == "Old AWS: The access key was deleted at AWS. [E-CLOUD-DENIED]"
