"""Says in the tray which tunnels stand, and leads from there to the tunnels of their machine."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.machines import GetMachine
from machina_desktop.views import tasks
from machina_desktop.views.terminal_files.file_words import tunnel_words
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from machina_desktop.views.tray import Tray

REFRESH_MS = 200


class TunnelWatch(QObject):
    """Keeps the tray up to date. Nothing of the core is asked before the first tunnel changes."""

    def __init__(self, bridge: Bridge, tray: Tray, window: QWidget) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._tray = tray
        self._window = window
        self._refresh = QTimer(self, interval=REFRESH_MS, singleShot=True)
        self._refresh.timeout.connect(self._show)
        bridge.tunnel_changed.connect(self._on_changed)
        tray.tunnel_requested.connect(self._on_requested)

    def _on_changed(self, _tunnel_id: str) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    def _show(self) -> None:
        active = [status for status in self._bridge.files.tunnels.all() if status.state.is_active]
        self._tray.set_tunnels(
            tuple((each.tunnel.tunnel_id, each.tunnel.label or tunnel_words(each.tunnel, each.port)) for each in active)
        )

    def _on_requested(self, tunnel_id: str) -> None:
        try:
            machine_id = self._bridge.files.tunnels.status(tunnel_id).tunnel.machine_id
        except MachinaError:
            # It was stopped while the menu was open.
            return
        tasks.run(
            self._bridge,
            self._bridge.call(GetMachine(machine_id=machine_id)),
            owner=self,
            name="show the tunnels of a machine",
            done=self._open,
        )

    def _open(self, machine: Machine) -> None:
        self._window.activateWindow()
        TunnelsDialog(self._bridge, machine.machine_id, machine.name, parent=self._window).open()
