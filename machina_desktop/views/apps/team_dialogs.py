"""Joining a team with the code of an invite."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.invites import JoinTeam
from machina_desktop.views import tasks
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input


class JoinTeamDialog(Dialog):
    """Asks for the code.

    Signals:
        joined(object): The `Team` one is in now.
    """

    joined = Signal(object)

    def __init__(self, bridge: Bridge, *, code: str = "", parent: QWidget) -> None:
        super().__init__(
            _tr("Join a team"),
            text=_tr("Enter the code that an administrator of the team sent you. It works once, for one person."),
            primary=_tr("Join"),
            parent=parent,
        )
        self.setObjectName("join_team")
        self._bridge = bridge
        # The same for every attempt, so that one whose answer was lost can be told from another's.
        self._member_id = new_id("member")
        self.code = Input(
            self.tr("Invite code"),
            placeholder="7k3m9-2qhx4-…",
            help_text=self.tr("The team has to live on a server that this computer is connected to."),
            is_mono=True,
        )
        self.code.control.setObjectName("join_team.code")
        self.code.set_text(code)
        self.column.addWidget(self.code)
        self.column.addStretch()
        self.primary.setObjectName("join_team.submit")
        self.cancel.setObjectName("join_team.cancel")
        self.code.changed.connect(lambda _text: self.code.set_error(""))
        self.primary.clicked.connect(self._on_primary)
        self.code.control.setFocus()

    def _on_primary(self) -> None:
        text = self.code.text().strip()
        if not text:
            self.code.set_error(self.tr("Enter the code."))
            self.code.control.setFocus()
            return
        self.show_error("")
        tasks.run(
            self._bridge,
            self._bridge.call(JoinTeam(code=Secret(text), member_id=self._member_id)),
            owner=self,
            name="JoinTeam",
            done=self._on_joined,
            failed=self._on_failed,
            busy=self,
        )

    def _on_joined(self, team: Team) -> None:
        self.joined.emit(team)
        self.accept()

    def _on_failed(self, error: MachinaError) -> None:
        if isinstance(error, InvalidInput):
            self.code.set_error(str(error))
            self.code.control.setFocus()
        else:
            self.show_error(str(error))


def _tr(text: str) -> str:
    return QCoreApplication.translate("JoinTeamDialog", text)
