"""What can be done in a terminal beside typing: said once, for its keys, its menu and the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from machina_desktop.views.commands import Command
from machina_desktop.views.terminal.pane_deeds import PaneDeeds, Parts
from machina_desktop.views.widgets.menus import Menu

_Key = Qt.Key
_Mod = Qt.KeyboardModifier
_CTRL_SHIFT = _Mod.ControlModifier | _Mod.ShiftModifier


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


class PaneActions(PaneDeeds):
    """The actions of one pane: their names, their keys, their place in the menu."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
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
