"""Records one terminal of the window: begins where that is wanted or required, and ends with the terminal."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

from PySide6.QtCore import QObject, Qt, Signal

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.recording import Recording, RecordingDecision
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.recording_policy import DecideRecording
from machina_desktop.core.services.recordings import EndRecording, StartRecording, TidyRecordings
from machina_desktop.core.terminal.asciicast import Header
from machina_desktop.core.terminal.recording import Recorder, Written


class PaneRecorder(QObject):
    """What a pane feeds with all it receives and sends. Everything here runs on the Qt thread and none of it blocks.

    Before `begin` and after `end` what it is fed with goes nowhere.

    Signals:
        changed(): It records, or does so no more: look at `is_recording` and `problem`.
    """

    changed = Signal()
    _ended = Signal()

    def __init__(self, bridge: Bridge, machine_id: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._machine_id = machine_id
        self._recorder: Recorder | None = None
        self._recording: Recording | None = None
        self._title = ""
        self._ended.connect(self.changed, Qt.ConnectionType.QueuedConnection)

    @property
    def is_recording(self) -> bool:
        """Whether what the terminal shows is written down now."""
        return self._recorder is not None and self._recorder.is_recording

    @property
    def problem(self) -> str:
        """Why it ended by itself, in a sentence; empty where it did not."""
        return "" if self._recorder is None else self._recorder.problem

    @property
    def recording(self) -> Recording | None:
        """What is made, or was made last."""
        return self._recording

    async def decide(self) -> RecordingDecision:
        """What holds for this machine: off, asked each time, or on; and the team's rule where one requires it.

        Raises:
            MachinaError: what went wrong, fit to be shown.
        """
        return await self._bridge.call(DecideRecording(machine_id=self._machine_id))

    async def begin(self, columns: int, rows: int, *, terminal_id: str = "", title: str = "") -> Recording:
        """Record from now on; where it records already, nothing is another.

        Raises:
            MachinaError: it cannot be begun; a terminal whose recording is required is better not opened then.
        """
        if self._recording is not None and self.is_recording:
            return self._recording
        files = await self._bridge.call(
            StartRecording(
                machine_id=self._machine_id,
                terminal_id=terminal_id or new_id("terminal"),
                columns=columns,
                rows=rows,
                title=title,
            )
        )
        recording = files.recording
        header = Header(columns=columns, rows=rows, began_at=recording.began_at, title=recording.machine_name)
        # The file is made at once: a few system calls.
        self._recorder = Recorder(Path(files.cast), header, has_input=recording.has_input, on_end=self._tell_end)
        self._recording, self._title = recording, title
        self.changed.emit()
        return recording

    def received(self, data: bytes) -> None:
        """The terminal was fed with that."""
        if self._recorder is not None:
            self._recorder.output(data)

    def typed(self, data: bytes) -> None:
        """That was sent to the program; it is kept where wanted, and only once the terminal has shown it."""
        if self._recorder is not None:
            self._recorder.typed(data)

    def resized(self, columns: int, rows: int) -> None:
        """The terminal has another size."""
        if self._recorder is not None:
            self._recorder.resized(columns, rows)

    def titled(self, title: str) -> None:
        """The terminal has another title; the last one names the recording."""
        self._title = title or self._title

    def marked(self, text: str) -> None:
        """Something happened that the replay shows a mark for, such as a long command that has ended."""
        if self._recorder is not None:
            self._recorder.marked(text)

    async def end(self, exit_status: int | None = None) -> Recording | None:
        """Record no more; answers the recording once its text is made and indexed, ``None`` where there was none.

        Raises:
            MachinaError: the text could not be made; it is made up for when the list is looked at next.
        """
        recorder, recording = self._recorder, self._recording
        if recorder is None or recording is None:
            return None
        # Another one may have begun before this one is done.
        self._recorder, title = None, self._title
        recorder.stop()
        self.changed.emit()
        written: Written = await asyncio.to_thread(recorder.wait)
        ended = await self._bridge.call(
            EndRecording(
                recording_id=recording.recording_id,
                duration_ms=max(1, written.duration_ms),
                left_out_bytes=written.left_out_bytes,
                title=title,
                exit_status=exit_status,
            )
        )
        if self._recording is recording:
            self._recording = ended
        # What is too old or takes too much room goes now; what cannot, goes another time.
        with contextlib.suppress(MachinaError):
            await self._bridge.call(TidyRecordings())
        return ended

    def stop(self) -> None:
        """Record no more without waiting, as when the window closes; what was written is ended at the next look."""
        if self._recorder is not None:
            self._recorder.stop()

    def _tell_end(self) -> None:
        # On the writer's thread, which may outlive the window.
        with contextlib.suppress(RuntimeError):
            self._ended.emit()
