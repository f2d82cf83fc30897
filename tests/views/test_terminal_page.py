"""The Terminal page: tabs, ways to it, what it tells while it is hidden."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.services.device import ChangeSetting
from machina_desktop.views.apps.machine_access import MachineAccess
from machina_desktop.views.apps.terminal import TerminalPage
from machina_desktop.views.terminal import pane as pane_module
from machina_desktop.views.terminal.tab_strip import TabStrip
from tests.fakes.gateway import until
from tests.fakes.house import House, house_with
from tests.fakes.tab_order import press
from tests.fakes.terminal_scenes import LocalTerminals, open_terminal, running_machine

CONTROL = Qt.KeyboardModifier.ControlModifier
BOTH = CONTROL | Qt.KeyboardModifier.ShiftModifier

pytestmark = pytest.mark.usefixtures("calm")


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_with(tmp_path) as made:
        yield made


def page_of(house: House) -> TerminalPage:
    page = house.window.pages.page()
    assert isinstance(page, TerminalPage)
    return page


async def test_the_button_on_a_machine_opens_a_terminal_there(house: House) -> None:
    terminals = LocalTerminals()
    house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
    machine = running_machine(house)
    await house.open()
    house.window.inspect("machine", machine.machine_id)
    await house.rest()
    access = house.window.findChild(MachineAccess)
    assert access is not None
    access._terminal.click()
    await until(lambda: terminals.opened)
    pane = page_of(house).current_pane()
    assert pane is not None
    assert pane.place.name == machine.name


async def test_the_palette_opens_a_terminal_on_a_machine_by_its_name(house: House) -> None:
    terminals = LocalTerminals()
    house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
    machine = running_machine(house)
    await house.open(app="terminal")
    await house.rest()
    house.window.commands.run_shown(f"terminals.on.{machine.machine_id}")
    await until(lambda: terminals.opened)
    pane = page_of(house).current_pane()
    assert pane is not None
    assert pane.place.name == machine.name


async def test_a_link_offers_a_terminal_and_opens_none(house: House) -> None:
    terminals = LocalTerminals()
    house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
    machine = running_machine(house)
    await house.open(app="terminal")
    house.window.open_app("terminal", machine.machine_id)
    await house.rest()
    assert terminals.opened == []
    assert page_of(house).panes() == ()


async def test_keys_open_close_and_change_tabs(house: House) -> None:
    pane, _shell = await open_terminal(house)
    page = page_of(house)
    press(house.window, Qt.Key.Key_T, BOTH)
    await until(lambda: len(page.panes()) == 2)
    second = page.current_pane()
    assert second is not None
    assert second.place == pane.place
    press(house.window, Qt.Key.Key_PageUp, CONTROL)
    assert page.current_pane() is pane
    assert pane.view.hasFocus()
    press(house.window, Qt.Key.Key_W, BOTH)
    assert page.panes() == (second,)


async def test_the_last_tab_gives_way_to_the_choice_of_a_machine(house: House) -> None:
    pane, shell = await open_terminal(house)
    page = page_of(house)
    press(house.window, Qt.Key.Key_W, BOTH)
    assert page.panes() == ()
    assert shell.state.is_over
    page._empty.action.click()
    await until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    assert pane not in page.panes()


async def test_a_tab_is_named_by_the_program_and_by_a_person(house: House) -> None:
    _pane, shell = await open_terminal(house)
    strip = house.window.findChild(TabStrip)
    assert strip is not None
    shell.put(b"\x1b]2;vim notes\x1b\\")
    await until(lambda: strip.tabText(0) == "vim notes")
    strip.begin_rename(strip.current())
    edit = strip.findChild(QLineEdit)
    assert edit is not None
    edit.setText("notes")
    QTest.keyClick(edit, Qt.Key.Key_Return)
    assert strip.tabText(0) == "notes"


async def test_ctrl_tab_leaves_the_terminal_and_tab_does_not(house: House) -> None:
    pane, shell = await open_terminal(house)
    pane.view.setFocus()
    press(house.window, Qt.Key.Key_Tab)
    assert pane.view.hasFocus()
    assert shell.written == b"\t"
    press(house.window, Qt.Key.Key_Tab, CONTROL)
    assert not pane.view.hasFocus()


async def test_keys_of_the_shell_do_not_reach_the_window(house: House) -> None:
    pane, shell = await open_terminal(house)
    pane.view.setFocus()
    for key in (Qt.Key.Key_K, Qt.Key.Key_B, Qt.Key.Key_N):
        press(house.window, key, CONTROL)
    assert shell.written == b"\x0b\x02\x0e"
    assert not house.window.sidebar.is_collapsed()


async def test_a_long_command_in_a_hidden_terminal_is_told_of(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pane_module, "LONG_S", -1.0)
    _pane, shell = await open_terminal(house)
    house.window.open_app("machines")
    shell.put(b"\x1b]133;A\x1b\\$ \x1b]133;B\x1b\\make\r\n\x1b]133;C\x1b\\out\r\n\x1b]133;D;2\x1b\\")
    await until(lambda: any("with status 2" in str(told) for told in house.window.notices.told()))


async def test_a_setting_is_taken_over_when_the_page_comes_to_the_front(house: House) -> None:
    pane, _shell = await open_terminal(house)
    await house.bridge.call(ChangeSetting(key="terminal_size", value=20))
    house.window.open_app("machines")
    house.window.open_app("terminal")
    await until(lambda: pane.view.sight.font_size == 20)


async def test_production_machines_are_known_by_their_tags(house: House) -> None:
    machine = running_machine(house)
    house.gateway.rows[Machine][machine.machine_id] = type(machine)(**{**vars(machine), "tags": ("env:Prod",)})
    pane, _shell = await open_terminal(house)
    assert pane.place.is_production
