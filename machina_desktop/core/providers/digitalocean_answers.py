"""What DigitalOcean answers, as far as it is read, and what it means in our words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from machina_desktop.core.codec import from_json
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.domain.provider import Image, Instance, Quota, Region, Size
from machina_desktop.core.providers.cloud import marks_of
from machina_desktop.core.providers.cloud_errors import CONFLICT, NAME_TAKEN, QUOTA, SOLD_OUT, Complaint, Dialect
from machina_desktop.core.providers.cloud_token import KeyAnswer

_STATUSES = {
    "new": MachineStatus.PROVISIONING,
    "active": MachineStatus.RUNNING,
    "off": MachineStatus.STOPPED,
}
# Everything that a request is refused for is "unprocessable_entity": only the words tell.
_WORDS = (
    ("pending", CONFLICT),
    ("in progress", CONFLICT),
    ("locked", CONFLICT),
    ("limit", QUOTA),
    ("exceed", QUOTA),
    ("not available in", SOLD_OUT),
    ("unavailable", SOLD_OUT),
    ("sold out", SOLD_OUT),
    ("no capacity", SOLD_OUT),
    ("already in use", NAME_TAKEN),
    ("already exists", NAME_TAKEN),
    ("already been taken", NAME_TAKEN),
)


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """The body of an error."""

    id: str
    message: str = ""


@dataclass(frozen=True, kw_only=True)
class PageLinks:
    """Addresses of other pages."""

    next: str = ""


@dataclass(frozen=True, kw_only=True)
class Links:
    """What lies beside a page."""

    pages: PageLinks = field(default_factory=PageLinks)


@dataclass(frozen=True, kw_only=True)
class Meta:
    """What is told of a list."""

    total: int


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A page of a list."""

    links: Links = field(default_factory=Links)
    meta: Meta | None = None

    @property
    def following(self) -> str:
        """The address of the next page."""
        return self.links.pages.next


@dataclass(frozen=True, kw_only=True)
class Team:
    """Whose resources a token reaches."""

    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Whose token it is."""

    email: str = ""
    name: str = ""
    status: str = ""
    status_message: str = ""
    team: Team = field(default_factory=Team)
    droplet_limit: int | None = None
    volume_limit: int | None = None
    floating_ip_limit: int | None = None
    reserved_ip_limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class OneAccount:
    """The answer about it."""

    account: Account


@dataclass(frozen=True, kw_only=True)
class RegionAnswer:
    """A data center."""

    slug: str
    name: str = ""
    available: bool = True
    sizes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SizeAnswer:
    """A size of droplets; memory in MiB, disk in GiB, prices in USD."""

    slug: str
    memory: int = 0
    vcpus: int = 0
    disk: int = 0
    price_monthly: float | None = None
    price_hourly: float | None = None
    regions: tuple[str, ...] = ()
    available: bool = True
    description: str = ""


@dataclass(frozen=True, kw_only=True)
class ImageAnswer:
    """An image of the provider's or the account's."""

    id: int
    name: str = ""
    distribution: str = ""
    slug: str | None = None
    public: bool = False
    regions: tuple[str, ...] = ()
    min_disk_size: int | None = None
    status: str = "available"
    type: str = ""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Of a droplet: ``public`` or ``private``."""

    ip_address: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Networks:
    """A droplet's addresses."""

    v4: tuple[Address, ...] = ()
    v6: tuple[Address, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Droplet:
    """A machine."""

    id: int
    name: str
    status: str
    size_slug: str = ""
    disk: int = 0
    region: RegionAnswer | None = None
    image: ImageAnswer | None = None
    networks: Networks = field(default_factory=Networks)
    tags: tuple[str, ...] = ()
    created_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class OneDroplet:
    """The answer about one."""

    droplet: Droplet


@dataclass(frozen=True, kw_only=True)
class Droplets(Listed):
    """A page of droplets."""

    droplets: tuple[Droplet, ...]


@dataclass(frozen=True, kw_only=True)
class Firewall:
    """What lets through what."""

    id: str
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Firewalls(Listed):
    """A page of firewalls."""

    firewalls: tuple[Firewall, ...]


@dataclass(frozen=True, kw_only=True)
class Keys(Listed):
    """A page of keys."""

    ssh_keys: tuple[KeyAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Regions(Listed):
    """A page of regions."""

    regions: tuple[RegionAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Sizes(Listed):
    """A page of sizes."""

    sizes: tuple[SizeAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Images(Listed):
    """A page of images."""

    images: tuple[ImageAnswer, ...]


@dataclass(frozen=True, kw_only=True)
class Action:
    """Something under way: ``in-progress``, ``completed`` or ``errored``."""

    id: int
    status: str


@dataclass(frozen=True, kw_only=True)
class OneAction:
    """The answer about one, and to what begins one."""

    action: Action


def _read(body: bytes) -> tuple[str, str]:
    refusal = from_json(body, Refusal)
    return refusal.id, refusal.message


def _judge(complaint: Complaint) -> str:
    if complaint.status not in {403, 409, 422}:
        return ""
    words = complaint.words.lower()
    if complaint.status == 403 and "limit" not in words:
        return ""
    return next((code for part, code in _WORDS if part in words), "")


DIALECT = Dialect(title="DigitalOcean", read=_read, judge=_judge)


def identity_of(account: Account) -> str:
    """Who it is, and in which team."""
    who = f"{account.name} ({account.email})" if account.name and account.email else account.email or account.name
    return f"{who}, team {account.team.name}" if account.team.name else who


def quota_of(account: Account, droplets: int | None) -> tuple[Quota, ...]:
    """How much the account may have."""
    limits = (
        ("Droplets", account.droplet_limit, droplets),
        ("Volumes", account.volume_limit, None),
        ("Reserved IPs", account.reserved_ip_limit or account.floating_ip_limit, None),
    )
    return tuple(Quota(name=name, limit=limit, used=used) for name, limit, used in limits if limit is not None)


def instance_of(droplet: Droplet) -> Instance:
    """The droplet in our words."""
    labels = dict.fromkeys(droplet.tags, "")
    networks = droplet.networks
    return Instance(
        resource_id=str(droplet.id),
        name=droplet.name,
        status=_STATUSES.get(droplet.status, ""),
        region=droplet.region.slug if droplet.region else "",
        size=droplet.size_slug,
        image=(droplet.image.slug or str(droplet.image.id)) if droplet.image else "",
        public_ip=_address(networks.v4, "public") or _address(networks.v6, "public"),
        private_ip=_address(networks.v4, "private"),
        disk_gb=droplet.disk,
        labels=labels,
        created_at=droplet.created_at,
        **marks_of(labels),
    )


def regions_of(answers: tuple[RegionAnswer, ...]) -> tuple[Region, ...]:
    """The regions in which anything can be made."""
    return tuple(Region(slug=each.slug, title=each.name or each.slug) for each in answers if each.available)


def sizes_of(answers: tuple[SizeAnswer, ...], regions: tuple[RegionAnswer, ...]) -> tuple[Size, ...]:
    """The sizes that are offered somewhere, sold out where a region does not have them just now."""
    stock = {region.slug: frozenset(region.sizes) for region in regions if region.available}
    return tuple(
        Size(
            slug=each.slug,
            title=each.slug,
            vcpus=each.vcpus,
            memory_mb=each.memory,
            disk_gb=each.disk,
            price_hourly=each.price_hourly,
            price_monthly=each.price_monthly,
            regions=offered,
            sold_out=tuple(slug for slug in offered if not each.available or each.slug not in stock[slug]),
            architecture="x86_64",
            kind=each.description,
        )
        for each in answers
        if (offered := tuple(slug for slug in each.regions if slug in stock))
    )


def images_of(answers: tuple[ImageAnswer, ...]) -> tuple[Image, ...]:
    """The images that machines can be made of."""
    return tuple(
        Image(
            slug=each.slug or str(each.id),
            title=f"{each.distribution} {each.name}".strip() if each.public else each.name or str(each.id),
            family=each.distribution.lower().split(" ")[0],
            regions=each.regions,
            architecture="x86_64",
            min_disk_gb=each.min_disk_size or 0,
            is_own=not each.public,
        )
        for each in answers
        if each.status == "available" and (each.slug or not each.public)
    )


def _address(addresses: tuple[Address, ...], kind: str) -> str:
    return next((each.ip_address for each in addresses if each.type == kind), "")
