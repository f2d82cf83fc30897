"""The Recordings page: lists, the search through everything, and the replay with its keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.audit import AuditEvent, AuditOutcome
from machina_desktop.core.domain.recording import (
    FoundLine,
    Recording,
    RecordingDecision,
    RecordingFiles,
    RecordingForm,
    RecordingPolicy,
    RecordingRule,
    RecordingState,
)
from machina_desktop.core.domain.terminal import NO, Answer, SessionState
from machina_desktop.core.errors import NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.services.device import ListSettings
from machina_desktop.core.services.recording_policy import (
    AddRecordingRule,
    DecideRecording,
    ListRecordingRules,
    SetRecordingPolicy,
)
from machina_desktop.core.services.recordings import (
    DeleteRecording,
    EndRecording,
    ExportRecording,
    GetRecording,
    ListRecordings,
    SearchRecordings,
    StartRecording,
    TidyRecordings,
)
from machina_desktop.core.terminal.asciicast import CastFile, EventKind, Header, event_line, header_line
from machina_desktop.views.apps.audit_detail import AuditDetail
from machina_desktop.views.apps.recording_columns import hit_key
from machina_desktop.views.apps.recordings import SEARCH, RecordingsPage
from machina_desktop.views.recordings.pane_recorder import PaneRecorder
from machina_desktop.views.recordings.player import Player
from machina_desktop.views.recordings.policy_dialog import RecordingPolicyDialog
from machina_desktop.views.recordings.recorded_session import RecordedSession
from machina_desktop.views.recordings.replay import Replay
from machina_desktop.views.recordings.timeline import clock
from machina_desktop.views.terminal.session_like import SessionLike
from tests.fakes.rows import TEAM_ID, team_rows
from tests.fakes.stage import Stage, stage_with, until

HEADER = Header(columns=60, rows=8, began_at=now())
PAUSE_MS = 60_000


def recording(number: int = 1, **fields: object) -> Recording:
    values: dict[str, object] = {
        "recording_id": f"recording-{number}",
        "team_id": TEAM_ID,
        "machine_id": "machine-1",
        "machine_name": f"web-{number}",
        "terminal_id": "terminal-1",
        "user_id": "user-1",
        "user_name": "Ada Lovelace",
        "title": "",
        "state": RecordingState.COMPLETE,
        "began_at": now() - timedelta(hours=number),
        "columns": 60,
        "rows": 8,
        "duration_ms": 90_000,
        "size_bytes": 12_345,
        "sha256": "x",
    }
    return Recording(**{**values, **fields})  # type: ignore[arg-type]


def cast_in(folder: Path) -> Path:
    """Twenty lines, a second each, with a pause of a minute after the tenth, and a mark after it."""
    data, at_s = header_line(HEADER), 0.0
    for line in range(20):
        at_s += 1 if line != 10 else PAUSE_MS / 1000
        data += event_line(at_s, EventKind.OUTPUT, f"line {line:02} of web\r\n")
        if line == 10:
            data += event_line(at_s, EventKind.MARK, "make: 0")
    path = folder / "a.cast"
    path.write_bytes(data)
    return path


@pytest.fixture
async def stage(qtbot: QtBot, tmp_path: Path) -> AsyncIterator[Stage]:
    cast = cast_in(tmp_path)
    all_of_them = tuple(recording(number) for number in range(1, 4))
    async with stage_with(team_rows(machines=2, runs=0)) as made:
        answers = made.gateway.answers
        answers[ListRecordings] = lambda _ask: all_of_them
        answers[SearchRecordings] = lambda ask: (
            (FoundLine(recording=all_of_them[1], line=12, at_ms=72_000, text="line 12 of web", spans=(5, 7)),)
            if ask.text
            else ()
        )
        answers[TidyRecordings] = lambda _ask: 0
        answers[ListSettings] = lambda _ask: ()
        answers[GetRecording] = lambda ask: RecordingFiles(
            recording=next(each for each in all_of_them if each.recording_id == ask.recording_id),
            cast=str(cast),
            text="",
        )
        yield made


@pytest.fixture
async def page(stage: Stage) -> RecordingsPage:
    made = stage.show(RecordingsPage(stage.bridge, stage.window), width=1100)
    made.shown()
    await until(lambda: made.list.model.rowCount() == 3)
    return made


@pytest.fixture
async def replay(page: RecordingsPage) -> Replay:
    made = page.open_replay(recording(1))
    await until(lambda: made.player is not None)
    return made


def player_of(replay: Replay) -> Player:
    assert replay.player is not None
    return replay.player


def screen(player: Player) -> list[str]:
    return [player.terminal.row(y).text for y in range(player.terminal.lines)]


# Lists


async def test_recordings_are_listed_with_what_is_known_of_them(page: RecordingsPage) -> None:
    model = page.list.model
    words = [column.words(model.record(0)) for column in model.columns]
    assert words[0] == "web-1"
    assert words[2:6] == ["1 min 30 s", "complete", "Ada Lovelace", "12.3 kB"]


async def test_enter_plays_a_recording_and_escape_comes_back(page: RecordingsPage) -> None:
    page.list.table.select_key("recording-2")
    QTest.keyClick(page.list.table, Qt.Key.Key_Return)
    replay = page.replay
    assert replay is not None
    await until(lambda: replay.player is not None)
    assert replay.recording.recording_id == "recording-2"
    QTest.keyClick(replay, Qt.Key.Key_Escape)
    assert page.replay is None


async def test_a_line_that_is_found_is_opened_at_its_moment(stage: Stage, page: RecordingsPage) -> None:
    page.go_to(SEARCH)
    QTest.keyClicks(stage.find(QWidget, "recording_search.search"), "12 web")
    await until(lambda: page.found.model.rowCount() == 1)
    page.found.table.activated_key.emit(hit_key(page.found.model.record(0)))
    replay = page.replay
    assert replay is not None
    await until(lambda: replay.player is not None and replay.player.is_settled)
    assert "line 12 of web" in screen(player_of(replay))
    assert "line 13 of web" not in screen(player_of(replay))
    assert replay.transcript.list.current() == "12"


async def test_a_recording_is_deleted_after_a_question(stage: Stage, page: RecordingsPage) -> None:
    page.list.table.select_key("recording-1")
    stage.gateway.answers[DeleteRecording] = lambda _ask: None
    stage.press("recordings.delete")
    stage.press("delete_recording.confirm")
    await until(lambda: bool(stage.gateway.asked_of(DeleteRecording)))
    assert stage.gateway.asked_of(DeleteRecording)[0].recording_id == "recording-1"


async def test_a_recording_is_written_to_the_file_that_is_chosen(stage: Stage, page: RecordingsPage) -> None:
    stage.gateway.answers[ExportRecording] = lambda ask: ask.to
    page.list.table.select_key("recording-1")
    page._write("recording-1", "/home/ada/a.cast", RecordingForm.TEXT)
    await until(lambda: bool(stage.window.notices))
    assert stage.gateway.asked_of(ExportRecording)[0].to == "/home/ada/a.cast"


async def test_rules_are_seen_and_one_is_added(stage: Stage, page: RecordingsPage) -> None:
    rule = RecordingRule(rule_id="r", team_id=TEAM_ID, tag="env:prod", created_by="u", created_at=now())
    stage.gateway.answers[ListRecordingRules] = lambda _ask: (rule,)
    stage.gateway.answers[AddRecordingRule] = lambda _ask: rule
    stage.press("recordings.rules")
    stage.type_into("recording_rules.tag", "env:dev")
    stage.press("recording_rules.add")
    await until(lambda: bool(stage.gateway.asked_of(AddRecordingRule)))
    assert stage.gateway.asked_of(AddRecordingRule)[0].tag == "env:dev"


async def test_a_recording_whose_file_is_gone_says_so(stage: Stage, page: RecordingsPage) -> None:
    def gone(_ask: object) -> RecordingFiles:
        raise NotFound("The file of this recording is gone.")

    stage.gateway.answers[GetRecording] = gone
    replay = page.open_replay(recording(1))
    await until(lambda: replay._stage.currentWidget() is replay._error)


# Replay


async def test_space_plays_and_pauses_and_a_button_says_which(replay: Replay) -> None:
    player = player_of(replay)
    before = player.position_ms
    QTest.keyClick(replay, Qt.Key.Key_Space)
    assert replay.play.accessibleName() == "Pause"
    await until(lambda: player.position_ms > before + 50)
    QTest.keyClick(replay, Qt.Key.Key_Space)
    assert not player.is_playing
    assert replay.play.accessibleName() == "Play"


async def test_arrows_step_and_home_and_end_go_to_either_end(replay: Replay) -> None:
    player = player_of(replay)
    player.seek(0)
    QTest.keyClick(replay, Qt.Key.Key_Right)
    assert player.position_ms == 5000
    QTest.keyClick(replay, Qt.Key.Key_Left)
    assert player.position_ms == 0
    QTest.keyClick(replay, Qt.Key.Key_End)
    await until(lambda: player.is_settled)
    assert screen(player)[-2] == "line 19 of web"
    QTest.keyClick(replay, Qt.Key.Key_Home)
    assert screen(player) == [""] * 8


async def test_plus_and_minus_change_the_speed_between_a_half_and_eight(replay: Replay) -> None:
    player = player_of(replay)
    for _ in range(9):
        QTest.keyClick(replay, Qt.Key.Key_Plus)
    assert (player.speed, replay.speed.text()) == (8.0, "8×")
    for _ in range(9):
        QTest.keyClick(replay, Qt.Key.Key_Minus)
    assert (player.speed, replay.speed.text()) == (0.5, "0.5×")


async def test_a_pause_is_played_as_two_seconds_unless_it_is_wanted(replay: Replay) -> None:
    player = player_of(replay)
    assert player.length_ms == 21_000
    replay.pauses.click()
    assert player.length_ms == 79_000
    assert player.marks_ms() == (70_000,)


async def test_a_moment_before_shows_what_was_there_then(replay: Replay) -> None:
    player = player_of(replay)
    player.seek(player.length_ms)
    await until(lambda: player.is_settled)
    player.seek(3000)
    await until(lambda: player.is_settled)
    assert [line for line in screen(player) if line] == ["line 00 of web", "line 01 of web", "line 02 of web"]


async def test_a_line_of_the_text_goes_to_its_moment(replay: Replay) -> None:
    replay.transcript.search.setText("line 1[57]")
    replay.transcript.regex.setChecked(True)
    assert [item.title for item in replay.transcript.list.items()] == ["line 15 of web", "line 17 of web"]
    assert len(replay.timeline._found) == 2
    replay.transcript.list.select("15")
    replay.transcript.list.activated_key.emit("15")
    player = player_of(replay)
    await until(lambda: player.is_settled)
    assert [line for line in screen(player) if line][-1] == "line 15 of web"


async def test_a_pattern_that_is_none_is_said_to_be_none(replay: Replay) -> None:
    replay.transcript.regex.setChecked(True)
    replay.transcript.search.setText("(")
    replay.transcript.look()
    assert "Not a pattern" in replay.transcript.count.text()


async def test_the_recorded_size_stays_however_large_the_window_is(replay: Replay) -> None:
    player = player_of(replay)
    replay.resize(500, 400)
    QApplication.processEvents()
    replay.resize(1600, 900)
    QApplication.processEvents()
    assert (player.terminal.columns, player.terminal.lines) == (60, 8)


async def test_text_is_selected_in_the_replay_and_keys_reach_nothing(replay: Replay) -> None:
    shown = replay.screen_
    assert shown is not None
    typed: list[bytes] = []
    shown.typed.connect(typed.append)
    QTest.keyClicks(shown, "rm -rf")
    assert typed == []


@pytest.mark.parametrize(("at_ms", "told"), [(0, "0:00"), (61_999, "1:01"), (3_723_000, "1:02:03")])
def test_moments_are_written_as_on_players(at_ms: int, told: str) -> None:
    assert clock(at_ms) == told


# Recording


async def test_a_pane_is_recorded_from_its_beginning_to_its_end(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "new.cast"
    made = recording(7, state=RecordingState.RECORDING, sha256="", has_input=True)
    stage.gateway.answers[StartRecording] = lambda _ask: RecordingFiles(recording=made, cast=str(path), text="")
    stage.gateway.answers[EndRecording] = lambda _ask: recording(7)
    recorder = PaneRecorder(stage.bridge, "machine-1")
    told: list[bool] = []
    recorder.changed.connect(lambda: told.append(recorder.is_recording))
    recorder.received(b"before")
    await recorder.begin(80, 24, terminal_id="terminal-9")
    recorder.typed(b"id\r")
    recorder.received(b"id\r\nuid=0\r\n")
    recorder.resized(100, 30)
    recorder.titled("root@web-1")
    ended = await recorder.end(0)
    assert ended is not None
    assert ended.state is RecordingState.COMPLETE
    recorder.received(b"after")
    events = await asyncio.to_thread(lambda: list(CastFile(path).events()))
    assert [(event.kind.value, event.data) for event in events] == [
        ("i", "id\r"),
        ("o", "id\r\nuid=0\r\n"),
        ("r", "100x30"),
    ]
    [asked] = stage.gateway.asked_of(EndRecording)
    assert (asked.title, asked.exit_status) == ("root@web-1", 0)
    assert told[0] is True
    assert told[-1] is False


class Shell:
    """A session that has sent something, and remembers what it was told."""

    def __init__(self, *sent: bytes) -> None:
        self.on_change: Callable[[], None] = lambda: None
        self.state = SessionState.LIVE
        self.reason = None
        self.exit_status = 3
        self.question = None
        self.told: list[object] = []
        self._sent = list(sent)

    @property
    def waiting(self) -> int:
        return sum(map(len, self._sent))

    def start(self) -> None:
        self.told.append("start")

    def take(self, _limit: int = 65_536) -> bytes:
        return self._sent.pop(0) if self._sent else b""

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def resize(self, columns: int, lines: int) -> None:
        self.told.append((columns, lines))

    def answer(self, answer: Answer) -> None:
        self.told.append(answer)

    def reconnect(self) -> None:
        self.told.append("reconnect")

    def close(self) -> None:
        self.told.append("close")


async def test_a_session_in_whose_place_a_recorded_one_stands_is_used_as_before(stage: Stage, tmp_path: Path) -> None:
    path = tmp_path / "new.cast"
    made = recording(7, state=RecordingState.RECORDING, sha256="")
    stage.gateway.answers[StartRecording] = lambda _ask: RecordingFiles(recording=made, cast=str(path), text="")
    stage.gateway.answers[EndRecording] = lambda _ask: recording(7)
    shell = Shell(b"one\r\n", b"two\r\n")
    session: SessionLike = RecordedSession(shell, PaneRecorder(stage.bridge, "machine-1"))
    assert isinstance(session, RecordedSession)
    await session.recorder.begin(80, 24)
    assert (session.waiting, session.take(), session.take(), session.take()) == (10, b"one\r\n", b"two\r\n", b"")
    session.write(b"ls\r")
    session.resize(90, 30)
    session.answer(NO)
    session.reconnect()
    session.close()
    await session.recorder.end(session.exit_status)
    assert shell.told == [b"ls\r", (90, 30), NO, "reconnect", "close"]
    events = await asyncio.to_thread(lambda: list(CastFile(path).events()))
    assert [event.data for event in events] == ["one\r\n", "two\r\n", "90x30", "reconnected"]


async def test_a_person_says_what_is_recorded_of_a_machine(stage: Stage) -> None:
    stage.gateway.answers[SetRecordingPolicy] = lambda ask: RecordingDecision(
        machine_id=ask.machine_id, policy=ask.policy, has_input=ask.has_input
    )
    dialog = stage.show(RecordingPolicyDialog(stage.bridge, "machine-1", "web-1"))
    await until(lambda: bool(stage.gateway.asked_of(DecideRecording)))
    dialog.policy.set_value("ask")
    stage.press("recording_policy.save")
    await until(lambda: bool(stage.gateway.asked_of(SetRecordingPolicy)))
    assert stage.gateway.asked_of(SetRecordingPolicy)[0].policy is RecordingPolicy.ASK


async def test_what_the_team_requires_cannot_be_turned_off(stage: Stage) -> None:
    rule = RecordingRule(rule_id="r", team_id=TEAM_ID, tag="env:prod", created_by="u", created_at=now())
    stage.gateway.answers[DecideRecording] = lambda ask: RecordingDecision(
        machine_id=ask.machine_id, policy=RecordingPolicy.ON, has_input=False, rule=rule
    )
    dialog = stage.show(RecordingPolicyDialog(stage.bridge, "machine-1", "web-1"))
    await until(dialog.rule.isVisible)
    assert not dialog.policy.isEnabled()
    assert dialog.policy.value() == "on"


async def test_the_audit_trail_leads_to_the_recording_it_tells_of(stage: Stage) -> None:
    told = AuditEvent(
        audit_event_id="audit-1",
        team_id=TEAM_ID,
        seq=1,
        at=now(),
        actor_id="user-1",
        actor_name="Ada",
        action="recording.start",
        target="recording-1",
        outcome=AuditOutcome.SUCCEEDED,
    )
    stage.gateway.put(told)
    detail = stage.show(AuditDetail(stage.bridge, stage.window, "audit-1"))
    await until(lambda: stage.has("audit_event.thing"))
    stage.press("audit_event.thing.open")
    assert stage.window.places == [("recordings", "recording-1")]
    assert detail.title
