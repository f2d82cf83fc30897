"""What machines ask before files and tunnels get through: put to whoever looks at the machine, one at a time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from machina_desktop.core.domain.terminal import NO, Answer, Question, QuestionKind
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.ssh.connection import Connection

Connect = Callable[[str, Callable[[Question], Answer], Callable[[], bool]], Connection]
"""Logs in to a machine, by its id; blocks. As ``Terminals.connect``."""

ANSWER_S = 110.0
"""So long a question stands. Ten seconds later a usual sshd hangs up on whoever has not logged in (LoginGraceTime)."""

POLL_S = 0.5
LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Open:
    """A question, where its answer is awaited on another thread, and whether its login has been given up."""

    question: Question
    given_up: threading.Event
    answer: concurrent.futures.Future[Answer] = field(default_factory=concurrent.futures.Future)


class Questions:
    """The questions of logins for which there is no terminal. Lives on the loop; logins run in threads.

    Viewers attend to a machine while they show its files or tunnels. The newest of them is given the question; when
    none is left, nobody is there to be asked. Logins to one machine come one after the other, so that it never asks
    two things at once, and who waited while somebody said no is not asked the same again.
    """

    def __init__(self, connect: Connect, *, announce: Callable[[str], None], answer_s: float = ANSWER_S) -> None:
        """``announce`` hears the id of a machine whose question, or whose viewer, is another than before."""
        self._connect = connect
        self._announce = announce
        self._answer_s = answer_s
        self._viewers: defaultdict[str, list[object]] = defaultdict(list)
        self._open: dict[str, _Open] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._declined: dict[str, Question] = {}
        self._is_over = False

    def attend(self, machine_id: str, viewer: object) -> None:
        """``viewer`` can show questions of that machine from now on, and is the first to do so."""
        self._viewers[machine_id].append(viewer)
        self._tell(machine_id)

    def leave(self, machine_id: str, viewer: object) -> None:
        """``viewer`` has gone; an open question goes to whoever is left, and without anybody it is declined."""
        viewers = self._viewers[machine_id]
        if viewer in viewers:
            viewers.remove(viewer)
        if not viewers and machine_id in self._open:
            self.answer(machine_id, NO)
        else:
            self._tell(machine_id)

    def shown_by(self, machine_id: str, viewer: object) -> Question | None:
        """What that viewer is to show now."""
        is_first = self._viewers[machine_id][-1:] == [viewer]
        found = self._open.get(machine_id)
        return found.question if found is not None and is_first else None

    def answer(self, machine_id: str, answer: Answer) -> None:
        """Answer the machine's open question; nothing where there is none any more."""
        found = self._open.pop(machine_id, None)
        if found is None:
            return
        with suppress(concurrent.futures.InvalidStateError):
            found.answer.set_result(answer)
        self._announce(machine_id)

    async def dial(self, machine_id: str) -> Connection:
        """A new connection to a machine; what it asks is put to its viewers.

        Raises:
            Unavailable: E-SSH-ASKS, nobody answered, or somebody said no; else as ``Terminals.connect``.
        """
        before = self._declined.get(machine_id)
        async with self._turns[machine_id]:
            declined = self._declined.get(machine_id)
            if declined is not None and declined is not before:
                # Whoever said no a moment ago meant this login as well.
                raise _unanswered(declined)
            return await self._login(machine_id)

    def close(self) -> None:
        """Decline what is open, and whatever comes."""
        self._is_over = True
        for machine_id in tuple(self._open):
            self.answer(machine_id, NO)

    async def _login(self, machine_id: str) -> Connection:
        loop = asyncio.get_running_loop()
        declined: list[Question] = []
        given_up = threading.Event()

        def ask(question: Question) -> Answer:
            answer = self._asked(loop, machine_id, _Open(question, given_up))
            if not answer.is_yes:
                declined.append(question)
            return answer

        def login() -> Connection:
            made = self._connect(machine_id, ask, lambda: self._is_over or given_up.is_set())
            if given_up.is_set():
                made.close()
            return made

        try:
            return await asyncio.to_thread(login)
        except MachinaError as error:
            if not declined:
                raise
            self._declined[machine_id] = declined[0]
            raise _unanswered(declined[0]) from error
        finally:
            # A login that was given up in the middle, as by whoever closes a window, leaves no question behind.
            given_up.set()
            self.answer(machine_id, NO)

    def _asked(self, loop: asyncio.AbstractEventLoop, machine_id: str, asked: _Open) -> Answer:
        """The answer to a question; waits on the login's thread."""
        deadline = time.monotonic() + self._answer_s
        try:
            loop.call_soon_threadsafe(self._put, machine_id, asked)
            # In steps, for a loop that ends in between hands nothing on.
            while time.monotonic() < deadline and not (self._is_over or asked.given_up.is_set()):
                with suppress(concurrent.futures.TimeoutError):
                    return asked.answer.result(min(POLL_S, self._answer_s))
            loop.call_soon_threadsafe(self._take_back, machine_id, asked)
        except RuntimeError:
            # The loop has ended, and with it everybody who could answer.
            LOG.debug("a question was left unanswered")
        return NO

    def _put(self, machine_id: str, asked: _Open) -> None:
        if self._is_over or asked.given_up.is_set() or not self._viewers[machine_id]:
            asked.answer.set_result(NO)
            return
        self._open[machine_id] = asked
        self._announce(machine_id)

    def _take_back(self, machine_id: str, asked: _Open) -> None:
        if self._open.get(machine_id) is asked:
            self.answer(machine_id, NO)

    def _tell(self, machine_id: str) -> None:
        if machine_id in self._open:
            self._announce(machine_id)


def _unanswered(question: Question) -> Unavailable:
    """Why there is no connection: what the machine asked had no answer."""
    if question.kind is QuestionKind.HOST_KEY:
        return Unavailable(
            f"The host key of {question.name} is not known yet, and was not accepted.",
            hint="Try again while its files or tunnels are in view: the key is shown there, and you may trust it.",
            code="E-SSH-ASKS",
        )
    wanted = {QuestionKind.PASSPHRASE: "a passphrase", QuestionKind.PASSWORD: "a password"}
    return Unavailable(
        f"{question.name} asks for {wanted.get(question.kind, 'an answer')}, and got none.",
        hint="Try again while its files or tunnels are in view, and answer there. A key in the vault or in your "
        "SSH agent needs no answer.",
        code="E-SSH-ASKS",
    )
