"""The detached parent of one external run: it outlives the application and records how every command ended.

Started by :mod:`machina_desktop.core.process` as ``python -I -S -X utf8 launcher.py FOLDER LOCK`` with the commands'
environment, in a session of its own. FOLDER holds these small files:

``commands``
    What to run, NUL-separated: boot id, working directory, number of commands; for each its output file, its ok exit
    codes (blanks between), the number of its arguments and the arguments. Written by the application, read once.
``started``
    Lines ``boot ID``, ``launcher PID START`` and ``child INDEX PID START`` for each command begun. A child writes its
    own line before it becomes the command, so no command ever runs that is not on record.
``cancel``
    ``1`` or ``2``, written by the application: how many interrupts the running command is to get in all.
``ended``
    Lines ``codes …``, ``interrupts N`` and ``leftovers PID …`` (process groups that outlived their leader).

A command gets SIGINT only, alone of its group, once per level; nothing here kills. A cancel stops the sequence.
"""

# Start-up time decides here: importing `signal`, `json` or `subprocess` takes 4, 7 or 11 ms, longer than everything
# this program does. So only modules compiled into the interpreter are used, and no pathlib.
# ruff: noqa: PTH105, PTH118, PTH123

import os
import sys
import time

POLL_S = 0.04
"""How often the cancel file is looked for; bounds the time from its appearance to the interrupt."""

_NOT_FOUND, _NOT_RUN = 127, 126
_ROOM = 4096


class Command:
    """One command as read from ``commands``."""

    def __init__(self, output: bytes, ok_codes: tuple[int, ...], argv: list[bytes]) -> None:
        self.output = output
        self.ok_codes = ok_codes
        self.argv = argv


def read_commands(folder: bytes) -> tuple[bytes, bytes, list[Command]]:
    """Boot id, working directory and commands, as the application wrote them."""
    with open(os.path.join(folder, b"commands"), "rb") as file:
        fields = iter(file.read().split(b"\0"))
    boot, cwd, count = next(fields), next(fields), int(next(fields))
    commands = []
    for _ in range(count):
        output, codes, length = next(fields), next(fields), int(next(fields))
        commands.append(
            Command(output, tuple(int(code) for code in codes.split()), [next(fields) for _ in range(length)])
        )
    return boot, cwd, commands


def start_time(pid: int) -> float:
    """When the process began: seconds since boot on Linux, else seconds since 1970, taken right after its start."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = int(file.read().rpartition(b")")[2].split()[19])
    except OSError:
        return time.time()
    return ticks / os.sysconf("SC_CLK_TCK")


def replace_durably(path: bytes, data: bytes) -> None:
    """Put ``data`` at ``path`` so that a reader, or a power cut, finds either the old or the new content."""
    temporary = path + b".%d" % os.getpid()
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.write(file, data)
    os.fsync(file)
    os.close(file)
    os.replace(temporary, path)


class Record:
    """Writes ``started`` and ``ended``."""

    def __init__(self, folder: bytes, boot: bytes) -> None:
        self._folder = folder
        self._lines = [b"boot " + boot, b"launcher %d %f" % (os.getpid(), start_time(os.getpid()))]
        # Room is taken now, so that the exit code of an apply that filled the disk can still be written.
        self._reserve = os.path.join(folder, b"ended.reserve")
        with open(self._reserve, "wb") as file:
            file.write(b" " * _ROOM)
        self._write_started()

    def child(self, index: int, pid: int, *, write: bool) -> None:
        """Add the line of a command's process; the child itself writes it out."""
        self._lines.append(b"child %d %d %f" % (index, pid, start_time(pid)))
        if write:
            self._write_started()

    def ended(self, codes: list[int], interrupts: int, leftovers: list[int]) -> None:
        """Write down that nothing of this launch runs any more, and how it went."""
        rows = ((b"codes", codes), (b"interrupts", [interrupts]), (b"leftovers", leftovers))
        text = b"".join(name + b"".join(b" %d" % number for number in row) + b"\n" for name, row in rows)
        file = os.open(self._reserve, os.O_WRONLY)
        os.write(file, text.ljust(_ROOM))
        os.fsync(file)
        os.close(file)
        os.replace(self._reserve, os.path.join(self._folder, b"ended"))

    def _write_started(self) -> None:
        replace_durably(os.path.join(self._folder, b"started"), b"\n".join(self._lines) + b"\n")


def cancel_level(folder: bytes) -> int:
    """How many interrupts have been asked for: 0, 1 or 2."""
    try:
        with open(os.path.join(folder, b"cancel"), "rb") as file:
            return min(int(file.read() or 0), 2)
    except (OSError, ValueError):
        return 0


if sys.platform == "win32":
    import subprocess

    def run(folder: bytes, _lock: int) -> None:
        """Run the commands in order; the hidden console of this process is the one they share."""
        boot, cwd, commands = read_commands(folder)
        record = Record(folder, boot)
        codes: list[int] = []
        sent = 0
        for index, command in enumerate(commands):
            if cancel_level(folder):
                break
            path = os.path.join(folder, command.output)
            with open(path, "ab") as output, open(path + b".err", "ab") as errors:
                child = subprocess.Popen(
                    [os.fsdecode(part) for part in command.argv],
                    cwd=os.fsdecode(cwd),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    creationflags=subprocess.CREATE_NEW_PROCESS_GROUP,
                )
            record.child(index, child.pid, write=True)
            while child.poll() is None:
                if sent < cancel_level(folder):
                    # A console event reaches a process group of the sender's own console, and Ctrl-C is off in it.
                    child.send_signal(subprocess.signal.CTRL_BREAK_EVENT)  # type: ignore[attr-defined]
                    sent += 1
                time.sleep(POLL_S / 4)
            codes.append(child.returncode)
            if child.returncode not in command.ok_codes:
                break
        record.ended(codes, sent, [])

else:
    import _signal  # type: ignore[import-not-found]  # `signal` is the same with 4 ms of enum classes on top.
    import select

    _IGNORED = (_signal.SIGINT, _signal.SIGHUP, _signal.SIGTERM)
    # What Python itself ignores at start-up would be ignored in the command, too.
    _RESTORED = (*_IGNORED, _signal.SIGQUIT, _signal.SIGPIPE, _signal.SIGCHLD)

    def run(folder: bytes, lock: int) -> None:
        """Run the commands in order, each while the one before ended as hoped and nobody cancelled."""
        os.umask(0o077)
        # Whoever holds this lock is the launcher; a command that outlives it must not.
        os.set_inheritable(lock, False)
        for number in _IGNORED:
            _signal.signal(number, _signal.SIG_IGN)
        wake = _wake_on_child_exit()
        boot, cwd, commands = read_commands(folder)
        record = Record(folder, boot)
        codes: list[int] = []
        leftovers: list[int] = []
        sent = 0
        for index, command in enumerate(commands):
            if cancel_level(folder):
                break
            pid = os.fork()
            if pid == 0:
                _become(command, folder, cwd, record, index)
            record.child(index, pid, write=False)
            code, sent = _watch(pid, folder, wake)
            codes.append(code)
            if _has_group(pid):
                leftovers.append(pid)
            if code not in command.ok_codes:
                break
        record.ended(codes, sent, leftovers)

    def _wake_on_child_exit() -> int:
        """A file that becomes readable whenever a child has ended."""
        wake, alarm = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(alarm, False)
        _signal.set_wakeup_fd(alarm)
        _signal.signal(_signal.SIGCHLD, lambda _number, _frame: None)
        return wake

    def _become(command: Command, folder: bytes, cwd: bytes, record: Record, index: int) -> None:
        """In the forked child: go on record, then turn into the command. Never returns."""
        try:
            os.setsid()
            path = os.path.join(folder, command.output)
            append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(os.open(path, append, 0o600), 1)
            os.dup2(os.open(path + b".err", append, 0o600), 2)
            os.chdir(cwd)
            record.child(index, os.getpid(), write=True)
            for number in _RESTORED:
                _signal.signal(number, _signal.SIG_DFL)
            os.execvp(command.argv[0], command.argv)
        except OSError as error:
            os.write(2, f"{os.fsdecode(command.argv[0])} could not be started: {error.strerror}\n".encode())
            os._exit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_RUN)
        finally:
            os._exit(_NOT_RUN)

    def _watch(pid: int, folder: bytes, wake: int) -> tuple[int, int]:
        """Wait for the child; answers its exit code (negative: the signal) and how many interrupts it was sent."""
        sent = 0
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status), sent
            if sent < cancel_level(folder):
                # The child is not reaped yet, so its number cannot have passed to another process.
                os.kill(pid, _signal.SIGINT)
                sent += 1
            if select.select([wake], [], [], POLL_S)[0]:
                os.read(wake, 4096)

    def _has_group(pid: int) -> bool:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


if __name__ == "__main__":
    run(os.fsencode(sys.argv[1]), int(sys.argv[2]))
    # Everything is on disk; taking the interpreter down would only keep the lock a moment longer.
    os._exit(0)
