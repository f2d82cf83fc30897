"""The practice machine itself: an SSH server on 127.0.0.1 that outlives the application.

Started by :mod:`machina_desktop.core.providers.sandbox` as ``python -I -m … FOLDER``. The folder,
private to the user, holds

``config.json``
    ``name``, ``user`` (the only login name) and ``port``.
``host_key``, ``authorized_keys``
    The server's ed25519 key and the public keys that may log in; the latter is read at every login.
``home``
    Where shells begin and what SFTP shows as ``/``.
``server.json``
    Written here while it runs: ``pid``, ``start`` (of the process), ``boot`` (of the computer), ``port`` and
    ``boot_id``, which is new at each start.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pwd
import select
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core import ids
from machina_desktop.core.config import environment
from machina_desktop.core.process import boot_id, process_start_time
from machina_desktop.core.providers.sandbox_files import HomeFiles
from machina_desktop.core.providers.sandbox_session import MARK, Session, Terminal, end_leftovers

_LOGIN_TIMEOUT_S = 30.0
_MAXIMUM_STRANGERS = 16
"""Connections that may be open without a login, as sshd's MaxStartups."""

_LOOK_S = 0.5
_POLL_S = 0.02


class Guard(paramiko.ServerInterface):  # type: ignore[misc]
    """What one connection may do: log in with a listed key, then sessions and SFTP; no forwarding of any kind."""

    def __init__(self, folder: Path, *, user: str, environment: dict[str, str]) -> None:
        self._folder = folder
        self._user = user
        self._environment = environment
        self._terminals: dict[int, Terminal] = {}
        self._variables: dict[int, dict[str, str]] = {}
        self._sessions: dict[int, Session] = {}

    def get_allowed_auths(self, username: str) -> str:
        """Keys only."""
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Whether the key is listed; called before and again with the signature checked."""
        if username == self._user and key.get_base64() in _listed_keys(self._folder / "authorized_keys"):
            return int(paramiko.AUTH_SUCCESSFUL)
        return int(paramiko.AUTH_FAILED)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions; asked for only after the login."""
        if kind == "session":
            return int(paramiko.OPEN_SUCCEEDED)
        return int(paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)

    def check_channel_pty_request(  # noqa: PLR0917 - paramiko passes them by position
        self, channel: paramiko.Channel, term: bytes, width: int, height: int, px: int, py: int, modes: bytes
    ) -> bool:
        """Remembered until a shell or command starts on it."""
        name = term.decode("ascii", "replace") if isinstance(term, bytes) else term
        self._terminals[channel.get_id()] = Terminal(name=name, columns=width, rows=height)
        return True

    def check_channel_env_request(self, channel: paramiko.Channel, name: bytes, value: bytes) -> bool:
        """Language settings, as Debian's sshd accepts them."""
        text = name.decode("ascii", "replace")
        if text != "LANG" and not text.startswith("LC_"):
            return False
        self._variables.setdefault(channel.get_id(), {})[text] = value.decode("utf-8", "replace").replace("\0", "")
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        """A shell in the home folder."""
        return self._begin(channel, command=None)

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """One command line for the user's shell."""
        return b"\0" not in command and self._begin(channel, command=os.fsdecode(command))

    def check_channel_window_change_request(
        self, channel: paramiko.Channel, width: int, height: int, px: int, py: int
    ) -> bool:
        """Passed on to the terminal."""
        session = self._sessions.get(channel.get_id())
        if session is None:
            return False
        session.resize(columns=width, rows=height)
        return True

    def _begin(self, channel: paramiko.Channel, *, command: str | None) -> bool:
        number = channel.get_id()
        if number in self._sessions:
            return False
        environment = self._environment | self._variables.get(number, {})
        session = Session(channel, command=command, terminal=self._terminals.get(number), environment=environment)
        self._sessions[number] = session
        return True

    def answered(self, channel: paramiko.Channel) -> None:
        """The client has been told yes: its session starts now, or a short one could end before the answer."""
        session = self._sessions.get(channel.get_id())
        if session is not None and session.ident is None:
            session.start()


def _handle_request(channel: paramiko.Channel, message: paramiko.Message) -> None:
    # paramiko asks the guard and sends the answer in here, and tells nobody that it has.
    paramiko.Channel._handle_request(channel, message)  # noqa: SLF001
    channel.get_transport().server_object.answered(channel)


class AnsweringTransport(paramiko.Transport):  # type: ignore[misc]
    """Lets a session start only after its request was answered."""

    _channel_handler_table = paramiko.Transport._channel_handler_table | {  # noqa: SLF001
        paramiko.common.MSG_CHANNEL_REQUEST: _handle_request
    }


class Server:
    """Accepts connections until told to stop. One thread per connection, made by paramiko."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        self._folder = folder
        self._user: str = config["user"]
        self._environment = _environment(folder, config["name"], self._user)
        self._host_key = paramiko.Ed25519Key.from_private_key_file(str(folder / "host_key"))
        self._stopping = threading.Event()
        self._wake, self._alarm = socket.socketpair()
        self._strangers = threading.BoundedSemaphore(_MAXIMUM_STRANGERS)
        self._transports: set[paramiko.Transport] = set()
        self._listener = _listener(config["port"])

    def stop(self) -> None:
        """End soon; may be called from a signal handler."""
        self._stopping.set()
        self._alarm.close()

    def serve(self) -> None:
        """Work until :meth:`stop`, or until the folder is gone; then end every process that was started here."""
        record = self._folder / "server.json"
        _write(record, self._describe())
        try:
            self._listener.setblocking(False)
            while not self._stopping.is_set() and record.exists():
                self._accept()
        finally:
            record.unlink(missing_ok=True)
            self._listener.close()
            for transport in list(self._transports):
                transport.close()
            end_leftovers(self._folder)

    def _describe(self) -> dict[str, object]:
        pid = os.getpid()
        return {
            "pid": pid,
            "start": process_start_time(pid),
            "boot": boot_id(),
            "port": self._listener.getsockname()[1],
            "boot_id": ids.new_id("boot"),
        }

    def _accept(self) -> None:
        waiting, _, _ = select.select([self._listener, self._wake], [], [], _LOOK_S)
        if self._listener not in waiting:
            return
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # Such as: too many open files. It passes.
            self._stopping.wait(_LOOK_S)
            return
        client.setblocking(True)
        if not self._strangers.acquire(blocking=False):
            client.close()
            return
        threading.Thread(target=self._welcome, args=(client,), name="connection", daemon=True).start()

    def _welcome(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        guard = Guard(self._folder, user=self._user, environment=self._environment)
        transport = AnsweringTransport(client)
        self._transports.add(transport)
        try:
            transport.add_server_key(self._host_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, HomeFiles, root=self._folder / "home")
            transport.start_server(event=threading.Event(), server=guard)
            _wait_for_login(transport)
        finally:
            self._strangers.release()
        transport.join()
        self._transports.discard(transport)


def main(folder: Path) -> int:
    """Serve ``folder`` until SIGTERM; at most one server per folder, a second one ends at once."""
    # Clients may send what they like; nobody reads here what paramiko thinks of it.
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)
    os.umask(0o077)
    if not _take_lock(folder):
        return 0
    # What an earlier run left behind when it was killed would not survive a power cut either.
    (folder / "server.json").unlink(missing_ok=True)
    end_leftovers(folder)
    server = Server(folder)
    # Not SIG_IGN: every program started from here would ignore them, too.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, lambda _number, _frame: None)
    signal.signal(signal.SIGTERM, lambda _number, _frame: server.stop())
    server.serve()
    return 0


def _take_lock(folder: Path) -> bool:
    """Whether this process is the folder's server now; the lock goes with the process.

    Where another one holds it, wait until that one has either come up or gone.
    """
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if (folder / "server.json").exists():
                return False
            time.sleep(_POLL_S)
        else:
            return True


def _wait_for_login(transport: paramiko.Transport) -> None:
    deadline = time.monotonic() + _LOGIN_TIMEOUT_S
    while transport.is_active() and not transport.is_authenticated():
        if time.monotonic() > deadline:
            transport.close()
        transport.join(0.1)


def _listener(port: int) -> socket.socket:
    """Listening on the machine's port, or on another one where somebody else took it meanwhile."""
    try:
        return socket.create_server(("127.0.0.1", port), backlog=32)
    except OSError:
        return socket.create_server(("127.0.0.1", 0), backlog=32)


def _listed_keys(path: Path) -> set[str]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return set()
    return {words[1] for words in map(str.split, lines) if len(words) > 1}


def _environment(folder: Path, name: str, user: str) -> dict[str, str]:
    inherited = {key: value for key, value in environment().items() if key in {"PATH", "LANG", "LC_ALL", "TMPDIR"}}
    return inherited | {
        "HOME": str(folder / "home"),
        "SHELL": _shell(),
        "USER": user,
        "LOGNAME": user,
        # For shells without a start-up file in the home folder; plain, because each has its own escapes.
        "PS1": f"practice:{name}$ ",
        MARK: str(folder),
    }


def _shell() -> str:
    shell = Path(pwd.getpwuid(os.getuid()).pw_shell)
    # Service accounts have a program there that refuses to be a shell.
    return str(shell) if os.access(shell, os.X_OK) and shell.name not in {"nologin", "false"} else "/bin/sh"


def _write(path: Path, content: dict[str, object]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(content))
    temporary.replace(path)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
