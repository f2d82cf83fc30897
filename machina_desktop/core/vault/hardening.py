"""The process's memory stays out of core files and out of reach of other processes of the same user."""

from __future__ import annotations

import ctypes
import sys

if sys.platform != "win32":
    import resource

_PR_SET_DUMPABLE = 4


def harden_process() -> None:
    """Forbid core files and, on Linux, ``ptrace`` and ``/proc/PID/mem`` for other processes. Call once, at start.

    Best effort: where the system refuses, the application still starts. Child processes inherit the limit on core
    files; they lose the other protection when they execute another program.
    """
    if sys.platform == "win32":
        return
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
