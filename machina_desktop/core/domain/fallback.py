"""What may stand in for a size that is sold out: how it is written, what is most like it, and what is to be had."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.offer import check_offer
from machina_desktop.core.domain.provider import Catalogue, Image, Region, Size
from machina_desktop.core.domain.similar import continent_of
from machina_desktop.core.errors import InvalidInput, MachinaError

MOST = 10
"""So many may be named."""

_WRITTEN = re.compile(r"(?P<size>[A-Za-z0-9._-]{1,80})?(?:@(?P<region>[A-Za-z0-9._-]{1,80}))?")


@dataclass(frozen=True, kw_only=True)
class Fallback:
    """A size and a region to take where what was wanted is sold out; empty is what was wanted.

    Written ``cx32@hel1``, ``cx32`` or ``@hel1``.
    """

    size: str = ""
    region: str = ""

    def __str__(self) -> str:
        return f"{self.size}@{self.region}" if self.region else self.size

    def of(self, machine: Machine) -> Machine:
        """The machine as it would be made by this; its zone is the provider's choice in another region."""
        region = self.region or machine.region
        zone = machine.zone if region == machine.region else None
        return replace(machine, size=self.size or machine.size, region=region, zone=zone)


def fallback_from(text: str) -> Fallback:
    """The fallback that is written so.

    Raises:
        InvalidInput: E-FALLBACK.
    """
    found = _WRITTEN.fullmatch(text)
    if found is None or not text:
        raise InvalidInput(
            f"{text[:80] or '(nothing)'} is no size to fall back on.",
            field="fallbacks",
            hint="Write SIZE, SIZE@REGION or @REGION, such as cx32@hel1.",
            code="E-FALLBACK",
        )
    return Fallback(size=found["size"] or "", region=found["region"] or "")


def check_fallbacks(texts: tuple[str, ...]) -> None:
    """Refuse what cannot be read, and too many.

    Raises:
        InvalidInput: E-FALLBACK.
    """
    if len(texts) > MOST:
        raise InvalidInput(f"At most {MOST} sizes to fall back on can be named.", field="fallbacks", code="E-FALLBACK")
    for text in texts:
        fallback_from(text)


def absolute_fallbacks(texts: tuple[str, ...], machine: Machine) -> tuple[str, ...]:
    """The same with size and region each, so that they stay what they are when the machine has become one of them.

    Raises:
        InvalidInput: E-FALLBACK.
    """
    check_fallbacks(texts)
    meant = (fallback_from(text).of(machine) for text in texts)
    written = tuple(str(Fallback(size=each.size, region=each.region)) for each in meant)
    check_fallbacks(written)
    return written


def first_to_be_had(machine: Machine, texts: Iterable[str], catalogue: Catalogue) -> Machine | None:
    """The machine as the first fallback makes it that is to be had and goes with its image; ``None`` for none."""
    for text in texts:
        candidate = fallback_from(text).of(machine)
        try:
            check_offer(candidate, catalogue)
        except MachinaError:
            continue
        return candidate
    return None


def alternatives(
    size: Size, region: str, catalogue: Catalogue, *, image: Image | None = None, most: int = 4
) -> tuple[Fallback, ...]:
    """What is most like a size in a region: the same size near by, the next larger ones here, the same size far away.

    Each is to be had now, and goes with the image where one is given.
    """
    places = [each for each in catalogue.regions if each.slug != region and _is_to_be_had(size, each.slug)]
    places = [each for each in places if image is None or not image.regions or each.slug in image.regions]
    near = [Fallback(size=size.slug, region=each.slug) for each in places if _is_near(each, region)]
    far = [Fallback(size=size.slug, region=each.slug) for each in places if not _is_near(each, region)]
    larger = sorted(
        (each for each in catalogue.sizes if _is_at_least(each, size) and _is_to_be_had(each, region)),
        key=lambda each: (_price(each, region), each.memory_mb, each.vcpus, each.slug),
    )
    here = [Fallback(size=each.slug, region=region) for each in larger]
    return (*near[:2], *here[:2], *near[2:], *far)[:most]


def _price(size: Size, region: str) -> float:
    """By the month; one that is not known comes last."""
    monthly = size.price_in(region).monthly
    return math.inf if monthly is None else monthly


def _is_to_be_had(size: Size, region: str) -> bool:
    return size.is_offered(region) and region not in size.sold_out


def _is_near(place: Region, region: str) -> bool:
    here, there = continent_of(region), continent_of(place.slug)
    return here is None or there is None or here is there


def _is_at_least(other: Size, size: Size) -> bool:
    """Whether it has no less of anything, and the same processor."""
    return (
        other.slug != size.slug
        and other.architecture == size.architecture
        and other.vcpus >= size.vcpus
        and other.memory_mb >= size.memory_mb
        and other.disk_gb >= size.disk_gb
    )
