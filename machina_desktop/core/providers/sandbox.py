"""Practice machines: SSH servers on this computer that are deployed, rebooted and destroyed like any machine."""

from __future__ import annotations

import asyncio
import getpass
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus, name_problem
from machina_desktop.core.domain.provider import (
    Catalogue,
    CredentialStatus,
    Image,
    ProviderInfo,
    ProviderType,
    Region,
    Size,
    SkippedStep,
    Verification,
    WizardStep,
)
from machina_desktop.core.errors import Bug, InvalidInput, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.process import boot_id, clean_environment, is_process, start_detached
from machina_desktop.core.providers.base import Access, Cancelled, HookContext, MachineParts, Provider
from machina_desktop.core.ssh.client import Target, check_host_key
from machina_desktop.core.ssh.keys import fingerprint_of, generate

HOST = "127.0.0.1"

_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 15.0
_POLL_S = 0.05
_SERVER_MODULE = "machina_desktop.core.providers.sandbox_host"
_UNAVAILABLE = (
    "Practice machines need a Unix shell and terminal; on Windows, use a server of your own or WSL."
    if sys.platform == "win32"
    else ""
)


class Sandbox(Provider):
    """Each machine is a folder and a server process of the user, which goes on when the window closes."""

    module = "sandbox"
    info = ProviderInfo(
        type=ProviderType.SANDBOX,
        title="Practice machine",
        summary="A machine to try everything on, on this computer: no account, no cost, gone without a trace.",
        skipped_steps=(
            SkippedStep(step=WizardStep.FIREWALL, reason="Only this computer can reach a practice machine."),
            SkippedStep(step=WizardStep.BOOTSTRAP, reason="A practice machine shares this computer's software."),
        ),
        is_on_this_computer=True,
        unavailable_reason=_UNAVAILABLE,
        power_actions=("reboot", "stop", "start"),
    )

    async def verify(self, access: Access) -> Verification:
        """Valid wherever practice machines can run."""
        if _UNAVAILABLE:
            return Verification(status=CredentialStatus.INVALID, reason=_UNAVAILABLE)
        return Verification(status=CredentialStatus.VALID, identity=f"{getpass.getuser()} on this computer")

    async def catalogue(self, access: Access) -> Catalogue:
        """One place, one size, one system: this computer's."""
        facts = _computer()
        size = Size(
            slug="practice",
            title="As large as this computer",
            vcpus=os.cpu_count() or 0,
            memory_mb=psutil.virtual_memory().total >> 20,
            disk_gb=shutil.disk_usage(Path.home().anchor).total >> 30,
            price_hourly=0.0,
            price_monthly=0.0,
        )
        return Catalogue(
            regions=(Region(slug="this-computer", title="This computer"),),
            sizes=(size,),
            images=(Image(slug="this-system", title=facts["os"], family=platform.system().lower()),),
            fetched_at=now(),
        )

    def check(self, machine: Machine) -> None:
        """Refuse names that no host could have, and computers without a Unix shell.

        Raises:
            InvalidInput: names the field of the request to create the machine.
        """
        if _UNAVAILABLE:
            raise InvalidInput(_UNAVAILABLE, field="account_id")
        if problem := name_problem(machine.name):
            raise InvalidInput(problem, field="name")
        if not machine.ssh_key_ids:
            raise InvalidInput("Choose an SSH key to log in with.", field="key_ids")
        if machine.bootstrap_script:
            raise InvalidInput(
                "A practice machine runs no bootstrap script: it would change this computer.", field="bootstrap_script"
            )

    def variables(self, machine: Machine, parts: MachineParts) -> dict[str, object]:
        """The record that Terraform keeps; the same at every plan, so that only real changes show."""
        return {
            "machine_id": machine.machine_id,
            "team_id": machine.team_id,
            "name": machine.name,
            "directory": machine.machine_id,
            "port": _preferred_port(machine.machine_id),
            "user": getpass.getuser(),
            "tags": list(machine.tags),
        }

    async def before_apply(self, context: HookContext) -> MachineFacts:
        """Make the machine's folder, its host key and its port, once for life."""
        return await asyncio.to_thread(_prepare, context)

    async def after_apply(self, context: HookContext, outputs: Mapping[str, object]) -> MachineFacts:
        """Let the machine's keys in and have the server run."""
        return await asyncio.to_thread(_bring_up, context)

    async def after_destroy(self, context: HookContext) -> None:
        """End the server and everything started on it, then remove the folder."""
        await asyncio.to_thread(_remove, context)

    async def power(self, context: HookContext, action: str) -> MachineFacts:
        """Reboot, stop or start the server process."""
        steps = {"reboot": _reboot, "stop": _shut_down, "start": _power_on}
        return await asyncio.to_thread(steps[action], context)

    async def observe(self, context: HookContext) -> MachineFacts:
        """Running when the server answers with its key; unknown when it lives but does not answer."""
        return await asyncio.to_thread(_observe, context)


@dataclass(frozen=True, kw_only=True)
class _Process:
    """What a running server wrote down about itself."""

    pid: int
    start: float
    boot: str
    port: int
    boot_id: str

    def is_alive(self) -> bool:
        return self.boot == boot_id() and is_process(self.pid, self.start)


class _Home:
    """The folder of one practice machine; see :mod:`~machina_desktop.core.providers.sandbox_host` for its files."""

    def __init__(self, practice: Path, machine_id: str) -> None:
        # It will be removed with all that is in it: nothing but a plain name below the practice folder will do.
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,79}", machine_id):
            raise Bug(f"{machine_id!r} cannot name a practice machine's folder.")
        self.path = practice / machine_id
        if self.path.is_symlink():
            raise Bug(f"{self.path} is a link, not a practice machine's folder.")

    @property
    def fingerprint(self) -> str:
        return fingerprint_of((self.path / "host_key.pub").read_text())

    @property
    def config(self) -> dict[str, str | int]:
        try:
            config: dict[str, str | int] = json.loads((self.path / "config.json").read_text())
        except (OSError, ValueError) as error:
            raise Unavailable(
                "The folder of this practice machine is gone or damaged.",
                hint="Destroy the machine and deploy it again.",
                code="E-PRACTICE-FOLDER",
            ) from error
        return config

    @property
    def process(self) -> _Process | None:
        """The server, if it runs. What a killed one left behind does not count."""
        try:
            process = _Process(**json.loads((self.path / "server.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return process if process.is_alive() else None

    def create(self, machine: Machine) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.mkdir(exist_ok=True, mode=0o700)
        (self.path / "home").mkdir(exist_ok=True, mode=0o700)
        if not (self.path / "host_key.pub").exists():
            pair = generate(SSHKeyType.ED25519, comment="practice")
            self._write("host_key", pair.private.reveal())
            self._write("host_key.pub", pair.public_line)
        if not (self.path / "config.json").exists():
            self.write_config(machine.name, getpass.getuser(), _preferred_port(machine.machine_id))
            self._write("home/.bashrc", f"PS1='practice:{machine.name}:\\w\\$ '\n")
            self._write("home/.zshrc", f"PROMPT='practice:{machine.name}:%~%# '\n")

    def write_config(self, name: str, user: str, port: int) -> None:
        self._write("config.json", json.dumps({"name": name, "user": user, "port": port}))

    def authorize(self, keys: tuple[SSHKey, ...]) -> None:
        self._write("authorized_keys", "".join(f"{key.public_key.strip()}\n" for key in keys))

    def _write(self, name: str, text: str) -> None:
        path = self.path / name
        temporary = path.with_name(f"{path.name}.new")
        temporary.unlink(missing_ok=True)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        temporary.replace(path)


def _home(context: HookContext) -> _Home:
    return _Home(context.practice, context.machine.machine_id)


def _prepare(context: HookContext) -> MachineFacts:
    home = _home(context)
    try:
        home.create(context.machine)
    except OSError as error:
        raise Unavailable(
            f"The practice machine's folder {home.path} cannot be written: {error.strerror}.",
            hint="Free space on the disk, or make the folder writable.",
            code="E-PRACTICE-FOLDER",
        ) from error
    context.log(f"A practice machine on this computer, in {home.path}.")
    context.log(f"Its host key is {home.fingerprint}")
    return _facts(home, status=None)


def _bring_up(context: HookContext) -> MachineFacts:
    home = _home(context)
    home.authorize(context.keys)
    _start(context, home)
    return _facts(home, status=MachineStatus.RUNNING)


def _start(context: HookContext, home: _Home) -> None:
    config = home.config
    process = home.process
    if process is None:
        context.log("Starting its SSH server.")
        pid = start_detached(
            (sys.executable, "-I", "-m", _SERVER_MODULE, str(home.path)),
            environment=clean_environment(),
            output=home.path / "server.log",
            cwd=home.path,
        )
        process = _wait_for_server(context, home, pid)
    if process.port != config["port"]:
        context.log(f"Another program has taken port {config['port']}; the machine listens on {process.port} now.")
        home.write_config(str(config["name"]), str(config["user"]), process.port)
    check_host_key(Target(host=HOST, port=process.port), host_key=home.fingerprint)
    context.log(f"It answers on {HOST}, port {process.port}; boot id {process.boot_id}.")


def _wait_for_server(context: HookContext, home: _Home, pid: int) -> _Process:
    def is_up() -> bool:
        return home.process is not None or not psutil.pid_exists(pid) or _is_zombie(pid)

    _wait(context, is_up, timeout_s=_START_TIMEOUT_S)
    process = home.process
    if process is None:
        said = (home.path / "server.log").read_text(errors="replace").strip().splitlines() or ["nothing"]
        raise Unavailable(
            f"The practice machine's SSH server did not start; it said: {said[-1][:200]}",
            hint="Try again; if it stays so, destroy the machine and deploy it again.",
            code="E-PRACTICE-START",
        )
    return process


def _stop(context: HookContext, home: _Home) -> None:
    process = home.process
    if process is None:
        context.log("It does not run.")
        return
    context.log("Stopping its SSH server.")
    _signal(process, signal.SIGTERM)
    if not _wait(context, lambda: not process.is_alive(), timeout_s=_STOP_TIMEOUT_S):
        context.log("It did not end by itself; it is switched off.")
        # SIGKILL does not exist on Windows, where this code never runs.
        _signal(process, signal.Signals(9))
        _wait(context, lambda: not process.is_alive(), timeout_s=_STOP_TIMEOUT_S)


def _reboot(context: HookContext) -> MachineFacts:
    home = _home(context)
    _stop(context, home)
    _start(context, home)
    return _facts(home, status=MachineStatus.RUNNING)


def _shut_down(context: HookContext) -> MachineFacts:
    home = _home(context)
    _stop(context, home)
    context.log("It is off; its files stay.")
    return _facts(home, status=MachineStatus.STOPPED)


def _power_on(context: HookContext) -> MachineFacts:
    home = _home(context)
    _start(context, home)
    return _facts(home, status=MachineStatus.RUNNING)


def _observe(context: HookContext) -> MachineFacts:
    home = _home(context)
    process = home.process
    if process is None:
        return MachineFacts(status=MachineStatus.STOPPED)
    try:
        check_host_key(Target(host=HOST, port=process.port), host_key=home.fingerprint)
    except Unavailable:
        return MachineFacts()
    return _facts(home, status=MachineStatus.RUNNING)


def _remove(context: HookContext) -> None:
    home = _home(context)
    if not home.path.exists():
        context.log("Its folder is gone already.")
        return
    _stop(context, home)
    try:
        # Folders that were made read-only on the machine could not be emptied.
        for folder, _, _ in os.walk(home.path):
            Path(folder).chmod(0o700)
        shutil.rmtree(home.path)
    except OSError as error:
        raise Unavailable(
            f"The practice machine's folder {home.path} cannot be removed: {error.strerror}.",
            hint="Remove it by hand, then try again.",
            code="E-PRACTICE-FOLDER",
        ) from error
    context.log("Its folder was removed.")


def _facts(home: _Home, *, status: MachineStatus | None) -> MachineFacts:
    config = home.config
    return MachineFacts(
        status=status,
        public_ip=HOST,
        ssh_host=HOST,
        ssh_port=int(config["port"]),
        ssh_user=str(config["user"]),
        host_key=home.fingerprint,
        provider_resource_id=f"practice-{home.path.name}",
        extra=_computer(),
    )


def _computer() -> dict[str, str]:
    if sys.platform == "linux":
        try:
            system = platform.freedesktop_os_release()["PRETTY_NAME"]
        except (OSError, KeyError):
            system = "Linux"
    else:
        system = f"macOS {platform.mac_ver()[0]}" if sys.platform == "darwin" else platform.system()
    disk = shutil.disk_usage(Path.home().anchor)
    return {
        "os": system,
        "kernel": f"{platform.system()} {platform.release()}",
        "arch": platform.machine(),
        "cpu": str(os.cpu_count() or ""),
        "memory": f"{psutil.virtual_memory().total / (1 << 30):.1f} GB",
        "disk": f"{disk.total / (1 << 30):.1f} GB",
    }


def _wait(context: HookContext, is_done: Callable[[], bool], *, timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not is_done():
        if time.monotonic() > deadline:
            return False
        if context.cancelled.wait(_POLL_S):
            raise Cancelled
    return True


def _signal(process: _Process, number: signal.Signals) -> None:
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return


def _is_zombie(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _preferred_port(machine_id: str) -> int:
    """The machine's port for life, below the ports that systems hand out by themselves; it moves if it is taken."""
    return 20_000 + int.from_bytes(hashlib.sha256(machine_id.encode()).digest()[:4]) % 12_000
