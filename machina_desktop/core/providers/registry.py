"""Which class stands for which provider; the one place that an added provider touches."""

from __future__ import annotations

from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.providers.baremetal import BareMetal
from machina_desktop.core.providers.base import Provider
from machina_desktop.core.providers.sandbox import Sandbox

PROVIDERS: dict[ProviderType, Provider] = {
    ProviderType.BAREMETAL: BareMetal(),
    ProviderType.SANDBOX: Sandbox(),
}
"""In the order in which they are offered."""


def available_types() -> tuple[ProviderType, ...]:
    """The providers that this version knows, in the order in which they are offered."""
    return tuple(PROVIDERS)


def provider_for(kind: ProviderType) -> Provider:
    """The provider of that type.

    Raises:
        InvalidInput: this version does not know it.
    """
    try:
        return PROVIDERS[kind]
    except KeyError:
        raise InvalidInput(
            f"This version cannot make machines at {kind.value}.",
            field="type",
            hint=f"It can at: {', '.join(PROVIDERS)}.",
            code="E-PROVIDER-UNKNOWN",
        ) from None
