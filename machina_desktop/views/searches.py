"""What an app lets the palette find: it is said by the app, and asked, kept and ranked by the palette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError, NotFound
from machina_desktop.core.services.use_case import Request
from machina_desktop.views.links import Link
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.models.status import Status

R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that can be found.

    Attributes:
        link: What to show when it is chosen.
        title: Its name, in which letters are searched.
        detail: What tells it from others, quietly: an address, an app.
        words: Further words to find it by, such as its id.
        status: How it stands; ``None`` for what has no status.
    """

    link: Link
    title: str
    icon: str
    detail: str = ""
    words: str = ""
    status: Status | None = None


Findings = Callable[[], tuple[Finding, ...]]


class Following(Protocol):
    """A question that is asked again after changes, as `LiveQuery`."""

    def refresh(self) -> None:
        """Ask again now."""
        ...

    def pause(self) -> None:
        """Stop asking."""
        ...

    def resume(self) -> None:
        """Ask if anything has changed meanwhile."""
        ...


@dataclass(frozen=True, kw_only=True)
class Search:
    """One kind of thing that can be found; made by `search`.

    Attributes:
        entity: What it finds, as links name it: ``machine``; ``app`` for places on pages.
        title: The kind in the plural, for the caption above them.
        follow: Asks for all of them and again after changes. The listener gets a function that makes the findings,
            which may run on any thread.
        look_up: Asks for one by its key; raises `NotFound` when there is none.
    """

    entity: str
    title: str
    follow: Callable[[Bridge, QObject, Callable[[Findings], None], Callable[[MachinaError], None]], Following]
    look_up: Callable[[Bridge, str], Awaitable[object]]


def search(
    *,
    entity: str,
    title: str,
    request: Callable[[str], Request[tuple[R, ...]]],
    depends: frozenset[str],
    finding: Callable[[R], Finding],
    one: Callable[[str], Request[R]] | None = None,
) -> Search:
    """A search through what ``request`` answers for a team; ``one`` asks for a single record by its key."""

    def follow(
        bridge: Bridge,
        parent: QObject,
        on_findings: Callable[[Findings], None],
        on_error: Callable[[MachinaError], None],
    ) -> Following:
        return LiveQuery(
            bridge,
            request(bridge.team_id),
            depends=depends,
            on_answer=lambda records: on_findings(partial(_all, finding, records)),
            on_error=on_error,
            parent=parent,
        )

    async def look_up(bridge: Bridge, key: str) -> object:
        if one is not None:
            return await bridge.call(one(key))
        found = (finding(record) for record in await bridge.call(request(bridge.team_id)))
        match = next((each for each in found if each.link.key == key), None)
        if match is None:
            raise NotFound("It does not exist, or not any more.")
        return match

    return Search(entity=entity, title=title, follow=follow, look_up=look_up)


def fixed_search(*, entity: str, title: str, findings: Findings) -> Search:
    """A search through what is always there, such as the parts of a page."""

    def follow(
        _bridge: Bridge,
        _parent: QObject,
        on_findings: Callable[[Findings], None],
        _on_error: Callable[[MachinaError], None],
    ) -> Following:
        on_findings(findings)
        return _Still()

    async def look_up(_bridge: Bridge, key: str) -> object:
        match = next((each for each in findings() if each.link.key == key), None)
        if match is None:
            raise NotFound("It does not exist, or not any more.")
        return match

    return Search(entity=entity, title=title, follow=follow, look_up=look_up)


def unlisted_search(*, entity: str, title: str, look_up: Callable[[Bridge, str], Awaitable[object]]) -> Search:
    """A search that finds nothing by words, for things the palette does not list: links to one of them open."""

    def follow(
        _bridge: Bridge,
        _parent: QObject,
        on_findings: Callable[[Findings], None],
        _on_error: Callable[[MachinaError], None],
    ) -> Following:
        on_findings(tuple)
        return _Still()

    return Search(entity=entity, title=title, follow=follow, look_up=look_up)


class _Still:
    """A question whose answer never changes."""

    def refresh(self) -> None:
        """Nothing is new."""

    def pause(self) -> None:
        """Nothing is asked."""

    def resume(self) -> None:
        """Nothing has changed."""


def _all(finding: Callable[[R], Finding], records: tuple[R, ...]) -> tuple[Finding, ...]:
    return tuple(finding(record) for record in records)
