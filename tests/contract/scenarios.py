"""What the contract suite asks: somebody, in a world of their own, asks this, and is answered or refused so."""

from __future__ import annotations

import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.use_case import Request
from tests.contract.world import World

Make = Callable[[World], Awaitable[Request[object] | tuple[str, Request[object]]]]


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One row of the table.

    Attributes:
        make: Prepares the world and makes the request; with it, where that is not ``who``, says who asks.
        fails: Class and code of the error; ``None`` for an answer.
        is_once: Asked again under the same id, it is another matter: whoever asks is not signed in any more.
    """

    name: str
    request: type[Request[object]]
    make: Make
    who: str
    fails: tuple[type[MachinaError], str] | None
    is_once: bool


TABLE: list[Scenario] = []


def scenario(
    request: type[typing.Any],
    *,
    who: str = "admin",
    fails: tuple[type[MachinaError], str] | None = None,
    is_once: bool = False,
) -> Callable[[typing.Any], Make]:
    """Enter the decorated function, which makes a ``request``, into the table."""

    def enter(make: Make) -> Make:
        TABLE.append(Scenario(name=make.__name__, request=request, make=make, who=who, fails=fails, is_once=is_once))
        return make

    return enter
