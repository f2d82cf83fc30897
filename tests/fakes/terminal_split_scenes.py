"""Tabs of several terminals, a window of their own, and what is asked about them, with shells of this computer."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.views.apps.terminal import TerminalPage
from machina_desktop.views.apps.terminal_part import GonePart
from machina_desktop.views.apps.terminal_tab import TerminalTab
from machina_desktop.views.apps.terminal_workspaces import SaveWorkspaceDialog, WorkspacesDialog
from machina_desktop.views.terminal.split_layout import Side
from tests.fakes.gateway import until
from tests.fakes.house import House, Scene
from tests.fakes.terminal_scenes import open_terminal

NAMED = "§ 4740 §"


def place(house: House, *environments: str) -> list[Machine]:
    """Running machines, one of each environment; empty for none."""
    running = [each for each in house.gateway.all(Machine) if each.actual_status is MachineStatus.RUNNING]
    made = []
    for machine, environment in zip(running, environments, strict=False):
        tags = (f"env:{environment}",) if environment else ()
        made.append(replace(machine, public_ip=machine.public_ip or "203.0.113.7", tags=tags))
        house.gateway.rows[Machine][machine.machine_id] = made[-1]
    return made


def page_of(house: House) -> TerminalPage:
    """The Terminal page, which is in front."""
    page = house.window.pages.page()
    assert isinstance(page, TerminalPage)
    return page


def tab_of(house: House) -> TerminalTab:
    """The tab in front on it."""
    tab = page_of(house).current_tab()
    assert tab is not None
    return tab


async def _panes(house: House) -> QWidget:
    machines = place(house, "production", "staging", "")
    await open_terminal(house)
    page, tab = page_of(house), tab_of(house)
    tab.split(page.terminals.frame_on(machines[1 % len(machines)]), Side.RIGHT)
    await house.rest()
    tab.split(page.terminals.frame_on(machines[-1]), Side.DOWN)
    await house.rest()
    await house.front()
    return page


async def _zoomed(house: House) -> QWidget:
    page = await _panes(house)
    tab_of(house).set_zoomed(True)
    await house.rest()
    return page


async def _gone(house: House) -> QWidget:
    await open_terminal(house)
    page, tab = page_of(house), tab_of(house)
    tab.split(GonePart("machine-gone", NAMED), Side.RIGHT)
    tab.choose(tab.frames()[0])
    tab.take_focus()
    await house.rest()
    await house.front()
    return page


async def _window(house: House) -> QWidget:
    await open_terminal(house)
    page = page_of(house)
    page.windows.detach(tab_of(house))
    [window] = page.windows.windows
    window.activateWindow()
    await until(window.isActiveWindow)
    await house.rest()
    return window


async def _window_close(house: House) -> QWidget:
    window = await _window(house)
    window.close()
    return await house.dialog()


async def _busy_close(house: House) -> QWidget:
    pane, shell = await open_terminal(house)
    shell.put(b"\x1b]133;A\x1b\\$ \x1b]133;B\x1b\\\x1b]133;C\x1b\\")
    await until(pane.terminal.marks)
    page_of(house).deck.ask_to_close((tab_of(house),))
    return await house.dialog()


async def _leaving(house: House) -> QWidget:
    await open_terminal(house)
    house.window.ask_to_quit()
    return await house.dialog()


async def _menu(house: House, tab: TerminalTab | None) -> QWidget:
    deck = page_of(house).deck
    deck.menu_wanted.emit(tab, deck.mapToGlobal(QPoint(20, 40)))
    await until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    found = QApplication.activePopupWidget()
    assert found is not None
    return found


async def _tab_menu(house: House) -> QWidget:
    await open_terminal(house)
    return await _menu(house, tab_of(house))


async def _more_menu(house: House) -> QWidget:
    await open_terminal(house)
    return await _menu(house, None)


async def _save(house: House) -> QWidget:
    await open_terminal(house)
    page_of(house).windows.save_workspace()
    return await house.dialog(SaveWorkspaceDialog)


async def _workspaces(house: House) -> QWidget:
    await open_terminal(house)
    page = page_of(house)
    page.terminals.store.save_as(NAMED, page.terminals.workspace())
    page.windows.choose_workspace()
    return await house.dialog(WorkspacesDialog)


SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    "save workspace": (SaveWorkspaceDialog, _save),
    "workspaces": (WorkspacesDialog, _workspaces),
}
SCENES: dict[str, Scene] = {
    "terminal panes": _panes,
    "terminal zoomed": _zoomed,
    "terminal gone": _gone,
    "terminal window": _window,
    "terminal window close": _window_close,
    "terminal busy close": _busy_close,
    "terminal leaving": _leaving,
    "terminal tab menu": _tab_menu,
    "terminal more menu": _more_menu,
}
TEXTS = (NAMED,)
