"""Who knows the way to a machine, and what is done on behalf of the home while somebody goes there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.workers.shell_wire import Way


class Visit(Protocol):
    """One admission to a machine. Every visit is ended, once."""

    @property
    def way(self) -> Way:
        """How it is reached and what is to run there."""
        ...

    def pin(self, hop: Hop, key: HostKey, is_over: Callable[[], bool]) -> None:
        """Keep the key that the person has accepted for a hop of the way; blocks.

        Raises:
            MachinaError: it could not be kept, so the connection is not made.
        """
        ...

    def explained(self, error: MachinaError) -> MachinaError:
        """Why the login failed, with what is known of the machine."""
        ...

    def ended(self, seconds: float | None) -> None:
        """What was opened has ended after so long; ``None`` where no shell was. Does not block."""
        ...


class Lead(Protocol):
    """Lets somebody in to one machine, anew for each attempt: address, keys and pin may have changed meanwhile."""

    def visit(self, is_over: Callable[[], bool]) -> Visit:
        """Ask to be let in; blocks. ``is_over`` says when nobody wants it any more.

        Raises:
            MachinaError: nobody may, or the way cannot be found.
        """
        ...
