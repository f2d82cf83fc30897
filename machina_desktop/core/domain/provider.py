"""Providers, their accounts, and what they offer (spec 3.2, 4.2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.domain.custody import Custody

ACCOUNT_COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink")
"""Names of the colours that can mark an account's machines."""


class ProviderType(StrEnum):
    """Spec 3.2, ProviderType, and the practice provider on this computer."""

    DIGITALOCEAN = "digitalocean"
    AWS = "aws"
    GCP = "gcp"
    HETZNER = "hetzner"
    BAREMETAL = "baremetal"
    SANDBOX = "sandbox"


class CredentialStatus(StrEnum):
    """What the last verification found; ``unknown`` when the provider could not be asked."""

    UNVERIFIED = "unverified"
    VALID = "valid"
    INVALID = "invalid"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class ProviderAccount:
    """Stored access to a provider; its secrets lie sealed in the vault's table, never here.

    Attributes:
        settings: Non-secret fields of the account, by field name.
        identity: Who the credentials belong to, as the provider says.
        status_reason: Why the status is not valid, one sentence.
        custody: Who can open its secrets.
        keeper: The device whose vault holds them; empty for that of the team's home.
        colour: Name of the colour that marks its machines in lists; empty for the provider's own.
        quota: What the last verification told.
    """

    provider_account_id: str
    team_id: str
    provider_type: ProviderType
    label: str
    credential_status: CredentialStatus = CredentialStatus.UNVERIFIED
    scopes: tuple[str, ...] | None = None
    last_verified_at: datetime | None = None

    settings: dict[str, str]
    identity: str = ""
    status_reason: str = ""
    custody: Custody = Custody.LOCAL
    keeper: str = ""
    colour: str = ""
    quota: tuple[Quota, ...] = ()
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class AccountField:
    """One field of an account's form; forms and command-line options are drawn from these.

    Attributes:
        name: Field name as in spec 3.2, such as ``api_token``.
        is_secret: Masked in forms, sealed in the vault, never in ``settings``.
        is_multiline: A text area rather than a line.
        is_verbatim: Blanks around a secret line belong to it, as they may to a password; else they are a paste's.
        is_advanced: Few need it; forms fold it away.
        way: Of several ways to sign in the one it belongs to, such as ``Access key``; needed only in that way.
    """

    name: str
    title: str
    help: str = ""
    placeholder: str = ""
    is_secret: bool = False
    is_required: bool = False
    is_multiline: bool = False
    is_verbatim: bool = False
    is_advanced: bool = False
    way: str = ""


class WizardStep(StrEnum):
    """The nine steps of the deploy wizard, spec 4.1, in order."""

    ACCOUNT = "account"
    REGION = "region"
    SIZE = "size"
    IMAGE = "image"
    KEYS = "keys"
    BOOTSTRAP = "bootstrap"
    FIREWALL = "firewall"
    NAME = "name"
    REVIEW = "review"


@dataclass(frozen=True, kw_only=True)
class SkippedStep:
    """A wizard step this provider does not need, and why, in one sentence."""

    step: WizardStep
    reason: str


@dataclass(frozen=True, kw_only=True)
class ProviderInfo:
    """What forms and the wizard need to know of a provider.

    Attributes:
        asks_host: The wizard asks for host, port, user and host key instead of a region.
        unavailable_reason: Why it cannot be used on this computer; empty when it can.
        is_on_this_computer: Its machines live on the computer that carries their runs out; a server has none.
        power_actions: Which of ``reboot``, ``stop``, ``start``, ``rebuild``, ``snapshot`` and ``rescue`` it can do.
        needs_stop_to_resize: A machine is off for a while when its size changes.
        has_keys: Accounts hold SSH keys, to which machines refer.
        has_firewalls: Machines may have a firewall in the provider's network.
        has_disk_in_size: Each size has a disk, which can grow with it and never shrinks; elsewhere a disk is apart.
        tells_stock: It tells of which sizes there are none left.
        login: The name that its images let in; empty where that depends on the image.
        console: The page where a machine's console is opened; ``{id}``, ``{region}``, ``{zone}``, ``{project}`` and
            ``{name}`` in it stand for what they are there. Empty for none.
    """

    type: ProviderType
    title: str
    summary: str
    account_fields: tuple[AccountField, ...] = ()
    skipped_steps: tuple[SkippedStep, ...] = ()
    asks_host: bool = False
    is_on_this_computer: bool = False
    unavailable_reason: str = ""
    power_actions: tuple[str, ...] = ()
    needs_stop_to_resize: bool = True
    has_keys: bool = False
    has_firewalls: bool = False
    has_disk_in_size: bool = False
    tells_stock: bool = False
    login: str = ""
    console: str = ""

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways to sign in that an account has to choose from; empty where there is but one."""
        return tuple(dict.fromkeys(entry.way for entry in self.account_fields if entry.way))

    def way_of(self, given: Collection[str]) -> str:
        """The way that the fields of these names belong to; the first one where they leave it open."""
        chosen = (entry.way for entry in self.account_fields if entry.way and entry.name in given)
        return next(chosen, next(iter(self.ways), ""))


@dataclass(frozen=True, kw_only=True)
class Region:
    """Where machines can be placed."""

    slug: str
    title: str
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a machine of a size costs somewhere, in the size's currency, without tax.

    Attributes:
        hourly, monthly: With all that each of our machines has there.
        address_monthly: Of the month, what a public IPv4 address costs that is paid for apart; 0 where it is included.
    """

    hourly: float | None = None
    monthly: float | None = None
    address_monthly: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What can be bought beside a machine, as far as the provider tells; prices without tax.

    Attributes:
        backup_percent: What backups by the provider add to the price of a machine without its address, in percent.
        volume_gb_monthly: What a GB of a disk of its own costs a month, in ``currency``.
    """

    backup_percent: float | None = None
    volume_gb_monthly: float | None = None
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class Size:
    """A kind of machine. Prices are in ``currency``; ``None`` means not known, 0 means free.

    Attributes:
        regions: Where it is offered, by slug; empty for everywhere.
        sold_out: Where it is offered and none is to be had now.
        prices: By region, where they differ from the general ones.
        architecture: ``x86_64`` or ``arm64``; empty when not told. It has to be the image's.
        kind: What the provider calls its family, such as ``Shared CPU``.
    """

    slug: str
    title: str
    vcpus: int = 0
    memory_mb: int = 0
    disk_gb: int = 0
    price_hourly: float | None = None
    price_monthly: float | None = None
    currency: str = "USD"
    regions: tuple[str, ...] = ()
    sold_out: tuple[str, ...] = ()
    prices: dict[str, Price] = field(default_factory=dict)
    architecture: str = ""
    kind: str = ""

    def is_offered(self, region: str) -> bool:
        """Whether it exists there, sold out or not."""
        return not self.regions or region in self.regions

    def price_in(self, region: str) -> Price:
        """What it costs there."""
        return self.prices.get(region, Price(hourly=self.price_hourly, monthly=self.price_monthly))


@dataclass(frozen=True, kw_only=True)
class Image:
    """An operating system to start from.

    Attributes:
        family: Of the distribution, such as ``ubuntu``.
        regions: Where it exists; empty for everywhere.
        architecture: As a size's; empty for any.
        min_disk_gb: The smallest disk it fits on.
        user: The name that it lets in, where the provider has no one name for all.
        is_own: A snapshot or image of the account's own.
    """

    slug: str
    title: str
    family: str = ""
    regions: tuple[str, ...] = ()
    architecture: str = ""
    min_disk_gb: int = 0
    user: str = ""
    is_own: bool = False


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What an account may choose from, and when it was fetched."""

    regions: tuple[Region, ...] = ()
    sizes: tuple[Size, ...] = ()
    images: tuple[Image, ...] = ()
    extras: Extras = field(default_factory=Extras)
    fetched_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class StoredCatalogue:
    """The last catalogue an account was told, kept for when the provider is slow or away. Never synchronised."""

    provider_account_id: str
    team_id: str
    catalogue: Catalogue


@dataclass(frozen=True, kw_only=True)
class Quota:
    """How much of something an account may have; ``used`` is ``None`` where the provider does not tell."""

    name: str
    limit: int
    used: int | None = None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a provider answered about an account; ``field`` of its form is wrong, where that is known."""

    status: CredentialStatus
    identity: str = ""
    scopes: tuple[str, ...] = ()
    quota: tuple[Quota, ...] = ()
    reason: str = ""
    field: str = ""


@dataclass(frozen=True, kw_only=True)
class Instance:
    """A machine as its provider lists it, whoever made it.

    Attributes:
        resource_id: The provider's id, which power actions and imports take.
        status: In our words: ``running``, ``stopped``, ``provisioning``…; empty where it says something else.
        disk_gb: Of the disk that it came with; 0 where that is not told.
        machine_id: Of ours that it is marked as (``machina-machine-<id>``); empty for none.
        team_id: Of the mark, as ``machine_id``.
        labels: Tags and labels; a plain tag has an empty value.
    """

    resource_id: str
    name: str
    status: str = ""
    region: str = ""
    zone: str = ""
    size: str = ""
    image: str = ""
    public_ip: str = ""
    private_ip: str = ""
    disk_gb: int = 0
    machine_id: str = ""
    team_id: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None

    @property
    def tags(self) -> tuple[str, ...]:
        """Its labels in the form that our tags have: ``web``, or ``env:prod`` for a label with a value.

        Without the name that AWS keeps among them, what AWS keeps for itself, and marks of ours.
        """
        own = ("aws:", "machina-machine", "machina-team")
        labels = {name: value for name, value in self.labels.items() if name != "Name" and not name.startswith(own)}
        return tuple(f"{name}:{value}" if value else name for name, value in labels.items())
