"""Locking the vault when nobody is there: after a while without input, before sleep, and with the screen."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QObject
from PySide6.QtWidgets import QApplication, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import VAULT_LOCK_MINUTES, VAULT_LOCK_ON_SUSPEND, VAULT_LOCK_WITH_SCREEN, Settings
from machina_desktop.core.services.device import VaultStatus
from machina_desktop.views.banner import Banner
from machina_desktop.views.bus import Bus
from machina_desktop.views.vault_lock_idle import IdleWatch
from machina_desktop.views.vault_lock_system import SystemWatch
from machina_desktop.views.vault_watch import VaultWatch
from machina_desktop.views.widgets.inputs import HoldsSecret
from machina_desktop.views.widgets.text import forget_copied_secret


class VaultLock(QObject):
    """Locks as the settings say, and takes secrets off the screen and the clipboard whenever the vault is locked.

    Settings are read when they matter, so a changed one counts at once. Runs under way go on with what they hold.

    Attributes:
        idle: Tells when the person is away.
        system: Tells of sleep and screen lock.
        banner: Says why the vault was locked, until it is open again.
    """

    def __init__(
        self, bridge: Bridge, vault: VaultWatch, settings: Settings, *, system: Bus, session: Bus, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._vault = vault
        self._settings = settings
        self._is_open = False
        self._reason = ""
        self.idle = IdleWatch(session, lambda: settings.get(VAULT_LOCK_MINUTES) * 60.0, parent=self)
        self.system = SystemWatch(system, session, parent=self)
        self.banner = Banner(action=self.tr("Unlock"), icon_name="lock")
        self.idle.idled.connect(self._on_idled)
        self.system.sleeping.connect(self._on_sleeping)
        self.system.woken.connect(self.idle.look)
        self.system.screen_locked.connect(self._on_screen_locked)
        vault.changed.connect(self._on_status)
        bridge.vault_changed.connect(self._on_vault_changed)
        if vault.status is not None:
            self._on_status(vault.status)

    def _on_idled(self) -> None:
        minutes = self._settings.get(VAULT_LOCK_MINUTES)
        self._lock(
            self.tr("The vault was locked after a minute without use.")
            if minutes == 1
            else self.tr("The vault was locked after {0} minutes without use.").format(minutes)
        )

    def _on_sleeping(self) -> None:
        if self._is_open and self._settings.get(VAULT_LOCK_ON_SUSPEND):
            self._lock(self.tr("The vault was locked when the computer went to sleep."))
        else:
            self.system.let_sleep()

    def _on_screen_locked(self) -> None:
        if self._settings.get(VAULT_LOCK_WITH_SCREEN):
            self._lock(self.tr("The vault was locked together with the screen."))

    def _lock(self, reason: str) -> None:
        if self._is_open:
            self._reason = self._reason or reason
            self._vault.lock()

    def _on_status(self, status: VaultStatus) -> None:
        if status.is_open != self._is_open:
            self._on_vault_changed(status.is_open)

    def _on_vault_changed(self, is_open: bool) -> None:
        self._is_open = is_open
        if is_open:
            self._reason = ""
            self.idle.start()
        else:
            self.idle.stop()
            forget_secrets()
            self.system.let_sleep()
        self.banner.set_text(self._reason)
        self.banner.setVisible(bool(self._reason))


def forget_secrets() -> None:
    """Empty every field of this application that a secret was typed into, and take a copied one off the clipboard."""
    for widget in _widgets():
        if isinstance(widget, HoldsSecret):
            widget.forget_secret()
    forget_copied_secret()


def _widgets() -> list[QWidget]:
    return QApplication.allWidgets() if isinstance(QCoreApplication.instance(), QApplication) else []
