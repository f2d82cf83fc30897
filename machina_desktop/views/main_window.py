"""The window: sidebar, pages, inspector, status bar, toasts, and what connects them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent, QHideEvent, QKeyEvent, QKeySequence, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMainWindow, QVBoxLayout, QWidget

from machina_desktop.core.config import Paths
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import theme
from machina_desktop.views.apps.base import App
from machina_desktop.views.brand import NAME, app_icon
from machina_desktop.views.commands import Command, Commands
from machina_desktop.views.page_stack import PageStack
from machina_desktop.views.sidebar import Sidebar
from machina_desktop.views.status_bar import StatusBar
from machina_desktop.views.widgets.reading_order import move_focus
from machina_desktop.views.window_state import WindowState

if TYPE_CHECKING:
    from machina_desktop.bridge import Bridge
    from machina_desktop.core.domain.machine import Machine
    from machina_desktop.views.inspectors import Inspectors
    from machina_desktop.views.notices import Notices

MINIMUM_WIDTH = 880
MINIMUM_HEIGHT = 560
MINIMUM_PAGE_WIDTH = 400


class MainWindow(QMainWindow):
    """What a page knows as its :class:`~machina_desktop.views.apps.base.Window`.

    It shows at once, with placeholders; `furnish` connects it to the core.

    Signals:
        retried(): The core did not start and should try again.
        wizard_wanted(Machine | None): The person wants to deploy a machine, perhaps one like another.
        team_wanted(str): The person wants to have another team in view: its id.
        close_wanted(): The person closes the window; whether that ends the program, others decide.
        quit_wanted(): The person wants to end the program; runs may speak against it.
        quit_agreed(): The person wants to end the program and nothing speaks against it.
        visibility_changed(bool): Whether it can be seen.
    """

    retried = Signal()
    wizard_wanted = Signal(object)
    team_wanted = Signal(str)
    close_wanted = Signal()
    quit_wanted = Signal()
    quit_agreed = Signal()
    visibility_changed = Signal(bool)

    def __init__(self, *, apps: tuple[App, ...], paths: Paths) -> None:
        super().__init__()
        self.setWindowTitle(NAME)
        self.setMinimumSize(MINIMUM_WIDTH, MINIMUM_HEIGHT)
        self._apps = apps
        self._is_painted = False
        self._may_close = False
        self._is_furnished = False
        self._state = WindowState(paths.window_state)
        self.commands = Commands(self)
        self.sidebar = Sidebar(apps, parent=self)
        self.pages = PageStack(apps, self, parent=self)
        self.status = StatusBar(parent=self)
        # A window in the window: docks go round the page and never outside of sidebar and status bar.
        self.area = QMainWindow(flags=Qt.WindowType.Widget)
        self._inspectors: Inspectors | None = None
        self._notices: Notices | None = None
        self._build()
        self._connect()
        self._add_commands()
        self._restore()

    def inspect(self, entity: str, key: str) -> None:
        """Open the inspector on an entity."""
        self.inspectors.inspect(entity, key)
        if self.inspectors.is_cramped():
            self.sidebar.set_collapsed(True)

    def is_inspecting(self, entity: str, key: str) -> bool:
        """Whether an inspector shows that entity now."""
        return self.inspectors.is_shown(entity, key)

    def open_app(self, name: str, place: str = "") -> None:
        """Show another app's page, and a place on it where one is named."""
        self.sidebar.select(name)
        self.pages.open(name, place)

    def do(self, app: str, command: str) -> None:
        """Show another app's page and do one of its commands there."""
        self.open_app(app)
        self.commands.run_shown(command)

    def choose_team(self, team_id: str) -> None:
        """Put another team into view, as the list of teams does."""
        self.team_wanted.emit(team_id)

    def notify(
        self,
        text: str,
        *,
        kind: str = "info",
        action: str = "",
        on_action: Callable[[], None] | None = None,
        about: str = "",
    ) -> None:
        """Show a toast."""
        from machina_desktop.views.toast import Notice  # noqa: PLC0415 - with the first notice

        self.notices.tell(Notice(text=text, kind=kind, action=action, on_action=on_action, about=about))

    def open_deploy_wizard(self, *, like: Machine | None = None) -> None:
        """Start, or go on with, deploying a machine; ``like`` another one, everything but the name is chosen."""
        self.wizard_wanted.emit(like)

    def offer_commands(self, bridge: Bridge, commands: Commands, window: QWidget) -> None:
        """Give another window a palette of its own commands, with the key this one has it by."""
        from machina_desktop.views.command_palette import offer  # noqa: PLC0415 - not before the first paint

        offer(bridge, commands, window)

    def show_run(self, deployment_id: str) -> None:
        """Bring the window to the front with a deployment in the inspector; without an id, their page."""
        self.come_to_front()
        self.open_app("deployments")
        if deployment_id:
            self.inspect("deployment", deployment_id)

    def furnish(self, bridge: Bridge) -> None:
        """Connect pages and inspectors to the core; what else acts on the window's parts is connected by now."""
        self._is_furnished = True
        # It takes as long to draw in all its sizes as a page does.
        self.setWindowIcon(app_icon())
        self.inspectors.attach(bridge)
        self.pages.attach(bridge)

    @property
    def inspectors(self) -> Inspectors:
        """The inspector panels. All are closed at the start, so they are made when something first asks for them."""
        if self._inspectors is None:
            # The first paint shows none of them and need not wait for their code.
            from machina_desktop.views.inspectors import Inspectors  # noqa: PLC0415

            self._inspectors = Inspectors(self._apps, self, window=self.area)
            self._inspectors.shown.connect(lambda subject: self.notices.withdraw(subject.key))
            self._inspectors.restore(self._state)
        return self._inspectors

    @property
    def notices(self) -> Notices:
        """The toasts and what was told by them; made when something first asks for them, as the inspectors are."""
        if self._notices is None:
            from machina_desktop.views.notices import Notices  # noqa: PLC0415 - not before the first paint

            self._notices = Notices(self, over=self.pages)
        return self._notices

    @property
    def is_furnished(self) -> bool:
        """Whether it is connected to the core."""
        return self._is_furnished

    @property
    def is_painted(self) -> bool:
        """Whether it has been painted at least once."""
        return self._is_painted

    def add_banner(self, banner: QWidget) -> None:
        """Put a standing remark above the page."""
        self._center.insertWidget(0, banner)

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
        if self._is_furnished:
            self.quit_wanted.emit()
        else:
            self.quit_agreed.emit()

    def close_for_good(self) -> None:
        """Remember the layout and close without asking."""
        for page in self.pages.built_pages():
            page.leaving()
        self._state.set_text("page", self.pages.name)
        self._state.set_text("sidebar", "narrow" if self.sidebar.is_collapsed() else "wide")
        self._state.save_geometry(self)
        if self._inspectors is not None:
            self._inspectors.remember(self._state)
        self._state.write()
        self._may_close = True
        self.close()

    def remembered_team(self) -> str:
        """The id of the team that was in view last; empty when none was chosen."""
        return self._state.text("team")

    def remember_team(self, team_id: str) -> None:
        """Begin with that team at the next start."""
        self._state.set_text("team", team_id)

    def focusNextPrevChild(self, next_: bool) -> bool:
        return move_focus(self, forwards=next_)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        self._is_painted = True

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close:
            event.accept()
            return
        event.ignore()
        if self._is_furnished:
            self.close_wanted.emit()
        else:
            self.quit_agreed.emit()

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
        center = QWidget()
        # Stated, so that a page is squeezed where an inspector needs room, instead of pushing it out of the window.
        center.setMinimumWidth(MINIMUM_PAGE_WIDTH)
        column = QVBoxLayout(center)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.pages, 1)
        self._center = column
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
        self.sidebar.chosen.connect(self.open_app)
        self.pages.retried.connect(self.retried)

    def _add_commands(self) -> None:
        general = self.tr("General")
        self.commands.add(
            Command(
                name="machine.deploy",
                title=self.tr("Deploy a machine"),
                group=self.tr("Machines"),
                icon="rocket",
                keys="Ctrl+N",
                words=self.tr("new create server provision wizard"),
                run=self.open_deploy_wizard,
                is_available=lambda: self._is_furnished,
            ),
            *(self._command_to_open(app, app.keys or f"Ctrl+{index}") for index, app in enumerate(self._apps, 1)),
            Command(
                name="sidebar.toggle",
                title=self.tr("Collapse or widen the sidebar"),
                group=general,
                icon="panel-left",
                keys="Ctrl+B",
                run=lambda: self.sidebar.set_collapsed(not self.sidebar.is_collapsed()),
            ),
            Command(
                name="pane.other",
                title=self.tr("Go to the inspector and back"),
                group=general,
                icon="panel-right",
                keys="F6",
                run=self._on_other_pane,
            ),
            Command(
                name="quit", title=self.tr("Quit"), group=general, icon="log-out", keys="Ctrl+Q", run=self.ask_to_quit
            ),
        )
        self.commands.add_source(self._page_commands)

    def _command_to_open(self, app: App, keys: str) -> Command:
        return Command(
            name=f"app.{app.name}",
            title=self.tr("Go to {0}").format(app.title),
            group=self.tr("Apps"),
            icon=app.icon,
            keys=keys,
            run=lambda: self.open_app(app.name),
        )

    def _page_commands(self) -> Iterable[Command]:
        page = self.pages.page()
        return (*self.inspectors.commands(), *(page.commands() if page is not None else ()))

    def _on_other_pane(self) -> None:
        """From the page to the inspector and back."""
        page = self.pages.page()
        if not self.inspectors.take_focus() and page is not None:
            page.setFocus(Qt.FocusReason.TabFocusReason)

    def _restore(self) -> None:
        self._state.restore_geometry(self)
        self.sidebar.set_collapsed(self._state.text("sidebar") == "narrow")
        names = tuple(app.name for app in self._apps)
        remembered = self._state.text("page")
        self.open_app(remembered if remembered in names else names[0])


class _Edge(QFrame):
    """The line between the sidebar and the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.setFixedWidth(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        QPainter(self).fillRect(event.rect(), theme.color("border"))
