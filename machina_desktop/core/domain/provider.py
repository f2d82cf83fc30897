"""Providers, their accounts, and what they offer (spec 3.2, 4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.domain.custody import Custody


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
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class AccountField:
    """One field of an account's form; forms and command-line options are drawn from these.

    Attributes:
        name: Field name as in spec 3.2, such as ``api_token``.
        is_secret: Masked in forms, sealed in the vault, never in ``settings``.
        is_multiline: A text area rather than a line.
    """

    name: str
    title: str
    help: str = ""
    placeholder: str = ""
    is_secret: bool = False
    is_required: bool = False
    is_multiline: bool = False


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
        power_actions: Which of ``reboot``, ``stop`` and ``start`` it can do at all.
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


@dataclass(frozen=True, kw_only=True)
class Region:
    """Where machines can be placed."""

    slug: str
    title: str
    zones: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Size:
    """A kind of machine. Prices are in ``currency``; ``None`` means not known, 0 means free."""

    slug: str
    title: str
    vcpus: int = 0
    memory_mb: int = 0
    disk_gb: int = 0
    price_hourly: float | None = None
    price_monthly: float | None = None
    currency: str = "USD"


@dataclass(frozen=True, kw_only=True)
class Image:
    """An operating system to start from."""

    slug: str
    title: str
    family: str = ""


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What an account may choose from, and when it was fetched."""

    regions: tuple[Region, ...] = ()
    sizes: tuple[Size, ...] = ()
    images: tuple[Image, ...] = ()
    fetched_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What a provider answered about an account."""

    status: CredentialStatus
    identity: str = ""
    scopes: tuple[str, ...] = ()
    reason: str = ""
