"""Joining a team of a server that this computer is signed in to, with the code of an invite."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.servers import JoinAtServer
from machina_desktop.views import tasks
from machina_desktop.views.connect_address import parse_address
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import host_of
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input, Select


class JoinTeamDialog(Dialog):
    """Asks for the code, and at which server where there are several.

    Signals:
        joined(object): The `Team` one is in now.
        connect_wanted(str): The invite is for a server that is not connected yet: the link.
    """

    joined = Signal(object)
    connect_wanted = Signal(str)

    def __init__(self, bridge: Bridge, *, code: str = "", parent: QWidget) -> None:
        super().__init__(
            _tr("Join a team"),
            text=_tr("Enter the code that an administrator of the team sent you. It works once, for one person."),
            primary=_tr("Join"),
            parent=parent,
        )
        self.setObjectName("join_team")
        self._bridge = bridge
        self._watch = servers_of(bridge)
        statuses = self._watch.statuses
        self.server = Select(
            self.tr("Server"),
            choices=tuple((each.server.server_id, host_of(each.server.url)) for each in statuses),
        )
        self.server.control.setObjectName("join_team.server")
        self.server.setVisible(len(statuses) > 1)
        self.code = Input(
            self.tr("Invite code"),
            placeholder="7k3m9-2qhx4-…",
            help_text=self.tr("Or the whole link of the invite."),
            is_mono=True,
        )
        self.code.control.setObjectName("join_team.code")
        self.code.set_text(code)
        self.column.addWidget(self.server)
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
        server_id = self.server.value()
        if "://" in text:
            try:
                address = parse_address(text)
            except InvalidInput as error:
                self.code.set_error(str(error))
                return
            known = self._watch.status_at(address.url)
            if address.url and known is None:
                self.connect_wanted.emit(text)
                self.accept()
                return
            text, server_id = address.code, known.server.server_id if known is not None else server_id
        self._join(server_id, text)

    def _join(self, server_id: str, code: str) -> None:
        self.show_error("")
        tasks.ask(
            self._bridge,
            JoinAtServer(server_id=server_id, code=Secret(code)),
            owner=self,
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
