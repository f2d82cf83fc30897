"""The process that the shells of a window run in, as the window has it: its line, and who hears of what it says."""

from __future__ import annotations

import itertools
import logging
import socket
import sys
import threading
import time
from collections import deque
from typing import Protocol

from machina_desktop.core.config import environment
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.process import clean_environment, end_companion, start_companion
from machina_desktop.core.workers.shell_wire import (
    Close,
    Incoming,
    Message,
    Noted,
    Open,
    Pin,
    Ping,
    Pong,
    Resize,
    Stands,
    frame,
)
from machina_desktop.core.workers.socket_watch import READ, WRITE, SocketWatch

LOG = logging.getLogger(__name__)
CAN_HAND_OVER = hasattr(socket, "send_fds")
"""Whether an open socket can be given to another process here; without that, shells run in the window's own."""
TICK_S = 5.0
PATIENCE_S = 15.0
"""A process that answers nothing for so long is ended."""
START_S = 60.0
"""So long it may take to load what it needs, on a slow disk."""
_MODULE = "machina_desktop.core.workers.shell_host"


class Listener(Protocol):
    """Who hears of one shell, on the watch's thread."""

    def stands(self, news: Stands) -> None:
        """It stands there now."""
        ...

    def pin(self, wanted: Pin) -> None:
        """A host key is to be kept."""
        ...

    def gone(self, reason: MachinaError) -> None:
        """The process has ended, and the shell with it."""
        ...


class ShellProcess:
    """One process, from its start to its end. Any thread; nothing but the start blocks."""

    def __init__(self, watch: SocketWatch) -> None:
        """Start it; blocks for a few milliseconds.

        Raises:
            Unavailable: E-RUN-START.
        """
        self._watch = watch
        self._lock = threading.Lock()
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)
        self._incoming = Incoming(self._line)
        self._outgoing: deque[tuple[memoryview, socket.socket | None]] = deque()
        self._sizes: dict[int, Resize] = {}
        self._listeners: dict[int, Listener] = {}
        self._is_gone = False
        self._asked_at: float | None = None
        self._has_spoken = False
        try:
            self._pid = _start(theirs)
        except BaseException:
            self._line.close()
            raise
        finally:
            theirs.close()
        self._listen()

    @property
    def pid(self) -> int:
        """Its number."""
        return self._pid

    @property
    def is_gone(self) -> bool:
        """Whether it has ended."""
        return self._is_gone

    def open(self, wanted: Open, data: socket.socket, listener: Listener) -> None:
        """Have a shell opened; ``data`` is given to it and closed here.

        Raises:
            Unavailable: E-SSH-PROCESS, it has ended meanwhile.
        """
        with self._lock:
            if self._is_gone:
                data.close()
                raise ended_process()
            self._listeners[wanted.shell_id] = listener
            self._send(wanted, data)

    def send(self, message: Message) -> None:
        """Say something; where it has ended, nobody hears it."""
        with self._lock:
            if not self._is_gone:
                self._send(message, None)

    def resize(self, size: Resize) -> None:
        """Tell a shell its size; of those that could not be sent yet, only the last one is."""
        with self._lock:
            if self._is_gone:
                return
            self._sizes[size.shell_id] = size
            if not self._outgoing:
                self._flush()

    def forget(self, shell_id: int) -> None:
        """Hang up a shell; nobody hears of it any more."""
        with self._lock:
            if self._listeners.pop(shell_id, None) is not None:
                self._send(Close(shell_id=shell_id), None)

    def check(self) -> None:
        """Find out whether it still answers; to be called about every :data:`TICK_S`."""
        with self._lock:
            if not self._listeners or self._is_gone:
                self._asked_at = None
                return
            if self._asked_at is None:
                self._asked_at = time.monotonic()
                self._send(Ping(), None)
                return
            patience_s = PATIENCE_S if self._has_spoken else START_S
            is_stuck = time.monotonic() - self._asked_at > patience_s
        if is_stuck:
            LOG.warning("the process of shells does not answer and is ended")
            self._end()

    def stop(self) -> None:
        """End it, whatever it does; nobody hears of it. Blocks for a moment."""
        with self._lock:
            self._listeners.clear()
        self._end()

    def _listen(self) -> None:
        self._watch.arm(self._line, READ, self._on_readable)

    def _on_readable(self) -> None:
        try:
            for message in self._incoming.read():
                self._hear(message)
        except EOFError:
            self._end()
        except MachinaError:
            LOG.exception("the process of shells said what cannot be understood")
            self._end()
        else:
            self._listen()

    def _hear(self, message: Message) -> None:
        self._has_spoken = True
        match message:
            case Stands() | Pin():
                with self._lock:
                    listener = self._listeners.get(message.shell_id)
                    if isinstance(message, Stands) and message.state.is_over:
                        self._listeners.pop(message.shell_id, None)
                if listener is not None:
                    listener.stands(message) if isinstance(message, Stands) else listener.pin(message)
            case Noted():
                LOG.log(message.level, "the process of shells: %s", message.text)
            case Pong():
                self._asked_at = None

    def _end(self) -> None:
        with self._lock:
            if self._is_gone:
                return
            self._is_gone = True
            listeners = tuple(self._listeners.values())
            self._listeners.clear()
            for _data, handle in self._outgoing:
                if handle is not None:
                    handle.close()
            self._outgoing.clear()
        self._watch.forget(self._line)
        self._line.close()
        end_companion(self._pid)
        for listener in listeners:
            listener.gone(ended_process())

    def _send(self, message: Message, handle: socket.socket | None) -> None:
        self._outgoing.append((memoryview(frame(message)), handle))
        if len(self._outgoing) == 1:
            self._flush()

    def _flush(self) -> None:
        while self._outgoing or self._sizes:
            if not self._outgoing:
                size = self._sizes.pop(next(iter(self._sizes)))
                self._outgoing.append((memoryview(frame(size)), None))
            data, handle = self._outgoing[0]
            try:
                sent = (
                    self._line.send(data) if handle is None else socket.send_fds(self._line, [data], [handle.fileno()])
                )
            except BlockingIOError:
                self._watch.arm(self._line, WRITE, self._on_writable)
                return
            except OSError:
                # Who reads the line finds out that it has ended.
                return
            if handle is not None:
                handle.close()
            if sent < len(data):
                self._outgoing[0] = (data[sent:], None)
            else:
                self._outgoing.popleft()

    def _on_writable(self) -> None:
        with self._lock:
            if not self._is_gone:
                self._flush()


class Shells:
    """The process that shells run in, started when the first is wanted, and again after it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: ShellProcess | None = None
        self._watch: SocketWatch | None = None
        self._numbers = itertools.count(1)

    @property
    def watch(self) -> SocketWatch:
        """Waits for the sockets of all shells."""
        if (watch := self._watch) is not None:
            return watch
        with self._lock:
            if self._watch is None:
                self._watch = SocketWatch(self._on_tick, TICK_S)
            return self._watch

    @property
    def process(self) -> ShellProcess | None:
        """The one that runs."""
        return None if self._process is None or self._process.is_gone else self._process

    def number(self) -> int:
        """A number that no other shell has."""
        return next(self._numbers)

    def started(self) -> ShellProcess:
        """The process, started where none runs; blocks for a few milliseconds then.

        Raises:
            Unavailable: E-RUN-START.
        """
        watch = self.watch
        with self._lock:
            if self._process is None or self._process.is_gone:
                self._process = ShellProcess(watch)
            return self._process

    def stop(self) -> None:
        """End the process. Blocks for a moment."""
        with self._lock:
            process, self._process = self._process, None
            watch, self._watch = self._watch, None
        if process is not None:
            process.stop()
        if watch is not None:
            watch.stop()

    def _on_tick(self) -> None:
        if (process := self.process) is not None:
            process.check()


def _start(line: socket.socket) -> int:
    # Where a person forwards their agent, it is the one of this program's surroundings.
    agent = {name: value for name, value in environment().items() if name == "SSH_AUTH_SOCK"}
    return start_companion((sys.executable, "-I", "-m", _MODULE), line, environment=clean_environment(agent))


def ended_process() -> Unavailable:
    """``E-SSH-PROCESS``: the process that the shells ran in is gone, and every connection of it."""
    return Unavailable(
        "The part of this program that holds the connections of terminals has ended unexpectedly.",
        hint="Connect again; programs that ran in the shell have been hung up.",
        code="E-SSH-PROCESS",
    )
