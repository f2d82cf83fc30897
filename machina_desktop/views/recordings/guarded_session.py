"""A session that begins once it is known whether it is recorded; where that is required, the recording comes first."""

from __future__ import annotations

from collections.abc import Callable

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.recording import RecordingDecision, RecordingPolicy
from machina_desktop.core.domain.terminal import Answer, Question, SessionState
from machina_desktop.core.errors import MachinaError
from machina_desktop.views import tasks
from machina_desktop.views.recordings.pane_recorder import PaneRecorder
from machina_desktop.views.recordings.recorded_session import LARGEST, RecordedSession
from machina_desktop.views.terminal.session_like import SessionLike

Opener = Callable[[int, int], SessionLike]


def _nobody() -> None:
    return None


class GuardedSession:
    """Stands in a session's place, and connects only after the recording has begun, where there is to be one.

    What cannot be decided or begun is why it is lost; to reconnect is to try that again. Its methods are called on the
    Qt thread, and none blocks.
    """

    def __init__(
        self,
        bridge: Bridge,
        recorder: PaneRecorder,
        opener: Opener,
        size: tuple[int, int],
        *,
        on_decided: Callable[[RecordingDecision], None],
    ) -> None:
        """``opener`` opens the shell, ``size`` is columns and lines; ``on_decided`` is told each time what holds."""
        self._bridge = bridge
        self._recorder = recorder
        self._opener = opener
        self._size = size
        self._on_decided = on_decided
        self._on_change: Callable[[], None] = _nobody
        self._session: SessionLike | None = None
        # What is told instead of the session's own state; `None` while that holds.
        self._state: SessionState | None = SessionState.CONNECTING
        self._reason: MachinaError | None = None
        self._typed: list[bytes] = []
        self._is_deciding = False

    @property
    def on_change(self) -> Callable[[], None]:
        """Called from any thread."""
        return self._on_change

    @on_change.setter
    def on_change(self, listener: Callable[[], None]) -> None:
        self._on_change = listener
        if self._session is not None:
            self._session.on_change = listener

    @property
    def state(self) -> SessionState:
        """Where it stands; while it is decided, it connects."""
        if self._state is not None or self._session is None:
            return self._state or SessionState.CONNECTING
        return self._session.state

    @property
    def reason(self) -> MachinaError | None:
        """Why it is lost, or was not opened."""
        return self._reason if self._state is not None or self._session is None else self._session.reason

    @property
    def exit_status(self) -> int | None:
        """Of the shell."""
        return None if self._session is None else self._session.exit_status

    @property
    def question(self) -> Question | None:
        """What has to be answered."""
        return None if self._session is None else self._session.question

    @property
    def waiting(self) -> int:
        """Bytes that were not taken yet."""
        return 0 if self._session is None else self._session.waiting

    def start(self) -> None:
        """Decide, then open it."""
        if self._session is None and self._state is SessionState.CONNECTING:
            self._decide()

    def take(self, limit: int = LARGEST) -> bytes:
        """What has come."""
        return b"" if self._session is None else self._session.take(limit)

    def write(self, data: bytes) -> None:
        """Type something; before it is opened, that is kept for the shell."""
        if self._state is SessionState.CONNECTING:
            self._typed.append(data)
        elif self._session is not None:
            self._session.write(data)

    def resize(self, columns: int, lines: int) -> None:
        """Take another size."""
        self._size = (columns, lines)
        if self._session is not None:
            self._session.resize(columns, lines)

    def answer(self, answer: Answer) -> None:
        """Answer the question."""
        if self._session is not None:
            self._session.answer(answer)

    def reconnect(self) -> None:
        """Open it anew. A recording that goes on has a mark; without one it is decided anew."""
        if self._session is not None and self._recorder.is_recording:
            self._session.reconnect()
        else:
            self._tell(SessionState.CONNECTING)
            self._decide()

    def close(self) -> None:
        """Hang up; one that was not opened yet will not be."""
        if self._session is not None:
            self._session.close()
        if self._state is not None:
            self._tell(SessionState.ENDED)

    def _tell(self, state: SessionState | None, reason: MachinaError | None = None) -> None:
        self._state, self._reason = state, reason
        if state is not SessionState.CONNECTING and state is not None:
            self._typed.clear()
        self._on_change()

    def _decide(self) -> None:
        if not self._is_deciding:
            self._is_deciding = True
            # It outlives the tab: a recording that has begun meanwhile is ended all the same.
            tasks.run(
                self._bridge,
                self._begin(),
                owner=self._bridge,
                name="decide on the recording of a terminal",
                done=self._on_begun,
                failed=self._on_refused,
            )

    async def _begin(self) -> RecordingDecision:
        decision = await self._recorder.decide()
        if decision.policy is RecordingPolicy.ON and self._state is SessionState.CONNECTING:
            await self._recorder.begin(*self._size)
        return decision

    def _on_begun(self, decision: RecordingDecision) -> None:
        self._is_deciding = False
        if self._state is not SessionState.CONNECTING:
            end_quietly(self._bridge, self._recorder)
            return
        self._on_decided(decision)
        if self._session is None:
            self._session = RecordedSession(self._opener(*self._size), self._recorder)
            self._session.on_change = self._on_change
            self._session.start()
        else:
            self._session.reconnect()
        for data in self._typed:
            self._session.write(data)
        self._typed.clear()
        self._tell(None)

    def _on_refused(self, error: MachinaError) -> None:
        self._is_deciding = False
        if self._state is SessionState.CONNECTING:
            self._tell(SessionState.LOST, error)


def end_quietly(bridge: Bridge, recorder: PaneRecorder, exit_status: int | None = None) -> None:
    """End a recording whose tab may be gone by then; what cannot be ended now is made up for when the list is read."""
    recorder.stop()
    tasks.run(bridge, recorder.end(exit_status), owner=bridge, name="end a recording", failed=lambda _error: None)
