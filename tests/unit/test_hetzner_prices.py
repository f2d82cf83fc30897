"""What a server at Hetzner Cloud costs, from what its API tells of prices."""

from __future__ import annotations

import pytest

from machina_desktop.core.domain.provider import Extras
from machina_desktop.core.providers.hetzner_prices import Money, PriceAnswer, Prices, with_address
from tests.fakes.clouds.stage import stage_of


async def test_a_price_has_the_address_that_each_server_of_ours_comes_with() -> None:
    with stage_of("hetzner") as stage:
        catalogue = await stage.provider.catalogue(stage.access())
    price = next(each for each in catalogue.sizes if each.slug == "cx22").price_in("nbg1")
    assert price.monthly == pytest.approx(3.79 + 0.5)
    assert price.hourly == pytest.approx(0.0061 + 0.0008)
    assert price.address_monthly == pytest.approx(0.5)
    assert catalogue.extras == Extras(backup_percent=20.0, volume_gb_monthly=0.5, currency="EUR")


def test_a_price_that_is_no_number_stays_unknown_and_an_address_without_price_adds_nothing() -> None:
    unknown = PriceAnswer(location="fsn1", price_hourly=Money(net="soon"), price_monthly=Money(net="3.0000"))
    price = with_address(unknown, Prices(currency="EUR").addresses.get("fsn1"))
    assert (price.hourly, price.monthly, price.address_monthly) == (None, 3.0, 0.0)
