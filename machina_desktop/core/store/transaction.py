"""What a use case may do with the database, free of the database library so that views can import requests cheaply."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from machina_desktop.core.domain.agent import Agent, KnownAgent
from machina_desktop.core.domain.audit import AuditEvent
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.recording import RecordedLine
from machina_desktop.core.domain.team import TeamRole
from machina_desktop.core.domain.throttle import Counter
from machina_desktop.core.events import Change
from machina_desktop.core.store.moves import CopiedRow, Moves

T = TypeVar("T")
Value = object
Permit = Callable[[str, tuple[str, ...] | None], None]
"""Asked with the team of a row about to be written, and the tags of its machine; raises when it may not be."""


@dataclass(frozen=True, kw_only=True)
class SealedPlace:
    """Where an envelope belongs; the vault binds all of it into the envelope."""

    team_id: str
    table: str
    record_id: str
    field: str
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class StateRevision:
    """One Terraform state of a machine, sealed; ``(lineage, serial)`` is Terraform's own numbering."""

    team_id: str
    machine_id: str
    lineage: str
    serial: int
    envelope: bytes


@dataclass(frozen=True, kw_only=True)
class FeedHead:
    """Where a team's feed stands.

    Attributes:
        epoch: Another one after a restore; numbers of different epochs have nothing to do with each other.
        seq: The number of the newest change.
        oldest: The number of the oldest change that is kept; ``seq + 1`` for none.
    """

    epoch: str
    seq: int
    oldest: int


@dataclass(frozen=True, kw_only=True)
class AppliedOp:
    """A write that was carried out under an id of its asker's.

    Attributes:
        digest: Of what was asked, without its secrets.
        answer: As JSON; ``None`` where it is told only once.
    """

    user_id: str
    digest: str
    answer: str | None


class AgentRecords(ABC):
    """What machines' agents have said, read and written for many of them at once, whatever team they belong to."""

    @abstractmethod
    def known(self, token_hashes: tuple[str, ...]) -> tuple[KnownAgent, ...]:
        """The agents that show these tokens; nobody else changes them before this transaction ends."""

    @abstractmethod
    def save(self, agents: tuple[Agent, ...]) -> None:
        """Keep what agents have said; of each the newest only, and no feed tells of it."""

    @abstractmethod
    def silent(self, since: datetime) -> tuple[tuple[str, str], ...]:
        """Teams and machines that are listed with their agent online, although it was last heard before ``since``."""


@dataclass(frozen=True, kw_only=True)
class IndexedLine:
    """A line of a recording that was found; fields as in ``FoundLine``."""

    recording_id: str
    line: int
    at_ms: int
    text: str
    spans: tuple[int, ...]


class RecordingIndex(ABC):
    """Lines of recordings by their words; whoever uses it judges first whose they are."""

    @abstractmethod
    def add(self, lines: Iterable[RecordedLine], *, number: int = 0, first: int = 0) -> int:
        """Index lines of one recording, from its line ``first`` on; answers the number they are found under.

        Further lines are added under the number that the first ones were given; 0 as long as no line has a word.
        """

    @abstractmethod
    def remove(self, number: int) -> None:
        """Forget all lines of that number."""

    @abstractmethod
    def search(
        self, team_id: str, text: str, *, machine_id: str = "", recording_id: str = "", limit: int
    ) -> tuple[IndexedLine, ...]:
        """Lines that hold all words of ``text``, of the newest recordings first; of too many the newest."""


class Transaction(ABC):
    """One transaction on the store's thread. Reads see only the actor's teams; writes are numbered and announced.

    Conditions are keywords named after fields: ``state="queued"`` is equality, a tuple means any of, ``None`` is
    null, the endings ``__ge``, ``__le`` and ``__ne`` compare, and ``__starts`` is how a text begins.
    """

    @abstractmethod
    def get(self, shape: type[T], key: str) -> T:
        """The row with that key.

        Raises:
            NotFound: there is none, or it belongs to a team the actor is not in.
        """

    @abstractmethod
    def find(self, shape: type[T], **conditions: Value) -> T | None:
        """The first row that meets the conditions, ``None`` when none does."""

    @abstractmethod
    def find_or_other(self, shape: type[T], **conditions: Value) -> tuple[T | None, bool]:
        """The first row that meets the conditions, or else any other; and whether it meets them.

        One row is read and made either way, so whether there is such a row does not show in the time it takes.
        """

    @abstractmethod
    def find_anywhere(self, shape: type[T], **conditions: Value) -> T | None:
        """Like :meth:`find`, whatever team the row belongs to; only to see what is taken or what a secret proves."""

    @abstractmethod
    def enter(self, team_id: str, role: TeamRole) -> None:
        """Let the actor act in a team until this transaction ends: they found it, or have proved they may join.

        From here on nobody else writes to the team before the transaction ends; what was read before may be stale.
        """

    @abstractmethod
    def lock(self, shape: type[object], key: str) -> None:
        """Let nobody else who locks that row go on before this transaction ends; read it afterwards."""

    @abstractmethod
    def concern(self, user_id: str, target: str) -> None:
        """Let the audit trails of a person's teams tell of what is written to ``target``, which belongs to no team."""

    @abstractmethod
    def sign_out(self, user_id: str) -> None:
        """Let all processes know that sessions of a person end with this transaction."""

    @abstractmethod
    def share(self, row: object, team_id: str) -> None:
        """Put a row that belongs to no team into the feed of one that had no copy of it yet."""

    @abstractmethod
    def plain_row(self, entity: str, key: str) -> dict[str, Any] | None:
        """A row of a team's feed as plain values; ``None`` when there is none, or it is of a team one is not in."""

    @abstractmethod
    def list(
        self,
        shape: type[T],
        where: Mapping[str, object] | None = None,
        *,
        search: str = "",
        order_by: str = "",
        descending: bool = False,
        limit: int = 1000,
        offset: int = 0,
        **conditions: Value,
    ) -> tuple[T, ...]:
        """Rows that meet the conditions; ``search`` is looked for in the table's text columns, ignoring case.

        ``where`` holds further conditions, by name.
        """

    @abstractmethod
    def count(self, shape: type[object], *, search: str = "", **conditions: Value) -> int:
        """How many rows meet the conditions."""

    @abstractmethod
    def add(self, row: object) -> None:
        """Insert a row.

        Raises:
            Conflict: the key or a unique value is taken.
        """

    @abstractmethod
    def replace(self, row: object) -> None:
        """Write the row over the one with its key.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    def delete(self, row: object) -> None:
        """Remove the row with that key.

        Raises:
            NotFound: there is none.
        """

    @abstractmethod
    def purge(self, team_id: str) -> None:
        """Remove all that a team has but itself, its members and its audit trail, secrets included; unannounced."""

    @abstractmethod
    def save_sealed(self, place: SealedPlace, envelope: bytes) -> None:
        """Keep a secret's envelope, in place of an earlier version."""

    @abstractmethod
    def read_sealed(self, team_id: str, table: str, record_id: str) -> tuple[tuple[SealedPlace, bytes], ...]:
        """All envelopes of one record."""

    @abstractmethod
    def delete_sealed(self, team_id: str, table: str, record_id: str) -> None:
        """Forget all envelopes of one record."""

    @abstractmethod
    def save_state(self, revision: StateRevision, *, keep: int) -> None:
        """Keep a Terraform state under (lineage, serial); of one machine only the newest ``keep`` stay.

        Raises:
            Conflict: a state with another lineage or a higher serial is stored.
        """

    @abstractmethod
    def read_state(self, machine_id: str) -> StateRevision | None:
        """The newest state of a machine."""

    @abstractmethod
    def append_log(self, deployment_id: str, lines: tuple[LogLine, ...], cursors: Mapping[str, int]) -> int:
        """Append lines and, with them, how far each source file has been read. Answers the log's length in bytes."""

    @abstractmethod
    def read_log(self, deployment_id: str, offset: int, limit: int) -> tuple[bytes, int]:
        """JSON lines from ``offset`` on, whole lines only, about ``limit`` bytes; and the offset that follows them.

        That lies further on where a marker line stands for what a very long log leaves out.
        """

    @abstractmethod
    def read_cursors(self, deployment_id: str) -> dict[str, int]:
        """How far each source file of a run has been read, in bytes, by its name."""

    @abstractmethod
    def read_chain(self, team_id: str, *, after: int | None = None, limit: int = 1000) -> tuple[AuditEvent, ...]:
        """A team's next ``limit`` audit events in order, oldest first; from the very first on without ``after``."""

    @abstractmethod
    def audit_head(self, team_id: str) -> tuple[int, str]:
        """Number and digest of the newest audit event as the counter row has them; ``(0, "")`` for none."""

    @abstractmethod
    def applied_op(self, op_id: str, name: str) -> AppliedOp | None:
        """The write of that name that was carried out under that id."""

    @abstractmethod
    def spent(self, counters: tuple[Counter, ...]) -> tuple[Counter, ...]:
        """Those of the counters of attempts that stand at their limit."""

    @abstractmethod
    def count_up(self, counters: tuple[Counter, ...], at_s: float) -> tuple[Counter, ...]:
        """Add an attempt to each counter; answers those that are above their limit by it."""

    @property
    @abstractmethod
    def agents(self) -> AgentRecords:
        """What is stored of many agents of machines."""

    @property
    @abstractmethod
    def recordings(self) -> RecordingIndex:
        """Lines of recordings."""

    @property
    @abstractmethod
    def moves(self) -> Moves:
        """What concerns teams that move from one home to another; whoever uses it judges first who may."""

    @abstractmethod
    def feed_head(self, team_id: str) -> FeedHead:
        """Where the team's feed stands."""

    @abstractmethod
    def read_feed(self, team_id: str, *, after: int, limit: int) -> tuple[Change, ...]:
        """The team's next changes, oldest first."""

    @abstractmethod
    def read_rows(self, team_id: str, *, entity: str, after: str, limit: int) -> tuple[CopiedRow, ...]:
        """The team's next rows, in a fixed order, after the one with key ``after`` of kind ``entity``."""
