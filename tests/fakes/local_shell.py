"""A shell of this computer behind what a terminal pane asks of a session: a real program on a real pty, no network."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
from collections import deque
from collections.abc import Callable, Sequence

from machina_desktop.core.domain.terminal import Answer, Question, SessionState
from machina_desktop.core.errors import MachinaError, Unavailable

LIMIT = 1 << 20
PROMPT = "$ "


class LocalShell:
    """Runs a program on a pty. It may be lost, asked about and ended at will.

    Attributes:
        written: Everything that was written to it.
        sizes: Every size it was told.
        answers: Every answer it was given.
    """

    def __init__(self, columns: int = 80, lines: int = 24, *, command: Sequence[str] = ("/bin/sh", "-i")) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.state = SessionState.CONNECTING
        self.reason: MachinaError | None = None
        self.exit_status: int | None = None
        self.question: Question | None = None
        self.written = b""
        self.sizes = [(columns, lines)]
        self.answers: list[Answer] = []
        self.starts = 0
        self._command = tuple(command)
        self._parts: deque[bytes] = deque()
        self._lock = threading.Condition()
        self._waiting = 0
        self._master = -1
        self._process: subprocess.Popen[bytes] | None = None
        self._reader: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        return self._waiting

    def start(self) -> None:
        """Run it, unless there is a question first."""
        self.starts += 1
        if self.question is not None:
            self.tell(SessionState.ASKING)
            return
        if self._command:
            self._master, slave = pty.openpty()
            self._set_size()
            environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PS1": PROMPT, "ENV": ""}
            # So that the pty is the program's controlling terminal, and Ctrl+C interrupts it.
            command = ("setsid", "-c", *self._command)
            self._process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
            os.close(slave)
            self._reader = threading.Thread(target=self._read, daemon=True)
            self._reader.start()
        self.tell(SessionState.LIVE)

    def tell(
        self, state: SessionState, *, reason: MachinaError | None = None, question: Question | None = None
    ) -> None:
        """Be in another state."""
        self.state, self.reason, self.question = state, reason, question or self.question
        if state is not SessionState.ASKING:
            self.question = None
        self.on_change()

    def lose(self, code: str = "E-SSH-DROPPED") -> None:
        """Be lost, as when the network breaks."""
        self._stop()
        reason = Unavailable("The connection to web-1 broke.", hint="Check the network.", code=code)
        self.tell(SessionState.LOST, reason=reason)

    def put(self, data: bytes) -> None:
        """Have sent ``data``, as a program would."""
        with self._lock:
            self._parts.append(data)
            rose = self._waiting == 0
            self._waiting += len(data)
        if rose:
            self.on_change()

    def take(self, limit: int = 65_536) -> bytes:
        with self._lock:
            taken, size = [], 0
            while self._parts and size < limit:
                part = self._parts.popleft()
                if size + len(part) > limit:
                    self._parts.appendleft(part[limit - size :])
                    part = part[: limit - size]
                taken.append(part)
                size += len(part)
            self._waiting -= size
            self._lock.notify_all()
            return b"".join(taken)

    def write(self, data: bytes) -> None:
        self.written += data
        if self._master >= 0:
            os.write(self._master, data)

    def resize(self, columns: int, lines: int) -> None:
        self.sizes.append((columns, lines))
        if self._master >= 0:
            self._set_size()

    def answer(self, answer: Answer) -> None:
        self.answers.append(answer)
        self.question = None
        if answer.is_yes:
            self.starts -= 1
            self.start()
        else:
            self.tell(SessionState.LOST, reason=Unavailable("You said no.", code="E-SSH-GIVEN-UP"))

    def reconnect(self) -> None:
        self.tell(SessionState.CONNECTING)
        self.start()

    def close(self) -> None:
        self._stop()
        if not self.state.is_over:
            self.tell(SessionState.ENDED)

    def _read(self) -> None:
        master, process = self._master, self._process
        while True:
            try:
                ready, _, _ = select.select([master], [], [], 0.2)
                data = os.read(master, 65_536) if ready else b"" if process is None or process.poll() is None else None
            except (OSError, ValueError):
                data = None
            if data is None:
                break
            if data:
                self.put(data)
                with self._lock:
                    self._lock.wait_for(lambda: self._waiting < LIMIT or self._master != master)
        if self._master == master and process is not None:
            self.exit_status = process.wait()
            self.tell(SessionState.ENDED)

    def _set_size(self) -> None:
        columns, lines = self.sizes[-1]
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def _stop(self) -> None:
        master, self._master = self._master, -1
        process, self._process = self._process, None
        with self._lock:
            self._lock.notify_all()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        if self._reader is not None:
            self._reader.join()
        if master >= 0:
            os.close(master)
