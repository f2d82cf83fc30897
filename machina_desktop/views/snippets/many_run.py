"""One text run in several terminals: typed when each is ready, and followed to its end as far as that is told."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from PySide6.QtCore import QObject, QTimer, Signal

from machina_desktop.core.domain.snippet import reporting
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.terminal.events import CommandEnded, CommandStarted
from machina_desktop.core.terminal.marks import Place as Cell
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.terminal.pane import TerminalPane

# A new shell is typed into once it has been silent for so long, so that its greeting does not swallow anything.
REST_MS: Final = 300
#: Only so many of the last rows of an output are kept.
MOST_ROWS: Final = 5_000
_INTERRUPT: Final = b"\x03"


class JobState(StrEnum):
    """How it stands on one machine."""

    WAITING = "waiting"
    ASKING = "asking"
    RUNNING = "running"
    SENT = "sent"
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be heard of it."""
        return self not in {JobState.WAITING, JobState.ASKING, JobState.RUNNING}


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be done on one machine.

    Attributes:
        name: The machine's.
        text: The commands, as a person has seen them.
    """

    pane: TerminalPane
    machine_id: str
    name: str
    text: str


class Job(QObject):
    """One task under way.

    Attributes:
        state: How it stands.
        exit_code: ``None`` until it is known.
        output: What it put out, once it has ended.
        seconds: How long it took; ``None`` until it has ended.

    Signals:
        changed(): Any of that.
    """

    changed = Signal()

    def __init__(self, task: Task, *, is_reporting: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.task = task
        self.state = JobState.WAITING
        self.exit_code: int | None = None
        self.output = ""
        self.seconds: float | None = None
        self._is_reporting = is_reporting
        self._has_begun = False
        self._is_ended = False
        self._began = 0.0
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self._type)
        pane = task.pane
        pane.state_changed.connect(self._on_state)
        pane.stirred.connect(self._on_stirred)
        pane.told.connect(self._on_told)
        pane.destroyed.connect(self._on_lost)

    def start(self) -> None:
        """Type it now, or as soon as there is a shell."""
        pane = self.task.pane
        pane.start()
        if pane.state is SessionState.LIVE and pane.terminal.top + pane.terminal.cursor.x:
            self._type()
        else:
            self._on_state(pane.state)

    def cancel(self) -> None:
        """Type it no more; interrupt it where it runs."""
        if self.state is JobState.RUNNING and self.task.pane.session is not None:
            self.task.pane.session.write(_INTERRUPT)
        if not self.state.is_over:
            self._end(JobState.CANCELLED)

    def _type(self) -> None:
        pane = self.task.pane
        if self.state.is_over or pane.state is not SessionState.LIVE:
            return
        text = reporting(self.task.text) if self._is_reporting else self.task.text
        is_followed = self._is_reporting or bool(pane.terminal.marks())
        self._began = time.monotonic()
        self._set(JobState.RUNNING if is_followed else JobState.SENT)
        pane.actions_.run_text(text)

    def _on_state(self, state: SessionState | None) -> None:
        if self.state.is_over:
            return
        if state is not None and state.is_over:
            self._on_lost()
        elif state is SessionState.ASKING:
            self._set(JobState.ASKING)
        elif state is SessionState.LIVE and self.state is not JobState.RUNNING:
            self._set(JobState.WAITING)
            self._rest.start()

    def _on_stirred(self) -> None:
        if self._rest.isActive():
            self._rest.start()
        if self._is_ended and self.state is JobState.RUNNING:
            self.output = last_output(self.task.pane.terminal)
            self._end(JobState.FAILED if self.exit_code else JobState.DONE)

    def _on_told(self, told: object) -> None:
        if self.state is not JobState.RUNNING or self._is_ended:
            return
        if isinstance(told, CommandStarted):
            self._has_begun = True
        elif isinstance(told, CommandEnded) and self._has_begun:
            # The rows are read once the program has been fed.
            self.exit_code, self._is_ended = told.exit_code, True

    def _on_lost(self) -> None:
        if not self.state.is_over:
            self._end(JobState.LOST)

    def _end(self, state: JobState) -> None:
        self._rest.stop()
        self.seconds = time.monotonic() - self._began if self._began else None
        self._set(state)

    def _set(self, state: JobState) -> None:
        if state is not self.state:
            self.state = state
            self.changed.emit()


class ManyRun(QObject):
    """Tasks under way together. It lives on while nobody looks at it.

    Attributes:
        title: What is run.
        jobs: One for each task, in their order.

    Signals:
        changed(): One of them stands otherwise.
        ended(): All of them are over.
    """

    changed = Signal()
    ended = Signal()

    def __init__(self, title: str, tasks: Iterable[Task], *, is_reporting: bool, parent: QObject) -> None:
        super().__init__(parent)
        self.title = title
        self.jobs = tuple(Job(task, is_reporting=is_reporting, parent=self) for task in tasks)
        self._is_told = False
        for job in self.jobs:
            job.changed.connect(self._on_changed)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will be heard of any."""
        return all(job.state.is_over for job in self.jobs)

    def start(self) -> None:
        """Begin with all of them."""
        for job in self.jobs:
            job.start()

    def cancel(self) -> None:
        """Type it nowhere any more, and interrupt it where it runs."""
        for job in self.jobs:
            job.cancel()

    def _on_changed(self) -> None:
        self.changed.emit()
        if self.is_over and not self._is_told:
            self._is_told = True
            self.ended.emit()


def last_output(terminal: Terminal) -> str:
    """What the last command put out, as far as the shell has told where that is; at most its last rows."""
    command = next((each for each in reversed(terminal.marks()) if each.end is not None), None)
    if command is None or command.output is None or command.end is None or command.end <= command.output:
        return ""
    end = command.end
    last = Cell(end.row, end.x - 1) if end.x else Cell(end.row - 1, terminal.columns - 1)
    return terminal.text(max(command.output, Cell(end.row - MOST_ROWS, 0)), last)
