"""The Terminal page: shells on machines in tabs, panes and windows."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import ListSettings, SettingValue
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.terminal_settings import TERMINAL_RESTORE
from machina_desktop.views import tasks
from machina_desktop.views.apps import terminal_offers
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.apps.terminal_commands import commands_of
from machina_desktop.views.apps.terminal_deck import TerminalDeck
from machina_desktop.views.apps.terminal_frame import PaneFrame
from machina_desktop.views.apps.terminal_machines import is_open_to
from machina_desktop.views.apps.terminal_set import Terminals
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.apps.terminal_windows import TerminalWindows
from machina_desktop.views.commands import Command, install_keys
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.terminal.look import look_of
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.workspace import WorkspaceStore
from machina_desktop.views.widgets.states import EmptyState, ListStates

LIMIT = 5000


class TerminalPage(Page):
    """Tabs of terminals, here and in windows of their own. ``go_to`` with a machine's id leads to one on it.

    Attributes:
        terminals: What all windows share.
        deck: The tabs on the page.
        windows: The windows beside the main one, and workspaces.

    Signals:
        panes_changed(): A terminal has come or gone, in whichever window.
    """

    panes_changed = Signal()

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("terminal")
        self.terminals = Terminals(bridge, window, self)
        self._is_known = self._is_settled = False
        self._is_restored = False
        self._problem: MachinaError | None = None
        self._wanted = ""
        self._is_agreed = self._has_files = False
        self._has_restore = True
        self._live: LiveQuery[tuple[Machine, ...]] | None = None
        self.deck = TerminalDeck(self.terminals, is_main=True, parent=self)
        self.windows = TerminalWindows(self.terminals, self.deck, self)
        self._build()
        install_keys(self, self.commands)
        bridge.when_settled(self._start)

    # What the window asks

    def shown(self) -> None:
        self._ask_for_settings()
        if (tab := self.current_tab()) is not None:
            tab.take_focus()

    def leaving(self) -> None:
        self.terminals.write()
        self.terminals.is_remembering = False
        for window in tuple(self.windows.windows):
            window.close_for_good()

    def live_shells(self) -> int:
        return self.terminals.live_count()

    def go_to(self, place: str) -> None:
        """Show the terminal on the machine of that id, or offer to open one: a link gets nothing done by itself."""
        self._wanted, self._is_agreed, self._has_files = place, False, False
        QTimer.singleShot(0, self, self._take_wanted)

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        if (pane := self.current_pane()) is not None:
            pane.actions_.open_search()

    def commands(self) -> Iterable[Command]:
        for name, title, icon, run in (
            ("open_wanted", self.tr("Open it"), "square-terminal", self.open_wanted),
            ("files_wanted", self.tr("Show its files"), "folder", self.open_wanted_files),
        ):
            yield Command(
                name=f"terminals.{name}",
                title=title,
                group=self.tr("Terminal"),
                icon=icon,
                run=run,
                is_available=lambda: bool(self._wanted),
            )
        yield from commands_of(self.deck, self.windows.deeds)

    # What a person does

    def open_on(self, machine: Machine) -> TerminalPane:
        """Open a terminal on a machine in a new tab."""
        return self.deck.open_on(machine)

    def open_wanted(self) -> None:
        """Open what ``go_to`` named, at once: it was a person of this window who asked."""
        self._is_agreed = bool(self._wanted)
        self._take_wanted()

    def open_wanted_files(self) -> None:
        """Show the files of what ``go_to`` named, below a terminal on it, which is opened where there is none."""
        self._has_files = True
        self.open_wanted()

    def current_pane(self) -> TerminalPane | None:
        """The pane in front on the page; ``None`` without tabs."""
        return self.deck.current_pane()

    def current_frame(self) -> PaneFrame | None:
        """That pane with what surrounds it."""
        return self.deck.current_frame()

    def current_tab(self) -> TerminalTab | None:
        """The tab in front on the page; ``None`` without any."""
        return self.deck.current_tab()

    def panes(self) -> tuple[TerminalPane, ...]:
        """All panes, in all windows."""
        return self.terminals.panes()

    def _take_wanted(self) -> None:
        machine = self.terminals.machines.get(self._wanted)
        if machine is None or not self._is_restored:
            return
        self._wanted = ""
        frame = self._frame_on(machine.machine_id)
        if frame is not None and (self._has_files or not self._is_agreed):
            self.terminals.show_pane(frame.pane)
        elif self._is_agreed:
            self._open(machine)
            frame = self.current_frame()
        else:
            self.window_door.notify(
                self.tr("Open a terminal on {0}?").format(machine.name),
                action=self.tr("Open"),
                on_action=lambda: self._open(machine),
                about=machine.machine_id,
            )
        if self._has_files and frame is not None:
            frame.show_files()

    def _frame_on(self, machine_id: str) -> PaneFrame | None:
        """A terminal on a machine, the one in front if it is one."""
        frames = self.terminals.frames()
        current = self.current_frame()
        found = [*((current,) if current is not None else ()), *frames]
        return next((frame for frame in found if frame.machine_id == machine_id), None)

    def _open(self, machine: Machine) -> None:
        self.window_door.open_app("terminal")
        self.open_on(machine)

    # How it is made

    def _build(self) -> None:
        self._empty = EmptyState(icon_name="square-terminal", title="")
        self._empty.setObjectName("terminal.empty")
        self._empty.activated.connect(self._on_empty_action)
        self._states = ListStates(self.deck, empty=self._empty)
        self._states.error.retried.connect(self._on_retried)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._states, 1)
        self.deck.changed.connect(self._show_content)
        # So that the keys of this page still work, such as the one that opens a closed tab again.
        self.deck.emptied.connect(self._empty.action.setFocus)
        self.deck.front_wanted.connect(lambda: self.window_door.open_app("terminal"))
        self.terminals.panes_changed.connect(self.panes_changed)
        self._show_content()

    def _start(self) -> None:
        self.terminals.store = WorkspaceStore(self.bridge.team_id)
        self._ask_for_settings()
        self._live = LiveQuery(
            self.bridge,
            ListMachines(team_id=self.bridge.team_id, limit=LIMIT),
            depends=frozenset({"machine"}),
            on_answer=self._on_machines,
            on_error=self._on_error,
            parent=self,
        )
        # With another team in view this page goes, and with it what it shows.
        self.bridge.team_changed.connect(self._hang_up)

    def _hang_up(self, _team_id: str) -> None:
        self.terminals.write()
        self.terminals.is_remembering = False
        self.windows.close_all()

    def _ask_for_settings(self) -> None:
        if self.bridge.is_settled:
            tasks.ask(
                self.bridge,
                ListSettings(),
                owner=self,
                done=self._on_settings,
                failed=lambda _error: self._on_settings_unknown(),
            )

    def _on_settings(self, values: tuple[SettingValue, ...]) -> None:
        known = {value.key: value.value for value in values}
        self.terminals.dress(look_of(known))
        self._has_restore = bool(known.get(TERMINAL_RESTORE.key, TERMINAL_RESTORE.default))
        self._is_settled = True
        self._restore()

    def _on_settings_unknown(self) -> None:
        """What is open is not held up by settings that cannot be read."""
        self._is_settled = True
        self._restore()

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self.terminals.set_machines(machine for machine in machines if is_open_to(machine))
        self._is_known, self._problem = True, None
        self._states.error.retry.set_busy(False)
        self._restore()
        self._show_content()
        self._take_wanted()

    def _restore(self) -> None:
        """Bring back what was open, once, when the machines and the settings are known."""
        if self._is_restored or not self._is_known or not self._is_settled:
            return
        self._is_restored = True
        if self._has_restore:
            self.windows.restore(self.terminals.store.last())
        self.terminals.is_remembering = True
        self._show_content()
        self._take_wanted()

    def _on_error(self, error: MachinaError) -> None:
        self._problem = error
        self._show_content()

    def _on_retried(self) -> None:
        self._states.error.retry.set_busy(True)
        if self._live is not None:
            self._live.refresh()

    def _on_empty_action(self) -> None:
        if self.terminals.machines:
            self.deck.choose_machine(self.open_on, self._empty.action)
        else:
            self.window_door.open_app("machines")

    def _show_content(self) -> None:
        if self.deck.tabs():
            self._states.show_content()
        elif self._problem is not None:
            self._states.show_error(self._problem)
        elif not self._is_known:
            self._states.show_loading()
        else:
            self._show_empty()

    def _show_empty(self) -> None:
        self._states.show_empty()
        running = [each for each in self.terminals.machines.values() if each.actual_status is MachineStatus.RUNNING]
        if running:
            words = self.tr("Choose a machine, and a shell on it opens here, over SSH.")
            self._empty.set_message(self.tr("No terminal is open"), words, self.tr("Open a terminal"))
        else:
            words = self.tr("A terminal opens on a machine that runs. None of this team’s does yet.")
            self._empty.set_message(self.tr("No machine to open a terminal on"), words, self.tr("Go to Machines"))


APP = App(
    name="terminal",
    title="Terminal",
    icon="square-terminal",
    page=TerminalPage,
    searches=terminal_offers.searches,
    commands=terminal_offers.commands,
)
