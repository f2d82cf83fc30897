"""Making and changing a team: its name, its picture, and the handle, which is made from the name at first."""

from __future__ import annotations

import re
import unicodedata
from abc import abstractmethod

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.profile import handle_problem, name_problem, normal_name
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.servers import CreateTeamAtServer
from machina_desktop.core.services.teams import CreateTeam, UpdateTeam
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks
from machina_desktop.views.picture_field import AvatarField
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import host_of
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.inputs import Input, Select

_HANDLE_LENGTH = 40
_UNFIT = re.compile(r"[^a-z0-9]+")
_HANDLE_CODES = frozenset({"E-TEAM-HANDLE", "E-HANDLE-TAKEN"})


def handle_from(name: str) -> str:
    """A handle for a team of that name: ``Büro Nord`` becomes ``buro-nord``; empty when no letter of it is fit."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    made = _UNFIT.sub("-", plain).strip("-")[:_HANDLE_LENGTH].strip("-")
    return "" if handle_problem(made) else made


class _TeamDialog(Dialog):
    """Name and handle of a team; what is wrong is told at the field.

    Signals:
        made(object): The `Team` as it is stored now.
    """

    made = Signal(object)

    def __init__(self, bridge: Bridge, title: str, *, text: str, primary: str, parent: QWidget) -> None:
        super().__init__(title, text=text, primary=primary, parent=parent)
        self._bridge = bridge
        self.name = Input(_tr("Name"), placeholder=_tr("Acme"))
        self.handle = Input(
            _tr("Handle"),
            placeholder="acme",
            help_text=_tr("A short name for addresses and the command line."),
            is_mono=True,
        )
        self.name.setObjectName("team.name")
        self.handle.setObjectName("team.handle")
        self.column.addWidget(self.name)
        self.column.addWidget(self.handle)
        self.name.left.connect(self._check_name)
        self.handle.left.connect(self._check_handle)
        self.primary.clicked.connect(self._on_primary)

    @abstractmethod
    def _request(self) -> Request[Team]:
        """What stores what was typed."""

    def _check_name(self) -> bool:
        # One that was only passed by is told when the dialog is to act.
        problem = name_problem(normal_name(self.name.text())) if self.name.text() else ""
        self.name.set_error(problem)
        return not problem

    def _check_handle(self) -> bool:
        problem = handle_problem(self.handle.text()) if self.handle.text() else ""
        self.handle.set_error(problem)
        return not problem

    def _on_primary(self) -> None:
        self.name.set_error(name_problem(normal_name(self.name.text())))
        self.handle.set_error(handle_problem(self.handle.text()))
        for field in (self.name, self.handle):
            if field.error():
                field.control.setFocus()
                return
        self.show_error("")
        ask = self._request()
        tasks.ask(self._bridge, ask, owner=self, done=self._on_made, failed=self._on_refused, busy=self)

    def _on_made(self, team: Team) -> None:
        self.made.emit(team)
        self.accept()

    def _on_refused(self, error: MachinaError) -> None:
        text = " ".join(part for part in (error.message, error.hint) if part)
        at_fault = self.handle if error.code in _HANDLE_CODES else self.name if error.code == "E-TEAM-NAME" else None
        if at_fault is None:
            self.show_error(text)
        else:
            at_fault.set_error(text)
            at_fault.control.setFocus()


class NewTeamDialog(_TeamDialog):
    """Makes a team; the handle follows the name until somebody types another."""

    def __init__(self, bridge: Bridge, *, parent: QWidget) -> None:
        super().__init__(
            bridge,
            _tr("New team"),
            text=_tr("A team has machines, keys and provider accounts of its own."),
            primary=_tr("Create team"),
            parent=parent,
        )
        # The same for every attempt, so that one whose answer was lost does not make a second team.
        self._team_id = new_id("team")
        self._has_own_handle = False
        servers = tuple((each.server.server_id, host_of(each.server.url)) for each in servers_of(bridge).statuses)
        self.home = Select(_tr("Lives on"), choices=(("", _tr("this computer")), *servers))
        self.home.control.setObjectName("team.home")
        self.home.setVisible(bool(servers))
        self.column.addWidget(self.home)
        self.home.changed.connect(lambda _server_id: self._on_home())
        self.name.changed.connect(self._on_name_changed)
        self.handle.control.textEdited.connect(self._on_handle_edited)
        self._on_home()
        self.name.control.setFocus()

    def _request(self) -> Request[Team]:
        name, handle, server_id = self.name.text(), self.handle.text(), self.home.value()
        if server_id:
            return CreateTeamAtServer(server_id=server_id, name=name, handle=handle)
        return CreateTeam(team_id=self._team_id, name=name, handle=handle)

    def _on_home(self) -> None:
        self.home.set_help(
            _tr("Others can be invited; you keep a copy here.")
            if self.home.value()
            else _tr("It is yours alone. It can be moved to a server later.")
        )

    def _on_name_changed(self, name: str) -> None:
        self.name.set_error("")
        if not self._has_own_handle:
            self.handle.set_text(handle_from(name))
            self.handle.set_error("")

    def _on_handle_edited(self, text: str) -> None:
        # An emptied handle follows the name again.
        self._has_own_handle = bool(text)
        self.handle.set_error("")


class EditTeamDialog(_TeamDialog):
    """Changes what a team is called and its picture."""

    def __init__(self, bridge: Bridge, team: Team, *, parent: QWidget) -> None:
        super().__init__(bridge, _tr("Edit {0}").format(team.name), text="", primary=_tr("Save"), parent=parent)
        self.setObjectName("edit_team")
        self._team = team
        self.picture = AvatarField(bridge, name="team.picture")
        self.picture.set_url(team.avatar_url or "")
        self.picture.set_name(team.name)
        self.column.insertWidget(0, self.picture)
        self.name.set_text(team.name)
        self.handle.set_text(team.handle)
        self.name.changed.connect(self._on_name_changed)
        self.handle.changed.connect(lambda _text: self.handle.set_error(""))
        self.primary.setObjectName("edit_team.save")
        self.name.control.setFocus()
        self.name.control.selectAll()

    def _request(self) -> UpdateTeam:
        return UpdateTeam(
            team_id=self._team.team_id,
            name=self.name.text(),
            handle=self.handle.text(),
            avatar_url=self.picture.url(),
        )

    def _on_name_changed(self, name: str) -> None:
        self.name.set_error("")
        self.picture.set_name(name)


def _tr(text: str) -> str:
    return QCoreApplication.translate("TeamDialog", text)
