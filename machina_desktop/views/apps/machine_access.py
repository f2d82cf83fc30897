"""How to get into a machine: the command first, its key where the vault has it, then address and host key."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.machine import Machine, MachineStatus
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.key_export import KeyExport
from machina_desktop.views.apps.machine_text import address_of, pin_words, ssh_command
from machina_desktop.views.commands import Command
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button
from machina_desktop.views.widgets.flow import Flow
from machina_desktop.views.widgets.layout import Card
from machina_desktop.views.widgets.text import CopyLabel, KeyValueList, Label


class MachineAccess(QWidget):
    """Follows what it is told of the machine and its keys; exports a key when asked.

    Signals:
        failed(object): A key was not written (MachinaError).
    """

    failed = Signal(object)

    def __init__(self, bridge: Bridge, window: Window, *, parent: QWidget) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._window_door = window
        self._machine: Machine | None = None
        self._keys: tuple[SSHKey, ...] = ()
        self._key_file = ""
        self._export = KeyExport(bridge, window, self)
        self._export.exported.connect(self._on_exported)
        self._export.failed.connect(self.failed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.S)
        column.addWidget(self._build_command())
        column.addWidget(self._build_values())

    def show_machine(self, machine: Machine) -> None:
        """Show how to reach it as it stands now."""
        self._machine = machine
        self._values.set_values(
            {
                "address": address_of(machine),
                "private": machine.private_ip or "",
                "port": str(machine.ssh_port),
                "user": machine.login,
                "host_key": machine.host_key,
                "pin": pin_words(machine),
            }
        )
        self._values.set_row_visible("pin", bool(pin_words(machine)))
        self._values.set_row_visible("private", bool(machine.private_ip))
        self._render()

    def show_keys(self, keys: tuple[SSHKey, ...]) -> None:
        """Learn which keys there are; one of the machine's own can be saved where its private half is here."""
        self._keys = keys
        self._render()

    def commands(self) -> Iterable[Command]:
        """A terminal on the machine, where it can be reached, and saving its key, where it can be saved."""
        machine = self._machine
        if machine is not None and address_of(machine):
            yield Command(
                name="machine.terminal",
                title=self.tr("Open a terminal on {0}").format(machine.name),
                group=self.tr("Machines"),
                icon="square-terminal",
                keys="Ctrl+Shift+T",
                words=self.tr("ssh shell connect"),
                run=self._on_terminal,
                is_available=lambda: not self._terminal_problem(),
            )
            for name, title, icon, words, run in (
                ("files", self.tr("Files of {0}"), "folder", self.tr("sftp upload download"), self._on_files),
                ("tunnels", self.tr("Tunnels through {0}…"), "network", self.tr("ssh forward port"), self._on_tunnels),
            ):
                yield Command(
                    name=f"machine.{name}",
                    title=title.format(machine.name),
                    group=self.tr("Machines"),
                    icon=icon,
                    words=words,
                    run=run,
                    is_available=lambda: not self._terminal_problem(),
                )
        key = self._own_key()
        if key is not None:
            yield Command(
                name="machine.save_key",
                title=self.tr("Save the key {0}…").format(key.name),
                group=self.tr("Machines"),
                icon="download",
                run=self._on_save,
            )

    def _build_command(self) -> Card:
        self._command = CopyLabel(name=self.tr("SSH command"))
        self._command.setObjectName("machine.ssh")
        self._hint = Label(style=Type.SECONDARY, tone="secondary", wraps=True)
        self._save = Button(self.tr("Save key…"), icon_name="download")
        self._save.setObjectName("machine.save_key")
        self._save.clicked.connect(self._on_save)
        self._key_row = QWidget()
        row = QHBoxLayout(self._key_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.M)
        row.addWidget(self._hint, 1)
        row.addWidget(self._save)
        self._terminal = Button(self.tr("Open terminal"), icon_name="square-terminal")
        self._terminal.setObjectName("machine.terminal")
        self._terminal.setToolTip("Ctrl+Shift+T")
        self._terminal.clicked.connect(self._on_terminal)
        self._card = Card(name=self.tr("Connect"))
        self._card.column.setContentsMargins(Space.M, Space.S, Space.S, Space.S)
        self._card.column.addWidget(self._command)
        self._card.column.addWidget(self._key_row)
        ways = Flow()
        ways.addWidget(self._terminal)
        self._others: list[Button] = []
        for name, words, act in (
            ("files", self.tr("Files"), self._on_files),
            ("tunnels", self.tr("Tunnels"), self._on_tunnels),
        ):
            button = Button(words)
            button.setObjectName(f"machine.{name}")
            button.clicked.connect(act)
            self._others.append(button)
            ways.addWidget(button)
        self._card.column.addLayout(ways)
        return self._card

    def _build_values(self) -> KeyValueList:
        self._values = KeyValueList()
        for key, name in (
            ("address", self.tr("Address")),
            ("private", self.tr("Private")),
            ("port", self.tr("Port")),
            ("user", self.tr("User")),
            ("host_key", self.tr("Host key")),
        ):
            self._values.add_copyable(key, name)
            self._values.widget(key).setObjectName(f"machine.{key}")
        pin = Label(tone="secondary", wraps=True)
        pin.setObjectName("machine.pin")
        # Its first line beside its name, which stands in the middle of a row.
        pin.setContentsMargins(0, Space.XS, 0, 0)
        self._values.add_widget("pin", self.tr("Pinned"), pin)
        return self._values

    def _render(self) -> None:
        if self._machine is None:
            return
        command = ssh_command(self._machine, key_file=self._key_file)
        self._card.setVisible(bool(command))
        self._command.set_text(command)
        problem = self._terminal_problem()
        self._terminal.setEnabled(not problem)
        self._terminal.setToolTip(problem or "Ctrl+Shift+T")
        for button in self._others:
            button.setEnabled(not problem)
            button.setToolTip(problem)
        key = self._own_key()
        self._key_row.setVisible(key is not None)
        if key is not None:
            words = self.tr("Signs in with {0}.") if self._key_file else self.tr("Its key {0} lies in the vault.")
            self._hint.setText(words.format(key.name))

    def _terminal_problem(self) -> str:
        """Why no terminal can be opened now; empty when one can."""
        is_running = self._machine is not None and self._machine.actual_status is MachineStatus.RUNNING
        return "" if is_running else self.tr("The machine does not run.")

    def _on_terminal(self) -> None:
        if self._machine is not None:
            # A place alone is only offered there, for links lead to places and get nothing done.
            self._window_door.open_app("terminal", self._machine.machine_id)
            self._window_door.do("terminal", "terminals.open_wanted")

    def _on_files(self) -> None:
        if self._machine is not None:
            self._window_door.open_app("terminal", self._machine.machine_id)
            self._window_door.do("terminal", "terminals.files_wanted")

    def _on_tunnels(self) -> None:
        if self._machine is not None:
            TunnelsDialog(self._bridge, self._machine.machine_id, self._machine.name, parent=self.window()).open()

    def _own_key(self) -> SSHKey | None:
        """The first of the machine's keys whose private half is in the vault."""
        wanted = self._machine.ssh_key_ids if self._machine is not None else ()
        return next((key for key in self._keys if key.has_private_key and key.ssh_key_id in wanted), None)

    def _on_save(self) -> None:
        key = self._own_key()
        if key is not None:
            self._export.begin(key, busy=self._save)

    def _on_exported(self, path: str) -> None:
        self._key_file = path
        self._render()
