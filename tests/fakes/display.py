"""A virtual display with a window manager: Xvfb on a number it chooses itself, openbox in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# What a desktop of today looks like: no title bars, a thin line around dialogs, and the main window fills the screen.
_BARE = """<openbox_config xmlns="http://openbox.org/3.4/rc">
<focus><focusNew>yes</focusNew></focus>
<placement><policy>Smart</policy><center>yes</center></placement>
<theme><name>Bare</name><keepBorder>yes</keepBorder></theme>
<applications><application class="*"><decor>no</decor></application></applications>
</openbox_config>
"""
_LINE = """border.width: {width}
window.active.border.color: {color}
window.inactive.border.color: {color}
window.active.title.bg: flat solid
window.active.title.bg.color: {color}
menu.items.bg: flat solid
menu.items.bg.color: {color}
"""


@contextmanager
def virtual_display(
    *, width: int = 1440, height: int = 900, line: str = "", line_width: int = 1
) -> Iterator[dict[str, str]]:
    """Yields the environment of a program that is to be seen there: no session bus, no keyring, a headless vault.

    With a colour as ``line``, windows have no title bar but a line of that colour and width.
    """
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
        with tempfile.TemporaryDirectory(prefix="openbox-") as folder:
            command = _openbox(Path(folder), line, line_width) if line else ["openbox"]
            manager = subprocess.Popen(
                command,
                env={**environment, "XDG_DATA_HOME": folder} if line else environment,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                yield environment
            finally:
                for process in (manager, server):
                    process.terminate()
                    process.wait(timeout=10)


def _openbox(folder: Path, line: str, line_width: int) -> list[str]:
    look = folder / "themes" / "Bare" / "openbox-3"
    look.mkdir(parents=True)
    (look / "themerc").write_text(_LINE.format(color=line, width=line_width))
    (folder / "rc.xml").write_text(_BARE)
    return ["openbox", "--config-file", str(folder / "rc.xml")]
