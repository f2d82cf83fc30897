"""A disk of a few megabytes for one test, in a namespace of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from machina_desktop.core.config import REPOSITORY


def act_on_small_disk(module: str, act: str, folder: Path, *, size: str) -> None:
    """Run ``module`` with the name of an act, a disk of that ``size``, and a folder on the usual one."""
    assert shutil.which("unshare"), "install the Debian package util-linux"
    disk, outside = folder / "disk", folder / "outside"
    disk.mkdir()
    outside.mkdir()
    namespace = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-r", "-m"]
    mount = f'mount -t tmpfs -o size={size},mode=700 none "$1" && shift && exec "$@"'
    child = [sys.executable, "-m", module, act, str(disk), str(outside)]
    run = subprocess.run(
        [*namespace, "sh", "-c", mount, "sh", str(disk), *child],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
