"""The question before a dangerous line runs in production."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.views import theme
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.place import Place
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from tests.fakes.local_shell import LocalShell

_Key = Qt.Key


class Bench:
    """One terminal."""

    def __init__(self, owner: QWidget) -> None:
        self.owner = owner
        self.shell = LocalShell(command=())
        self.pane: TerminalPane

    def open(self, *, is_production: bool = True, command: tuple[str, ...] = ()) -> TerminalPane:
        self.shell = LocalShell(command=command)
        place = Place(machine_id="m", name="shop-1", is_production=is_production)
        shell = self.shell
        self.pane = TerminalPane(lambda _columns, _lines: shell, place=place, look=Look(), parent=self.owner)
        self.pane.resize(800, 400)
        self.pane.show()
        self.pane.start()
        wait(lambda: self.pane.state is SessionState.LIVE, "the shell")
        return self.pane

    def put(self, data: bytes) -> None:
        before = self.pane.terminal.cursor, self.pane.terminal.modes
        self.shell.put(data)
        wait(lambda: (self.pane.terminal.cursor, self.pane.terminal.modes) != before, "the screen")

    def type(self, text: str, *, is_run: bool = True) -> None:
        QTest.keyClicks(self.pane.view, text)
        if is_run:
            QTest.keyClick(self.pane.view, _Key.Key_Return)

    @property
    def questions(self) -> list[ConfirmDialog]:
        return [each for each in self.pane.findChildren(ConfirmDialog) if each.isVisible()]


def wait(until: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 15
    while not until():
        QApplication.processEvents()
        assert time.monotonic() < deadline, f"waited 15 s for {what}"
        QTest.qWait(2)


@pytest.fixture
def bench(qapp: QApplication) -> Iterator[Bench]:
    if theme.current().name != "dark" or not qapp.styleSheet():
        theme.apply_theme(qapp, "dark")
    owner = QWidget()
    owner.resize(1000, 600)
    owner.show()
    made = Bench(owner)
    yield made
    made.shell.close()
    owner.close()
    owner.deleteLater()
    QApplication.processEvents()


def test_a_dangerous_line_is_sent_once_a_person_has_agreed(bench: Bench) -> None:
    bench.open()
    bench.type("sudo reboot")
    assert bench.shell.written == b"sudo reboot"
    [question] = bench.questions
    assert any("sudo reboot" in label.text() for label in question.findChildren(QLabel))
    assert any("shop-1" in label.text() for label in question.findChildren(QLabel))
    question.primary.click()
    assert bench.shell.written == b"sudo reboot\r"


def test_the_enter_after_it_says_no(bench: Bench) -> None:
    bench.open()
    bench.type("reboot")
    [question] = bench.questions
    assert question.cancel.isDefault()
    question.reject()
    assert bench.shell.written == b"reboot"
    assert not bench.questions


def test_usual_lines_and_other_environments_are_not_asked_about(bench: Bench) -> None:
    bench.open()
    bench.type("uptime")
    assert bench.shell.written == b"uptime\r"
    bench.open(is_production=False)
    bench.type("reboot")
    assert bench.shell.written == b"reboot\r"


def test_nothing_is_asked_where_it_is_switched_off(bench: Bench) -> None:
    pane = bench.open()
    pane.dress(replace(pane.view.sight.look, guarded=""))
    bench.type("reboot")
    assert bench.shell.written == b"reboot\r"


def test_what_was_rubbed_out_does_not_count(bench: Bench) -> None:
    bench.open()
    bench.type("reboot", is_run=False)
    for _ in "reboot":
        QTest.keyClick(bench.pane.view, _Key.Key_Backspace)
    bench.type("id")
    assert not bench.questions
    bench.type("reboot", is_run=False)
    QTest.keyClick(bench.pane.view, _Key.Key_U, Qt.KeyboardModifier.ControlModifier)
    bench.type("id")
    assert not bench.questions


def test_a_line_out_of_the_history_is_read_off_the_screen(bench: Bench) -> None:
    bench.open()
    bench.put(b"root@shop-1:~# ")
    QTest.keyClick(bench.pane.view, _Key.Key_Up)
    bench.put(b"mkfs.ext4 /dev/sdb")
    QTest.keyClick(bench.pane.view, _Key.Key_Return)
    assert len(bench.questions) == 1


def test_a_shell_that_marks_its_prompt_is_believed(bench: Bench) -> None:
    bench.open()
    bench.put(b"\x1b]133;A\x1b\\$ \x1b]133;B\x1b\\reboot")
    QTest.keyClick(bench.pane.view, _Key.Key_Return)
    assert len(bench.questions) == 1


def test_a_full_screen_program_is_never_asked_about(bench: Bench) -> None:
    bench.open()
    bench.put(b"\x1b[?1049h")
    bench.type("reboot")
    assert bench.shell.written == b"reboot\r"


def test_a_line_in_tmux_is_asked_about_though_it_has_the_whole_screen(bench: Bench) -> None:
    pane = bench.open()
    pane.guard.is_in_keeper = True
    bench.put(b"\x1b[?1049h")
    bench.type("reboot")
    assert len(bench.questions) == 1


def test_a_line_of_a_real_shell_is_asked_about(bench: Bench) -> None:
    pane = bench.open(command=("/bin/sh", "-i"))
    wait(lambda: pane.terminal.cursor.x, "the prompt")
    bench.type("rm -rf /nonexistent-machina")
    [question] = bench.questions
    question.reject()
    QTest.keyClick(pane.view, _Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    bench.type("echo fine")
    wait(lambda: any(pane.terminal.row(y).text == "fine" for y in range(10)), "the answer")
