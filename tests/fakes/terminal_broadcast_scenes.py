"""Broadcast input, snippets on many machines and the guard of production, with shells of this computer."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from machina_desktop.core.domain.snippet import OwnSnippet
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.ids import now
from machina_desktop.views.snippets.many_run import JobState
from machina_desktop.views.snippets.results_dialog import COMPARED, ResultsDialog
from machina_desktop.views.snippets.run_on_dialog import RunOnDialog
from machina_desktop.views.terminal.broadcast import Reach
from machina_desktop.views.terminal.split_layout import Side
from machina_desktop.views.terminal.target_list import TargetsDialog
from tests.fakes.gateway import until
from tests.fakes.house import House, Scene
from tests.fakes.local_shell import LocalShell
from tests.fakes.terminal_scenes import LocalTerminals, open_terminal
from tests.fakes.terminal_split_scenes import page_of, place, tab_of

COMMAND = "sudo reboot"
SNIPPET = OwnSnippet(snippet_id="own", name="§ 4750 §", text="uname {{flag=-r}}", created_at=now(), updated_at=now())
REPORTED = r"{ printf '\033]133;C\033\\'"
TEXTS = (COMMAND, f"–  {COMMAND}", SNIPPET.name, SNIPPET.text, "uname -r", REPORTED, "§ 4751 §")


async def _open(house: House, *environments: str) -> list[LocalShell]:
    """A tab with a terminal in each of these environments, and what runs in them."""
    machines = place(house, *environments)
    await open_terminal(house)
    page, tab = page_of(house), tab_of(house)
    for machine in machines[1:]:
        tab.split(page.terminals.frame_on(machine), Side.RIGHT if len(tab.parts()) == 1 else Side.DOWN)
        await house.rest()
    await until(lambda: all(pane.state is SessionState.LIVE for pane in tab.panes()))
    terminals = house.bridge._terminals()  # type: ignore[misc]
    assert isinstance(terminals, LocalTerminals)
    return terminals.opened


async def _broadcasting(house: House) -> QWidget:
    shells = await _open(house, "staging", "staging", "staging")
    page = page_of(house)
    page.deck.broadcast.start(Reach.TAB)
    _first, second, last = tab_of(house).panes()
    shells[1].put(b"\x1b[?1049h")
    await until(lambda: second.terminal.screen.is_alternate)
    page.terminals.broadcast.broadcast.exclude(last)
    await house.rest()
    await house.front()
    return page


async def _menu(house: House) -> QWidget:
    await _open(house, "staging", "staging")
    page_of(house).deck.broadcast.toggle()
    await until(lambda: isinstance(QApplication.activePopupWidget(), QMenu))
    found = QApplication.activePopupWidget()
    assert found is not None
    return found


async def _choosing(house: House) -> QWidget:
    await _open(house, "staging", "production")
    page_of(house).deck.broadcast.start(Reach.CHOSEN)
    return await house.dialog(TargetsDialog)


async def _consent(house: House) -> QWidget:
    await _open(house, "staging", "production")
    page_of(house).deck.broadcast.start(Reach.ALL)
    return await house.dialog()


async def _guard(house: House) -> QWidget:
    place(house, "production")
    pane, _shell = await open_terminal(house)
    QTest.keyClicks(pane.view, COMMAND)
    QTest.keyClick(pane.view, Qt.Key.Key_Return)
    return await house.dialog()


async def _run_on(house: House) -> QWidget:
    await _open(house, "staging", "staging")
    page_of(house).deck.snippets._choose_machines(SNIPPET, {})
    return await house.dialog(RunOnDialog)


async def _results(house: House) -> QWidget:
    shells = await _open(house, "staging", "staging", "staging")
    snippets = page_of(house).deck.snippets
    todo = [snippets._task(pane, "uname -r") for pane in tab_of(house).panes()]
    snippets._begin(replace(SNIPPET), todo, is_reporting=True)
    dialog = await house.dialog(ResultsDialog)
    assert isinstance(dialog, ResultsDialog)
    jobs = dialog.run.jobs
    await until(lambda: all(job.state is JobState.RUNNING for job in jobs))
    for shell, text in zip(shells, (b"6.1", b"6.1", b"5.10"), strict=False):
        shell.put(b"\x1b]133;C\x1b\\\xc2\xa7 4751 \xc2\xa7\r\n" + text + b"\r\n\x1b]133;D;0\x1b\\")
    await until(lambda: dialog.run.is_over)
    return dialog


async def _compared(house: House) -> QWidget:
    dialog = await _results(house)
    assert isinstance(dialog, ResultsDialog)
    dialog.ways.set_current(COMPARED)
    await house.rest()
    return dialog


SHOWN: dict[str, tuple[type[QWidget], Scene]] = {
    "broadcast to some": (TargetsDialog, _choosing),
    "run on": (RunOnDialog, _run_on),
    "results": (ResultsDialog, _results),
    "results compared": (ResultsDialog, _compared),
}
SCENES: dict[str, Scene] = {
    "terminal broadcast": _broadcasting,
    "terminal broadcast menu": _menu,
    "terminal broadcast consent": _consent,
    "terminal guard": _guard,
}
