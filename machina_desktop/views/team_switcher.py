"""Which team is in view: the list to choose from, a key for each of the first nine, and making another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.services.teams import ListTeams
from machina_desktop.views.commands import Command
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.popup import Popup, PopupRow
from machina_desktop.views.server_sign import HomeAvatar
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import host_of, state_line
from machina_desktop.views.team_dialog import NewTeamDialog
from machina_desktop.views.widgets.pictures import picture_of
from machina_desktop.views.widgets.text import IconLabel

_WITH_KEYS = 9
_AVATAR = 28


class TeamSwitcher(QObject):
    """The teams of the person, by name, and the one in view.

    Attributes:
        leave: Told how to put another team into view, does it; it may ask the person first.

    Signals:
        changed(): The teams, or the one in view, are others than before.
        connect_wanted(): The person wants to connect to a server.
        join_wanted(): The person wants to join a team with a code.
    """

    changed = Signal()
    connect_wanted = Signal()
    join_wanted = Signal()

    def __init__(self, bridge: Bridge, *, remember: Callable[[str], None], window: QWidget) -> None:
        """``remember`` keeps the id of the chosen team for the next start."""
        super().__init__(window)
        self.leave: Callable[[Callable[[], None]], None] = lambda go: go()
        self._bridge = bridge
        self._remember = remember
        self._window = window
        self._teams: tuple[Team, ...] = ()
        self._popup: Popup | None = None
        self._dialog: NewTeamDialog | None = None
        bridge.team_changed.connect(lambda _team_id: self.changed.emit())
        for number in range(1, _WITH_KEYS + 1):
            shortcut = QShortcut(QKeySequence(_keys(number)), window)
            shortcut.activated.connect(lambda number=number: self._on_number(number))

    def start(self) -> None:
        """Begin to ask for the teams. Only after the bridge has settled."""
        LiveQuery(
            self._bridge,
            ListTeams(),
            depends=frozenset({"team", "team_member"}),
            on_answer=self._on_teams,
            on_error=lambda _error: None,
            parent=self,
        )

    @property
    def teams(self) -> tuple[Team, ...]:
        """Every team the person is in, by name."""
        return self._teams

    @property
    def current(self) -> Team | None:
        """The team in view; ``None`` until it is known."""
        return next((team for team in self._teams if team.team_id == self._bridge.team_id), None)

    def choose(self, team_id: str) -> None:
        """Put a team into view, and begin with it at the next start."""
        if team_id == self._bridge.team_id:
            self._choose(team_id)
        else:
            self.leave(partial(self._choose, team_id))

    def open_list(self, anchor: QWidget) -> None:
        """Open the list of teams at the control that was pressed."""
        popup = Popup(self.tr("Teams"), parent=self._window)
        for number, team in enumerate(self._teams, 1):
            row = self._row_of(team, number)
            row.clicked.connect(lambda _checked=False, team_id=team.team_id: self._on_chosen(team_id))
            popup.add_row(row)
        for name, title, icon_name, act in (
            ("new", self.tr("New team…"), "plus", self.create),
            ("join", self.tr("Join with a code…"), "user-plus", self.join_wanted.emit),
            ("connect", self.tr("Connect to a server…"), "server", self.connect_wanted.emit),
        ):
            foot = PopupRow(title, leading=IconLabel(icon_name))
            foot.setObjectName(f"team.{name}")
            foot.clicked.connect(partial(self._after_list, act))
            popup.add_to_foot(foot)
        self._popup = popup
        popup.destroyed.connect(self._on_list_gone)
        popup.open_at(anchor)

    def create(self) -> None:
        """Ask for a new team and put it into view."""
        self._dialog = NewTeamDialog(self._bridge, parent=self._window)
        self._dialog.made.connect(self._on_made)
        self._dialog.finished.connect(self._on_asked)
        self._dialog.open()

    @property
    def popup(self) -> Popup | None:
        """The list, while it is open."""
        return self._popup

    @property
    def dialog(self) -> NewTeamDialog | None:
        """The question for a new team, while it is asked."""
        return self._dialog

    def commands(self) -> Iterable[Command]:
        """Switching to each of the other teams, and making one."""
        group = self.tr("Teams")
        if not self._bridge.is_settled:
            return
        for number, team in enumerate(self._teams, 1):
            if team.team_id != self._bridge.team_id:
                yield Command(
                    name=f"team.switch.{team.team_id}",
                    title=self.tr("Switch to {0}").format(team.name),
                    group=group,
                    icon="users",
                    keys=_keys(number) if number <= _WITH_KEYS else "",
                    words=self.tr("team {0}").format(team.handle),
                    run=partial(self.choose, team.team_id),
                )
        yield Command(
            name="team.new",
            title=self.tr("New team…"),
            group=group,
            icon="plus",
            words=self.tr("create add"),
            run=self.create,
        )

    def _choose(self, team_id: str) -> None:
        self._remember(team_id)
        self._bridge.choose_team(team_id)

    def _row_of(self, team: Team, number: int) -> PopupRow:
        role = self._bridge.actor_in(team.team_id).role_in(team.team_id)
        role_word = self.tr("Administrator") if role is TeamRole.ADMIN else self.tr("Member")
        keys = QKeySequence(_keys(number)).toString(QKeySequence.SequenceFormat.NativeText)
        status = servers_of(self._bridge).status_at(team.home)
        avatar = HomeAvatar(team.name, size=_AVATAR)
        avatar.set_picture(picture_of(team.avatar_url or ""))
        avatar.set_status(status.connection if status is not None else None)
        place = (home_of(team) or self.tr("this computer"), state_line(status) if status is not None else "")
        row = PopupRow(
            team.name,
            detail=" · ".join(part for part in (role_word, *place) if part),
            hint=keys if number <= _WITH_KEYS else "",
            leading=avatar,
            is_current=team.team_id == self._bridge.team_id,
        )
        row.setObjectName(f"team.{team.team_id}")
        return row

    def _on_teams(self, teams: tuple[Team, ...]) -> None:
        self._teams = teams
        self.changed.emit()

    def _on_chosen(self, team_id: str) -> None:
        self._close_list()
        self.choose(team_id)

    def _after_list(self, act: Callable[[], None]) -> None:
        self._close_list()
        act()

    def _on_made(self, team: Team) -> None:
        self.choose(team.team_id)

    def _on_number(self, number: int) -> None:
        if number <= len(self._teams):
            self.choose(self._teams[number - 1].team_id)

    def _on_list_gone(self) -> None:
        self._popup = None

    def _on_asked(self) -> None:
        self._dialog = None

    def _close_list(self) -> None:
        if self._popup is not None:
            self._popup.close()


def home_of(team: Team) -> str:
    """The host of the server a team lives on; empty for one on this computer."""
    return host_of(team.home)


def _keys(number: int) -> str:
    return f"Ctrl+Alt+{number}"
