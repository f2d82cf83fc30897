"""One window per data folder: the first one holds a lock, a second start hands its link over and has it raised."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCryptographicHash, QDeadlineTimer, QLockFile, QObject, QThread, QTimer, Signal

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
        self._callers: list[_Caller] = []

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
        for caller in tuple(self._callers):
            caller.end()
        self._lock.unlock()

    def _on_connection(self) -> None:
        while self._server is not None and (socket := self._server.nextPendingConnection()) is not None:
            if len(self._callers) >= CALLERS:
                socket.abort()
                socket.deleteLater()
                continue
            caller = _Caller(socket)
            caller.ended.connect(self._on_ended)
            self._callers.append(caller)
            self.raise_requested.emit()
            caller.hear()

    def _on_ended(self, line: str) -> None:
        self._callers = [caller for caller in self._callers if not caller.is_over]
        if line:
            self.link_received.emit(line)


class _Caller(QObject):
    """Somebody who has connected; dismissed after one line, when gone, or when the time is over.

    Attributes:
        is_over: Whether it was dismissed.

    Signals:
        ended(str): The line that was said, without its end; empty for none. Once.
    """

    ended = Signal(str)

    def __init__(self, socket: QLocalSocket) -> None:
        super().__init__(socket)
        self._socket = socket
        self.is_over = False
        # What is sent beyond it stays with the sender.
        socket.setReadBufferSize(LONGEST + 2)
        socket.readyRead.connect(self.hear)
        socket.disconnected.connect(self.end)
        patience = QTimer(self, singleShot=True, interval=LINE_MS)
        patience.timeout.connect(self.end)
        patience.start()

    def hear(self) -> None:
        """Take the line once it is whole, or more than a link can be."""
        if self._socket.canReadLine() or self._socket.bytesAvailable() > LONGEST:
            self.end()

    def end(self) -> None:
        """Dismiss it; a line that is whole still counts."""
        if self.is_over:
            return
        self.is_over = True
        is_said = self._socket.canReadLine() or self._socket.bytesAvailable() > LONGEST
        line = bytes(self._socket.readLine(LONGEST + 2).data()) if is_said else b""
        self._socket.abort()
        self._socket.deleteLater()
        self.ended.emit(line.decode(errors="replace").strip())


def server_name(home: Path) -> str:
    """The local socket's name for a data folder: short, because paths of sockets may have 108 bytes at most."""
    digest = QCryptographicHash.hash(str(home.resolve()).encode(), QCryptographicHash.Algorithm.Sha256)
    return "machina-" + bytes(digest.toHex().data()).decode()[:20]
