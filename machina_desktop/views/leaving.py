"""Closing the window and ending the program: into the tray where that is wanted, and never past runs unsaid."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import CLOSE_TO_TRAY, Settings
from machina_desktop.core.domain.deployment import Deployment
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.views import tasks
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.run_watch import RunWatch, is_running
from machina_desktop.views.server_custody import is_carried_out_here
from machina_desktop.views.tray import Tray
from machina_desktop.views.widgets.dialogs import ConfirmDialog

# A tray may go while the window hides in it; then there would be no way back to the window.
TRAY_CHECK_MS = 3000


class Leaving(QObject):
    """What happens when the person closes the window or quits."""

    def __init__(self, bridge: Bridge, runs: RunWatch, settings: Settings, *, window: MainWindow) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._runs = runs
        self._settings = settings
        self._window = window
        self._tray: Tray | None = None
        self._question: ConfirmDialog | None = None
        self._is_looking = False
        self._check = QTimer(self, interval=TRAY_CHECK_MS)
        self._check.timeout.connect(self._on_check)
        window.close_wanted.connect(self.close_window)
        window.quit_wanted.connect(self.quit)
        window.visibility_changed.connect(self._on_visibility_changed)

    def set_tray(self, tray: Tray) -> None:
        """Where the window may hide."""
        self._tray = tray

    def close_window(self) -> None:
        """Hide it in the tray, where that is wanted and there is one; else end the program."""
        if self._tray is not None and self._tray.is_there() and self._settings.get(CLOSE_TO_TRAY):
            self._window.hide()
        else:
            self.quit()

    def quit(self) -> None:
        """End the program; asks first about files on their way, open shells, and runs under way in whichever team."""
        if self._question is not None:
            self._question.raise_()
        elif count := self._bridge.unfinished_transfers:
            self._ask_about_transfers(count)
        else:
            self._quit_past_transfers()

    def leave_team(self, go: Callable[[], None]) -> None:
        """Put another team into view with ``go``; asks first when shells would be hung up."""
        count = self._live_shells()
        if not count:
            go()
        elif self._question is not None:
            self._question.raise_()
        else:
            many, one = (
                self.tr("Switch the team and close {0} terminals?"),
                self.tr("Switch the team and close a terminal?"),
            )
            self._ask_about_shells(many.format(count) if count > 1 else one, self.tr("Switch"), go)

    def _live_shells(self) -> int:
        return sum(page.live_shells() for page in self._window.pages.built_pages())

    def _quit_past_transfers(self) -> None:
        self._question = None
        if count := self._live_shells():
            many, one = self.tr("Quit and close {0} terminals?"), self.tr("Quit and close a terminal?")
            self._ask_about_shells(many.format(count) if count > 1 else one, self.tr("Quit"), self._quit_past_shells)
        else:
            self._quit_past_shells()

    def _quit_past_shells(self) -> None:
        self._question = None
        if here := [run for run in self._runs.running if is_carried_out_here(self._bridge, run)]:
            self._ask(len(here))
        elif self._other_teams() and not self._is_looking:
            self._is_looking = True
            tasks.run(
                self._bridge,
                self._count_elsewhere(),
                owner=self,
                name="look for runs elsewhere",
                done=self._on_counted,
                failed=self._on_not_counted,
            )
        elif not self._is_looking:
            self._window.quit_agreed.emit()

    @property
    def question(self) -> ConfirmDialog | None:
        """The question whether to quit, while it is asked."""
        return self._question

    def _other_teams(self) -> tuple[str, ...]:
        if not self._bridge.is_settled:
            return ()
        current = self._bridge.team_id
        return tuple(team_id for team_id, _role in self._bridge.person.team_roles if team_id != current)

    async def _count_elsewhere(self) -> int:
        found: list[Deployment] = []
        for team_id in self._other_teams():
            runs = await self._bridge.call(ListDeployments(team_id=team_id, only_open=True))
            found.extend(runs)
        return sum(is_running(run) and is_carried_out_here(self._bridge, run) for run in found)

    def _on_counted(self, count: int) -> None:
        self._is_looking = False
        if count:
            self._ask(count)
        else:
            self._window.quit_agreed.emit()

    def _on_not_counted(self, _error: MachinaError) -> None:
        # Who wants to go is not held up by a store that does not answer.
        self._is_looking = False
        self._window.quit_agreed.emit()

    def _ask_about_transfers(self, count: int) -> None:
        self._window.come_to_front()
        many, one = self.tr("Quit while {0} transfers are under way?"), self.tr("Quit while a transfer is under way?")
        self._question = ConfirmDialog(
            many.format(count) if count > 1 else one,
            text=self.tr(
                "They end with the program. Files that have arrived stay; of the unfinished ones a part is kept, and "
                "whoever copies the same file again goes on from there."
            ),
            confirm=self.tr("Quit"),
            is_danger=False,
            parent=self._window,
        )
        self._question.accepted.connect(self._quit_past_transfers)
        self._question.rejected.connect(self._on_asked)
        self._question.open()

    def _ask_about_shells(self, title: str, confirm: str, go: Callable[[], None]) -> None:
        self._window.come_to_front()
        self._question = ConfirmDialog(
            title,
            text=self.tr("Their shells are hung up, and most programs that run in them end."),
            confirm=confirm,
            is_danger=False,
            parent=self._window,
        )
        self._question.setObjectName("leaving.shells")
        self._question.rejected.connect(self._on_asked)
        self._question.accepted.connect(self._on_asked)
        self._question.accepted.connect(go)
        self._question.open()

    def _ask(self, count: int) -> None:
        self._window.come_to_front()
        many, one = self.tr("Quit while {0} deployments run?"), self.tr("Quit while a deployment runs?")
        self._question = ConfirmDialog(
            many.format(count) if count > 1 else one,
            text=self.tr(
                "Terraform goes on without the window and finishes its step. Machina picks the result up at the "
                "next start; until then nothing new begins."
            ),
            confirm=self.tr("Quit"),
            is_danger=False,
            parent=self._window,
        )
        self._question.accepted.connect(self._window.quit_agreed)
        self._question.finished.connect(self._on_asked)
        self._question.open()

    def _on_asked(self) -> None:
        self._question = None

    def _on_visibility_changed(self, is_visible: bool) -> None:
        if is_visible:
            self._check.stop()
        else:
            self._check.start()

    def _on_check(self) -> None:
        if self._tray is not None and not self._tray.is_there():
            self._window.come_to_front()
