"""Runners on several hosts: who claims, who waits for whom, and what becomes of a run whose host is gone.

Proof of F14, F15 of trust.md.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from machina_desktop.core.config import Paths, Settings
from machina_desktop.core.domain.custody import RunnerKey
from machina_desktop.core.domain.deployment import Deployment, DeploymentState, Lease
from machina_desktop.core.domain.machine import MachineStatus, TerraformStateStatus
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ids import now
from machina_desktop.core.providers.base import Provider
from machina_desktop.core.services.deployments import ApproveDeployment, CancelDeployment
from machina_desktop.core.services.machines import DestroyMachine, RebootMachine, RetryMachine
from machina_desktop.core.services.reports import Claim, ClaimDeployment, RequeueDeployment, _is_free
from machina_desktop.core.services.runner_keys import RegisterRunnerKey, ShowRunnerKey
from machina_desktop.core.terraform.engine import find_engine
from machina_desktop.core.vault.runner_vault import RunnerVault, public_half
from machina_desktop.core.vault.sealed_box import encoded
from machina_desktop.core.workers.deployer import RUNNER, Deployer, Parts
from machina_desktop.core.workers.holders import Holders
from tests.fakes import terraform_shim
from tests.fakes.hosts import Core, core, until
from tests.fakes.provider import RecordProvider

LEASE_S = 1.5
INTERRUPTED = "E-RUN-INTERRUPTED"
KEY = bytes(range(32))


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Core]:
    """The teams' home, which carries nothing out itself."""
    async with core(tmp_path / "home") as made:
        yield made


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    terraform_shim.install(tmp_path / "shim")
    return tmp_path / "shim"


class Hosts:
    """Runners, each on a host of its own: with a data folder of its own, seen from the others by its leases only."""

    def __init__(self, home: Core, shim: Path, folder: Path) -> None:
        self.home, self.shim, self.folder = home, shim, folder
        self.running: dict[str, tuple[Deployer, asyncio.Task[None]]] = {}

    def paths(self, name: str) -> Paths:
        return Paths(self.folder / name)

    async def start(self, name: str) -> Deployer:
        paths = self.paths(name)
        paths.create()
        engine = await asyncio.to_thread(find_engine, str(self.shim / "terraform"), "")

        async def found() -> object:
            return engine

        host = self.home.host
        made = Deployer(
            Parts(
                paths=paths,
                settings=Settings(paths.settings),
                database=host.database,
                vault=RunnerVault(KEY),
                bus=host.bus,
                execute=host.dispatcher.execute,
                find_engine=found,  # type: ignore[arg-type]
                is_server=True,
                lease_s=LEASE_S,
            )
        )
        self.running[name] = (made, asyncio.create_task(made.run()))
        return made

    async def lose(self, name: str) -> None:
        """It is gone, and what it had launched may go on."""
        made, task = self.running.pop(name)
        task.cancel()
        await made.stop()
        await asyncio.wait([task])


@pytest.fixture
async def hosts(home: Core, shim: Path, tmp_path: Path) -> AsyncIterator[Hosts]:
    made = Hosts(home, shim, tmp_path)
    yield made
    for name in list(made.running):
        await made.lose(name)


def begun(shim: Path) -> int:
    return len(terraform_shim.ledger(shim, "begin"))


# Claiming


async def test_of_fifty_that_claim_one_run_one_gets_it(tmp_path: Path, each_store: str) -> None:
    del each_store
    async with core(tmp_path / "home") as made:
        for round_ in range(5):
            ask = await made.create(f"m{round_}")
            claims = [
                ClaimDeployment(runner_id=f"host-{number}:{number}:1.0:boot", lease_s=30, only=(ask.deployment_id,))
                for number in range(50)
            ]
            found = await asyncio.gather(*(made.host.dispatcher.execute(RUNNER, claim) for claim in claims))
            [winner] = [claim for claim in found if claim is not None]
            [(holder, fence)] = made.sql(
                "SELECT runner_id, fence FROM lease WHERE deployment_id = ?", ask.deployment_id
            )
            assert holder == claims[found.index(winner)].runner_id
            assert fence == winner.fence == 1


async def test_what_was_taken_since_it_was_listed_is_not_free(home: Core) -> None:
    ask = await home.create()
    listed = await home.deployment(ask.deployment_id)
    await home.call(CancelDeployment(deployment_id=ask.deployment_id))
    assert not await home.host.database.read(RUNNER, lambda tx: _is_free(tx, listed))


async def test_runners_leave_alone_what_a_persons_computer_shall_carry_out(home: Core, hosts: Hosts) -> None:
    ask, other = await home.create("theirs"), await home.create("ours", auto_approve=True)
    home.sql("UPDATE deployment SET runs_on = 'device-1' WHERE deployment_id = ?", ask.deployment_id)
    await hosts.start("one")
    await home.ended(other.deployment_id)
    assert (await home.deployment(ask.deployment_id)).state is DeploymentState.QUEUED


async def test_a_copy_of_a_team_that_lives_elsewhere_is_not_carried_out(home: Core, hosts: Hosts) -> None:
    ask = await home.create("theirs", auto_approve=True)
    await home.host.database.write(
        RUNNER, lambda *_: None, lambda tx: tx.replace(replace(tx.get(_team(), home.team_id), home="https://elsewhere"))
    )
    await hosts.start("one")
    claim = ClaimDeployment(runner_id="host:1:1.0:boot", lease_s=30, only=(ask.deployment_id,))
    assert await home.host.dispatcher.execute(RUNNER, claim) is None
    assert (await home.deployment(ask.deployment_id)).state is DeploymentState.QUEUED


def _team() -> type:
    from machina_desktop.core.domain.team import Team

    return Team


async def test_of_two_keys_that_are_registered_at_once_one_is_refused(tmp_path: Path, each_store: str) -> None:
    del each_store
    async with core(tmp_path / "home") as made:
        asks = [RegisterRunnerKey(public_key=encoded(public_half(bytes([number] * 32)))) for number in range(4)]
        found = await asyncio.gather(
            *(made.host.dispatcher.execute(RUNNER, ask) for ask in asks), return_exceptions=True
        )
        [winner] = [each for each in found if isinstance(each, RunnerKey)]
        assert {each.code for each in found if isinstance(each, MachinaError)} == {"E-RUNNER-KEY"}
        assert await made.host.dispatcher.execute(RUNNER, ShowRunnerKey()) == winner
        again = await made.host.dispatcher.execute(RUNNER, RegisterRunnerKey(public_key=winner.public_key))
        assert again == winner


# Who still holds a lease


def lease(runner_id: str, fence: int = 1, **fields: object) -> Lease:
    return Lease(deployment_id="d", team_id="t", runner_id=runner_id, fence=fence, until=now(), **fields)  # type: ignore[arg-type]


def test_on_one_host_a_dead_process_frees_its_lease_at_once(tmp_path: Path) -> None:
    holders = Holders(tmp_path)
    host, pid, start, boot = holders.own.split(":")
    assert not holders.is_elsewhere(lease(holders.own))
    assert holders.is_orphan(lease(f"{host}:{pid}:1.0:{boot}"))
    assert holders.is_orphan(lease(f"{host}:{pid}:{start}:another boot"))
    assert not holders.is_orphan(lease(f"{host}:1:{_start_of(1)}:{boot}"))


def test_leases_of_earlier_versions_are_this_hosts(tmp_path: Path) -> None:
    holders = Holders(tmp_path)
    _host, pid, start, boot = holders.own.split(":")
    assert not holders.is_orphan(lease(f"{pid}:{start}:{boot}"))
    assert holders.is_orphan(lease(f"{pid}:1.0:{boot}"))


def _start_of(pid: int) -> float | None:
    from machina_desktop.core.process import process_start_time

    return process_start_time(pid)


async def test_another_hosts_lease_counts_as_long_as_it_is_renewed(tmp_path: Path) -> None:
    holders = Holders(tmp_path / "a", lease_s=0.3)
    foreign = Holders(tmp_path / "b").own
    held = lease(foreign)
    assert not holders.is_orphan(held)
    for _ in range(4):
        held = replace(held, until=now())
        await asyncio.sleep(0.1)
        assert not holders.is_orphan(held)
    await until(lambda: holders.is_orphan(held), what="the end of the lease")
    assert not holders.is_orphan(replace(held, fence=2)), "somebody has taken it over"


async def test_a_clock_that_is_wrong_ends_no_lease(tmp_path: Path) -> None:
    from datetime import timedelta

    holders = Holders(tmp_path / "a", lease_s=30)
    held = replace(lease(Holders(tmp_path / "b").own), until=now() - timedelta(days=1))
    assert not holders.is_orphan(held)
    assert not holders.is_orphan(held)


# Hosts that are gone


async def test_a_plan_of_a_lost_host_is_made_again_and_applied_once(home: Core, hosts: Hosts, shim: Path) -> None:
    (shim / "plan.hang").touch()
    await hosts.start("one")
    ask = await home.create(auto_approve=True)
    await home.in_phase(ask.deployment_id, "claimed")
    await until(lambda: bool((shim / "calls").exists()), what="the plan")
    await hosts.lose("one")
    (shim / "plan.hang").unlink()
    await hosts.start("two")
    ended = await home.ended(ask.deployment_id)
    assert (ended.state, ended.attempt, begun(shim)) == (DeploymentState.SUCCEEDED, 2, 1)


async def test_an_approved_plan_is_applied_where_it_was_made(home: Core, hosts: Hosts, shim: Path) -> None:
    await hosts.start("one")
    ask = await home.create()
    await home.resting(ask.deployment_id)
    assert (await home.approve(ask.deployment_id)).state is DeploymentState.SUCCEEDED
    [row] = terraform_shim.ledger(shim, "begin")
    assert Path(row[3]).is_relative_to(hosts.paths("one").runs)


async def test_an_approved_plan_whose_host_is_lost_is_made_again_and_asks_again(
    home: Core, hosts: Hosts, shim: Path
) -> None:
    await hosts.start("one")
    ask = await home.create()
    await home.resting(ask.deployment_id)
    await hosts.lose("one")
    await home.call(ApproveDeployment(deployment_id=ask.deployment_id))
    await hosts.start("two")
    again = await home.resting(ask.deployment_id)
    assert (again.state, again.approved_by) == (DeploymentState.AWAITING_APPROVAL, "")
    assert (_calls(shim, "plan"), begun(shim)) == (2, 0)
    assert (await home.approve(ask.deployment_id)).state is DeploymentState.SUCCEEDED
    assert begun(shim) == 1


@pytest.mark.parametrize("phase", ["prepare", "apply"])
async def test_who_takes_over_and_dies_at_once_is_not_taken_for_who_had_the_plan(
    home: Core, hosts: Hosts, shim: Path, phase: str
) -> None:
    await hosts.start("one")
    ask = await home.create()
    await home.resting(ask.deployment_id)
    await hosts.lose("one")
    await home.call(ApproveDeployment(deployment_id=ask.deployment_id))
    # The second host has claimed it and died before it could do anything.
    claim = ClaimDeployment(runner_id=f"{Holders(hosts.paths('two').home).host}:1:1.0:gone", lease_s=30)
    assert await home.host.dispatcher.execute(RUNNER, claim) is not None
    home.sql("UPDATE deployment SET phase_detail = ? WHERE deployment_id = ?", phase, ask.deployment_id)
    await hosts.start("two")
    again = await home.resting(ask.deployment_id)
    expected = (DeploymentState.AWAITING_APPROVAL, "") if phase == "prepare" else (DeploymentState.FAILED, INTERRUPTED)
    assert (again.state, again.error_code) == expected
    assert begun(shim) == 0


async def test_an_apply_whose_host_is_lost_is_never_begun_again(home: Core, hosts: Hosts, shim: Path) -> None:
    (shim / "apply.hang").touch()
    await hosts.start("one")
    ask = await home.create(auto_approve=True)
    await until(lambda: bool(_calls(shim, "apply")), what="the apply")
    await hosts.lose("one")
    await hosts.start("two")
    ended = await home.ended(ask.deployment_id)
    assert (ended.state, ended.error_code) == (DeploymentState.FAILED, "E-RUN-INTERRUPTED")
    assert ended.needs_recovery
    machine = await home.machine(ask.machine_id)
    assert machine.actual_status is MachineStatus.ERROR
    assert _calls(shim, "apply") == 1


async def test_a_host_that_comes_back_brings_the_state_that_only_it_has(home: Core, hosts: Hosts, shim: Path) -> None:
    (shim / "apply.hang").touch()
    await hosts.start("one")
    ask = await home.create(auto_approve=True)
    await until(lambda: bool(_calls(shim, "apply")), what="the apply")
    await hosts.lose("one")
    await hosts.start("two")
    await home.ended(ask.deployment_id)
    # It had gone on all the while.
    (shim / "apply.hang").unlink()
    await until(lambda: bool(terraform_shim.ledger(shim, "end")), what="the end of the apply")
    await hosts.start("one")

    async def is_synced() -> bool:
        return (await home.machine(ask.machine_id)).terraform_state_status is TerraformStateStatus.SYNCED

    await until(is_synced, what="the state")
    again = await home.call(RetryMachine(machine_id=ask.machine_id, auto_approve=True))
    assert (await home.ended(again.deployment_id)).state is DeploymentState.SUCCEEDED
    assert len(terraform_shim.ledger(shim, "create")) == 1


async def test_a_reboot_whose_host_is_lost_is_not_done_again(home: Core, hosts: Hosts, shim: Path) -> None:
    del shim
    await hosts.start("one")
    ask = await home.create(auto_approve=True)
    await home.ended(ask.deployment_id)
    await hosts.lose("one")
    run = await home.call(RebootMachine(machine_id=ask.machine_id))
    claim = await home.host.dispatcher.execute(
        RUNNER, ClaimDeployment(runner_id=Holders(hosts.folder / "lost").own, lease_s=30)
    )
    assert claim is not None
    home.sql("UPDATE deployment SET phase_detail = 'reboot' WHERE deployment_id = ?", run.deployment_id)
    await hosts.start("two")
    ended = await home.ended(run.deployment_id)
    assert (ended.state, ended.error_code) == (DeploymentState.FAILED, "E-RUN-INTERRUPTED")


async def test_the_next_run_of_a_machine_may_be_another_hosts(home: Core, hosts: Hosts, shim: Path) -> None:
    await hosts.start("one")
    ask = await home.create(auto_approve=True)
    await home.ended(ask.deployment_id)
    await hosts.lose("one")
    # What it had is not needed any more.
    shutil.rmtree(hosts.paths("one").home)
    await hosts.start("two")
    run = await home.call(DestroyMachine(machine_id=ask.machine_id, auto_approve=True))
    assert (await home.ended(run.deployment_id)).state is DeploymentState.SUCCEEDED
    assert len(terraform_shim.ledger(shim, "delete")) == 1


# Back to the queue


async def claimed(home: Core, **fields: object) -> tuple[Deployment, Claim]:
    ask = await home.create(auto_approve=True)
    claim = await home.host.dispatcher.execute(RUNNER, ClaimDeployment(runner_id="h:1:1.0:b", lease_s=30))
    assert claim is not None
    await home.host.database.write(
        RUNNER,
        lambda *_: None,
        lambda tx: tx.replace(replace(tx.get(Deployment, ask.deployment_id), **fields)),  # type: ignore[arg-type]
    )
    return await home.deployment(ask.deployment_id), claim


@pytest.mark.parametrize("phase", ["apply", "recover", "finish"])
async def test_an_apply_that_has_begun_is_not_queued_again(home: Core, phase: str) -> None:
    found, claim = await claimed(home, state=DeploymentState.APPLYING, phase_detail=phase)
    with pytest.raises(Exception, match="never begun again"):
        await home.host.dispatcher.execute(
            RUNNER, RequeueDeployment(deployment_id=found.deployment_id, fence=claim.fence)
        )


async def test_a_cancel_wins_over_the_way_back_to_the_queue(home: Core) -> None:
    found, claim = await claimed(home, state=DeploymentState.APPLYING, phase_detail="prepare")
    await home.call(CancelDeployment(deployment_id=found.deployment_id))
    ended = await home.host.dispatcher.execute(
        RUNNER, RequeueDeployment(deployment_id=found.deployment_id, fence=claim.fence)
    )
    assert ended.state is DeploymentState.CANCELLED


# What has no place on a server


class OwnComputer(RecordProvider):
    info = replace(RecordProvider.info, is_on_this_computer=True)


@pytest.mark.parametrize("provider", [OwnComputer(), RecordProvider()])
async def test_what_belongs_on_somebodys_own_computer_is_refused(
    tmp_path: Path, shim: Path, provider: Provider
) -> None:
    async with core(tmp_path / "home", provider=provider) as made:
        hosts = Hosts(made, shim, tmp_path)
        ask = await made.create(auto_approve=True)
        if not provider.info.is_on_this_computer:
            made.sql("UPDATE provider_account SET settings = ?", '{"start_command": "touch canary"}')
        await hosts.start("one")
        ended = await made.ended(ask.deployment_id)
        assert (ended.state, ended.error_code) == (DeploymentState.FAILED, "E-NOT-ON-A-SERVER")
        assert "Run here" in ended.error_hint
        await hosts.lose("one")
    assert _calls(shim, "plan") == 0


def _calls(shim: Path, command: str) -> int:
    path = shim / "calls"
    return path.read_text().count(f'"argv": ["{command}"') if path.exists() else 0
