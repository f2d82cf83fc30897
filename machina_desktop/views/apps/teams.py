"""The Teams app: the teams one is in; making, joining, switching."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication, QLocale

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.services.teams import GetTeam, ListTeams
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import wording
from machina_desktop.views.apps.base import App, Window
from machina_desktop.views.apps.list_page import ListPage
from machina_desktop.views.apps.team_counts import TeamCounts
from machina_desktop.views.apps.team_detail import TeamDetail
from machina_desktop.views.apps.team_dialogs import JoinTeamDialog
from machina_desktop.views.banner import Banner
from machina_desktop.views.commands import Command
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.links import Link
from machina_desktop.views.list_panel import ListPanel, ListShape
from machina_desktop.views.models.status import Status
from machina_desktop.views.models.table_model import Column
from machina_desktop.views.outbox_dialog import OutboxDialog
from machina_desktop.views.searches import Finding, Search, search
from machina_desktop.views.server_watch import ServerWatch, servers_of
from machina_desktop.views.server_words import refused_words
from machina_desktop.views.team_dialog import NewTeamDialog
from machina_desktop.views.team_switcher import home_of
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.states import EmptyState

_JOIN = "join-"
Count = Callable[[str], int | None]


def _tr(text: str) -> str:
    return QCoreApplication.translate("TeamsPage", text)


def _number(count: int | None) -> str:
    return "–" if count is None else QLocale().toString(count)


def _role(bridge: Bridge, team: Team) -> TeamRole | None:
    return bridge.actor_in(team.team_id).role_in(team.team_id)


def _shape(bridge: Bridge, watch: ServerWatch, members: Count, machines: Count) -> ListShape[Team]:
    return ListShape(
        name="teams",
        title=_tr("Teams"),
        search=_tr("Filter by name or handle…"),
        key=lambda team: team.team_id,
        depends=frozenset({"team", "team_member"}),
        columns=(
            *_identity(bridge),
            *_measures(members, machines),
            *_places(watch),
        ),
    )


def _identity(bridge: Bridge) -> tuple[Column[Team], ...]:
    return (
        Column(
            key="name",
            title=_tr("Team"),
            text=lambda team: team.name,
            face=lambda team: (team.name, team.avatar_url or ""),
            width=210,
            least=150,
            grows=2,
        ),
        Column(
            key="view",
            title=_tr("In view"),
            text=lambda team: _tr("in view") if team.team_id == bridge.team_id else "",
            icon=lambda team: "check" if team.team_id == bridge.team_id else "",
            width=100,
            least=90,
        ),
        Column(
            key="handle",
            title=_tr("Handle"),
            text=lambda team: team.handle,
            is_mono=True,
            is_quiet=True,
            width=150,
            least=130,
            rank=3,
        ),
        Column(
            key="role",
            title=_tr("Your role"),
            text=lambda team: _tr("Administrator") if _role(bridge, team) is TeamRole.ADMIN else _tr("Member"),
            icon=lambda team: "shield-check" if _role(bridge, team) is TeamRole.ADMIN else "user",
            width=150,
            least=130,
        ),
    )


def _measures(members: Count, machines: Count) -> tuple[Column[Team], ...]:
    return (
        Column(
            key="members",
            title=_tr("Members"),
            text=lambda team: _number(members(team.team_id)),
            sort_key=lambda team: members(team.team_id) or 0,
            is_right=True,
            width=100,
            least=84,
            rank=1,
        ),
        Column(
            key="machines",
            title=_tr("Machines"),
            text=lambda team: _number(machines(team.team_id)),
            sort_key=lambda team: machines(team.team_id) or 0,
            is_right=True,
            width=100,
            least=88,
            rank=1,
        ),
    )


def _places(watch: ServerWatch) -> tuple[Column[Team], ...]:
    def status(team: Team) -> Status | None:
        known = watch.status_at(team.home)
        return Status(known.connection) if known is not None else None

    return (
        Column(
            key="home",
            title=_tr("Lives on"),
            text=lambda team: home_of(team) or _tr("this computer"),
            icon=lambda team: "cloud" if team.home else "monitor",
            width=190,
            least=150,
            rank=2,
            grows=1,
        ),
        Column(
            key="line", title=_tr("Connection"), text=lambda _team: "–", status=status, width=120, least=110, rank=3
        ),
        Column(
            key="made",
            title=_tr("Created"),
            text=lambda team: wording.moment(team.created_at),
            sort_key=lambda team: team.created_at.timestamp(),
            is_quiet=True,
            width=120,
            rank=4,
        ),
    )


class _TeamList(ListPanel[Team]):
    """Nobody is in so many teams that they could not be searched here."""

    def _take(self, records: tuple[Team, ...]) -> None:
        words = self._search.text().strip().casefold()
        super()._take(tuple(team for team in records if words in f"{team.name} {team.handle}".casefold()))


class TeamsPage(ListPage[Team]):
    """Teams by name; Enter or a double click puts one into view. The place ``join-CODE`` asks to join with a code."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("teams")
        self._counts = TeamCounts(bridge, parent=self)
        empty = EmptyState(
            icon_name="users",
            title=self.tr("You are in no team"),
            text=self.tr("A team has machines, keys and provider accounts of its own."),
            action=self.tr("Create a team"),
        )
        empty.setObjectName("teams.empty")
        empty.activated.connect(self._on_new)
        self._watch = servers_of(bridge)
        shape = _shape(bridge, self._watch, self._counts.members, self._counts.machines)
        self.show_list(_TeamList(bridge, shape, ask=self._request, empty=empty, parent=self))
        self.list.chosen.connect(lambda key: window.inspect("team", key))
        self.list.table.activated_key.connect(self._on_activated)
        self.list.answered.connect(self._on_answered)
        self._counts.changed.connect(self.list.table.viewport().update)
        self._watch.changed.connect(self.list.table.viewport().update)
        self._edits = Banner(action=self.tr("Compare"), icon_name="triangle-alert")
        self._edits.setObjectName("teams.edits")
        self._edits.activated.connect(self._on_edits)
        self.list.add_below_filters(self._edits)
        self._watch.changed.connect(self._show_edits)
        self._show_edits()
        join = Button(self.tr("Join…"), icon_name="user-plus", parent=self)
        join.setObjectName("teams.join")
        join.clicked.connect(lambda: self._join(""))
        new = Button(self.tr("New team…"), kind=ButtonKind.PRIMARY, icon_name="plus", parent=self)
        new.setObjectName("teams.new")
        new.clicked.connect(self._on_new)
        self.list.header.add_action(join)
        self.list.header.add_action(new)

    def go_to(self, place: str) -> None:
        if place.startswith(_JOIN):
            self._join(place.removeprefix(_JOIN))

    def commands(self) -> Iterable[Command]:
        yield from _beginnings(lambda: self._join(""))
        yield from self.list.commands()

    def _request(self, _search: str, _filters: dict[str, str]) -> Request[tuple[Team, ...]]:
        return ListTeams()

    def _on_answered(self, _records: tuple[Team, ...]) -> None:
        self._counts.follow(self.list.model.records())

    def _on_activated(self, team_id: str) -> None:
        if team_id and team_id != self.bridge.team_id:
            self.window_door.choose_team(team_id)

    def _on_new(self) -> None:
        dialog = NewTeamDialog(self.bridge, parent=self)
        dialog.made.connect(self._on_made)
        dialog.open()

    def _on_made(self, team: Team) -> None:
        self.window_door.notify(
            self.tr("{0} is made").format(team.name),
            kind="success",
            action=self.tr("Switch to it"),
            on_action=lambda: self.window_door.choose_team(team.team_id),
        )
        self.window_door.inspect("team", team.team_id)

    def _show_edits(self) -> None:
        count = len(self._watch.needing_attention)
        self._edits.set_text(self.tr("{0}: the server did not take what was typed here.").format(refused_words(count)))
        self._edits.setVisible(bool(count))

    def _on_edits(self) -> None:
        OutboxDialog(self.bridge, parent=self.window()).open()

    def _connect(self, text: str) -> None:
        dialog = ConnectDialog(self.bridge, text=text, parent=self.window())
        dialog.team_chosen.connect(self.window_door.choose_team)
        dialog.open()

    def _join(self, code: str) -> None:
        if not self._watch.statuses:
            # The code is good at a server only, and no server is known yet.
            self._connect(str(Link.to_join(code)) if code else "")
            return
        dialog = JoinTeamDialog(self.bridge, code=code, parent=self)
        dialog.joined.connect(self._on_joined)
        dialog.connect_wanted.connect(self._connect)
        dialog.open()

    def _on_joined(self, team: Team) -> None:
        self.window_door.notify(
            self.tr("You are in {0} now").format(team.name),
            kind="success",
            action=self.tr("Switch to it"),
            on_action=lambda: self.window_door.choose_team(team.team_id),
        )


def _beginnings(join: Callable[[], None]) -> tuple[Command, ...]:
    """What can be begun on the page and, by way of it, from anywhere; making a team is offered by the window."""
    return (
        Command(
            name="team.join",
            title=_tr("Join a team…"),
            group=_tr("Teams"),
            icon="user-plus",
            words=_tr("invite code"),
            run=join,
        ),
    )


def _anywhere(window: Window) -> tuple[Command, ...]:
    return _beginnings(lambda: window.do("teams", "team.join"))


def _finding(team: Team) -> Finding:
    return Finding(
        link=Link("team", team.team_id),
        title=team.name,
        icon="users",
        detail=home_of(team) or _tr("this computer"),
        words=f"{team.handle} {team.team_id}",
    )


def _searches() -> tuple[Search, ...]:
    return (
        search(
            entity="team",
            title=_tr("Teams"),
            request=lambda _team: ListTeams(),
            depends=frozenset({"team", "team_member"}),
            finding=_finding,
            one=lambda key: GetTeam(team_id=key),
        ),
    )


APP = App(
    name="teams",
    title="Teams",
    icon="layers",
    page=TeamsPage,
    details={"team": TeamDetail},
    searches=_searches,
    commands=_anywhere,
)
