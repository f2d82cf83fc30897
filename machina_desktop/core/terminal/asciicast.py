"""Recordings of terminals as asciicast v2: one JSON text a line (https://docs.asciinema.org/manual/asciicast/v2/)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from machina_desktop.core.errors import InvalidInput, NotFound, Unavailable

VERSION = 2
MOST_CELLS = 1000
LONGEST_LINE = 64 << 20


class EventKind(StrEnum):
    """What an event tells; others that the format may come to know are passed over."""

    OUTPUT = "o"
    INPUT = "i"
    RESIZE = "r"
    MARK = "m"


@dataclass(frozen=True, kw_only=True)
class Header:
    """How a recording begins."""

    columns: int
    rows: int
    began_at: datetime
    title: str = ""


@dataclass(frozen=True)
class CastEvent:
    """What happened ``at_ms`` after the beginning."""

    at_ms: int
    kind: EventKind
    data: str

    @property
    def size(self) -> tuple[int, int] | None:
        """Columns and rows that the terminal has from now on; ``None`` for no size."""
        columns, _, rows = self.data.partition("x")
        if self.kind is not EventKind.RESIZE or not (columns.isascii() and columns.isdigit() and rows.isdigit()):
            return None
        size = int(columns[:9]), int(rows[:9])
        return size if all(0 < each <= MOST_CELLS for each in size) else None


def header_line(header: Header) -> bytes:
    """The first line of a file."""
    fields: dict[str, object] = {
        "version": VERSION,
        "width": header.columns,
        "height": header.rows,
        "timestamp": int(header.began_at.timestamp()),
        "env": {"TERM": "xterm-256color"},
    }
    if header.title:
        fields["title"] = header.title
    return _line(fields)


def event_line(at_s: float, kind: EventKind, data: str) -> bytes:
    """One event of a file."""
    return f'[{at_s:.6f}, "{kind.value}", {json.dumps(data, ensure_ascii=False)}]\n'.encode("utf-8", "replace")


def _line(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


class CastFile:
    """A recording on the disk. Reading blocks.

    Raises:
        NotFound: there is no such file.
        InvalidInput: E-CAST, it does not begin as an asciicast v2.
        Unavailable: the disk refused.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.header = _header(next(iter(self._lines()), b""))

    def events(self) -> Iterator[CastEvent]:
        """Events in order; a file that was cut off ends with its last whole one, and none goes back in time."""
        last = 0
        lines = iter(self._lines())
        next(lines, b"")
        for line in lines:
            event = _event(line)
            if event is not None:
                last = max(last, event.at_ms)
                yield CastEvent(last, event.kind, event.data)

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                while line := file.readline(LONGEST_LINE):
                    yield line
        except FileNotFoundError as error:
            raise NotFound("The file of this recording is gone.", hint="It was deleted outside of Machina.") from error
        except OSError as error:
            raise Unavailable(
                f"The recording cannot be read: {error.strerror}.", hint="Check the disk.", code="E-CAST-READ"
            ) from error


def _header(line: bytes) -> Header:
    try:
        fields = json.loads(line)
        columns, rows = int(fields["width"]), int(fields["height"])
        began_at = datetime.fromtimestamp(int(fields.get("timestamp", 0)), UTC)
        is_known = fields["version"] == VERSION and 0 < columns <= MOST_CELLS and 0 < rows <= MOST_CELLS
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError) as error:
        raise _no_cast() from error
    if not is_known:
        raise _no_cast()
    return Header(columns=columns, rows=rows, began_at=began_at, title=str(fields.get("title", "")))


def _no_cast() -> InvalidInput:
    return InvalidInput("This is no recording in asciicast v2.", code="E-CAST")


def _event(line: bytes) -> CastEvent | None:
    try:
        at_s, kind, data = json.loads(line)
        if not isinstance(data, str) or not math.isfinite(at_s) or at_s < 0:
            return None
        return CastEvent(int(at_s * 1000), EventKind(kind), data)
    except (ValueError, TypeError, RecursionError):
        return None


def played_times(events: Iterable[CastEvent], *, longest_pause_ms: int) -> list[int]:
    """When each event is played where no pause is longer than that, in ms."""
    times, at, last = [], 0, 0
    for event in events:
        at += min(event.at_ms - last, longest_pause_ms)
        last = event.at_ms
        times.append(at)
    return times
