"""Whether what a machine shall be made of can be had there now."""

from __future__ import annotations

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import Catalogue, Size
from machina_desktop.core.errors import Conflict, InvalidInput

SUGGESTED = 3


def check_offer(machine: Machine, catalogue: Catalogue) -> None:
    """Refuse a region, size or image that is not offered. What the machine or the catalogue leaves out says nothing.

    Raises:
        InvalidInput: E-OFFER, it does not exist there, or the image is not for that size.
        Conflict: E-CLOUD-SOLD-OUT, none is to be had there now; says what is.
    """
    regions = {region.slug: region for region in catalogue.regions}
    if regions and machine.region and machine.region not in regions:
        raise _no("region", machine.region, tuple(regions))
    zones = regions[machine.region].zones if machine.region in regions else ()
    if machine.zone and zones and machine.zone not in zones:
        raise _no("zone", machine.zone, zones)
    size = _checked_size(machine, catalogue)
    images = {image.slug: image for image in catalogue.images}
    image = images.get(machine.image)
    if images and machine.image and image is None:
        raise _no("image", machine.image, tuple(images))
    if image is not None and image.regions and machine.region not in image.regions:
        raise _no(
            "image", machine.image, tuple(each.slug for each in images.values() if machine.region in each.regions)
        )
    if size is None or image is None:
        return
    if size.architecture and image.architecture and size.architecture != image.architecture:
        raise InvalidInput(
            f"The image {image.title} is for {image.architecture}, and the size {size.title} is {size.architecture}.",
            field="image",
            hint="Choose an image or a size of the other kind.",
            code="E-OFFER",
        )
    if size.disk_gb and image.min_disk_gb > size.disk_gb:
        raise InvalidInput(
            f"The image {image.title} needs a disk of {image.min_disk_gb} GB, and {size.title} has {size.disk_gb}.",
            field="size",
            hint="Choose a larger size.",
            code="E-OFFER",
        )


def check_shrink(machine: Machine, catalogue: Catalogue) -> None:
    """Refuse a size with a smaller disk than the machine has: a disk that comes with a size never shrinks.

    A disk that is not known says nothing.

    Raises:
        InvalidInput: E-DISK-SHRINK.
    """
    size = next((each for each in catalogue.sizes if each.slug == machine.size), None)
    disk_gb = machine.disk_gb
    if size is not None and 0 < size.disk_gb < disk_gb:
        raise InvalidInput(
            f"{size.title} has a disk of {size.disk_gb} GB; that of {machine.name} has {disk_gb} GB and cannot shrink.",
            field="size",
            hint=f"Choose a size with at least {disk_gb} GB, or make a new machine and move what is on this one.",
            code="E-DISK-SHRINK",
        )


def _checked_size(machine: Machine, catalogue: Catalogue) -> Size | None:
    sizes = {size.slug: size for size in catalogue.sizes}
    size = sizes.get(machine.size)
    offered = tuple(each.slug for each in catalogue.sizes if each.is_offered(machine.region))
    if sizes and machine.size and size is None:
        raise _no("size", machine.size, offered)
    if size is None:
        return None
    if not size.is_offered(machine.region):
        raise _no("size", machine.size, offered)
    if machine.region in size.sold_out:
        raise Conflict(
            f"{size.title} is sold out in {machine.region}.",
            hint=_elsewhere(size, machine, catalogue),
            code="E-CLOUD-SOLD-OUT",
        )
    return size


def _elsewhere(size: Size, machine: Machine, catalogue: Catalogue) -> str:
    """Where the same size is to be had, and which like it are there."""
    places = [
        region.slug
        for region in catalogue.regions
        if size.is_offered(region.slug) and region.slug not in size.sold_out and region.slug != machine.region
    ]
    alike = sorted(
        (each for each in catalogue.sizes if _replaces(each, size, machine.region)),
        key=lambda each: _distance(each, size),
    )
    ways = []
    if places:
        ways.append(f"the same in {', '.join(places[:SUGGESTED])}")
    if alike:
        ways.append(f"{', '.join(each.slug for each in alike[:SUGGESTED])} here")
    return f"Choose {', or '.join(ways)}." if ways else "Choose another size, or try again later."


def _replaces(other: Size, size: Size, region: str) -> bool:
    is_other = other.slug != size.slug and other.architecture == size.architecture
    is_there = other.is_offered(region) and region not in other.sold_out
    return is_other and is_there and other.vcpus >= size.vcpus and other.memory_mb >= size.memory_mb


def _distance(other: Size, size: Size) -> tuple[int, int]:
    return other.memory_mb - size.memory_mb, other.vcpus - size.vcpus


def _no(what: str, slug: str, known: tuple[str, ...]) -> InvalidInput:
    shown = ", ".join(known[:10]) + (" …" if len(known) > 10 else "")
    return InvalidInput(
        f"There is no {what} {slug or '(none)'} here.",
        field=what,
        hint=f"There is: {shown}." if shown else f"Choose another {what}.",
        code="E-OFFER",
    )
