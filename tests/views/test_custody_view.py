"""A shared team: who keeps secrets, where runs are carried out, and moving between this computer and a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QLabel, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.custody import Custody
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.provider import ProviderAccount, ProviderInfo, ProviderType
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.team import Team, TeamMember, TeamRole
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.handing_over import HandOver, ShareSecret, StopSharingSecret
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import RebootMachine
from machina_desktop.core.services.moving import MoveTeam
from machina_desktop.core.services.providers import AddAccount
from machina_desktop.views.apps.key_detail import KeyDetail
from machina_desktop.views.apps.key_dialogs import GenerateKeyDialog
from machina_desktop.views.apps.machine_actions import Action, MachineActions
from machina_desktop.views.apps.machine_detail import MachineDetail
from machina_desktop.views.apps.provider_detail import ProviderDetail
from machina_desktop.views.apps.provider_dialog import AddAccountDialog
from machina_desktop.views.apps.team_detail import TeamDetail
from machina_desktop.views.deploy_wizard.place import Place, why_not_at
from machina_desktop.views.server_custody import custody_words, is_carried_out_here, place_words
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.widgets.text import KeyValueList
from tests.fakes.people_rows import HOME, people_rows, team
from tests.fakes.rows import PROVIDER_INFOS, TEAM_ID, deployment, team_rows
from tests.fakes.server_answers import DEVICE_ID, SERVER_ID, status
from tests.fakes.stage import Stage, stage_with, until

OTHER_DEVICE = "device-02other"
HETZNER = next(info for info in PROVIDER_INFOS if info.type is ProviderType.HETZNER)


@pytest.fixture
async def stage(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    async with stage_with((*team_rows(machines=6, runs=0), *people_rows())) as made:
        made.gateway.rows[Team][TEAM_ID] = team(home=HOME)
        made.gateway.servers.statuses = (status(),)
        watch = servers_of(made.bridge)
        await until(lambda: watch.status_of(TEAM_ID))
        yield made


def account(**fields: object) -> ProviderAccount:
    row = next(row for row in team_rows(machines=1, runs=0) if isinstance(row, ProviderAccount))
    return replace(row, provider_account_id="account-hetzner", **fields)  # type: ignore[arg-type]


def put_account(stage: Stage, **fields: object) -> str:
    row = stage.gateway.get(ProviderAccount, "account-hetzner")
    stage.gateway.put(replace(row, **fields))  # type: ignore[arg-type]
    return row.provider_account_id


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, ""),
        ({"keeper": DEVICE_ID}, "only on this computer"),
        ({"keeper": DEVICE_ID, "custody": Custody.SERVER}, "this computer and server"),
        ({"custody": Custody.SERVER}, "only on the server"),
        ({"keeper": OTHER_DEVICE}, "on another computer"),
    ],
)
def test_it_is_told_where_credentials_can_be_opened(fields: dict[str, object], words: str) -> None:
    assert custody_words(account(**fields), DEVICE_ID) == words
    assert custody_words(account(**fields), "") == ""


def test_it_is_told_who_works_on_a_machine() -> None:
    assert place_words("", DEVICE_ID) == "the server"
    assert place_words(DEVICE_ID, DEVICE_ID) == "this computer"
    assert place_words(OTHER_DEVICE, DEVICE_ID) == "another computer"
    assert place_words("", "") == ""


@pytest.mark.parametrize(
    ("fields", "info", "server", "here"),
    [
        ({"custody": Custody.SERVER, "keeper": DEVICE_ID}, HETZNER, "", ""),
        ({"custody": Custody.SERVER}, HETZNER, "", "Only the server's runner"),
        ({"keeper": DEVICE_ID}, HETZNER, "only on this computer", ""),
        ({"keeper": OTHER_DEVICE}, HETZNER, "another computer", "another computer"),
        ({}, replace(HETZNER, is_on_this_computer=True), "practice machine", ""),
    ],
)
def test_a_run_can_only_be_where_its_credentials_are(
    fields: dict[str, object], info: ProviderInfo, server: str, here: str
) -> None:
    row = account(**fields)
    for place, words in ((Place.SERVER, server), (Place.HERE, here)):
        said = why_not_at(place, row, info, device_id=DEVICE_ID, login_keys=())
        assert (words in said) if words else not said


async def test_a_new_account_stays_here_until_it_is_said_otherwise(stage: Stage) -> None:
    for name, custody in (("local", Custody.LOCAL), ("server", Custody.SERVER)):
        over = stage.show(QWidget())
        AddAccountDialog(stage.bridge, kind=ProviderType.HETZNER, parent=over).open()
        await until(lambda: stage.has("add_account.field.api_token"))
        stage.type_into("add_account.label", name)
        stage.type_into("add_account.field.api_token", "token")
        stage.press(f"add_account.custody.{name}")
        stage.press("add_account.submit")
        await until(partial(_was_added, stage, name))
        assert stage.gateway.asked_of(AddAccount)[-1].custody is custody


async def test_a_key_may_be_made_for_the_runner_too(stage: Stage) -> None:
    over = stage.show(QWidget())
    GenerateKeyDialog(stage.bridge, parent=over).open()
    stage.type_into("generate_key.name", "ci")
    stage.press("generate_key.custody.server")
    stage.press("generate_key.submit")
    await until(lambda: stage.gateway.asked_of(GenerateKey))
    assert stage.gateway.asked_of(GenerateKey)[0].custody is Custody.SERVER


async def test_a_team_of_this_computer_is_not_asked_who_keeps_it(stage: Stage) -> None:
    stage.gateway.put(team(home=""))
    await until(lambda: servers_of(stage.bridge).status_of(TEAM_ID) is None)
    over = stage.show(QWidget())
    GenerateKeyDialog(stage.bridge, parent=over).open()
    assert not stage.has("generate_key.custody.server")


async def test_sharing_says_the_consequences_first_and_ends_the_same_way(stage: Stage) -> None:
    key = put_account(stage, keeper=DEVICE_ID)
    stage.show(ProviderDetail(stage.bridge, stage.window, key), width=360)
    await until(lambda: stage.has("provider_account.share"))
    stage.press("provider_account.share")
    assert stage.gateway.asked_of(ShareSecret) == []
    stage.press("share.confirm")
    await until(lambda: stage.has("provider_account.stop_sharing"))
    assert [ask.account_id for ask in stage.gateway.asked_of(ShareSecret)] == [key]
    assert "cannot be taken back" in stage.window.notices[-1][1]
    stage.press("provider_account.stop_sharing")
    stage.press("stop_sharing.confirm")
    await until(lambda: [ask.account_id for ask in stage.gateway.asked_of(StopSharingSecret)] == [key])


async def test_a_key_of_another_computer_cannot_be_shared_from_here(stage: Stage) -> None:
    row = stage.gateway.get(SSHKey, "key-laptop")
    stage.gateway.put(replace(row, keeper=OTHER_DEVICE))
    detail = stage.show(KeyDetail(stage.bridge, stage.window, "key-laptop"), width=360)
    await until(lambda: stage.has("key.delete"))
    assert not stage.has("key.share")
    assert _value(detail, "custody") == "on another computer"


async def test_a_machine_is_worked_on_by_who_keeps_its_record(stage: Stage) -> None:
    row = replace(stage.gateway.all(Machine)[0], state_keeper=DEVICE_ID)
    over = stage.show(QWidget())
    MachineActions(stage.bridge, stage.window, over).run(Action.REBOOT, (row,))
    await until(lambda: stage.gateway.asked_of(RebootMachine))
    assert stage.gateway.asked_of(RebootMachine)[0].runs_on == DEVICE_ID


async def test_a_machine_of_this_computer_is_handed_over_after_a_question(stage: Stage) -> None:
    row = next(each for each in stage.gateway.all(Machine) if each.provider is ProviderType.HETZNER)
    stage.gateway.put(replace(row, state_keeper=DEVICE_ID))
    detail = stage.show(MachineDetail(stage.bridge, stage.window, row.machine_id), width=360)
    await until(lambda: stage.has("machine.hand_over"))
    stage.press("machine.hand_over")
    stage.press("hand_over.confirm")
    await until(lambda: not stage.has("machine.hand_over"))
    assert [ask.machine_id for ask in stage.gateway.asked_of(HandOver)] == [row.machine_id]
    assert _value(detail, "keeper") == "the server"


async def test_while_the_server_is_away_nothing_can_be_asked_of_a_machine(stage: Stage) -> None:
    row = next(each for each in stage.gateway.all(Machine) if each.provider is ProviderType.HETZNER)
    stage.show(MachineDetail(stage.bridge, stage.window, row.machine_id), width=360)
    await until(lambda: stage.has("machine.destroy"))
    destroy = stage.find(QAbstractButton, "machine.destroy")
    stage.gateway.servers.tell(Connection.OFFLINE)
    await until(lambda: not destroy.isEnabled())
    assert destroy.toolTip() == "This needs the server machina.example.org, which cannot be reached."
    stage.gateway.servers.tell(Connection.LIVE)
    await until(destroy.isEnabled)


async def test_what_another_computer_works_on_is_not_offered_here(stage: Stage) -> None:
    row = next(each for each in stage.gateway.all(Machine) if each.provider is ProviderType.HETZNER)
    stage.gateway.put(replace(row, state_keeper=OTHER_DEVICE))
    detail = stage.show(MachineDetail(stage.bridge, stage.window, row.machine_id), width=360)
    await until(lambda: stage.has("machine.destroy"))
    destroy = stage.find(QAbstractButton, "machine.destroy")
    await until(lambda: not destroy.isEnabled())
    assert "Another computer of the team" in destroy.toolTip()
    assert _value(detail, "keeper") == "another computer"


async def test_the_question_before_an_end_says_who_carries_it_out(stage: Stage) -> None:
    row = replace(stage.gateway.all(Machine)[0], state_keeper=DEVICE_ID)
    over = stage.show(QWidget())
    MachineActions(stage.bridge, stage.window, over).run(Action.DESTROY, (row,))
    said = [label.text() for label in stage.find(QWidget, "machine.destroy-dialog").findChildren(QLabel)]
    assert "This cannot be undone. It is carried out by this computer." in said


async def test_quitting_asks_about_runs_of_this_computer_only(stage: Stage) -> None:
    run: Deployment = deployment(1)
    assert not is_carried_out_here(stage.bridge, replace(run, runs_on=OTHER_DEVICE))
    assert not is_carried_out_here(stage.bridge, replace(run, runs_on=""))
    assert is_carried_out_here(stage.bridge, replace(run, runs_on=DEVICE_ID))
    assert is_carried_out_here(stage.bridge, replace(run, team_id="team-of-this-computer", runs_on=""))


class TestMoving:
    async def _detail(self, stage: Stage, home: str) -> TeamDetail:
        stage.gateway.put(team(home=home))
        detail = stage.show(TeamDetail(stage.bridge, stage.window, TEAM_ID), width=360)
        await until(lambda: stage.has("team.move") and detail._members)
        return detail

    async def test_a_team_moves_to_a_server_after_it_was_said_what_happens(self, stage: Stage) -> None:
        await self._detail(stage, "")
        stage.press("team.move")
        assert stage.gateway.asked_of(MoveTeam) == []
        stage.press("move_team.confirm")
        await until(lambda: stage.window.notices)
        (ask,) = stage.gateway.asked_of(MoveTeam)
        assert (ask.team_id, ask.server_id, ask.handle) == (TEAM_ID, SERVER_ID, "")
        assert stage.window.notices == [("success", "Personal lives on machina.example.org now")]

    async def test_a_handle_that_is_taken_there_can_be_replaced(self, stage: Stage) -> None:
        stage.gateway.servers.taken_handle = "personal"
        await self._detail(stage, "")
        stage.press("team.move")
        stage.press("move_team.confirm")
        await until(lambda: stage.has("move_team.handle"))
        stage.type_into("move_team.handle", "-2")
        stage.press("move_team.confirm")
        await until(lambda: stage.window.notices)
        assert stage.gateway.asked_of(MoveTeam)[-1].handle == "personal-2"

    async def test_a_move_that_fails_is_told_where_it_was_asked_for(self, stage: Stage) -> None:
        def refuse(_ask: MoveTeam) -> Team:
            raise Unavailable("The server does not answer.")

        stage.gateway.answers[MoveTeam] = refuse
        await self._detail(stage, "")
        stage.press("team.move")
        stage.press("move_team.confirm")
        await until(lambda: stage.find(QAbstractButton, "move_team.confirm").isEnabled())
        assert stage.window.notices == []

    async def test_bringing_a_team_here_says_how_many_lose_it(self, stage: Stage) -> None:
        await self._detail(stage, HOME)
        stage.press("team.move")
        said = [label.text() for label in stage.find(QWidget, "bring_team").findChildren(QLabel)]
        assert "4 other people lose the team." in said
        stage.press("bring_team.confirm")
        await until(lambda: stage.window.notices == [("success", "Personal lives on this computer now")])

    async def test_the_last_administrator_is_known_by_who_they_are_at_the_home(self, stage: Stage) -> None:
        there = replace(stage.gateway.actor, user_id="user-02grace")
        stage.gateway.actor_in = lambda team_id: there  # type: ignore[method-assign]  # noqa: ARG005
        mine = next(row for row in stage.gateway.all(TeamMember) if row.user_id == stage.gateway.actor.user_id)
        stage.gateway.put(replace(mine, role=TeamRole.MEMBER))
        stage.gateway.actor = replace(
            stage.gateway.actor, team_roles=((TEAM_ID, TeamRole.ADMIN), ("team-02", TeamRole.ADMIN))
        )
        detail = await self._detail(stage, HOME)
        await until(lambda: "last administrator" in detail._leave.toolTip())


def _was_added(stage: Stage, label: str) -> bool:
    return label in [ask.label for ask in stage.gateway.asked_of(AddAccount)]


def _value(detail: QWidget, key: str) -> str:
    for facts in detail.findChildren(KeyValueList):
        if key in facts._values:
            return str(facts.widget(key).text())  # type: ignore[attr-defined]
    raise AssertionError(key)
