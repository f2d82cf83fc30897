"""How often something may be asked: by one address, about one account, by everybody together (trust.md T32, T36)."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass
from enum import StrEnum


class By(StrEnum):
    """Whose attempts are counted together."""

    ADDRESS = "address"
    ACCOUNT = "account"
    ALL = "all"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """At most ``count`` attempts in each window of ``window_s`` seconds, so at most twice that in any such time."""

    by: By
    count: int
    window_s: int


@dataclass(frozen=True, kw_only=True)
class Counter:
    """What is counted up by one attempt.

    Attributes:
        key: Tells nobody whose it is.
        ends_at: The end of the present window, in whole seconds since 1970.
        limit: How high it may go.
    """

    key: str
    ends_at: int
    limit: int


SIGN_IN = (
    Limit(by=By.ACCOUNT, count=10, window_s=15 * 60),
    Limit(by=By.ADDRESS, count=10, window_s=60),
    Limit(by=By.ALL, count=120, window_s=60),
)
REGISTER = (
    Limit(by=By.ADDRESS, count=10, window_s=60 * 60),
    Limit(by=By.ALL, count=100, window_s=60 * 60),
)
JOIN = (
    Limit(by=By.ACCOUNT, count=10, window_s=60),
    Limit(by=By.ADDRESS, count=10, window_s=60),
    Limit(by=By.ALL, count=100, window_s=60 * 60),
)
CHANGE_PASSWORD = (Limit(by=By.ACCOUNT, count=10, window_s=15 * 60),)


def counters(action: str, limits: tuple[Limit, ...], *, address: str, account: str, at_s: float) -> tuple[Counter, ...]:
    """What an attempt at ``action`` counts up, always in the same order, so that two never wait for each other."""
    whose = {By.ADDRESS: neighbourhood(address), By.ACCOUNT: account, By.ALL: ""}
    found = (
        Counter(
            key=_key(action, limit, whose[limit.by]),
            ends_at=(int(at_s) // limit.window_s + 1) * limit.window_s,
            limit=limit.count,
        )
        for limit in limits
    )
    return tuple(sorted(found, key=lambda counter: counter.key))


def _key(action: str, limit: Limit, whose: str) -> str:
    # Addresses are personal data, and what is typed as an account may be a password.
    return f"{action} {limit.by} {hashlib.sha256(whose.encode(errors='replace')).hexdigest()[:32]}"


def neighbourhood(address: str) -> str:
    """Addresses that one caller can choose among: of IPv6 the /64 network, else the address itself."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped) if mapped else str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
