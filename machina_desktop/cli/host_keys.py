"""Whose host it is: without a pinned key the fingerprint is fetched and a person compares it, never a silent yes."""

from __future__ import annotations

from machina_desktop.cli import terminal
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.providers import ListAccounts, ProbeHost
from machina_desktop.core.sync.gateway import Gateway


async def needs_host_key(gateway: Gateway, ask: CreateMachine) -> bool:
    """Whether the machine is a host that exists already and whose key nobody has given."""
    if ask.host_key or not ask.host:
        return False
    accounts = await gateway.call(ListAccounts(team_id=ask.team_id))
    kinds = [account.provider_type for account in accounts if account.provider_account_id == ask.account_id]
    return any(provider_for(kind).info.asks_host for kind in kinds)


async def confirmed_host_key(gateway: Gateway, ask: CreateMachine) -> str:
    """The fingerprint the host presents, once the person at the terminal has recognised it.

    Raises:
        InvalidInput: E-HOST-KEY-UNKNOWN, nobody is there to ask, or the answer is no; names the option.
        Unavailable: the host cannot be asked.
    """
    found = await gateway.call(ProbeHost(host=ask.host, port=ask.port))
    terminal.note(f"{ask.host} port {ask.port} presents the {found.key_type} host key {found.fingerprint}")
    if terminal.is_there() and terminal.confirm("Is this the host's key?"):
        return found.fingerprint
    raise InvalidInput(
        f"The host key of {ask.host} is not known.",
        field="host_key",
        hint=f"Compare the fingerprint on the host itself; if it is the same, add --host-key {found.fingerprint}",
        code="E-HOST-KEY-UNKNOWN",
    )
