"""How programs of ours reach the network: through the proxy that the person set, the environment's, or none."""

from __future__ import annotations

from machina_desktop.core.config import NO_PROXY_HOSTS, PROXY_MODE, PROXY_URL, Settings

PROXY_NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
"""Variables that say so, in lower case; programs read some in capitals, some in either."""


def proxy_environment(settings: Settings) -> dict[str, str] | None:
    """The variables for a child process, in small letters and in capitals; empty for none at all.

    ``None`` leaves to the child what our own environment says.
    """
    mode, address = settings.get(PROXY_MODE), settings.get(PROXY_URL)
    if mode == "system":
        return None
    if mode == "none" or not address:
        return {}
    direct = ",".join(host.strip() for host in settings.get(NO_PROXY_HOSTS).split(",") if host.strip())
    said = {"http_proxy": address, "https_proxy": address} | ({"no_proxy": direct} if direct else {})
    return said | {name.upper(): value for name, value in said.items()}
