"""A file that somebody still writes to is read line by line: each line once, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

LINE_LIMIT = 1 << 20
"""Longest line that :func:`read_new_lines` delivers whole, in bytes."""

CUT_MARKER = b" [line cut at 1 MiB]"

_CHUNK = 1 << 20
BATCH_BYTES = 4 << 20
"""So much :func:`read_new_lines` reads at once where nothing else is asked for."""


def read_new_lines(path: Path, offset: int, *, ended: bool = False, most: int = BATCH_BYTES) -> tuple[list[bytes], int]:
    """Whole lines of a growing file from byte ``offset`` on, without their line ends, and the offset that follows.

    At most about ``most`` bytes per call: call again until nothing comes. A line over 1 MiB is delivered as its
    first 1 MiB and :data:`CUT_MARKER`, once it is complete; memory stays bounded. A last line without a line end is
    delivered only when ``ended`` says that nobody will write to the file any more. A missing file has no lines. Any
    thread.
    """
    lines: list[bytes] = []
    first = offset
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return lines, offset
    with file:
        file.seek(offset)
        while offset - first < most:
            line = file.readline(LINE_LIMIT + 1)
            length = len(line)
            if len(line) > LINE_LIMIT and not line.endswith(b"\n"):
                rest, is_whole = _skip_line(file.read)
                length += rest
                line = line[:LINE_LIMIT] + CUT_MARKER
            else:
                is_whole = line.endswith(b"\n")
            if not is_whole and not (ended and line):
                break
            if length > LINE_LIMIT + 1 and is_whole:
                file.seek(offset + length)
            lines.append(line.rstrip(b"\r\n"))
            offset += length
    return lines, offset


def _skip_line(read: Callable[[int], bytes]) -> tuple[int, bool]:
    """How many bytes the rest of the line has, its end included, and whether the end was there."""
    skipped = 0
    while chunk := read(_CHUNK):
        end = chunk.find(b"\n")
        if end >= 0:
            return skipped + end + 1, True
        skipped += len(chunk)
    return skipped, False
