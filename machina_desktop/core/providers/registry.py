"""Which class stands for which provider; the one place that an added provider touches.

A provider is loaded when it is first asked for: its libraries must not be loaded before the window's first paint.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.providers.base import Provider


def _baremetal() -> Provider:
    from machina_desktop.core.providers.baremetal import BareMetal  # noqa: PLC0415 - brings paramiko

    return BareMetal()


def _sandbox() -> Provider:
    from machina_desktop.core.providers.sandbox import Sandbox  # noqa: PLC0415 - brings paramiko

    return Sandbox()


def _digitalocean() -> Provider:
    from machina_desktop.core.providers.digitalocean import DigitalOcean  # noqa: PLC0415 - brings httpx

    return DigitalOcean()


def _hetzner() -> Provider:
    from machina_desktop.core.providers.hetzner import Hetzner  # noqa: PLC0415 - brings httpx

    return Hetzner()


def _gcp() -> Provider:
    from machina_desktop.core.providers.gcp import Gcp  # noqa: PLC0415 - brings httpx

    return Gcp()


def _aws() -> Provider:
    from machina_desktop.core.providers.aws import Aws  # noqa: PLC0415 - brings httpx

    return Aws()


PROVIDERS: dict[ProviderType, Callable[[], Provider]] = {
    ProviderType.DIGITALOCEAN: _digitalocean,
    ProviderType.HETZNER: _hetzner,
    ProviderType.AWS: _aws,
    ProviderType.GCP: _gcp,
    ProviderType.BAREMETAL: _baremetal,
    ProviderType.SANDBOX: _sandbox,
}
"""In the order in which they are offered."""


def available_types() -> tuple[ProviderType, ...]:
    """The providers that this version knows, in the order in which they are offered."""
    return tuple(PROVIDERS)


@cache
def provider_for(kind: ProviderType) -> Provider:
    """The provider of that type.

    Raises:
        InvalidInput: this version does not know it.
    """
    try:
        return PROVIDERS[kind]()
    except KeyError:
        raise InvalidInput(
            f"This version cannot make machines at {kind.value}.",
            field="type",
            hint=f"It can at: {', '.join(PROVIDERS)}.",
            code="E-PROVIDER-UNKNOWN",
        ) from None
