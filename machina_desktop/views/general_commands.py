"""What can be done from anywhere in the window: the palette, links, theme, vault, folders, what waits for approval."""

from __future__ import annotations

import asyncio
import importlib
from functools import partial
from typing import TYPE_CHECKING, cast

from PySide6.QtCore import QObject, QUrl
from PySide6.QtGui import QDesktopServices

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import THEME, Paths
from machina_desktop.core.services.device import ChangeSetting, SettingValue
from machina_desktop.views import tasks, theme
from machina_desktop.views.apps import APPS
from machina_desktop.views.commands import Command
from machina_desktop.views.link_opener import LinkOpener
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.palette import Palette
from machina_desktop.views.palette_entries import ACTIONS_ONLY
from machina_desktop.views.palette_sources import PaletteSources
from machina_desktop.views.run_watch import RunWatch, doing
from machina_desktop.views.setting_effect import take_effect
from machina_desktop.views.shortcuts import ShortcutsDialog
from machina_desktop.views.vault_door import VaultDoor
from machina_desktop.views.vault_watch import VaultWatch

if TYPE_CHECKING:
    from machina_desktop.views.gallery import GalleryWindow


class GeneralCommands(QObject):
    """Makes the palette and adds the commands of no page to the window's.

    Attributes:
        palette: The command palette.
        links: Shows what links name.
        sources: What the palette finds.
    """

    def __init__(
        self, bridge: Bridge, *, runs: RunWatch, vault: VaultWatch, vault_door: VaultDoor, window: MainWindow
    ) -> None:
        super().__init__(window)
        self._bridge, self._window = bridge, window
        self._runs, self._vault, self._vault_door = runs, vault, vault_door
        self._shortcuts: ShortcutsDialog | None = None
        self._gallery: GalleryWindow | None = None
        self.sources = PaletteSources(APPS, bridge, parent=self)
        self.links = LinkOpener(APPS, self.sources, bridge=bridge, window=window)
        self.palette = Palette(
            apps=APPS,
            commands=window.commands,
            sources=self.sources,
            show_found=self.links.show,
            show_link=self.links.open,
            window=window,
        )
        self.sources.loaded.connect(self._on_apps_loaded)
        window.sidebar.help.clicked.connect(self.show_shortcuts)
        window.commands.add(*self._of_window(), *self._of_theme(), *self._of_vault(), *self._of_folders())
        window.commands.add_source(self._of_runs)

    @property
    def shortcuts(self) -> ShortcutsDialog | None:
        """The page of all shortcuts, while it is open."""
        return self._shortcuts

    def show_shortcuts(self) -> None:
        """Open the page of all shortcuts."""
        if self._shortcuts is None:
            self._shortcuts = ShortcutsDialog(self._window.commands, self._window.pages.built_pages(), self._window)
            self._shortcuts.finished.connect(self._on_shortcuts_closed)
            self._shortcuts.open()
        self._shortcuts.raise_()

    def _of_window(self) -> tuple[Command, ...]:
        general = self.tr("General")
        return (
            Command(
                name="palette.open",
                title=self.tr("Search or do anything"),
                group=general,
                icon="search",
                keys="Ctrl+K",
                run=self.palette.open,
                is_available=self.palette.isHidden,
            ),
            Command(
                name="palette.actions",
                title=self.tr("Find an action"),
                group=general,
                icon="command",
                keys="Ctrl+Shift+P",
                run=partial(self.palette.open, ACTIONS_ONLY),
                is_available=self.palette.isHidden,
            ),
            Command(
                name="shortcuts.show",
                title=self.tr("Keyboard shortcuts"),
                group=general,
                icon="keyboard",
                keys="F1",
                words=self.tr("help keys ?"),
                run=self.show_shortcuts,
            ),
            Command(
                name="gallery.show",
                title=self.tr("Show the gallery of widgets"),
                group=general,
                icon="layout-grid",
                words=self.tr("design system developer"),
                run=self._load_gallery,
            ),
        )

    def _of_theme(self) -> tuple[Command, ...]:
        looks = {
            "dark": (self.tr("Dark theme"), "moon"),
            "light": (self.tr("Light theme"), "sun"),
            "high-contrast": (self.tr("High-contrast theme"), "eye"),
            "system": (self.tr("Theme as the system has it"), "monitor"),
        }
        return tuple(
            Command(
                name=f"theme.{choice}",
                title=looks[choice][0],
                group=self.tr("Look"),
                icon=looks[choice][1],
                words=self.tr("switch theme colours appearance mode"),
                run=partial(self._set_theme, choice),
                is_available=lambda: self._bridge.is_settled,
            )
            for choice in THEME.choices
        )

    def _of_vault(self) -> tuple[Command, ...]:
        group = self.tr("Vault")
        return (
            Command(
                name="vault.lock",
                title=self.tr("Lock the vault"),
                group=group,
                icon="lock",
                run=self._vault.lock,
                is_available=lambda: self._vault.status is not None and self._vault.status.is_open,
            ),
            Command(
                name="vault.unlock",
                title=self.tr("Unlock the vault"),
                group=group,
                icon="lock-open",
                words=self.tr("passphrase set up"),
                run=self._vault_door.open_what_is_needed,
                is_available=lambda: self._vault.status is not None and not self._vault.status.is_open,
            ),
        )

    def _of_folders(self) -> tuple[Command, ...]:
        paths = Paths.default()
        return tuple(
            Command(
                name=name,
                title=title,
                group=self.tr("Files"),
                icon="folder-open",
                words=self.tr("directory files"),
                run=partial(QDesktopServices.openUrl, QUrl.fromLocalFile(str(folder))),
            )
            for name, title, folder in (
                ("folder.logs", self.tr("Open the logs folder"), paths.logs),
                ("folder.data", self.tr("Open the data folder"), paths.home),
            )
        )

    def _of_runs(self) -> tuple[Command, ...]:
        """The runs that wait for approval, the one that waits longest first."""
        return tuple(
            Command(
                name=f"run.waiting.{run.deployment_id}",
                title=self.tr("Review the plan that waits: {0}").format(doing(run)),
                group=self.tr("Deployments"),
                icon="clock",
                words=self.tr("open approve approval awaiting"),
                run=partial(self._window.show_run, run.deployment_id),
            )
            for run in reversed(self._runs.waiting)
        )

    def _set_theme(self, choice: str) -> None:
        tasks.ask(
            self._bridge,
            ChangeSetting(key=THEME.key, value=choice),
            owner=self,
            done=self._on_theme_set,
        )

    def _on_theme_set(self, setting: SettingValue) -> None:
        take_effect(setting)
        page = self._window.pages.page()
        if page is not None:
            # The settings page shows what is stored.
            page.shown()

    def _load_gallery(self) -> None:
        tasks.run(
            self._bridge,
            asyncio.to_thread(_gallery_class),
            owner=self,
            name="load the gallery",
            done=self._on_gallery_loaded,
        )

    def _on_gallery_loaded(self, gallery: type[GalleryWindow]) -> None:
        self._gallery = gallery(theme.current().name)
        self._gallery.show()

    def _on_apps_loaded(self) -> None:
        self._window.commands.add(*(command for app in APPS for command in app.commands(self._window)))

    def _on_shortcuts_closed(self) -> None:
        self._shortcuts = None


def _gallery_class() -> type[GalleryWindow]:
    """Loaded when it is wanted: the gallery knows every widget there is."""
    return cast("type[GalleryWindow]", importlib.import_module("machina_desktop.views.gallery").GalleryWindow)
