"""The ports at which programs of a machine listen: read over a connection, without root and without connecting to any.

What the kernel tells in ``/proc/net/tcp`` needs no program; ``ss`` adds names of those that the login may look at. On
systems without ``/proc``, ``netstat`` is asked.
"""

from __future__ import annotations

import ipaddress
import re
import struct

from machina_desktop.core.domain.transfer import shown_name
from machina_desktop.core.domain.tunnel import LOOPBACK, ListeningPort
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.connection import Connection

PORTS_LIMIT = 500
ASK_S = 15.0
_KERNEL = "grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2>/dev/null"
_COMMAND = (
    "if [ -r /proc/net/tcp ]; then echo proc; "
    f"{_KERNEL} | head -n 2000; ss -Hltnp 2>/dev/null | head -n 2000; "
    "else echo netstat; netstat -an 2>/dev/null | grep -i listen | head -n 2000; fi; exit 0"
)
_PROC = re.compile(r"^\s*\d+:\s+([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})\s+\S+\s+0A\s")
_SS = re.compile(r'^LISTEN\s+\d+\s+\d+\s+\S+:(\d+)\s.*users:\(\("([^"]*)"')
_NETSTAT = re.compile(r"^tcp\S*\s+\d+\s+\d+\s+(\S+)[.:](\d+)\s", re.IGNORECASE)
_ANY = "any"


def listening_ports(connection: Connection) -> tuple[ListeningPort, ...]:
    """The ports, each once, lowest first. Blocks.

    Raises:
        Unavailable: E-TUNNEL-PORTS, the machine does not tell; E-SSH-DROPPED, E-SSH-TIMEOUT.
    """
    status, said = connection.capture(_COMMAND, timeout_s=ASK_S)
    lines = said.splitlines()
    if status != 0 or not lines or lines[0] not in {"proc", "netstat"}:
        raise Unavailable(
            "The machine does not tell at which ports programs listen.",
            hint="Type the port below; its login may run no commands, or only certain ones.",
            code="E-TUNNEL-PORTS",
        )
    return parsed(lines[1:])


def parsed(lines: list[str]) -> tuple[ListeningPort, ...]:
    """What lines of ``/proc/net/tcp``, ``ss`` and ``netstat`` tell; all others are passed over."""
    hosts: dict[int, set[str]] = {}
    programs: dict[int, str] = {}
    for line in lines:
        if found := _PROC.match(line):
            hosts.setdefault(int(found[2], 16), set()).add(_kernel_address(found[1]))
        elif found := _SS.match(line):
            programs[int(found[1])] = shown_name(found[2])[:40]
        elif (found := _NETSTAT.match(line)) and 0 < int(found[2]) <= 65535:
            hosts.setdefault(int(found[2]), set()).add(_spelled_address(found[1]))
    ports = sorted(hosts)[:PORTS_LIMIT]
    return tuple(_port(port, hosts[port], programs.get(port, "")) for port in ports if port)


def _port(port: int, hosts: set[str], program: str) -> ListeningPort:
    others = sorted(host for host in hosts if host != _ANY and not ipaddress.ip_address(host).is_loopback)
    loopback = sorted(host for host in hosts if host != _ANY and host not in others)
    host = LOOPBACK if _ANY in hosts or LOOPBACK in hosts else (*loopback, *others)[0]
    return ListeningPort(port=port, host=host, program=program, is_open_to_others=bool(_ANY in hosts or others))


def _kernel_address(spelled: str) -> str:
    """An address as the kernel prints it: words of 32 bits in the order of the processor, which is little-endian."""
    words = [int(spelled[at : at + 8], 16) for at in range(0, len(spelled), 8)]
    raw = b"".join(struct.pack("<I", word) for word in words)
    address: ipaddress.IPv4Address | ipaddress.IPv6Address = (
        ipaddress.IPv4Address(raw) if len(raw) == 4 else ipaddress.IPv6Address(raw)
    )
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return _ANY if address.is_unspecified else str(address)


def _spelled_address(spelled: str) -> str:
    try:
        address = ipaddress.ip_address(spelled.strip("[]").partition("%")[0])
    except ValueError:
        # ``*``, and what netstat has shortened: it is not for this computer alone.
        return _ANY
    return _ANY if address.is_unspecified else str(address)
