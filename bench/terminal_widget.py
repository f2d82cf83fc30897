"""Terminal widget over a real sshd: bulk rate beside paramiko alone, key to paint, frames, gaps of the loop, Ctrl+C."""

from __future__ import annotations

import gc
import io
import os
import random
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import paramiko
from PySide6.QtCore import QCoreApplication, QEvent, QEventLoop, QSocketNotifier, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication

from machina_desktop.core.domain.terminal import Answer, SessionState
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.core.workers.hosted_session import HostedSession
from machina_desktop.core.workers.shell_process import Shells
from machina_desktop.views import theme
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import Opener, Place, TerminalPane
from tests.fakes.sessions import DirectLead, hop_to
from tests.fakes.sshd import KeyPair, Sshd, running

SIZES = ((80, 24), (200, 60))
# Beginning and end of a flood shall not count for much.
MEGABYTES = 48
PORTION = 262_144
# The line alone differs by a third from one time to the next.
ROUNDS = 9
KEYS = 150
WORDS = ("aws_instance", "module", "creating", "complete", "reading", "state", "refresh", "kernel", "docker", "nginx")


class Host:
    """A server with a key that opens it, and the ways to it."""

    def __init__(self, server: Sshd, key: KeyPair) -> None:
        self._server = server
        self._key = key
        self._shells = Shells()

    def channel(self) -> paramiko.Channel:
        """A channel with a terminal, by the library alone and as it comes."""
        transport = paramiko.Transport(("127.0.0.1", self._server.port))
        transport.start_client(timeout=10)
        key = paramiko.Ed25519Key.from_private_key(io.StringIO(self._key.private.reveal()))
        transport.auth_publickey(self._server.user, key)
        channel = transport.open_session()
        channel.get_pty()
        return channel

    def session(self, command: str, columns: int, lines: int) -> HostedSession:
        """A session as the window has them, in the process of shells."""
        lead = DirectLead(hop_to(self._server, self._key), wish=ShellWish(command=command))
        return HostedSession(self._shells, lead, columns, lines)

    def stop(self) -> None:
        """End the process of shells."""
        self._shells.stop()


class _Echo:
    """A session without a network: what is typed comes back at once."""

    def __init__(self) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.state = SessionState.LIVE
        self.reason = self.exit_status = self.question = None
        self._came = b""

    @property
    def waiting(self) -> int:
        return len(self._came)

    def take(self, limit: int = 65_536) -> bytes:
        data, self._came = self._came, b""
        return data

    def write(self, data: bytes) -> None:
        self._came += data
        self.on_change()

    def start(self) -> None: ...
    def resize(self, columns: int, lines: int) -> None: ...
    def answer(self, answer: Answer) -> None: ...
    def reconnect(self) -> None: ...
    def close(self) -> None: ...


class _Fed(_Echo):
    """A session whose output another process writes into a socket, from the first key on: nothing else to do here."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file
        self._socket, self._far = socket.socketpair()
        self._far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
        self._socket.setblocking(False)
        self._news = QSocketNotifier(self._socket.fileno(), QSocketNotifier.Type.Read)
        self._news.setEnabled(False)
        self._news.activated.connect(self._on_news)
        self._writer: subprocess.Popen[bytes] | None = None

    def take(self, limit: int = 65_536) -> bytes:
        try:
            data = self._socket.recv(limit)
        except BlockingIOError:
            self._news.setEnabled(True)
            return b""
        if not data and self.state is SessionState.LIVE:
            self.state = SessionState.ENDED
            self.on_change()
        return data

    def write(self, data: bytes) -> None:
        if self._writer is None:
            self._writer = subprocess.Popen(("cat", str(self._file)), stdout=self._far.fileno())
            self._far.close()
            self._news.setEnabled(True)

    def close(self) -> None:
        self._news.setEnabled(False)
        self._socket.close()
        if self._writer is not None:
            self._writer.kill()
            self._writer.wait()

    def _on_news(self) -> None:
        self._news.setEnabled(False)
        self.on_change()


class Gaps(QTimer):
    """Milliseconds that the event loop was late."""

    EACH_MS = 5

    def __init__(self) -> None:
        super().__init__(interval=self.EACH_MS, timerType=Qt.TimerType.PreciseTimer)
        self.gaps: list[float] = []
        self._last = 0.0
        self.timeout.connect(self._on_turn)

    def begin(self) -> None:
        self.gaps, self._last = [], time.perf_counter()
        self.start()

    def _on_turn(self) -> None:
        now = time.perf_counter()
        self.gaps.append(max(0.0, (now - self._last) * 1000 - self.EACH_MS))
        self._last = now


def workloads(folder: Path) -> dict[str, Path]:
    """Logs without and with colours, as files."""
    dice = random.Random(7)
    made = {}
    for name in ("plain", "coloured"):
        lines = []
        for number in range(20_000):
            words = [dice.choice(WORDS) for _ in range(dice.randint(5, 14))]
            if name == "coloured":
                words = [
                    f"\x1b[{dice.randint(31, 37)}m{word}\x1b[0m" if dice.random() < 0.5 else word for word in words
                ]
            lines.append(f"Nov 22 18:{number % 60:02d} host: " + " ".join(words))
        text = "\r\n".join(lines).encode() + b"\r\n"
        made[name] = folder / f"{name}.log"
        made[name].write_bytes((text * (MEGABYTES * 1_000_000 // len(text) + 1))[: MEGABYTES * 1_000_000])
    return made


def alone(host: Host, file: Path) -> float:
    """Megabytes a second that paramiko reads when nobody looks at them."""
    channel = host.channel()
    began, size = time.perf_counter(), 0
    channel.exec_command(f"stty raw -echo; cat {file}")
    while data := channel.recv(65_536):
        size += len(data)
    spent = time.perf_counter() - began
    channel.transport.close()
    return size / spent / 1e6


def engine_alone(file: Path, columns: int, lines: int) -> float:
    """Megabytes a second that the terminal takes when nobody paints it, in the portions it is quickest with."""
    terminal, data = Terminal(columns, lines), file.read_bytes()
    terminal.counts_late = True
    began = time.perf_counter()
    for at in range(0, len(data), PORTION):
        terminal.feed(data[at : at + PORTION])
    return len(data) / (time.perf_counter() - began) / 1e6


def pane_on(opener: Opener, columns: int, lines: int) -> TerminalPane:
    """A pane of that many columns and lines, shown and live."""
    pane = TerminalPane(opener, place=Place(machine_id="machine", name="web-1"), look=Look())
    size = pane.view.sight.size_for(columns, lines).toSize()
    pane.resize(size.width() + pane.view.verticalScrollBar().sizeHint().width() + 1, size.height() + 1)
    pane.show()
    pane.view.setFocus()
    turn(lambda: pane.state in {SessionState.LIVE, SessionState.ENDED})
    pane.bar.hide()
    turn(lambda: (pane.terminal.columns, pane.terminal.lines) == (columns, lines))
    return pane


def turn(until: Callable[[], bool], seconds: float = 60.0) -> None:
    """Run the event loop as an application does, sleeping while there is nothing to do."""
    loop, deadline = QEventLoop(), time.perf_counter() + seconds
    look = QTimer(interval=5)
    look.timeout.connect(lambda: loop.quit() if until() or time.perf_counter() > deadline else None)
    look.start()
    loop.exec()
    assert until(), "waited too long"


def leave(pane: TerminalPane) -> None:
    pane.close_session()
    pane.hide()
    pane.deleteLater()


def flood(opener: Opener, size: int, columns: int, lines: int) -> tuple[float, float, list[float]]:
    """Megabytes a second into the widget, frames a second, milliseconds that the loop was late.

    The session sends ``size`` bytes once it has read one, and ends.
    """
    gaps = Gaps()
    pane = pane_on(opener, columns, lines)
    session = pane.session
    assert session is not None
    frames, began = pane.view.painted_frames, time.perf_counter()
    pane.write(b"x")
    gaps.begin()
    turn(lambda: pane.state is SessionState.ENDED and session.waiting == 0)
    spent = time.perf_counter() - began
    gaps.stop()
    rate = (pane.view.painted_frames - frames) / spent
    leave(pane)
    return size / spent / 1e6, rate, gaps.gaps


def keys(app: QApplication, opener: Opener) -> list[float]:
    """Milliseconds from a key to the paint of its echo."""
    pane = pane_on(opener, 80, 24)
    spent = []
    for _ in range(KEYS):
        time.sleep(0.02)
        app.processEvents()
        cursor, frames, began = pane.terminal.cursor, pane.view.painted_frames, time.perf_counter()
        key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, Qt.KeyboardModifier.NoModifier, "a")
        QCoreApplication.postEvent(pane.view, key)
        while pane.terminal.cursor == cursor or pane.view.painted_frames == frames:
            app.processEvents(QEventLoop.ProcessEventsFlag.WaitForMoreEvents)
        spent.append((time.perf_counter() - began) * 1000)
    leave(pane)
    return spent


def interrupt(host: Host) -> float:
    """Milliseconds from Ctrl+C in a flood until the shell's prompt is on the screen."""
    pane = pane_on(lambda wide, high: host.session("PS1='ready> ' exec sh -i", wide, high), 80, 24)
    terminal = pane.terminal
    turn(lambda: "ready>" in terminal.row(terminal.cursor.y).text)
    pane.write(b"yes\r")
    turn(lambda: terminal.top > 20_000)
    began = time.perf_counter()
    key = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier, "\x03")
    QCoreApplication.postEvent(pane.view, key)
    turn(lambda: "ready>" in terminal.row(terminal.cursor.y).text)
    spent = (time.perf_counter() - began) * 1000
    leave(pane)
    return spent


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def main() -> None:
    """Print each figure beside its bar."""
    app = QApplication(["bench", *theme.style_arguments()])
    theme.apply_theme(app, "dark")
    gc.freeze()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with running(folder / "sshd") as server:
            host = Host(server, server.authorize(KeyPair()))
            measure(app, host, workloads(folder))
            host.stop()


def over_sshd(host: Host, file: Path) -> tuple[str, Callable[[int, int], float], Opener]:
    """Through a real server, beside paramiko alone."""
    command = f"stty raw -echo; head -c1 >/dev/null; cat {file}"
    return "over sshd", lambda *_size: alone(host, file), lambda wide, high: host.session(command, wide, high)


def from_a_process(file: Path) -> tuple[str, Callable[[int, int], float], Opener]:
    """From a process on this computer, beside the engine alone: what painting and pacing cost."""
    return "from a process", partial(engine_alone, file), lambda *_size: _Fed(file)


def floods(way: tuple[str, Callable[[int, int], float], Opener], file: Path, columns: int, lines: int) -> None:
    """Print what one way of flooding the widget comes to, beside what there is at most."""
    name, at_most, opener = way
    ratios, rates, frames, gaps = [], [], [], []
    flood(opener, file.stat().st_size, columns, lines)
    for _ in range(ROUNDS):
        before = at_most(columns, lines)
        rate, frame, gap = flood(opener, file.stat().st_size, columns, lines)
        ratios.append(rate / before)
        rates.append(rate)
        frames.append(frame)
        gaps += gap
    other = "paramiko alone (bar: 0.9)" if name == "over sshd" else "the engine alone          "
    print(
        f"{columns}x{lines} {file.stem:8} {name:14}  {statistics.median(rates):5.1f} MB/s, "
        f"{statistics.median(ratios):4.2f} of {other}  "
        f"{statistics.median(frames):4.0f} frames/s (bar: 30)  "
        f"gap p99 {percentile(gaps, 0.99):4.0f} ms (bar: 50), longest {max(gaps):4.0f} ms",
        flush=True,
    )


def measure(app: QApplication, host: Host, files: dict[str, Path]) -> None:
    for columns, lines in SIZES:
        for file in files.values():
            for way in (over_sshd(host, file), from_a_process(file)):
                floods(way, file, columns, lines)
    for name, spent in (
        ("key to paint", keys(app, lambda _columns, _lines: _Echo())),
        ("key over sshd to paint", keys(app, lambda wide, high: host.session("cat", wide, high))),
    ):
        middle, late = statistics.median(spent), percentile(spent, 0.95)
        print(f"{name:24} median {middle:.2f} ms (bar: 2), p95 {late:.2f} ms (bar: 8)", flush=True)
    stops = [interrupt(host) for _ in range(ROUNDS)]
    print(f"Ctrl+C in a flood        {max(stops):.0f} ms at worst (bar: 200)")


if __name__ == "__main__":
    main()
