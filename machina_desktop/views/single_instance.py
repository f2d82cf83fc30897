"""One window per data folder: the first one holds a lock, the second one asks it to come to the front."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCryptographicHash, QDeadlineTimer, QLockFile, QObject, QThread, Signal

if TYPE_CHECKING:
    from PySide6.QtNetwork import QLocalServer

ANSWER_MS = 2000
RETRY_MS = 50


class SingleInstance(QObject):
    """Holds the data folder for this window, and hears when another start asks for it.

    The lock file is the truth: the system frees it with its process, and a left-over one names a process that is
    gone. To connect to the local socket is the word.

    Signals:
        raise_requested(): Another start wants this window in front.
    """

    raise_requested = Signal()

    def __init__(self, home: Path, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._name = server_name(home)
        self._lock = QLockFile(str(home / "window.lock"))
        # Never too old: only the end of its process makes it stale.
        self._lock.setStaleLockTime(0)
        self._server: QLocalServer | None = None

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

    def ask_first_to_raise(self) -> bool:
        """Tell the first window to come to the front; whether it answered within two seconds or so."""
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
        socket.disconnectFromServer()
        return True

    def release(self) -> None:
        """Let another window start."""
        if self._server is not None:
            self._server.close()
        self._lock.unlock()

    def _on_connection(self) -> None:
        socket = self._server.nextPendingConnection() if self._server is not None else None
        if socket is not None:
            # To connect is to say it all; there is nothing to read.
            socket.close()
            socket.deleteLater()
            self.raise_requested.emit()


def server_name(home: Path) -> str:
    """The local socket's name for a data folder: short, because paths of sockets may have 108 bytes at most."""
    digest = QCryptographicHash.hash(str(home.resolve()).encode(), QCryptographicHash.Algorithm.Sha256)
    return "machina-" + bytes(digest.toHex().data()).decode()[:20]
