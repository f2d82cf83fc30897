"""What Hetzner Cloud answers, as far as it is read, and what it means in our words."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime

from machina_desktop.core.codec import from_json
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import Image, Instance, Region, Size
from machina_desktop.core.ids import now
from machina_desktop.core.providers.cloud import marks_of
from machina_desktop.core.providers.cloud_errors import (
    BUSY,
    CONFLICT,
    DENIED,
    FAULT,
    NAME_TAKEN,
    NOT_FOUND,
    QUOTA,
    REFUSED,
    SOLD_OUT,
    Dialect,
)
from machina_desktop.core.providers.cloud_token import KeyAnswer
from machina_desktop.core.providers.hetzner_prices import PriceAnswer, Prices, with_address

_STATUSES = {
    "initializing": MachineStatus.PROVISIONING,
    "starting": MachineStatus.PROVISIONING,
    "rebuilding": MachineStatus.PROVISIONING,
    "migrating": MachineStatus.PROVISIONING,
    "running": MachineStatus.RUNNING,
    "stopping": MachineStatus.STOPPING,
    "off": MachineStatus.STOPPED,
    "deleting": MachineStatus.TERMINATING,
}
_RESCUE = "enable_rescue"
_STARTS = frozenset({"start_server", "reboot_server", "reset_server", "rebuild_server"})
_ARCHITECTURES = {"x86": "x86_64", "arm": "arm64"}
_CODES = {
    "unauthorized": DENIED,
    "forbidden": DENIED,
    "token_readonly": DENIED,
    "not_found": NOT_FOUND,
    "locked": CONFLICT,
    "conflict": CONFLICT,
    "resource_in_use": CONFLICT,
    # It does not end by itself, so nobody should wait for it.
    "protected": REFUSED,
    "uniqueness_error": NAME_TAKEN,
    "resource_limit_exceeded": QUOTA,
    "resource_unavailable": SOLD_OUT,
    "placement_error": SOLD_OUT,
    "no_space_left_in_location": SOLD_OUT,
    "rate_limit_exceeded": BUSY,
    "service_error": FAULT,
    "unavailable": FAULT,
    "maintenance": FAULT,
    "timeout": FAULT,
}


@dataclass(frozen=True, kw_only=True)
class Problem:
    """Why something was refused or failed."""

    code: str = ""
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The body of an error."""

    error: Problem


@dataclass(frozen=True, kw_only=True)
class Pagination:
    """Where a page stands."""

    next_page: int | None = None
    total_entries: int | None = None


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What is told beside a list."""

    pagination: Pagination


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A page of a list."""

    meta: Meta

    @property
    def following(self) -> str:
        """The number of the next page."""
        return str(self.meta.pagination.next_page or "")


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where servers stand."""

    name: str
    city: str = ""
    country: str = ""
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Of a server in a network."""

    ip: str | None = None


@dataclass(frozen=True, kw_only=True)
class PublicNet:
    """A server's addresses in the internet."""

    ipv4: Address | None = None
    ipv6: Address | None = None


@dataclass(frozen=True, kw_only=True)
class ImageAnswer:
    """An image of the system's, or a snapshot of the project's."""

    id: int
    type: str
    status: str = "available"
    name: str | None = None
    description: str = ""
    os_flavor: str = ""
    architecture: str = ""
    disk_size: float = 0.0
    deprecated: datetime | None = None
    deleted: str | None = None


@dataclass(frozen=True, kw_only=True)
class Deprecation:
    """From when on something is not to be had any more."""

    unavailable_after: datetime


@dataclass(frozen=True, kw_only=True)
class TypeLocation:
    """Where a type is offered; ``available`` is told since April 2026."""

    name: str
    deprecation: Deprecation | None = None
    available: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ServerType:
    """A size of servers; memory and disk in GB."""

    name: str
    description: str = ""
    category: str = ""
    cores: int = 0
    memory: float = 0.0
    disk: float = 0.0
    cpu_type: str = ""
    architecture: str = ""
    prices: tuple[PriceAnswer, ...] = ()
    locations: tuple[TypeLocation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server."""

    id: int
    name: str
    status: str
    server_type: ServerType
    location: Location
    image: ImageAnswer | None = None
    public_net: PublicNet = field(default_factory=PublicNet)
    private_net: tuple[Address, ...] = ()
    primary_disk_size: float = 0.0
    labels: dict[str, str] = field(default_factory=dict)
    created: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OneServer:
    """The answer about one."""

    server: Server


@dataclass(frozen=True, kw_only=True)
class Servers(Listed):
    """A page of servers."""

    servers: tuple[Server, ...]


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """What lets through what."""

    id: int


@dataclass(frozen=True, kw_only=True)
class Firewalls(Listed):
    """A page of firewalls."""

    firewalls: tuple[Firewall, ...]


@dataclass(frozen=True, kw_only=True)
class Locations(Listed):
    """A page of locations."""

    locations: tuple[Location, ...]


@dataclass(frozen=True, kw_only=True)
class ServerTypes(Listed):
    """A page of server types."""

    server_types: tuple[ServerType, ...]


@dataclass(frozen=True, kw_only=True)
class Images(Listed):
    """A page of images."""

    images: tuple[ImageAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Keys(Listed):
    """A page of keys."""

    ssh_keys: tuple[KeyAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something under way: ``running``, ``success`` or ``error``."""

    id: int
    status: str
    command: str = ""
    progress: int = 0
    error: Problem | None = None


@dataclass(frozen=True, kw_only=True)
class OneAction:
    """The answer about one, and to what begins one."""

    action: Action


@dataclass(frozen=True, kw_only=True)
class Actions(Listed):
    """A page of what was done to a server."""

    actions: tuple[Action, ...]


def _read(body: bytes) -> tuple[str, str]:
    problem = from_json(body, Refusal).error
    return problem.code, problem.message


DIALECT = Dialect(title="Hetzner Cloud", read=_read, codes=_CODES)


def instance_of(server: Server) -> Instance:
    """The server in our words."""
    net = server.public_net
    six = (net.ipv6.ip if net.ipv6 else None) or ""
    return Instance(
        resource_id=str(server.id),
        name=server.name,
        status=_STATUSES.get(server.status, ""),
        region=server.location.name,
        size=server.server_type.name,
        image=(server.image.name or str(server.image.id)) if server.image else "",
        # Of a network of its own, its first address is where the server is.
        public_ip=(net.ipv4.ip if net.ipv4 else None) or (six.replace("::/64", "::1") if six else ""),
        private_ip=next((each.ip for each in server.private_net if each.ip), ""),
        disk_gb=math.floor(server.primary_disk_size),
        labels=server.labels,
        created_at=server.created,
        **marks_of(server.labels),
    )


def starts_since_rescue(newest_first: tuple[Action, ...]) -> tuple[str, ...]:
    """By which commands a server was started since its rescue system was last switched on, the first of them first.

    None where that is not among the actions.
    """
    commands = [action.command for action in newest_first if action.status == "success"]
    if _RESCUE not in commands:
        return ()
    return tuple(command for command in reversed(commands[: commands.index(_RESCUE)]) if command in _STARTS)


def region_of(location: Location) -> Region:
    """The location in our words."""
    title = ", ".join(each for each in (location.city, location.country) if each)
    return Region(slug=location.name, title=title or location.description or location.name)


def size_of(kind: ServerType, pricing: Prices) -> Size | None:
    """The type in our words, its price with that of the IPv4 address that each of our servers has.

    ``None`` for one that is nowhere to be had any more.
    """
    at = now()
    offered = [each for each in kind.locations if each.deprecation is None or each.deprecation.unavailable_after > at]
    if not offered:
        return None
    names = {each.name for each in offered}
    addresses = {each.location: each for kinds in pricing.primary_ips if kinds.type == "ipv4" for each in kinds.prices}
    prices = {
        each.location: with_address(each, addresses.get(each.location))
        for each in kind.prices
        if each.location in names
    }
    return Size(
        slug=kind.name,
        title=kind.description or kind.name,
        vcpus=kind.cores,
        memory_mb=round(kind.memory * 1024),
        disk_gb=math.floor(kind.disk),
        price_hourly=min((each.hourly for each in prices.values() if each.hourly is not None), default=None),
        price_monthly=min((each.monthly for each in prices.values() if each.monthly is not None), default=None),
        currency=pricing.currency,
        regions=tuple(each.name for each in offered),
        sold_out=tuple(each.name for each in offered if each.available is False),
        prices=prices,
        architecture=_ARCHITECTURES.get(kind.architecture, ""),
        kind=kind.category or f"{kind.cpu_type.capitalize()} vCPU",
    )


def images_of(answers: tuple[ImageAnswer, ...]) -> tuple[Image, ...]:
    """The images in our words; one that exists for several architectures has one name for all of them."""
    found: dict[str, Image] = {}
    for each in answers:
        if each.deprecated is not None or each.deleted is not None or each.status != "available":
            continue
        slug = each.name or str(each.id)
        architecture = _ARCHITECTURES.get(each.architecture, "")
        other = found.get(slug)
        found[slug] = Image(
            slug=slug,
            title=each.description or slug,
            family="" if each.os_flavor == "unknown" else each.os_flavor,
            architecture=architecture if other is None or other.architecture == architecture else "",
            min_disk_gb=math.ceil(each.disk_size),
            is_own=each.type != "system",
        )
    return tuple(found.values())
