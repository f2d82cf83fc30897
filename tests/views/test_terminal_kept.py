"""Coming back to sessions of tmux and screen from the Terminal page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from machina_desktop.core.domain.kept_shell import Keeper, KeptSession, KeptSessions, KeptShell
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.errors import Unavailable
from machina_desktop.views.apps.terminal_kept import KeptDialog
from machina_desktop.views.widgets.buttons import Button
from tests.fakes.file_scenes import NoFiles
from tests.fakes.gateway import until
from tests.fakes.house import House, house_with
from tests.fakes.terminal_scenes import LocalTerminals, open_terminal
from tests.fakes.terminal_split_scenes import page_of, place, tab_of

LOGS = KeptShell(keeper=Keeper.SCREEN, name="logs")


class _Files(NoFiles):
    """Of a machine that keeps what ``found`` says."""

    found = KeptSessions(keepers=(Keeper.TMUX, Keeper.SCREEN), sessions=(KeptSession(kept=LOGS, is_attached=True),))

    async def kept(self, machine_id: str) -> KeptSessions:
        return self.found


class _Bare(_Files):
    found = KeptSessions()


class _Silent(NoFiles):
    async def kept(self, machine_id: str) -> KeptSessions:
        raise Unavailable("It does not tell.", hint="Look there.", code="E-TERMINAL-KEPT")


pytestmark = pytest.mark.usefixtures("calm")


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_with(tmp_path) as made:
        yield made


def terminals_of(house: House) -> LocalTerminals:
    opener = house.bridge._terminals
    assert opener is not None
    made = opener()
    assert isinstance(made, LocalTerminals)
    return made


async def asked(house: House, files: type[NoFiles]) -> KeptDialog:
    """The dialog over a terminal, once the machine has answered."""
    await open_terminal(house)
    house.bridge.attach_files(files)  # type: ignore[arg-type]
    house.window.commands.run_shown("terminals.kept")
    dialog = await house.dialog()
    assert isinstance(dialog, KeptDialog)
    await house.rest()
    return dialog


async def test_a_session_is_attached_to_in_a_tab_of_its_own(house: House) -> None:
    dialog = await asked(house, _Files)
    [attach] = dialog.rows.findChildren(Button)
    assert attach.hasFocus()
    attach.click()
    await until(lambda: len(terminals_of(house).opened) == 2)
    assert terminals_of(house).kept == [None, LOGS]
    assert tab_of(house).title.endswith(" · logs")


async def test_a_new_session_is_kept_by_the_better_keeper(house: House) -> None:
    dialog = await asked(house, _Files)
    dialog.name.set_text("a.b")
    dialog.primary.click()
    assert dialog.name.error()
    dialog.name.set_text(" deploys ")
    QTest.keyClick(dialog.name.control, Qt.Key.Key_Return)
    await until(lambda: len(terminals_of(house).opened) == 2)
    assert terminals_of(house).kept[1] == KeptShell(keeper=Keeper.TMUX, name="deploys")


async def test_the_name_of_a_session_that_is_there_attaches_to_that(house: House) -> None:
    dialog = await asked(house, _Files)
    dialog.name.set_text("logs")
    assert dialog.primary.text() == "Attach"
    dialog.primary.click()
    await until(lambda: len(terminals_of(house).opened) == 2)
    assert terminals_of(house).kept[1] == LOGS


@pytest.mark.parametrize("files", [_Bare, _Silent])
async def test_nothing_is_begun_where_nothing_could_keep_it(house: House, files: type[NoFiles]) -> None:
    dialog = await asked(house, files)
    assert not dialog.primary.isEnabled()
    assert not dialog.name.isVisible()
    dialog.reject()


async def test_it_is_closed_without_a_question_and_comes_back_to_the_same_session(tmp_path: Path) -> None:
    async with house_with(tmp_path) as house:
        [machine] = place(house, "production")
        await open_terminal(house)
        page_of(house).deck.open_on(machine, LOGS)
        await until(lambda: len(terminals_of(house).opened) == 2)
        frame = tab_of(house).frames()[0]
        terminals_of(house).opened[1].put(b"\x1b[?1049h$ ")
        await until(lambda: frame.pane.terminal.modes.is_alternate and frame.pane.state is SessionState.LIVE)
        assert not frame.is_busy
        assert page_of(house).live_shells() == 1
        assert frame.pane.guard.is_in_keeper
    async with house_with(tmp_path) as house:
        terminals = LocalTerminals()
        house.bridge._terminals = lambda: terminals  # type: ignore[assignment,return-value]
        place(house, "production")
        await house.open(app="terminal")
        await until(lambda: terminals.opened)
        assert terminals.kept == [LOGS]
