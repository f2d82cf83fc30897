"""What people do most, without a mouse: every key is sent to the window, which decides who gets it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.services.machines import DestroyMachine
from machina_desktop.views.apps import APPS
from machina_desktop.views.widgets.card_grid import CardGrid
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.table_view import TableView
from tests.fakes.dialog_scenes import protect
from tests.fakes.gateway import until
from tests.fakes.house import House, house_with
from tests.fakes.tab_order import press, tab_stops

SHIFT = Qt.KeyboardModifier.ShiftModifier
CONTROL = Qt.KeyboardModifier.ControlModifier

pytestmark = pytest.mark.usefixtures("calm")


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_with(tmp_path) as made:
        protect(made)
        await made.open()
        yield made


def tab_to(house: House, shape: type[QWidget]) -> QWidget:
    """Press Tab until the focus is on a widget of that class."""
    for _ in range(60):
        press(house.window, Qt.Key.Key_Tab)
        focus = house.window.focusWidget()
        if isinstance(focus, shape):
            return focus
    raise AssertionError(f"Tab does not come by a {shape.__name__}")


def focus_of(house: House) -> QWidget:
    focus = house.window.focusWidget()
    assert focus is not None
    return focus


async def test_arrows_pick_a_machine_and_its_inspector_follows(house: House) -> None:
    tab_to(house, CardGrid)
    press(house.window, Qt.Key.Key_Right)
    press(house.window, Qt.Key.Key_Right)
    await until(lambda: any(dock.isVisible() for dock in house.window.inspectors.docks()))
    subject = house.window.inspectors.docks()[0].subject
    names = sorted(house.gateway.all(Machine), key=lambda each: each.name)
    assert subject is not None
    assert subject.key == names[1].machine_id


def shift_f10(house: House) -> None:
    press(house.window, Qt.Key.Key_F10, SHIFT)


def menu_key(house: House) -> None:
    """What platforms make of the key: a request, with a place in the middle of the widget."""
    focus = focus_of(house)
    middle = focus.rect().center()
    request = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, middle, focus.mapToGlobal(middle))
    QApplication.sendEvent(focus, request)


@pytest.mark.parametrize("keys", [shift_f10, menu_key])
async def test_the_menu_is_that_of_the_machine_the_keyboard_stands_on(
    house: House, keys: Callable[[House], None]
) -> None:
    tab_to(house, CardGrid)
    press(house.window, Qt.Key.Key_Right)
    keys(house)
    await until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    grid = focus_of(house)
    assert isinstance(grid, CardGrid)
    place = grid.visualRect(grid.currentIndex()).translated(grid.viewport().mapToGlobal(QPoint(0, 0)))
    assert place.contains(menu.pos())
    QTest.keyClick(menu, Qt.Key.Key_Down)
    assert menu.activeAction() is menu.actions()[0]
    QTest.keyClick(menu, Qt.Key.Key_Escape)
    await until(lambda: QApplication.activePopupWidget() is None)


async def test_a_protected_machine_is_destroyed_by_typing_its_name(house: House) -> None:
    running = next(each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING)
    grid = tab_to(house, CardGrid)
    assert isinstance(grid, CardGrid)
    grid.select_key(running.machine_id)
    press(house.window, Qt.Key.Key_Delete)
    dialog = await house.dialog(ConfirmDialog)
    for letter in running.name:
        QTest.keyClick(dialog.windowHandle(), letter)
    while dialog.focusWidget() is not dialog.primary:  # type: ignore[attr-defined]
        press(dialog, Qt.Key.Key_Tab)
    press(dialog, Qt.Key.Key_Space)
    await until(lambda: house.gateway.asked_of(DestroyMachine))
    (asked,) = house.gateway.asked_of(DestroyMachine)
    assert (asked.machine_id, asked.confirm_name) == (running.machine_id, running.name)


async def test_enter_does_not_destroy_before_the_name_is_typed(house: House) -> None:
    running = next(each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING)
    grid = tab_to(house, CardGrid)
    assert isinstance(grid, CardGrid)
    grid.select_key(running.machine_id)
    press(house.window, Qt.Key.Key_Delete)
    dialog = await house.dialog(ConfirmDialog)
    press(dialog, Qt.Key.Key_Return)
    await house.rest()
    assert dialog.isVisible()
    press(dialog, Qt.Key.Key_Escape)
    await house.rest()
    assert house.gateway.asked_of(DestroyMachine) == []


async def test_the_search_is_reached_typed_into_and_emptied(house: House) -> None:
    page = house.window.pages.page()
    assert page is not None
    press(house.window, Qt.Key.Key_F, CONTROL)
    QTest.keyClicks(focus_of(house), "db-1")
    await until(lambda: len(page.machines_shown()) == 1)  # type: ignore[attr-defined]
    press(house.window, Qt.Key.Key_Escape)
    await until(lambda: len(page.machines_shown()) > 1)  # type: ignore[attr-defined]


async def test_cards_become_a_table_by_the_arrows(house: House) -> None:
    page = house.window.pages.page()
    assert page is not None
    toggle = page.findChild(QWidget, "machines.view")
    for _ in range(60):
        press(house.window, Qt.Key.Key_Tab)
        if toggle.isAncestorOf(focus_of(house)):
            break
    press(house.window, Qt.Key.Key_Right)
    await until(lambda: any(each.isVisible() for each in page.findChildren(TableView)))


async def test_f6_goes_to_the_inspector_and_back_and_escape_closes_it(house: House) -> None:
    tab_to(house, CardGrid)
    press(house.window, Qt.Key.Key_Right)
    dock = house.window.inspectors.docks()[0]
    await until(dock.isVisible)
    await house.rest()
    press(house.window, Qt.Key.Key_F6)
    assert dock.isAncestorOf(focus_of(house))
    press(house.window, Qt.Key.Key_F6)
    assert not dock.isAncestorOf(focus_of(house))
    press(house.window, Qt.Key.Key_F6)
    press(house.window, Qt.Key.Key_Escape)
    await until(lambda: not dock.isVisible())


@pytest.mark.parametrize("name", [app.name for app in APPS])
async def test_no_page_keeps_the_keyboard(house: House, name: str) -> None:
    house.window.open_app(name)
    await house.front()
    stops = tab_stops(house.window)
    assert stops[0].widget is stops[-1].widget
    page = house.window.pages.page()
    assert page is not None
    assert any(page.isAncestorOf(each.widget) for each in stops)
    assert any(house.window.sidebar.isAncestorOf(each.widget) for each in stops)
    assert any(house.window.status.isAncestorOf(each.widget) for each in stops)
