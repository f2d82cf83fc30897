"""What a copy of a team asks of the team's home, whatever the line to it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from machina_desktop.core.services.use_case import Request

R = TypeVar("R")


@dataclass(frozen=True)
class HeadMoved:
    """A team's feed at its home has grown to number ``seq``."""

    team_id: str
    seq: int


@dataclass(frozen=True)
class LogGrown:
    """The log of a run of one of the person's teams has grown to ``end`` bytes."""

    deployment_id: str
    end: int


@dataclass(frozen=True)
class Alive:
    """The line stands, and there is nothing new."""


Hint = HeadMoved | LogGrown | Alive
"""Numbers only; what one tells of is still to be asked for, so losing one loses nothing."""


class Home(Protocol):
    """A server, asked as the person who is signed in there. Lives on the loop."""

    async def call(self, ask: Request[R], *, op_id: str = "", expects: str = "") -> R:
        """The answer to ``ask``, as the use case there gave it.

        ``op_id`` makes the home carry a write out at most once, however often it is asked under that id; ``expects``
        makes it compare rows first, see ``Intent.expects``.

        Raises:
            Unavailable: E-OFFLINE, the home cannot be reached or gave no answer; a write may have been carried out.
            Unauthenticated: the session there has ended.
            MachinaError: what the home refused or failed at, as it said it.
        """
        ...

    def hints(self) -> AsyncIterator[Hint]:
        """What is new there, from the moment of the first hint on; ends only with an error as :meth:`call` raises it.

        A head of each team comes first.
        """
        ...

    async def close(self) -> None:
        """Let go of the line."""
        ...
