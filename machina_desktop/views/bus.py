"""A connection to a D-Bus daemon that never makes the window wait: joined on a thread, asked without waiting."""

from __future__ import annotations

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable
from typing import cast

from PySide6.QtCore import SLOT, QObject, Signal
from PySide6.QtDBus import QDBusConnection, QDBusMessage, QDBusPendingCallWatcher, QDBusVariant

from machina_desktop.views.bus_probe import BusKind, address_of, is_answering

LOG = logging.getLogger(__name__)

ANSWER_MS = 2000
START_MS = 10_000

Answers = Callable[[tuple[object, ...]], None]
_NUMBERS = itertools.count(1)


class Bus(QObject):
    """The session's or the system's bus. Everything runs on the Qt thread, but for the joining.

    Where there is no daemon, or one that hangs, it stays closed: questions are answered with nothing, and nothing
    is heard.

    Signals:
        opened(): It was joined; from now on it can be listened to.
    """

    opened = Signal()
    _joined = Signal(object)

    def __init__(self, kind: BusKind, *, parent: QObject) -> None:
        super().__init__(parent)
        self._kind = kind
        self._connection: QDBusConnection | None = None
        self._name = f"machina-{kind}-{next(_NUMBERS)}"
        self._joined.connect(self._on_joined)
        name = self._name
        self.destroyed.connect(lambda: QDBusConnection.disconnectFromBus(name))

    def open(self) -> None:
        """Join soon. Once only."""
        threading.Thread(target=self._join, name=f"join the {self._kind} bus", daemon=True).start()

    @property
    def is_open(self) -> bool:
        """Whether it was joined and its daemon lives."""
        return self._connection is not None and self._connection.isConnected()

    def listen(self, interface: str, name: str, receiver: QObject, slot: str, *, path: str = "") -> None:
        """Call a slot of ``receiver`` at each signal ``name``, from whatever service; without ``path``, of any object.

        Args:
            interface: The signal's interface.
            name: The signal.
            receiver: Whose slot it is; forgotten when it is destroyed.
            slot: Name and C++ types, such as ``_on_lock()`` or ``_on_sleep(bool)``, as its `Slot` declares them.
            path: The object it comes from.
        """
        # Without the service's name, for with it Qt would wait for the daemon to say who owns that name. The stub asks
        # for bytes, which the binding itself refuses.
        if self._connection is not None and not self._connection.connect(
            "", path, interface, name, receiver, cast("bytes", SLOT(slot))
        ):
            LOG.warning("the %s bus does not tell of %s.%s", self._kind, interface, name)

    def ask(self, place: tuple[str, str, str, str], *arguments: str, answer: Answers, may_start: bool = False) -> None:
        """Call a method; ``answer`` gets what it returned, and nothing at all after an error or a time-out.

        Args:
            place: Service, path, interface and method.
            arguments: All text.
            answer: Called once; variants are unpacked.
            may_start: Whether a service that does not run is to be started; that may take ten seconds.
        """
        if self._connection is None:
            answer(())
            return
        call = QDBusMessage.createMethodCall(*place)
        call.setArguments(list(arguments))
        call.setAutoStartService(may_start)
        watcher = QDBusPendingCallWatcher(self._connection.asyncCall(call, START_MS if may_start else ANSWER_MS), self)

        def finish() -> None:
            failed = watcher.isError()
            values = () if failed else tuple(_unpacked(value) for value in watcher.reply().arguments())
            if failed:
                LOG.debug("%s.%s: %s", place[2], place[3], watcher.reply().errorMessage())
            watcher.deleteLater()
            answer(values)

        watcher.finished.connect(finish)

    def _join(self) -> None:
        """On a thread: joining waits for the daemon."""
        address = address_of(self._kind)
        if not address or not is_answering(address):
            LOG.info("there is no %s bus", self._kind)
            return
        connection = QDBusConnection.connectToBus(address, self._name)
        if not connection.isConnected():
            LOG.info("the %s bus cannot be joined: %s", self._kind, connection.lastError().message())
            return
        # The window may be gone by now.
        with contextlib.suppress(RuntimeError):
            self._joined.emit(connection)

    def _on_joined(self, connection: QDBusConnection) -> None:
        self._connection = connection
        self.opened.emit()


def _unpacked(value: object) -> object:
    while isinstance(value, QDBusVariant):
        value = value.variant()
    return value
