"""What the deploy wizard tells of prices, on a gateway that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QLabel

from machina_desktop.core.domain.provider import Catalogue, Extras, Price, ProviderType, Region, Size, WizardStep
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.views.prices import beside
from tests.fakes.gateway import FakeGateway, turn, until
from tests.fakes.rows import AT, account
from tests.fakes.wizard import Opened

SIZE = Size(
    slug="cx22",
    title="CX22",
    currency="EUR",
    prices={"fsn1": Price(hourly=0.0069, monthly=4.29, address_monthly=0.5)},
)
OFFER = Catalogue(regions=(Region(slug="fsn1", title="Falkenstein"),), sizes=(SIZE,), fetched_at=AT)
EXTRAS = Extras(backup_percent=20.0, volume_gb_monthly=0.044, currency="EUR")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


def offering(catalogue: Catalogue) -> FakeGateway:
    gateway = FakeGateway((account(ProviderType.HETZNER, "account-one", "One"),))
    gateway.answers[ListCatalogue] = lambda _ask: catalogue
    return gateway


def words(opened: Opened, name: str = "wizard.summary") -> str:
    return "\n".join(each.text() for each in opened.find(name).findChildren(QLabel) if each.isVisible())


async def test_the_summary_says_what_of_the_price_is_the_address() -> None:
    async with Opened(offering(OFFER)) as opened:
        opened.click("wizard.account.account-one")
        await until(lambda: opened.wizard._state.size)
        await turn()
        assert "4.29 EUR / month" in words(opened)
        assert "3.79 EUR for the server, 0.50 EUR for its IPv4 address." in words(opened)


async def test_a_provider_that_tells_no_prices_is_named() -> None:
    async with Opened(offering(replace(OFFER, sizes=(replace(SIZE, prices={}),)))) as opened:
        opened.click("wizard.account.account-one")
        await until(lambda: opened.wizard._state.size)
        await turn()
        assert "tells no prices" in words(opened)


async def test_the_review_names_what_is_paid_for_apart() -> None:
    async with Opened(offering(replace(OFFER, extras=EXTRAS))) as opened:
        opened.click("wizard.account.account-one")
        await until(lambda: opened.wizard._state.size)
        opened.wizard._state.change(step=WizardStep.REVIEW)
        await turn()
        assert "Not in it: backups (0.76 EUR / month), volumes (0.044 EUR / GB and month), tax." in words(
            opened, "wizard.step.review"
        )


def test_nothing_is_said_of_what_a_provider_does_not_tell() -> None:
    assert beside(SIZE, "fsn1", Extras()) == ""
