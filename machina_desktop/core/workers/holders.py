"""Who carries a deployment out, and whether they still do: pids tell on one host, leases between hosts."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path

from machina_desktop.core.domain.deployment import Lease, host_of
from machina_desktop.core.process import boot_id, host_name, is_process, process_start_time

LEASE_S = 30.0
RENEW_S = 10.0


def runner_id(host: str) -> str:
    """This process, so that any other can tell whether it still lives: host, pid, its start time, the boot."""
    pid = os.getpid()
    return f"{host}:{pid}:{process_start_time(pid)}:{boot_id()}"


def is_process_alive(holder: str) -> bool:
    """Whether the process that calls itself ``holder`` still runs; only its own host can tell."""
    pid, start, boot = holder.rsplit(":", 3)[-3:]
    return boot == boot_id() and is_process(int(pid), float(start))


class Holders:
    """Tells which leases nobody holds any more. Lives on the loop.

    Clocks of different hosts need not agree: a lease of another host has run out when it was seen unchanged for as
    long as it lasts.

    Attributes:
        host: Where we are; its processes see each other and share run folders.
        own: This process.
    """

    def __init__(self, home: Path, *, lease_s: float = LEASE_S) -> None:
        self.host = host_name(home)
        self.own = runner_id(self.host)
        self._lease_s = lease_s
        self._seen: dict[str, tuple[int, datetime, float]] = {}

    def is_orphan(self, lease: Lease) -> bool:
        """Whether its holder is gone; one of ours that we do not carry out is."""
        if lease.runner_id == self.own:
            return True
        if not self.is_elsewhere(lease):
            return not is_process_alive(lease.runner_id)
        fence, until, since = self._seen.get(lease.deployment_id, (0, lease.until, 0.0))
        if (fence, until) != (lease.fence, lease.until):
            self._seen[lease.deployment_id] = (lease.fence, lease.until, time.monotonic())
            return False
        return time.monotonic() - since >= self._lease_s

    def is_elsewhere(self, lease: Lease) -> bool:
        """Whether the run folder lies on another host, or who knows where."""
        return lease.runner_id.count(":") < 2 or host_of(lease.runner_id) not in {"", self.host}

    def forget(self, *, but: frozenset[str]) -> None:
        """Drop what was noted of deployments other than ``but``."""
        for name in self._seen.keys() - but:
            del self._seen[name]
