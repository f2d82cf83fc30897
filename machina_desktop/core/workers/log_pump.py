"""From what a run prints to stored, redacted log lines: each line once, whatever is killed when."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from machina_desktop.core import ids
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.log import REDACTOR
from machina_desktop.core.terraform.cli import Decoded, cleaned, decode
from machina_desktop.core.workers.growing_file import BATCH_BYTES, LINE_LIMIT, read_new_lines

LOG = logging.getLogger(__name__)
GATHER_S = 0.05
BATCH_LINES = 2000
TEXT_LIMIT = 8192
WAITING_LINES = 20_000
"""So many lines of ours wait in memory while nothing can be stored; a line says how many more there were."""

Append = Callable[[tuple[LogLine, ...], Mapping[str, int]], Awaitable[None]]


class LogPump:
    """Collects a run's lines and appends them in batches, together with how far each file has been read.

    ``append`` stores lines and cursors in one transaction, so a line is neither lost nor doubled by a crash.
    """

    def __init__(self, append: Append, cursors: Mapping[str, int], *, batch_bytes: int = BATCH_BYTES) -> None:
        """``batch_bytes`` is how much of a file is read at once."""
        self._append = append
        self._batch_bytes = batch_bytes
        self._cursors = dict(cursors)
        self._lines: list[LogLine] = []
        self._left_out = 0
        self._lock = threading.Lock()
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()

    def say(self, phase: str, text: str, *, level: LogLevel = LogLevel.INFO) -> None:
        """Add our own line. Any thread."""
        lines = [LogLine(at=ids.now(), phase=phase, level=level, text=_clean(part)) for part in text.splitlines()]
        with self._lock:
            # Once a line is left out, all are until that is said: what is stored stays in order.
            room = 0 if self._left_out else max(0, WAITING_LINES - len(self._lines))
            self._lines.extend(lines[:room])
            self._left_out += len(lines[room:])
        self._loop.call_soon_threadsafe(self._wake.set)

    async def begin_anew(self, source: str) -> None:
        """Read the next file of that name from its start, whoever reads it: the command is run again."""
        if self._cursors.pop(source, 0):
            async with self._writing:
                await self._append((), {source: 0})

    async def run(self) -> None:
        """Append what is said, until cancelled. Files are followed by :meth:`follow`."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(GATHER_S)
            await self.flush()

    async def flush(self) -> None:
        """Append everything said so far."""
        async with self._writing:
            self._wake.clear()
            while self._lines:
                with self._lock:
                    self._tell_left_out()
                    batch, self._lines = tuple(self._lines[:BATCH_LINES]), self._lines[BATCH_LINES:]
                try:
                    await self._append(batch, {})
                except MachinaError:
                    with self._lock:
                        self._lines = [*batch, *self._lines]
                    raise

    def _tell_left_out(self) -> None:
        if self._left_out and len(self._lines) <= BATCH_LINES:
            text = f"{self._left_out} lines were left out here: they could not be stored in time."
            self._lines.append(LogLine(at=ids.now(), phase="log", level=LogLevel.WARNING, text=text))
            self._left_out = 0

    async def follow(
        self, path: Path, *, source: str, phase: str, ended: asyncio.Event, on_decoded: Callable[[Decoded], None]
    ) -> None:
        """Append the lines of a growing file of Terraform's until it has ended and is read to its end.

        Reading and decoding happen in a thread; ``on_decoded`` is called there with what each line means. What an
        earlier process has stored already is read again for its meaning only.
        """
        offset = self._cursors.get(source, 0)
        await asyncio.to_thread(_reread, path, offset, phase, on_decoded)
        while True:
            is_last = ended.is_set()
            lines, following = await asyncio.to_thread(
                _read, path, offset, phase, on_decoded, ended=is_last, most=self._batch_bytes
            )
            if following > offset:
                offset = following
                async with self._writing:
                    await self._append(lines, {source: offset})
            elif is_last:
                return
            # Gathered for a moment, so that a chatty command does not make one transaction a line.
            with suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), GATHER_S)


def _read(
    path: Path, offset: int, phase: str, on_decoded: Callable[[Decoded], None], *, ended: bool, most: int
) -> tuple[tuple[LogLine, ...], int]:
    raw, following = read_new_lines(path, offset, ended=ended, most=most)
    at = ids.now()
    lines: list[LogLine] = []
    for line in raw:
        decoded = decode(line, phase, at)
        on_decoded(decoded)
        lines.extend(replace(said, text=REDACTOR.redact(said.text)) for said in decoded.lines)
    return tuple(lines), following


def _reread(path: Path, end: int, phase: str, on_decoded: Callable[[Decoded], None]) -> None:
    if not end:
        return
    at = ids.now()
    with suppress(FileNotFoundError), path.open("rb") as file:
        while file.tell() < end and (line := file.readline(LINE_LIMIT)):
            on_decoded(decode(line.rstrip(b"\r\n"), phase, at))


def _clean(text: str) -> str:
    # A host's control sequences may stand in the middle of a secret.
    # Half a surrogate pair, as a file name with broken bytes has it, could not be stored.
    redacted = REDACTOR.redact(cleaned(text)).encode(errors="replace").decode()
    return redacted if len(redacted) <= TEXT_LIMIT else redacted[:TEXT_LIMIT] + "…"
