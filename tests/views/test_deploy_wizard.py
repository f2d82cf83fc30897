"""The deploy wizard, driven by mouse and keyboard over a gateway that answers from memory."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from machina_desktop.core.domain.firewall import FirewallProfile
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import (
    Catalogue,
    Image,
    Price,
    ProviderAccount,
    ProviderType,
    Region,
    Size,
    WizardStep,
)
from machina_desktop.core.errors import InvalidInput, Locked, MachinaError, Unavailable
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import CreateMachine
from machina_desktop.core.services.offers import ListCatalogue
from machina_desktop.core.services.providers import AddAccount, ListAccounts, ListProviders, ProbeHost
from machina_desktop.views import tasks
from machina_desktop.views.deploy_wizard.rail import StepState
from machina_desktop.views.widgets.modal import SHADOW
from tests.fakes.gateway import FakeGateway, turn, until
from tests.fakes.rows import AT, PROVIDER_INFOS, account, keys, machine, team_rows
from tests.fakes.wizard import Opened, team

LEFT = Qt.MouseButton.LeftButton
PRACTICE = Catalogue(
    regions=(Region(slug="this-computer", title="This computer"),),
    sizes=(Size(slug="practice", title="As large as this computer", price_monthly=0.0),),
    images=(Image(slug="this-system", title="Debian 12"),),
    fetched_at=AT,
)
FINGERPRINT = "SHA256:" + "k" * 43


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qapp: QApplication) -> Iterator[None]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    return


async def test_a_newcomer_gets_a_practice_machine_with_the_mouse_alone() -> None:
    gateway = FakeGateway()
    gateway.answers[ListCatalogue] = lambda _ask: PRACTICE
    async with Opened(gateway) as opened:
        opened.click("wizard.provider.sandbox")
        await until(lambda: opened.wizard.current() is not WizardStep.ACCOUNT)
        while opened.wizard.current() is not WizardStep.KEYS:
            opened.click("wizard.next")
            await turn()
        opened.click("wizard.generate-key")
        await until(lambda: opened.wizard._state.draft.key_ids)
        while opened.wizard.current() is not WizardStep.NAME:
            opened.click("wizard.next")
            await turn()
        await opened.next(WizardStep.REVIEW)
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        assert opened.window.inspected == [("deployment", opened.asked.deployment_id)]
        (made,) = gateway.all(SSHKey)
        assert (opened.asked.name, opened.asked.key_ids) == ("practice-1", (made.ssh_key_id,))
        assert opened.asked.auto_approve is False
        assert gateway.asked_of(GenerateKey)[0].type == "ed25519"


async def test_steps_a_provider_does_not_need_are_skipped_and_say_why() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-here")
        await turn()
        firewall = opened.find("wizard.rail.firewall")
        assert (firewall.state(), firewall.note()) == (StepState.SKIPPED, "It listens on this computer only.")
        await opened.next(WizardStep.KEYS)


async def test_a_single_choice_is_made_by_itself() -> None:
    gateway = FakeGateway((account(ProviderType.HETZNER, "account-one", "One"),))
    gateway.answers[ListCatalogue] = lambda _ask: PRACTICE
    async with Opened(gateway) as opened:
        opened.click("wizard.account.account-one")
        await until(lambda: opened.wizard._state.draft.image == "this-system")
        assert opened.find("wizard.price").text() == "free"


async def test_the_summary_names_the_price_of_the_chosen_size() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-hetzner")
        await opened.next(WizardStep.REGION)
        await until(lambda: opened.wizard.findChild(QWidget, "wizard.region.fsn1"))
        opened.click("wizard.region.fsn1")
        await opened.next(WizardStep.SIZE)
        opened.click_row("wizard.sizes", "cx32")
        assert opened.find("wizard.price").text() == "6.80 EUR / month"


async def test_a_server_of_ones_own_needs_its_host_key_compared() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-rack")
        await opened.next(WizardStep.REGION)
        opened.type("wizard.host", "203.0.113.7")
        opened.type("wizard.port", "2222")
        opened.click("wizard.fetch-host-key")
        await until(lambda: opened.find("wizard.compared").isVisible())
        opened.click("wizard.next")
        assert opened.find("wizard.host-key-error").text() == "Confirm the server's host key."
        QTest.keyClick(opened.find("wizard.compared"), Qt.Key.Key_Space)
        await opened.next(WizardStep.KEYS)
        assert opened.gateway.asked_of(ProbeHost) == [ProbeHost(host="203.0.113.7", port=2222)]


async def test_a_pasted_fingerprint_is_enough_and_is_what_gets_pinned() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-rack")
        await opened.next(WizardStep.REGION)
        opened.type("wizard.host", "db.example")
        opened.type("wizard.user", "admin")
        opened.type("wizard.host-key", FINGERPRINT)
        await opened.next(WizardStep.KEYS)
        opened.click("wizard.key.key-laptop")
        await opened.next(WizardStep.BOOTSTRAP)
        QTest.keyClicks(opened.find("wizard.script"), "echo hello")
        await opened.next(WizardStep.NAME)
        await opened.next(WizardStep.REVIEW)
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        ask = opened.asked
        assert (ask.host, ask.port, ask.user, ask.host_key) == ("db.example", 22, "admin", FINGERPRINT)
        assert ask.bootstrap_script == "echo hello"


async def test_another_address_makes_the_fetched_key_void() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-rack")
        await opened.next(WizardStep.REGION)
        opened.type("wizard.host", "203.0.113.7")
        opened.click("wizard.fetch-host-key")
        await until(lambda: opened.wizard._state.draft.found_key)
        QTest.keyClick(opened.find("wizard.compared"), Qt.Key.Key_Space)
        opened.type("wizard.host", "203.0.113.8")
        assert opened.wizard._state.draft.host_key == ""


async def test_a_host_that_does_not_answer_is_told_at_the_host_key() -> None:
    gateway = team()

    def refuse(_ask: ProbeHost) -> None:
        raise Unavailable("203.0.113.7 does not answer on port 22.", hint="Check the address.")

    gateway.answers[ProbeHost] = refuse
    async with Opened(gateway) as opened:
        opened.click("wizard.account.account-rack")
        await opened.next(WizardStep.REGION)
        opened.type("wizard.host", "203.0.113.7")
        opened.click("wizard.fetch-host-key")
        await until(lambda: "does not answer" in opened.find("wizard.host-key-error").text())


async def test_a_server_of_ones_own_needs_a_key_that_machina_can_use() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-rack")
        await opened.next(WizardStep.REGION)
        opened.type("wizard.host", "h")
        opened.type("wizard.host-key", FINGERPRINT)
        await opened.next(WizardStep.KEYS)
        opened.click("wizard.key.key-grace")
        opened.click("wizard.next")
        assert "private half" in opened.find("wizard.keys-problem").text()
        assert opened.wizard.current() is WizardStep.KEYS


async def test_what_is_no_fingerprint_keeps_the_step_open() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-rack")
        await opened.next(WizardStep.REGION)
        opened.type("wizard.host", "203.0.113.7")
        opened.type("wizard.host-key", "SHA256:nonsense")
        opened.click("wizard.next")
        await until(lambda: "43 characters" in opened.find("wizard.host-key").accessibleDescription())
        assert opened.wizard.current() is WizardStep.REGION


async def test_a_bad_name_is_told_at_the_field_as_it_is_left() -> None:
    async with Opened(team()) as opened:
        await opened.to_name()
        opened.type("wizard.name", "Grand Size!")
        QTest.keyClick(opened.find("wizard.name"), Qt.Key.Key_Tab)
        await until(lambda: "lower-case" in opened.find("wizard.name").accessibleDescription())
        opened.click("wizard.next")
        assert opened.wizard.current() is WizardStep.NAME


async def test_a_taken_name_is_told_before_it_is_sent() -> None:
    gateway = FakeGateway((*team_rows(machines=0, runs=0), machine(1, name="web-9")))
    async with Opened(gateway) as opened:
        await opened.to_name()
        opened.type("wizard.name", "web-9")
        opened.click("wizard.next")
        assert "already" in opened.find("wizard.name").accessibleDescription()


async def test_the_name_has_the_keyboard_when_its_step_opens() -> None:
    async with Opened(team()) as opened:
        await opened.to_name()
        assert opened.wizard.focusWidget() is opened.find("wizard.name")


async def test_the_review_shows_exactly_what_is_sent() -> None:
    async with Opened(team()) as opened:
        await opened.to_review()
        shown = opened.wizard._step(WizardStep.REVIEW).variables()
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        for name, text in shown.items():
            value = getattr(opened.asked, name)
            assert text == (", ".join(value) if isinstance(value, tuple) else str(value))


async def test_apply_without_asking_is_off_until_it_is_ticked() -> None:
    async with Opened(team()) as opened:
        await opened.to_review()
        assert not opened.find("wizard.auto-approve").isChecked()
        QTest.keyClick(opened.find("wizard.auto-approve"), Qt.Key.Key_Space)
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        assert opened.asked.auto_approve


@pytest.mark.parametrize(
    "field, step",
    [("name", WizardStep.NAME), ("ssh_key_ids", WizardStep.KEYS), ("account_id", WizardStep.ACCOUNT)],
)
async def test_a_refused_field_opens_its_step_and_is_told_there(field: str, step: WizardStep) -> None:
    gateway = team()

    def refuse(_ask: CreateMachine) -> None:
        raise InvalidInput("The home does not like it.", field=field)

    gateway.answers[CreateMachine] = refuse
    async with Opened(gateway) as opened:
        await opened.to_review()
        opened.click("wizard.deploy")
        await until(lambda: opened.wizard.current() is step)
        said = [
            each.text() for each in opened.find(f"wizard.step.{step}").findChildren(QWidget) if hasattr(each, "text")
        ]
        assert "The home does not like it." in said


async def test_a_deploy_that_failed_is_sent_again_under_the_same_ids() -> None:
    gateway = team()
    answer = gateway.answers[CreateMachine]

    def fail(_ask: CreateMachine) -> None:
        raise Unavailable("The disk is full.")

    gateway.answers[CreateMachine] = fail
    async with Opened(gateway) as opened:
        await opened.to_review()
        opened.click("wizard.deploy")
        await until(lambda: opened.find("wizard.review-problem").text() == "The disk is full.")
        gateway.answers[CreateMachine] = answer
        await until(lambda: opened.find("wizard.deploy").isEnabled())
        opened.click("wizard.deploy")
        await until(lambda: opened.window.inspected)
        first, second = gateway.asked_of(CreateMachine)
        assert first == second


async def test_the_draft_survives_closing_and_ends_with_deploying(tmp_path: Path) -> None:
    async with Opened(team()) as opened:
        await opened.to_name()
        opened.type("wizard.name", "kept-1")
        QTest.keyClick(opened.wizard, Qt.Key.Key_Escape)
        await turn()
    draft = tmp_path / "draft.json"
    assert stat.S_IMODE(draft.stat().st_mode) == 0o600
    async with Opened(team()) as again:
        assert again.wizard.current() is WizardStep.NAME
        assert again.find("wizard.name").text() == "kept-1"
        await again.next(WizardStep.REVIEW)
        again.click("wizard.deploy")
        await until(lambda: again.window.inspected)
    assert not draft.exists()


async def test_a_draft_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "draft.json").write_text('{"step": "no-such-step"')
    async with Opened(team()) as opened:
        assert opened.wizard.current() is WizardStep.ACCOUNT


async def test_start_over_forgets_every_choice() -> None:
    async with Opened(team()) as opened:
        await opened.to_name()
        opened.click("wizard.start-over")
        assert opened.wizard.current() is WizardStep.ACCOUNT
        assert opened.wizard._state.draft.key_ids == ()


async def test_a_new_account_is_made_on_the_spot_and_its_secret_stays_out_of_the_draft(tmp_path: Path) -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.provider.hetzner")
        opened.type("wizard.account-label", "Second")
        opened.type("wizard.account-field.api_token", "canary-token")
        opened.click("wizard.add-account")
        await until(lambda: opened.wizard.current() is WizardStep.REGION)
        (ask,) = opened.gateway.asked_of(AddAccount)
        assert (ask.label, ask.fields["api_token"].reveal()) == ("Second", "canary-token")
        opened.wizard._state.save()
        assert "canary" not in (tmp_path / "draft.json").read_text()


async def test_a_missing_credential_is_told_at_its_field() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.provider.digitalocean")
        opened.click("wizard.add-account")
        assert opened.find("wizard.account-field.api_token").accessibleDescription() == "API token is needed."
        assert not opened.gateway.asked_of(AddAccount)


async def test_a_provider_that_cannot_be_used_here_says_why() -> None:
    async with Opened(team()) as opened:
        button = opened.find("wizard.provider.aws")
        assert not button.isEnabled()
        assert "later version" in button.accessibleDescription()


async def test_an_account_whose_credentials_fail_does_not_let_go_on() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-aws")
        opened.click("wizard.next")
        assert opened.wizard.current() is WizardStep.ACCOUNT


async def test_the_keyboard_goes_on_and_back_and_closes() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-here")
        for key, held, step in (
            (Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier, WizardStep.KEYS),
            (Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier, WizardStep.ACCOUNT),
            (Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier, WizardStep.KEYS),
        ):
            opened.wizard.activateWindow()
            QTest.keyClick(opened.wizard, key, held)
            await until(lambda step=step: opened.wizard.current() is step)
        done: list[int] = []
        opened.wizard.finished.connect(done.append)
        QTest.keyClick(opened.wizard, Qt.Key.Key_Escape)
        await until(lambda: done == [0])


async def test_arrow_keys_choose_among_the_accounts() -> None:
    async with Opened(team()) as opened:
        opened.click("wizard.account.account-do")
        QTest.keyClick(opened.find("wizard.account.account-do"), Qt.Key.Key_Up)
        await until(lambda: opened.wizard._state.draft.account_id != "account-do")


async def test_a_finished_step_opens_again_from_the_rail() -> None:
    async with Opened(team()) as opened:
        await opened.to_name()
        assert opened.state(WizardStep.KEYS) is StepState.DONE
        opened.click("wizard.rail.keys")
        await until(lambda: opened.wizard.current() is WizardStep.KEYS)
        assert not opened.find("wizard.rail.review").isEnabled()


async def test_a_step_that_has_become_wrong_is_marked_in_the_rail() -> None:
    gateway = team()
    async with Opened(gateway) as opened:
        await opened.to_name()
        gateway.remove(SSHKey, "key-laptop")
        await until(lambda: opened.state(WizardStep.KEYS) is StepState.ERROR)
        assert keys()[0].ssh_key_id not in opened.wizard._state.draft.key_ids


async def test_a_catalogue_that_cannot_be_read_is_told_and_asked_for_again() -> None:
    gateway = team()
    answer = gateway.answers[ListCatalogue]

    def fail(_ask: ListCatalogue) -> None:
        raise Unavailable("Hetzner does not answer.")

    gateway.answers[ListCatalogue] = fail
    async with Opened(gateway) as opened:
        opened.click("wizard.account.account-hetzner")
        await opened.next(WizardStep.REGION)
        states = opened.wizard._step(WizardStep.REGION)._states
        await until(lambda: states.currentWidget() is states.error)
        gateway.answers[ListCatalogue] = answer
        QTest.mouseClick(states.error.retry, LEFT)
        await until(lambda: opened.wizard.findChild(QWidget, "wizard.region.fsn1"))


async def test_a_wizard_that_cannot_start_says_why_and_tries_again() -> None:
    gateway = team()
    answer = gateway.answers[ListAccounts]

    def fail(_ask: ListAccounts) -> tuple[ProviderAccount, ...]:
        raise Unavailable("The store cannot be read.")

    gateway.answers[ListAccounts] = fail
    async with Opened(gateway) as opened:
        assert opened.wizard._error.accessibleName() == "The store cannot be read."
        gateway.answers[ListAccounts] = answer
        QTest.mouseClick(opened.wizard._error.retry, LEFT)
        await until(lambda: opened.wizard.findChild(QWidget, "wizard.step.account"))
        assert opened.find("wizard.step.account").isVisible()


async def test_the_wizard_stays_open_while_its_machine_is_being_asked_for() -> None:
    gateway = team()
    async with Opened(gateway) as opened:
        await opened.to_review()
        gateway.gate = asyncio.Event()
        opened.click("wizard.deploy")
        await turn()
        QTest.keyClick(opened.wizard, Qt.Key.Key_Escape)
        assert opened.wizard.isVisible()
        gateway.gate.set()
        await until(lambda: opened.window.inspected)


async def test_it_fits_into_a_small_window_whatever_names_are_in_it() -> None:
    gateway = FakeGateway((account(ProviderType.SANDBOX, "account-long", "L" * 200),))
    async with Opened(gateway) as opened:
        panel = opened.wizard.minimumSizeHint().shrunkBy(SHADOW)
        assert panel.width() <= 976
        assert panel.height() <= 592


async def test_a_locked_vault_asks_to_be_unlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[MachinaError] = []
    monkeypatch.setattr(tasks.PRESENTER, "show", shown.append)
    gateway = team()

    def refuse(_ask: GenerateKey) -> None:
        raise Locked("The vault is locked.")

    gateway.answers[GenerateKey] = refuse
    async with Opened(gateway) as opened:
        opened.click("wizard.account.account-here")
        await opened.next(WizardStep.KEYS)
        opened.click("wizard.generate-key")
        await until(lambda: [error.code for error in shown] == ["E-VAULT-LOCKED"])


async def test_a_newcomer_gets_a_practice_machine_with_the_keyboard_alone() -> None:
    gateway = FakeGateway()
    gateway.answers[ListCatalogue] = lambda _ask: PRACTICE

    def press(opened: Opened, held: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        QTest.keyClick(opened.wizard.focusWidget(), Qt.Key.Key_Return, held)

    async with Opened(gateway) as opened:
        press(opened)
        await until(lambda: opened.wizard.current() is WizardStep.KEYS)
        await turn()
        press(opened)
        await until(lambda: opened.wizard._state.draft.key_ids)
        for step in (WizardStep.BOOTSTRAP, WizardStep.NAME):
            press(opened, Qt.KeyboardModifier.ControlModifier)
            await until(lambda step=step: opened.wizard.current() is step)
            await turn()
        await until(lambda: opened.wizard.focusWidget() is opened.find("wizard.name"))
        press(opened)
        await until(lambda: opened.wizard.current() is WizardStep.REVIEW)
        press(opened, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: opened.window.inspected)


CLOUD = Catalogue(
    regions=(Region(slug="nbg1", title="Nuremberg"), Region(slug="hel1", title="Helsinki")),
    sizes=(
        Size(
            slug="cx22",
            title="CX22",
            disk_gb=40,
            architecture="x86_64",
            sold_out=("nbg1",),
            currency="EUR",
            prices={"nbg1": Price(monthly=3.79), "hel1": Price(monthly=4.2)},
        ),
        Size(slug="cx32", title="CX32", disk_gb=80, architecture="x86_64", price_monthly=6.8, currency="EUR"),
        Size(slug="cax11", title="CAX11", disk_gb=10, architecture="arm64", price_monthly=3.0, currency="EUR"),
        Size(slug="far", title="FAR", regions=("hel1",), price_monthly=1.0, currency="EUR"),
    ),
    images=(
        Image(slug="debian-12", title="Debian 12", family="debian"),
        Image(slug="ubuntu-24.04", title="Ubuntu 24.04", family="ubuntu", architecture="x86_64"),
        Image(slug="4711", title="web-1 of May", is_own=True, min_disk_gb=40),
    ),
    fetched_at=AT,
)


def at_a_cloud() -> FakeGateway:
    gateway = FakeGateway((account(ProviderType.HETZNER, "account-one", "One"), *keys()))
    infos = tuple(replace(info, has_firewalls=True) for info in PROVIDER_INFOS)
    gateway.answers[ListProviders] = lambda _ask: infos
    gateway.answers[ListCatalogue] = lambda _ask: CLOUD
    return gateway


class TestCloud:
    async def _to_sizes(self, opened: Opened, region: str = "nbg1") -> None:
        opened.click("wizard.account.account-one")
        await opened.next(WizardStep.REGION)
        await until(lambda: opened.wizard.findChild(QWidget, f"wizard.region.{region}"))
        opened.click(f"wizard.region.{region}")
        await opened.next(WizardStep.SIZE)
        await turn(5)

    async def test_what_is_sold_out_is_grey_and_cannot_be_chosen(self) -> None:
        async with Opened(at_a_cloud()) as opened:
            await self._to_sizes(opened)
            opened.click_row("wizard.sizes", "cx22")
            opened.click("wizard.next")
            assert opened.wizard.current() is WizardStep.SIZE
            problem = opened.find("wizard.size.problem")
            assert isinstance(problem, QLabel)
            assert problem.text() == "Choose a size."
            assert opened.row_text("wizard.sizes", "cx22").endswith("Sold out; in hel1")
            opened.click_row("wizard.sizes", "cx32")
            await opened.next(WizardStep.IMAGE)

    async def test_a_choice_that_another_region_lacks_is_told_with_where_it_is(self) -> None:
        async with Opened(at_a_cloud()) as opened:
            await self._to_sizes(opened, "hel1")
            opened.click_row("wizard.sizes", "cx22")
            assert opened.find("wizard.price").text() == "4.20 EUR / month"
            opened.click("wizard.rail.region")
            opened.click("wizard.region.nbg1")
            note = opened.find("wizard.rail.size").note()
            assert note == "CX22 is sold out in Nuremberg. It is to be had in Helsinki."

    async def test_sizes_of_other_regions_are_counted(self) -> None:
        async with Opened(at_a_cloud()) as opened:
            await self._to_sizes(opened)
            label = opened.find("wizard.sizes.elsewhere")
            assert isinstance(label, QLabel)
            assert label.text() == "1 more size is offered in other regions only."

    async def test_only_images_that_fit_are_offered_and_own_ones_come_first(self) -> None:
        async with Opened(at_a_cloud()) as opened:
            await self._to_sizes(opened)
            opened.click_row("wizard.sizes", "cx32")
            await opened.next(WizardStep.IMAGE)
            assert opened.find("wizard.image.4711").y() <= opened.find("wizard.image.debian-12").parentWidget().y()
            assert opened.find("wizard.image.ubuntu-24.04").isVisible()
            opened.click("wizard.back")
            opened.click_row("wizard.sizes", "cax11")
            await opened.next(WizardStep.IMAGE)
            await turn(5)
            assert opened.find("wizard.image.debian-12").isVisible()
            misfits = opened.find("wizard.image.misfits")
            assert isinstance(misfits, QLabel)
            assert misfits.text() == "2 more images do not fit CAX11."

    async def test_the_catalogue_is_fetched_anew_and_what_is_known_stays_when_that_fails(self) -> None:
        async with Opened(at_a_cloud()) as opened:
            await self._to_sizes(opened)

            def refuse(_ask: ListCatalogue) -> Catalogue:
                raise Unavailable("Hetzner Cloud did not answer.", code="E-OFFLINE")

            opened.gateway.answers[ListCatalogue] = refuse
            opened.click("wizard.size.renew")
            await until(lambda: opened.find("wizard.size.trouble").isVisible())
            assert opened.gateway.asked_of(ListCatalogue)[-1].refresh
            assert opened.find("wizard.sizes").isVisible()

    async def test_a_firewall_is_made_from_a_template_and_goes_with_the_request(self) -> None:
        async with Opened(at_a_cloud()) as opened:
            await self._to_sizes(opened)
            opened.click_row("wizard.sizes", "cx32")
            await opened.next(WizardStep.IMAGE)
            opened.click("wizard.image.debian-12")
            await opened.next(WizardStep.KEYS)
            opened.click("wizard.key.key-laptop")
            await opened.next(WizardStep.BOOTSTRAP)
            await opened.next(WizardStep.FIREWALL)
            assert opened.find("wizard.firewall.none").isChecked()
            opened.click("wizard.firewall-template.ssh")
            await until(lambda: opened.find("wizard.firewall-rules").isVisible())
            rules = opened.find("wizard.firewall-rules")
            assert isinstance(rules, QLabel)
            assert rules.text().splitlines() == [
                "SSH: TCP port 22 from anywhere",
                "Ping: ICMP from anywhere",
                "Nothing else gets in; everything gets out.",
            ]
            await opened.next(WizardStep.NAME)
            await opened.next(WizardStep.REVIEW)
            opened.click("wizard.deploy")
            await until(lambda: opened.window.inspected)
            (profile,) = opened.gateway.all(FirewallProfile)
            assert opened.asked.firewall_profile_id == profile.profile_id
