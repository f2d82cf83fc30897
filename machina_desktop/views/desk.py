"""What the window does once it is painted: runs, vault, wizard, tray, and the questions they ask the person."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Settings
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import User
from machina_desktop.core.services.device import GetEngine
from machina_desktop.core.services.teams import WhoAmI
from machina_desktop.views import beginning, tasks
from machina_desktop.views.account_notices import AccountNotices
from machina_desktop.views.apps.base import Page
from machina_desktop.views.apps.settings import SettingsPage
from machina_desktop.views.attention import Attention
from machina_desktop.views.bus import Bus
from machina_desktop.views.bus_probe import BusKind
from machina_desktop.views.commands import Command
from machina_desktop.views.deploy_wizard.wizard import DeployWizard
from machina_desktop.views.desk_menus import person_menu, pop_up, vault_menu
from machina_desktop.views.desktop_notifications import DesktopNotifications
from machina_desktop.views.general_commands import GeneralCommands
from machina_desktop.views.leaving import Leaving
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.notice_list import NoticeList
from machina_desktop.views.presenter import Presenter
from machina_desktop.views.run_announcer import RunAnnouncer
from machina_desktop.views.run_status import RunStatus
from machina_desktop.views.run_watch import RunWatch
from machina_desktop.views.server_desk import ServerDesk
from machina_desktop.views.system_look import SystemLook
from machina_desktop.views.team_switcher import TeamSwitcher, home_of
from machina_desktop.views.terminal_files.tunnel_watch import TunnelWatch
from machina_desktop.views.tray import Tray
from machina_desktop.views.vault_banner import VaultBanner
from machina_desktop.views.vault_door import VaultDoor
from machina_desktop.views.vault_lock import VaultLock
from machina_desktop.views.vault_watch import VaultWatch
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.pictures import picture_of


class Desk(QObject):
    """Fills the window's parts with what they show, and acts on what is pressed in them.

    It needs most of the views' code, which the first paint does not wait for.

    Attributes:
        runs: The team's runs.
        teams: The teams of the person, and the one in view.
        servers: The shared servers, wherever the window tells of them.
        vault: How the vault stands.
        vault_lock: What locks it when nobody is there.
        system_look: What the desktop asks of our look.
        vault_door: Its dialogs.
        general: The palette, links, and what can be done from anywhere.
        presenter: Where errors end that no view handled.
        tray: The icon in the system's tray; ``None`` until the core has started.
    """

    def __init__(self, window: MainWindow, bridge: Bridge, settings: Settings, redact: Callable[[str], str]) -> None:
        super().__init__(window)
        self._window = window
        self._bridge = bridge
        self._wizard: DeployWizard | None = None
        self.tray: Tray | None = None
        self.runs = RunWatch(bridge, parent=self)
        self.teams = TeamSwitcher(bridge, remember=window.remember_team, window=window)
        self._attention = Attention(bridge, self.runs, parent=self)
        self._attention.accounts_seen.connect(AccountNotices(bridge, window).note)
        self.servers = ServerDesk(bridge, window)
        self.vault = VaultWatch(bridge, parent=self)
        self.vault_door = VaultDoor(bridge, self.vault, window=window)
        self.system_bus, self.session_bus = (Bus(kind, parent=self) for kind in (BusKind.SYSTEM, BusKind.SESSION))
        self.vault_lock = VaultLock(
            bridge, self.vault, settings, system=self.system_bus, session=self.session_bus, parent=self
        )
        self.system_look = SystemLook(self.session_bus, parent=self)
        self.presenter = Presenter(window.notices, self.vault_door, redact, window=window)
        self._announcer = RunAnnouncer(
            self.runs,
            notices=window.notices,
            settings=settings,
            show=self.show_run,
            is_shown=window.is_inspecting,
            window=window,
        )
        self._leaving = Leaving(bridge, self.runs, settings, window=window)
        self.teams.leave = self._leaving.leave_team
        self._run_status = RunStatus(self.runs, window.status, parent=self)
        self._banner = VaultBanner(self.vault)
        window.add_banner(self._banner)
        window.add_banner(self.vault_lock.banner)
        self.general = GeneralCommands(
            bridge, runs=self.runs, vault=self.vault, vault_door=self.vault_door, window=window
        )
        self._connect()
        bridge.choose_team(window.remembered_team())
        bridge.when_settled(self._on_settled)

    def open_wizard(self, like: Machine | None = None) -> None:
        """Start, or go on with, deploying a machine, perhaps one like another."""
        if self._wizard is None:
            self._wizard = DeployWizard(self._bridge, self._window, like=like, parent=self._window)
            self._wizard.finished.connect(self._on_wizard_closed)
            self._wizard.open()
        self._wizard.raise_()

    def open_notices(self) -> None:
        """Open the list of what was told lately."""
        bell = self._window.status.bell
        NoticeList(self._window.notices, parent=self._window).open_at(
            bell if bell.isVisible() else self._window.status.runs
        )

    def show_run(self, deployment_id: str) -> None:
        """Show a run in the window, in its own team; without an id, the page of all."""
        team_id = self.runs.team_of(deployment_id)
        if team_id and team_id != self._bridge.team_id:
            self.teams.choose(team_id)
            if self._bridge.team_id != team_id:
                # The person is asked first.
                return
        self._window.show_run(deployment_id)

    @property
    def question(self) -> ConfirmDialog | None:
        """The question whether to quit, while it is asked."""
        return self._leaving.question

    @property
    def run_status(self) -> RunStatus:
        """What the status bar tells about runs, and their lists."""
        return self._run_status

    def _connect(self) -> None:
        window = self._window
        status = window.status
        window.wizard_wanted.connect(self.open_wizard)
        window.team_wanted.connect(self.teams.choose)
        window.sidebar.vault_clicked.connect(lambda: self._on_vault_clicked(window.sidebar.vault))
        window.pages.built.connect(self._on_page_built)
        status.vault.clicked.connect(lambda: self._on_vault_clicked(status.vault))
        status.engine.clicked.connect(lambda: window.open_app("settings", "engine"))
        status.home.clicked.connect(lambda: window.open_app("settings", "servers"))
        self._run_status.chosen.connect(window.show_run)
        self._banner.activated.connect(lambda: window.open_app("settings", "vault"))
        self.vault_lock.banner.activated.connect(self.vault_door.open_what_is_needed)
        self.vault.changed.connect(self._on_vault_changed)
        self.vault_door.begun.connect(self._on_begun)
        self.vault_door.unlocked.connect(self._on_unlocked)
        self.teams.changed.connect(self._on_teams_changed)
        self.teams.connect_wanted.connect(self.servers.connect_to)
        self.teams.join_wanted.connect(lambda: window.do("teams", "team.join"))
        for counted in (self._attention.changed, self.servers.counted):
            counted.connect(lambda app, count, tone, text: window.sidebar.set_badge(app, count, tone=tone, text=text))
        window.commands.add_source(self.teams.commands, is_about_shown=False)
        window.commands.add(
            Command(
                name="notices.list",
                title=self.tr("Show notices"),
                group=self.tr("General"),
                icon="bell",
                keys="Ctrl+Alt+N",
                words=self.tr("toasts messages notifications"),
                run=self.open_notices,
            )
        )
        status.bell.clicked.connect(self.open_notices)
        window.notices.list_wanted.connect(self.open_notices)
        window.notices.changed.connect(self._on_notices_changed)
        self._bridge.team_changed.connect(self._on_team_changed)
        window.sidebar.team.clicked.connect(self._on_team_clicked)
        window.sidebar.sync.clicked.connect(lambda: window.open_app("settings", "servers"))
        window.sidebar.person.clicked.connect(self._on_person_clicked)
        tasks.PRESENTER.show = self.presenter.present
        self.system_bus.open()
        self.session_bus.open()
        self._on_vault_changed()

    def _on_settled(self) -> None:
        self._window.sidebar.person.set_name(self._bridge.person.display_name)
        LiveQuery(
            self._bridge,
            WhoAmI(),
            depends=frozenset({"user"}),
            on_answer=self._on_person,
            on_error=lambda _error: None,
            parent=self,
        )
        self.teams.start()
        self._attention.start()
        self.servers.start()
        tasks.ask(self._bridge, GetEngine(), owner=self, done=self._window.status.set_engine)
        self.vault.refresh()
        self.runs.start()
        self.tray = Tray(self.runs, parent=self._window)
        self.tray.show_requested.connect(self._window.come_to_front)
        self.tray.run_requested.connect(self._window.show_run)
        self.tray.lock_requested.connect(self.vault.lock)
        self.tray.quit_requested.connect(self._leaving.quit)
        self._leaving.set_tray(self.tray)
        self.tunnels = TunnelWatch(self._bridge, self.tray, self._window)
        self._on_vault_changed()
        outside = DesktopNotifications(self.tray.icon, parent=self)
        outside.activated.connect(self.show_run)
        self._announcer.set_outside(outside)

    def _on_page_built(self, page: Page) -> None:
        if isinstance(page, SettingsPage):
            page.engine_checked.connect(self._window.status.set_engine)
            page.vault_wanted.connect(self._on_vault_wanted)
            page.notification_wanted.connect(self._announcer.send_test)

    def _on_teams_changed(self) -> None:
        team = self.teams.current
        if team is not None:
            self._window.sidebar.team.set_name(team.name)
            self._window.sidebar.team.set_picture(picture_of(team.avatar_url or ""))
            self._window.sidebar.set_home(home_of(team))
            self._window.status.set_home(home_of(team))
            self.servers.show_home()

    def _on_team_changed(self) -> None:
        # What the former team is told of stays in the list of notices; its draft is not one of this team's.
        self._window.notices.dismiss_all()
        if self._wizard is not None:
            self._wizard.reject()

    def _on_team_clicked(self) -> None:
        if self._bridge.is_settled:
            self.teams.open_list(self._window.sidebar.team)

    def _on_notices_changed(self) -> None:
        notices = self._window.notices
        self._window.status.set_unread(notices.unread(), has_errors=notices.has_unread_error())

    def _on_person_clicked(self) -> None:
        pop_up(person_menu(self._window, self.vault), self._window.sidebar.person)

    def _on_person(self, person: User) -> None:
        self._window.sidebar.person.set_name(person.display_name)
        self._window.sidebar.person.set_picture(picture_of(person.profile_picture_url or ""))

    def _on_vault_changed(self) -> None:
        look = self.vault.look()
        self._window.sidebar.vault.set_state(look.title, look.icon_name, look.token)
        self._window.status.vault.say(look.title, icon_name=look.icon_name, token=look.token, tip=look.tip)
        if self.tray is not None:
            self.tray.set_lockable(self.vault.status is not None and self.vault.status.is_open)

    def _on_vault_clicked(self, place: QWidget) -> None:
        status = self.vault.status
        if status is None:
            return
        if not (status.exists and status.is_open):
            self.vault_door.open_what_is_needed()
            return
        pop_up(vault_menu(self._window, self.vault), place)

    def _on_vault_wanted(self) -> None:
        if self.vault.status is not None and self.vault.status.is_open:
            self.vault.lock()
        else:
            self.vault_door.open_what_is_needed()

    def _on_unlocked(self) -> None:
        self._window.notify(self.tr("The vault is open. What waited for it can be tried again."), kind="success")

    def _on_begun(self, provider: str) -> None:
        if provider == "cloud":
            self._window.do("providers", "provider.add")
            return
        if provider == "server":
            self.servers.connect_to()
            return
        beginning.begin(self._bridge, provider, open_wizard=self.open_wizard, owner=self)

    def _on_wizard_closed(self) -> None:
        self._wizard = None
