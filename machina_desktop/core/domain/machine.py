"""A machine: what it should be, what it is, how it is reached (spec 3.2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from machina_desktop.core.domain.provider import ProviderType


class MachineStatus(StrEnum):
    """Spec 3.2, MachineStatus."""

    PENDING = "pending"
    PROVISIONING = "provisioning"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    REBOOTING = "rebooting"
    TERMINATING = "terminating"
    TERMINATED = "terminated"
    ERROR = "error"

    @property
    def is_moving(self) -> bool:
        """Whether work is under way that will change it by itself."""
        return self in _MOVING


_MOVING = frozenset(
    {MachineStatus.PROVISIONING, MachineStatus.STOPPING, MachineStatus.REBOOTING, MachineStatus.TERMINATING}
)


RESCUE = "rescue"
"""The fact that tells since when it runs its provider's rescue system, such as ``since 2026-11-23 at 01:10 UTC``."""

OWN_HOST_KEY = "own_host_key"
"""The fact that keeps the pin of its own system, as in :data:`PIN`, while it runs its provider's rescue system."""

PIN = "host_key"
"""The fact that tells of the pinned host key: its fingerprint, and after a comma who has accepted it and when."""

DISK = "disk"
"""The fact that tells how large its disk is, such as ``40 GB``."""

RESCUE_LOGIN = "root"
"""Whom a rescue system lets in, whoever logs in to the machine's own."""


class TerraformStateStatus(StrEnum):
    """Whether the stored state matches the world."""

    NONE = "none"
    SYNCED = "synced"
    PENDING = "pending"
    DRIFTED = "drifted"
    UNCERTAIN = "uncertain"


class ProvisioningMethod(StrEnum):
    """How the machine came under our care."""

    TERRAFORM = "terraform"
    REGISTERED = "registered"
    IMPORTED = "imported"


class AgentStatus(StrEnum):
    """What is known of the Machina agent on the machine."""

    NOT_INSTALLED = "not_installed"
    INSTALLING = "installing"
    ONLINE = "online"
    OFFLINE = "offline"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A compute instance; the fields of spec 3.2 first, then what its care needs.

    Attributes:
        ssh_host: The address to connect to; for bare metal the host the user gave.
        ssh_port: TCP port of sshd, 1..65535.
        host_key: Pinned host key fingerprint, ``SHA256:…`` unpadded base64; empty until known.
        status_reason: Why it is in error, one sentence; empty otherwise.
        state_keeper: The device that can open its Terraform state; empty for the runners of the team's home.
    """

    machine_id: str
    team_id: str
    name: str
    provider: ProviderType
    provider_account_id: str
    region: str = ""
    zone: str | None = None
    size: str = ""
    image: str = ""
    desired_status: MachineStatus = MachineStatus.RUNNING
    actual_status: MachineStatus = MachineStatus.PENDING
    public_ip: str | None = None
    private_ip: str | None = None
    terraform_workspace: str = ""
    terraform_state_status: TerraformStateStatus = TerraformStateStatus.NONE
    provisioning_method: ProvisioningMethod = ProvisioningMethod.TERRAFORM
    agent_status: AgentStatus = AgentStatus.NOT_INSTALLED
    provider_resource_id: str | None = None

    ssh_host: str = ""
    ssh_port: int = 22
    ssh_user: str = ""
    ssh_key_ids: tuple[str, ...] = ()
    host_key: str = ""
    bootstrap_profile_id: str | None = None
    firewall_profile_id: str | None = None
    bootstrap_script: str = ""
    tags: tuple[str, ...] = ()
    notes: str = ""
    is_protected: bool = False
    status_reason: str = ""
    facts: dict[str, str] = field(default_factory=dict)
    state_keeper: str = ""
    created_at: datetime
    updated_at: datetime

    @property
    def is_practice(self) -> bool:
        """Whether it is a practice machine on this computer."""
        return self.provider is ProviderType.SANDBOX

    @property
    def is_in_rescue(self) -> bool:
        """Whether it was started into its provider's rescue system, and as far as is known not out of it again."""
        return RESCUE in self.facts

    @property
    def login(self) -> str:
        """Whom it lets in as it runs now; empty until known."""
        return RESCUE_LOGIN if self.is_in_rescue else self.ssh_user

    @property
    def disk_gb(self) -> int:
        """How large its disk is, in GB; 0 where that is not known."""
        number, _, unit = self.facts.get(DISK, "").partition(" ")
        return int(number) if unit == "GB" and number.isascii() and number.isdigit() else 0

    @property
    def is_gone(self) -> bool:
        """Whether it has been destroyed and only its record is left."""
        return self.actual_status is MachineStatus.TERMINATED


@dataclass(frozen=True, kw_only=True)
class MachineFacts:
    """What became known of a machine; ``None`` leaves the stored value as it is.

    Attributes:
        status_reason: Goes with ``status``: why it is in error, one sentence.
        public_ip, private_ip: Empty where it has none any more.
        host_key: ``SHA256:…`` fingerprint to pin.
        has_left_rescue: It was started since into its own system again; with an empty ``host_key`` into a new one.
        state_status: How Terraform's record stands; for the runner, providers leave it out.
        extra: Things worth showing, such as ``os`` or ``kernel``; merged into ``Machine.facts``; empty ones end there.
    """

    status: MachineStatus | None = None
    status_reason: str = ""
    public_ip: str | None = None
    private_ip: str | None = None
    ssh_host: str | None = None
    ssh_port: int | None = None
    ssh_user: str | None = None
    host_key: str | None = None
    provider_resource_id: str | None = None
    has_left_rescue: bool = False
    state_status: TerraformStateStatus | None = None
    extra: Mapping[str, str] = field(default_factory=dict)


def learnt(machine: Machine, found: MachineFacts, at: datetime) -> Machine:
    """The machine with what became known of it."""
    named = ("public_ip", "private_ip", "ssh_host", "ssh_port", "ssh_user", "host_key", "provider_resource_id")
    known = {name: getattr(found, name) for name in named if getattr(found, name) is not None}
    known |= {name: None for name in ("public_ip", "private_ip") if known.get(name) == ""}
    if found.status is not None:
        known |= {"actual_status": found.status, "status_reason": found.status_reason}
    if found.state_status is not None:
        known["terraform_state_status"] = found.state_status
    facts = {name: text for name, text in {**machine.facts, **found.extra}.items() if text}
    changed = replace(machine, **known, facts=facts, updated_at=at)
    return out_of_rescue(changed, is_new=found.host_key == "") if found.has_left_rescue else changed


def in_rescue(machine: Machine, at: datetime) -> Machine:
    """The machine in its provider's rescue system, whose host key nobody knows: its own pin is kept for later."""
    story = machine.facts.get(PIN, "")
    own = story if story.partition(",")[0] == machine.host_key else machine.host_key
    facts = {name: text for name, text in machine.facts.items() if name != PIN}
    facts |= {RESCUE: f"since {at:%Y-%m-%d at %H:%M} UTC"}
    if own and not machine.is_in_rescue:
        facts[OWN_HOST_KEY] = own
    return replace(machine, host_key="", facts=facts)


def out_of_rescue(machine: Machine, *, is_new: bool = False) -> Machine:
    """The machine in its own system again, with its own pin; with ``is_new`` in one that was put there anew."""
    if not machine.is_in_rescue:
        return machine
    own = "" if is_new else machine.facts.get(OWN_HOST_KEY, "")
    facts = {name: text for name, text in machine.facts.items() if name not in {RESCUE, OWN_HOST_KEY, PIN}}
    fingerprint, comma, _ = own.partition(",")
    return replace(machine, host_key=fingerprint, facts=facts | ({PIN: own} if comma else {}))


_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


def name_problem(name: str) -> str:
    """Why ``name`` cannot name a machine, as a sentence; empty when it can.

    The strictest rule of all providers (RFC 1123 label): 1..63 characters of a-z, 0-9 and hyphen, no hyphen at
    either end.
    """
    if not name:
        return "Give the machine a name."
    if len(name) > 63:
        return f"The name has {len(name)} characters; at most 63 are allowed."
    if not _NAME.fullmatch(name):
        return "Use lower-case letters, digits and hyphens; begin and end with a letter or digit."
    return ""
