"""An account whose credentials are refused is put right in the wizard, on a gateway that answers from memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel

from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount, ProviderType, WizardStep
from machina_desktop.core.errors import NotFound, Unavailable
from machina_desktop.core.services.providers import AddAccount, DeleteAccount
from machina_desktop.views.apps.provider_replace import ReplaceCredentialsDialog
from machina_desktop.views.deploy_wizard.rail import StepState
from tests.fakes.gateway import FakeGateway, until
from tests.fakes.rows import account
from tests.fakes.wizard import Opened

REASON = "The token is unknown."


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


def refusing(gateway: FakeGateway) -> None:
    """The provider refuses every token but the good one."""

    def add(ask: AddAccount) -> ProviderAccount:
        made = gateway._add_account(ask)
        if ask.fields["api_token"].reveal() == "good":
            return made
        return gateway.put(replace(made, credential_status=CredentialStatus.INVALID, status_reason=REASON))

    gateway.answers[AddAccount] = add


async def add_refused(opened: Opened) -> None:
    opened.click("wizard.provider.hetzner")
    opened.type("wizard.account-field.api_token", "bad")
    opened.click("wizard.add-account")
    await until(lambda: any(each.text() == REASON for each in opened.wizard.findChildren(QLabel)))


async def test_refused_credentials_are_put_right_in_the_form_and_leave_no_second_account() -> None:
    gateway = FakeGateway()
    refusing(gateway)
    async with Opened(gateway) as opened:
        await add_refused(opened)
        opened.type("wizard.account-field.api_token", "good")
        opened.click("wizard.add-account")
        await until(lambda: opened.wizard.current() is WizardStep.REGION)
        (made,) = gateway.all(ProviderAccount)
        assert made.credential_status is CredentialStatus.VALID
        assert len(gateway.asked_of(DeleteAccount)) == 1


async def test_a_refused_account_that_somebody_else_deleted_is_none_to_be_deleted() -> None:
    gateway = FakeGateway()
    refusing(gateway)

    def gone(ask: DeleteAccount) -> None:
        gateway.remove(ProviderAccount, ask.account_id)
        raise NotFound("There is no such account.")

    gateway.answers[DeleteAccount] = gone
    async with Opened(gateway) as opened:
        await add_refused(opened)
        opened.type("wizard.account-field.api_token", "good")
        opened.click("wizard.add-account")
        await until(lambda: opened.wizard.current() is WizardStep.REGION)
        assert len(gateway.all(ProviderAccount)) == 1


async def test_nothing_is_offered_to_be_kept_once_the_refused_account_is_gone() -> None:
    gateway = FakeGateway()
    refusing(gateway)

    def fail(_ask: AddAccount) -> ProviderAccount:
        raise Unavailable("The provider does not answer.", hint="Try again.")

    async with Opened(gateway) as opened:
        await add_refused(opened)
        cancel, submit = opened.find("wizard.cancel-account"), opened.find("wizard.add-account")
        assert isinstance(cancel, QAbstractButton)
        assert isinstance(submit, QAbstractButton)
        assert cancel.text() == "Keep it so"
        gateway.answers[AddAccount] = fail
        opened.click("wizard.add-account")
        await until(lambda: cancel.text() == "Cancel")
        assert (submit.text(), gateway.all(ProviderAccount)) == ("Add account", [])


async def test_whoever_keeps_a_refused_account_sees_it_and_why_it_does_not_work() -> None:
    gateway = FakeGateway()
    refusing(gateway)
    async with Opened(gateway) as opened:
        await add_refused(opened)
        opened.click("wizard.cancel-account")
        (kept,) = gateway.all(ProviderAccount)
        assert opened.find(f"wizard.account.{kept.provider_account_id}").isVisible()
        label = opened.find("wizard.account-problem")
        assert isinstance(label, QLabel)
        assert label.text() == REASON


async def test_credentials_that_are_refused_later_can_be_replaced_from_the_wizard() -> None:
    bad = replace(account(ProviderType.HETZNER, "account-bad", "Bad"), credential_status=CredentialStatus.INVALID)
    async with Opened(FakeGateway((bad,))) as opened:
        button = opened.find("wizard.replace-credentials")
        assert isinstance(button, QAbstractButton)
        await until(button.isVisible)
        opened.click("wizard.replace-credentials")
        (dialog,) = opened.wizard.findChildren(ReplaceCredentialsDialog)
        dialog.replaced.emit(gateway_good(opened, bad))
        await until(lambda: not button.isVisible())
        assert opened.state(WizardStep.ACCOUNT) is StepState.CURRENT
        dialog.reject()


def gateway_good(opened: Opened, bad: ProviderAccount) -> ProviderAccount:
    return opened.gateway.put(replace(bad, credential_status=CredentialStatus.VALID))
