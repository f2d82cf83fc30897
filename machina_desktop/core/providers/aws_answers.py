"""What EC2 answers, as far as it is read, and what it means in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import Image, Instance, Quota, Region, Size
from machina_desktop.core.providers.aws_session import Found
from machina_desktop.core.providers.cloud import marks_of

_STATUSES = {
    "pending": MachineStatus.PROVISIONING,
    "running": MachineStatus.RUNNING,
    "stopping": MachineStatus.STOPPING,
    "stopped": MachineStatus.STOPPED,
    "shutting-down": MachineStatus.TERMINATING,
    "terminated": MachineStatus.TERMINATED,
}
_ARCHITECTURES = {"x86_64": "x86_64", "arm64": "arm64"}
_LIMITS = {
    "max-instances": "Machines on demand",
    "max-elastic-ips": "Elastic IPs",
    "vpc-max-elastic-ips": "Elastic IPs",
}

PUBLISHERS = {
    "136693071363": ("debian", "admin", r"debian-(\d+)-"),
    "099720109477": ("ubuntu", "ubuntu", r"ubuntu/images/[^/]*/?ubuntu-[a-z]+-([\d.]+)-"),
    "137112412989": ("amazon", "ec2-user", r"(al\d+|amzn2)-"),
    "792107900819": ("rocky", "rocky", r"Rocky-(\d+)-"),
}
"""Accounts of the distributions: family, the name that their images let in, and the version in an image's name."""
NAMES = (
    "debian-1?-*",
    "ubuntu/images/hvm-ssd*/ubuntu-*-server-*",
    "al2023-ami-2023*",
    "amzn2-ami-hvm-2*",
    "Rocky-*-EC2-Base-*",
)
_TITLES = {"debian": "Debian", "ubuntu": "Ubuntu", "amazon": "Amazon Linux", "rocky": "Rocky Linux"}


def labels_of(tags: Iterable[Mapping[str, str]] | None) -> dict[str, str]:
    """Tags as names and values."""
    return {each["Key"]: each.get("Value", "") for each in tags or () if "Key" in each}


def instance_of(answer: Found, region: str) -> Instance:
    """The machine in our words."""
    labels = labels_of(answer.get("Tags"))
    created = answer.get("LaunchTime")
    return Instance(
        resource_id=str(answer.get("InstanceId", "")),
        name=labels.get("Name", "") or str(answer.get("InstanceId", "")),
        status=_STATUSES.get((answer.get("State") or {}).get("Name", ""), ""),
        region=region,
        zone=(answer.get("Placement") or {}).get("AvailabilityZone", ""),
        size=answer.get("InstanceType", ""),
        image=answer.get("ImageId", ""),
        public_ip=answer.get("PublicIpAddress", "") or answer.get("Ipv6Address", ""),
        private_ip=answer.get("PrivateIpAddress", ""),
        # Its disks are volumes, things of their own.
        disk_gb=0,
        labels=labels,
        created_at=created if isinstance(created, datetime) else None,
        **marks_of(labels),
    )


def region_of(name: str, zones: Iterable[Found]) -> Region:
    """The region with its own zones that are up; local zones and those of phone networks have other machines."""
    found = (
        str(each["ZoneName"])
        for each in zones
        if each.get("State") == "available" and each.get("ZoneType", "availability-zone") == "availability-zone"
    )
    return Region(slug=name, title=name, zones=tuple(sorted(found)))


def sizes_of(types: Iterable[Found], offered: Mapping[str, frozenset[str]]) -> tuple[Size, ...]:
    """The types that run Linux here; ``offered`` has the names of each region's. EC2 tells no prices."""
    found = []
    for each in types:
        name = str(each.get("InstanceType", ""))
        regions = tuple(sorted(region for region, names in offered.items() if name in names))
        kinds = (each.get("ProcessorInfo") or {}).get("SupportedArchitectures") or ()
        architecture = next((_ARCHITECTURES[kind] for kind in kinds if kind in _ARCHITECTURES), "")
        if regions and architecture and not each.get("BareMetal"):
            found.append(_size(name, each, regions, architecture))
    return tuple(sorted(found, key=lambda size: (size.vcpus, size.memory_mb, size.slug)))


def _size(name: str, answer: Found, regions: tuple[str, ...], architecture: str) -> Size:
    is_burst = bool(answer.get("BurstablePerformanceSupported"))
    family = name.partition(".")[0].upper()
    return Size(
        slug=name,
        title=name,
        vcpus=int((answer.get("VCpuInfo") or {}).get("DefaultVCpus") or 0),
        memory_mb=int((answer.get("MemoryInfo") or {}).get("SizeInMiB") or 0),
        disk_gb=int((answer.get("InstanceStorageInfo") or {}).get("TotalSizeInGB") or 0),
        regions=regions,
        architecture=architecture,
        kind=f"{family}, burstable" if is_burst else family,
    )


def images_of(answers: Iterable[Found], region: str, *, is_own: bool) -> tuple[Image, ...]:
    """Images of one region: of the distributions the newest of each version, of one's own every one."""
    newest: dict[tuple[str, ...], Found] = {}
    for each in answers:
        if each.get("State", "available") != "available" or not each.get("ImageId"):
            continue
        key = (str(each["ImageId"]),) if is_own else _version(each)
        if key and str(each.get("CreationDate", "")) >= str(newest.get(key, {}).get("CreationDate", "")):
            newest[key] = each
    return tuple(_image(each, region, "" if is_own else key[0], is_own=is_own) for key, each in sorted(newest.items()))


def _version(answer: Found) -> tuple[str, ...]:
    """Family, version and architecture; empty for an image that is none of those."""
    family, _, pattern = PUBLISHERS.get(str(answer.get("OwnerId", "")), ("", "", ""))
    found = re.match(pattern, str(answer.get("Name", ""))) if family else None
    architecture = _ARCHITECTURES.get(str(answer.get("Architecture", "")), "")
    return (family, found[1], architecture) if found and architecture else ()


def _image(answer: Found, region: str, family: str, *, is_own: bool) -> Image:
    architecture = _ARCHITECTURES.get(str(answer.get("Architecture", "")), "")
    name = str(answer.get("Name", "") or answer["ImageId"])
    users = {known: user for known, user, _ in PUBLISHERS.values()}
    title = name if is_own else f"{_TITLES[family]} {_number(_version(answer)[1])}, {architecture}"
    return Image(
        slug=str(answer["ImageId"]),
        title=title,
        family=family,
        regions=(region,),
        architecture=architecture,
        min_disk_gb=_disk_gb(answer),
        user=users.get(family, ""),
        is_own=is_own,
    )


def _number(version: str) -> str:
    return {"amzn2": "2"}.get(version, version.removeprefix("al"))


def _disk_gb(answer: Found) -> int:
    root = answer.get("RootDeviceName")
    disks: list[dict[str, Any]] = list(answer.get("BlockDeviceMappings") or ())
    return next(
        (int((each.get("Ebs") or {}).get("VolumeSize") or 0) for each in disks if each.get("DeviceName") == root), 0
    )


def quota_of(attributes: Iterable[Found], region: str) -> tuple[Quota, ...]:
    """The limits that EC2 tells itself; those of vCPUs are another service's."""
    found: dict[str, int] = {}
    for each in attributes:
        name = _LIMITS.get(str(each.get("AttributeName", "")), "")
        values = [str(value.get("AttributeValue", "")) for value in each.get("AttributeValues") or ()]
        if name and values and values[0].isdecimal():
            found[name] = int(values[0])
    return tuple(Quota(name=f"{name} in {region}", limit=limit) for name, limit in found.items())
