"""A shell on a machine: connecting, asking, live, lost and back again, without ever making its caller wait."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.domain.terminal import NO, Answer, Question, SessionState
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.ssh.connection import ENDED_BY_SIGNAL, Connection, Pulse
from machina_desktop.core.ssh.failures import connected
from machina_desktop.core.ssh.hop import Ask
from machina_desktop.core.ssh.shell import open_shell
from machina_desktop.core.ssh.target import lost
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.terminal.relay import Relay

WAITING_LIMIT = 1 << 20
"""Bytes that may wait to be taken; more are left to the connection, which slows the server down."""
TAKE_BYTES = 65_536
TICK_S = 1.0
STATUS_S = 3.0
"""So long the exit status may come after the end of the output."""
_PIECE = 32_768


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A connection that stands, and what is to be started on it; its terminal has the session's own size.

    Attributes:
        ended: To be told, once, how many seconds the shell was open, ``None`` where none is opened; does not block.
    """

    connection: Connection
    wish: ShellWish
    ended: Callable[[float | None], None]


class Line(Protocol):
    """Where a session leads: opens a connection whenever one is wanted. Called on the session's thread."""

    def open(self, ask: Ask, is_over: Callable[[], bool]) -> Opened:
        """Find out how the machine is reached and log in; blocks. ``is_over`` says when nobody wants it any more.

        Raises:
            MachinaError: it cannot be reached, or nobody may.
        """
        ...


class _Over(MachinaError):
    """The attempt was given up from outside; nobody hears of it."""


class _Attempt:
    """One try at a shell, from dialling to its end. Its fields are guarded by the session's lock."""

    def __init__(self) -> None:
        self.is_over = False
        self.connection: Connection | None = None
        self.channel: paramiko.Channel | None = None
        self.question: Question | None = None
        self.answer: Answer | None = None


class Session:
    """One shell over SSH. Every method and attribute may be used from any thread, and none of them blocks.

    Attributes:
        on_change: Called from any thread, without a lock held, when the state or the question is another one and when
            :attr:`waiting` rises from 0. Set it before :meth:`start`.
    """

    def __init__(self, line: Line, columns: int, lines: int, *, outlet: socket.socket | None = None) -> None:
        """``outlet``, which must not block, gets what comes in place of :meth:`take`."""
        self.on_change: Callable[[], None] = _nothing
        self._line = line
        self._outlet = outlet
        self._size = (columns, lines)
        self._size_told = self._size
        self._changed = threading.Condition()
        self._state = SessionState.CONNECTING
        self._reason: MachinaError | None = None
        self._exit_status: int | None = None
        self._came: deque[bytes] = deque()
        self._waiting = 0
        self._typed: deque[bytes] = deque()
        self._attempt = _Attempt()
        self._is_started = False

    # What there is to see

    @property
    def state(self) -> SessionState:
        """Where it stands."""
        return self._state

    @property
    def reason(self) -> MachinaError | None:
        """Why it is LOST; ``None`` otherwise."""
        return self._reason

    @property
    def exit_status(self) -> int | None:
        """The status the shell ended with; ``None`` before, and where the session was closed."""
        return self._exit_status

    @property
    def question(self) -> Question | None:
        """What has to be answered now."""
        return self._attempt.question

    @property
    def connection(self) -> Connection | None:
        """The connection of a LIVE session, for files and tunnels beside the shell; it ends with the session."""
        return self._attempt.connection if self._state is SessionState.LIVE else None

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return self._size

    @property
    def waiting(self) -> int:
        """Bytes that have come and were not taken."""
        return self._waiting

    # What can be done

    def start(self) -> None:
        """Begin to connect; once."""
        with self._changed:
            if self._is_started:
                return
            self._is_started = True
            attempt = self._attempt
        self._run(attempt)

    def take(self, limit: int = TAKE_BYTES) -> bytes:
        """The next ``limit`` bytes at most, joined; none where none are waiting."""
        with self._changed:
            if self._waiting <= limit:
                data = b"".join(self._came)
                self._came.clear()
            else:
                data = self._cut(limit)
            was_full = self._waiting >= WAITING_LIMIT
            self._waiting -= len(data)
            if was_full:
                self._changed.notify_all()
            return data

    def _cut(self, limit: int) -> bytes:
        taken, size = [], 0
        while size < limit:
            piece = self._came.popleft()
            room = limit - size
            if len(piece) > room:
                self._came.appendleft(piece[room:])
                piece = piece[:room]
            taken.append(piece)
            size += len(piece)
        return b"".join(taken)

    def write(self, data: bytes) -> None:
        """Send what was typed, in order; kept while it connects, dropped when it is over."""
        with self._changed:
            if data and not self._state.is_over:
                self._typed.append(data)
                self._changed.notify_all()

    def resize(self, columns: int, lines: int) -> None:
        """Tell the shell that its terminal has that size now."""
        with self._changed:
            self._size = (columns, lines)
            self._changed.notify_all()

    def answer(self, answer: Answer) -> None:
        """Answer :attr:`question`, which is gone at once; where none is asked, nothing happens."""
        with self._changed:
            if self._attempt.question is None:
                return
            self._attempt.question, self._attempt.answer = None, answer
            self._state = SessionState.CONNECTING
            self._changed.notify_all()
        self.on_change()

    def reconnect(self) -> None:
        """Begin anew in place; what has come and was not taken stays. What was typed and not sent is dropped."""
        with self._changed:
            former, attempt = self._attempt, _Attempt()
            self._give_up(former)
            self._attempt = attempt
            self._is_started = True
            self._state, self._reason, self._exit_status = SessionState.CONNECTING, None, None
            self._typed.clear()
        self.on_change()
        self._run(attempt)

    def close(self) -> None:
        """Hang up; what has come can still be taken."""
        with self._changed:
            if self._state.is_over:
                return
            self._give_up(self._attempt)
            self._state, self._reason = SessionState.ENDED, None
            self._typed.clear()
        self.on_change()

    # One attempt, on threads of its own

    def _run(self, attempt: _Attempt) -> None:
        threading.Thread(target=self._live, args=(attempt,), name="ssh-session", daemon=True).start()

    def _give_up(self, attempt: _Attempt) -> None:
        attempt.is_over = True
        attempt.question = None
        self._changed.notify_all()
        if attempt.connection is not None:
            threading.Thread(target=attempt.connection.close, name="ssh-hang-up", daemon=True).start()

    def _live(self, attempt: _Attempt) -> None:
        try:
            opened = self._line.open(lambda question: self._ask(attempt, question), lambda: attempt.is_over)
            channel = self._begin(attempt, opened)
        except MachinaError as error:
            self._end(attempt, SessionState.LOST, error)
            return
        began = time.monotonic()
        threading.Thread(target=self._send, args=(attempt, channel), name="ssh-typing", daemon=True).start()
        try:
            with connected(_connection_of(attempt).target):
                self._receive(attempt, channel)
            status = _status_of(attempt, channel)
        except MachinaError as error:
            self._end(attempt, SessionState.LOST, error)
        else:
            self._end(attempt, SessionState.ENDED, status=status)
        finally:
            opened.ended(time.monotonic() - began)

    def _begin(self, attempt: _Attempt, opened: Opened) -> paramiko.Channel:
        with self._changed:
            attempt.connection = opened.connection
            size = self._size_told = self._size
            is_over = attempt.is_over
        try:
            if is_over:
                raise _Over("")
            wish = opened.wish
            if wish.columns:
                wish = replace(wish, columns=size[0], lines=size[1])
            relay = None if self._outlet is None else Relay(self._outlet)
            self._greet(attempt, relay, opened.connection.banner.encode() if wish.columns else b"")
            channel = open_shell(opened.connection, wish, relay)
        except MachinaError:
            opened.connection.close()
            opened.ended(0)
            raise
        channel.settimeout(TICK_S)
        with self._changed:
            if not attempt.is_over:
                attempt.channel = channel
                self._state = SessionState.LIVE
        self.on_change()
        return channel

    def _greet(self, attempt: _Attempt, relay: Relay | None, banner: bytes) -> None:
        if relay is not None:
            relay.say(banner)
        elif banner:
            self._keep(attempt, banner)

    def _ask(self, attempt: _Attempt, question: Question) -> Answer:
        with self._changed:
            if attempt.is_over:
                raise _Over("")
            attempt.question, attempt.answer = question, None
            self._state = SessionState.ASKING
        self.on_change()
        with self._changed:
            self._changed.wait_for(lambda: attempt.is_over or attempt.answer is not None)
            # It may be a password, so nothing keeps it any longer.
            answer, attempt.answer = attempt.answer, None
            if attempt.is_over:
                raise _Over("")
            return answer or NO

    def _receive(self, attempt: _Attempt, channel: paramiko.Channel) -> None:
        """Take in what comes until the shell or the connection ends."""
        pulse = Pulse(_connection_of(attempt).transport)
        while not attempt.is_over:
            try:
                data = channel.recv(TAKE_BYTES)
            except TimeoutError:
                # A child that the shell left behind may hold the terminal open.
                if channel.exit_status_ready() and not channel.recv_ready():
                    return
                if pulse.is_lost():
                    raise lost(_connection_of(attempt).target) from None
                continue
            if not data:
                return
            pulse.heard()
            # What a relay has passed on is not here any more.
            if isinstance(data, bytes):
                self._keep(attempt, data)

    def _keep(self, attempt: _Attempt, data: bytes) -> None:
        with self._changed:
            if attempt.is_over:
                return
            self._came.append(data)
            rose = self._waiting == 0
            self._waiting += len(data)
        if rose:
            self.on_change()
        if self._waiting >= WAITING_LIMIT:
            with self._changed:
                self._changed.wait_for(lambda: attempt.is_over or self._waiting < WAITING_LIMIT)

    def _send(self, attempt: _Attempt, channel: paramiko.Channel) -> None:
        """Pass on what is typed and new sizes, until the attempt is over."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: attempt.is_over or bool(self._typed) or self._size != self._size_told)
                if attempt.is_over:
                    return
                data = b"".join(self._typed)
                self._typed.clear()
                size = self._size if self._size != self._size_told else None
                self._size_told = self._size
            try:
                if size is not None:
                    channel.resize_pty(*size)
                _send_all(attempt, channel, data)
            except (paramiko.SSHException, OSError, EOFError):
                # The reading side finds out why.
                return

    def _end(
        self, attempt: _Attempt, state: SessionState, reason: MachinaError | None = None, *, status: int | None = None
    ) -> None:
        if attempt.connection is not None:
            attempt.connection.close()
        with self._changed:
            if attempt.is_over:
                return
            attempt.is_over = True
            attempt.question = None
            # Who looks without the lock and finds it over finds out why.
            self._reason, self._exit_status, self._state = reason, status, state
            self._typed.clear()
            self._changed.notify_all()
        self.on_change()


def _send_all(attempt: _Attempt, channel: paramiko.Channel, data: bytes) -> None:
    view = memoryview(data)
    while view and not attempt.is_over:
        try:
            view = view[channel.send(bytes(view[:_PIECE])) :]
        except TimeoutError:
            # Whoever runs there does not read; it is tried again until the session is over.
            continue


def _status_of(attempt: _Attempt, channel: paramiko.Channel) -> int:
    """What the shell ended with.

    Raises:
        Unavailable: E-SSH-DROPPED, it was the connection that ended.
    """
    channel.status_event.wait(STATUS_S)
    status = int(channel.exit_status)
    if status >= 0:
        return status
    if channel.eof_received and _connection_of(attempt).is_alive:
        return ENDED_BY_SIGNAL
    raise lost(_connection_of(attempt).target)


def _connection_of(attempt: _Attempt) -> Connection:
    if attempt.connection is None:
        raise Unavailable("There is no connection.", code="E-SSH-DROPPED")
    return attempt.connection


def _nothing() -> None:
    """Who hears of changes before anybody has said where to."""
