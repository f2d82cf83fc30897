"""A deployment moves only along its states, under one holder, and its reports are believed only from that one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from machina_desktop.core.domain.deployment import (
    Deployment,
    DeploymentState,
    DeploymentType,
    may_follow,
    moved,
)
from machina_desktop.core.domain.log_line import LogLine
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.errors import Conflict, MachinaError
from machina_desktop.core.services.deployments import (
    ApproveDeployment,
    CancelDeployment,
    GetDeployment,
    ListDeployments,
    ReadLog,
)
from machina_desktop.core.services.machines import RefreshMachine
from machina_desktop.core.services.reports import (
    AppendLog,
    Claim,
    ClaimDeployment,
    RenewLease,
    ReportFacts,
    ReportOutcome,
    ReportPhase,
    ReportPlan,
    SaveState,
    TakeOver,
)
from machina_desktop.core.sync.gateway import LocalGateway
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes.hosts import Core, core

AT = datetime(2026, 1, 1, tzinfo=UTC)
STATES = tuple(DeploymentState)
DIGEST = "d" * 64


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


@pytest.fixture
def runner(made: Core) -> LocalGateway:
    return made.door(RUNNER)


async def claim(runner: LocalGateway, name: str = "runner-1", only: tuple[str, ...] = ()) -> Claim | None:
    return await runner.call(ClaimDeployment(runner_id=name, lease_s=30, only=only))


async def claimed(made: Core, runner: LocalGateway) -> Claim:
    await made.create()
    found = await claim(runner)
    assert found is not None
    return found


async def planned(made: Core, runner: LocalGateway) -> Claim:
    found = await claimed(made, runner)
    await runner.call(
        ReportPlan(
            deployment_id=found.deployment.deployment_id,
            fence=found.fence,
            summary=PlanSummary(),
            digest=DIGEST,
            serial=0,
        )
    )
    return found


def deployment(state: DeploymentState) -> Deployment:
    return Deployment(
        deployment_id="d",
        team_id="t",
        machine_id="m",
        type=DeploymentType.CREATE,
        state=state,
        initiated_by="u",
        created_at=AT,
        updated_at=AT,
    )


def test_nothing_follows_an_end() -> None:
    for state in STATES:
        if state.is_final:
            assert not any(may_follow(state, following) for following in STATES)
        else:
            assert any(may_follow(state, following) for following in STATES)


def test_an_apply_is_never_planned_or_queued_again() -> None:
    following = {state for state in STATES if may_follow(DeploymentState.APPLYING, state)}
    assert following == {state for state in STATES if state.is_final}


@given(st.lists(st.sampled_from(STATES), max_size=8))
def test_every_way_through_the_states_ends_where_it_may(steps: list[DeploymentState]) -> None:
    current = deployment(DeploymentState.QUEUED)
    for number, step in enumerate(steps):
        at = AT + timedelta(seconds=number + 1)
        if not may_follow(current.state, step):
            with pytest.raises(Conflict) as caught:
                moved(current, step, at)
            assert caught.value.code == "E-DEPLOYMENT-STATE"
            continue
        current = moved(current, step, at)
        assert current.state is step
        assert current.updated_at == at
        assert (current.finished_at is not None) is step.is_final


async def test_the_oldest_run_whose_machine_is_free_is_claimed_first(made: Core, runner: LocalGateway) -> None:
    first, second = await made.create("m1"), await made.create("m2")
    behind = await made.call(RefreshMachine(machine_id=first.machine_id))
    order = [await claim(runner) for _ in range(3)]
    assert order[0] is not None
    assert order[1] is not None
    assert [order[0].deployment.deployment_id, order[1].deployment.deployment_id] == [
        first.deployment_id,
        second.deployment_id,
    ]
    assert order[2] is None
    assert (await made.deployment(behind.deployment_id)).state is DeploymentState.QUEUED


async def test_of_many_that_claim_at_once_each_gets_another_run(made: Core, runner: LocalGateway) -> None:
    for number in range(4):
        await made.create(f"m{number}")
    claims = await asyncio.gather(*(claim(runner, f"runner-{number}") for number in range(12)))
    got = [found.deployment.deployment_id for found in claims if found is not None]
    assert len(got) == len(set(got)) == 4


async def test_the_database_itself_refuses_a_second_active_run_of_a_machine(made: Core, runner: LocalGateway) -> None:
    found = await claimed(made, runner)
    twin = await made.call(RefreshMachine(machine_id=str(found.deployment.machine_id)))
    with pytest.raises(Exception, match="UNIQUE"):
        made.sql("UPDATE deployment SET state = 'planning' WHERE deployment_id = ?", twin.deployment_id)


async def test_reports_of_a_runner_that_lost_its_lease_are_refused(made: Core, runner: LocalGateway) -> None:
    found = await claimed(made, runner)
    name = found.deployment.deployment_id
    taken = await runner.call(TakeOver(deployment_id=name, dead_runner_id="runner-1", runner_id="runner-2", lease_s=30))
    assert taken.deployment.attempt == 2
    assert taken.fence == found.fence + 1
    lines = (LogLine(at=AT, phase="plan", text="late"),)
    for late in (
        ReportPhase(deployment_id=name, fence=found.fence, phase="apply"),
        RenewLease(deployment_id=name, fence=found.fence, lease_s=30),
        AppendLog(deployment_id=name, fence=found.fence, lines=lines),
        ReportPlan(deployment_id=name, fence=found.fence, summary=PlanSummary(), digest=DIGEST, serial=0),
        SaveState(deployment_id=name, fence=found.fence, lineage="l", serial=1, envelope=b"x", is_empty=False),
        ReportFacts(deployment_id=name, fence=found.fence, machine=MachineFacts(public_ip="1.2.3.4")),
        ReportOutcome(deployment_id=name, fence=found.fence, state=DeploymentState.SUCCEEDED, touched=True),
    ):
        with pytest.raises(Conflict) as caught:
            await runner.call(late)  # type: ignore[misc]
        assert caught.value.code == "E-FENCE"
    assert (await made.deployment(name)).state is DeploymentState.PLANNING
    assert await made.log(name) == []


async def test_of_two_that_take_over_one_wins(made: Core, runner: LocalGateway) -> None:
    found = await claimed(made, runner)
    asks = [
        TakeOver(deployment_id=found.deployment.deployment_id, dead_runner_id="runner-1", runner_id=name, lease_s=30)
        for name in ("runner-2", "runner-3")
    ]
    answers = await asyncio.gather(*(runner.call(ask) for ask in asks), return_exceptions=True)
    assert sorted(getattr(answer, "code", "won") for answer in answers) == ["E-LEASE-TAKEN", "won"]


async def test_a_plan_that_waits_is_held_by_nobody_and_any_runner_goes_on(made: Core, runner: LocalGateway) -> None:
    found = await planned(made, runner)
    name = found.deployment.deployment_id
    assert await claim(runner, "runner-2") is None
    await made.call(ApproveDeployment(deployment_id=name, plan_digest=DIGEST))
    again = await claim(runner, "runner-2")
    assert again is not None
    assert again.deployment.state is DeploymentState.APPLYING
    assert again.fence > found.fence
    assert await claim(runner, "runner-3") is None


async def test_a_claim_may_be_limited_to_some_runs(made: Core, runner: LocalGateway) -> None:
    await made.create("m1")
    mine = await made.create("m2")
    found = await claim(runner, only=(mine.deployment_id,))
    assert found is not None
    assert found.deployment.deployment_id == mine.deployment_id
    assert await claim(runner, only=(mine.deployment_id,)) is None


async def test_an_approval_binds_to_the_plan_shown(made: Core, runner: LocalGateway) -> None:
    found = await planned(made, runner)
    name = found.deployment.deployment_id
    with pytest.raises(Conflict) as caught:
        await made.call(ApproveDeployment(deployment_id=name, plan_digest="e" * 64))
    assert caught.value.code == "E-PLAN-CHANGED"
    approved = await made.call(ApproveDeployment(deployment_id=name, plan_digest=DIGEST))
    assert approved.approved_by == made.host.actor.user_id
    assert (await made.machine(str(approved.machine_id))).actual_status is MachineStatus.PROVISIONING


@pytest.mark.parametrize("state", [state for state in STATES if state is not DeploymentState.AWAITING_APPROVAL])
async def test_only_a_plan_that_waits_can_be_approved(made: Core, state: DeploymentState) -> None:
    ask = await made.create()
    made.sql("UPDATE deployment SET state = ?", state.value)
    with pytest.raises(Conflict) as caught:
        await made.call(ApproveDeployment(deployment_id=ask.deployment_id))
    assert caught.value.code == "E-NOT-AWAITING"


async def test_a_run_whose_record_needs_no_change_needs_no_approval(made: Core, runner: LocalGateway) -> None:
    found = await claimed(made, runner)
    reported = await runner.call(
        ReportPlan(
            deployment_id=found.deployment.deployment_id,
            fence=found.fence,
            summary=PlanSummary(),
            digest="",
            serial=0,
        )
    )
    assert reported.state is DeploymentState.APPLYING


async def test_cancel_asks_once_and_force_only_after_it(made: Core, runner: LocalGateway) -> None:
    found = await claimed(made, runner)
    name = found.deployment.deployment_id
    with pytest.raises(Conflict) as caught:
        await made.call(CancelDeployment(deployment_id=name, force=True))
    assert caught.value.code == "E-CANCEL-FIRST"
    levels = [
        (await made.call(CancelDeployment(deployment_id=name, force=force))).cancel_level
        for force in (False, False, True, False)
    ]
    assert levels == [1, 1, 2, 2]


async def outcome(
    made: Core, runner: LocalGateway, state: DeploymentState, *, touched: bool, **report: object
) -> Machine:
    """The machine after its creation ended so."""
    found = await claimed(made, runner)
    await runner.call(
        ReportOutcome(
            deployment_id=found.deployment.deployment_id,
            fence=found.fence,
            state=state,
            touched=touched,
            machine=MachineFacts(**report),  # type: ignore[arg-type]
            error_message="Because.",
            error_code="E-WHY",
        )
    )
    return await made.machine(str(found.deployment.machine_id))


async def test_a_creation_that_failed_before_anything_happened_can_be_tried_again(
    made: Core, runner: LocalGateway
) -> None:
    machine = await outcome(made, runner, DeploymentState.FAILED, touched=False)
    assert (machine.actual_status, machine.status_reason) == (MachineStatus.ERROR, "Because.")


async def test_a_creation_cancelled_before_anything_happened_leaves_no_machine(
    made: Core, runner: LocalGateway
) -> None:
    machine = await outcome(made, runner, DeploymentState.CANCELLED, touched=False)
    assert machine.actual_status is machine.desired_status is MachineStatus.TERMINATED


async def test_what_a_run_found_out_is_kept_and_the_rest_stays(made: Core, runner: LocalGateway) -> None:
    found = await claimed(made, runner)
    name = found.deployment.deployment_id
    for report in (
        MachineFacts(public_ip="192.0.2.1", extra={"os": "Debian"}),
        MachineFacts(ssh_port=2222, extra={"kernel": "6.1"}),
    ):
        await runner.call(ReportFacts(deployment_id=name, fence=found.fence, machine=report))
    machine = await made.machine(str(found.deployment.machine_id))
    assert (machine.public_ip, machine.ssh_port) == ("192.0.2.1", 2222)
    assert machine.facts == {"os": "Debian", "kernel": "6.1"}


async def test_an_outcome_is_reported_once(made: Core, runner: LocalGateway) -> None:
    found = await claimed(made, runner)
    ask = ReportOutcome(
        deployment_id=found.deployment.deployment_id,
        fence=found.fence,
        state=DeploymentState.FAILED,
        touched=False,
        error_message="Because.",
        error_code="E-WHY",
    )
    ended = await runner.call(ask)
    assert (ended.error_message, ended.error_code, ended.finished_at is not None) == ("Because.", "E-WHY", True)
    with pytest.raises(MachinaError) as caught:
        await runner.call(replace(ask, state=DeploymentState.SUCCEEDED))
    assert caught.value.code == "E-DEPLOYMENT-STATE"
    assert await made.call(GetDeployment(deployment_id=ended.deployment_id)) == ended


async def test_deployments_are_listed_newest_first_by_what_is_asked(made: Core) -> None:
    # A search looks into ids as well, and no id has an "l" or a "u".
    first, second = await made.create("m1"), await made.create("blue")
    behind = await made.call(RefreshMachine(machine_id=second.machine_id))
    await made.call(CancelDeployment(deployment_id=first.deployment_id))

    async def found(**conditions: object) -> list[str]:
        runs = await made.call(ListDeployments(team_id=made.team_id, **conditions))  # type: ignore[arg-type]
        return [run.deployment_id for run in runs]

    assert await found() == [behind.deployment_id, second.deployment_id, first.deployment_id]
    assert await found(only_open=True) == [behind.deployment_id, second.deployment_id]
    assert await found(state=DeploymentState.CANCELLED) == [first.deployment_id]
    assert await found(type=DeploymentType.REFRESH) == [behind.deployment_id]
    assert await found(machine_id=first.machine_id) == [first.deployment_id]
    assert await found(search="blue") == [behind.deployment_id, second.deployment_id]
    assert await found(until=AT) == []
    assert len(await found(since=AT)) == 3


@pytest.mark.parametrize("offset", [-1, 1 << 70, 5])
async def test_a_log_read_from_an_odd_place_is_refused_or_begins_at_a_whole_line(
    made: Core, runner: LocalGateway, offset: int
) -> None:
    found = await claimed(made, runner)
    lines = tuple(LogLine(at=AT, phase="plan", text=f"line {number}") for number in range(3))
    await runner.call(AppendLog(deployment_id=found.deployment.deployment_id, fence=found.fence, lines=lines))
    try:
        chunk = await made.call(ReadLog(deployment_id=found.deployment.deployment_id, offset=offset))
    except MachinaError as error:
        assert error.status == 422  # noqa: PT017
    else:
        assert [line.text for line in chunk.lines] in (["line 0", "line 1", "line 2"], [])
