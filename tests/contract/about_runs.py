"""Scenarios of runs: what people ask of them, and what those who carry them out report."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.domain.machine import MachineFacts
from machina_desktop.core.domain.plan import PlanSummary
from machina_desktop.core.domain.provider import CredentialStatus, Verification
from machina_desktop.core.errors import Conflict, Forbidden, InvalidInput
from machina_desktop.core.ids import now
from machina_desktop.core.services import deployments, findings, handing_over, reports, run_here, runner_keys
from machina_desktop.core.services.use_case import Request
from tests.contract.scenarios import scenario
from tests.contract.world import World

Ask = Request[Any]
AT = datetime(2026, 1, 1, tzinfo=UTC)


@scenario(deployments.ListDeployments)
async def runs_are_listed(w: World) -> Ask:
    await w.run()
    return deployments.ListDeployments(team_id=w.team_id, state=DeploymentState.QUEUED, limit=2)


@scenario(deployments.ListDeployments)
async def runs_of_a_time_are_listed(w: World) -> Ask:
    return deployments.ListDeployments(team_id=w.team_id, since=AT, until=AT + timedelta(days=1), only_open=True)


@scenario(deployments.GetDeployment)
async def a_run_is_shown(w: World) -> Ask:
    return deployments.GetDeployment(deployment_id=await w.run())


@scenario(deployments.ReadLog, who="reader")
async def a_log_is_read(w: World) -> Ask:
    return deployments.ReadLog(deployment_id=await w.spoken())


@scenario(deployments.ReadLog, fails=(InvalidInput, "E-CODEC"))
async def a_log_is_read_from_the_beginning_of_a_line(w: World) -> Ask:
    return deployments.ReadLog(deployment_id=await w.spoken(), offset=3)


@scenario(deployments.ApproveDeployment)
async def a_plan_is_approved(w: World) -> Ask:
    return deployments.ApproveDeployment(deployment_id=await w.run("awaiting_approval"))


@scenario(deployments.ApproveDeployment, fails=(Conflict, "E-NOT-AWAITING"))
async def what_has_no_plan_is_not_approved(w: World) -> Ask:
    return deployments.ApproveDeployment(deployment_id=await w.run())


@scenario(deployments.CancelDeployment, who="member")
async def a_run_is_cancelled(w: World) -> Ask:
    return deployments.CancelDeployment(deployment_id=await w.run())


# What runners report


@scenario(reports.ClaimDeployment)
async def a_run_is_claimed(w: World) -> Ask:
    return w.claim(await w.own_run())


@scenario(reports.ClaimDeployment)
async def there_may_be_nothing_to_claim(w: World) -> Ask:
    return w.claim("deployment-none")


@scenario(reports.TakeOver)
async def a_run_of_a_dead_runner_is_taken_over(w: World) -> Ask:
    deployment_id, _ = await w.held()
    return reports.TakeOver(deployment_id=deployment_id, dead_runner_id="runner-a", runner_id="runner-b", lease_s=60)


@scenario(reports.RenewLease)
async def a_lease_is_renewed(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return reports.RenewLease(deployment_id=deployment_id, fence=fence, lease_s=60)


@scenario(reports.RenewLease, fails=(Conflict, "E-FENCE"))
async def a_former_holder_is_refused(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return reports.RenewLease(deployment_id=deployment_id, fence=fence - 1, lease_s=60)


@scenario(reports.RequeueDeployment, who="runner", fails=(Conflict, "E-DEPLOYMENT-STATE"))
async def what_is_being_planned_is_not_queued_anew(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return reports.RequeueDeployment(deployment_id=deployment_id, fence=fence)


@scenario(reports.ReportPhase)
async def a_phase_is_reported(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return reports.ReportPhase(deployment_id=deployment_id, fence=fence, phase="init")


@scenario(reports.ReportPlan)
async def a_plan_is_reported(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return reports.ReportPlan(
        deployment_id=deployment_id, fence=fence, summary=PlanSummary(add=1), digest="d" * 64, serial=0
    )


@scenario(reports.ExpireApproval)
async def a_plan_expires(w: World) -> Ask:
    deployment_id, fence = await w.held()
    plan = reports.ReportPlan(
        deployment_id=deployment_id, fence=fence, summary=PlanSummary(add=1), digest="d" * 64, serial=0
    )
    await w.here("admin", plan)
    return reports.ExpireApproval(deployment_id=deployment_id, waiting_since=now())


@scenario(reports.AppendLog)
async def lines_are_added(w: World) -> Ask:
    deployment_id, fence = await w.held()
    line = LogLine(at=AT, phase="plan", level=LogLevel.WARNING, text="☃")
    return reports.AppendLog(deployment_id=deployment_id, fence=fence, lines=(line,), cursors={"a": 3})


@scenario(reports.SaveState)
async def a_state_is_kept(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return reports.SaveState(
        deployment_id=deployment_id, fence=fence, lineage="l", serial=1, envelope=b"\x00\xff", is_empty=False
    )


@scenario(reports.RescueState, who="runner")
async def a_state_that_a_run_has_left_is_kept(w: World) -> Ask:
    return reports.RescueState(
        machine_id=await w.machine(), lineage="l", serial=1, envelope=b"\x00\xff", is_empty=False
    )


@scenario(reports.ReportFacts)
async def facts_are_reported(w: World) -> Ask:
    deployment_id, fence = await w.held()
    facts = MachineFacts(public_ip="203.0.113.7", ssh_port=22, extra={"os": "Debian"})
    return reports.ReportFacts(deployment_id=deployment_id, fence=fence, machine=facts)


@scenario(findings.KeepLockFile)
async def the_plugins_of_the_first_run_are_kept(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return findings.KeepLockFile(deployment_id=deployment_id, fence=fence, engine="terraform", text="# locked\n")


@scenario(findings.KeepKeyId)
async def the_id_of_a_key_in_the_account_is_kept(w: World) -> Ask:
    deployment_id, fence = await w.held()
    key_id = await w.key()
    await w.sql(
        "UPDATE machine SET ssh_key_ids = :keys "
        "WHERE machine_id = (SELECT machine_id FROM deployment WHERE deployment_id = :run)",
        keys=f'["{key_id}"]',
        run=deployment_id,
    )
    return findings.KeepKeyId(deployment_id=deployment_id, fence=fence, ssh_key_id=key_id, provider_key_id="7")


@scenario(findings.KeepKeyId, fails=(InvalidInput, "E-INPUT"))
async def the_id_of_a_key_that_the_machine_has_not_is_refused(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return findings.KeepKeyId(deployment_id=deployment_id, fence=fence, ssh_key_id="key-1", provider_key_id="7")


@scenario(findings.ReportAccount)
async def what_the_provider_said_of_an_account_is_reported(w: World) -> Ask:
    deployment_id, fence = await w.held()
    found = Verification(status=CredentialStatus.INVALID, reason="The token was withdrawn.")
    return findings.ReportAccount(deployment_id=deployment_id, fence=fence, found=found)


@scenario(findings.ReportFallback)
async def another_size_is_taken_where_one_is_sold_out(w: World) -> Ask:
    deployment_id, fence = await w.held()
    await w.sql(
        "UPDATE deployment SET options = :options WHERE deployment_id = :run",
        options='{"fallbacks": "cx32@hel1 cx42"}',
        run=deployment_id,
    )
    return findings.ReportFallback(deployment_id=deployment_id, fence=fence, size="cx32", region="hel1")


@scenario(findings.ReportFallback, fails=(InvalidInput, "E-INPUT"))
async def a_size_that_nobody_has_named_is_refused(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return findings.ReportFallback(deployment_id=deployment_id, fence=fence, size="cx32", region="hel1")


@scenario(reports.ReportOutcome)
async def an_outcome_is_reported(w: World) -> Ask:
    deployment_id, fence = await w.held()
    return reports.ReportOutcome(
        deployment_id=deployment_id, fence=fence, state=DeploymentState.FAILED, touched=False, error_message="No."
    )


@scenario(run_here.ReadRun)
async def a_computer_reads_the_run_it_carries_out(w: World) -> Ask:
    return run_here.ReadRun(deployment_id=await w.spoken())


@scenario(run_here.ReadRun, who="member", fails=(Forbidden, "E-NOT-YOURS"))
async def nobody_reads_the_run_of_anothers_computer(w: World) -> Ask:
    return run_here.ReadRun(deployment_id=await w.own_run())


@scenario(run_here.ReadLease)
async def a_computer_sees_that_it_holds_a_run(w: World) -> Ask:
    deployment_id, _ = await w.held()
    return run_here.ReadLease(deployment_id=deployment_id)


async def _own_machine(w: World) -> str:
    """A machine whose record the administrator's computer keeps."""
    machine_id = await w.machine()
    await w.held()
    await w.sql("UPDATE machine SET state_keeper = :device WHERE machine_id = :key", device=w.device_id, key=machine_id)
    return machine_id


@scenario(handing_over.ReadState)
async def there_may_be_no_state(w: World) -> Ask:
    return handing_over.ReadState(team_id=w.team_id, machine_id=await _own_machine(w))


@scenario(handing_over.ReadState)
async def a_state_is_read_as_it_was_kept(w: World) -> Ask:
    deployment_id, fence = await w.held()
    state = reports.SaveState(
        deployment_id=deployment_id, fence=fence, lineage="l", serial=1, envelope=b"\x00\xff", is_empty=False
    )
    await w.here("admin", state)
    run = await w.here("admin", deployments.GetDeployment(deployment_id=deployment_id))
    return handing_over.ReadState(team_id=w.team_id, machine_id=run.machine_id or "")


@scenario(handing_over.RecordHandOver)
async def a_machine_is_handed_over(w: World) -> Ask:
    return handing_over.RecordHandOver(team_id=w.team_id, machine_id=await _own_machine(w))


@scenario(handing_over.RecordCustody)
async def a_secret_is_shared_no_more(w: World) -> Ask:
    account_id = (await w.spare_account()).provider_account_id
    await w.sql(
        "UPDATE provider_account SET keeper = :device WHERE provider_account_id = :key",
        device=w.device_id,
        key=account_id,
    )
    return handing_over.RecordCustody(team_id=w.team_id, account_id=account_id)


@scenario(runner_keys.ShowRunnerKey)
async def the_runners_key_is_shown(w: World) -> Ask:
    return runner_keys.ShowRunnerKey(team_id=w.team_id)


@scenario(runner_keys.RegisterRunnerKey, who="runner", fails=(Conflict, "E-RUNNER-KEY"))
async def a_second_key_of_runners_is_refused(w: World) -> Ask:
    return runner_keys.RegisterRunnerKey(public_key="other", replaces="none")
