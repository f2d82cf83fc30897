"""Writes what a terminal shows into an asciicast file, on a thread of its own and without known secrets."""

from __future__ import annotations

import codecs
import hashlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.log import REDACTOR, Redactor
from machina_desktop.core.terminal.asciicast import EventKind, Header, event_line, header_line
from machina_desktop.core.terminal.recording_input import ShownInput
from machina_desktop.core.terminal.redaction import StreamRedactor

LOG = logging.getLogger(__name__)

MOST_WAITING = 8 << 20
"""So many bytes wait for the disk; what comes beyond them is left out and counted."""
LARGEST_FILE = 1 << 29
SYNC_S = 5.0


@dataclass(frozen=True, kw_only=True)
class Written:
    """What has become of a recording.

    Attributes:
        sha256: Of the file, hex.
        left_out_bytes: What the disk or the largest size had no room for.
        problem: Why it ended early, in a sentence; empty where it did not.
    """

    duration_ms: int
    size_bytes: int
    sha256: str
    left_out_bytes: int = 0
    problem: str = ""


@dataclass(frozen=True)
class _Item:
    at_s: float
    kind: EventKind
    data: bytes


class Recorder:
    """Takes what a terminal receives and writes it down. Its methods never wait and may be called from any thread.

    The file is private and new. What may be the beginning of a known secret is written once it turns out to be none.
    A disk that fails ends the recording, not the terminal: :attr:`problem` says why, and ``on_end`` is called on the
    writer's thread.

    Raises:
        Unavailable: E-RECORDING, the file cannot be made.
    """

    def __init__(
        self,
        path: Path,
        header: Header,
        *,
        has_input: bool = False,
        redactor: Redactor = REDACTOR,
        largest: int = LARGEST_FILE,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._file = _made(path)
        self._began = time.monotonic()
        self._on_end = on_end
        self._lines = _Lines(header, redactor, has_input=has_input)
        self._has_input = has_input
        self._largest = largest
        self._hash = hashlib.sha256()
        self._size = 0
        self._left_out = 0
        self._duration_ms = 0
        self._synced = time.monotonic()
        self._waiting: deque[_Item] = deque()
        self._waiting_bytes = 0
        self._is_stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="terminal-recorder", daemon=True)
        self.problem = ""
        self._thread.start()

    @property
    def is_recording(self) -> bool:
        """Whether what is said now is written."""
        return not self._is_stopping and not self.problem

    def output(self, data: bytes) -> None:
        """What the terminal received."""
        self._put(EventKind.OUTPUT, data)

    def typed(self, data: bytes) -> None:
        """What was typed or pasted; of it is kept what the terminal then shows, and only where that is wanted."""
        if self._has_input:
            self._put(EventKind.INPUT, data)

    def resized(self, columns: int, rows: int) -> None:
        """The terminal has another size."""
        self._put(EventKind.RESIZE, f"{columns}x{rows}".encode())

    def marked(self, text: str) -> None:
        """Something happened that people look for, such as the end of a command or a connection that came back."""
        self._put(EventKind.MARK, text.encode("utf-8", "replace"))

    def stop(self) -> None:
        """Write what waits, and no more. :meth:`wait` tells what has become of it."""
        with self._changed:
            self._duration_ms = self._duration_ms or int((time.monotonic() - self._began) * 1000)
            self._is_stopping = True
            self._changed.notify()

    def wait(self) -> Written:
        """What has become of it. Blocks until all is on the disk; after :meth:`stop`."""
        self._thread.join()
        return Written(
            duration_ms=self._duration_ms,
            size_bytes=self._size,
            sha256=self._hash.hexdigest(),
            left_out_bytes=self._left_out,
            problem=self.problem,
        )

    def _put(self, kind: EventKind, data: bytes) -> None:
        at_s = time.monotonic() - self._began
        with self._changed:
            if not self.is_recording or not data:
                return
            if self._waiting_bytes + len(data) > MOST_WAITING:
                self._left_out += len(data)
                return
            self._waiting.append(_Item(at_s, kind, data))
            self._waiting_bytes += len(data)
            self._changed.notify()

    def _run(self) -> None:
        try:
            with self._file:
                self._write(self._lines.header)
                while items := self._next():
                    for item in items:
                        self._write_event(item)
                    self._sync(is_due=time.monotonic() - self._synced >= SYNC_S)
                self._write(self._lines.rest(self._duration_ms / 1000, self._left_out))
                self._sync(is_due=True)
        except OSError as error:
            self._duration_ms = self._duration_ms or int((time.monotonic() - self._began) * 1000)
            self.problem = f"The recording ended: {error.strerror or 'the disk failed'}."
            LOG.warning("recording ended: %s", error.strerror)
        self._on_end()

    def _next(self) -> list[_Item]:
        """What has come since the last time; waits for it. Empty at the end."""
        with self._changed:
            while not self._waiting and not self._is_stopping:
                self._changed.wait()
            items = list(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
        return items

    def _write_event(self, item: _Item) -> None:
        if self._size >= self._largest:
            self._left_out += len(item.data)
            return
        self._write(self._lines.of(item.at_s, item.kind, item.data))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self._size += len(data)

    def _sync(self, *, is_due: bool) -> None:
        self._file.flush()
        if is_due:
            os.fsync(self._file.fileno())
            self._synced = time.monotonic()


class _Lines:
    """What is written of each event: text in UTF-8, without secrets, input only once it was shown."""

    def __init__(self, header: Header, redactor: Redactor, *, has_input: bool) -> None:
        self.header = header_line(header)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._typed_decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._output = StreamRedactor(redactor)
        self._input = StreamRedactor(redactor)
        self._shown = ShownInput() if has_input else None
        self._redactor = redactor

    def of(self, at_s: float, kind: EventKind, data: bytes) -> bytes:
        """The lines of one event; none while it is held back."""
        if kind is EventKind.OUTPUT:
            text = self._decoder.decode(data)
            shown = self._shown.shown(text) if self._shown is not None else ""
            return self._event(at_s, EventKind.INPUT, self._input.feed(shown)) + self._event(
                at_s, kind, self._output.feed(text)
            )
        if kind is EventKind.INPUT:
            known = "" if self._shown is None else self._shown.typed(self._typed_decoder.decode(data))
            return self._event(at_s, kind, self._input.feed(known))
        return self._event(at_s, kind, self._redactor.redact(data.decode("utf-8", "replace")))

    def rest(self, at_s: float, left_out: int) -> bytes:
        """What was held back to the end, and how much is missing."""
        end = self._event(at_s, EventKind.OUTPUT, self._output.feed(self._decoder.decode(b"", final=True)))
        end += self._event(at_s, EventKind.OUTPUT, self._output.finish())
        end += self._event(at_s, EventKind.INPUT, self._input.finish())
        return end + (self._event(at_s, EventKind.MARK, f"{left_out} bytes were left out") if left_out else b"")

    @staticmethod
    def _event(at_s: float, kind: EventKind, text: str) -> bytes:
        return event_line(at_s, kind, text) if text else b""


def _made(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise Unavailable(
            f"The recording cannot be begun: {error.strerror}.",
            hint="Free space on the disk of the data folder.",
            code="E-RECORDING",
        ) from error
