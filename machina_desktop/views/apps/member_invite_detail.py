"""What the sidekick shows of an invite: for whom it is, what has become of it, and how to end it."""

from __future__ import annotations

from collections.abc import Iterable

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.invite import InviteState
from machina_desktop.core.errors import NotFound
from machina_desktop.core.services.invites import ListedInvite, ListInvites, RevokeInvite
from machina_desktop.views import tasks, wording
from machina_desktop.views.apps.base import Detail, Window
from machina_desktop.views.apps.member_words import expiry_words, role_meaning, role_word
from machina_desktop.views.commands import Command
from machina_desktop.views.detail_panel import DetailPanel, Sections
from machina_desktop.views.models.live_query import LiveQuery
from machina_desktop.views.rights import allow, why_not
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import KeyValueList, Label


class InviteDetail(Detail):
    """One invite. The list of them is asked: there is no request for a single one."""

    def __init__(self, bridge: Bridge, window: Window, key: str) -> None:
        super().__init__(bridge, window, key)
        self.setObjectName("invite")
        self._invite: ListedInvite | None = None
        self._state = StatusBadge()
        self._facts = KeyValueList()
        self._meaning = Label("", tone="secondary", wraps=True)
        self._sections = Sections()
        self._panel = DetailPanel(self._sections, parent=self)
        self._panel.problem.setObjectName("invite.problem")
        self._panel.add_to_header(self._state)
        for name, title in (
            ("expires", self.tr("Expires")),
            ("by", self.tr("Made by")),
            ("made", self.tr("Made")),
            ("used", self.tr("Used by")),
            ("when", self.tr("Used")),
        ):
            self._facts.add_text(name, title)
        self._facts.add_copyable("id", self.tr("Invite id"))
        self._sections.add(self.tr("Invite"), self._facts)
        self._sections.add(self.tr("Role"), self._meaning)
        code = self.tr(
            "The code was shown once and is stored nowhere. Where it got lost, revoke this and make another."
        )
        self._sections.add(self.tr("Code"), Label(code, tone="secondary", wraps=True))
        self._revoke = Button(self.tr("Revoke…"), kind=ButtonKind.DANGER)
        self._revoke.setObjectName("invite.revoke")
        self._revoke.clicked.connect(self._on_revoke)
        self._panel.add_actions(self._revoke)
        query = LiveQuery(
            bridge,
            ListInvites(team_id=bridge.team_id),
            depends=frozenset({"team_invite", "team_member", "user"}),
            on_answer=self._on_invites,
            on_error=self._panel.show_error,
            parent=self,
        )
        self._panel.retried.connect(query.refresh)

    @property
    def title(self) -> str:
        return self.tr("Invite as {0}").format(role_word(self._invite.role)) if self._invite else self.tr("Invite")

    def commands(self) -> Iterable[Command]:
        yield Command(
            name="invite.revoke",
            title=self.tr("Revoke this invite…"),
            group=self.tr("Members"),
            icon="ban",
            run=self._on_revoke,
            is_available=lambda: self._invite is not None and self._revoke.isEnabled(),
        )

    def _on_invites(self, invites: tuple[ListedInvite, ...]) -> None:
        invite = next((each for each in invites if each.invite_id == self.key), None)
        if invite is None:
            self._panel.show_error(NotFound("The team has no such invite."))
            return
        self._invite = invite
        is_open = invite.state is InviteState.OPEN
        self._state.set_status(invite.state)
        moment = wording.full_moment(invite.expires_at)
        self._facts.set_values(
            {
                "expires": f"{moment} ({expiry_words(invite.expires_at)})" if is_open else moment,
                "by": invite.created_by,
                "made": wording.full_moment(invite.created_at),
                "used": invite.used_by,
                "when": wording.full_moment(invite.used_at),
                "id": invite.invite_id,
            }
        )
        for name in ("used", "when"):
            self._facts.set_row_visible(name, invite.state is InviteState.USED)
        self._meaning.setText(f"{role_word(invite.role)}. {role_meaning(invite.role)}")
        ended = "" if is_open else self.tr("It lets nobody in any more.")
        allow(self._revoke, why_not(self.bridge, "invite.revoke", invite.team_id), ended)
        self._panel.show_content()
        self.setWindowTitle(self.title)

    def _on_revoke(self) -> None:
        question = ConfirmDialog(
            self.tr("Revoke this invite?"),
            losses=(self.tr("Its code lets nobody in any more; there is no undo."),),
            confirm=self.tr("Revoke invite"),
            parent=self,
        )
        question.setObjectName("revoke_invite")
        question.primary.setObjectName("revoke_invite.confirm")
        question.accepted.connect(self._on_confirmed)
        question.open()

    def _on_confirmed(self) -> None:
        tasks.ask(
            self.bridge,
            RevokeInvite(team_id=self.bridge.team_id, invite_id=self.key),
            owner=self,
            done=lambda _none: self.window_door.notify(self.tr("The invite is revoked"), kind="success"),
            failed=self._panel.show_problem,
            busy=self._revoke,
        )
