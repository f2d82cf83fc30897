"""Servers that exist already: Terraform keeps their record, SSH checks and sets them up, nothing on them is wiped."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import shlex
import time
from collections.abc import Callable, Mapping

from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.provider import (
    AccountField,
    Catalogue,
    CredentialStatus,
    ProviderInfo,
    ProviderType,
    SkippedStep,
    Verification,
    WizardStep,
)
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.process import run_briefly
from machina_desktop.core.providers.baremetal_host import (
    boot_id,
    digest_of,
    log_in,
    power_command_failed,
    prepare,
    run_power_command,
    take_marker_back,
    target_of,
)
from machina_desktop.core.providers.base import Access, Cancelled, HookContext, MachineParts, Provider
from machina_desktop.core.ssh.client import Target, check_host_key, probe_host_key

_REBOOT_CHECKS = ("boot_id", "reconnect")
_SILENT = frozenset({"E-SSH-REFUSED", "E-SSH-TIMEOUT", "E-SSH-UNREACHABLE"})


class BareMetal(Provider):
    """Registers hosts by address. Destroying one deregisters it: the marker goes, everything else stays.

    Attributes:
        power_timeout_s: How long a reboot, stop or start may take.
        poll_s: Pause between two looks at a host that changes its power state.
    """

    module = "baremetal"
    info = ProviderInfo(
        type=ProviderType.BAREMETAL,
        title="Server of my own",
        summary="Any computer you can reach by SSH: a rack server, a box under the desk, a machine rented elsewhere.",
        account_fields=(
            AccountField(
                name="reboot_command",
                title="Reboot command",
                help="Runs on the server.",
                placeholder="sudo systemctl reboot",
            ),
            AccountField(
                name="stop_command",
                title="Stop command",
                help="Runs on the server.",
                placeholder="sudo systemctl poweroff",
            ),
            AccountField(
                name="start_command",
                title="Start command",
                help="Runs on this computer, without a shell, because the server is off then; {host} is its address. "
                "Without one, a server cannot be started from here.",
                placeholder="wakeonlan 00:11:22:33:44:55",
            ),
            AccountField(
                name="reboot_check",
                title="Reboot is done when",
                help="boot_id: the server reports a new boot id (Linux). reconnect: the connection was lost and a new "
                "one works, for systems without boot ids.",
                placeholder="boot_id",
            ),
            AccountField(
                name="sudo_password",
                title="sudo password",
                help="Typed when sudo asks for it; not needed for root or where sudo asks nothing.",
                is_secret=True,
                is_verbatim=True,
            ),
        ),
        skipped_steps=(
            SkippedStep(step=WizardStep.REGION, reason="The server stands where it stands; give its address instead."),
            SkippedStep(step=WizardStep.SIZE, reason="Its size is what it is; it is looked up when you connect."),
            SkippedStep(step=WizardStep.IMAGE, reason="It keeps the system it has; nothing is installed over it."),
            SkippedStep(step=WizardStep.FIREWALL, reason="Its firewall stays as it is set up on the server."),
        ),
        asks_host=True,
        power_actions=("reboot", "stop", "start"),
    )

    def __init__(self, *, power_timeout_s: float = 600.0, poll_s: float = 1.0) -> None:
        self.power_timeout_s = power_timeout_s
        self.poll_s = poll_s

    async def verify(self, access: Access) -> Verification:
        """Valid unless a setting cannot be understood: there is nobody to ask."""
        if problem := _settings_problem(access.settings):
            return Verification(status=CredentialStatus.INVALID, reason=problem)
        return Verification(status=CredentialStatus.VALID, identity="servers by address")

    async def catalogue(self, access: Access) -> Catalogue:
        """Empty: there is nothing to choose."""
        return Catalogue()

    def check(self, machine: Machine) -> None:
        """Refuse addresses that no host can have, and connections that could not be trusted.

        Raises:
            InvalidInput: names the field of the request to create the machine.
        """
        _refuse_unfit_address(machine.ssh_host, machine.ssh_port)
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", machine.ssh_user):
            raise InvalidInput("Give the login name on the server, such as root or admin.", field="user")
        if not re.fullmatch(r"SHA256:[A-Za-z0-9+/]{43}", machine.host_key):
            raise InvalidInput(
                "Confirm the server's host key; it is SHA256: followed by 43 characters.",
                field="host_key",
                hint="On the server, ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub shows it.",
            )
        if not machine.ssh_key_ids:
            raise InvalidInput("Choose an SSH key to log in with.", field="key_ids")

    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        """The record that Terraform keeps; ``profile_digest`` changes with the bootstrap script."""
        return {
            "machine_id": machine.machine_id,
            "team_id": machine.team_id,
            "name": machine.name,
            "host": machine.ssh_host,
            "port": machine.ssh_port,
            "user": machine.ssh_user,
            "host_key_fingerprint": machine.host_key,
            "profile_digest": digest_of(machine.bootstrap_script),
            "tags": list(machine.tags),
        }

    async def probe(self, host: str, port: int) -> tuple[str, str]:
        """The host key a host presents, asked without logging in.

        Raises:
            InvalidInput: no host can have that address.
            Unavailable: ``E-SSH-…``: nobody answers there, or not in SSH.
        """
        _refuse_unfit_address(host, port)
        key = await asyncio.to_thread(probe_host_key, Target(host=host, port=port))
        return key.fingerprint, key.key_type

    async def before_apply(self, context: HookContext) -> MachineFacts:
        """Connect, look the host over, and run the bootstrap script unless this very text ran before."""
        return await asyncio.to_thread(prepare, context)

    async def after_apply(self, context: HookContext, outputs: Mapping[str, object]) -> MachineFacts:
        """The host is known under the address that was given."""
        machine = context.machine
        return MachineFacts(
            status=MachineStatus.RUNNING,
            public_ip=machine.ssh_host if _is_address(machine.ssh_host) else None,
            ssh_host=machine.ssh_host,
            ssh_port=machine.ssh_port,
            ssh_user=machine.ssh_user,
            host_key=machine.host_key,
            provider_resource_id=f"{machine.ssh_host}:{machine.ssh_port}",
        )

    async def before_destroy(self, context: HookContext) -> None:
        """Remove the marker if the host can be reached; deregistering goes on if not."""
        await asyncio.to_thread(take_marker_back, context)

    async def power(self, context: HookContext, action: str) -> MachineFacts:
        """Run the account's command for ``action`` and wait until it shows, at most ``power_timeout_s``."""
        steps = {"reboot": self._reboot, "stop": self._stop, "start": self._start}
        return MachineFacts(status=await asyncio.to_thread(steps[action], context))

    async def observe(self, context: HookContext) -> MachineFacts:
        """Running when the pinned host key answers, stopped when nothing does.

        Raises:
            Unavailable: ``E-SSH-HOST-KEY``: something else answers there.
        """
        return MachineFacts(status=await asyncio.to_thread(_status, context.machine))

    def _reboot(self, context: HookContext) -> MachineStatus:
        needs_boot_id = (context.account.settings.get("reboot_check") or "boot_id") == "boot_id"
        with log_in(context) as connection:
            before = boot_id(connection)
            if needs_boot_id and not before:
                raise Unavailable(
                    f"{context.machine.ssh_host} has no boot id, so a reboot could not be told from none.",
                    hint='Set the account\'s "Reboot is done when" to reconnect.',
                    code="E-POWER",
                )
            run_power_command(context, connection, "reboot", default="systemctl reboot")
            context.log("Waiting for the machine to come back.")

            def is_back() -> bool:
                if not needs_boot_id and connection.is_alive:
                    return False
                try:
                    with log_in(context) as again:
                        return not needs_boot_id or boot_id(again) not in {"", before}
                except Unavailable as error:
                    # A refused login is none of these: while a system starts or ends, it lets nobody in.
                    if error.code == "E-SSH-HOST-KEY":
                        raise
                    return False

            self._wait(context, is_back, "did not come back after the reboot")
        context.log("It is back.")
        return MachineStatus.RUNNING

    def _stop(self, context: HookContext) -> MachineStatus:
        if not context.account.settings.get("start_command"):
            context.log("The account has no start command: this server cannot be started again from here.")
        with log_in(context) as connection:
            run_power_command(context, connection, "stop", default="systemctl poweroff")
        context.log("Waiting for the machine to fall silent.")
        self._wait(context, lambda: _status(context.machine) is MachineStatus.STOPPED, "still answers")
        context.log("It no longer answers.")
        return MachineStatus.STOPPED

    def _start(self, context: HookContext) -> MachineStatus:
        command = context.account.settings.get("start_command", "")
        if not command:
            raise Unavailable(
                f"{context.machine.name} cannot be started from here: its account has no start command.",
                hint="Give the account one, such as a Wake-on-LAN or ipmitool call, or press the power button.",
                code="E-POWER",
            )
        argv = tuple(word.replace("{host}", context.machine.ssh_host) for word in shlex.split(command))
        context.log(f"On this computer: {command}")
        status, _, errors = run_briefly(argv, timeout_s=60.0)
        if status != 0:
            raise power_command_failed("start", status, errors.decode("utf-8", "replace"))
        context.log("Waiting for the machine to answer.")
        self._wait(context, lambda: _status(context.machine) is MachineStatus.RUNNING, "did not come up")
        context.log("It answers.")
        return MachineStatus.RUNNING

    def _wait(self, context: HookContext, is_done: Callable[[], bool], failure: str) -> None:
        deadline = time.monotonic() + self.power_timeout_s
        while not is_done():
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"{context.machine.name} {failure} within {self.power_timeout_s:.0f} seconds.",
                    hint="Look at its console.",
                    code="E-POWER",
                )
            if context.cancelled.wait(self.poll_s):
                raise Cancelled


def _refuse_unfit_address(host: str, port: int) -> None:
    if problem := host_problem(host):
        raise InvalidInput(problem, field="host")
    if not 1 <= port <= 65535:
        raise InvalidInput("The port lies between 1 and 65535.", field="port")


def host_problem(host: str) -> str:
    """Why ``host`` cannot be an address, as a sentence; empty for a host name, an IPv4 or an IPv6 address.

    Nothing passes that a shell or an ``ssh`` command line could take for something else.
    """
    if not host:
        return "Give the server's host name or IP address."
    if host.startswith("["):
        return "Write an IPv6 address without brackets; the port has its own field."
    if _is_address(host):
        return ""
    label = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
    # All digits and dots, yet no address: a typing error such as 10.0.0.256, never a name.
    if len(host) > 253 or not re.fullmatch(rf"{label}(\.{label})*\.?", host) or re.fullmatch(r"[0-9.]+", host):
        return "This is neither a host name nor an IP address."
    return ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return re.fullmatch(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?", host) is not None


def _settings_problem(settings: Mapping[str, str]) -> str:
    if settings.get("reboot_check", "") not in {"", *_REBOOT_CHECKS}:
        return f"Reboot is done when: one of {', '.join(_REBOOT_CHECKS)}."
    try:
        shlex.split(settings.get("start_command", ""))
    except ValueError:
        return "The start command has a quotation mark without its partner."
    return ""


def _status(machine: Machine) -> MachineStatus | None:
    try:
        check_host_key(target_of(machine), host_key=machine.host_key)
    except Unavailable as error:
        if error.code == "E-SSH-HOST-KEY":
            raise
        return MachineStatus.STOPPED if error.code in _SILENT else None
    return MachineStatus.RUNNING
