"""Ports forwarded through a real sshd: local, remote and SOCKS5; ends are handed on, refusals named."""

from __future__ import annotations

import select
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from machina_desktop.core.domain.tunnel import OpenToOthers, Tunnel, TunnelKind, check_tunnel, is_loopback
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.ssh import forward as forward_module
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.forward import Forward, PortTaken, free_port_after, listening_at
from tests.fakes.file_machine import connect_to, file_server
from tests.fakes.ports import free_port
from tests.fakes.sshd import Sshd, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@pytest.fixture
def connection(server: Sshd) -> Iterator[Connection]:
    with connect_to(server) as opened:
        yield opened


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a service that sends everything back, and ends when its client has."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(client: socket.socket) -> None:
        with client:
            while data := client.recv(65_536):
                client.sendall(data)

    def accept() -> None:
        while True:
            try:
                client, _address = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    yield int(listener.getsockname()[1])
    # Closing alone leaves whoever waits for a connection waiting.
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    accepting.join(10)
    assert not accepting.is_alive()


def tunnel(kind: TunnelKind = TunnelKind.LOCAL, **facts: object) -> Tunnel:
    return Tunnel(tunnel_id="tunnel-1", machine_id="machine-1", kind=kind, **facts)  # type: ignore[arg-type]


@contextmanager
def opened(wanted: Tunnel, connection: Connection | None) -> Iterator[Forward]:
    forward = Forward(wanted, on_change=lambda: None)
    try:
        forward.listen()
        if connection is not None:
            forward.attach(connection)
        yield forward
    finally:
        forward.close()


def said_by(port: int, data: bytes = b"ping") -> bytes:
    """What comes back when ``data`` has been sent and that side has ended; nothing when it is hung up on."""
    # Hung up on before its side ends, a socket is not connected any more; that comes back as nothing as well.
    with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as client:
        answer = b""
        with suppress(ConnectionError):
            client.sendall(data)
            with suppress(OSError):
                client.shutdown(socket.SHUT_WR)
            while more := client.recv(65_536):
                answer += more
        return answer


def test_a_local_port_leads_to_a_port_of_the_machine(connection: Connection, echo: int) -> None:
    with opened(tunnel(target_port=echo), connection) as forward:
        data = b"x" * 3_000_000
        assert said_by(forward.port, data) == data
        wait_until(lambda: forward.counts.open == 0, "the connection to end")
        assert (forward.counts.ever, forward.counts.sent, forward.counts.received) == (1, len(data), len(data))


def test_many_connections_go_through_at_once(connection: Connection, echo: int) -> None:
    with opened(tunnel(target_port=echo), connection) as forward:
        clients = [socket.create_connection(("127.0.0.1", forward.port), timeout=10) for _ in range(20)]
        for number, client in enumerate(clients):
            client.sendall(struct.pack(">I", number))
        for number, client in enumerate(clients):
            assert client.recv(4) == struct.pack(">I", number)
            client.close()


def test_who_only_connects_takes_a_place_too_and_gives_it_back(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forward_module, "CONNECTIONS_LIMIT", 2)
    with opened(tunnel(TunnelKind.SOCKS), connection) as forward, ExitStack() as stack:
        address = ("127.0.0.1", forward.port)
        clients = [stack.enter_context(socket.create_connection(address, timeout=5)) for _ in range(3)]
        ((turned_away,), _, _) = select.select(clients, [], [], 5)
        assert turned_away.recv(1) == b""
        assert forward.problem is not None
        assert forward.problem.code == "E-TUNNEL-FULL"
        for client in clients:
            client.close()
        wait_until(lambda: forward._places.acquire(blocking=False), "a place")


def test_only_this_computer_reaches_a_local_port(connection: Connection, echo: int) -> None:
    with opened(tunnel(target_port=echo), connection) as forward:
        assert forward._listener is not None
        assert forward._listener.getsockname()[0] == "127.0.0.1"


def test_a_remote_port_leads_to_a_port_here(connection: Connection, echo: int) -> None:
    with opened(tunnel(TunnelKind.REMOTE, target_port=echo), connection) as forward:
        assert forward.port > 0
        assert said_by(forward.port, b"from there") == b"from there"
        port = forward.port
    with pytest.raises(ConnectionRefusedError):
        said_by(port)


def test_a_remote_port_that_is_taken_is_refused(connection: Connection, echo: int) -> None:
    with opened(tunnel(TunnelKind.REMOTE, bind_port=echo, target_port=1), None) as forward:
        with pytest.raises(Unavailable) as refused:
            forward.attach(connection)
        assert refused.value.code == "E-TUNNEL-REFUSED"


def test_a_port_that_is_taken_here_is_named_with_a_free_one(echo: int) -> None:
    with pytest.raises(PortTaken) as taken:
        listening_at("127.0.0.1", echo)
    assert taken.value.free_port > echo
    assert str(taken.value.free_port) in taken.value.hint
    listening_at("127.0.0.1", taken.value.free_port).close()


def test_the_next_free_port_is_free() -> None:
    port = free_port()
    found = free_port_after("127.0.0.1", port)
    assert found > port


@pytest.mark.parametrize("host", ["203.0.113.77", "no.such.host.invalid", "a" * 300])
def test_an_address_that_is_not_of_this_computer_is_refused(host: str) -> None:
    with pytest.raises(Unavailable) as refused:
        listening_at(host, 0)
    assert refused.value.code == "E-TUNNEL-BIND"


def test_where_nothing_listens_the_connection_ends_and_the_reason_is_kept(connection: Connection) -> None:
    with opened(tunnel(target_port=free_port()), connection) as forward:
        assert said_by(forward.port, b"") == b""
        wait_until(lambda: forward.problem is not None, "the reason")
        assert forward.problem is not None
        assert forward.problem.code == "E-TUNNEL-TARGET"


def test_a_server_that_forbids_it_is_named_as_such(tmp_path: Path, echo: int) -> None:
    with (
        file_server(tmp_path / "strict", "AllowTcpForwarding no") as strict,
        connect_to(strict) as there,
        opened(tunnel(target_port=echo), there) as forward,
    ):
        said_by(forward.port, b"")
        wait_until(lambda: forward.problem is not None, "the reason")
        assert forward.problem is not None
        assert forward.problem.code == "E-TUNNEL-DENIED"


def test_without_a_connection_nobody_is_kept_waiting(echo: int) -> None:
    with opened(tunnel(target_port=echo), None) as forward:
        assert said_by(forward.port, b"") == b""


def asked(port: int, request: bytes, *, greeting: bytes = b"\x05\x01\x00") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(greeting)
    assert client.recv(2) == b"\x05\x00"
    client.sendall(request)
    return client


@pytest.mark.parametrize(
    "address",
    [b"\x01" + socket.inet_aton("127.0.0.1"), b"\x03\x09localhost"],
    ids=["address", "name"],
)
def test_socks_leads_where_the_client_says(connection: Connection, echo: int, address: bytes) -> None:
    request = b"\x05\x01\x00" + address + struct.pack(">H", echo)
    with opened(tunnel(TunnelKind.SOCKS), connection) as forward, asked(forward.port, request) as client:
        assert client.recv(10)[:2] == b"\x05\x00"
        client.sendall(b"hello")
        assert client.recv(5) == b"hello"


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (b"\x05\x02\x00\x01" + bytes(6), 7),
        (b"\x05\x01\x00\x09" + bytes(6), 8),
        (b"\x05\x01\x00\x01" + socket.inet_aton("127.0.0.1") + b"\x00\x01", 5),
        (b"\x05\x01\x00\x03\x05a b\x01c\x00\x50", 1),
    ],
    ids=["bind", "address type", "closed port", "no name"],
)
def test_socks_answers_what_it_cannot_do(connection: Connection, request_: bytes, reply: int) -> None:
    with opened(tunnel(TunnelKind.SOCKS), connection) as forward, asked(forward.port, request_) as client:
        assert client.recv(10)[1] == reply


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x04\x01\x00\x50", b"\x05\x01\x02"])
def test_what_does_not_speak_socks_is_hung_up_on(connection: Connection, data: bytes) -> None:
    with opened(tunnel(TunnelKind.SOCKS), connection) as forward:
        assert said_by(forward.port, data) in {b"", b"\x05\xff"}
        assert said_by(forward.port, b"") == b""


def test_closing_a_tunnel_ends_what_goes_through_it(connection: Connection, echo: int) -> None:
    with opened(tunnel(target_port=echo), connection) as forward:
        client = socket.create_connection(("127.0.0.1", forward.port), timeout=10)
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        forward.close()
        assert client.recv(1) == b""
        wait_until(lambda: forward.counts.open == 0, "the connection to end")
        client.close()
    assert connection.is_alive


@pytest.mark.parametrize(("host", "is_ours"), [("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("lan", False)])
def test_only_loopback_is_for_this_computer_alone(host: str, is_ours: bool) -> None:  # noqa: FBT001
    assert is_loopback(host) is is_ours
    wanted = tunnel(bind_host=host, target_port=80)
    if not is_ours:
        with pytest.raises(OpenToOthers) as asked_first:
            check_tunnel(wanted, may_be_open=False)
        assert "127.0.0.1" in asked_first.value.hint
    assert check_tunnel(wanted, may_be_open=True) == wanted


@pytest.mark.parametrize("facts", [{"target_port": 0}, {"target_port": 70_000}, {"bind_port": -1, "target_port": 1}])
def test_what_is_no_port_is_refused(facts: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        check_tunnel(tunnel(**facts), may_be_open=False)
