"""Servers that exist already: Terraform keeps their record, SSH checks and sets them up, nothing on them is wiped."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import re
import shlex
import time
from collections.abc import Callable, Mapping

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus
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
from machina_desktop.core.providers.base import Cancelled, HookContext, MachineFacts, Provider
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.client import Connection, Target, check_host_key, connect

MINIMUM_FREE_MB = 500

_REBOOT_CHECKS = ("boot_id", "reconnect")
_SILENT = frozenset({"E-SSH-REFUSED", "E-SSH-TIMEOUT", "E-SSH-UNREACHABLE"})

_FACTS = """
echo "user=$(id -un)"
echo "uid=$(id -u)"
echo "os=$( (. /etc/os-release && printf %s "$PRETTY_NAME") 2>/dev/null || sw_vers -productVersion 2>/dev/null)"
echo "kernel=$(uname -sr)"
echo "arch=$(uname -m)"
echo "cpu=$(nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null)"
echo "memory_kb=$(awk '/^MemTotal:/ {print $2}' /proc/meminfo 2>/dev/null)"
echo "disk_kb=$(df -Pk / | awk 'NR == 2 {print $2}')"
echo "free_kb=$(df -Pk / | awk 'NR == 2 {print $4}')"
if ! command -v sudo >/dev/null; then echo sudo=missing
elif sudo -n true 2>/dev/null; then echo sudo=free
else echo sudo=password; fi
"""

# Where the marker belongs: the system's folder when we may write there, else the user's.
_PLACE = """
if [ "$(id -u)" = 0 ]; then folder=/var/lib/machina as=
elif sudo -n true 2>/dev/null; then folder=/var/lib/machina as="sudo -n"
else folder="$HOME/.local/state/machina" as=; fi
"""


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

    async def verify(self, settings: Mapping[str, str], credentials: Mapping[str, Secret]) -> Verification:
        """Valid unless a setting cannot be understood: there is nobody to ask."""
        if problem := _settings_problem(settings):
            return Verification(status=CredentialStatus.INVALID, reason=problem)
        return Verification(status=CredentialStatus.VALID, identity="servers by address")

    async def catalogue(self, settings: Mapping[str, str], credentials: Mapping[str, Secret]) -> Catalogue:
        """Empty: there is nothing to choose."""
        return Catalogue()

    def check(self, machine: Machine) -> None:
        """Refuse addresses that no host can have, and connections that could not be trusted.

        Raises:
            InvalidInput: names the field of the request to create the machine.
        """
        if problem := host_problem(machine.ssh_host):
            raise InvalidInput(problem, field="host")
        if not 1 <= machine.ssh_port <= 65535:
            raise InvalidInput("The port lies between 1 and 65535.", field="port")
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

    def variables(self, machine: Machine, keys: tuple[SSHKey, ...]) -> dict[str, object]:
        """The record that Terraform keeps; ``profile_digest`` changes with the bootstrap script."""
        return {
            "machine_id": machine.machine_id,
            "team_id": machine.team_id,
            "name": machine.name,
            "host": machine.ssh_host,
            "port": machine.ssh_port,
            "user": machine.ssh_user,
            "host_key_fingerprint": machine.host_key,
            "profile_digest": _digest(machine.bootstrap_script),
            "tags": list(machine.tags),
        }

    async def before_apply(self, context: HookContext) -> MachineFacts:
        """Connect, look the host over, and run the bootstrap script unless this very text ran before."""
        return await asyncio.to_thread(_prepare, context)

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
        await asyncio.to_thread(_take_marker_back, context)

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
        with _connect(context) as connection:
            before = _boot_id(connection)
            if needs_boot_id and not before:
                raise Unavailable(
                    f"{context.machine.ssh_host} has no boot id, so a reboot could not be told from none.",
                    hint='Set the account\'s "Reboot is done when" to reconnect.',
                    code="E-POWER",
                )
            _command(context, connection, "reboot", default="systemctl reboot")
            context.log("Waiting for the machine to come back.")

            def is_back() -> bool:
                if not needs_boot_id and connection.is_alive:
                    return False
                try:
                    with _connect(context) as again:
                        return not needs_boot_id or _boot_id(again) not in {"", before}
                except Unavailable as error:
                    if error.code in {"E-SSH-HOST-KEY", "E-SSH-AUTH"}:
                        raise
                    return False

            self._wait(context, is_back, "did not come back after the reboot")
        context.log("It is back.")
        return MachineStatus.RUNNING

    def _stop(self, context: HookContext) -> MachineStatus:
        if not context.account.settings.get("start_command"):
            context.log("The account has no start command: this server cannot be started again from here.")
        with _connect(context) as connection:
            _command(context, connection, "stop", default="systemctl poweroff")
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
            raise _command_failed("start", status, errors.decode("utf-8", "replace"))
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


def _target(machine: Machine) -> Target:
    return Target(host=machine.ssh_host, port=machine.ssh_port, user=machine.ssh_user)


def _connect(context: HookContext) -> Connection:
    keys = [context.private_keys[key.ssh_key_id] for key in context.keys if key.ssh_key_id in context.private_keys]
    return connect(_target(context.machine), private_keys=keys, host_key=context.machine.host_key)


def _status(machine: Machine) -> MachineStatus | None:
    try:
        check_host_key(_target(machine), host_key=machine.host_key)
    except Unavailable as error:
        if error.code == "E-SSH-HOST-KEY":
            raise
        return MachineStatus.STOPPED if error.code in _SILENT else None
    return MachineStatus.RUNNING


def _prepare(context: HookContext) -> MachineFacts:
    context.log(f"Connecting to {_target(context.machine)} as {context.machine.ssh_user}.")
    with _connect(context) as connection:
        context.log(f"The host key is the pinned one: {context.machine.host_key}")
        facts = _look_over(context, connection)
        if context.cancelled.is_set():
            raise Cancelled
        if context.machine.bootstrap_script:
            _bootstrap(context, connection)
    return MachineFacts(extra=facts)


def _look_over(context: HookContext, connection: Connection) -> dict[str, str]:
    _, text = connection.capture(_FACTS)
    pairs = (line.partition("=") for line in text.splitlines())
    found = {name: "".join(filter(str.isprintable, value))[:200] for name, _, value in pairs}
    free_mb = _number(found.get("free_kb")) // 1024
    context.log(f"Logged in as {found.get('user') or 'unknown'}.")
    context.log(f"System: {found.get('os') or 'unknown'}, {found.get('kernel', '')}, {found.get('arch', '')}.")
    context.log(f"Free on its disk: {free_mb} MB.")
    if free_mb < MINIMUM_FREE_MB:
        raise Unavailable(
            f"{context.machine.ssh_host} has {free_mb} MB of free disk; {MINIMUM_FREE_MB} MB are needed.",
            hint="Make room there, then try again.",
            code="E-HOST-DISK",
        )
    context.log(_privilege(found, has_password=bool(context.credentials.get("sudo_password"))))
    facts = {
        "os": found.get("os", ""),
        "kernel": found.get("kernel", ""),
        "arch": found.get("arch", ""),
        "cpu": found.get("cpu", ""),
        "memory": _gigabytes(found.get("memory_kb")),
        "disk": _gigabytes(found.get("disk_kb")),
    }
    return {name: value for name, value in facts.items() if value}


def _privilege(found: Mapping[str, str], *, has_password: bool) -> str:
    if found.get("uid") == "0":
        return "The login is root."
    if found.get("sudo") == "free":
        return "sudo asks for nothing."
    if found.get("sudo") == "password":
        return "sudo asks for a password; " + ("the account has one." if has_password else "the account has none.")
    return "Neither root nor sudo is there: a script that needs them will fail."


def _bootstrap(context: HookContext, connection: Connection) -> None:
    machine = context.machine
    digest = _digest(machine.bootstrap_script)
    name = shlex.quote(machine.machine_id)
    _, done = connection.capture(f'cat /var/lib/machina/{name} "$HOME"/.local/state/machina/{name} 2>/dev/null')
    if digest in done.split():
        context.log("The bootstrap script has run here before, word for word; it is not run again.")
        return
    context.log("Running the bootstrap script.")
    last = ""

    def on_line(line: str) -> None:
        nonlocal last
        last = line.strip() or last
        context.log(line)

    status = connection.run_script(
        machine.bootstrap_script,
        on_line=on_line,
        cancelled=context.cancelled,
        sudo_password=context.credentials.get("sudo_password"),
    )
    if status is None:
        raise Cancelled
    if status != 0:
        raise Unavailable(
            f"The bootstrap script ended with status {status}; its last line was: {last[:200] or '(none)'}",
            hint="Correct the script and try again; it starts from the beginning.",
            code="E-BOOTSTRAP",
        )
    _leave_marker(context, connection, name, digest)


def _leave_marker(context: HookContext, connection: Connection, name: str, digest: str) -> None:
    # One marker only: an older one at the other place would vouch for a script long replaced.
    status, _ = connection.capture(
        f'rm -f "$HOME"/.local/state/machina/{name}\n{_PLACE}'
        f'$as mkdir -p "$folder" && echo {digest} | $as tee "$folder"/{name} >/dev/null'
    )
    context.log("The bootstrap script is done." if status == 0 else "Done; no marker could be left on the machine.")


def _take_marker_back(context: HookContext) -> None:
    name = shlex.quote(context.machine.machine_id)
    try:
        with _connect(context) as connection:
            connection.capture(
                f'{_PLACE}for place in "$folder" "$HOME/.local/state/machina"; do\n'
                f'$as rm -f "$place"/{name}; $as rmdir "$place" 2>/dev/null; done; true'
            )
    except Unavailable as error:
        context.log(f"{error.message} The machine is deregistered here; nothing was changed on it.")
        return
    context.log("Machina's marker was removed from the machine; everything else on it stays.")


def _boot_id(connection: Connection) -> str:
    status, text = connection.capture("cat /proc/sys/kernel/random/boot_id")
    return text.strip() if status == 0 else ""


def _command(context: HookContext, connection: Connection, action: str, *, default: str) -> None:
    command = context.account.settings.get(f"{action}_command", "")
    context.log(f"On the machine: {command or default}")
    last = ""

    def on_line(line: str) -> None:
        nonlocal last
        last = line.strip() or last
        context.log(line)

    try:
        status = connection.run(
            command or f'if [ "$(id -u)" = 0 ]; then {default}; else sudo {default}; fi',
            on_line=on_line,
            cancelled=context.cancelled,
            timeout_s=120.0,
            sudo_password=context.credentials.get("sudo_password"),
        )
    except Unavailable as error:
        # Going down, it may well cut us off before the command has ended.
        if error.code != "E-SSH-DROPPED":
            raise
        return
    if status is None:
        raise Cancelled
    # From 128 on it was a signal: the system ends our session because it goes down.
    if 0 < status < 128:
        raise _command_failed(action, status, last)


def _command_failed(action: str, status: int, said: str) -> Unavailable:
    said = (said.strip().splitlines() or ["nothing"])[-1][:200]
    return Unavailable(
        f"The {action} command ended with status {status}; it said: {said}",
        hint=f"Check the {action} command of the provider account.",
        code="E-POWER",
    )


def _digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest() if script else ""


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _gigabytes(kilobytes: str | None) -> str:
    number = _number(kilobytes)
    return f"{number / (1 << 20):.1f} GB" if number else ""
