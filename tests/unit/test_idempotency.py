"""A write under an id is carried out once; one that was based on something is refused when that is no more so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from machina_desktop.core.domain.team import Actor, Client, TeamRole
from machina_desktop.core.errors import Conflict, InvalidInput, MachinaError, NotFound
from machina_desktop.core.events import Changed
from machina_desktop.core.ids import new_id, now
from machina_desktop.core.services.expectations import expected, expected_row, hashed
from machina_desktop.core.services.invites import CreateInvite
from machina_desktop.core.services.machines import GetMachine, UpdateMachine
from machina_desktop.core.services.teams import CreateTeam, DeleteTeam, UpdateTeam
from machina_desktop.core.services.use_case import REGISTRY, Request
from machina_desktop.core.store import applied_ops
from tests.fakes.hosts import ON_ONE_STORE, Core, core
from tests.fakes.server import settled

pytestmark = pytest.mark.usefixtures("each_store")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as found:
        yield found


def asking(made: Core, op_id: str = "", expects: str = "", actor: Actor | None = None) -> Actor:
    return replace(actor or made.host.actor, client=Client(op_id=op_id, expects=expects))


async def ask(made: Core, request: Request[object], op_id: str = "", expects: str = "") -> object:
    return await made.host.dispatcher.execute(asking(made, op_id, expects), request)


async def refusal(made: Core, request: Request[object], op_id: str = "", expects: str = "") -> MachinaError:
    with pytest.raises(MachinaError) as caught:
        await ask(made, request, op_id, expects)
    return caught.value


def count(made: Core) -> int:
    return len(made.sql("SELECT op_id FROM applied_op"))


# Once


async def test_asked_again_it_answers_the_same_and_does_nothing(made: Core) -> None:
    op_id, request = new_id("op"), UpdateTeam(team_id=made.team_id, name="Crew")
    first = await ask(made, request, op_id)
    await ask(made, UpdateTeam(team_id=made.team_id, name="Later"))
    trail = await made.audit()
    await made.quiet()
    assert await ask(made, request, op_id) == first
    assert await made.audit() == trail
    assert not [event for event in made.events if isinstance(event, Changed)]


async def test_an_id_belongs_to_one_request(made: Core) -> None:
    op_id = new_id("op")
    await ask(made, UpdateTeam(team_id=made.team_id, name="Crew"), op_id)
    error = await refusal(made, UpdateTeam(team_id=made.team_id, name="Other"), op_id)
    assert (type(error), error.code) == (Conflict, "E-OP-ID")


async def test_an_id_belongs_to_one_person(made: Core) -> None:
    op_id, request = new_id("op"), UpdateTeam(team_id=made.team_id, name="Crew")
    await ask(made, request, op_id)
    other = Actor(user_id="user-other", display_name="O", team_roles=((made.team_id, TeamRole.ADMIN),))
    with pytest.raises(Conflict) as caught:
        await made.host.dispatcher.execute(asking(made, op_id, actor=other), request)
    assert caught.value.code == "E-OP-ID"


async def test_what_failed_may_be_asked_again(made: Core) -> None:
    op_id, request = new_id("op"), CreateTeam(name="Crew", handle="crew")
    taken = await made.call(CreateTeam(name="First", handle="crew"))
    assert (await refusal(made, request, op_id)).code == "E-HANDLE-TAKEN"
    await made.call(UpdateTeam(team_id=taken.team_id, handle="free"))
    assert await ask(made, request, op_id)
    assert count(made) == 1


async def test_an_answer_that_is_told_once_is_not_stored(made: Core) -> None:
    op_id, request = new_id("op"), CreateInvite(team_id=made.team_id)
    issued = await ask(made, request, op_id)
    assert (await refusal(made, request, op_id)).code == "E-REPLAYED"
    assert getattr(issued, "code").encode() not in made.stored()  # noqa: B009 - the type of the answer is not known here
    assert {answer for (answer,) in made.sql("SELECT answer FROM applied_op")} == {None}


async def test_whoever_ended_a_team_is_told_again_that_it_is_done(made: Core) -> None:
    team = await made.call(CreateTeam(name="Short", handle="short"))
    op_id = new_id("op")
    assert await ask(made, DeleteTeam(team_id=team.team_id), op_id) is None
    assert await ask(made, DeleteTeam(team_id=team.team_id), op_id) is None
    assert isinstance(await refusal(made, DeleteTeam(team_id=team.team_id), new_id("op")), NotFound)


async def test_ids_are_forgotten_after_ninety_days_a_few_at_a_time(made: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applied_ops, "FORGOTTEN_AT_ONCE", 3)
    for number in range(5):
        await ask(made, UpdateTeam(team_id=made.team_id, name=f"Crew {number}"), new_id("op"))
    monkeypatch.setattr("machina_desktop.core.services.dispatch.now", lambda: now() + timedelta(days=91))
    await ask(made, UpdateTeam(team_id=made.team_id, name="Later"), new_id("op"))
    assert count(made) == 3
    await ask(made, UpdateTeam(team_id=made.team_id, name="Last"), new_id("op"))
    assert count(made) == 2


@ON_ONE_STORE
def test_what_holds_a_secret_is_told_once() -> None:
    """Else its answer would lie in clear among those that are kept, or could not be kept at all."""
    told = {case.name for case in REGISTRY.by_request.values() if not case.keeps_answer}
    secret = {
        case.name
        for case in REGISTRY.by_request.values()
        if "Secret" in str(getattr(case.result, "__annotations__", "")) or "Issued" in str(case.result)
    }
    assert secret <= told


# Only on what it was based on


async def test_an_edit_of_what_is_as_it_was_seen_is_made(made: Core) -> None:
    ask_ = await made.create()
    row = expected_row("machine", ask_.machine_id, seen={"notes": ""}, wanted={"notes": "mine"})
    changed = await ask(made, UpdateMachine(machine_id=ask_.machine_id, notes="mine"), expects=expected(row))
    assert changed == await made.call(GetMachine(machine_id=ask_.machine_id))


async def test_an_edit_of_what_somebody_else_has_changed_is_refused_by_name(made: Core) -> None:
    machine_id = (await made.create()).machine_id
    seen, wanted = {"notes": "", "tags": [], "is_protected": False}, {"notes": "a", "tags": ["a"], "is_protected": True}
    await made.call(UpdateMachine(machine_id=machine_id, notes="theirs", tags=("theirs",)))
    row = expected_row("machine", machine_id, seen=seen, wanted=wanted)
    error = await refusal(made, UpdateMachine(machine_id=machine_id, notes="a"), expects=expected(row))
    assert (type(error), error.code) == (Conflict, "E-EDITED-MEANWHILE")
    assert error.message.endswith("notes, tags.")
    assert (await made.machine(machine_id)).notes == "theirs"


async def test_an_edit_that_somebody_else_has_made_already_is_made(made: Core) -> None:
    machine_id = (await made.create()).machine_id
    await made.call(UpdateMachine(machine_id=machine_id, notes="same"))
    row = expected_row("machine", machine_id, seen={"notes": ""}, wanted={"notes": "same"})
    assert await ask(made, UpdateMachine(machine_id=machine_id, notes="same"), expects=expected(row))


async def test_an_edit_that_was_made_is_told_again_whatever_was_changed_since(made: Core) -> None:
    machine_id, op_id = (await made.create()).machine_id, new_id("op")
    row = expected_row("machine", machine_id, seen={"notes": ""}, wanted={"notes": "mine"})
    request = UpdateMachine(machine_id=machine_id, notes="mine")
    first = await ask(made, request, op_id, expected(row))
    await made.call(UpdateMachine(machine_id=machine_id, notes="theirs"))
    assert await ask(made, request, op_id, expected(row)) == first


@pytest.mark.parametrize(
    ("entity", "key"),
    [
        ("machine", "machine-none"),
        ("nothing", "x"),
        ("team_invite", "invite-x"),
        ("account", "user-x"),
        ("session", "session-x"),
        ("user", "user-x"),
    ],
)
async def test_what_one_may_not_read_cannot_be_compared(entity: str, key: str, made: Core) -> None:
    invite = CreateInvite(team_id=made.team_id)
    await made.call(invite)
    own = {"team_invite": invite.invite_id, "user": made.host.actor.user_id}
    row = expected_row(entity, own.get(entity, key), seen={"notes": ""}, wanted={"notes": ""})
    error = await refusal(made, UpdateTeam(team_id=made.team_id, name="Crew"), expects=expected(row))
    assert isinstance(error, NotFound)


async def test_a_foreign_row_cannot_be_compared(made: Core) -> None:
    machine_id = (await made.create()).machine_id
    stranger = Actor(user_id="user-s", display_name="S", team_roles=(("team-foreign", TeamRole.ADMIN),))
    row = expected_row("machine", machine_id, seen={"notes": ""}, wanted={"notes": ""})
    actor = asking(made, expects=expected(row), actor=stranger)
    with pytest.raises(NotFound):
        await made.host.dispatcher.execute(actor, UpdateMachine(machine_id=machine_id, notes="x"))


@ON_ONE_STORE
@pytest.mark.parametrize(
    "text", ["x", "[]", '{"rows": 5}', '{"rows": [{"entity": "machine", "id": "m", "fields": {"notes": ["a"]}}]}']
)
async def test_expectations_that_are_none_are_refused(text: str, made: Core) -> None:
    error = await refusal(made, UpdateTeam(team_id=made.team_id, name="Crew"), expects=text)
    assert (type(error), error.code) == (InvalidInput, "E-EXPECTS")


async def test_a_field_that_is_none_is_refused(made: Core) -> None:
    machine_id = (await made.create()).machine_id
    row = expected_row("machine", machine_id, seen={"nots": ""}, wanted={"nots": ""})
    error = await refusal(made, UpdateMachine(machine_id=machine_id, notes="x"), expects=expected(row))
    assert (type(error), error.code) == (InvalidInput, "E-EXPECTS")


@ON_ONE_STORE
def test_a_hash_is_of_the_value_and_not_of_its_form() -> None:
    assert hashed({"a": 1, "b": (2, "ü")}) == hashed({"b": [2, "ü"], "a": 1})
    assert len({hashed(value) for value in (None, "", "null", 0, False, [], {}, [""])}) == 8


# Over HTTP


@ON_ONE_STORE
async def test_headers_of_another_form_are_refused(tmp_path: Path) -> None:
    async with settled(tmp_path / "home") as site:
        path, body = f"/api/teams/{site.team_id}", {"name": "Crew"}
        for headers, status in (
            ({"Idempotency-Key": "1"}, 422),
            ({"Idempotency-Key": "op-" + "u" * 26}, 422),
            ({"Idempotency-Key": new_id("machine")}, 422),
            ({"Idempotency-Key": new_id("op")}, 200),
            ({"Machina-Expects": "x" * 9000}, 422),
            ({"Machina-Expects": "nonsense"}, 422),
        ):
            answer = await site.admin.http.put(path, json=body, headers=headers)
            assert answer.status_code == status, headers
