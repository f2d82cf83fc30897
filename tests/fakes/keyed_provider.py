"""A provider whose accounts have a secret, a plain setting and a command that only one's own computer may run."""

from __future__ import annotations

from machina_desktop.core.domain.provider import (
    AccountField,
    Catalogue,
    CredentialStatus,
    ProviderInfo,
    ProviderType,
    Region,
    Verification,
)
from machina_desktop.core.providers.base import Access
from tests.fakes.provider import RecordProvider


class KeyedProvider(RecordProvider):
    """Takes the practice provider's place.

    Attributes:
        seen: Settings and secrets, in clear, of each question that the provider was asked.
    """

    info = ProviderInfo(
        type=ProviderType.SANDBOX,
        title="Keyed",
        summary="For tests.",
        account_fields=(
            AccountField(name="api_token", title="Token", is_secret=True, is_required=True),
            AccountField(name="region", title="Region"),
            AccountField(name="start_command", title="Start command"),
        ),
        power_actions=("reboot", "stop", "start"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[dict[str, str]] = []

    async def verify(self, access: Access) -> Verification:
        self._see(access)
        return Verification(status=CredentialStatus.VALID, identity="somebody")

    async def catalogue(self, access: Access) -> Catalogue:
        self._see(access)
        return Catalogue(regions=(Region(slug="here", title="Here"),))

    async def environment(self, access: Access) -> dict[str, str]:
        self._see(access)
        return {"KEYED_TOKEN": access.secrets["api_token"].reveal()}

    def _see(self, access: Access) -> None:
        self.seen.append({**access.settings, **{name: secret.reveal() for name, secret in access.secrets.items()}})


class PracticeLike(KeyedProvider):
    """The same, with machines on the computer that carries the runs out."""

    info = ProviderInfo(type=ProviderType.SANDBOX, title="Practice", summary="For tests.", is_on_this_computer=True)
