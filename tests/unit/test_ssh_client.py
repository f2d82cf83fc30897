"""SSH against a real openssh-server: what is pinned holds, every failure has its code, nothing is left behind."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh import connection as connection_module
from machina_desktop.core.ssh.client import Target, check_host_key, connect, probe_host_key
from machina_desktop.core.ssh.connection import ENDED_BY_SIGNAL, Connection
from machina_desktop.core.ssh.target import CONNECT_TIMEOUT_S
from tests.fakes.ports import free_port
from tests.fakes.sshd import USER, KeyPair, Sshd, running, wait_until

KEY = KeyPair()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), host_keys=("ed25519", "ecdsa", "rsa")) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture
def connection(server: Sshd) -> Iterator[Connection]:
    with _connect(server) as opened:
        yield opened


def _target(server: Sshd, user: str = USER) -> Target:
    return Target(host="127.0.0.1", port=server.port, user=user)


def _connect(server: Sshd, *keys: KeyPair, pin: str | None = None, user: str = USER) -> Connection:
    private = [key.private for key in keys or (KEY,)]
    pinned = server.fingerprint if pin is None else pin
    return connect(_target(server, user), private_keys=private, host_key=pinned, timeout_s=10)


def _processes_with(mark: str) -> list[psutil.Process]:
    every = psutil.process_iter(["cmdline"])
    return [process for process in every if any(mark in word for word in process.info["cmdline"] or ())]


_MARKS = itertools.count(700_000 + os.getpid() % 100_000 * 1000)


@pytest.fixture
def mark() -> str:
    """Seconds to sleep that nobody else sleeps, so that the process is found."""
    return str(next(_MARKS))


def test_the_probe_shows_the_key_that_ssh_keygen_would_show(server: Sshd) -> None:
    key = probe_host_key(Target(host="127.0.0.1", port=server.port))
    assert (key.fingerprint, key.key_type, key.bits) == (server.host_keys["ed25519"].fingerprint, "ssh-ed25519", 256)


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_any_key_of_the_server_can_be_the_pin(server: Sshd, kind: str) -> None:
    with _connect(server, pin=server.host_keys[kind].fingerprint) as opened:
        assert opened.capture("echo ok") == (0, "ok\n")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_keys_of_every_kind_log_in(server: Sshd, kind: str) -> None:
    key = server.authorize(KeyPair(kind))
    with _connect(server, key) as opened:
        assert opened.is_alive


def test_the_handshake_is_strict_against_message_injection(connection: Connection) -> None:
    assert connection._transport.agreed_on_strict_kex


def test_another_host_key_is_refused_and_both_fingerprints_are_named(server: Sshd) -> None:
    stranger = KeyPair().fingerprint
    with pytest.raises(Unavailable) as refusal:
        _connect(server, pin=stranger)
    assert refusal.value.code == "E-SSH-HOST-KEY"
    assert stranger in refusal.value.message
    assert all(key.fingerprint in refusal.value.message for key in server.host_keys.values())
    assert refusal.value.hint


def test_nobody_logs_in_where_the_host_key_is_wrong(server: Sshd) -> None:
    before = server.log.read_text()
    with pytest.raises(Unavailable):
        _connect(server, pin=KeyPair().fingerprint)
    assert "Accepted" not in server.log.read_text().removeprefix(before)


def test_without_a_pin_no_connection_is_made(server: Sshd) -> None:
    with pytest.raises(Unavailable) as refusal:
        _connect(server, pin="")
    assert refusal.value.code == "E-SSH-HOST-KEY"


def test_a_wrong_port_is_told_from_a_missing_host() -> None:
    port = free_port()
    with pytest.raises(Unavailable) as refusal:
        probe_host_key(Target(host="127.0.0.1", port=port))
    assert refusal.value.code == "E-SSH-REFUSED"
    assert "127.0.0.1" in refusal.value.message
    assert str(port) in refusal.value.message


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 64 + ".example"])
def test_a_host_nobody_knows_is_named(host: str) -> None:
    with pytest.raises(Unavailable) as refusal:
        probe_host_key(Target(host=host))
    assert refusal.value.code == "E-SSH-UNKNOWN-HOST"
    assert host in refusal.value.message


def test_a_login_that_is_refused_names_the_user_and_the_number_of_keys(server: Sshd) -> None:
    with pytest.raises(Unavailable) as refusal:
        _connect(server, KeyPair(), KeyPair())
    assert refusal.value.code == "E-SSH-AUTH"
    assert USER in refusal.value.message
    assert "2 keys" in refusal.value.message


def test_the_second_key_is_tried_when_the_first_is_refused(server: Sshd) -> None:
    with _connect(server, KeyPair(), KEY) as opened:
        assert opened.is_alive


def test_more_keys_than_the_server_allows_end_as_a_refused_login(server: Sshd) -> None:
    with pytest.raises(Unavailable) as refusal:
        _connect(server, *(KeyPair() for _ in range(9)))
    assert refusal.value.code == "E-SSH-AUTH"


def test_a_key_that_cannot_be_read_is_not_quoted(server: Sshd) -> None:
    with pytest.raises(Unavailable) as refusal:
        connect(_target(server), private_keys=[Secret("canary-of-a-key")], host_key=server.fingerprint)
    assert refusal.value.code == "E-SSH-KEY"
    assert "canary" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_server_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        with pytest.raises(Unavailable) as refusal:
            probe_host_key(Target(host="127.0.0.1", port=silent.getsockname()[1]), timeout_s=0.5)
    assert refusal.value.code == "E-SSH-TIMEOUT"
    assert time.monotonic() - started < CONNECT_TIMEOUT_S


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"\x00\xff" * 400_000, b"SSH-1.5-old\r\n"]
)
def test_what_is_no_ssh_server_is_said_to_be_none(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def serve() -> None:
            client, _ = other.accept()
            with client:
                try:
                    client.sendall(answer)
                except OSError:
                    return

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Unavailable) as refusal:
            probe_host_key(Target(host="127.0.0.1", port=other.getsockname()[1]), timeout_s=5)
        thread.join()
    assert refusal.value.code == "E-SSH-PROTOCOL"


def test_a_check_of_the_host_key_needs_no_login(server: Sshd) -> None:
    check_host_key(Target(host="127.0.0.1", port=server.port), host_key=server.host_keys["rsa"].fingerprint)


def test_lines_arrive_while_the_command_runs(connection: Connection, tmp_path: Path) -> None:
    heard, arrived = tmp_path / "heard", []

    def hear(line: str) -> None:
        arrived.append(line)
        heard.touch()

    waits = f"until test -e {heard}; do sleep 0.01; done"
    status = connection.run(f"echo one; {waits}; printf '10%%\\r100%%\\n'; printf tail", on_line=hear)
    assert status == 0
    assert arrived == ["one", "100%", "tail"]


def test_a_command_runs_on_a_dumb_terminal(connection: Connection) -> None:
    lines: list[str] = []
    connection.run("echo $TERM; test -t 0 && test -t 1 && echo terminal", on_line=lines.append)
    assert lines == ["dumb", "terminal"]


def test_the_exit_status_is_answered(connection: Connection) -> None:
    assert connection.run("exit 3", on_line=print) == 3


def test_a_command_that_a_signal_ended_has_a_status_of_its_own(connection: Connection) -> None:
    # A login shell that stays between the two answers with the signal's number added.
    assert connection.run("kill -9 $$", on_line=print) in {ENDED_BY_SIGNAL, ENDED_BY_SIGNAL + 9}


def test_the_last_lines_of_much_output_are_there(connection: Connection) -> None:
    lines: list[str] = []
    assert connection.run("seq 1 20000", on_line=lines.append) == 0
    assert (len(lines), lines[-1]) == (20000, "20000")


def test_a_line_without_end_does_not_fill_the_memory(connection: Connection) -> None:
    lines: list[str] = []
    connection.run("head -c 100000 /dev/zero | tr '\\0' x", on_line=lines.append)
    assert sum(map(len, lines)) == 100000
    assert max(map(len, lines)) <= 16384


def test_cancelling_leaves_no_remote_process(connection: Connection, mark: str) -> None:
    cancelled = threading.Event()
    status = connection.run(
        f"echo begun; sleep {mark}", on_line=lambda _: cancelled.set(), cancelled=cancelled, timeout_s=20
    )
    assert status is None
    wait_until(lambda: not _processes_with(f"sleep {mark}") and not _processes_with(mark), "the sleep to end")


def test_a_cancelled_script_and_its_file_are_gone(connection: Connection, mark: str) -> None:
    cancelled = threading.Event()
    lines: list[str] = []

    def on_line(line: str) -> None:
        lines.append(line)
        cancelled.set()

    assert connection.run_script(f"echo $0\nsleep {mark}\n", on_line=on_line, cancelled=cancelled) is None
    assert lines[0].startswith("/tmp/.machina-")
    wait_until(lambda: not _processes_with(mark), "the sleep to end")
    wait_until(lambda: not Path(lines[0]).exists(), "the file to go")


def test_a_script_runs_from_a_private_file_that_is_removed(connection: Connection) -> None:
    lines: list[str] = []
    assert connection.run_script("stat -c '%a' $0\necho $0\nfalse\necho not reached\n", on_line=lines.append) == 1
    assert lines[0] == "700"
    assert len(lines) == 2
    assert not Path(lines[1]).exists()


def test_a_script_is_read_by_the_interpreter_it_names(connection: Connection) -> None:
    lines: list[str] = []
    assert connection.run_script("#!/usr/bin/env python3\nprint(6 * 7)\n", on_line=lines.append) == 0
    assert lines == ["42"]


def test_a_command_that_takes_too_long_is_given_up(connection: Connection, mark: str) -> None:
    with pytest.raises(Unavailable) as refusal:
        connection.run(f"sleep {mark}", on_line=print, timeout_s=0.5)
    assert refusal.value.code == "E-SSH-TIMEOUT"
    wait_until(lambda: not _processes_with(mark), "the sleep to end")


def test_a_server_killed_in_mid_script_is_a_dropped_connection(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.authorize(KEY)
        with _connect(server) as opened, pytest.raises(Unavailable) as refusal:
            opened.run_script("echo begun\nsleep 30\n", on_line=lambda _: server.end_sessions())
    assert refusal.value.code == "E-SSH-DROPPED"


def test_a_server_that_stops_answering_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "SILENCE_S", 1.5)
    with running(tmp_path) as server:
        server.authorize(KEY)

        def freeze(_: str) -> None:
            for process in server.sessions():
                process.send_signal(signal.SIGSTOP)

        with _connect(server) as opened, pytest.raises(Unavailable) as refusal:
            opened.run("echo begun; sleep 30", on_line=freeze)
    assert refusal.value.code == "E-SSH-DROPPED"


def test_a_long_silence_of_a_living_server_is_no_failure(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "SILENCE_S", 0.6)
    assert connection.run("sleep 2", on_line=print) == 0


def test_an_upload_is_private_and_overwrites_nothing(connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "it's a file"
    data = bytes(range(256)) * 4000
    connection.upload(data, str(path), 0o640)
    assert path.read_bytes() == data
    assert path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(Unavailable) as refusal:
        connection.upload(b"other", str(path), 0o600)
    assert refusal.value.code == "E-SSH-UPLOAD"
    assert path.read_bytes() == data


def test_a_login_without_terminals_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    before = set(Path("/tmp").glob(".machina-*"))
    with running(tmp_path, options=("PermitTTY no",)) as server:
        server.authorize(KEY)
        with _connect(server) as opened, pytest.raises(Unavailable) as refusal:
            opened.run_script("echo canary-of-no-terminal", on_line=print)
    assert refusal.value.code == "E-SSH-TERMINAL"
    left = set(Path("/tmp").glob(".machina-*")) - before
    assert not [path for path in left if path.exists() and "canary-of-no-terminal" in path.read_text()]


def test_scripts_need_no_sftp_subsystem(connection: Connection) -> None:
    # The servers of these tests have none configured.
    lines: list[str] = []
    assert connection.run_script("echo here\n", on_line=lines.append) == 0
    assert lines == ["here"]


SUDO = """#!/bin/sh
stty -echo
printf %s "$SUDO_PROMPT" >/dev/tty
read -r given
stty echo
[ "$given" = "$(cat "$(dirname "$0")/password")" ] && exec "$@"
exit 1
"""


@pytest.fixture
def sudo_server(tmp_path: Path) -> Iterator[Sshd]:
    """A host whose sudo asks, as the real one does, with the echo off."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "password").write_text("open sesame")
    (folder / "sudo").write_text(SUDO)
    (folder / "sudo").chmod(0o755)
    with running(tmp_path / "sshd", options=(f"SetEnv PATH={folder}:/usr/bin:/bin",)) as server:
        server.authorize(KEY)
        yield server


def test_sudo_gets_its_password_and_nobody_sees_it(sudo_server: Sshd) -> None:
    lines: list[str] = []
    with _connect(sudo_server) as opened:
        status = opened.run_script(
            "sudo echo raised\nsudo echo again\n", on_line=lines.append, sudo_password=Secret("open sesame")
        )
    assert (status, lines) == (0, ["raised", "again"])


def test_sudo_without_a_password_says_what_is_missing(sudo_server: Sshd) -> None:
    with _connect(sudo_server) as opened, pytest.raises(Unavailable) as refusal:
        opened.run("sudo echo raised", on_line=print)
    assert refusal.value.code == "E-SSH-SUDO"
