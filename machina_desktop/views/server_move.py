"""Moving a team to a server and back to this computer: what happens is said first, then it is done under the eye."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.server import ServerStatus
from machina_desktop.core.domain.team import Team
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.moving import MoveTeam
from machina_desktop.views import tasks
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.server_words import host_of, why_home_is_away
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.dialogs import Dialog
from machina_desktop.views.widgets.feedback import Progress
from machina_desktop.views.widgets.inputs import Input, Select
from machina_desktop.views.widgets.text import IconLabel, Label


class Facts(QWidget):
    """What happens, one line each: an icon and a sentence."""

    def __init__(self, *lines: tuple[str, str]) -> None:
        """``lines`` are pairs of icon and sentence."""
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        for icon_name, text in lines:
            row = QHBoxLayout()
            row.setSpacing(Space.M)
            row.addWidget(IconLabel(icon_name), 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(Label(text, wraps=True), 1)
            column.addLayout(row)


class _MoveDialog(Dialog):
    """What both ways have in common: sentences, the move, and how it went, told also when it is closed by then."""

    def __init__(
        self, bridge: Bridge, team: Team, title: str, *, primary: str, tell: Callable[[Team], None], parent: QWidget
    ) -> None:
        """``tell`` is told of the team with its new home."""
        super().__init__(title, primary=primary, width=520, parent=parent)
        self._bridge, self._team, self._tell = bridge, team, tell
        self._under_way = Label("", style=Type.MEDIUM, wraps=True)
        self._progress = Progress(name=_tr("Moving"))
        for part in (self._under_way, self._progress):
            part.hide()
        self.column.setSpacing(Space.M)
        self.primary.clicked.connect(self._on_primary)

    @abstractmethod
    def _server_id(self) -> str:
        """Where to; empty for this computer."""

    def _handle(self) -> str:
        """Another handle than the team has; empty for its own."""
        return ""

    def _finish_layout(self) -> None:
        self.column.addWidget(self._under_way)
        self.column.addWidget(self._progress)
        self.column.addStretch()

    def _on_primary(self) -> None:
        self.show_error("")
        self._under_way.setText(_tr("{0} is being moved. This can take a minute.").format(self._team.name))
        self._progress.set_progress(0, 0)
        self._show_progress(is_shown=True)
        self.set_busy(is_busy=True)
        ask = MoveTeam(team_id=self._team.team_id, server_id=self._server_id(), handle=self._handle())
        # It goes on when the dialog is closed: half a move helps nobody.
        tasks.ask(self._bridge, ask, owner=self._bridge, done=self._on_moved, failed=self._on_ended)

    def _show_progress(self, *, is_shown: bool) -> None:
        self._under_way.setVisible(is_shown)
        self._progress.setVisible(is_shown)

    def _on_moved(self, team: Team) -> None:
        self._tell(team)
        if shiboken6.isValid(self):
            self.accept()

    def _on_ended(self, error: MachinaError) -> None:
        if shiboken6.isValid(self):
            self._show_progress(is_shown=False)
            self._on_failed(error)
        else:
            tasks.PRESENTER.show(error)

    def _on_failed(self, error: MachinaError) -> None:
        self.show_error(str(error))


class MoveToServerDialog(_MoveDialog):
    """From this computer to one of the servers it is signed in to."""

    def __init__(self, bridge: Bridge, team: Team, *, tell: Callable[[Team], None], parent: QWidget) -> None:
        title = _tr("Move {0} to a server").format(team.name)
        super().__init__(bridge, team, title, primary=_tr("Move team"), tell=tell, parent=parent)
        self.setObjectName("move_team")
        self.primary.setObjectName("move_team.confirm")
        self._statuses = servers_of(bridge).statuses
        self.server = Select(
            _tr("Server"),
            choices=tuple((each.server.server_id, host_of(each.server.url)) for each in self._statuses),
        )
        self.server.control.setObjectName("move_team.server")
        self.handle = Input(_tr("Handle at the server"), text=team.handle, is_mono=True)
        self.handle.control.setObjectName("move_team.handle")
        self.handle.hide()
        self.handle.changed.connect(lambda _text: self.handle.set_error(""))
        self.column.addWidget(self.server)
        self.column.addWidget(self.handle)
        self.column.addWidget(
            Facts(
                ("cloud", _tr("Machines, runs with their logs, public keys and the audit trail go to the server.")),
                ("eye", _tr("Whoever joins the team there sees them; whoever runs the server can read its database.")),
                ("lock", _tr("Credentials and private keys stay on this computer until you share one.")),
                ("monitor", _tr("Machines made so far are still run from this computer; you can hand each over.")),
                ("user-plus", _tr("You are its administrator there. Invite the others again: codes from here end.")),
            )
        )
        self._finish_layout()
        self.server.changed.connect(lambda _key: self._on_server())
        self._on_server()

    def _server_id(self) -> str:
        return self.server.value()

    def _handle(self) -> str:
        return "" if self.handle.isHidden() else self.handle.text().strip()

    def _on_failed(self, error: MachinaError) -> None:
        if error.code not in {"E-HANDLE-TAKEN", "E-TEAM-HANDLE"}:
            super()._on_failed(error)
            return
        # Somebody there has the handle: the team gets another one as it moves.
        self.set_busy(is_busy=False)
        self.handle.show()
        self.handle.set_error(str(error))
        self.handle.control.setFocus()

    def _on_server(self) -> None:
        chosen = next((each for each in self._statuses if each.server.server_id == self._server_id()), None)
        problem = why_home_is_away(chosen)
        self.server.set_error(problem)
        self.primary.setEnabled(not problem and chosen is not None)


class BringHomeDialog(_MoveDialog):
    """From its server to this computer."""

    def __init__(
        self, bridge: Bridge, team: Team, *, people: int, tell: Callable[[Team], None], parent: QWidget
    ) -> None:
        """``people`` is how many are in the team, the person included."""
        title = _tr("Bring {0} to this computer").format(team.name)
        super().__init__(bridge, team, title, primary=_tr("Bring here"), tell=tell, parent=parent)
        self.setObjectName("bring_team")
        self.primary.setObjectName("bring_team.confirm")
        host, others = host_of(team.home), people - 1
        lost = _tr("1 other person loses the team.") if others == 1 else _tr("{0} other people lose the team.")
        lines = [
            ("monitor", _tr("Machines, runs with their logs, public keys and the audit trail come here.")),
            (
                "lock",
                _tr("Credentials that only the server's runner or another computer has do not come; enter them anew."),
            ),
            (
                "cloud-off",
                _tr("On {0} the team ends; what the server's audit trail says of it stays there.").format(host),
            ),
        ]
        if others > 0:
            lines.insert(0, ("users", lost.format(others)))
        self.column.addWidget(Facts(*lines))
        self._finish_layout()
        problem = why_home_is_away(self._status())
        self.show_error(problem)
        self.primary.setEnabled(not problem)

    def _status(self) -> ServerStatus | None:
        return servers_of(self._bridge).status_at(self._team.home)

    def _server_id(self) -> str:
        return ""


def _tr(text: str) -> str:
    return QCoreApplication.translate("MoveTeam", text)
