"""The Members page: who is here, what they may do, inviting with honesty, removing with the list of what to rotate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QComboBox, QDialog, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.domain.team import Access, Grant, Team, TeamMember, TeamRole
from machina_desktop.core.errors import Conflict, Unavailable
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.invites import CreateInvite, ListInvites, RevokeInvite
from machina_desktop.core.services.members import (
    AddGrant,
    ChangeRole,
    Exposure,
    ListExposure,
    ListMembers,
    RemoveGrant,
    RemoveMember,
)
from machina_desktop.views import remembered
from machina_desktop.views.apps.member_detail import MemberDetail
from machina_desktop.views.apps.member_invite import InviteDialog
from machina_desktop.views.apps.member_invite_detail import InviteDetail
from machina_desktop.views.apps.members import MembersPage
from machina_desktop.views.callout import Callout
from machina_desktop.views.links import Link
from machina_desktop.views.widgets.buttons import Segmented
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.list_view import List
from tests.fakes.people_answers import CODE
from tests.fakes.people_rows import HOME, people_rows
from tests.fakes.rows import ACTOR_ID, TEAM_ID, team_rows
from tests.fakes.stage import Stage, stage_with, turn, until


@pytest.fixture
async def stage(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    async with stage_with((*team_rows(machines=6, runs=0), *people_rows())) as made:
        yield made


def shared(stage: Stage) -> None:
    """The team lives on a server."""
    stage.gateway.put(replace(stage.gateway.get(Team, TEAM_ID), home=HOME))


def as_member(stage: Stage) -> None:
    """Whoever sits here is no administrator."""
    stage.gateway.actor = replace(stage.gateway.actor, team_roles=((TEAM_ID, TeamRole.MEMBER),))


@pytest.fixture
async def page(stage: Stage) -> MembersPage:
    return await opened(stage)


async def opened(stage: Stage) -> MembersPage:
    made = stage.show(MembersPage(stage.bridge, stage.window), width=1300)
    await until(lambda: made.list.model.rowCount() == 5)
    await turn()
    return made


def cells(page: MembersPage, member: str) -> dict[str, str]:
    model = page.list.model
    return {column.key: column.words(model.record(model.row_of(member))) for column in model.columns}


def button(stage: Stage, name: str) -> QAbstractButton:
    return stage.find(QAbstractButton, name)


async def test_members_are_listed_with_role_grants_and_who_invited_them(page: MembersPage) -> None:
    assert cells(page, "member-01")["name"] == "Ada Lovelace (you)"
    linus = cells(page, "member-03")
    assert linus["email"] == "linus@example.org"
    assert linus["role"] == "Member"
    assert linus["grants"] == "Deployer: env:lab, Viewer: env:prod"
    await until(lambda: cells(page, "member-03")["inviter"] == "Ada Lovelace")


async def test_role_and_search_are_asked_of_the_core_and_the_role_is_remembered(
    stage: Stage, page: MembersPage
) -> None:
    combo = stage.find(QComboBox, "members.filter.role")
    combo.setCurrentIndex(combo.findData("admin"))
    await until(lambda: page.list.model.rowCount() == 2)
    stage.type_into("members.search", "grace")
    await until(lambda: page.list.model.rowCount() == 1)
    ask = stage.gateway.asked_of(ListMembers)[-1]
    assert (ask.role, ask.search) == (TeamRole.ADMIN, "grace")
    assert remembered.recall("members") == {"role": "admin"}


async def test_selecting_a_row_opens_the_sidekick(stage: Stage, page: MembersPage) -> None:
    page.list.table.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(page.list.table, Qt.Key.Key_Down)
    assert stage.window.inspected[-1] == ("member", "member-01")


async def test_a_team_on_this_computer_says_why_nobody_can_be_invited(stage: Stage, page: MembersPage) -> None:
    assert not button(stage, "members.invite").isEnabled()
    assert "once it is on a shared server" in button(stage, "members.invite").toolTip()
    assert stage.has("members.local")
    shared(stage)
    await until(lambda: button(stage, "members.invite").isEnabled())
    assert not stage.has("members.local")


async def test_whoever_is_no_administrator_sees_no_invites_and_is_told_why(stage: Stage) -> None:
    as_member(stage)
    shared(stage)
    page = await opened(stage)
    assert button(stage, "members.invite").toolTip() == "Only administrators of the team may do this."
    assert not stage.has("members.switch")
    page.go_to("invites")
    await turn()
    assert stage.gateway.asked_of(ListInvites) == []


@pytest.fixture
async def invited(stage: Stage) -> MembersPage:
    shared(stage)
    page = await opened(stage)
    await until(lambda: button(stage, "members.invite").isEnabled())
    stage.press("members.invite")
    return page


async def test_an_invite_is_made_for_a_role_and_a_time_and_its_code_shown_once(
    stage: Stage, invited: MembersPage
) -> None:
    role, hours = stage.find(QComboBox, "invite.role"), stage.find(QComboBox, "invite.hours")
    role.setCurrentIndex(role.findData("admin"))
    hours.setCurrentIndex(hours.findData("24"))
    stage.press("invite.submit")
    await until(lambda: stage.has("invite.once"))
    (ask,) = stage.gateway.asked_of(CreateInvite)
    assert (ask.role, ask.hours) == (TeamRole.ADMIN, 24)
    dialog = stage.find(InviteDialog, "invite")
    for part in (CODE, f"machina://join/{CODE}", HOME, "Personal"):
        assert part in dialog.message()
    stage.press("invite.copy")
    assert QGuiApplication.clipboard().text() == dialog.message()
    stage.press("invite.submit")
    await until(lambda: not stage.has("invite.submit"))
    # The page shows it among the invites.
    await until(lambda: stage.has("invites.table"))
    await until(lambda: invited.invites.model.rowCount() == 5)
    assert len(stage.gateway.asked_of(CreateInvite)) == 1


async def test_the_link_of_an_invite_can_be_opened() -> None:
    link = Link.to_join(CODE)
    assert Link.parse(str(link)) == link


async def test_a_refused_invite_is_told_in_the_dialog_and_tried_again_under_the_same_id(
    stage: Stage, invited: MembersPage
) -> None:
    answer = stage.gateway.answers[CreateInvite]

    def refuse(_ask: CreateInvite) -> None:
        raise Unavailable("The server does not answer.")

    stage.gateway.answers[CreateInvite] = refuse
    stage.press("invite.submit")
    dialog = stage.find(InviteDialog, "invite")
    await until(lambda: "does not answer" in dialog._error.text())
    stage.gateway.answers[CreateInvite] = answer
    stage.press("invite.submit")
    await until(dialog.message)
    first, second = stage.gateway.asked_of(CreateInvite)
    assert first.invite_id == second.invite_id


async def test_invites_are_listed_with_their_state_and_end(stage: Stage, page: MembersPage) -> None:
    page.go_to("invites")
    await until(lambda: page.invites.model.rowCount() == 4)
    model = page.invites.model
    rows = {
        model.record(row).invite_id: {column.key: column.words(model.record(row)) for column in model.columns}
        for row in range(4)
    }
    assert rows["invite-01"]["state"] == "open"
    assert rows["invite-01"]["expires"] == "in 1 d 5 h"
    assert rows["invite-03"]["used"] == "Margaret Hamilton"
    combo = stage.find(QComboBox, "invites.filter.state")
    combo.setCurrentIndex(combo.findData("open"))
    await until(lambda: model.rowCount() == 2)
    assert stage.gateway.asked_of(ListInvites)[-1].state is InviteState.OPEN
    stage.type_into("invites.search", "nobody")
    await until(lambda: stage.has("invites.unmatched"))


async def test_the_keyboard_goes_on_at_the_switch_of_the_other_list(stage: Stage, page: MembersPage) -> None:
    page.activateWindow()
    QTest.mouseClick(stage.find(Segmented, "members.switch")._group.button(1), Qt.MouseButton.LeftButton)
    await until(lambda: stage.has("invites.table"))
    assert stage.find(Segmented, "invites.switch").current() == "invites"
    assert stage.find(Segmented, "invites.switch")._group.button(1).hasFocus()
    QTest.mouseClick(stage.find(Segmented, "invites.switch")._group.button(0), Qt.MouseButton.LeftButton)
    assert stage.find(Segmented, "members.switch").current() == "members"
    assert stage.find(Segmented, "members.switch")._group.button(0).hasFocus()


async def test_an_open_invite_is_revoked_after_a_question(stage: Stage) -> None:
    stage.show(InviteDetail(stage.bridge, stage.window, "invite-01"), width=360)
    await until(lambda: stage.has("invite.revoke"))
    stage.press("invite.revoke")
    stage.press("revoke_invite.confirm")
    await until(lambda: stage.gateway.asked_of(RevokeInvite))
    await until(lambda: not button(stage, "invite.revoke").isEnabled())
    assert button(stage, "invite.revoke").toolTip() == "It lets nobody in any more."


async def detail_of(stage: Stage, member: str) -> MemberDetail:
    made = stage.show(MemberDetail(stage.bridge, stage.window, member), width=360)
    await until(lambda: stage.has("member.role") and made._members)
    return made


async def test_the_detail_shows_what_somebody_did(stage: Stage) -> None:
    await detail_of(stage, "member-03")
    shown = stage.find(List, "member.events")
    await until(shown.items)
    assert stage.gateway.asked_of(ListAuditEvents)[-1].actor_id == "user-03linus"
    assert shown.items()[0].key == "audit-0027"
    assert shown.items()[0].title == "Add a provider account"
    shown.select("audit-0027")
    QTest.keyClick(shown, Qt.Key.Key_Return)
    assert stage.window.inspected == [("audit_event", "audit-0027")]
    stage.press("member.activity")
    assert stage.window.places == [("audit", "user-03linus")]


async def test_a_role_is_changed_after_a_question(stage: Stage) -> None:
    await detail_of(stage, "member-02")
    stage.press("member.role")
    stage.press("change_role.confirm")
    await until(lambda: stage.gateway.asked_of(ChangeRole))
    assert stage.gateway.asked_of(ChangeRole)[0].role is TeamRole.MEMBER
    await until(lambda: stage.window.notices == [("success", "Grace Hopper is now: Member")])


async def test_the_last_administrator_is_told_before_any_click(stage: Stage) -> None:
    await detail_of(stage, "member-01")
    assert button(stage, "member.role").isEnabled()
    stage.gateway.put(replace(stage.gateway.get(TeamMember, "member-02"), role=TeamRole.MEMBER))
    await until(lambda: not button(stage, "member.role").isEnabled())
    for name in ("member.role", "member.remove"):
        assert "this is the last one" in button(stage, name).toolTip()
    assert button(stage, "member.role").accessibleDescription() == button(stage, "member.role").toolTip()


async def test_a_member_may_only_look(stage: Stage) -> None:
    as_member(stage)
    detail = await detail_of(stage, "member-03")
    for name in ("member.role", "member.remove"):
        assert button(stage, name).toolTip() == "Only administrators of the team may do this."
    assert not stage.has("member.add_grant")
    assert not stage.has("member.grant.grant-01.remove")
    assert [each.name for each in detail.commands() if each.is_available()] == ["member.activity"]


async def test_one_leaves_a_team_on_the_page_of_teams(stage: Stage) -> None:
    await detail_of(stage, "member-01")
    assert "leave the team on the Teams page" in button(stage, "member.remove").toolTip()


async def test_a_grant_is_added_for_an_environment(stage: Stage) -> None:
    await detail_of(stage, "member-04")
    stage.press("member.add_grant")
    kinds = stage.find(QComboBox, "add_grant.access")
    kinds.setCurrentIndex(kinds.findData("deployer"))
    stage.press("add_grant.submit")
    field = stage.find(QLineEdit, "add_grant.name").parent()
    assert isinstance(field, Input)
    assert field.error() == "Say which one."
    stage.type_into("add_grant.name", "lab")
    stage.press("add_grant.submit")
    await until(lambda: any(each.user_id == "user-04ken" for each in stage.gateway.all(Grant)))
    (ask,) = stage.gateway.asked_of(AddGrant)
    assert (ask.access, ask.environment, ask.tag) == (Access.DEPLOYER, "lab", "")
    await until(lambda: stage.has(f"member.grant.{ask.grant_id}.remove"))


async def test_a_grant_for_all_other_machines_needs_no_name(stage: Stage) -> None:
    await detail_of(stage, "member-04")
    stage.press("member.add_grant")
    scope = stage.find(QComboBox, "add_grant.scope")
    scope.setCurrentIndex(scope.findData("others"))
    assert not stage.has("add_grant.name")
    stage.press("add_grant.submit")
    await until(lambda: stage.gateway.asked_of(AddGrant))
    ask = stage.gateway.asked_of(AddGrant)[0]
    assert (ask.environment, ask.tag) == ("", "")


async def test_a_known_grant_is_refused_in_the_dialog(stage: Stage) -> None:
    await detail_of(stage, "member-03")
    stage.press("member.add_grant")
    scope, kinds = stage.find(QComboBox, "add_grant.scope"), stage.find(QComboBox, "add_grant.access")
    scope.setCurrentIndex(scope.findData("tag"))
    kinds.setCurrentIndex(kinds.findData("deployer"))
    stage.type_into("add_grant.name", "env:lab")
    stage.press("add_grant.submit")
    await until(lambda: "has this grant already" in stage.find(QDialog, "add_grant")._error.text())  # type: ignore[attr-defined]


async def test_a_grant_is_taken_back_at_once(stage: Stage) -> None:
    await detail_of(stage, "member-03")
    await until(lambda: stage.has("member.grant.grant-01.remove"))
    stage.press("member.grant.grant-01.remove")
    await until(lambda: not stage.has("member.grant.grant-01.remove"))
    assert stage.gateway.asked_of(RemoveGrant)[0].grant_id == "grant-01"
    assert stage.window.notices == [("success", "Deployer of Linus Pauling is taken back")]


async def test_removing_shows_first_what_has_to_be_rotated(stage: Stage) -> None:
    await detail_of(stage, "member-05")
    stage.press("member.remove")
    await until(lambda: button(stage, "remove_member.confirm").isEnabled())
    assert stage.gateway.asked_of(RemoveMember) == []
    stage.press("remove_member.copy")
    copied = QGuiApplication.clipboard().text().splitlines()
    assert "laptop: put another key in its place on the machines" in copied
    assert any(line.endswith("renew the credentials at the provider") for line in copied)
    stage.press("remove_member.confirm")
    await until(lambda: stage.gateway.asked_of(RemoveMember))
    await until(lambda: stage.window.notices)
    assert stage.window.notices[0][0] == "warning"
    assert "Rotate what they could read" in stage.window.notices[0][1]


async def test_enter_removes_nobody(stage: Stage) -> None:
    await detail_of(stage, "member-05")
    stage.press("member.remove")
    await until(lambda: button(stage, "remove_member.confirm").isEnabled())
    QTest.keyClick(stage.find(QDialog, "remove_member"), Qt.Key.Key_Return)
    await until(lambda: not stage.has("remove_member"))
    assert stage.gateway.asked_of(RemoveMember) == []


async def test_where_there_is_nothing_to_rotate_that_is_said(stage: Stage) -> None:
    stage.gateway.answers[ListExposure] = lambda _ask: Exposure()
    await detail_of(stage, "member-05")
    stage.press("member.remove")
    await until(lambda: button(stage, "remove_member.confirm").isEnabled())
    assert not button(stage, "remove_member.copy").isEnabled()


async def test_without_the_list_nobody_is_removed(stage: Stage) -> None:
    def refuse(_ask: ListExposure) -> Exposure:
        raise Conflict("The vault is being moved.")

    stage.gateway.answers[ListExposure] = refuse
    await detail_of(stage, "member-05")
    stage.press("member.remove")
    await until(lambda: stage.has("remove_member.problem"))
    assert stage.find(Callout, "remove_member.problem").title() == "The vault is being moved."
    assert not stage.find(QPushButton, "remove_member.confirm").isEnabled()


async def test_somebody_who_left_is_no_longer_there(stage: Stage) -> None:
    detail = await detail_of(stage, "member-05")
    stage.gateway.remove(TeamMember, "member-05")
    await until(detail._panel.is_gone)
    assert ACTOR_ID in {each.user_id for each in stage.gateway.all(TeamMember)}
