"""Snippets in the window: the page, the dialog that writes one, and the picker that fills one in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QLineEdit, QPlainTextEdit, QWidget
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.snippet import OwnSnippet, Snippet, of_machine, rendered
from machina_desktop.core.domain.team import Actor, TeamRole
from machina_desktop.core.errors import Conflict
from machina_desktop.core.ids import now
from machina_desktop.core.services.snippets import (
    CreateSnippet,
    DeleteOwnSnippet,
    ListOwnSnippets,
    ListSnippets,
    SaveOwnSnippet,
    UpdateSnippet,
)
from machina_desktop.views.apps.snippets import SnippetsPage
from machina_desktop.views.snippets.picker import SnippetPicker
from machina_desktop.views.widgets.inputs import Input
from tests.fakes.rows import TEAM_ID, team_rows
from tests.fakes.stage import Stage, stage_with, until

MACHINE = of_machine(name="web-1", host="web-1.example", ip="203.0.113.7", user="root")


def own(name: str, text: str, **fields: object) -> OwnSnippet:
    return OwnSnippet(
        snippet_id=f"own-{name}",
        name=name,
        text=text,
        created_at=now(),
        updated_at=now(),
        **fields,  # type: ignore[arg-type]
    )


def shared(name: str, text: str) -> Snippet:
    return Snippet(
        snippet_id=f"snippet-{name}",
        team_id=TEAM_ID,
        name=name,
        text=text,
        created_by="u",
        created_at=now(),
        updated_at=now(),
    )


@pytest.fixture
async def stage(qtbot: QtBot) -> AsyncIterator[Stage]:
    async with stage_with(team_rows(machines=2, runs=0)) as made:
        made.gateway.answers[ListOwnSnippets] = lambda _ask: (
            own("disk", "du -xh {{path=/var}} | tail -n {{count}}", tags=("storage",)),
            own("who", "echo {{name}} {{ip}}"),
        )
        made.gateway.answers[ListSnippets] = lambda _ask: (shared("deploy", "app {{env=staging|prod}} {{tag}}"),)
        yield made


@pytest.fixture
async def page(stage: Stage) -> SnippetsPage:
    made = stage.show(SnippetsPage(stage.bridge, stage.window), width=1100)
    await until(lambda: made.lists["mine"].model.rowCount() == 2)
    return made


@pytest.fixture
async def picker(stage: Stage) -> SnippetPicker:
    made = stage.show(SnippetPicker(stage.bridge, known=MACHINE, target="web-1"))
    await until(lambda: len(made.list.items()) == 3)
    return made


async def test_the_first_snippet_is_written_where_none_is_found(stage: Stage) -> None:
    stage.gateway.answers[ListOwnSnippets] = lambda _ask: ()
    stage.gateway.answers[ListSnippets] = lambda _ask: ()
    stage.gateway.answers[SaveOwnSnippet] = lambda ask: own(ask.name, ask.text)
    made = stage.show(SnippetPicker(stage.bridge, known=MACHINE, target="web-1"))
    await until(made.empty.isVisible)
    assert not made.preview.isVisible()
    made.empty.activated.emit()
    stage.type_into("snippet.name", "up")
    stage.find(QPlainTextEdit, "snippet.text").setPlainText("uptime")
    stage.press("snippet.save")
    await until(lambda: made.preview.toPlainText() == "uptime" and made.preview.isVisible())
    assert made.primary.isEnabled()


def field(stage: Stage, name: str) -> Input:
    found = stage.find(QLineEdit, name).parent()
    assert isinstance(found, Input)
    return found


# The page


async def test_own_snippets_and_those_of_the_team_stand_behind_two_tabs(page: SnippetsPage) -> None:
    assert [each.name for each in page.lists["mine"].model.records()] == ["disk", "who"]
    page.tabs.set_current("team")
    await until(lambda: page.lists["team"].model.rowCount() == 1)


async def test_a_snippet_is_written_for_oneself(stage: Stage, page: SnippetsPage) -> None:
    stage.gateway.answers[SaveOwnSnippet] = lambda ask: own(ask.name, ask.text)
    stage.press("own_snippets.new")
    stage.type_into("snippet.name", "up")
    stage.find(QPlainTextEdit, "snippet.text").setPlainText("uptime {{unit=nginx}}")
    assert any("unit (nginx)" in label.text() for label in page.findChildren(QLabel))
    stage.type_into("snippet.tags", "a, b")
    stage.press("snippet.save")
    await until(lambda: bool(stage.gateway.asked_of(SaveOwnSnippet)))
    [asked] = stage.gateway.asked_of(SaveOwnSnippet)
    assert (asked.name, asked.text, asked.tags) == ("up", "uptime {{unit=nginx}}", ("a", "b"))


async def test_an_administrator_writes_one_for_the_team(stage: Stage, page: SnippetsPage) -> None:
    stage.gateway.answers[CreateSnippet] = lambda ask: shared(ask.name, ask.text)
    page.tabs.set_current("team")
    stage.press("snippets.new")
    assert stage.find(QComboBox, "snippet.scope").currentData() == "team"
    stage.type_into("snippet.name", "x")
    stage.find(QPlainTextEdit, "snippet.text").setPlainText("id")
    stage.press("snippet.save")
    await until(lambda: bool(stage.gateway.asked_of(CreateSnippet)))


async def test_a_member_is_offered_no_change_of_what_the_team_runs(stage: Stage, page: SnippetsPage) -> None:
    stage.gateway.actor = Actor(user_id="m", display_name="Max", team_roles=((TEAM_ID, TeamRole.MEMBER),))
    page.tabs.set_current("team")
    await until(lambda: page.lists["team"].model.rowCount() == 1)
    page.lists["team"].table.select_key("snippet-deploy")
    assert not stage.find(QWidget, "snippets.edit").isEnabled()
    stage.press("snippets.new")
    assert not stage.find(QComboBox, "snippet.scope").isVisible()


async def test_a_name_that_is_taken_is_told_at_the_field(stage: Stage, page: SnippetsPage) -> None:
    def taken(_ask: object) -> Snippet:
        raise Conflict("There is already a snippet deploy.", code="E-NAME-TAKEN")

    stage.gateway.answers[UpdateSnippet] = taken
    page.tabs.set_current("team")
    await until(lambda: page.lists["team"].model.rowCount() == 1)
    page.lists["team"].table.select_key("snippet-deploy")
    stage.press("snippets.edit")
    stage.press("snippet.save")
    await until(lambda: field(stage, "snippet.name").error() != "")


async def test_a_snippet_is_deleted_after_a_question(stage: Stage, page: SnippetsPage) -> None:
    stage.gateway.answers[DeleteOwnSnippet] = lambda _ask: None
    page.lists["mine"].table.select_key("own-who")
    stage.press("own_snippets.delete")
    stage.press("delete_snippet.confirm")
    await until(lambda: bool(stage.gateway.asked_of(DeleteOwnSnippet)))


# The picker


async def test_what_a_machine_tells_is_filled_in_and_the_rest_is_asked(stage: Stage, picker: SnippetPicker) -> None:
    picker.list.select("own-who")
    assert picker.preview.toPlainText() == "echo web-1 203.0.113.7"
    assert picker.values() == {}
    picker.list.select("own-disk")
    assert list(picker.values()) == ["path", "count"]
    assert not picker.primary.isEnabled()
    stage.type_into("snippet_picker.count", "20")
    assert picker.preview.toPlainText() == "du -xh /var | tail -n 20"
    assert picker.primary.isEnabled()


async def test_choices_are_offered_and_a_second_command_is_refused(stage: Stage, picker: SnippetPicker) -> None:
    picker.list.select("snippet-deploy")
    stage.find(QComboBox, "snippet_picker.env").setCurrentIndex(1)
    field(stage, "snippet_picker.tag").set_text("v1\u2028id")
    assert not picker.primary.isEnabled()
    field(stage, "snippet_picker.tag").set_text("v1")
    assert picker.preview.toPlainText() == "app prod v1"


@pytest.mark.parametrize(("button", "is_run"), [("snippet_picker.run", True), ("snippet_picker.insert", False)])
async def test_what_is_chosen_is_told_with_what_was_typed(
    stage: Stage, picker: SnippetPicker, button: str, *, is_run: bool
) -> None:
    told: list[tuple[object, object, bool]] = []
    picker.chosen.connect(lambda *values: told.append(values))
    picker.list.select("own-disk")
    stage.type_into("snippet_picker.count", "5")
    stage.press(button)
    [(snippet, values, was_run)] = told
    assert isinstance(snippet, OwnSnippet)
    assert was_run is is_run
    assert rendered(snippet, {**MACHINE, **dict(values)}) == "du -xh /var | tail -n 5"  # type: ignore[call-overload]


async def test_the_list_is_searched_and_walked_from_the_search_line(stage: Stage, picker: SnippetPicker) -> None:
    search = stage.find(QLineEdit, "snippet_picker.search")
    search.setFocus()
    QTest.keyClicks(search, "storage")
    await until(lambda: [item.title for item in picker.list.items()] == ["disk"])
    search.clear()
    await until(lambda: len(picker.list.items()) == 3)
    picker.list.select("own-disk")
    QTest.keyClick(search, Qt.Key.Key_Down)
    assert picker.list.current() == "own-who"
