"""The settings page: places, search, rows made from declarations, the vault's ways, a file that is in trouble."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QFileDialog, QLineEdit, QSpinBox

from machina_desktop.core.config import CLOSE_TO_TRAY, SETTINGS, Paths
from machina_desktop.core.errors import Locked, Unavailable
from machina_desktop.core.secret import Secret
from machina_desktop.core.services import device, diagnostics, storage
from machina_desktop.views import theme
from machina_desktop.views.apps.settings import SettingsPage
from machina_desktop.views.apps.settings_log import OwnLogDialog
from machina_desktop.views.apps.settings_vault_dialogs import AddWayDialog, ChangePassphraseDialog, RemoveWayDialog
from machina_desktop.views.first_run_steps import LockStep
from machina_desktop.views.new_passphrase import advice_for
from machina_desktop.views.widgets.text import Label
from tests.fakes.device import AT, HOME, PASSPHRASE, FakeDevice
from tests.fakes.stage import Stage, stage_with, turn, until

NEW = "battery staple correct"


@pytest_asyncio.fixture
async def stage(qapp: QApplication) -> AsyncIterator[Stage]:
    assert qapp is not None
    Paths.default().window_state.unlink(missing_ok=True)
    async with stage_with() as made:
        yield made


@pytest.fixture
def fake(stage: Stage) -> FakeDevice:
    made = FakeDevice(stage.gateway)
    made.vault = replace(made.vault, slots=("keyring", "passphrase"), since=(AT, AT))
    return made


@pytest.fixture
def motion() -> Iterator[None]:
    """What a test says about motion ends with it."""
    before = theme.is_motion_reduced()
    yield
    theme.set_motion_reduced(before)


async def opened(stage: Stage) -> SettingsPage:
    page = stage.show(SettingsPage(stage.bridge, stage.window), width=1100, height=800)
    await until(lambda: page.has_rows)
    await turn()
    return page


def shown_sections(page: SettingsPage) -> list[str]:
    return [name for name, section in page.preferences._sections.items() if not section.isHidden()]


def shown_rows(page: SettingsPage) -> list[str]:
    return [key for key, row in page.preferences.rows().items() if row.isVisible()]


class TestPlaces:
    @pytest.mark.parametrize("place", ["profile", "account", "settings"])
    async def test_a_tab_is_reached_by_its_name(self, stage: Stage, fake: FakeDevice, place: str) -> None:
        page = await opened(stage)
        page.go_to(place)
        assert page.tabs.current() == place

    @pytest.mark.parametrize("place", ["engine", "vault", "notifications", "proxy", "logs", "data", "look"])
    async def test_a_part_is_brought_into_view_and_marked(self, stage: Stage, fake: FakeDevice, place: str) -> None:
        page = await opened(stage)
        page.go_to("profile")
        page.go_to(place)
        await turn()
        section = page.preferences._sections[place]
        assert page.tabs.current() == "settings"
        assert not section.visibleRegion().isEmpty()
        marked = [name for name, link in page.preferences._links.items() if link.isChecked()]
        assert marked == [place]

    @pytest.mark.usefixtures("motion")
    @pytest.mark.parametrize("is_reduced", [True, False])
    async def test_a_setting_is_reached_by_its_key_and_lights_up_unless_motion_is_reduced(
        self, stage: Stage, fake: FakeDevice, *, is_reduced: bool
    ) -> None:
        theme.set_motion_reduced(is_reduced)
        page = await opened(stage)
        page.go_to("vault_lock_minutes")
        row = page.row("vault_lock_minutes")
        await until(lambda: not row.visibleRegion().isEmpty())
        assert row.is_flashing() is not is_reduced

    async def test_a_place_named_before_the_settings_are_known_is_gone_to_later(
        self, stage: Stage, fake: FakeDevice
    ) -> None:
        page = stage.show(SettingsPage(stage.bridge, stage.window), width=1100, height=800)
        page.go_to("data")
        await until(lambda: page.has_rows)
        await until(page.preferences._links["data"].isChecked)

    async def test_an_unknown_place_changes_nothing(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("account")
        page.go_to("nowhere")
        assert page.tabs.current() == "account"

    async def test_the_tab_is_remembered(self, stage: Stage, fake: FakeDevice) -> None:
        (await opened(stage)).go_to("account")
        assert (await opened(stage)).tabs.current() == "account"

    async def test_the_list_of_parts_gives_way_in_a_narrow_window(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        assert page.preferences._link_column.isVisible()
        page.resize(700, 640)
        await until(lambda: not page.preferences._link_column.isVisible())


class TestRows:
    async def test_every_declared_setting_has_a_row_in_its_part(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        for setting in SETTINGS:
            is_offered = setting.key in page.preferences._sections[setting.section].rows
            # Where there is no tray, as here, nothing can be kept in it.
            assert is_offered is (setting is not CLOSE_TO_TRAY), setting.key

    async def test_a_choice_is_stored_and_shown_by_its_title(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        combo = page.row("proxy_mode").control
        assert combo.currentText() == "As the system"  # type: ignore[attr-defined]
        combo.setCurrentIndex(2)  # type: ignore[attr-defined]
        await until(lambda: fake.settings["proxy_mode"] == "manual")

    async def test_a_number_says_what_it_counts_and_what_none_means(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        spin = page.row("vault_lock_minutes").control
        assert isinstance(spin, QSpinBox)
        assert spin.text() == "15 minutes"
        spin.setValue(0)
        await until(lambda: fake.settings["vault_lock_minutes"] == 0)
        assert spin.text() == "never"

    async def test_a_row_without_effect_cannot_be_changed(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        assert not page.row("proxy_url").control.isEnabled()
        page.row("proxy_mode").control.setCurrentIndex(2)  # type: ignore[attr-defined]
        await until(page.row("proxy_url").control.isEnabled)

    async def test_a_changed_setting_goes_back_to_its_default(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("settings")
        row = page.row("notifications")
        assert not row._reset.isVisible()
        row.control.click()  # type: ignore[attr-defined]
        await until(lambda: fake.settings["notifications"] is False and row._reset.isVisible())
        row._reset.click()
        await until(lambda: fake.settings["notifications"] is True and not row._reset.isVisible())

    async def test_a_password_in_a_proxys_address_is_refused_at_the_row(self, stage: Stage, fake: FakeDevice) -> None:
        fake.settings["proxy_mode"] = "manual"
        page = await opened(stage)
        row = page.row("proxy_url")
        assert isinstance(row.control, QLineEdit)
        row.control.setText("http://ada:secret@proxy:3128")
        row.control.editingFinished.emit()
        await until(row.problem)
        assert "password" in row.problem()
        assert fake.settings["proxy_url"] == ""
        row.control.setText("http://proxy:3128")
        row.control.editingFinished.emit()
        await until(lambda: fake.settings["proxy_url"] == "http://proxy:3128" and not row.problem())

    async def test_what_another_process_set_is_shown_when_the_page_comes_back(
        self, stage: Stage, fake: FakeDevice
    ) -> None:
        page = await opened(stage)
        fake.settings["concurrent_runs"] = 7
        page.shown()
        await until(lambda: page.row("concurrent_runs").value() == 7)


class TestSearch:
    async def test_only_what_all_words_are_found_in_stays(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("settings")
        QTest.keyClicks(page._header.search, "lock screen")
        await until(lambda: shown_rows(page) == ["vault_lock_with_screen"])
        assert shown_sections(page) == ["vault"]

    async def test_a_search_leads_to_the_settings_from_anywhere(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("profile")
        QTest.keyClicks(page._header.search, "backup")
        await until(lambda: page.tabs.current() == "settings" and shown_sections(page) == ["data"])

    async def test_a_search_for_nothing_there_is_offers_everything(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("settings")
        QTest.keyClicks(page._header.search, "zebra")
        await until(page.preferences._nothing.isVisible)
        page.preferences._nothing.activated.emit()
        await until(lambda: len(shown_sections(page)) == len(page.preferences._sections))
        assert page._header.search is not None
        assert page._header.search.text() == ""

    async def test_going_to_a_setting_ends_a_search_that_hides_it(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        QTest.keyClicks(page._header.search, "proxy")
        await until(lambda: shown_sections(page) == ["proxy"])
        page.go_to("theme")
        await until(lambda: page.row("theme").isVisible())


class TestFile:
    async def test_an_unreadable_file_is_told_with_where_it_was_kept(self, stage: Stage, fake: FakeDevice) -> None:
        fake.file = replace(fake.file, set_aside=f"{HOME}/settings.json.broken")
        page = await opened(stage)
        page.go_to("settings")
        await until(page.preferences._trouble.isVisible)
        assert "settings.json.broken" in page.preferences._trouble.accessibleDescription()

    async def test_a_file_that_cannot_be_written_is_told(self, stage: Stage, fake: FakeDevice) -> None:
        fake.file = replace(fake.file, problem="Read-only file system")
        page = await opened(stage)
        page.go_to("settings")
        await until(page.preferences._trouble.isVisible)
        assert "Read-only file system" in page.preferences._trouble.title()

    async def test_a_value_that_cannot_be_stored_goes_back_with_the_reason(
        self, stage: Stage, fake: FakeDevice
    ) -> None:
        page = await opened(stage)

        def refuse(_ask: object) -> None:
            raise Unavailable("The settings cannot be written: No space left on device.", code="E-SETTINGS")

        stage.gateway.answers[device.ChangeSetting] = refuse
        row = page.row("notifications")
        row.control.click()  # type: ignore[attr-defined]
        await until(row.problem)
        assert row.control.isChecked()  # type: ignore[attr-defined]

    async def test_settings_that_cannot_be_listed_are_asked_for_again(self, stage: Stage, fake: FakeDevice) -> None:
        answer = stage.gateway.answers[device.ListSettings]

        def refuse(_ask: object) -> None:
            raise Unavailable("The disk is gone.")

        stage.gateway.answers[device.ListSettings] = refuse
        page = stage.show(SettingsPage(stage.bridge, stage.window), width=1100, height=800)
        page.go_to("settings")
        await until(page.preferences._failure.isVisible)
        stage.gateway.answers[device.ListSettings] = answer
        page.preferences._failure.retry.click()
        await until(lambda: page.has_rows and not page.preferences._failure.isVisible())


class TestVault:
    async def test_each_way_is_listed_with_what_can_be_done(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("account")
        await until(lambda: stage.has("settings.account.keyring"))
        assert stage.has("settings.account.passphrase")
        assert stage.has("settings.account.change")

    async def test_the_only_way_cannot_be_removed_and_says_so(self, stage: Stage, fake: FakeDevice) -> None:
        fake.vault = replace(fake.vault, slots=("keyring",), since=(AT,))
        page = await opened(stage)
        page.go_to("account")
        await until(lambda: stage.has("settings.account.keyring"))
        button = stage.find(QAbstractButton, "settings.account.keyring.remove")
        assert not button.isEnabled()
        assert "only way" in button.toolTip()

    async def test_a_locked_vault_offers_nothing_but_unlocking(self, stage: Stage, fake: FakeDevice) -> None:
        fake.vault = replace(fake.vault, is_open=False)
        page = await opened(stage)
        page.go_to("account")
        await until(lambda: stage.has("settings.account.keyring"))
        assert not page.account.add.isEnabled()
        assert not stage.find(QAbstractButton, "settings.account.change").isEnabled()
        wanted: list[bool] = []
        page.vault_wanted.connect(lambda: wanted.append(True))
        page.account.state.act.click()
        assert wanted == [True]

    async def test_a_passphrase_is_added(self, stage: Stage, fake: FakeDevice) -> None:
        fake.vault = replace(fake.vault, slots=("keyring",), since=(AT,))
        page = await opened(stage)
        await until(page.account.add.isEnabled)
        page.account.add.click()
        dialog = stage.find(AddWayDialog, "add_way")
        dialog.step.new.passphrase.set_text(NEW)
        dialog.step.new.again.set_text(NEW)
        dialog.primary.click()
        await until(lambda: fake.vault.slots == ("keyring", "passphrase"))
        await until(lambda: stage.window.notices)
        [ask] = stage.gateway.asked_of(device.AddVaultSlot)
        assert (ask.slot, ask.passphrase) == ("passphrase", Secret(NEW))

    async def test_only_ways_the_vault_does_not_have_are_offered(self, stage: Stage, fake: FakeDevice) -> None:
        step = stage.show(LockStep(replace(fake.vault, slots=("passphrase",), keyring_available=False)))
        assert set(step._cards) == {"keyring", "key-file"}
        assert step.slot == "key-file"

    async def test_a_passphrase_is_changed(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        dialog = await changing(stage, page)
        dialog.current.set_text(PASSPHRASE)
        type_new(dialog, NEW, NEW)
        dialog.primary.click()
        await until(lambda: stage.window.notices == [("success", "The passphrase was changed")])
        [ask] = stage.gateway.asked_of(device.ChangePassphrase)
        assert (ask.current, ask.new) == (Secret(PASSPHRASE), Secret(NEW))

    async def test_a_wrong_old_passphrase_is_told_at_its_field(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        dialog = await changing(stage, page)
        dialog.current.set_text("wrong")
        type_new(dialog, NEW, NEW)
        dialog.primary.click()
        await until(dialog.current.error)
        assert dialog.isVisible()
        assert dialog.new.passphrase.text() == NEW

    async def test_two_new_ones_that_differ_are_told_before_anything_is_sent(
        self, stage: Stage, fake: FakeDevice
    ) -> None:
        page = await opened(stage)
        dialog = await changing(stage, page)
        dialog.current.set_text(PASSPHRASE)
        type_new(dialog, NEW, "something else")
        dialog.primary.click()
        assert dialog.new.again.error()
        assert stage.gateway.asked_of(device.ChangePassphrase) == []

    async def test_a_wait_after_too_many_wrong_ones_is_shown(self, stage: Stage, fake: FakeDevice) -> None:
        def refuse(_ask: object) -> None:
            raise Locked("Too many wrong passphrases.", hint="Try again in 4 s.", code="E-VAULT-WAIT")

        stage.gateway.answers[device.ChangePassphrase] = refuse
        page = await opened(stage)
        dialog = await changing(stage, page)
        dialog.current.set_text(PASSPHRASE)
        type_new(dialog, NEW, NEW)
        dialog.primary.click()
        await until(lambda: "4 s" in dialog.current.error())

    async def test_removing_says_what_is_left_and_asks_first(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("account")
        await until(lambda: stage.has("settings.account.keyring"))
        stage.press("settings.account.keyring.remove")
        assert fake.vault.slots == ("keyring", "passphrase")
        dialog = stage.find(RemoveWayDialog, "remove_way")
        dialog.primary.click()
        await until(lambda: fake.vault.slots == ("passphrase",))
        await until(lambda: not stage.has("settings.account.keyring"))

    async def test_a_session_tells_host_and_data_folder(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("account")
        await until(lambda: {"ada-laptop", HOME} <= {label.text() for label in page.account.findChildren(Label)})

    @pytest.mark.parametrize(
        ("typed", "word"),
        [("", "random words"), ("aaaaaaaa", "Repeated"), ("horse staple", "Longer"), (PASSPHRASE, "Hard to guess")],
    )
    def test_the_advice_says_what_would_make_it_stronger(self, typed: str, word: str) -> None:
        assert word in advice_for(typed)


class TestFiles:
    async def test_the_data_folder_is_measured_by_part(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        await until(lambda: "in all" in page.preferences._data._total.text())
        assert stage.gateway.asked_of(storage.GetStorage)

    async def test_a_backup_goes_where_the_person_says(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("data")
        await turn()
        stage.press("settings.data.back_up")
        stage.find(QFileDialog, "settings.data.folders").fileSelected.emit("/mnt/backups")
        await until(lambda: stage.window.notices)
        assert stage.gateway.asked_of(storage.BackUp) == [storage.BackUp(to="/mnt/backups")]

    async def test_diagnostics_go_where_the_person_says(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("logs")
        await turn()
        stage.press("settings.logs.save")
        stage.find(QFileDialog, "settings.logs.files").fileSelected.emit("/tmp/d.zip")
        await until(lambda: stage.window.notices)
        assert stage.gateway.asked_of(diagnostics.SaveDiagnostics) == [diagnostics.SaveDiagnostics(to="/tmp/d.zip")]

    async def test_the_own_log_is_shown_and_followed(self, stage: Stage, fake: FakeDevice) -> None:
        pieces = [
            diagnostics.OwnLog(lines=(), next_offset=0),
            diagnostics.OwnLog(lines=diagnostics_lines(2), next_offset=200),
            diagnostics.OwnLog(lines=diagnostics_lines(1), next_offset=300),
        ]
        stage.gateway.answers[diagnostics.ReadOwnLog] = lambda ask: next(
            (piece for piece in pieces if piece.next_offset > ask.offset), replace(pieces[-1], lines=())
        )
        dialog = stage.show(OwnLogDialog(stage.bridge))
        await until(lambda: dialog.log.model.line_count() == 3)
        offsets = [ask.offset for ask in stage.gateway.asked_of(diagnostics.ReadOwnLog)]
        assert offsets[:3] == [0, 200, 300]

    async def test_a_test_notification_is_asked_for(self, stage: Stage, fake: FakeDevice) -> None:
        page = await opened(stage)
        page.go_to("notifications")
        await turn()
        wanted: list[bool] = []
        page.notification_wanted.connect(lambda: wanted.append(True))
        stage.press("settings.notifications.test")
        assert wanted == [True]


async def changing(stage: Stage, page: SettingsPage) -> ChangePassphraseDialog:
    page.go_to("account")
    await until(lambda: stage.has("settings.account.change"))
    stage.press("settings.account.change")
    return stage.find(ChangePassphraseDialog, "change_passphrase")


def type_new(dialog: ChangePassphraseDialog, first: str, second: str) -> None:
    dialog.new.passphrase.set_text(first)
    dialog.new.again.set_text(second)


def diagnostics_lines(count: int) -> tuple[diagnostics.LogLine, ...]:
    return tuple(diagnostics.LogLine(at=AT, phase="2026-11-22", text=f"line {each}") for each in range(count))
