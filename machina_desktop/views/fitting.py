"""Which images go with a region and a size, in groups, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.provider import Image, Size


def _tr(text: str) -> str:
    return QCoreApplication.translate("fitting", text)


def families(images: Sequence[Image], region: str, size: Size | None) -> dict[str, tuple[Image, ...]]:
    """Images that fit by the title of their group: own ones first, then families by name, those of none last."""
    fitting = [each for each in images if not why_not(each, region, size)]
    groups: dict[str, list[Image]] = {}
    for each in sorted(fitting, key=lambda each: (not each.is_own, not each.family, each.family.casefold())):
        title = _tr("Your own images and snapshots") if each.is_own else each.family.title() or _tr("Other images")
        groups.setdefault(title, []).append(each)
    return {title: _newest_first(group) for title, group in groups.items()}


def misfits(images: Iterable[Image], region: str, size: Size | None) -> str:
    """How many images are left out and why, one sentence; empty when none is."""
    left_out = sum(1 for each in images if why_not(each, region, size))
    if not left_out:
        return ""
    what = size.title if size is not None else region
    if left_out == 1:
        return _tr("1 more image does not fit {0}.").format(what)
    return _tr("{0} more images do not fit {1}.").format(left_out, what)


def why_not(image: Image, region: str, size: Size | None) -> str:
    """Why a machine of that size cannot start from the image there, one sentence; empty when it can."""
    if image.regions and region not in image.regions:
        return _tr("{0} does not exist in {1}.").format(image.title, region)
    if size is None:
        return ""
    if size.architecture and image.architecture and size.architecture != image.architecture:
        return _tr("{0} is for {1}, and {2} is {3}.").format(
            image.title, image.architecture, size.title, size.architecture
        )
    if size.disk_gb and image.min_disk_gb > size.disk_gb:
        return _tr("{0} needs a disk of {1} GB, and {2} has {3}.").format(
            image.title, image.min_disk_gb, size.title, size.disk_gb
        )
    return ""


def _newest_first(images: list[Image]) -> tuple[Image, ...]:
    return tuple(sorted(images, key=lambda each: _version(each.title), reverse=True))


def _version(title: str) -> tuple[tuple[int, int | str], ...]:
    """Numbers as numbers, so that 9 comes before 12."""
    words = title.casefold().replace(".", " ").replace("-", " ").split()
    return tuple((1, int(word)) if word.isdecimal() else (0, word) for word in words)
