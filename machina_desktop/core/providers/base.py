"""What every provider can be asked, and what the deployer hands to its hooks."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from machina_desktop.core.config import Settings
from machina_desktop.core.domain.firewall import FirewallRule
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.provider import Catalogue, Instance, ProviderAccount, ProviderInfo, Verification
from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.secret import Secret


@dataclass(frozen=True, kw_only=True)
class Access:
    """An account, opened for one piece of work.

    Attributes:
        settings: Its fields that are no secrets.
        secrets: Its secret fields, in clear.
        preferences: This computer's settings, which say how the network is reached.
        may_write: Whether anything may be changed with it; browsing uses the account's read-only half, if it has one.
    """

    settings: Mapping[str, str]
    secrets: Mapping[str, Secret] = field(repr=False)
    preferences: Settings
    may_write: bool = False


@dataclass(frozen=True, kw_only=True)
class MachineParts:
    """What a machine is made of besides its own record.

    Attributes:
        account_id: Its provider account, under which keys have their ids there (``SSHKey.provider_key_ids``).
        keys: Its SSH keys, in order of preference.
        rules: What its firewall profile lets through; ``None`` for no firewall at all.
        keeps_firewall: It stays behind the firewalls that it has: it was taken over, and got none of ours yet.
        user_data: What runs at its first boot; empty for nothing.
        grow_disk: Its disk grows with its size, where the two go together.
    """

    account_id: str = ""
    keys: tuple[SSHKey, ...] = ()
    rules: tuple[FirewallRule, ...] | None = None
    keeps_firewall: bool = False
    user_data: str = ""
    grow_disk: bool = False


@dataclass(frozen=True, kw_only=True)
class HookContext:
    """One machine's run, as a provider's hook sees it.

    Attributes:
        credentials: The account's secret fields, opened for this run only.
        preferences: This computer's settings, which say how the network is reached.
        options: What a person chose for this run, such as the image of a rebuild.
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
    preferences: Settings
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def access(self) -> Access:
        """The account as the run may use it: with all its rights."""
        return Access(
            settings=self.account.settings, secrets=self.credentials, preferences=self.preferences, may_write=True
        )


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
    main_resource: str = ""
    """Address of the machine in the module, such as ``hcloud_server.machine``."""
    once: ClassVar[Mapping[str, str]] = {}
    """Variables of its Terraform provider's that have it ask for everything once only; set while something is made."""

    tells_host_keys: ClassVar[bool] = False
    """It can be asked which host keys a machine printed at its first boot."""

    async def load(self) -> None:
        """Have at hand whatever speaks to it, read in a thread of its own: libraries of it take half a second."""

    @abstractmethod
    async def verify(self, access: Access) -> Verification:
        """Whether the account's fields work, and whose they are; unknown where that could not be found out."""

    @abstractmethod
    async def catalogue(self, access: Access) -> Catalogue:
        """Regions, sizes and images to choose from; empty parts where there is no choice."""

    async def instances(self, access: Access) -> tuple[Instance, ...]:
        """Every machine in the account, made by Machina or not; none where machines have no list."""
        return ()

    async def find(self, access: Access, machine_id: str, *, is_expected: bool = False) -> tuple[Instance, ...]:
        """Machines that are marked as that machine of ours; more than one after a create that was done twice.

        With ``is_expected`` one may have been made a moment ago: lists that lag are asked again for a while.
        """
        return tuple(found for found in await self.instances(access) if found.machine_id == machine_id)

    def firewalls(self, machine: Machine, parts: MachineParts) -> Mapping[str, str]:
        """What the firewalls are called that the module makes for that machine, by their addresses in it."""
        return {}

    async def find_firewalls(self, access: Access, machine: Machine, names: Collection[str]) -> Mapping[str, str]:
        """Import ids of those of its firewalls that are there, by their names."""
        return {}

    async def put_key(self, access: Access, key: SSHKey) -> str:
        """Have the account know the public key; the provider's id of it. One that is there already is not added again.

        Empty where keys are given to each machine instead.
        """
        return ""

    async def known_key(self, access: Access, key: SSHKey) -> str:
        """The id by which the account knows the key already, whoever put it there; empty where it does not."""
        return ""

    async def held_keys(self, access: Access) -> frozenset[str]:
        """The ids of all keys that the account has; none where keys are given to each machine instead."""
        return frozenset()

    async def remove_key(self, access: Access, provider_key_id: str) -> None:
        """Take a key out of the account; one that is gone is no error."""

    def check(self, machine: Machine) -> None:
        """Refuse a machine that this provider cannot make, before anything is stored.

        Raises:
            InvalidInput: names the field.
        """

    @abstractmethod
    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        """Values for the module's variables, written as ``*.tfvars.json``; no secrets."""

    async def environment(self, access: Access) -> dict[str, str]:
        """The Terraform provider's own environment variables; the only way credentials reach Terraform.

        Raises:
            Unavailable: credentials for the run could not be had, such as those of a role.
        """
        return {}

    def imports(self, machine: Machine, found: Instance) -> tuple[tuple[str, str], ...]:
        """Address in the module and import id of each resource that a machine which exists is taken over with.

        Raises:
            InvalidInput: E-PROVIDER-CANNOT, machines of this provider cannot be taken over.
        """
        raise InvalidInput(
            f"Machines of {self.info.title} cannot be taken over.", field="account_id", code="E-PROVIDER-CANNOT"
        )

    async def probe(self, host: str, port: int) -> tuple[str, str]:
        """The host key a host presents: ``SHA256:…`` fingerprint and key type. For providers that register hosts."""
        raise InvalidInput(f"{self.info.title} has no hosts to ask.", field="host")

    async def host_keys(self, access: Access, machine: Machine, *, is_newborn: bool = False) -> tuple[HostKey, ...]:
        """The host keys that a machine we have made printed at its first boot; none where none are told (yet).

        Only what the provider itself has from the very machine on record counts, and no more of it is handed on.
        With ``is_newborn``, in the run that made it and before anybody has logged in, that may be what any program on
        it could have written; later it is only what its administrator alone can write.

        Raises:
            MachinaError: the provider could not be asked; says why.
        """
        return ()

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
        """Do one of ``info.power_actions`` and wait until it is done.

        ``rebuild`` takes the option ``image``, ``snapshot`` a ``name``, ``rescue`` ``on`` or ``off`` as ``mode``.
        Progress goes into the log.

        Raises:
            Unavailable: it failed, or the machine cannot do that; says why.
        """

    @abstractmethod
    async def observe(self, context: HookContext) -> MachineFacts:
        """What the machine is right now, changing nothing. ``status`` is ``None`` when it cannot be told."""
