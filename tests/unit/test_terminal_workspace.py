"""What is remembered of terminals: it comes back as it was, and what nobody can have made does no harm."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from machina_desktop.core.codec import to_json
from machina_desktop.views import remembered
from machina_desktop.views.terminal import split_layout
from machina_desktop.views.terminal.environment_look import environment_token, tab_token
from machina_desktop.views.terminal.split_layout import Leaf, Node, Side
from machina_desktop.views.terminal.workspace import (
    PanePlan,
    TabPlan,
    WindowPlan,
    Workspace,
    WorkspaceStore,
    leaves,
    node_of,
    plan_of,
)


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path))


def pane(key: str) -> PanePlan:
    return PanePlan(machine_id=f"machine-{key}", name=key)


def nested() -> Node:
    node = split_layout.split(Leaf("a"), "a", "b", Side.RIGHT)
    return split_layout.moved(split_layout.split(node, "b", "c", Side.DOWN), (), 0, 0.2)


def workspace(name: str = "a") -> Workspace:
    tab = TabPlan(root=plan_of(nested(), pane), current=2, given=name, colour="blue")
    return Workspace(windows=(WindowPlan(tabs=(tab,)), WindowPlan(tabs=(tab, tab), current=1, geometry="AdnQywAD")))


def put(text: str) -> None:
    remembered.remember("terminal.workspace.team", {"last": text})


def test_a_layout_comes_back_from_its_plan() -> None:
    plan = plan_of(nested(), pane)
    assert [leaf.name for leaf in leaves(plan)] == ["a", "b", "c"]
    assert node_of(plan, lambda leaf: leaf.name) == nested()


def test_what_was_kept_comes_back_and_belongs_to_its_team() -> None:
    WorkspaceStore("team").keep(workspace())
    assert WorkspaceStore("team").last() == workspace()
    assert WorkspaceStore("other").last() == Workspace()


def test_shares_that_make_no_sense_are_equal() -> None:
    for shares in ((), (1.0,), (0.5, -1.0), (0.0, 0.0)):
        plan = PanePlan(axis="column", parts=(pane("a"), pane("b")), shares=shares)
        assert split_layout.rects(node_of(plan, lambda leaf: leaf.name))["a"] == (0, 0, 1, 0.5)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"windows": 3}', '{"windows": [{"tabs": [{}]}]}', "\0"])
def test_a_broken_file_is_as_good_as_none(text: str) -> None:
    put(text)
    assert WorkspaceStore("team").last() == Workspace()


def test_tabs_without_a_machine_or_with_far_too_many_panes_are_left_out() -> None:
    many = PanePlan(axis="row", parts=tuple(pane(str(number)) for number in range(1000)))
    tabs = tuple(TabPlan(root=root) for root in (PanePlan(), many, pane("a")))
    put(to_json(Workspace(windows=(WindowPlan(tabs=tabs),))).decode())
    assert [tab.root for tab in WorkspaceStore("team").last().windows[0].tabs] == [pane("a")]


def test_a_plan_nested_beyond_reason_is_as_good_as_none() -> None:
    text = '{"parts":[' * 5000 + '{"machine_id":"m"}' + "]}" * 5000
    put(f'{{"windows":[{{"tabs":[{{"root":{text}}}]}}]}}')
    assert WorkspaceStore("team").last().tab_count == 0


def test_named_workspaces_are_kept_replaced_and_deleted_beside_the_last_one() -> None:
    store = WorkspaceStore("team")
    store.keep(workspace("last"))
    for name in ("Release", "a/b = ü", "databases"):
        store.save_as(name, workspace(name))
    store.save_as("Release", workspace("anew"))
    assert store.names() == ("a/b = ü", "databases", "Release")
    assert store.named("Release") == workspace("anew")
    store.delete("databases")
    assert store.names() == ("a/b = ü", "Release")
    assert store.named("a/b = ü") == workspace("a/b = ü")
    assert store.last() == workspace("last")


def test_what_is_in_a_workspace_is_counted() -> None:
    assert (workspace().tab_count, workspace().pane_count) == (3, 9)


def test_colours_of_environments_stay_and_only_production_is_red() -> None:
    assert environment_token("production") == "accent-error"
    assert environment_token("staging") == "accent-warning"
    assert environment_token("") == ""
    others = {environment_token(f"team-{number}") for number in range(50)}
    assert len(others) > 2
    assert not others & {"accent-error", "accent-warning"}
    assert environment_token("demo") == environment_token("demo")


def test_a_colour_that_nobody_knows_is_none() -> None:
    assert tab_token("chartreuse") == ""
    assert tab_token("purple") == "ansi-5"


def test_every_key_is_asked_for_once() -> None:
    numbers = count()
    keys = split_layout.keys(node_of(plan_of(nested(), pane), lambda _leaf: str(next(numbers))))
    assert keys == ("0", "1", "2")
