"""Broadcast input between real shells: who gets what is typed, how it is encoded, who is asked first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.terminal.session import Session
from machina_desktop.views import theme
from machina_desktop.views.terminal.broadcast import Around, Broadcast, Consent, Reach, Standing
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.paste_dialog import PasteDialog
from machina_desktop.views.terminal.place import Place
from tests.fakes.local_shell import LocalShell
from tests.fakes.sshd import KeyPair, running
from tests.views.test_terminal_ssh import Line

_Key = Qt.Key


@dataclass
class Desk:
    """Terminals on a desk with one broadcast over them.

    Attributes:
        environments: By machine.
        asked: What was asked for.
        stopped: Why it was stopped.
    """

    owner: QWidget
    panes: list[TerminalPane] = field(default_factory=list)
    shells: dict[TerminalPane, LocalShell] = field(default_factory=dict)
    environments: dict[str, str] = field(default_factory=dict)
    asked: list[Consent] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        around = Around(
            panes=lambda: self.panes,
            beside=lambda pane: [each for each in self.panes if each.width() == pane.width()],
            environment=lambda machine_id: self.environments.get(machine_id, ""),
        )
        self.broadcast = Broadcast(around, QObject(self.owner))
        self.broadcast.consent_wanted.connect(self.asked.append)
        self.broadcast.stopped.connect(self.stopped.append)

    def open(self, name: str, environment: str = "", *, command: tuple[str, ...] = ()) -> TerminalPane:
        self.environments[name] = environment
        shell = LocalShell(command=command)
        place = Place(machine_id=name, name=name, is_production=environment == "production")
        pane = TerminalPane(lambda _columns, _lines: shell, place=place, look=Look(), parent=self.owner)
        pane.resize(600, 300)
        self.shells[pane] = shell
        self.panes.append(pane)
        pane.start()
        wait(lambda: pane.state is SessionState.LIVE, "the shell")
        self.broadcast.look_again()
        return pane

    def close(self, pane: TerminalPane) -> None:
        self.panes.remove(pane)
        self.shells[pane].close()
        self.broadcast.look_again()

    def feed(self, pane: TerminalPane, data: bytes) -> None:
        """Have its program put something out."""
        before = pane.terminal.modes
        self.shells[pane].put(data)
        wait(lambda: pane.terminal.modes != before, "the modes")

    def written(self, pane: TerminalPane) -> bytes:
        return self.shells[pane].written


def wait(until: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not until():
        QApplication.processEvents()
        assert time.monotonic() < deadline, f"waited 60 s for {what}"
        QTest.qWait(2)


@pytest.fixture
def desk(qapp: QApplication) -> Iterator[Desk]:
    if theme.current().name != "dark" or not qapp.styleSheet():
        theme.apply_theme(qapp, "dark")
    owner = QWidget()
    owner.resize(1200, 700)
    owner.show()
    made = Desk(owner)
    yield made
    for shell in made.shells.values():
        shell.close()
    owner.close()
    owner.deleteLater()
    QApplication.processEvents()


def test_what_is_typed_in_one_runs_in_all_real_shells_and_in_no_other(desk: Desk) -> None:
    shell = ("/bin/sh", "-i")
    first, second, other = (desk.open(name, command=shell) for name in ("web-1", "web-2", "db-1"))
    desk.broadcast.start(Reach.CHOSEN, first, (first, second))
    QTest.keyClicks(first.view, "echo $((6 * 7))")
    QTest.keyClick(first.view, _Key.Key_Return)
    for pane in (first, second):
        wait(partial(_has, pane, "42"), "the answer")
    assert desk.written(other) == b""


def test_keys_reach_shells_over_ssh_as_each_of_them_asked(desk: Desk, tmp_path: Path) -> None:
    with running(tmp_path / "sshd") as server:
        line = Line(server, server.authorize(KeyPair()))
        for name in ("web-1", "web-2"):
            place = Place(machine_id=name, name=name)
            pane = TerminalPane(
                lambda columns, lines: Session(line, columns, lines), place=place, look=Look(), parent=desk.owner
            )
            pane.resize(700, 300)
            pane.start()
            desk.panes.append(pane)
        first, second = desk.panes
        for pane in desk.panes:
            wait(partial(_has, pane, "ready>"), "the prompt")
        desk.broadcast.start(Reach.ALL, first)
        desk.broadcast.exclude(first)
        QTest.keyClicks(second.view, r"printf '\033[?1h'")
        QTest.keyClick(second.view, _Key.Key_Return)
        wait(lambda: second.terminal.modes.is_cursor_application, "the mode")
        desk.broadcast.include(first)
        QTest.keyClicks(first.view, "cat -v")
        for key in (_Key.Key_Return, _Key.Key_Up, _Key.Key_Return):
            QTest.keyClick(first.view, key)
        wait(partial(_has, first, "^[[A"), "the key where the cursor keys are as usual")
        wait(partial(_has, second, "^[OA"), "the key where they are the application's")
        for pane in desk.panes:
            pane.close_session()


def _has(pane: TerminalPane, text: str) -> bool:
    return any(text in pane.terminal.row(y).text for y in range(pane.terminal.lines))


def test_a_terminal_that_takes_no_part_keeps_what_is_typed_in_it(desk: Desk) -> None:
    first, second, third = (desk.open(name) for name in ("a", "b", "c"))
    desk.broadcast.start(Reach.ALL, first)
    desk.broadcast.exclude(third)
    QTest.keyClicks(third.view, "x")
    QTest.keyClicks(second.view, "y")
    assert [desk.written(pane) for pane in (first, second, third)] == [b"y", b"y", b"x"]


def test_each_terminal_gets_a_key_as_its_own_modes_ask(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.feed(second, b"\x1b[?1h\x1b=")
    desk.broadcast.start(Reach.ALL, first)
    QTest.keyClick(first.view, _Key.Key_Up)
    QTest.keyClick(second.view, _Key.Key_Down)
    QTest.keyClick(first.view, _Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier)
    assert desk.written(first) == b"\x1b[A\x1b[B\r"
    assert desk.written(second) == b"\x1bOA\x1bOB\x1bOM"


def test_what_an_input_method_made_goes_to_all(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.broadcast.start(Reach.ALL, first)
    event = QInputMethodEvent()
    event.setCommitString("日")
    QApplication.sendEvent(first.view, event)
    assert desk.written(second) == "日".encode()


def test_one_preview_names_all_machines_and_each_is_pasted_to_in_its_own_way(desk: Desk) -> None:
    first, second = desk.open("web-1"), desk.open("web-2")
    desk.feed(second, b"\x1b[?2004h")
    desk.broadcast.start(Reach.ALL, first)
    QGuiApplication.clipboard().setText("uptime")
    first.actions_.paste()
    [dialog] = desk.owner.findChildren(PasteDialog)
    assert any("web-1, web-2" in label.text() for label in dialog.findChildren(QLabel))
    assert desk.written(first) == desk.written(second) == b""
    dialog.primary.click()
    assert desk.written(first) == b"uptime"
    assert desk.written(second) == b"\x1b[200~uptime\x1b[201~"


def test_reports_of_the_mouse_and_the_focus_and_replies_stay_where_they_are(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.feed(first, b"\x1b[?1000h\x1b[?1006h\x1b[?1004h")
    desk.broadcast.start(Reach.ALL, first)
    QTest.mouseClick(first.view.viewport(), Qt.MouseButton.LeftButton, pos=first.view.viewport().rect().center())
    first.view.focus_changed.emit(True)
    desk.shells[first].put(b"\x1b[6n")
    wait(lambda: desk.written(first).endswith(b"R"), "the reply")
    assert b"\x1b[<0;" in desk.written(first)
    assert b"\x1b[I" in desk.written(first)
    assert desk.written(second) == b""


def test_a_lost_terminal_is_left_out_and_waits_for_a_word_when_it_is_back(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.broadcast.start(Reach.ALL, first)
    desk.shells[second].lose()
    wait(lambda: second.state is SessionState.LOST, "the loss")
    assert desk.broadcast.standings()[second] is Standing.AWAY
    second.reconnect()
    wait(lambda: second.state is SessionState.LIVE, "the shell")
    assert desk.broadcast.standings()[second] is Standing.NEW
    QTest.keyClicks(first.view, "x")
    assert desk.written(second) == b""
    desk.broadcast.include(second)
    QTest.keyClicks(first.view, "y")
    assert desk.written(second) == b"y"


def test_a_terminal_that_asks_for_a_password_gets_nothing(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.broadcast.start(Reach.ALL, first)
    desk.shells[second].tell(SessionState.ASKING)
    wait(lambda: second.state is SessionState.ASKING, "the question")
    QTest.keyClicks(first.view, "x")
    assert desk.written(second) == b""


def test_a_new_terminal_waits_for_a_word_and_a_closed_one_is_forgotten(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.broadcast.start(Reach.ALL, first)
    third = desk.open("c")
    assert desk.broadcast.standings()[third] is Standing.NEW
    desk.close(second)
    assert second not in desk.broadcast.standings()
    assert desk.broadcast.is_on
    desk.close(third)
    assert not desk.broadcast.is_on


def test_a_tab_is_as_far_as_it_goes(desk: Desk) -> None:
    first, second, third = (desk.open(name) for name in ("a", "b", "c"))
    third.resize(300, 300)
    desk.broadcast.start(Reach.TAB, first)
    assert desk.broadcast.included() == (first, second)


def test_a_terminal_that_leaves_the_tab_takes_no_part_any_more(desk: Desk) -> None:
    first, second, third = (desk.open(name) for name in ("a", "b", "c"))
    desk.broadcast.start(Reach.TAB, first)
    third.resize(300, 300)
    desk.broadcast.look_again()
    assert desk.broadcast.included() == (first, second)
    assert not third.is_broadcasting


def test_a_tab_goes_on_without_the_terminal_that_it_began_in(desk: Desk) -> None:
    first, second, third = (desk.open(name) for name in ("a", "b", "c"))
    desk.broadcast.start(Reach.TAB, first)
    desk.close(first)
    fourth = desk.open("d")
    assert desk.broadcast.included() == (second, third)
    assert desk.broadcast.standings()[fourth] is Standing.NEW


@pytest.mark.parametrize(
    "environments", [("staging", ""), ("staging", "qa"), ("production", "production"), ("production", "")]
)
def test_production_and_mixed_environments_are_refused_without_a_persons_word(
    desk: Desk, environments: tuple[str, str]
) -> None:
    first, second = (desk.open(name, environment) for name, environment in zip("ab", environments, strict=True))
    desk.broadcast.start(Reach.ALL, first)
    assert not desk.broadcast.is_on
    [consent] = desk.asked
    consent.agreed()
    assert desk.broadcast.included() == (first, second)


@pytest.mark.parametrize("environment", ["", "staging"])
def test_machines_of_one_environment_need_no_word(desk: Desk, environment: str) -> None:
    first, second = desk.open("a", environment), desk.open("b", environment)
    desk.broadcast.start(Reach.ALL, first)
    assert desk.asked == []
    assert desk.broadcast.included() == (first, second)


def test_what_was_not_in_the_question_is_asked_about_again(desk: Desk) -> None:
    first, second = desk.open("a", "staging"), desk.open("b", "qa")
    desk.broadcast.start(Reach.ALL, first)
    desk.environments["b"] = "production"
    desk.asked[0].agreed()
    assert not desk.broadcast.is_on
    assert desk.asked[1].groups[0] == ("production", ("b",))
    desk.asked[1].agreed()
    assert desk.broadcast.included() == (first, second)


def test_including_a_production_machine_later_is_asked_about_once(desk: Desk) -> None:
    first, _second, third = desk.open("a"), desk.open("b"), desk.open("p", "production")
    desk.broadcast.start(Reach.CHOSEN, first, (first, _second))
    desk.broadcast.start(Reach.ALL, first)
    [consent] = desk.asked
    assert consent.groups == (("production", ("p",)), ("", ("a", "b")))
    assert third not in desk.broadcast.included()
    consent.agreed()
    desk.broadcast.exclude(third)
    desk.broadcast.include(third)
    assert third in desk.broadcast.included()
    assert len(desk.asked) == 1


def test_a_machine_that_goes_into_another_environment_stops_it(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.broadcast.start(Reach.ALL, first)
    desk.environments["b"] = "production"
    desk.broadcast.look_again()
    assert not desk.broadcast.is_on
    assert "b is now in another environment" in desk.stopped[0]
    QTest.keyClicks(first.view, "x")
    assert desk.written(second) == b""


def test_a_full_screen_program_beside_shells_is_warned_of(desk: Desk) -> None:
    first, second = desk.open("a"), desk.open("b")
    desk.broadcast.start(Reach.ALL, first)
    assert not desk.broadcast.is_mixed
    told: list[bool] = []
    desk.broadcast.changed.connect(lambda: told.append(desk.broadcast.is_mixed))
    desk.feed(second, b"\x1b[?1049h")
    assert told == [True]


def test_the_frame_is_red_around_those_that_take_part_and_moves_nothing(desk: Desk) -> None:
    first, second, third = (desk.open(name) for name in ("a", "b", "c"))
    for pane in (first, second, third):
        pane.show()
    QApplication.processEvents()
    before = (first.view.geometry(), first.terminal.columns, first.terminal.lines)
    desk.broadcast.start(Reach.CHOSEN, first, (first, second))
    assert [pane.frame.isVisible() for pane in (first, second, third)] == [True, True, False]
    assert (first.view.geometry(), first.terminal.columns, first.terminal.lines) == before
    picture = first.grab().toImage()
    assert picture.pixelColor(1, 100) == theme.color("accent-error")
    assert first.view.accessibleDescription()
    desk.broadcast.stop()
    assert not first.frame.isVisible()
    assert first.view.accessibleDescription() == ""
