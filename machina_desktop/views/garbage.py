"""Garbage is collected on the Qt thread only: a widget destroyed on another one waits for this thread, or for ever."""

from __future__ import annotations

import gc
import time

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 100
# A full collection looks at everything that is not frozen, so it is worth its time only now and then.
FULL_EVERY_S = 60.0


class GarbageCollection(QObject):
    """Takes the place of the interpreter's own, which runs on whatever thread happens to make the next object.

    Reference cycles with widgets in them are rare but cannot be ruled out, and the core's threads make most objects.
    """

    def __init__(self, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._full_at = time.monotonic()
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self.collect_due)

    def start(self) -> None:
        """Collect here from now on."""
        gc.disable()
        self._timer.start()

    def stop(self) -> None:
        """Leave it to the interpreter again."""
        self._timer.stop()
        gc.enable()

    def collect_due(self) -> None:
        """Collect the generations whose time has come, by the interpreter's own thresholds."""
        due = [count > threshold for count, threshold in zip(gc.get_count(), gc.get_threshold(), strict=True)]
        if not due[0]:
            return
        if due[1] and due[2] and time.monotonic() - self._full_at >= FULL_EVERY_S:
            self._full_at = time.monotonic()
            gc.collect()
        else:
            gc.collect(1 if due[1] else 0)
