"""Says in the tray which tunnels stand, and leads from there to the tunnels of their machine."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.tunnel import TunnelKind, TunnelState, TunnelStatus
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.machines import GetMachine
from machina_desktop.views import tasks
from machina_desktop.views.terminal_files.file_words import address_of, page_of, tunnel_words
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from machina_desktop.views.tray import Tray, TrayTunnel
from machina_desktop.views.widgets.text import copy_text

REFRESH_MS = 200


class TunnelWatch(QObject):
    """Keeps the tray up to date. Nothing of the core is asked before the first tunnel changes."""

    def __init__(self, bridge: Bridge, tray: Tray, window: QWidget) -> None:
        super().__init__(window)
        self._bridge = bridge
        self._tray = tray
        self._window = window
        self.browse = QDesktopServices.openUrl
        self._refresh = QTimer(self, interval=REFRESH_MS, singleShot=True)
        self._refresh.timeout.connect(self._show)
        bridge.tunnel_changed.connect(self._on_changed)
        tray.tunnel_requested.connect(self._on_requested)

    def _on_changed(self, _tunnel_id: str) -> None:
        if not self._refresh.isActive():
            self._refresh.start()

    def _show(self) -> None:
        active = [status for status in self._bridge.files.tunnels.all() if status.state.is_active]
        self._tray.set_tunnels(tuple(map(_listed, active)))

    def _on_requested(self, tunnel_id: str, wish: str) -> None:
        tunnels = self._bridge.files.tunnels
        try:
            status = tunnels.status(tunnel_id)
        except MachinaError:
            # It was stopped while the menu was open.
            return
        if wish == "copy":
            copy_text(address_of(status))
        elif wish == "browse":
            self.browse(QUrl(page_of(status)))
        elif wish == "stop":
            tasks.run(self._bridge, tunnels.stop(tunnel_id), owner=self, name="stop a tunnel")
        else:
            self._show_machine(status.tunnel.machine_id)

    def _show_machine(self, machine_id: str) -> None:
        tasks.ask(self._bridge, GetMachine(machine_id=machine_id), owner=self, done=self._open)

    def _open(self, machine: Machine) -> None:
        self._window.activateWindow()
        TunnelsDialog(self._bridge, machine.machine_id, machine.name, parent=self._window).open()


def _listed(status: TunnelStatus) -> TrayTunnel:
    tunnel = status.tunnel
    # What a REMOTE one listens at is on the machine.
    has_address = status.state is TunnelState.LISTENING and tunnel.kind is not TunnelKind.REMOTE
    return TrayTunnel(
        tunnel_id=tunnel.tunnel_id,
        words=tunnel.label or tunnel_words(tunnel, status.port),
        address=address_of(status) if has_address else "",
        page=page_of(status) if has_address else "",
    )
