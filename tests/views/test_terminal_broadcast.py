"""Broadcast input and snippets on many machines, on the Terminal page as a person uses it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.snippet import OwnSnippet, Snippet
from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.ids import now
from machina_desktop.core.services.snippets import ListOwnSnippets, ListSnippets, RecordSnippetRun
from machina_desktop.views.apps.terminal_deck import TerminalDeck
from machina_desktop.views.snippets.picker import SnippetPicker
from machina_desktop.views.snippets.results_dialog import ResultsDialog
from machina_desktop.views.snippets.run_on_dialog import RunOnDialog
from machina_desktop.views.terminal.broadcast import Reach, Standing
from machina_desktop.views.terminal.pane import TerminalPane
from machina_desktop.views.terminal.paste_dialog import PasteDialog
from machina_desktop.views.terminal.target_list import TargetsDialog
from machina_desktop.views.widgets.dialogs import ConfirmDialog
from tests.fakes.gateway import until
from tests.fakes.house import House, house_with
from tests.fakes.local_shell import LocalShell
from tests.fakes.rows import TEAM_ID
from tests.fakes.tab_order import press
from tests.fakes.terminal_split_scenes import page_of, place

BOTH = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier

pytestmark = pytest.mark.usefixtures("calm")


class Bench:
    """A page with a tab for each machine.

    Attributes:
        shells: What runs, by the machine's name.
        machines: Those there are, by name.
    """

    def __init__(self, house: House, *, command: tuple[str, ...] = ()) -> None:
        self.house = house
        self.shells: dict[str, LocalShell] = {}
        self.machines: dict[str, Machine] = {}
        self._command = command
        house.bridge._terminals = lambda: self  # type: ignore[assignment]

    def open(self, machine_id: str, columns: int, lines: int, _kept: object = None) -> LocalShell:
        """As the core opens them."""
        made = LocalShell(columns, lines, command=self._command)
        self.shells[next(each.name for each in self.machines.values() if each.machine_id == machine_id)] = made
        return made

    @property
    def deck(self) -> TerminalDeck:
        return page_of(self.house).deck

    async def start(self, *environments: str, opened: int = 9) -> list[TerminalPane]:
        found = place(self.house, *environments)
        self.machines = {each.name: each for each in found}
        await self.house.open(app="terminal")
        await self.house.rest()
        for machine in found[:opened]:
            pane = self.deck.open_on(machine)
            await until(lambda pane=pane: pane.state is SessionState.LIVE)  # type: ignore[misc]
        await self.house.rest()
        return list(page_of(self.house).terminals.panes())

    def written(self, pane: TerminalPane) -> bytes:
        return self.shells[pane.place.name].written

    async def retag(self, name: str, *tags: str) -> None:
        machine = replace(self.machines[name], tags=tags)
        self.house.gateway.put(machine)
        await until(lambda: self.deck.terminals.machines[machine.machine_id].tags == tags)


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with house_with(tmp_path) as made:
        yield made


@pytest.fixture
def bench(house: House) -> Bench:
    return Bench(house)


async def test_it_stays_on_while_tabs_are_switched_until_the_shortcut_stops_it(house: House, bench: Bench) -> None:
    first, second = await bench.start("staging", "staging")
    bench.deck.broadcast.start(Reach.ALL)
    assert bench.deck.broadcast.bar.isVisible()
    assert "2 of 2" in bench.deck.broadcast.bar.words.text().replace("\u202f", "")
    bench.deck.strip.setCurrentIndex(0)
    first.view.setFocus()
    press(house.window, Qt.Key.Key_A)
    press(house.window, Qt.Key.Key_Escape)
    assert bench.written(first) == bench.written(second) == b"a\x1b"
    press(house.window, Qt.Key.Key_B, BOTH)
    assert not bench.deck.broadcast.bar.isVisible()
    press(house.window, Qt.Key.Key_B)
    assert (bench.written(first), bench.written(second)) == (b"a\x1bb", b"a\x1b")


async def test_a_terminal_is_excluded_and_included_by_its_tick(house: House, bench: Bench) -> None:
    first, second = await bench.start("staging", "staging")
    bench.deck.broadcast.start(Reach.ALL)
    bar = bench.deck.broadcast.bar
    bar.box(first).click()
    assert not first.frame.isVisible()
    assert "1 of 2" in bar.words.text()
    bar.box(first).click()
    assert bench.deck.terminals.broadcast.broadcast.included() == (first, second)


async def test_tabs_say_that_they_take_part(house: House, bench: Bench) -> None:
    await bench.start("staging", "staging")
    tab = bench.deck.current_tab()
    assert tab is not None
    before = tab.icon_name
    bench.deck.broadcast.start(Reach.ALL)
    assert (tab.icon_name, tab.token) == ("radio", "accent-error")
    assert tab.tip.startswith("Broadcast")
    bench.deck.broadcast.stop()
    assert tab.icon_name == before


async def test_production_has_to_be_typed_before_anything_reaches_it(house: House, bench: Bench) -> None:
    first, second = await bench.start("staging", "production")
    bench.deck.broadcast.start(Reach.ALL)
    dialog = await house.dialog(ConfirmDialog)
    assert isinstance(dialog, ConfirmDialog)
    assert not dialog.primary.isEnabled()
    press(house.window, Qt.Key.Key_Escape)
    await house.rest()
    assert not bench.deck.terminals.broadcast.broadcast.is_on
    bench.deck.broadcast.start(Reach.ALL)
    dialog = await house.dialog(ConfirmDialog)
    assert isinstance(dialog, ConfirmDialog)
    [line] = dialog.findChildren(QLineEdit)
    QTest.keyClicks(line, "production")
    dialog.primary.click()
    await house.rest()
    assert bench.deck.terminals.broadcast.broadcast.included() == (first, second)


async def test_a_new_tag_stops_it_and_says_so(house: House, bench: Bench) -> None:
    first, second = await bench.start("staging", "staging")
    bench.deck.broadcast.start(Reach.ALL)
    await bench.retag(second.place.name, "env:production")
    assert not bench.deck.terminals.broadcast.broadcast.is_on
    assert any("another environment" in str(told) for told in house.window.notices.told())
    assert second.place.is_production
    assert not first.place.is_production


async def test_a_machine_that_is_not_listed_any_more_stays_in_production(house: House, bench: Bench) -> None:
    await bench.start("staging", "production")
    bench.deck.terminals.set_machines(())
    bench.deck.broadcast.start(Reach.ALL)
    dialog = await house.dialog(ConfirmDialog)
    assert isinstance(dialog, ConfirmDialog)
    assert not dialog.primary.isEnabled()
    dialog.reject()


async def test_other_new_tags_change_nothing(house: House, bench: Bench) -> None:
    _first, second = await bench.start("staging", "staging")
    bench.deck.broadcast.start(Reach.ALL)
    await bench.retag(second.place.name, "env:staging", "web")
    assert bench.deck.terminals.broadcast.broadcast.is_on


async def test_it_goes_on_in_a_window_of_its_own(house: House, bench: Bench) -> None:
    first, second = await bench.start("staging", "staging")
    bench.deck.broadcast.start(Reach.ALL)
    page = page_of(house)
    tab = bench.deck.current_tab()
    assert tab is not None
    window = page.windows.detach(tab)
    await house.rest()
    assert window.deck.broadcast.bar.isVisible()
    assert page.terminals.broadcast.broadcast.standings() == {first: Standing.IN, second: Standing.IN}
    QTest.keyClicks(second.view, "x")
    assert bench.written(first) == b"x"


async def test_some_terminals_are_chosen_from_a_list(house: House, bench: Bench) -> None:
    first, second, third = await bench.start("staging", "staging", "staging")
    bench.deck.broadcast.start(Reach.CHOSEN)
    dialog = await house.dialog(TargetsDialog)
    assert isinstance(dialog, TargetsDialog)
    assert not dialog.primary.isEnabled()
    dialog.targets.tick(("0", "1"))
    dialog.primary.click()
    await house.rest()
    assert bench.deck.terminals.broadcast.broadcast.included() == (first, second)
    assert not third.is_broadcasting


async def test_what_is_pasted_by_keyboard_is_shown_once_for_all(house: House, bench: Bench) -> None:
    first, second = await bench.start("staging", "staging")
    bench.deck.broadcast.start(Reach.ALL)
    QApplication.clipboard().setText("uptime")
    second.view.setFocus()
    press(house.window, Qt.Key.Key_V, BOTH)
    dialog = await house.dialog(PasteDialog)
    assert isinstance(dialog, PasteDialog)
    dialog.primary.click()
    assert bench.written(first) == bench.written(second) == b"uptime"


# Snippets


def snippets(house: House, text: str) -> Snippet:
    at = now()
    team = Snippet(
        snippet_id="s1", team_id=TEAM_ID, name="Look", text=text, created_by="u", created_at=at, updated_at=at
    )
    own: tuple[OwnSnippet, ...] = ()
    house.gateway.answers[ListSnippets] = lambda _ask: (team,)
    house.gateway.answers[ListOwnSnippets] = lambda _ask: own
    house.gateway.answers[RecordSnippetRun] = lambda _ask: None
    return team


async def picked(house: House, bench: Bench) -> SnippetPicker:
    bench.deck.snippets.choose()
    dialog = await house.dialog(SnippetPicker)
    assert isinstance(dialog, SnippetPicker)
    await until(dialog.list.items)
    return dialog


async def test_a_snippet_in_a_broadcast_is_filled_in_for_each_machine(house: House, bench: Bench) -> None:
    first, second = await bench.start("staging", "staging")
    snippets(house, "echo {{name}}")
    bench.deck.broadcast.start(Reach.ALL)
    (await picked(house, bench)).primary.click()
    await house.rest()
    assert bench.written(first) == f"echo {first.place.name}\r".encode()
    assert bench.written(second) == f"echo {second.place.name}\r".encode()
    [asked] = house.gateway.asked_of(RecordSnippetRun)
    assert set(asked.machine_ids) == {first.place.machine_id, second.place.machine_id}


async def test_a_snippet_runs_on_many_and_a_terminal_is_opened_where_there_is_none(house: House) -> None:
    bench = Bench(house, command=("/bin/sh", "-i"))
    [first] = await bench.start("staging", "staging", opened=1)
    snippets(house, "echo on {{name}}")
    (await picked(house, bench)).many.click()
    dialog = await house.dialog(RunOnDialog)
    assert isinstance(dialog, RunOnDialog)
    dialog.targets.tick(tuple(each.machine_id for each in bench.machines.values()))
    dialog.primary.click()
    results = await house.dialog(ResultsDialog)
    assert isinstance(results, ResultsDialog)
    await until(lambda: results.run.is_over)
    assert {job.output.strip() for job in results.run.jobs} == {f"on {name}" for name in bench.machines}
    assert len(page_of(house).panes()) == 2
    assert page_of(house).current_pane() is first
    [asked] = house.gateway.asked_of(RecordSnippetRun)
    assert len(asked.machine_ids) == 2
    results.accept()


async def test_the_palette_runs_a_snippet_on_machines_from_anywhere(house: House, bench: Bench) -> None:
    await bench.start("staging", opened=0)
    snippets(house, "echo {{name}} {{what}}")
    house.window.open_app("machines")
    # What all apps offer comes in the background.
    await until(lambda: house.window.commands.run("terminals.snippet_anywhere"))
    dialog = await house.dialog(SnippetPicker)
    assert isinstance(dialog, SnippetPicker)
    await until(dialog.list.items)
    assert list(dialog.values()) == ["what"]
    assert not dialog.insert.isVisible()
    QTest.keyClicks(dialog._fields["what"].control, "up")
    assert dialog.preview.toPlainText() == "echo {{name}} up"
    dialog.primary.click()
    await house.dialog(RunOnDialog)


async def test_running_on_production_asks_first(house: House, bench: Bench) -> None:
    panes = await bench.start("staging", "production")
    snippets(house, "true")
    (await picked(house, bench)).many.click()
    dialog = await house.dialog(RunOnDialog)
    assert isinstance(dialog, RunOnDialog)
    dialog.targets.tick(tuple(each.machine_id for each in bench.machines.values()))
    dialog.primary.click()
    question = await house.dialog(ConfirmDialog)
    assert isinstance(question, ConfirmDialog)
    assert not question.primary.isEnabled()
    question.reject()
    await house.rest()
    assert [bench.written(pane) for pane in panes] == [b"", b""]
