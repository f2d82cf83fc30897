"""Whole stories told by ``machina`` commands alone, with the real Terraform, real SSH and real kills."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import sshd
from tests.fakes.command_line import DEADLINE_S, Machina
from tests.fakes.ports import free_port

STRANGER = "SHA256:" + "A" * 43
# Kills the server's process of this session: it is the parent of the login shell or, where that became us, our own.
END_OF_SESSION = (
    "process=$PPID; while [ $process -gt 1 ]; do grep -q sshd /proc/$process/comm && kill -9 $process && break; "
    "process=$(awk '/^PPid/ { print $2 }' /proc/$process/status) || break; done"
)


@pytest.fixture
def machina(tmp_path: Path) -> Iterator[Machina]:
    """The program on an empty data folder."""
    program = Machina(tmp_path)
    yield program
    program.end_leftovers()


@pytest.fixture
def practice(machina: Machina) -> Machina:
    """The program with a key ``k1`` and an account ``here`` for practice machines."""
    return settled(machina)


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Machina:
    """The same, shared by tests that store nothing."""
    return settled(Machina(tmp_path_factory.mktemp("untouched")))


def settled(machina: Machina) -> Machina:
    machina.done("keys", "generate", "--name", "k1", "--type", "ed25519")
    machina.done("providers", "add", "--type", "sandbox", "--label", "here")
    return machina


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    """A real OpenSSH server on loopback."""
    with sshd.running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture(scope="module")
def rack(tmp_path_factory: pytest.TempPathFactory, host: sshd.Sshd) -> Machina:
    """The program with a key ``k1`` that may log in to the host, and an account ``rack``; each test has its machine."""
    machina = Machina(tmp_path_factory.mktemp("rack"))
    key = machina.json("keys", "generate", "--name", "k1")
    with host.authorized_keys.open("a") as file:
        file.write(f"{key['public_key']}\n")
    # A reboot that ends the session but, unlike the real thing, not the computer that runs the tests.
    power = ("--reboot-command", END_OF_SESSION, "--reboot-check", "reconnect")
    machina.done("providers", "add", "--type", "baremetal", "--label", "rack", *power)
    return machina


def create(name: str = "m1") -> tuple[str, ...]:
    return ("machines", "create", "--account", "here", "--name", name, "--key", "k1")


def register(server: sshd.Sshd, **changed: object) -> tuple[object, ...]:
    known = {"host": "127.0.0.1", "port": server.port, "user": server.user, "host-key": server.fingerprint}
    fields = {"account": "rack", "name": "m1", "key": "k1", **known, **changed}
    return ("machines", "create", *(word for name, value in fields.items() if value for word in (f"--{name}", value)))


def log_in(machine: dict[str, Any], key: Path, command: str) -> subprocess.CompletedProcess[str]:
    """What the real ``ssh`` makes of ``command`` on the machine."""
    known = f"UserKnownHostsFile={key.with_name('known_hosts')}"
    options = ("-o", "StrictHostKeyChecking=accept-new", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes", "-o", known)
    address = f"{machine['ssh_user']}@{machine['ssh_host']}"
    argv = [sshd.ssh_program(), *options, "-i", str(key), "-p", str(machine["ssh_port"]), "--", address, command]
    return subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE_S, check=False)


def test_a_practice_machine_lives_and_dies_by_commands(practice: Machina, tmp_path: Path) -> None:
    said = practice.done(*create(), "--auto-approve", "--wait")
    assert "Apply complete! Resources: 1 added" in said
    assert practice.done("machines", "list").splitlines()[1].split()[:3] == ["m1", "running", "practice"]

    key = tmp_path / "k1.pem"
    practice.done("keys", "export", "k1", "--to", key)
    machine = practice.json("machines", "get", "m1")
    assert log_in(machine, key, "echo hello from $((6 * 7))").stdout == "hello from 42\n"

    assert "reboot succeeded" in practice.done("machines", "reboot", "m1", "--wait")
    practice.done("machines", "stop", "m1")
    assert practice.json("machines", "get", "m1")["actual_status"] == "stopped"
    assert log_in(machine, key, "true").returncode == 255
    practice.done("machines", "start", "m1")
    assert log_in(machine, key, "true").returncode == 0

    assert "1 destroyed" in practice.done("machines", "destroy", "m1", "--yes", "--wait")
    assert practice.json("machines", "list") == []
    assert "is whole" in practice.done("audit", "verify")


def test_a_plan_approved_by_a_second_process_is_applied_while_the_first_waits(rack: Machina, host: sshd.Sshd) -> None:
    with rack.start(*register(host, name="approved"), "--wait") as waiting:
        rack.wait_for_state("approved", "awaiting_approval")
        rack.done("deployments", "approve", "approved")
        said, notes = waiting.communicate(timeout=DEADLINE_S)
    assert waiting.returncode == 0, notes
    assert "Plan: 1 to add, 0 to change, 0 to remove." in notes
    assert said.count("Apply complete! Resources: 1 added") == 1
    assert rack.json("machines", "get", "approved")["actual_status"] == "running"


def test_a_host_is_registered_rebooted_and_deregistered_by_commands(rack: Machina, host: sshd.Sshd) -> None:
    rack.done(*register(host, name="db1"), "--auto-approve", "--wait")
    assert "It is back." in rack.done("machines", "reboot", "db1", "--wait")
    assert "1 destroyed" in rack.done("machines", "destroy", "db1", "--yes", "--wait")
    assert rack.json("machines", "list", "--search", "db1") == []


@pytest.mark.parametrize(
    "name, changed, code",
    [
        ("wrong-port", {"port": free_port()}, "E-SSH-REFUSED"),
        ("refused-login", {"user": "nobody-of-that-name"}, "E-SSH-AUTH"),
        ("wrong-host-key", {"host-key": STRANGER}, "E-SSH-HOST-KEY"),
        ("unknown-host", {"host": "no-such-host.invalid"}, "E-SSH-UNKNOWN-HOST"),
    ],
)
def test_a_host_that_cannot_be_used_ends_the_command_with_code_and_hint(
    rack: Machina, host: sshd.Sshd, name: str, changed: dict[str, object], code: str
) -> None:
    said = rack.refused(*register(host, name=name, **changed), "--auto-approve", "--wait")
    assert f"error {code}: " in said
    assert "\nhint: " in said
    assert rack.json("machines", "get", name)["actual_status"] == "error"


def test_an_unknown_host_key_is_shown_and_never_taken_on_trust(rack: Machina, host: sshd.Sshd) -> None:
    said = rack.refused(*register(host, **{"name": "stranger", "host-key": ""}), "--auto-approve", "--wait")
    assert "error E-HOST-KEY-UNKNOWN: " in said
    assert f"--host-key {host.fingerprint}" in said
    assert rack.json("machines", "list", "--search", "stranger") == []


@pytest.mark.parametrize(
    "name", ['${file("/etc/passwd")}', "🦄", "a" * 300, "--flag", "m1; reboot"], ids=["hcl", "emoji", "300", "-", ";"]
)
def test_a_hostile_name_is_refused_before_anything_is_stored(untouched: Machina, name: str) -> None:
    said = untouched.refused("machines", "create", "--account", "here", f"--name={name}")
    assert "error E-MACHINE-NAME: " in said
    assert untouched.json("deployments", "list") == []


def test_a_refused_field_is_named_as_the_option_it_came_from(untouched: Machina) -> None:
    assert "hint: Give it with --key." in untouched.refused("machines", "create", "--account", "here", "--name", "m1")


def test_ctrl_c_does_not_wait_for_a_host_that_keeps_us_waiting(machina: Machina, host: sshd.Sshd) -> None:
    key = machina.json("keys", "generate", "--name", "k1")
    with host.authorized_keys.open("a") as file:
        file.write(f"{key['public_key']}\n")
    # The command reboots nothing, so waiting for another boot id would take ten minutes.
    machina.done("providers", "add", "--type", "baremetal", "--label", "rack", "--reboot-command", "true")
    machina.done(*register(host), "--auto-approve")
    with machina.start("machines", "reboot", "m1", "--wait") as waiting:
        assert waiting.stdout is not None
        assert any("Waiting for the machine to come back." in line for line in waiting.stdout)
        waiting.send_signal(signal.SIGINT)
        assert waiting.wait(timeout=5) == 130


def test_ctrl_c_leaves_the_run_alone_and_resume_sees_it_through(practice: Machina) -> None:
    practice.hold_applies()
    with practice.start(*create(), "--auto-approve", "--wait") as waiting:
        practice.wait_for_apply()
        waiting.send_signal(signal.SIGINT)
        _, notes = waiting.communicate(timeout=DEADLINE_S)
    assert waiting.returncode == 130
    assert "The create of m1 goes on." in notes
    assert practice.state_of("m1") == "applying"
    practice.let_go()
    assert "m1: create succeeded" in practice.done("deployments", "resume")
    assert_applied_once(practice)


def test_a_killed_command_loses_nothing_and_resume_applies_nothing_twice(practice: Machina) -> None:
    practice.hold_applies()
    with practice.start(*create(), "--auto-approve", "--wait") as waiting:
        practice.wait_for_apply()
        waiting.kill()
    practice.let_go()
    assert "m1: create succeeded" in practice.done("deployments", "resume")
    assert_applied_once(practice)
    assert practice("deployments", "resume").stderr == "Nothing was left to do.\n"


def test_the_next_command_about_a_machine_first_ends_what_a_killed_one_left(practice: Machina) -> None:
    practice.hold_applies()
    with practice.start(*create(), "--auto-approve") as waiting:
        practice.wait_for_apply()
        waiting.kill()
    practice.let_go()
    assert "destroy succeeded" in practice.done("machines", "destroy", "m1", "--yes", "--wait")
    states = [run["state"] for run in practice.json("deployments", "list", "--machine", "m1")]
    assert states == ["succeeded", "succeeded"]


def test_cancelling_reaches_a_run_that_another_process_carries_out(practice: Machina) -> None:
    practice.hold_applies()
    with practice.start(*create(), "--auto-approve", "--wait") as waiting:
        practice.wait_for_apply()
        practice.done("deployments", "cancel", "m1", "--wait")
        _, notes = waiting.communicate(timeout=DEADLINE_S)
    assert waiting.returncode == 1
    assert "error E-CANCELLED: " in notes


def test_a_person_at_the_terminal_reads_the_plan_and_says_yes(practice: Machina) -> None:
    with practice.at_terminal(*create(), "--wait") as terminal:
        terminal.wait_for("[y/N]")
        assert "+ terraform_data.machine: create" in terminal.shown
        terminal.type("y\n")
        assert terminal.ended() == 0
    assert practice.json("machines", "get", "m1")["actual_status"] == "running"


def test_a_no_discards_the_plan(practice: Machina) -> None:
    with practice.at_terminal(*create(), "--wait") as terminal:
        terminal.wait_for("[y/N]")
        terminal.type("n\n")
        assert terminal.ended() == 1
    assert practice.state_of("m1") == "cancelled"


def test_ctrl_c_at_the_question_leaves_the_plan_waiting(practice: Machina) -> None:
    with practice.at_terminal(*create(), "--wait") as terminal:
        terminal.wait_for("[y/N]")
        terminal.interrupt()
        assert terminal.ended() == 130
        assert "The plan waits for approval" in terminal.shown.rpartition("[y/N]")[2]
    assert practice.state_of("m1") == "awaiting_approval"


def test_destroying_asks_first_and_a_script_has_to_say_yes(practice: Machina) -> None:
    practice.done(*create(), "--auto-approve")
    assert "error E-CONFIRM: " in practice.refused("machines", "destroy", "m1")
    with practice.at_terminal("machines", "destroy", "m1") as terminal:
        terminal.wait_for("[y/N]")
        terminal.type("\n")
        assert terminal.ended() == 1
    assert practice.json("machines", "get", "m1")["actual_status"] == "running"
    practice.done("machines", "destroy", "m1", "--yes")


def assert_applied_once(practice: Machina) -> None:
    assert practice.applies == 1
    lines = practice.json("deployments", "logs", "m1")
    assert [line["text"] for line in lines].count("Apply complete! Resources: 1 added, 0 changed, 0 destroyed.") == 1
    assert practice.json("machines", "get", "m1")["actual_status"] == "running"
    assert "is whole" in practice.done("audit", "verify")
