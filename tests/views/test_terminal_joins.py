"""What is joined to a terminal: its recording, snippets typed into it, tunnels and files of its machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt

from machina_desktop.core.config import Paths
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.recording import (
    Recording,
    RecordingDecision,
    RecordingFiles,
    RecordingPolicy,
    RecordingRule,
)
from machina_desktop.core.domain.snippet import OwnSnippet, Snippet
from machina_desktop.core.domain.terminal import Answer, Question, SessionState
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.services.recording_policy import DecideRecording
from machina_desktop.core.services.recordings import EndRecording, StartRecording
from machina_desktop.core.services.snippets import RecordSnippetRun
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.terminal.asciicast import CastFile
from machina_desktop.core.workers.files import Files
from machina_desktop.core.workers.supervisor import Supervisor
from machina_desktop.views import remembered
from machina_desktop.views.apps.machine_access import MachineAccess
from machina_desktop.views.apps.terminal import TerminalPage
from machina_desktop.views.apps.terminal_frame import PaneFrame
from machina_desktop.views.recordings.policy_dialog import RecordingPolicyDialog
from machina_desktop.views.snippets.picker import SnippetPicker
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from machina_desktop.views.widgets.buttons import Button, IconButton
from tests.fakes import walk
from tests.fakes.file_machine import connect_to, file_server
from tests.fakes.gateway import until
from tests.fakes.house import SIZES, House, house_with
from tests.fakes.rows import TEAM_ID
from tests.fakes.sshd import Sshd
from tests.fakes.tab_order import press, tab_order
from tests.fakes.terminal_scenes import HOST_KEY, LocalTerminals, open_terminal, running_machine

BOTH = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier

pytestmark = pytest.mark.usefixtures("calm")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


class Machines:
    """What files and tunnels connect to.

    Attributes:
        question: What is asked first; ``None`` for nothing.
    """

    def __init__(self, server: Sshd) -> None:
        self.question: Question | None = None
        self._server = server

    def connect(self, _machine_id: str, ask: object, _is_over: object) -> Connection:
        if self.question is not None and not _asked(ask, self.question).is_yes:
            raise Unavailable("It was not accepted.", code="E-SSH-HOST-KEY")
        return connect_to(self._server)


def _asked(ask: object, question: Question) -> Answer:
    assert callable(ask)
    answer = ask(question)
    assert isinstance(answer, Answer)
    return answer


@pytest.fixture
def machines(server: Sshd) -> Machines:
    return Machines(server)


@pytest_asyncio.fixture
async def house(tmp_path: Path, machines: Machines) -> AsyncIterator[House]:
    here = tmp_path / "here"
    here.mkdir()
    (here / "notes.txt").write_text("notes")
    supervisor = Supervisor()
    async with house_with(tmp_path) as made:
        files = Files(
            made.gateway,
            machines.connect,
            bus=made.gateway.bus,
            paths=Paths(tmp_path),
            spawn=lambda work, name: supervisor.spawn(work, name=name),
        )
        made.bridge.attach_files(lambda: files)
        remembered.remember(f"files.places.{running_machine(made).machine_id}", {"local": str(here)})
        _answer_recordings(made, tmp_path)
        yield made
        await files.stop()
    await supervisor.stop()


def _answer_recordings(house: House, folder: Path) -> None:
    row = house.gateway.all(Recording)[0]

    def start(ask: StartRecording) -> RecordingFiles:
        made = replace(row, recording_id=ask.recording_id, machine_id=ask.machine_id, has_input=False)
        return RecordingFiles(recording=made, cast=str(folder / f"{ask.recording_id}.cast"), text="")

    house.gateway.answers[StartRecording] = start
    house.gateway.answers[EndRecording] = lambda ask: replace(row, recording_id=ask.recording_id)


def decide(house: House, policy: RecordingPolicy, rule: RecordingRule | None = None) -> None:
    """Have that hold for every machine."""
    house.gateway.answers[DecideRecording] = lambda ask: RecordingDecision(
        machine_id=ask.machine_id, policy=policy, has_input=False, rule=rule
    )


RULE = RecordingRule(rule_id="rule-1", team_id=TEAM_ID, tag="", created_by="user-1", created_at=now())


def page_of(house: House) -> TerminalPage:
    page = house.window.pages.page()
    assert isinstance(page, TerminalPage)
    return page


def tab_of(house: House) -> PaneFrame:
    frame = page_of(house).current_frame()
    assert frame is not None
    return frame


def button(house: House, name: str) -> Button | IconButton:
    found = house.window.findChild(Button, name) or house.window.findChild(IconButton, name)
    assert found is not None, name
    return found


# Recording


async def test_what_shall_be_recorded_is_from_the_first_byte(house: House, tmp_path: Path) -> None:
    decide(house, RecordingPolicy.ON)
    _pane, shell = await open_terminal(house)
    [asked] = house.gateway.asked_of(StartRecording)
    assert tab_of(house).recorder.is_recording
    assert button(house, "terminal.record").text() == "Recording"
    assert tab_of(house).icon_name == "circle-dot"
    shell.exit_status = 3
    page_of(house).deck.strip.close_wanted.emit(page_of(house).deck.strip.current())
    await until(lambda: house.gateway.asked_of(EndRecording))
    [ended] = house.gateway.asked_of(EndRecording)
    assert (ended.recording_id, ended.exit_status) == (asked.recording_id, 3)
    events = list(CastFile(tmp_path / f"{asked.recording_id}.cast").events())
    assert any("root@web-1" in event.data for event in events)


async def test_nothing_is_recorded_unless_it_is_wanted(house: House) -> None:
    await open_terminal(house)
    assert not tab_of(house).recorder.is_recording
    assert not tab_of(house).ask.isVisible()
    assert house.gateway.asked_of(StartRecording) == []
    assert button(house, "terminal.record").text() == "Record"


async def test_the_key_begins_a_recording_and_ends_it(house: House) -> None:
    pane, _shell = await open_terminal(house)
    pane.view.setFocus()
    press(house.window, Qt.Key.Key_R, BOTH)
    await until(lambda: tab_of(house).recorder.is_recording)
    press(house.window, Qt.Key.Key_R, BOTH)
    await until(lambda: house.gateway.asked_of(EndRecording))
    assert not tab_of(house).recorder.is_recording
    assert button(house, "terminal.record").text() == "Record"


async def test_where_it_is_asked_each_time_the_terminal_is_open_already(house: House) -> None:
    decide(house, RecordingPolicy.ASK)
    pane, _shell = await open_terminal(house)
    tab = tab_of(house)
    assert pane.state is SessionState.LIVE
    assert tab.ask.isVisible()
    tab.ask.yes.click()
    await until(lambda: tab.recorder.is_recording)
    assert not tab.ask.isVisible()
    assert pane.view.hasFocus()


async def test_a_recording_that_is_declined_does_not_begin(house: House) -> None:
    decide(house, RecordingPolicy.ASK)
    await open_terminal(house)
    tab_of(house).ask.no.click()
    await house.rest()
    assert house.gateway.asked_of(StartRecording) == []
    assert not tab_of(house).ask.isVisible()


async def test_without_the_recording_that_is_required_no_terminal_opens(house: House) -> None:
    decide(house, RecordingPolicy.ON, RULE)

    def refuse(_ask: StartRecording) -> RecordingFiles:
        raise Unavailable("The disk is full.", hint="Make room.", code="E-RECORDING")

    usual = house.gateway.answers[StartRecording]
    house.gateway.answers[StartRecording] = refuse
    terminals = LocalTerminals()
    house.bridge._terminals = lambda: terminals  # type: ignore[assignment]
    machine = running_machine(house)
    await house.open(app="terminal")
    page_of(house).open_on(machine)
    pane = tab_of(house).pane
    await until(lambda: pane.state is SessionState.LOST)
    assert terminals.opened == []
    assert pane.bar.lost.title() == "The disk is full."
    assert not pane.bar.is_counting
    house.gateway.answers[StartRecording] = usual
    pane.bar.again.click()
    await until(lambda: pane.state is SessionState.LIVE)
    assert tab_of(house).recorder.is_recording


async def test_a_required_recording_cannot_be_ended(house: House) -> None:
    decide(house, RecordingPolicy.ON, RULE)
    pane, _shell = await open_terminal(house)
    pane.view.setFocus()
    press(house.window, Qt.Key.Key_R, BOTH)
    await house.rest()
    assert tab_of(house).recorder.is_recording
    commands = {each.name: each for each in page_of(house).commands()}
    assert not commands["terminals.record"].is_available()


async def test_a_shell_that_ends_ends_its_recording_and_the_next_one_has_its_own(house: House) -> None:
    decide(house, RecordingPolicy.ON)
    pane, shell = await open_terminal(house)
    shell.close()
    await until(lambda: house.gateway.asked_of(EndRecording))
    pane.reconnect()
    await until(lambda: pane.state is SessionState.LIVE and tab_of(house).recorder.is_recording)
    first, second = house.gateway.asked_of(StartRecording)
    assert first.recording_id != second.recording_id


async def test_a_lost_connection_goes_on_in_the_same_recording(house: House) -> None:
    decide(house, RecordingPolicy.ON)
    pane, shell = await open_terminal(house)
    shell.lose("E-SSH-AUTH")
    await until(lambda: pane.state is SessionState.LOST)
    pane.reconnect()
    await until(lambda: pane.state is SessionState.LIVE)
    assert len(house.gateway.asked_of(StartRecording)) == 1
    assert tab_of(house).recorder.is_recording


async def test_what_is_recorded_is_said_in_a_dialog(house: House) -> None:
    await open_terminal(house)
    house.window.do("terminal", "terminals.recording")
    assert await house.dialog(RecordingPolicyDialog)


# Snippets


async def test_a_snippet_of_the_team_is_typed_run_and_noted(house: House) -> None:
    noted: list[RecordSnippetRun] = []
    house.gateway.answers[RecordSnippetRun] = noted.append
    pane, shell = await open_terminal(house)
    at = now()
    house.gateway.rows[Snippet] = {}
    house.gateway.put(
        Snippet(
            snippet_id="s",
            team_id=TEAM_ID,
            name="Say",
            text="echo {{name}}",
            created_by="u",
            created_at=at,
            updated_at=at,
        )
    )
    house.gateway.rows[OwnSnippet] = {}
    pane.view.setFocus()
    press(house.window, Qt.Key.Key_S, BOTH)
    picker = await house.dialog(SnippetPicker)
    assert isinstance(picker, SnippetPicker)
    picker.primary.click()
    await until(lambda: noted)
    assert shell.written == f"echo {pane.place.name}\r".encode()
    assert noted[0].machine_ids == (pane.place.machine_id,)


async def test_a_snippet_is_inserted_without_enter_and_leaves_no_trace(house: House) -> None:
    noted: list[RecordSnippetRun] = []
    house.gateway.answers[RecordSnippetRun] = noted.append
    _pane, shell = await open_terminal(house)
    house.window.do("terminal", "terminals.snippet")
    picker = await house.dialog(SnippetPicker)
    assert isinstance(picker, SnippetPicker)
    picker.list.select("own-1")
    picker.insert.click()
    await until(lambda: shell.written)
    await house.rest()
    assert shell.written == b"journalctl -fu nginx"
    assert noted == []


# Tunnels and files


async def test_the_key_opens_the_tunnels_of_the_machine(house: House) -> None:
    pane, _shell = await open_terminal(house)
    pane.view.setFocus()
    press(house.window, Qt.Key.Key_L, BOTH)
    assert pane.place.name in (await house.dialog(TunnelsDialog)).windowTitle()


async def test_the_key_shows_the_files_below_and_closes_them(house: House) -> None:
    pane, _shell = await open_terminal(house)
    tab = tab_of(house)
    pane.view.setFocus()
    press(house.window, Qt.Key.Key_E, BOTH)
    files = tab.files
    assert files is not None
    await until(lambda: files.local.path and files.remote.path)
    assert button(house, "terminal.files").isChecked()
    assert tab._splitter.widget(0) is pane
    press(house.window, Qt.Key.Key_E, BOTH)
    assert tab.files is None
    assert pane.view.hasFocus()
    assert not button(house, "terminal.files").isChecked()


async def test_the_files_are_as_high_as_they_were_the_last_time(house: House) -> None:
    await open_terminal(house)
    tab = tab_of(house)
    tab.show_files()
    await house.rest()
    tab._splitter.moveSplitter(tab.height() // 3, 1)
    before = tab._splitter.sizes()
    button(house, "files.close").click()
    tab.show_files()
    await house.rest()
    assert abs(tab._splitter.sizes()[1] - before[1]) <= tab.height() // 50


async def test_files_that_were_declined_are_read_once_a_terminal_is_open(house: House, machines: Machines) -> None:
    machines.question = HOST_KEY
    pane, shell = await open_terminal(house)
    tab = tab_of(house)
    tab.show_files()
    files = tab.files
    assert files is not None
    await until(lambda: files.remote.room.card)
    assert files.remote.room.card is not None
    files.remote.room.card.no.click()
    error = files.remote.states.error
    await until(lambda: files.remote.states.currentWidget() is error)
    assert "host key" in error.accessibleName()
    shell.lose("E-SSH-AUTH")
    await until(lambda: pane.state is SessionState.LOST)
    machines.question = None
    pane.reconnect()
    await until(lambda: pane.state is SessionState.LIVE)
    await until(lambda: files.remote.path)


async def test_the_machine_leads_to_its_files_and_tunnels(house: House) -> None:
    terminals = LocalTerminals()
    house.bridge._terminals = lambda: terminals  # type: ignore[assignment]
    machine: Machine = running_machine(house)
    await house.open()
    house.window.inspect("machine", machine.machine_id)
    await house.rest()
    assert house.window.findChild(MachineAccess) is not None
    button(house, "machine.tunnels").click()
    dialog = await house.dialog(TunnelsDialog)
    dialog.reject()
    await house.front()
    button(house, "machine.files").click()
    await until(lambda: isinstance(house.window.pages.page(), TerminalPage) and page_of(house).panes())
    await until(lambda: tab_of(house).files is not None)
    assert tab_of(house).machine.machine_id == machine.machine_id


async def test_files_and_recording_are_named_reached_and_whole_at_every_size(house: House) -> None:
    decide(house, RecordingPolicy.ON)
    await open_terminal(house)
    tab = tab_of(house)
    tab.show_files()
    files = tab.files
    assert files is not None
    await until(lambda: files.local.path and files.remote.path)
    await house.front()
    page = page_of(house)
    found = [*walk.names(page)]
    for size in SIZES:
        await house.resize(size)
        found += [*walk.cuts(page), *walk.overlaps(page), *walk.overpainted(page)]
    await house.resize(SIZES[0])
    found += tab_order(page)
    assert not found, walk.report(found)
