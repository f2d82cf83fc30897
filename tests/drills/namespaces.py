"""Two computers on one: network namespaces with a wire between them that can be pulled out."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE, THERE = "10.87.65.1", "10.87.65.2"
READY_S = 10.0
_PACKAGES = {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux"}
_RIGHT = (
    "Network namespaces cannot be made here: {said} Run this as root, or let users make namespaces of their own "
    "(sysctl kernel.unprivileged_userns_clone=1; in a container, --cap-add NET_ADMIN,SYS_ADMIN)."
)


@dataclass
class Wire:
    """Two namespaces, ``here`` and ``there``, and the wire between them.

    Attributes:
        here: What to put before a command that shall run in the first; its address is ``HERE``.
        there: For the second, ``THERE``.
    """

    here: list[str] = field(default_factory=list)
    there: list[str] = field(default_factory=list)

    def cut(self) -> None:
        """Nothing gets through from now on."""
        _run([*self.here, "ip", "link", "set", "to-there", "down"])

    def heal(self) -> None:
        """As before."""
        _run([*self.here, "ip", "link", "set", "to-there", "up"])


@contextmanager
def wire() -> Iterator[Wire]:
    """Both namespaces; they end with their last process."""
    for program, package in _PACKAGES.items():
        assert shutil.which(program), f"{program} is missing: apt install {package}"
    as_user = [] if os.geteuid() == 0 else ["-U", "-r"]
    holders = [_hold(["unshare", *as_user, "-n"])]
    try:
        enter = ["-U", "--preserve-credentials"] if as_user else []
        made = Wire(here=["nsenter", "-t", str(holders[0].pid), *enter, "-n", "--"])
        holders.append(_hold([*made.here, "unshare", "-n"]))
        made.there = ["nsenter", "-t", str(holders[1].pid), *enter, "-n", "--"]
        _connect(made, holders[1].pid)
        yield made
    finally:
        for holder in holders:
            holder.kill()
            holder.communicate()


def _hold(before: list[str]) -> subprocess.Popen[bytes]:
    """A process that does nothing in a new network namespace."""
    ours = Path("/proc/self/ns/net").readlink()
    parent = _namespace_of(before)
    process = subprocess.Popen([*before, "sleep", "infinity"], stderr=subprocess.PIPE)
    deadline = time.monotonic() + READY_S
    while True:
        if process.poll() is not None:
            assert process.stderr is not None
            raise AssertionError(_RIGHT.format(said=process.stderr.read().decode().strip()))
        if _is_sleeping(process.pid) and Path(f"/proc/{process.pid}/ns/net").readlink() not in {ours, parent}:
            return process
        assert time.monotonic() < deadline, _RIGHT.format(said="it takes too long.")
        time.sleep(0.02)


def _namespace_of(before: list[str]) -> Path:
    pid = before[before.index("-t") + 1] if "-t" in before else "self"
    return Path(f"/proc/{pid}/ns/net").readlink()


def _is_sleeping(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip() == "sleep"
    except OSError:
        return False


def _connect(made: Wire, there_pid: int) -> None:
    _run([*made.here, "ip", "link", "add", "to-there", "type", "veth", "peer", "name", "to-here"])
    _run([*made.here, "ip", "link", "set", "to-here", "netns", str(there_pid)])
    for before, device, address in ((made.here, "to-there", HERE), (made.there, "to-here", THERE)):
        _run([*before, "ip", "address", "add", f"{address}/24", "dev", device])
        _run([*before, "ip", "link", "set", device, "up"])
        _run([*before, "ip", "link", "set", "lo", "up"])


def _run(command: list[str]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=READY_S)
    assert ended.returncode == 0, _RIGHT.format(said=f"{' '.join(command)}: {ended.stderr.strip()}")
