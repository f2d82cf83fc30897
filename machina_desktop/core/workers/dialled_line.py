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
    """Logs in along the way that ``lead`` knows."""

    def __init__(self, lead: Lead) -> None:
        self._lead = lead

    def open(self, ask: Ask, is_over: Callable[[], bool]) -> Opened:
        """Find out how the machine is reached and log in; blocks.

        Raises:
            MachinaError: it cannot be reached, or nobody may.
        """
        visit = self._lead.visit(is_over)
        try:
            connection = connect_over(visit.way.route, _Guide(visit, ask, is_over))
        except MachinaError as error:
            visit.ended(0)
            raise visit.explained(error) from error
        return Opened(connection=connection, wish=visit.way.wish, ended=visit.ended)


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
