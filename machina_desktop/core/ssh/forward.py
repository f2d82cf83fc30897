"""Ports forwarded over a connection: local, remote and SOCKS5; a listener outlives the connection it leads through."""

from __future__ import annotations

import errno
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import paramiko  # type: ignore[import-untyped]

from machina_desktop.core.domain.tunnel import Tunnel, TunnelKind
from machina_desktop.core.errors import Conflict, MachinaError, Unavailable
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.failures import connected
from machina_desktop.core.ssh.pump import Counts, hang_up, pump
from machina_desktop.core.ssh.socks import Reply, SocksRequest, read_request, reply
from machina_desktop.core.ssh.target import lost

LOG = logging.getLogger(__name__)
CONNECTIONS_LIMIT = 200
"""So many connections go through one tunnel at a time, or are on the way to it; more are turned away."""

OPEN_S = 20.0
_ACCEPT_S = 0.5
_GREETING_S = 10.0
_PROHIBITED = 1


class PortTaken(Conflict):
    """Something listens at that port already; ``free_port`` is one that is free, 0 where none was found."""

    default_code = "E-TUNNEL-PORT"

    def __init__(self, message: str, *, free_port: int, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.free_port = free_port


@dataclass(frozen=True)
class Way:
    """Where a connection through a tunnel leads: a host as the far side knows it, and a port."""

    host: str
    port: int


class Forward:
    """One tunnel while it is wanted: the listener, and the connections through it. Safe from any thread.

    Attributes:
        counts: What goes through it.
        problem: What the newest connection through it failed of; ``None`` once one has succeeded.
    """

    def __init__(self, tunnel: Tunnel, *, on_change: Callable[[], None]) -> None:
        """``on_change`` is called from any thread when :attr:`counts` or :attr:`problem` are others."""
        self.tunnel = tunnel
        self.counts = Counts(on_change)
        self.problem: MachinaError | None = None
        self._on_change = on_change
        self._connection: Connection | None = None
        self._listener: socket.socket | None = None
        self._remote: tuple[str, int] | None = None
        self._places = threading.Semaphore(CONNECTIONS_LIMIT)
        self._is_closed = threading.Event()
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        """Where it listens now; 0 while it does not."""
        with self._lock:
            if self._remote is not None:
                return self._remote[1]
            return int(self._listener.getsockname()[1]) if self._listener is not None else 0

    def listen(self) -> None:
        """Take the port on this computer; for REMOTE, there is nothing to take here.

        Raises:
            PortTaken: another program has it.
            Unavailable: E-TUNNEL-BIND, it cannot be had.
        """
        if self.tunnel.kind is TunnelKind.REMOTE:
            return
        listener = listening_at(self.tunnel.bind_host, self.tunnel.bind_port)
        listener.settimeout(_ACCEPT_S)
        with self._lock:
            self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), name="tunnel-listener", daemon=True).start()

    def attach(self, connection: Connection) -> None:
        """Lead through this connection from now on, in place of a former one. Blocks.

        Raises:
            Unavailable: E-TUNNEL-REFUSED, the machine does not listen for us; E-SSH-DROPPED.
        """
        if self.tunnel.kind is TunnelKind.REMOTE:
            self._ask_to_listen(connection)
        with self._lock:
            self._connection = connection

    def detach(self) -> None:
        """The connection is gone; what comes meanwhile is turned away."""
        with self._lock:
            self._connection = None
            self._remote = None

    def close(self) -> None:
        """Give the port back and end every connection through it."""
        self._is_closed.set()
        with self._lock:
            listener, self._listener = self._listener, None
            remote, self._remote = self._remote, None
            connection, self._connection = self._connection, None
        if listener is not None:
            listener.close()
        if remote is not None and connection is not None and connection.is_alive:
            with suppress(paramiko.SSHException, OSError, EOFError):
                connection.transport.cancel_port_forward(*remote)
        self.counts.end_all()

    def _accept(self, listener: socket.socket) -> None:
        while not self._is_closed.is_set():
            try:
                client, address = listener.accept()
            except TimeoutError:
                continue
            except OSError:
                # Closed by us; or out of descriptors, which passes.
                self._is_closed.wait(0.1)
                continue
            origin = (str(address[0]), int(address[1]))
            threading.Thread(target=self._serve, args=(client, origin), name="tunnel", daemon=True).start()

    @contextmanager
    def _place(self) -> Iterator[bool]:
        """Whether there is room for one more, which is held meanwhile."""
        is_free = self._places.acquire(blocking=False)
        if not is_free:
            self._note(_too_many(self.tunnel))
        try:
            yield is_free
        finally:
            if is_free:
                self._places.release()

    def _serve(self, client: socket.socket, origin: tuple[str, int]) -> None:
        with client, self._place() as is_free:
            if not is_free:
                return
            client.settimeout(_GREETING_S)
            with suppress(OSError):
                if self.tunnel.kind is TunnelKind.SOCKS:
                    self._serve_socks(client, origin)
                else:
                    way = Way(self.tunnel.target_host, self.tunnel.target_port)
                    with suppress(MachinaError):
                        self._carry(client, self._channel(way, origin))

    def _serve_socks(self, client: socket.socket, origin: tuple[str, int]) -> None:
        request = read_request(client)
        if not isinstance(request, SocksRequest):
            client.sendall(reply(request))
            return
        try:
            channel = self._channel(Way(request.host, request.port), origin)
        except MachinaError as error:
            refused = Reply.NOT_ALLOWED if error.code == "E-TUNNEL-DENIED" else Reply.REFUSED
            client.sendall(reply(refused))
            return
        client.sendall(reply(Reply.SUCCEEDED))
        self._carry(client, channel)

    def _carry(self, client: socket.socket, channel: paramiko.Channel) -> None:
        self._note(None)
        pump(client, channel, self.counts)

    def _channel(self, way: Way, origin: tuple[str, int]) -> paramiko.Channel:
        with self._lock:
            connection = self._connection
        try:
            if connection is None:
                raise Unavailable(
                    "The tunnel's connection to the machine is being made again.", code="E-TUNNEL-WAITING"
                )
            return _opened(connection, way, origin)
        except MachinaError as error:
            self._note(error)
            raise

    def _ask_to_listen(self, connection: Connection) -> None:
        asked = (self.tunnel.bind_host, self.tunnel.bind_port)
        try:
            with connected(connection.target):
                port = _requested(connection, asked, self._on_far_connection)
        except Unavailable as error:
            if not connection.is_alive:
                raise lost(connection.target) from error
            raise Unavailable(
                f"{connection.target.host} does not listen at port {self.tunnel.bind_port} for this tunnel.",
                hint="The port may be taken there, or its sshd_config forbids it (AllowTcpForwarding, GatewayPorts).",
                code="E-TUNNEL-REFUSED",
            ) from error
        with self._lock:
            self._remote = (self.tunnel.bind_host, port)

    def _on_far_connection(self, channel: paramiko.Channel, origin: tuple[str, int], server: tuple[str, int]) -> None:
        """Somebody has connected on the machine. Called on the transport's thread, which must go on."""
        del origin, server
        threading.Thread(target=self._serve_far, args=(channel,), name="tunnel", daemon=True).start()

    def _serve_far(self, channel: paramiko.Channel) -> None:
        with self._place() as is_free:
            if is_free:
                self._carry_far(channel)
            else:
                hang_up(channel)

    def _carry_far(self, channel: paramiko.Channel) -> None:
        where = (self.tunnel.target_host, self.tunnel.target_port)
        try:
            client = socket.create_connection(where, timeout=_GREETING_S)
        except OSError as error:
            hang_up(channel)
            self._note(
                Unavailable(
                    f"Nothing here accepts connections at {where[0]}, port {where[1]}: {error.strerror or error}.",
                    hint="Start the program the tunnel leads to.",
                    code="E-TUNNEL-TARGET",
                )
            )
            return
        with client:
            self._carry(client, channel)

    def _note(self, problem: MachinaError | None) -> None:
        if problem is not self.problem:
            self.problem = problem
            self._on_change()


def listening_at(host: str, port: int) -> socket.socket:
    """A listener on this computer.

    Raises:
        PortTaken: another program has the port.
        Unavailable: E-TUNNEL-BIND.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=64)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            free = free_port_after(host, port)
            raise PortTaken(
                f"Port {port} on this computer is taken by another program.",
                free_port=free,
                hint=f"Port {free} is free." if free else "Choose another port.",
            ) from error
        reason = error.strerror or "it is no address of this computer"
        hint = "Ports below 1024 need special rights; choose a higher one." if 0 < port < 1024 else ""
        raise Unavailable(
            f"This computer cannot listen at {host}, port {port}: {reason}.", hint=hint, code="E-TUNNEL-BIND"
        ) from error
    except (UnicodeError, OverflowError) as error:
        raise Unavailable(f"{host} is no address of this computer.", code="E-TUNNEL-BIND") from error


def free_port_after(host: str, port: int, *, tries: int = 100) -> int:
    """The next port above ``port`` that is free right now; 0 for none within ``tries``."""
    for candidate in range(port + 1, min(port + 1 + tries, 65536)):
        with suppress(OSError), socket.create_server((host, candidate)):
            return candidate
    return 0


def _opened(connection: Connection, way: Way, origin: tuple[str, int]) -> paramiko.Channel:
    with connected(connection.target):
        try:
            return connection.transport.open_channel("direct-tcpip", (way.host, way.port), origin, timeout=OPEN_S)
        except paramiko.ChannelException as error:
            if error.code == _PROHIBITED:
                raise Unavailable(
                    f"{connection.target.host} does not forward connections.",
                    hint="Set AllowTcpForwarding yes in its sshd_config, and look at PermitOpen.",
                    code="E-TUNNEL-DENIED",
                ) from error
            raise Unavailable(
                f"{connection.target.host} reaches nothing at {way.host}, port {way.port}.",
                hint="Look whether the service runs there and listens at that address.",
                code="E-TUNNEL-TARGET",
            ) from error


def _requested(
    connection: Connection,
    asked: tuple[str, int],
    handler: Callable[[paramiko.Channel, tuple[str, int], tuple[str, int]], None],
) -> int:
    return int(connection.transport.request_port_forward(*asked, handler))


def _too_many(tunnel: Tunnel) -> Conflict:
    return Conflict(
        f"{CONNECTIONS_LIMIT} connections go through the tunnel {tunnel.label or tunnel.tunnel_id} already.",
        hint="Close some, or open a second tunnel.",
        code="E-TUNNEL-FULL",
    )
