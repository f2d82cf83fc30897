"""At which accounts a key lies: shown, put there, taken away, for one key and for many."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QCheckBox, QMenu, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount
from machina_desktop.core.domain.team import Access, Actor, Grant, SystemRole, TeamRole
from machina_desktop.core.errors import Locked, MachinaError, Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.services.key_sync import SyncedKey, SyncKey, UnsyncKey
from machina_desktop.core.services.keys import DeleteKey, GenerateKey
from machina_desktop.core.services.providers import ListAccounts
from machina_desktop.views import tasks
from machina_desktop.views.apps.key_detail import KeyDetail
from machina_desktop.views.apps.key_errands import errands_of
from machina_desktop.views.apps.keys import KeysPage
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.text import CopyLabel, Label
from tests.fakes.rows import TEAM_ID, team_rows
from tests.fakes.stage import Stage, stage_with, turn, until
from tests.fakes.tab_order import press
from tests.fakes.whole_window import WholeWindow, whole_window

HETZNER, LABS = "account-hetzner", "account-do"
SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier


@pytest.fixture
async def stage(qtbot: QtBot) -> AsyncIterator[Stage]:
    async with stage_with(team_rows(machines=8, runs=0)) as made:
        yield made


async def shown(stage: Stage, key: str = "key-grace") -> KeyDetail:
    """The detail of a key, its accounts known."""
    made = stage.show(KeyDetail(stage.bridge, stage.window, key), width=360, height=1400)
    await until(lambda: not stage.gateway.all(ProviderAccount) or stage.has(f"key.account.{HETZNER}"))
    await turn()
    return made


async def page_of(stage: Stage) -> KeysPage:
    """The list, filled."""
    made = stage.show(KeysPage(stage.bridge, stage.window))
    await until(lambda: made.list.model.rowCount() == 3)
    return made


def said(stage: Stage, account: str) -> str:
    return stage.find(Label, f"key.account.{account}.said").text()


def refusing(code: str = "E-CLOUD-DENIED") -> MachinaError:
    return Unavailable("The provider refuses this token.", hint="Give the account another one.", code=code)


def put_by_hand(stage: Stage, key: str, *accounts: str) -> None:
    """What another program has done: the feed tells it."""
    row = stage.gateway.get(SSHKey, key)
    stage.gateway.put(replace(row, provider_key_ids=dict.fromkeys(accounts, "99"), updated_at=now()))


class TestTheDetail:
    async def test_each_account_says_whether_the_key_is_there_and_by_which_id(self, stage: Stage) -> None:
        await shown(stage, "key-laptop")
        assert said(stage, HETZNER) == "there as"
        assert said(stage, LABS) == "not there"
        assert stage.find(Badge, "key.spread").text() == "in one account"
        copied = stage.find(CopyLabel, f"key.account.{HETZNER}.id")
        QTest.mouseClick(copied.findChildren(QAbstractButton)[0], Qt.MouseButton.LeftButton)
        assert QGuiApplication.clipboard().text() == "21044711"

    async def test_a_key_is_put_there_and_the_button_is_busy_meanwhile(self, stage: Stage) -> None:
        await shown(stage)
        gate = asyncio.Event()
        answer = stage.gateway.answers[SyncKey]

        async def late(ask: SyncKey) -> object:
            await gate.wait()
            return answer(ask)

        stage.gateway.answers[SyncKey] = late
        stage.press(f"key.account.{LABS}.deed")
        assert said(stage, LABS) == "asking DigitalOcean…"
        assert not stage.find(QAbstractButton, f"key.account.{LABS}.deed").isEnabled()
        errands_of(stage.bridge).take("key-grace", LABS)
        gate.set()
        await until(lambda: said(stage, LABS) == "there as")
        (ask,) = stage.gateway.asked_of(SyncKey)
        assert (ask.key_id, ask.account_id) == ("key-grace", LABS)
        assert stage.gateway.asked_of(UnsyncKey) == []
        assert stage.find(QAbstractButton, f"key.account.{LABS}.deed").text() == "Take away"

    async def test_a_key_that_the_account_knew_already_is_said_to_have_been_there(self, stage: Stage) -> None:
        await shown(stage)
        answer = stage.gateway.answers[SyncKey]
        stage.gateway.answers[SyncKey] = lambda ask: replace(answer(ask), was_there=True)  # type: ignore[type-var]
        stage.press(f"key.account.{LABS}.deed")
        await until(lambda: said(stage, LABS) == "was there already, as")

    async def test_a_refusal_stands_beside_its_account_with_the_next_step(self, stage: Stage) -> None:
        def refuse(_ask: SyncKey) -> SyncedKey:
            raise refusing()

        await shown(stage)
        stage.gateway.answers[SyncKey] = refuse
        stage.press(f"key.account.{LABS}.deed")
        problem = stage.find(Callout, f"key.account.{LABS}.problem")
        await until(problem.isVisible)
        assert problem.title() == "The provider refuses this token."
        assert problem.accessibleDescription() == "Give the account another one."
        stage.press(f"key.account.{LABS}.cure")
        assert stage.window.inspected == [("provider_account", LABS)]
        put_by_hand(stage, "key-grace", LABS)
        await until(lambda: not problem.isVisible())

    async def test_one_press_puts_it_in_all_accounts_that_lack_it(self, stage: Stage) -> None:
        await shown(stage)
        stage.press("key.accounts.put_all")
        await until(lambda: said(stage, HETZNER) == said(stage, LABS) == "there as")
        assert {ask.account_id for ask in stage.gateway.asked_of(SyncKey)} == {HETZNER, LABS}
        assert not stage.has("key.accounts.put_all")

    async def test_what_closes_meanwhile_cuts_no_request_off(self, stage: Stage) -> None:
        detail = await shown(stage)
        stage.gateway.gate = asyncio.Event()
        stage.press(f"key.account.{LABS}.deed")
        await turn()
        detail.deleteLater()
        await turn()
        stage.gateway.gate.set()
        await until(lambda: stage.gateway.get(SSHKey, "key-grace").provider_key_ids)

    async def test_an_account_that_cannot_take_keys_says_why(self, stage: Stage) -> None:
        labs = stage.gateway.get(ProviderAccount, LABS)
        stage.gateway.put(replace(labs, scopes=("read",)))
        await shown(stage)
        why = {
            each: stage.find(Label, f"key.account.{each}.why").text()
            for each in ("account-rack", "account-here", "account-aws", LABS)
        }
        assert why["account-rack"] == "Holds no keys: a server of your own has them itself."
        assert "practice machines" in why["account-here"]
        assert why[LABS] == "Its token may only read. Give the account one that may write."
        assert not stage.has(f"key.account.{LABS}.deed")
        stage.press(f"key.account.{LABS}.open")
        assert stage.window.inspected == [("provider_account", LABS)]

    async def test_credentials_that_are_refused_are_told_as_the_account_tells_them(self, stage: Stage) -> None:
        labs = stage.gateway.get(ProviderAccount, LABS)
        reason = "The token was deleted there."
        stage.gateway.put(replace(labs, credential_status=CredentialStatus.INVALID, status_reason=reason))
        await shown(stage)
        why = stage.find(Label, f"key.account.{LABS}.why")
        assert why.text() == "DigitalOcean refuses its credentials. The token was deleted there."

    async def test_without_any_account_the_way_to_providers_is_shown(self, stage: Stage) -> None:
        for each in stage.gateway.all(ProviderAccount):
            stage.gateway.remove(ProviderAccount, each.provider_account_id)
        await shown(stage)
        await until(lambda: stage.has("key.accounts.empty"))
        stage.press("key.accounts.providers")
        assert stage.window.opened == ["providers"]

    async def test_accounts_that_cannot_be_read_are_asked_for_again(self, stage: Stage) -> None:
        def fail(_ask: ListAccounts) -> tuple[ProviderAccount, ...]:
            raise Unavailable("The database is busy.")

        answer, stage.gateway.answers[ListAccounts] = stage.gateway.answers[ListAccounts], fail
        stage.show(KeyDetail(stage.bridge, stage.window, "key-grace"), width=360, height=1400)
        await until(lambda: stage.has("key.accounts.failure"))
        stage.gateway.answers[ListAccounts] = answer
        stage.press("key.accounts.retry")
        await until(lambda: stage.has(f"key.account.{HETZNER}"))

    async def test_what_others_put_and_new_accounts_show_by_themselves(self, stage: Stage) -> None:
        await shown(stage)
        put_by_hand(stage, "key-grace", HETZNER, LABS)
        await until(lambda: stage.find(Badge, "key.spread").text() == "in 2 accounts")
        labs = stage.gateway.get(ProviderAccount, LABS)
        stage.gateway.put(replace(labs, provider_account_id="account-new", label="New one"))
        await until(lambda: stage.has("key.account.account-new"))
        stage.gateway.remove(ProviderAccount, "account-new")
        await until(lambda: not stage.has("key.account.account-new"))

    async def test_whoever_may_only_look_sees_where_it_lies_and_why_they_cannot_change_it(self, stage: Stage) -> None:
        stage.gateway.actor = Actor(
            user_id="user-9",
            display_name="Reader",
            system_role=SystemRole.READONLY,
            team_roles=((TEAM_ID, TeamRole.MEMBER),),
        )
        detail = await shown(stage, "key-laptop")
        assert stage.has("key.accounts.refusal")
        assert said(stage, HETZNER) == "there as"
        assert not stage.has(f"key.account.{HETZNER}.deed")
        assert not any(each.is_available() for each in detail.commands() if "account" in each.name)

    async def test_rights_that_are_taken_back_show_at_once(self, stage: Stage) -> None:
        await shown(stage)
        assert stage.has(f"key.account.{LABS}.deed")
        actor = stage.gateway.actor
        only = Grant(
            grant_id="grant-1",
            team_id=TEAM_ID,
            user_id=actor.user_id,
            access=Access.VIEWER,
            granted_by="user-9",
            created_at=now(),
        )
        stage.gateway.actor = replace(actor, team_roles=((TEAM_ID, TeamRole.MEMBER),), grants=(only,))
        stage.gateway.put(only)
        await until(lambda: stage.has("key.accounts.refusal"))
        assert not stage.has(f"key.account.{LABS}.deed")
        assert not stage.find(QAbstractButton, "key.delete").isEnabled()

    async def test_the_keyboard_stays_on_the_button_that_it_pressed(self, stage: Stage) -> None:
        detail = await shown(stage)
        detail.activateWindow()
        await until(detail.isActiveWindow)
        button = stage.find(QAbstractButton, f"key.account.{LABS}.deed")
        button.setFocus(Qt.FocusReason.TabFocusReason)
        press(detail, Qt.Key.Key_Space)
        await until(lambda: button.text() == "Take away")
        assert button.hasFocus()

    async def test_the_palette_offers_each_account_and_all_of_them(self, stage: Stage) -> None:
        detail = await shown(stage, "key-laptop")
        offered = {each.name: each for each in detail.commands() if each.is_available()}
        assert offered["key.account.account-do"].title == "Put the key laptop in Labs"
        assert offered["key.account.account-hetzner"].title == "Take the key laptop away from Acme production…"
        offered["key.put_everywhere"].run()
        await until(lambda: said(stage, LABS) == "there as")


class TestTakingAway:
    async def test_a_key_that_no_machine_there_has_goes_at_once_and_can_be_put_back(self, stage: Stage) -> None:
        put_by_hand(stage, "key-grace", LABS)
        await shown(stage)
        stage.press(f"key.account.{LABS}.deed")
        await until(lambda: said(stage, LABS) == "not there")
        assert stage.window.notices == [("success", "grace (public only) is taken away from Labs")]

    async def test_one_that_machines_rely_on_goes_after_a_question_that_names_them(self, stage: Stage) -> None:
        await shown(stage, "key-laptop")
        await until(lambda: stage.has("key.machine.machine-01"))
        stage.press(f"key.account.{HETZNER}.deed")
        question = stage.find(QWidget, "take_key")
        words = " ".join(each.text() for each in question.findChildren(Label))
        assert "Take laptop away from Acme production?" in question.windowTitle() + words
        assert "Machines there that rely on it: mail-1" in words
        assert stage.gateway.asked_of(UnsyncKey) == []
        stage.press("take_key.cancel")
        await turn()
        assert stage.gateway.asked_of(UnsyncKey) == []
        stage.press(f"key.account.{HETZNER}.deed")
        stage.press("take_key.confirm")
        await until(lambda: said(stage, HETZNER) == "not there")

    async def test_a_deleted_key_goes_out_of_its_accounts_where_that_is_wanted(self, stage: Stage) -> None:
        await shown(stage, "key-laptop")
        stage.press("key.delete")
        stage.find(QCheckBox, "delete_key.from_accounts").click()
        stage.press("delete_key.confirm")
        await until(lambda: stage.gateway.asked_of(DeleteKey))
        assert stage.gateway.asked_of(DeleteKey)[0].from_accounts


class TestTheList:
    async def test_it_tells_at_how_many_accounts_each_key_lies(self, stage: Stage) -> None:
        page = await page_of(stage)
        column = next(each for each in page.list.model.columns if each.key == "accounts")

        def words(key: str) -> str:
            return column.words(page.list.model.record(page.list.model.row_of(key)))

        await until(lambda: words("key-laptop") == "1 of 2")
        put_by_hand(stage, "key-grace", HETZNER, LABS)
        await until(lambda: words("key-grace") == "2 of 2")

    async def test_several_keys_go_to_the_accounts_chosen(self, stage: Stage) -> None:
        page = await page_of(stage)
        page.list.table.selectAll()
        stage.press("keys.selection.put")
        await until(lambda: stage.has(f"put_keys.account.{LABS}"))
        assert not stage.find(QCheckBox, "put_keys.account.account-rack.tick").isEnabled()
        tick = stage.find(QCheckBox, f"put_keys.account.{HETZNER}.tick")
        assert tick.isChecked()
        QTest.mouseClick(stage.find(QWidget, f"put_keys.account.{HETZNER}"), Qt.MouseButton.LeftButton)
        assert not tick.isChecked()
        stage.press("put_keys.submit")
        await until(lambda: not stage.has("put_keys"))
        asked = [(ask.key_id, ask.account_id) for ask in stage.gateway.asked_of(SyncKey)]
        assert asked == [("key-deploy", LABS), ("key-grace", LABS), ("key-laptop", LABS)]
        assert stage.window.notices == [("success", "3 keys put in Labs")]

    async def test_what_fails_stays_with_its_reason_and_is_tried_again_without_the_rest(self, stage: Stage) -> None:
        answer = stage.gateway.answers[SyncKey]

        def fail_once(ask: SyncKey) -> object:
            if ask.account_id == LABS and len(stage.gateway.asked_of(SyncKey)) < 4:
                raise refusing("E-CLOUD-FAULT")
            return answer(ask)

        stage.gateway.answers[SyncKey] = fail_once
        page = await page_of(stage)
        page.list.table.select_key("key-grace")
        page._on_put()
        await until(lambda: stage.has(f"put_keys.account.{LABS}"))
        stage.press("put_keys.submit")
        problem = stage.find(Callout, f"put_keys.account.{LABS}.problem")
        await until(problem.isVisible)
        assert stage.find(Label, f"put_keys.account.{HETZNER}.said").text() == "is there"
        stage.gateway.answers[SyncKey] = answer
        stage.press("put_keys.submit")
        await until(lambda: not stage.has("put_keys"))
        assert [ask.account_id for ask in stage.gateway.asked_of(SyncKey)].count(HETZNER) == 1

    async def test_a_locked_vault_is_told_once_however_many_keys_wait(
        self, stage: Stage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[MachinaError] = []
        monkeypatch.setattr(tasks.PRESENTER, "show", told.append)

        def locked(_ask: SyncKey) -> SyncedKey:
            raise Locked("The vault is locked.", hint="Unlock it.")

        stage.gateway.answers[SyncKey] = locked
        page = await page_of(stage)
        page.list.table.selectAll()
        page._on_put()
        await until(lambda: stage.has(f"put_keys.account.{LABS}"))
        stage.press("put_keys.submit")
        await until(stage.find(Callout, f"put_keys.account.{LABS}.problem").isVisible)
        await turn()
        assert [each.code for each in told] == ["E-VAULT-LOCKED"]
        assert len(stage.gateway.asked_of(SyncKey)) == 2

    async def test_whoever_may_only_look_cannot_put_the_selected_ones_anywhere(self, stage: Stage) -> None:
        stage.gateway.actor = replace(stage.gateway.actor, system_role=SystemRole.READONLY)
        page = await page_of(stage)
        page.list.table.selectAll()
        button = stage.find(QAbstractButton, "keys.selection.put")
        assert not button.isEnabled()
        assert "ask an administrator" in button.toolTip()
        assert not stage.find(QAbstractButton, "keys.generate").isEnabled()


class TestANewKey:
    async def test_it_goes_to_the_accounts_chosen_in_the_dialog(self, stage: Stage) -> None:
        await page_of(stage)
        stage.press("keys.generate")
        await until(lambda: stage.has(f"generate_key.account.{LABS}"))
        stage.type_into("generate_key.name", "ops")
        assert not stage.find(QCheckBox, f"generate_key.account.{LABS}.tick").isChecked()
        stage.find(QCheckBox, f"generate_key.account.{LABS}.tick").click()
        stage.press("generate_key.submit")
        await until(lambda: not stage.has("generate_key"))
        (made,) = stage.gateway.asked_of(GenerateKey)
        assert stage.gateway.get(SSHKey, made.key_id).provider_key_ids == {LABS: "4711"}

    async def test_where_an_account_refuses_it_the_key_is_kept_and_can_be_put_there_again(self, stage: Stage) -> None:
        def refuse(_ask: SyncKey) -> SyncedKey:
            raise refusing()

        answer, stage.gateway.answers[SyncKey] = stage.gateway.answers[SyncKey], refuse
        await page_of(stage)
        stage.press("keys.import")
        await until(lambda: stage.has(f"import_key.account.{LABS}"))
        stage.type_into("import_key.key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB ada@desk")
        stage.find(QCheckBox, f"import_key.account.{LABS}.tick").click()
        stage.press("import_key.submit")
        await until(lambda: stage.has(f"import_key.account.{LABS}.problem"))
        assert stage.window.inspected
        assert not stage.has("import_key.key")
        stage.gateway.answers[SyncKey] = answer
        stage.press("import_key.submit")
        await until(lambda: not stage.has("import_key"))
        assert stage.gateway.get(SSHKey, stage.window.inspected[0][1]).provider_key_ids == {LABS: "4711"}


@pytest.fixture
async def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WholeWindow]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    async with whole_window(tmp_path) as made:
        yield made


async def test_keys_are_chosen_put_and_taken_away_with_the_keyboard_and_the_mouse(opened: WholeWindow) -> None:
    window, gateway = opened.window, opened.gateway
    window.open_app("keys")
    page = window.pages.page()
    assert isinstance(page, KeysPage)
    await until(lambda: page.list.model.rowCount() == 3)
    page.list.table.setFocus(Qt.FocusReason.TabFocusReason)
    press(window, Qt.Key.Key_Down)
    press(window, Qt.Key.Key_Down, SHIFT)
    await until(lambda: len(page.selected_keys()) == 2)
    press(window, Qt.Key.Key_K, CONTROL | SHIFT)
    await until(lambda: any(each.isVisible() for each in page.findChildren(QWidget, f"put_keys.account.{LABS}")))
    dialog = page.findChildren(QWidget, "put_keys")[0]
    dialog.activateWindow()
    await until(dialog.isActiveWindow)
    press(dialog, Qt.Key.Key_Return)
    await until(lambda: len(gateway.asked_of(SyncKey)) == 4)
    await until(lambda: not page.findChildren(QWidget, "put_keys"))
    assert opened.toasts() == ["2 keys put in 2 accounts"]
    dock = window.inspectors.docks()[0]
    await until(dock.isVisible)
    deed = f"key.account.{LABS}.deed"
    await until(lambda: any(each.isVisible() for each in dock.findChildren(QAbstractButton, deed)))
    (button,) = dock.findChildren(QAbstractButton, deed)
    await until(lambda: button.text() == "Take away")
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    await until(lambda: button.text() == "Put there")
    assert len(gateway.asked_of(UnsyncKey)) == 1


async def test_the_menu_of_a_row_puts_it_in_accounts(stage: Stage) -> None:
    page = await page_of(stage)
    page.list.table.select_key("key-grace")
    page.list.table.menu_requested.emit("key-grace", page.mapToGlobal(page.rect().center()))
    menu = stage.find(QMenu, "keys.menu")
    next(each for each in menu.actions() if each.objectName() == "keys.menu.put").trigger()
    menu.close()
    await until(lambda: stage.has("put_keys.submit"))
