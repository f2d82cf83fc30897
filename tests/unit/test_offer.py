"""What a machine shall be made of has to be on offer, and who is refused is told what is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.offer import check_offer
from machina_desktop.core.domain.provider import Catalogue, Image, ProviderType, Region, Size
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError
from machina_desktop.core.ids import now

OFFER = Catalogue(
    regions=(Region(slug="fsn1", title="Falkenstein", zones=("a", "b")), Region(slug="hel1", title="Helsinki")),
    sizes=(
        Size(slug="cx22", title="CX22", vcpus=2, memory_mb=4096, disk_gb=40, architecture="x86_64", sold_out=("fsn1",)),
        Size(slug="cx32", title="CX32", vcpus=4, memory_mb=8192, disk_gb=80, architecture="x86_64"),
        Size(slug="cx52", title="CX52", vcpus=16, memory_mb=32768, disk_gb=320, architecture="x86_64"),
        Size(slug="cax11", title="CAX11", vcpus=2, memory_mb=4096, disk_gb=40, architecture="arm64", regions=("hel1",)),
    ),
    images=(
        Image(slug="debian-12", title="Debian 12", architecture="x86_64"),
        Image(slug="debian-12-arm", title="Debian 12 arm", architecture="arm64"),
        Image(slug="big", title="Big", architecture="x86_64", min_disk_gb=100),
        Image(slug="here", title="Only here", regions=("hel1",)),
    ),
)
WANTED = Machine(
    machine_id="machine-1",
    team_id="team-1",
    name="web-1",
    provider=ProviderType.HETZNER,
    provider_account_id="account-1",
    region="fsn1",
    size="cx32",
    image="debian-12",
    created_at=now(),
    updated_at=now(),
)


def test_what_is_on_offer_is_let_through() -> None:
    check_offer(WANTED, OFFER)
    check_offer(replace(WANTED, zone="b"), OFFER)
    check_offer(replace(WANTED, region="hel1", size="cax11", image="debian-12-arm"), OFFER)


def test_an_empty_catalogue_says_nothing() -> None:
    check_offer(WANTED, Catalogue())


@pytest.mark.parametrize(
    ("changes", "field", "hint"),
    [
        ({"region": "mars"}, "region", "fsn1, hel1"),
        ({"zone": "z"}, "zone", "a, b"),
        ({"size": "cx99"}, "size", "cx22, cx32"),
        ({"size": "cax11"}, "size", "cx22, cx32"),
        ({"image": "windows"}, "image", "debian-12"),
        ({"image": "here"}, "image", "There is:|Choose another image"),
        ({"image": "debian-12-arm"}, "image", "of the other kind"),
        ({"image": "big"}, "size", "larger size"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_does_not_exist_there_is_refused_with_what_does(changes: dict[str, str], field: str, hint: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_offer(replace(WANTED, **changes), OFFER)  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.field) == ("E-OFFER", field)
    assert any(part in refused.value.hint for part in hint.split("|"))


def test_a_size_that_is_sold_out_is_refused_with_the_nearest_that_is_not() -> None:
    with pytest.raises(Conflict) as refused:
        check_offer(replace(WANTED, size="cx22"), OFFER)
    assert refused.value.code == "E-CLOUD-SOLD-OUT"
    assert refused.value.hint == "Choose the same in hel1, or cx32, cx52 here."


def test_without_anything_like_it_a_person_is_told_to_wait() -> None:
    alone = replace(OFFER, sizes=(replace(OFFER.sizes[0], sold_out=("fsn1", "hel1")),))
    with pytest.raises(MachinaError) as refused:
        check_offer(replace(WANTED, size="cx22"), alone)
    assert "try again later" in refused.value.hint
