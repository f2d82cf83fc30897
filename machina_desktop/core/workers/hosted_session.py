"""A shell that runs in the process of shells, as the window has it: what came is read from its socket at once."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

from machina_desktop.core.domain.terminal import Answer, Question, SessionState
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.workers.leads import Lead, Visit
from machina_desktop.core.workers.shell_process import ShellProcess, Shells
from machina_desktop.core.workers.shell_wire import Answered, Failure, Open, Pin, Pinned, Resize, Stands
from machina_desktop.core.workers.socket_watch import READ, WRITE

TAKE_BYTES = 262_144
_SEND_BUFFER_BYTES = 1 << 20
"""Enough for what comes while a frame is painted; with more, more is on its way at a Ctrl+C. Systems may give less."""
_MOST_LEFT = 1 << 20
"""More is not kept of what a shell that is hung up still says."""


class _Attempt:
    """One try at a shell, from the question who may to its end. Guarded by the session's lock.

    Attributes:
        data: Our end of the socket that carries what is typed and what comes; ``None`` before and afterwards.
        answered: The number of the last question that was answered.
    """

    def __init__(self, session: HostedSession, number: int) -> None:
        self.number = number
        self.state = SessionState.CONNECTING
        self.reason: MachinaError | None = None
        self.exit_status: int | None = None
        self.question: Question | None = None
        self.asked = self.answered = 0
        self.is_over = False
        self.visit: Visit | None = None
        self.process: ShellProcess | None = None
        self.data: socket.socket | None = None
        self.typed = bytearray()
        self.began: float | None = None
        self._session = session

    def stands(self, news: Stands) -> None:
        """It stands there now."""
        self._session.on_stands(self, news)

    def pin(self, wanted: Pin) -> None:
        """A host key is to be kept."""
        threading.Thread(target=self._session.on_pin, args=(self, wanted), name="ssh-pin", daemon=True).start()

    def gone(self, reason: MachinaError) -> None:
        """The process has ended."""
        self._session.on_gone(self, reason)


class HostedSession:
    """One shell over SSH, in the process of shells. Every method may be called from any thread, and none blocks.

    Attributes:
        on_change: Called from any thread, without a lock held, when the state or the question is another one and when
            something has come after :meth:`take` had found nothing. Set it before :meth:`start`.
    """

    def __init__(self, shells: Shells, lead: Lead, columns: int, lines: int) -> None:
        self.on_change: Callable[[], None] = _nothing
        self._shells = shells
        self._lead = lead
        self._size = (columns, lines)
        self._lock = threading.Lock()
        self._left = b""
        self._is_started = False
        self._attempt = _Attempt(self, shells.number())

    # What there is to see

    @property
    def state(self) -> SessionState:
        """Where it stands."""
        return self._attempt.state

    @property
    def reason(self) -> MachinaError | None:
        """Why it is LOST; ``None`` otherwise."""
        return self._attempt.reason

    @property
    def exit_status(self) -> int | None:
        """The status the shell ended with; ``None`` before, and where the session was closed."""
        return self._attempt.exit_status

    @property
    def question(self) -> Question | None:
        """What has to be answered now."""
        return self._attempt.question

    @property
    def waiting(self) -> int:
        """Bytes that may be taken now, at least; of one that is over, exactly those that will ever come."""
        with self._lock:
            data = self._attempt.data
            return len(self._left) + (0 if data is None else _readable(data))

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return self._size

    # What can be done

    def start(self) -> None:
        """Begin to connect; once."""
        with self._lock:
            if self._is_started:
                return
            self._is_started = True
            attempt = self._attempt
        self._run(attempt)

    def take(self, limit: int = TAKE_BYTES) -> bytes:
        """What has come, ``limit`` bytes at most; where that is nothing, :attr:`on_change` says when there is more."""
        with self._lock:
            if self._left:
                taken, self._left = self._left[:limit], self._left[limit:]
                return taken
            attempt = self._attempt
            if attempt.data is None:
                return b""
            try:
                taken = attempt.data.recv(limit)
            except BlockingIOError:
                self._listen(attempt)
                return b""
            except OSError:
                return b""
            # At the end of it there is nothing to wait for: what has become of the shell is told on the line.
            return taken

    def write(self, data: bytes) -> None:
        """Send what was typed, in order; kept while it connects, dropped when it is over."""
        with self._lock:
            attempt = self._attempt
            if data and not attempt.is_over:
                is_first = not attempt.typed
                attempt.typed += data
                if is_first:
                    self._flush(attempt)

    def resize(self, columns: int, lines: int) -> None:
        """Tell the shell that its terminal has that size now."""
        with self._lock:
            attempt = self._attempt
            if self._size == (columns, lines):
                return
            self._size = (columns, lines)
            if attempt.process is not None and not attempt.is_over:
                attempt.process.resize(Resize(shell_id=attempt.number, columns=columns, lines=lines))

    def answer(self, answer: Answer) -> None:
        """Answer :attr:`question`, which is gone at once; where none is asked, nothing happens."""
        with self._lock:
            attempt = self._attempt
            if attempt.question is None or attempt.process is None:
                return
            attempt.question, attempt.state, attempt.answered = None, SessionState.CONNECTING, attempt.asked
            attempt.process.send(Answered(shell_id=attempt.number, question=attempt.asked, answer=answer))
        self._tell()

    def reconnect(self) -> None:
        """Begin anew in place; what has come and was not taken stays. What was typed and not sent is dropped."""
        with self._lock:
            self._finish(self._attempt)
            attempt = self._attempt = _Attempt(self, self._shells.number())
            self._is_started = True
        self._tell()
        self._run(attempt)

    def close(self) -> None:
        """Hang up; what has come can still be taken."""
        with self._lock:
            attempt = self._attempt
            if attempt.is_over:
                return
            self._finish(attempt)
            attempt.state = SessionState.ENDED
        self._tell()

    # What the process of shells says, on the watch's thread

    def on_stands(self, attempt: _Attempt, news: Stands) -> None:
        """The shell stands there now."""
        with self._lock:
            if attempt.is_over:
                return
            if news.state.is_over:
                reason = None if news.failure is None else news.failure.error
                self._end(attempt, news.state, reason, exit_status=news.exit_status)
            elif news.question is not None and news.number <= attempt.answered:
                # It was said before the answer arrived there.
                return
            else:
                self._follow(attempt, news)
        self._tell()

    def on_pin(self, attempt: _Attempt, wanted: Pin) -> None:
        """A host key is to be kept; blocks, on a thread of its own."""
        visit, process = attempt.visit, attempt.process
        if visit is None or process is None:
            return
        failure = None
        try:
            visit.pin(visit.way.route[wanted.hop], wanted.key, lambda: attempt.is_over)
        except MachinaError as error:
            failure = Failure.of(error)
        process.send(Pinned(shell_id=attempt.number, failure=failure))

    def on_gone(self, attempt: _Attempt, reason: MachinaError) -> None:
        """The process has ended, and the shell with it."""
        with self._lock:
            if attempt.is_over:
                return
            self._end(attempt, SessionState.LOST, reason)
        self._tell()

    # One attempt

    def _run(self, attempt: _Attempt) -> None:
        threading.Thread(target=self._open, args=(attempt,), name="ssh-way", daemon=True).start()

    def _open(self, attempt: _Attempt) -> None:
        try:
            # The process loads what it needs while the admission is asked for.
            process = self._shells.started()
            visit = self._lead.visit(lambda: attempt.is_over)
        except MachinaError as error:
            self.on_gone(attempt, error)
            return
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        with self._lock:
            if attempt.is_over:
                visit.ended(0)
                ours.close()
                theirs.close()
                return
            attempt.visit, attempt.process, attempt.data = visit, process, ours
            columns, lines = self._size
            wanted = Open(shell_id=attempt.number, way=visit.way, columns=columns, lines=lines)
            try:
                process.open(wanted, theirs, attempt)
            except MachinaError as error:
                self._end(attempt, SessionState.LOST, error)
            else:
                self._flush(attempt)
                self._listen(attempt)
        if attempt.is_over:
            self._tell()

    def _follow(self, attempt: _Attempt, news: Stands) -> None:
        if news.question is None or news.number != attempt.asked:
            attempt.question, attempt.asked = news.question, news.number
        attempt.state = news.state
        if news.state is SessionState.LIVE and attempt.began is None:
            attempt.began = time.monotonic()

    def _end(
        self,
        attempt: _Attempt,
        state: SessionState,
        reason: MachinaError | None,
        *,
        exit_status: int | None = None,
    ) -> None:
        visit = attempt.visit
        self._finish(attempt)
        attempt.reason = visit.explained(reason) if visit is not None and reason is not None else reason
        attempt.exit_status = exit_status
        attempt.state = state

    def _finish(self, attempt: _Attempt) -> None:
        """Let go of the shell; what it has said stays to be taken."""
        if attempt.is_over:
            return
        attempt.is_over = True
        attempt.question = None
        attempt.typed.clear()
        if attempt.process is not None:
            attempt.process.forget(attempt.number)
        if attempt.data is not None:
            self._left += _rest_of(attempt.data)
            self._shells.watch.forget(attempt.data)
            attempt.data.close()
            attempt.data = None
        if attempt.visit is not None:
            attempt.visit.ended(0 if attempt.began is None else time.monotonic() - attempt.began)

    def _flush(self, attempt: _Attempt) -> None:
        if attempt.data is None:
            return
        try:
            while attempt.typed:
                del attempt.typed[: attempt.data.send(attempt.typed)]
        except BlockingIOError:
            self._shells.watch.arm(attempt.data, WRITE, lambda: self._on_writable(attempt))
        except OSError:
            # What has become of the shell is told on the line.
            attempt.typed.clear()

    def _on_writable(self, attempt: _Attempt) -> None:
        with self._lock:
            self._flush(attempt)

    def _listen(self, attempt: _Attempt) -> None:
        if attempt.data is not None:
            self._shells.watch.arm(attempt.data, READ, self._tell)

    def _tell(self) -> None:
        # Who listened may be a widget that is gone by now.
        with contextlib.suppress(RuntimeError):
            self.on_change()


def _rest_of(data: socket.socket) -> bytes:
    rest = bytearray()
    with contextlib.suppress(OSError):
        while len(rest) < _MOST_LEFT and (piece := data.recv(TAKE_BYTES)):
            rest += piece
    return bytes(rest)


def _readable(data: socket.socket) -> int:
    with contextlib.suppress(OSError):
        return len(data.recv(TAKE_BYTES, socket.MSG_PEEK))
    return 0


def _nothing() -> None:
    """Who hears of changes before anybody has said where to."""
