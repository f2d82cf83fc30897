"""Tabs of several panes and windows of their own: keys, mouse, menus; what is asked before shells go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.views.apps.terminal_part import GonePart
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.apps.terminal_window import TerminalWindow
from machina_desktop.views.palette import Palette
from machina_desktop.views.terminal.split_layout import Side
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from tests.fakes import walk
from tests.fakes.gateway import until
from tests.fakes.house import SIZES, House, house_with
from tests.fakes.local_shell import LocalShell
from tests.fakes.tab_order import press, tab_order
from tests.fakes.terminal_scenes import LocalTerminals, open_terminal
from tests.fakes.terminal_split_scenes import page_of, place, tab_of

CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
BOTH = CONTROL | SHIFT
LEFT = Qt.MouseButton.LeftButton
NONE = Qt.KeyboardModifier.NoModifier

pytestmark = pytest.mark.usefixtures("calm")


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_with(tmp_path) as made:
        yield made


def shells(house: House) -> list[LocalShell]:
    """Every shell that was opened, in order."""
    opener = house.bridge._terminals
    assert opener is not None
    terminals = opener()
    assert isinstance(terminals, LocalTerminals)
    return terminals.opened


async def four_panes(house: House) -> TerminalTab:
    """A tab of two rows with two panes each."""
    await open_terminal(house)
    tab = tab_of(house)
    tab.take_focus()
    press(house.window, Qt.Key.Key_H, BOTH)
    press(house.window, Qt.Key.Key_D, BOTH)
    press(house.window, Qt.Key.Key_Up, ALT | SHIFT)
    press(house.window, Qt.Key.Key_D, BOTH)
    await until(lambda: len(shells(house)) == 4 and all(shell.starts for shell in shells(house)))
    await house.rest()
    return tab


def middle(widget: QWidget) -> QPoint:
    return widget.rect().center()


def drag(widget: QWidget, start: QPoint, *way: QPoint) -> None:
    """Take hold, move on the screen by the steps of ``way``, and let go."""
    at = widget.mapToGlobal(start)
    QTest.mousePress(widget, LEFT, NONE, start)
    for step in way:
        at = at + step
        QTest.mouseMove(widget, widget.mapFromGlobal(at))
    QTest.mouseRelease(widget, LEFT, NONE, widget.mapFromGlobal(at))


# Panes


async def test_a_split_opens_another_shell_on_the_same_machine(house: House) -> None:
    pane, _shell = await open_terminal(house)
    tab_of(house).take_focus()
    press(house.window, Qt.Key.Key_D, BOTH)
    await until(lambda: len(shells(house)) == 2 and shells(house)[1].starts)
    first, second = page_of(house).panes()
    assert first is pane
    assert second.place == pane.place
    assert second.view.hasFocus()
    assert first.mapTo(house.window, QPoint()).x() < second.mapTo(house.window, QPoint()).x()


async def test_keys_lead_to_the_pane_on_each_side_and_typing_goes_there(house: House) -> None:
    tab = await four_panes(house)
    upper_left, upper_right, lower_left, lower_right = tab.panes()
    assert upper_right.view.hasFocus()
    for key, reached in (
        (Qt.Key.Key_Down, lower_right),
        (Qt.Key.Key_Left, lower_left),
        (Qt.Key.Key_Up, upper_left),
        (Qt.Key.Key_Up, upper_left),
    ):
        press(house.window, key, ALT | SHIFT)
        assert reached.view.hasFocus()
    press(house.window, Qt.Key.Key_A)
    assert [shell.written.count(b"a") for shell in shells(house)] == [1, 0, 0, 0]


async def test_a_terminal_alone_in_its_tab_gives_the_arrows_to_the_shell(house: House) -> None:
    _pane, shell = await open_terminal(house)
    tab_of(house).take_focus()
    press(house.window, Qt.Key.Key_Left, ALT | SHIFT)
    assert shell.written.endswith(b"\x1b[1;4D")


async def test_a_click_into_a_pane_makes_it_the_current_one(house: House) -> None:
    tab = await four_panes(house)
    first = tab.panes()[0]
    QTest.mouseClick(first.view.viewport(), LEFT, NONE, middle(first.view.viewport()))
    assert tab.current_frame is not None
    assert tab.current_frame.pane is first


async def test_closing_a_pane_gives_its_room_to_the_others_and_the_last_one_closes_the_tab(house: House) -> None:
    tab = await four_panes(house)
    whole = tab.rect()
    for left in (3, 2, 1):
        press(house.window, Qt.Key.Key_W, BOTH)
        assert len(tab.panes()) == left
        assert sum(part.width() * part.height() for part in tab.parts()) > whole.width() * whole.height() * 0.98
    press(house.window, Qt.Key.Key_W, BOTH)
    assert page_of(house).panes() == ()
    assert all(shell.state.is_over for shell in shells(house))


async def test_the_cross_in_the_header_closes_its_pane(house: House) -> None:
    tab = await four_panes(house)
    frame = tab.frames()[2]
    QTest.mouseClick(frame.header.cross, LEFT)
    assert frame.pane not in page_of(house).panes()
    assert len(page_of(house).panes()) == 3


async def test_a_divider_is_dragged_and_pressed_twice_to_even_out(house: House) -> None:
    tab = await four_panes(house)
    await house.front()
    grip = tab._view.dividers()[0]
    before = tab.parts()[0].height()
    drag(grip, middle(grip), QPoint(0, 30), QPoint(0, 30))
    assert abs(tab.parts()[0].height() - before - 60) <= 2
    QTest.mouseDClick(tab._view.dividers()[0], LEFT)
    assert abs(tab.parts()[0].height() - before) <= 1


async def test_keys_move_the_divider(house: House) -> None:
    tab = await four_panes(house)
    before = tab.parts()[0].width()
    press(house.window, Qt.Key.Key_Right, BOTH | ALT)
    assert tab.parts()[0].width() > before


async def test_a_zoomed_pane_covers_the_tab_and_goes_back_to_its_place(house: House) -> None:
    tab = await four_panes(house)
    current, places = tab.current, [part.geometry() for part in tab.parts()]
    press(house.window, Qt.Key.Key_Return, BOTH)
    assert current.size() == tab._view.size()
    assert [part.isVisible() for part in tab.parts()] == [part is current for part in tab.parts()]
    press(house.window, Qt.Key.Key_Return, BOTH)
    assert [part.geometry() for part in tab.parts()] == places


async def test_the_panes_change_places(house: House) -> None:
    tab = await four_panes(house)
    first, second = tab.panes()[:2]
    house.window.commands.run_shown("terminals.swap_left")
    assert tab.panes()[:2] == (second, first)


async def test_a_header_dragged_onto_another_pane_changes_their_places(house: House) -> None:
    tab = await four_panes(house)
    await house.front()
    first, second, third, fourth = tab.panes()
    header = tab.frames()[0].header
    way = tab.frames()[3].mapTo(tab, middle(tab.frames()[3])) - header.mapTo(tab, QPoint(60, 8))
    drag(header, QPoint(60, 8), way)
    assert tab.panes() == (fourth, second, third, first)


async def test_a_pane_moves_to_a_tab_of_its_own_and_its_shell_goes_on(house: House) -> None:
    tab = await four_panes(house)
    frame = tab.current_frame
    assert frame is not None
    house.window.commands.run_shown("terminals.break_out")
    assert len(tab.panes()) == 3
    assert tab_of(house) is not tab
    assert tab_of(house).panes() == (frame.pane,)
    assert frame.pane.view.hasFocus()
    assert len(shells(house)) == 4
    press(house.window, Qt.Key.Key_D, BOTH)
    press(house.window, Qt.Key.Key_Left, ALT | SHIFT)
    assert frame.pane.view.hasFocus()
    left = tab.current
    press(house.window, Qt.Key.Key_Down, ALT | SHIFT)
    assert tab.current is left


async def test_a_split_with_another_machine_offers_the_machines(house: House) -> None:
    machines = place(house, "production", "staging")
    await open_terminal(house)
    house.window.commands.run_shown("terminals.split_other")
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    next(action for action in menu.actions() if action.text() == machines[1].name).trigger()
    menu.close()
    await until(lambda: len(shells(house)) == 2)
    assert [pane.place.name for pane in page_of(house).panes()] == [machine.name for machine in machines[:2]]


async def test_everything_lost_is_reconnected_at_once(house: House) -> None:
    tab = await four_panes(house)
    for shell in shells(house)[:3]:
        shell.lose()
    await until(lambda: len(tab.lost()) == 3)
    house.window.commands.run_shown("terminals.reconnect_lost")
    await until(lambda: all(pane.state is SessionState.LIVE for pane in tab.panes()))
    assert [shell.starts for shell in shells(house)] == [2, 2, 2, 1]


async def test_what_is_reconnected_by_itself_takes_the_keyboard_from_nobody(house: House) -> None:
    tab = await four_panes(house)
    shells(house)[0].lose()
    await until(tab.lost)
    lost = tab.lost()[0].pane
    typed_in = next(pane for pane in tab.panes() if pane is not lost)
    typed_in.view.setFocus()
    while lost.bar.is_counting:
        lost.bar._second.timeout.emit()
    await until(lambda: lost.state is SessionState.LIVE)
    assert typed_in.view.hasFocus()


async def test_a_lost_terminal_is_not_reconnected_once_its_tab_is_closed(house: House) -> None:
    pane, shell = await open_terminal(house)
    shell.lose()
    await until(lambda: pane.bar.is_counting)
    press(house.window, Qt.Key.Key_W, BOTH)
    assert not pane.bar.is_counting


# Tabs


async def test_a_duplicate_has_the_same_layout_on_the_same_machines(house: House) -> None:
    tab = await four_panes(house)
    house.window.commands.run_shown("terminals.duplicate")
    again = tab_of(house)
    assert again is not tab
    assert again.plan().root == tab.plan().root
    await until(lambda: len(shells(house)) == 8)


async def test_a_closed_tab_is_opened_again_with_its_layout_and_name(house: House) -> None:
    tab = await four_panes(house)
    tab.given = "deploy"
    root = tab.plan().root
    page_of(house).deck.close_tab(tab.key)
    assert page_of(house).panes() == ()
    house.window.commands.run_shown("terminals.reopen")
    assert (tab_of(house).title, tab_of(house).plan().root) == ("deploy", root)


async def test_a_tab_that_is_opened_again_shows_what_was_there_above_the_new_shell(house: House) -> None:
    pane, shell = await open_terminal(house)
    before = pane.terminal.row(0).text
    press(house.window, Qt.Key.Key_W, BOTH)
    assert shell.state.is_over
    press(house.window, Qt.Key.Key_Z, BOTH)
    assert page_of(house).panes() == (pane,)
    await until(lambda: pane.state is SessionState.LIVE)
    assert pane.terminal.row(0).text == before
    assert pane.terminal.cursor.y == 1
    assert (shell.starts, pane.view.hasFocus()) == (2, True)


async def test_what_is_typed_while_a_shell_is_opened_again_is_kept_for_it(house: House) -> None:
    pane, shell = await open_terminal(house)
    shell.lose()
    await until(lambda: pane.state is SessionState.LOST)
    pane.reconnect()
    pane.write(b"uptime")
    assert shell.written == b""
    await until(lambda: pane.state is SessionState.LIVE)
    assert (shell.starts, shell.written) == (2, b"uptime")


async def test_a_tab_that_is_opened_again_says_which_machine_is_gone_meanwhile(house: House) -> None:
    await open_terminal(house)
    press(house.window, Qt.Key.Key_W, BOTH)
    page_of(house).terminals.set_machines(())
    house.window.commands.run_shown("terminals.reopen")
    (part,) = tab_of(house).parts()
    assert isinstance(part, GonePart)


async def test_a_tab_that_is_closed_before_its_shell_was_opened_opens_none(house: House) -> None:
    pane, _shell = await open_terminal(house)
    deck = page_of(house).deck
    deck.open_on(deck.terminals.machines[pane.place.machine_id])
    deck.close_tab(deck.tabs()[1].key)
    await house.rest()
    assert len(shells(house)) == 1


async def test_of_many_closed_tabs_the_newest_keep_what_they_showed_and_all_can_be_opened(house: House) -> None:
    pane, _shell = await open_terminal(house)
    deck = page_of(house).deck
    machine = deck.terminals.machines[pane.place.machine_id]
    panes = [deck.open_on(machine) for _ in range(12)]
    await until(lambda: all(each.state is SessionState.LIVE for each in panes))
    for tab in deck.tabs()[1:]:
        deck.close_tab(tab.key)
    for _ in panes:
        deck.reopen()
    opened = [each for each in page_of(house).panes() if each is not pane]
    assert opened[:5] == panes[:-6:-1]
    assert len(opened) == 10


async def test_keys_move_a_tab_and_jump_to_one(house: House) -> None:
    await open_terminal(house)
    tab_of(house).take_focus()
    for _ in range(2):
        press(house.window, Qt.Key.Key_T, BOTH)
    deck = page_of(house).deck
    first, second, third = deck.tabs()
    press(house.window, Qt.Key.Key_PageUp, BOTH)
    assert deck.tabs() == (first, third, second)
    press(house.window, Qt.Key.Key_1, BOTH)
    assert deck.current_tab() is first
    house.window.commands.run_shown("terminals.close_right")
    assert deck.tabs() == (first,)


async def test_the_menu_of_a_tab_has_everything_and_gives_it_a_colour(house: House) -> None:
    place(house, "")
    await open_terminal(house)
    deck, tab = page_of(house).deck, tab_of(house)
    deck.strip.menu_wanted.emit(tab.key, deck.strip.mapToGlobal(QPoint(10, 10)))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    titles = [action.text() for action in menu.actions() if action.text()]
    assert titles[:4] == ["Rename…", "Duplicate", "Colour", "Move to a new window"]
    colours = menu.actions()[2].menu()
    assert isinstance(colours, QMenu)
    next(action for action in colours.actions() if action.text() == "Purple").trigger()
    menu.close()
    assert (tab.colour, tab.token) == ("purple", "ansi-5")


async def test_a_middle_click_closes_a_tab_but_asks_while_a_program_runs(house: House) -> None:
    pane, shell = await open_terminal(house)
    deck = page_of(house).deck
    shell.put(b"\x1b]133;A\x1b\\$ \x1b]133;B\x1b\\make\r\n\x1b]133;C\x1b\\")
    await until(pane.terminal.marks)
    QTest.mouseClick(deck.strip, Qt.MouseButton.MiddleButton, NONE, deck.strip.tabRect(0).center())
    question = await house.dialog(ConfirmDialog)
    assert isinstance(question, ConfirmDialog)
    question.reject()
    assert deck.tabs()
    shell.put(b"\x1b]133;D;0\x1b\\\x1b]133;A\x1b\\$ ")
    await until(lambda: pane.terminal.marks()[-1].output is None)
    QTest.mouseClick(deck.strip, Qt.MouseButton.MiddleButton, NONE, deck.strip.tabRect(0).center())
    assert not deck.tabs()


# Environments


async def test_production_is_named_in_every_layout_and_colours_its_tab(house: House) -> None:
    place(house, "production", "staging")
    pane, _shell = await open_terminal(house)
    frame = tab_of(house).frames()[0]
    assert pane.place.is_production
    assert frame.header.isVisible()
    assert frame.header.height() > 2
    assert "production" in frame.header.toolTip()
    deck = page_of(house).deck
    assert "production" in deck.strip.tabToolTip(0)
    assert "production" in deck.strip.accessibleTabName(0)
    tab_of(house).colour = "green"
    assert tab_of(house).token == "accent-error"


async def test_a_header_is_no_higher_than_a_row_of_text(house: House) -> None:
    tab = await four_panes(house)
    row = tab.panes()[0].view.sight.size_for(1, 2).height() - tab.panes()[0].view.sight.size_for(1, 1).height()
    assert all(frame.header.height() <= max(18, row) for frame in tab.frames())


# Windows


async def detached(house: House) -> TerminalWindow:
    """The tab in front, moved by its key into a window of its own."""
    await house.front()
    tab_of(house).take_focus()
    press(house.window, Qt.Key.Key_N, BOTH)
    [window] = page_of(house).windows.windows
    await until(window.isActiveWindow)
    return window


async def test_a_tab_moves_into_a_window_and_back_and_its_shell_goes_on(house: House) -> None:
    pane, shell = await open_terminal(house)
    shell.put(b"kept above\r\n" * 60)
    await until(lambda: pane.terminal.scrolled > 10)
    scrolled = pane.terminal.scrolled
    window = await detached(house)
    assert pane.window() is window
    assert page_of(house).panes() == (pane,)
    assert page_of(house)._states.currentWidget() is page_of(house)._empty
    await until(pane.view.hasFocus)
    press(window, Qt.Key.Key_X)
    assert shell.written.endswith(b"x")
    window.commands.run("terminals.attach")
    assert pane.window() is house.window
    assert not page_of(house).windows.windows
    assert (shell.starts, shell.state) == (1, SessionState.LIVE)
    assert pane.terminal.scrolled >= scrolled - 20


async def test_a_window_of_its_own_has_the_same_keys_and_a_palette(house: House) -> None:
    place(house, "staging")
    await open_terminal(house)
    window = await detached(house)
    assert window.windowTitle().endswith("(staging) – Machina")
    shells(house)[0].put(b"\x1b]2;vim notes\x1b\\")
    await until(lambda: window.windowTitle() == "vim notes (staging) – Machina")
    press(window, Qt.Key.Key_D, BOTH)
    await until(lambda: len(shells(house)) == 2)
    press(window, Qt.Key.Key_T, BOTH)
    assert len(window.deck.tabs()) == 2
    press(window, Qt.Key.Key_P, BOTH)
    palette = window.findChild(Palette)
    assert palette is not None
    assert palette.isVisible()
    assert not palette._sources.is_loading
    assert any(line.entry.name.endswith("terminals.split_down") for line in palette.lines())


async def test_a_tab_dragged_out_of_the_strip_becomes_a_window_and_dragged_back_a_tab(house: House) -> None:
    pane, shell = await open_terminal(house)
    tab_of(house).take_focus()
    press(house.window, Qt.Key.Key_T, BOTH)
    deck = page_of(house).deck
    start = deck.strip.tabRect(0).center()
    drag(deck.strip, start, QPoint(0, 20), QPoint(5, 120), QPoint(10, 60))
    [window] = page_of(house).windows.windows
    assert pane.window() is window
    assert len(deck.tabs()) == 1
    back = window.deck.strip.mapFromGlobal(deck.strip.mapToGlobal(deck.strip.tabRect(0).center()))
    strip = window.deck.strip
    begin = strip.tabRect(0).center()
    drag(strip, begin, QPoint(0, 90), back - begin - QPoint(0, 90))
    assert pane.window() is house.window
    assert deck.tabs()[0].panes() == (pane,)
    assert shell.starts == 1


async def test_closing_a_window_offers_to_go_on_in_the_main_one(house: House) -> None:
    pane, shell = await open_terminal(house)
    window = await detached(house)
    window.close()
    assert window.question is not None
    assert window.isVisible()
    keep = window.question.findChild(QWidget, "terminal.window_keep")
    assert keep is not None
    QTest.mouseClick(keep, LEFT)
    await until(lambda: not page_of(house).windows.windows)
    assert pane.window() is house.window
    assert shell.state is SessionState.LIVE
    window = await detached(house)
    window.close()
    assert window.question is not None
    window.question.accept()
    assert page_of(house).panes() == ()
    assert shell.state.is_over


async def test_quitting_asks_once_for_all_open_shells(house: House) -> None:
    await open_terminal(house)
    window = await detached(house)
    press(window, Qt.Key.Key_D, BOTH)
    await until(lambda: len(shells(house)) == 2 and shells(house)[1].state is SessionState.LIVE)
    agreed: list[bool] = []
    house.window.quit_agreed.connect(lambda: agreed.append(True))
    house.window.ask_to_quit()
    question = await house.dialog(ConfirmDialog)
    assert "2" in question.windowTitle()
    assert isinstance(question, ConfirmDialog)
    question.primary.click()
    # The runs of these rows are asked about next.
    runs = await house.dialog(ConfirmDialog)
    assert isinstance(runs, ConfirmDialog)
    runs.primary.click()
    await until(lambda: agreed)


async def test_another_team_is_asked_about_first(house: House) -> None:
    await open_terminal(house)
    assert house.desk is not None
    gone: list[bool] = []
    house.desk.teams.leave(lambda: gone.append(True))
    question = await house.dialog(ConfirmDialog)
    assert not gone
    assert isinstance(question, ConfirmDialog)
    question.primary.click()
    assert gone
    page_of(house).windows.close_all()
    house.desk.teams.leave(lambda: gone.append(True))
    assert len(gone) == 2


# Restored


async def test_what_was_open_comes_back_and_shells_are_opened_when_seen(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house:
        place(house, "production", "staging")
        tab = await four_panes(house)
        tab.given = "four"
        house.window.commands.run_shown("terminals.new")
        await detached(house)
        page_of(house).deck.step(1)
        page_of(house).windows.windows[0].setGeometry(80, 90, 700, 400)
        plans = [each.plan() for each in page_of(house).terminals.tabs()]
        house.window.open_app("machines")
    async with house_with(tmp_path) as house:
        place(house, "production", "staging")
        terminals = LocalTerminals()
        house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
        await house.open(app="machines")
        assert terminals.opened == []
        house.window.open_app("terminal")
        await house.rest()
        page = page_of(house)
        assert [each.plan() for each in page.terminals.tabs()] == plans
        assert [window.size().toTuple() for window in page.windows.windows] == [(700, 400)]
        await until(lambda: len(terminals.opened) == 5)


async def test_a_tab_that_is_not_shown_opens_no_shell(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house:
        await open_terminal(house)
        for _ in range(2):
            house.window.commands.run_shown("terminals.new")
        await until(lambda: len(shells(house)) == 3)
    async with house_with(tmp_path) as house:
        terminals = LocalTerminals()
        house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
        place(house, "")
        await house.open(app="terminal")
        await house.rest()
        page = page_of(house)
        assert len(page.deck.tabs()) == 3
        await until(lambda: terminals.opened)
        assert len(terminals.opened) == 1
        assert page.deck.current_tab() is page.deck.tabs()[2]
        page.deck.step(1)
        await until(lambda: len(terminals.opened) == 2)


async def test_a_machine_that_is_gone_is_said_in_its_place(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house:
        machines = place(house, "production", "staging")
        await open_terminal(house)
        tab_of(house).split(page_of(house).terminals.frame_on(machines[1]), Side.RIGHT)
        await house.rest()
    async with house_with(tmp_path) as house:
        machines = place(house, "production", "staging")
        terminals = LocalTerminals()
        house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
        gone = house.gateway.rows[Machine].pop(machines[1].machine_id)
        await house.open(app="terminal")
        await house.rest()
        tab = tab_of(house)
        part = tab.parts()[1]
        assert isinstance(part, GonePart)
        assert machines[1].name in part.state.accessibleName()
        house.gateway.rows[Machine][machines[1].machine_id] = gone
        page_of(house).terminals.set_machines((machines[0], machines[1]))
        assert len(tab.panes()) == 2


async def test_nothing_comes_back_where_that_is_switched_off(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house:
        await open_terminal(house)
    async with house_with(tmp_path) as house:
        house.device.settings["terminal_restore"] = False
        await house.open(app="terminal")
        await house.rest()
        assert page_of(house).panes() == ()


async def test_a_workspace_is_saved_opened_and_deleted_by_name(house: House) -> None:
    tab = await four_panes(house)
    root = tab.plan().root
    house.window.commands.run_shown("terminals.save_workspace")
    dialog = await house.dialog()
    QTest.keyClicks(dialog.focusWidget(), "Release")
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Return)
    store = page_of(house).terminals.store
    assert store.names() == ("Release",)
    page_of(house).windows.close_all()
    workspace = store.named("Release")
    assert workspace is not None
    house.window.commands.run_shown("terminals.workspace.Release")
    assert tab_of(house).plan().root == root
    store.delete("Release")
    assert store.names() == ()


async def test_panes_are_named_reached_and_whole_at_every_size(house: House) -> None:
    place(house, "production")
    await four_panes(house)
    await house.front()
    page = page_of(house)
    found = [*walk.names(page)]
    for size in SIZES:
        await house.resize(size)
        found += [*walk.cuts(page), *walk.overpainted(page)]
    await house.resize(SIZES[0])
    found += tab_order(page)
    assert not found, walk.report(found)
