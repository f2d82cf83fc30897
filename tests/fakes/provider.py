"""A provider without an outside: its machine is the Terraform record alone, so that faults hit only our own code."""

from __future__ import annotations

from pathlib import Path

from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.provider import (
    Catalogue,
    CredentialStatus,
    ProviderInfo,
    ProviderType,
    Verification,
)
from machina_desktop.core.providers import registry
from machina_desktop.core.providers.base import Access, HookContext, MachineParts, Provider


class RecordProvider(Provider):
    """Takes the practice provider's place in the registry; ``module`` may be any folder with a module."""

    info = ProviderInfo(
        type=ProviderType.SANDBOX, title="Record", summary="For tests.", power_actions=("reboot", "stop", "start")
    )

    def __init__(self, module: Path | str = "sandbox") -> None:
        self.module = str(module)

    async def verify(self, access: Access) -> Verification:
        return Verification(status=CredentialStatus.VALID)

    async def catalogue(self, access: Access) -> Catalogue:
        return Catalogue()

    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        return {
            "machine_id": machine.machine_id,
            "team_id": machine.team_id,
            "name": machine.name,
            "directory": machine.machine_id,
            "port": 2222,
            "user": "tester",
            "tags": list(machine.tags),
        }

    async def power(self, context: HookContext, action: str) -> MachineFacts:
        context.log(f"doing {action}")
        return MachineFacts(status=MachineStatus.STOPPED if action == "stop" else MachineStatus.RUNNING)

    async def observe(self, context: HookContext) -> MachineFacts:
        return MachineFacts()


def install(provider: Provider) -> None:
    """Put ``provider`` into the registry for the rest of the process."""
    registry.PROVIDERS[provider.info.type] = lambda: provider
    registry.provider_for.cache_clear()
