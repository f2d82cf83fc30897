"""The shared servers this computer is signed in to, each on a card."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.server import FoundServer, Server
from machina_desktop.core.services.servers import ProbeServer, ReconnectServer
from machina_desktop.views import tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.outbox_dialog import OutboxDialog
from machina_desktop.views.server_card import ServerCard
from machina_desktop.views.server_sign_out import ask_to_sign_out
from machina_desktop.views.server_trust import TrustKeyDialog
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.theme import Space
from machina_desktop.views.widgets.buttons import Button, ButtonKind
from machina_desktop.views.widgets.layout import SectionHeader
from machina_desktop.views.widgets.states import EmptyState
from machina_desktop.views.widgets.text import Label

WIDTH = 760


class ServersTab(QWidget):
    """Cards by address, or what a server is good for while there is none.

    Attributes:
        connect_button: Connects to a further one.
        empty: Stands there while there is none.
    """

    def __init__(self, bridge: Bridge, window: Window) -> None:
        super().__init__()
        self.setObjectName("settings.servers")
        self._bridge, self._window = bridge, window
        self._watch = servers_of(bridge)
        self._cards: dict[str, ServerCard] = {}
        self.connect_button = Button(_tr("Connect to a server…"), kind=ButtonKind.PRIMARY, icon_name="plus")
        self.connect_button.setObjectName("settings.servers.connect")
        self.connect_button.clicked.connect(self._on_connect)
        self._header = SectionHeader(_tr("Servers"))
        self._header.add_widget(self.connect_button)
        self._hint = Label(
            _tr("Teams that live on a server are copied here and kept current; this computer works without one, too."),
            tone="secondary",
            wraps=True,
        )
        self._list = QVBoxLayout()
        self._list.setSpacing(Space.M)
        self.empty = EmptyState(
            icon_name="server",
            title=_tr("No server yet"),
            text=_tr(
                "With a server a team shares machines, runs, approvals and the audit trail. Somebody of the team runs "
                "machina-server; you need its address, and an invite or an account."
            ),
            action=_tr("Connect to a server…"),
        )
        self.empty.setObjectName("settings.servers.empty")
        self.empty.activated.connect(self._on_connect)
        self._build()
        self._watch.changed.connect(self._show)
        self._show()

    def connect_to(self, text: str = "", *, again: Server | None = None) -> None:
        """Open the dialog that connects, with an address or a link in it where one is known."""
        dialog = ConnectDialog(self._bridge, text=text, again=again, parent=self.window())
        dialog.team_chosen.connect(self._window.choose_team)
        dialog.open()

    def cards(self) -> tuple[ServerCard, ...]:
        """What is shown, from the top."""
        return tuple(self._cards.values())

    def _build(self) -> None:
        inside = QWidget()
        inside.setMaximumWidth(WIDTH)
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._header)
        column.addWidget(self._hint)
        column.addSpacing(Space.XS)
        column.addLayout(self._list)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, Space.L, Space.L, Space.XL)
        whole.addWidget(inside)
        whole.addWidget(self.empty, 1)
        whole.addStretch()

    def _show(self) -> None:
        statuses = self._watch.statuses
        is_empty = self._watch.is_known and not statuses
        self.empty.setVisible(is_empty)
        for part in (self._header, self._hint):
            part.setVisible(not is_empty)
        known = {each.server.server_id for each in statuses}
        for server_id in self._cards.keys() - known:
            card = self._cards.pop(server_id)
            card.hide()
            card.deleteLater()
        for status in statuses:
            shown = self._cards.get(status.server.server_id) or self._add(status.server)
            shown.show_status(status, self._watch.teams_at(status.server.url))

    def _add(self, server: Server) -> ServerCard:
        card = ServerCard(server)
        card.sign_in.clicked.connect(lambda: self.connect_to(again=card.server))
        card.reconnect.clicked.connect(lambda: self._reconnect(card))
        card.sign_out.clicked.connect(lambda: self._sign_out(card))
        card.trust.clicked.connect(lambda: self._trust(card))
        card.team_chosen.connect(self._on_team_chosen)
        card.outbox_wanted.connect(self._on_outbox_wanted)
        card.details.toggled.connect(lambda is_open: self._on_details(card, is_open=is_open))
        self._cards[server.server_id] = card
        self._list.addWidget(card)
        return card

    def _on_connect(self) -> None:
        self.connect_to()

    def _reconnect(self, card: ServerCard) -> None:
        ask = ReconnectServer(server_id=card.server.server_id)
        tasks.ask(self._bridge, ask, owner=card, busy=card.reconnect)

    def _sign_out(self, card: ServerCard) -> None:
        window = self._window
        ask_to_sign_out(
            self._bridge,
            card.server,
            tell=lambda text: window.notify(text, kind="success"),
            parent=self.window(),
        )

    def _trust(self, card: ServerCard) -> None:
        window, teams = self._window, self._watch.teams_at(card.server.url)
        if teams:
            dialog = TrustKeyDialog(self._bridge, card.server, teams[0].team_id, parent=self.window())
            dialog.accepted.connect(lambda: window.notify(_tr("The runners' new key is trusted"), kind="success"))
            dialog.open()

    def _on_team_chosen(self, team_id: str) -> None:
        self._window.inspect("team", team_id)

    def _on_outbox_wanted(self) -> None:
        OutboxDialog(self._bridge, parent=self.window()).open()

    def _on_details(self, card: ServerCard, *, is_open: bool) -> None:
        if not is_open:
            return

        def found(server: FoundServer) -> None:
            card.show_version(server.version)

        ask = ProbeServer(url=card.server.url)
        # A server that cannot be asked has no version to tell.
        tasks.ask(self._bridge, ask, owner=card, done=found, failed=lambda _error: card.show_version(""))


def _tr(text: str) -> str:
    return QCoreApplication.translate("Servers", text)
