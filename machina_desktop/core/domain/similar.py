"""Sizes that are like each other, wherever they are offered: which is nearest, and in which region it would be made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from machina_desktop.core.domain.provider import Catalogue, Region, Size

# What is missing counts more than what is too much.
_MISSING = 3.0
# A disk can be bought beside a machine, processors and memory cannot.
_DISK = 0.25


class Continent(StrEnum):
    """Where in the world a region lies."""

    EUROPE = "europe"
    NORTH_AMERICA = "north america"
    SOUTH_AMERICA = "south america"
    ASIA = "asia"
    AUSTRALIA = "australia"
    AFRICA = "africa"
    MIDDLE_EAST = "middle east"


_PREFIXES = {
    Continent.EUROPE: ("eu-", "europe-", "fsn", "nbg", "hel", "ams", "lon", "fra"),
    Continent.NORTH_AMERICA: (
        *("us-", "ca-", "mx-", "northamerica-"),
        *("ash", "hil", "nyc", "sfo", "tor", "atl", "ric"),
    ),
    Continent.SOUTH_AMERICA: ("sa-", "southamerica-"),
    Continent.ASIA: ("ap-", "asia-", "cn-", "sin", "sgp", "blr"),
    Continent.AUSTRALIA: ("ap-southeast-2", "ap-southeast-4", "australia-", "syd"),
    Continent.AFRICA: ("af-", "africa-"),
    Continent.MIDDLE_EAST: ("me-", "il-"),
}


@dataclass(frozen=True, kw_only=True)
class Similar:
    """A size like another one, and the region in which it would be made.

    Attributes:
        region: ``None`` where the provider tells no regions.
        is_near: The region lies on the same continent, or where either lies is not known.
    """

    size: Size
    region: Region | None = None
    is_near: bool = True


def continent_of(region: str) -> Continent | None:
    """Where a region of any provider lies, by the first letters of its slug; ``None`` for one that is not known."""
    found = [
        (len(prefix), continent)
        for continent, prefixes in _PREFIXES.items()
        for prefix in prefixes
        if region.startswith(prefix)
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def nearest(wanted: Size, region: str, catalogue: Catalogue, *, most: int = 1) -> tuple[Similar, ...]:
    """The sizes of ``catalogue`` most like ``wanted``, the nearest first, each where it would be made.

    Of the same processor where both are told, and to be had now. Of two that are alike the cheaper one comes first.
    """
    placed = (
        _placed(size, region, catalogue)
        for size in catalogue.sizes
        if size.vcpus and size.memory_mb and _may_replace(size, wanted)
    )
    found = [each for each in placed if each is not None]
    found.sort(key=lambda each: (not each.is_near, _distance(each.size, wanted), _price(each), each.size.slug))
    return tuple(found[:most])


def _may_replace(size: Size, wanted: Size) -> bool:
    return not size.architecture or not wanted.architecture or size.architecture == wanted.architecture


def _placed(size: Size, region: str, catalogue: Catalogue) -> Similar | None:
    """The size in the best of its regions: a near one first, then the cheapest; ``None`` where none is to be had."""
    if not catalogue.regions:
        return Similar(size=size)
    places = [
        Similar(size=size, region=each, is_near=_is_near(each.slug, region))
        for each in catalogue.regions
        if size.is_offered(each.slug) and each.slug not in size.sold_out
    ]
    return min(places, key=lambda each: (not each.is_near, not _is_same(each, region), _price(each)), default=None)


def _is_same(found: Similar, region: str) -> bool:
    return found.region is not None and found.region.slug == region


def _is_near(one: str, other: str) -> bool:
    first, second = continent_of(one), continent_of(other)
    return first is None or second is None or first is second


def _distance(size: Size, wanted: Size) -> float:
    """0 for what is alike; 1 for twice as much of one thing; in steps of a quarter."""
    disk = _apart(size.disk_gb, wanted.disk_gb) if size.disk_gb and wanted.disk_gb else 0.0
    apart = _apart(size.vcpus, wanted.vcpus) + _apart(size.memory_mb, wanted.memory_mb) + _DISK * disk
    # Memory differs by what the provider keeps for itself; so small a difference must not outweigh the price.
    return round(apart * 4) / 4


def _apart(amount: float, wanted: float) -> float:
    if not wanted:
        return 0.0
    times = math.log2(amount / wanted)
    return times if times >= 0 else -times * _MISSING


def _price(found: Similar) -> float:
    price = found.size.price_in(found.region.slug if found.region is not None else "").monthly
    return math.inf if price is None else price
