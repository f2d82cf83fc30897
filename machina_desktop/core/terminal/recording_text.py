"""What could be read in a recording: its lines as they left the screen, without escape sequences."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from machina_desktop.core.domain.recording import RecordedLine
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.terminal.asciicast import CastEvent, CastFile, EventKind
from machina_desktop.core.terminal.recording_files import RecordingFolder, digest_of
from machina_desktop.core.terminal.rows import Row
from machina_desktop.core.terminal.terminal import Terminal

SLICE = 1 << 16
"""Fewer bytes than the scrollback has rows: none is lost before it is read."""
LONGEST = 1 << 16


def lines_of(cast: CastFile) -> Iterator[RecordedLine]:
    """The lines of a recording in order, wrapped ones joined, each with when it came onto the screen.

    What full-screen programs draw on the alternate screen is not among them, as it is not in a scrollback. Blocks.
    """
    return _Rendering(cast.header.columns, cast.header.rows).of(cast.events())


def write_text(path: Path, lines: Iterable[RecordedLine]) -> int:
    """Write lines to a new private file in UTF-8; answers its size in bytes. Blocks.

    Raises:
        Unavailable: E-RECORDING, the disk refused; nothing is left.
    """
    temporary = path.with_name(f"{path.name}.new")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for line in lines:
                file.write(line.text.encode("utf-8", "replace") + b"\n")
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise Unavailable(
            f"The text of the recording cannot be written: {error.strerror}.",
            hint="Free space on the disk of the data folder.",
            code="E-RECORDING",
        ) from error
    return size


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What a recording has come to; fields as in ``Recording``.

    Attributes:
        lines: The first of its lines, as many as were asked for.
        line_count: How many there are.
    """

    lines: tuple[RecordedLine, ...]
    line_count: int
    size_bytes: int
    sha256: str
    duration_ms: int


def finish(folder: RecordingFolder, recording_id: str, *, most_lines: int) -> Finished:
    """Write the text of a recording that nobody writes to any more; ``most_lines`` are answered. Blocks.

    Raises:
        NotFound: its file is gone.
        InvalidInput: E-CAST, it holds not even a beginning.
        Unavailable: the disk refused.
    """
    path = folder.cast(recording_id)
    cast = CastFile(path)
    lines: list[RecordedLine] = []
    count = 0

    def counted() -> Iterator[RecordedLine]:
        nonlocal count
        for line in lines_of(cast):
            count += 1
            if count <= most_lines:
                lines.append(line)
            yield line

    text_bytes = write_text(folder.text(recording_id), counted())
    return Finished(
        lines=tuple(lines),
        line_count=count,
        size_bytes=path.stat().st_size + text_bytes,
        sha256=digest_of(path),
        duration_ms=max((event.at_ms for event in cast.events()), default=0),
    )


class _Rendering:
    """A terminal that nobody sees, read line by line."""

    def __init__(self, columns: int, rows: int) -> None:
        self._terminal = Terminal(max(2, columns), rows)
        self._reached: list[int] = []
        self._done = 0
        self._line: list[str] = []
        self._line_at_ms = 0

    def of(self, events: Iterable[CastEvent]) -> Iterator[RecordedLine]:
        """The lines, as soon as they have left the screen; at the end those that are still on it."""
        at_ms = 0
        for event in events:
            at_ms = event.at_ms
            if event.kind is EventKind.OUTPUT:
                data = event.data.encode("utf-8", "replace")
                for start in range(0, len(data), SLICE):
                    self._begin(at_ms)
                    self._terminal.feed(data[start : start + SLICE])
                    self._reach(at_ms)
                    yield from self._scrolled()
            elif event.size is not None:
                self._terminal.resize(max(2, event.size[0]), event.size[1])
                self._reach(at_ms)
                yield from self._scrolled()
        yield from self._rest(at_ms)

    def _begin(self, at_ms: int) -> None:
        """A row that the cursor has only waited on is first written now."""
        y = self._terminal.cursor.y
        if y < len(self._reached) and not self._terminal.row(y).text:
            self._reached[y] = at_ms

    def _reach(self, at_ms: int) -> None:
        """Note when the cursor first came to each row, counted from the first one that is not told yet."""
        last = self._terminal.scrolled + self._terminal.cursor.y
        self._reached += [at_ms] * (last + 1 - len(self._reached))

    def _scrolled(self) -> Iterator[RecordedLine]:
        terminal = self._terminal
        count = terminal.scrolled
        if not count:
            return
        for y in range(-count, 0):
            yield from self._told(terminal.row(y), self._reached[y + count] if y + count < len(self._reached) else 0)
        del self._reached[:count]
        # What a wider screen could take back, it would tell a second time.
        terminal.clear_scrollback()

    def _rest(self, at_ms: int) -> Iterator[RecordedLine]:
        terminal = self._terminal
        last = terminal.cursor.y
        filled = [y for y in range(terminal.lines) if terminal.row(y).text]
        for y in range(max([last, *filled]) + 1 if filled or last else 0):
            yield from self._told(terminal.row(y), self._reached[y] if y < len(self._reached) else at_ms)
        if self._line:
            yield from self._told(Row(""), at_ms)

    def _told(self, row: Row, at_ms: int) -> Iterator[RecordedLine]:
        if not self._line:
            self._line_at_ms = at_ms
        self._line.append(_text(row))
        if not row.is_wrapped or len(self._line) * self._terminal.columns > LONGEST:
            yield RecordedLine(at_ms=self._line_at_ms, text="".join(self._line).rstrip())
            self._line = []


def _text(row: Row) -> str:
    if row.clusters:
        return "".join(row.clusters.get(x, sign) for x, sign in enumerate(row.text) if sign != "\0")
    return row.text.replace("\0", "")
