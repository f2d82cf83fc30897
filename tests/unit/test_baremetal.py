"""Servers that exist already, against a real openssh-server: checked, set up once, rebooted, let go, never wiped."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from machina_desktop.core.domain.key import SSHKey, SSHKeyType
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderType, WizardStep
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.providers.baremetal import BareMetal, host_problem
from machina_desktop.core.providers.base import Cancelled, HookContext, MachineParts
from machina_desktop.core.providers.registry import PROVIDERS, available_types, provider_for
from machina_desktop.core.secret import Secret
from tests.fakes.ports import free_port
from tests.fakes.preferences import PREFERENCES, access
from tests.fakes.sshd import USER, KeyPair, Sshd, running, wait_until

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
    has_private_key=True,
    created_at=now(),
    updated_at=now(),
)
MACHINE = Machine(
    machine_id="machine-1",
    team_id="team-1",
    name="rack-1",
    provider=ProviderType.BAREMETAL,
    provider_account_id="account-1",
    ssh_host="127.0.0.1",
    ssh_user=USER,
    ssh_key_ids=("key-1",),
    host_key=KeyPair().fingerprint,
    created_at=now(),
    updated_at=now(),
)
ACCOUNT = ProviderAccount(
    provider_account_id="account-1",
    team_id="team-1",
    provider_type=ProviderType.BAREMETAL,
    label="rack",
    settings={},
    created_at=now(),
    updated_at=now(),
)
PARTS = MachineParts(keys=(LISTED,))
_MARKS = itertools.count(800_000 + os.getpid() % 100_000 * 1000)


class Rack:
    """One server and the hooks that work on it."""

    def __init__(self, server: Sshd, **settings: str) -> None:
        self.server = server
        self.provider = BareMetal(power_timeout_s=20, poll_s=0.05)
        self.lines: list[str] = []
        self.machine = replace(MACHINE, machine_id=new_id("machine"), ssh_port=server.port, host_key=server.fingerprint)
        self.settings = settings
        self.credentials: dict[str, Secret] = {}
        self.cancelled = threading.Event()

    @property
    def context(self) -> HookContext:
        return HookContext(
            machine=self.machine,
            account=replace(ACCOUNT, settings=self.settings),
            credentials=self.credentials,
            keys=(LISTED,),
            private_keys={"key-1": KEY.private},
            practice=Path("/nonexistent"),
            log=self.lines.append,
            cancelled=self.cancelled,
            preferences=PREFERENCES,
        )

    def with_script(self, script: str) -> Rack:
        self.machine = replace(self.machine, bootstrap_script=script)
        return self

    @property
    def markers(self) -> list[Path]:
        folders = Path("/var/lib/machina"), Path.home() / ".local/state/machina", self.home / ".local/state/machina"
        return [place for folder in folders if (place := folder / self.machine.machine_id).exists()]

    @property
    def home(self) -> Path:
        return self.server.folder / "home"


@pytest.fixture
def rack(tmp_path: Path) -> Iterator[Rack]:
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    with running(tmp_path, options=(f"SetEnv PATH={path} HOME={tmp_path / 'home'}",)) as server:
        server.authorize(KEY)
        made = Rack(server)
        yield made
        for marker in made.markers:
            marker.unlink()


def _program(rack: Rack, name: str, text: str) -> None:
    path = rack.server.folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


async def test_a_host_is_looked_over_before_it_is_recorded(rack: Rack) -> None:
    facts = await rack.provider.before_apply(rack.context)
    assert {"os", "kernel", "arch", "cpu", "disk"} <= facts.extra.keys()
    log = "\n".join(rack.lines)
    for said in (f"Logged in as {USER}", rack.server.fingerprint, "Free on its disk", facts.extra["os"]):
        assert said in log


async def test_after_the_apply_the_machine_runs_under_the_address_that_was_given(rack: Rack) -> None:
    facts = await rack.provider.after_apply(rack.context, {})
    assert (facts.status, facts.public_ip, facts.ssh_port) == (MachineStatus.RUNNING, "127.0.0.1", rack.server.port)
    rack.machine = replace(rack.machine, ssh_host="localhost")
    assert (await rack.provider.after_apply(rack.context, {})).public_ip is None


async def test_a_full_disk_is_refused_before_anything_is_done(rack: Rack) -> None:
    _program(rack, "df", "echo head; echo /dev/x 100000 99000 1024 99% /")
    rack.with_script("touch ~/was-run")
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.before_apply(rack.context)
    assert refusal.value.code == "E-HOST-DISK"
    assert "1 MB" in refusal.value.message
    assert not (rack.home / "was-run").exists()


async def test_a_login_without_a_shell_is_told_from_a_refused_one(rack: Rack) -> None:
    rack.server.authorized_keys.write_text(f'command="echo go away" {KEY.public}\n')
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.before_apply(rack.context)
    assert refusal.value.code == "E-HOST-SHELL"


async def test_another_host_key_stops_everything(rack: Rack) -> None:
    rack.machine = replace(rack.machine, host_key=KeyPair().fingerprint)
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.before_apply(rack.context)
    assert refusal.value.code == "E-SSH-HOST-KEY"
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.observe(rack.context)
    assert refusal.value.code == "E-SSH-HOST-KEY"


async def test_a_machine_without_a_private_key_says_so(rack: Rack) -> None:
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.before_apply(replace(rack.context, private_keys={}))
    assert refusal.value.code == "E-SSH-KEY"


async def test_the_bootstrap_script_runs_once_for_each_text(rack: Rack) -> None:
    rack.with_script("echo ran >> ~/runs")
    await rack.provider.before_apply(rack.context)
    await rack.provider.before_apply(rack.context)
    assert (rack.home / "runs").read_text() == "ran\n"
    assert len(rack.markers) == 1
    rack.with_script("echo changed >> ~/runs")
    await rack.provider.before_apply(rack.context)
    assert (rack.home / "runs").read_text() == "ran\nchanged\n"


async def test_the_output_of_the_script_is_in_the_log(rack: Rack) -> None:
    await rack.provider.before_apply(rack.with_script("echo one\necho two >&2").context)
    assert [line for line in rack.lines if line in {"one", "two"}] == ["one", "two"]


async def test_a_failing_script_says_how_it_failed_and_is_run_again(rack: Rack) -> None:
    rack.with_script("echo attempt >> ~/runs\necho 'no such package: foo'\nexit 9")
    for _ in range(2):
        with pytest.raises(Unavailable) as refusal:
            await rack.provider.before_apply(rack.context)
    assert refusal.value.code == "E-BOOTSTRAP"
    assert "9" in refusal.value.message
    assert "no such package: foo" in refusal.value.message
    assert (rack.home / "runs").read_text() == "attempt\nattempt\n"
    assert not rack.markers


async def test_a_secret_in_the_last_line_is_not_shown(rack: Rack) -> None:
    REDACTOR.learn("canary-in-a-script")
    rack.with_script("echo canary-in-a-script\nexit 1")
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.before_apply(rack.context)
    assert "canary" not in str(refusal.value)


async def test_a_script_whose_connection_is_cut_leaves_no_marker(rack: Rack) -> None:
    rack.with_script("echo begun\nsleep 30")
    cut = replace(rack.context, log=lambda line: rack.server.end_sessions() if line == "begun" else None)
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.before_apply(cut)
    assert refusal.value.code == "E-SSH-DROPPED"
    assert not rack.markers


async def test_cancelling_ends_the_script_on_the_host(rack: Rack) -> None:
    seconds = str(next(_MARKS))
    rack.with_script(f"echo begun\nsleep {seconds}")
    context = replace(rack.context, log=lambda line: rack.cancelled.set() if line == "begun" else None)
    with pytest.raises(Cancelled):
        await rack.provider.before_apply(context)
    wait_until(lambda: not _runs(seconds), "the sleep to end")
    assert not rack.markers


def _runs(word: str) -> bool:
    return any(word in (process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"]))


async def test_destroying_takes_the_marker_and_nothing_else(rack: Rack) -> None:
    rack.with_script("echo kept > ~/kept")
    await rack.provider.before_apply(rack.context)
    assert rack.markers
    await rack.provider.before_destroy(rack.context)
    await rack.provider.after_destroy(rack.context)
    assert not rack.markers
    assert (rack.home / "kept").read_text() == "kept\n"


async def test_a_host_that_is_gone_can_be_deregistered(rack: Rack) -> None:
    rack.server.stop()
    await rack.provider.before_destroy(rack.context)
    assert "deregistered" in rack.lines[-1]


async def test_observe_tells_running_from_stopped_from_unknown(rack: Rack) -> None:
    assert (await rack.provider.observe(rack.context)).status is MachineStatus.RUNNING
    rack.machine = replace(rack.machine, ssh_host="no-such-host.invalid")
    assert (await rack.provider.observe(rack.context)).status is None
    rack.machine = replace(rack.machine, ssh_host="127.0.0.1")
    rack.server.stop()
    assert (await rack.provider.observe(rack.context)).status is MachineStatus.STOPPED


async def test_a_reboot_is_done_when_a_new_connection_follows_a_lost_one(rack: Rack) -> None:
    rack.settings = {"reboot_command": "echo going down; sleep 60", "reboot_check": "reconnect"}

    def restart(line: str) -> None:
        rack.lines.append(line)
        if line == "going down":
            rack.server.stop()
            threading.Timer(0.5, rack.server.start).start()

    facts = await rack.provider.power(replace(rack.context, log=restart), "reboot")
    assert facts.status is MachineStatus.RUNNING
    assert rack.lines[-1] == "It is back."


async def test_a_new_boot_id_ends_the_wait_for_a_reboot(rack: Rack) -> None:
    boots = rack.server.folder / "boots"
    boots.write_text("first")
    _program(rack, "cat", f'[ "$1" = /proc/sys/kernel/random/boot_id ] && exec /bin/cat {boots}; exec /bin/cat "$@"')
    rack.settings = {"reboot_command": f"(sleep 0.3; echo second > {boots}) > /dev/null 2>&1 < /dev/null &"}
    rack.settings["reboot_command"] = f"echo second > {boots}"
    assert (await rack.provider.power(rack.context, "reboot")).status is MachineStatus.RUNNING


async def test_a_reboot_that_does_not_happen_is_found_out(rack: Rack) -> None:
    rack.settings = {"reboot_command": "true"}
    rack.provider.power_timeout_s = 0.5
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.power(rack.context, "reboot")
    assert refusal.value.code == "E-POWER"


async def test_a_reboot_can_be_cancelled_while_waiting(rack: Rack) -> None:
    rack.settings = {"reboot_command": "true"}
    context = replace(rack.context, log=lambda line: rack.cancelled.set() if "Waiting" in line else None)
    with pytest.raises(Cancelled):
        await rack.provider.power(context, "reboot")


async def test_a_power_command_that_fails_says_what_it_said(rack: Rack) -> None:
    rack.settings = {"stop_command": "echo not permitted; exit 4"}
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.power(rack.context, "stop")
    assert refusal.value.code == "E-POWER"
    assert "not permitted" in refusal.value.message


async def test_a_stop_waits_for_silence_and_a_start_for_an_answer(rack: Rack) -> None:
    config = rack.server.folder / "sshd_config"
    rack.settings = {
        "stop_command": f"kill $(cat {rack.server.folder}/sshd.pid)",
        "start_command": f"/usr/sbin/sshd -f {config} -E {rack.server.log}",
    }
    try:
        assert (await rack.provider.power(rack.context, "stop")).status is MachineStatus.STOPPED
        assert (await rack.provider.observe(rack.context)).status is MachineStatus.STOPPED
        assert (await rack.provider.power(rack.context, "start")).status is MachineStatus.RUNNING
    finally:
        psutil.Process(int((rack.server.folder / "sshd.pid").read_text())).kill()


async def test_without_a_start_command_the_reason_is_given(rack: Rack) -> None:
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.power(rack.context, "start")
    assert "no start command" in refusal.value.message


async def test_the_probe_shows_a_hosts_key(rack: Rack) -> None:
    assert await rack.provider.probe("127.0.0.1", rack.server.port) == (rack.server.fingerprint, "ssh-ed25519")
    with pytest.raises(Unavailable) as refusal:
        await rack.provider.probe("127.0.0.1", free_port())
    assert refusal.value.code == "E-SSH-REFUSED"
    with pytest.raises(InvalidInput):
        await rack.provider.probe("-oProxyCommand=touch", 22)


@pytest.mark.parametrize(
    "host", ["10.0.0.7", "2001:db8::1", "fe80::1%eth0", "web", "db-1.example.com", "a_b.lan", "x."]
)
def test_addresses_and_names_of_hosts_are_taken(host: str) -> None:
    assert host_problem(host) == ""


@pytest.mark.parametrize(
    "host",
    [
        "",
        "-oProxyCommand=touch /tmp/x",
        "-x",
        "a b",
        "a\nb",
        "$(id)",
        "`id`",
        "a;b",
        "a|b",
        "[::1]",
        "user@host",
        "10.0.0.256",
        "a..b",
        "host-",
        "h" * 64,
        "x." * 130,
        "fe80::1%$(id)",
        "🦀.example",
        "hôte",
    ],
)
def test_what_cannot_be_an_address_is_refused(host: str) -> None:
    assert host_problem(host)


@given(st.text(max_size=40))
def test_no_accepted_address_means_anything_to_a_shell(host: str) -> None:
    if not host_problem(host):
        assert not host.startswith("-")
        assert not set(host) & set(" \t\r\n'\"`$&|;<>(){}*?!#\\@/=,~^[]")


@pytest.mark.parametrize(
    "field, change",
    [
        ("host", {"ssh_host": ""}),
        ("port", {"ssh_port": 0}),
        ("port", {"ssh_port": 65536}),
        ("user", {"ssh_user": ""}),
        ("user", {"ssh_user": "-l root"}),
        ("user", {"ssh_user": "root\n"}),
        ("host_key", {"host_key": ""}),
        ("host_key", {"host_key": "SHA256:short"}),
        ("host_key", {"host_key": KEY.fingerprint + "\n"}),
        ("key_ids", {"ssh_key_ids": ()}),
    ],
)
def test_a_machine_that_cannot_be_connected_to_is_refused(field: str, change: dict[str, object]) -> None:
    provider = BareMetal()
    provider.check(MACHINE)
    with pytest.raises(InvalidInput) as refusal:
        provider.check(replace(MACHINE, **change))
    assert refusal.value.field == field


def test_the_record_changes_with_the_script_only() -> None:
    provider = BareMetal()
    record = provider.variables(MACHINE, PARTS)
    assert record["profile_digest"] == ""
    assert record | {"profile_digest": ""} == provider.variables(
        replace(MACHINE, notes="new", bootstrap_script="true"), PARTS
    ) | {"profile_digest": ""}
    assert provider.variables(replace(MACHINE, bootstrap_script="true"), MachineParts())["profile_digest"]


async def test_settings_that_cannot_be_understood_are_invalid() -> None:
    provider = BareMetal()
    assert (await provider.verify(access())).status is CredentialStatus.VALID
    for settings in ({"reboot_check": "hope"}, {"start_command": "echo 'open"}):
        found = await provider.verify(access(settings))
        assert found.status is CredentialStatus.INVALID
        assert found.reason


def test_the_registry_knows_every_provider_by_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(available_types()) == set(ProviderType)
    assert all(provider_for(kind).info.type is kind for kind in available_types())
    monkeypatch.delitem(PROVIDERS, ProviderType.AWS)
    provider_for.cache_clear()
    with pytest.raises(InvalidInput):
        provider_for(ProviderType.AWS)


def test_skipped_steps_have_their_reasons() -> None:
    skipped = {step.step: step.reason for step in BareMetal.info.skipped_steps}
    assert set(skipped) == {WizardStep.REGION, WizardStep.SIZE, WizardStep.IMAGE, WizardStep.FIREWALL}
    assert all(reason.endswith(".") for reason in skipped.values())
