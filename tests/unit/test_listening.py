"""Which ports programs of a machine listen at: asked through a real sshd, and read as Linux, BSD and macOS tell it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from machina_desktop.core.domain.tunnel import ListeningPort, web_address
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.listening import listening_ports, parsed
from tests.fakes.file_machine import connect_to, file_server


def test_what_listens_on_a_machine_is_found_with_whom_it_is_for(tmp_path: Path) -> None:
    with (
        file_server(tmp_path / "sshd") as server,
        connect_to(server) as connection,
        socket.create_server(("127.0.0.1", 0)) as quiet,
        socket.create_server(("0.0.0.0", 0)) as loud,
        socket.create_server(("::1", 0), family=socket.AF_INET6) as sixth,
        socket.create_server(("127.0.0.7", 0)) as seventh,
    ):
        ports = {each.port: each for each in listening_ports(connection)}
        assert server.port in ports
        for listener, host, is_open in (
            (quiet, "127.0.0.1", False),
            (loud, "127.0.0.1", True),
            (sixth, "::1", False),
            (seventh, "127.0.0.7", False),
        ):
            found = ports[listener.getsockname()[1]]
            assert (found.host, found.is_open_to_others) == (host, is_open)
        assert list(ports) == sorted(ports)


def test_a_login_that_may_run_nothing_is_said_to_tell_nothing(tmp_path: Path) -> None:
    with (
        file_server(tmp_path / "sshd", "ForceCommand /bin/echo no") as server,
        connect_to(server) as connection,
        pytest.raises(Unavailable) as refused,
    ):
        listening_ports(connection)
    assert refused.value.code == "E-TUNNEL-PORTS"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("   0: 00000000:1F90 00000000:0000 0A 00000000", ListeningPort(port=8080, is_open_to_others=True)),
        ("   1: 0100007F:1538 00000000:0000 0A 00000000", ListeningPort(port=5432)),
        ("   2: 0A00A8C0:0050 00000000:0000 0A 0", ListeningPort(port=80, host="192.168.0.10", is_open_to_others=True)),
        ("   3: 00000000000000000000000001000000:0016 0:0 0A 0", ListeningPort(port=22, host="::1")),
        ("   4: 0000000000000000FFFF00000100007F:0016 0:0 0A 0", ListeningPort(port=22)),
        ("tcp4       0      0  127.0.0.1.5432         *.*                    LISTEN", ListeningPort(port=5432)),
        ("tcp46      0      0  *.80     *.*     LISTEN", ListeningPort(port=80, is_open_to_others=True)),
        ("tcp6       0      0  ::1.631      *.*        LISTEN", ListeningPort(port=631, host="::1")),
        ("tcp        0      0 0.0.0.0:22   0.0.0.0:*   LISTEN", ListeningPort(port=22, is_open_to_others=True)),
    ],
)
def test_each_system_is_understood(line: str, found: ListeningPort) -> None:
    assert parsed([line]) == (found,)


def test_the_programs_name_is_told_where_it_is_known_and_cannot_lie_about_its_line() -> None:
    lines = [
        "   1: 0100007F:0050 00000000:0000 0A 00000000",
        'LISTEN 0 511 127.0.0.1:80 0.0.0.0:* users:(("ngi\x1bnx",pid=71,fd=6))',
        'LISTEN 0 511 127.0.0.1:81 0.0.0.0:* users:(("other",pid=71,fd=6))',
    ]
    assert parsed(lines) == (ListeningPort(port=80, program="ngi\\x1bnx"),)


def test_no_text_of_a_machine_breaks_the_reading() -> None:
    parsed(
        [
            "",
            ":",
            "tcp 0 0 x:99999999999 y LISTEN",
            "   1: ZZ:0050 0 0A 0",
            os.urandom(500).decode("latin-1"),
            "  " * 99,
        ]
    )


def test_a_browser_is_offered_for_what_may_be_a_web_page() -> None:
    assert web_address(80, 8000) == "http://127.0.0.1:8000/"
    assert web_address(8443, 8000) == "https://127.0.0.1:8000/"
    assert web_address(5432, 8000) == ""
    assert web_address(80, 0) == ""
