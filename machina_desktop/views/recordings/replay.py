"""One recording, played in the window: its screen, the line of time with its buttons, and its text."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.recording import RecordedLine, Recording, RecordingFiles
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.recordings import GetRecording
from machina_desktop.core.terminal.asciicast import CastEvent, CastFile, Header
from machina_desktop.core.terminal.recording_text import lines_of
from machina_desktop.views import tasks, wording
from machina_desktop.views.recordings.player import SPEEDS, Player
from machina_desktop.views.recordings.replay_screen import ReplayScreen
from machina_desktop.views.recordings.timeline import Timeline, clock
from machina_desktop.views.recordings.transcript import Transcript
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.theme import Space, Type
from machina_desktop.views.widgets.buttons import Button, IconButton
from machina_desktop.views.widgets.feedback import Badge, Skeleton
from machina_desktop.views.widgets.menus import Menu
from machina_desktop.views.widgets.states import ErrorState
from machina_desktop.views.widgets.text import ElidedLabel, Label
from machina_desktop.views.widgets.toggles import Switch

STEP_MS, LEAP_MS = 5_000, 30_000
_SIDE = 320


class Loaded:
    """What was read of a recording's files."""

    def __init__(self, files: RecordingFiles) -> None:
        """Blocks."""
        cast = CastFile(Path(files.cast))
        self.recording = files.recording
        self.header: Header = cast.header
        self.events: tuple[CastEvent, ...] = tuple(cast.events())
        self.lines: tuple[RecordedLine, ...] = tuple(lines_of(cast))


class Replay(QWidget):
    """Plays one recording. Space plays and pauses, arrows step, plus and minus change the speed.

    Attributes:
        player: ``None`` until the files are read.

    Signals:
        left(): The person goes back to the list.
    """

    left = Signal()

    def __init__(self, bridge: Bridge, recording: Recording, *, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("replay")
        self.recording = recording
        self.player: Player | None = None
        self.screen_: ReplayScreen | None = None
        self._bridge = bridge
        self._look = look
        self._wanted: tuple[int, int, str] | None = None
        self.transcript = Transcript(self)
        self.timeline = Timeline(self)
        self.timeline.setObjectName("replay.time")
        self.play = IconButton("play", self.tr("Play"), shortcut="Space")
        self.play.setObjectName("replay.play")
        self.speed = Button("1×")
        self.speed.setObjectName("replay.speed")
        self.pauses = Switch(self.tr("Skip pauses"), is_on=True)
        self.pauses.setObjectName("replay.pauses")
        self.clock = Label("0:00", style=Type.MONO)
        self._error = ErrorState()
        self._stage = QStackedWidget()
        self._skeleton = Skeleton(rows=8)
        self._build()
        self._connect()
        self.load()

    def load(self) -> None:
        """Read the files."""
        self._stage.setCurrentWidget(self._skeleton)
        tasks.run(
            self._bridge,
            self._read(),
            owner=self,
            name="ReadRecording",
            done=self._on_loaded,
            failed=self._on_failed,
        )

    def show_line(self, line: int, at_ms: int, text: str) -> None:
        """Go to a line that was found, as soon as everything is read; ``text`` is what was looked for."""
        self._wanted = (line, at_ms, text)
        self._go_to_wanted()

    def stop(self) -> None:
        """Do nothing any more: it is not in sight."""
        if self.player is not None and self.player.is_playing:
            self.player.toggle()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if not self._take_key(event):
            super().keyPressEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.screen_ is not None:
            self.screen_.fit()

    # How it is built

    def _build(self) -> None:
        self._stage.addWidget(self._skeleton)
        self._stage.addWidget(self._error)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setChildrenCollapsible(False)
        split.addWidget(self._stage)
        side = QWidget()
        beside = QVBoxLayout(side)
        beside.setContentsMargins(Space.L, 0, 0, 0)
        beside.addWidget(self.transcript)
        side.setMinimumWidth(220)
        split.addWidget(side)
        split.setStretchFactor(0, 1)
        split.setSizes([900, _SIDE])
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.L, Space.XL, Space.L)
        column.setSpacing(Space.M)
        column.addLayout(self._header())
        column.addWidget(split, 1)
        column.addLayout(self._controls())

    def _header(self) -> QHBoxLayout:
        recording = self.recording
        back = IconButton("arrow-left", self.tr("Back to the recordings"), shortcut="Esc")
        back.setObjectName("replay.back")
        back.clicked.connect(self.left)
        row = QHBoxLayout()
        row.setSpacing(Space.S)
        row.addWidget(back)
        row.addWidget(Label(recording.machine_name, style=Type.TITLE))
        about = [wording.full_moment(recording.began_at), recording.user_name, recording.title]
        row.addWidget(ElidedLabel("  ·  ".join(part for part in about if part), tone="secondary"), 1)
        if recording.tag:
            required = Badge(self.tr("required by the team"))
            row.addWidget(required)
        if recording.left_out_bytes:
            missing = Badge(self.tr("incomplete"))
            missing.set_tone("warning")
            row.addWidget(missing)
        return row

    def _controls(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(Space.M)
        for widget in (self.play, self.clock):
            row.addWidget(widget)
        row.addWidget(self.timeline, 1)
        row.addWidget(self.pauses)
        row.addWidget(self.speed)
        return row

    def _connect(self) -> None:
        self.play.clicked.connect(self._on_play)
        self.speed.clicked.connect(self._on_speed)
        self.pauses.toggled.connect(self._on_pauses)
        self.timeline.wanted.connect(self._on_sought)
        self.transcript.wanted.connect(self._on_line)
        self.transcript.found.connect(self._on_found)
        self._error.retried.connect(self.load)

    async def _read(self) -> Loaded:
        files = await self._bridge.call(GetRecording(recording_id=self.recording.recording_id))
        return await asyncio.to_thread(Loaded, files)

    def _on_loaded(self, loaded: Loaded) -> None:
        player = Player(loaded.header, loaded.events, self)
        screen = ReplayScreen(player.terminal, self._look, self)
        self.player, self.screen_ = player, screen
        player.moved.connect(self._on_moved)
        player.changed.connect(self._on_changed)
        player.resized.connect(screen.fit)
        self._stage.addWidget(screen)
        self._stage.setCurrentWidget(screen)
        screen.setFocus()
        self.transcript.set_lines(loaded.lines)
        self._on_changed()
        if self._wanted is None:
            # The first screen says more than an empty one.
            player.seek(min(1000, player.length_ms))
        self._go_to_wanted()

    def _on_failed(self, error: MachinaError) -> None:
        self._error.set_error(error)
        self._stage.setCurrentWidget(self._error)

    def _go_to_wanted(self) -> None:
        if self._wanted is None or self.player is None:
            return
        line, at_ms, text = self._wanted
        self._wanted = None
        self.transcript.show_match(text, line)
        self.player.seek(self.player.played_ms(at_ms))

    # What is done with it

    def _take_key(self, event: QKeyEvent) -> bool:
        player = self.player
        if player is None:
            return False
        is_far = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        match event.key():
            case Qt.Key.Key_Space:
                player.toggle()
            case Qt.Key.Key_Left | Qt.Key.Key_Right:
                step = LEAP_MS if is_far else STEP_MS
                player.step(step if event.key() == Qt.Key.Key_Right else -step)
            case Qt.Key.Key_Home:
                player.seek(0)
            case Qt.Key.Key_End:
                player.seek(player.length_ms)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                player.faster(1)
            case Qt.Key.Key_Minus:
                player.faster(-1)
            case Qt.Key.Key_Escape:
                self.left.emit()
            case _:
                return False
        return True

    def _on_play(self) -> None:
        if self.player is not None:
            self.player.toggle()

    def _on_pauses(self, skips: bool) -> None:
        if self.player is not None:
            self.player.set_skips_pauses(skips)

    def _on_speed(self) -> None:
        menu = Menu(self.tr("Speed"), parent=self)
        for speed in SPEEDS:
            is_current = self.player is not None and self.player.speed == speed
            menu.add_item(_times(speed), partial(self._set_speed, speed), is_checked=is_current)
        menu.popup_under(self.speed)

    def _set_speed(self, speed: float) -> None:
        if self.player is not None:
            self.player.set_speed(speed)

    def _on_sought(self, at_ms: int) -> None:
        if self.player is not None:
            self.player.seek(at_ms)

    def _on_line(self, at_ms: int, _text: str) -> None:
        if self.player is not None:
            self.player.seek(self.player.played_ms(at_ms))

    def _on_found(self, times: tuple[int, ...]) -> None:
        if self.player is not None:
            self.timeline.set_found(tuple(self.player.played_ms(at) for at in times[:500]))

    def _on_moved(self) -> None:
        if self.player is None or self.screen_ is None:
            return
        self.timeline.show_position(self.player.position_ms)
        self.clock.setText(f"{clock(self.player.position_ms)} / {clock(self.player.length_ms)}")
        self.screen_.refresh()

    def _on_changed(self) -> None:
        player = self.player
        if player is None:
            return
        name = self.tr("Pause") if player.is_playing else self.tr("Play")
        self.play.set_icon_name("pause" if player.is_playing else "play")
        self.play.set_name(name, self.tr("Space"))
        self.speed.setText(_times(player.speed))
        self.speed.setAccessibleName(self.tr("Speed {0}").format(_times(player.speed)))
        self.timeline.set_length(player.length_ms, player.marks_ms())
        self._on_moved()


def _times(speed: float) -> str:
    return f"{speed:g}×"
