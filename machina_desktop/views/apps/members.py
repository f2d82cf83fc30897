"""The Members app: who is in the team, what they may do, and who is invited."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.errors import NotFound
from machina_desktop.core.services.invites import ListedInvite, ListInvites
from machina_desktop.core.services.members import ListMembers, Membership
from machina_desktop.core.services.teams import GetTeam
from machina_desktop.core.services.use_case import Request
from machina_desktop.views.apps.base import App, Page, Window
from machina_desktop.views.apps.member_detail import MemberDetail
from machina_desktop.views.apps.member_invite import InviteDialog
from machina_desktop.views.apps.member_invite_detail import InviteDetail
from machina_desktop.views.apps.member_lists import invites_shape, members_shape
from machina_desktop.views.apps.member_words import role_word
from machina_desktop.views.callout import Callout
from machina_desktop.views.commands import Command
from machina_desktop.views.links import Link
from machina_desktop.views.list_panel import ListPanel
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.people import people_of
from machina_desktop.views.rights import allow, why_not
from machina_desktop.views.searches import Finding, Search, search, unlisted_search
from machina_desktop.views.widgets.buttons import Button, ButtonKind, Segment, Segmented
from machina_desktop.views.widgets.states import EmptyState

MEMBERS, INVITES = "members", "invites"


def _tr(text: str) -> str:
    return QCoreApplication.translate("MembersPage", text)


class _InviteList(ListPanel[ListedInvite]):
    """There are few invites, so they are searched here."""

    def _take(self, records: tuple[ListedInvite, ...]) -> None:
        words = self._search.text().strip().casefold()
        super()._take(tuple(each for each in records if words in f"{each.created_by} {each.used_by}".casefold()))


class MembersPage(Page):
    """Members by name, and for administrators the invites; *Invite* is the one primary action."""

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__(bridge, window)
        self.setObjectName("members")
        self._team: Team | None = None
        nobody = EmptyState(icon_name="users", title=self.tr("Nobody is here"), text=self.tr("You are in no team now."))
        nobody.setObjectName("members.empty")
        self.list = ListPanel(bridge, members_shape(bridge), ask=self._ask_members, empty=nobody, parent=self)
        self._invites: _InviteList | None = None
        self.local = Callout("neutral")
        self.local.setObjectName("members.local")
        self.list.add_below_filters(self.local)
        self._stack = QStackedWidget()
        self._switches: dict[str, Segmented] = {}
        self._invite_buttons: list[Button] = []
        self._furnish(self.list, MEMBERS)
        self.list.chosen.connect(lambda key: window.inspect("member", key))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._stack)
        bridge.when_settled(self._start)

    @property
    def invites(self) -> _InviteList:
        """The list of invites, made when it is first looked at: only administrators may ask for them."""
        if self._invites is None:
            uninvited = EmptyState(
                icon_name="user-plus",
                title=self.tr("Nobody is invited"),
                text=self.tr("An invite is a code that lets one person into the team, once."),
            )
            uninvited.setObjectName("invites.empty")
            self._invites = _InviteList(
                self.bridge, invites_shape(), ask=self._ask_invites, empty=uninvited, parent=self
            )
            self._invites.chosen.connect(lambda key: self.window_door.inspect("invite", key))
            self._furnish(self._invites, INVITES)
            self._show_rights()
        return self._invites

    def shown(self) -> None:
        self._front().resume()

    def hidden(self) -> None:
        self._front().pause()

    def find(self) -> None:  # type: ignore[override]  # QWidget.find looks up window ids
        self._front().focus_search()

    def go_to(self, place: str) -> None:
        if place == MEMBERS or (place == INVITES and self._may_see_invites()):
            self._show(place)

    def commands(self) -> Iterable[Command]:
        yield from _beginnings(self._on_invite, lambda: not self._obstacle())
        yield Command(
            name="member.invites",
            title=_tr("Show the invites"),
            group=_tr("Members"),
            icon="user-plus",
            run=lambda: self._show(INVITES),
            is_available=lambda: self._may_see_invites() and self._stack.currentWidget() is self.list,
        )
        yield from self._front().commands()

    def _furnish(self, panel: ListPanel[Membership] | _InviteList, name: str) -> None:
        self._stack.addWidget(panel)
        switch = Segmented(
            (
                Segment(key=MEMBERS, title=self.tr("Members")),
                Segment(key=INVITES, title=self.tr("Invites")),
            ),
            name=self.tr("What is listed"),
        )
        switch.setObjectName(f"{name}.switch")
        switch.set_current(name)
        switch.changed.connect(self._on_switched)
        panel.filters.add_widget(switch)
        invite = Button(self.tr("Invite…"), kind=ButtonKind.PRIMARY, icon_name="user-plus", parent=panel)
        invite.setObjectName(f"{name}.invite")
        invite.clicked.connect(self._on_invite)
        panel.header.add_action(invite)
        self._switches[name] = switch
        self._invite_buttons.append(invite)
        allow(invite, self.tr("The team is not known yet."))

    def _start(self) -> None:
        people_of(self.bridge).changed.connect(self.list.table.viewport().update)
        self.list.answered.connect(lambda _members: self._show_rights())
        LiveQuery(
            self.bridge,
            GetTeam(team_id=self.bridge.team_id),
            depends=frozenset({"team"}),
            on_answer=self._on_team,
            on_error=lambda _error: None,
            parent=self,
        )
        self._show_rights()

    def _front(self) -> ListPanel[Membership] | _InviteList:
        current = self._stack.currentWidget()
        return self._invites if self._invites is not None and current is self._invites else self.list

    def _show(self, name: str) -> None:
        before = self._front()
        self._stack.setCurrentWidget(self.invites if name == INVITES else self.list)
        for own, switch in self._switches.items():
            # Each shows the list it stands on, also after it was used.
            switch.blockSignals(True)
            switch.set_current(own)
            switch.blockSignals(False)
        if self._front() is not before:
            before.pause()
            self._front().resume()

    def _on_switched(self, name: str) -> None:
        self._show(name)
        # The switch that was used is hidden with its list; the keyboard goes on at the other one.
        self._switches[name].focus_current()

    def _may_see_invites(self) -> bool:
        return self.bridge.is_settled and not why_not(self.bridge, "invite.list", self.bridge.team_id, is_read=True)

    def _obstacle(self) -> str:
        """Why nobody can be invited now; empty when somebody can."""
        if self._team is None:
            return self.tr("The team is not known yet.")
        refusal = why_not(self.bridge, "invite.create", self._team.team_id)
        if refusal or self._team.home:
            return refusal
        return self.tr("This team lives on this computer. Others can join once it is on a shared server.")

    def _show_rights(self) -> None:
        for button in self._invite_buttons:
            allow(button, self._obstacle())
        for switch in self._switches.values():
            switch.setVisible(self._may_see_invites())
        if not self._may_see_invites():
            self._show(MEMBERS)

    def _on_team(self, team: Team) -> None:
        self._team = team
        if team.home:
            self.local.clear()
        else:
            self.local.say(
                self.tr("This team lives on this computer only."),
                self.tr("Others can join once it is on a shared server. Until then a code would let nobody in."),
            )
        self._show_rights()

    def _ask_members(self, search: str, filters: dict[str, str]) -> Request[tuple[Membership, ...]]:
        role = TeamRole(filters["role"]) if "role" in filters else None
        return ListMembers(team_id=self.bridge.team_id, role=role, search=search)

    def _ask_invites(self, _search: str, filters: dict[str, str]) -> Request[tuple[ListedInvite, ...]]:
        state = InviteState(filters["state"]) if "state" in filters else None
        return ListInvites(team_id=self.bridge.team_id, state=state)

    def _on_invite(self) -> None:
        if self._team is None or self._obstacle():
            return
        dialog = InviteDialog(self.bridge, self._team, parent=self)
        dialog.issued.connect(lambda: self._show(INVITES))
        dialog.open()


def _beginnings(invite: Callable[[], None], can: Callable[[], bool] = lambda: True) -> tuple[Command, ...]:
    """What can be begun on the page and, by way of it, from anywhere."""
    return (
        Command(
            name="member.invite",
            title=_tr("Invite somebody…"),
            group=_tr("Members"),
            icon="user-plus",
            words=_tr("add person people code join"),
            run=invite,
            is_available=can,
        ),
    )


def _anywhere(window: Window) -> tuple[Command, ...]:
    return _beginnings(lambda: window.do("members", "member.invite"))


def _finding(each: Membership) -> Finding:
    return Finding(
        link=Link("member", each.member.team_member_id),
        title=each.user.display_name,
        icon="user",
        detail=role_word(each.member.role),
        words=f"{each.user.email} {each.user.user_id}",
    )


def _searches() -> tuple[Search, ...]:
    async def invite_of(bridge: Bridge, key: str) -> object:
        invites = await bridge.call(ListInvites(team_id=bridge.team_id))
        match = next((each for each in invites if each.invite_id == key), None)
        if match is None:
            raise NotFound("The team has no such invite.")
        return match

    return (
        search(
            entity="member",
            title=_tr("Members"),
            request=lambda team: ListMembers(team_id=team),
            depends=frozenset({"team_member", "user"}),
            finding=_finding,
        ),
        unlisted_search(entity="invite", title=_tr("Invites"), look_up=invite_of),
    )


APP = App(
    name="members",
    title="Members",
    icon="users",
    page=MembersPage,
    details={"member": MemberDetail, "invite": InviteDetail},
    searches=_searches,
    commands=_anywhere,
)
