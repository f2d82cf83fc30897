"""The settings page: who one is, what opens the vault, and everything that can be set."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout

from machina_desktop.bridge import Bridge
from machina_desktop.core.services.device import GetVault, VaultStatus
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.apps.settings_account import AccountTab
from machina_desktop.views.apps.settings_preferences import PreferencesTab
from machina_desktop.views.apps.settings_profile import ProfileTab
from machina_desktop.views.apps.settings_search import searches
from machina_desktop.views.apps.settings_servers import ServersTab
from machina_desktop.views.commands import Command
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.remembered import recall, remember
from machina_desktop.views.setting_row import SettingRow
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.layout import PageHeader
from machina_desktop.views.widgets.tabs import Tabs

PROFILE, ACCOUNT, SERVERS, PREFERENCES = "profile", "account", "servers", "settings"
_PLACES = {"preview": PROFILE, "ways": ACCOUNT, "sessions": ACCOUNT}


class SettingsPage(Page):
    """Four tabs, each made when it is first looked at; the one chosen is remembered.

    A search goes through the settings.

    Attributes:
        tabs: The tabs.
        preferences: The settings.

    Signals:
        engine_checked(object): The :class:`EngineStatus` after it was looked for.
        vault_wanted(): The person wants to lock, unlock or set up the vault.
        notification_wanted(): The person wants to see a notification.
    """

    engine_checked = Signal(object)
    vault_wanted = Signal()
    notification_wanted = Signal()

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("settings")
        self._place = ""
        self._vault: VaultStatus | None = None
        self._profile_room, self._account_room, self._servers_room = _scroll_area(), _scroll_area(), _scroll_area()
        self.preferences = PreferencesTab(bridge, window)
        self.tabs = Tabs(name=self.tr("Parts of the settings"))
        self._header = PageHeader(self.tr("Settings"), search_placeholder=self.tr("Search settings…"), parent=self)
        self._build()
        self._connect()
        self._vault_query = LiveQuery(bridge, GetVault(), depends=frozenset(), on_answer=self._on_vault, parent=self)
        bridge.vault_changed.connect(lambda _is_open: self._vault_query.refresh())
        self.tabs.set_current(recall("settings").get("tab", PREFERENCES) or PREFERENCES)
        self._on_tab(self.tabs.current())
        self.tabs.changed.connect(self._on_tab)

    def shown(self) -> None:
        """What may have changed elsewhere is asked again."""
        self._vault_query.refresh()
        self.preferences.refresh()

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        """Put the cursor into the search."""
        if self._header.search is not None:
            self._header.search.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def commands(self) -> Iterable[Command]:
        for name, title, icon_name, run in (
            ("settings.search", self.tr("Search the settings"), "search", self.find),
            ("engine.check", self.tr("Look for Terraform again"), "refresh-cw", self.preferences.engine.ask),
            ("notifications.test", self.tr("Send a test notification"), "bell", self.notification_wanted.emit),
        ):
            yield Command(name=name, title=title, group=self.tr("Settings"), icon=icon_name, run=run)

    def go_to(self, place: str) -> None:
        """Show a tab, a part of one, or a setting by its key."""
        if place in {PROFILE, ACCOUNT, SERVERS, PREFERENCES}:
            self.tabs.set_current(place)
        elif place in _PLACES:
            self.tabs.set_current(_PLACES[place])
        elif self.preferences.has_rows:
            self._go_to_setting(place)
        else:
            # The settings are on their way.
            self._place = place

    @cached_property
    def profile(self) -> ProfileTab:
        """The person."""
        made = ProfileTab(self.bridge, self.window_door)
        self._profile_room.setWidget(made)
        return made

    @cached_property
    def account(self) -> AccountTab:
        """The vault's ways and the sessions."""
        made = AccountTab(self.bridge, self.window_door)
        made.state.act.clicked.connect(self.vault_wanted)
        made.refresh()
        if self._vault is not None:
            made.show_status(self._vault)
        self._account_room.setWidget(made)
        return made

    @cached_property
    def servers(self) -> ServersTab:
        """The shared servers."""
        made = ServersTab(self.bridge, self.window_door)
        self._servers_room.setWidget(made)
        return made

    @property
    def has_rows(self) -> bool:
        """Whether the settings are known."""
        return bool(self.preferences.rows())

    def row(self, key: str) -> SettingRow:
        """The row of a setting, once the settings are known."""
        return self.preferences.rows()[key]

    def _build(self) -> None:
        self.tabs.add_page(PROFILE, self.tr("Profile"), self._profile_room, icon_name="user")
        self.tabs.add_page(ACCOUNT, self.tr("Account"), self._account_room, icon_name="key-round")
        self.tabs.add_page(SERVERS, self.tr("Servers"), self._servers_room, icon_name="server")
        self.tabs.add_page(PREFERENCES, self.tr("Settings"), self.preferences, icon_name="sliders-horizontal")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(Space.XL, Space.L, Space.XL, 0)
        whole.setSpacing(Space.S)
        whole.addWidget(self._header)
        whole.addWidget(self.tabs, 1)

    def _connect(self) -> None:
        self.preferences.engine.checked.connect(self.engine_checked)
        self.preferences.vault.act.clicked.connect(self.vault_wanted)
        self.preferences.try_out.clicked.connect(self.notification_wanted)
        self.preferences.account_wanted.connect(lambda: self.tabs.set_current(ACCOUNT))
        self.preferences.loaded.connect(self._on_loaded)
        if self._header.search is not None:
            self._header.search.searched.connect(self._on_searched)
            self.preferences.search_cleared.connect(self._header.search.clear)

    def _on_vault(self, status: VaultStatus) -> None:
        self._vault = status
        self.preferences.show_vault(status)
        if "account" in self.__dict__:
            self.account.show_status(status)

    def _on_tab(self, tab: str) -> None:
        remember("settings", {"tab": tab})
        # Asking for one makes it.
        if tab == PROFILE:
            self.profile.show()
        elif tab == ACCOUNT:
            self.account.show()
        elif tab == SERVERS:
            self.servers.show()

    def _on_searched(self, text: str) -> None:
        if text:
            self.tabs.set_current(PREFERENCES)
        self.preferences.filter(text)

    def _on_loaded(self) -> None:
        place, self._place = self._place, ""
        if place:
            self._go_to_setting(place)

    def _go_to_setting(self, place: str) -> None:
        if not self.preferences.knows(place):
            return
        if self._header.search is not None:
            self._header.search.clear()
        self.tabs.set_current(PREFERENCES)
        self.preferences.go_to(place)


def _scroll_area() -> QScrollArea:
    scroll = QScrollArea()
    scroll.setWidgetResizable(True)
    scroll.setFrameShape(QFrame.Shape.NoFrame)
    scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return scroll


def _tr(text: str) -> str:
    return QCoreApplication.translate("Settings", text)


APP = App(name="settings", title="Settings", icon="settings", page=SettingsPage, searches=searches)
