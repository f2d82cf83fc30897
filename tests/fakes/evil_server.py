"""Servers that answer anything at all, and a road to a real one on which answers get lost."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from machina_desktop.core.ids import now

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Evil:
    """A server on loopback that says ``say`` to every request.

    Attributes:
        requests: The heads of the requests that came, in order.
        sent: How many bytes of answers were taken from it.
    """

    say: Say
    url: str = ""
    requests: list[bytes] = field(default_factory=list)
    sent: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError, ssl.SSLError):
            while True:
                self.requests.append(await whole_request(reader))
                await self.say(writer)
                await writer.drain()
        writer.close()

    async def pour(self, writer: asyncio.StreamWriter, piece: bytes, *, times: int = 1 << 20) -> None:
        """Say it over and over, as fast as it is taken."""
        for _ in range(times):
            writer.write(piece)
            await writer.drain()
            self.sent += len(piece)


async def whole_request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of the next request."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next((line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-le")), b"0")
    return head + await reader.readexactly(int(length))


@contextlib.asynccontextmanager
async def answering(say: Say | bytes, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Evil]:
    """An evil server that runs."""

    async def plainly(writer: asyncio.StreamWriter) -> None:
        writer.write(say)  # type: ignore[arg-type]

    evil = Evil(plainly if isinstance(say, bytes) else say)
    server = await asyncio.start_server(evil.serve, "127.0.0.1", 0, ssl=tls)
    scheme, port = "https" if tls else "http", server.sockets[0].getsockname()[1]
    evil.url = f"{scheme}://localhost:{port}"
    try:
        yield evil
    finally:
        server.close()


def answer(body: bytes, *, status: str = "200 OK", kind: str = "application/json", **headers: str) -> bytes:
    """An answer in the form that is expected."""
    said = {"content-type": kind, "machina-schema": "1", "content-length": str(len(body))}
    said |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def certified(folder: Path, *, days: int = 1, name: str = "localhost") -> tuple[ssl.SSLContext, Path]:
    """What a server with a certificate of its own needs, which ends in so many days, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    at = now()
    made = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=30))
        .not_valid_after(at + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}-{days}.pem"
    file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret = folder / f"{name}-{days}.key"
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, file


Lose = Callable[[int], str]
"""What becomes of the answer to the request of that number: ``lost``, ``cut`` in the middle, or nothing."""


@dataclass
class Road:
    """Stands between a client and a server; what it is told to lose, the server has said all the same.

    Attributes:
        repeats: So often a request is sent on, with the answers to all but the last thrown away.
    """

    port: int
    lose: Lose
    repeats: Callable[[int], int] = lambda _number: 1
    url: str = ""
    count: int = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from the client."""
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            while True:
                request = await whole_request(reader)
                number, self.count = self.count, self.count + 1
                for _ in range(self.repeats(number)):
                    said = await self._asked(request)
                fate = self.lose(number)
                if fate == "lost":
                    break
                writer.write(said[: len(said) // 2] if fate == "cut" else said)
                await writer.drain()
                if fate == "cut":
                    break
        writer.close()

    async def _asked(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
        said = await reader.read()
        writer.close()
        return said


@contextlib.asynccontextmanager
async def road(port: int, lose: Lose, *, repeats: Callable[[int], int] | None = None) -> AsyncIterator[Road]:
    """A road that is open."""
    made = Road(port, lose, repeats or (lambda _number: 1))
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    made.url = f"http://localhost:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
