"""Whether a D-Bus daemon answers; asked before Qt and libdbus, which wait for one without end."""

from __future__ import annotations

import logging
import os
import sys
from enum import StrEnum
from pathlib import Path
from urllib.parse import unquote

from machina_desktop.core.config import environment, turn_session_bus_off

LOG = logging.getLogger(__name__)

# A daemon that works answers within a few milliseconds.
ANSWER_S = 0.4
SYSTEM_SOCKETS = ("/run/dbus/system_bus_socket", "/var/run/dbus/system_bus_socket")


class BusKind(StrEnum):
    """The two buses of a desktop."""

    SESSION = "session"
    SYSTEM = "system"


def address_of(kind: BusKind) -> str:
    """The D-Bus address (D-Bus specification, server addresses) of a bus; empty when there is none to try."""
    variables = environment()
    if chosen := variables.get(f"DBUS_{kind.upper()}_BUS_ADDRESS", ""):
        return chosen
    folder = variables.get("XDG_RUNTIME_DIR", "")
    places = SYSTEM_SOCKETS if kind is BusKind.SYSTEM else (f"{folder}/bus",) if folder else ()
    return next((f"unix:path={place}" for place in places if Path(place).exists()), "")


def is_answering(address: str) -> bool:
    """Whether somebody at ``address`` speaks D-Bus; waits at most `ANSWER_S`. Any thread.

    An address that is no local socket is believed: there is no other kind of bus on a desktop.
    """
    return all(_socket_answers(place) for place in _socket_paths(address))


def keep_qt_from_waiting() -> None:
    """Turn the session bus off for this process when its daemon hangs: before the first window Qt asks it, and waits.

    Only before the application is made.
    """
    if sys.platform in {"win32", "darwin"}:
        return
    address = address_of(BusKind.SESSION)
    if address and not is_answering(address):
        LOG.warning("the session bus at %s does not answer; this start goes without it", address)
        turn_session_bus_off()


def _socket_paths(address: str) -> tuple[str, ...]:
    """The local sockets an address names, an abstract one with a leading NUL."""
    found = []
    for entry in address.split(";"):
        transport, _, pairs = entry.partition(":")
        values = dict(pair.partition("=")[::2] for pair in pairs.split(","))
        if transport != "unix":
            continue
        if "path" in values:
            found.append(unquote(values["path"]))
        elif "abstract" in values:
            found.append("\0" + unquote(values["abstract"]))
    return tuple(found[:1])


def _socket_answers(place: str) -> bool:
    """Whether the first step of the handshake is answered, be it with a refusal; nobody there counts as an answer."""
    import socket  # noqa: PLC0415 - only where there is a bus, for it would delay the first paint elsewhere

    hello = b"\0AUTH EXTERNAL " + str(os.getuid()).encode().hex().encode() + b"\r\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_S)
        try:
            probe.connect(place)
            probe.sendall(hello)
            probe.recv(64)
        except TimeoutError:
            return False
        except OSError:
            return True
        return True
