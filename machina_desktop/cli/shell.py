"""A shell on a machine in the person's own terminal: raw keys there and back, and questions asked in between."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import termios
import threading
import tty
from collections.abc import Callable, Iterator

from machina_desktop.cli import terminal
from machina_desktop.cli.escapes import Escapes
from machina_desktop.core.domain.terminal import NO, Answer, Question, QuestionKind, SessionState
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.host import Host
from machina_desktop.core.secret import Secret
from machina_desktop.core.ssh.piped import run_piped
from machina_desktop.core.workers.terminals import Wish

LOST = 255
"""The exit code where it is the connection that failed, as with ssh; all others are the shell's own."""
_READ_BYTES = 16_384
_IN, _OUT, _ERR = 0, 1, 2


async def run_shell(host: Host, machine_id: str, command: str) -> int:
    """Run a login shell, or a command, until it ends; its exit status. Its output is on ours by then.

    A terminal is taken for a shell that somebody sits at; everything else runs on pipes.
    """
    if command or not terminal.is_there():
        return await _Piped(host, machine_id, command).run()
    return await _Interactive(host, machine_id).run()


def ask(question: Question) -> Answer:
    """Put it to the person at the terminal; without one every answer is no. Blocks, on the main thread."""
    if not terminal.is_there():
        return NO
    if question.is_retry:
        terminal.note("That was not right.")
    terminal.note(question.text)
    if question.kind is QuestionKind.HOST_KEY:
        if question.known:
            terminal.note(question.known)
        return Answer(is_yes=terminal.confirm("Is this the host's key?"))
    typed = []
    for prompt in question.prompts:
        text = prompt.text.rstrip().removesuffix(":")
        typed.append(Secret(terminal.ask_line(text)) if prompt.is_shown else terminal.ask_secret(text))
    return Answer(is_yes=True, texts=tuple(typed))


class _Interactive:
    """The person's terminal, connected to a session."""

    def __init__(self, host: Host, machine_id: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()
        self._has_output = threading.Event()
        self._is_done = False
        self._escapes = Escapes()
        self._session = host.terminals.open_here(machine_id, *_size())
        self._session.on_change = self._on_change

    async def run(self) -> int:
        session = self._session
        try:
            await self._until_live()
            if session.state is SessionState.LIVE:
                with _raw(), _typing(self._on_typed), self._resizing():
                    await self._until(lambda: session.state.is_over)
                    await self._finish_output()
        finally:
            self._is_done = True
            self._has_output.set()
            session.close()
        if session.reason is not None:
            terminal.complain(session.reason)
            return LOST
        # Without a status it was the person who left.
        return LOST if session.exit_status is None else session.exit_status

    async def _until_live(self) -> None:
        threading.Thread(target=self._show, name="output", daemon=True).start()
        session = self._session
        while session.state in {SessionState.CONNECTING, SessionState.ASKING}:
            if (question := session.question) is not None:
                session.answer(ask(question))
            await self._until(lambda: session.question is not None or session.state is not SessionState.CONNECTING)

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            await self._changed.wait()
            self._changed.clear()

    async def _finish_output(self) -> None:
        await self._until(lambda: self._session.waiting == 0)

    def _on_change(self) -> None:
        # From any thread; at the very end the loop may be gone.
        self._has_output.set()
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._changed.set)

    def _show(self) -> None:
        while not self._is_done:
            self._has_output.wait()
            self._has_output.clear()
            while data := self._session.take():
                _write_all(_OUT, data)
            self._on_shown()

    def _on_shown(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._changed.set)

    def _on_typed(self, data: bytes) -> None:
        data, wants_out = self._escapes.feed(data)
        self._session.write(data)
        if wants_out:
            self._session.close()

    @contextlib.contextmanager
    def _resizing(self) -> Iterator[None]:
        self._loop.add_signal_handler(signal.SIGWINCH, lambda: self._session.resize(*_size()))
        # While it connected, or asked something, nobody heard of another size.
        self._session.resize(*_size())
        try:
            yield
        finally:
            self._loop.remove_signal_handler(signal.SIGWINCH)


class _Piped:
    """Our standard streams, connected to a command's; each direction has a thread."""

    def __init__(self, host: Host, machine_id: str, command: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._line = host.terminals.line(machine_id, Wish(command=command, has_terminal=False))
        self._is_over = False

    async def run(self) -> int:
        done: asyncio.Future[int] = self._loop.create_future()
        threading.Thread(target=self._work, args=(done,), name="command", daemon=True).start()
        try:
            return await done
        except MachinaError as error:
            terminal.complain(error)
            return LOST
        finally:
            self._is_over = True

    def _work(self, done: asyncio.Future[int]) -> None:
        try:
            status = self._relay()
        except MachinaError as error:
            self._settle(done, error)
        else:
            self._settle(done, status)

    def _settle(self, done: asyncio.Future[int], how: int | MachinaError) -> None:
        def settle() -> None:
            if not done.done():
                done.set_exception(how) if isinstance(how, MachinaError) else done.set_result(how)

        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(settle)

    def _ask(self, question: Question) -> Answer:
        async def on_the_main_thread() -> Answer:
            return ask(question)

        return asyncio.run_coroutine_threadsafe(on_the_main_thread(), self._loop).result()

    def _relay(self) -> int:
        opened = self._line.open(self._ask, lambda: self._is_over)
        began = self._loop.time()
        try:
            with opened.connection as connection:
                return run_piped(
                    connection, opened.wish, read=lambda: os.read(_IN, _READ_BYTES), write=_write_to, is_over=self._over
                )
        finally:
            opened.ended(self._loop.time() - began)

    def _over(self) -> bool:
        return self._is_over


def _write_to(is_error: bool, data: bytes) -> None:  # noqa: FBT001 - which of two streams
    _write_all(_ERR if is_error else _OUT, data)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _size() -> tuple[int, int]:
    # Asked of the terminal itself: COLUMNS and LINES in the environment may be those of another one.
    size = os.get_terminal_size(_IN)
    return (size.columns or 80, size.lines or 24)


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Every key as it comes, and nothing made of what is shown."""
    before = termios.tcgetattr(_IN)
    # What was typed already is for the shell.
    tty.setraw(_IN, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(_IN, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _typing(on_typed: Callable[[bytes], None]) -> Iterator[None]:
    """What is typed meanwhile goes to ``on_typed``, on a thread; what comes later is left to whoever comes next."""
    stop, wake = os.pipe()

    def read() -> None:
        while True:
            ready, _, _ = select.select([_IN, stop], [], [])
            if stop in ready or not (data := os.read(_IN, _READ_BYTES)):
                return
            on_typed(data)

    thread = threading.Thread(target=read, name="keys", daemon=True)
    thread.start()
    try:
        yield
    finally:
        os.close(wake)
        thread.join()
        os.close(stop)
