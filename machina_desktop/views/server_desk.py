"""What the window tells of servers and lets one do with them from anywhere: status line, banner, toasts, commands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from PySide6.QtCore import QObject, QRectF, Signal
from PySide6.QtGui import QPainter

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.intent import Intent
from machina_desktop.core.domain.server import Connection, Server, ServerStatus
from machina_desktop.core.services.servers import ReconnectServer
from machina_desktop.views import tasks
from machina_desktop.views.commands import Command
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.models.status import StatusMark, mark_of
from machina_desktop.views.outbox_dialog import OutboxDialog
from machina_desktop.views.outbox_words import about
from machina_desktop.views.popup import Popup, PopupRow
from machina_desktop.views.server_banner import ServerBanner
from machina_desktop.views.server_sign import StatusSign
from machina_desktop.views.server_watch import ServerWatch, servers_of
from machina_desktop.views.server_words import (
    host_of,
    meaning_of,
    refused_words,
    state_line,
    summary_line,
    waiting_words,
)
from machina_desktop.views.widgets.status import paint_glyph
from machina_desktop.views.widgets.text import IconLabel

# What a person should hear of first.
_URGENCY = (
    Connection.SIGNED_OUT,
    Connection.OUTDATED,
    Connection.LOCKED,
    Connection.OFFLINE,
    Connection.CONNECTING,
    Connection.LIVE,
)
_TOKENS = {Connection.LIVE: "text-secondary", Connection.CONNECTING: "text-secondary"}


class ServerDesk(QObject):
    """Of one window.

    Attributes:
        banner: The line above the pages while the home of the team in view is away.

    Signals:
        counted(str, int, str, str): What needs the person, as `Attention.changed` tells it.
    """

    counted = Signal(str, int, str, str)

    def __init__(self, bridge: Bridge, window: MainWindow) -> None:
        super().__init__(window)
        self._bridge, self._window = bridge, window
        self._watch: ServerWatch | None = None
        self._popup: Popup | None = None
        self.banner = ServerBanner()
        window.add_banner(self.banner)
        self.banner.sign_in_wanted.connect(lambda server: self.connect_to(again=server))
        self.banner.reconnect_wanted.connect(self.reconnect)
        window.status.servers.clicked.connect(self.open_list)
        window.commands.add_source(self.commands, is_about_shown=False)
        bridge.team_changed.connect(lambda _team_id: self._show())

    def start(self) -> None:
        """Begin to ask. Only after the bridge has settled."""
        self._watch = servers_of(self._bridge)
        self._watch.changed.connect(self._show)
        self._watch.turned_down.connect(self._on_turned_down)

    def connect_to(self, text: str = "", *, again: Server | None = None) -> None:
        """Open the dialog that connects; ``text`` is an address or an invite link."""
        if self._bridge.is_settled:
            dialog = ConnectDialog(self._bridge, text=text, again=again, parent=self._window)
            dialog.team_chosen.connect(self._window.choose_team)
            dialog.open()

    def reconnect(self, server: Server) -> None:
        """Try the line now."""
        ask = ReconnectServer(server_id=server.server_id)
        tasks.ask(self._bridge, ask, owner=self)

    def open_outbox(self, chosen: str = "") -> None:
        """Open the list of edits."""
        if self._bridge.is_settled:
            OutboxDialog(self._bridge, chosen=chosen, parent=self._window).open()

    def open_settings(self) -> None:
        """Show the servers in the settings."""
        self._window.open_app("settings", "servers")

    def open_list(self) -> None:
        """Open the list of servers and edits at the status bar."""
        if self._watch is None:
            return
        popup = Popup(self.tr("Servers"), parent=self._window)
        for status in self._watch.statuses:
            popup.add_row(self._row(status))
            if status.connection is Connection.SIGNED_OUT:
                again = partial(self.connect_to, again=status.server)
                popup.add_row(self._act("log-out", self.tr("Sign in again…"), "server.popup.sign_in", again))
            elif status.connection is Connection.OFFLINE:
                retry = partial(self.reconnect, status.server)
                popup.add_row(self._act("refresh-cw", self.tr("Try now"), "server.popup.reconnect", retry))
        if self._watch.intents:
            popup.add_row(self._act("history", self._edits(self._watch), "server.popup.edits", self.open_outbox))
        connect = self._act("plus", self.tr("Connect to a server…"), "server.popup.connect", self.connect_to)
        popup.add_to_foot(connect)
        self._popup = popup
        popup.destroyed.connect(self._on_list_gone)
        popup.open_at(self._window.status.servers)

    def show_home(self) -> None:
        """Tell how the home of the team in view is, where that is a server."""
        status = self._watch.status_of(self._bridge.team_id) if self._watch is not None else None
        self.banner.show_status(status)
        if status is not None:
            is_live = status.connection is Connection.LIVE
            line, host = state_line(status), host_of(status.server.url)
            self._window.sidebar.sync.set_state(
                host if is_live else line,
                "cloud" if is_live else "cloud-off",
                "" if is_live else mark_of(status.connection).token,
                tip="\n".join((host, line, meaning_of(status))),
            )

    @property
    def popup(self) -> Popup | None:
        """The list, while it is open."""
        return self._popup

    def commands(self) -> Iterable[Command]:
        """Connecting, the edits, and what each server needs."""
        group = self.tr("Servers")
        yield Command(
            name="server.connect",
            title=self.tr("Connect to a server…"),
            group=group,
            icon="server",
            words=self.tr("join invite link share team sign in"),
            run=self.connect_to,
            is_available=lambda: self._bridge.is_settled,
        )
        yield Command(
            name="server.settings",
            title=self.tr("Servers"),
            group=group,
            icon="settings",
            words=self.tr("settings connection sync"),
            run=self.open_settings,
        )
        yield Command(
            name="outbox.show",
            title=self.tr("Show edits that wait or were not taken"),
            group=group,
            icon="history",
            words=self.tr("outbox conflicts offline sync"),
            run=self.open_outbox,
            is_available=lambda: self._bridge.is_settled,
        )
        for status in self._watch.statuses if self._watch is not None else ():
            yield from self._of_server(status)

    def _of_server(self, status: ServerStatus) -> Iterable[Command]:
        host, key = host_of(status.server.url), status.server.server_id
        if status.connection is Connection.SIGNED_OUT:
            title, run = self.tr("Sign in to {0} again…"), partial(self.connect_to, again=status.server)
            name = f"server.sign_in.{key}"
        elif status.connection is Connection.OFFLINE:
            title, run = self.tr("Reconnect to {0}"), partial(self.reconnect, status.server)
            name = f"server.reconnect.{key}"
        else:
            return
        yield Command(name=name, title=title.format(host), group=self.tr("Servers"), icon="refresh-cw", run=run)

    def _row(self, status: ServerStatus) -> PopupRow:
        row = PopupRow(
            host_of(status.server.url),
            detail=f"{state_line(status)} · {status.server.email}",
            leading=StatusSign(status.connection),
        )
        row.setObjectName(f"server.popup.{status.server.server_id}")
        row.clicked.connect(lambda: self._after_list(self.open_settings))
        return row

    def _act(self, icon_name: str, title: str, name: str, act: Callable[[], None]) -> PopupRow:
        row = PopupRow(title, leading=IconLabel(icon_name))
        row.setObjectName(name)
        row.clicked.connect(lambda: self._after_list(act))
        return row

    def _after_list(self, act: Callable[[], None]) -> None:
        if self._popup is not None:
            self._popup.close()
        act()

    def _edits(self, watch: ServerWatch) -> str:
        words = (waiting_words(len(watch.waiting)), refused_words(len(watch.needing_attention)))
        return " · ".join(each for each in words if each)

    def _show(self) -> None:
        watch = self._watch
        if watch is None:
            return
        item = self._window.status.servers
        item.set_wanted(bool(watch.statuses))
        if watch.statuses:
            worst = min(watch.statuses, key=lambda each: (_URGENCY.index(each.connection), -each.waiting))
            self._say(worst)
        self.show_home()
        count = len(watch.needing_attention)
        one, many = self.tr("1 edit the server did not take"), self.tr("{0} edits the server did not take")
        self.counted.emit("teams", count, "warning", one if count == 1 else many.format(count))

    def _say(self, status: ServerStatus) -> None:
        mark = mark_of(status.connection)
        words = self.tr("Sign in again") if status.connection is Connection.SIGNED_OUT else summary_line(status)
        self._window.status.servers.say(
            words,
            name=f"{host_of(status.server.url)}: {summary_line(status)}",
            glyph=_glyph(mark),
            token="accent-warning" if status.refused else _TOKENS.get(status.connection, mark.token),
            is_moving=mark.is_moving,
            tip="\n".join(part for part in (host_of(status.server.url), status.reason, meaning_of(status)) if part),
        )

    def _on_turned_down(self, intent: Intent) -> None:
        self._window.notify(
            self.tr("The server did not take your edit of {0}").format(about(intent)),
            kind="warning",
            action=self.tr("Compare"),
            on_action=lambda: self.open_outbox(intent.op_id),
            about=intent.op_id,
        )

    def _on_list_gone(self) -> None:
        self._popup = None


def _glyph(mark: StatusMark) -> Callable[[QPainter, QRectF], None]:
    def paint(painter: QPainter, box: QRectF) -> None:
        paint_glyph(painter, box, mark)

    return paint
