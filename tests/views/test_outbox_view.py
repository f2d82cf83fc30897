"""Edits that wait or were not taken: told, compared, decided on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.errors import Conflict
from machina_desktop.core.services.servers import DismissIntent, RetryIntent
from machina_desktop.views.outbox_compare import FieldCompare, differing
from machina_desktop.views.outbox_dialog import OutboxDialog
from machina_desktop.views.server_watch import servers_of
from tests.fakes.people_rows import people_rows
from tests.fakes.server_answers import intent, status
from tests.fakes.stage import Stage, stage_with, turn, until


@pytest.fixture
async def stage(qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))
    async with stage_with(people_rows()) as made:
        made.gateway.servers.statuses = (status(),)
        yield made


async def opened(stage: Stage, *intents: Intent, chosen: str = "") -> OutboxDialog:
    stage.gateway.servers.put(*intents)
    over = stage.show(QWidget())
    await until(lambda: len(servers_of(stage.bridge).intents) == len(intents))
    dialog = OutboxDialog(stage.bridge, chosen=chosen, parent=over)
    dialog.open()
    await turn()
    return dialog


def compared(dialog: OutboxDialog) -> list[FieldCompare]:
    return [each for each in dialog.detail.findChildren(FieldCompare) if each.isVisible()]


def test_only_lines_that_the_other_text_lacks_are_marked() -> None:
    assert differing(["a", "b", "c"], ["a", "x", "c"]) == {1}
    assert differing(["a", "b"], []) == {0, 1}
    assert differing([], ["a"]) == frozenset()


async def test_what_needs_a_decision_comes_before_what_waits(stage: Stage) -> None:
    dialog = await opened(stage, intent(1), intent(2, IntentState.REFUSED), intent(3, IntentState.LOST))
    assert [item.key for item in dialog.list.items()] == ["op-02", "op-03", "op-01"]
    assert dialog.list.current() == "op-02"


async def test_both_values_stand_side_by_side_with_what_differs_marked(stage: Stage) -> None:
    dialog = await opened(stage, intent(2, IntentState.REFUSED))
    notes, tags = compared(dialog)
    assert notes.ours.marked == ("Ask Linus first.", "Restart at night.")
    assert notes.theirs is not None
    assert notes.theirs.marked == ("Ask Grace or Ken first.",)
    assert tags.ours.marked == ("shop",)


async def test_using_mine_makes_the_edit_again(stage: Stage) -> None:
    dialog = await opened(stage, intent(2, IntentState.REFUSED), intent(3, IntentState.REFUSED))
    stage.press("outbox.mine")
    await until(lambda: dialog.list.current() == "op-03")
    assert [ask.op_id for ask in stage.gateway.asked_of(RetryIntent)] == ["op-02"]


async def test_keeping_theirs_lets_the_edit_go_and_the_last_one_leaves_a_sentence(stage: Stage) -> None:
    dialog = await opened(stage, intent(2, IntentState.REFUSED))
    stage.press("outbox.theirs")
    await until(dialog.empty.isVisible)
    assert [ask.op_id for ask in stage.gateway.asked_of(DismissIntent)] == ["op-02"]


async def test_what_waits_or_was_lost_cannot_be_made_again(stage: Stage) -> None:
    dialog = await opened(stage, intent(1), intent(3, IntentState.LOST), chosen="op-01")
    assert not stage.has("outbox.mine")
    assert dialog.detail.theirs.text() == "Let go"
    dialog.list.select("op-03")
    assert not stage.has("outbox.mine")


async def test_a_decision_that_cannot_be_carried_out_is_told_there(stage: Stage) -> None:
    def refuse(_ask: RetryIntent) -> Intent:
        raise Conflict("The machine is gone.", hint="Let the edit go.")

    dialog = await opened(stage, intent(2, IntentState.REFUSED))
    stage.gateway.answers[RetryIntent] = refuse
    stage.press("outbox.mine")
    await until(dialog.detail.problem.isVisible)
    assert dialog.detail.problem.title() == "The machine is gone."


async def test_an_edit_is_copied_with_both_values(stage: Stage) -> None:
    await opened(stage, intent(2, IntentState.REFUSED))
    stage.press("outbox.copy")
    copied = QGuiApplication.clipboard().text()
    assert "Ask Linus first." in copied
    assert "Ask Grace or Ken first." in copied


async def test_of_a_lost_row_people_see_what_they_know_it_by_and_copy_the_rest(stage: Stage) -> None:
    row = {"machine_id": "machine-01", "name": "cache-1", "notes": "Warm it up.", "facts": {"os": "Debian"}, "tags": []}
    dialog = await opened(stage, intent(3, IntentState.LOST, seen={}, ours=row))
    assert [each.ours.accessibleDescription() for each in compared(dialog)] == ["cache-1", "Warm it up."]
    stage.press("outbox.copy")
    assert "Debian" in QGuiApplication.clipboard().text()


async def test_an_edit_that_is_taken_meanwhile_leaves_the_list(stage: Stage) -> None:
    dialog = await opened(stage, intent(1), intent(2))
    stage.gateway.servers.put(intent(2))
    await until(lambda: [item.key for item in dialog.list.items()] == ["op-02"])
