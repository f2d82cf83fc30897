"""How the server's programs end: one line for what went wrong, and a code that says of what kind it was."""

from __future__ import annotations

import sys
from collections.abc import Callable

from machina_desktop.core.errors import InvalidInput, MachinaError


def exit_code_of(work: Callable[[], int]) -> int:
    """What ``work`` answers; 1 for a failure, 2 for a wrong configuration, 130 when interrupted."""
    try:
        return work()
    except MachinaError as error:
        sys.stderr.write(f"{error.code}: {error}\n")
        return 2 if isinstance(error, InvalidInput) else 1
    except KeyboardInterrupt:
        return 130
