"""The deployer carries runs out with Terraform: approved plans only, one at a time, cancellable, nothing lost."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from machina_desktop.core import log as logs
from machina_desktop.core.config import APPROVAL_HOURS, CONCURRENT_RUNS, ENGINE
from machina_desktop.core.domain.deployment import Deployment, DeploymentState
from machina_desktop.core.domain.log_line import LogLevel
from machina_desktop.core.domain.machine import MachineStatus, TerraformStateStatus
from machina_desktop.core.errors import Conflict, MachinaError
from machina_desktop.core.process import (
    Command,
    Launch,
    boot_id,
    clean_environment,
    end_leftovers,
    launch,
    process_start_time,
)
from machina_desktop.core.secret import Secret
from machina_desktop.core.services.audit import VerifyAudit
from machina_desktop.core.services.deployments import ApproveDeployment, CancelDeployment, ListDeployments, ReadLog
from machina_desktop.core.services.device import LockVault, UnlockVault
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import (
    DestroyMachine,
    RebootMachine,
    RefreshMachine,
    RetryMachine,
    StartMachine,
    StopMachine,
)
from machina_desktop.core.terraform.state_file import read_state_file
from machina_desktop.core.workers import commands as commands_module
from machina_desktop.core.workers import deployer as deployer_module
from machina_desktop.core.workers.commands import LAUNCHES
from tests.fakes import terraform_shim
from tests.fakes.hosts import Core, core, processes_in, until

AWAITING = DeploymentState.AWAITING_APPROVAL
SUCCEEDED, FAILED, CANCELLED = DeploymentState.SUCCEEDED, DeploymentState.FAILED, DeploymentState.CANCELLED


@dataclass
class Shim:
    """The stand-in for Terraform and the folder of its knobs and records."""

    folder: Path

    @property
    def program(self) -> Path:
        return self.folder / "terraform"

    def set(self, knob: str, content: str = "") -> None:
        (self.folder / knob).write_text(content)

    def clear(self, knob: str) -> None:
        (self.folder / knob).unlink()

    def events(self, event: str = "") -> list[list[str]]:
        return terraform_shim.ledger(self.folder, event)

    def calls(self, command: str) -> list[dict[str, object]]:
        path = self.folder / "calls"
        rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [row for row in rows if row["argv"][0] == command]


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Shim]:
    made = Shim(tmp_path / "shim")
    terraform_shim.install(made.folder)
    yield made
    for knob in made.folder.glob("*h[ao][nl][gd]"):
        knob.unlink()


@pytest.fixture
async def real(tmp_path: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home", deployer=True) as made:
        yield made


@pytest.fixture
async def one(tmp_path: Path, shim: Shim) -> AsyncIterator[Core]:
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as made:
        yield made


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployer looks ten times a second."""
    monkeypatch.setattr(deployer_module, "LOOK_S", 0.1)


async def digest_on_disk(made: Core, machine_id: str) -> str:
    plan = made.paths.runs / machine_id / "tfplan"
    return hashlib.sha256(await asyncio.to_thread(plan.read_bytes)).hexdigest()


# The ordinary course, with the real Terraform


async def test_a_machine_is_planned_approved_applied_refreshed_and_destroyed(real: Core) -> None:
    ask = await real.create()
    planned = await real.resting(ask.deployment_id)
    assert planned.state is AWAITING, planned.error_message
    assert planned.plan_summary is not None
    assert planned.plan_summary.operations == 1
    assert planned.plan_digest == await digest_on_disk(real, ask.machine_id)
    assert (await real.machine(ask.machine_id)).actual_status is MachineStatus.PENDING

    applied = await real.approve(ask.deployment_id)
    assert applied.state is SUCCEEDED, applied.error_message
    assert applied.approved_by == real.host.actor.user_id
    machine = await real.machine(ask.machine_id)
    assert machine.actual_status is machine.desired_status is MachineStatus.RUNNING
    assert machine.terraform_state_status is TerraformStateStatus.SYNCED
    await real.wiped()

    refreshed = await real.ended((await real.call(RefreshMachine(machine_id=ask.machine_id))).deployment_id)
    assert refreshed.state is SUCCEEDED, refreshed.error_message

    ending = await real.call(DestroyMachine(machine_id=ask.machine_id, auto_approve=True))
    destroyed = await real.ended(ending.deployment_id)
    assert destroyed.state is SUCCEEDED, destroyed.error_message
    gone = await real.machine(ask.machine_id)
    assert gone.actual_status is gone.desired_status is MachineStatus.TERMINATED
    assert gone.terraform_state_status is TerraformStateStatus.NONE
    await real.wiped()
    assert (await real.call(VerifyAudit(team_id=real.team_id))).broken_at is None


async def test_the_stored_state_is_sealed_under_its_lineage_and_serial(real: Core) -> None:
    machine = await real.made()
    [(lineage, serial, envelope)] = real.sql("SELECT lineage, serial, envelope FROM terraform_state")
    assert isinstance(envelope, bytes)
    assert b"lineage" not in envelope
    raw = real.host.vault.open_bytes(
        real.team_id, "terraform_state", machine.machine_id, "state", int(str(serial)), envelope
    )
    state = read_state_file(raw)
    assert (state.lineage, state.serial) == (lineage, serial)
    assert state.has_resources
    assert machine.machine_id.encode() in raw


async def test_a_provider_echoing_hostile_tags_reaches_terraform_literally(real: Core) -> None:
    hostile = ('${file("/etc/passwd")}', "%{ for x in [1] }", '"}', "🦄", "<<EOF", "${1+1}")
    machine = await real.made(tags=hostile)
    [(serial, envelope)] = real.sql("SELECT serial, envelope FROM terraform_state")
    assert isinstance(envelope, bytes)
    raw = real.host.vault.open_bytes(
        real.team_id, "terraform_state", machine.machine_id, "state", int(str(serial)), envelope
    )
    stored = json.loads(raw)["resources"][0]["instances"][0]["attributes"]["input"]["value"]["tags"]
    assert tuple(stored) == hostile


# Approval


async def test_nothing_is_applied_before_it_is_approved(one: Core, shim: Shim) -> None:
    ask = await one.create()
    assert (await one.resting(ask.deployment_id)).state is AWAITING
    assert shim.calls("apply") == []


async def test_approving_another_plan_than_the_one_shown_is_refused(one: Core, shim: Shim) -> None:
    ask = await one.create()
    await one.resting(ask.deployment_id)
    with pytest.raises(Conflict) as caught:
        await one.call(ApproveDeployment(deployment_id=ask.deployment_id, plan_digest="0" * 64))
    assert caught.value.code == "E-PLAN-CHANGED"
    assert (await one.deployment(ask.deployment_id)).state is AWAITING
    assert shim.calls("apply") == []


async def test_of_two_who_approve_at_once_one_wins_and_the_plan_is_applied_once(one: Core, shim: Shim) -> None:
    ask = await one.create()
    await one.resting(ask.deployment_id)
    approval = ApproveDeployment(deployment_id=ask.deployment_id)
    answers = await asyncio.gather(*(one.call(approval) for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(answer, Deployment) for answer in answers) == 1
    assert {answer.code for answer in answers if isinstance(answer, MachinaError)} == {"E-NOT-AWAITING"}
    assert (await one.ended(ask.deployment_id)).state is SUCCEEDED
    assert len(shim.events("create")) == 1


async def test_a_discarded_plan_leaves_nothing_on_disk_and_no_machine(one: Core, shim: Shim) -> None:
    ask = await one.create()
    await one.resting(ask.deployment_id)
    assert one.plaintext()
    cancelled = await one.call(CancelDeployment(deployment_id=ask.deployment_id))
    assert cancelled.state is CANCELLED
    await one.wiped()
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.TERMINATED
    assert shim.calls("apply") == []
    again = await one.made("m1")
    assert again.actual_status is MachineStatus.RUNNING


async def test_a_discarded_destroy_leaves_the_machine_as_it_is(one: Core) -> None:
    machine = await one.made()
    ending = await one.call(DestroyMachine(machine_id=machine.machine_id))
    await one.resting(ending.deployment_id)
    await one.call(CancelDeployment(deployment_id=ending.deployment_id))
    left = await one.machine(machine.machine_id)
    assert left.actual_status is left.desired_status is MachineStatus.RUNNING
    await one.wiped()


@pytest.mark.usefixtures("quick")
async def test_a_plan_nobody_approves_in_time_is_cancelled(one: Core) -> None:
    one.host.settings.set(APPROVAL_HOURS, 1)
    ask = await one.create()
    await one.resting(ask.deployment_id)
    one.sql("UPDATE deployment SET updated_at = '2020-01-01T00:00:00.000000Z'")
    assert (await one.ended(ask.deployment_id)).state is CANCELLED
    await one.wiped()


async def test_while_a_plan_waits_neither_state_nor_output_lies_on_disk(one: Core) -> None:
    machine = await one.made()
    ending = await one.call(DestroyMachine(machine_id=machine.machine_id))
    await one.resting(ending.deployment_id)
    await until(lambda: {path.name for path in one.plaintext()} == {"tfplan", "machina.auto.tfvars.json"})


async def test_what_an_approved_plan_has_begun_stays_while_this_computer_has_not_heard_of_the_approval(
    tmp_path: Path, shim: Shim
) -> None:
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as closing:
        ask = await closing.create()
        await closing.resting(ask.deployment_id)
        folder = closing.paths.runs / ask.machine_id
        await until(lambda: {path.name for path in closing.plaintext()} == {"tfplan", "machina.auto.tfvars.json"})
        # What the plan launched is removed as a whole, and with it whatever is put there meanwhile.
        await until(lambda: not (folder / LAUNCHES).exists())
        record, state = folder / LAUNCHES / ask.deployment_id / "apply", folder / "terraform.tfstate"
        await asyncio.to_thread(record.mkdir, parents=True)
        await asyncio.to_thread(state.write_text, "{}")
    assert record.exists()
    assert state.exists()


async def test_a_plan_made_for_another_state_is_refused_as_stale(one: Core, shim: Shim) -> None:
    machine = await one.made()
    ending = await one.call(DestroyMachine(machine_id=machine.machine_id))
    await one.resting(ending.deployment_id)
    one.sql("UPDATE deployment SET plan_serial = plan_serial + 1 WHERE deployment_id = ?", ending.deployment_id)
    ended = await one.approve(ending.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-PLAN-STALE")
    assert shim.events("delete") == []


async def test_a_plan_file_changed_after_approval_is_not_applied(one: Core, shim: Shim) -> None:
    ask = await one.create()
    await one.resting(ask.deployment_id)
    plan = one.paths.runs / ask.machine_id / "tfplan"
    await asyncio.to_thread(plan.write_text, '{"complete": true}')
    ended = await one.approve(ask.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-PLAN-STALE")
    assert shim.calls("apply") == []


# One at a time


async def test_the_second_run_of_a_machine_waits_for_the_first(one: Core, shim: Shim) -> None:
    machine = await one.made()
    shim.set("plan.hang")
    first = await one.call(RefreshMachine(machine_id=machine.machine_id))
    await until(lambda: len(shim.calls("plan")) == 2)
    second = await one.call(RebootMachine(machine_id=machine.machine_id))
    third = await one.made_of(StopMachine(machine_id=machine.machine_id))
    assert (await one.deployment(second.deployment_id)).state is DeploymentState.QUEUED
    shim.clear("plan.hang")
    ends = [await one.ended(run) for run in (first.deployment_id, second.deployment_id, third)]
    assert [end.state for end in ends] == [SUCCEEDED] * 3
    for before, after in itertools.pairwise(ends):
        assert before.finished_at is not None
        assert after.started_at is not None
        assert before.finished_at <= after.started_at
    assert (await one.machine(machine.machine_id)).actual_status is MachineStatus.STOPPED


async def test_no_more_runs_are_under_way_than_the_setting_allows(one: Core, shim: Shim) -> None:
    one.host.settings.set(CONCURRENT_RUNS, 2)
    shim.set("plan.hang")
    asks = [await one.create(f"m{number}", auto_approve=True) for number in range(5)]
    await until(lambda: len(shim.calls("plan")) == 2, what="two plans")
    open_ = await one.call(ListDeployments(team_id=one.team_id, state=DeploymentState.PLANNING))
    assert len(open_) == 2
    shim.clear("plan.hang")
    assert [(await one.ended(ask.deployment_id)).state for ask in asks] == [SUCCEEDED] * 5


async def test_power_actions_go_straight_to_the_provider(one: Core, shim: Shim) -> None:
    machine = await one.made()
    plans = len(shim.calls("plan"))
    for ask, status in (
        (StopMachine(machine_id=machine.machine_id), MachineStatus.STOPPED),
        (StartMachine(machine_id=machine.machine_id), MachineStatus.RUNNING),
        (RebootMachine(machine_id=machine.machine_id), MachineStatus.RUNNING),
    ):
        ended = await one.ended(await one.made_of(ask))
        assert ended.state is SUCCEEDED
        assert (await one.machine(machine.machine_id)).actual_status is status
    assert len(shim.calls("plan")) == plans


# Cancelling


async def test_cancelling_a_queued_run_ends_it_at_once(tmp_path: Path, shim: Shim) -> None:
    async with core(tmp_path / "home", engine=shim.program) as made:
        ask = await made.create()
        assert (await made.call(CancelDeployment(deployment_id=ask.deployment_id))).state is CANCELLED
        assert (await made.machine(ask.machine_id)).actual_status is MachineStatus.TERMINATED


async def test_cancelling_while_planning_interrupts_and_leaves_nothing(one: Core, shim: Shim) -> None:
    shim.set("plan.hang")
    ask = await one.create()
    await until(lambda: bool(shim.calls("plan")))
    await one.call(CancelDeployment(deployment_id=ask.deployment_id))
    assert (await one.ended(ask.deployment_id)).state is CANCELLED
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.TERMINATED
    await one.wiped()
    assert not processes_in(one.paths.runs)


async def test_cancelling_an_apply_interrupts_once_and_a_destroy_cleans_up(one: Core, shim: Shim) -> None:
    shim.set("apply.seconds", "30")
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(shim.events("create")))
    await one.call(CancelDeployment(deployment_id=ask.deployment_id))
    assert (await one.ended(ask.deployment_id)).state is CANCELLED
    assert len(shim.events("interrupt")) == 1
    machine = await one.machine(ask.machine_id)
    assert machine.actual_status is MachineStatus.ERROR
    assert machine.status_reason.startswith("Half created")
    assert one.sql("SELECT count(*) FROM terraform_state") == [(1,)]
    await one.wiped()

    shim.clear("apply.seconds")
    ending = await one.call(DestroyMachine(machine_id=ask.machine_id, auto_approve=True))
    assert (await one.ended(ending.deployment_id)).state is SUCCEEDED
    gone = await one.machine(ask.machine_id)
    assert gone.actual_status is MachineStatus.TERMINATED
    assert gone.terraform_state_status is TerraformStateStatus.NONE
    assert len(shim.events("delete")) == 1


async def test_a_second_cancel_by_itself_does_not_interrupt_again_but_force_does(one: Core, shim: Shim) -> None:
    shim.set("apply.seconds", "30")
    shim.set("apply.ignore-interrupts", "1")
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(shim.events("create")))
    with pytest.raises(Conflict) as caught:
        await one.call(CancelDeployment(deployment_id=ask.deployment_id, force=True))
    assert caught.value.code == "E-CANCEL-FIRST"
    assert shim.events("interrupt") == []

    await one.call(CancelDeployment(deployment_id=ask.deployment_id))
    await until(lambda: len(shim.events("interrupt")) == 1)
    await one.call(CancelDeployment(deployment_id=ask.deployment_id))
    await asyncio.sleep(0.3)
    assert len(shim.events("interrupt")) == 1

    await one.call(CancelDeployment(deployment_id=ask.deployment_id, force=True))
    assert (await one.ended(ask.deployment_id)).state is CANCELLED
    assert len(shim.events("interrupt")) == 2


async def test_a_cancel_that_meets_the_claim_is_heard(one: Core, shim: Shim) -> None:
    for number in range(8):
        ask = await one.create(f"m{number}", auto_approve=True)

        async def is_claimed(name: str = ask.deployment_id) -> bool:
            return (await one.deployment(name)).state is not DeploymentState.QUEUED

        shim.set("apply.hang")
        await until(is_claimed)
        await one.call(CancelDeployment(deployment_id=ask.deployment_id))
        assert (await one.ended(ask.deployment_id)).state is CANCELLED


async def test_an_ended_run_cannot_be_cancelled(one: Core) -> None:
    ask = await one.create(auto_approve=True)
    await one.ended(ask.deployment_id)
    with pytest.raises(Conflict) as caught:
        await one.call(CancelDeployment(deployment_id=ask.deployment_id))
    assert caught.value.code == "E-DEPLOYMENT-ENDED"


# Failing


async def test_a_failed_plan_leaves_the_machine_to_be_tried_again(one: Core, shim: Shim) -> None:
    shim.set("plan.exit", "1")
    ask = await one.create(auto_approve=True)
    ended = await one.ended(ask.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-TF-PLAN")
    assert "told to fail" in (ended.error_message or "")
    assert ended.error_hint
    machine = await one.machine(ask.machine_id)
    assert machine.actual_status is MachineStatus.ERROR
    assert machine.status_reason == ended.error_message
    await one.wiped()
    shim.clear("plan.exit")
    retry = await one.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    assert (await one.ended(retry.deployment_id)).state is SUCCEEDED
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.RUNNING


async def test_a_failed_apply_keeps_what_was_made_and_a_retry_completes_it(one: Core, shim: Shim) -> None:
    shim.set("apply.exit-after", "1")
    ask = await one.create(auto_approve=True)
    ended = await one.ended(ask.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-TF-APPLY")
    machine = await one.machine(ask.machine_id)
    assert machine.actual_status is MachineStatus.ERROR
    assert one.sql("SELECT count(*) FROM terraform_state") == [(1,)]
    shim.clear("apply.exit-after")
    retry = await one.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    assert (await one.ended(retry.deployment_id)).state is SUCCEEDED
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.RUNNING
    assert len(shim.events("create")) == 1


async def test_a_state_that_terraform_could_not_write_is_recovered_and_never_in_the_log(one: Core, shim: Shim) -> None:
    shim.set("apply.no-state")
    ask = await one.create(auto_approve=True, tags=("tag-in-the-state",))
    assert (await one.ended(ask.deployment_id)).state is FAILED
    [(serial, envelope)] = one.sql("SELECT serial, envelope FROM terraform_state")
    assert isinstance(envelope, bytes)
    raw = one.host.vault.open_bytes(one.team_id, "terraform_state", ask.machine_id, "state", int(str(serial)), envelope)
    assert b"tag-in-the-state" in raw
    said = await one.log(ask.deployment_id)
    assert any("saved for recovery" in text for text in said)
    assert not any("lineage" in text or "tag-in-the-state" in text for text in said)
    shim.clear("apply.no-state")
    retry = await one.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    assert (await one.ended(retry.deployment_id)).state is SUCCEEDED
    assert len(shim.events("create")) == 1


async def test_a_state_in_the_errored_file_is_stored(one: Core, shim: Shim) -> None:
    shim.set("apply.errored-state")
    ask = await one.create(auto_approve=True)
    assert (await one.ended(ask.deployment_id)).state is FAILED
    assert one.sql("SELECT count(*) FROM terraform_state") == [(1,)]


async def test_a_terraform_killed_while_it_changes_things_is_never_run_again_by_itself(one: Core, shim: Shim) -> None:
    shim.set("apply.seconds", "30")
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(shim.events("create")))
    os.kill(int(shim.events("create")[0][2]), signal.SIGKILL)
    ended = await one.ended(ask.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-RUN-INTERRUPTED")
    assert len(shim.calls("apply")) == 1
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.ERROR
    assert not processes_in(one.paths.runs)


async def test_an_apply_whose_launcher_died_before_it_began_is_started_again(
    one: Core, shim: Shim, monkeypatch: pytest.MonkeyPatch
) -> None:
    died: list[str] = []

    def launch_badly(folder: Path, *arguments: object, **named: object) -> Launch:
        if folder.name != "apply" or died:
            return launch(folder, *arguments, **named)  # type: ignore[arg-type]
        died.append(folder.name)
        (folder / "commands").write_text(boot_id())
        return Launch(folder, boot_id())

    monkeypatch.setattr(commands_module, "launch", launch_badly)
    ask = await one.create(auto_approve=True)
    ended = await one.ended(ask.deployment_id)
    assert (ended.state, ended.error_message) == (SUCCEEDED, None)
    assert died == ["apply"]
    assert len(shim.events("create")) == 1


async def test_a_terraform_killed_after_its_work_is_adopted(one: Core, shim: Shim) -> None:
    shim.set("apply.hold")
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(shim.events("end")))
    os.kill(int(shim.events("end")[0][2]), signal.SIGKILL)
    ended = await one.ended(ask.deployment_id)
    assert ended.state is SUCCEEDED, ended.error_message
    assert len(shim.calls("apply")) == 1
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.RUNNING


async def test_what_a_dead_terraform_leaves_running_is_ended(one: Core, shim: Shim) -> None:
    shim.set("apply.child")
    shim.set("apply.seconds", "30")
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(shim.events("create")))
    os.kill(int(shim.events("create")[0][2]), signal.SIGKILL)
    await one.ended(ask.deployment_id)
    left = int(await asyncio.to_thread((shim.folder / "child.pid").read_text))
    # Where nobody collects orphans, as the first process of a container may not, it stays as a zombie.
    await until(lambda: not psutil.pid_exists(left) or psutil.Process(left).status() == psutil.STATUS_ZOMBIE)


async def test_leftovers_are_ended_while_the_launcher_that_recorded_the_end_is_still_going(tmp_path: Path) -> None:
    folder = tmp_path / "launch"
    folder.mkdir()
    command = Command(("sh", "-c", "sleep 600 & echo $!"), "out")
    started = launch(folder, (command,), cwd=folder, environment=clean_environment())
    outcome = await started.wait()
    assert outcome.leftovers
    rows = await asyncio.to_thread((folder / "started").read_text)
    launcher = next(row for row in rows.splitlines() if row.startswith("launcher"))
    still_going = f"launcher {os.getpid()} {process_start_time(os.getpid())}"
    await asyncio.to_thread((folder / "started").write_text, rows.replace(launcher, still_going))
    assert started.is_alive()
    assert await asyncio.to_thread(end_leftovers, started) == 1


async def test_a_run_whose_secrets_were_tampered_with_fails_and_says_so(one: Core, shim: Shim) -> None:
    key = await one.call(GenerateKey(team_id=one.team_id, name="k"))
    one.sql("UPDATE sealed SET envelope = CAST(substr(envelope, 1, 150) || x'00' || substr(envelope, 152) AS BLOB)")
    ask = await one.create(auto_approve=True, key_ids=(key.ssh_key_id,))
    ended = await one.ended(ask.deployment_id)
    assert ended.state is FAILED
    assert ended.error_code.startswith("E-VAULT")
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.ERROR
    assert shim.calls("plan") == []


# The engine


async def test_without_terraform_the_run_fails_with_a_next_step_and_the_machine_can_be_tried_again(
    one: Core, shim: Shim
) -> None:
    one.host.settings.set(ENGINE, str(shim.folder / "absent"))
    ask = await one.create(auto_approve=True)
    ended = await one.ended(ask.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-TF-MISSING")
    assert ended.error_hint
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.ERROR
    one.host.settings.set(ENGINE, str(shim.program))
    retry = await one.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    assert (await one.ended(retry.deployment_id)).state is SUCCEEDED


async def test_a_terraform_that_is_too_old_is_refused_before_anything_is_planned(one: Core, shim: Shim) -> None:
    shim.set("version", "1.4.9")
    ask = await one.create(auto_approve=True)
    ended = await one.ended(ask.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-TF-OLD")
    assert shim.calls("plan") == []
    assert (await one.machine(ask.machine_id)).actual_status is MachineStatus.ERROR


# The vault


async def test_while_the_vault_is_locked_runs_wait_and_go_on_when_it_is_unlocked(one: Core, shim: Shim) -> None:
    await one.account()
    await one.call(LockVault())
    ask = await one.create(auto_approve=True)
    await asyncio.sleep(0.3)
    assert (await one.deployment(ask.deployment_id)).state is DeploymentState.QUEUED
    assert shim.calls("plan") == []
    await one.call(UnlockVault(slot="key-file"))
    assert (await one.ended(ask.deployment_id)).state is SUCCEEDED


async def test_a_vault_locked_in_mid_apply_keeps_the_state_until_it_can_be_sealed(one: Core, shim: Shim) -> None:
    shim.set("apply.hang")
    ask = await one.create(auto_approve=True)
    await one.in_phase(ask.deployment_id, "apply")
    await one.call(LockVault())
    shim.clear("apply.hang")
    await until(lambda: bool(shim.events("end")))
    await asyncio.sleep(0.3)
    assert (await one.deployment(ask.deployment_id)).state is DeploymentState.APPLYING
    await one.call(UnlockVault(slot="key-file"))
    assert (await one.ended(ask.deployment_id)).state is SUCCEEDED
    assert one.sql("SELECT count(*) FROM terraform_state") == [(1,)]


# Secrets


async def test_a_secret_in_terraforms_own_words_is_nowhere_kept(one: Core, shim: Shim) -> None:
    secret = Secret("canary-in-a-diagnostic-4711")
    logs.REDACTOR.learn(secret.reveal())
    told = {"severity": "error", "summary": f"login as {secret.reveal()} refused", "detail": ""}
    event = {"@level": "error", "@message": "Error", "type": "diagnostic", "diagnostic": told}
    shim.set("apply.raw", json.dumps(event))
    shim.set("apply.exit-after", "1")
    ask = await one.create(auto_approve=True)
    ended = await one.ended(ask.deployment_id)
    assert ended.state is FAILED
    assert "refused" in (ended.error_message or "")
    database = await asyncio.to_thread(one.paths.database.read_bytes)
    assert secret.reveal().encode() not in database


# What is said


@pytest.mark.parametrize(
    "raw", ["{broken", "\udcff\udcfe", '{"type":"planned_change","change":7}', '{"@message":null}', "[]", "\x1b[31mred"]
)
async def test_whatever_terraform_prints_the_exit_code_decides(one: Core, shim: Shim, raw: str) -> None:
    (shim.folder / "apply.raw").write_text(raw, errors="surrogateescape")
    ask = await one.create(auto_approve=True)
    assert (await one.ended(ask.deployment_id)).state is SUCCEEDED


async def test_what_is_said_on_standard_error_is_a_warning_in_the_log(one: Core, shim: Shim) -> None:
    shim.set("apply.stderr", "the sky is falling")
    ask = await one.create(auto_approve=True)
    await one.ended(ask.deployment_id)
    chunk = await one.call(ReadLog(deployment_id=ask.deployment_id))
    assert [line.level for line in chunk.lines if line.text == "the sky is falling"] == [LogLevel.WARNING]


async def test_every_line_is_kept_once_and_in_order(one: Core, shim: Shim) -> None:
    shim.set("apply.lines", "5000")
    ask = await one.create(auto_approve=True)
    await one.ended(ask.deployment_id)
    said = [text for text in await one.log(ask.deployment_id) if text.startswith("line ")]
    assert said == [f"line {number}" for number in range(5000)]


# Restarting


async def test_a_run_goes_on_after_the_host_was_stopped_and_started(tmp_path: Path, shim: Shim) -> None:
    shim.set("apply.hang")
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as first:
        ask = await first.create(auto_approve=True)
        await first.in_phase(ask.deployment_id, "apply")
        await until(lambda: bool(shim.calls("apply")))
    assert processes_in(tmp_path / "home" / "runs")
    # A stopped host's process is dead as a rule; here it lives on, under the same name, and takes its own run up.
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as second:
        shim.clear("apply.hang")
        assert (await second.ended(ask.deployment_id)).state is SUCCEEDED
    assert len(shim.calls("apply")) == 1


async def test_an_approval_given_while_no_deployer_runs_is_carried_out_by_the_next(tmp_path: Path, shim: Shim) -> None:
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as first:
        ask = await first.create()
        await first.resting(ask.deployment_id)
    async with core(tmp_path / "home", engine=shim.program) as second:
        await second.call(ApproveDeployment(deployment_id=ask.deployment_id))
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as third:
        assert (await third.ended(ask.deployment_id)).state is SUCCEEDED
    assert len(shim.events("create")) == 1


async def test_a_deployer_limited_to_some_runs_leaves_the_others(tmp_path: Path, shim: Shim) -> None:
    async with core(tmp_path / "home", engine=shim.program) as made:
        other = await made.create("other", auto_approve=True)
        mine = await made.create("mine", auto_approve=True)
        made.host.start_deployer(only=(mine.deployment_id,))
        assert (await made.ended(mine.deployment_id)).state is SUCCEEDED
        assert (await made.deployment(other.deployment_id)).state is DeploymentState.QUEUED


async def test_what_a_crash_left_in_a_run_folder_is_wiped_at_the_next_start(tmp_path: Path, shim: Shim) -> None:
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as made:
        machine = await made.made()
    left = tmp_path / "home" / "runs" / machine.machine_id / "terraform.tfstate"
    left.write_text("{}")
    async with core(tmp_path / "home", engine=shim.program, deployer=True) as made:
        await made.wiped()
