"""What Compute Engine answers, as far as it is read, and what it means in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import Image, Instance, Quota, Region, Size
from machina_desktop.core.providers.cloud import marks_of

_STATUSES = {
    "PENDING": MachineStatus.PROVISIONING,
    "PROVISIONING": MachineStatus.PROVISIONING,
    "STAGING": MachineStatus.PROVISIONING,
    "REPAIRING": MachineStatus.PROVISIONING,
    "RUNNING": MachineStatus.RUNNING,
    "PENDING_STOP": MachineStatus.STOPPING,
    "STOPPING": MachineStatus.STOPPING,
    "SUSPENDING": MachineStatus.STOPPING,
    "DEPROVISIONING": MachineStatus.TERMINATING,
    # A machine of Google's that is off is called terminated; it is there and can be started.
    "STOPPED": MachineStatus.STOPPED,
    "SUSPENDED": MachineStatus.STOPPED,
    "TERMINATED": MachineStatus.STOPPED,
}
_ARCHITECTURES = {"X86_64": "x86_64", "ARM64": "arm64"}
_ARM = re.compile(r"(t2a|c4a|n4a|a4x|x4a|axion)-")
_EMPTY = "NO_RESULTS_ON_PAGE"
_PROJECT_METRICS = {"CPUS_ALL_REGIONS": "vCPUs in all regions", "FIREWALLS": "Firewall rules", "SNAPSHOTS": "Snapshots"}
_REGION_METRICS = {"CPUS": "vCPUs", "INSTANCES": "Machines", "IN_USE_ADDRESSES": "Addresses in use"}


@dataclass(frozen=True, kw_only=True)
class Warned:
    """What was left out of an answer, and why."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A page of a list."""

    nextPageToken: str = ""  # noqa: N815 - the API's name

    @property
    def following(self) -> str:
        """The token of the next page."""
        return self.nextPageToken


@dataclass(frozen=True, kw_only=True)
class QuotaAnswer:
    """How much there may be of something, and how much there is."""

    metric: str = ""
    limit: float = 0.0
    usage: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Deprecation:
    """Whether something should not be used any more: ``DEPRECATED``, ``OBSOLETE``, ``DELETED``."""

    state: str = ""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A project."""

    name: str
    quotas: tuple[QuotaAnswer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RegionAnswer:
    """A region; its zones by their addresses."""

    name: str
    status: str = ""
    zones: tuple[str, ...] = ()
    quotas: tuple[QuotaAnswer, ...] = ()
    deprecated: Deprecation | None = None


@dataclass(frozen=True, kw_only=True)
class Regions(Listed):
    """A page of regions."""

    items: tuple[RegionAnswer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ZoneAnswer:
    """A zone: ``UP`` or ``DOWN``."""

    name: str
    status: str = ""
    region: str = ""
    deprecated: Deprecation | None = None


@dataclass(frozen=True, kw_only=True)
class Zones(Listed):
    """A page of zones."""

    items: tuple[ZoneAnswer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class MachineType:
    """A size in one zone; memory in MB."""

    name: str
    zone: str = ""
    guestCpus: int = 0  # noqa: N815 - the API's name
    memoryMb: int = 0  # noqa: N815 - the API's name
    isSharedCpu: bool = False  # noqa: N815 - the API's name
    architecture: str = ""
    deprecated: Deprecation | None = None


@dataclass(frozen=True, kw_only=True)
class MachineTypes(Listed):
    """A page of the sizes of one zone."""

    items: tuple[MachineType, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ImageAnswer:
    """An image; its disk in GB."""

    name: str
    family: str = ""
    status: str = "READY"
    architecture: str = ""
    diskSizeGb: str = "0"  # noqa: N815 - the API's name
    creationTimestamp: str = ""  # noqa: N815 - the API's name
    description: str = ""
    deprecated: Deprecation | None = None


@dataclass(frozen=True, kw_only=True)
class Images(Listed):
    """A page of images of one project."""

    items: tuple[ImageAnswer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class AccessConfig:
    """An address in the internet."""

    natIP: str = ""  # noqa: N815 - the API's name
    externalIpv6: str = ""  # noqa: N815 - the API's name


@dataclass(frozen=True, kw_only=True)
class NetworkInterface:
    """Of a machine in a network."""

    networkIP: str = ""  # noqa: N815 - the API's name
    accessConfigs: tuple[AccessConfig, ...] = ()  # noqa: N815 - the API's name
    ipv6AccessConfigs: tuple[AccessConfig, ...] = ()  # noqa: N815 - the API's name


@dataclass(frozen=True, kw_only=True)
class AttachedDisk:
    """A disk at a machine; ``source`` is the address of the disk itself."""

    boot: bool = False
    source: str = ""
    licenses: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class InstanceAnswer:
    """A machine."""

    name: str
    zone: str = ""
    status: str = ""
    machineType: str = ""  # noqa: N815 - the API's name
    networkInterfaces: tuple[NetworkInterface, ...] = ()  # noqa: N815 - the API's name
    disks: tuple[AttachedDisk, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    creationTimestamp: str = ""  # noqa: N815 - the API's name


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A zone that could not be asked for its machines."""

    where: str


@dataclass(frozen=True, kw_only=True)
class InstancesOfScope:
    """The machines of one zone."""

    instances: tuple[InstanceAnswer, ...] = ()
    warning: Warned | None = None


@dataclass(frozen=True, kw_only=True)
class Instances(Listed):
    """A page of the machines of all zones; what could not be asked is told beside it."""

    items: dict[str, InstancesOfScope] = field(default_factory=dict)
    unreachables: tuple[str, ...] = ()
    warning: Warned | None = None

    @property
    def told(self) -> tuple[InstanceAnswer | Silence, ...]:
        """The machines, and what could not be asked for any."""
        found = tuple(each for scope in self.items.values() for each in scope.instances)
        silent = [last(name) for name, scope in self.items.items() if is_partial(scope.warning)]
        silent += [last(each) for each in self.unreachables]
        if self.warning is not None and is_partial(self.warning) and not silent:
            silent.append(self.warning.message or "some zones")
        return (*found, *(Silence(where=each) for each in dict.fromkeys(silent)))


@dataclass(frozen=True, kw_only=True)
class OperationError:
    """Why an operation failed."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class OperationErrors:
    """All of that."""

    errors: tuple[OperationError, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Operation:
    """Something under way: ``PENDING``, ``RUNNING`` or ``DONE``."""

    name: str
    status: str = ""
    progress: int = 0
    error: OperationErrors | None = None
    httpErrorMessage: str = ""  # noqa: N815 - the API's name

    @property
    def problem(self) -> str:
        """Why it failed; empty unless it did."""
        if self.error is None:
            return self.httpErrorMessage
        words = [each.message or each.code for each in self.error.errors]
        return "; ".join(each for each in words if each) or self.httpErrorMessage or "Google Cloud says no more"


def last(address: str) -> str:
    """The name at the end of a thing's address."""
    return address.rpartition("/")[2]


def is_partial(warning: Warned | None) -> bool:
    """Whether something is missing; that there is nothing is told in the same way."""
    return warning is not None and warning.code not in {"", _EMPTY}


def region_of_zone(zone: str) -> str:
    """``europe-west3`` of ``europe-west3-b``."""
    return zone.rpartition("-")[0]


def quota_of(project: Project, regions: Iterable[RegionAnswer]) -> tuple[Quota, ...]:
    """What the project may have, and what it may have in the regions in which it has something."""
    found = [
        Quota(name=_PROJECT_METRICS[each.metric], limit=int(each.limit), used=int(each.usage))
        for each in project.quotas
        if each.metric in _PROJECT_METRICS
    ]
    for region in regions:
        known = [each for each in region.quotas if each.metric in _REGION_METRICS]
        if any(each.usage > 0 for each in known):
            found += [
                Quota(
                    name=f"{_REGION_METRICS[each.metric]} in {region.name}", limit=int(each.limit), used=int(each.usage)
                )
                for each in known
            ]
    return tuple(found)


def regions_of(regions: Iterable[RegionAnswer], zones: Iterable[ZoneAnswer]) -> tuple[Region, ...]:
    """The regions that are up, with their zones that are."""
    up: dict[str, list[str]] = {}
    for zone in zones:
        if zone.status != "DOWN" and not is_old(zone.deprecated):
            up.setdefault(last(zone.region), []).append(zone.name)
    return tuple(
        Region(slug=each.name, title=each.name, zones=tuple(sorted(up[each.name])))
        for each in regions
        if each.status != "DOWN" and not is_old(each.deprecated) and each.name in up
    )


def sizes_of(types: Iterable[MachineType]) -> tuple[Size, ...]:
    """The sizes, each with all regions of its zones. This API tells no prices; a disk is chosen apart."""
    regions: dict[str, set[str]] = {}
    kinds: dict[str, MachineType] = {}
    for each in types:
        if not is_old(each.deprecated):
            kinds[each.name] = each
            regions.setdefault(each.name, set()).add(region_of_zone(last(each.zone)))
    return tuple(
        Size(
            slug=name,
            title=name,
            vcpus=kind.guestCpus,
            memory_mb=kind.memoryMb,
            regions=tuple(sorted(regions[name])),
            architecture=_ARCHITECTURES.get(kind.architecture) or ("arm64" if _ARM.match(name) else "x86_64"),
            kind="Shared CPU" if kind.isSharedCpu else name.partition("-")[0].upper(),
        )
        for name, kind in sorted(kinds.items(), key=lambda each: (each[1].guestCpus, each[1].memoryMb, each[0]))
    )


def images_of(project: str, answers: Iterable[ImageAnswer], *, is_own: bool) -> tuple[Image, ...]:
    """The images of one project: of those of others the newest of each family, of one's own every one."""
    found: dict[str, ImageAnswer] = {}
    for each in answers:
        if is_old(each.deprecated) or each.status not in {"", "READY"}:
            continue
        if is_own:
            found[f"projects/{project}/global/images/{each.name}"] = each
            continue
        slug = f"{project}/{each.family or each.name}"
        other = found.get(slug)
        if other is None or each.creationTimestamp > other.creationTimestamp:
            found[slug] = each
    return tuple(
        Image(
            slug=slug,
            title=each.name if is_own else each.description or each.family or each.name,
            family=(each.family or each.name).partition("-")[0],
            architecture=_ARCHITECTURES.get(each.architecture, ""),
            min_disk_gb=int(each.diskSizeGb) if each.diskSizeGb.isdecimal() else 0,
            is_own=is_own,
        )
        for slug, each in sorted(found.items())
    )


def instance_of(project: str, answer: InstanceAnswer) -> Instance:
    """The machine in our words."""
    zone = last(answer.zone)
    nets = answer.networkInterfaces
    public = [each.natIP for net in nets for each in net.accessConfigs if each.natIP]
    public += [each.externalIpv6 for net in nets for each in net.ipv6AccessConfigs if each.externalIpv6]
    boot = next((each for each in answer.disks if each.boot), AttachedDisk())
    return Instance(
        resource_id=f"projects/{project}/zones/{zone}/instances/{answer.name}",
        name=answer.name,
        status=_STATUSES.get(answer.status, ""),
        region=region_of_zone(zone),
        zone=zone,
        size=last(answer.machineType),
        # Of which image a disk was made only the disk tells; its licences name the system.
        image=last(boot.licenses[0]) if boot.licenses else "",
        public_ip=public[0] if public else "",
        private_ip=next((net.networkIP for net in nets if net.networkIP), ""),
        # Its disks are things of their own.
        disk_gb=0,
        labels=answer.labels,
        created_at=moment_of(answer.creationTimestamp),
        **marks_of(answer.labels),
    )


def moment_of(text: str) -> datetime | None:
    """A time as it is told; ``None`` for none that can be read."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def is_old(deprecated: Deprecation | None) -> bool:
    """Whether it should not be used any more; what is announced to become so may still be."""
    return deprecated is not None and deprecated.state not in {"", "ACTIVE"}
