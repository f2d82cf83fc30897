"""The windows of terminals beside the main one, and workspaces: which tab is where, what comes back at the start."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from machina_desktop.views.apps.terminal_commands import Windows
from machina_desktop.views.apps.terminal_deck import TerminalDeck
from machina_desktop.views.apps.terminal_menu import open_menu
from machina_desktop.views.apps.terminal_set import Terminals
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.apps.terminal_window import TerminalWindow
from machina_desktop.views.apps.terminal_workspaces import SaveWorkspaceDialog, WorkspacesDialog
from machina_desktop.views.terminal.workspace import WindowPlan, Workspace
from machina_desktop.views.widgets.dialogs import ConfirmDialog

# A window made by dragging a tab out appears with its strip under the mouse.
_HELD_AT = QPoint(80, 20)


class TerminalWindows(QObject):
    """Moves tabs between the deck of the page and windows of their own.

    Attributes:
        windows: Those that are open.
        deeds: What commands and menus do with them.
    """

    def __init__(self, terminals: Terminals, main: TerminalDeck, parent: QWidget) -> None:
        super().__init__(parent)
        self._terminals, self._main, self._page = terminals, main, parent
        self.windows: list[TerminalWindow] = []
        self.deeds = Windows(
            detach=self.detach,
            attach=lambda tab: self.move_to(tab, main),
            move_to=self.move_to,
            save_workspace=self.save_workspace,
            open_workspace=self.choose_workspace,
            open_named=self.open_named,
            title_of=self.title_of,
            decks=self.decks,
        )
        self._follow(main)

    def decks(self) -> tuple[TerminalDeck, ...]:
        """The decks of all windows, the page's first."""
        return (self._main, *(window.deck for window in self.windows))

    def title_of(self, deck: TerminalDeck) -> str:
        """What people may know a window by."""
        if deck.is_main:
            return QCoreApplication.translate("Terminal", "the main window")
        tab = deck.current_tab()
        return QCoreApplication.translate("Terminal", "the window of {0}").format(tab.title if tab is not None else "")

    def detach(self, tab: TerminalTab, at: QPoint | None = None) -> TerminalWindow:
        """Put a tab into a window of its own, there on the screen; its shells go on."""
        window = self._open()
        if at is not None:
            _put_at(window, at)
        self.move_to(tab, window.deck)
        window.show()
        window.activateWindow()
        tab.take_focus()
        return window

    def move_to(self, tab: TerminalTab, deck: TerminalDeck, at: int = -1) -> None:
        """Put a tab into another window; its shells go on."""
        former = next((each for each in self.decks() if tab in each.tabs()), None)
        if former is None or former is deck:
            return
        former.take(tab)
        deck.add(tab, at)
        deck.front_wanted.emit()

    def close_all(self) -> None:
        """Close every window with what runs in it, and the tabs of the page."""
        for window in tuple(self.windows):
            for tab in window.deck.tabs():
                window.deck.close_tab(tab.key)
            if window in self.windows:
                window.close_for_good()
        for tab in self._main.tabs():
            self._main.close_tab(tab.key)

    def restore(self, workspace: Workspace) -> None:
        """Open what a workspace has, beside what there is; the shell of a tab is opened when it is first shown."""
        for index, plan in enumerate(workspace.windows):
            is_main = index == 0 and not plan.geometry
            self._fill(self._main if is_main else self._open(plan.geometry).deck, plan)
        for window in self.windows:
            if not window.isVisible() and window.deck.tabs():
                # The person is in the main window and has asked for that one only.
                window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
                window.show()
                window.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, on=False)

    def _fill(self, deck: TerminalDeck, plan: WindowPlan) -> None:
        before = len(deck.tabs())
        tabs = tuple(self._terminals.tab_of(tab) for tab in plan.tabs)
        if not tabs:
            return
        # The one in front comes first, for what is in front is shown, and what is shown opens its shells.
        front = tabs[plan.current] if 0 <= plan.current < len(tabs) else tabs[0]
        deck.add(front)
        for number, tab in enumerate(tabs):
            if tab is not front:
                deck.add(tab, before + number, is_chosen=False)

    # Workspaces

    def save_workspace(self) -> None:
        """Ask for a name and keep under it how the terminals stand."""
        SaveWorkspaceDialog(self._terminals.store, self._terminals.workspace(), self._front()).open()

    def choose_workspace(self) -> None:
        """Let the person open or delete a workspace."""
        dialog = WorkspacesDialog(self._terminals.store, self._front())
        dialog.chosen.connect(self.open_named)
        dialog.save_wanted.connect(self.save_workspace)
        dialog.open()

    def open_workspace(self, workspace: Workspace) -> None:
        """Have a workspace instead of what there is; asks first where shells would be hung up."""

        def change() -> None:
            self.close_all()
            self.restore(workspace)

        count = self._terminals.live_count()
        if not count:
            change()
            return
        text = QCoreApplication.translate("Terminal", "{0} open terminals are hung up, and programs in them end.")
        one = QCoreApplication.translate("Terminal", "The open terminal is hung up, and a program in it ends.")
        dialog = ConfirmDialog(
            QCoreApplication.translate("Terminal", "Open the workspace instead of what is open?"),
            text=text.format(count) if count > 1 else one,
            confirm=QCoreApplication.translate("Terminal", "Open it"),
            is_danger=False,
            parent=self._front(),
        )
        dialog.setObjectName("terminal.workspace_change")
        dialog.accepted.connect(change)
        dialog.open()

    def open_named(self, name: str) -> None:
        """Have the workspace of that name, as `open_workspace` does."""
        workspace = self._terminals.store.named(name)
        if workspace is not None:
            self.open_workspace(workspace)

    def _front(self) -> QWidget:
        """The window in which the person is."""
        return next((window for window in self.windows if window.isActiveWindow()), self._page.window())

    # Windows

    def _open(self, geometry: str = "") -> TerminalWindow:
        window = TerminalWindow(self._terminals, self.deeds, geometry)
        self.windows.append(window)
        self._follow(window.deck)
        window.gone.connect(lambda: self._on_gone(window))
        window.attach_wanted.connect(lambda: self._attach_all(window))
        window.deck.changed.connect(lambda: self._on_deck_changed(window))
        return window

    def _follow(self, deck: TerminalDeck) -> None:
        deck.menu_wanted.connect(lambda tab, at: open_menu(deck, self.deeds, tab, at))
        deck.dragged_out.connect(lambda tab, at: self._on_dragged_out(deck, tab, at))

    def _window_of(self, deck: TerminalDeck) -> TerminalWindow:
        return next(window for window in self.windows if window.deck is deck)

    def _attach_all(self, window: TerminalWindow) -> None:
        for tab in window.deck.tabs():
            self.move_to(tab, self._main)

    def _on_deck_changed(self, window: TerminalWindow) -> None:
        if window.isVisible() and not window.deck.tabs():
            window.close_for_good()

    def _on_gone(self, window: TerminalWindow) -> None:
        if window not in self.windows:
            return
        self.windows.remove(window)
        for tab in window.deck.tabs():
            window.deck.close_tab(tab.key)
        self._terminals.decks.remove(window.deck)
        self._terminals.touch()
        self._terminals.panes_changed.emit()
        window.deleteLater()

    def _on_dragged_out(self, deck: TerminalDeck, tab: TerminalTab, at: QPoint) -> None:
        for other in self.decks():
            strip = other.top
            if other is not deck and strip.isVisible() and strip.rect().contains(strip.mapFromGlobal(at)):
                index = other.strip.tabAt(other.strip.mapFromGlobal(at))
                self.move_to(tab, other, index)
                return
        if deck.is_main or deck.strip.count() > 1:
            self.detach(tab, at)
        else:
            # It is alone in its window already: the window goes along.
            _put_at(self._window_of(deck), at)


def _put_at(window: TerminalWindow, at: QPoint) -> None:
    """Put a window's strip under the mouse, as far as the screen has room for all of it."""
    screen = QGuiApplication.screenAt(at) or window.screen()
    room, size = screen.availableGeometry(), window.size()
    wanted = at - _HELD_AT
    left = max(room.left(), min(wanted.x(), room.right() - size.width()))
    window.move(left, max(room.top(), min(wanted.y(), room.bottom() - size.height())))
