"""The same size elsewhere: what is nearest, where it would be made, and asking all accounts at once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from machina_desktop.core.domain.provider import Catalogue, Price, Region, Size
from machina_desktop.core.domain.similar import continent_of, nearest
from machina_desktop.core.errors import InvalidInput, NotFound
from machina_desktop.core.services.device import LockVault
from machina_desktop.core.services.offers import CompareSizes, Elsewhere, ListCatalogue
from tests.fakes.clouds.served import Fault
from tests.unit import test_cloud_services

Site = test_cloud_services.Site
site = test_cloud_services.site

WANTED = Size(slug="cx22", title="CX22", vcpus=2, memory_mb=4096, disk_gb=40, architecture="x86_64")
REGIONS = (Region(slug="nyc1", title="New York 1"), Region(slug="fra1", title="Frankfurt 1"))


def size(slug: str, vcpus: int = 2, memory_gb: float = 4, **fields: object) -> Size:
    return Size(slug=slug, title=slug, vcpus=vcpus, memory_mb=round(memory_gb * 1024), **fields)  # type: ignore[arg-type]


def slugs(*sizes: Size, region: str = "fsn1", most: int = 9) -> list[str]:
    """The sizes most like the wanted one, the nearest first."""
    return [each.size.slug for each in nearest(WANTED, region, Catalogue(regions=REGIONS, sizes=sizes), most=most)]


# What is alike


def test_what_has_too_little_is_further_away_than_what_has_as_much_too_much() -> None:
    assert slugs(size("half", 1, 2), size("double", 4, 8), size("same")) == ["same", "double", "half"]


def test_of_two_that_are_alike_the_cheaper_one_comes_first() -> None:
    cheap = size("cheap", memory_gb=3.9, price_monthly=10.0)
    assert slugs(size("dear", price_monthly=24.0), size("unpriced"), cheap) == ["cheap", "dear", "unpriced"]


def test_another_processor_is_no_match() -> None:
    assert slugs(size("arm", architecture="arm64"), size("untold"), size("x86", architecture="x86_64")) == [
        "untold",
        "x86",
    ]


def test_what_is_sold_out_everywhere_is_left_out() -> None:
    assert slugs(size("gone", sold_out=("nyc1", "fra1")), size("there", 4, 8, sold_out=("nyc1",))) == ["there"]


def test_a_region_on_the_same_continent_is_chosen_before_a_cheaper_one_far_away() -> None:
    prices = {"nyc1": Price(monthly=10.0), "fra1": Price(monthly=12.0)}
    catalogue = Catalogue(regions=REGIONS, sizes=(size("same", prices=prices),))
    (found,) = nearest(WANTED, "fsn1", catalogue)
    assert found.region is not None
    assert (found.region.slug, found.is_near) == ("fra1", True)
    (found,) = nearest(WANTED, "ash", catalogue)
    assert found.region is not None
    assert found.region.slug == "nyc1"
    (found,) = nearest(WANTED, "sin", catalogue)
    assert found.region is not None
    assert (found.region.slug, found.is_near) == ("nyc1", False)


@pytest.mark.parametrize(
    ("region", "like"),
    [
        ("europe-west3", "fsn1"),
        ("eu-central-1", "hel1"),
        ("us-east1", "ash"),
        ("ap-southeast-2", "syd1"),
        ("ap-southeast-1", "sgp1"),
        ("northamerica-northeast1", "tor1"),
    ],
)
def test_regions_of_all_providers_lie_on_continents(region: str, like: str) -> None:
    assert continent_of(region) is continent_of(like) is not None
    assert continent_of("mars-north-1") is None


# Through the door


async def compared(site: Site, account_id: str, **changes: object) -> tuple[Elsewhere, ...]:
    wanted: dict[str, object] = {"size": "cx22", "region": "fsn1", **changes}
    return await site.made.call(CompareSizes(team_id=site.made.team_id, account_id=account_id, **wanted))  # type: ignore[arg-type]


async def test_each_other_account_tells_its_nearest_size_with_price_and_region(site: Site) -> None:
    account = await site.account("Own")
    other = await site.account("Other")
    (found,) = await compared(site, account.provider_account_id)
    assert (found.account_id, found.label, found.problem) == (other.provider_account_id, "Other", "")
    assert found.fetched_at is not None
    (alike,) = found.sizes
    assert (alike.size.slug, alike.is_near) == ("cx22", True)
    assert alike.region is not None
    assert alike.size.price_in(alike.region.slug).monthly


async def test_what_is_kept_is_compared_without_asking_anybody_even_while_the_vault_is_locked(site: Site) -> None:
    account = await site.account("Own")
    await site.account("Other")
    first = await compared(site, account.provider_account_id)
    asked = [len(cloud.requests) for cloud in site.clouds]
    await site.made.call(LockVault())
    assert await compared(site, account.provider_account_id) == first
    assert [len(cloud.requests) for cloud in site.clouds] == asked


async def test_an_account_that_cannot_be_asked_says_why_and_holds_nobody_up(site: Site) -> None:
    account = await site.account("Own")
    await site.account("Broken")
    site.clouds[-1].faults.append(Fault(match="GET /v1/", times=999, status=503))
    await site.account("Whole")
    broken, whole = await compared(site, account.provider_account_id)
    assert (broken.label, broken.sizes, broken.code) == ("Broken", (), "E-CLOUD-FAULT")
    assert whole.sizes


async def test_an_old_offer_is_compared_with_its_age_while_the_provider_is_away(site: Site) -> None:
    other = await site.account("Other")
    kept = await site.made.call(ListCatalogue(account_id=other.provider_account_id))
    site.age(timedelta(days=90))
    site.clouds[0].faults.append(Fault(match="GET /v1/", times=999, status=503))
    account = await site.account("Own")
    (found,) = await compared(site, account.provider_account_id)
    assert found.sizes
    assert found.fetched_at is not None
    assert kept.fetched_at is not None
    assert kept.fetched_at - found.fetched_at > timedelta(days=89)


async def test_a_size_that_is_not_there_is_compared_with_nothing(site: Site) -> None:
    account = await site.account("Own")
    with pytest.raises(NotFound):
        await compared(site, account.provider_account_id, size="cx99")
    with pytest.raises(InvalidInput) as caught:
        await compared(site, account.provider_account_id, most=0)
    assert caught.value.field == "most"
