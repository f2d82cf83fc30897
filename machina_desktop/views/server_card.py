"""One shared server on a card: how the line is, who one is there, which teams it brings, and what can be done."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.core.domain.server import Connection, Server, ServerStatus
from machina_desktop.core.domain.team import Team
from machina_desktop.views import wording
from machina_desktop.views.server_words import host_of, meaning_of, refused_words, waiting_words
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.layout import Card, CollapsibleGroup
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import ElidedLabel, IconLabel, KeyValueList, Label


class ServerCard(Card):
    """A server; what is pressed is told, others do it.

    Attributes:
        server: The server as it is shown.
        sign_in: Shown while the session has ended.
        reconnect: Tries the line at once.
        sign_out: Ends the session.
        details: Version and ids, folded away at first.
        trust: Confirms a new key of the server's runners.

    Signals:
        team_chosen(str): A team's button was pressed.
        outbox_wanted(): The edits of this server are to be shown.
    """

    team_chosen = Signal(str)
    outbox_wanted = Signal()

    def __init__(self, server: Server) -> None:
        super().__init__(name=host_of(server.url))
        self.server = server
        self.setObjectName(f"settings.server.{server.server_id}")
        self._badge = StatusBadge()
        self._since = ElidedLabel(style=Type.SECONDARY, tone="secondary")
        self._account = ElidedLabel(style=Type.SECONDARY, tone="secondary")
        self._meaning = Label("", style=Type.SECONDARY, tone="secondary", wraps=True)
        self._teams_box = QWidget()
        self._teams = Flow(self._teams_box, spacing=Space.XS)
        self._shown_teams: tuple[Team, ...] = ()
        self._edits = self._button("edits", "", ButtonKind.GHOST, "history", self.outbox_wanted.emit)
        self.sign_in = self._button("sign_in", _tr("Sign in again…"), ButtonKind.PRIMARY, "", None)
        self.reconnect = self._button("reconnect", _tr("Reconnect"), ButtonKind.SECONDARY, "refresh-cw", None)
        self.sign_out = self._button("sign_out", _tr("Sign out…"), ButtonKind.SECONDARY, "log-out", None)
        self.trust = self._button("trust", _tr("Confirm a new runner key…"), ButtonKind.GHOST, "key-round", None)
        self.details = CollapsibleGroup(_tr("Details"))
        self._facts = KeyValueList()
        self._build()

    def show_status(self, status: ServerStatus, teams: tuple[Team, ...]) -> None:
        """Show how things stand now."""
        self.server = status.server
        self._badge.set_status(status.connection)
        is_live = status.connection is Connection.LIVE
        since = "" if status.since is None else _tr("since {0}").format(wording.moment(status.since))
        self._since.setText(since)
        self._account.setText(f"{status.server.display_name} · {status.server.email}")
        reason = "" if is_live else status.reason
        self._meaning.setText(" ".join(part for part in (reason, meaning_of(status)) if part))
        self._show_teams(teams)
        edits = " · ".join(part for part in (waiting_words(status.waiting), refused_words(status.refused)) if part)
        self._edits.setText(edits)
        self._edits.setVisible(bool(edits))
        self.trust.setVisible(is_live and bool(teams))
        self.sign_in.setVisible(status.connection is Connection.SIGNED_OUT)
        self.reconnect.setVisible(status.connection in {Connection.OFFLINE, Connection.OUTDATED})
        self._facts.set_values(
            {
                "address": status.server.url,
                "session": status.server.session_id,
                "device": status.server.device_id,
                "connected": wording.full_moment(status.server.connected_at),
            }
        )

    def show_version(self, version: str) -> None:
        """Tell what the server runs; empty while it cannot be asked."""
        self._facts.set_values({"version": version})

    def _build(self) -> None:
        self.column.setContentsMargins(Space.L, Space.L, Space.L, Space.M)
        self.column.setSpacing(Space.M)
        self.column.addLayout(self._head())
        self.column.addWidget(self._meaning)
        self.column.addWidget(self._teams_box)
        acts = Flow()
        for button in (self.sign_in, self.reconnect, self.sign_out):
            acts.addWidget(button)
        acts.add_apart(self._edits)
        self.column.addLayout(acts)
        for key, name in (("address", _tr("Address")), ("session", _tr("Session id")), ("device", _tr("Device id"))):
            self._facts.add_copyable(key, name)
        self._facts.add_text("connected", _tr("Signed in"))
        self._facts.add_text("version", _tr("Version"))
        self.details.column.addWidget(self._facts)
        self.details.column.addWidget(self.trust)
        self.details.set_open(False)
        self.column.addWidget(self.details)

    def _head(self) -> QHBoxLayout:
        name = QHBoxLayout()
        name.setSpacing(Space.S)
        host = ElidedLabel(host_of(self.server.url), style=Type.STRONG)
        name.addWidget(host, 1)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addLayout(name)
        words.addWidget(self._account)
        state = QVBoxLayout()
        state.setSpacing(2)
        state.addWidget(self._badge, 0, Qt.AlignmentFlag.AlignRight)
        self._since.setAlignment(Qt.AlignmentFlag.AlignRight)
        state.addWidget(self._since)
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        row.addWidget(IconLabel("server", size=20), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 3)
        row.addLayout(state, 1)
        return row

    def _show_teams(self, teams: tuple[Team, ...]) -> None:
        if teams == self._shown_teams:
            return
        self._shown_teams = teams
        while (item := self._teams.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for team in teams:
            button = Button(team.name, kind=ButtonKind.GHOST, icon_name="users", parent=self._teams_box)
            button.setObjectName(f"settings.server.team.{team.team_id}")
            button.clicked.connect(lambda _checked=False, key=team.team_id: self.team_chosen.emit(key))
            self._teams.addWidget(button)
            button.show()
        self._teams_box.setVisible(bool(teams))

    def _button(self, name: str, text: str, kind: ButtonKind, icon_name: str, act: Callable[[], None] | None) -> Button:
        made = Button(text, kind=kind, icon_name=icon_name, parent=self)
        made.setObjectName(f"settings.server.{name}")
        if act is not None:
            made.clicked.connect(act)
        return made


def _tr(text: str) -> str:
    return QCoreApplication.translate("Servers", text)
