"""The only place that starts processes: argument lists, a clean environment, and runs that outlive the application."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from machina_desktop.core.config import environment as inherited_environment
from machina_desktop.core.errors import Bug, Conflict, Unavailable

_LAUNCHER = Path(__file__).with_name("launcher.py")
_CHECK_ALIVE_S = 0.25

# Off Linux the launcher can only note the time of day right after the start.
_TOLERANCE_S = 0.001 if sys.platform == "linux" else 2.0

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_INHERITED = frozenset(
    {"PATH", "HOME", "TMPDIR", "TEMP", "TMP", "LANG", "LC_ALL", "SystemRoot", "USERPROFILE", "APPDATA", *_PROXIES}
    | {name.upper() for name in _PROXIES}
)

# Children that were started and not yet waited for, so that none is left behind as a zombie.
_children: list[subprocess.Popen[bytes]] = []
_children_lock = threading.Lock()


@dataclass(frozen=True)
class Command:
    """One program to run under a launcher.

    Attributes:
        argv: Program and arguments; never a secret.
        output: Name of the file in the launch's folder that its standard output is appended to; what it says on
            standard error goes to the same name with ``.err`` added.
        ok_codes: Exit codes after which the next command is run.
    """

    argv: tuple[str, ...]
    output: str
    ok_codes: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Outcome:
    """How a launch ended.

    Attributes:
        codes: Exit code of each command that was run; negative for a signal; 127 when it could not be found.
        lost: Launcher and command died without a record: nobody knows how the last command begun ended.
        interrupts: How many interrupts the last command was sent.
        leftovers: Process groups that outlived their command; see :func:`end_leftovers`.
    """

    codes: tuple[int, ...] = ()
    lost: bool = False
    interrupts: int = 0
    leftovers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Launch:
    """One started sequence of commands, known by its folder alone: any process of the same user may attach to it.

    Attributes:
        boot: The :func:`boot_id` under which it was started.
    """

    folder: Path
    boot: str = field(repr=False)

    @classmethod
    def attach(cls, folder: Path) -> Launch | None:
        """The launch that was begun in ``folder``, running or not; ``None`` where none was."""
        try:
            head = (folder / "commands").read_bytes().split(b"\0", 1)[0]
        except FileNotFoundError:
            return None
        return cls(folder, head.decode())

    @property
    def begun(self) -> tuple[tuple[int, float], ...]:
        """Pid and start time of each command begun so far. A lost launch that began none changed nothing."""
        rows = _read_rows(self.folder / "started").get("child", [])
        return tuple((int(pid), float(start)) for _, pid, start in rows)

    def output(self, name: str) -> Path:
        """The file that holds the standard output of the command with that ``Command.output``."""
        return self.folder / name

    def errors(self, name: str) -> Path:
        """The file that holds what that command said on standard error."""
        return self.folder / f"{name}.err"

    def is_alive(self) -> bool:
        """Whether the launcher or the command it began still runs, or a child that is about to become a command."""
        _reap()
        # In this order: the child goes on record before it lets go of the lock that it was forked with.
        return self._is_launcher_alive() or self._is_held() or self.is_command_alive()

    def is_command_alive(self) -> bool:
        """Whether the command begun last still runs."""
        begun = self.begun
        return bool(begun) and self.boot == boot_id() and is_process(*begun[-1])

    def outcome(self) -> Outcome | None:
        """How it ended, ``None`` while it runs."""
        ended = self._ended()
        if ended is None and not self.is_alive():
            # It may have written its record between the two looks.
            ended = self._ended() or Outcome(lost=True)
        return ended

    def request_cancel(self, level: int) -> None:
        """Have the running command interrupted ``level`` times in all (1 or 2), and run no further command.

        Saying the same level again does nothing. Without a launcher the interrupt is sent from here.

        Raises:
            Unavailable: the request cannot be written (E-RUN-FOLDER).
        """
        # Read first: a level that this file already holds was, or will be, delivered by whoever saw it.
        if level <= self._cancel_level():
            return
        _write(self.folder / "cancel", str(level).encode())
        if not self._is_launcher_alive() and self.is_command_alive():
            os.kill(self.begun[-1][0], signal.SIGINT)

    async def wait(self, poll_s: float = 0.01) -> Outcome:
        """The outcome, as soon as there is one. May be cancelled; that ends the waiting, not the run."""
        check_at = 0.0
        while True:
            ended = self._ended()
            if ended is None and time.monotonic() >= check_at:
                ended = self.outcome()
                check_at = time.monotonic() + _CHECK_ALIVE_S
            if ended is not None:
                _reap()
                return ended
            await asyncio.sleep(poll_s)

    def _is_launcher_alive(self) -> bool:
        if self.boot != boot_id():
            return False
        row = _read_rows(self.folder / "started").get("launcher")
        # Before it has told its number, the lock that it was born with tells that it lives.
        return is_process(int(row[0][0]), float(row[0][1])) if row else self._is_held()

    def _is_held(self) -> bool:
        return self.boot == boot_id() and _is_locked(self.folder)

    def _cancel_level(self) -> int:
        try:
            return int((self.folder / "cancel").read_bytes() or 0)
        except (FileNotFoundError, ValueError):
            return 0

    def _ended(self) -> Outcome | None:
        rows = _read_rows(self.folder / "ended")
        if "codes" not in rows:
            return None
        numbers = {name: tuple(int(word) for word in row[0]) for name, row in rows.items()}
        return Outcome(
            codes=numbers["codes"],
            interrupts=sum(numbers.get("interrupts", ())),
            leftovers=numbers.get("leftovers", ()),
        )


def launch(folder: Path, commands: tuple[Command, ...], *, cwd: Path, environment: Mapping[str, str]) -> Launch:
    """Run ``commands`` one after the other in ``cwd``, detached: they go on when this process ends.

    Blocks for a few milliseconds, until the launcher is started. ``folder`` must exist, be private to the user and
    hold no running launch; the record of an earlier one is dropped, output files are appended to.

    Raises:
        Conflict: a launch runs in that folder (E-RUN-BUSY).
        Unavailable: the folder cannot be written (E-RUN-FOLDER) or the launcher not started (E-RUN-START).
    """
    earlier = Launch.attach(folder)
    if earlier is not None and earlier.outcome() is None:
        raise _busy()
    boot = boot_id()
    fields = [boot, str(cwd), str(len(commands))]
    for command in commands:
        codes = " ".join(map(str, command.ok_codes))
        fields += [command.output, codes, str(len(command.argv)), *command.argv]
    if any("\0" in text for text in fields):
        raise Bug("A command line holds a NUL character.")
    try:
        lock = _lock(folder)
    except OSError as error:
        raise _folder_error(folder, error) from error
    try:
        for name in ("commands", "started", "ended", "cancel"):
            (folder / name).unlink(missing_ok=True)
        _write(folder / "commands", b"\0".join(map(os.fsencode, fields)))
        argv = [sys.executable, "-I", "-S", "-X", "utf8", str(_LAUNCHER), str(folder), str(lock)]
        _spawn(argv, environment=environment, output=folder / "launcher.log", cwd=folder, keep=(lock,))
    finally:
        os.close(lock)
    return Launch(folder, boot)


def end_leftovers(ended: Launch, *, grace_s: float = 2.0) -> int:
    """End what the launch's dead commands left running, such as provider plugins; answers how many there were.

    SIGTERM to each, and SIGKILL to those still there after ``grace_s`` seconds. Does nothing where a command itself
    still runs, and touches only processes of the sessions that this launch's commands opened. Blocks; use a thread.
    """
    # A launcher that has put the end on record starts nothing more, though it may take a moment to go.
    if ended.boot != boot_id() or ended.outcome() is None or ended.is_command_alive():
        return 0
    # A process that has the number of a dead leader is a stranger that got it later.
    leaders = {pid: began for pid, began in ended.begun if process_start_time(pid) is None}
    left = [process for process in psutil.process_iter() if _is_left_by(leaders, process.pid)]
    _signal_each(left, psutil.Process.terminate)
    _, stubborn = psutil.wait_procs(left, timeout=grace_s)
    _signal_each(stubborn, psutil.Process.kill)
    psutil.wait_procs(stubborn, timeout=grace_s)
    return len(left)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a child process may know: an allow-list of our own environment, and ``extra`` on top of it.

    An inherited ``TF_LOG``, ``TF_CLI_ARGS*``, ``TF_WORKSPACE``, ``TF_VAR_*``, ``TF_DATA_DIR`` or
    ``TF_REATTACH_PROVIDERS`` would change a run, so nothing passes that is not listed.
    """
    kept = {name: value for name, value in inherited_environment().items() if name in _INHERITED}
    return kept | dict(extra or {})


def run_briefly(
    argv: tuple[str, ...], *, timeout_s: float, environment: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and standard error of a command that ends soon. Blocks; use a thread.

    Raises:
        Unavailable: it cannot be started (E-RUN-START), or was killed after ``timeout_s`` seconds (E-RUN-TIMEOUT).
    """
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            env=clean_environment() if environment is None else dict(environment),
            start_new_session=True,
            check=False,
        )
    except OSError as error:
        raise _start_error(argv[0], error) from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(
            f"{argv[0]} gave no answer within {timeout_s:g} seconds.",
            hint="Run it in a terminal to see what it waits for.",
            code="E-RUN-TIMEOUT",
        ) from error
    return done.returncode, done.stdout, done.stderr


def start_detached(argv: tuple[str, ...], *, environment: Mapping[str, str], output: Path, cwd: Path) -> int:
    """Start a process that outlives this one, in its own session; answers its pid.

    Both of its output streams are appended to ``output`` (0600). Blocks for a few milliseconds.

    Raises:
        Unavailable: it cannot be started (E-RUN-START).
    """
    return _spawn(list(argv), environment=environment, output=output, cwd=cwd, keep=())


def start_companion(argv: tuple[str, ...], line: socket.socket, *, environment: Mapping[str, str]) -> int:
    """Start a process that ends with this one, and answer its pid: when either ends, ``line`` tells the other.

    The number of ``line`` is its last argument. Not on Windows. Blocks for a few milliseconds.

    Raises:
        Unavailable: it cannot be started (E-RUN-START).
    """
    number = line.fileno()
    command = [*argv, str(number)]
    return _spawn(command, environment=environment, output=Path(os.devnull), cwd=_LAUNCHER.parent, keep=(number,))


def end_companion(pid: int) -> None:
    """Kill a companion, and wait until it is gone; one that has ended is left alone."""
    with _children_lock:
        found = [child for child in _children if child.pid == pid]
    for child in found:
        child.kill()
        child.wait()


def is_process(pid: int, start_time: float) -> bool:
    """Whether the process that began at ``start_time`` under that number still runs. A zombie does not."""
    started = process_start_time(pid)
    return started is not None and abs(started - start_time) < _TOLERANCE_S


def process_start_time(pid: int) -> float | None:
    """When the process began: seconds since boot on Linux, else since 1970; ``None`` for a dead one or a zombie.

    The clock being set changes nothing on Linux.
    """
    try:
        if sys.platform != "linux":
            process = psutil.Process(pid)
            return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (OSError, psutil.Error):
        return None
    return None if fields[0] in b"ZX" else int(fields[19]) / os.sysconf("SC_CLK_TCK")


def boot_id() -> str:
    """Which start of the computer this is; pids of another one mean nothing.

    Empty off Linux: a process's start is a time of day there and tells as much, and the time of the boot may move.
    """
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def host_name(folder: Path) -> str:
    """Where we are: processes that name the same see each other's pids and have ``folder`` in common.

    Two containers of one computer, or two data folders, are two hosts. Holds no colon.
    """
    try:
        pids = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        pids = 0
    where = hashlib.sha256(f"{pids} {folder.resolve()}".encode()).hexdigest()[:12]
    return f"{socket.gethostname().replace(':', '-')}.{where}"


def _spawn(argv: list[str], *, environment: Mapping[str, str], output: Path, cwd: Path, keep: tuple[int, ...]) -> int:
    _reap()
    # A console application without a window of its own still gets a console on Windows, so that it can be sent events.
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=target,
                cwd=cwd,
                env=dict(environment),
                start_new_session=True,
                pass_fds=keep,
                creationflags=hidden,
            )
        finally:
            os.close(target)
    except OSError as error:
        raise _start_error(argv[0], error) from error
    with _children_lock:
        _children.append(child)
    return child.pid


def _reap() -> None:
    with _children_lock:
        _children[:] = [child for child in _children if child.poll() is None]


def _start_error(program: str, error: OSError) -> Unavailable:
    return Unavailable(
        f"{program} could not be started: {error.strerror}.",
        hint="Check that the program exists and may be run by you.",
        code="E-RUN-START",
    )


def _busy() -> Conflict:
    return Conflict("Another run is at work in this folder.", hint="Wait until it has ended.", code="E-RUN-BUSY")


def _write(path: Path, data: bytes) -> None:
    """Put ``data`` there privately and durably; readers see the old or the new content."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(file, data)
            os.fsync(file)
        finally:
            os.close(file)
        temporary.replace(path)
    except OSError as error:
        raise _folder_error(path.parent, error) from error


def _folder_error(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(
        f"The run folder {folder} cannot be written: {error.strerror}.",
        hint="Free space on the disk, or make the folder writable.",
        code="E-RUN-FOLDER",
    )


def _read_rows(path: Path) -> dict[str, list[list[str]]]:
    """The words of each line, by the line's first word; empty for a missing file."""
    rows: dict[str, list[list[str]]] = {}
    try:
        text = path.read_text()
    except FileNotFoundError:
        return rows
    for line in text.splitlines():
        if words := line.split():
            rows.setdefault(words[0], []).append(words[1:])
    return rows


def _is_left_by(leaders: Mapping[int, float], pid: int) -> bool:
    """Whether the process lives in the session of one of the leaders, and began no earlier than that leader.

    Session 0 is the kernel's and, in a container, that of everything started outside of it.
    """
    try:
        session = os.getsid(pid)
    except OSError:
        return False
    began = process_start_time(pid)
    return session > 1 and session in leaders and began is not None and began > leaders[session] - _TOLERANCE_S


def _signal_each(processes: list[psutil.Process], send: Callable[[psutil.Process], None]) -> None:
    for process in processes:
        try:
            send(process)
        except psutil.NoSuchProcess:
            continue


if sys.platform == "win32":

    def _lock(folder: Path) -> int:
        return os.open(folder / "lock", os.O_RDWR | os.O_CREAT)

    def _is_locked(_folder: Path) -> bool:
        return False

else:
    import fcntl

    def _lock(folder: Path) -> int:
        """An open file with the lock that the launcher inherits and holds for as long as it lives."""
        file = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        # The launcher of a run that has ended may need a moment to go, and others look whether it is taken.
        for _ in range(20):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.005)
            else:
                return file
        os.close(file)
        raise _busy()

    def _is_locked(folder: Path) -> bool:
        try:
            file = os.open(folder / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False
