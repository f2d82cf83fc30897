"""A program that runs the shells of a window, so that decrypting and painting need not take turns.

Started by :mod:`machina_desktop.core.workers.shell_process` as ``python -I -m … LINE``; it ends when the line does.
"""

from __future__ import annotations

import gc
import logging
import os
import selectors
import socket
import sys
import threading
import traceback
from collections.abc import Callable

from machina_desktop.core.domain.terminal import HostKey, Question
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.terminal.session import Session
from machina_desktop.core.vault.hardening import harden_process
from machina_desktop.core.workers.dialled_line import DialledLine
from machina_desktop.core.workers.shell_wire import (
    Answered,
    Close,
    Failure,
    Incoming,
    Message,
    Noted,
    Open,
    Pin,
    Ping,
    Pinned,
    Pong,
    Resize,
    Stands,
    Way,
    frame,
)

_TYPED_BYTES = 65_536


class _Line:
    """What is said to the window; any thread."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        self._lock = threading.Lock()

    def say(self, message: Message) -> None:
        with self._lock:
            try:
                self._end.sendall(frame(message))
            except OSError:
                _leave()


class _Shell:
    """One shell: its session, told to the window, and the socket that its bytes go through."""

    def __init__(self, line: _Line, wanted: Open, data: socket.socket) -> None:
        self.data = data
        self._line = line
        self._number = wanted.shell_id
        self._visit = _Visit(self, wanted.way)
        self._lock = threading.Lock()
        self._questions = 0
        self._question: Question | None = None
        self.session = Session(DialledLine(self), wanted.columns, wanted.lines, outlet=data)
        self.session.on_change = self._tell
        self.session.start()

    def visit(self, _is_over: Callable[[], bool]) -> _Visit:
        """The window has seen to the admission."""
        return self._visit

    def answer(self, answered: Answered) -> None:
        with self._lock:
            is_meant = answered.question == self._questions
        if is_meant:
            self.session.answer(answered.answer)

    def pinned(self, reply: Pinned) -> None:
        self._visit.pinned(reply)

    def wish_pinned(self, hop: int, key: HostKey) -> None:
        self._line.say(Pin(shell_id=self._number, hop=hop, key=key))

    def close(self) -> None:
        self.session.close()
        self._visit.give_up()

    def _tell(self) -> None:
        # Under the lock, so that what is sent last is what holds.
        with self._lock:
            session = self.session
            state, reason, question = session.state, session.reason, session.question
            if question is not None and question is not self._question:
                self._questions += 1
            self._question = question
            self._line.say(
                Stands(
                    shell_id=self._number,
                    state=state,
                    number=self._questions,
                    question=question,
                    failure=None if reason is None else Failure.of(reason),
                    exit_status=session.exit_status,
                )
            )


class _Visit:
    """The window's admission to the machine, as far as it is needed here."""

    def __init__(self, shell: _Shell, way: Way) -> None:
        self.way = way
        self._shell = shell
        self._changed = threading.Condition()
        self._reply: Pinned | None = None
        self._is_over = False

    def pin(self, hop: Hop, key: HostKey, _is_over: Callable[[], bool]) -> None:
        number = next(number for number, each in enumerate(self.way.route) if each is hop)
        self._shell.wish_pinned(number, key)
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._reply is not None)
            reply, self._reply = self._reply, None
        if reply is None:
            raise Unavailable("The terminal was given up.", hint="Connect again.", code="E-SSH-GIVEN-UP")
        if reply.failure is not None:
            raise reply.failure.error

    def pinned(self, reply: Pinned) -> None:
        with self._changed:
            self._reply = reply
            self._changed.notify_all()

    def give_up(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def explained(self, error: MachinaError) -> MachinaError:
        """The window explains it."""
        return error

    def ended(self, _seconds: float | None) -> None:
        """The window hears of it from the session's state."""


class _Host:
    """Hears what the window says, and what is typed into shells; on the main thread."""

    def __init__(self, end: socket.socket) -> None:
        self._line = _Line(end)
        self._incoming = Incoming(end)
        self._shells: dict[int, _Shell] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(end, selectors.EVENT_READ, _nothing)

    @property
    def line(self) -> _Line:
        return self._line

    def run(self) -> None:
        while True:
            ready = self._selector.select()
            # A size that was told before something was typed holds for it.
            self._on_line()
            for key, _events in ready:
                key.data()

    def _on_line(self) -> None:
        try:
            for message in self._incoming.read():
                self._hear(message)
        except EOFError:
            _leave()

    def _hear(self, message: Message) -> None:
        match message:
            case Open():
                self._open(message)
            case Ping():
                self._line.say(Pong())
            case Resize() | Answered() | Pinned() | Close():
                # One that the window has closed itself may still be talked of.
                if (shell := self._shells.get(message.shell_id)) is not None:
                    self._order(shell, message)

    def _order(self, shell: _Shell, message: Resize | Answered | Pinned | Close) -> None:
        match message:
            case Resize():
                shell.session.resize(message.columns, message.lines)
            case Answered():
                shell.answer(message)
            case Pinned():
                shell.pinned(message)
            case Close():
                self._close(message.shell_id)

    def _open(self, wanted: Open) -> None:
        data = self._incoming.sockets.popleft()
        data.setblocking(False)
        shell = self._shells[wanted.shell_id] = _Shell(self._line, wanted, data)

        def on_typed() -> None:
            if wanted.shell_id not in self._shells:
                return
            try:
                typed = data.recv(_TYPED_BYTES)
            except BlockingIOError:
                return
            except OSError:
                typed = b""
            if typed:
                shell.session.write(typed)
            else:
                self._close(wanted.shell_id)

        self._selector.register(data, selectors.EVENT_READ, on_typed)

    def _close(self, number: int) -> None:
        if (shell := self._shells.pop(number, None)) is not None:
            self._selector.unregister(shell.data)
            shell.close()
            shell.data.close()


class _ToWindow(logging.Handler):
    """The window keeps the log, and takes secrets out of it."""

    def __init__(self, line: _Line) -> None:
        super().__init__(logging.WARNING)
        self._line = line

    def emit(self, record: logging.LogRecord) -> None:
        self._line.say(Noted(level=record.levelno, text=self.format(record)))


def _noted(fault: BaseException | None) -> Noted:
    return Noted(level=logging.ERROR, text="".join(traceback.format_exception(fault)))


def _nothing() -> None:
    """The line is looked at in any case."""


def _leave() -> None:
    """The window is gone. What still runs on threads is connections, and those end with the process."""
    os._exit(0)


def main() -> None:
    """Run until the line ends."""
    harden_process()
    host = _Host(socket.socket(fileno=int(sys.argv[-1])))
    logging.getLogger().addHandler(_ToWindow(host.line))
    threading.excepthook = lambda fault: host.line.say(_noted(fault.exc_value))
    sys.excepthook = lambda _kind, fault, _at: host.line.say(_noted(fault))
    # What is loaded stays; nothing of it need be looked at again.
    gc.freeze()
    host.run()


if __name__ == "__main__":
    main()
