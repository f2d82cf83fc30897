"""The tunnels of a machine: those that stand, those that are saved, and a form for another."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QCoreApplication, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.tunnel import LOOPBACK, OpenToOthers, Tunnel, TunnelKind, TunnelState, TunnelStatus
from machina_desktop.core.errors import InvalidInput, MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.views import tasks
from machina_desktop.views.terminal_files.file_words import address_of, page_of, size_words, tunnel_words
from machina_desktop.views.terminal_files.login_questions import LoginWatch, QuestionRoom
from machina_desktop.views.terminal_files.ports_list import PortsList
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import IconButton, Segment, Segmented
from machina_desktop.views.widgets.checkbox import Checkbox
from machina_desktop.views.widgets.dialogs import ConfirmDialog, Dialog
from machina_desktop.views.widgets.inputs import Input
from machina_desktop.views.widgets.layout import Divider
from machina_desktop.views.widgets.status import StatusBadge
from machina_desktop.views.widgets.text import ElidedLabel, Label, copy_text

REFRESH_MS = 200


class _Row(QWidget):
    """One tunnel.

    Signals:
        wanted(str): ``start``, ``stop`` or ``remove``.
    """

    wanted = Signal(str)

    def __init__(self, status: TunnelStatus, parent: QWidget) -> None:
        super().__init__(parent)
        self._status = status
        self._name = ElidedLabel(style=Type.MEDIUM, parent=self)
        self._way = ElidedLabel(style=Type.MONO, tone="secondary", parent=self)
        self._words = ElidedLabel(style=Type.SECONDARY, tone="secondary", parent=self)
        self._problem = Label(style=Type.SECONDARY, tone="error", wraps=True, parent=self)
        self._badge = StatusBadge(parent=self)
        self._browse = IconButton("globe", self.tr("Open in browser"), parent=self)
        self._browse.clicked.connect(self._on_browse)
        self._copy = IconButton("copy", self.tr("Copy the address"), parent=self)
        self._start = IconButton("play", self.tr("Start"), parent=self)
        self._stop = IconButton("circle-stop", self.tr("Stop"), parent=self)
        self._remove = IconButton("trash-2", self.tr("Remove"), parent=self)
        self._copy.clicked.connect(self._on_copy)
        for button, wish in ((self._start, "start"), (self._stop, "stop"), (self._remove, "remove")):
            button.clicked.connect(partial(self.wanted.emit, wish))
        self._build()
        self.show_status(status)

    def _build(self) -> None:
        for button in (self._browse, self._copy):
            # So that badges and buttons stand below each other.
            policy = button.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            button.setSizePolicy(policy)
        first = QHBoxLayout()
        first.setSpacing(Space.M)
        # The name has what room it needs, and no more than half of it.
        self._name.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        first.addWidget(self._name)
        first.addWidget(self._words, 1)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addLayout(first)
        texts.addWidget(self._way)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addLayout(texts, 1)
        row.addWidget(self._badge)
        for button in (self._browse, self._copy, self._start, self._stop, self._remove):
            row.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, Space.S, 0, Space.S)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self._problem)

    def show_status(self, status: TunnelStatus) -> None:
        """Show how it stands now."""
        self._status = status
        tunnel = status.tunnel
        kinds = {
            TunnelKind.LOCAL: self.tr("To the machine"),
            TunnelKind.REMOTE: self.tr("From the machine"),
            TunnelKind.SOCKS: self.tr("SOCKS proxy"),
        }
        self._name.setText(tunnel.label or kinds[tunnel.kind])
        self._way.setText(tunnel_words(tunnel, status.port))
        self._badge.set_status(status.state)
        self._words.setText(self._told(status))
        is_doubtful = tunnel.is_open_to_others or status.is_answered is False
        self._words.set_tone("warning" if is_doubtful else "secondary")
        problem = str(status.problem) if status.problem is not None and not status.connections else ""
        self._problem.setText(problem)
        self._problem.setVisible(bool(problem))
        self._browse.setVisible(status.state is TunnelState.LISTENING and bool(page_of(status)))
        self._copy.setVisible(status.state is TunnelState.LISTENING and tunnel.kind is not TunnelKind.REMOTE)
        self._start.setVisible(not status.state.is_active)
        self._stop.setVisible(status.state.is_active)
        self.setAccessibleName(f"{self._name.text()}, {self._way.text()}: {problem or self._words.text()}")

    def _told(self, status: TunnelStatus) -> str:
        parts = []
        if status.tunnel.is_open_to_others:
            parts.append(self.tr("open to other computers"))
        if status.is_answered is not None:
            parts.append(self.tr("the service runs") if status.is_answered else self.tr("nothing listens there now"))
        if status.connections_ever:
            parts.append(self.tr("{0} open of {1}").format(status.connections, status.connections_ever))
            parts.append(size_words(status.bytes_sent + status.bytes_received))
        elif not status.state.is_active:
            parts += [self.tr("saved")] if status.tunnel.is_saved else []
        elif status.is_answered is None and status.problem is None:
            parts.append(self.tr("nothing has come through yet"))
        return "  ·  ".join(parts)

    def _on_copy(self) -> None:
        copy_text(address_of(self._status))

    def _on_browse(self) -> None:
        QDesktopServices.openUrl(QUrl(page_of(self._status)))


class TunnelsDialog(Dialog):
    """What leads through a machine, kept up to date while it is open."""

    def __init__(self, bridge: Bridge, machine_id: str, name: str, *, parent: QWidget) -> None:
        """``name`` is the machine's."""
        super().__init__(
            QCoreApplication.translate("TunnelsDialog", "Tunnels through {0}").format(name),
            primary=QCoreApplication.translate("TunnelsDialog", "Open tunnel"),
            width=600,
            parent=parent,
        )
        self._bridge = bridge
        self._machine_id = machine_id
        self._rows: dict[str, _Row] = {}
        self.cancel.setText(self.tr("Close"))
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._none = Label(
            self.tr("No tunnel leads through this machine yet. One brings a port of it to this computer."),
            tone="secondary",
            wraps=True,
        )
        self.room = QuestionRoom(self, self.body)
        self.login = LoginWatch(bridge, machine_id, self)
        self.login.asked.connect(self.room.show_question)
        self.room.answered.connect(self.login.answer)
        self.column.addWidget(self.room)
        self.column.addWidget(self._none)
        self.column.addLayout(self._list)
        self.ports = PortsList(bridge, machine_id)
        self.ports.opened.connect(self._show)
        self.ports.refused.connect(lambda error: self.show_error(str(error)))
        self.column.addWidget(self.ports)
        self.column.addWidget(Divider(self.body))
        self._build_form()
        self._refresh = QTimer(self, interval=REFRESH_MS, singleShot=True)
        self._refresh.timeout.connect(self._show)
        bridge.tunnel_changed.connect(self._on_changed)
        self.primary.clicked.connect(self._on_primary)
        self._on_kind(TunnelKind.LOCAL)
        self._show()
        self.login.begin()
        self.ports.look()

    def _build_form(self) -> None:
        self._kind = Segmented(
            (
                Segment(key=TunnelKind.LOCAL, title=self.tr("To the machine")),
                Segment(key=TunnelKind.REMOTE, title=self.tr("From the machine")),
                Segment(key=TunnelKind.SOCKS, title=self.tr("SOCKS proxy")),
            ),
            name=self.tr("Kind of tunnel"),
        )
        self._kind.changed.connect(self._on_kind)
        self._explained = Label("", style=Type.SECONDARY, tone="secondary", wraps=True)
        self._bind_host = Input(self.tr("Listen at"), text=LOOPBACK, is_mono=True)
        self._bind_port = Input(self.tr("Port"), placeholder=self.tr("any"), is_mono=True)
        self._target_host = Input(self.tr("Lead to"), text=LOOPBACK, is_mono=True)
        self._target_port = Input(self.tr("Port"), is_mono=True)
        # Two fields of one name could not be told apart where they are only heard.
        self._bind_port.control.setAccessibleName(self.tr("Port to listen at"))
        self._target_port.control.setAccessibleName(self.tr("Port to lead to"))
        self._label = Input(self.tr("Label"), placeholder=self.tr("optional"))
        self._keep = Checkbox(self.tr("Save it, to be started again later"))
        self._fields = {
            "bind_host": self._bind_host,
            "bind_port": self._bind_port,
            "target_host": self._target_host,
            "target_port": self._target_port,
        }
        kinds = QHBoxLayout()
        kinds.addWidget(self._kind)
        kinds.addStretch(1)
        self.column.addLayout(kinds)
        self.column.addWidget(self._explained)
        for host, port in ((self._bind_host, self._bind_port), (self._target_host, self._target_port)):
            row = QHBoxLayout()
            row.setSpacing(Space.M)
            row.addWidget(host, 1)
            port.setFixedWidth(120)
            row.addWidget(port)
            self.column.addLayout(row)
        self.column.addWidget(self._label)
        self.column.addWidget(self._keep)

    def _on_kind(self, kind: str) -> None:
        texts = {
            TunnelKind.LOCAL: self.tr("Programs here reach a port that the machine reaches."),
            TunnelKind.REMOTE: self.tr("Programs on the machine reach a port that this computer reaches."),
            TunnelKind.SOCKS: self.tr("Programs here reach whatever the machine reaches; names are looked up there."),
        }
        self._chosen = TunnelKind(kind)
        self._explained.setText(texts[self._chosen])
        for field in (self._target_host, self._target_port):
            field.setVisible(self._chosen is not TunnelKind.SOCKS)

    def _wanted(self) -> Tunnel | None:
        """The tunnel as it is typed; ``None`` where a port is no number, which is said at the field."""
        ports = {}
        for name in ("bind_port", "target_port"):
            field = self._fields[name]
            text = field.text().strip()
            field.set_error("")
            if text and not (text.isascii() and text.isdecimal()):
                field.set_error(self.tr("Digits only"))
                return None
            ports[name] = int(text or 0)
        return Tunnel(
            tunnel_id=new_id("tunnel"),
            machine_id=self._machine_id,
            kind=self._chosen,
            bind_host=self._bind_host.text().strip(),
            target_host=self._target_host.text().strip(),
            label=self._label.text().strip(),
            is_saved=self._keep.isChecked(),
            **ports,
        )

    def _on_changed(self, _tunnel_id: str) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    def _on_primary(self) -> None:
        if (wanted := self._wanted()) is not None:
            self._open(wanted)

    def _open(self, wanted: Tunnel, *, may_be_open: bool = False) -> None:
        self.show_error("")
        tasks.run(
            self._bridge,
            self._bridge.files.tunnels.open(wanted, may_be_open=may_be_open),
            owner=self,
            name="open a tunnel",
            done=lambda _status: self._on_opened(),
            failed=partial(self._on_refused, wanted),
            busy=self.primary,
        )

    def _on_opened(self) -> None:
        self._bind_port.set_text("")
        self._target_port.set_text("")
        self._label.set_text("")
        self._show()

    def _on_refused(self, tunnel: Tunnel, error: MachinaError) -> None:
        free = getattr(error, "free_port", 0)
        if isinstance(error, OpenToOthers):
            self._ask_open(tunnel, error)
        elif isinstance(error, InvalidInput) and error.field in self._fields:
            self._fields[error.field].set_error(error.message)
        else:
            self.show_error(str(error))
            if free:
                self._bind_port.set_text(str(free))
                self._bind_port.control.setFocus()

    def _ask_open(self, tunnel: Tunnel, error: OpenToOthers) -> None:
        question = ConfirmDialog(
            self.tr("Open this tunnel to other computers?"),
            text=error.message,
            losses=(
                self.tr("Whoever reaches {0} can use it without signing in.").format(tunnel.bind_host),
                self.tr("What they do looks to the machine as if you did it."),
            ),
            confirm=self.tr("Open to others"),
            parent=self,
        )
        question.accepted.connect(partial(self._open, tunnel, may_be_open=True))
        question.open()

    def _show(self) -> None:
        statuses = self._bridge.files.tunnels.all(self._machine_id)
        wanted = {status.tunnel.tunnel_id for status in statuses}
        for key in [key for key in self._rows if key not in wanted]:
            gone = self._rows.pop(key)
            self._list.removeWidget(gone)
            gone.deleteLater()
        for status in statuses:
            key = status.tunnel.tunnel_id
            if key in self._rows:
                self._rows[key].show_status(status)
            else:
                row = self._rows[key] = _Row(status, self.body)
                row.wanted.connect(partial(self._on_wanted, key))
                self._list.addWidget(row)
        self._none.setVisible(not statuses)
        self.ports.show_tunnels(statuses)

    def _on_wanted(self, key: str, wish: str) -> None:
        tunnels = self._bridge.files.tunnels
        work = {"start": tunnels.start, "stop": tunnels.stop, "remove": tunnels.remove}[wish](key)
        tasks.run(
            self._bridge,
            work,
            owner=self,
            name=f"{wish} a tunnel",
            done=lambda _nothing: self._show(),
            failed=lambda error: self.show_error(str(error)),
        )
