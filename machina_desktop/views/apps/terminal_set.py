"""All terminals of a team, over every window: who makes them, where they are, what is remembered of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.environment import environment_of
from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.machine import Machine
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.terminal_broadcast import TerminalBroadcast
from machina_desktop.views.apps.terminal_closed import ClosedTabs
from machina_desktop.views.apps.terminal_frame import PaneFrame
from machina_desktop.views.apps.terminal_part import GonePart, TabPart
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.terminal.broadcast import Around
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.split_layout import Leaf
from machina_desktop.views.terminal.workspace import (
    PanePlan,
    TabPlan,
    WindowPlan,
    Workspace,
    WorkspaceStore,
    node_of,
)

# What is remembered is written so long after the last change, in milliseconds.
_REST_MS = 400


class Deck(Protocol):
    """What holds the tabs of one window."""

    is_main: bool

    def tabs(self) -> tuple[TerminalTab, ...]:
        """Its tabs, in the order they stand in."""

    def plan(self) -> WindowPlan:
        """What to remember of it."""

    def show_tab(self, tab: TerminalTab) -> None:
        """Bring its window and one of its tabs to the front."""


class Terminals(QObject):
    """What the decks of one team share.

    Attributes:
        machines: Those a terminal can be opened on, by id.
        look: How terminals look.
        decks: Every strip with its tabs, the page's first.
        closed: Tabs that were closed and can be opened again.
        store: Where it is remembered how they stand.
        broadcast: Who else gets what is typed.
        is_remembering: Whether changes are remembered; off until what was remembered has been restored.

    Signals:
        panes_changed(): A pane has come or gone, in whichever window.
        changed(): Something is another that a deck shows of all.
    """

    panes_changed = Signal()
    changed = Signal()

    def __init__(self, bridge: Bridge, door: Window, parent: QWidget) -> None:
        super().__init__(parent)
        self.bridge, self.door = bridge, door
        self.machines: dict[str, Machine] = {}
        self.look = Look()
        self.decks: list[Deck] = []
        self.closed = ClosedTabs(parent)
        self.store = WorkspaceStore("")
        self.is_remembering = False
        self._written: Workspace | None = None
        self._rest = QTimer(self, interval=_REST_MS, singleShot=True)
        self._rest.timeout.connect(self.write)
        around = Around(panes=self.panes, beside=self.beside, environment=self.environment)
        self.broadcast = TerminalBroadcast(around, door, self)
        self.panes_changed.connect(self.broadcast.look_again)
        self.changed.connect(self.broadcast.look_again)

    # What there is

    def tabs(self) -> tuple[TerminalTab, ...]:
        """All tabs, window by window."""
        return tuple(tab for deck in self.decks for tab in deck.tabs())

    def frames(self) -> tuple[PaneFrame, ...]:
        """All terminals with what surrounds them."""
        return tuple(frame for tab in self.tabs() for frame in tab.frames())

    def panes(self) -> tuple[TerminalPane, ...]:
        """All terminals."""
        return tuple(frame.pane for frame in self.frames())

    def beside(self, pane: TerminalPane) -> tuple[TerminalPane, ...]:
        """The terminals in the same tab as one, itself too."""
        return next((tab.panes() for tab in self.tabs() if pane in tab.panes()), ())

    def environment(self, machine_id: str) -> str:
        """The environment of a machine as its tags say it now, or said it last; empty for none."""
        machine = self.machines.get(machine_id)
        if machine is not None:
            return environment_of(machine.tags)
        # One that is not listed any more may run all the same, with a shell that is still open.
        return next((frame.environment for frame in self.frames() if frame.machine_id == machine_id), "")

    def live_count(self) -> int:
        """How many shells end when they are all closed."""
        return sum(frame.is_live and frame.kept is None for frame in self.frames())

    # How they are made

    def frame_on(self, machine: Machine, kept: KeptShell | None = None) -> PaneFrame:
        """A terminal on a machine, not yet in any tab; its shell, or the ``kept`` one, is opened when first shown."""
        return PaneFrame(self.bridge, self.door, machine, self.look, kept)

    def part_for(self, plan: PanePlan) -> TabPart:
        """A terminal on the machine of a plan, or a word in its place that there is none."""
        machine = self.machines.get(plan.machine_id)
        if machine is None:
            return GonePart(plan.machine_id, plan.name, plan.kept)
        return self.frame_on(machine, plan.kept)

    def tab_of(self, plan: TabPlan) -> TerminalTab:
        """A tab as a plan has it, with new sessions."""
        parts: dict[str, TabPart] = {}

        def make(pane: PanePlan) -> str:
            part = self.part_for(pane)
            parts[part.key] = part
            return part.key

        node = node_of(plan.root, make)
        tab = TerminalTab(next(iter(parts.values())))
        tab.given, tab.colour = plan.given, plan.colour
        if not isinstance(node, Leaf):
            tab.arrange(node, parts, plan.current)
        return tab

    def set_machines(self, machines: Iterable[Machine]) -> None:
        """Know which machines there are now; one that was gone and has come back is opened in its place."""
        self.machines = {machine.machine_id: machine for machine in machines}
        for tab in self.tabs():
            for part in tab.parts():
                machine = self.machines.get(part.machine_id)
                if machine is not None and isinstance(part, GonePart):
                    tab.replace(part, self.frame_on(machine, part.kept))
                elif machine is not None and isinstance(part, PaneFrame):
                    part.set_machine(machine)
        self.changed.emit()

    def heed(self, tab: TerminalTab) -> None:
        """Have a tab that was closed know of the machines and the look there are now."""
        for part in tab.parts():
            machine = self.machines.get(part.machine_id)
            if machine is None or isinstance(part, GonePart):
                plan = PanePlan(machine_id=part.machine_id, name=part.name, kept=part.kept)
                tab.replace(part, self.part_for(plan))
            elif isinstance(part, PaneFrame):
                part.set_machine(machine)
                part.pane.dress(self.look)

    def dress(self, look: Look) -> None:
        """Take another look, everywhere."""
        if look != self.look:
            self.look = look
            for pane in self.panes():
                pane.dress(look)

    # What is remembered

    def touch(self) -> None:
        """Something to be remembered is another."""
        # What changes without end, such as a title, must not keep the rest from being written.
        if self.is_remembering and not self._rest.isActive():
            self._rest.start()

    def write(self) -> None:
        """Remember now how they stand."""
        self._rest.stop()
        workspace = self.workspace()
        if self.is_remembering and workspace != self._written:
            self._written = workspace
            self.store.keep(workspace)

    def workspace(self) -> Workspace:
        """How they stand."""
        return Workspace(windows=tuple(deck.plan() for deck in self.decks if deck.is_main or deck.tabs()))

    def show_pane(self, pane: TerminalPane) -> None:
        """Bring a terminal to the front, in whichever window it is."""
        for deck in self.decks:
            for tab in deck.tabs():
                frame = tab.frame_of(pane)
                if frame is not None:
                    tab.choose(frame)
                    deck.show_tab(tab)
                    return
