"""What waits for a machine is settled with it: nothing is carried out for a machine that is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from machina_desktop.core import ids
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.machine import Machine, MachineFacts, MachineStatus
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.errors import Conflict
from machina_desktop.core.services.deployments import ApproveDeployment, CancelDeployment
from machina_desktop.core.services.machines import (
    CreateMachine,
    DestroyMachine,
    RebootMachine,
    RefreshMachine,
    RetryMachine,
)
from machina_desktop.core.services.reports import (
    Claim,
    ClaimDeployment,
    ExpireApproval,
    ReportOutcome,
    ReportPlan,
)
from machina_desktop.core.workers.deployer import RUNNER
from tests.fakes.hosts import Core, core

QUEUED, AWAITING = DeploymentState.QUEUED, DeploymentState.AWAITING_APPROVAL
SUCCEEDED, FAILED, CANCELLED = DeploymentState.SUCCEEDED, DeploymentState.FAILED, DeploymentState.CANCELLED


@pytest.fixture
async def made(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home") as started:
        yield started


async def claim(made: Core) -> Claim:
    found = await made.door(RUNNER).call(ClaimDeployment(runner_id="1:1.0:boot", lease_s=30))
    assert found is not None
    return found


async def planned(made: Core, held: Claim) -> Deployment:
    name = held.deployment.deployment_id
    report = ReportPlan(deployment_id=name, fence=held.fence, summary=PlanSummary(), digest="d" * 64, serial=0)
    return await made.door(RUNNER).call(report)


async def end(made: Core, held: Claim, state: DeploymentState, status: MachineStatus | None, *, touched: bool) -> None:
    outcome = ReportOutcome(
        deployment_id=held.deployment.deployment_id,
        fence=held.fence,
        state=state,
        touched=touched,
        machine=MachineFacts(status=status),
    )
    await made.door(RUNNER).call(outcome)


async def awaiting(made: Core) -> CreateMachine:
    ask = await made.create()
    assert (await planned(made, await claim(made))).state is AWAITING
    return ask


async def running(made: Core) -> Machine:
    ask = await made.create(auto_approve=True)
    held = await claim(made)
    await planned(made, held)
    await end(made, held, SUCCEEDED, MachineStatus.RUNNING, touched=True)
    return await made.machine(ask.machine_id)


async def in_error(made: Core) -> Machine:
    ask = await made.create(auto_approve=True)
    held = await claim(made)
    await planned(made, held)
    await end(made, held, FAILED, MachineStatus.ERROR, touched=True)
    return await made.machine(ask.machine_id)


async def test_destroying_a_machine_whose_plan_awaits_approval_discards_the_plan(made: Core) -> None:
    ask = await awaiting(made)
    ending = await made.call(DestroyMachine(machine_id=ask.machine_id))
    discarded = await made.deployment(ask.deployment_id)
    assert (discarded.state, discarded.error_code) == (CANCELLED, "E-SUPERSEDED")
    assert ending.state is SUCCEEDED
    assert (await made.machine(ask.machine_id)).actual_status is MachineStatus.TERMINATED


async def test_destroying_a_machine_that_is_still_queued_ends_both(made: Core) -> None:
    ask = await made.create()
    ending = await made.call(DestroyMachine(machine_id=ask.machine_id))
    assert (await made.deployment(ask.deployment_id)).state is CANCELLED
    assert (ending.state, ending.finished_at is not None) == (SUCCEEDED, True)
    again = await made.create()
    assert (await made.machine(again.machine_id)).actual_status is MachineStatus.PENDING


async def test_destroying_a_machine_that_is_being_planned_waits_for_the_plan(made: Core) -> None:
    ask = await made.create()
    held = await claim(made)
    ending = await made.call(DestroyMachine(machine_id=ask.machine_id))
    assert ending.state is QUEUED
    await made.call(CancelDeployment(deployment_id=ask.deployment_id))
    await end(made, held, CANCELLED, None, touched=False)
    assert (await made.machine(ask.machine_id)).actual_status is MachineStatus.TERMINATED
    assert (await made.deployment(ending.deployment_id)).state is SUCCEEDED


async def test_a_second_order_to_destroy_is_refused_and_leaves_the_first(made: Core) -> None:
    machine = await running(made)
    first = await made.call(DestroyMachine(machine_id=machine.machine_id))
    with pytest.raises(Conflict) as caught:
        await made.call(DestroyMachine(machine_id=machine.machine_id))
    assert caught.value.code == "E-RUN-PENDING"
    assert (await made.deployment(first.deployment_id)).state is QUEUED


async def test_what_is_queued_behind_the_end_of_a_machine_ends_with_it(made: Core) -> None:
    machine = await running(made)
    ending = await made.call(DestroyMachine(machine_id=machine.machine_id, auto_approve=True))
    behind = [
        await made.call(RebootMachine(machine_id=machine.machine_id)),
        await made.call(RefreshMachine(machine_id=machine.machine_id)),
    ]
    held = await claim(made)
    assert held.deployment.deployment_id == ending.deployment_id
    await planned(made, held)
    await end(made, held, SUCCEEDED, None, touched=True)
    for run in behind:
        left = await made.deployment(run.deployment_id)
        assert (left.state, left.error_code) == (CANCELLED, "E-MACHINE-GONE")
    assert (await made.machine(machine.machine_id)).actual_status is MachineStatus.TERMINATED


async def test_discarding_a_second_try_keeps_the_machine_that_the_first_may_have_half_made(made: Core) -> None:
    machine = await in_error(made)
    again = await made.call(RetryMachine(machine_id=machine.machine_id))
    await planned(made, await claim(made))
    await made.call(CancelDeployment(deployment_id=again.deployment_id))
    assert (await made.machine(machine.machine_id)).actual_status is MachineStatus.ERROR


async def test_a_cancel_that_comes_while_the_plan_is_made_leaves_nothing_to_approve(made: Core) -> None:
    ask = await made.create(auto_approve=True)
    held = await claim(made)
    await made.call(CancelDeployment(deployment_id=ask.deployment_id))
    answer = await planned(made, held)
    assert (answer.state, answer.cancel_level) == (DeploymentState.PLANNING, 1)


async def test_a_plan_that_waited_too_long_says_so(made: Core) -> None:
    ask = await awaiting(made)
    expiry = ExpireApproval(deployment_id=ask.deployment_id, waiting_since=ids.now() + timedelta(seconds=1))
    expired = await made.door(RUNNER).call(expiry)
    assert (expired.state, expired.error_code) == (CANCELLED, "E-PLAN-EXPIRED")
    assert expired.error_message


async def test_a_plan_approved_in_the_moment_of_its_expiry_is_not_cancelled(made: Core) -> None:
    ask = await awaiting(made)
    await made.call(ApproveDeployment(deployment_id=ask.deployment_id))
    expiry = ExpireApproval(deployment_id=ask.deployment_id, waiting_since=ids.now() + timedelta(seconds=1))
    kept = await made.door(RUNNER).call(expiry)
    assert (kept.state, kept.cancel_level) == (DeploymentState.APPLYING, 0)


async def test_a_plan_that_has_time_left_stays(made: Core) -> None:
    ask = await awaiting(made)
    expiry = ExpireApproval(deployment_id=ask.deployment_id, waiting_since=ids.now() - timedelta(hours=1))
    assert (await made.door(RUNNER).call(expiry)).state is AWAITING
