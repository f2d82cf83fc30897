"""Each runner process tells in a file of its own that it lives, for whoever watches over it."""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from machina_desktop.core.codec import from_json, to_json
from machina_desktop.core.errors import InvalidInput

FRESH_S = 30.0


class Pulse:
    """This process's file in ``folder``. Its methods block shortly."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / f"{os.getpid()}.json"

    def beat(self, *, running: int) -> None:
        """Note that this process works, and how many runs it carries out. A full disk is no reason to end."""
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary = self._path.with_suffix(".new")
            temporary.write_bytes(to_json({"pid": os.getpid(), "at": time.time(), "running": running}))
            temporary.replace(self._path)

    def end(self) -> None:
        """Take the file away: an orderly end."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def told(folder: Path) -> tuple[tuple[str, ...], bool]:
    """A line about each process that told of itself, and whether one of them is alive: its word is fresh."""
    lines, is_alive = [], False
    for path in sorted(folder.glob("*.json")):
        try:
            word = from_json(path.read_bytes(), dict[str, float])
        except (OSError, InvalidInput):
            continue
        age_s = max(0.0, time.time() - word.get("at", 0.0))
        is_fresh = age_s <= FRESH_S
        is_alive = is_alive or is_fresh
        what = f"alive, {word.get('running', 0):.0f} runs" if is_fresh else "silent"
        lines.append(f"runner {path.stem}: {what}, heard {age_s:.0f} s ago")
    return tuple(lines), is_alive
