"""The window: sidebar, pages, inspector, status bar, toasts, and what connects them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QMenu, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.device import GetEngine
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.views import tasks, theme
from machina_desktop.views.apps.base import App, Page
from machina_desktop.views.apps.settings import SettingsPage
from machina_desktop.views.brand import NAME, app_icon
from machina_desktop.views.desktop_notifications import DesktopNotifications
from machina_desktop.views.icons import icon
from machina_desktop.views.inspectors import PAGE_WIDTH, Inspectors
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.notices import Notice, Notices
from machina_desktop.views.page_stack import PageStack
from machina_desktop.views.presenter import Presenter
from machina_desktop.views.run_announcer import RunAnnouncer
from machina_desktop.views.run_watch import RunWatch
from machina_desktop.views.sidebar import Sidebar
from machina_desktop.views.sidekick import WIDTH, Subject
from machina_desktop.views.status_bar import StatusBar
from machina_desktop.views.tray import Tray
from machina_desktop.views.vault_banner import VaultBanner
from machina_desktop.views.vault_door import VaultDoor
from machina_desktop.views.vault_watch import VaultWatch
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.window_state import WindowState

MINIMUM_WIDTH = 880
MINIMUM_HEIGHT = 560
MINIMUM_PAGE_WIDTH = 400

Redact = Callable[[str], str]


class MainWindow(QMainWindow):
    """What a page knows as its :class:`~machina_desktop.views.apps.base.Window`.

    It shows at once, with placeholders, and fills when the bridge settles.

    Signals:
        painted(): It was painted for the first time: now the core may start.
        retried(): The core did not start and should try again.
        quit_agreed(): The person wants to end the program and nothing speaks against it.
        visibility_changed(bool): Whether it can be seen.
    """

    painted = Signal()
    retried = Signal()
    quit_agreed = Signal()
    visibility_changed = Signal(bool)

    def __init__(
        self, bridge: Bridge, *, apps: tuple[App, ...], settings: Settings, paths: Paths, redact: Redact
    ) -> None:
        super().__init__()
        self.setWindowTitle(NAME)
        self.setWindowIcon(app_icon())
        self.setMinimumSize(MINIMUM_WIDTH, MINIMUM_HEIGHT)
        self._bridge = bridge
        self._apps = apps
        self._settings = settings
        self._is_painted = False
        self._may_close = False
        self._asking: ConfirmDialog | None = None
        self._state = WindowState(paths.window_state)
        self.runs = RunWatch(bridge, parent=self)
        self.vault = VaultWatch(bridge, parent=self)
        self.sidebar = Sidebar(apps, parent=self)
        self.pages = PageStack(apps, bridge, self, parent=self)
        self.status = StatusBar(self.runs, parent=self)
        # A window in the window: docks go round the page and never outside of sidebar and status bar.
        self.area = QMainWindow(flags=Qt.WindowType.Widget)
        self.inspectors = Inspectors(apps, bridge, self, window=self.area)
        self.notices = Notices(self, over=self.pages)
        self.vault_door = VaultDoor(bridge, self.vault, window=self)
        self.presenter = Presenter(self.notices, self.vault_door, redact, window=self)
        self._announcer = RunAnnouncer(
            self.runs, notices=self.notices, settings=settings, show=self.show_run, window=self
        )
        self.tray: Tray | None = None
        self._build()
        self._connect()
        self._install_shortcuts()
        self._restore()

    def inspect(self, entity: str, key: str) -> None:
        """Open the inspector on an entity."""
        self.inspectors.inspect(Subject(entity, key))
        if self.area.width() < WIDTH + PAGE_WIDTH:
            self.sidebar.set_collapsed(True)

    def open_app(self, name: str) -> None:
        """Show another app's page."""
        self.sidebar.select(name)
        self.pages.open(name)

    def notify(
        self, text: str, *, kind: str = "info", action: str = "", on_action: Callable[[], None] | None = None
    ) -> None:
        """Show a toast."""
        self.notices.tell(Notice(text=text, kind=kind, action=action, on_action=on_action))

    def open_deploy_wizard(self) -> None:
        """Start, or go on with, deploying a machine."""
        self._open_wizard("")

    def show_run(self, deployment_id: str) -> None:
        """Bring the window to the front with a deployment in the inspector; without an id, their page."""
        self.come_to_front()
        self.open_app("deployments")
        if deployment_id:
            self.inspect("deployment", deployment_id)

    def show_start_failure(self, error: MachinaError) -> None:
        """Say why the core has not started, with a way to try again."""
        self.pages.show_failure(error)

    def come_to_front(self) -> None:
        """Show the window above others, also when it was hidden or minimised."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def ask_to_quit(self) -> None:
        """End the program; asks first when runs are under way."""
        if self._asking is not None:
            self._asking.raise_()
            return
        count = len(self.runs.running)
        if count == 0:
            self.quit_agreed.emit()
            return
        self.come_to_front()
        title = (
            self.tr("Quit while {0} deployments run?").format(count)
            if count > 1
            else self.tr("Quit while a deployment runs?")
        )
        dialog = ConfirmDialog(
            title,
            text=self.tr(
                "Terraform goes on without the window and finishes its step. Machina picks the result up at the "
                "next start; until then nothing new begins."
            ),
            confirm=self.tr("Quit"),
            is_danger=False,
            parent=self,
        )
        dialog.accepted.connect(self.quit_agreed)
        dialog.finished.connect(self._on_asked)
        self._asking = dialog
        dialog.open()

    def close_for_good(self) -> None:
        """Remember the layout and close without asking."""
        self._state.set_text("page", self.pages.name)
        self._state.set_text("sidebar", "narrow" if self.sidebar.is_collapsed() else "wide")
        self._state.save(self, self.area)
        self._may_close = True
        if self.tray is not None and self.tray.icon is not None:
            self.tray.icon.hide()
        self.close()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._is_painted:
            self._is_painted = True
            self.painted.emit()

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close:
            event.accept()
            return
        event.ignore()
        self.ask_to_quit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Here and not as shortcuts: pages and dialogs come first with both keys.
        if event.key() == Qt.Key.Key_Escape and self.inspectors.dismiss():
            return
        page = self.pages.page()
        if event.matches(QKeySequence.StandardKey.Find) and page is not None:
            page.find()
            return
        super().keyPressEvent(event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.visibility_changed.emit(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.visibility_changed.emit(False)

    def _build(self) -> None:
        self._banner = VaultBanner(self.vault)
        center = QWidget()
        # Stated, so that a page is squeezed where an inspector needs room, instead of pushing it out of the window.
        center.setMinimumWidth(MINIMUM_PAGE_WIDTH)
        column = QVBoxLayout(center)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._banner)
        column.addWidget(self.pages, 1)
        self.area.setCentralWidget(center)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.sidebar)
        row.addWidget(_Edge())
        row.addWidget(self.area, 1)
        whole = QWidget()
        frame = QVBoxLayout(whole)
        frame.setContentsMargins(0, 0, 0, 0)
        frame.setSpacing(0)
        frame.addLayout(row, 1)
        frame.addWidget(self.status)
        self.setCentralWidget(whole)

    def _connect(self) -> None:
        self._bridge.settled.connect(self._on_settled)
        self.sidebar.chosen.connect(self.open_app)
        self.sidebar.vault_clicked.connect(self._on_vault_clicked)
        self.pages.badge_changed.connect(self.sidebar.set_badge)
        self.pages.retried.connect(self.retried)
        self.status.run_clicked.connect(self.show_run)
        self.status.approvals_clicked.connect(self.show_run)
        self.status.engine_clicked.connect(lambda: self.open_app("settings"))
        self.status.home_clicked.connect(lambda: self.open_app("settings"))
        self.status.vault_clicked.connect(self._on_vault_clicked)
        self.vault_door.begun.connect(self._open_wizard)
        self.vault_door.unlocked.connect(
            lambda: self.notify(self.tr("The vault is open. What waited for it can be tried again."), kind="success")
        )
        self._banner.activated.connect(lambda: self.open_app("settings"))
        self.vault.changed.connect(self._on_vault_changed)
        self.runs.open_changed.connect(self._on_runs_changed)
        self.pages.built.connect(self._on_page_built)
        tasks.PRESENTER.show = self.presenter.present
        self._on_vault_changed()

    def _install_shortcuts(self) -> None:
        for index, app in enumerate(self._apps, 1):
            QShortcut(QKeySequence(f"Ctrl+{index}"), self).activated.connect(lambda name=app.name: self.open_app(name))
        for keys, act in (
            ("Ctrl+B", lambda: self.sidebar.set_collapsed(not self.sidebar.is_collapsed())),
            ("Ctrl+,", lambda: self.open_app("settings")),
            ("Ctrl+Q", self.ask_to_quit),
        ):
            QShortcut(QKeySequence(keys), self).activated.connect(act)

    def _restore(self) -> None:
        self._state.restore(self, self.area)
        self.inspectors.close_empty()
        self.sidebar.set_collapsed(self._state.text("sidebar") == "narrow")
        names = tuple(app.name for app in self._apps)
        remembered = self._state.text("page")
        self.open_app(remembered if remembered in names else names[0])

    def _on_settled(self) -> None:
        self.sidebar.set_person(self._bridge.actor.display_name)
        LiveQuery(self._bridge, ListTeams(), depends=frozenset({"team"}), on_answer=self._on_teams, parent=self)
        tasks.run(
            self._bridge,
            self._bridge.call(GetEngine()),
            owner=self,
            name="look for terraform",
            done=self.status.set_engine,
        )
        self.vault.refresh()
        self.runs.start()
        self.tray = Tray(self.runs, parent=self)
        self.tray.show_requested.connect(self.come_to_front)
        self.tray.run_requested.connect(self.show_run)
        self.tray.quit_requested.connect(self.ask_to_quit)
        outside = DesktopNotifications(self.tray.icon, parent=self)
        outside.activated.connect(self.show_run)
        self._announcer.set_outside(outside)

    def _on_page_built(self, page: Page) -> None:
        if isinstance(page, SettingsPage):
            page.engine_checked.connect(self.status.set_engine)
            page.vault_wanted.connect(self._on_vault_wanted)

    def _on_teams(self, teams: tuple[Team, ...]) -> None:
        for team in teams:
            if team.team_id == self._bridge.team_id:
                self.sidebar.set_team(team.name)

    def _on_runs_changed(self) -> None:
        self.sidebar.set_badge("deployments", len(self.runs.waiting))

    def _on_vault_changed(self) -> None:
        look = self.vault.look()
        self.sidebar.set_vault(look.title, look.icon_name, look.token)
        self.status.set_vault(look.title, look.icon_name, look.token, look.tip)

    def _on_vault_clicked(self) -> None:
        status = self.vault.status
        if status is None:
            return
        if not (status.exists and status.is_open):
            self.vault_door.open_what_is_needed()
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icon("lock"), self.tr("Lock now"), self.vault.lock)
        menu.addAction(icon("settings"), self.tr("Vault settings"), lambda: self.open_app("settings"))
        sender = self.sender()
        place = sender if isinstance(sender, QWidget) else self.status.vault
        menu.popup(place.mapToGlobal(QPoint(0, -menu.sizeHint().height())))

    def _on_vault_wanted(self) -> None:
        if self.vault.status is not None and self.vault.status.is_open:
            self.vault.lock()
        else:
            self.vault_door.open_what_is_needed()

    def _open_wizard(self, provider: str) -> None:
        # Late: the wizard is much code, and few starts of the window open it.
        from machina_desktop.views.deploy_wizard.wizard import DeployWizard  # noqa: PLC0415

        DeployWizard(self._bridge, self, parent=self).open()

    def _on_asked(self) -> None:
        self._asking = None


class _Edge(QFrame):
    """The line between the sidebar and the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(event.rect(), theme.color("border"))
