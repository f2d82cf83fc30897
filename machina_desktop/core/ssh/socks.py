"""The server's side of SOCKS5: no authentication, CONNECT only, names are left to the far end (RFC 1928)."""

from __future__ import annotations

import ipaddress
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

_VERSION = 5
_NO_AUTHENTICATION = 0
_NONE_ACCEPTABLE = 0xFF
_CONNECT = 1
_IPV4, _NAME, _IPV6 = 1, 3, 4


class Reply(IntEnum):
    """What a request is answered with (RFC 1928, 6)."""

    SUCCEEDED = 0
    FAILED = 1
    NOT_ALLOWED = 2
    REFUSED = 5
    NO_SUCH_COMMAND = 7
    NO_SUCH_ADDRESS_TYPE = 8


@dataclass(frozen=True)
class SocksRequest:
    """Where somebody wants to be connected to; a name is not resolved."""

    host: str
    port: int


def read_request(client: socket.socket) -> SocksRequest | Reply:
    """Greet a client and read what it wants; the answer is a reply where that cannot be done.

    Raises:
        OSError: it speaks another protocol, is too slow or has hung up.
    """
    version, count = _exactly(client, 2)
    if version != _VERSION:
        raise ConnectionAbortedError("not SOCKS5")
    methods = _exactly(client, count)
    if _NO_AUTHENTICATION not in methods:
        client.sendall(bytes((_VERSION, _NONE_ACCEPTABLE)))
        raise ConnectionAbortedError("no method that is known")
    client.sendall(bytes((_VERSION, _NO_AUTHENTICATION)))
    version, command, _reserved, kind = _exactly(client, 4)
    if version != _VERSION:
        raise ConnectionAbortedError("not SOCKS5")
    host = _host(client, kind)
    if host is None:
        return Reply.NO_SUCH_ADDRESS_TYPE
    (port,) = struct.unpack(">H", _exactly(client, 2))
    if command != _CONNECT:
        return Reply.NO_SUCH_COMMAND
    return SocksRequest(host, int(port)) if host else Reply.FAILED


def reply(code: Reply) -> bytes:
    """The answer to a request; the address it came from is of no use to anybody and stays empty."""
    return struct.pack(">BBBB4sH", _VERSION, code, 0, _IPV4, bytes(4), 0)


def _host(client: socket.socket, kind: int) -> str | None:
    if kind == _IPV4:
        return str(ipaddress.IPv4Address(_exactly(client, 4)))
    if kind == _IPV6:
        return str(ipaddress.IPv6Address(_exactly(client, 16)))
    if kind == _NAME:
        (length,) = _exactly(client, 1)
        name = _exactly(client, length).decode("ascii", "replace")
        return name if name.isprintable() and " " not in name and "\ufffd" not in name else ""
    return None


def _exactly(client: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = client.recv(size - len(data))
        if not more:
            raise ConnectionResetError("hung up")
        data += more
    return data
