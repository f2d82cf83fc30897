"""A strip of tabs with the terminals below it: the same in the main window and in windows of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.machine import Machine
from machina_desktop.views import theme
from machina_desktop.views.apps.terminal_broadcast import DeckBroadcast
from machina_desktop.views.apps.terminal_frame import PaneFrame
from machina_desktop.views.apps.terminal_machines import machine_menu
from machina_desktop.views.apps.terminal_part import TabPart
from machina_desktop.views.apps.terminal_set import Terminals
from machina_desktop.views.apps.terminal_snippets import Reachable, TerminalSnippets
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.apps.terminal_tools import TerminalTools
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.split_layout import Side
from machina_desktop.views.terminal.tab_strip import TabStrip
from machina_desktop.views.terminal.workspace import TabPlan, WindowPlan
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import IconButton
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.tabs import TAB_HEIGHT, Tab


class _TopLine(QWidget):
    """The row of tabs and what stands beside them, on one hairline."""

    def paintEvent(self, _event: QPaintEvent) -> None:
        QPainter(self).fillRect(0, self.height() - 1, self.width(), 1, theme.color("border"))


class TerminalDeck(QWidget):
    """Tabs of terminals in one window.

    Attributes:
        terminals: What it shares with the decks of other windows.
        is_main: Whether it is the page's in the main window.
        strip: The tabs' titles.
        tools: What is at hand beside them.
        broadcast: Where else goes what is typed.
        snippets: What is done with snippets.

    Signals:
        changed(): Tabs have come, gone or moved, or another is in front.
        emptied(): The last tab was closed.
        face_changed(): A tab is called or looks otherwise.
        menu_wanted(object, QPoint): A tab, and where its menu shall open; ``None`` for that of the whole window.
        dragged_out(object, QPoint): A tab that was let go of outside of the strip, there on the screen.
        front_wanted(): Its window shall come to the front.
    """

    changed = Signal()
    emptied = Signal()
    face_changed = Signal()
    front_wanted = Signal()
    menu_wanted = Signal(object, QPoint)
    dragged_out = Signal(object, QPoint)

    def __init__(self, terminals: Terminals, *, is_main: bool, parent: QWidget) -> None:
        super().__init__(parent)
        self.terminals, self.is_main = terminals, is_main
        self.geometry_text: Callable[[], str] = lambda: ""
        self._tabs: dict[str, TerminalTab] = {}
        self._question: ConfirmDialog | None = None
        self._build()
        terminals.decks.append(self)
        self.changed.connect(terminals.touch)

    # What there is

    def tabs(self) -> tuple[TerminalTab, ...]:
        """Its tabs, in the order they stand in."""
        return tuple(self._tabs[key] for key in self.strip.order() if key in self._tabs)

    def current_tab(self) -> TerminalTab | None:
        """The tab in front; ``None`` without any."""
        return self._tabs.get(self.strip.current())

    def current_frame(self) -> PaneFrame | None:
        """The terminal that is typed into, with what surrounds it."""
        tab = self.current_tab()
        return tab.current_frame if tab is not None else None

    def current_pane(self) -> TerminalPane | None:
        """The terminal that is typed into."""
        frame = self.current_frame()
        return frame.pane if frame is not None else None

    @property
    def question(self) -> ConfirmDialog | None:
        """The question whether to close, while it is asked."""
        return self._question

    def plan(self) -> WindowPlan:
        """What to remember of it."""
        tabs = self.tabs()
        current = next((index for index, tab in enumerate(tabs) if tab is self.current_tab()), 0)
        return WindowPlan(tabs=tuple(tab.plan() for tab in tabs), current=current, geometry=self.geometry_text())

    # Tabs

    def open_on(self, machine: Machine, kept: KeptShell | None = None) -> TerminalPane:
        """Open a terminal on a machine in a new tab, or come back in it to a shell that the machine keeps."""
        frame = self.terminals.frame_on(machine, kept)
        self.add(TerminalTab(frame))
        return frame.pane

    def open_behind(self, machine: Machine) -> TerminalPane:
        """Open a terminal on a machine in a new tab, and leave in front what is there."""
        frame = self.terminals.frame_on(machine)
        self.add(TerminalTab(frame), is_chosen=False)
        frame.pane.start()
        return frame.pane

    def add(self, tab: TerminalTab, at: int = -1, *, is_chosen: bool = True) -> None:
        """Put a tab among those of this window, at the end or before the one at ``at``."""
        self._tabs[tab.key] = tab
        self._stack.addWidget(tab)
        self._follow(tab)
        self.strip.add(self._face(tab), at)
        if is_chosen:
            self.strip.set_current(tab.key)
            tab.take_focus()
        self.changed.emit()
        self.terminals.panes_changed.emit()

    def take(self, tab: TerminalTab) -> TerminalTab:
        """Take a tab out, with everything that runs in it, for another window."""
        self._let_go(tab)
        tab.setParent(None)
        return tab

    def close_tab(self, key: str) -> None:
        """Hang up and take the tab away, without asking; it can be opened again."""
        tab = self._tabs.get(key)
        if tab is None:
            return
        tab.close_sessions()
        self._let_go(tab)
        self.terminals.closed.keep(tab)
        self.terminals.panes_changed.emit()
        if (left := self.current_tab()) is not None:
            left.take_focus()
        else:
            self.emptied.emit()

    def ask_to_close(self, tabs: Iterable[TerminalTab]) -> None:
        """Close tabs; asks first where a program runs in one."""
        going = tuple(tabs)

        def close() -> None:
            for tab in going:
                self.close_tab(tab.key)

        self._ask([frame for tab in going for frame in tab.frames() if frame.is_busy], close)

    def ask_to_close_part(self, tab: TerminalTab, part: TabPart) -> None:
        """Close one pane, and with the last one its tab; asks first where a program runs in it."""

        def close() -> None:
            if tab.is_shared:
                tab.remove(part)
            else:
                self.close_tab(tab.key)

        self._ask([part] if isinstance(part, PaneFrame) and part.is_busy else [], close)

    def break_out(self, tab: TerminalTab) -> None:
        """Put the part that is typed into into a tab of its own, behind its former one; its shell goes on."""
        if tab.is_shared:
            self.add(TerminalTab(tab.release(tab.current)), self.strip.order().index(tab.key) + 1)

    def duplicate(self, tab: TerminalTab) -> None:
        """Open a tab with the same layout on the same machines, behind it."""
        self.add(self.terminals.tab_of(tab.plan()), self.strip.order().index(tab.key) + 1)

    def reopen(self) -> None:
        """Open the tab that was closed last, with new sessions below what its terminals showed."""
        if (former := self.terminals.closed.take()) is None:
            return
        if isinstance(former, TabPlan):
            self.add(self.terminals.tab_of(former))
            return
        self.terminals.heed(former)
        self.add(former)
        former.reopen_sessions()

    def step(self, by: int) -> None:
        """Go to the tab after or before, and beyond the end to the other end."""
        if count := self.strip.count():
            self.strip.setCurrentIndex((self.strip.currentIndex() + by) % count)

    def move_tab(self, by: int) -> None:
        """Move the tab in front by one."""
        at = self.strip.currentIndex()
        if 0 <= at + by < self.strip.count():
            self.strip.moveTab(at, at + by)

    def split(self, side: Side, machine: Machine | None = None) -> None:
        """Put a terminal beside the one that is typed into, on the same machine or another one."""
        tab = self.current_tab()
        if tab is None:
            return
        machine = machine or self.terminals.machines.get(tab.current.machine_id)
        if machine is None or not tab.can_split(side):
            words = self.tr("There is no room for another pane here.")
            gone = self.tr("{0} cannot be opened now.").format(tab.current.name)
            self.terminals.door.notify(gone if machine is None else words, kind="warning", about="terminal.split")
            return
        tab.split(self.terminals.frame_on(machine), side)

    def choose(self) -> None:
        """Let the person choose a machine for a new tab."""
        self.choose_machine(self.open_on, self.new)

    def choose_machine(self, chosen: Callable[[Machine], object], anchor: QWidget) -> None:
        """Let the person choose a machine for what ``chosen`` does."""
        machine_menu(self.terminals.machines.values(), chosen, parent=self).popup_under(anchor)

    def show_tab(self, tab: TerminalTab) -> None:
        """Bring its window and one of its tabs to the front."""
        self.front_wanted.emit()
        self.strip.set_current(tab.key)
        tab.take_focus()

    # How it is made

    def _build(self) -> None:
        self.strip = TabStrip(name=self.tr("Terminals"))
        self.strip.setObjectName("terminal.tabs")
        self.strip.changed.connect(self._on_tab_changed)
        self.strip.close_wanted.connect(lambda key: self.ask_to_close((self._tabs[key],)))
        self.strip.renamed.connect(self._on_renamed)
        self.strip.tabMoved.connect(lambda _from, _to: self.changed.emit())
        self.strip.menu_wanted.connect(lambda key, at: self.menu_wanted.emit(self._tabs[key], at))
        self.strip.dragged_out.connect(lambda key, at: self.dragged_out.emit(self._tabs[key], at))
        self.new = IconButton("plus", self.tr("New terminal"), shortcut="Ctrl+Shift+T")
        self.new.setObjectName("terminal.new")
        self.new.clicked.connect(self.choose)
        self.more = IconButton("ellipsis", self.tr("Panes, windows and workspaces"))
        self.more.setObjectName("terminal.more")
        self.more.clicked.connect(self._on_more)
        self.broadcast = DeckBroadcast(self.terminals.broadcast, self.current_pane, self)
        self.broadcast.broadcast.changed.connect(self._show_faces)
        self.snippets = TerminalSnippets(self.terminals.bridge, self.terminals.door, self._reachable(), self)
        self.tools = TerminalTools(
            self.terminals.bridge,
            self.current_frame,
            broadcast=self.broadcast,
            snippets=self.snippets,
            attach=self.open_on,
            parent=self,
        )
        self.top = _TopLine()
        row = QHBoxLayout(self.top)
        row.setContentsMargins(0, 0, Space.S, 0)
        row.setSpacing(Space.XS)
        row.addWidget(self.strip, 1)
        for widget in (self.tools, self.new, self.more):
            row.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)
        self.top.setFixedHeight(TAB_HEIGHT)
        self._stack = QStackedWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addWidget(self.broadcast.bar)
        column.addWidget(self._stack, 1)

    def _reachable(self) -> Reachable:
        return Reachable(
            current=self.current_pane,
            panes=self.terminals.panes,
            included=lambda pane: (pane, *self.terminals.broadcast.broadcast.audience(pane)),
            machines=lambda: self.terminals.machines,
            open=self.open_behind,
        )

    def _show_faces(self) -> None:
        for tab in self.tabs():
            self.strip.show_tab(self._face(tab))

    def _on_more(self) -> None:
        at = self.more.mapToGlobal(QPoint(0, self.more.height() + Space.XS))
        self.menu_wanted.emit(None, at)

    def _follow(self, tab: TerminalTab) -> None:
        tab.changed.connect(self._on_tab_told)
        tab.changed.connect(self.terminals.touch)
        tab.panes_changed.connect(self.terminals.panes_changed)
        tab.part_close_wanted.connect(self._on_part_close_wanted)
        tab.rang.connect(self._on_rang)
        tab.command_ended.connect(self._on_command_ended)

    def _let_go(self, tab: TerminalTab) -> None:
        tab.changed.disconnect(self._on_tab_told)
        tab.changed.disconnect(self.terminals.touch)
        tab.panes_changed.disconnect(self.terminals.panes_changed)
        tab.part_close_wanted.disconnect(self._on_part_close_wanted)
        tab.rang.disconnect(self._on_rang)
        tab.command_ended.disconnect(self._on_command_ended)
        self._tabs.pop(tab.key, None)
        self.strip.remove(tab.key)
        self._stack.removeWidget(tab)
        self.tools.show_tab()
        self.changed.emit()

    def _ask(self, busy: list[PaneFrame], close: Callable[[], None]) -> None:
        if not busy:
            close()
            return
        self._question = ConfirmDialog(
            self.tr("Close while a program runs?") if len(busy) == 1 else self.tr("Close while programs run?"),
            text=self.tr("Closing hangs up, and most programs end then:"),
            losses=tuple(
                frame.title if frame.title == frame.name else f"{frame.name}: {frame.title}" for frame in busy
            ),
            confirm=self.tr("Close"),
            parent=self.window(),
        )
        self._question.setObjectName("terminal.close")
        self._question.accepted.connect(close)
        self._question.finished.connect(self._on_asked)
        self._question.open()

    def _on_asked(self) -> None:
        self._question = None

    def _face(self, tab: TerminalTab, icon_name: str = "") -> Tab:
        count = len(tab.parts())
        return Tab(
            key=tab.key,
            title=tab.title,
            icon_name=icon_name or tab.icon_name,
            count=count if count > 1 else None,
            tip=f"{tab.title}\n{tab.tip}" if tab.title != tab.tip else "",
            token=tab.token,
        )

    def _on_tab_told(self) -> None:
        tab = self.sender()
        if isinstance(tab, TerminalTab):
            self.strip.show_tab(self._face(tab))
            self.tools.show_tab()
            self.face_changed.emit()

    def _on_tab_changed(self, key: str) -> None:
        tab = self._tabs.get(key)
        if tab is not None:
            self._stack.setCurrentWidget(tab)
            self.strip.show_tab(self._face(tab))
            self.tools.show_tab()
            tab.take_focus()
            self.changed.emit()

    def _on_renamed(self, key: str, title: str) -> None:
        tab = self._tabs.get(key)
        if tab is not None:
            tab.given = title
            tab.changed.emit()
            tab.take_focus()

    def _on_part_close_wanted(self, part: TabPart) -> None:
        tab = self.sender()
        if isinstance(tab, TerminalTab):
            self.ask_to_close_part(tab, part)

    def _on_rang(self, _pane: TerminalPane) -> None:
        """The bell rang in a tab that is not in front."""
        tab = self.sender()
        if isinstance(tab, TerminalTab) and (tab is not self.current_tab() or not self.isVisible()):
            self.strip.show_tab(self._face(tab, "bell"))

    def _on_command_ended(self, pane: TerminalPane, seconds: float, exit_code: int | None) -> None:
        tab = self.sender()
        if not isinstance(tab, TerminalTab) or pane.isVisible():
            return
        words = self.tr("A command on {0} has ended after {1} s.")
        if exit_code:
            words = self.tr("A command on {0} has ended after {1} s, with status {2}.")
        self.terminals.door.notify(
            words.format(tab.given or pane.place.name, self.locale().toString(round(seconds)), exit_code),
            kind="warning" if exit_code else "success",
            action=self.tr("Show"),
            on_action=lambda: self.terminals.show_pane(pane),
            about=tab.key,
        )
