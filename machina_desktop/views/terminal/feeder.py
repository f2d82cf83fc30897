"""What a session has sent goes into the terminal in slices; frames come at once after quiet, else at a pace."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from machina_desktop.core.terminal.terminal import Terminal

SLICE_S: Final = 0.01
# Frames come this often while they are cheap, and this seldom when they are dear.
FRAME_S: Final = 0.016
LONGEST_FRAME_S: Final = 0.029
# Frames take this share of the time at most, as long as they come often enough; and this much whatever they cost.
_SHARE: Final = 1 / 16
_LARGEST_SHARE: Final = 1 / 2
# A frame that is due so soon is painted before more is parsed.
_SOON_MS: Final = 2
# Longest that a program may hold the picture with synchronised output (DEC 2026).
HELD_MS: Final = 150
# In a flood what comes is joined for so long: the terminal is several times quicker with large portions.
JOIN_MS: Final = 4
# So much in one slice is a flood, until nothing has come for a while.
_FLOOD: Final = 8_192
_FLOOD_S: Final = 0.05
# Rows that were not counted in a flood are counted afterwards, for so long at a time.
_COUNTING_S: Final = 0.004
_COUNTING_MS: Final = 12
# So much is taken at once at least and at most, if there is as much; smaller portions say little about larger ones.
_SMALLEST: Final = 8_192
_LARGEST: Final = 262_144
# Of what is very slow to parse, such as a few bytes that fill the whole screen, so little.
_LEAST: Final = 1_024


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

    def __init__(
        self,
        terminal: Terminal,
        source: Source,
        parent: QObject | None = None,
        *,
        is_followed: Callable[[], bool] = lambda: False,
    ) -> None:
        """``is_followed``: whether the newest row is all that matters, and nobody remembers the number of any."""
        super().__init__(parent)
        self.terminal = terminal
        self._source = source
        self._is_followed = is_followed
        self._is_awake = False
        self._last_frame = 0.0
        self._frame_cost = 0.0
        # Bytes parsed in a second of this thread's own time; others may hold it up.
        self._pace = 3e6
        self._flooded_at = 0.0
        # Of what was taken, what took too long to be shown at once.
        self._left = b""
        self._next_slice = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._next_slice.timeout.connect(self._slice)
        self._frame = QTimer(self, singleShot=True, timerType=Qt.TimerType.PreciseTimer)
        self._frame.timeout.connect(self._on_frame)
        self._counting = QTimer(self, singleShot=True)
        self._counting.timeout.connect(self._count)
        self._held = QTimer(self, interval=HELD_MS, singleShot=True)
        self._held.timeout.connect(self._tell_frame)
        self._woken.connect(self._on_woken, Qt.ConnectionType.QueuedConnection)

    @property
    def frame_gap(self) -> float:
        """Seconds from one frame to the next while much comes."""
        wanted = max(FRAME_S, min(self._frame_cost / _SHARE, LONGEST_FRAME_S))
        return max(wanted, self._frame_cost / _LARGEST_SHARE)

    def wake(self) -> None:
        """Something has arrived. Any thread."""
        if not self._is_awake:
            self._is_awake = True
            self._woken.emit()

    def weigh_frame(self, seconds: float) -> None:
        """Hear what a frame has cost; a blinking cursor between two of them says little."""
        self._frame_cost = max(seconds, self._frame_cost * 0.8)

    def _on_woken(self) -> None:
        self._is_awake = False
        if self._next_slice.isActive():
            return
        if time.perf_counter() - self._flooded_at < _FLOOD_S:
            self._next_slice.start(JOIN_MS)
        else:
            self._slice()

    def _slice(self) -> None:
        """Parse for about 10 ms, or a part of the time until a frame is due, then let the event loop go on."""
        if self._frame.isActive() and self._frame.remainingTime() <= _SOON_MS:
            self._frame.stop()
            self._next_slice.start(0)
            self._on_frame()
            return
        self.terminal.counts_late = self._is_followed()
        rest, fed = self._slice_s(), 0
        until = time.perf_counter() + rest
        while True:
            wanted = self._wanted(rest)
            data = self._left or self._source.take(wanted)
            if not data:
                break
            before = time.thread_time()
            self._left = self.terminal.feed_until(data, until)
            size = len(data) - len(self._left)
            fed += size
            self._weigh(size, time.thread_time() - before, is_whole=len(data) == wanted)
            if self._left:
                self._next_slice.start(0)
                break
            if _FLOOD <= size < wanted / 2:
                self._next_slice.start(JOIN_MS)
                break
            rest = until - time.perf_counter()
            # A small portion would be parsed slowly; the next slice takes it with what follows.
            if rest * self._pace < wanted / 2:
                self._next_slice.start(0)
                break
        if fed >= _FLOOD:
            self._flooded_at = time.perf_counter()
            self._counting.start(int(_FLOOD_S * 1000))
        if fed:
            self.fed.emit()
            self.ask_for_frame()

    def _count(self) -> None:
        """Count rows that passed uncounted, while nothing else is to be done, so that nobody has to wait for it."""
        until = time.perf_counter() + _COUNTING_S
        while time.perf_counter() < until:
            if not self.terminal.count_some():
                # The scroll bar shows how many there are.
                self.ask_for_frame()
                return
        self._counting.start(_COUNTING_MS)

    def _slice_s(self) -> float:
        """Seconds to parse now: slices of one length until the next frame, for a short one is parsed slowly."""
        if not self._frame.isActive():
            return SLICE_S
        rest = self._frame.remainingTime() / 1000
        return rest / max(1, round(rest / SLICE_S))

    def _wanted(self, seconds: float) -> int:
        """The size of a portion that is parsed in some seconds."""
        size = int(self._pace * seconds)
        is_slow = self._pace * SLICE_S < _SMALLEST / 4
        return max(_LEAST if is_slow else _SMALLEST, min(_LARGEST, size))

    def _weigh(self, size: int, seconds: float, *, is_whole: bool) -> None:
        """Note how quick parsing was; ``is_whole``: the portion was as large as it was wanted."""
        if size >= _SMALLEST or is_whole or seconds > SLICE_S:
            pace = size / max(seconds, 1e-6)
            # Too large a portion holds the window up, too small a one costs little.
            self._pace = pace if seconds > 4 * SLICE_S else (self._pace + pace) / 2

    def ask_for_frame(self) -> None:
        """Something is to be painted: now after quiet, otherwise with the next frame."""
        if self._frame.isActive():
            return
        rest = self._last_frame + self.frame_gap - time.perf_counter()
        self._frame.start(0 if rest <= 0 else int(rest * 1000) + 1)

    def _on_frame(self) -> None:
        if not self.terminal.is_held:
            self._held.stop()
            self._tell_frame()
        elif not self._held.isActive():
            self._held.start()

    def _tell_frame(self) -> None:
        self._last_frame = time.perf_counter()
        self.frame_due.emit()
