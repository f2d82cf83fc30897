"""The line to a machine that is dialled from this process."""

from __future__ import annotations

from collections.abc import Callable

from machina_desktop.core.domain.terminal import Answer, HostKey, Question
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ssh.hop import Ask, Hop
from machina_desktop.core.ssh.jump import connect_over
from machina_desktop.core.terminal.session import Opened
from machina_desktop.core.workers.leads import Lead, Visit


class DialledLine:
    """Logs in along the way that ``lead`` knows; one attempt at a time."""

    def __init__(self, lead: Lead) -> None:
        self._lead = lead
        self._visit: Visit | None = None

    def open(self, ask: Ask, is_over: Callable[[], bool]) -> Opened:
        """Find out how the machine is reached and log in; blocks.

        Raises:
            MachinaError: it cannot be reached, or nobody may.
        """
        visit = self._visit = self._lead.visit(is_over)
        way = visit.way
        try:
            connection = connect_over(way.route, _Guide(visit, ask, is_over))
        except MachinaError as error:
            self.ended(0)
            raise visit.explained(error) from error
        return Opened(connection=connection, wish=way.wish)

    def ended(self, seconds: float) -> None:
        """What was opened has ended after so many seconds."""
        self._end(seconds)

    def leave(self) -> None:
        """There is no shell whose end would be told: what is done over the connection leaves its own trace."""
        self._end(None)

    def _end(self, seconds: float | None) -> None:
        visit, self._visit = self._visit, None
        if visit is not None:
            visit.ended(seconds)


class _Guide:
    """Passes questions to whoever shows the session, and accepted host keys to whoever keeps them."""

    def __init__(self, visit: Visit, ask: Ask, is_over: Callable[[], bool]) -> None:
        self._visit = visit
        self._ask = ask
        self._is_over = is_over

    def ask(self, question: Question) -> Answer:
        return self._ask(question)

    def pin(self, hop: Hop, key: HostKey) -> None:
        self._visit.pin(hop, key, self._is_over)
