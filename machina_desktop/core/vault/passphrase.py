"""What a passphrase must be, and how often it may be guessed in one run of the program."""

from __future__ import annotations

import threading
import time

from machina_desktop.core.errors import InvalidInput, Locked
from machina_desktop.core.secret import Secret

SHORTEST = 8
LONGEST = 1024

_FREE_TRIES = 5
_LONGEST_WAIT_S = 30


def acceptable(passphrase: Secret | None) -> Secret:
    """``passphrase`` if it may protect a vault: 8 to 1024 characters.

    Raises:
        InvalidInput: it is missing, too short or too long.
    """
    length = len(passphrase.reveal()) if passphrase else 0
    if passphrase is None or not SHORTEST <= length <= LONGEST:
        raise InvalidInput(
            f"A passphrase has {SHORTEST} to {LONGEST} characters.",
            field="passphrase",
            code="E-VAULT-PASSPHRASE-LENGTH",
        )
    return passphrase


class Attempts:
    """Counts wrong passphrases: five are free, then each wait is twice the one before, 1 to 30 seconds. Any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._next_at = 0.0

    def require_patience(self) -> None:
        """Refuse to try before the wait is over.

        Raises:
            Locked: E-VAULT-WAIT.
        """
        with self._lock:
            remaining_s = self._next_at - time.monotonic()
        if remaining_s > 0:
            raise Locked(
                "Too many wrong passphrases.", hint=f"Try again in {int(remaining_s) + 1} s.", code="E-VAULT-WAIT"
            )

    def failed(self) -> None:
        """Another wrong one."""
        with self._lock:
            self._failures += 1
            surplus = self._failures - _FREE_TRIES
            if surplus >= 0:
                self._next_at = time.monotonic() + min(_LONGEST_WAIT_S, 1 << min(surplus, 10))

    def succeeded(self) -> None:
        """The right one: start anew."""
        with self._lock:
            self._failures, self._next_at = 0, 0.0
