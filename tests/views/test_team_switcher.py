"""Several teams in one window: the list, the keys, making one, and that nothing of the former team stays."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.teams import CreateTeam
from machina_desktop.views.apps.machines import MachinesPage
from machina_desktop.views.deploy_wizard.wizard import DeployWizard
from machina_desktop.views.popup import Popup, PopupRow
from machina_desktop.views.team_dialog import NewTeamDialog, handle_from
from tests.fakes.gateway import FakeGateway, turn, until
from tests.fakes.rows import TEAM_ID, machine
from tests.fakes.shell import FakeTeams, Open, Opened, filled, press

OTHER = "team-02nord"
_ALT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier


class Several:
    """Prepares a gateway with a second team that has one machine of its own."""

    teams: FakeTeams

    def __call__(self, gateway: FakeGateway) -> None:
        self.teams = FakeTeams(gateway, (OTHER, "Nordlicht"))
        gateway.put(machine(1, machine_id="m-nord", name="nord-1", team_id=OTHER))


async def _opened(open_window: Open, prepare: Several | None = None) -> Opened:
    made = await filled(open_window(prepare=prepare or Several()))
    await until(lambda: len(made.desk.teams.teams) == 2)
    made.window.activateWindow()
    return made


async def _list(made: Opened) -> Popup:
    QTest.mouseClick(made.window.sidebar.team, Qt.MouseButton.LeftButton)
    await turn()
    popup = made.desk.teams.popup
    assert popup is not None
    return popup


def _row(popup: Popup, name: str) -> PopupRow:
    found = popup.findChild(PopupRow, name)
    assert isinstance(found, PopupRow)
    return found


def _names(made: Opened) -> set[str]:
    page = made.window.pages.page()
    assert isinstance(page, MachinesPage)
    return {each.name for each in page.machines_shown()}


class TestList:
    async def test_it_tells_role_home_and_which_is_in_view(self, open_window: Open) -> None:
        made = await _opened(open_window)
        popup = await _list(made)
        assert [row.accessibleName() for row in popup.rows()] == [
            "Nordlicht, Administrator · this computer",
            "Personal, Administrator · this computer, current",
            "New team…",
            "Join with a code…",
            "Connect to a server…",
        ]
        # A few rows need no scrolling.
        assert not popup._area.verticalScrollBar().isVisible()
        popup.close()

    async def test_choosing_shows_the_other_teams_machines_and_nothing_of_the_former(self, open_window: Open) -> None:
        made = await _opened(open_window)
        former = made.window.pages.page()
        made.window.inspect("machine", made.machine().machine_id)
        made.window.notify("web-1 is running.", kind="error")
        QTest.mouseClick(_row(await _list(made), f"team.{OTHER}"), Qt.MouseButton.LeftButton)
        await until(lambda: _names(made) == {"nord-1"})
        assert made.window.pages.page() is not former
        assert not any(dock.isVisible() for dock in made.window.inspectors.docks())
        assert made.toasts() == []
        await until(lambda: made.window.sidebar.team.text() == "Nordlicht")
        await until(lambda: made.window.status.runs.text() == "Nothing running")
        assert made.window.sidebar.entry("machines").badge() == 0
        assert made.window.sidebar.entry("deployments").badge() == 0
        assert made.desk.teams.popup is None

    async def test_the_arrow_keys_and_enter_choose(self, open_window: Open) -> None:
        made = await _opened(open_window)
        popup = await _list(made)
        first, second, new, _join, _connect = popup.rows()
        assert first.hasFocus()
        QTest.keyClick(first, Qt.Key.Key_Down)
        assert second.hasFocus()
        QTest.keyClick(second, Qt.Key.Key_Down)
        assert new.hasFocus()
        QTest.keyClick(new, Qt.Key.Key_Home)
        QTest.keyClick(first, Qt.Key.Key_Return)
        await until(lambda: made.bridge.team_id == OTHER)

    async def test_escape_closes_it_and_changes_nothing(self, open_window: Open) -> None:
        made = await _opened(open_window)
        popup = await _list(made)
        QTest.keyClick(popup.rows()[0], Qt.Key.Key_Escape)
        await until(lambda: made.desk.teams.popup is None)
        assert made.bridge.team_id == TEAM_ID

    async def test_it_opens_from_a_collapsed_sidebar(self, open_window: Open) -> None:
        made = await _opened(open_window)
        made.window.sidebar.set_collapsed(True)
        assert made.window.sidebar.team.toolTip() == "Team: Personal"
        popup = await _list(made)
        assert popup.isVisible()
        popup.close()


class TestSwitching:
    async def test_a_key_for_each_of_the_first_nine(self, open_window: Open) -> None:
        made = await _opened(open_window)
        press(made, Qt.Key.Key_1, _ALT)
        await until(lambda: made.bridge.team_id == OTHER)
        press(made, Qt.Key.Key_2, _ALT)
        await until(lambda: made.bridge.team_id == TEAM_ID)
        press(made, Qt.Key.Key_9, _ALT)
        assert made.bridge.team_id == TEAM_ID

    async def test_the_chosen_one_is_in_view_at_the_next_start(self, open_window: Open) -> None:
        first = await _opened(open_window)
        first.desk.teams.choose(OTHER)
        await turn()
        first.window.close_for_good()
        second = open_window(prepare=Several())
        await until(lambda: second.window.pages.page() is not None)
        assert second.bridge.team_id == OTHER
        assert all(ask.team_id == OTHER for ask in second.gateway.asked_of(ListMachines))

    async def test_an_answer_about_the_former_team_that_comes_late_is_not_shown(self, open_window: Open) -> None:
        made = await _opened(open_window)
        made.gateway.gate = asyncio.Event()
        page = made.window.pages.page()
        assert isinstance(page, MachinesPage)
        made.gateway.put(replace(made.run_in(DeploymentState.APPLYING), state=DeploymentState.FAILED))
        await turn(60)
        made.desk.teams.choose(OTHER)
        await turn()
        made.gateway.gate.set()
        made.gateway.gate = None
        await until(lambda: _names(made) == {"nord-1"})
        await turn(60)
        assert made.desk.runs.open_runs == ()
        assert made.toasts() == []
        assert _names(made) == {"nord-1"}

    async def test_who_is_put_out_of_the_team_in_view_sees_another_one(self, open_window: Open) -> None:
        several = Several()
        made = await _opened(open_window, several)
        made.desk.teams.choose(OTHER)
        await until(lambda: _names(made) == {"nord-1"})
        several.teams.leave(OTHER)
        await until(lambda: made.window.sidebar.team.text() == "Personal")
        await until(lambda: len(_names(made)) > 1)

    async def test_a_wizard_of_the_former_team_closes(self, open_window: Open) -> None:
        made = await _opened(open_window)
        made.window.open_deploy_wizard()
        assert made.window.findChildren(DeployWizard)
        made.bridge.choose_team(OTHER)
        await until(lambda: not any(each.isVisible() for each in made.window.findChildren(DeployWizard)))

    async def test_a_notice_of_the_former_team_leads_back_to_it(self, open_window: Open) -> None:
        made = await _opened(open_window)
        run = made.run_in(DeploymentState.APPLYING)
        made.gateway.put(replace(run, state=DeploymentState.FAILED))
        await until(made.toasts)
        made.desk.teams.choose(OTHER)
        await until(lambda: made.toasts() == [])
        act = made.window.notices.told()[0].notice.on_action
        assert act is not None
        act()
        assert made.bridge.team_id == TEAM_ID
        await until(lambda: made.window.is_inspecting("deployment", run.deployment_id))

    async def test_it_can_be_done_by_commands(self, open_window: Open) -> None:
        made = await _opened(open_window)
        titles = {command.title: command for command in made.window.commands.available()}
        assert titles["Switch to Nordlicht"].keys == "Ctrl+Alt+1"
        assert "Switch to Personal" not in titles
        assert made.window.commands.run(f"team.switch.{OTHER}")
        assert made.bridge.team_id == OTHER

    async def test_quitting_asks_for_runs_of_teams_that_are_not_in_view(self, open_window: Open) -> None:
        made = await _opened(open_window)
        made.desk.teams.choose(OTHER)
        await until(lambda: made.window.status.runs.text() == "Nothing running")
        agreed: list[bool] = []
        made.window.quit_agreed.connect(lambda: agreed.append(True))
        made.window.close()
        await until(lambda: made.desk.question)
        assert agreed == []


class TestNewTeam:
    async def _dialog(self, made: Opened) -> NewTeamDialog:
        QTest.mouseClick(_row(await _list(made), "team.new"), Qt.MouseButton.LeftButton)
        await turn()
        dialog = made.desk.teams.dialog
        assert dialog is not None
        return dialog

    async def test_it_is_made_and_comes_into_view(self, open_window: Open) -> None:
        made = await _opened(open_window)
        dialog = await self._dialog(made)
        QTest.keyClicks(dialog.name.control, "Web shop")
        assert dialog.handle.text() == "web-shop"
        QTest.keyClick(dialog.name.control, Qt.Key.Key_Return)
        await until(lambda: made.window.sidebar.team.text() == "Web shop")
        assert made.desk.teams.dialog is None
        (asked,) = made.gateway.asked_of(CreateTeam)
        assert made.bridge.team_id == asked.team_id

    async def test_a_handle_typed_by_hand_stays(self, open_window: Open) -> None:
        made = await _opened(open_window)
        dialog = await self._dialog(made)
        QTest.keyClicks(dialog.handle.control, "shop")
        QTest.keyClicks(dialog.name.control, "Web shop")
        assert dialog.handle.text() == "shop"
        dialog.reject()

    async def test_what_is_wrong_is_told_at_the_field(self, open_window: Open) -> None:
        made = await _opened(open_window)
        dialog = await self._dialog(made)
        QTest.mouseClick(dialog.primary, Qt.MouseButton.LeftButton)
        assert dialog.name.error() == "The name is empty."
        QTest.keyClicks(dialog.name.control, "Personal")
        QTest.mouseClick(dialog.primary, Qt.MouseButton.LeftButton)
        await until(dialog.handle.error)
        assert dialog.handle.error() == "The handle personal is taken. Choose another handle."
        assert dialog.handle.control.hasFocus()
        assert not dialog.name.error()
        QTest.keyClicks(dialog.handle.control, "!")
        QTest.mouseClick(dialog.primary, Qt.MouseButton.LeftButton)
        assert "lower-case letters" in dialog.handle.error()
        assert len(made.gateway.asked_of(CreateTeam)) == 1
        dialog.reject()

    @pytest.mark.parametrize(
        ("name", "handle"),
        [
            ("Büro Nord GmbH", "buro-nord-gmbh"),
            ("  --Acme--  ", "acme"),
            ("東京", ""),
            ("x", ""),
            ("a" * 80, "a" * 40),
            ("C++ & Go", "c-go"),
        ],
    )
    def test_handles_are_made_from_names(self, name: str, handle: str) -> None:
        assert handle_from(name) == handle


async def test_a_popup_stays_inside_of_a_small_window(open_window: Open) -> None:
    made = await _opened(open_window)
    made.window.resize(880, 560)
    await turn()
    popup = await _list(made)
    screen = made.window.screen().availableGeometry()
    assert screen.contains(popup.frameGeometry())
    assert isinstance(QApplication.activePopupWidget(), QWidget)
    popup.close()
