"""What the sidekick shows of a team: what it is, who is in it, who is invited, and how one gets out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.services.invites import ListedInvite, ListInvites
from machina_desktop.core.services.machines import ListMachines
from machina_desktop.core.services.members import LeaveTeam, ListMembers, Membership
from machina_desktop.core.services.teams import DeleteTeam, GetTeam
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.apps.team_faces import Faces
from machina_desktop.views.commands import Command
from machina_desktop.views.detail_panel import DetailPanel, Sections
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.rights import allow, why_not
from machina_desktop.views.server_move import BringHomeDialog, MoveToServerDialog
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import summary_line
from machina_desktop.views.team_dialog import EditTeamDialog
from machina_desktop.views.team_switcher import home_of
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.feedback import Avatar, Badge
from machina_desktop.views.widgets.pictures import picture_of
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import ElidedLabel, KeyValueList, Label

R = TypeVar("R")
_COUNTED = 5000


class _Header(QWidget):
    """Picture, handle, role, and whether it is in view; the name stands above."""

    def __init__(self) -> None:
        super().__init__()
        self._avatar = Avatar("", size=40)
        self._handle = ElidedLabel(style=Type.MONO)
        self._role = ElidedLabel(style=Type.SECONDARY, tone="secondary")
        self._view = Badge(self.tr("in view"), tone="accent", icon_name="check")
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._handle)
        words.addWidget(self._role)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(self._avatar)
        row.addLayout(words, 1)
        row.addWidget(self._view)

    def show_team(self, team: Team, role: str, *, is_in_view: bool) -> None:
        """Show a team."""
        self._avatar.set_name(team.name)
        self._avatar.set_picture(picture_of(team.avatar_url or ""))
        self._handle.setText(team.handle)
        self._role.setText(role)
        self._view.setVisible(is_in_view)


class TeamDetail(Detail):
    """One team the person is in."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("team")
        self._team: Team | None = None
        self._members: tuple[Membership, ...] = ()
        self._machines: int | None = None
        self._header = _Header()
        self._facts = KeyValueList()
        self._faces = Faces()
        self._people = Label("", tone="secondary", wraps=True)
        self._invited = Label("", tone="secondary", wraps=True)
        self._sections = Sections()
        self._panel = DetailPanel(self._sections, parent=self)
        self._panel.problem.setObjectName("team.problem")
        self._watch = servers_of(bridge)
        self._watch.changed.connect(self._show)
        self._build()
        self._follow()

    @property
    def title(self) -> str:
        return self._team.name if self._team is not None else self.tr("Team")

    def commands(self) -> Iterable[Command]:
        if self._team is None:
            return
        for name, title, icon_name, button, act in (
            ("edit", self.tr("Edit the team {0}…"), "pencil", self._edit, self._on_edit),
            self._moving(),
            ("leave", self.tr("Leave the team {0}…"), "log-out", self._leave, self._on_leave),
            ("delete", self.tr("Delete the team {0}…"), "trash-2", self._delete, self._on_delete),
        ):
            yield Command(
                name=f"team.{name}",
                title=title.format(self.title),
                group=self.tr("Teams"),
                icon=icon_name,
                run=act,
                is_available=button.isEnabled,
            )

    def _build(self) -> None:
        self._panel.set_header(self._header)
        self._facts.add_text("home", self.tr("Lives on"))
        self._line = StatusBadge()
        self._facts.add_widget("line", self.tr("Connection"), self._line)
        self._facts.add_text("machines", self.tr("Machines"))
        self._facts.add_text("made", self.tr("Created"))
        self._facts.add_copyable("handle", self.tr("Handle"))
        self._facts.add_copyable("id", self.tr("Team id"))
        people = QWidget()
        column = QVBoxLayout(people)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._faces)
        column.addWidget(self._people)
        self._sections.add(self.tr("Team"), self._facts)
        self._sections.add(self.tr("Members"), people)
        self._invites = self._sections.add(self.tr("Invites"), self._invited)
        self._invites.hide()
        self._switch = self._button("switch", self.tr("Switch to this team"), self._on_switch, ButtonKind.PRIMARY)
        self._list = self._button("members", self.tr("Members"), self._on_list)
        self._edit = self._button("edit", self.tr("Edit…"), self._on_edit)
        self._move = self._button("move", "", self._on_move)
        self._leave = self._button("leave", self.tr("Leave…"), self._on_leave)
        self._delete = self._button("delete", self.tr("Delete…"), self._on_delete, ButtonKind.DANGER)
        self._panel.add_actions(self._switch, self._list, self._edit, self._move, self._leave, self._delete)

    def _button(self, name: str, text: str, act: Callable[[], None], kind: ButtonKind = ButtonKind.SECONDARY) -> Button:
        made = Button(text, kind=kind)
        made.setObjectName(f"team.{name}")
        made.clicked.connect(act)
        return made

    def _follow(self) -> None:
        """Ask for everything that is shown."""
        query = LiveQuery(
            self.bridge,
            GetTeam(team_id=self.key),
            depends=frozenset({"team", "team_member"}),
            on_answer=self._on_team,
            on_error=self._panel.show_error,
            parent=self,
        )
        self._panel.retried.connect(query.refresh)
        self._ask(ListMembers(team_id=self.key), {"team_member", "user"}, self._on_members)
        self._ask(ListMachines(team_id=self.key, limit=_COUNTED), {"machine"}, self._on_machines)
        if not why_not(self.bridge, "invite.list", self.key, is_read=True):
            self._ask(ListInvites(team_id=self.key), {"team_invite"}, self._on_invites)

    def _ask(self, request: Request[R], depends: set[str], on_answer: Callable[[R], None]) -> None:
        LiveQuery(
            self.bridge,
            request,
            depends=frozenset(depends),
            on_answer=on_answer,
            on_error=lambda _error: None,
            parent=self,
        )

    def _on_team(self, team: Team) -> None:
        self._team = team
        self._show()
        self._panel.show_content()
        self.setWindowTitle(self.title)

    def _on_members(self, members: tuple[Membership, ...]) -> None:
        self._members = members
        admins = sum(each.member.role is TeamRole.ADMIN for each in members)
        people = self.tr("1 person") if len(members) == 1 else self.tr("{0} people").format(len(members))
        leading = self.tr("1 administrator") if admins == 1 else self.tr("{0} administrators").format(admins)
        self._people.setText(f"{people}, {leading}")
        self._faces.show_members(members)
        self._show()

    def _on_machines(self, machines: tuple[Machine, ...]) -> None:
        self._machines = len(machines)
        self._show()

    def _on_invites(self, invites: tuple[ListedInvite, ...]) -> None:
        states = Counter(invite.state for invite in invites)
        counted = states[InviteState.OPEN]
        self._invited.setText(
            self.tr("Nobody is invited.")
            if not counted
            else self.tr("1 open invite")
            if counted == 1
            else self.tr("{0} open invites").format(counted)
        )
        self._invites.show()

    def _show(self) -> None:
        team = self._team
        if team is None:
            return
        is_in_view = team.team_id == self.bridge.team_id
        is_admin = self.bridge.actor_in(team.team_id).role_in(team.team_id) is TeamRole.ADMIN
        role = self.tr("You are an administrator") if is_admin else self.tr("You are a member")
        self._header.show_team(team, role, is_in_view=is_in_view)
        self._facts.set_values(
            {
                "home": home_of(team) or self.tr("this computer"),
                "machines": "" if self._machines is None else self.locale().toString(self._machines),
                "made": wording.full_moment(team.created_at),
                "handle": team.handle,
                "id": team.team_id,
            }
        )
        status = self._watch.status_at(team.home)
        self._line.set_status(status.connection if status is not None else None)
        self._line.setToolTip(summary_line(status) if status is not None else "")
        self._facts.set_row_visible("line", status is not None)
        self._move.setText(self.tr("Bring to this computer…") if team.home else self.tr("Move to a server…"))
        allow(self._move, why_not(self.bridge, "team.move", team.team_id), self._no_server())
        self._switch.setVisible(not is_in_view)
        self._list.setVisible(is_in_view)
        allow(self._edit, why_not(self.bridge, "team.update", team.team_id))
        allow(self._leave, self._only_team(), self._last_admin())
        allow(self._delete, why_not(self.bridge, "team.delete", team.team_id), self._machines_left(), self._only_team())

    def _only_team(self) -> str:
        alone = len(self.bridge.person.team_roles) == 1
        return self.tr("This is your only team: create or join another one first.") if alone else ""

    def _last_admin(self) -> str:
        admins = [each.user.user_id for each in self._members if each.member.role is TeamRole.ADMIN]
        if admins != [self.bridge.actor_in(self.key).user_id]:
            return ""
        return self.tr("You are its last administrator: make somebody else one first, or delete the team.")

    def _machines_left(self) -> str:
        if self._machines is None:
            return self.tr("Its machines are not counted yet.")
        if self._machines == 1:
            return self.tr("It still has 1 machine: destroy it first, nobody would look after it.")
        many = self.tr("It still has {0} machines: destroy them first, nobody would look after them.")
        return many.format(self._machines) if self._machines else ""

    def _moving(self) -> tuple[str, str, str, Button, Callable[[], None]]:
        is_shared = self._team is not None and bool(self._team.home)
        title = (
            self.tr("Bring the team {0} to this computer…") if is_shared else self.tr("Move the team {0} to a server…")
        )
        return "move", title, "monitor" if is_shared else "server", self._move, self._on_move

    def _no_server(self) -> str:
        if self._watch.statuses or (self._team is not None and self._team.home):
            return ""
        return self.tr("Connect to a server first, in the settings under Servers.")

    def _on_move(self) -> None:
        if self._team is None:
            return
        window, over = self.window_door, self.window()

        def tell(team: Team) -> None:
            window.notify(_moved(home_of(team)).format(team.name, home_of(team)), kind="success")

        if self._team.home:
            BringHomeDialog(self.bridge, self._team, people=len(self._members), tell=tell, parent=over).open()
        else:
            MoveToServerDialog(self.bridge, self._team, tell=tell, parent=over).open()

    def _on_switch(self) -> None:
        self.window_door.choose_team(self.key)

    def _on_list(self) -> None:
        self.window_door.open_app("members")

    def _on_edit(self) -> None:
        if self._team is not None:
            dialog = EditTeamDialog(self.bridge, self._team, parent=self)
            dialog.made.connect(self._on_edited)
            dialog.open()

    def _on_edited(self, team: Team) -> None:
        self.window_door.notify(self.tr("{0} is saved").format(team.name), kind="success")

    def _on_leave(self) -> None:
        question = ConfirmDialog(
            self.tr("Leave {0}?").format(self.title),
            losses=(
                self.tr("You see nothing of it any more: machines, runs, keys."),
                self.tr("Your grants and the open invites you made end."),
                self.tr("To come back you need an invite."),
            ),
            confirm=self.tr("Leave team"),
            parent=self,
        )
        question.setObjectName("leave_team")
        question.primary.setObjectName("leave_team.confirm")
        question.accepted.connect(lambda: self._end(LeaveTeam(team_id=self.key), self.tr("You have left {0}")))
        question.open()

    def _on_delete(self) -> None:
        if self._team is None:
            return
        people = len(self._members) - 1
        losses = (
            self.tr("Its provider accounts, keys and states are wiped from the vault; there is no undo."),
            *((self.tr("{0} other people lose it, too.").format(people),) if people > 1 else ()),
            *((self.tr("1 other person loses it, too."),) if people == 1 else ()),
            self.tr("Only its audit trail is kept."),
        )
        question = ConfirmDialog(
            self.tr("Delete {0}?").format(self.title),
            losses=losses,
            confirm=self.tr("Delete team"),
            type_to_confirm=self._team.handle,
            parent=self,
        )
        question.setObjectName("delete_team")
        question.primary.setObjectName("delete_team.confirm")
        question.accepted.connect(lambda: self._end(DeleteTeam(team_id=self.key), self.tr("{0} is deleted")))
        question.open()

    def _end(self, ask: Request[None], told: str) -> None:
        # With the team in view this panel goes before the answer is told, so neither hangs on it.
        window, text = self.window_door, told.format(self.title)
        tasks.ask(self.bridge, ask, owner=self.bridge, done=lambda _none: window.notify(text, kind="success"))


def _moved(host: str) -> str:
    if host:
        return QCoreApplication.translate("TeamDetail", "{0} lives on {1} now")
    return QCoreApplication.translate("TeamDetail", "{0} lives on this computer now")
