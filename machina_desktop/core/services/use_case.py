"""How a use case is declared: its request, route, action and rule in one place, kept in one registry."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from machina_desktop.core.domain.team import Actor
from machina_desktop.core.domain.throttle import Limit
from machina_desktop.core.errors import Bug

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Request(Generic[R]):
    """What a face asks for; ``R`` is the type of the answer."""

    @property
    def audit_detail(self) -> str:
        """What its audit event says beside who did what to which thing; most say no more."""
        return ""


@dataclass(frozen=True)
class UseCase:
    """One entry of the registry.

    Attributes:
        action: ``noun.verb``: permission, audit action, log name and metric at once.
        method: HTTP method; ``GET`` never writes.
        path: Route with ``{field}`` placeholders taken from the request.
        run: ``(Transaction, Actor, request)`` for ``def``, ``(Context, Actor, request)`` for ``async def``.
        is_async: It talks to the world and holds no transaction.
        offline: It may run on a replica and wait in the outbox.
        is_audited: Each call appends one audit event. Only log chunks are excepted: they are part of a run.
        is_open: Whoever is not in the team yet may ask; the use case itself lets them in.
        is_internal: Hosts and runners send it; no person asks for it, so the command line does not offer it.
        is_for_devices: Of the internal ones, what a person's computer may send to the home of a team of theirs.
        is_public: Whoever has not signed in may ask.
        is_by_agent: A machine's agent sends it with its own token, which is the request's field ``token``; no session.
        needs_accounts: Only a host that keeps accounts can answer it: a shared server.
        at_home: A copy of a team does not hold what it answers; it is asked at the team's home.
        keeps_answer: What it answers may be stored, to be told again to whoever did not get it; else it is told once.
        limits: How often it may be asked over the network.
        spares: Whether somebody asks whom the limits of all together do not hold up: ``(Transaction, Actor, request)``.
    """

    action: str
    method: str
    path: str
    request: type[Request[object]]
    result: object
    run: Callable[..., object]
    is_async: bool
    offline: bool = False
    is_audited: bool = True
    is_open: bool = False
    is_internal: bool = False
    is_for_devices: bool = False
    is_public: bool = False
    is_by_agent: bool = False
    needs_accounts: bool = False
    at_home: bool = False
    keeps_answer: bool = True
    limits: tuple[Limit, ...] = ()
    spares: Callable[..., bool] | None = None

    @property
    def name(self) -> str:
        """The request's class by name, under which what was asked is stored."""
        return self.request.__name__

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"


@dataclass
class Registry:
    """All use cases, by request class."""

    by_request: dict[type[object], UseCase] = field(default_factory=dict)

    def find(self, request: type[object]) -> UseCase:
        """The use case that answers ``request``."""
        try:
            return self.by_request[request]
        except KeyError:
            raise Bug(f"No use case answers {request.__name__}.") from None


REGISTRY = Registry()

F = TypeVar("F", bound=Callable[..., object])
_ROUTE = re.compile(r"(GET|POST|PUT|DELETE) (/api/[a-z0-9/{}_-]+)")


def use_case(
    action: str,
    route: str,
    *,
    offline: bool = False,
    is_audited: bool = True,
    is_open: bool = False,
    is_internal: bool = False,
    is_for_devices: bool = False,
    is_public: bool = False,
    is_by_agent: bool = False,
    needs_accounts: bool = False,
    at_home: bool = False,
    keeps_answer: bool = True,
    limits: tuple[Limit, ...] = (),
    spares: Callable[..., bool] | None = None,
) -> Callable[[F], F]:
    """Register the decorated function; request and result types are read from its annotations."""
    match = _ROUTE.fullmatch(route)
    if match is None:
        raise Bug(f"{route!r} is not a route.")

    def register(function: F) -> F:
        hints = typing.get_type_hints(function)
        request = hints.get("ask") or hints["_ask"]
        if request in REGISTRY.by_request:
            raise Bug(f"{request.__name__} has two use cases.")
        REGISTRY.by_request[request] = UseCase(
            action=action,
            method=match[1],
            path=match[2],
            request=request,
            result=hints["return"],
            run=function,
            is_async=inspect.iscoroutinefunction(function),
            offline=offline,
            is_audited=is_audited,
            is_open=is_open,
            is_internal=is_internal or is_for_devices,
            is_for_devices=is_for_devices,
            is_public=is_public,
            is_by_agent=is_by_agent,
            needs_accounts=needs_accounts,
            at_home=at_home,
            keeps_answer=keeps_answer,
            limits=limits,
            spares=spares,
        )
        return function

    return register


Execute = Callable[[Actor, Request[R]], Awaitable[R]]
