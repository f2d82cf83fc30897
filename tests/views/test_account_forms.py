"""Accounts at four clouds are added and given new credentials by mouse and keyboard, against stand-ins for them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QLineEdit, QWidget

from machina_desktop.core.domain.provider import CredentialStatus
from machina_desktop.core.services.providers import VerifyAccount
from machina_desktop.views.widgets.buttons import Button, Segmented
from tests.fakes.account_desk import WAIT_S, AccountDesk, account_desk
from tests.fakes.clouds.aws_served import moto
from tests.fakes.clouds.digitalocean import DigitalOcean
from tests.fakes.clouds.gcp import PROJECT, Gcp, key_file
from tests.fakes.clouds.hetzner import Hetzner
from tests.fakes.clouds.served import Fault, serving
from tests.fakes.clouds.stage import TOKEN
from tests.fakes.gateway import turn, until

ADD, REPLACE = "add_account", "replace_credentials"


@pytest.fixture
async def desk(qapp: QApplication, tmp_path: Path) -> AsyncIterator[AccountDesk]:
    async with account_desk(tmp_path / "home") as made:
        yield made


@pytest.fixture
def hetzner() -> Iterator[Hetzner]:
    with serving(Hetzner(token=TOKEN)) as cloud:
        assert isinstance(cloud, Hetzner)
        yield cloud


async def shows(desk: AccountDesk, name: str) -> None:
    await until(lambda: desk.sees(name), deadline_s=WAIT_S)


async def added(desk: AccountDesk, cloud: Hetzner) -> None:
    """An account is added, and its detail open."""
    await desk.add("hetzner")
    await desk.type(f"{ADD}.label", "Shop")
    await desk.paste(f"{ADD}.field.api_token", TOKEN)
    await desk.press(f"{ADD}.more")
    await desk.type(f"{ADD}.field.endpoint", cloud.url)
    await desk.press(f"{ADD}.submit")
    await shows(desk, "provider_account.replace")


# Adding


async def test_a_token_is_verified_before_anything_is_stored_and_added_by_keyboard(desk: AccountDesk) -> None:
    with serving(DigitalOcean(token=TOKEN)) as cloud:
        await desk.add("digitalocean")
        await desk.type(f"{ADD}.label", "Labs")
        await desk.paste(f"{ADD}.field.api_token", f" {TOKEN}\n")
        token = desk.find(QLineEdit, f"{ADD}.field.api_token")
        assert token.echoMode() is QLineEdit.EchoMode.Password
        await desk.press_eye(f"{ADD}.field.api_token")
        assert token.echoMode() is QLineEdit.EchoMode.Normal
        assert not desk.sees(f"{ADD}.field.endpoint")
        await desk.press(f"{ADD}.more")
        await desk.type(f"{ADD}.field.endpoint", cloud.url)
        desk.find(Button, f"{ADD}.verify").setFocus()
        QTest.keyClick(desk.find(Button, f"{ADD}.verify"), Qt.Key.Key_Space)
        await shows(desk, f"{ADD}.success")
        said = desk.said(f"{ADD}.success")
        assert "You are Sammy the Shark (sammy@example.com)" in said
        assert "Droplets: 0 of" in said
        assert await desk.accounts() == ()
        QTest.keyClick(desk.find(QLineEdit, f"{ADD}.field.endpoint"), Qt.Key.Key_Return)
        await shows(desk, "provider_account.replace")
    (account,) = await desk.accounts()
    assert (account.label, account.credential_status) == ("Labs", CredentialStatus.VALID)


async def test_what_is_wrong_with_a_token_is_told_at_it_and_asking_can_be_given_up(
    desk: AccountDesk, hetzner: Hetzner
) -> None:
    await desk.add("hetzner")
    await desk.type(f"{ADD}.label", "Shop")
    await desk.paste(f"{ADD}.field.api_token", "two words")
    await desk.press(f"{ADD}.more")
    await desk.type(f"{ADD}.field.endpoint", hetzner.url)
    await desk.press(f"{ADD}.verify")
    await until(lambda: "blank" in desk.error(f"{ADD}.field.api_token"))
    # What is wrong is selected: what is pasted takes its place.
    QApplication.clipboard().setText(TOKEN)
    QTest.keyClick(desk.find(QLineEdit, f"{ADD}.field.api_token"), Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
    assert desk.find(QLineEdit, f"{ADD}.field.api_token").text() == TOKEN
    hetzner.latency_s = 0.3
    await desk.press(f"{ADD}.verify")
    assert desk.find(Button, f"{ADD}.verify").text() == "Stop verifying"
    await desk.press(f"{ADD}.verify")
    assert desk.find(Button, f"{ADD}.verify").text() == "Verify"
    await turn()
    assert not desk.sees(f"{ADD}.success")
    hetzner.latency_s = 0.0
    await desk.press(f"{ADD}.verify")
    await shows(desk, f"{ADD}.success")
    assert "Scopes: read, write." in desk.said(f"{ADD}.success")


async def test_json_that_is_no_service_account_is_explained_and_a_key_file_is_opened(
    desk: AccountDesk, tmp_path: Path
) -> None:
    key = f"{ADD}.field.service_account_json"
    with serving(Gcp()) as cloud:
        await desk.add("gcp")
        await desk.type(f"{ADD}.label", "Analytics")
        await desk.type(f"{ADD}.field.project_id", PROJECT)
        await desk.paste(key, json.dumps({"type": "authorized_user"}))
        await desk.press(f"{ADD}.more")
        await desk.type(f"{ADD}.field.endpoint", cloud.url)
        await desk.press(f"{ADD}.verify")
        await until(lambda: "no key of a service account" in desk.error(key))
        for name, content in (("notes.bin", b"\xff\xfe\x00"), ("key.json", key_file(cloud.url).encode())):
            (tmp_path / name).write_bytes(content)
            await desk.press(f"{ADD}.file.service_account_json")
            files = desk.find(QFileDialog, f"{ADD}.files")
            files.fileSelected.emit(str(tmp_path / name))
            files.reject()
            await until(lambda name=name: ("is not text" in desk.error(key)) is (name == "notes.bin"))
        await desk.press(f"{ADD}.verify")
        await shows(desk, f"{ADD}.success")
        assert f"project {PROJECT}" in desk.said(f"{ADD}.success")
        await desk.press(f"{ADD}.submit")
        await shows(desk, "provider_account.replace")
    (account,) = await desk.accounts()
    assert account.settings["project_id"] == PROJECT


async def test_an_account_at_aws_has_keys_or_a_profile(desk: AccountDesk) -> None:
    with moto() as url:
        await desk.add("aws")
        await desk.type(f"{ADD}.label", "Production")
        await desk.press(f"{ADD}.submit")
        assert desk.error(f"{ADD}.field.secret_access_key") == "Secret access key is needed."
        assert not desk.sees(f"{ADD}.field.profile")
        await desk.paste(f"{ADD}.field.access_key_id", "AKIAIOSFODNN7EXAMPLE\n")
        await desk.paste(f"{ADD}.field.secret_access_key", "x" * 40)
        await desk.type(f"{ADD}.field.region", "eu-central-1")
        await desk.press(f"{ADD}.more")
        await desk.type(f"{ADD}.field.assume_role_arn", "machina")
        await desk.type(f"{ADD}.field.endpoint", url)
        await desk.press(f"{ADD}.verify")
        await until(lambda: "no ARN of a role" in desk.error(f"{ADD}.field.assume_role_arn"), deadline_s=WAIT_S)
        await desk.type(f"{ADD}.field.assume_role_arn", "arn:aws:iam::123456789012:role/machina")
        desk.find(QLineEdit, f"{ADD}.field.assume_role_arn").setText("arn:aws:iam::123456789012:role/machina")
        await desk.press(f"{ADD}.verify")
        await shows(desk, f"{ADD}.success")
        assert "assumed-role/machina" in desk.said(f"{ADD}.success")
        await desk.press(f"{ADD}.submit")
        await shows(desk, "provider_account.replace")
    await desk.press("provider_account.replace")
    await shows(desk, f"{REPLACE}.ways")
    desk.find(Segmented, f"{REPLACE}.ways").set_current("Profile on this computer")
    await turn()
    assert desk.sees(f"{REPLACE}.field.profile")
    assert not desk.sees(f"{REPLACE}.field.access_key_id")


# Replacing


async def test_an_account_that_turned_invalid_gets_a_new_token_from_its_banner(
    desk: AccountDesk, hetzner: Hetzner
) -> None:
    await added(desk, hetzner)
    hetzner.token = "another-token-0123456789"
    await desk.press("provider_account.verify")
    await shows(desk, "provider_account.mend")
    await desk.press("provider_account.mend")
    await shows(desk, f"{REPLACE}.field.api_token")
    await desk.press(f"{REPLACE}.submit")
    assert desk.sees(f"{REPLACE}.submit"), "nothing is changed yet"
    await desk.paste(f"{REPLACE}.field.api_token", "wrong-token-0123456789")
    await desk.press(f"{REPLACE}.submit")
    await shows(desk, f"{REPLACE}.error")
    assert "Nothing was changed" in desk.said(f"{REPLACE}.error")
    desk.find(QLineEdit, f"{REPLACE}.field.api_token").selectAll()
    QTest.keyClicks(desk.find(QLineEdit, f"{REPLACE}.field.api_token"), "another-token-0123456789")
    QTest.keyClick(desk.find(QLineEdit, f"{REPLACE}.field.api_token"), Qt.Key.Key_Return)
    await until(lambda: not desk.sees(f"{REPLACE}.submit"), deadline_s=WAIT_S)
    (account,) = await desk.accounts()
    assert (account.credential_status, account.settings) == (CredentialStatus.VALID, {"endpoint": hetzner.url})
    assert "Shop has new credentials, and they work" in desk.toasts()
    await until(lambda: not desk.sees("provider_account.mend"))


async def test_what_cannot_be_verified_is_saved_on_a_second_press_only(desk: AccountDesk, hetzner: Hetzner) -> None:
    await added(desk, hetzner)
    await desk.press("provider_account.replace")
    await shows(desk, f"{REPLACE}.field.api_token")
    hetzner.faults.append(Fault(match="GET /v1/", times=999, status=401, raw="<html>"))
    await desk.paste(f"{REPLACE}.field.api_token", "another-token-0123456789")
    await desk.press(f"{REPLACE}.submit")
    await shows(desk, f"{REPLACE}.question")
    assert desk.find(Button, f"{REPLACE}.submit").text() == "Save unverified"
    desk.find(QWidget, f"{REPLACE}.field.api_token").setFocus()
    QTest.keyClicks(desk.find(QLineEdit, f"{REPLACE}.field.api_token"), "9")
    assert desk.find(Button, f"{REPLACE}.submit").text() == "Verify and replace"
    await desk.press(f"{REPLACE}.submit")
    await shows(desk, f"{REPLACE}.question")
    await desk.press(f"{REPLACE}.submit")
    await until(lambda: not desk.sees(f"{REPLACE}.submit"), deadline_s=WAIT_S)
    (account,) = await desk.accounts()
    assert account.credential_status is CredentialStatus.UNKNOWN
    assert "Shop has new credentials, which could not be verified" in desk.toasts()


async def test_an_account_that_turns_invalid_is_told_once_with_the_way_to_mend_it(
    desk: AccountDesk, hetzner: Hetzner
) -> None:
    await added(desk, hetzner)
    (account,) = await desk.accounts()
    desk.window.open_app("machines")
    assert desk.window.inspectors.dismiss()
    hetzner.token = "another-token-0123456789"
    said = "The credentials of Shop are not accepted any more"
    ask = VerifyAccount(account_id=account.provider_account_id, is_routine=True)
    for _ in range(2):
        await desk.made.call(ask)
        await until(lambda: desk.toasts().count(said) == 1)
        await turn(50)
    assert desk.toasts().count(said) == 1
    toast = next(each for each in desk.window.notices.shown() if each.notice.text == said)
    assert toast.notice.action == "Replace credentials"
    QTest.mouseClick(toast.findChildren(Button)[0], Qt.MouseButton.LeftButton)
    await shows(desk, f"{REPLACE}.field.api_token")
    await desk.paste(f"{REPLACE}.field.api_token", "another-token-0123456789")
    await desk.press(f"{REPLACE}.submit")
    await until(lambda: "Shop has new credentials, and they work" in desk.toasts(), deadline_s=WAIT_S)
    assert said not in desk.toasts()
