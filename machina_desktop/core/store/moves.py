"""What a team consists of when it moves to another home, in parts of bounded size, and what is stored meanwhile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from machina_desktop.core.domain.audit import AuditEvent

PART_BYTES = 640 << 10
"""About how much one part holds as JSON; a server takes bodies of 1 MiB."""


@dataclass(frozen=True, kw_only=True)
class CopiedRow:
    """A row for a copy of its team, as plain values."""

    entity: str
    entity_id: str
    row: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class LogPiece:
    """Whole lines of a run's log as they are stored, which lie at bytes ``start`` to ``end``.

    ``text`` is shorter than that where one marker line stands for what a very long log leaves out.
    """

    deployment_id: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, kw_only=True)
class TeamPart:
    """A piece of a team: rows first, then its audit trail from the first event on, then the logs of its runs."""

    rows: tuple[CopiedRow, ...] = ()
    events: tuple[AuditEvent, ...] = ()
    logs: tuple[LogPiece, ...] = ()


@dataclass(frozen=True, kw_only=True)
class OutgoingPart:
    """A part, and where the next one begins; an empty ``following`` says that this was the last."""

    part: TeamPart
    following: str


@dataclass(frozen=True, kw_only=True)
class TeamNumbers:
    """How far a team's feed and audit chain have come: whoever finds the same numbers again has missed no write."""

    epoch: str
    change_seq: int
    audit_seq: int
    audit_digest: str


class MoveStep(StrEnum):
    """How far a move has come.

    While it is ``copying`` the former home is the home, and nothing has happened yet. From the moment at which the
    new home is asked to take over until its answer is known it is ``deciding``: nobody can write to the team here.
    """

    COPYING = "copying"
    DECIDING = "deciding"


@dataclass(frozen=True, kw_only=True)
class Move:
    """A team of this computer on its way to a server, or of a server on its way to this computer.

    Attributes:
        server_id: The server it goes to, or comes from.
        is_coming: It comes to this computer.
        handle: The handle it shall have at the server; empty for the one it has.
        audit_seq: Of a coming team the number of its newest audit event when its home was asked to let it go.
    """

    team_id: str
    server_id: str
    is_coming: bool
    step: MoveStep
    handle: str = ""
    audit_seq: int = 0
    began_at: datetime


class Moves(ABC):
    """What a transaction does for teams that move. It judges nothing: that is done above."""

    @abstractmethod
    def part(self, team_id: str, place: str, *, has_rows: bool) -> OutgoingPart:
        """The part that begins at ``place``, empty for the first; without ``has_rows`` audit trail and logs only.

        Raises:
            InvalidInput: E-PLACE, this is no place.
        """

    @abstractmethod
    def numbers(self, team_id: str) -> TeamNumbers:
        """How far the team has come."""

    @abstractmethod
    def keep_part(self, user_id: str, team_id: str, number: int, content: str, digest: str) -> None:
        """Put a part aside for the team that its owner brings, in place of the one with its number."""

    @abstractmethod
    def kept_parts(self, user_id: str, team_id: str = "") -> tuple[str, ...]:
        """The digests of a person's parts by number, all their parts where no team is named."""

    @abstractmethod
    def read_part(self, user_id: str, team_id: str, number: int) -> str | None:
        """The content of a part; ``None`` when it is not there."""

    @abstractmethod
    def forget_parts(self, user_id: str, team_id: str) -> None:
        """Let go of the parts of a team."""

    @abstractmethod
    def forget_old_parts(self, before: datetime) -> None:
        """Let go of all parts that have lain since then."""

    @abstractmethod
    def take_in(self, rows: Iterable[object]) -> None:
        """Insert rows as they are, without a number: nobody follows the team yet.

        Raises:
            Conflict: E-TAKEN, a key or unique value is there already.
        """

    @abstractmethod
    def take_in_logs(self, pieces: Iterable[LogPiece]) -> None:
        """Insert pieces of logs; one that is there already is replaced."""

    @abstractmethod
    def set_numbers(self, team_id: str, numbers: TeamNumbers) -> None:
        """Let the team's feed and chain go on from there. Without an ``epoch`` the present one stays."""

    @abstractmethod
    def log_end(self, deployment_id: str) -> int:
        """How long the log of a run is that is stored here."""

    @abstractmethod
    def forget_history(self, team_id: str) -> None:
        """Let go of the audit trail and the logs of a team: its home has them."""

    @abstractmethod
    def settle(self, row: object) -> None:
        """Write a row over the one with its key, without a number."""

    @abstractmethod
    def remove(self, row: object) -> None:
        """Remove a row, without a number."""

    @abstractmethod
    def move_of(self, team_id: str) -> Move | None:
        """The move that the team is on."""

    @abstractmethod
    def moves(self) -> tuple[Move, ...]:
        """All moves under way, the oldest first."""

    @abstractmethod
    def note(self, move: Move) -> None:
        """Keep how far a move has come, in place of what was noted before."""

    @abstractmethod
    def end(self, team_id: str) -> None:
        """The move is over."""
