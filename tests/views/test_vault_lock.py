"""The vault locks itself when nobody is there, over real buses and a real vault."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import VAULT_LOCK_MINUTES, VAULT_LOCK_ON_SUSPEND, VAULT_LOCK_WITH_SCREEN, Settings
from machina_desktop.core.services.device import UnlockVault
from machina_desktop.views import vault_lock_idle
from machina_desktop.views.apps.key_dialogs import ImportKeyDialog
from machina_desktop.views.bus import Bus
from machina_desktop.views.bus_probe import BusKind
from machina_desktop.views.vault_door import VaultDoor
from machina_desktop.views.vault_lock import VaultLock
from machina_desktop.views.vault_watch import VaultWatch
from machina_desktop.views.widgets.inputs import PasswordInput, SecretArea
from machina_desktop.views.widgets.text import copy_text
from tests.fakes.gateway import close, turn, until
from tests.fakes.hosts import Core, core
from tests.fakes.system_bus import SESSION_PATH, DesktopBus, daemon, desktop_bus, silent_bus

QUARTER_S = VAULT_LOCK_MINUTES.default * 60


@dataclass
class Desk:
    """What the window's desk puts together, on a core of its own."""

    made: Core
    bridge: Bridge
    settings: Settings
    window: QWidget
    vault: VaultWatch
    door: VaultDoor
    lock: VaultLock
    system: Bus
    session: Bus

    @property
    def is_open(self) -> bool:
        return self.made.host.vault.is_open

    def be_away(self, seconds: float) -> None:
        """Let the last input be that long ago, and have the watch look."""
        self.lock.idle._last_input_s -= seconds
        self.lock.idle.look()


@asynccontextmanager
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with core(tmp_path / "home") as made:
        bridge = Bridge(made.host.bus)
        bridge.settle(made.host.gateway)
        window = QWidget()
        window.resize(400, 300)
        window.show()
        vault = VaultWatch(bridge, parent=window)
        door = VaultDoor(bridge, vault, window=window)
        system, session = Bus(BusKind.SYSTEM, parent=window), Bus(BusKind.SESSION, parent=window)
        settings = made.host.settings
        lock = VaultLock(bridge, vault, settings, system=system, session=session, parent=window)
        vault.refresh()
        system.open()
        session.open()
        await until(lambda: lock._is_open)
        try:
            yield Desk(made, bridge, settings, window, vault, door, lock, system, session)
        finally:
            # Else a failed test's window would be collected on whatever thread comes first.
            await close(bridge, window)


@pytest.fixture
def desktop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DesktopBus]:
    with desktop_bus(tmp_path) as found:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", found.address)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", found.address)
        monkeypatch.delenv("XDG_SESSION_ID", raising=False)
        yield found


@pytest.fixture
def no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS"):
        monkeypatch.setenv(name, "disabled:")


async def test_nobody_there_for_a_quarter_of_an_hour_locks_and_says_so(
    qapp: QApplication, no_bus: None, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        here.be_away(QUARTER_S - 30)
        await turn()
        assert here.is_open
        here.be_away(30)
        await until(lambda: not here.is_open)
        await until(here.lock.banner.text)
        assert here.lock.banner.text() == "The vault was locked after 15 minutes without use."
        assert not here.lock.banner.isHidden()


async def test_the_remark_goes_when_the_vault_is_open_again_and_time_begins_anew(
    qapp: QApplication, no_bus: None, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        here.be_away(QUARTER_S)
        await until(here.lock.banner.text)
        await here.bridge.call(UnlockVault(slot="key-file"))
        await until(here.lock.banner.isHidden)
        assert here.lock.idle.idle_s < 5


async def test_a_key_pressed_in_a_window_of_ours_counts_as_being_there(
    qapp: QApplication, no_bus: None, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        line = QLineEdit(here.window)
        line.show()
        here.window.activateWindow()
        line.setFocus()
        await until(lambda: QGuiApplication.focusWindow() is not None)
        here.lock.idle._last_input_s -= QUARTER_S
        QTest.keyClick(here.window.windowHandle(), Qt.Key.Key_A)
        await until(lambda: line.text() == "a")
        here.lock.idle.look()
        await turn()
        assert here.is_open


async def test_zero_minutes_means_never(qapp: QApplication, no_bus: None, tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.settings.set(VAULT_LOCK_MINUTES, 0)
        here.be_away(100 * QUARTER_S)
        await turn()
        assert here.is_open


async def test_a_changed_limit_counts_at_the_next_look(qapp: QApplication, no_bus: None, tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.be_away(120)
        here.settings.set(VAULT_LOCK_MINUTES, 1)
        here.lock.idle.look()
        await until(lambda: not here.is_open)
        await until(lambda: here.lock.banner.text() == "The vault was locked after a minute without use.")


async def test_a_jump_of_the_wall_clock_locks_nothing(
    qapp: QApplication, no_bus: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(tmp_path) as here:
        monkeypatch.setattr("time.time", lambda: 4e9)
        here.lock.idle.look()
        await turn()
        assert here.is_open


async def test_work_in_another_program_counts_as_being_there_where_the_desktop_knows(
    qapp: QApplication, desktop: DesktopBus, tmp_path: Path
) -> None:
    desktop.idle_ms = 5_000
    async with desk(tmp_path) as here:
        await until(lambda: here.session.is_open)
        here.be_away(QUARTER_S)
        await until(lambda: here.lock.idle.idle_s < 60)
        assert here.is_open
        desktop.idle_ms = QUARTER_S * 1000 + 1000
        here.be_away(QUARTER_S)
        await until(lambda: not here.is_open)


async def test_the_computer_sleeps_only_after_the_vault_is_locked(
    qapp: QApplication, desktop: DesktopBus, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        await until(lambda: here.lock.system.delays_sleep)
        assert desktop.sleep_is_delayed()
        was_open_at_release: list[bool] = []
        release = here.lock.system.let_sleep

        def note_and_release() -> None:
            was_open_at_release.append(here.is_open)
            release()

        here.lock.system.let_sleep = note_and_release  # type: ignore[method-assign]
        desktop.emit_sleep(is_about_to=True)
        await until(lambda: not desktop.sleep_is_delayed())
        assert not any(was_open_at_release)
        desktop.emit_sleep(is_about_to=False)
        await until(desktop.sleep_is_delayed)


async def test_sleep_is_not_held_up_when_there_is_nothing_to_lock(
    qapp: QApplication, desktop: DesktopBus, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        here.settings.set(VAULT_LOCK_ON_SUSPEND, False)
        await until(desktop.sleep_is_delayed)
        await until(lambda: here.lock.system.delays_sleep)
        desktop.emit_sleep(is_about_to=True)
        await until(lambda: not desktop.sleep_is_delayed())
        assert here.is_open


@pytest.mark.parametrize("interface", ["org.freedesktop.ScreenSaver", "org.gnome.ScreenSaver"])
async def test_a_locked_screen_locks_the_vault(
    qapp: QApplication, desktop: DesktopBus, tmp_path: Path, interface: str
) -> None:
    async with desk(tmp_path) as here:
        await until(lambda: here.session.is_open)
        desktop.emit_screen_saver(interface, is_active=False)
        desktop.emit_screen_saver(interface, is_active=True)
        await until(lambda: not here.is_open)


async def test_the_lock_of_our_session_counts_and_that_of_another_does_not(
    qapp: QApplication, desktop: DesktopBus, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        await until(lambda: "GetSession" in desktop.asked and here.lock.system.delays_sleep)
        await turn(50)
        desktop.emit_session_lock(SESSION_PATH.replace("_32", "_33"))
        desktop.idle_ms = 0
        here.be_away(QUARTER_S)
        await until(lambda: here.lock.idle.idle_s < 60)
        assert here.is_open
        desktop.emit_session_lock()
        await until(lambda: not here.is_open)


async def test_who_does_not_want_it_locked_with_the_screen_is_left_alone(
    qapp: QApplication, desktop: DesktopBus, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        here.settings.set(VAULT_LOCK_WITH_SCREEN, False)
        await until(lambda: here.session.is_open)
        desktop.emit_screen_saver(is_active=True)
        desktop.idle_ms = 0
        # The answer to a later question has come, so the signal has, too.
        here.be_away(QUARTER_S)
        await until(lambda: here.lock.idle.idle_s < 60)
        assert here.is_open


async def test_a_lock_empties_what_secrets_were_typed_into_and_copied_to(
    qapp: QApplication, no_bus: None, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        token, key = PasswordInput("Token", parent=here.window), SecretArea("Key", parent=here.window)
        asked = ImportKeyDialog(here.bridge, here.window)
        token.set_text("dop_v1_canary")
        token._on_eye()
        key.set_text("canary key")
        asked.key.set_text("-----BEGIN PRIVATE KEY-----\ncanary\n-----END PRIVATE KEY-----")
        copy_text("canary copied", is_secret=True)
        assert token.is_revealed()
        here.be_away(QUARTER_S)
        await until(lambda: not here.is_open)
        await until(lambda: not token.text())
        assert not token.is_revealed()
        assert not key.text()
        assert not asked._private
        assert not QGuiApplication.clipboard().text()


async def test_a_lock_leaves_what_somebody_else_copied(qapp: QApplication, no_bus: None, tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        copy_text("canary copied", is_secret=True)
        copy_text("203.0.113.7")
        here.be_away(QUARTER_S)
        await until(here.lock.banner.text)
        assert QGuiApplication.clipboard().text() == "203.0.113.7"


async def test_a_key_file_vault_opens_again_at_one_click(qapp: QApplication, no_bus: None, tmp_path: Path) -> None:
    async with desk(tmp_path) as here:
        here.lock.banner.activated.connect(here.door.open_what_is_needed)
        here.be_away(QUARTER_S)
        await until(lambda: here.vault.status is not None and not here.vault.status.is_open)
        here.lock.banner.button.click()
        await until(lambda: here.is_open)
        assert here.door.dialog is None


async def test_a_vault_that_does_not_open_at_once_asks_and_says_why(
    qapp: QApplication, no_bus: None, tmp_path: Path
) -> None:
    async with desk(tmp_path) as here:
        here.be_away(QUARTER_S)
        await until(lambda: here.vault.status is not None and not here.vault.status.is_open)
        here.made.host.paths.key_file.unlink()
        here.door.open_what_is_needed()
        await until(lambda: here.door.dialog is not None)
        assert here.door.dialog is not None
        here.door.dialog.reject()


async def test_buses_that_hang_or_die_leave_the_idle_lock_at_work(
    qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with silent_bus(tmp_path / "silent") as silent, daemon(tmp_path) as (address, process):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", silent)
        monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
        async with desk(tmp_path) as here:
            await until(lambda: here.session.is_open)
            process.kill()
            process.wait()
            await until(lambda: not here.session.is_open)
            assert not here.system.is_open
            here.be_away(QUARTER_S)
            await until(lambda: not here.is_open)


def test_looking_costs_nothing_while_the_vault_is_locked(qapp: QApplication, no_bus: None) -> None:
    parent = QObject()
    watch = vault_lock_idle.IdleWatch(Bus(BusKind.SESSION, parent=parent), lambda: 60.0, parent=parent)
    assert not watch._timer.isActive()
    watch.start()
    assert watch._timer.isActive()
    watch.stop()
    assert not watch._timer.isActive()
