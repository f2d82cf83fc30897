"""A virtual display with a window manager: Xvfb on a number it chooses itself, openbox in it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def virtual_display(*, width: int = 1440, height: int = 900) -> Iterator[dict[str, str]]:
    """Yields the environment of a program that is to be seen there: no session bus, no keyring, a headless vault."""
    for program, package in (("Xvfb", "xvfb"), ("openbox", "openbox")):
        assert shutil.which(program), f"{program} is missing: install the Debian package {package}"
    read, write = os.pipe()
    screen = ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"]
    with subprocess.Popen(screen, pass_fds=(write,), stderr=subprocess.DEVNULL) as server:
        os.close(write)
        with os.fdopen(read) as answer:
            number = answer.readline().strip()
        assert number, "Xvfb did not start"
        unwanted = {"QT_QPA_PLATFORM", "DBUS_SESSION_BUS_ADDRESS", "WAYLAND_DISPLAY", "MACHINA_VAULT"}
        environment = {name: value for name, value in os.environ.items() if name not in unwanted}
        environment["DISPLAY"] = f":{number}"
        manager = subprocess.Popen(["openbox"], env=environment, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield environment
        finally:
            for process in (manager, server):
                process.terminate()
                process.wait(timeout=10)
