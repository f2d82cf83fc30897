"""Connecting this computer to a shared server, from its address to a team that is in view."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.server import Connection, FoundServer, Server
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import Locked, MachinaError
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.servers import (
    CreateTeamAtServer,
    JoinAtServer,
    ProbeServer,
    RegisterAtServer,
    SignInAtServer,
)
from machina_desktop.core.services.sessions import ListedSession, ListSessions
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.connect_address import parse_address
from machina_desktop.views.connect_identity import REGISTER, IdentityStep
from machina_desktop.views.connect_steps import FOUND, JOIN, AddressStep, CopyStep, TeamStep
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import host_of
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.dialogs import ConfirmDialog, Dialog

R = TypeVar("R")


class ConnectDialog(Dialog):
    """One panel, four screens: address, account, team, first copy. Esc goes back, and out of the first one.

    Signals:
        connected(object): The `Server` one is signed in to now; the dialog goes on to the team.
        team_chosen(str): A team there is to be in view: its id.
    """

    connected = Signal(object)
    team_chosen = Signal(str)

    def __init__(self, bridge: Bridge, *, text: str = "", again: Server | None = None, parent: QWidget) -> None:
        """``text`` is an address or an invite link to begin with; ``again`` a server whose session has ended."""
        super().__init__("", primary=_tr("Continue"), width=500, parent=parent)
        self.setObjectName("connect")
        self._bridge = bridge
        self._watch = servers_of(bridge)
        self._again = again
        self._code = ""
        self._found: FoundServer | None = None
        self._server: Server | None = None
        self._question: ConfirmDialog | None = None
        self._address = AddressStep()
        self._identity = IdentityStep()
        self._team = TeamStep()
        self._copy = CopyStep()
        self._step: QWidget = self._address
        self._back = Button(_tr("Back"), parent=self)
        self._lay_out()
        self._connect()
        self._show(self._address)
        self._begin(again.url if again is not None else text)

    def reject(self) -> None:
        """Close, after a question where something was typed that is not stored yet."""
        if self._question is None and self._would_lose():
            self._ask_to_leave()
        else:
            self._identity.forget()
            super().reject()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self._back.isVisibleTo(self):
            self._back.click()
            return
        # The fields have said themselves what Enter means in them; the default button would do it once more.
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(self.focusWidget(), QLineEdit):
            return
        super().keyPressEvent(event)

    def _lay_out(self) -> None:
        for step in (self._address, self._identity, self._team, self._copy):
            step.hide()
            self.column.addWidget(step)
        self.add_button(self._back)
        self._back.setObjectName("connect.back")
        self.primary.setObjectName("connect.continue")
        self.cancel.setObjectName("connect.cancel")

    def _connect(self) -> None:
        self._back.clicked.connect(lambda: self._show(self._address))
        self.primary.clicked.connect(self._on_primary)
        for step in (self._address, self._identity, self._team):
            step.submitted.connect(self._on_primary)
        self._address.address.changed.connect(lambda _text: self._name_primary())
        self._identity.mode_changed.connect(lambda _mode: self._on_mode_changed())
        self._team.chosen.connect(self._name_primary)
        self._watch.changed.connect(self._on_watch_changed)
        tasks.ask(
            self._bridge,
            ListSessions(),
            owner=self,
            done=self._on_sessions,
            # Then the person names it.
            failed=lambda _error: None,
        )

    def _begin(self, text: str) -> None:
        """Go on at once where the address is known; past the account where one is signed in already."""
        if not text:
            return
        self._address.address.set_text(text)
        try:
            address = parse_address(text)
        except MachinaError as error:
            self._address.refuse(error)
            return
        self._code = address.code
        self._address.address.set_text(address.url)
        known = self._watch.status_at(address.url)
        if known is not None and known.connection is not Connection.SIGNED_OUT:
            self._server = known.server
            self._team.code.set_text(self._code)
            self._show(self._team)
            self._on_watch_changed()
        elif address.url and not address.is_exposed:
            self._probe()

    def _show(self, step: QWidget) -> None:
        self._step.hide()
        self._step = step
        step.show()
        self.show_error("")
        self._back.setVisible(step is self._identity and self._again is None)
        self.cancel.setVisible(step is not self._copy)
        self.cancel.setText(_tr("Later") if step is self._team else _tr("Cancel"))
        url = self._server.url if self._server is not None else self._found.url if self._found is not None else ""
        host = host_of(url)
        titles = {
            self._address: _tr("Connect to a server"),
            self._identity: _tr("Sign in again") if self._again is not None else _tr("Who are you there?"),
            self._team: _tr("Which team of {0}?").format(host),
            self._copy: _tr("Connected to {0}").format(host),
        }
        self.setWindowTitle(titles[step])
        self._name_primary()
        if step is self._address:
            self._address.address.control.setFocus()
        elif step in {self._identity, self._team}:
            step.enter()

    def _name_primary(self) -> None:
        step = self._step
        if step is self._address:
            words = _tr("Continue unencrypted") if self._address.is_exposed() else _tr("Continue")
        elif step is self._identity:
            words = _tr("Make account") if self._identity.mode == REGISTER else _tr("Sign in")
        elif step is self._team:
            others = {JOIN: _tr("Join"), FOUND: _tr("Found team")}
            words = others.get(self._team.choice, _tr("Open {0}").format(self._team.team_name()))
        else:
            words = _tr("Done")
        self.primary.setText(words)

    def _on_mode_changed(self) -> None:
        self._name_primary()
        if self._step is self._identity:
            self._identity.enter()

    def _on_primary(self) -> None:
        if self.primary.is_busy() or not self.primary.isEnabled():
            return
        step = self._step
        if step is self._address:
            self._probe()
        elif step is self._identity:
            self._identify()
        elif step is self._team:
            self._choose_team()
        else:
            self.accept()

    def _probe(self) -> None:
        address = self._address.read()
        if address is None:
            return
        self._code = address.code or self._code
        self._call(ProbeServer(url=address.url), self._on_found, self._address.refuse)

    def _on_found(self, found: FoundServer) -> None:
        self._found = found
        if self._again is not None:
            self._identity.show_again(found, self._again.email)
        else:
            self._identity.show_server(found, code=self._code)
        self._show(self._identity)

    def _identify(self) -> None:
        if self._found is None or not self._identity.is_complete():
            return
        step = self._identity
        if step.mode == REGISTER:
            self._code = step.code.text().strip()
            ask: Request[Server] = RegisterAtServer(
                url=self._found.url,
                email=step.email.text().strip(),
                display_name=step.person.text().strip(),
                password=step.password.secret(),
                code=Secret(self._code),
                device_name=step.device.text().strip(),
            )
        else:
            ask = SignInAtServer(
                url=self._found.url,
                email=step.email.text().strip(),
                password=step.password.secret(),
                device_name=step.device.text().strip(),
            )
        self._call(ask, self._on_signed_in, self._on_not_signed_in)

    def _on_signed_in(self, server: Server) -> None:
        was_registered = self._identity.mode == REGISTER
        self._identity.forget()
        self._server = server
        self._watch.refresh()
        self.connected.emit(server)
        if self._again is not None:
            self.accept()
            return
        self._show(self._team)
        if self._code and not was_registered:
            self._team.code.set_text(self._code)
            self._join(self._code)
        self._on_watch_changed()

    def _on_not_signed_in(self, error: MachinaError) -> None:
        if isinstance(error, Locked):
            tasks.PRESENTER.show(error)
        elif not self._identity.refuse(error):
            self.show_error(str(error))

    def _choose_team(self) -> None:
        if self._server is None or not self._team.is_complete():
            return
        if self._team.choice == JOIN:
            self._join(self._team.code.text().strip())
        elif self._team.choice == FOUND:
            name, handle = self._team.name.text(), self._team.handle.text()
            ask = CreateTeamAtServer(server_id=self._server.server_id, name=name, handle=handle)
            self._copying(name.strip())
            self._call(ask, self._on_team_here, self._on_team_refused)
        else:
            self.team_chosen.emit(self._team.choice)
            self.accept()

    def _join(self, code: str) -> None:
        if self._server is None:
            return
        ask = JoinAtServer(server_id=self._server.server_id, code=Secret(code))
        self._copying(_tr("The team"))
        self._call(ask, self._on_team_here, self._on_team_refused)

    def _copying(self, name: str) -> None:
        self._copy.show_copying(name, host_of(self._server.url) if self._server is not None else "")
        self._show(self._copy)

    def _on_team_here(self, team: Team) -> None:
        self.team_chosen.emit(team.team_id)
        self._copy.show_here(team.name)
        self._name_primary()
        self.primary.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_team_refused(self, error: MachinaError) -> None:
        self._show(self._team)
        if not self._team.refuse(error):
            self.show_error(str(error))

    def _on_watch_changed(self) -> None:
        """Teams one is in there come in as their copies are made."""
        if self._server is not None:
            status = self._watch.status(self._server.server_id)
            is_looking = status is None or status.connection is Connection.CONNECTING
            self._team.show_teams(self._watch.teams_at(self._server.url), is_looking=is_looking)

    def _on_sessions(self, sessions: tuple[ListedSession, ...]) -> None:
        current = next((each.name for each in sessions if each.is_current), "")
        if not self._identity.device.text():
            self._identity.device.set_text(current)

    def _call(self, ask: Request[R], done: Callable[[R], None], failed: tasks.ErrorListener) -> None:
        self.show_error("")
        tasks.ask(self._bridge, ask, owner=self, done=done, failed=failed, busy=self)

    def _would_lose(self) -> bool:
        step = self._step
        if step is self._identity:
            return self._identity.was_typed() if self._again is None else bool(self._identity.password.text())
        return step is self._team and bool(self._team.name.text())

    def _ask_to_leave(self) -> None:
        self._question = ConfirmDialog(
            _tr("Stop here?"),
            text=_tr("What you typed is not kept."),
            confirm=_tr("Stop"),
            is_danger=False,
            parent=self,
        )
        self._question.cancel.setText(_tr("Go on"))
        self._question.setObjectName("connect.leave")
        self._question.primary.setObjectName("connect.leave.confirm")
        self._question.accepted.connect(self._leave)
        self._question.finished.connect(self._on_question_closed)
        self._question.open()

    def _leave(self) -> None:
        self._identity.forget()
        super().reject()

    def _on_question_closed(self) -> None:
        self._question = None


def _tr(text: str) -> str:
    return QCoreApplication.translate("ConnectDialog", text)
