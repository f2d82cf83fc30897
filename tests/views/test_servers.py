"""Connecting to a server: what is asked, what goes wrong in words, and where one ends up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.account import Registration
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.services.servers import (
    CreateTeamAtServer,
    JoinAtServer,
    ProbeServer,
    RegisterAtServer,
    SignInAtServer,
)
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.inputs import Input
from tests.fakes.people_answers import CODE
from tests.fakes.people_rows import HOME, people_rows, team
from tests.fakes.server_answers import EMAIL, PASSWORD, SERVER_ID, server, status
from tests.fakes.stage import Stage, stage_with, until

LINK = f"machina://join/{CODE}?server={HOME}"


@pytest.fixture
async def stage(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    async with stage_with(people_rows()) as made:
        yield made


def opened(stage: Stage, text: str = "", **fields: object) -> ConnectDialog:
    over = stage.show(QWidget())
    dialog = ConnectDialog(stage.bridge, text=text, parent=over, **fields)  # type: ignore[arg-type]
    dialog.team_chosen.connect(stage.window.choose_team)
    dialog.open()
    return dialog


def line(stage: Stage, name: str) -> QLineEdit:
    return stage.find(QLineEdit, f"connect.{name}")


def field(stage: Stage, name: str) -> Input:
    made = line(stage, name).parent()
    assert isinstance(made, Input)
    return made


def fill(stage: Stage, **texts: str) -> None:
    for name, text in texts.items():
        line(stage, name).setText(text)


async def at_account(stage: Stage, text: str = HOME, **fields: object) -> ConnectDialog:
    dialog = opened(stage, text, **fields)
    await until(lambda: stage.has("connect.password"))
    return dialog


async def at_team(stage: Stage) -> ConnectDialog:
    dialog = await at_account(stage)
    fill(stage, email=EMAIL, password=PASSWORD)
    stage.press("connect.continue")
    await until(lambda: stage.has("connect.choice.join"))
    return dialog


class TestAddress:
    async def test_a_host_is_looked_for_over_https(self, stage: Stage) -> None:
        opened(stage)
        stage.type_into("connect.address", "machina.example.org")
        QTest.keyClick(line(stage, "address"), Qt.Key.Key_Return)
        await until(lambda: stage.has("connect.password"))
        assert [ask.url for ask in stage.gateway.asked_of(ProbeServer)] == [HOME]

    async def test_what_is_no_address_is_told_at_the_field_and_nobody_is_asked(self, stage: Stage) -> None:
        opened(stage)
        stage.type_into("connect.address", "not an address")
        stage.press("connect.continue")
        assert "machina.example.org" in field(stage, "address").error()
        assert stage.gateway.asked_of(ProbeServer) == []

    async def test_a_server_that_does_not_answer_is_told_at_the_field(self, stage: Stage) -> None:
        opened(stage)
        stage.type_into("connect.address", "nowhere.example.org")
        stage.press("connect.continue")
        await until(lambda: "no server at this address" in field(stage, "address").error())

    async def test_a_line_without_encryption_is_warned_of_before_anything_is_sent(self, stage: Stage) -> None:
        dialog = opened(stage, "http://nas.local:8000")
        assert stage.has("connect.exposed")
        assert dialog.primary.text() == "Continue unencrypted"
        assert stage.gateway.asked_of(ProbeServer) == []
        line(stage, "address").setText("https://nas.local:8000")
        assert not stage.has("connect.exposed")
        assert dialog.primary.text() == "Continue"


class TestAccount:
    async def test_signing_in_keeps_no_password_in_the_window(self, stage: Stage) -> None:
        await at_account(stage)
        fill(stage, email=f" {EMAIL} ", password=PASSWORD)
        stage.press("connect.continue")
        await until(lambda: stage.has("connect.choice.join"))
        (ask,) = stage.gateway.asked_of(SignInAtServer)
        assert (ask.url, ask.email, ask.password.reveal()) == (HOME, EMAIL, PASSWORD)
        assert line(stage, "password").text() == ""

    async def test_a_wrong_password_is_told_at_its_field(self, stage: Stage) -> None:
        await at_account(stage)
        fill(stage, email=EMAIL, password="not the right one")
        stage.press("connect.continue")
        await until(lambda: "is wrong" in field(stage, "password").error())

    async def test_enter_goes_from_field_to_field_and_then_on(self, stage: Stage) -> None:
        await at_account(stage)
        stage.type_into("connect.email", EMAIL)
        QTest.keyClick(line(stage, "email"), Qt.Key.Key_Return)
        await until(line(stage, "password").hasFocus)
        assert field(stage, "password").error() == ""
        stage.type_into("connect.password", PASSWORD)
        QTest.keyClick(line(stage, "password"), Qt.Key.Key_Return)
        await until(lambda: stage.gateway.asked_of(SignInAtServer))

    async def test_an_invite_link_leads_to_a_new_account_with_its_code(self, stage: Stage) -> None:
        dialog = await at_account(stage, LINK)
        assert line(stage, "code").text() == CODE
        assert dialog.primary.text() == "Make account"
        fill(stage, person="Ada", email=EMAIL, password=PASSWORD)
        stage.press("connect.continue")
        await until(lambda: stage.gateway.asked_of(RegisterAtServer))
        (ask,) = stage.gateway.asked_of(RegisterAtServer)
        assert (ask.code.reveal(), ask.display_name, ask.email) == (CODE, "Ada", EMAIL)

    async def test_a_server_for_invited_people_wants_the_code_and_a_long_password(self, stage: Stage) -> None:
        dialog = await at_account(stage)
        dialog._identity._modes.set_current("register")
        fill(stage, person="Ada", email=EMAIL, password="short")
        stage.press("connect.continue")
        assert field(stage, "code").error() == "Enter the code of your invite."
        assert "12 characters" in field(stage, "password").error()
        assert stage.gateway.asked_of(RegisterAtServer) == []

    async def test_an_open_server_wants_no_code(self, stage: Stage) -> None:
        stage.gateway.servers.found = replace(stage.gateway.servers.found, registration=Registration.OPEN)
        dialog = await at_account(stage)
        dialog._identity._modes.set_current("register")
        assert not stage.has("connect.code")

    async def test_the_first_account_can_only_be_made(self, stage: Stage) -> None:
        stage.gateway.servers.found = replace(stage.gateway.servers.found, has_accounts=False)
        dialog = await at_account(stage)
        assert dialog._identity._modes.isHidden()
        assert not stage.has("connect.code")
        assert "The first one administers it" in dialog._identity._remark.text()

    async def test_an_address_that_is_taken_is_told_at_its_field(self, stage: Stage) -> None:
        await at_account(stage, LINK)
        fill(stage, person="Ada", email="taken@example.org", password=PASSWORD)
        stage.press("connect.continue")
        await until(lambda: "Sign in instead" in field(stage, "email").error())

    async def test_signing_in_again_asks_for_the_password_only_and_ends_there(self, stage: Stage) -> None:
        stage.gateway.servers.statuses = (status(Connection.SIGNED_OUT),)
        dialog = await at_account(stage, "", again=server())
        done: list[object] = []
        dialog.finished.connect(done.append)
        assert line(stage, "email").text() == EMAIL
        assert not stage.has("connect.device")
        assert not stage.has("connect.back")
        fill(stage, password=PASSWORD)
        stage.press("connect.continue")
        await until(lambda: done)


class TestTeam:
    async def test_a_code_lets_one_join_and_puts_the_team_into_view(self, stage: Stage) -> None:
        dialog = await at_team(stage)
        stage.type_into("connect.team-code", CODE)
        stage.press("connect.continue")
        await until(lambda: stage.window.teams == ["team-09nord"])
        (ask,) = stage.gateway.asked_of(JoinAtServer)
        assert (ask.server_id, ask.code.reveal()) == (SERVER_ID, CODE)
        assert "Nordlicht is here" in dialog._copy._title.text()
        assert dialog.primary.text() == "Done"

    async def test_a_wrong_code_is_told_at_its_field(self, stage: Stage) -> None:
        await at_team(stage)
        stage.type_into("connect.team-code", "wrong")
        stage.press("connect.continue")
        await until(lambda: "lets nobody in" in field(stage, "team-code").error())

    async def test_a_team_is_founded_with_a_handle_from_its_name(self, stage: Stage) -> None:
        dialog = await at_team(stage)
        dialog._team.choose("found")
        fill(stage, **{"team-name": "Büro Nord"})
        stage.press("connect.continue")
        await until(lambda: stage.window.teams)
        (ask,) = stage.gateway.asked_of(CreateTeamAtServer)
        assert (ask.name, ask.handle) == ("Büro Nord", "buro-nord")

    async def test_a_handle_that_is_taken_is_told_at_its_field(self, stage: Stage) -> None:
        dialog = await at_team(stage)
        dialog._team.choose("found")
        fill(stage, **{"team-name": "Taken"})
        stage.press("connect.continue")
        await until(lambda: "is taken" in field(stage, "team-handle").error())

    async def test_teams_one_is_in_come_in_and_the_first_is_chosen(self, stage: Stage) -> None:
        dialog = await at_team(stage)
        stage.gateway.put(team(team_id="team-07lab", name="Lab", home=HOME))
        await until(lambda: dialog._team.choice == "team-07lab")
        assert dialog.primary.text() == "Open Lab"
        stage.press("connect.continue")
        assert stage.window.teams == ["team-07lab"]

    async def test_where_one_is_signed_in_already_a_link_leads_to_the_team_at_once(self, stage: Stage) -> None:
        stage.gateway.servers.statuses = (status(),)
        await until(lambda: servers_of(stage.bridge).statuses)
        opened(stage, LINK)
        await until(lambda: stage.has("connect.choice.join"))
        assert line(stage, "team-code").text() == CODE
        assert stage.gateway.asked_of(ProbeServer) == []
        assert stage.gateway.asked_of(JoinAtServer) == []


class TestLeaving:
    async def test_escape_goes_back_to_the_address_and_then_closes(self, stage: Stage) -> None:
        dialog = await at_account(stage)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        assert stage.has("connect.address")
        done: list[object] = []
        dialog.finished.connect(done.append)
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        await until(lambda: done)

    async def test_what_was_typed_is_not_dropped_without_a_question(self, stage: Stage) -> None:
        dialog = await at_account(stage)
        fill(stage, email=EMAIL)
        stage.press("connect.cancel")
        await until(lambda: dialog.findChild(ConfirmDialog, "connect.leave"))
        assert dialog.isVisible()
        done: list[object] = []
        dialog.finished.connect(done.append)
        stage.press("connect.leave.confirm")
        await until(lambda: done)
