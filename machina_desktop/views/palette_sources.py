"""What the palette finds: every app's things, asked once the window is idle and kept, so that opening costs nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from functools import partial

from PySide6.QtCore import QObject, QTimer, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import App
from machina_desktop.views.models.ranking import Candidate, prepare
from machina_desktop.views.searches import Finding, Findings, Following, Search

# After the core has settled the page in view is filled first.
IDLE_MS = 1500


@dataclass(frozen=True, slots=True)
class Found:
    """A finding, ready to be ranked and remembered."""

    name: str
    finding: Finding
    caption: str
    candidate: Candidate


@dataclass(kw_only=True)
class _Source:
    """One search and what it found last.

    Attributes:
        asked: Counts the answers, so that one that was overtaken while it was prepared is dropped.
    """

    search: Search
    following: Following | None = None
    found: tuple[Found, ...] | None = None
    problem: str = ""
    asked: int = 0
    known: dict[Finding, Candidate] = field(default_factory=dict)


def found_of(finding: Finding, caption: str, known: Candidate | None = None) -> Found:
    """A finding with what it is found by, unless that is known already. Any thread."""
    candidate = known or prepare(finding.title, f"{finding.detail} {finding.words} {caption}")
    return Found(str(finding.link), finding, caption, candidate)


class PaletteSources(QObject):
    """Follows the searches of all apps, and rests while nobody looks.

    Signals:
        changed(): There is something else to find.
        loaded(): The apps' code is loaded; their commands can be asked for.
    """

    changed = Signal()
    loaded = Signal()

    def __init__(self, apps: tuple[App, ...], bridge: Bridge, *, parent: QObject) -> None:
        super().__init__(parent)
        self._apps = apps
        self._bridge = bridge
        self._sources: tuple[_Source, ...] = ()
        self._loading: Awaitable[object] | None = None
        self._is_awake = False
        self._idle = QTimer(self, singleShot=True, interval=IDLE_MS)
        self._idle.timeout.connect(self.load)
        bridge.team_changed.connect(self._on_team_changed)
        bridge.when_settled(self._idle.start)

    @property
    def is_loading(self) -> bool:
        """Whether something to be found is not known yet and on its way."""
        is_asked = bool(self._sources) or not self._apps
        return not is_asked or any(each.found is None and not each.problem for each in self._sources)

    @property
    def problem(self) -> str:
        """Why some of it is missing; empty when nothing is."""
        return next((each.problem for each in self._sources if each.problem), "")

    def found(self) -> tuple[Found, ...]:
        """Everything that can be found now."""
        return tuple(found for source in self._sources for found in source.found or ())

    def load(self) -> None:
        """Load the apps' code on a thread, where that has not happened, and ask for what they have."""
        if self._loading is None and self._bridge.is_settled:
            self._loading = tasks.run(
                self._bridge,
                asyncio.to_thread(_searches, self._apps),
                owner=self,
                name="load the apps",
                done=self._on_loaded,
            )

    async def search_for(self, entity: str) -> Search | None:
        """The search that finds things of that kind; loads what is needed."""
        self.load()
        if self._loading is not None:
            await self._loading
        return next((each.search for each in self._sources if each.search.entity == entity), None)

    def wake(self) -> None:
        """The palette is opened: what has changed meanwhile is asked for."""
        self._is_awake = True
        self.load()
        for source in self._sources:
            if source.following is not None and source.problem:
                source.following.refresh()
            if source.following is not None:
                source.following.resume()

    def rest(self) -> None:
        """The palette is closed: changes are only remembered."""
        self._is_awake = False
        for source in self._sources:
            if source.following is not None:
                source.following.pause()

    def _on_loaded(self, searches: tuple[Search, ...]) -> None:
        self._sources = tuple(_Source(search=search) for search in searches)
        for source in self._sources:
            self._follow(source)
        self.loaded.emit()

    def _on_team_changed(self) -> None:
        """Nothing of the former team can be found any more."""
        for source in self._sources:
            if isinstance(source.following, QObject):
                source.following.deleteLater()
            source.found, source.problem, source.asked = None, "", source.asked + 1
            self._follow(source)
        self.changed.emit()

    def _follow(self, source: _Source) -> None:
        source.following = source.search.follow(
            self._bridge, self, partial(self._on_findings, source), partial(self._on_error, source)
        )
        if not self._is_awake:
            source.following.pause()

    def _on_findings(self, source: _Source, findings: Findings) -> None:
        source.asked += 1
        tasks.run(
            self._bridge,
            asyncio.to_thread(_prepared, source.search.title, findings, source.known),
            owner=self,
            name="prepare the palette",
            done=partial(self._on_prepared, source, source.asked),
        )

    def _on_prepared(self, source: _Source, asked: int, found: tuple[Found, ...]) -> None:
        if asked != source.asked:
            return
        source.found, source.problem = found, ""
        source.known = {each.finding: each.candidate for each in found}
        self.changed.emit()

    def _on_error(self, source: _Source, error: MachinaError) -> None:
        source.problem = str(error)
        self.changed.emit()


def _searches(apps: tuple[App, ...]) -> tuple[Search, ...]:
    return tuple(search for app in apps for search in app.searches())


def _prepared(caption: str, findings: Findings, known: dict[Finding, Candidate]) -> tuple[Found, ...]:
    """The findings with their candidates; those that were the same before are not prepared again."""
    return tuple(found_of(finding, caption, known.get(finding)) for finding in findings())
