"""What can be done with tabs, panes and windows of terminals: said once for keys, menus and the palette."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice

from PySide6.QtCore import QCoreApplication

from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.views.apps.terminal_deck import TerminalDeck
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.commands import Command
from machina_desktop.views.terminal.split_layout import Side

_ARROWS = {Side.LEFT: "Left", Side.RIGHT: "Right", Side.UP: "Up", Side.DOWN: "Down"}
_JUMPS = 9
# Of more, one is chosen in the menu.
_MOST_MACHINES = 200
_ASKED_FIRST = "Alt+Shift+"


def _tr(text: str) -> str:
    return QCoreApplication.translate("Terminal", text)


@dataclass(frozen=True, kw_only=True)
class Windows:
    """What is done with windows and workspaces, by whoever holds them all."""

    detach: Callable[[TerminalTab], object]
    attach: Callable[[TerminalTab], object]
    move_to: Callable[[TerminalTab, TerminalDeck], object]
    save_workspace: Callable[[], object]
    open_workspace: Callable[[], object]
    open_named: Callable[[str], object]
    title_of: Callable[[TerminalDeck], str]
    decks: Callable[[], tuple[TerminalDeck, ...]]


def commands_of(deck: TerminalDeck, windows: Windows) -> Iterable[Command]:
    """Everything that can be done in one window now."""
    for name, title, icon, keys, run, is_available in (
        *_of_tabs(deck),
        *_of_other_tabs(deck),
        *_of_splits(deck),
        *_of_sides(deck),
        *_of_windows(deck, windows),
        *_of_machines(deck),
    ):
        yield Command(
            name=f"terminals.{name}",
            title=title,
            group=_tr("Terminal"),
            icon=icon,
            keys=keys,
            words=_tr("tab pane split window layout workspace session"),
            run=run,
            is_available=is_available,
            # A terminal that is alone in its tab leaves them to the shell, so it is asked first.
            owns_keys=keys.startswith(_ASKED_FIRST),
        )
    yield from deck.tools.commands()
    if (pane := deck.current_pane()) is not None:
        yield from pane.commands()


_Row = tuple[str, str, str, str, Callable[[], object], Callable[[], bool]]


def _of_tabs(deck: TerminalDeck) -> Iterator[_Row]:
    has_tab, has_several = partial(_has_tab, deck), partial(_has_several, deck)
    known = deck.terminals.machines
    yield "new", _tr("New terminal"), "plus", "Ctrl+Shift+T", partial(open_another, deck), lambda: bool(known)
    yield (
        "choose",
        _tr("Open a terminal on…"),
        "square-terminal",
        "",
        deck.choose,
        lambda: bool(known),
    )
    yield "close", _tr("Close the pane"), "x", "Ctrl+Shift+W", partial(_close_current, deck), has_tab
    yield "rename", _tr("Rename the tab"), "pencil", "", lambda: deck.strip.begin_rename(deck.strip.current()), has_tab
    yield "next", _tr("Next tab"), "arrow-right", "Ctrl+PgDown", partial(deck.step, 1), has_several
    yield "previous", _tr("Previous tab"), "arrow-left", "Ctrl+PgUp", partial(deck.step, -1), has_several
    yield (
        "move_right",
        _tr("Move the tab to the right"),
        "arrow-right",
        "Ctrl+Shift+PgDown",
        partial(deck.move_tab, 1),
        has_several,
    )
    yield (
        "move_left",
        _tr("Move the tab to the left"),
        "arrow-left",
        "Ctrl+Shift+PgUp",
        partial(deck.move_tab, -1),
        has_several,
    )
    for number in range(1, _JUMPS + 1):
        yield (
            f"go_{number}",
            _tr("Go to tab {0}").format(number),
            "hash",
            f"Ctrl+Shift+{number}",
            partial(deck.strip.setCurrentIndex, number - 1),
            partial(_has_as_many, deck, number),
        )


def _of_other_tabs(deck: TerminalDeck) -> Iterator[_Row]:
    has_tab, has_several = partial(_has_tab, deck), partial(_has_several, deck)

    def with_tab(act: Callable[[TerminalTab], object]) -> None:
        if (tab := deck.current_tab()) is not None:
            act(tab)

    yield "duplicate", _tr("Duplicate the tab"), "copy", "", lambda: with_tab(deck.duplicate), has_tab
    yield (
        "reopen",
        _tr("Open the closed tab again"),
        "undo-2",
        "Ctrl+Shift+Z",
        deck.reopen,
        lambda: bool(deck.terminals.closed),
    )
    yield (
        "close_tab",
        _tr("Close the tab"),
        "x",
        "",
        lambda: with_tab(lambda tab: deck.ask_to_close((tab,))),
        has_tab,
    )
    yield (
        "close_others",
        _tr("Close the other tabs"),
        "x",
        "",
        lambda: with_tab(lambda tab: deck.ask_to_close(others(deck, tab))),
        has_several,
    )
    yield (
        "close_right",
        _tr("Close the tabs to the right"),
        "x",
        "",
        lambda: with_tab(lambda tab: deck.ask_to_close(after(deck, tab))),
        lambda: 0 <= deck.strip.currentIndex() < deck.strip.count() - 1,
    )


def _of_splits(deck: TerminalDeck) -> Iterator[_Row]:
    has_tab, is_shared = partial(_has_tab, deck), partial(_is_shared, deck)

    def on(act: Callable[[TerminalTab], object]) -> Callable[[], object]:
        def run() -> None:
            if (tab := deck.current_tab()) is not None:
                act(tab)

        return run

    def other(side: Side) -> None:
        deck.choose_machine(lambda machine: deck.split(side, machine), deck.more)

    def has_lost() -> bool:
        tab = deck.current_tab()
        return tab is not None and bool(tab.lost())

    yield (
        "split_right",
        _tr("Split to the right"),
        "columns-2",
        "Ctrl+Shift+D",
        partial(deck.split, Side.RIGHT),
        has_tab,
    )
    yield "split_down", _tr("Split downwards"), "rows-2", "Ctrl+Shift+H", partial(deck.split, Side.DOWN), has_tab
    yield (
        "split_other",
        _tr("Split with another machine…"),
        "columns-2",
        "",
        partial(other, Side.RIGHT),
        has_tab,
    )
    yield (
        "split_other_down",
        _tr("Split downwards with another machine…"),
        "rows-2",
        "",
        partial(other, Side.DOWN),
        has_tab,
    )
    zoom = on(lambda tab: tab.set_zoomed(not tab.is_zoomed))
    tab = deck.current_tab()
    title = _tr("Show all panes again") if tab is not None and tab.is_zoomed else _tr("Zoom the pane to the whole tab")
    yield "zoom", title, "maximize-2", "Ctrl+Shift+Return", zoom, is_shared
    yield "break_out", _tr("Move the pane to a tab of its own"), "arrow-up-right", "", on(deck.break_out), is_shared
    yield "even", _tr("Make the panes equal"), "layout-grid", "", on(lambda tab: tab.even_out()), is_shared
    yield "reconnect_lost", _tr("Reconnect all lost"), "plug", "", on(lambda tab: tab.reconnect_lost()), has_lost


def _of_sides(deck: TerminalDeck) -> Iterator[_Row]:
    is_shared = partial(_is_shared, deck)
    names = {
        Side.LEFT: (_tr("Go to the pane at the left"), _tr("Move the divider left"), _tr("Swap with the pane left")),
        Side.RIGHT: (
            _tr("Go to the pane at the right"),
            _tr("Move the divider right"),
            _tr("Swap with the pane right"),
        ),
        Side.UP: (_tr("Go to the pane above"), _tr("Move the divider up"), _tr("Swap with the pane above")),
        Side.DOWN: (_tr("Go to the pane below"), _tr("Move the divider down"), _tr("Swap with the pane below")),
    }

    def act(does: Callable[[TerminalTab, Side], object], side: Side) -> None:
        if (tab := deck.current_tab()) is not None:
            does(tab, side)

    for side, (go, resize, swap) in names.items():
        arrow, icon = _ARROWS[side], f"arrow-{side}"
        yield f"go_{side}", go, icon, f"Alt+Shift+{arrow}", partial(act, TerminalTab.go, side), is_shared
        resizes = partial(act, TerminalTab.resize_current, side)
        yield f"resize_{side}", resize, icon, f"Ctrl+Alt+Shift+{arrow}", resizes, is_shared
        yield f"swap_{side}", swap, icon, "", partial(act, TerminalTab.swap, side), is_shared


def _of_windows(deck: TerminalDeck, windows: Windows) -> Iterator[_Row]:
    has_tab = partial(_has_tab, deck)

    def on(act: Callable[[TerminalTab], object]) -> Callable[[], object]:
        def run() -> None:
            if (tab := deck.current_tab()) is not None:
                act(tab)

        return run

    yield (
        "detach",
        _tr("Move the tab to a new window"),
        "external-link",
        "Ctrl+Shift+N",
        on(windows.detach),
        lambda: _has_several(deck) or (deck.is_main and _has_tab(deck)),
    )
    if not deck.is_main:
        yield "attach", _tr("Move the tab to the main window"), "log-out", "", on(windows.attach), has_tab
    yield (
        "save_workspace",
        _tr("Save the workspace as…"),
        "save",
        "",
        windows.save_workspace,
        lambda: bool(deck.terminals.tabs()),
    )
    yield "open_workspace", _tr("Workspaces…"), "layers", "", windows.open_workspace, lambda: True
    for name in deck.terminals.store.names():
        title = _tr("Open the workspace {0}").format(name)
        yield f"workspace.{name}", title, "layers", "", partial(windows.open_named, name), lambda: True


def _of_machines(deck: TerminalDeck) -> Iterator[_Row]:
    running = (each for each in deck.terminals.machines.values() if each.actual_status is MachineStatus.RUNNING)
    for machine in islice(running, _MOST_MACHINES):
        title = _tr("Open a terminal on {0}").format(machine.name)
        opens = partial(deck.open_on, machine)
        yield f"on.{machine.machine_id}", title, "square-terminal", "", opens, lambda: True


def open_another(deck: TerminalDeck) -> None:
    """Open a further terminal on the machine of the present one, or let the person choose a machine."""
    tab = deck.current_tab()
    machine = deck.terminals.machines.get(tab.current.machine_id) if tab is not None else None
    if machine is None:
        deck.choose()
    else:
        deck.open_on(machine)


def others(deck: TerminalDeck, tab: TerminalTab) -> tuple[TerminalTab, ...]:
    """All tabs of a window but one."""
    return tuple(each for each in deck.tabs() if each is not tab)


def after(deck: TerminalDeck, tab: TerminalTab) -> tuple[TerminalTab, ...]:
    """The tabs to the right of one."""
    tabs = deck.tabs()
    return tabs[tabs.index(tab) + 1 :]


def _close_current(deck: TerminalDeck) -> None:
    if (tab := deck.current_tab()) is not None:
        deck.ask_to_close_part(tab, tab.current)


def _has_tab(deck: TerminalDeck) -> bool:
    return deck.current_tab() is not None


def _has_several(deck: TerminalDeck) -> bool:
    return deck.strip.count() > 1


def _has_as_many(deck: TerminalDeck, number: int) -> bool:
    return deck.strip.count() >= number


def _is_shared(deck: TerminalDeck) -> bool:
    tab = deck.current_tab()
    return tab is not None and tab.is_shared
