"""The menus at the edges of the window: what is the person's own, and what can be done with an open vault."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtWidgets import QMenu, QWidget

from machina_desktop.views.icons import icon
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.vault_watch import VaultWatch
from machina_desktop.views.widgets.menus import Menu


def person_menu(window: MainWindow, vault: VaultWatch) -> QMenu:
    """Profile, account, settings, locking, help, quitting. Not shown yet; deletes itself when closed."""
    menu = _menu(window)
    menu.addAction(icon("user"), _tr("Profile"), lambda: window.open_app("settings", "profile"))
    menu.addAction(icon("shield"), _tr("Account"), lambda: window.open_app("settings", "account"))
    menu.addAction(icon("settings"), _tr("Settings"), lambda: window.open_app("settings")).setShortcut("Ctrl+,")
    menu.addSeparator()
    is_open = vault.status is not None and vault.status.is_open
    menu.addAction(icon("lock"), _tr("Lock vault"), vault.lock).setEnabled(is_open)
    shortcuts = menu.addAction(
        icon("keyboard"), _tr("Keyboard shortcuts"), lambda: window.commands.run("shortcuts.show")
    )
    shortcuts.setShortcut("F1")
    menu.addSeparator()
    menu.addAction(icon("log-out"), _tr("Quit"), window.ask_to_quit).setShortcut("Ctrl+Q")
    # Told here, installed by the window's commands.
    for action in menu.actions():
        action.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
    return menu


def vault_menu(window: MainWindow, vault: VaultWatch) -> QMenu:
    """What can be done with an open vault. Not shown yet; deletes itself when closed."""
    menu = _menu(window)
    menu.addAction(icon("lock"), _tr("Lock now"), vault.lock)
    menu.addAction(icon("settings"), _tr("Vault settings"), lambda: window.open_app("settings", "vault"))
    return menu


def pop_up(menu: QMenu, anchor: QWidget) -> None:
    """Show ``menu`` just above ``anchor``."""
    menu.popup(anchor.mapToGlobal(QPoint(0, -menu.sizeHint().height() - 2)))


def _menu(window: MainWindow) -> QMenu:
    menu = Menu(parent=window)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    return menu


def _tr(text: str) -> str:
    return QCoreApplication.translate("Menus", text)
