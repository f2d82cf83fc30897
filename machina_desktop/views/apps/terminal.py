"""The Terminal page: shells on machines, one tab each."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.device import ListSettings, SettingValue
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.views import tasks, theme
from machina_desktop.views.apps import terminal_offers
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.apps.terminal_machines import is_open_to, machine_menu
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.apps.terminal_tools import TerminalTools
from machina_desktop.views.commands import Command, install_keys
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.terminal.look import Look, look_of
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.tab_strip import TabStrip
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.states import EmptyState, ListStates
from machina_desktop.views.widgets.tabs import TAB_HEIGHT, Tab

LIMIT = 5000


class _TopLine(QWidget):
    """The row of tabs and what stands beside them, on one hairline."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        QPainter(self).fillRect(0, self.height() - 1, self.width(), 1, theme.color("border"))


class TerminalPage(Page):
    """Tabs of terminals. ``go_to`` with a machine's id leads to one on it."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("terminal")
        self._tabs: dict[str, TerminalTab] = {}
        self._machines: dict[str, Machine] = {}
        self._is_known = False
        self._problem: MachinaError | None = None
        self._wanted = ""
        self._is_agreed = self._has_files = False
        self._look = Look()
        self._live: LiveQuery[tuple[Machine, ...]] | None = None
        self._build()
        install_keys(self, self.commands)
        if bridge.is_settled:
            self._start()
        else:
            bridge.settled.connect(self._start)

    # What the window asks

    def shown(self) -> None:
        self._ask_for_look()
        if (pane := self.current_pane()) is not None:
            pane.view.setFocus()

    def go_to(self, place: str) -> None:
        """Show the terminal on the machine of that id, or offer to open one: a link gets nothing done by itself."""
        self._wanted, self._is_agreed, self._has_files = place, False, False
        QTimer.singleShot(0, self, self._take_wanted)

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        if (pane := self.current_pane()) is not None:
            pane.actions_.open_search()

    def commands(self) -> Iterable[Command]:
        group = self.tr("Terminal")

        def has_tab() -> bool:
            return bool(self._tabs)

        def has_several() -> bool:
            return len(self._tabs) > 1

        for name, title, icon, keys, run, is_available in (
            ("new", self.tr("New terminal"), "plus", "Ctrl+Shift+T", self.open_another, lambda: bool(self._machines)),
            ("choose", self.tr("Open a terminal on…"), "square-terminal", "", self._choose, lambda: self._is_known),
            ("open_wanted", self.tr("Open it"), "square-terminal", "", self.open_wanted, lambda: bool(self._wanted)),
            (
                "files_wanted",
                self.tr("Show its files"),
                "folder",
                "",
                self.open_wanted_files,
                lambda: bool(self._wanted),
            ),
            ("close", self.tr("Close the terminal"), "x", "Ctrl+Shift+W", self.close_current, has_tab),
            ("rename", self.tr("Rename the terminal"), "pencil", "", self.rename_current, has_tab),
            ("next", self.tr("Next terminal"), "arrow-right", "Ctrl+PgDown", lambda: self._step(1), has_several),
            ("previous", self.tr("Previous terminal"), "arrow-left", "Ctrl+PgUp", lambda: self._step(-1), has_several),
        ):
            yield Command(
                name=f"terminals.{name}",
                title=title,
                group=group,
                icon=icon,
                keys=keys,
                run=run,
                is_available=is_available,
            )
        yield from self._tools.commands()
        if (pane := self.current_pane()) is not None:
            yield from pane.commands()

    # What a person does

    def open_on(self, machine: Machine) -> TerminalPane:
        """Open a terminal on a machine in a new tab."""
        key = new_id("tab")
        tab = TerminalTab(self.bridge, self.window_door, machine, self._look)
        pane = tab.pane
        self._tabs[key] = tab
        self._panes.addWidget(tab)
        self._strip.add(Tab(key=key, title=tab.title, icon_name=tab.icon_name))
        pane.title_changed.connect(lambda _title: self._show_title(key))
        tab.changed.connect(lambda: self._show_title(key))
        pane.rang.connect(lambda: self._mark(key))
        pane.close_wanted.connect(lambda: self.close_tab(key))
        pane.command_ended.connect(lambda seconds, code: self._on_command_ended(key, seconds, code))
        self._strip.set_current(key)
        self._show_content()
        pane.view.setFocus()
        return pane

    def open_another(self) -> None:
        """Open a further terminal on the machine of the present one, or let the person choose a machine."""
        pane = self.current_pane()
        machine = self._machines.get(pane.place.machine_id) if pane is not None else None
        if machine is None:
            self._choose()
        else:
            self.open_on(machine)

    def open_wanted(self) -> None:
        """Open what ``go_to`` named, at once: it was a person of this window who asked."""
        self._is_agreed = bool(self._wanted)
        self._take_wanted()

    def open_wanted_files(self) -> None:
        """Show the files of what ``go_to`` named, below a terminal on it, which is opened where there is none."""
        self._has_files = True
        self.open_wanted()

    def _take_wanted(self) -> None:
        machine = self._machines.get(self._wanted)
        if machine is None:
            return
        self._wanted = ""
        key = next((key for key, tab in self._tabs.items() if tab.pane.place.machine_id == machine.machine_id), "")
        if key and (self._has_files or not self._is_agreed):
            self._strip.set_current(key)
        elif self._is_agreed:
            self.open_on(machine)
        else:
            self.window_door.notify(
                self.tr("Open a terminal on {0}?").format(machine.name),
                action=self.tr("Open"),
                on_action=lambda: self._open(machine),
                about=machine.machine_id,
            )
        if self._has_files and (tab := self.current_tab()) is not None:
            tab.show_files()

    def _open(self, machine: Machine) -> None:
        self.window_door.open_app("terminal")
        self.open_on(machine)

    def close_current(self) -> None:
        """Close the tab in front."""
        self.close_tab(self._strip.current())

    def rename_current(self) -> None:
        """Let the person name the tab in front."""
        self._strip.begin_rename(self._strip.current())

    def close_tab(self, key: str) -> None:
        """Hang up and take the tab away."""
        tab = self._tabs.pop(key, None)
        if tab is None:
            return
        tab.close_session()
        self._strip.remove(key)
        self._panes.removeWidget(tab)
        tab.hide()
        tab.deleteLater()
        self._show_content()
        if (pane := self.current_pane()) is not None:
            pane.view.setFocus()

    def current_pane(self) -> TerminalPane | None:
        """The pane in front; ``None`` without tabs."""
        tab = self.current_tab()
        return tab.pane if tab is not None else None

    def current_tab(self) -> TerminalTab | None:
        """The tab in front; ``None`` without any."""
        return self._tabs.get(self._strip.current())

    def panes(self) -> tuple[TerminalPane, ...]:
        """All panes."""
        return tuple(tab.pane for tab in self._tabs.values())

    # How it is made

    def _build(self) -> None:
        self._strip = TabStrip(name=self.tr("Terminals"))
        self._strip.setObjectName("terminal.tabs")
        self._strip.changed.connect(self._on_tab_changed)
        self._strip.close_wanted.connect(self.close_tab)
        self._strip.renamed.connect(self._on_renamed)
        self._new = IconButton("plus", self.tr("New terminal"), shortcut="Ctrl+Shift+T")
        self._new.setObjectName("terminal.new")
        self._new.clicked.connect(self._choose)
        self._tools = TerminalTools(self.bridge, self.current_tab, self)
        self._top = _TopLine()
        row = QHBoxLayout(self._top)
        row.setContentsMargins(0, 0, Space.S, 0)
        row.setSpacing(Space.XS)
        row.addWidget(self._strip, 1)
        row.addWidget(self._tools, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._new, 0, Qt.AlignmentFlag.AlignVCenter)
        self._top.setFixedHeight(TAB_HEIGHT)
        self._panes = QStackedWidget()
        self._empty = EmptyState(icon_name="square-terminal", title="")
        self._empty.setObjectName("terminal.empty")
        self._empty.activated.connect(self._on_empty_action)
        self._states = ListStates(self._panes, empty=self._empty)
        self._states.error.retried.connect(self._on_retried)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._top)
        column.addWidget(self._states, 1)
        self._show_content()

    def _start(self) -> None:
        self._ask_for_look()
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
        for key in tuple(self._tabs):
            self.close_tab(key)

    def _ask_for_look(self) -> None:
        if self.bridge.is_settled:
            tasks.run(
                self.bridge,
                self.bridge.call(ListSettings()),
                owner=self,
                name="terminal settings",
                done=self._on_settings,
                failed=lambda _error: None,
            )

    def _on_settings(self, values: tuple[SettingValue, ...]) -> None:
        look = look_of({value.key: value.value for value in values})
        if look != self._look:
            self._look = look
            for pane in self.panes():
                pane.dress(look)

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self._machines = {machine.machine_id: machine for machine in machines if is_open_to(machine)}
        self._is_known, self._problem = True, None
        self._states.error.retry.set_busy(False)
        self._show_content()
        self._take_wanted()

    def _on_error(self, error: MachinaError) -> None:
        self._problem = error
        self._show_content()

    def _on_retried(self) -> None:
        self._states.error.retry.set_busy(True)
        if self._live is not None:
            self._live.refresh()

    def _choose(self) -> None:
        """Let the person choose a machine."""
        machine_menu(self._machines.values(), self.open_on, parent=self).popup_under(
            self._new if self._tabs else self._empty.action
        )

    def _on_empty_action(self) -> None:
        if self._machines:
            self._choose()
        else:
            self.window_door.open_app("machines")

    def _show_content(self) -> None:
        self._top.setVisible(bool(self._tabs))
        if self._tabs:
            self._states.show_content()
        elif self._problem is not None:
            self._states.show_error(self._problem)
        elif not self._is_known:
            self._states.show_loading()
        else:
            self._show_empty()

    def _show_empty(self) -> None:
        self._states.show_empty()
        running = [each for each in self._machines.values() if each.actual_status is MachineStatus.RUNNING]
        if running:
            words = self.tr("Choose a machine, and a shell on it opens here, over SSH.")
            self._empty.set_message(self.tr("No terminal is open"), words, self.tr("Open a terminal"))
        else:
            words = self.tr("A terminal opens on a machine that runs. None of this team’s does yet.")
            self._empty.set_message(self.tr("No machine to open a terminal on"), words, self.tr("Go to Machines"))

    def _on_tab_changed(self, key: str) -> None:
        tab = self._tabs.get(key)
        if tab is not None:
            self._panes.setCurrentWidget(tab)
            self._show_title(key)
            tab.pane.view.setFocus()

    def _step(self, step: int) -> None:
        count = self._strip.count()
        self._strip.setCurrentIndex((self._strip.currentIndex() + step) % count)

    def _on_renamed(self, key: str, title: str) -> None:
        tab = self._tabs.get(key)
        if tab is not None:
            tab.given = title
            self._show_title(key)
            tab.pane.view.setFocus()

    def _show_title(self, key: str) -> None:
        tab = self._tabs.get(key)
        if tab is not None:
            self._strip.rename(key, tab.title, tab.icon_name)
        self._tools.show_tab()

    def _mark(self, key: str) -> None:
        """The bell rang in a tab that is not in front."""
        if key != self._strip.current() or not self.isVisible():
            self._strip.rename(key, self._tabs[key].title, "bell")

    def _on_command_ended(self, key: str, seconds: float, exit_code: int | None) -> None:
        tab = self._tabs.get(key)
        if tab is None or tab.pane.isVisible():
            return
        name = tab.given or tab.pane.place.name
        words = self.tr("A command on {0} has ended after {1} s.")
        if exit_code:
            words = self.tr("A command on {0} has ended after {1} s, with status {2}.")
        self.window_door.notify(
            words.format(name, self.locale().toString(round(seconds)), exit_code),
            kind="warning" if exit_code else "success",
            action=self.tr("Show"),
            on_action=lambda: self._show_tab(key),
            about=key,
        )

    def _show_tab(self, key: str) -> None:
        self.window_door.open_app("terminal")
        self._strip.set_current(key)


APP = App(
    name="terminal",
    title="Terminal",
    icon="square-terminal",
    page=TerminalPage,
    searches=terminal_offers.searches,
    commands=terminal_offers.commands,
)
