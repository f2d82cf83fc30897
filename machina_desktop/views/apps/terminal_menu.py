"""The menus of tabs and of a whole window of terminals."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from PySide6.QtCore import QCoreApplication, QPoint

from machina_desktop.views.apps.terminal_commands import Windows, after, commands_of, others
from machina_desktop.views.apps.terminal_deck import TerminalDeck
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.commands import Command
from machina_desktop.views.terminal.environment_look import colour_titles
from machina_desktop.views.widgets.menus import Menu

_WINDOW = (
    ("split_right", "split_down", "split_other", "split_other_down"),
    ("zoom", "even", "break_out", "reconnect_lost"),
    ("duplicate", "detach", "attach", "reopen", "kept"),
    ("save_workspace", "open_workspace"),
)


def _tr(text: str) -> str:
    return QCoreApplication.translate("Terminal", text)


def open_menu(deck: TerminalDeck, windows: Windows, tab: TerminalTab | None, at: QPoint) -> Menu:
    """Open the menu of a tab there on the screen, or without one that of the window."""
    menu = Menu(_tr("Tab") if tab is not None else _tr("Terminals"), parent=deck)
    menu.setObjectName("terminal.menu")
    menu.aboutToHide.connect(menu.deleteLater)
    if tab is None:
        _fill(menu, commands_of(deck, windows))
    else:
        _fill_for_tab(menu, deck, windows, tab)
    menu.popup(at)
    return menu


def _fill(menu: Menu, commands: Iterable[Command]) -> None:
    known = {command.name.removeprefix("terminals."): command for command in commands}
    for index, group in enumerate(_WINDOW):
        if index:
            menu.addSeparator()
        for name in group:
            if (command := known.get(name)) is not None:
                menu.add_item(
                    command.title,
                    command.run,
                    icon_name=command.icon,
                    keys=command.keys,
                    is_enabled=command.is_available(),
                )


def _fill_for_tab(menu: Menu, deck: TerminalDeck, windows: Windows, tab: TerminalTab) -> None:
    menu.add_item(_tr("Rename…"), partial(deck.strip.begin_rename, tab.key), icon_name="pencil")
    menu.add_item(_tr("Duplicate"), partial(deck.duplicate, tab), icon_name="copy")
    _add_colours(menu.add_menu(_tr("Colour"), icon_name="droplet"), tab)
    menu.addSeparator()
    is_alone = deck.strip.count() < 2
    can_detach = deck.is_main or not is_alone
    menu.add_item(
        _tr("Move to a new window"),
        partial(windows.detach, tab),
        icon_name="external-link",
        keys="Ctrl+Shift+N" if tab is deck.current_tab() else "",
        is_enabled=can_detach,
    )
    for other in windows.decks():
        if other is not deck:
            title = _tr("Move to {0}").format(windows.title_of(other))
            menu.add_item(title, partial(windows.move_to, tab, other), icon_name="log-out")
    menu.addSeparator()
    lost = bool(tab.lost())
    menu.add_item(_tr("Reconnect all lost"), tab.reconnect_lost, icon_name="plug", is_enabled=lost)
    menu.add_item(
        _tr("Open the closed tab again"),
        deck.reopen,
        icon_name="undo-2",
        keys="Ctrl+Shift+Z",
        is_enabled=bool(deck.terminals.closed),
    )
    menu.addSeparator()
    menu.add_item(_tr("Close"), lambda: deck.ask_to_close((tab,)), icon_name="x")
    menu.add_item(_tr("Close the others"), lambda: deck.ask_to_close(others(deck, tab)), is_enabled=not is_alone)
    right = after(deck, tab)
    menu.add_item(_tr("Close those to the right"), lambda: deck.ask_to_close(right), is_enabled=bool(right))


def _add_colours(menu: Menu, tab: TerminalTab) -> None:
    def choose(colour: str) -> None:
        tab.colour = colour
        tab.changed.emit()

    for name, title in {"": _tr("As the environment"), **colour_titles()}.items():
        menu.add_item(title, partial(choose, name), is_checked=name == tab.colour)
