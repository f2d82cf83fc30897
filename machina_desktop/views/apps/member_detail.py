"""What the sidekick shows of a member: who they are, what they may do, what they did."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.team import Grant, TeamRole
from machina_desktop.core.services.audit import ListAuditEvents
from machina_desktop.core.services.members import (
    AddGrant,
    ChangeRole,
    Exposure,
    GetMember,
    ListMembers,
    Membership,
    RemoveGrant,
)
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.apps.member_activity import MemberActivity
from machina_desktop.views.apps.member_dialogs import AddGrantDialog, RemoveMemberDialog
from machina_desktop.views.apps.member_grants import MemberGrants
from machina_desktop.views.apps.member_words import (
    access_word,
    exposure_lines,
    last_admin,
    role_meaning,
    role_word,
)
from machina_desktop.views.commands import Command
from machina_desktop.views.detail_panel import DetailPanel, Sections
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.people import people_of
from machina_desktop.views.rights import allow, why_not
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.thing_names import ThingNames
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.feedback import Avatar, Badge
from machina_desktop.views.widgets.pictures import picture_of
from machina_desktop.views.widgets.text import ElidedLabel, KeyValueList, Label, copy_text

_RECENT = 8
_WRITES = frozenset({"machine", "deployment", "provider_account", "ssh_key", "team", "team_member", "grant", "user"})


class _Header(QWidget):
    """Picture, address, when they were here last, and role; the name stands above."""

    def __init__(self) -> None:
        super().__init__()
        self._avatar = Avatar("", size=40)
        self._email = ElidedLabel(style=Type.MEDIUM)
        self._seen = ElidedLabel(style=Type.SECONDARY, tone="secondary")
        self._role = Badge()
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._email)
        words.addWidget(self._seen)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(self._avatar)
        row.addLayout(words, 1)
        row.addWidget(self._role)

    def show_member(self, each: Membership) -> None:
        """Show somebody."""
        self._avatar.set_name(each.user.display_name)
        self._avatar.set_picture(picture_of(each.user.profile_picture_url or ""))
        self._email.setText(each.user.email or self.tr("no e-mail address"))
        seen = each.user.last_login_at
        self._seen.setText(self.tr("signed in {0}").format(wording.ago(seen)) if seen is not None else "")
        self._seen.setVisible(seen is not None)
        self._role.set_text(role_word(each.member.role))
        self._role.set_tone("accent" if each.member.role is TeamRole.ADMIN else "neutral")


class MemberDetail(Detail):
    """One member."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("member")
        self._each: Membership | None = None
        self._members: tuple[Membership, ...] = ()
        self._activity_query: LiveQuery[tuple[AuditEvent, ...]] | None = None
        self._header = _Header()
        self._facts = KeyValueList()
        self._meaning = Label("", tone="secondary", wraps=True)
        self._grants = MemberGrants()
        self._activity = MemberActivity(ThingNames(bridge, parent=self))
        self._sections = Sections()
        self._panel = DetailPanel(self._sections, parent=self)
        self._build()
        self._query = LiveQuery(
            bridge,
            GetMember(team_id=bridge.team_id, member_id=key),
            depends=frozenset({"team_member", "user", "grant"}),
            on_answer=self._on_member,
            on_error=self._panel.show_error,
            parent=self,
        )
        self._panel.retried.connect(self._query.refresh)
        LiveQuery(
            bridge,
            ListMembers(team_id=bridge.team_id),
            depends=frozenset({"team_member"}),
            on_answer=self._on_members,
            on_error=lambda _error: None,
            parent=self,
        )
        people_of(bridge).changed.connect(self._show)

    @property
    def title(self) -> str:
        return self._each.user.display_name if self._each is not None else self.tr("Member")

    def commands(self) -> Iterable[Command]:
        if self._each is None:
            return
        for name, title, icon_name, button, act in (
            ("role", self.tr("Change the role of {0}…"), "shield-check", self._role, self._on_role),
            ("grant", self.tr("Add a grant for {0}…"), "plus", self._grants.add, self._on_add_grant),
            ("remove", self.tr("Remove {0} from the team…"), "trash-2", self._remove, self._on_remove),
        ):
            yield Command(
                name=f"member.{name}",
                title=title.format(self.title),
                group=self.tr("Members"),
                icon=icon_name,
                run=act,
                is_available=button.isEnabled,
            )
        yield Command(
            name="member.activity",
            title=self.tr("Show all that {0} did").format(self.title),
            group=self.tr("Members"),
            icon="scroll-text",
            run=self._on_all,
        )

    def _build(self) -> None:
        self._panel.set_header(self._header)
        self._panel.problem.setObjectName("member.problem")
        self._facts.add_text("joined", self.tr("Joined"))
        self._facts.add_text("inviter", self.tr("Invited by"))
        self._facts.add_copyable("email", self.tr("E-mail"))
        self._facts.add_copyable("id", self.tr("Member id"))
        self._activity.chosen.connect(lambda event_id: self.window_door.inspect("audit_event", event_id))
        self._grants.added.connect(self._on_add_grant)
        self._grants.removed.connect(self._on_remove_grant)
        everything = Button(self.tr("Show all"), icon_name="scroll-text")
        everything.setObjectName("member.activity")
        everything.clicked.connect(self._on_all)
        activity = QWidget()
        column = QVBoxLayout(activity)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._activity)
        row = QHBoxLayout()
        row.addWidget(everything)
        row.addStretch()
        column.addLayout(row)
        self._sections.add(self.tr("Profile"), self._facts)
        self._sections.add(self.tr("Role"), self._meaning)
        self._sections.add(self.tr("Grants"), self._grants)
        self._sections.add(self.tr("Activity"), activity)
        self._role = Button(self.tr("Change role…"))
        self._role.setObjectName("member.role")
        self._role.clicked.connect(self._on_role)
        self._remove = Button(self.tr("Remove…"), kind=ButtonKind.DANGER)
        self._remove.setObjectName("member.remove")
        self._remove.clicked.connect(self._on_remove)
        self._panel.add_actions(self._role, self._remove)

    def _on_member(self, each: Membership) -> None:
        self._each = each
        if self._activity_query is None:
            ask = ListAuditEvents(team_id=each.member.team_id, actor_id=each.user.user_id, limit=_RECENT)
            self._activity_query = LiveQuery(
                self.bridge,
                ask,
                depends=_WRITES,
                on_answer=self._activity.show_events,
                on_error=lambda _error: None,
                parent=self,
            )
        self._show()
        self._panel.show_content()
        self.setWindowTitle(self.title)

    def _on_members(self, members: tuple[Membership, ...]) -> None:
        self._members = members
        self._show()

    def _show(self) -> None:
        each = self._each
        if each is None:
            return
        self._header.show_member(each)
        self._facts.set_values(
            {
                "joined": wording.full_moment(each.member.joined_at),
                "inviter": wording.person(self.bridge, each.member.invited_by or ""),
                "email": each.user.email,
                "id": each.member.team_member_id,
            }
        )
        self._facts.set_row_visible("email", bool(each.user.email))
        self._meaning.setText(role_meaning(each.member.role))
        self._show_rights(each)

    def _show_rights(self, each: Membership) -> None:
        team_id = each.member.team_id
        last = last_admin(self._members, each)
        self._grants.show_grants(each, why_not(self.bridge, "grant.add", team_id))
        allow(self._role, why_not(self.bridge, "member.update", team_id), last)
        itself = each.user.user_id == self.bridge.actor.user_id
        leave = self.tr("This is you: leave the team on the Teams page.") if itself else ""
        allow(self._remove, why_not(self.bridge, "member.remove", team_id), last, leave)

    def _on_role(self) -> None:
        if self._each is None:
            return
        role = TeamRole.MEMBER if self._each.member.role is TeamRole.ADMIN else TeamRole.ADMIN
        is_less = role is TeamRole.MEMBER
        text = self.tr("Make {0} a member?") if is_less else self.tr("Make {0} an administrator?")
        losses = (role_meaning(role), self.tr("Open invites they made are revoked.")) if is_less else ()
        question = ConfirmDialog(
            text.format(self.title),
            text="" if is_less else role_meaning(role),
            losses=losses,
            confirm=self.tr("Make member") if is_less else self.tr("Make administrator"),
            is_danger=False,
            parent=self,
        )
        question.setObjectName("change_role")
        question.primary.setObjectName("change_role.confirm")
        question.accepted.connect(lambda: self._change(role))
        question.open()

    def _change(self, role: TeamRole) -> None:
        ask = ChangeRole(team_id=self.bridge.team_id, member_id=self.key, role=role)
        tasks.ask(
            self.bridge,
            ask,
            owner=self,
            done=lambda _member: self._tell(self.tr("{0} is now: {1}").format(self.title, role_word(role))),
            failed=self._panel.show_problem,
            busy=self._role,
        )

    def _on_add_grant(self) -> None:
        if self._each is not None:
            AddGrantDialog(self.bridge, self._each, parent=self).open()

    def _on_remove_grant(self, grant: Grant) -> None:
        tasks.ask(
            self.bridge,
            RemoveGrant(team_id=grant.team_id, grant_id=grant.grant_id),
            owner=self,
            done=lambda _none: self._on_grant_removed(grant),
            failed=self._panel.show_problem,
        )

    def _on_grant_removed(self, grant: Grant) -> None:
        again = AddGrant(team_id=grant.team_id, member_id=self.key, access=grant.access, tag=grant.tag)
        self.window_door.notify(
            self.tr("{0} of {1} is taken back").format(access_word(grant.access), self.title),
            kind="success",
            action=self.tr("Undo"),
            on_action=lambda: self._grant_again(again),
            about=f"grant {grant.grant_id}",
        )

    def _grant_again(self, ask: AddGrant) -> None:
        tasks.ask(self.bridge, ask, owner=self.bridge)

    def _on_remove(self) -> None:
        if self._each is None:
            return
        dialog = RemoveMemberDialog(self.bridge, self._each, parent=self)
        dialog.removed.connect(self._on_removed)
        dialog.open()

    def _on_removed(self, exposure: Exposure) -> None:
        lines = exposure_lines(exposure)
        if not lines:
            self._tell(self.tr("{0} is no longer in the team").format(self.title))
            return
        self.window_door.notify(
            self.tr("{0} is no longer in the team. Rotate what they could read.").format(self.title),
            kind="warning",
            action=self.tr("Copy list"),
            on_action=lambda: copy_text("\n".join(lines)),
        )

    def _on_all(self) -> None:
        if self._each is not None:
            self.window_door.open_app("audit", self._each.user.user_id)

    def _tell(self, text: str) -> None:
        self.window_door.notify(text, kind="success")
