"""What can become of the process of shells, and of the window: every shell has its end, and nothing stays behind."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from machina_desktop.core.domain.terminal import Answer, SessionState
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.ssh.target import Target
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.workers import shell_process
from machina_desktop.core.workers.shell_process import Shells
from tests.fakes.canaries import Hunt, Watch
from tests.fakes.sessions import NO_HOME, DirectLead, Watched, hop_to, hosted
from tests.fakes.ssh_server import FINGERPRINT, AskingServer, asking
from tests.fakes.sshd import KeyPair, Sshd, running, wait_until

KEY = KeyPair()
ROOT = Path(__file__).parents[2]

# A program with a shell that says who its process of shells is, and then waits to be killed.
WINDOW = """
import json, sys, time
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.hop import Hop, StoredKey
from machina_desktop.core.ssh.target import Target
from machina_desktop.core.workers.hosted_session import HostedSession
from machina_desktop.core.workers.shell_process import Shells
from tests.fakes.sessions import DirectLead

about = json.load(sys.stdin)
hop = Hop(
    name="web-1",
    target=Target(host="127.0.0.1", port=about["port"], user=about["user"]),
    pins=(about["pin"],),
    keys=(StoredKey(name="test", private=Secret(about["key"])),),
)
shells = Shells()
session = HostedSession(shells, DirectLead(hop), 80, 24)
session.start()
while session.state != "live":
    time.sleep(0.01)
print(shells.process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    options = ("MaxStartups 100", NO_HOME)
    with running(tmp_path_factory.mktemp("sshd"), options=options) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture
def shells() -> Iterator[Shells]:
    made = Shells()
    yield made
    made.stop()


@contextlib.contextmanager
def live(shells: Shells, server: Sshd, command: str = "") -> Iterator[Watched]:
    with hosted(shells, DirectLead(hop_to(server, KEY), wish=ShellWish(command=command))) as shell:
        shell.until_state(SessionState.LIVE)
        yield shell


def says(shell: Watched, number: int) -> None:
    """The shell answers, whatever came before."""
    shell.session.write(f"echo $(({number}+1))-here\n".encode())
    shell.until_shown(f"{number + 1}-here".encode())


def host_of(shells: Shells) -> psutil.Process:
    assert shells.process is not None
    return psutil.Process(shells.process.pid)


def test_a_killed_process_loses_all_shells_and_a_new_one_takes_them_up(shells: Shells, server: Sshd) -> None:
    with live(shells, server) as one, live(shells, server) as two, live(shells, server) as three:
        says(two, 100)
        one.session.write(b"seq 1 20000\n")
        one.until(lambda: one.session.waiting > 50_000, "output")
        former = host_of(shells)
        former.kill()
        for shell in (one, two, three):
            shell.until_state(SessionState.LOST)
            assert shell.session.reason is not None
            assert shell.session.reason.code == "E-SSH-PROCESS"
            assert shell.session.reason.hint
        one.until_shown(b"\r\n5000\r\n")
        for number, shell in enumerate((one, two, three)):
            shell.session.reconnect()
            shell.until_state(SessionState.LIVE)
            says(shell, 200 + number)
        assert host_of(shells).pid != former.pid


def test_a_stopped_process_holds_nobody_up_and_is_found_out(
    shells: Shells, server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shell_process, "TICK_S", 0.1)
    monkeypatch.setattr(shell_process, "PATIENCE_S", 60.0)
    with live(shells, server) as shell:
        stopped = host_of(shells)
        stopped.suspend()
        began = time.monotonic()
        for number in range(2000):
            shell.session.write(b"x" * 1000)
            shell.session.resize(80 + number % 50, 24)
            shell.session.take()
        assert time.monotonic() - began < 30
        assert shell.session.state is SessionState.LIVE
        monkeypatch.setattr(shell_process, "PATIENCE_S", 1.0)
        shell.until_state(SessionState.LOST)
        assert shell.session.reason is not None
        assert shell.session.reason.code == "E-SSH-PROCESS"
        assert not stopped.is_running()
        monkeypatch.setattr(shell_process, "PATIENCE_S", 60.0)
        shell.session.reconnect()
        shell.until_state(SessionState.LIVE)


def test_what_the_process_fails_of_stands_in_the_log(
    shells: Shells, server: Sshd, caplog: pytest.LogCaptureFixture
) -> None:
    with live(shells, server) as shell:
        assert shells.process is not None
        shells.process._line.sendall(struct.pack("!IB", 2, 99) + b"{}")
        shell.until_state(SessionState.LOST)
    assert "the process of shells: Traceback" in caplog.text


def test_a_stopped_process_does_not_outlive_the_program(shells: Shells, server: Sshd) -> None:
    with live(shells, server) as shell:
        stopped = host_of(shells)
        stopped.suspend()
        shell.session.close()
        assert shell.session.state is SessionState.ENDED
        shells.stop()
        assert not stopped.is_running()


def test_nothing_stays_of_a_window_that_was_killed(server: Sshd) -> None:
    about = {"port": server.port, "user": server.user, "pin": server.fingerprint, "key": KEY.private.reveal()}
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with window:
        assert window.stdin is not None
        assert window.stdout is not None
        window.stdin.write(json.dumps(about))
        window.stdin.close()
        host = psutil.Process(int(window.stdout.readline()))
        window.send_signal(signal.SIGKILL)
    wait_until(lambda: not host.is_running() or host.status() == psutil.STATUS_ZOMBIE, "the process of shells to end")
    wait_until(lambda: not server.sessions(), "the server to lose its client")


def test_quitting_ends_the_process_and_every_shell(shells: Shells, server: Sshd) -> None:
    with live(shells, server), live(shells, server):
        host = host_of(shells)
        shells.stop()
        assert not host.is_running()
        wait_until(lambda: not server.sessions(), "the server to lose its clients")


def test_one_that_is_closed_while_it_connects_ends_at_once_and_ends_its_admission(shells: Shells) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        target = Target(host="127.0.0.1", port=silent.getsockname()[1], user="ada")
        lead = DirectLead(Hop(name="web-1", target=target, pins=("SHA256:x",)))
        with hosted(shells, lead) as shell:
            client, _ = silent.accept()
            assert client.recv(4) == b"SSH-"
            shell.session.close()
            assert (shell.session.state, shell.session.reason) == (SessionState.ENDED, None)
            assert lead.ends == [0]
        client.close()


def test_a_flood_that_nobody_takes_fills_no_memory(shells: Shells, server: Sshd) -> None:
    with live(shells, server, "yes") as shell:
        shell.until(lambda: shell.session.waiting > 0, "a flood")
        host, window = host_of(shells), psutil.Process()
        wait_until(lambda: host.cpu_percent(0.2) < 5, "the flood to come to a halt")
        before = host.memory_info().rss, window.memory_info().rss
        wait_until(lambda: host.cpu_percent(0.5) < 5, "the flood to stay halted")
        after = host.memory_info().rss, window.memory_info().rss
        assert max(b - a for a, b in zip(before, after, strict=True)) < 1_000_000
        assert before[0] < 80_000_000
        taken = 0
        while taken < 20_000_000:
            taken += len(shell.session.take())
        assert host.memory_info().rss - before[0] < 4_000_000


def test_an_interrupt_stops_a_flood_at_once(shells: Shells, server: Sshd) -> None:
    with live(shells, server) as shell:
        shell.session.write(b"yes\n")
        taken = 0
        while taken < 5_000_000:
            taken += len(shell.session.take())
        shell.session.write(b"\x03")
        after = 0
        while b"^C" not in shell.shown[-300_000:]:
            piece = shell.session.take()
            shell.shown = shell.shown[-10:] + piece
            after += len(piece)
            assert after < 8_000_000
        says(shell, 300)


def test_of_a_storm_of_sizes_the_last_one_holds(shells: Shells, server: Sshd) -> None:
    with live(shells, server) as shell:
        for number in range(3000):
            shell.session.resize(40 + number % 100, 10 + number % 40)
        shell.session.resize(91, 27)
        shell.session.write(b"until [ \"$(stty size)\" = '27 91' ]; do :; done; echo at-$((6*7))\n")
        shell.until_shown(b"at-42")


def test_twenty_shells_at_once_answer_each_for_itself(shells: Shells, server: Sshd) -> None:
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(hosted(shells, DirectLead(hop_to(server, KEY)))) for _ in range(20)]
        for number, shell in enumerate(opened):
            shell.until_state(SessionState.LIVE)
            shell.session.write(f"echo $(({number}+1000))-mine\n".encode())
        for number, shell in enumerate(opened):
            shell.until_shown(f"{number + 1000}-mine".encode())
        assert host_of(shells).is_running()


def test_no_secret_shows_in_an_argument_or_an_environment(shells: Shells, server: Sshd, tmp_path: Path) -> None:
    key = KEY.private.reveal().split("\n")[2]
    hunt = Hunt({"key": key.encode(), "password": b"tr0ub4dor-and-three"})
    watch = Watch(hunt, (tmp_path,))
    with watch.running(), asking(AskingServer(password="tr0ub4dor-and-three")) as target:
        with live(shells, server) as shell:
            says(shell, 400)
        hop = Hop(name="db", target=target, pins=(FINGERPRINT,))
        with hosted(shells, DirectLead(hop)) as shell:
            shell.asked()
            shell.session.answer(Answer(is_yes=True, texts=(Secret("tr0ub4dor-and-three"),)))
            shell.until_shown(b"hello")
            wait_until(lambda: watch.rounds > 3, "the hunt")
            environment = Path(f"/proc/{host_of(shells).pid}/environ")
            assert environment.exists()
    assert hunt.hits == set()


def test_a_window_opens_a_shell_without_what_speaks_ssh() -> None:
    report = "import sys; import machina_desktop.core.workers.terminals; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", report], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "machina_desktop.core.workers.hosted_session" in loaded.stdout.split()
    assert "paramiko" not in loaded.stdout.split()


def test_shells_leave_no_thread_and_no_file_behind(shells: Shells, server: Sshd) -> None:
    def threads() -> int:
        return sum(each.name.startswith("ssh-") for each in threading.enumerate())

    def files(pid: str) -> int:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))

    with live(shells, server) as shell:
        says(shell, 500)
    host = str(host_of(shells).pid)
    wait_until(lambda: len(psutil.Process(int(host)).threads()) == 1, "the first shell's threads to end")
    before = threads(), files("self"), files(host)
    for _ in range(3):
        with live(shells, server) as shell:
            says(shell, 500)
    wait_until(lambda: (threads(), files("self"), files(host)) == before, f"what there was before: {before}")
