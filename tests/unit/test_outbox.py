"""Edits that wait for their home: seen at once, sent once and in order, never lost unsaid (F16, F18, F21, F23)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.intent import Intent, IntentState
from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.team import Team, TeamRole
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from machina_desktop.core.services.machines import GetMachine, UpdateMachine
from machina_desktop.core.services.members import AddGrant, ListMembers
from machina_desktop.core.services.servers import DismissIntent, ListIntents, RetryIntent
from machina_desktop.core.services.sync import PullChanges
from machina_desktop.core.services.teams import GetTeam, UpdateTeam
from machina_desktop.core.store.sql_transaction import SqlTransaction
from tests.fakes.homes import Shared, add_machine, shared, write

AWAY = Unavailable("home.example.org cannot be reached.", code="E-OFFLINE")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Shared]:
    """Without a follower: the line is used when a test says so."""
    async with shared(tmp_path, role=TeamRole.ADMIN, follows=False) as both:
        yield both


@pytest.fixture
async def machine(made: Shared) -> Machine:
    found = await add_machine(made.home.host, made.team_id, "m1", notes="old", tags=("a",))
    await level(made)
    return found


async def level(made: Shared) -> None:
    """One turn of the follower."""
    follower = made.desk.host.connections.of(made.server_id)
    await follower.serve(await follower.home(), made.team_id)


async def edit(made: Shared, machine: Machine, **fields: object) -> Machine:
    return await made.desk.call(UpdateMachine(machine_id=machine.machine_id, **fields))  # type: ignore[arg-type]


async def edit_offline(made: Shared, machine: Machine, **fields: object) -> Intent:
    made.home.trouble = AWAY
    await edit(made, machine, **fields)
    made.home.trouble = None
    return (await made.desk.call(ListIntents()))[-1]


async def there(made: Shared, machine: Machine) -> Machine:
    return await made.home.host.gateway.call(GetMachine(machine_id=machine.machine_id))


async def here(made: Shared, machine: Machine) -> Machine:
    return await made.desk.machine(machine.machine_id)


async def edit_there(made: Shared, machine: Machine, **fields: object) -> None:
    await made.home.host.gateway.call(UpdateMachine(machine_id=machine.machine_id, **fields))  # type: ignore[arg-type]


async def intents(made: Shared, state: IntentState | None = None) -> list[Intent]:
    return list(await made.desk.call(ListIntents(state=state)))


async def test_an_edit_offline_is_seen_here_and_waits(made: Shared, machine: Machine) -> None:
    intent = await edit_offline(made, machine, notes="new")
    assert (await here(made, machine)).notes == "new"
    assert (await there(made, machine)).notes == "old"
    assert (intent.state, intent.title) == (IntentState.WAITING, "m1")
    assert (intent.seen, intent.ours) == ({"notes": "old"}, {"notes": "new"})
    status = await made.status()
    assert (status.waiting, status.refused) == (1, 0)


async def test_what_waited_is_sent_in_order_and_once(made: Shared, machine: Machine) -> None:
    await edit_offline(made, machine, notes="first")
    await edit_offline(made, machine, notes="second", tags=("b",))
    await level(made)
    found = await there(made, machine)
    assert (found.notes, found.tags) == ("second", ("b",))
    sent = made.home.asked_of(UpdateMachine)[-2:]
    assert [ask.notes for ask in sent] == ["first", "second"]
    assert await intents(made) == []
    assert len(await intents(made, IntentState.ACCEPTED)) == 2


async def test_an_edit_whose_answer_was_lost_is_carried_out_once(made: Shared, machine: Machine) -> None:
    def lose(answer: object) -> object:
        if isinstance(answer, Machine):
            made.home.spoil = lambda kept: kept
            raise AWAY
        return answer

    made.home.spoil = lose
    await edit(made, machine, notes="new")
    assert [each.state for each in await intents(made)] == [IntentState.WAITING]
    await level(made)
    assert (await there(made, machine)).notes == "new"
    updates = [event for event in await home_audit(made) if event == "machine.update"]
    assert updates == ["machine.update"]
    assert len({op_id for ask, op_id, _expects in made.home.asked if isinstance(ask, UpdateMachine)}) == 1


async def home_audit(made: Shared) -> list[str]:
    found = made._home_sql("SELECT action FROM audit_event WHERE team_id = ? ORDER BY seq", made.team_id)
    return [action for (action,) in found]


async def test_edits_of_two_fields_by_two_people_merge(made: Shared, machine: Machine) -> None:
    await edit_offline(made, machine, notes="mine")
    await edit_there(made, machine, tags=("theirs",))
    await level(made)
    found = await here(made, machine)
    assert (found.notes, found.tags) == ("mine", ("theirs",))
    assert await there(made, machine) == found


async def test_of_two_who_edit_one_field_the_home_wins_and_the_other_text_is_kept(
    made: Shared, machine: Machine
) -> None:
    await edit_offline(made, machine, notes="mine")
    await edit_there(made, machine, notes="theirs")
    await level(made)
    assert (await here(made, machine)).notes == "theirs"
    [refused] = await intents(made)
    assert (refused.state, refused.error_code) == (IntentState.REFUSED, "E-EDITED-MEANWHILE")
    assert (refused.seen, refused.ours, refused.theirs) == ({"notes": "old"}, {"notes": "mine"}, {"notes": "theirs"})
    assert (await made.status()).refused == 1


async def test_what_is_refused_does_not_hold_up_what_follows(made: Shared, machine: Machine) -> None:
    await edit_offline(made, machine, notes="mine")
    await edit_offline(made, machine, tags=("mine",))
    await edit_there(made, machine, notes="theirs")
    await level(made)
    assert (await there(made, machine)).tags == ("mine",)
    assert [each.state for each in await intents(made)] == [IntentState.REFUSED]


async def test_a_refused_edit_can_be_made_again(made: Shared, machine: Machine) -> None:
    intent = await edit_offline(made, machine, notes="mine")
    await edit_there(made, machine, notes="theirs")
    await level(made)
    again = await made.desk.call(RetryIntent(op_id=intent.op_id))
    assert (again.seen, again.ours) == ({"notes": "theirs"}, {"notes": "mine"})
    assert again.op_id != intent.op_id
    assert (await here(made, machine)).notes == "mine"
    await level(made)
    assert (await there(made, machine)).notes == "mine"
    assert await intents(made) == []


async def test_an_edit_that_waits_can_be_dropped(made: Shared, machine: Machine) -> None:
    intent = await edit_offline(made, machine, notes="mine")
    with pytest.raises(Conflict) as refused:
        await made.desk.call(RetryIntent(op_id=intent.op_id))
    assert refused.value.code == "E-INTENT-STATE"
    await made.desk.call(DismissIntent(op_id=intent.op_id))
    assert (await here(made, machine)).notes == "old"
    await level(made)
    assert (await there(made, machine)).notes == "old"
    with pytest.raises(NotFound):
        await made.desk.call(DismissIntent(op_id=intent.op_id))


async def test_what_comes_from_the_home_does_not_cover_what_waits(made: Shared, machine: Machine) -> None:
    await edit_offline(made, machine, notes="mine")
    await edit_there(made, machine, notes="theirs", tags=("theirs",))
    follower = made.desk.host.connections.of(made.server_id)
    await follower.catch_up(made.team_id)
    found = await here(made, machine)
    assert (found.notes, found.tags) == ("mine", ("theirs",))
    assert made.desk.sql("SELECT json_extract(row, '$.notes') FROM base_row") == [("theirs",)]


async def test_online_the_answer_is_the_homes_and_nothing_waits(made: Shared, machine: Machine) -> None:
    answer = await edit(made, machine, notes="new")
    assert answer == await there(made, machine)
    assert await here(made, machine) == answer
    assert await intents(made) == []
    assert made.desk.sql("SELECT * FROM base_row") == []


async def test_what_the_home_refuses_at_once_is_told_at_once(made: Shared, machine: Machine) -> None:
    await edit_there(made, machine, notes="theirs")
    with pytest.raises(Conflict) as refused:
        await edit(made, machine, notes="mine")
    assert refused.value.code == "E-EDITED-MEANWHILE"
    assert (await here(made, machine)).notes == "theirs"
    assert await intents(made) == []


async def test_what_is_wrong_in_itself_is_refused_here(made: Shared) -> None:
    made.home.trouble = AWAY
    with pytest.raises(InvalidInput):
        await made.desk.call(UpdateTeam(team_id=made.team_id, name=" "))
    assert await intents(made) == []


async def test_an_edit_that_changes_nothing_asks_nobody(made: Shared, machine: Machine) -> None:
    made.home.trouble = AWAY
    assert (await edit(made, machine, notes="old")).notes == "old"
    assert await intents(made) == []


async def test_a_team_is_renamed_offline(made: Shared) -> None:
    made.home.trouble = AWAY
    renamed = await made.desk.call(UpdateTeam(team_id=made.team_id, name="Crew", handle="crew"))
    assert (renamed.name, renamed.home) == ("Crew", "https://home.example.org")
    made.home.trouble = None
    await level(made)
    assert (await made.home.host.gateway.call(GetTeam(team_id=made.team_id))).name == "Crew"
    assert (await made.desk.call(GetTeam(team_id=made.team_id))).home == "https://home.example.org"


async def test_what_needs_the_home_is_not_kept_for_it(made: Shared) -> None:
    members = await made.desk.call(ListMembers(team_id=made.team_id))
    made.home.trouble = AWAY
    with pytest.raises(Unavailable) as refused:
        await made.desk.call(
            AddGrant(team_id=made.team_id, member_id=members[0].member.team_member_id, access="viewer")  # type: ignore[arg-type]
        )
    assert refused.value.code == "E-OFFLINE"
    assert await intents(made) == []


async def restored(made: Shared, work: object) -> None:
    """The home is what it was before, in a new epoch; it has never heard of what was asked since."""
    await write(made.home.host, work)  # type: ignore[arg-type]
    made._home_sql("DELETE FROM applied_op")
    made._home_sql("DELETE FROM change")
    made._home_sql("UPDATE counter SET epoch = 'second', change_seq = change_seq - 1")


async def test_a_restored_home_gets_again_what_it_had_accepted(made: Shared, machine: Machine) -> None:
    await edit(made, machine, notes="new")

    def work(tx: SqlTransaction) -> None:
        tx.replace(machine)

    await restored(made, work)
    await level(made)
    assert (await there(made, machine)).notes == "new"
    await level(made)
    assert (await here(made, machine)).notes == "new"
    assert await intents(made) == []


async def test_what_a_restored_home_does_not_know_is_shown(made: Shared, machine: Machine) -> None:
    await restored(made, lambda tx: tx.delete(machine))
    await level(made)
    with pytest.raises(NotFound):
        await here(made, machine)
    [lost] = await intents(made)
    assert (lost.state, lost.title, lost.entity_id) == (IntentState.LOST, "m1", machine.machine_id)
    assert lost.ours["notes"] == "old"
    await made.desk.call(DismissIntent(op_id=lost.op_id))
    assert await intents(made) == []


async def test_edits_wait_through_a_restart(tmp_path: Path) -> None:
    async with shared(tmp_path, role=TeamRole.ADMIN) as made:
        machine = await add_machine(made.home.host, made.team_id, "m1", notes="old")
        await made.heard()
        made.home.trouble = AWAY
        await made.until(Connection.OFFLINE)
        await edit(made, machine, notes="new")
        asked = len(made.home.asked_of(PullChanges))
        made.desk.sql("UPDATE intent SET number = number + 100")
        made.home.trouble = None
        await made.until(Connection.LIVE)
        await made.heard()
        assert len(made.home.asked_of(PullChanges)) > asked
        assert isinstance(await made.desk.call(GetTeam(team_id=made.team_id)), Team)
