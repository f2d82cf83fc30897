"""Plays a recording into a terminal: forwards in its own time or another, and to any moment."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from machina_desktop.core.terminal.asciicast import CastEvent, EventKind, Header, played_times
from machina_desktop.core.terminal.terminal import Terminal

SPEEDS: Final = (0.5, 1.0, 1.5, 2.0, 4.0, 8.0)
LONGEST_PAUSE_MS: Final = 2000
FRAME_MS: Final = 16
# So long a turn may feed before the window is asked what else there is.
SLICE_S: Final = 0.008
_FOR_EVER = 1 << 60


class Player(QObject):
    """One recording. Its time runs from 0 to ``length_ms``; without pauses, where these are left out.

    Attributes:
        terminal: What the recording is played into; it has the recorded size.
        is_playing: Whether time runs.
        speed: How fast, one of ``SPEEDS``.
        skips_pauses: No pause is longer than two seconds.

    Signals:
        moved(): Another moment is shown, or is being looked for.
        changed(): It plays or stands, at another speed, or with other pauses.
        resized(): The terminal has another size.
        ended(): The last event was played.
    """

    moved = Signal()
    changed = Signal()
    resized = Signal()
    ended = Signal()

    def __init__(self, header: Header, events: Sequence[CastEvent], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.terminal = Terminal(max(2, header.columns), header.rows)
        self.is_playing = False
        self.speed = 1.0
        self.skips_pauses = True
        self._size = (max(2, header.columns), header.rows)
        self._events = events
        self._times: list[int] = []
        self._next = 0
        self._at_ms = 0.0
        self._clock = time.monotonic()
        self._turn = QTimer(self, interval=FRAME_MS)
        self._turn.timeout.connect(self._on_turn)
        self._count_times()

    @property
    def length_ms(self) -> int:
        """How long it plays."""
        return self._times[-1] if self._times else 0

    @property
    def position_ms(self) -> int:
        """Which moment is wanted now."""
        return int(self._at_ms)

    @property
    def is_settled(self) -> bool:
        """Whether the terminal shows that moment already."""
        return self._next >= len(self._times) or self._times[self._next] > self._at_ms

    def marks_ms(self) -> tuple[int, ...]:
        """When something happened that people look for."""
        return tuple(at for at, event in zip(self._times, self._events, strict=True) if event.kind is EventKind.MARK)

    def played_ms(self, recorded_ms: int) -> int:
        """When a moment of the recording is played: after all that happened until then."""
        index = bisect_right(self._events, recorded_ms, key=lambda event: event.at_ms)
        return self._times[index - 1] if index else 0

    def toggle(self) -> None:
        """Play, from the beginning where the end is reached; or stand still."""
        if self.is_playing:
            self._stand()
            return
        if self.position_ms >= self.length_ms:
            self._rewind()
        self.is_playing = True
        self._run()
        self.changed.emit()

    def seek(self, at_ms: int) -> None:
        """Go to a moment; the terminal follows in slices."""
        wanted = max(0, min(at_ms, self.length_ms))
        if wanted < self._at_ms:
            self._rewind()
        self._at_ms = float(wanted)
        self._run()
        self.moved.emit()

    def step(self, by_ms: int) -> None:
        """Go forwards, or with a negative number back."""
        self.seek(self.position_ms + by_ms)

    def set_speed(self, speed: float) -> None:
        """Play that fast."""
        self.speed = min(SPEEDS, key=lambda each: abs(each - speed))
        self.changed.emit()

    def faster(self, step: int) -> None:
        """The next faster speed (1) or slower one (-1)."""
        at = SPEEDS.index(self.speed) + step
        self.set_speed(SPEEDS[max(0, min(at, len(SPEEDS) - 1))])

    def set_skips_pauses(self, skips: bool) -> None:
        """Leave long pauses out, or play them; what is shown stays."""
        if skips == self.skips_pauses:
            return
        self.skips_pauses = skips
        self._count_times()
        self._at_ms = float(self._times[self._next - 1]) if self._next else 0.0
        self.changed.emit()
        self.moved.emit()

    def stop(self) -> None:
        """Do nothing any more."""
        self._turn.stop()
        self.is_playing = False

    def _count_times(self) -> None:
        pause = LONGEST_PAUSE_MS if self.skips_pauses else _FOR_EVER
        self._times = played_times(self._events, longest_pause_ms=pause)

    def _rewind(self) -> None:
        self.terminal.reset()
        self.terminal.clear_scrollback()
        self._resize(*self._size)
        self._next, self._at_ms = 0, 0.0

    def _run(self) -> None:
        self._clock = time.monotonic()
        self._feed()
        self._turn.setInterval(FRAME_MS if self.is_settled else 0)
        if self.is_playing or not self.is_settled:
            self._turn.start()

    def _on_turn(self) -> None:
        at = time.monotonic()
        if self.is_playing and self.is_settled:
            self._at_ms = min(self._at_ms + (at - self._clock) * 1000 * self.speed, float(self.length_ms))
        self._clock = at
        self._feed()
        self._turn.setInterval(FRAME_MS if self.is_settled else 0)
        if self.is_settled and self.position_ms >= self.length_ms:
            self._stand()
            self.ended.emit()
        elif self.is_settled and not self.is_playing:
            self._turn.stop()
        self.moved.emit()

    def _stand(self) -> None:
        was_playing, self.is_playing = self.is_playing, False
        if self.is_settled:
            self._turn.stop()
        if was_playing:
            self.changed.emit()

    def _feed(self) -> None:
        until = time.monotonic() + SLICE_S
        while not self.is_settled:
            event = self._events[self._next]
            self._next += 1
            if event.kind is EventKind.OUTPUT:
                self.terminal.feed(event.data.encode("utf-8", "replace"))
            elif event.size is not None:
                self._resize(*event.size)
            if time.monotonic() > until:
                return

    def _resize(self, columns: int, rows: int) -> None:
        if (columns, rows) != (self.terminal.columns, self.terminal.lines):
            self.terminal.resize(max(2, columns), rows)
            self.resized.emit()
