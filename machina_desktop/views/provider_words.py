"""What providers are called wherever one is told of."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.provider import ACCOUNT_COLOURS, ProviderAccount, ProviderType

# What companies call themselves is the same in every language.
_COMPANIES = {
    ProviderType.DIGITALOCEAN: "DigitalOcean",
    ProviderType.AWS: "AWS",
    ProviderType.GCP: "Google Cloud",
    ProviderType.HETZNER: "Hetzner",
}


def provider_title(provider: ProviderType) -> str:
    """The provider's short name, as lists show it."""
    if provider is ProviderType.BAREMETAL:
        return tr("Own server")
    return tr("This computer") if provider is ProviderType.SANDBOX else _COMPANIES[provider]


def dot_of(account: ProviderAccount) -> str:
    """The token of the account's colour; empty for none, and for one that this version does not know."""
    return f"account-{account.colour}" if account.colour in ACCOUNT_COLOURS else ""


def tr(text: str) -> str:
    """The text in the user's language."""
    return QCoreApplication.translate("machine", text)
