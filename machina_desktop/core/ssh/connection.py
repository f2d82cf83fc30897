"""An authenticated SSH connection: commands with live output, scripts, small files; blocking, for threads."""

from __future__ import annotations

import codecs
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Self

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core import ids
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.failures import connected
from machina_desktop.core.ssh.target import Target, lost

SILENCE_S = 45.0
"""A server that answers nothing at all for so long, questions included, counts as gone."""

ENDED_BY_SIGNAL = 128
"""The status of a command that a signal ended; SSH reports no number then (RFC 4254, 6.10)."""

AWAKE_S = 8.0
"""The same after this computer has slept: meanwhile the other side, or the network, may have forgotten us."""

_MAXIMUM_LINE = 16_384
_MAXIMUM_CAPTURE_BYTES = 1 << 20
_POLL_S = 0.1
_NOTICED_S = 2.0


class Connection:
    """An authenticated connection; a context manager that closes it. One thread at a time.

    ``over`` are the connections to the jump hosts that it runs through; they end with it.

    Attributes:
        banner: What the server had to say before the login: whole lines, fit for a terminal; empty for nothing.
    """

    def __init__(
        self, transport: paramiko.Transport, target: Target, over: tuple[Connection, ...] = (), *, banner: str = ""
    ) -> None:
        self.banner = banner
        self._transport = transport
        self._target = target
        self._over = over

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def is_alive(self) -> bool:
        """Whether the connection still stands, as far as is known here."""
        return bool(self._transport.is_active())

    @property
    def transport(self) -> paramiko.Transport:
        """What carries it, for further channels beside the commands'; safe from any thread."""
        return self._transport

    @property
    def target(self) -> Target:
        """Where it leads."""
        return self._target

    def close(self) -> None:
        """Hang up; remote commands on a terminal end."""
        # Of two that run over each other, the inner one may still want to say goodbye over the outer.
        with suppress(paramiko.SSHException, EOFError, OSError):
            self._transport.close()
        for each in reversed(self._over):
            each.close()

    def run(
        self,
        command: str,
        *,
        on_line: Callable[[str], None],
        cancelled: threading.Event | None = None,
        timeout_s: float = 3600.0,
        sudo_password: Secret | None = None,
    ) -> int | None:
        """Run ``command`` in ``sh`` on a terminal (``TERM=dumb``), handing over each line as it ends.

        Args:
            command: Text for ``sh``, whatever the user's login shell is.
            on_line: Called on this thread with each line, without its end.
            cancelled: When set, the terminal is hung up, which ends what runs on it.
            timeout_s: Seconds until the command is given up and hung up.
            sudo_password: Typed whenever ``sudo`` asks for it.

        Returns:
            The exit status, :data:`ENDED_BY_SIGNAL`, or ``None`` when cancelled.

        Raises:
            Unavailable: ``E-SSH-DROPPED``, ``E-SSH-TIMEOUT``, ``E-SSH-TERMINAL``, or ``E-SSH-SUDO`` when ``sudo`` asks
                and there is no password.
        """
        question = f"[{ids.new_id('sudo')}]"
        with self._channel() as channel:
            self._take_terminal(channel)
            channel.exec_command(_in_shell(f"export SUDO_PROMPT={shlex.quote(question)}; {command}"))
            lines = _Lines(on_line)
            for data in self._output(channel, timeout_s=timeout_s, cancelled=cancelled):
                lines.feed(data)
                if lines.take_ending(question):
                    self._answer(channel, sudo_password)
            lines.end()
            if cancelled and cancelled.is_set():
                return None
            return self._status(channel)

    def run_script(
        self,
        script: str,
        *,
        on_line: Callable[[str], None],
        cancelled: threading.Event | None = None,
        timeout_s: float = 3600.0,
        sudo_password: Secret | None = None,
    ) -> int | None:
        """Run a script's text as :meth:`run` runs a command, from a private file that is removed afterwards.

        The interpreter is the one its first line names, as the kernel would read it; else ``bash -e``. The file is
        handed to the interpreter, so a ``/tmp`` mounted ``noexec`` does no harm.
        """
        path = f"/tmp/.machina-{ids.new_id('script')}"  # noqa: S108 - created exclusively, with 80 random bits
        self.upload(script.encode(), path, 0o700)
        start = shlex.join([*_interpreter(script), path])
        # A hang-up reaches the leader of the session first and, when that has died of it, all others. So the leader
        # sets no trap; the shell inside the parentheses does, and runs it when the script has died as well.
        command = f"(trap 'rm -f {path}' EXIT; trap 'exit 129' HUP INT TERM; {start}); exit $?"
        try:
            return self.run(
                command, on_line=on_line, cancelled=cancelled, timeout_s=timeout_s, sudo_password=sudo_password
            )
        except Unavailable:
            # It may not even have begun, and then nobody else removes the file.
            if self.is_alive:
                with suppress(Unavailable):
                    self.capture(f"rm -f {path}")
            raise

    def capture(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"") -> tuple[int, str]:
        """Run ``command`` in ``sh`` without a terminal; its exit status, and its output and errors up to 1 MiB.

        Raises:
            Unavailable: ``E-SSH-DROPPED`` or ``E-SSH-TIMEOUT``.
        """
        with self._channel() as channel:
            channel.set_combine_stderr(True)
            channel.exec_command(_in_shell(command))
            channel.settimeout(timeout_s)
            if stdin:
                channel.sendall(stdin)
            channel.shutdown_write()
            text = bytearray()
            for data in self._output(channel, timeout_s=timeout_s, cancelled=None):
                text += data[: _MAXIMUM_CAPTURE_BYTES - len(text)]
            return self._status(channel), text.decode("utf-8", "replace")

    def upload(self, data: bytes, path: str, mode: int) -> None:
        """Write a new remote file that nobody else can read meanwhile; an existing one is refused.

        It goes through ``cat``, not SFTP: many small servers have no SFTP subsystem, all have a shell.

        Raises:
            Unavailable: ``E-SSH-UPLOAD`` with what the server said, or as :meth:`capture`.
        """
        quoted = shlex.quote(path)
        command = f"umask 077; set -C; cat > {quoted} && chmod {mode:o} {quoted}"
        status, said = self.capture(command, timeout_s=120.0, stdin=data)
        if status != 0:
            raise Unavailable(
                f"{self._target.host} did not take the file {path}: {_last_line(said)}.",
                hint="Look whether its disk is full or mounted read-only.",
                code="E-SSH-UPLOAD",
            )

    @contextmanager
    def _channel(self) -> Iterator[paramiko.Channel]:
        with connected(self._target):
            channel = self._transport.open_session(timeout=30)
            try:
                yield channel
            finally:
                channel.close()

    def _take_terminal(self, channel: paramiko.Channel) -> None:
        try:
            channel.get_pty(term="dumb", width=200, height=50)
        except paramiko.SSHException as error:
            if not self.is_alive:
                raise
            raise Unavailable(
                f"{self._target.host} gives this login no terminal, so a command there could not be cancelled.",
                hint="Allow terminals: PermitTTY in its sshd_config, no-pty in its authorized_keys.",
                code="E-SSH-TERMINAL",
            ) from error

    def _output(
        self, channel: paramiko.Channel, *, timeout_s: float, cancelled: threading.Event | None
    ) -> Iterator[bytes]:
        # Ends with the output, with the command (a child left behind may still hold its terminal), or on `cancelled`.
        channel.settimeout(_POLL_S)
        deadline = time.monotonic() + timeout_s
        pulse = Pulse(self._transport)
        while not (cancelled and cancelled.is_set()):
            if time.monotonic() > deadline:
                raise Unavailable(
                    f"The command on {self._target.host} did not end within {timeout_s:.0f} seconds.",
                    hint="Look at its last lines for what it waits for.",
                    code="E-SSH-TIMEOUT",
                )
            try:
                data = channel.recv(65536)
            except TimeoutError:
                # What came with the status, after this wait ran out, is still to be read.
                if channel.exit_status_ready() and not channel.recv_ready():
                    return
                if pulse.is_lost():
                    raise lost(self._target) from None
                continue
            if not data:
                return
            pulse.heard()
            yield data

    def _status(self, channel: paramiko.Channel) -> int:
        channel.status_event.wait(SILENCE_S)
        status = int(channel.exit_status)
        if status >= 0:
            return status
        if channel.eof_received:
            return ENDED_BY_SIGNAL
        raise lost(self._target)

    def _answer(self, channel: paramiko.Channel, sudo_password: Secret | None) -> None:
        if not sudo_password:
            raise Unavailable(
                f"sudo on {self._target.host} asks for a password, and none is stored.",
                hint="Allow sudo without a password there, or give the account the sudo password.",
                code="E-SSH-SUDO",
            )
        # sudo has switched the terminal's echo off before it asks.
        channel.sendall(f"{sudo_password.reveal()}\n".encode())


def _in_shell(script: str) -> str:
    return f"sh -c {shlex.quote(script)}"


class _Lines:
    """Cuts output into lines; of a line redrawn with carriage returns, the last drawing counts."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._open = ""

    def feed(self, data: bytes) -> None:
        *lines, self._open = (self._open + self._decoder.decode(data)).split("\n")
        for line in lines:
            self._emit(line)
        while len(self._open) > _MAXIMUM_LINE:
            self._emit(self._open[:_MAXIMUM_LINE])
            self._open = self._open[_MAXIMUM_LINE:]

    def take_ending(self, text: str) -> bool:
        if not self._open.endswith(text):
            return False
        self._open = self._open.removesuffix(text)
        return True

    def end(self) -> None:
        if self._open:
            self._emit(self._open)
            self._open = ""

    def _emit(self, line: str) -> None:
        self._on_line(line.rstrip("\r").rsplit("\r", 1)[-1])


class Pulse:
    """Asks a silent server for a sign of life: a stopped or cut-off one keeps its TCP connection open."""

    def __init__(self, transport: paramiko.Transport) -> None:
        self._transport = transport
        self._heard_at = time.monotonic()
        self._question: threading.Thread | None = None
        self._slept_s = slept_s()
        self._limit_s = SILENCE_S

    def heard(self) -> None:
        """Something has come."""
        self._heard_at = time.monotonic()
        self._limit_s = SILENCE_S

    def is_lost(self) -> bool:
        """Whether nothing at all has come for :data:`SILENCE_S`; asks for a sign of life before that."""
        if slept_s() - self._slept_s > _NOTICED_S:
            self._slept_s, self._heard_at = slept_s(), time.monotonic()
            self._limit_s = min(AWAKE_S, SILENCE_S)
        silence_s = time.monotonic() - self._heard_at
        has_slept = self._limit_s < SILENCE_S
        if self._question is None and (has_slept or silence_s > SILENCE_S / 3):
            self._question = threading.Thread(target=self._ask, name="ssh-pulse", daemon=True)
            self._question.start()
        elif self._question and not self._question.is_alive():
            self._question = None
            self.heard()
        return silence_s > self._limit_s

    def _ask(self) -> None:
        # Any answer will do, a refusal too. Ends with the transport at the latest.
        try:
            self._transport.global_request("keepalive@openssh.com", wait=True)
        except (paramiko.SSHException, OSError, EOFError):
            return


def slept_s() -> float:
    """Seconds that this computer has been asleep since it was started, as far as its clocks tell; else 0."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if clock is None else time.clock_gettime(clock) - time.monotonic()


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1][:200]


def _interpreter(script: str) -> list[str]:
    first = script.split("\n", 1)[0].rstrip("\r")
    if first.startswith("#!") and first[2:].strip():
        return first[2:].strip().split(maxsplit=1)
    return ["bash", "-e"]
