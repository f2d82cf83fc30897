"""A session whose every byte also goes to a recorder; panes need not know."""

from __future__ import annotations

from collections.abc import Callable

from machina_desktop.core.domain.terminal import Answer, Question, SessionState
from machina_desktop.core.errors import MachinaError
from machina_desktop.views.recordings.pane_recorder import PaneRecorder
from machina_desktop.views.terminal.session_like import SessionLike

LARGEST = 65_536


class RecordedSession:
    """Stands in a session's place. What is taken from it was received, what is written to it was typed."""

    def __init__(self, session: SessionLike, recorder: PaneRecorder) -> None:
        self._session = session
        self._recorder = recorder

    @property
    def recorder(self) -> PaneRecorder:
        """Where it is begun, looked at and ended."""
        return self._recorder

    @property
    def on_change(self) -> Callable[[], None]:
        """Called by the session from any thread."""
        return self._session.on_change

    @on_change.setter
    def on_change(self, listener: Callable[[], None]) -> None:
        self._session.on_change = listener

    @property
    def state(self) -> SessionState:
        """Where the session stands."""
        return self._session.state

    @property
    def reason(self) -> MachinaError | None:
        """Why it is lost."""
        return self._session.reason

    @property
    def exit_status(self) -> int | None:
        """Of the shell; also for `PaneRecorder.end`."""
        return self._session.exit_status

    @property
    def question(self) -> Question | None:
        """What has to be answered; answers are never recorded."""
        return self._session.question

    @property
    def waiting(self) -> int:
        """Bytes that were not taken yet."""
        return self._session.waiting

    def start(self) -> None:
        """Open it."""
        self._session.start()

    def take(self, limit: int = LARGEST) -> bytes:
        """What has come, which is recorded as it is taken."""
        data = self._session.take(limit)
        if data:
            self._recorder.received(data)
        return data

    def write(self, data: bytes) -> None:
        """Type something."""
        self._recorder.typed(data)
        self._session.write(data)

    def resize(self, columns: int, lines: int) -> None:
        """Take another size."""
        self._recorder.resized(columns, lines)
        self._session.resize(columns, lines)

    def answer(self, answer: Answer) -> None:
        """Answer the question."""
        self._session.answer(answer)

    def reconnect(self) -> None:
        """Open it anew; the recording goes on and has a mark."""
        self._recorder.marked("reconnected")
        self._session.reconnect()

    def close(self) -> None:
        """Hang up."""
        self._session.close()
