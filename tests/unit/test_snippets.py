"""Snippets: places are filled in, nothing smuggles a second command in, and a team's are written by few."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from machina_desktop.core.domain.snippet import OwnSnippet, Variable, of_machine, rendered, variables
from machina_desktop.core.domain.team import Actor, TeamRole
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from machina_desktop.core.ids import now
from machina_desktop.core.services.snippets import (
    CreateSnippet,
    DeleteOwnSnippet,
    DeleteSnippet,
    ListOwnSnippets,
    ListSnippets,
    RecordSnippetRun,
    SaveOwnSnippet,
    UpdateSnippet,
)
from tests.fakes.hosts import Core, core


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


def snippet(text: str) -> OwnSnippet:
    return OwnSnippet(snippet_id="s", name="s", text=text, created_at=now(), updated_at=now())


# Places


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ping {{host}}", [Variable(name="host")]),
        ("{{ port=8080 }}", [Variable(name="port", default="8080")]),
        ("{{env=dev|staging|prod}}", [Variable(name="env", default="dev", choices=("dev", "staging", "prod"))]),
        ("{{a}} {{b}} {{a=1}}", [Variable(name="a", default="1"), Variable(name="b")]),
        ("docker ps --format '{{.Names}}' {{ json . }}", []),
        (r"echo \{{host}}", []),
        ("{{}} {{1a}} {a} {{a", []),
    ],
)
def test_places_are_found_with_their_defaults_and_choices(text: str, found: list[Variable]) -> None:
    assert list(variables(text)) == found


@pytest.mark.parametrize(
    ("text", "values", "told"),
    [
        ("ping {{host}}", {"host": "10.0.0.1"}, "ping 10.0.0.1"),
        ("{{port=8080}}", {}, "8080"),
        ("{{port=8080}}", {"port": "9"}, "9"),
        ("{{env=dev|prod}}", {}, "dev"),
        ("{{a}}-{{a=x}}", {}, "x-x"),
        (r"echo \{{host}} {{.Names}}", {}, "echo {{host}} {{.Names}}"),
        ("{{a}}", {"a": "{{b}} $(id) 'x y'"}, "{{b}} $(id) 'x y'"),
    ],
)
def test_places_are_filled_in_once(text: str, values: dict[str, str], told: str) -> None:
    assert rendered(snippet(text), values) == told


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{{a}}", {}),
        ("{{a}}", {"a": ""}),
        ("{{a=x|y}}", {"a": "z"}),
        ("{{a}}", {"a": "ok\nrm -rf /"}),
        ("{{a}}", {"a": "ok\rrm"}),
        ("{{a}}", {"a": "\x1b[201~id"}),
        ("{{a}}", {"a": "a\u202eb"}),
    ],
)
def test_a_value_that_is_missing_none_of_the_choices_or_a_second_command_is_refused(
    text: str, values: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        rendered(snippet(text), values)
    assert (caught.value.code, caught.value.field) == ("E-SNIPPET-VALUE", "a")


@given(st.text(alphabet="{}\\=| ab\n", max_size=60))
def test_a_text_is_rendered_or_refused_whatever_it_holds(text: str) -> None:
    try:
        told = rendered(snippet(text), {"a": "1", "b": "2", "ab": "3", "ba": "4"})
    except InvalidInput:
        return
    assert text.count("\n") == told.count("\n")


def test_a_machine_tells_its_name_host_address_and_user() -> None:
    values = of_machine(name="web-1", host="web-1.example", ip="203.0.113.7", user="root")
    assert rendered(snippet("{{name}} {{host}} {{ip}} {{user}}"), values) == "web-1 web-1.example 203.0.113.7 root"


# What is kept


async def test_a_team_shares_its_snippets_and_they_enter_its_feed(made: Core) -> None:
    ask = CreateSnippet(team_id=made.team_id, name=" Restart ", text="systemctl restart {{s}}", tags=("ops",))
    kept = await made.call(ask)
    assert kept.name == "Restart"
    changed = await made.call(UpdateSnippet(snippet_id=kept.snippet_id, text="id"))
    assert (changed.name, changed.text, changed.tags) == ("Restart", "id", ("ops",))
    assert await made.call(ListSnippets(team_id=made.team_id, search="OPS")) == (changed,)
    await made.call(DeleteSnippet(snippet_id=kept.snippet_id))
    assert await made.call(ListSnippets(team_id=made.team_id)) == ()
    told = [event.action for event in await made.audit() if event.target == f"snippet:{kept.snippet_id}"]
    assert made.sql("SELECT count(*) FROM change WHERE entity = 'snippet'") == [(3,)]
    assert told == ["snippet.create", "snippet.update", "snippet.delete"]


async def test_members_use_what_administrators_wrote(made: Core) -> None:
    member = Actor(user_id="user-x", display_name="X", team_roles=((made.team_id, TeamRole.MEMBER),))
    kept = await made.call(CreateSnippet(team_id=made.team_id, name="a", text="id"))
    door = made.door(member)
    assert await door.call(ListSnippets(team_id=made.team_id)) == (kept,)
    with pytest.raises(Forbidden):
        await door.call(CreateSnippet(team_id=made.team_id, name="b", text="id"))
    with pytest.raises(Forbidden):
        await door.call(UpdateSnippet(snippet_id=kept.snippet_id, text="rm -rf /"))
    with pytest.raises(Forbidden):
        await door.call(DeleteSnippet(snippet_id=kept.snippet_id))


async def test_the_trail_tells_where_a_snippet_was_run(made: Core) -> None:
    kept = await made.call(CreateSnippet(team_id=made.team_id, name="a", text="id"))
    await made.call(
        RecordSnippetRun(team_id=made.team_id, snippet_id=kept.snippet_id, machine_ids=("machine-1", "machine-2"))
    )
    event = (await made.audit())[-1]
    assert (event.action, event.target, event.detail) == ("snippet.run", kept.snippet_id, "machine-1, machine-2")
    with pytest.raises(NotFound):
        await made.call(RecordSnippetRun(team_id=made.team_id, snippet_id="snippet-x", machine_ids=()))


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"text": "\n"}, "text"),
        ({"text": "a\x1bb"}, "text"),
        ({"text": "x" * 20_001}, "text"),
        ({"description": "a\nb"}, "description"),
        ({"tags": ("",)}, "tags"),
    ],
)
async def test_what_cannot_be_kept_names_its_field(made: Core, fields: dict[str, object], wrong: str) -> None:
    given_fields = {"name": "a", "text": "id", **fields}
    with pytest.raises(InvalidInput) as caught:
        await made.call(CreateSnippet(team_id=made.team_id, **given_fields))  # type: ignore[arg-type]
    assert caught.value.field == wrong


async def test_two_snippets_of_a_team_have_two_names(made: Core) -> None:
    await made.call(CreateSnippet(team_id=made.team_id, name="a", text="id"))
    with pytest.raises(Conflict):
        await made.call(CreateSnippet(team_id=made.team_id, name="a", text="w"))


async def test_own_snippets_stay_on_this_computer_and_enter_no_feed(made: Core) -> None:
    kept = await made.call(SaveOwnSnippet(name="mine", text="id", tags=("x",)))
    again = await made.call(SaveOwnSnippet(name="mine", text="id -u", own_snippet_id=kept.snippet_id))
    assert again.created_at == kept.created_at
    assert await made.call(ListOwnSnippets(search="mine")) == (again,)
    await made.call(DeleteOwnSnippet(own_snippet_id=kept.snippet_id))
    assert await made.call(ListOwnSnippets()) == ()
    entered = made.sql("SELECT count(*) FROM change WHERE entity LIKE '%snippet'")
    assert entered == [(0,)]
