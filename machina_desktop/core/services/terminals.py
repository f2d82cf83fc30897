"""Shells on machines: who may open one, what opens it, the host keys people accept, and the trace it leaves."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from machina_desktop.core.domain.custody import Custody, opens_at
from machina_desktop.core.domain.host_pin import REMADE, accepted_story, known, pinned, printed_story
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.team import Actor, is_granted
from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, MachinaError, NotFound
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.context import Context
from machina_desktop.core.services.custody import server_of
from machina_desktop.core.services.host_keys import may_have_told, told_keys
from machina_desktop.core.services.sealing import MAYBE_DONE, PRIVATE_FIELD, open_record
from machina_desktop.core.services.use_case import Request, use_case
from machina_desktop.core.store.transaction import Transaction

SSH = "machine.ssh"
BASTION = "bastion"
"""The tag of a machine that others of its account are reached over; ``bastion:NAME`` on a machine names the one."""


def _new_terminal_id() -> str:
    return new_id("terminal")


@dataclass(frozen=True, kw_only=True)
class AccessKey:
    """A key that a machine was given: its public half, and the private one where it can be opened here."""

    key: SSHKey
    private: Secret | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ReachableMachine:
    """A machine as it is dialled.

    Attributes:
        address: Where its SSH server listens.
        known: What is known about its host key, in whole sentences.
        printed: The host keys that it printed at its first boot, asked of its provider where that decides.
        elsewhere: Names of keys whose private halves are kept somewhere else.
    """

    machine: Machine
    address: str
    known: str
    printed: tuple[HostKey, ...] = ()
    keys: tuple[AccessKey, ...] = ()
    elsewhere: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TerminalAccess:
    """What it takes to log in to a machine.

    Attributes:
        route: The machines to be passed, the wanted one last.
        is_recorded: The team's home has heard of it; else it is to be told with :class:`RecordTerminal`.
    """

    terminal_id: str
    route: tuple[ReachableMachine, ...]
    is_recorded: bool = True


@dataclass(frozen=True, kw_only=True)
class OpenTerminal(Request[TerminalAccess]):
    """What a shell on a machine needs, private keys included; it leaves this program only as a login."""

    machine_id: str
    terminal_id: str = field(default_factory=_new_terminal_id)


@dataclass(frozen=True, kw_only=True)
class RecordTerminal(Request[None]):
    """Note that somebody opens a shell on a machine."""

    team_id: str
    machine_id: str
    terminal_id: str

    @property
    def audit_detail(self) -> str:
        """Which terminal it was."""
        return self.terminal_id


@dataclass(frozen=True, kw_only=True)
class CloseTerminal(Request[None]):
    """Note that a shell on a machine has ended, after so many seconds."""

    team_id: str
    machine_id: str
    terminal_id: str
    seconds: int

    @property
    def audit_detail(self) -> str:
        """Which terminal it was, and how long it was open."""
        return f"{self.terminal_id}, {self.seconds} s"


@dataclass(frozen=True, kw_only=True)
class PinHostKey(Request[Machine]):
    """Remember the host key that a person has recognised: from now on the machine must show this one.

    ``instead_of`` is the pinned fingerprint that it takes the place of; empty where none is pinned.
    """

    machine_id: str
    host_key: str
    instead_of: str = ""


@dataclass(frozen=True, kw_only=True)
class PinPrintedHostKey(Request[Machine]):
    """Remember a host key that the machine has shown, and that it printed at its first boot, as its provider told.

    ``instead_of`` is the pinned fingerprint of the time before a run of ours put the machine there anew, if any.
    """

    machine_id: str
    host_key: str
    instead_of: str = ""

    @property
    def audit_detail(self) -> str:
        """Which key."""
        return self.host_key[:60]


@dataclass(frozen=True, kw_only=True)
class RecordJumpHost(Request[None]):
    """Note that a person has accepted the host key of a jump host of their own on the way to a machine."""

    team_id: str
    machine_id: str
    host: str
    port: int
    host_key: str

    @property
    def audit_detail(self) -> str:
        """Which host, and which key."""
        return f"{self.host[:253]}, port {self.port}, {self.host_key[:60]}"


@use_case(SSH, "POST /api/device/machines/{machine_id}/terminal", is_internal=True)
async def open_terminal(context: Context, actor: Actor, ask: OpenTerminal) -> TerminalAccess:
    """Judge who asks, leave the trace, then open the keys."""
    route = await context.read(actor, lambda tx: _route(tx, actor, ask.machine_id))
    target = route[-1]
    note = RecordTerminal(
        team_id=target.machine.team_id, machine_id=target.machine.machine_id, terminal_id=ask.terminal_id
    )
    is_recorded = True
    try:
        await context.record(actor, note)
    except MachinaError as error:
        # A machine may have to be mended while the team's server is away: whoever has opened the shell tells it later.
        if error.code not in MAYBE_DONE:
            raise
        is_recorded = False
    opened = [await _opened(context, actor, each) for each in route]
    asked = await asyncio.gather(*(_with_printed(context, actor, each) for each in opened))
    return TerminalAccess(terminal_id=ask.terminal_id, route=tuple(asked), is_recorded=is_recorded)


@use_case("machine.open_terminal", "POST /api/machines/{machine_id}/terminals", is_for_devices=True)
def record_terminal(tx: Transaction, actor: Actor, ask: RecordTerminal) -> None:
    """Leaves its trace in the audit trail; the machine stays as it is."""
    _require(actor, _of_team(tx, ask.machine_id, ask.team_id))


@use_case("machine.close_terminal", "POST /api/machines/{machine_id}/terminals/ended", is_for_devices=True)
def close_terminal(tx: Transaction, _actor: Actor, ask: CloseTerminal) -> None:
    """Leaves its trace, whatever the person may do by now."""
    _of_team(tx, ask.machine_id, ask.team_id)


@use_case("machine.accept_jump_host", "POST /api/machines/{machine_id}/jump-hosts", is_for_devices=True)
def record_jump_host(tx: Transaction, actor: Actor, ask: RecordJumpHost) -> None:
    """Leaves its trace; the key itself is kept on the person's computer, beside their other known hosts."""
    _require(actor, _of_team(tx, ask.machine_id, ask.team_id))


@use_case("machine.pin_host_key", "PUT /api/machines/{machine_id}/host-key")
def pin_host_key(tx: Transaction, actor: Actor, ask: PinHostKey) -> Machine:
    """Store the fingerprint, unless another one was stored meanwhile."""
    at = now()
    return _pin(tx, ask, accepted_story(ask.host_key, actor.display_name, at), at)


@use_case("machine.pin_printed_host_key", "PUT /api/machines/{machine_id}/printed-host-key", is_for_devices=True)
def pin_printed_host_key(tx: Transaction, _actor: Actor, ask: PinPrintedHostKey) -> Machine:
    """Store it under the same rule, of a machine whose provider tells such keys, and never over what a person accepted.

    Raises:
        Conflict: E-SSH-HOST-KEY, nobody can have been told that the machine printed it.
    """
    machine = tx.get(Machine, ask.machine_id)
    if not _is_pinned(machine, ask.host_key) and not may_have_told(machine):
        raise Conflict(
            f"That {machine.name} printed this host key at its first boot cannot be taken from its provider.",
            hint="Connect again and compare.",
            code="E-SSH-HOST-KEY",
        )
    at = now()
    return _pin(tx, ask, printed_story(ask.host_key, at), at)


def _pin(tx: Transaction, ask: PinHostKey | PinPrintedHostKey, story: str, at: datetime) -> Machine:
    machine = tx.get(Machine, ask.machine_id)
    if not ask.host_key.startswith("SHA256:") or not ask.host_key.isascii() or not 40 <= len(ask.host_key) <= 60:
        raise InvalidInput("This is no fingerprint of a host key.", field="host_key", hint="It begins with SHA256:.")
    if _is_pinned(machine, ask.host_key):
        return machine
    if machine.host_key not in {ask.instead_of, ask.host_key}:
        raise Conflict(
            f"Another host key of {machine.name} is pinned: {machine.host_key or 'none'}.",
            hint="Connect again and compare.",
            code="E-SSH-HOST-KEY",
        )
    changed = pinned(machine, ask.host_key, story, at)
    tx.replace(changed)
    return changed


def _is_pinned(machine: Machine, fingerprint: str) -> bool:
    """Whether that key is pinned of the machine as it is now."""
    return machine.host_key == fingerprint and REMADE not in machine.facts


# How a machine is reached


def _route(tx: Transaction, actor: Actor, machine_id: str) -> tuple[ReachableMachine, ...]:
    machine = tx.get(Machine, machine_id)
    _require(actor, machine)
    if machine.is_gone:
        raise Conflict(f"{machine.name} has been destroyed.", code="E-MACHINE-GONE")
    address = machine.ssh_host or machine.public_ip or machine.private_ip or ""
    if not address:
        raise Conflict(
            f"{machine.name} has no address yet.",
            hint="Wait until it runs, or refresh it.",
            code="E-MACHINE-NO-ADDRESS",
        )
    jump = bastion_of(machine, tx.list(Machine, team_id=machine.team_id, limit=1_000_000))
    if jump is not None:
        _require(actor, jump)
        jump_address = jump.ssh_host or jump.public_ip or ""
        return (_reachable(tx, jump, jump_address), _reachable(tx, machine, address))
    return (_reachable(tx, machine, address),)


def bastion_of(machine: Machine, others: tuple[Machine, ...]) -> Machine | None:
    """The machine that the way leads over; ``None`` where it can be dialled itself.

    The tag ``bastion:NAME`` names one of the team. Else a machine with nothing but a private address is reached over
    one of its own account that has a public address and the tag ``bastion``: one of its region first, then by name.
    """
    living = [each for each in others if not each.is_gone and each.machine_id != machine.machine_id]
    wanted = [
        tag.partition(":")[2].strip().casefold() for tag in machine.tags if tag.casefold().startswith(f"{BASTION}:")
    ]
    if wanted:
        named = next((each for each in living if each.name.casefold() in wanted), None)
        if named is None:
            raise NotFound(
                f"{machine.name} is to be reached over {wanted[0]}, and there is no such machine.",
                hint=f"Correct its tag {BASTION}:{wanted[0]}.",
                code="E-SSH-JUMP",
            )
        return named
    if not is_private(machine):
        return None
    fit = [
        each
        for each in living
        if each.public_ip
        and each.actual_status is MachineStatus.RUNNING
        and each.provider_account_id == machine.provider_account_id
        and BASTION in {tag.casefold() for tag in each.tags}
    ]
    return min(fit, key=lambda each: (each.region != machine.region, each.name), default=None)


def is_private(machine: Machine) -> bool:
    """Whether a machine has nothing but a private address."""
    return not machine.public_ip and bool(machine.private_ip) and machine.ssh_host in {"", machine.private_ip}


def _reachable(tx: Transaction, machine: Machine, address: str) -> ReachableMachine:
    found = (
        {key.ssh_key_id: key for key in tx.list(SSHKey, ssh_key_id=machine.ssh_key_ids)} if machine.ssh_key_ids else {}
    )
    keys = tuple(found[key_id] for key_id in machine.ssh_key_ids if key_id in found)
    elsewhere = tuple(key.name for key in keys if key.has_private_key and not _is_here(tx, key))
    return ReachableMachine(
        machine=machine,
        address=address,
        known=known(machine),
        keys=tuple(AccessKey(key=key) for key in keys),
        elsewhere=elsewhere,
    )


def _is_here(tx: Transaction, key: SSHKey) -> bool:
    server = server_of(tx, key.team_id)
    if server is None:
        return not key.keeper and key.custody is Custody.LOCAL
    return opens_at(key, server.device_id)


async def _with_printed(context: Context, actor: Actor, reachable: ReachableMachine) -> ReachableMachine:
    told = await told_keys(context, actor, reachable.machine)
    return replace(reachable, printed=told.keys, known=f"{reachable.known} {told.words}".rstrip())


async def _opened(context: Context, actor: Actor, reachable: ReachableMachine) -> ReachableMachine:
    keys = []
    for each in reachable.keys:
        private = None
        if each.key.has_private_key and each.key.name not in reachable.elsewhere:
            private = (await open_record(context, actor, each.key)).get(PRIVATE_FIELD)
        keys.append(replace(each, private=private))
    return replace(reachable, keys=tuple(keys))


def _require(actor: Actor, machine: Machine) -> None:
    if not is_granted(actor, SSH, machine.team_id, is_read=False, tags=machine.tags):
        raise Forbidden(
            f"You may not open a terminal on {machine.name}.",
            hint="Ask an administrator of the team for the right.",
        )


def _of_team(tx: Transaction, machine_id: str, team_id: str) -> Machine:
    machine = tx.find(Machine, machine_id=machine_id, team_id=team_id)
    if machine is None:
        raise NotFound("The team has no such machine.")
    return machine
