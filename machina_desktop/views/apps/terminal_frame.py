"""A pane of the Terminal page with what belongs to it: what records it, and its machine's files when wanted."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QSplitter

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.environment import environment_of, is_production
from machina_desktop.core.domain.kept_shell import KeptShell
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.recording import Recording, RecordingDecision, RecordingPolicy
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.views import remembered, tasks
from machina_desktop.views.apps.base import Window
from machina_desktop.views.apps.terminal_part import TabPart
from machina_desktop.views.recordings.guarded_session import GuardedSession, end_quietly
from machina_desktop.views.recordings.pane_recorder import PaneRecorder
from machina_desktop.views.recordings.record_ask import RecordAsk
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import Place, TerminalPane
from machina_desktop.views.terminal.session_like import SessionLike
from machina_desktop.views.terminal_files.panel import FilesPanel

_ICONS = {SessionState.LOST: "wifi-off", SessionState.ENDED: "power-off", SessionState.ASKING: "circle-question-mark"}
_REMEMBERED = "terminal.files"
# So much of the pane's room the files get at first, in percent.
_SHARE = 45


class PaneFrame(TabPart):
    """Holds a pane, and looks after its recording from the pane's beginning to its end.

    Attributes:
        machine: Where the shell runs, as it is known now.
        pane: The terminal itself.
        recorder: What records the pane.
        files: The machine's files; ``None`` while they are closed.
    """

    def __init__(
        self, bridge: Bridge, window: Window, machine: Machine, look: Look, kept: KeptShell | None = None
    ) -> None:
        super().__init__(machine.machine_id, machine.name, environment_of(machine.tags), kept)
        self.machine = machine
        self.files: FilesPanel | None = None
        self.recorder = PaneRecorder(bridge, machine.machine_id)
        self.is_required = False
        self._bridge = bridge
        self._window_door = window
        self._is_closed = False
        self.pane = TerminalPane(self._open, place=_place_of(machine), look=look)
        self.pane.guard.is_in_keeper = kept is not None
        self.ask = RecordAsk(self)
        self._splitter = QSplitter(Qt.Orientation.Vertical)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setHandleWidth(1)
        self._splitter.addWidget(self.pane)
        self.column.addWidget(self.ask)
        self.column.addWidget(self._splitter, 1)
        self.ask.answered.connect(self._on_answered)
        self._splitter.splitterMoved.connect(lambda _position, _index: self._remember())
        self.recorder.changed.connect(self._on_recorder)
        # With the window; what was written by then is kept, and ended at the next start.
        self.destroyed.connect(self.recorder.stop)
        self.pane.state_changed.connect(self._on_state)
        self.pane.title_changed.connect(self.recorder.titled)
        self.pane.command_ended.connect(self._on_command_ended)
        self.pane.title_changed.connect(lambda _title: self.changed.emit())
        self.pane.focused.connect(self.focused)
        self.pane.close_wanted.connect(self.close_wanted)
        self.changed.connect(self._show_header)
        self._show_header()

    def set_machine(self, machine: Machine) -> None:
        """Something of the machine is another: its name, its environment."""
        self.machine = machine
        environment = environment_of(machine.tags)
        if (machine.name, environment) != (self.name, self.environment):
            self.name, self.environment = machine.name, environment
            self.header.show_machine(machine.name, environment)
            self.pane.set_place(_place_of(machine))
            self.changed.emit()

    def take_focus(self) -> None:
        if self.pane.asking is not None:
            self.pane.asking.take_focus()
        else:
            self.pane.view.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def title(self) -> str:
        title = self.pane.title
        return f"{title} · {self.kept.name}" if self.kept is not None and title == self.name else title

    @property
    def is_live(self) -> bool:
        """Whether there is a shell that goes with it."""
        return self.pane.session is not None and self.pane.session.state is SessionState.LIVE

    @property
    def is_lost(self) -> bool:
        """Whether its connection is lost."""
        return self.pane.state is SessionState.LOST

    @property
    def is_busy(self) -> bool:
        """Whether a program runs in the shell that would end with it, as far as the shell tells or the screen shows."""
        if self.kept is not None:
            return False
        marks = self.pane.terminal.marks()
        is_told = bool(marks) and marks[-1].output is not None and marks[-1].end is None
        return self.is_live and (is_told or self.pane.terminal.modes.is_alternate)

    @property
    def icon_name(self) -> str:
        """How its session stands, else whether it is recorded."""
        usual = "pin" if self.kept is not None else "square-terminal"
        usual = "circle-dot" if self.recorder.is_recording else usual
        return _ICONS.get(self.pane.state or SessionState.CONNECTING, usual)

    def close_session(self) -> None:
        """Hang up, end the recording and close the files. Those on their way go on."""
        if self._is_closed:
            return
        self.recorder.changed.disconnect(self._on_recorder)
        self._is_closed = True
        session = self.pane.session
        self.pane.close_session()
        self._end(session.exit_status if session is not None else None)
        self.close_files()

    def reopen_session(self) -> None:
        """Open a shell anew after :meth:`close_session`, below what was on the screen."""
        self._is_closed = False
        self.recorder.changed.connect(self._on_recorder)
        self.pane.reconnect()

    def _show_header(self) -> None:
        state = self.pane.state
        is_lost = state is not None and state.is_over
        has_icon = self.kept is not None or is_lost or state is SessionState.ASKING or self.recorder.is_recording
        mark = self.pane.terminal.title
        keeper = f"{self.kept.keeper}: {self.kept.name}" if self.kept is not None else ""
        words = "  ".join(part for part in (keeper, mark if mark != self.name else "") if part)
        self.header.show_state(self.icon_name if has_icon else "", words)
        size_for = self.pane.view.sight.size_for
        self.header.fit(round(size_for(1, 2).height() - size_for(1, 1).height()))

    # Files

    def show_files(self) -> None:
        """Show the machine's files below the terminal."""
        if self.files is not None:
            return
        self.files = FilesPanel(self._bridge, self.machine.machine_id, self)
        self.files.close_wanted.connect(self.close_files)
        self._splitter.addWidget(self.files)
        share = int(remembered.recall(_REMEMBERED).get("share", "") or _SHARE)
        self._splitter.setSizes([(100 - share) * 100, share * 100])
        self.changed.emit()

    def close_files(self) -> None:
        """Take the files away, and go back to typing."""
        if self.files is None:
            return
        gone, self.files = self.files, None
        gone.hide()
        # Else the splitter would go on sharing its height with it for a moment.
        gone.setParent(None)
        gone.deleteLater()
        self.pane.view.setFocus()
        self.changed.emit()

    def _remember(self) -> None:
        sizes = self._splitter.sizes()
        whole = sum(sizes)
        if self.files is not None and len(sizes) == 2 and whole:
            remembered.remember(_REMEMBERED, {"share": str(round(100 * sizes[1] / whole))})

    def _read_files(self) -> None:
        if self.files is not None and self.pane.state is SessionState.LIVE:
            self.files.remote.read_failed()

    # Recording

    def record(self) -> None:
        """Record from now on."""
        self.ask.hide()
        tasks.run(
            self._bridge,
            self._begin(),
            owner=self._bridge,
            name="begin a recording",
            done=lambda _recording: self._on_begun(),
        )

    def stop_recording(self) -> None:
        """Record no more, unless the team requires it."""
        if not self.is_required:
            self._end()

    async def _begin(self) -> Recording:
        terminal = self.pane.terminal
        return await self.recorder.begin(terminal.columns, terminal.lines, title=self.pane.title)

    def _on_begun(self) -> None:
        # The tab may be gone meanwhile, or its shell have ended.
        if self._is_closed or (self.pane.state is not None and self.pane.state.is_over):
            self._end()

    def _end(self, exit_status: int | None = None) -> None:
        end_quietly(self._bridge, self.recorder, exit_status)

    def _open(self, columns: int, lines: int) -> SessionLike:
        machine_id, kept = self.machine.machine_id, self.kept
        return GuardedSession(
            self._bridge,
            self.recorder,
            lambda columns, lines: self._bridge.open_terminal(machine_id, columns, lines, kept),
            (columns, lines),
            on_decided=self._on_decided,
        )

    def _on_decided(self, decision: RecordingDecision) -> None:
        self.is_required = decision.rule is not None
        if decision.policy is RecordingPolicy.ASK and not self.recorder.is_recording:
            self.ask.ask(self.machine.name)
        self.changed.emit()

    def _on_answered(self, is_yes: bool) -> None:
        self.pane.view.setFocus()
        if is_yes:
            self.record()

    def _on_state(self, state: SessionState) -> None:
        if state is SessionState.ENDED:
            self.ask.hide()
            session = self.pane.session
            self._end(session.exit_status if session is not None else None)
        self._read_files()
        self.changed.emit()

    def _on_recorder(self) -> None:
        if problem := self.recorder.problem:
            self._window_door.notify(
                self.tr("{0}: {1}").format(self.machine.name, problem),
                kind="warning",
                about=f"recording.{self.machine.machine_id}",
            )
            self._end()
        self.changed.emit()

    def _on_command_ended(self, seconds: float, exit_code: int | None) -> None:
        words = self.tr("A command has ended after {0} s").format(self.locale().toString(round(seconds)))
        self.recorder.marked(f"{words} ({exit_code})" if exit_code else words)


def _place_of(machine: Machine) -> Place:
    return Place(machine_id=machine.machine_id, name=machine.name, is_production=is_production(machine.tags))
