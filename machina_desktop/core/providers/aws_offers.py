"""What EC2 offers, asked of every region that an account uses at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from machina_desktop.core.domain.provider import Image, Region
from machina_desktop.core.providers.aws_answers import NAMES, PUBLISHERS, images_of, region_of
from machina_desktop.core.providers.aws_session import AwsApi, Found
from machina_desktop.core.providers.cloud_errors import DENIED, CloudError

LOG = logging.getLogger(__name__)
T = TypeVar("T")
_MOST = 100
"""How many instance types can be asked for by name at once."""


async def region_names(api: AwsApi) -> list[str]:
    """The regions that the account uses."""
    if api.line.region:
        return [api.line.region]
    answer = await api.ask("describe_regions")
    return sorted(str(each["RegionName"]) for each in answer.get("Regions") or () if each.get("RegionName"))


async def everywhere(names: Sequence[str], ask: Callable[[str], Awaitable[T]]) -> list[tuple[str, T]]:
    """Answers by region; one that is closed to the account is left out, unless all are."""
    answers = await asyncio.gather(*(ask(region) for region in names), return_exceptions=True)
    found: list[tuple[str, T]] = []
    closed: list[BaseException] = []
    for region, answer in zip(names, answers, strict=True):
        if isinstance(answer, BaseException):
            if not isinstance(answer, CloudError) or answer.code != DENIED:
                raise answer
            closed.append(answer)
            LOG.info("AWS does not let the account into %s", region)
        else:
            found.append((region, answer))
    if closed and not found:
        raise closed[0]
    return found


async def region_with_zones(api: AwsApi, name: str) -> Region:
    """A region and its zones."""
    answer = await api.ask("describe_availability_zones", region=name)
    return region_of(name, answer.get("AvailabilityZones") or ())


async def offered_in(api: AwsApi, name: str) -> frozenset[str]:
    """Names of the types that a region has."""
    answers = await api.listed("describe_instance_type_offerings", "InstanceTypeOfferings", region=name)
    return frozenset(str(each.get("InstanceType", "")) for each in answers)


async def stock_and_types(api: AwsApi, names: Sequence[str]) -> tuple[dict[str, frozenset[str]], tuple[Found, ...]]:
    """What each region has, by name, and the details of every type."""
    stock = dict(await everywhere(names, lambda name: offered_in(api, name)))
    return stock, await all_types(api, stock)


async def all_types(api: AwsApi, offered: dict[str, frozenset[str]]) -> tuple[Found, ...]:
    """Details of every type, those of the line's own region from there, and of others what only they have.

    Asked by name they come all at once; a list of them would have its pages one after the other.
    """
    known: set[str] = set()
    batches: list[tuple[str, list[str]]] = []
    for region in sorted(offered, key=lambda name: (name != api.region, name)):
        missing = sorted(offered[region] - known)
        known |= offered[region]
        batches += [(region, missing[start : start + _MOST]) for start in range(0, len(missing), _MOST)]
    found = await asyncio.gather(
        *(
            api.listed("describe_instance_types", "InstanceTypes", {"InstanceTypes": names}, region=at)
            for at, names in batches
        )
    )
    return tuple(each for batch in found for each in batch)


async def images_in(api: AwsApi, region: str) -> tuple[Image, ...]:
    """Images of the distributions and of the account in a region."""
    filters = {
        "name": list(NAMES),
        "state": ["available"],
        "virtualization-type": ["hvm"],
        "root-device-type": ["ebs"],
        "architecture": ["x86_64", "arm64"],
    }
    wanted = [{"Name": name, "Values": values} for name, values in filters.items()]
    public, own = await asyncio.gather(
        api.listed("describe_images", "Images", {"Owners": list(PUBLISHERS), "Filters": wanted}, region=region),
        api.listed("describe_images", "Images", {"Owners": ["self"]}, region=region),
    )
    return (*images_of(public, region, is_own=False), *images_of(own, region, is_own=True))
