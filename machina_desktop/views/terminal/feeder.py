"""What a session has sent goes into the terminal in short slices; frames come at once after quiet, else each 16 ms."""

from __future__ import annotations

import time
from typing import Final, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from machina_desktop.core.terminal.terminal import Terminal

SLICE_S: Final = 0.008
FRAME_S: Final = 0.016
# Longest that a program may hold the picture with synchronised output (DEC 2026).
HELD_MS: Final = 150
_SMALLEST: Final = 4_096
_LARGEST: Final = 131_072


class Source(Protocol):
    """Where bytes come from; a session is one."""

    @property
    def waiting(self) -> int: ...
    def take(self, limit: int = ...) -> bytes: ...


class Feeder(QObject):
    """Feeds one terminal from one source, on the Qt thread.

    Signals:
        fed(): A slice was parsed: titles, marks and modes may be others.
        frame_due(): The picture may be brought up to date.
    """

    fed = Signal()
    frame_due = Signal()
    _woken = Signal()

    def __init__(self, terminal: Terminal, source: Source, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.terminal = terminal
        self._source = source
        self._is_awake = False
        self._last_frame = 0.0
        # Bytes that are parsed in about half a slice, as last measured.
        self._portion = 65_536
        self._next_slice = QTimer(self, interval=0, singleShot=True)
        self._next_slice.timeout.connect(self._slice)
        self._frame = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._frame.timeout.connect(self._on_frame)
        self._held = QTimer(self, interval=HELD_MS, singleShot=True)
        self._held.timeout.connect(self._tell_frame)
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)

    def wake(self) -> None:
        """Something has arrived. Any thread."""
        if not self._is_awake:
            self._is_awake = True
            self._woken.emit()

    def _on_woken(self) -> None:
        self._is_awake = False
        if not self._next_slice.isActive():
            self._slice()

    def _slice(self) -> None:
        """Parse for 8 ms at most, then let the event loop go on."""
        began = now = time.perf_counter()
        has_fed = False
        while now - began < SLICE_S:
            data = self._source.take(self._portion)
            if not data:
                break
            before = time.thread_time()
            self.terminal.feed(data)
            # Rows are counted when somebody asks; a frame will, and would be late by all that was put off.
            _ = self.terminal.top
            has_fed = True
            self._weigh(len(data), time.thread_time() - before)
            now = time.perf_counter()
        else:
            self._next_slice.start()
        if has_fed:
            self.fed.emit()
            self.ask_for_frame()

    def _weigh(self, size: int, seconds: float) -> None:
        """Choose the next portion so that it takes half a slice of this thread's own time; others may hold it up."""
        if size < self._portion and seconds < SLICE_S / 2:
            return
        wanted = int(size * SLICE_S / 2 / max(seconds, 1e-6))
        self._portion = max(_SMALLEST, min(_LARGEST, (self._portion + wanted) // 2))

    def ask_for_frame(self) -> None:
        """Something is to be painted: now after quiet, otherwise with the next frame."""
        if self._frame.isActive():
            return
        gap = time.perf_counter() - self._last_frame
        self._frame.start(0 if gap >= FRAME_S else int((FRAME_S - gap) * 1000) + 1)

    def _on_frame(self) -> None:
        if not self.terminal.is_held:
            self._held.stop()
            self._tell_frame()
        elif not self._held.isActive():
            self._held.start()

    def _tell_frame(self) -> None:
        self._last_frame = time.perf_counter()
        self.frame_due.emit()
