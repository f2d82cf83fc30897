"""A file server that answers as no honest one would: names that lead elsewhere, more data than was asked for."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.ssh.client import Target, connect
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.keys import fingerprint_of_blob
from tests.fakes.sshd import KeyPair

HOST_KEY = paramiko.ECDSAKey.generate()
KEY = KeyPair()
FOLDER, FILE, LINK = 0o040755, 0o100644, 0o120777


def facts(name: str, mode: int, size: int = 4) -> paramiko.SFTPAttributes:
    """What is told of one name."""
    told = paramiko.SFTPAttributes()
    told.filename = name
    told.st_mode, told.st_size = mode, size
    told.st_mtime = told.st_atime = 1_700_000_000
    return told


class EvilFiles(paramiko.SFTPServerInterface):  # type: ignore[misc]
    """Serves what :attr:`tree` says: folders by path, with names as they are; every file holds ``evil``."""

    tree: ClassVar[dict[str, list[paramiko.SFTPAttributes]]] = {}
    sizes: ClassVar[dict[str, int]] = {}

    def list_folder(self, path: str) -> list[paramiko.SFTPAttributes]:
        return self.tree.get(path, [])

    def stat(self, path: str) -> paramiko.SFTPAttributes:
        is_folder = path in self.tree
        return facts(path.rpartition("/")[2], FOLDER if is_folder else FILE, self.sizes.get(path, 4))

    lstat = stat

    def open(self, path: str, flags: int, attr: object) -> paramiko.SFTPHandle:
        return _EvilFile(self.stat(path))

    def canonicalize(self, path: str) -> str:
        return path if path.startswith("/") else "/"


class _EvilFile(paramiko.SFTPHandle):  # type: ignore[misc]
    def __init__(self, told: paramiko.SFTPAttributes) -> None:
        super().__init__()
        self._told = told

    def stat(self) -> paramiko.SFTPAttributes:
        return self._told

    def read(self, offset: int, length: int) -> bytes:
        return b"evil"[offset : offset + length] if self._told.st_size == 4 else b"e" * (length + 100)


class _Door(paramiko.ServerInterface):  # type: ignore[misc]
    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_auth_publickey(self, username: str, key: object) -> int:
        return int(paramiko.AUTH_SUCCESSFUL)

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"


class _RawDoor(_Door):
    """Answers the file session by hand."""

    def __init__(self, talk: Callable[[paramiko.Channel], None]) -> None:
        self._talk = talk

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        threading.Thread(target=self._talk, args=(channel,), daemon=True).start()
        return True


@contextmanager
def evil_connection(
    *,
    tree: dict[str, list[paramiko.SFTPAttributes]] | None = None,
    sizes: dict[str, int] | None = None,
    talk: Callable[[paramiko.Channel], None] | None = None,
) -> Iterator[Connection]:
    """A connection to such a server; with ``talk``, that answers the file session instead."""
    listener = socket.create_server(("127.0.0.1", 0))
    kind = type("Served", (EvilFiles,), {"tree": tree or {}, "sizes": sizes or {}})
    made: list[paramiko.Transport] = []

    def serve() -> None:
        client, _address = listener.accept()
        transport = paramiko.Transport(client)
        made.append(transport)
        transport.add_server_key(HOST_KEY)
        transport.set_subsystem_handler("sftp", paramiko.SFTPServer, kind)
        transport.start_server(event=threading.Event(), server=_RawDoor(talk) if talk is not None else _Door())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    target = Target(host="127.0.0.1", port=listener.getsockname()[1], user="somebody")
    pin = fingerprint_of_blob(HOST_KEY.asbytes())
    try:
        with connect(target, private_keys=[KEY.private], host_key=pin, timeout_s=10) as connection:
            yield connection
    finally:
        thread.join(5)
        for transport in made:
            transport.close()
        listener.close()


def packet(kind: int, body: bytes) -> bytes:
    """A packet of the file protocol."""
    return struct.pack(">IB", len(body) + 1, kind) + body
