"""Practice machines through the provider's own door, with real clients: they live, survive, refuse and vanish."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import paramiko
import psutil
import pytest

from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderType, WizardStep
from machina_desktop.core.errors import Bug, InvalidInput, Unavailable
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.providers.base import HookContext, MachineParts
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.providers.sandbox import Sandbox
from machina_desktop.core.ssh.client import Target, connect
from machina_desktop.core.ssh.connection import Connection
from tests.fakes.preferences import PREFERENCES, access
from tests.fakes.sshd import KeyPair, ssh_program, wait_until

KEY = KeyPair()
LISTED = SSHKey(
    ssh_key_id="key-1",
    team_id="team-1",
    name="k1",
    fingerprint=KEY.fingerprint,
    public_key=KEY.public,
    provider_key_ids={},
    key_type=SSHKeyType.ED25519,
    key_bits=256,
    created_at=now(),
    updated_at=now(),
)
PARTS = MachineParts(keys=(LISTED,))
ACCOUNT = ProviderAccount(
    provider_account_id="account-1",
    team_id="team-1",
    provider_type=ProviderType.SANDBOX,
    label="here",
    settings={},
    created_at=now(),
    updated_at=now(),
)


class Practice:
    """One machine and its hooks, called as the deployer calls them."""

    def __init__(self, folder: Path, name: str = "m1") -> None:
        self.provider = Sandbox()
        self.lines: list[str] = []
        machine = Machine(
            machine_id=new_id("machine"),
            team_id="team-1",
            name=name,
            provider=ProviderType.SANDBOX,
            provider_account_id="account-1",
            ssh_key_ids=("key-1",),
            created_at=now(),
            updated_at=now(),
        )
        self.context = HookContext(
            machine=machine,
            account=ACCOUNT,
            credentials={},
            keys=(LISTED,),
            private_keys={"key-1": KEY.private},
            practice=folder,
            log=self.lines.append,
            cancelled=threading.Event(),
            preferences=PREFERENCES,
        )
        self.folder = folder / machine.machine_id
        self.facts = MachineFacts()

    async def deploy(self) -> MachineFacts:
        born = await self.provider.before_apply(self.context)
        self.facts = await self.provider.after_apply(self.context, {})
        assert born.host_key == self.facts.host_key
        return self.facts

    async def status(self) -> MachineStatus | None:
        return (await self.provider.observe(self.context)).status

    def connect(self) -> Connection:
        host, port, user, pin = self.facts.ssh_host, self.facts.ssh_port, self.facts.ssh_user, self.facts.host_key
        assert host
        assert port
        assert user
        assert pin
        return connect(Target(host=host, port=port, user=user), private_keys=[KEY.private], host_key=pin)

    def client(self) -> paramiko.SSHClient:
        client = paramiko.SSHClient()
        host_key = paramiko.Ed25519Key.from_private_key_file(str(self.folder / "host_key"))
        client.get_host_keys().add(f"[127.0.0.1]:{self.facts.ssh_port}", "ssh-ed25519", host_key)
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        key = paramiko.Ed25519Key.from_private_key(io.StringIO(KEY.private.reveal()))
        client.connect(
            "127.0.0.1",
            self.facts.ssh_port or 0,
            self.facts.ssh_user,
            pkey=key,
            allow_agent=False,
            look_for_keys=False,
        )
        return client

    def server(self) -> dict[str, object]:
        described: dict[str, object] = json.loads((self.folder / "server.json").read_text())
        return described

    def kill(self) -> None:
        os.kill(int(str(self.server()["pid"])), signal.SIGKILL)

    def processes(self) -> list[psutil.Process]:
        """Everything that runs on the machine, its server left out."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("MACHINA_PRACTICE") == str(self.folder):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@pytest.fixture
async def practice(tmp_path: Path) -> AsyncIterator[Practice]:
    machine = Practice(tmp_path / "practice")
    await machine.deploy()
    yield machine
    await machine.provider.after_destroy(machine.context)


async def test_a_deployed_machine_runs_and_answers_with_the_key_it_was_born_with(practice: Practice) -> None:
    assert practice.facts.status is MachineStatus.RUNNING
    assert practice.facts.public_ip == practice.facts.ssh_host == "127.0.0.1"
    assert practice.facts.provider_resource_id == f"practice-{practice.context.machine.machine_id}"
    assert practice.facts.extra["os"]
    with practice.connect() as connection:
        assert connection.capture("echo ok; pwd") == (0, f"ok\n{practice.folder / 'home'}\n")
    assert await practice.status() is MachineStatus.RUNNING


async def test_the_openssh_client_logs_in_too(practice: Practice, tmp_path: Path) -> None:
    key = KEY.write(tmp_path / "key")
    known = tmp_path / "known_hosts"
    public = (practice.folder / "host_key.pub").read_text()
    known.write_text(f"[127.0.0.1]:{practice.facts.ssh_port} {public}")
    options = ("-F", "none", "-o", f"UserKnownHostsFile={known}", "-o", "IdentityAgent=none", "-o", "BatchMode=yes")
    place = ("-i", str(key), "-p", str(practice.facts.ssh_port), "-l", str(practice.facts.ssh_user), "127.0.0.1")
    said = await asyncio.to_thread(
        subprocess.run,
        [ssh_program(), *options, *place, "cat; echo to-stderr >&2; exit 7"],
        input=b"through the pipe\n",
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (said.returncode, said.stdout, said.stderr) == (7, b"through the pipe\n", b"to-stderr\n")


async def test_fifty_short_commands_each_end_with_their_own_status(practice: Practice) -> None:
    with practice.connect() as connection:
        assert [connection.capture(f"exit {number}")[0] for number in range(50)] == list(range(50))


async def test_everything_of_the_machine_is_private(practice: Practice) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (practice.folder, *practice.folder.iterdir())}
    assert all(mode & 0o077 == 0 for mode in modes.values()), modes


async def test_a_shell_shows_where_it_is_and_knows_its_size(practice: Practice) -> None:
    with practice.client() as client:
        shell = client.invoke_shell(term="xterm-256color", width=101, height=33)
        shell.settimeout(15)
        _read_until(shell, "practice:m1")
        shell.sendall(b"stty size; echo $TERM\n")
        assert "33 101" in _read_until(shell, "\nxterm-256color")
        shell.resize_pty(width=120, height=40)
        shell.sendall(b"stty size; echo en''d\n")
        assert "40 120" in _read_until(shell, "end")
        shell.sendall(b"exit 5\n")
        assert shell.recv_exit_status() == 5


def _read_until(channel: paramiko.Channel, text: str) -> str:
    seen = ""
    while text not in seen:
        data = channel.recv(4096)
        assert data, f"the shell ended; it had said {seen!r}"
        seen += data.decode()
    return seen


async def test_an_interrupt_reaches_what_runs_on_the_terminal(practice: Practice) -> None:
    with practice.client() as client:
        shell = client.invoke_shell()
        shell.settimeout(15)
        _read_until(shell, "practice:m1")
        shell.sendall(b"sleep 600; echo in''terrupted\n")
        wait_until(lambda: _sleeps(practice), "the sleep to begin")
        shell.sendall(b"\x03")
        shell.sendall(b"echo status=$?\n")
        _read_until(shell, "status=130")


def _sleeps(practice: Practice) -> list[psutil.Process]:
    found = []
    for process in practice.processes():
        try:
            if process.name() == "sleep" and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.mark.parametrize("terminal", ["on a terminal", ""])
async def test_processes_end_with_their_channel(practice: Practice, terminal: str) -> None:
    with practice.client() as client:
        transport = client.get_transport()
        assert transport
        channel = transport.open_session()
        if terminal:
            channel.get_pty()
        channel.exec_command("trap '' HUP; sleep 600 & sleep 601")
        wait_until(lambda: len(_sleeps(practice)) == 2, "the sleeps to begin")
        channel.close()
        wait_until(lambda: not practice.processes(), "all processes to end")


async def test_processes_end_when_the_client_vanishes(practice: Practice) -> None:
    client = practice.client()
    client.exec_command("sleep 600", get_pty=True)
    wait_until(lambda: _sleeps(practice), "the sleep to begin")
    transport = client.get_transport()
    assert transport
    transport.sock.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: not practice.processes(), "all processes to end")
    client.close()


async def test_a_command_ends_although_something_stays_in_the_background(practice: Practice) -> None:
    with practice.connect() as connection:
        started = time.monotonic()
        assert connection.capture("sleep 600 & echo started") == (0, "started\n")
        assert time.monotonic() - started < 25


async def test_much_output_and_much_input_arrive_whole(practice: Practice) -> None:
    data = os.urandom(3 << 20)
    with practice.connect() as connection:
        connection.upload(data, str(practice.folder / "home" / "blob"), 0o600)
        lines: list[str] = []
        assert connection.run("seq 1 50000", on_line=lines.append) == 0
    assert (practice.folder / "home" / "blob").read_bytes() == data
    assert (len(lines), lines[-1]) == (50000, "50000")


async def test_several_sessions_work_at_once(practice: Practice) -> None:
    with practice.client() as client:
        streams = [client.exec_command(f"read -r line; echo $line {number}") for number in range(8)]
        for number, (stdin, stdout, _) in reversed([*enumerate(streams)]):
            stdin.write(f"hello {number}\n")
            stdin.flush()
            assert stdout.read().decode().split() == ["hello", str(number), str(number)]


async def test_only_listed_keys_log_in(practice: Practice) -> None:
    stranger = KeyPair()
    with pytest.raises(Unavailable) as refusal:
        connect(
            Target(host="127.0.0.1", port=practice.facts.ssh_port or 0, user=practice.facts.ssh_user or ""),
            private_keys=[stranger.private],
            host_key=practice.facts.host_key or "",
        )
    assert refusal.value.code == "E-SSH-AUTH"


async def test_a_password_is_not_even_asked_for(practice: Practice) -> None:
    with socket.create_connection(("127.0.0.1", practice.facts.ssh_port or 0)) as sock:
        transport = paramiko.Transport(sock)
        transport.start_client(timeout=10)
        with pytest.raises(paramiko.BadAuthenticationType) as refusal:
            transport.auth_password(practice.facts.ssh_user or "", "secret")
        assert refusal.value.allowed_types == ["publickey"]
        transport.close()


async def test_nothing_is_forwarded(practice: Practice) -> None:
    with practice.client() as client:
        transport = client.get_transport()
        assert transport
        with pytest.raises(paramiko.ChannelException):
            transport.open_channel("direct-tcpip", ("127.0.0.1", 22), ("127.0.0.1", 0), timeout=10)
        with pytest.raises(paramiko.SSHException):
            transport.request_port_forward("127.0.0.1", 0)


async def test_files_can_be_kept_by_sftp(practice: Practice) -> None:
    with practice.client() as client, client.open_sftp() as sftp:
        sftp.mkdir("folder")
        with sftp.open("folder/file", "w") as file:
            file.write("first")
        with sftp.open("folder/file", "a") as file:
            file.write(", second")
        with sftp.open("/folder/file", "r+") as file:
            file.write("FIRST")
        sftp.chmod("folder/file", 0o640)
        sftp.symlink("file", "folder/link")
        assert sftp.readlink("folder/link") == "file"
        assert sftp.open("folder/link").read() == b"FIRST, second"
        assert sftp.stat("folder/link").st_mode == 0o100640
        sftp.rename("folder/file", "moved")
        with pytest.raises(OSError, match="Failure"):
            sftp.rename("moved", "folder/link")
        assert sorted(sftp.listdir("/folder")) == ["link"]
        sftp.remove("folder/link")
        sftp.rmdir("folder")
        sftp.remove("moved")
        assert sftp.normalize("..") == "/"


async def test_sftp_does_not_leave_the_home_folder(practice: Practice, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("canary")
    (practice.folder / "home" / "way-out").symlink_to(outside)
    with practice.client() as client, client.open_sftp() as sftp:
        for path in ("way-out/secret", f"{outside}/secret", "../host_key", "../../../../../../etc/passwd"):
            with pytest.raises(OSError, match=r"denied|No such file"):
                sftp.open(path)
        with pytest.raises(OSError, match="denied"):
            sftp.open("way-out/new", "w")
        with pytest.raises(OSError, match="denied"):
            sftp.symlink("../host_key", "link")
        sftp.symlink("/etc/passwd", "link")
        assert sftp.readlink("link") == "etc/passwd"
        with pytest.raises(OSError, match="No such file"):
            sftp.open("link")
        with sftp.open("../../above", "w"):
            assert (practice.folder / "home" / "above").exists()
        with pytest.raises(OSError, match="denied"):
            sftp.listdir("way-out")
        with pytest.raises(OSError, match="denied"):
            sftp.rename("way-out/secret", "stolen")
        sftp.remove("way-out")
    assert (outside / "secret").read_text() == "canary"


async def test_bad_clients_do_not_stop_it(practice: Practice) -> None:
    for noise in (b"", b"\0" * 70000, b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n" + os.urandom(5000)):
        with socket.create_connection(("127.0.0.1", practice.facts.ssh_port or 0)) as client:
            client.sendall(noise)
    idle = [socket.create_connection(("127.0.0.1", practice.facts.ssh_port or 0)) for _ in range(40)]
    for client in idle:
        client.close()
    wait_until(lambda: _answers(practice), "the machine to answer again")


def _answers(practice: Practice) -> bool:
    try:
        with practice.connect() as connection:
            return connection.capture("true")[0] == 0
    except Unavailable:
        return False


async def test_stop_start_and_reboot_do_what_they_say(practice: Practice) -> None:
    (practice.folder / "home" / "kept").write_text("x")
    first = practice.server()
    stopped = await practice.provider.power(practice.context, "stop")
    assert stopped.status is MachineStatus.STOPPED
    assert await practice.status() is MachineStatus.STOPPED
    assert not (practice.folder / "server.json").exists()
    assert not psutil.pid_exists(int(str(first["pid"]))) or not _answers(practice)
    started = await practice.provider.power(practice.context, "start")
    assert (started.status, started.ssh_port) == (MachineStatus.RUNNING, practice.facts.ssh_port)
    second = practice.server()
    rebooted = await practice.provider.power(practice.context, "reboot")
    assert (rebooted.status, rebooted.host_key) == (MachineStatus.RUNNING, practice.facts.host_key)
    assert len({first["boot_id"], second["boot_id"], practice.server()["boot_id"]}) == 3
    with practice.connect() as connection:
        assert connection.capture("cat kept") == (0, "x")


async def test_a_stop_ends_everything_that_runs_on_it(practice: Practice) -> None:
    with practice.connect() as connection:
        connection.capture("nohup setsid sleep 600 >/dev/null 2>&1 & echo")
    wait_until(lambda: _sleeps(practice), "the sleep to begin")
    await practice.provider.power(practice.context, "stop")
    wait_until(lambda: not practice.processes(), "all processes to end")


async def test_a_killed_machine_is_seen_as_stopped_and_starts_again(practice: Practice) -> None:
    practice.kill()
    wait_until(lambda: not _answers(practice), "the machine to be dead")
    assert await practice.status() is MachineStatus.STOPPED
    assert (await practice.provider.power(practice.context, "stop")).status is MachineStatus.STOPPED
    assert (await practice.provider.power(practice.context, "start")).status is MachineStatus.RUNNING
    assert _answers(practice)


async def test_two_starts_at_once_make_one_server(practice: Practice) -> None:
    await practice.provider.power(practice.context, "stop")
    starts = (practice.provider.power(practice.context, "start") for _ in range(3))
    ports = {facts.ssh_port for facts in await asyncio.gather(*starts)}
    assert ports == {practice.facts.ssh_port}
    every = psutil.process_iter(["cmdline"])
    servers = [process for process in every if str(practice.folder) in (process.info["cmdline"] or ())]
    wait_until(lambda: sum(map(_lives, servers)) == 1, "all but one server to leave")


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_hooks_can_be_repeated_after_a_crash(practice: Practice) -> None:
    before = practice.server()
    again = await practice.deploy()
    assert practice.server() == before
    assert again.host_key == practice.facts.host_key


async def test_a_taken_port_moves_the_machine(practice: Practice) -> None:
    await practice.provider.power(practice.context, "stop")
    with socket.create_server(("127.0.0.1", practice.facts.ssh_port or 0)):
        practice.facts = await practice.provider.power(practice.context, "start")
        assert _answers(practice)
        assert await practice.status() is MachineStatus.RUNNING
    moved_to = practice.facts.ssh_port
    assert any(f"listens on {moved_to} now" in line for line in practice.lines)
    assert (await practice.provider.power(practice.context, "reboot")).ssh_port == moved_to


async def test_the_server_outlives_whoever_started_it(practice: Practice) -> None:
    server = psutil.Process(int(str(practice.server()["pid"])))
    assert os.getsid(server.pid) == server.pid
    assert not any("MACHINA_HOME" in name for name in server.environ())


async def test_destroying_leaves_no_process_and_no_folder(tmp_path: Path) -> None:
    practice = Practice(tmp_path / "practice")
    await practice.deploy()
    with practice.connect() as connection:
        connection.capture("mkdir -p locked/inner; chmod 500 locked; nohup sleep 600 >/dev/null 2>&1 & echo")
    pid = int(str(practice.server()["pid"]))
    await practice.provider.after_destroy(practice.context)
    assert not practice.folder.exists()
    assert not practice.processes()
    wait_until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "the server to end")
    await practice.provider.after_destroy(practice.context)
    assert await practice.status() is MachineStatus.STOPPED


async def test_only_the_machines_own_folder_can_be_removed(tmp_path: Path) -> None:
    practice = Practice(tmp_path / "practice")
    keep = tmp_path / "keep"
    keep.mkdir()
    for machine_id in ("..", "../keep", str(keep), "", "."):
        context = replace(practice.context, machine=replace(practice.context.machine, machine_id=machine_id))
        with pytest.raises(Bug):
            await practice.provider.after_destroy(context)
    (tmp_path / "practice").mkdir()
    (tmp_path / "practice" / practice.context.machine.machine_id).symlink_to(keep)
    with pytest.raises(Bug):
        await practice.provider.after_destroy(practice.context)
    assert keep.exists()


async def test_a_machine_whose_folder_was_deleted_says_so(practice: Practice) -> None:
    await practice.provider.power(practice.context, "stop")
    for path in ("config.json", "host_key"):
        (practice.folder / path).unlink()
    with pytest.raises(Unavailable) as refusal:
        await practice.provider.power(practice.context, "start")
    assert refusal.value.code == "E-PRACTICE-FOLDER"


async def test_a_server_that_cannot_start_says_why(practice: Practice) -> None:
    await practice.provider.power(practice.context, "stop")
    (practice.folder / "host_key").write_text("no key")
    with pytest.raises(Unavailable) as refusal:
        await practice.provider.power(practice.context, "start")
    assert refusal.value.code == "E-PRACTICE-START"


@pytest.mark.parametrize(
    "name", ['${file("/etc/passwd")}', "🦀", "x" * 300, "a'; touch /tmp/x; '", "-oProxyCommand=x", ""]
)
async def test_hostile_names_are_refused(tmp_path: Path, name: str) -> None:
    practice = Practice(tmp_path, name)
    with pytest.raises(InvalidInput) as refusal:
        practice.provider.check(practice.context.machine)
    assert refusal.value.field == "name"


async def test_the_record_is_the_same_at_every_plan(practice: Practice) -> None:
    machine = practice.context.machine
    known = replace(machine, ssh_port=practice.facts.ssh_port or 0, host_key=practice.facts.host_key or "")
    assert practice.provider.variables(machine, PARTS) == practice.provider.variables(known, PARTS)
    assert practice.provider.variables(machine, PARTS)["port"] == practice.facts.ssh_port


async def test_the_provider_describes_itself() -> None:
    provider = provider_for(ProviderType.SANDBOX)
    catalogue = await provider.catalogue(access())
    assert (await provider.verify(access())).status is CredentialStatus.VALID
    assert [region.slug for region in catalogue.regions] == ["this-computer"]
    assert [size.price_hourly for size in catalogue.sizes] == [0.0]
    assert catalogue.images[0].title
    assert {skipped.step for skipped in provider.info.skipped_steps} == {WizardStep.FIREWALL, WizardStep.BOOTSTRAP}
