"""What can be done in a terminal beside typing: said once, for its keys, its menu and the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, QUrl
from PySide6.QtGui import QAccessible, QAccessibleEvent, QClipboard, QDesktopServices, QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.core.terminal.marks import Place as Cell
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.commands import Command
from machina_desktop.views.terminal import links, pasting
from machina_desktop.views.terminal.paste_dialog import PasteDialog
from machina_desktop.views.terminal.search_bar import SearchBar
from machina_desktop.views.terminal.selection import Selection, Spot
from machina_desktop.views.terminal.view import TerminalView
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.reading_order import move_focus
from machina_desktop.views.widgets.text import copy_text

_Key = Qt.Key
_Mod = Qt.KeyboardModifier
_CTRL_SHIFT = _Mod.ControlModifier | _Mod.ShiftModifier
# Screen readers hear of the screen when it has come to rest, not of each line of a flood.
_REST_MS = 300


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a pane's shell runs.

    Attributes:
        machine_id: Of the machine.
        name: As people call it.
        is_production: Whether what is pasted is always shown first.
    """

    machine_id: str
    name: str
    is_production: bool = False


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The parts of a pane that actions act on; ``owner`` is the pane, over which dialogs open."""

    place: Place
    terminal: Terminal
    view: TerminalView
    search: SearchBar
    owner: QWidget


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do.

    Attributes:
        keys: The shortcut as portable text, which the terminal takes by itself.
        presses: Every key with its modifiers that does it.
        in_menu: The group of the menu it stands in; 0 for none.
    """

    name: str
    title: str
    icon: str
    run: Callable[[], object]
    keys: str = ""
    presses: tuple[tuple[Qt.Key, Qt.KeyboardModifier], ...] = ()
    in_menu: int = 0
    is_available: Callable[[], bool] = lambda: True


def act(actions: PaneActions, event: QKeyEvent) -> bool:
    """Do what a key stands for here; whether it stands for anything."""
    modifiers = event.modifiers() & ~_Mod.KeypadModifier
    pressed = (_Key(event.key()), modifiers)
    if pressed[0] in {_Key.Key_Tab, _Key.Key_Backtab} and modifiers & _Mod.ControlModifier:
        actions.leave(is_forwards=pressed[0] == _Key.Key_Tab and not modifiers & _Mod.ShiftModifier)
        return True
    for action in actions.every():
        if pressed in action.presses:
            if not action.is_available():
                return False
            action.run()
            return True
    return False


class PaneActions(QObject):
    """The actions of one pane."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.owner)
        self._pane = parts
        self._told = QTimer(self, interval=_REST_MS, singleShot=True)
        self._told.timeout.connect(self._tell_now)
        self._actions: tuple[Action, ...] = ()

    def every(self) -> tuple[Action, ...]:
        """All of them, also those that cannot be done now."""
        self._actions = self._actions or (*self._of_text(), *self._of_place(), *self._of_look())
        return self._actions

    def commands(self) -> Iterable[Command]:
        """They as commands of the window, which tells their keys but leaves them to the terminal."""
        for action in self.every():
            yield Command(
                name=f"terminal.{action.name}",
                title=action.title,
                group=self.tr("Terminal"),
                icon=action.icon,
                keys=action.keys,
                run=action.run,
                is_available=action.is_available,
                owns_keys=True,
            )

    def fill(self, menu: Menu) -> None:
        """Put what belongs to the screen into its menu."""
        group = 0
        for action in self.every():
            if not action.in_menu:
                continue
            if group and action.in_menu != group:
                menu.addSeparator()
            group = action.in_menu
            menu.add_item(
                action.title, action.run, icon_name=action.icon, keys=action.keys, is_enabled=action.is_available()
            )

    def _of_text(self) -> tuple[Action, ...]:
        control, shift = _Mod.ControlModifier, _Mod.ShiftModifier
        return (
            Action(
                name="copy",
                title=self.tr("Copy"),
                icon="copy",
                run=self.copy,
                keys="Ctrl+Shift+C",
                presses=((_Key.Key_C, _CTRL_SHIFT), (_Key.Key_Insert, control)),
                in_menu=1,
                is_available=self.has_selection,
            ),
            Action(
                name="paste",
                title=self.tr("Paste"),
                icon="file-text",
                run=self.paste,
                keys="Ctrl+Shift+V",
                presses=((_Key.Key_V, _CTRL_SHIFT), (_Key.Key_Insert, shift)),
                in_menu=1,
            ),
            Action(
                name="select_all",
                title=self.tr("Select everything"),
                icon="square",
                run=self.select_all,
                keys="Ctrl+Shift+A",
                presses=((_Key.Key_A, _CTRL_SHIFT),),
                in_menu=1,
            ),
            Action(
                name="find",
                title=self.tr("Find in the terminal"),
                icon="search",
                run=self.open_search,
                keys="Ctrl+Shift+F",
                presses=((_Key.Key_F, _CTRL_SHIFT),),
                in_menu=2,
            ),
            Action(
                name="select_output",
                title=self.tr("Select the command’s output"),
                icon="scroll-text",
                run=self.select_output,
                keys="Ctrl+Shift+O",
                presses=((_Key.Key_O, _CTRL_SHIFT),),
                in_menu=2,
                is_available=lambda: bool(self._pane.terminal.marks()),
            ),
        )

    def _of_place(self) -> tuple[Action, ...]:
        view, shift = self._pane.view, _Mod.ShiftModifier
        lines = self._pane.terminal

        def scroll(name: str, title: str, icon: str, key: Qt.Key, move: Callable[[], object]) -> Action:
            keys = f"Shift+{name}"
            return Action(name=f"scroll_{name}", title=title, icon=icon, run=move, keys=keys, presses=((key, shift),))

        return (
            scroll("PgUp", self.tr("Page up"), "arrow-up", _Key.Key_PageUp, lambda: view.scroll_by(lines.lines - 1)),
            scroll(
                "PgDown", self.tr("Page down"), "arrow-down", _Key.Key_PageDown, lambda: view.scroll_by(1 - lines.lines)
            ),
            scroll("Home", self.tr("To the top"), "arrow-up", _Key.Key_Home, lambda: view.scroll_to(lines.scrolled)),
            scroll("End", self.tr("To the end"), "arrow-down", _Key.Key_End, lambda: view.scroll_to(0)),
            Action(
                name="prompt_up",
                title=self.tr("To the prompt before"),
                icon="chevron-up",
                run=lambda: self.jump(-1),
                keys="Ctrl+Shift+Up",
                presses=((_Key.Key_Up, _CTRL_SHIFT),),
            ),
            Action(
                name="prompt_down",
                title=self.tr("To the prompt after"),
                icon="chevron-down",
                run=lambda: self.jump(1),
                keys="Ctrl+Shift+Down",
                presses=((_Key.Key_Down, _CTRL_SHIFT),),
            ),
        )

    def _of_look(self) -> tuple[Action, ...]:
        control, view = _Mod.ControlModifier, self._pane.view
        return (
            Action(
                name="larger",
                title=self.tr("Larger letters"),
                icon="plus",
                run=lambda: view.zoom(1),
                keys="Ctrl++",
                presses=(
                    (_Key.Key_Plus, control),
                    (_Key.Key_Equal, control),
                    (_Key.Key_Plus, _CTRL_SHIFT),
                    (_Key.Key_Equal, _CTRL_SHIFT),
                ),
            ),
            Action(
                name="smaller",
                title=self.tr("Smaller letters"),
                icon="minus",
                run=lambda: view.zoom(-1),
                keys="Ctrl+-",
                presses=((_Key.Key_Minus, control),),
            ),
            Action(
                name="plain",
                title=self.tr("Letters as they are set"),
                icon="rotate-cw",
                run=lambda: view.zoom(0),
                keys="Ctrl+0",
                presses=((_Key.Key_0, control),),
            ),
            Action(
                name="clear",
                title=self.tr("Forget what has scrolled away"),
                icon="trash-2",
                run=self.clear_scrollback,
                in_menu=3,
                is_available=lambda: self._pane.terminal.scrolled > 0,
            ),
            Action(name="reset", title=self.tr("Reset the screen"), icon="refresh-cw", run=self.reset, in_menu=3),
            Action(
                name="leave",
                title=self.tr("Leave the terminal by keyboard"),
                icon="log-out",
                run=lambda: self.leave(is_forwards=True),
                keys="Ctrl+Tab",
            ),
        )

    # Text

    def has_selection(self) -> bool:
        """Whether anything is selected."""
        selection = self._pane.view.pointer.selection
        return selection is not None and not selection.is_empty

    def selected_text(self) -> str:
        """What is selected, with wrapped lines joined."""
        selection = self._pane.view.pointer.selection
        if selection is None or selection.is_empty:
            return ""
        first, last = _cells(selection, self._pane.terminal.columns)
        return self._pane.terminal.text(first, last, is_block=selection.is_block)

    def copy(self) -> None:
        """Put what is selected on the clipboard."""
        if text := self.selected_text():
            copy_text(text)

    def offer_selected(self) -> None:
        """Let the middle button of other programs find what is selected, where the system knows such a thing."""
        clipboard = QGuiApplication.clipboard()
        if clipboard.supportsSelection() and self.has_selection():
            clipboard.setText(self.selected_text(), QClipboard.Mode.Selection)

    def paste(self) -> None:
        """Paste from the clipboard."""
        self.paste_text(QGuiApplication.clipboard().text())

    def paste_selected(self) -> None:
        """Paste what was selected last, in whatever program; nothing where the system knows no such thing."""
        clipboard = QGuiApplication.clipboard()
        if clipboard.supportsSelection():
            self.paste_text(clipboard.text(QClipboard.Mode.Selection))

    def paste_text(self, text: str) -> None:
        """Paste a text, after it was shown where that matters."""
        text = pasting.cleaned(text)
        if not text:
            return
        place = self._pane.place
        if not pasting.is_shown_first(text, is_production=place.is_production):
            self._send(text)
            return
        dialog = PasteDialog(text, machine=place.name, is_production=place.is_production, parent=self._pane.owner)
        dialog.agreed.connect(self._send)
        dialog.finished.connect(lambda _result: self._pane.view.setFocus())
        dialog.open()

    def _send(self, text: str) -> None:
        self._pane.view.type(pasting.encoded(text, is_bracketed=self._pane.terminal.modes.is_bracketed_paste))

    def select_all(self) -> None:
        """Select the screen and everything that has scrolled away."""
        sight = self._pane.view.sight
        first, last = sight.base - sight.terminal.scrolled, sight.base + sight.terminal.lines - 1
        self._select(Spot(first, 0), Spot(last, sight.terminal.columns))

    def select_output(self) -> None:
        """Select what the command put out that is in sight, else the last one."""
        sight = self._pane.view.sight
        last = sight.top + sight.terminal.lines
        commands = [each for each in sight.terminal.marks() if each.output is not None and each.output.row < last]
        if not commands:
            return
        found = commands[-1]
        if found.output is not None:
            end = found.end or sight.terminal.marks()[-1].prompt
            until = Spot(end.row, end.x) if end is not None and end > found.output else Spot(last, 0)
            self._select(Spot(found.output.row, found.output.x), until)
            self._pane.view.reveal(found.output.row)

    def _select(self, first: Spot, last: Spot) -> None:
        self._pane.view.pointer.select(Selection(anchor=(first, first), head=(last, last)))
        self.offer_selected()

    # Places

    def jump(self, direction: int) -> None:
        """Bring the prompt before (-1) or after (1) the uppermost row to the top."""
        view, sight = self._pane.view, self._pane.view.sight
        rows = [each.prompt.row for each in sight.terminal.marks() if each.prompt is not None]
        ahead = [row for row in rows if row > sight.top] if direction > 0 else [row for row in rows if row < sight.top]
        if ahead:
            view.scroll_to(sight.base - (min(ahead) if direction > 0 else max(ahead)))
        elif direction > 0:
            view.scroll_to(0)

    def open_search(self) -> None:
        """Look for something; what is selected in one line is suggested."""
        text = self.selected_text()
        self._pane.search.open("" if "\n" in text else text)

    def close_search(self) -> None:
        """Look for nothing, and go back to typing."""
        self._pane.search.hide()
        self._pane.search.stop()
        self._pane.view.setFocus()

    def leave(self, *, is_forwards: bool) -> None:
        """Give the keyboard to the control after the terminal, or before it."""
        move_focus(self._pane.owner.window(), forwards=is_forwards)

    def clear_scrollback(self) -> None:
        """Forget what has scrolled away."""
        self._pane.terminal.clear_scrollback()
        self._pane.view.pointer.clear()
        self._pane.view.scroll_to(0)
        self._pane.view.refresh()
        self._pane.view.viewport().update()

    def reset(self) -> None:
        """Begin with a clean screen and modes as at the start, such as after binary output."""
        self._pane.terminal.reset()
        self._pane.view.refresh()
        self._pane.view.viewport().update()

    # Links

    def open_link(self, address: str) -> None:
        """Open a web page; ask before anything else."""
        if links.is_usual(address):
            QDesktopServices.openUrl(QUrl(address))
            return
        dialog = ConfirmDialog(
            self.tr("Open this link?"),
            text=self.tr("It is no web page. Another program of this computer will open it:"),
            losses=(links.shown(address),),
            confirm=self.tr("Open"),
            is_danger=False,
            parent=self._pane.owner,
        )
        dialog.setObjectName("terminal.link")
        dialog.accepted.connect(partial(QDesktopServices.openUrl, QUrl(address)))
        dialog.open()

    # Screen readers

    def tell_screen_readers(self) -> None:
        """Something on the screen is another; told once it has come to rest."""
        if QAccessible.isActive() and not self._told.isActive():
            self._told.start()

    def _tell_now(self) -> None:
        QAccessible.updateAccessibility(QAccessibleEvent(self._pane.view, QAccessible.Event.TextUpdated))


def _cells(selection: Selection, columns: int) -> tuple[Cell, Cell]:
    """The first and the last cell of a selection."""
    start, end = selection.start, selection.end
    last = Cell(end.row, end.column - 1) if end.column or selection.is_block else Cell(end.row - 1, columns - 1)
    return Cell(start.row, start.column), last
