"""Machines: what may be asked for, under which name, and what each action needs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from machina_desktop.core.domain.machine import Machine, MachineStatus, name_problem
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import Conflict, InvalidInput, NotFound
from machina_desktop.core.services.deployments import ListDeployments
from machina_desktop.core.services.machines import (
    DestroyMachine,
    ListMachines,
    RebootMachine,
    RefreshMachine,
    RetryMachine,
    StartMachine,
    StopMachine,
    UpdateMachine,
)
from tests.fakes.hosts import ON_ONE_STORE, Core, core
from tests.fakes.provider import RecordProvider

STATUSES = tuple(status for status in MachineStatus if status is not MachineStatus.TERMINATED)
MAY_STOP = {MachineStatus.RUNNING, MachineStatus.ERROR}
MAY_START = {MachineStatus.STOPPED, MachineStatus.ERROR}

HOSTILE_NAMES = (
    "",
    " ",
    "-m",
    "m-",
    "M1",
    "m 1",
    "m.1",
    "m_1",
    "m/../../etc",
    "..",
    '${file("/etc/passwd")}',
    "%{ if true }",
    "$(reboot)",
    "-oProxyCommand=id",
    "m1\n",
    "m1\0",
    "🦄",
    "m\u0430chine",
    "m\u202e1",
    "m\udcff",
    "x" * 64,
    "x" * 300,
)


@pytest.fixture
async def made(tmp_path: Path, each_store: str) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def resting(made: Core, status: MachineStatus, name: str = "m1") -> Machine:
    """A machine in that status with nothing under way."""
    ask = await made.create(name)
    made.sql("UPDATE machine SET actual_status = ? WHERE machine_id = ?", status.value, ask.machine_id)
    made.sql("UPDATE deployment SET state = 'succeeded' WHERE machine_id = ?", ask.machine_id)
    return await made.machine(ask.machine_id)


async def test_a_machine_is_pending_and_its_run_queued_in_one_step(made: Core) -> None:
    ask = await made.create(tags=("a", "b"), notes="hello")
    machine = await made.machine(ask.machine_id)
    assert machine.actual_status is MachineStatus.PENDING
    assert machine.desired_status is MachineStatus.RUNNING
    assert (machine.tags, machine.notes) == (("a", "b"), "hello")
    assert machine.terraform_workspace == machine.machine_id
    [run] = await made.call(ListDeployments(team_id=made.team_id))
    assert (run.deployment_id, run.machine_id, run.machine_name) == (ask.deployment_id, ask.machine_id, "m1")


async def test_a_repeated_request_is_harmless(made: Core) -> None:
    ask = await made.create()
    first = await made.machine(ask.machine_id)
    assert await made.call(ask) == first
    assert await made.call(replace(ask, name="renamed-meanwhile")) == first
    runs = await made.call(ListDeployments(team_id=made.team_id))
    assert len(runs) == 1


async def test_a_name_that_is_taken_is_refused(made: Core) -> None:
    await made.create("m1")
    with pytest.raises(Conflict) as caught:
        await made.create("m1")
    assert caught.value.code == "E-NAME-TAKEN"
    assert "m1" in caught.value.message


async def test_the_name_of_a_destroyed_machine_is_free_again(made: Core) -> None:
    await resting(made, MachineStatus.TERMINATED)
    await made.create("m1")
    living = await made.call(ListMachines(team_id=made.team_id))
    known = await made.call(ListMachines(team_id=made.team_id, include_gone=True))
    assert (len(living), len(known)) == (1, 2)


@ON_ONE_STORE
@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
async def test_a_hostile_name_is_refused_and_nothing_is_stored(made: Core, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        await made.create(name)
    assert (caught.value.field, caught.value.code) == ("name", "E-MACHINE-NAME")
    assert await made.call(ListMachines(team_id=made.team_id)) == ()
    assert await made.call(ListDeployments(team_id=made.team_id)) == ()


@pytest.mark.parametrize("name", ["m", "m1", "1m", "a-b", "a--b", "x" * 63])
def test_an_ordinary_name_is_accepted(name: str) -> None:
    assert name_problem(name) == ""


@given(st.text())
@example("ß")
@example("m\uff11")
def test_no_name_with_other_characters_gets_through(name: str) -> None:
    if name_problem(name) == "":
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert 1 <= len(name) <= 63


@pytest.mark.parametrize("field", [{"account_id": "absent"}, {"key_ids": ("absent",)}])
async def test_an_account_or_key_that_is_not_there_is_named(made: Core, field: dict[str, object]) -> None:
    ask = await made.create()
    with pytest.raises(NotFound) as caught:
        await made.call(replace(ask, name="m2", machine_id="machine-2", deployment_id="d-2", **field))  # type: ignore[arg-type]
    assert "absent" in caught.value.message


async def test_text_that_cannot_be_stored_is_refused(made: Core) -> None:
    with pytest.raises(InvalidInput) as caught:
        await made.create(notes="\udcff")
    assert caught.value.code == "E-VALUE"
    assert await made.call(ListMachines(team_id=made.team_id)) == ()


@ON_ONE_STORE
@pytest.mark.parametrize("status", STATUSES)
async def test_power_actions_need_a_fitting_state(made: Core, status: MachineStatus) -> None:
    machine = await resting(made, status)
    for ask, allowed in (
        (StopMachine(machine_id=machine.machine_id), MAY_STOP),
        (RebootMachine(machine_id=machine.machine_id), MAY_STOP),
        (StartMachine(machine_id=machine.machine_id), MAY_START),
    ):
        if status in allowed:
            await made.call(ask)
        else:
            with pytest.raises(Conflict) as caught:
                await made.call(ask)
            assert caught.value.code == "E-MACHINE-STATE"


async def test_a_provider_without_power_actions_says_so(tmp_path: Path) -> None:
    provider = RecordProvider()
    provider.info = replace(provider.info, power_actions=())
    async with core(tmp_path / "home", provider=provider) as made:
        machine = await resting(made, MachineStatus.RUNNING)
        with pytest.raises(Conflict) as caught:
            await made.call(StopMachine(machine_id=machine.machine_id))
    assert caught.value.code == "E-NO-POWER"


async def test_the_same_action_twice_is_refused_while_the_first_is_under_way(made: Core) -> None:
    machine = await resting(made, MachineStatus.RUNNING)
    await made.call(RebootMachine(machine_id=machine.machine_id))
    with pytest.raises(Conflict) as caught:
        await made.call(RebootMachine(machine_id=machine.machine_id))
    assert caught.value.code == "E-RUN-PENDING"


async def test_a_protected_machine_goes_only_when_its_name_is_typed(made: Core) -> None:
    machine = await resting(made, MachineStatus.RUNNING)
    await made.call(UpdateMachine(machine_id=machine.machine_id, is_protected=True))
    for typed in ("", "m2", "M1", " m1"):
        with pytest.raises(Conflict) as caught:
            await made.call(DestroyMachine(machine_id=machine.machine_id, confirm_name=typed))
        assert caught.value.code == "E-PROTECTED"
    await made.call(DestroyMachine(machine_id=machine.machine_id, confirm_name="m1"))
    assert (await made.machine(machine.machine_id)).desired_status is MachineStatus.TERMINATED


async def test_a_destroyed_machine_takes_no_more_orders(made: Core) -> None:
    machine = await resting(made, MachineStatus.TERMINATED)
    for ask in (DestroyMachine, RebootMachine, StartMachine, StopMachine, RefreshMachine, RetryMachine):
        with pytest.raises(Conflict) as caught:
            await made.call(ask(machine_id=machine.machine_id))
        assert caught.value.code == "E-MACHINE-GONE"


async def test_only_a_machine_in_error_can_be_tried_again(made: Core) -> None:
    machine = await resting(made, MachineStatus.RUNNING)
    with pytest.raises(Conflict) as caught:
        await made.call(RetryMachine(machine_id=machine.machine_id))
    assert caught.value.code == "E-NO-ERROR"


async def test_what_is_not_named_in_an_update_stays(made: Core) -> None:
    ask = await made.create(tags=("a",), notes="n")
    await made.call(UpdateMachine(machine_id=ask.machine_id, notes=""))
    machine = await made.machine(ask.machine_id)
    assert (machine.tags, machine.notes, machine.is_protected) == (("a",), "", False)
    await made.call(UpdateMachine(machine_id=ask.machine_id, tags=(), is_protected=True))
    machine = await made.machine(ask.machine_id)
    assert (machine.tags, machine.notes, machine.is_protected) == ((), "", True)


async def test_machines_are_listed_by_name_and_found_by_what_is_written_on_them(made: Core) -> None:
    for name, notes in (("web", "Front"), ("db", "postgres"), ("cache", "")):
        await made.create(name, notes=notes, tags=("prod",) if name != "cache" else ())

    async def names(**conditions: object) -> list[str]:
        found = await made.call(ListMachines(team_id=made.team_id, **conditions))  # type: ignore[arg-type]
        return [machine.name for machine in found]

    assert await names() == ["cache", "db", "web"]
    assert await names(search="FRONT") == ["web"]
    assert await names(search="prod post") == ["db"]
    assert await names(search="%") == []
    assert await names(status=MachineStatus.RUNNING) == []
    assert await names(provider=ProviderType.SANDBOX, limit=2) == ["cache", "db"]
