"""Whether there is a display to open a window on; asked before Qt, which would end the program without a word."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from machina_desktop.core.config import environment

ANSWER_S = 3.0
_LOCAL = re.compile(r"(?:unix)?:(\d+)(?:\.\d+)?")


def display_problem() -> str:
    """Why no window can be opened, as a sentence; empty when one can."""
    if sys.platform in {"win32", "darwin"}:
        return ""
    variables = environment()
    platform = variables.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if platform and platform not in {"xcb", "wayland", "wayland-egl"}:
        return ""
    if variables.get("WAYLAND_DISPLAY"):
        return ""
    display = variables.get("DISPLAY", "")
    if not display:
        return "There is no display to open a window on (neither DISPLAY nor WAYLAND_DISPLAY is set)."
    match = _LOCAL.fullmatch(display)
    if match is not None and not _answers(int(match[1])):
        return f"The display {display} does not answer."
    return ""


def _answers(number: int) -> bool:
    """Whether a local X server listens, at its file or at Linux's abstract address."""
    import socket  # noqa: PLC0415 - only asked for on X11, and it would delay the first paint elsewhere

    path = f"/tmp/.X11-unix/X{number}"  # noqa: S108 - where the X server puts it
    for address in (path, "\0" + path):
        if not address.startswith("\0") and not Path(address).exists():
            continue
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(ANSWER_S)
            try:
                probe.connect(address)
            except OSError:
                continue
            return True
    return False
