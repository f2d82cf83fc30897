"""What a server or the road can do to a session: each has its state and reason, and the session goes on in place."""

from __future__ import annotations

import contextlib
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.ssh import connection as connection_module
from machina_desktop.core.ssh import shell as shell_module
from machina_desktop.core.ssh.handshake import WINDOW_BYTES
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.ssh.target import Target
from machina_desktop.core.terminal.session import WAITING_LIMIT
from machina_desktop.core.workers.dialled_line import DialledLine
from tests.fakes.ports import free_port
from tests.fakes.sessions import NO_HOME, DirectLead, DirectLine, Watched, hop_to, watched
from tests.fakes.sshd import KeyPair, Sshd, running

KEY = KeyPair()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=(NO_HOME,)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@contextlib.contextmanager
def live(server: Sshd) -> Iterator[Watched]:
    with watched(DirectLine(hop_to(server, KEY))) as shell:
        shell.until_state(SessionState.LIVE)
        yield shell


def reason_of(shell: Watched) -> str:
    shell.until_state(SessionState.LOST)
    assert shell.session.reason is not None
    return shell.session.reason.code


def says(shell: Watched, number: int) -> None:
    """The shell answers, whatever came before."""
    shell.session.write(f"echo $(({number}+1))-here\n".encode())
    shell.until_shown(f"{number + 1}-here".encode())


def test_a_killed_server_is_a_lost_session_that_comes_back_in_place(tmp_path: Path) -> None:
    with running(tmp_path, options=(NO_HOME,)) as server:
        server.authorize(KEY)
        with live(server) as shell:
            says(shell, 100)
            server.stop()
            assert reason_of(shell) == "E-SSH-DROPPED"
            shell.session.reconnect()
            assert reason_of(shell) == "E-SSH-REFUSED"
            server.start()
            shell.session.reconnect()
            shell.until_state(SessionState.LIVE)
            says(shell, 200)


def test_a_stopped_server_is_found_out_although_nothing_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "SILENCE_S", 1.5)
    with running(tmp_path, options=(NO_HOME,)) as server:
        server.authorize(KEY)
        with live(server) as shell:
            for process in server.sessions():
                process.send_signal(signal.SIGSTOP)
            assert reason_of(shell) == "E-SSH-DROPPED"


def test_after_sleep_a_dead_connection_is_found_out_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asleep = [0.0]
    monkeypatch.setattr(connection_module, "AWAKE_S", 1.0)
    monkeypatch.setattr(connection_module, "slept_s", lambda: asleep[0])
    with running(tmp_path, options=(NO_HOME,)) as server:
        server.authorize(KEY)
        with live(server) as shell:
            says(shell, 100)
            asleep[0] = 3600.0
            says(shell, 200)
            for process in server.sessions():
                process.send_signal(signal.SIGSTOP)
            asleep[0] = 7200.0
            assert reason_of(shell) == "E-SSH-DROPPED"


def test_no_method_waits_for_a_stopped_server(tmp_path: Path) -> None:
    with running(tmp_path, options=(NO_HOME,)) as server:
        server.authorize(KEY)
        with live(server) as shell:
            for process in server.sessions():
                process.send_signal(signal.SIGSTOP)
            began = time.monotonic()
            for _ in range(200):
                shell.session.write(b"x" * 65_536)
                shell.session.resize(100, 30)
                shell.session.take()
            shell.session.close()
            # Whoever waits for it waits until it is found silent, and that takes three times as long.
            assert time.monotonic() - began < 15
            assert shell.session.state is SessionState.ENDED


def test_a_server_that_stops_in_the_middle_of_opening_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_module, "OPEN_TIMEOUT_S", 1.0)
    with running(tmp_path, options=(NO_HOME,)) as server:
        server.authorize(KEY)
        line = DirectLine(hop_to(server, KEY))
        really = line.open

        def stopped_after_login(ask: object, is_over: object) -> object:
            opened = really(ask, is_over)  # type: ignore[arg-type]
            for process in server.sessions():
                process.send_signal(signal.SIGSTOP)
            return opened

        line.open = stopped_after_login  # type: ignore[method-assign, assignment]
        with watched(line) as shell:
            assert reason_of(shell) == "E-SSH-TIMEOUT"


def test_a_server_that_takes_no_more_connections_says_nothing_of_ssh(tmp_path: Path) -> None:
    with running(tmp_path, options=("MaxStartups 1:100:1", NO_HOME)) as server, contextlib.ExitStack() as stack:
        server.authorize(KEY)
        stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        with watched(DirectLine(hop_to(server, KEY))) as shell:
            assert reason_of(shell) in {"E-SSH-PROTOCOL", "E-SSH-DROPPED"}


@pytest.mark.parametrize("endless", [b"no ssh here\r\n", b"x" * 1000], ids=["lines", "one line"])
def test_a_flood_in_place_of_a_greeting_ends(endless: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:

        def serve() -> None:
            client, _ = other.accept()
            with client, contextlib.suppress(OSError):
                while True:
                    client.sendall(endless * 100)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        target = Target(host="127.0.0.1", port=other.getsockname()[1], user="x")
        with watched(DirectLine(Hop(name="flood", target=target, pins=("SHA256:x",)), timeout_s=3)) as shell:
            assert reason_of(shell) in {"E-SSH-PROTOCOL", "E-SSH-TIMEOUT"}
        thread.join(60)
        assert not thread.is_alive()


def test_a_server_whose_words_cannot_be_read_does_not_speak_ssh() -> None:
    name = struct.pack(">I", 2) + b"\xff\xfe"
    offer = b"\x14" + bytes(16) + name * 10 + bytes(5)
    padding = 8 + -(5 + len(offer)) % 8
    packet = struct.pack(">IB", 1 + len(offer) + padding, padding) + offer + bytes(padding)
    with socket.create_server(("127.0.0.1", 0)) as other:

        def serve() -> None:
            client, _ = other.accept()
            with client, contextlib.suppress(OSError):
                client.sendall(b"SSH-2.0-odd\r\n" + packet)
                while client.recv(4096):
                    pass

        threading.Thread(target=serve, daemon=True).start()
        target = Target(host="127.0.0.1", port=other.getsockname()[1], user="x")
        with watched(DirectLine(Hop(name="odd", target=target, pins=("SHA256:x",)), timeout_s=60)) as shell:
            assert reason_of(shell) == "E-SSH-PROTOCOL"


def test_a_half_open_connection_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target(host="127.0.0.1", port=silent.getsockname()[1], user="x")
        with watched(DirectLine(Hop(name="mute", target=target, pins=("SHA256:x",)), timeout_s=0.5)) as shell:
            assert reason_of(shell) == "E-SSH-TIMEOUT"


def test_nobody_listens_there() -> None:
    target = Target(host="127.0.0.1", port=free_port(), user="x")
    with watched(DirectLine(Hop(name="none", target=target, pins=("SHA256:x",)))) as shell:
        assert reason_of(shell) == "E-SSH-REFUSED"


def test_keys_are_changed_under_load_without_a_byte_lost(tmp_path: Path) -> None:
    with running(tmp_path, options=("RekeyLimit 1M", NO_HOME)) as server:
        server.authorize(KEY)
        with live(server) as shell:
            shell.session.write(b"stty raw; seq 1 2000000 | md5sum; seq 1 2000000; echo done-$((6*7))\n")
            shell.until_shown(b"done-42")
            lines = shell.shown.replace(b"\r", b"").split(b"\n")
            numbers = [line for line in lines if line.isdigit()]
            assert numbers == [b"%d" % each for each in range(1, 2_000_001)]


def test_a_flood_waits_at_one_mebibyte_and_goes_on_when_it_is_taken(server: Sshd) -> None:
    with live(server) as shell:
        shell.session.write(b"yes | head -c 8000000; echo done-$((6*7))\n")
        shell.until(lambda: shell.session.waiting >= WAITING_LIMIT, "the limit")
        assert shell.session.waiting <= WAITING_LIMIT + 65_536
        shell.until_shown(b"done-42")


def test_an_interrupt_stops_a_flood_at_once(server: Sshd) -> None:
    with live(server) as shell:
        shell.session.write(b"yes\n")
        shell.until(lambda: shell.session.waiting >= WAITING_LIMIT, "a flood")
        began = time.monotonic()
        shell.session.write(b"\x03")
        after = 0
        while b"^C" not in shell.shown[-200_000:]:
            shell.shown = shell.shown[-10:] + shell.session.take()
            after += len(shell.shown)
            assert time.monotonic() - began < 5
        assert after < 2 * (WAITING_LIMIT + WINDOW_BYTES) + 4_000_000
        says(shell, 300)


def test_a_shell_that_ends_at_once_has_said_what_it_said(server: Sshd) -> None:
    with live(server) as shell:
        shell.session.write(b"exec sh -c 'echo last-$((6*7)); exit 9'\n")
        shell.until_state(SessionState.ENDED)
        assert shell.session.exit_status == 9
        shell.until_shown(b"last-42")


def test_a_shell_that_a_signal_ends_is_no_lost_connection(server: Sshd) -> None:
    with live(server) as shell:
        shell.session.write(b"kill -9 $$\n")
        shell.until_state(SessionState.ENDED)
        assert shell.session.exit_status == 128


def test_a_login_without_terminals_says_what_to_allow(tmp_path: Path) -> None:
    with running(tmp_path, options=("PermitTTY no", NO_HOME)) as server:
        server.authorize(KEY)
        with watched(DirectLine(hop_to(server, KEY))) as shell:
            assert reason_of(shell) == "E-SSH-TERMINAL"


def test_what_came_before_the_loss_can_still_be_taken(tmp_path: Path) -> None:
    with running(tmp_path, options=(NO_HOME,)) as server:
        server.authorize(KEY)
        with live(server) as shell:
            shell.session.write(b"seq 1 20000\n")
            shell.until(lambda: shell.session.waiting > 100_000, "output")
            server.stop()
            reason_of(shell)
            shell.session.reconnect()
            shell.until_shown(b"\r\n10000\r\n")


def test_a_second_start_and_answers_nobody_asked_for_change_nothing(server: Sshd) -> None:
    with live(server) as shell:
        shell.session.start()
        says(shell, 400)


def test_sessions_leave_no_thread_and_no_file_behind(server: Sshd) -> None:
    def threads() -> int:
        return sum(each.name.startswith(("ssh-", "Thread-")) for each in threading.enumerate())

    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before, files = threads(), open_files()
    for _ in range(3):
        with live(server) as shell:
            says(shell, 500)
    deadline = time.monotonic() + 60
    while threads() > before or open_files() > files:
        assert time.monotonic() < deadline, [each.name for each in threading.enumerate()]
        threading.Event().wait(0.02)


class Doorkeeper(DirectLead):
    """Makes a visit of its own for each attempt.

    Attributes:
        visits: All of them, in order.
    """

    def __init__(self, *route: Hop) -> None:
        super().__init__(*route)
        self.visits: list[DirectLead] = []

    def visit(self, _is_over: Callable[[], bool]) -> DirectLead:
        self.visits.append(DirectLead(*self.way.route))
        return self.visits[-1]


def test_each_visit_is_ended_once_although_the_next_one_has_begun_meanwhile(server: Sshd) -> None:
    lead = Doorkeeper(hop_to(server, KEY))
    with watched(DialledLine(lead)) as shell:
        for number in range(3):
            shell.until(lambda wanted=number + 1: len(lead.visits) == wanted, "the visit")  # type: ignore[misc]
            shell.until_state(SessionState.LIVE)
            shell.session.reconnect()
        shell.until_state(SessionState.LIVE)
        shell.session.close()
        shell.until(lambda: all(visit.ends for visit in lead.visits), "every end")
    assert [len(visit.ends) for visit in lead.visits] == [1, 1, 1, 1]
