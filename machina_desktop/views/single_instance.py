"""One window per data folder: the first one holds a lock, a second start hands its link over and has it raised."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCryptographicHash, QDeadlineTimer, QLockFile, QObject, Qt, QThread, QTimer, Signal

from machina_desktop.views.links import LONGEST

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer, QLocalSocket

ANSWER_MS = 2000
RETRY_MS = 50
# Whoever connects has so long to say its one line; most have nothing to say.
LINE_MS = 1000
# More at a time are turned away: each start connects once.
CALLERS = 16


class SingleInstance(QObject):
    """Holds the data folder for this window, and hears when another start asks for it.

    The lock file is the truth: the system frees it with its process, and a left-over one names a process that is
    gone. To connect to the local socket is the word; a link may follow as one line of at most `LONGEST` bytes.

    Signals:
        raise_requested(): Another start wants this window in front.
        link_received(str): It wants a link shown. Whatever it says: whoever may use this account can send it.
    """

    raise_requested = Signal()
    link_received = Signal(str)

    def __init__(self, home: Path, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = server_name(home)
        self._lock = QLockFile(str(home / "window.lock"))
        # Never too old: only the end of its process makes it stale.
        self._lock.setStaleLockTime(0)
        self._server: QLocalServer | None = None
        self._callers: set[QLocalSocket] = set()

    def claim(self) -> bool:
        """Whether this is the first window of the data folder."""
        return self._lock.tryLock(0)

    def listen(self) -> None:
        """Hear other starts from now on; only after `claim`. A start that asks earlier waits for it."""
        # Late: the network library would delay the first paint.
        from PySide6.QtNetwork import QLocalServer  # noqa: PLC0415

        self._server = QLocalServer(self)
        self._server.setSocketOptions(QLocalServer.SocketOption.UserAccessOption)
        self._server.newConnection.connect(self._on_connection)
        # We hold the lock, so whoever made the socket is gone.
        QLocalServer.removeServer(self._name)
        self._server.listen(self._name)

    def ask_first_to_raise(self, link: str = "") -> bool:
        """Tell the first window to come to the front, and to show ``link``; whether it answered within two seconds."""
        from PySide6.QtNetwork import QLocalSocket  # noqa: PLC0415 - as in `listen`

        socket = QLocalSocket()
        deadline = QDeadlineTimer(ANSWER_MS)
        socket.connectToServer(self._name)
        # The first window may itself have only just started.
        while not socket.waitForConnected(ANSWER_MS):
            if deadline.hasExpired():
                return False
            QThread.msleep(RETRY_MS)
            socket.connectToServer(self._name)
        if link:
            # One byte too many is enough to have it refused, and the person told.
            socket.write(link.encode(errors="replace")[: LONGEST + 1] + b"\n")
            socket.waitForBytesWritten(ANSWER_MS)
        socket.disconnectFromServer()
        return True

    def release(self) -> None:
        """Let another window start."""
        if self._server is not None:
            self._server.close()
        self._lock.unlock()

    def _on_connection(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            if len(self._callers) >= CALLERS:
                socket.abort()
                socket.deleteLater()
                continue
            self._callers.add(socket)
            # What is sent beyond it stays with the sender.
            socket.setReadBufferSize(LONGEST + 2)
            socket.readyRead.connect(partial(self._hear, socket))
            socket.disconnected.connect(partial(self._on_ended, socket), Qt.ConnectionType.QueuedConnection)
            QTimer.singleShot(LINE_MS, socket, partial(self._on_ended, socket))
            self.raise_requested.emit()
            self._hear(socket)

    def _hear(self, socket: QLocalSocket) -> None:
        """Take the line once it is whole, or more than a link can be."""
        if socket in self._callers and (socket.canReadLine() or socket.bytesAvailable() > LONGEST):
            line = bytes(socket.readLine(LONGEST + 2).data()).decode(errors="replace").strip()
            self._let_go(socket)
            if line:
                self.link_received.emit(line)

    def _on_ended(self, socket: QLocalSocket) -> None:
        """The caller is gone, or its time is over."""
        self._hear(socket)
        self._let_go(socket)

    def _let_go(self, socket: QLocalSocket) -> None:
        if socket in self._callers:
            self._callers.discard(socket)
            socket.abort()
            socket.deleteLater()


def server_name(home: Path) -> str:
    """The local socket's name for a data folder: short, because paths of sockets may have 108 bytes at most."""
    digest = QCryptographicHash.hash(str(home.resolve()).encode(), QCryptographicHash.Algorithm.Sha256)
    return "machina-" + bytes(digest.toHex().data()).decode()[:20]
