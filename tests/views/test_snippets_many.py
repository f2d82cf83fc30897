"""A snippet on many machines: chosen, filled in for each, run in real shells, and what it came to."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from machina_desktop.core.domain.snippet import OwnSnippet, of_machine
from machina_desktop.core.ids import now
from machina_desktop.core.terminal.session import Session
from machina_desktop.views import theme
from machina_desktop.views.snippets.many_run import JobState, ManyRun, Task
from machina_desktop.views.snippets.results_dialog import COMPARED, ResultsDialog
from machina_desktop.views.snippets.run_on_dialog import Candidate, RunOnDialog
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.place import Place
from machina_desktop.views.terminal.target_list import Target, TargetsDialog
from tests.fakes.local_shell import LocalShell
from tests.fakes.sshd import KeyPair, running
from tests.fakes.terminal_scenes import HOST_KEY
from tests.views.test_terminal_ssh import Line

SHELL = ("/bin/sh", "-i")


def wait(until: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not until():
        QApplication.processEvents()
        assert time.monotonic() < deadline, f"waited 60 s for {what}"
        QTest.qWait(2)


class Bench:
    """Terminals on shells of this computer."""

    def __init__(self, owner: QWidget) -> None:
        self.owner = owner
        self.shells: list[LocalShell] = []

    def pane(self, name: str, command: tuple[str, ...] = SHELL) -> TerminalPane:
        shell = LocalShell(command=command)
        self.shells.append(shell)
        place = Place(machine_id=name, name=name)
        return TerminalPane(lambda _columns, _lines: shell, place=place, look=Look(), parent=self.owner)

    def run(self, texts: dict[TerminalPane, str], *, is_reporting: bool = True) -> ManyRun:
        todo = [
            Task(pane=pane, machine_id=pane.place.machine_id, name=pane.place.name, text=text)
            for pane, text in texts.items()
        ]
        made = ManyRun("Check", todo, is_reporting=is_reporting, parent=QObject(self.owner))
        made.start()
        return made


@pytest.fixture
def bench(qapp: QApplication) -> Iterator[Bench]:
    if theme.current().name != "dark" or not qapp.styleSheet():
        theme.apply_theme(qapp, "dark")
    owner = QWidget()
    owner.resize(1100, 700)
    owner.show()
    made = Bench(owner)
    yield made
    for shell in made.shells:
        shell.close()
    owner.close()
    owner.deleteLater()
    QApplication.processEvents()


def test_each_shell_is_opened_run_in_and_followed_to_its_end(bench: Bench) -> None:
    good, bad = bench.pane("web-1"), bench.pane("web-2")
    run = bench.run({good: "echo one; echo two", bad: "echo other\n(exit 3)"})
    wait(lambda: run.is_over, "the end")
    first, second = run.jobs
    assert (first.state, first.exit_code, first.output.split()) == (JobState.DONE, 0, ["one", "two"])
    assert (second.state, second.exit_code, second.output.strip()) == (JobState.FAILED, 3, "other")


def test_real_shells_over_ssh_are_run_in(bench: Bench, tmp_path: Path) -> None:
    with running(tmp_path / "sshd") as server:
        line = Line(server, server.authorize(KeyPair()))
        panes = [
            TerminalPane(
                lambda columns, lines: Session(line, columns, lines),
                place=Place(machine_id=name, name=name),
                look=Look(),
                parent=bench.owner,
            )
            for name in ("web-1", "web-2")
        ]
        run = bench.run({pane: f"echo {pane.place.name}; test {number} = 0" for number, pane in enumerate(panes)})
        wait(lambda: run.is_over, "the end")
        assert [(job.output.strip(), job.exit_code) for job in run.jobs] == [("web-1", 0), ("web-2", 1)]
        for pane in panes:
            pane.close_session()


def test_output_that_has_scrolled_away_is_read_too(bench: Bench) -> None:
    pane = bench.pane("web-1")
    run = bench.run({pane: "seq 1 200"})
    wait(lambda: run.is_over, "the end")
    assert run.jobs[0].output.split() == [str(number) for number in range(1, 201)]


def test_without_marks_it_is_only_said_to_be_sent(bench: Bench) -> None:
    pane = bench.pane("web-1")
    run = bench.run({pane: "true"}, is_reporting=False)
    wait(lambda: run.is_over, "the end")
    assert run.jobs[0].state is JobState.SENT
    assert b"133" not in bench.shells[0].written


def test_what_runs_is_interrupted_and_what_waits_is_not_typed(bench: Bench) -> None:
    running_pane, asking_pane = bench.pane("web-1"), bench.pane("web-2")
    bench.shells[1].question = HOST_KEY
    run = bench.run({running_pane: "sleep 600", asking_pane: "reboot"})
    wait(lambda: running_pane.is_command_running, "the command")
    run.cancel()
    assert [job.state for job in run.jobs] == [JobState.CANCELLED] * 2
    assert bench.shells[0].written.endswith(b"\x03")
    assert bench.shells[1].written == b""


def test_a_terminal_that_asks_is_waited_for_and_a_lost_one_is_given_up(bench: Bench) -> None:
    asking, lost = bench.pane("web-1"), bench.pane("web-2", command=())
    bench.shells[0].question = HOST_KEY
    run = bench.run({asking: "id", lost: "id"})
    wait(lambda: run.jobs[0].state is JobState.ASKING, "the question")
    bench.shells[1].lose()
    wait(lambda: run.jobs[1].state is JobState.LOST, "the loss")
    assert not run.is_over
    run.cancel()


def snippet(text: str) -> OwnSnippet:
    return OwnSnippet(snippet_id="s", name="Check", text=text, created_at=now(), updated_at=now())


def candidate(name: str, *, host: str = "", tags: tuple[str, ...] = (), is_open: bool = False) -> Candidate:
    return Candidate(
        target=Target(key=name, title=name, tags=tags),
        known=of_machine(name=name, host=host, ip="", user="root"),
        is_open=is_open,
    )


def test_each_machine_fills_in_its_own_and_its_text_is_in_sight(bench: Bench) -> None:
    candidates = {
        "web-1": candidate("web-1", host="one.example", tags=("web",), is_open=True),
        "web-2": candidate("web-2", host="two.example", tags=("web",)),
        "db-1": candidate("db-1", host="db.example"),
    }
    dialog = RunOnDialog(snippet("ping {{host}} -c {{count}}"), {"count": "3"}, candidates, parent=bench.owner)
    told: list[dict[str, str]] = []
    dialog.chosen.connect(lambda texts, _is_followed: told.append(texts))
    dialog.open()
    assert not dialog.primary.isEnabled()
    dialog.targets.tag.set_value("web")
    assert dialog.targets.ticked() == ("web-1", "web-2")
    dialog.shown.set_value("web-2")
    preview = dialog.findChild(QPlainTextEdit, "run_on.preview")
    assert isinstance(preview, QPlainTextEdit)
    assert "ping two.example -c 3" in preview.toPlainText()
    assert "133" in preview.toPlainText()
    dialog.follow.setChecked(False)
    assert preview.toPlainText() == "ping two.example -c 3"
    dialog.open_ones.click()
    assert dialog.targets.ticked() == ("web-1",)
    dialog.primary.click()
    assert told == [{"web-1": "ping one.example -c 3"}]


def test_rows_are_ticked_by_space_and_click_and_found_by_words(bench: Bench) -> None:
    dialog = TargetsDialog(
        "Some",
        [Target(key=each, title=each) for each in ("web-1", "web-2", "db-1")],
        text="",
        primary="Go",
        least=2,
        parent=bench.owner,
    )
    dialog.open()
    targets = dialog.targets
    targets.list.select("web-1")
    QTest.keyClick(targets.list, Qt.Key.Key_Space)
    assert targets.ticked() == ("web-1",)
    assert not dialog.primary.isEnabled()
    second = targets.list.visualRect(targets.list.model().index(1, 0)).center()
    QTest.mouseClick(targets.list.viewport(), Qt.MouseButton.LeftButton, pos=second)
    assert targets.ticked() == ("web-1", "web-2")
    assert dialog.primary.isEnabled()
    targets.search.setText("db")
    QTest.keyClick(targets.search, Qt.Key.Key_Return)
    assert [item.key for item in targets.list.items()] == ["db-1"]
    targets.all.click()
    assert targets.ticked() == ("web-1", "web-2", "db-1")


def test_a_machine_that_lacks_what_is_asked_for_is_named(bench: Bench) -> None:
    dialog = RunOnDialog(snippet("ping {{host}}"), {}, {"db-1": candidate("db-1")}, parent=bench.owner)
    dialog.open()
    dialog.targets.tick(("db-1",))
    assert not dialog.primary.isEnabled()
    assert "db-1" in dialog._note.text()


def test_results_are_compared_with_what_most_machines_said(bench: Bench) -> None:
    panes = [bench.pane(name) for name in ("web-1", "web-2", "db-1")]
    run = bench.run(dict.fromkeys(panes[:2], "echo kernel; echo 6.1") | {panes[2]: "echo kernel; echo 5.10"})
    dialog = ResultsDialog(run, bench.owner)
    dialog.open()
    wait(lambda: run.is_over, "the end")
    assert [item.trailing for item in dialog.list.items()] == ["exit 0"] * 3
    dialog.ways.set_current(COMPARED)
    most, other = dialog.list.items()
    assert most.detail == "web-1, web-2"
    assert other.detail == "db-1"
    dialog.list.select(other.key)
    assert [line.split() for line in dialog.text.toPlainText().splitlines()] == [
        ["kernel"],
        ["-", "6.1"],
        ["+", "5.10"],
    ]
    assert dialog.text.extraSelections()
