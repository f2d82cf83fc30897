"""One shell or command of a practice machine: its process, its terminal, and their end with the channel."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import struct
import subprocess  # noqa: TID251 - this belongs to the practice machine's own process, not to the application
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import paramiko  # type: ignore[import-untyped]
import psutil  # type: ignore[import-untyped]

MARK = "MACHINA_PRACTICE"
"""Environment variable of every process that was started on a practice machine; its value is the folder."""

_GRACE_S = 1.0
_POLL_S = 0.02
_IDLE_S = 0.2
_CHUNK = 32768

# A process gets its controlling terminal only after it has begun a session of its own; doing that between fork and
# exec in a process with threads is not safe, so a second, tiny Python does it. It also undoes what Python ignores.
_TAKE_TERMINAL = (
    "import fcntl, os, signal, sys, termios; signal.signal(signal.SIGPIPE, signal.SIG_DFL); "
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What the client asked for; sizes in character cells."""

    name: str
    columns: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class _Running:
    """The process, the file its input is written to, and what to do with the output of each file."""

    child: subprocess.Popen[bytes]
    sink: int
    outputs: Mapping[int, Callable[[bytes], None]]


class Session(threading.Thread):
    """Runs from the client's request to the end of the process or of the channel, whichever comes first."""

    def __init__(
        self,
        channel: paramiko.Channel,
        *,
        command: str | None,
        terminal: Terminal | None,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(name="session", daemon=True)
        self._channel = channel
        self._terminal = terminal
        shell = environment["SHELL"]
        self._argv = [shell] if command is None else [shell, "-c", command]
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._size = (terminal.rows, terminal.columns) if terminal else (0, 0)
        self._master = -1

    def resize(self, *, columns: int, rows: int) -> None:
        """Give the terminal another size; its programs are told. Any thread."""
        with self._lock:
            self._size = (rows, columns)
            if self._master >= 0:
                _set_size(self._master, self._size)

    def run(self) -> None:
        """Serve the client, then answer with the exit status and close the channel."""
        # Files are closed after the feeder has ended: their numbers would mean something else by then.
        with ExitStack() as cleanup:
            try:
                running = self._on_terminal(self._terminal, cleanup) if self._terminal else self._on_pipes(cleanup)
                feeder = threading.Thread(target=self._feed, args=(running,), name="input", daemon=True)
                feeder.start()
                cleanup.callback(feeder.join)
                _pump(running)
                code = running.child.wait()
                status = code if code >= 0 else 128 - code
            except OSError as error:
                status = 126
                self._complain(error)
            self._answer(status)

    def _answer(self, status: int) -> None:
        try:
            self._channel.send_exit_status(status)
        except (paramiko.SSHException, OSError, EOFError):
            # The client has left; nobody wants to know.
            return
        finally:
            self._channel.close()

    def _on_terminal(self, terminal: Terminal, cleanup: ExitStack) -> _Running:
        master, slave = os.openpty()
        cleanup.callback(self._close_terminal, master)
        with self._lock:
            self._master = master
            _set_size(master, self._size)
        name = terminal.name if re.fullmatch(r"[A-Za-z0-9._+-]{1,64}", terminal.name) else "dumb"
        try:
            argv = [sys.executable, "-I", "-S", "-c", _TAKE_TERMINAL, *self._argv]
            child = self._start(argv, slave, slave, slave, TERM=name)
        finally:
            os.close(slave)
        return _Running(child=child, sink=master, outputs={master: self._channel.sendall})

    def _close_terminal(self, master: int) -> None:
        with self._lock:
            self._master = -1
            os.close(master)

    def _on_pipes(self, cleanup: ExitStack) -> _Running:
        ours, theirs = [], []
        for number in range(3):
            reading, writing = os.pipe()
            ours.append(writing if number == 0 else reading)
            theirs.append(reading if number == 0 else writing)
        sink, output, errors = ours
        # The feeder closes the input by itself, because that tells the process that there is no more.
        cleanup.callback(os.close, output)
        cleanup.callback(os.close, errors)
        try:
            child = self._start(self._argv, *theirs)
        except OSError:
            os.close(sink)
            raise
        finally:
            for file in theirs:
                os.close(file)
        sends = {output: self._channel.sendall, errors: self._channel.sendall_stderr}
        return _Running(child=child, sink=sink, outputs=sends)

    def _start(self, argv: list[str], stdin: int, stdout: int, stderr: int, **extra: str) -> subprocess.Popen[bytes]:
        environment = self._environment | extra
        return subprocess.Popen(
            argv,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=environment["HOME"],
            env=environment,
            start_new_session=True,
        )

    def _feed(self, running: _Running) -> None:
        """Hand the client's input to the process; end the process when the client goes."""
        child, sink = running.child, running.sink
        os.set_blocking(sink, False)
        while data := self._channel.recv(_CHUNK):
            self._write(child, sink, data)
        if self._terminal is None:
            os.close(sink)
        # Set when the channel closes, from whichever side.
        self._channel.status_event.wait()
        if child.poll() is None:
            _end(_session_of(child.pid))

    def _write(self, child: subprocess.Popen[bytes], sink: int, data: bytes) -> None:
        while data and child.poll() is None and not self._channel.closed:
            try:
                data = data[os.write(sink, data) :]
            except BlockingIOError:
                time.sleep(_POLL_S)
            except OSError:
                # It no longer reads.
                return

    def _complain(self, error: OSError) -> None:
        text = f"The practice machine could not start {self._argv[0]}: {error.strerror}.\r\n"
        try:
            self._channel.sendall_stderr(text.encode())
        except (paramiko.SSHException, OSError):
            return


def end_leftovers(folder: Path) -> None:
    """End every process that was started on the practice machine of ``folder``, as a power cut would."""
    _end(_marked(str(folder)))


def _pump(running: _Running) -> None:
    """Send output until nobody writes any more, or the client no longer takes it."""
    with DefaultSelector() as selector:
        for file, send in running.outputs.items():
            selector.register(file, EVENT_READ, send)
        while selector.get_map():
            ready = selector.select(_IDLE_S)
            # What it left running in the background may hold the terminal for days.
            if not ready and running.child.poll() is not None:
                return
            for key, _ in ready:
                if not (data := _read(key.fd)):
                    selector.unregister(key.fd)
                    continue
                try:
                    key.data(data)
                except (OSError, EOFError, paramiko.SSHException):
                    return


def _read(file: int) -> bytes:
    try:
        return os.read(file, _CHUNK)
    except OSError:
        # How Linux says that the last user of a terminal has gone.
        return b""


def _set_size(master: int, size: tuple[int, int]) -> None:
    rows, columns = (min(max(number, 0), 0xFFFF) for number in size)
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def _session_of(leader: int) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if _session_id(process.pid) == leader]


def _session_id(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return -1


def _marked(folder: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == folder:
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _end(processes: Iterable[psutil.Process]) -> None:
    left = [*processes]
    for number in (signal.SIGHUP, signal.SIGTERM):
        _signal_each(left, number)
    deadline = time.monotonic() + _GRACE_S
    while time.monotonic() < deadline and (left := [process for process in left if _runs(process)]):
        time.sleep(_POLL_S)
    _signal_each(left, signal.SIGKILL)


def _signal_each(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.Error:
            continue


def _runs(process: psutil.Process) -> bool:
    # Waiting for it would take the exit status away from whoever started it.
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
