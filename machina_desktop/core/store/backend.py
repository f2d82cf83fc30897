"""What the store needs of a database: connections, a schema, its errors in our words, and news of other processes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import sqlalchemy as sa

from machina_desktop.core.errors import Bug, Conflict, InvalidInput, MachinaError, Unavailable
from machina_desktop.core.store.news import Heard, News


class Backend(ABC):
    """One database. Everything blocks; any thread may call.

    Attributes:
        writers: How many threads may write at once.
        readers: How many may read at once.
        is_shared: Several transactions write at once, so each must hold the teams it writes to.
        errors: What its driver raises; :meth:`translate` takes these.
    """

    writers: int
    readers: int
    is_shared: bool
    errors: tuple[type[Exception], ...]

    @abstractmethod
    def prepare(self) -> None:
        """Bring the database to this version's schema.

        Raises:
            Unavailable: damaged (``E-DB-CORRUPT``), made by a newer version (``E-DB-NEWER``) or another program
                (``E-DB-FOREIGN``), disk full, locked, not there.
        """

    @abstractmethod
    def writing(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that is durable when the block has been left, and has left nothing when it raised."""

    @abstractmethod
    def reading(self) -> AbstractContextManager[sa.Connection]:
        """A transaction that sees one moment and cannot write."""

    def limit(self, connection: sa.Connection, team_ids: tuple[str, ...] | None) -> None:
        """Let a transaction reach rows of these teams only, ``None`` for all; a second wall, where there is one."""
        del connection, team_ids

    @abstractmethod
    def translate(self, error: Exception) -> MachinaError:
        """What an error of the driver means: what happened, whose fault it is, what to do."""

    @abstractmethod
    def retries_after(self, error: Exception) -> int:
        """How often to do the same work again, nothing having been changed; 0 when that would end the same way."""

    @abstractmethod
    def announce(self, news: tuple[News, ...]) -> None:
        """Tell other processes, where there is a way; never raises."""

    @abstractmethod
    def listen(self, heard: Heard) -> Callable[[], None] | None:
        """Hear what any process announces until the answer is called; ``None`` where there is no way."""

    @abstractmethod
    def copy_to(self, target: Path) -> None:
        """Put a consistent copy at ``target``.

        Raises:
            Unavailable: the disk refused, or the database is damaged.
            Conflict: copies of it are made elsewhere.
        """

    @abstractmethod
    def damage(self) -> str:
        """What is wrong with what is stored; empty when it is whole."""

    def compact(self) -> None:  # noqa: B027 - a server's files are not ours to see to
        """Let nothing that was deleted be found any more, where that is ours to see to."""

    @abstractmethod
    def close(self) -> None:
        """Let go of every connection; none may be in use."""


def taken() -> Conflict:
    """A unique value is stored already."""
    return Conflict("That exists already.", hint="Look at what is there and try again.", code="E-TAKEN")


def broken_rule(rule: str) -> Bug:
    """What we wrote must not be; ``rule`` is the database's sentence on it, without values."""
    return Bug(f"A write broke a rule of the database: {rule}.")


def unstorable() -> InvalidInput:
    """Half a surrogate pair, as a command line with broken bytes holds; a number of more than 64 bits."""
    return InvalidInput("A text or number in the request cannot be stored.", code="E-VALUE")


def disk_full() -> Unavailable:
    """No space is left."""
    return Unavailable(
        "The disk is full; nothing was changed.", hint="Free some space and try again.", code="E-DISK-FULL"
    )
