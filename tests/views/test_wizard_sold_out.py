"""Sizes that are sold out, and what is taken instead, in the deploy wizard on a gateway that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

from machina_desktop.core.domain.provider import Catalogue, Image, ProviderType, Region, Size, WizardStep
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.providers import ListProviders
from machina_desktop.views.callout import Callout
from tests.fakes.gateway import FakeGateway, turn, until
from tests.fakes.rows import AT, PROVIDER_INFOS, account, keys
from tests.fakes.wizard import Opened

OFFER = Catalogue(
    regions=(Region(slug="fsn1", title="Falkenstein"), Region(slug="hel1", title="Helsinki")),
    sizes=(
        Size(
            slug="cx22",
            title="CX22",
            vcpus=2,
            memory_mb=4096,
            disk_gb=40,
            price_monthly=3.79,
            currency="EUR",
            sold_out=("fsn1",),
        ),
        Size(slug="cx11", title="CX11", vcpus=1, memory_mb=2048, disk_gb=20, price_monthly=3.0, currency="EUR"),
        Size(slug="cx32", title="CX32", vcpus=4, memory_mb=8192, disk_gb=80, price_monthly=6.8, currency="EUR"),
    ),
    images=(Image(slug="debian-12", title="Debian 12"),),
    fetched_at=AT,
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


def offering(catalogue: Catalogue = OFFER, *, tells_stock: bool = True) -> FakeGateway:
    gateway = FakeGateway((account(ProviderType.HETZNER, "account-one", "One"), *keys()))
    gateway.answers[ListCatalogue] = lambda _ask: catalogue
    infos = tuple(replace(info, tells_stock=tells_stock) for info in PROVIDER_INFOS)
    gateway.answers[ListProviders] = lambda _ask: infos
    return gateway


async def at_sizes(opened: Opened) -> None:
    opened.click("wizard.account.account-one")
    await until(lambda: opened.wizard._state.catalogue)
    opened.wizard._state.change(region="fsn1", step=WizardStep.SIZE)
    await turn()


async def at_review(opened: Opened, size: str) -> None:
    await at_sizes(opened)
    opened.wizard._state.change(size=size, image="debian-12", key_ids=("key-laptop",), name="web-9")
    opened.wizard._state.change(step=WizardStep.REVIEW)
    await turn()


def said(opened: Opened) -> str:
    callout = opened.find("wizard.sold-out")
    assert isinstance(callout, Callout)
    return callout.title() if callout.isVisible() else ""


async def test_a_sold_out_size_that_is_pressed_says_why_and_what_is_most_like_it() -> None:
    async with Opened(offering()) as opened:
        await at_sizes(opened)
        opened.click_row("wizard.sizes", "cx22")
        assert said(opened) == "CX22 is sold out in Falkenstein. It is to be had in Helsinki."
        offers = [opened.find(f"wizard.sold-out.{place}") for place in range(3)]
        words = [each.text() for each in offers if isinstance(each, QAbstractButton) and each.isVisible()]
        assert words == ["Take CX22 in Helsinki, 3.79 EUR / month", "Take CX32 here, 6.80 EUR / month"]
        opened.click("wizard.sold-out.0")
        draft = opened.wizard._state.draft
        assert (draft.region, draft.size, said(opened)) == ("hel1", "cx22", "")


async def test_a_chosen_size_that_has_sold_out_meanwhile_says_so_by_itself() -> None:
    async with Opened(offering()) as opened:
        await at_sizes(opened)
        opened.wizard._state.change(size="cx22")
        await turn()
        assert "sold out" in said(opened)
        opened.click_row("wizard.sizes", "cx32")
        assert said(opened) == ""


async def test_what_is_sold_out_in_one_region_is_not_said_of_another() -> None:
    async with Opened(offering()) as opened:
        await at_sizes(opened)
        opened.wizard._state.change(is_on_one_page=True)
        await turn()
        opened.wizard._step(WizardStep.SIZE)._on_refused("cx22")
        assert said(opened).startswith("CX22 is sold out in Falkenstein")
        opened.wizard._state.change(region="hel1", zone="")
        await turn()
        assert said(opened) == ""


async def test_where_no_region_is_chosen_nothing_is_sold_out_there() -> None:
    async with Opened(offering(replace(OFFER, sizes=(replace(OFFER.sizes[0], regions=("fsn1",)),)))) as opened:
        await at_sizes(opened)
        opened.wizard._state.change(region="", size="cx22")
        await turn()
        assert (said(opened), opened.wizard._state.problem(WizardStep.SIZE)) == ("", "")


async def test_what_is_taken_where_a_size_sells_out_goes_along_in_its_order() -> None:
    plenty = replace(OFFER, sizes=tuple(replace(each, sold_out=()) for each in OFFER.sizes))
    async with Opened(offering(plenty)) as opened:
        await at_review(opened, "cx22")
        assert not opened.wizard._state.request().fallbacks
        opened.click("wizard.fall-back")
        label = opened.find("wizard.fallbacks")
        assert isinstance(label, QLabel)
        assert label.text() == "CX22 in Helsinki, 3.79 EUR / month\nCX32 here, 6.80 EUR / month"
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        assert opened.asked.fallbacks == ("cx22@hel1", "cx32@fsn1")


async def test_another_choice_forgets_what_was_to_be_taken_instead() -> None:
    async with Opened(offering()) as opened:
        await at_review(opened, "cx32")
        opened.click("wizard.fall-back")
        assert opened.wizard._state.draft.fallbacks == ("cx32@hel1",)
        opened.wizard._state.change(region="hel1")
        assert opened.wizard._state.draft.fallbacks == ()


async def test_where_a_provider_does_not_tell_what_is_sold_out_nothing_is_promised() -> None:
    async with Opened(offering(tells_stock=False)) as opened:
        await at_review(opened, "cx32")
        assert not opened.find("wizard.fall-back").isVisible()
