"""The left edge of the window: badges, tones, keys, and the person's menu."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.core.domain.provider import CredentialStatus, ProviderAccount
from machina_desktop.core.services import device
from machina_desktop.views import theme
from machina_desktop.views.apps.providers import ProvidersPage
from machina_desktop.views.sidebar_entry import SidebarEntry
from tests.fakes.gateway import turn, until
from tests.fakes.shell import Open, Opened, filled


def _menu() -> QMenu:
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    return menu


async def _person_menu(made: Opened) -> QMenu:
    QTest.mouseClick(made.window.sidebar.person, Qt.MouseButton.LeftButton)
    await turn()
    return _menu()


def _choose(menu: QMenu, text: str) -> None:
    action = next(each for each in menu.actions() if each.text() == text)
    assert isinstance(action, QAction)
    QTest.mouseClick(menu, Qt.MouseButton.LeftButton, pos=menu.actionGeometry(action).center())


class TestBadges:
    async def test_they_count_before_their_pages_were_opened(self, open_window: Open) -> None:
        made = await filled(open_window())
        sidebar = made.window.sidebar
        await until(lambda: sidebar.entry("providers").badge() == 1)
        assert made.window.findChildren(ProvidersPage) == []
        assert sidebar.entry("providers").badge_tone() == "error"
        assert sidebar.entry("providers").accessibleName() == "Providers, 1 account whose credentials are refused"

    async def test_machines_in_error_are_counted_in_words_and_tone(self, open_window: Open) -> None:
        made = await filled(open_window())
        entry = made.window.sidebar.entry("machines")
        await until(lambda: entry.badge() == 3)
        assert entry.badge_tone() == "error"
        assert entry.accessibleName() == "Machines, 3 machines with errors"
        for row in made.gateway.all(Machine):
            if row.actual_status is MachineStatus.ERROR:
                made.gateway.put(replace(row, actual_status=MachineStatus.RUNNING))
        await until(lambda: entry.badge() == 0)
        assert entry.accessibleName() == "Machines"

    async def test_waiting_plans_are_a_warning(self, open_window: Open) -> None:
        made = await filled(open_window())
        entry = made.window.sidebar.entry("deployments")
        await until(lambda: entry.badge() == len(made.desk.runs.waiting) > 1)
        assert entry.badge_tone() == "warning"
        assert entry.accessibleName().endswith("plans await approval")
        for run in made.desk.runs.waiting[1:]:
            made.gateway.put(replace(run, state=DeploymentState.CANCELLED))
        await until(lambda: entry.accessibleName() == "Deployments, 1 plan awaits approval")

    async def test_an_account_that_works_again_leaves_no_badge(self, open_window: Open) -> None:
        made = await filled(open_window())
        entry = made.window.sidebar.entry("providers")
        await until(entry.badge)
        for account in made.gateway.all(ProviderAccount):
            made.gateway.put(replace(account, credential_status=CredentialStatus.VALID))
        await until(lambda: not entry.badge())

    @pytest.mark.parametrize("tone", ["warning", "error"])
    def test_collapsed_a_dot_shows_in_the_badges_tone(self, qapp: QApplication, tone: str) -> None:
        theme.apply_theme(qapp, "dark")
        entry = SidebarEntry("Machines", "server")
        entry.set_collapsed(True)
        entry.resize(40, 36)
        plain = entry.grab().toImage()
        entry.set_badge(2, tone=tone)
        marked = entry.grab().toImage()
        wanted = theme.color(f"accent-{tone}").rgb()
        assert any(
            marked.pixel(x, y) == wanted != plain.pixel(x, y)
            for x in range(marked.width())
            for y in range(marked.height())
        )


class TestKeys:
    async def test_arrow_keys_move_within_it_and_stop_at_its_ends(self, open_window: Open) -> None:
        made = await filled(open_window())
        made.window.activateWindow()
        sidebar = made.window.sidebar
        sidebar.team.setFocus()
        QTest.keyClick(sidebar.team, Qt.Key.Key_Up)
        assert sidebar.team.hasFocus()
        QTest.keyClick(sidebar.team, Qt.Key.Key_Down)
        assert sidebar.entry("machines").hasFocus()
        QTest.keyClick(sidebar.entry("machines"), Qt.Key.Key_Down)
        assert sidebar.entry("providers").hasFocus()
        assert made.window.pages.name == "machines"
        QTest.keyClick(sidebar.entry("providers"), Qt.Key.Key_Space)
        await until(lambda: made.window.pages.name == "providers")
        sidebar.entry("providers").setFocus()
        QTest.keyClick(sidebar.entry("providers"), Qt.Key.Key_End)
        assert sidebar.isAncestorOf(QApplication.focusWidget())
        while not sidebar.person.hasFocus():
            QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Up)
            assert not sidebar.vault.hasFocus()
        QTest.keyClick(sidebar.person, Qt.Key.Key_Home)
        assert sidebar.team.hasFocus()

    async def test_a_click_on_the_page_shown_leaves_it_marked(self, open_window: Open) -> None:
        made = await filled(open_window())
        entry = made.window.sidebar.entry("machines")
        QTest.mouseClick(entry, Qt.MouseButton.LeftButton)
        assert entry.isChecked()
        QTest.mouseClick(made.window.sidebar.entry("keys"), Qt.MouseButton.LeftButton)
        assert not entry.isChecked()
        assert made.window.sidebar.entry("keys").isChecked()

    async def test_collapsed_lines_tell_name_shortcut_and_what_they_need(self, open_window: Open) -> None:
        made = await filled(open_window())
        sidebar = made.window.sidebar
        await until(lambda: sidebar.entry("machines").badge())
        sidebar.set_collapsed(True)
        assert sidebar.entry("machines").toolTip() == "Machines  Ctrl+1\n3 machines with errors"
        assert sidebar.entry("settings").toolTip() == "Settings  Ctrl+,"
        assert sidebar.person.toolTip() == "You: Ada Lovelace"
        assert sidebar.sync.toolTip().startswith("Local only\n")
        assert sidebar.width() == 56


class TestFoot:
    async def test_the_person_has_a_menu(self, open_window: Open) -> None:
        made = await filled(open_window())
        menu = await _person_menu(made)
        assert [action.text() for action in menu.actions() if action.text()] == [
            "Profile",
            "Account",
            "Settings",
            "Lock vault",
            "Keyboard shortcuts",
            "Quit",
        ]
        _choose(menu, "Settings")
        await until(lambda: made.window.pages.name == "settings")

    async def test_the_menu_locks_an_open_vault(self, open_window: Open) -> None:
        made = await filled(open_window())
        _choose(await _person_menu(made), "Lock vault")
        await until(lambda: made.gateway.asked_of(device.LockVault))
        await until(lambda: made.window.sidebar.vault.text() == "Vault locked")

    async def test_the_menu_leads_to_the_shortcuts(self, open_window: Open) -> None:
        made = await filled(open_window())
        asked: list[str] = []
        menu = await _person_menu(made)
        assert "shortcuts.show" in {command.name for command in made.window.commands.listed()}
        menu.close()
        made.window.quit_wanted.connect(lambda: asked.append("quit"))
        _choose(await _person_menu(made), "Quit")
        assert asked == ["quit"]

    async def test_it_says_that_nothing_leaves_this_computer(self, open_window: Open) -> None:
        made = await filled(open_window())
        assert made.window.sidebar.sync.text() == "Local only"
        made.window.sidebar.set_home("machina.example.org")
        assert made.window.sidebar.sync.text() == "machina.example.org"

    async def test_a_name_of_200_characters_and_one_from_right_to_left_fit(self, open_window: Open) -> None:
        made = await filled(open_window())
        sidebar = made.window.sidebar
        for name in ("x" * 200, "فريق الشمال " * 10):
            sidebar.team.set_name(name)
            sidebar.person.set_name(name)
            await turn()
            assert sidebar.width() == 220
            assert sidebar.team.geometry().right() < 220
            assert sidebar.team.accessibleName() == f"Team: {name}"
            sidebar.grab()
