"""How fast a session brings what a machine says, against paramiko in the same run, and how soon Ctrl+C is felt."""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from pathlib import Path

import paramiko

from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.workers.shell_process import Shells
from tests.fakes.sessions import NO_HOME, DirectLead, hop_to, hosted
from tests.fakes.sshd import KeyPair, Sshd, running

KEY = KeyPair()
COMMAND = "seq -w 1 2000000"
ROUNDS = 5
BAR_RATIO = 0.9
BAR_INTERRUPT_S = 0.2


def alone(server: Sshd) -> float:
    """MB/s of the library itself: one loop that receives, on a terminal."""
    transport = paramiko.Transport(("127.0.0.1", server.port))
    transport.start_client(timeout=10)
    transport.auth_publickey(server.user, paramiko.Ed25519Key.from_private_key(io.StringIO(KEY.private.reveal())))
    channel = transport.open_session()
    channel.get_pty()
    began, size = time.perf_counter(), 0
    channel.exec_command(COMMAND)
    while data := channel.recv(65_536):
        size += len(data)
    rate = size / (time.perf_counter() - began) / 1e6
    transport.close()
    return rate


def through_a_session(server: Sshd, shells: Shells) -> float:
    """MB/s that the window takes out of a session in the process of shells."""
    began, size = time.perf_counter(), 0
    with hosted(shells, DirectLead(hop_to(server, KEY), wish=ShellWish(command=COMMAND))) as shell:
        session = shell.session
        while not (session.state.is_over and not session.waiting):
            data = session.take()
            if not size:
                began = time.perf_counter()
            if not data:
                shell.until(lambda: session.waiting > 0 or session.state.is_over, "more")
            size += len(data)
    return size / (time.perf_counter() - began) / 1e6


def interrupt(server: Sshd, shells: Shells) -> float:
    """Seconds from Ctrl+C in a flood to the shell's next answer, everything before it taken."""
    with hosted(shells, DirectLead(hop_to(server, KEY))) as shell:
        session = shell.session
        shell.until_state(SessionState.LIVE)
        session.write(b"yes\n")
        taken = 0
        while taken < 5_000_000:
            taken += len(session.take())
        began, tail = time.perf_counter(), b""
        session.write(b"\x03")
        while b"^C" not in tail:
            data = session.take()
            tail = (tail + data)[-100_000:]
            if not data:
                shell.until(lambda: session.waiting > 0, "more")
        return time.perf_counter() - began


def main() -> None:
    """Print the figures; fail where one misses its bar."""
    with running(Path(tempfile.mkdtemp()), options=(NO_HOME,)) as server:
        server.authorize(KEY)
        shells = Shells()
        pairs = [(alone(server), through_a_session(server, shells)) for _ in range(ROUNDS)]
        waits = [interrupt(server, shells) for _ in range(ROUNDS)]
        shells.stop()
    ratio = statistics.median(ours / theirs for theirs, ours in pairs)
    print("MB/s, paramiko alone and a session: " + ", ".join(f"{theirs:.1f} {ours:.1f}" for theirs, ours in pairs))
    print(f"ratio, median: {ratio:.2f} (at least {BAR_RATIO})")
    print(f"Ctrl+C, ms: {', '.join(f'{wait * 1000:.0f}' for wait in waits)} (at most {BAR_INTERRUPT_S * 1000:.0f})")
    assert ratio >= BAR_RATIO
    assert statistics.median(waits) <= BAR_INTERRUPT_S


if __name__ == "__main__":
    main()
