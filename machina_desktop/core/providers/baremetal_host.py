"""What is done on a registered host over SSH: look it over, bootstrap it once, leave and take back a marker."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING

from machina_desktop.core.domain.machine import Machine, MachineFacts
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.base import Cancelled, HookContext
from machina_desktop.core.ssh.client import Target, connect

if TYPE_CHECKING:
    from machina_desktop.core.ssh.connection import Connection

MINIMUM_FREE_MB = 500

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


def target_of(machine: Machine) -> Target:
    """Where the machine's SSH server listens."""
    return Target(host=machine.ssh_host, port=machine.ssh_port, user=machine.ssh_user)


def log_in(context: HookContext) -> Connection:
    """A connection with the machine's keys, in their order, and its pinned host key. Raises as ``connect``."""
    keys = [context.private_keys[key.ssh_key_id] for key in context.keys if key.ssh_key_id in context.private_keys]
    return connect(target_of(context.machine), private_keys=keys, host_key=context.machine.host_key)


def digest_of(script: str) -> str:
    """SHA-256 of a bootstrap script's text, hexadecimal; empty for no script."""
    return hashlib.sha256(script.encode()).hexdigest() if script else ""


def prepare(context: HookContext) -> MachineFacts:
    """Log in, look the host over and bootstrap it; blocks for as long as the script runs.

    Raises:
        Unavailable: ``E-HOST-SHELL``, ``E-HOST-DISK``, ``E-BOOTSTRAP``, or ``E-SSH-…`` of the connection.
        Cancelled: the user cancelled; what the script had begun was hung up.
    """
    context.log(f"Connecting to {target_of(context.machine)} as {context.machine.ssh_user}.")
    with log_in(context) as connection:
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
    if not found.get("uid"):
        raise Unavailable(
            f"The login on {context.machine.ssh_host} worked, but no command can be run there.",
            hint="Give the user an ordinary login shell, and lift a forced command from its key.",
            code="E-HOST-SHELL",
        )
    context.log(f"Logged in as {found.get('user') or 'unknown'}.")
    context.log(f"System: {found.get('os') or 'unknown'}, {found.get('kernel', '')}, {found.get('arch', '')}.")
    _refuse_full_disk(context, found.get("free_kb", ""))
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


def _refuse_full_disk(context: HookContext, free_kb: str) -> None:
    if not free_kb.isdecimal():
        context.log("How much disk is free cannot be told.")
        return
    free_mb = int(free_kb) // 1024
    context.log(f"Free on its disk: {free_mb} MB.")
    if free_mb < MINIMUM_FREE_MB:
        raise Unavailable(
            f"{context.machine.ssh_host} has {free_mb} MB of free disk; {MINIMUM_FREE_MB} MB are needed.",
            hint="Make room there, then try again.",
            code="E-HOST-DISK",
        )


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
    digest = digest_of(machine.bootstrap_script)
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
            f"The bootstrap script ended with status {status}; it said: {REDACTOR.redact(last)[:200] or 'nothing'}",
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


def take_marker_back(context: HookContext) -> None:
    """Remove the marker; a host that cannot be reached is left as it is, and the log says so."""
    name = shlex.quote(context.machine.machine_id)
    try:
        with log_in(context) as connection:
            connection.capture(
                f'{_PLACE}for place in "$folder" "$HOME/.local/state/machina"; do\n'
                f'$as rm -f "$place"/{name}; $as rmdir "$place" 2>/dev/null; done; true'
            )
    except Unavailable as error:
        context.log(f"{error.message} The machine is deregistered here; nothing was changed on it.")
        return
    context.log("Machina's marker was removed from the machine; everything else on it stays.")


def boot_id(connection: Connection) -> str:
    """The id of the system's present start; empty where there are none (not Linux)."""
    status, text = connection.capture("cat /proc/sys/kernel/random/boot_id")
    return text.strip() if status == 0 else ""


def run_power_command(context: HookContext, connection: Connection, action: str, *, default: str) -> None:
    """Run the account's command for ``action``, or ``default`` as root; losing the connection by it is no failure.

    Raises:
        Unavailable: ``E-POWER``: it ended with a status other than 0; ``E-SSH-TIMEOUT``, ``E-SSH-SUDO``.
        Cancelled: the user cancelled.
    """
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
        raise power_command_failed(action, status, last)


def power_command_failed(action: str, status: int, said: str) -> Unavailable:
    """``E-POWER``, with the last line of what the command said."""
    said = (said.strip().splitlines() or ["nothing"])[-1][:200]
    return Unavailable(
        f"The {action} command ended with status {status}; it said: {REDACTOR.redact(said)}",
        hint=f"Check the {action} command of the provider account.",
        code="E-POWER",
    )


def _gigabytes(kilobytes: str | None) -> str:
    return f"{int(kilobytes) / (1 << 20):.1f} GB" if kilobytes and kilobytes.isdecimal() else ""
