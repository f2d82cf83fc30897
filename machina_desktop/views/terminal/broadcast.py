"""Broadcast input: what is typed or pasted in one terminal goes to others too, until a person stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from PySide6.QtCore import QObject, Signal

from machina_desktop.core.domain.consent import by_environment, wants_consent
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.views.terminal.entry import Entry
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.place import Place


class Reach(StrEnum):
    """How far input goes."""

    OFF = "off"
    TAB = "tab"
    ALL = "all"
    CHOSEN = "chosen"


class Standing(StrEnum):
    """How a terminal stands to the broadcast.

    ``AWAY``: its connection is not there, so it is left out. ``NEW``: it came, or came back, after the person had said
    who takes part, so it waits for their word.
    """

    IN = "in"
    OUT = "out"
    AWAY = "away"
    NEW = "new"


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a broadcast asks about the terminals it may reach.

    Attributes:
        panes: All terminals, wherever they are shown.
        beside: Those in the same tab as one, itself too.
        environment: The environment of a machine by its id; empty for none.
    """

    panes: Callable[[], Iterable[TerminalPane]]
    beside: Callable[[TerminalPane], Iterable[TerminalPane]]
    environment: Callable[[str], str]


@dataclass(frozen=True, kw_only=True)
class Consent:
    """What a person has to agree to before input goes to machines together.

    Attributes:
        groups: Names of machines by environment, production first.
        agreed: Told that the person agrees.
    """

    groups: tuple[tuple[str, tuple[str, ...]], ...]
    agreed: Callable[[], None]


class Broadcast(QObject):
    """One broadcast at a time. Every terminal gets what is put in as its own modes ask, and only while it is live.

    Reports of the mouse and the focus, replies and scrolling are not input; a terminal that asks a question before it
    is live gets none.

    Attributes:
        reach: How far it goes now.

    Signals:
        changed(): On or off, who takes part, how they stand.
        consent_wanted(object): A `Consent`; nothing changes unless it is agreed to.
        stopped(str): It was stopped by something else than a person; why.
    """

    changed = Signal()
    consent_wanted = Signal(object)
    stopped = Signal(str)

    def __init__(self, around: Around, parent: QObject) -> None:
        super().__init__(parent)
        self.reach = Reach.OFF
        self._around = around
        self._members: dict[TerminalPane, Standing] = {}
        # The environment of each included machine when it was included, and those that were agreed to together.
        self._known: dict[str, str] = {}
        self._agreed: frozenset[str] = frozenset()
        self._heard: set[TerminalPane] = set()
        self._origin: TerminalPane | None = None
        self._was_mixed = False

    @property
    def is_on(self) -> bool:
        """Whether input may go further than where it is typed."""
        return self.reach is not Reach.OFF

    def standings(self) -> Mapping[TerminalPane, Standing]:
        """The terminals within reach and how they stand, in the order they came."""
        return dict(self._members)

    def included(self) -> tuple[TerminalPane, ...]:
        """Those that get input now."""
        return tuple(pane for pane, standing in self._members.items() if standing is Standing.IN)

    def audience(self, source: TerminalPane) -> tuple[TerminalPane, ...]:
        """The others that get what is put into ``source``; none while it takes no part itself."""
        included = self.included()
        return tuple(pane for pane in included if pane is not source) if source in included else ()

    @property
    def is_mixed(self) -> bool:
        """Whether some of them show a full-screen program and others do not."""
        return len({pane.terminal.screen.is_alternate for pane in self.included()}) > 1

    # What a person says

    def start(self, reach: Reach, source: TerminalPane | None, chosen: Iterable[TerminalPane] = ()) -> None:
        """Send input to those within ``reach`` of ``source``, or to ``chosen``; asks first where that is due."""
        wanted: Iterable[TerminalPane] = ()
        if reach is Reach.ALL:
            wanted = self._around.panes()
        elif reach is Reach.TAB and source is not None:
            wanted = self._around.beside(source)
        elif reach is Reach.CHOSEN:
            wanted = chosen
        members = tuple(wanted)
        if members:
            self._with_consent(lambda: _live(members), lambda: self._begin(reach, source, members))

    def include(self, pane: TerminalPane) -> None:
        """Let a terminal take part (again); asks first where that is due."""
        if self._members.get(pane) in {Standing.OUT, Standing.NEW}:
            self._with_consent(lambda: (*self.included(), pane), lambda: self._include(pane))

    def exclude(self, pane: TerminalPane) -> None:
        """Leave a terminal out."""
        if pane in self._members:
            self._members[pane] = Standing.OUT
            self._settle()

    def stop(self) -> None:
        """Let input go nowhere else."""
        if self.is_on:
            self.reach, self._origin = Reach.OFF, None
            self._members.clear()
            self._known.clear()
            self._agreed = frozenset()
            self._settle()

    # What happens meanwhile

    def look_again(self) -> None:
        """Terminals came or went, or machines are in another environment."""
        if not self.is_on:
            return
        there = tuple(self._around.panes())
        within = self._within_reach(there)
        for pane in [pane for pane in self._members if pane not in within]:
            del self._members[pane]
        for pane in within:
            if pane not in self._members:
                self._members[pane] = Standing.NEW if pane.state is SessionState.LIVE else Standing.AWAY
        self._listen()
        for pane in self.included():
            machine_id = pane.place.machine_id
            if self._around.environment(machine_id) != self._known.get(machine_id):
                self.stop()
                words = self.tr("Broadcast was stopped: {0} is now in another environment.")
                self.stopped.emit(words.format(pane.place.name))
                return
        if len(self._members) < 2:
            self.stop()
        self._settle()

    def _within_reach(self, there: tuple[TerminalPane, ...]) -> tuple[TerminalPane, ...]:
        """Those that may take part: all, those of the tab as it is now, or those that were chosen."""
        if self.reach is Reach.ALL:
            return there
        left = tuple(pane for pane in self._members if pane in there)
        if self.reach is Reach.CHOSEN or not left:
            return left
        # Where the one that it began in is closed, it goes on in its tab.
        self._origin = next((pane for pane in left if pane is self._origin), left[0])
        return tuple(self._around.beside(self._origin))

    def _with_consent(self, panes: Callable[[], Iterable[TerminalPane]], then: Callable[[], None]) -> None:
        there = set(self._around.panes())
        environments = {
            pane.place: self._around.environment(pane.place.machine_id) for pane in panes() if pane in there
        }
        asked = frozenset(environments.values())
        if not wants_consent(asked, self._agreed):
            then()
            return

        def agree() -> None:
            self._agreed |= asked
            # While the question stood, a terminal may have come back or a machine have gone into production.
            self._with_consent(panes, then)

        self.consent_wanted.emit(Consent(groups=_groups(environments), agreed=agree))

    def _begin(self, reach: Reach, source: TerminalPane | None, members: tuple[TerminalPane, ...]) -> None:
        there = set(self._around.panes())
        self.reach, self._origin = reach, source
        self._members = {
            pane: Standing.IN if pane.state is SessionState.LIVE else Standing.AWAY for pane in members if pane in there
        }
        self._note_environments()
        self._listen()
        self._settle()

    def _include(self, pane: TerminalPane) -> None:
        if pane in self._members:
            self._members[pane] = Standing.IN if pane.state is SessionState.LIVE else Standing.AWAY
            self._note_environments()
            self._settle()

    def _note_environments(self) -> None:
        for pane in self.included():
            machine_id = pane.place.machine_id
            self._known.setdefault(machine_id, self._around.environment(machine_id))

    def _listen(self) -> None:
        for pane in self._members.keys() - self._heard:
            self._heard.add(pane)
            pane.entered.connect(lambda entry, pane=pane: self._on_entered(pane, entry))
            pane.state_changed.connect(lambda state, pane=pane: self._on_state(pane, state))
            pane.stirred.connect(self._on_stirred)
            pane.destroyed.connect(lambda _gone, pane=pane: self._on_gone(pane))
            pane.actions_.audience = partial(self._places_beside, pane)

    def _places_beside(self, source: TerminalPane) -> tuple[Place, ...]:
        return tuple(pane.place for pane in self.audience(source))

    def _on_entered(self, source: TerminalPane, entry: Entry) -> None:
        for pane in self.audience(source):
            pane.take(entry)

    def _on_state(self, pane: TerminalPane, state: SessionState) -> None:
        standing = self._members.get(pane)
        if standing in {Standing.IN, Standing.NEW} and state is not SessionState.LIVE:
            self._members[pane] = Standing.AWAY
        elif standing is Standing.AWAY and state is SessionState.LIVE:
            self._members[pane] = Standing.NEW
        else:
            return
        self._settle()

    def _on_stirred(self) -> None:
        if self.is_on and self.is_mixed != self._was_mixed:
            self._settle()

    def _on_gone(self, pane: TerminalPane) -> None:
        self._heard.discard(pane)
        self._members.pop(pane, None)

    def _settle(self) -> None:
        self._was_mixed = self.is_mixed
        included = self.included()
        for pane in self._around.panes():
            pane.show_broadcast(is_on=pane in included)
        self.changed.emit()


def _live(panes: tuple[TerminalPane, ...]) -> tuple[TerminalPane, ...]:
    return tuple(pane for pane in panes if pane.state is SessionState.LIVE)


def _groups(environments: Mapping[Place, str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return by_environment({place.name: environment for place, environment in environments.items()})
