"""What may stand in for a size that is sold out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from machina_desktop.core.domain.fallback import (
    MOST,
    Fallback,
    absolute_fallbacks,
    alternatives,
    check_fallbacks,
    fallback_from,
    first_to_be_had,
)
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import Catalogue, Image, Price, ProviderType, Region, Size
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import now

ARM = "arm64"
OFFER = Catalogue(
    regions=tuple(Region(slug=each, title=each) for each in ("fsn1", "ash", "hel1", "nbg1", "sin")),
    sizes=(
        Size(slug="cx22", title="CX22", vcpus=2, memory_mb=4096, disk_gb=40, sold_out=("fsn1",)),
        Size(slug="cx32", title="CX32", vcpus=4, memory_mb=8192, disk_gb=80, price_monthly=6.8),
        Size(slug="cx42", title="CX42", vcpus=8, memory_mb=16384, disk_gb=160, price_monthly=16.4),
        Size(slug="ccx13", title="CCX13", vcpus=2, memory_mb=8192, disk_gb=80, prices={"fsn1": Price(monthly=12.5)}),
        Size(slug="cpx11", title="CPX11", vcpus=2, memory_mb=2048, disk_gb=40, price_monthly=4.3),
        Size(slug="cax11", title="CAX11", vcpus=2, memory_mb=4096, disk_gb=40, architecture=ARM, price_monthly=3.8),
    ),
    images=(Image(slug="debian-12", title="Debian 12"), Image(slug="large", title="Large", min_disk_gb=100)),
)
WANTED = Machine(
    machine_id="machine-1",
    team_id="team-1",
    name="web-1",
    provider=ProviderType.HETZNER,
    provider_account_id="account-1",
    region="fsn1",
    zone="fsn1-a",
    size="cx22",
    image="debian-12",
    created_at=now(),
    updated_at=now(),
)


@pytest.mark.parametrize(
    ("text", "size", "region"), [("cx32", "cx32", ""), ("cx32@hel1", "cx32", "hel1"), ("@hel1", "", "hel1")]
)
def test_a_fallback_is_written_as_it_is_read(text: str, size: str, region: str) -> None:
    assert fallback_from(text) == Fallback(size=size, region=region)
    assert str(fallback_from(text)) == text


@pytest.mark.parametrize("text", ["", "@", "cx 32", "cx32@", "a@b@c", "x" * 81])
def test_what_is_no_fallback_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_fallbacks((text,))
    assert (refused.value.code, refused.value.field) == ("E-FALLBACK", "fallbacks")
    assert "cx32@hel1" in refused.value.hint


def test_too_many_are_refused() -> None:
    with pytest.raises(InvalidInput) as refused:
        check_fallbacks(("cx32",) * (MOST + 1))
    assert refused.value.code == "E-FALLBACK"


def test_what_was_meant_when_it_was_named_is_still_meant_after_one_was_taken() -> None:
    named = absolute_fallbacks(("cx52", "@hel1", "cx32@nbg1"), WANTED)
    assert named == ("cx52@fsn1", "cx22@hel1", "cx32@nbg1")
    taken = fallback_from(named[0]).of(WANTED)
    assert [(each.size, each.region) for each in (fallback_from(text).of(taken) for text in named)] == [
        ("cx52", "fsn1"),
        ("cx22", "hel1"),
        ("cx32", "nbg1"),
    ]


def test_what_is_no_fallback_is_refused_before_it_is_written_out() -> None:
    with pytest.raises(InvalidInput):
        absolute_fallbacks(("cx 32",), WANTED)


def test_the_first_that_is_to_be_had_is_taken() -> None:
    found = first_to_be_had(WANTED, ("nothing", "cx22@mars", "cx22", "@hel1", "cx32"), OFFER)
    assert found is not None
    assert (found.size, found.region, found.zone) == ("cx22", "hel1", None)
    stays = first_to_be_had(replace(WANTED, zone=None), ("cx32",), OFFER)
    assert stays is not None
    assert (stays.size, stays.region) == ("cx32", "fsn1")


def test_one_that_the_image_does_not_fit_is_passed_over() -> None:
    wanted = replace(WANTED, image="large", zone=None)
    found = first_to_be_had(wanted, ("cx32", "cx42"), OFFER)
    assert found is not None
    assert found.size == "cx42"
    assert first_to_be_had(wanted, ("cx32",), OFFER) is None


def test_most_like_it_is_the_same_near_by_and_then_the_next_larger_here() -> None:
    found = alternatives(OFFER.sizes[0], "fsn1", OFFER, most=6)
    same, larger, far = ["cx22@hel1", "cx22@nbg1"], ["cx32@fsn1", "ccx13@fsn1"], ["cx22@ash", "cx22@sin"]
    assert [str(each) for each in found] == [*same, *larger, *far]


def test_one_whose_price_is_not_known_is_named_after_those_with_a_price() -> None:
    unknown = Size(slug="cx33", title="CX33", vcpus=2, memory_mb=4096, disk_gb=40)
    found = alternatives(OFFER.sizes[0], "fsn1", replace(OFFER, sizes=(unknown, *OFFER.sizes)), most=9)
    assert [each.size for each in found if each.region == "fsn1"] == ["cx32", "ccx13"]
    alone = alternatives(OFFER.sizes[0], "fsn1", replace(OFFER, sizes=(unknown, OFFER.sizes[1])), most=9)
    assert [each.size for each in alone if each.region == "fsn1"] == ["cx32", "cx33"]
