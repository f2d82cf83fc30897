"""The ports at which programs of a machine listen, each a click away from this computer."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.tunnel import ListeningPort, TunnelState, TunnelStatus, web_address
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, ButtonKind, IconButton
from machina_desktop.views.widgets.layout import SectionHeader
from machina_desktop.views.widgets.text import ElidedLabel, Label

SHOWN = 5


class _PortRow(QWidget):
    """One port.

    Signals:
        wanted(bool): A tunnel to it, and a browser on it (True) or nothing more.
    """

    wanted = Signal(bool)

    def __init__(self, found: ListeningPort, parent: QWidget) -> None:
        super().__init__(parent)
        self.found = found
        name = found.service or found.program or self.tr("Port {0}").format(found.port)
        number = Label(str(found.port), style=Type.MONO, parent=self)
        number.setFixedWidth(52)
        self._words = ElidedLabel(style=Type.SECONDARY, tone="secondary", parent=self)
        reach = self.tr("open to others") if found.is_open_to_others else self.tr("on the machine only")
        program = found.program if found.program != name else ""
        self._words.setText("  ·  ".join(part for part in (program, reach) if part))
        self.browse = Button(self.tr("Open in browser"), kind=ButtonKind.GHOST, icon_name="globe", parent=self)
        self.browse.setAccessibleName(self.tr("Open {0}, port {1}, in the browser").format(name, found.port))
        self.browse.setVisible(bool(web_address(found.port, 1)))
        self.tunnel = Button(self.tr("Tunnel"), icon_name="network", parent=self)
        self.browse.clicked.connect(lambda: self.wanted.emit(True))
        self.tunnel.clicked.connect(lambda: self.wanted.emit(False))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(Space.S)
        row.addWidget(number)
        row.addWidget(Label(name, style=Type.MEDIUM, parent=self))
        row.addWidget(self._words, 1)
        row.addWidget(self.browse)
        row.addWidget(self.tunnel)
        self._name = name
        self.setAccessibleName(f"{found.port}, {name}: {self._words.text()}")
        self.show_tunnel(None)

    def show_tunnel(self, status: TunnelStatus | None) -> None:
        """Whether one leads there already."""
        self.tunnel.setEnabled(status is None)
        self.tunnel.setText(self.tr("Tunnel") if status is None else self.tr("At {0} here").format(status.port or "…"))
        # A button is called what it shows, until it is told otherwise; several of one name could not be told apart.
        self.tunnel.setAccessibleName(self.tr("Open a tunnel to {0}, port {1}").format(self._name, self.found.port))


class PortsList(QWidget):
    """What listens on one machine, as of the last look.

    Signals:
        opened(): A tunnel was opened.
        refused(object): A tunnel was not: the MachinaError.
    """

    opened = Signal()
    refused = Signal(object)

    def __init__(self, bridge: Bridge, machine_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._machine_id = machine_id
        self._found: tuple[ListeningPort, ...] = ()
        self._shows_all = False
        self._browsing: set[str] = set()
        self.rows: dict[int, _PortRow] = {}
        self.browse = QDesktopServices.openUrl
        self._look = IconButton("refresh-cw", self.tr("Look again"), parent=self)
        self._look.setObjectName("tunnels.look")
        self._more = Button("", kind=ButtonKind.GHOST, parent=self)
        self._note = Label("", style=Type.SECONDARY, tone="secondary", wraps=True, parent=self)
        self._look.clicked.connect(self.look)
        self._more.clicked.connect(self._on_more)
        head = SectionHeader(self.tr("What listens on the machine"), parent=self)
        head.add_widget(self._look)
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.XS)
        column.addWidget(head)
        column.addWidget(self._note)
        column.addLayout(self._list)
        more = QHBoxLayout()
        more.addWidget(self._more)
        more.addStretch(1)
        column.addLayout(more)
        self._more.hide()
        self._note.hide()

    def look(self) -> None:
        """See what listens now."""
        if not self.rows:
            self._say(self.tr("Looking…"))
        tasks.run(
            self._bridge,
            self._bridge.files.ports(self._machine_id),
            owner=self,
            name="see what listens on a machine",
            done=self._on_found,
            failed=self._on_failed,
        )

    def show_tunnels(self, statuses: tuple[TunnelStatus, ...]) -> None:
        """Tell at each port whether a tunnel leads there, and show pages whose tunnels stand by now."""
        leading = self._bridge.files.tunnels.leading_to
        for port, row in self.rows.items():
            row.show_tunnel(leading(self._machine_id, port))
        for status in statuses:
            key = status.tunnel.tunnel_id
            if key in self._browsing and status.state is TunnelState.LISTENING:
                self._browsing.discard(key)
                self.browse(QUrl(web_address(status.tunnel.target_port, status.port)))

    def _on_found(self, found: tuple[ListeningPort, ...]) -> None:
        self._found = found
        self._say("" if found else self.tr("Nothing listens there."))
        self._fill()

    def _on_failed(self, error: MachinaError) -> None:
        self._found = ()
        self._fill()
        self._say(str(error))

    def _fill(self) -> None:
        while (item := self._list.takeAt(0)) is not None:
            if (gone := item.widget()) is not None:
                gone.hide()
                gone.deleteLater()
        self.rows = {}
        # The way in is there already; it leads the list of nobody who looks for a service.
        ordered = sorted(self._found, key=lambda each: each.service == "SSH")
        shown = ordered if self._shows_all else ordered[:SHOWN]
        for each in shown:
            row = self.rows[each.port] = _PortRow(each, self)
            row.wanted.connect(partial(self._on_wanted, each))
            self._list.addWidget(row)
        left = len(ordered) - len(shown)
        self._more.setVisible(left > 0)
        self._more.setText(self.tr("Show {0} more").format(left))
        self.show_tunnels(())

    def _on_more(self) -> None:
        self._shows_all = True
        self._fill()

    def _on_wanted(self, found: ListeningPort, is_browsed: bool) -> None:
        tasks.run(
            self._bridge,
            self._bridge.files.tunnels.open_tunnel(
                self._machine_id, found.port, host=found.host, label=found.service or found.program
            ),
            owner=self,
            name="open a tunnel to a port that was found",
            done=lambda status: self._on_opened(status, is_browsed=is_browsed),
            failed=self.refused.emit,
        )

    def _on_opened(self, status: TunnelStatus, *, is_browsed: bool) -> None:
        if is_browsed:
            self._browsing.add(status.tunnel.tunnel_id)
        self.opened.emit()
        self.show_tunnels((status,))

    def _say(self, words: str) -> None:
        self._note.setText(words)
        self._note.setVisible(bool(words))
