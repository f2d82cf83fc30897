"""An SSH server that asks for passwords and answers to prompts, which our sshd cannot without the system's accounts."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import paramiko

from machina_desktop.core.ssh.target import Target
from tests.fakes.sshd import KeyPair

_KEY = KeyPair("rsa")
FINGERPRINT = _KEY.fingerprint


class AskingServer(paramiko.ServerInterface):
    """Lets ``user`` in with the password, or with the answers to its prompts; then any shell says hello.

    Attributes:
        given: Every password that was tried.
        transport: The connection that was made last.
    """

    def __init__(self, *, password: str = "", answers: Sequence[str] = (), banner: str = "") -> None:
        self._password = password
        self._banner = banner
        self._answers = list(answers)
        self.given: list[str] = []
        self.transport: paramiko.Transport | None = None

    def get_allowed_auths(self, username: str) -> str:
        return ",".join((["password"] if self._password else []) + (["keyboard-interactive"] if self._answers else []))

    def get_banner(self) -> tuple[str, str]:
        return self._banner, "en-US"

    def check_auth_password(self, username: str, password: str) -> int:
        self.given.append(password)
        return paramiko.AUTH_SUCCESSFUL if password == self._password else paramiko.AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: object) -> object:
        return paramiko.InteractiveQuery(
            "Two steps", "Look at\x1b]0;evil\x07 your token", ("Name: ", True), ("Code: ", False)
        )

    def check_auth_interactive_response(self, responses: Sequence[str]) -> int:
        return paramiko.AUTH_SUCCESSFUL if list(responses) == self._answers else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_request: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:
        threading.Thread(target=self._greet, args=(channel,), daemon=True).start()
        return True

    @staticmethod
    def _greet(channel: paramiko.Channel) -> None:
        channel.sendall(b"hello\r\n")


@contextmanager
def asking(server: AskingServer) -> Iterator[Target]:
    """Where that server listens, for one connection after the other."""
    key = paramiko.RSAKey.from_private_key(io.StringIO(_KEY.private.reveal()))
    transports: list[paramiko.Transport] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                transport = paramiko.Transport(client)
                transport.set_log_channel("machina.ssh.transport")
                transport.add_server_key(key)
                transports.append(transport)
                server.transport = transport
                try:
                    transport.start_server(server=server)
                except (paramiko.SSHException, EOFError, OSError):
                    transport.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Target(host="127.0.0.1", port=listener.getsockname()[1], user="ada")
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for transport in transports:
                transport.close()
    thread.join(5)
