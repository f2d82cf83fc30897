"""Copies of teams whose home stores on PostgreSQL: the same rows, the same numbers, the same order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.intent import IntentState
from machina_desktop.core.domain.server import Connection
from machina_desktop.core.domain.team import TeamRole
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.invites import CreateInvite, ListInvites
from machina_desktop.core.services.machines import GetMachine, ListMachines, UpdateMachine
from machina_desktop.core.services.servers import ListIntents
from tests.fakes.homes import Shared, add_machine, shared
from tests.fakes.hosts import until

AWAY = Unavailable("home.example.org cannot be reached.", code="E-OFFLINE")


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Shared]:
    async with shared(tmp_path, role=TeamRole.ADMIN, on_postgres=True) as both:
        yield both


async def test_a_change_at_the_home_is_here_soon(made: Shared) -> None:
    machine = await add_machine(made.home.host, made.team_id, "m1")
    await made.heard()
    assert await made.desk.call(ListMachines(team_id=made.team_id)) == (machine,)


async def test_a_write_is_seen_here_when_it_is_answered(made: Shared) -> None:
    code = await made.desk.call(CreateInvite(team_id=made.team_id))
    assert [each.invite_id for each in await made.desk.call(ListInvites(team_id=made.team_id))] == [code.invite_id]


async def test_edits_wait_while_the_line_is_cut_and_arrive_once(made: Shared) -> None:
    machine = await add_machine(made.home.host, made.team_id, "m1", notes="old")
    await made.heard()
    made.home.trouble = AWAY
    await made.until(Connection.OFFLINE)
    await made.desk.call(UpdateMachine(machine_id=machine.machine_id, notes="mine"))
    await made.desk.call(UpdateMachine(machine_id=machine.machine_id, tags=("mine",)))
    assert [each.state for each in await made.desk.call(ListIntents())] == [IntentState.WAITING] * 2
    made.home.trouble = None

    async def has_arrived() -> bool:
        found = await made.home.host.gateway.call(GetMachine(machine_id=machine.machine_id))
        return (found.notes, found.tags) == ("mine", ("mine",)) and not await made.desk.call(ListIntents())

    await until(has_arrived, what="the edits")
    await made.heard()
    found = await made.home.host.gateway.call(GetMachine(machine_id=machine.machine_id))
    assert await made.desk.machine(machine.machine_id) == found


async def test_of_two_who_edit_one_field_the_home_wins(made: Shared) -> None:
    machine = await add_machine(made.home.host, made.team_id, "m1", notes="old")
    await made.heard()
    made.home.trouble = AWAY
    await made.until(Connection.OFFLINE)
    await made.desk.call(UpdateMachine(machine_id=machine.machine_id, notes="mine"))
    await made.home.host.gateway.call(UpdateMachine(machine_id=machine.machine_id, notes="theirs"))
    made.home.trouble = None

    async def is_refused() -> bool:
        return [each.state for each in await made.desk.call(ListIntents())] == [IntentState.REFUSED]

    await until(is_refused, what="the refusal")
    assert (await made.desk.machine(machine.machine_id)).notes == "theirs"
