"""What a run works on, and what it works with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.firewall import FirewallRule
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, ProvisioningMethod
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.events import ProgressMade
from machina_desktop.core.providers.base import MachineParts
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.runs import GROW_DISK
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.terraform.engine import Engine
from machina_desktop.core.terraform.state_file import StateFile

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a run works on, read once when it starts.

    Attributes:
        locks: The account's lock files, by the program that made them.
        rules: What the machine's firewall lets through; ``None`` for no firewall.
    """

    machine: Machine
    account: ProviderAccount
    keys: tuple[SSHKey, ...]
    credentials: Mapping[str, Secret]
    private_keys: Mapping[str, Secret]
    state: StateFile | None
    locks: Mapping[str, str]
    rules: tuple[FirewallRule, ...] | None

    def parts(self, options: Mapping[str, str], *, main_resource: str) -> MachineParts:
        """What a run with these options makes the machine of, which is ``main_resource`` in its module."""
        others = self.state.resources - {main_resource} if self.state else frozenset()
        is_taken_over = self.machine.provisioning_method is ProvisioningMethod.IMPORTED
        return MachineParts(
            account_id=self.account.provider_account_id,
            keys=self.keys,
            rules=self.rules,
            # What is on record beside the machine is a firewall of ours, which has to be taken away in order.
            keeps_firewall=is_taken_over and self.rules is None and not others,
            grow_disk=bool(options.get(GROW_DISK)),
        )


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the deployer lends to every run.

    Attributes:
        report: Sends a report as the runner; raises :class:`Conflict` ``E-FENCE`` when the run is no longer ours.
        seal: Seals a state, waiting until the vault is open.
        publish: Tells the window of progress that is not stored.
        proxy: Variables that name the proxy; ``None`` for those of our own environment.
    """

    paths: Paths
    settings: Settings
    report: Callable[[Request[object]], Awaitable[object]]
    seal: Callable[[Machine, StateFile], Awaitable[bytes]]
    find_engine: Callable[[], Awaitable[Engine]]
    publish: Callable[[ProgressMade], None]
    proxy: Mapping[str, str] | None = None


class Report(Protocol):
    """Records what a run has found out, and answers what became of it."""

    async def __call__(self, ask: Request[R]) -> R:
        """As :attr:`Tools.report`."""
        ...
