"""The lines of recordings, indexed by their words in the database of a person's own computer."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from machina_desktop.core.domain.recording import RecordedLine
from machina_desktop.core.store.transaction import IndexedLine, RecordingIndex

LINE_BITS = 32
"""A line's row is its recording's number, then its own: so all of a recording is one range of rows."""
_BEGIN, _END = "\x02", "\x03"

_SEARCH = sa.text(
    "SELECT line.rowid, line.at_ms, highlight(recording_text, 0, :begin, :end) AS text, recording.recording_id "
    "FROM recording_text AS line CROSS JOIN recording ON recording.number = line.rowid >> :bits "
    "WHERE recording_text MATCH :words AND recording.team_id = :team_id "
    "AND (:machine_id = '' OR recording.machine_id = :machine_id) "
    "AND (:recording_id = '' OR recording.recording_id = :recording_id) "
    "ORDER BY line.rowid DESC LIMIT :limit"
)


class RecordingLines(RecordingIndex):
    """What a transaction does with lines of recordings; whoever uses it judges first whose they are.

    Another database than a file has no recordings, and nothing is found there.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, lines: Iterable[RecordedLine], *, number: int = 0, first: int = 0) -> int:
        if not number:
            newest = self._connection.execute(sa.text("SELECT max(rowid) FROM recording_text")).scalar()
            number = (int(newest or 0) >> LINE_BITS) + 1
        rows = [
            {"row": number << LINE_BITS | index, "text": line.text, "at_ms": line.at_ms}
            for index, line in enumerate(lines, first)
            if line.text.strip()
        ]
        if not rows:
            return number if first else 0
        insert = sa.text("INSERT INTO recording_text (rowid, text, at_ms) VALUES (:row, :text, :at_ms)")
        self._connection.execute(insert, rows)
        return number

    def remove(self, number: int) -> None:
        if number:
            self._connection.execute(
                sa.text("DELETE FROM recording_text WHERE rowid >= :first AND rowid < :next"),
                {"first": number << LINE_BITS, "next": (number + 1) << LINE_BITS},
            )

    def remove_of(self, team_id: str) -> None:
        """Forget the lines of all recordings of a team."""
        if self._connection.dialect.name != "sqlite":
            return
        query = sa.text("SELECT number FROM recording WHERE team_id = :team_id")
        for number in self._connection.execute(query, {"team_id": team_id}).scalars().all():
            self.remove(number)

    def search(
        self, team_id: str, text: str, *, machine_id: str = "", recording_id: str = "", limit: int
    ) -> tuple[IndexedLine, ...]:
        words = _words(text)
        if not words or self._connection.dialect.name != "sqlite":
            return ()
        asked = {"begin": _BEGIN, "end": _END, "bits": LINE_BITS, "words": words, "limit": limit}
        of = {"team_id": team_id, "machine_id": machine_id, "recording_id": recording_id}
        # The index gives rows in this order without looking at all of them.
        newest_first = self._connection.execute(_SEARCH, {**asked, **of}).all()
        in_order = sorted(newest_first, key=lambda row: (-(row.rowid >> LINE_BITS), row.rowid))
        return tuple(
            _found(row.recording_id, row.rowid & ((1 << LINE_BITS) - 1), row.at_ms, row.text) for row in in_order
        )


def _words(text: str) -> str:
    """All of these words, each perhaps only begun; signs between letters divide words, as they do in the index."""
    words = [word.replace('"', '""') for word in text.split() if any(sign.isalnum() for sign in word)]
    return " ".join(f'"{word}"*' for word in words)


def _found(recording_id: str, line: int, at_ms: int, marked: str) -> IndexedLine:
    spans: list[int] = []
    pieces: list[str] = []
    length = 0
    for part in marked.replace(_END, _BEGIN).split(_BEGIN):
        if pieces:
            spans.append(length)
        pieces.append(part)
        length += len(part)
    return IndexedLine(recording_id=recording_id, line=line, at_ms=at_ms, text="".join(pieces), spans=tuple(spans))
