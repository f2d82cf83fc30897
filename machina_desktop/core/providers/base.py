"""What every provider can be asked, and what the deployer hands to its hooks."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.provider import Catalogue, ProviderAccount, ProviderInfo, Verification
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret


@dataclass(frozen=True, kw_only=True)
class HookContext:
    """One machine's run, as a provider's hook sees it.

    Attributes:
        credentials: The account's secret fields, opened for this run only.
        keys: The machine's SSH keys, in order of preference.
        private_keys: Private halves in OpenSSH form by ``ssh_key_id``, of those keys that have one here.
        practice: Folder for practice machines (``Paths.practice``).
        log: Writes one line into the run's log; any thread. It is redacted there.
        cancelled: Set when the user cancels; a hook checks it between steps and while waiting.
    """

    machine: Machine
    account: ProviderAccount
    credentials: Mapping[str, Secret]
    keys: tuple[SSHKey, ...]
    private_keys: Mapping[str, Secret]
    practice: Path
    log: Callable[[str], None]
    cancelled: threading.Event


class Cancelled(Exception):
    """A hook stopped because ``HookContext.cancelled`` was set. Not an error; nothing is shown."""


class Provider(ABC):
    """Where machines live. Hooks are coroutines on the host's loop and do blocking work in threads.

    Every hook is idempotent: after a crash it is called again from the beginning. Outside errors leave it as
    :class:`~machina_desktop.core.errors.Unavailable` with a code and a hint.
    """

    info: ProviderInfo
    module: str
    """Folder under ``terraform/``."""

    @abstractmethod
    async def verify(self, settings: Mapping[str, str], credentials: Mapping[str, Secret]) -> Verification:
        """Whether the account's fields work, and whose they are."""

    @abstractmethod
    async def catalogue(self, settings: Mapping[str, str], credentials: Mapping[str, Secret]) -> Catalogue:
        """Regions, sizes and images to choose from; empty parts where there is no choice."""

    def check(self, machine: Machine) -> None:
        """Refuse a machine that this provider cannot make, before anything is stored.

        Raises:
            InvalidInput: names the field.
        """

    @abstractmethod
    def variables(self, machine: Machine, keys: tuple[SSHKey, ...]) -> dict[str, object]:
        """Values for the module's variables, written as ``*.tfvars.json``; no secrets."""

    def environment(self, settings: Mapping[str, str], credentials: Mapping[str, Secret]) -> dict[str, str]:
        """The Terraform provider's own environment variables; the only way credentials reach Terraform."""
        return {}

    async def probe(self, host: str, port: int) -> tuple[str, str]:
        """The host key a host presents: ``SHA256:…`` fingerprint and key type. For providers that register hosts."""
        raise InvalidInput(f"{self.info.title} has no hosts to ask.", field="host")

    async def before_apply(self, context: HookContext) -> MachineFacts:
        """Work that must succeed before the record is written (create and update)."""
        return MachineFacts()

    async def after_apply(self, context: HookContext, outputs: Mapping[str, object]) -> MachineFacts:
        """Work that follows a successful apply; ``outputs`` are the module's. Answers the machine's facts."""
        return MachineFacts(status=MachineStatus.RUNNING)

    async def before_destroy(self, context: HookContext) -> None:
        """Take back what :meth:`before_apply` and :meth:`after_apply` put on the machine."""

    async def after_destroy(self, context: HookContext) -> None:
        """Clean up on this computer once the record is gone."""

    @abstractmethod
    async def power(self, context: HookContext, action: str) -> MachineFacts:
        """Do ``reboot``, ``stop`` or ``start`` and wait until it is done.

        Raises:
            Unavailable: it failed, or the machine cannot do that; says why.
        """

    @abstractmethod
    async def observe(self, context: HookContext) -> MachineFacts:
        """What the machine is right now, changing nothing. ``status`` is ``None`` when it cannot be told."""
