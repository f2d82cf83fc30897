"""A plan shows first what is lost, in words and signs, and never a secret."""

from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from machina_desktop.core.domain.plan import AttributeChange, PlanAction, PlanSummary, ResourceChange
from machina_desktop.views.widgets.feedback import Badge
from machina_desktop.views.widgets.plan_view import PlanView, action_word, change_words


@pytest.fixture
def view(qtbot: QtBot) -> PlanView:
    made = PlanView()
    qtbot.addWidget(made)
    made.resize(600, 600)
    made.show()
    return made


def _resource(address: str, action: PlanAction, *attributes: AttributeChange, reason: str = "") -> ResourceChange:
    return ResourceChange(address=address, type="t", name="n", action=action, attributes=attributes, reason=reason)


def test_destroys_and_replacements_come_first(view: PlanView) -> None:
    resources = (
        _resource("t.created", PlanAction.CREATE),
        _resource("t.changed", PlanAction.UPDATE),
        _resource("t.replaced", PlanAction.REPLACE, reason="its image cannot be changed in place"),
        _resource("t.kept", PlanAction.NOTHING),
        _resource("t.gone", PlanAction.DELETE),
    )
    view.set_plan(PlanSummary(add=2, change=1, remove=2, resources=resources))
    assert view.lines() == (
        "destroy t.gone",
        "replace t.replaced  its image cannot be changed in place",
        "change t.changed",
        "create t.created",
    )


def test_the_counts_stand_on_top_in_words(view: PlanView) -> None:
    view.set_plan(PlanSummary(add=2, change=1, remove=3, resources=(_resource("t.a", PlanAction.DELETE),)))
    assert [badge.text() for badge in view.findChildren(Badge)] == ["- 3 to destroy", "~ 1 to change", "+ 2 to add"]


def test_another_plan_replaces_the_counts(view: PlanView, qtbot: QtBot) -> None:
    view.set_plan(PlanSummary(add=2))
    view.set_plan(PlanSummary(remove=1))
    qtbot.waitUntil(lambda: [badge.text() for badge in view.findChildren(Badge)] == ["- 1 to destroy"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (AttributeChange(path="image", before='"a"', after='"b"'), 'image  "a" → "b"'),
        (AttributeChange(path="id", before='"1"', unknown=True), 'id  "1" → known after apply'),
        (AttributeChange(path="user_data", sensitive=True), "user_data  •••"),
        (AttributeChange(path="password", before='"old"', after='"new"', sensitive=True), "password  •••"),
        (
            AttributeChange(path="image", before='"a"', after='"b"', forces_replacement=True),
            'image  "a" → "b"  forces replacement',
        ),
        (AttributeChange(path="name", after='"n"'), 'name  "n"'),
        (AttributeChange(path="size", before='"s"'), 'size  "s"'),
    ],
)
def test_an_attribute_reads_as_old_and_new(change: AttributeChange, words: str) -> None:
    assert change_words(change) == words


def test_every_action_has_a_word_of_its_own(qapp: object) -> None:
    assert len({action_word(action) for action in PlanAction}) == len(PlanAction)


def test_no_changes_and_no_plan_are_told_apart(view: PlanView) -> None:
    assert view._empty.accessibleName() == "No plan yet"
    view.set_plan(PlanSummary())
    assert view._empty.accessibleName() == "No changes"
    assert view._stack.currentWidget() is view._empty


def test_what_changed_outside_is_shown_though_nothing_is_planned(view: PlanView) -> None:
    change = AttributeChange(path="tags", before="[]", after='["x"]')
    view.set_plan(PlanSummary(drift=(_resource("t.web", PlanAction.UPDATE, change),)))
    assert view.lines()[0] == "change t.web  changed outside since the last run"


def test_in_a_large_plan_only_losses_are_open(view: PlanView) -> None:
    change = AttributeChange(path="name", after='"n"')
    created = tuple(_resource(f"t.c{number}", PlanAction.CREATE, change) for number in range(20))
    view.set_plan(PlanSummary(add=20, remove=1, resources=(*created, _resource("t.gone", PlanAction.DELETE, change))))
    assert view.lines()[:3] == ("destroy t.gone", 'name  "n"', "create t.c0")
    assert len(view.lines()) == 22


def test_a_loss_is_known_by_its_name_and_address_first(view: PlanView) -> None:
    paths = ("id", "input.directory", "input.name", "input.port", "input.team_id", "output.name")
    gone = tuple(AttributeChange(path=path, before='"x"') for path in paths)
    view.set_plan(PlanSummary(remove=1, resources=(_resource("t.gone", PlanAction.DELETE, *gone),)))
    assert view.lines() == ("destroy t.gone", 'input.name  "x"', 'input.port  "x"', "4 more attributes")
