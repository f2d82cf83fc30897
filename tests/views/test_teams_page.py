"""The Teams page: switching, making, joining, editing, and leaving with what stands in the way told first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QFileDialog, QLineEdit
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Team, TeamMember, TeamRole
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.invites import ListInvites
from machina_desktop.core.services.members import LeaveTeam
from machina_desktop.core.services.servers import CreateTeamAtServer, JoinAtServer
from machina_desktop.core.services.teams import CreateTeam, DeleteTeam, ListTeams, UpdateTeam
from machina_desktop.views.apps.team_detail import TeamDetail
from machina_desktop.views.apps.teams import TeamsPage
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.widgets.inputs import Input
from tests.fakes.people_answers import CODE
from tests.fakes.people_rows import HOME, people_rows, team
from tests.fakes.rows import TEAM_ID, team_rows
from tests.fakes.server_answers import SERVER_ID, status
from tests.fakes.stage import Stage, stage_with, until

OTHER = "team-02nord"


@pytest.fixture
async def stage(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    other = team(team_id=OTHER, name="Nordlicht", handle="nord", home=HOME)
    async with stage_with((*team_rows(machines=6, runs=0), *people_rows(), other)) as made:
        roles = ((TEAM_ID, TeamRole.ADMIN), (OTHER, TeamRole.MEMBER))
        made.gateway.actor = replace(made.gateway.actor, team_roles=roles)
        made.gateway.servers.statuses = (status(),)
        yield made


@pytest.fixture
async def page(stage: Stage) -> TeamsPage:
    made = stage.show(TeamsPage(stage.bridge, stage.window), width=1300)
    await until(lambda: made.list.model.rowCount() == 2 and servers_of(stage.bridge).statuses)
    return made


def cells(page: TeamsPage, team_id: str) -> dict[str, str]:
    model = page.list.model
    return {column.key: column.words(model.record(model.row_of(team_id))) for column in model.columns}


def button(stage: Stage, name: str) -> QAbstractButton:
    return stage.find(QAbstractButton, name)


async def test_teams_are_listed_with_role_people_machines_and_home(page: TeamsPage) -> None:
    await until(lambda: cells(page, TEAM_ID)["members"] == "5" and cells(page, TEAM_ID)["machines"] != "–")
    mine, other = cells(page, TEAM_ID), cells(page, OTHER)
    assert (mine["name"], mine["handle"], mine["role"], mine["home"], mine["view"]) == (
        "Personal",
        "personal",
        "Administrator",
        "this computer",
        "in view",
    )
    assert (other["role"], other["home"], other["view"]) == ("Member", "machina.example.org", "")


async def test_search_looks_through_names_and_handles(stage: Stage, page: TeamsPage) -> None:
    stage.type_into("teams.search", "NORD")
    await until(lambda: page.list.model.rowCount() == 1)
    stage.type_into("teams.search", "zzz")
    await until(lambda: stage.has("teams.unmatched"))


async def test_enter_switches_and_an_arrow_only_looks(stage: Stage, page: TeamsPage) -> None:
    page.list.table.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(page.list.table, Qt.Key.Key_Down)
    key = page.list.table.selection.current_key()
    assert stage.window.inspected == [("team", key)]
    assert stage.window.teams == []
    page.list.table.select_key(OTHER)
    QTest.keyClick(page.list.table, Qt.Key.Key_Return)
    assert stage.window.teams == [OTHER]


async def test_the_team_in_view_is_not_switched_to(stage: Stage, page: TeamsPage) -> None:
    page.list.table.select_key(TEAM_ID)
    QTest.keyClick(page.list.table, Qt.Key.Key_Return)
    assert stage.window.teams == []


async def test_a_team_is_made_with_a_handle_from_its_name(stage: Stage, page: TeamsPage) -> None:
    stage.press("teams.new")
    name = stage.find(Input, "team.name")
    QTest.keyClicks(name.control, "Acme Robotics")
    QTest.keyClick(name.control, Qt.Key.Key_Return)
    await until(lambda: stage.window.inspected)
    (ask,) = stage.gateway.asked_of(CreateTeam)
    assert (ask.name, ask.handle) == ("Acme Robotics", "acme-robotics")
    assert stage.window.inspected == [("team", ask.team_id)]
    assert stage.window.notices == [("success", "Acme Robotics is made")]


async def test_a_team_can_be_made_on_a_server(stage: Stage, page: TeamsPage) -> None:
    stage.press("teams.new")
    home = stage.find(QComboBox, "team.home")
    assert [home.itemText(row) for row in range(home.count())] == ["this computer", "machina.example.org"]
    home.setCurrentIndex(1)
    stage.find(Input, "team.name").set_text("Acme Robotics")
    QTest.keyClick(stage.find(Input, "team.name").control, Qt.Key.Key_Return)
    await until(lambda: stage.gateway.asked_of(CreateTeamAtServer))
    assert stage.gateway.asked_of(CreateTeam) == []


async def test_a_code_lets_one_join(stage: Stage, page: TeamsPage) -> None:
    stage.press("teams.join")
    stage.type_into("join_team.code", CODE)
    stage.press("join_team.submit")
    await until(lambda: stage.window.notices == [("success", "You are in Nordlicht now")])
    (ask,) = stage.gateway.asked_of(JoinAtServer)
    assert (ask.server_id, ask.code.reveal()) == (SERVER_ID, CODE)


async def test_a_wrong_code_and_none_are_told_at_the_field(stage: Stage, page: TeamsPage) -> None:
    stage.press("teams.join")
    stage.press("join_team.submit")
    field = stage.find(QLineEdit, "join_team.code").parent()
    assert isinstance(field, Input)
    assert field.error() == "Enter the code."
    stage.type_into("join_team.code", "wrong")
    stage.press("join_team.submit")
    await until(lambda: "lets nobody in" in field.error())


async def test_a_link_fills_the_code_in_and_does_nothing_else(stage: Stage, page: TeamsPage) -> None:
    page.go_to(f"join-{CODE}")
    assert stage.find(QLineEdit, "join_team.code").text() == CODE
    assert stage.gateway.asked_of(JoinAtServer) == []


async def test_a_refused_list_offers_to_try_again(stage: Stage, page: TeamsPage) -> None:
    def refuse(_ask: ListTeams) -> tuple[Team, ...]:
        raise Unavailable("The database is busy.")

    stage.gateway.answers[ListTeams] = refuse
    page.list.refresh()
    await until(page.list.states.error.isVisible)


async def detail_of(stage: Stage, team_id: str) -> TeamDetail:
    made = stage.show(TeamDetail(stage.bridge, stage.window, team_id), width=360)
    await until(lambda: stage.has("team.leave") and made._machines is not None)
    return made


async def test_the_detail_sums_up_people_and_invites(stage: Stage) -> None:
    detail = await detail_of(stage, TEAM_ID)
    await until(detail._invited.isVisible)
    assert detail._people.text() == "5 people, 2 administrators"
    assert detail._invited.text() == "2 open invites"
    stage.press("team.members")
    assert stage.window.opened == ["members"]


async def test_another_team_can_be_switched_to_and_its_invites_are_its_administrators_business(stage: Stage) -> None:
    detail = await detail_of(stage, OTHER)
    assert not stage.has("team.members")
    assert not detail._invites.isVisible()
    assert stage.gateway.asked_of(ListInvites) == []
    stage.press("team.switch")
    assert stage.window.teams == [OTHER]
    assert button(stage, "team.edit").toolTip() == "Only administrators of the team may do this."


async def test_name_handle_and_picture_are_changed(stage: Stage, tmp_path: Path) -> None:
    await detail_of(stage, TEAM_ID)
    file = tmp_path / "logo.png"
    picture = QImage(300, 200, QImage.Format.Format_RGB32)
    picture.fill(Qt.GlobalColor.red)
    picture.save(str(file))
    stage.press("team.edit")
    name = stage.find(Input, "team.name").control
    name.clear()
    QTest.keyClicks(name, "Acme")
    # The handle of a team that exists is an address: it does not follow the name.
    assert stage.find(Input, "team.handle").text() == "personal"
    stage.press("team.picture.choose")
    stage.find(QFileDialog, "team.picture.files").fileSelected.emit(str(file))
    await until(lambda: stage.has("team.picture.remove"))
    stage.press("edit_team.save")
    await until(lambda: stage.window.notices == [("success", "Acme is saved")])
    (ask,) = stage.gateway.asked_of(UpdateTeam)
    assert (ask.name, ask.handle) == ("Acme", "personal")
    assert (ask.avatar_url or "").startswith("data:image/png;base64,")


async def test_a_team_with_machines_says_why_it_cannot_be_deleted(stage: Stage) -> None:
    await detail_of(stage, TEAM_ID)
    assert not button(stage, "team.delete").isEnabled()
    assert "destroy them first" in button(stage, "team.delete").toolTip()


async def test_an_empty_team_is_deleted_once_its_handle_is_typed(stage: Stage) -> None:
    for each in stage.gateway.all(Machine):
        stage.gateway.remove(Machine, each.machine_id)
    detail = await detail_of(stage, TEAM_ID)
    await until(lambda: detail._machines == 0)
    stage.press("team.delete")
    assert not button(stage, "delete_team.confirm").isEnabled()
    guard = next(
        each for each in button(stage, "delete_team.confirm").window().findChildren(QLineEdit) if each.isVisible()
    )
    QTest.keyClicks(guard, "personal")
    stage.press("delete_team.confirm")
    await until(lambda: stage.gateway.asked_of(DeleteTeam))


async def test_the_only_team_can_be_neither_left_nor_deleted(stage: Stage) -> None:
    stage.gateway.actor = replace(stage.gateway.actor, team_roles=((TEAM_ID, TeamRole.ADMIN),))
    await detail_of(stage, TEAM_ID)
    assert "your only team" in button(stage, "team.leave").toolTip()


async def test_the_last_administrator_is_told_before_leaving(stage: Stage) -> None:
    await detail_of(stage, TEAM_ID)
    assert button(stage, "team.leave").isEnabled()
    stage.gateway.put(replace(stage.gateway.get(TeamMember, "member-02"), role=TeamRole.MEMBER))
    await until(lambda: not button(stage, "team.leave").isEnabled())
    assert "last administrator" in button(stage, "team.leave").toolTip()


async def test_a_team_is_left_after_a_question(stage: Stage) -> None:
    await detail_of(stage, OTHER)
    stage.press("team.leave")
    assert stage.gateway.asked_of(LeaveTeam) == []
    stage.press("leave_team.confirm")
    await until(lambda: stage.gateway.asked_of(LeaveTeam))
    assert stage.gateway.asked_of(LeaveTeam)[0].team_id == OTHER
    await until(lambda: stage.window.notices == [("success", "You have left Nordlicht")])
