"""A run's log, followed from its first byte: no line is lost and none comes twice."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.deployments import LogChunk, ReadLog
from machina_desktop.views import tasks


class LogFollower(QObject):
    """Reads a log from the start and goes on as it grows.

    It listens for growth *before* it reads for the first time and addresses everything by byte offset, so what is
    appended while a piece is being read is read next, and an announcement of what was already read is ignored.

    Signals:
        arrived: Whole lines in their order (tuple of LogLine), never empty.
        caught_up: Everything that was there at the first read has arrived. Once.
        failed: Why the log could not be read (MachinaError); `retry` goes on where it stopped.
    """

    arrived = Signal(object)
    caught_up = Signal()
    failed = Signal(object)

    def __init__(self, bridge: Bridge, deployment_id: str, parent: QObject) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._deployment_id = deployment_id
        self._offset = 0
        self._announced = 0
        self._announced_before = 0
        self._is_reading = False
        self._is_caught_up = False
        bridge.appended.connect(self._on_appended)
        self._read()

    @property
    def offset(self) -> int:
        """Bytes read so far."""
        return self._offset

    def retry(self) -> None:
        """Go on reading after a failure."""
        if not self._is_reading:
            self._read()

    def _read(self) -> None:
        self._is_reading = True
        self._announced_before = self._announced
        ask = ReadLog(deployment_id=self._deployment_id, offset=self._offset)
        tasks.ask(self._bridge, ask, owner=self, done=self._on_chunk, failed=self._on_failed)

    def _on_appended(self, deployment_id: str, end: int) -> None:
        if deployment_id != self._deployment_id or end <= self._offset:
            return
        self._announced = max(self._announced, end)
        if not self._is_reading:
            self._read()

    def _on_chunk(self, chunk: LogChunk) -> None:
        self._is_reading = False
        has_grown = chunk.end > self._offset
        self._offset = max(self._offset, chunk.end)
        # What was announced while this piece was read may lie behind it, even behind an empty one.
        seen = self._offset if has_grown else self._announced_before
        has_more = self._announced > max(self._offset, seen)
        if has_more or (has_grown and not self._is_caught_up):
            self._read()
        if chunk.lines:
            self.arrived.emit(chunk.lines)
        if not has_grown and not self._is_caught_up:
            self._is_caught_up = True
            self.caught_up.emit()

    def _on_failed(self, error: MachinaError) -> None:
        self._is_reading = False
        self.failed.emit(error)
