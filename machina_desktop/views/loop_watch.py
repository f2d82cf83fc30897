"""Whether the event loop answers in time: gaps are logged with what the main thread was doing."""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback

from PySide6.QtCore import QObject, Qt, Signal

LOG = logging.getLogger(__name__)

GAP_S = 0.05
ASK_EVERY_S = 0.05
# After the window is hidden nobody waits for it: ask seldom, so that the processor can sleep.
ASK_SELDOM_S = 1.0
LOGGED_EVERY_S = 1.0


class LoopWatch(QObject):
    """A thread that asks the loop to answer, and takes the main thread's stack when it does not.

    Signals:
        asked(): Internal: the question, delivered on the main thread.
    """

    asked = Signal()

    def __init__(self, *, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._answered = threading.Event()
        self._stopped = threading.Event()
        self._period_s = ASK_EVERY_S
        self._main = threading.get_ident()
        self._last_logged = 0.0
        self.asked.connect(self._on_asked, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._watch, name="loop-watch", daemon=True)

    def start(self) -> None:
        """Watch from now on. Call it on the main thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; takes no longer than one question."""
        self._stopped.set()
        self._answered.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2)

    def set_window_visible(self, is_visible: bool) -> None:
        """Ask often only while somebody can see the window."""
        self._period_s = ASK_EVERY_S if is_visible else ASK_SELDOM_S

    def _on_asked(self) -> None:
        self._answered.set()

    def _watch(self) -> None:
        while not self._stopped.wait(self._period_s):
            self._answered.clear()
            asked_at = time.monotonic()
            self.asked.emit()
            if self._answered.wait(GAP_S):
                continue
            frame = sys._current_frames().get(self._main)  # noqa: SLF001 - the documented way to another thread's stack
            stack = "".join(traceback.format_stack(frame, limit=12)) if frame is not None else ""
            del frame
            self._answered.wait()
            if not self._stopped.is_set():
                self._tell(time.monotonic() - asked_at, stack)

    def _tell(self, gap_s: float, stack: str) -> None:
        now_s = time.monotonic()
        if now_s - self._last_logged >= LOGGED_EVERY_S:
            self._last_logged = now_s
            LOG.warning("the event loop did not answer for %.0f ms; it was at\n%s", gap_s * 1000, stack)
