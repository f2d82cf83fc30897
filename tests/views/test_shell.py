"""The window around the pages: sidebar, inspector, status bar, notices, vault dialogs, and what is remembered."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QPushButton

from machina_desktop.core.config import NOTIFICATIONS
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.errors import Bug, Conflict, Locked, Unavailable
from machina_desktop.core.services import device
from machina_desktop.core.services.teams import UpdateProfile, UpdateTeam
from machina_desktop.views import tasks, theme
from machina_desktop.views.apps import APPS
from machina_desktop.views.apps.settings import SettingsPage
from machina_desktop.views.crash_dialog import CrashDialog
from machina_desktop.views.first_run import FirstRunDialog
from machina_desktop.views.new_passphrase import strength_of
from machina_desktop.views.unlock import UnlockDialog
from tests.fakes.device import PASSPHRASE
from tests.fakes.gateway import turn, until
from tests.fakes.shell import Open, filled, press

LOCKED = device.VaultStatus(exists=True, is_open=False, slots=("passphrase",), keyring_available=True)
MISSING = device.VaultStatus(exists=False, is_open=False, slots=(), keyring_available=True)


class TestPages:
    async def test_the_lines_of_the_sidebar_describe_the_apps_they_load(self, open_window: Open) -> None:
        for app in APPS:
            module = __import__(f"machina_desktop.views.apps.{app.name}", fromlist=["APP"])
            described = (app.name, app.title, app.icon, set(app.details))
            assert described == (module.APP.name, module.APP.title, module.APP.icon, set(module.APP.details))

    @pytest.mark.parametrize("name", [app.name for app in APPS])
    async def test_every_app_opens_on_a_full_team(self, open_window: Open, name: str) -> None:
        made = await filled(open_window())
        made.window.open_app(name)
        await until(lambda: made.window.pages.page() is not None and made.window.pages.name == name)
        await turn()
        assert made.toasts() == []

    async def test_ctrl_and_a_figure_opens_an_app(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.activateWindow()
        press(made, Qt.Key.Key_4, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: made.window.pages.name == "deployments")
        assert made.window.sidebar.entry("deployments").isChecked()

    async def test_ctrl_and_a_comma_opens_the_settings(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.activateWindow()
        press(made, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: made.window.pages.name == "settings")

    async def test_pages_are_built_when_first_shown(self, open_window: Open) -> None:
        made = await filled(open_window())
        assert not made.gateway.asked_of(device.ListSettings)
        made.window.open_app("settings")
        await until(lambda: made.gateway.asked_of(device.ListSettings))

    async def test_a_failed_start_offers_to_try_again(self, open_window: Open) -> None:
        made = open_window()
        retried: list[bool] = []
        made.window.retried.connect(lambda: retried.append(True))
        made.window.show_start_failure(Unavailable("The disk is full.", hint="Free space."))
        retry = next(
            each for each in made.window.findChildren(QPushButton) if each.text() == "Retry" and each.isVisible()
        )
        retry.click()
        assert retried == [True]


class TestSidebar:
    async def test_waiting_approvals_are_counted_at_deployments(self, open_window: Open) -> None:
        made = await filled(open_window())
        entry = made.window.sidebar.entry("deployments")
        await until(lambda: entry.badge() == len(made.desk.runs.waiting) > 0)
        for run in made.desk.runs.waiting:
            made.gateway.put(replace(run, state=DeploymentState.CANCELLED))
        await until(lambda: entry.badge() == 0)

    async def test_collapsed_entries_name_themselves_in_tooltips(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.sidebar.set_collapsed(True)
        assert "Machines" in made.window.sidebar.entry("machines").toolTip()
        assert made.window.sidebar.width() == 56

    async def test_team_and_person_are_named(self, open_window: Open) -> None:
        made = await filled(open_window())
        await until(lambda: made.window.sidebar.team.text() == "Personal")
        assert made.window.sidebar.person.text() == "Ada Lovelace"


class TestInspector:
    async def test_it_goes_back_and_forward(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = made.window.inspectors.docks()[0]
        first, second = made.machine(0).machine_id, made.machine(1).machine_id
        made.window.inspect("machine", first)
        made.window.inspect("machine", second)
        dock.step(-1)
        assert dock.subject is not None
        assert dock.subject.key == first
        dock.step(1)
        assert dock.subject.key == second

    async def test_a_pinned_one_stays_beside_the_next(self, open_window: Open) -> None:
        made = await filled(open_window())
        pinned, free = made.window.inspectors.docks()
        made.window.inspect("machine", made.machine(0).machine_id)
        pinned.set_pinned(True)
        made.window.inspect("machine", made.machine(1).machine_id)
        assert pinned.isVisible()
        assert free.isVisible()
        assert pinned.subject != free.subject

    async def test_escape_closes_it_and_its_detail_stops_asking(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = made.window.inspectors.docks()[0]
        made.window.inspect("machine", made.machine().machine_id)
        press(made, Qt.Key.Key_Escape)
        await until(lambda: not dock.isVisible())
        assert dock.detail is None

    async def test_a_closed_one_opens_again_on_the_same_subject(self, open_window: Open) -> None:
        made = await filled(open_window())
        dock = made.window.inspectors.docks()[0]
        key = made.machine().machine_id
        made.window.inspect("machine", key)
        dock.dismiss()
        made.window.inspect("machine", key)
        assert dock.isVisible()
        assert dock.detail is not None


class TestAnnouncements:
    async def test_what_was_so_at_the_start_is_not_news(self, open_window: Open) -> None:
        made = await filled(open_window())
        await turn(30)
        assert made.toasts() == []

    async def test_a_failed_run_is_told_and_stays_until_dismissed(self, open_window: Open) -> None:
        made = await filled(open_window())
        run = made.run_in(DeploymentState.APPLYING)
        made.gateway.put(replace(run, state=DeploymentState.FAILED, error_message="It broke.", error_hint="Retry."))
        await until(made.toasts)
        toast = made.window.notices.shown()[0]
        assert toast.notice.kind == "error"
        assert toast.notice.detail == "It broke. Retry."
        assert not toast._timer.isActive()

    async def test_a_run_is_told_once_though_two_questions_find_it(self, open_window: Open) -> None:
        made = await filled(open_window())
        ended: list[Deployment] = []
        made.desk.runs.ended.connect(ended.append)
        made.gateway.put(replace(made.run_in(DeploymentState.APPLYING), state=DeploymentState.SUCCEEDED))
        await until(lambda: ended)
        await turn(30)
        assert len(ended) == 1

    async def test_a_plan_that_becomes_ready_opens_from_its_toast(self, open_window: Open) -> None:
        made = await filled(open_window())
        run = made.run_in(DeploymentState.PLANNING)
        made.gateway.put(replace(run, state=DeploymentState.AWAITING_APPROVAL))
        await until(made.toasts)
        notice = made.window.notices.shown()[0].notice
        assert notice.on_action is not None
        notice.on_action()
        subject = made.window.inspectors.docks()[0].subject
        assert subject is not None
        assert subject.key == run.deployment_id

    async def test_a_hidden_window_tells_the_system_unless_that_is_switched_off(self, open_window: Open) -> None:
        made = await filled(open_window())
        sent: list[tuple[str, str]] = []

        class Outside:
            def send(self, title: str, body: str, *, key: str) -> None:
                sent.append((title, key))

        made.desk._announcer.set_outside(Outside())  # type: ignore[arg-type]
        made.window.hide()
        first, second = made.desk.runs.running[:2]
        made.gateway.put(replace(first, state=DeploymentState.FAILED))
        await until(lambda: sent)
        assert sent[0][1] == first.deployment_id
        assert made.toasts() == []
        made.settings.set(NOTIFICATIONS, value=False)
        made.gateway.put(replace(second, state=DeploymentState.FAILED))
        await until(lambda: second.deployment_id not in {run.deployment_id for run in made.desk.runs.running})
        await turn(30)
        assert len(sent) == 1

    async def test_a_plan_approved_elsewhere_takes_its_toast_with_it(self, open_window: Open) -> None:
        made = await filled(open_window())
        run = made.run_in(DeploymentState.PLANNING)
        made.gateway.put(replace(run, state=DeploymentState.AWAITING_APPROVAL))
        await until(made.toasts)
        made.gateway.put(replace(run, state=DeploymentState.APPLYING))
        await until(lambda: not made.toasts())

    async def test_what_the_inspector_shows_is_not_told_again(self, open_window: Open) -> None:
        made = await filled(open_window())
        run = made.run_in(DeploymentState.PLANNING)
        ready: list[Deployment] = []
        made.desk.runs.awaits_approval.connect(ready.append)
        made.window.inspect("deployment", run.deployment_id)
        made.gateway.put(replace(run, state=DeploymentState.AWAITING_APPROVAL))
        await until(lambda: ready)
        assert made.toasts() == []

    async def test_opening_what_a_toast_tells_of_takes_the_toast_away(self, open_window: Open) -> None:
        made = await filled(open_window())
        run = made.run_in(DeploymentState.PLANNING)
        made.gateway.put(replace(run, state=DeploymentState.AWAITING_APPROVAL))
        await until(made.toasts)
        made.window.inspect("deployment", run.deployment_id)
        assert made.toasts() == []


class TestErrors:
    async def test_an_ordinary_error_becomes_a_notice_with_its_next_step(self, open_window: Open) -> None:
        made = await filled(open_window())
        tasks.PRESENTER.show(Conflict("The name is taken.", hint="Choose another."))
        notice = made.window.notices.shown()[0].notice
        assert (notice.kind, notice.text, notice.detail) == ("error", "The name is taken.", "Choose another.")

    async def test_a_locked_vault_asks_to_be_opened(self, open_window: Open) -> None:
        made = await filled(open_window(replace(LOCKED, is_open=True)))
        made.desk.vault.lock()
        await until(lambda: made.desk.vault.status is not None and not made.desk.vault.status.is_open)
        tasks.PRESENTER.show(Locked("The vault is locked."))
        assert isinstance(made.desk.vault_door.dialog, UnlockDialog)

    async def test_a_bug_shows_one_redacted_report(self, open_window: Open) -> None:
        made = await filled(open_window())
        for _ in range(3):
            tasks.PRESENTER.show(Bug("It met hunter22."))
        dialogs = made.window.findChildren(CrashDialog)
        assert len(dialogs) == 1
        assert "hunter22" not in dialogs[0].report
        assert "It met •••." in dialogs[0].report
        dialogs[0].accept()


class TestVault:
    async def test_the_first_start_makes_the_vault(self, open_window: Open) -> None:
        made = open_window(MISSING)
        await until(lambda: isinstance(made.desk.vault_door.dialog, FirstRunDialog))
        dialog = made.desk.vault_door.dialog
        assert isinstance(dialog, FirstRunDialog)
        dialog.primary.click()
        dialog.primary.click()
        dialog.lock_step().choose("passphrase")
        dialog.lock_step().new.passphrase.set_text(PASSPHRASE)
        dialog.lock_step().new.again.set_text("something else")
        dialog.primary.click()
        await turn()
        assert not made.device.vault.exists
        assert dialog.lock_step().new.again.error()
        dialog.lock_step().new.again.set_text(PASSPHRASE)
        dialog.primary.click()
        await until(lambda: made.device.vault.is_open and dialog.step() == 3)
        assert made.device.vault.slots == ("passphrase",)
        dialog.reject()

    async def test_the_first_start_names_team_and_person(self, open_window: Open) -> None:
        made = open_window(MISSING)
        await until(lambda: isinstance(made.desk.vault_door.dialog, FirstRunDialog))
        dialog = made.desk.vault_door.dialog
        assert isinstance(dialog, FirstRunDialog)
        step = dialog.team_step()
        await until(lambda: step.team.text() != "")
        dialog.primary.click()
        step.team.set_text("")
        dialog.primary.click()
        await until(lambda: step.team.error() != "")
        assert dialog.step() == 1
        step.team.set_text("Acme Robotics")
        step.person.set_text("Ada")
        dialog.primary.click()
        await until(lambda: dialog.step() == 2)
        assert [ask.name for ask in made.gateway.asked_of(UpdateTeam)] == ["", "Acme Robotics"]
        assert [ask.display_name for ask in made.gateway.asked_of(UpdateProfile)] == ["Ada"]
        dialog.reject()

    async def test_a_wrong_passphrase_is_told_at_the_field(self, open_window: Open) -> None:
        made = open_window(LOCKED)
        await until(lambda: isinstance(made.desk.vault_door.dialog, UnlockDialog))
        dialog = made.desk.vault_door.dialog
        assert isinstance(dialog, UnlockDialog)
        dialog._passphrase.set_text("wrong")
        dialog.primary.click()
        await until(dialog._passphrase.error)
        dialog._passphrase.set_text(PASSPHRASE)
        dialog.primary.click()
        await until(lambda: made.desk.vault.status is not None and made.desk.vault.status.is_open)
        await until(lambda: made.window.status.vault.text() == "Vault open")

    async def test_a_key_file_alone_is_warned_about_for_as_long_as_it_is(self, open_window: Open) -> None:
        made = open_window(replace(LOCKED, is_open=True, slots=("key-file",)))
        await until(made.desk._banner.isVisible)
        made.device.vault = replace(made.device.vault, slots=("key-file", "passphrase"))
        made.desk.vault.refresh()
        await until(lambda: not made.desk._banner.isVisible())

    @pytest.mark.parametrize(
        ("passphrase", "level"), [("abc", 0), ("aaaaaaaaaaaaaaaa", 0), ("correct horse battery staple", 4)]
    )
    def test_the_strength_hint_distrusts_short_and_repeated_text(self, passphrase: str, level: int) -> None:
        assert strength_of(passphrase)[0] == level


class TestSettings:
    async def test_the_theme_applies_at_once(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.open_app("settings")
        page = made.window.pages.page()
        assert isinstance(page, SettingsPage)
        await until(lambda: page.has_rows)
        page.row("theme").control.chosen.emit("light")  # type: ignore[attr-defined]
        await until(lambda: theme.current().name == "light")
        assert made.device.settings["theme"] == "light"

    async def test_a_refused_text_stays_to_be_corrected_with_the_reason(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.open_app("settings")
        page = made.window.pages.page()
        assert isinstance(page, SettingsPage)
        await until(lambda: page.has_rows)
        row = page.row("engine")
        row.control.setText("terraform")  # type: ignore[attr-defined]
        row.control.editingFinished.emit()  # type: ignore[attr-defined]
        await until(row.problem)
        assert row.control.text() == "terraform"  # type: ignore[attr-defined]
        assert made.device.settings["engine"] == ""


class TestQuitting:
    async def test_it_asks_while_runs_are_under_way(self, open_window: Open) -> None:
        made = await filled(open_window())
        agreed: list[bool] = []
        made.window.quit_agreed.connect(lambda: agreed.append(True))
        made.window.close()
        question = made.desk.question
        assert question is not None
        assert agreed == []
        assert made.window.isVisible()
        question.primary.click()
        assert agreed == [True]

    async def test_it_does_not_ask_when_nothing_runs(self, open_window: Open) -> None:
        made = open_window(runs=0)
        await until(lambda: made.desk.vault.status)
        agreed: list[bool] = []
        made.window.quit_agreed.connect(lambda: agreed.append(True))
        made.window.close()
        assert agreed == [True]
