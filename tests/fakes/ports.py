"""TCP ports that nobody takes between being found and being used."""

from __future__ import annotations

import itertools
import os
import socket

# Below the ports that the system gives to whoever connects: one of those may be in use a moment later.
_FIRST, _EACH = 20_000, 390
_SLOTS = 32
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SLOTS
_NUMBERS = itertools.count(os.getpid())


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses, and that the other workers of these tests are not given."""
    for number in itertools.islice(_NUMBERS, _EACH):
        port = _FIRST + _WORKER * _EACH + number % _EACH
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError("all ports of this worker are in use")
