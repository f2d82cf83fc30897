"""What Hetzner Cloud tells of prices: of types of servers, and of what comes beside a server (its API v1)."""

from __future__ import annotations

from dataclasses import dataclass, field

from machina_desktop.core.domain.provider import Extras, Price


@dataclass(frozen=True, kw_only=True)
class Money:
    """An amount, without tax and with it."""

    net: str


@dataclass(frozen=True, kw_only=True)
class PriceAnswer:
    """What a type costs in one location."""

    location: str
    price_hourly: Money
    price_monthly: Money


@dataclass(frozen=True, kw_only=True)
class AddressPrices:
    """What an address of that type costs by location."""

    type: str
    prices: tuple[PriceAnswer, ...] = ()


@dataclass(frozen=True, kw_only=True)
class BackupPrice:
    """What backups add to the price of a server, in percent."""

    percentage: str = ""


@dataclass(frozen=True, kw_only=True)
class VolumePrice:
    """What a volume costs."""

    price_per_gb_month: Money


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What there is beside the types of servers, and in what everything is paid."""

    currency: str
    primary_ips: tuple[AddressPrices, ...] = ()
    server_backup: BackupPrice = field(default_factory=BackupPrice)
    volume: VolumePrice | None = None

    @property
    def addresses(self) -> dict[str, PriceAnswer]:
        """What an IPv4 address costs, by location."""
        return {each.location: each for kind in self.primary_ips if kind.type == "ipv4" for each in kind.prices}


@dataclass(frozen=True, kw_only=True)
class Pricing:
    """What everything costs."""

    pricing: Prices


def extras_of(pricing: Prices) -> Extras:
    """What can be bought beside a server."""
    return Extras(
        backup_percent=_number(pricing.server_backup.percentage),
        volume_gb_monthly=_number(pricing.volume.price_per_gb_month.net) if pricing.volume is not None else None,
        currency=pricing.currency,
    )


def with_address(kind: PriceAnswer, address: PriceAnswer | None) -> Price:
    """What a type costs in a location with the IPv4 address that each of our servers has."""
    hourly, monthly = _number(kind.price_hourly.net), _number(kind.price_monthly.net)
    more_hourly = (_number(address.price_hourly.net) if address is not None else None) or 0.0
    more_monthly = (_number(address.price_monthly.net) if address is not None else None) or 0.0
    return Price(
        hourly=None if hourly is None else hourly + more_hourly,
        monthly=None if monthly is None else monthly + more_monthly,
        address_monthly=more_monthly,
    )


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
