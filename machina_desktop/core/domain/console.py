"""Where a machine's console is found at its provider: the way in when nothing answers any more."""

from __future__ import annotations

from urllib.parse import quote

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderInfo


def console_of(machine: Machine, info: ProviderInfo | None, account: ProviderAccount | None) -> str:
    """The address of the page for a browser; empty where none is known, as for clouds of one's own."""
    resource_id = machine.provider_resource_id or ""
    is_private = account is None or bool(account.settings.get("endpoint", ""))
    if info is None or not info.console or not resource_id or is_private or machine.is_gone:
        return ""
    # At Google an id is a whole path, projects/NAME/zones/ZONE/instances/NAME.
    parts = resource_id.split("/")
    words = {
        "id": resource_id,
        "region": machine.region,
        "zone": machine.zone or "",
        "project": parts[1] if len(parts) > 1 else "",
        "name": parts[-1],
    }
    return info.console.format(**{name: quote(word, safe="") for name, word in words.items()})
