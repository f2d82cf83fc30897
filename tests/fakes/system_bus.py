"""A private D-Bus daemon, and on it what a desktop has: logind, a screen saver, an idle monitor, the settings portal.

    with desktop_bus(tmp_path) as desktop:
        desktop.emit_sleep(True)

Types on the wire are exactly those of the real services.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jeepney import DBusAddress, HeaderFields, Message, MessageType, new_error, new_method_return, new_signal
from jeepney.bus_messages import message_bus
from jeepney.io.blocking import DBusConnection, open_dbus_connection

SERVICES = (
    "org.freedesktop.login1",
    "org.freedesktop.ScreenSaver",
    "org.gnome.Mutter.IdleMonitor",
    "org.freedesktop.portal.Desktop",
)
SESSION_PATH = "/org/freedesktop/login1/session/_32"
LOGIN = DBusAddress("/org/freedesktop/login1", interface="org.freedesktop.login1.Manager")
PORTAL = DBusAddress("/org/freedesktop/portal/desktop", interface="org.freedesktop.portal.Settings")
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""


class DesktopBus:
    """The services, on a thread of their own.

    Attributes:
        address: Of the daemon.
        idle_ms: What the idle monitor answers; ``None``: there is no monitor.
        look: Portal settings by namespace and key, each a pair of D-Bus signature and value.
        knows_read_one: Whether the portal is of its second version.
        asked: The names of the methods that were called, in order.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.idle_ms: int | None = None
        self.look: dict[tuple[str, str], tuple[str, Any]] = {}
        self.knows_read_one = True
        self.asked: list[str] = []
        self._delays: list[int] = []
        self._handed_out: list[int] = []
        self._connection: DBusConnection = open_dbus_connection(address, enable_fds=True)
        for service in SERVICES:
            self._connection.send_and_get_reply(message_bus.RequestName(service), timeout=10)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def sleep_is_delayed(self) -> bool:
        """Whether somebody holds a delay: the other end of a pipe handed out is still open."""
        return any(not select.select([end], [], [], 0)[0] for end in self._delays)

    def emit_sleep(self, *, is_about_to: bool) -> None:
        self._connection.send(new_signal(LOGIN, "PrepareForSleep", "b", (is_about_to,)))

    def emit_session_lock(self, path: str = SESSION_PATH) -> None:
        self._connection.send(new_signal(DBusAddress(path, interface="org.freedesktop.login1.Session"), "Lock"))

    def emit_screen_saver(self, interface: str = "org.freedesktop.ScreenSaver", *, is_active: bool) -> None:
        self._connection.send(
            new_signal(DBusAddress("/ScreenSaver", interface=interface), "ActiveChanged", "b", (is_active,))
        )

    def set_look(self, namespace: str, key: str, value: tuple[str, Any]) -> None:
        """Change a setting of the portal and tell of it."""
        self.look[namespace, key] = value
        self._connection.send(new_signal(PORTAL, "SettingChanged", "ssv", (namespace, key, value)))

    def _serve(self) -> None:
        with contextlib.suppress(ConnectionError, OSError, EOFError):
            while True:
                message = self._connection.receive()
                if message.header.message_type is MessageType.method_call:
                    self._answer(message)

    def _answer(self, message: Message) -> None:
        name = message.header.fields[HeaderFields.member]
        self.asked.append(name)
        answers: dict[str, Callable[[Message], Message | None]] = {
            "Inhibit": self._inhibit,
            "GetSession": lambda asked: new_method_return(asked, "o", (SESSION_PATH,)),
            "GetIdletime": self._idle_time,
            "ReadOne": self._read_one,
            "Read": self._read,
        }
        answer = answers.get(name, lambda _asked: None)(message)
        self._connection.send(answer or new_error(message, "org.freedesktop.DBus.Error.UnknownMethod"))
        while self._handed_out:
            os.close(self._handed_out.pop())

    def _inhibit(self, message: Message) -> Message | None:
        assert message.body[0] == "sleep"
        assert message.body[3] == "delay"
        mine, theirs = os.pipe()
        self._delays.append(mine)
        self._handed_out.append(theirs)
        return new_method_return(message, "h", (theirs,))

    def _idle_time(self, message: Message) -> Message | None:
        return None if self.idle_ms is None else new_method_return(message, "t", (self.idle_ms,))

    def _read_one(self, message: Message) -> Message | None:
        value = self.look.get(message.body)
        return new_method_return(message, "v", (value,)) if value is not None and self.knows_read_one else None

    def _read(self, message: Message) -> Message | None:
        """As the first version of the portal answers: a variant in a variant."""
        value = self.look.get(message.body)
        return None if value is None else new_method_return(message, "v", (("v", value),))

    def close(self) -> None:
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(timeout=10)
        self._connection.close()
        for end in self._delays:
            os.close(end)


@contextmanager
def daemon(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A D-Bus daemon of our own: its address and its process."""
    program = shutil.which("dbus-daemon")
    assert program, "dbus-daemon is missing: install the Debian package dbus"
    place, configuration = folder / "bus", folder / "bus.conf"
    configuration.write_text(CONFIGURATION.format(socket=place))
    command = [program, "--nofork", f"--config-file={configuration}", "--print-address"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield f"unix:path={place}", process
        finally:
            process.kill()


@contextmanager
def desktop_bus(folder: Path) -> Iterator[DesktopBus]:
    """The daemon with all services on it."""
    with daemon(folder) as (address, _process):
        desktop = DesktopBus(address)
        try:
            yield desktop
        finally:
            desktop.close()


@contextmanager
def silent_bus(place: Path) -> Iterator[str]:
    """The address of a daemon that takes every connection and never says a word."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        # The system accepts for us; nobody reads.
        server.listen(64)
        yield f"unix:path={place}"
