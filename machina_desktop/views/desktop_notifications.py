"""The system's notifications: over D-Bus where there is a session bus, else through the tray icon."""

from __future__ import annotations

import logging
import threading
from typing import cast

from PySide6.QtCore import Q_ARG, Q_RETURN_ARG, SLOT, QMetaObject, QObject, Qt, Signal, Slot
from PySide6.QtDBus import QDBusConnection, QDBusInterface
from PySide6.QtWidgets import QSystemTrayIcon

from machina_desktop.views.brand import NAME

LOG = logging.getLogger(__name__)

SERVICE = "org.freedesktop.Notifications"
PATH = "/org/freedesktop/Notifications"
ANSWER_MS = 2000
# Clicks on older ones only bring the window to the front.
KEPT = 50

# The binding's stub asks for bytes, which the binding itself refuses.
_ON_ACTION = cast("bytes", SLOT("_on_action_invoked(uint,QString)"))


class DesktopNotifications(QObject):
    """Tells something outside of the window, and hears when it is clicked.

    In a plain X tray Qt draws a balloon of its own and the notification service hears nothing, so D-Bus comes first.

    Signals:
        activated(str): A notification was clicked; the key it was sent with, empty when that is forgotten.
    """

    activated = Signal(str)
    _delivered = Signal(int, str)
    _refused = Signal(str, str, str)

    def __init__(self, tray: QSystemTrayIcon | None, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tray = tray
        self._keys: dict[int, str] = {}
        self._last_key = ""
        self._bus = QDBusConnection.sessionBus()
        self._has_bus = self._bus.isConnected() and self._bus.connect(
            SERVICE, PATH, SERVICE, "ActionInvoked", self, _ON_ACTION
        )
        self._delivered.connect(self._on_delivered)
        self._refused.connect(self._show_in_tray)
        if tray is not None:
            tray.messageClicked.connect(lambda: self.activated.emit(self._last_key))

    def send(self, title: str, body: str, *, key: str) -> None:
        """Tell it; ``key`` comes back when it is clicked. Returns at once."""
        if self._has_bus:
            threading.Thread(target=self._deliver, args=(title, body, key), name="notify", daemon=True).start()
        else:
            self._show_in_tray(title, body, key)

    def _deliver(self, title: str, body: str, key: str) -> None:
        """Ask the service; on a thread, because it may take its time to start and to answer."""
        service = QDBusInterface(SERVICE, PATH, SERVICE, self._bus)
        if not service.isValid():
            self._refused.emit(title, body, key)
            return
        service.setTimeout(ANSWER_MS)
        # Through the described method, because a bare Python int would go out as a signed number and be refused.
        number = QMetaObject.invokeMethod(
            service,
            "Notify",
            Qt.ConnectionType.DirectConnection,
            Q_RETURN_ARG("uint"),
            Q_ARG("QString", NAME),
            Q_ARG("uint", 0),
            Q_ARG("QString", ""),
            Q_ARG("QString", title),
            Q_ARG("QString", body),
            Q_ARG("QStringList", ["default", self.tr("Open")]),
            Q_ARG("QVariantMap", {"suppress-sound": True}),
            Q_ARG("int", -1),
        )
        if service.lastError().isValid():
            LOG.info("the notification service refused: %s", service.lastError().message())
            self._refused.emit(title, body, key)
        else:
            self._delivered.emit(number if isinstance(number, int) else 0, key)

    def _on_delivered(self, number: int, key: str) -> None:
        self._keys[number] = key
        while len(self._keys) > KEPT:
            del self._keys[next(iter(self._keys))]

    def _show_in_tray(self, title: str, body: str, key: str) -> None:
        if self._tray is not None and self._tray.isVisible():
            self._last_key = key
            self._tray.showMessage(title, body, self._tray.icon())

    @Slot("uint", str)
    def _on_action_invoked(self, number: int, _action: str) -> None:
        # The service tells every listener about every program's notifications.
        if number in self._keys:
            self.activated.emit(self._keys.pop(number))
