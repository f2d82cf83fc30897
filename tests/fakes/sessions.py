"""Sessions at a real server, without a store: who is asked, what was pinned and what was told stand in lists."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from machina_desktop.core.domain.terminal import Answer, HostKey, Question, SessionState
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ssh.hop import Ask, Hop, StoredKey
from machina_desktop.core.ssh.jump import connect_over
from machina_desktop.core.ssh.target import Target
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.terminal.session import Line, Opened, Session
from machina_desktop.core.workers.hosted_session import HostedSession
from machina_desktop.core.workers.shell_process import Shells
from machina_desktop.core.workers.shell_wire import Way
from tests.fakes.sshd import KeyPair, Sshd

DEADLINE_S = 60.0
NO_HOME = "SetEnv HOME=/nonexistent"
"""For the server's configuration: no shell reads the files of whoever runs the tests, or is killed in them."""


def hop_to(server: Sshd, *keys: KeyPair, pin: str | None = None, **fields: object) -> Hop:
    """The way to a server, its key pinned unless ``pin`` is empty."""
    pinned = server.fingerprint if pin is None else pin
    hop = Hop(
        name="web-1",
        target=Target(host="127.0.0.1", port=server.port, user=server.user),
        pins=(pinned,) if pinned else (),
        keys=tuple(StoredKey(name="test", private=key.private) for key in keys),
    )
    return replace(hop, **fields)  # type: ignore[arg-type]


class DirectLine:
    """A line along a fixed route.

    Attributes:
        pinned: Host keys that were accepted, by the name of the hop.
        ends: Seconds, one for each shell that has ended.
    """

    def __init__(self, *route: Hop, wish: ShellWish | None = None, timeout_s: float = 10.0) -> None:
        self.route = route
        self.wish = wish or ShellWish()
        self.pinned: list[tuple[str, str]] = []
        self.ends: list[float | None] = []
        self._timeout_s = timeout_s

    def open(self, ask: Ask, is_over: Callable[[], bool]) -> Opened:
        connection = connect_over(self.route, _Guide(ask, self.pinned), timeout_s=self._timeout_s)
        return Opened(connection=connection, wish=self.wish, ended=self.ends.append)


class DirectLead:
    """Lets anybody in along a fixed route.

    Attributes:
        pinned: Host keys that were accepted, by the name of the hop.
        refusal: Why no key is kept; ``None`` keeps them.
        ends: Seconds, one for each admission that has ended.
    """

    def __init__(self, *route: Hop, wish: ShellWish | None = None) -> None:
        self.way = Way(route=route, wish=wish or ShellWish())
        self.pinned: list[tuple[str, str]] = []
        self.refusal: MachinaError | None = None
        self.ends: list[float | None] = []

    def visit(self, _is_over: Callable[[], bool]) -> DirectLead:
        return self

    def pin(self, hop: Hop, key: HostKey, _is_over: Callable[[], bool]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.pinned.append((hop.name, key.fingerprint))

    def explained(self, error: MachinaError) -> MachinaError:
        return error

    def ended(self, seconds: float | None) -> None:
        self.ends.append(seconds)


class _Guide:
    def __init__(self, ask: Ask, pinned: list[tuple[str, str]]) -> None:
        self._ask = ask
        self._pinned = pinned

    def ask(self, question: Question) -> Answer:
        return self._ask(question)

    def pin(self, hop: Hop, key: HostKey) -> None:
        self._pinned.append((hop.name, key.fingerprint))


class Watched:
    """A session and its reader: waits until something holds, and collects what came."""

    def __init__(self, session: Session | HostedSession) -> None:
        self.session = session
        self.shown = b""
        self._changed = threading.Event()
        session.on_change = self._changed.set

    def until(self, holds: Callable[[], bool], what: str, timeout_s: float = DEADLINE_S) -> None:
        """Return once ``holds`` is true; fail naming ``what``."""
        deadline = time.monotonic() + timeout_s
        while not holds():
            left = deadline - time.monotonic()
            assert left > 0, f"{what} did not come; {self.session.state}, {self.session.reason}, {self.shown[-2000:]!r}"
            self._changed.wait(min(left, 0.05))
            self._changed.clear()

    def until_state(self, *states: SessionState) -> None:
        self.until(lambda: self.session.state in states, f"one of {states}")

    def until_shown(self, text: bytes) -> None:
        def is_shown() -> bool:
            while data := self.session.take():
                self.shown += data
            return text in self.shown

        self.until(is_shown, repr(text))

    def asked(self) -> Question:
        """The next question."""
        self.until(lambda: self.session.question is not None, "a question")
        question = self.session.question
        assert question is not None
        return question


@contextmanager
def watched(line: Line, columns: int = 80, lines: int = 24) -> Iterator[Watched]:
    """A session that has been started, closed afterwards."""
    with _watched(Session(line, columns, lines)) as watching:
        yield watching


@contextmanager
def hosted(shells: Shells, lead: DirectLead, columns: int = 80, lines: int = 24) -> Iterator[Watched]:
    """The same in the process of shells."""
    with _watched(HostedSession(shells, lead, columns, lines)) as watching:
        yield watching


@contextmanager
def _watched(session: Session | HostedSession) -> Iterator[Watched]:
    watching = Watched(session)
    session.start()
    try:
        yield watching
    finally:
        session.close()
