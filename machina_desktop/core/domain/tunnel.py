"""Tunnels: ports forwarded through SSH connections to machines (RFC 4254, 7; SOCKS5 is RFC 1928)."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import StrEnum

from machina_desktop.core.errors import InvalidInput, MachinaError

LOOPBACK = "127.0.0.1"


class TunnelKind(StrEnum):
    """Where a tunnel listens, and who says where it leads."""

    LOCAL = "local"
    REMOTE = "remote"
    SOCKS = "socks"


class TunnelState(StrEnum):
    """How a tunnel stands."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    LISTENING = "listening"
    RECONNECTING = "reconnecting"
    FAILED = "failed"

    @property
    def is_active(self) -> bool:
        """Whether it listens, or shall do so as soon as it can."""
        return self in (TunnelState.CONNECTING, TunnelState.LISTENING, TunnelState.RECONNECTING)


@dataclass(frozen=True, kw_only=True)
class Tunnel:
    """A way through a machine, as it is saved on this computer.

    Attributes:
        bind_host: Where it listens: on this computer for LOCAL and SOCKS, on the machine for REMOTE.
        bind_port: 0 takes any free port.
        target_host: What it leads to: seen from the machine for LOCAL, from this computer for REMOTE; SOCKS has none.
        is_saved: It is kept for the next start of the program.
    """

    tunnel_id: str
    machine_id: str
    kind: TunnelKind = TunnelKind.LOCAL
    bind_host: str = LOOPBACK
    bind_port: int = 0
    target_host: str = LOOPBACK
    target_port: int = 0
    label: str = ""
    is_saved: bool = False

    @property
    def is_open_to_others(self) -> bool:
        """Whether other computers reach where it listens, for which somebody must have been asked."""
        return not is_loopback(self.bind_host)


@dataclass(frozen=True, kw_only=True)
class TunnelStatus:
    """A tunnel and how it stands.

    Attributes:
        port: Where it listens now; 0 while it does not.
        connections: Open now.
        connections_ever: Since it was started.
        bytes_sent: Towards the target; ``bytes_received`` come back from it.
        problem: Why it does not stand, or what the newest connection through it failed of.
        is_answered: Whether something listens where it leads; ``None`` where that is not known.
    """

    tunnel: Tunnel
    state: TunnelState = TunnelState.STOPPED
    port: int = 0
    connections: int = 0
    connections_ever: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    problem: MachinaError | None = None
    is_answered: bool | None = None


@dataclass(frozen=True, kw_only=True)
class ListeningPort:
    """A TCP port at which some program of a machine listens.

    Attributes:
        host: Where a tunnel leads to reach it: a loopback address, or the only address it listens at.
        program: The program's name, where the login may see it.
        is_open_to_others: Other computers reach it without a tunnel, as far as no firewall is in the way.
    """

    port: int
    host: str = LOOPBACK
    program: str = ""
    is_open_to_others: bool = False

    @property
    def service(self) -> str:
        """What usually listens at that port; empty where nothing does."""
        return SERVICES.get(self.port, "")


SERVICES = {
    21: "FTP",
    22: "SSH",
    25: "SMTP",
    53: "DNS",
    80: "HTTP",
    110: "POP3",
    143: "IMAP",
    389: "LDAP",
    443: "HTTPS",
    445: "SMB",
    465: "SMTPS",
    587: "SMTP submission",
    631: "CUPS",
    636: "LDAPS",
    993: "IMAPS",
    1433: "SQL Server",
    1521: "Oracle",
    1883: "MQTT",
    2375: "Docker",
    2376: "Docker",
    2379: "etcd",
    3000: "Grafana",
    3306: "MySQL",
    3389: "RDP",
    4222: "NATS",
    5000: "Registry",
    5432: "PostgreSQL",
    5601: "Kibana",
    5672: "RabbitMQ",
    5900: "VNC",
    6379: "Redis",
    6443: "Kubernetes",
    8080: "HTTP",
    8123: "Home Assistant",
    8443: "HTTPS",
    8888: "Jupyter",
    9000: "MinIO",
    9042: "Cassandra",
    9090: "Prometheus",
    9092: "Kafka",
    9093: "Alertmanager",
    9100: "Node exporter",
    9200: "Elasticsearch",
    11211: "Memcached",
    15672: "RabbitMQ console",
    27017: "MongoDB",
}
_SPEAK_NO_HTTP = frozenset(
    {21, 22, 25, 53, 110, 143, 389, 445, 465, 587, 636, 993, 1433, 1521, 1883, 2379, 3306, 3389, 4222, 5432, 5672}
    | {5900, 6379, 9042, 9092, 11211, 27017}
)
_SPEAK_HTTPS = frozenset({443, 2376, 6443, 8443, 9443})


def web_address(remote_port: int, local_port: int) -> str:
    """The address of a web page behind a tunnel; empty for ports at which something else is known to listen."""
    if remote_port in _SPEAK_NO_HTTP or not local_port:
        return ""
    return f"{'https' if remote_port in _SPEAK_HTTPS else 'http'}://{LOOPBACK}:{local_port}/"


class OpenToOthers(InvalidInput):
    """The tunnel would listen for other computers too, and nobody was asked."""

    default_code = "E-TUNNEL-OPEN"


def is_loopback(host: str) -> bool:
    """Whether only programs of the same computer reach a listener there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_tunnel(tunnel: Tunnel, *, may_be_open: bool) -> Tunnel:
    """``tunnel``, which can be opened.

    Raises:
        InvalidInput: names the field.
        OpenToOthers: other computers would reach it, and ``may_be_open`` does not allow that.
    """
    if not 0 <= tunnel.bind_port <= 65535:
        raise InvalidInput("A port is a number from 1 to 65535; 0 takes a free one.", field="bind_port")
    if tunnel.kind is not TunnelKind.SOCKS and not 1 <= tunnel.target_port <= 65535:
        raise InvalidInput("A port is a number from 1 to 65535.", field="target_port")
    for field in ("bind_host", "target_host"):
        host = getattr(tunnel, field)
        if not host or len(host) > 255 or not host.isprintable() or " " in host:
            raise InvalidInput("Give a name or an address.", field=field)
    if tunnel.is_open_to_others and not may_be_open:
        raise OpenToOthers(
            f"At {tunnel.bind_host}, other computers in the network could use this tunnel, too.",
            field="bind_host",
            hint=f"Listen at {LOOPBACK}, or confirm that this is meant.",
        )
    return tunnel
