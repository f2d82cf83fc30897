"""Inviting somebody: role and time are asked, then the code is shown, this once."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.invite import INVITE_HOURS, LONGEST_HOURS
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.invites import CreateInvite, IssuedInvite
from machina_desktop.views import links, tasks, wording
from machina_desktop.views.apps.member_words import role_meaning, role_word, tr
from machina_desktop.views.callout import Callout
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Select
from machina_desktop.views.widgets.text import KeyValueList, Label, copy_text

_DAY = 24


class InviteDialog(Dialog):
    """Makes a code for one person. What it shows in the end is stored nowhere.

    Signals:
        issued(): There is a new invite.
    """

    issued = Signal()

    def __init__(self, bridge: Bridge, team: Team, *, parent: QWidget) -> None:
        super().__init__(
            tr("Invite somebody to {0}").format(team.name),
            text=tr("You get a code to send them. It lets one person in, once."),
            primary=tr("Make invite"),
            width=520,
            parent=parent,
        )
        self.setObjectName("invite")
        self._bridge = bridge
        self._team = team
        # The same for every attempt, so that one whose answer was lost does not make a second invite.
        self._invite_id = new_id("invite")
        self._message = ""
        self.role = Select(
            self.tr("Role"),
            choices=tuple((role.value, role_word(role)) for role in (TeamRole.MEMBER, TeamRole.ADMIN)),
        )
        self.hours = Select(
            self.tr("Expires"),
            choices=(
                (str(_DAY), self.tr("after a day")),
                (str(3 * _DAY), self.tr("after three days")),
                (str(INVITE_HOURS), self.tr("after a week")),
                (str(LONGEST_HOURS), self.tr("after thirty days")),
            ),
        )
        self.hours.set_value(str(INVITE_HOURS))
        self._code = KeyValueList()
        self._result = QWidget()
        self._lay_out()
        self.role.changed.connect(lambda value: self.role.set_help(role_meaning(TeamRole(value))))
        self.role.set_help(role_meaning(TeamRole.MEMBER))
        self.primary.clicked.connect(self._on_primary)
        self.role.control.setFocus()

    def _lay_out(self) -> None:
        self._code.add_copyable("code", self.tr("Code"))
        self._code.add_copyable("link", self.tr("Link"))
        self._code.add_text("role", self.tr("Role"))
        self._code.add_text("expires", self.tr("Expires"))
        once = Callout("warning")
        once.setObjectName("invite.once")
        once.say(
            self.tr("The code is shown this once."), self.tr("Send it before you close this; only its hash is kept.")
        )
        column = QVBoxLayout(self._result)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.L)
        column.addWidget(self._code)
        column.addWidget(once)
        column.addWidget(Label(self.tr("Whoever has the code can use it: send it to that person only."), wraps=True))
        self._result.hide()
        for widget in (self.role, self.hours, self._result):
            self.column.addWidget(widget)
        self.column.addStretch()
        self.copy = Button(self.tr("Copy text to send"), icon_name="copy", parent=self)
        self.copy.setObjectName("invite.copy")
        self.copy.clicked.connect(lambda: copy_text(self._message, is_secret=True))
        self.copy.hide()
        self.add_button(self.copy)
        self.role.control.setObjectName("invite.role")
        self.hours.control.setObjectName("invite.hours")
        self.primary.setObjectName("invite.submit")
        self.cancel.setObjectName("invite.cancel")

    def message(self) -> str:
        """The text to send; empty before there is a code."""
        return self._message

    def _on_primary(self) -> None:
        if self._message:
            self.accept()
            return
        self.show_error("")
        ask = CreateInvite(
            team_id=self._team.team_id,
            role=TeamRole(self.role.value()),
            hours=int(self.hours.value()),
            invite_id=self._invite_id,
        )
        tasks.ask(self._bridge, ask, owner=self, done=self._on_issued, failed=self._on_failed, busy=self)

    def _on_failed(self, error: MachinaError) -> None:
        self.show_error(str(error))

    def _on_issued(self, issued: IssuedInvite) -> None:
        link = str(links.Link.to_join(issued.code, self._team.home))
        expires = wording.full_moment(issued.expires_at)
        self._message = "\n".join(
            (
                self.tr("Join {0} on Machina.").format(self._team.name),
                self.tr("Open: {0}").format(f"{self._team.home}/join/{issued.code}"),
                self.tr("Or in Machina: {0}").format(link),
                self.tr("Code: {0}").format(issued.code),
                self.tr("It lets one person in, until {0}.").format(expires),
            )
        )
        self._code.set_values({"code": issued.code, "link": link, "role": role_word(issued.role), "expires": expires})
        for field in (self.role, self.hours, self.cancel):
            field.hide()
        self._result.show()
        self.copy.show()
        self.primary.setText(self.tr("Done"))
        self.copy.setFocus()
        self.issued.emit()
