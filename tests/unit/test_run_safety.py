"""A run in trouble loses nothing and repeats nothing: its folder, its state and what runs outside are waited for."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from machina_desktop.core import host as host_module
from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import MachineFacts, MachineStatus
from machina_desktop.core.providers.base import HookContext
from machina_desktop.core.services.deployments import CancelDeployment
from machina_desktop.core.services.keys import GenerateKey
from machina_desktop.core.services.machines import DestroyMachine, RebootMachine, RetryMachine
from machina_desktop.core.terraform.workspace import run_lock
from machina_desktop.core.workers import deployer as deployer_module
from machina_desktop.core.workers.commands import is_busy
from tests.fakes import terraform_shim
from tests.fakes.hosts import Core, core, read_sql, until
from tests.fakes.provider import RecordProvider

SUCCEEDED, FAILED, CANCELLED = DeploymentState.SUCCEEDED, DeploymentState.FAILED, DeploymentState.CANCELLED
APPLYING = DeploymentState.APPLYING


@pytest.fixture
def shim(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "shim"
    terraform_shim.install(folder)
    yield folder
    for knob in ("plan.hang", "apply.hang", "apply.hold"):
        (folder / knob).unlink(missing_ok=True)


@pytest.fixture
async def one(tmp_path: Path, shim: Path) -> AsyncIterator[Core]:
    async with core(tmp_path / "home", engine=shim / "terraform", deployer=True) as made:
        yield made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deployer looks, and tries again, five times a second."""
    monkeypatch.setattr(deployer_module, "LOOK_S", 0.2)


def refuse(made: Core, table: str, what: str = "BEFORE INSERT", when: str = "1") -> None:
    """Let the database refuse a write from now on; any fault that lasts will do."""
    made.sql(f"CREATE TRIGGER refused {what} ON {table} WHEN {when} BEGIN SELECT RAISE(ABORT, 'refused'); END")


def accept(made: Core) -> None:
    made.sql("DROP TRIGGER refused")


class Gated(RecordProvider):
    """Its hooks wait until they are let through, and count."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.actions: list[str] = []

    async def before_apply(self, context: HookContext) -> MachineFacts:
        self.entered.set()
        await self.gate.wait()
        return MachineFacts()

    async def power(self, context: HookContext, action: str) -> MachineFacts:
        self.actions.append(action)
        self.entered.set()
        await self.gate.wait()
        return MachineFacts(status=MachineStatus.RUNNING)


# The folder


async def test_a_run_waits_until_another_process_has_left_its_folder(one: Core, shim: Path) -> None:
    ask = await one.create()
    await one.call(CancelDeployment(deployment_id=(await one.resting(ask.deployment_id)).deployment_id))
    machine = await one.made("m2")
    async with run_lock(one.paths.run_locks / machine.machine_id) as is_ours:
        assert is_ours
        plans = len((shim / "calls").read_text().splitlines())
        ending = await one.call(DestroyMachine(machine_id=machine.machine_id, auto_approve=True))

        async def is_claimed() -> bool:
            return (await one.deployment(ending.deployment_id)).state is DeploymentState.PLANNING

        await until(is_claimed)
        await asyncio.sleep(0.3)
        assert len((shim / "calls").read_text().splitlines()) == plans
    assert (await one.ended(ending.deployment_id)).state is SUCCEEDED


async def test_a_folder_in_use_by_another_process_is_not_wiped(tmp_path: Path, shim: Path) -> None:
    home = tmp_path / "home"
    left = home / "runs" / "machine-x" / "tfplan"
    left.parent.mkdir(parents=True)
    left.write_text("plan")
    async with run_lock(home / "run-locks" / "machine-x"):
        async with core(home, engine=shim / "terraform", deployer=True) as made:
            await made.made()
        assert left.exists()
    async with core(home, engine=shim / "terraform", deployer=True) as made:
        await made.wiped()


async def test_what_a_crash_left_beside_a_waiting_plan_is_wiped_and_the_plan_is_not(tmp_path: Path, shim: Path) -> None:
    home = tmp_path / "home"
    async with core(home, engine=shim / "terraform", deployer=True) as first:
        ask = await first.create()
        await first.resting(ask.deployment_id)
    folder = home / "runs" / ask.machine_id
    (folder / "terraform.tfstate").write_text("{}")
    (folder / "launches" / "x").mkdir(parents=True)
    async with core(home, engine=shim / "terraform", deployer=True) as second:
        await until(lambda: not (folder / "launches").exists() and not (folder / "terraform.tfstate").exists())
        assert (await second.approve(ask.deployment_id)).state is SUCCEEDED


async def test_a_folder_that_cannot_be_wiped_keeps_no_other_machine_waiting(tmp_path: Path, shim: Path) -> None:
    home = tmp_path / "home"
    left = home / "runs" / "machine-x" / "tfplan"
    left.parent.mkdir(parents=True)
    left.write_text("plan")
    (home / "run-locks" / "machine-x").mkdir(parents=True)
    async with core(home, engine=shim / "terraform", deployer=True) as made:
        await made.made()


async def test_a_deployer_that_breaks_is_started_again(
    tmp_path: Path, shim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_module, "RESTART_S", 0.1)
    home = tmp_path / "home"
    (shim / "plan.hang").touch()
    async with core(home, engine=shim / "terraform", deployer=True) as first:
        ask = await first.create(auto_approve=True)
        await until(lambda: (shim / "calls").exists() and '"plan"' in (shim / "calls").read_text())
    read_sql(home / "machina.db", "UPDATE lease SET runner_id = 'nonsense'")
    async with core(home, engine=shim / "terraform", deployer=True) as second:
        await asyncio.sleep(0.3)
        second.sql("UPDATE lease SET runner_id = '1:0.0:another-boot'")
        (shim / "plan.hang").unlink()
        assert (await second.ended(ask.deployment_id)).state is SUCCEEDED


def test_a_folder_that_vanishes_while_it_is_looked_at_is_not_busy(tmp_path: Path) -> None:
    is_over = threading.Event()

    def churn() -> None:
        while not is_over.is_set():
            (tmp_path / "launches" / "run" / "plan").mkdir(parents=True)
            shutil.rmtree(tmp_path / "launches")

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        assert not any(is_busy(tmp_path) for _ in range(2000))
    finally:
        is_over.set()
        thread.join()


# What still runs outside


async def test_a_run_whose_log_cannot_be_stored_is_not_ended_while_terraform_works(one: Core, shim: Path) -> None:
    (shim / "apply.lines").write_text("400")
    (shim / "apply.line-delay-ms").write_text("5")
    ask = await one.create(auto_approve=True)
    await one.in_phase(ask.deployment_id, "apply")
    refuse(one, "log_chunk", when="instr(NEW.data, CAST('line ' AS BLOB)) > 0")
    await asyncio.sleep(1.0)
    assert (await one.deployment(ask.deployment_id)).state is APPLYING
    accept(one)
    assert (await one.ended(ask.deployment_id)).state is SUCCEEDED
    said = [text for text in await one.log(ask.deployment_id) if text.startswith("line ")]
    assert said == [f"line {number}" for number in range(400)]
    assert len(terraform_shim.ledger(shim, "create")) == 1


async def test_an_end_that_cannot_be_reported_is_tried_again_but_not_at_once(one: Core, shim: Path) -> None:
    (shim / "plan.exit").write_text("1")
    await one.account()
    refuse(one, "deployment", "BEFORE UPDATE", "NEW.state = 'failed'")
    ask = await one.create(auto_approve=True)
    began = time.monotonic()

    async def is_taken_again_and_again() -> bool:
        return sum(event.action == "deployment.take_over" for event in await one.audit()) >= 3

    await until(is_taken_again_and_again, what="the third try")
    assert time.monotonic() - began > 3 * deployer_module.LOOK_S * 0.9
    accept(one)
    assert (await one.ended(ask.deployment_id)).state is FAILED


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGABRT])
async def test_a_terraform_that_died_of_any_signal_is_looked_after_not_blamed(
    one: Core, shim: Path, number: signal.Signals
) -> None:
    (shim / "apply.hold").touch()
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(terraform_shim.ledger(shim, "end")))
    os.kill(int(terraform_shim.ledger(shim, "end")[0][2]), number)
    ended = await one.ended(ask.deployment_id)
    assert ended.state is SUCCEEDED, ended.error_message
    assert len(terraform_shim.ledger(shim, "create")) == 1


async def test_a_run_whose_end_is_unknown_says_that_it_needs_recovery(one: Core, shim: Path) -> None:
    (shim / "apply.seconds").write_text("30")
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(terraform_shim.ledger(shim, "create")))
    os.kill(int(terraform_shim.ledger(shim, "create")[0][2]), signal.SIGKILL)
    ended = await one.ended(ask.deployment_id)
    assert (ended.state, ended.error_code, ended.needs_recovery) == (FAILED, "E-RUN-INTERRUPTED", True)


async def test_a_run_that_cannot_be_taken_up_leaves_a_terraform_at_work_alone(tmp_path: Path, shim: Path) -> None:
    home = tmp_path / "home"
    (shim / "apply.hang").touch()
    async with core(home, engine=shim / "terraform", deployer=True) as first:
        key = await first.call(GenerateKey(team_id=first.team_id, name="k"))
        ask = await first.create(auto_approve=True, key_ids=(key.ssh_key_id,))
        await first.in_phase(ask.deployment_id, "apply")
        await until(lambda: '"apply"' in (shim / "calls").read_text())
    [(whole,)] = read_sql(home / "machina.db", "SELECT envelope FROM sealed")
    tampered = "CAST(substr(envelope, 1, 150) || x'00' || substr(envelope, 152) AS BLOB)"
    read_sql(home / "machina.db", f"UPDATE sealed SET envelope = {tampered}")
    async with core(home, engine=shim / "terraform", deployer=True) as second:
        await asyncio.sleep(0.7)
        assert (await second.deployment(ask.deployment_id)).state is APPLYING
        assert (home / "runs" / ask.machine_id / "launches").exists()
        second.sql("UPDATE sealed SET envelope = ?", whole)
        (shim / "apply.hang").unlink()
        assert (await second.ended(ask.deployment_id)).state is SUCCEEDED
        await second.wiped()


async def test_a_plan_that_went_stale_leaves_no_machine_on_its_way_for_ever(one: Core, shim: Path) -> None:
    machine = await one.made()
    ending = await one.call(DestroyMachine(machine_id=machine.machine_id))
    await one.resting(ending.deployment_id)
    (one.paths.runs / machine.machine_id / "tfplan").write_text("{}")
    ended = await one.approve(ending.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-PLAN-STALE")
    left = await one.machine(machine.machine_id)
    assert (left.actual_status, left.status_reason) == (MachineStatus.ERROR, ended.error_message)


async def test_a_plan_changed_while_the_provider_got_ready_is_not_applied(tmp_path: Path, shim: Path) -> None:
    provider = Gated()
    async with core(tmp_path / "home", engine=shim / "terraform", provider=provider, deployer=True) as made:
        ask = await made.create(auto_approve=True)
        await provider.entered.wait()
        (made.paths.runs / ask.machine_id / "tfplan").write_text('{"complete": true}')
        provider.gate.set()
        assert (await made.ended(ask.deployment_id)).error_code == "E-PLAN-STALE"
    assert '"apply"' not in (shim / "calls").read_text()


# The state


async def test_a_state_that_could_not_be_stored_stays_until_the_next_run_stores_it(tmp_path: Path, shim: Path) -> None:
    home = tmp_path / "home"
    async with core(home, engine=shim / "terraform", deployer=True) as first:
        await first.account()
        refuse(first, "terraform_state")
        ask = await first.create(auto_approve=True)
        assert (await first.ended(ask.deployment_id)).state is FAILED
    state = home / "runs" / ask.machine_id / "terraform.tfstate"
    async with core(home, engine=shim / "terraform", deployer=True) as second:
        await asyncio.sleep(0.3)
        assert state.exists()
        accept(second)
        retry = await second.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
        assert (await second.ended(retry.deployment_id)).state is SUCCEEDED
        assert second.sql("SELECT count(*) FROM terraform_state WHERE machine_id = ?", ask.machine_id) == [(1,)]
        await second.wiped()
    assert [row[3] for row in terraform_shim.ledger(shim, "create")].count(str(state.parent)) == 1


async def test_a_state_waits_for_the_vault_to_be_able_to_seal_it(one: Core, shim: Path) -> None:
    await one.account()
    in_the_way = one.paths.home / "vault.json.new"
    in_the_way.mkdir()
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(terraform_shim.ledger(shim, "end")))
    await asyncio.sleep(0.5)
    assert (await one.deployment(ask.deployment_id)).state is APPLYING
    in_the_way.rmdir()
    assert (await one.ended(ask.deployment_id)).state is SUCCEEDED
    assert one.sql("SELECT count(*) FROM terraform_state") == [(1,)]


async def test_a_printed_state_is_kept_even_when_the_file_was_left_half_written(one: Core, shim: Path) -> None:
    (shim / "apply.no-state").touch()
    (shim / "apply.hold").touch()
    ask = await one.create(auto_approve=True)
    await until(lambda: bool(terraform_shim.ledger(shim, "end")))
    (one.paths.runs / ask.machine_id / "terraform.tfstate").write_text('{"version": 4, "ser')
    (shim / "apply.hold").unlink()
    assert (await one.ended(ask.deployment_id)).error_code == "E-TF-APPLY"
    assert one.sql("SELECT count(*) FROM terraform_state") == [(1,)]


async def test_a_machine_of_which_something_is_left_on_record_is_not_gone(one: Core, shim: Path) -> None:
    machine = await one.made()
    (shim / "apply.hold").touch()
    ends = len(terraform_shim.ledger(shim, "end"))
    ending = await one.call(DestroyMachine(machine_id=machine.machine_id, auto_approve=True))
    await until(lambda: len(terraform_shim.ledger(shim, "end")) > ends)
    file = one.paths.runs / machine.machine_id / "terraform.tfstate"
    state = json.loads(file.read_text())
    file.write_text(json.dumps(state | {"serial": state["serial"] + 1, "resources": [{"type": "left"}]}))
    (shim / "apply.hold").unlink()
    ended = await one.ended(ending.deployment_id)
    assert (ended.state, ended.error_code) == (FAILED, "E-TF-DESTROY")
    assert (await one.machine(machine.machine_id)).actual_status is MachineStatus.ERROR


# Cancel and power


async def test_a_cancel_that_only_the_store_knows_keeps_terraform_from_starting(tmp_path: Path, shim: Path) -> None:
    provider = Gated()
    async with core(tmp_path / "home", engine=shim / "terraform", provider=provider, deployer=True) as made:
        ask = await made.create(auto_approve=True)
        await provider.entered.wait()
        made.sql("UPDATE deployment SET cancel_level = 1")
        provider.gate.set()
        assert (await made.ended(ask.deployment_id)).state is CANCELLED
    assert '"apply"' not in (shim / "calls").read_text()


async def test_a_reboot_cut_off_in_the_middle_is_not_done_twice(tmp_path: Path, shim: Path) -> None:
    provider = Gated()
    provider.gate.set()
    async with core(tmp_path / "home", engine=shim / "terraform", provider=provider, deployer=True) as first:
        machine = await first.made()
        provider.gate.clear()
        provider.entered.clear()
        run = await first.call(RebootMachine(machine_id=machine.machine_id))
        await provider.entered.wait()
    provider.gate.set()
    async with core(tmp_path / "home", engine=shim / "terraform", provider=provider, deployer=True) as second:
        ended = await second.ended(run.deployment_id)
        assert (ended.state, ended.error_code) == (FAILED, "E-RUN-INTERRUPTED")
        assert (await second.machine(machine.machine_id)).actual_status is MachineStatus.ERROR
    assert provider.actions == ["reboot"]
