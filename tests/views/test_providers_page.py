"""The Providers page: beginning without an account, adding one, what the provider says of it, deleting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QDialog, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderType
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.providers import AddAccount, DeleteAccount, ListProviders, VerifyAccount
from machina_desktop.views.apps.provider_detail import ProviderDetail
from machina_desktop.views.apps.providers import ProvidersPage
from machina_desktop.views.callout import Callout
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.inputs import Input
from tests.fakes.rows import PROVIDER_INFOS, accounts, team_rows
from tests.fakes.stage import Stage, stage_with, turn, until


@pytest.fixture
async def stage(qtbot: QtBot) -> AsyncIterator[Stage]:
    async with stage_with(team_rows(machines=8, runs=0)) as made:
        yield made


@pytest.fixture
async def page(stage: Stage) -> ProvidersPage:
    made = stage.show(ProvidersPage(stage.bridge, stage.window))
    await until(lambda: made.list.model.rowCount() == 5)
    return made


@pytest.fixture
async def empty(qtbot: QtBot) -> AsyncIterator[Stage]:
    async with stage_with() as made:
        made.show(ProvidersPage(made.bridge, made.window))
        await until(lambda: made.has("providers.empty"))
        yield made


async def _open(stage: Stage) -> None:
    stage.press("providers.add")
    await until(lambda: stage.has("add_account.provider.sandbox") and stage.has("add_account.label"))


def _field(stage: Stage, name: str) -> Input:
    field = stage.find(QLineEdit, name).parent()
    assert isinstance(field, Input)
    return field


class TestPage:
    async def test_accounts_stand_with_their_status_and_whose_they_are(self, page: ProvidersPage) -> None:
        model = page.list.model
        words = [column.words(model.record(model.row_of("account-aws"))) for column in model.columns]
        assert words[:3] == ["Old AWS", "AWS", "invalid"]
        assert words[5] == "The access key was deleted at AWS."

    async def test_a_selected_account_is_inspected(self, stage: Stage, page: ProvidersPage) -> None:
        page.list.table.select_key("account-rack")
        assert stage.window.inspected == [("provider_account", "account-rack")]


class TestBeginning:
    async def test_one_click_makes_this_computer_an_account(self, empty: Stage) -> None:
        empty.press("providers.try_here")
        await until(lambda: empty.window.inspected)
        (ask,) = empty.gateway.asked_of(AddAccount)
        assert (ask.type, ask.label) == (ProviderType.SANDBOX, "This computer")
        assert empty.window.notices == [("success", "This computer is ready")]

    async def test_a_server_at_hand_leads_to_its_form(self, empty: Stage) -> None:
        empty.press("providers.add_server")
        await until(lambda: empty.has("add_account.field.reboot_command"))

    async def test_where_practice_is_impossible_the_button_says_why(self, stage: Stage) -> None:
        infos = tuple(
            replace(info, unavailable_reason="Practice needs Linux or macOS.")
            if info.type is ProviderType.SANDBOX
            else info
            for info in PROVIDER_INFOS
        )
        stage.gateway.answers[ListProviders] = lambda _ask: infos
        stage.gateway.rows[ProviderAccount].clear()
        stage.show(ProvidersPage(stage.bridge, stage.window))
        await until(lambda: stage.has("providers.empty"))
        button = stage.find(Button, "providers.try_here")
        await until(lambda: not button.isEnabled())
        assert button.toolTip() == "Practice needs Linux or macOS."


class TestAdding:
    async def test_a_provider_that_cannot_be_used_says_why(self, stage: Stage, page: ProvidersPage) -> None:
        await _open(stage)
        aws = stage.find(QWidget, "add_account.provider.aws")
        assert not aws.isEnabled()
        assert aws.accessibleDescription() == "Amazon Web Services comes with a later version."

    async def test_the_form_is_what_the_provider_asks_for(self, stage: Stage, page: ProvidersPage) -> None:
        await _open(stage)
        stage.press("add_account.provider.digitalocean")
        stage.type_into("add_account.label", "Labs 2")
        token = stage.find(QLineEdit, "add_account.field.api_token")
        assert token.echoMode() is QLineEdit.EchoMode.Password
        stage.type_into("add_account.field.api_token", "dop_v1_secret")
        stage.press("add_account.submit")
        await until(lambda: stage.window.inspected)
        (ask,) = stage.gateway.asked_of(AddAccount)
        assert (ask.type, ask.label) == (ProviderType.DIGITALOCEAN, "Labs 2")
        assert ask.fields == {"api_token": Secret("dop_v1_secret")}

    async def test_what_is_missing_is_told_at_each_field_and_nothing_is_sent(
        self, stage: Stage, page: ProvidersPage
    ) -> None:
        await _open(stage)
        stage.press("add_account.submit")
        assert _field(stage, "add_account.label").error() == "Give the account a label."
        assert _field(stage, "add_account.field.api_token").error() == "API token is needed."
        assert stage.gateway.asked_of(AddAccount) == []

    async def test_a_taken_label_is_told_at_the_label(self, stage: Stage, page: ProvidersPage) -> None:
        await _open(stage)
        stage.press("add_account.provider.sandbox")
        stage.type_into("add_account.label", "This computer")
        stage.press("add_account.submit")
        await until(lambda: "already an account" in _field(stage, "add_account.label").error())
        assert stage.has("add_account")

    async def test_what_the_core_refuses_is_told_at_its_field(self, stage: Stage, page: ProvidersPage) -> None:
        def refuse(_ask: AddAccount) -> ProviderAccount:
            raise InvalidInput("The token has the wrong form.", field="api_token")

        stage.gateway.answers[AddAccount] = refuse
        await _open(stage)
        stage.type_into("add_account.label", "New")
        stage.type_into("add_account.field.api_token", "x")
        stage.press("add_account.submit")
        await until(lambda: _field(stage, "add_account.field.api_token").error() == "The token has the wrong form.")

    async def test_while_it_is_verified_the_button_is_busy(self, stage: Stage, page: ProvidersPage) -> None:
        await _open(stage)
        stage.press("add_account.provider.sandbox")
        stage.type_into("add_account.label", "Second")
        stage.gateway.gate = asyncio.Event()
        stage.press("add_account.submit")
        submit = stage.find(Button, "add_account.submit")
        await until(submit.is_spinning)
        stage.gateway.gate.set()
        await until(lambda: not stage.has("add_account"))

    async def test_it_can_be_closed_while_it_is_verified(self, stage: Stage, page: ProvidersPage) -> None:
        await _open(stage)
        stage.press("add_account.provider.sandbox")
        stage.type_into("add_account.label", "Second")
        stage.gateway.gate = asyncio.Event()
        stage.press("add_account.submit")
        (adding,) = [task for task in asyncio.all_tasks() if task.get_name() == "AddAccount"]
        await turn()
        QTest.keyClick(stage.find(QDialog, "add_account"), Qt.Key.Key_Escape)
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        await until(adding.done)
        assert adding.cancelled()

    async def test_an_outage_keeps_the_dialog_and_what_was_typed(self, stage: Stage, page: ProvidersPage) -> None:
        def refuse(_ask: AddAccount) -> ProviderAccount:
            raise Unavailable("The provider does not answer.", hint="Try again.", code="E-NET")

        stage.gateway.answers[AddAccount] = refuse
        await _open(stage)
        stage.press("add_account.provider.sandbox")
        stage.type_into("add_account.label", "Second")
        stage.press("add_account.submit")
        dialog = stage.find(QDialog, "add_account")
        await until(lambda: any("does not answer" in each.text() for each in dialog.findChildren(QLabel)))
        assert stage.find(QLineEdit, "add_account.label").text() == "Second"

    async def test_another_provider_keeps_the_label(self, stage: Stage, page: ProvidersPage) -> None:
        await _open(stage)
        stage.type_into("add_account.label", "Mine")
        stage.press("add_account.provider.baremetal")
        await turn()
        assert stage.find(QLineEdit, "add_account.label").text() == "Mine"
        assert not stage.has("add_account.field.api_token")

    async def test_escape_closes_it(self, stage: Stage, page: ProvidersPage) -> None:
        await _open(stage)
        QTest.keyClick(stage.find(QDialog, "add_account"), Qt.Key.Key_Escape)
        await until(lambda: not stage.has("add_account"))

    async def test_credentials_that_do_not_work_are_kept_and_said(self, stage: Stage, page: ProvidersPage) -> None:
        invalid = replace(
            accounts()[0],
            provider_account_id="account-new",
            label="New",
            credential_status=CredentialStatus.INVALID,
        )
        stage.gateway.answers[AddAccount] = lambda _ask: stage.gateway.put(invalid)
        await _open(stage)
        stage.press("add_account.provider.sandbox")
        stage.type_into("add_account.label", "New")
        stage.press("add_account.submit")
        await until(lambda: stage.find(QWidget, "add_account.refused").isVisible())
        assert stage.window.notices == []
        QTest.keyClick(stage.find(QDialog, "add_account"), Qt.Key.Key_Escape)
        await until(lambda: stage.window.notices)
        assert stage.window.notices == [("warning", "New is added, but its credentials do not work")]

    async def test_what_was_refused_makes_room_for_what_is_put_right(self, stage: Stage, page: ProvidersPage) -> None:
        refused = replace(
            accounts()[0], provider_account_id="account-new", credential_status=CredentialStatus.INVALID, label="New"
        )
        works = stage.gateway.answers[AddAccount]
        stage.gateway.answers[AddAccount] = lambda _ask: stage.gateway.put(refused)
        await _open(stage)
        stage.press("add_account.provider.sandbox")
        stage.type_into("add_account.label", "New")
        stage.press("add_account.submit")
        await until(lambda: stage.find(QWidget, "add_account.refused").isVisible())
        stage.gateway.answers[AddAccount] = works
        stage.press("add_account.submit")
        await until(lambda: not stage.has("add_account"))
        assert stage.gateway.asked_of(DeleteAccount) == [DeleteAccount(account_id="account-new")]
        assert stage.window.notices == [("success", "New is ready")]

    async def test_nothing_is_offered_to_be_kept_once_what_was_refused_is_gone(
        self, stage: Stage, page: ProvidersPage
    ) -> None:
        refused = replace(
            accounts()[0], provider_account_id="account-new", credential_status=CredentialStatus.INVALID, label="New"
        )

        def gone(_ask: DeleteAccount) -> None:
            raise NotFound("There is no such account.")

        def fail(_ask: AddAccount) -> ProviderAccount:
            raise Unavailable("The provider does not answer.", hint="Try again.", code="E-NET")

        stage.gateway.answers[AddAccount] = lambda _ask: stage.gateway.put(refused)
        await _open(stage)
        stage.press("add_account.provider.sandbox")
        stage.type_into("add_account.label", "New")
        stage.press("add_account.submit")
        await until(lambda: stage.find(QWidget, "add_account.refused").isVisible())
        stage.gateway.answers |= {DeleteAccount: gone, AddAccount: fail}
        stage.press("add_account.submit")
        cancel = stage.find(QAbstractButton, "add_account.cancel")
        await until(lambda: cancel.text() == "Cancel")
        assert stage.find(QAbstractButton, "add_account.submit").text() == "Verify and add"


class TestDetail:
    async def _show(self, stage: Stage, key: str) -> ProviderDetail:
        made = stage.show(ProviderDetail(stage.bridge, stage.window, key), width=360)
        await until(lambda: made.title != "Account")
        return made

    async def test_it_shows_settings_scopes_and_that_secrets_are_sealed(self, stage: Stage) -> None:
        made = await self._show(stage, "account-do")
        texts = {label.text() for label in made.findChildren(QLabel)}
        await until(lambda: "sealed in the vault" in {label.text() for label in made.findChildren(QLabel)})
        assert {"read, write", "labs@acme.example"} <= texts

    async def test_an_invalid_account_says_why_and_what_to_do(self, stage: Stage) -> None:
        await self._show(stage, "account-aws")
        trouble = stage.find(Callout, "provider_account.trouble")
        assert trouble.isVisible()
        assert trouble.title() == "The access key was deleted at AWS."

    async def test_verifying_again_shows_the_new_status(self, stage: Stage) -> None:
        await self._show(stage, "account-aws")
        stage.press("provider_account.verify")
        await until(lambda: not stage.find(Callout, "provider_account.trouble").isVisible())
        assert [ask.account_id for ask in stage.gateway.asked_of(VerifyAccount)] == ["account-aws"]

    async def test_a_verification_that_fails_is_told_there(self, stage: Stage) -> None:
        def refuse(_ask: VerifyAccount) -> ProviderAccount:
            raise Unavailable("The provider does not answer.", hint="Check the network.", code="E-NET")

        stage.gateway.answers[VerifyAccount] = refuse
        await self._show(stage, "account-do")
        stage.press("provider_account.verify")
        await until(lambda: stage.has("provider_account.problem"))
        assert stage.find(Callout, "provider_account.problem").title() == "The provider does not answer."

    async def test_an_account_in_use_is_not_deleted_and_its_machines_are_named(self, stage: Stage) -> None:
        def refuse(_ask: DeleteAccount) -> None:
            raise Conflict(
                "This computer cannot be deleted: one machine lives on it.",
                hint="Destroy the machines first.",
                code="E-ACCOUNT-IN-USE",
            )

        stage.gateway.answers[DeleteAccount] = refuse
        await self._show(stage, "account-here")
        await until(lambda: stage.has("provider_account.machine.machine-04"))
        stage.press("provider_account.delete")
        assert stage.gateway.asked_of(DeleteAccount) == []
        stage.press("delete_account.confirm")
        problem = stage.find(Callout, "provider_account.problem")
        await until(problem.isVisible)
        assert problem.accessibleDescription() == "Destroy the machines first. There: build-1."

    async def test_a_deleted_account_says_that_it_is_gone(self, stage: Stage) -> None:
        await self._show(stage, "account-do")
        stage.press("provider_account.delete")
        stage.press("delete_account.confirm")
        await until(lambda: stage.has("detail.gone"))
        assert ("success", "Labs is deleted") in stage.window.notices

    async def test_its_machines_lead_on(self, stage: Stage) -> None:
        await self._show(stage, "account-here")
        await until(lambda: stage.has("provider_account.machine.machine-04"))
        stage.press("provider_account.machine.machine-04.open")
        assert stage.window.inspected == [("machine", "machine-04")]

    async def test_a_long_label_fits_the_sidekick(self, stage: Stage) -> None:
        stage.gateway.put(replace(accounts()[1], label="n" * 200, identity="i" * 200, status_reason="r " * 200))
        made = await self._show(stage, "account-do")
        assert made.minimumSizeHint().width() <= 360


async def test_every_control_has_a_name(stage: Stage, page: ProvidersPage) -> None:
    await _open(stage)
    controls = [
        each
        for each in page.findChildren(QWidget)
        if each.isVisible() and each.focusPolicy() & Qt.FocusPolicy.TabFocus and not each.focusProxy()
    ]
    assert [type(each).__name__ for each in controls if not each.accessibleName()] == []
