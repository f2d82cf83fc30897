"""The application is killed at every point of a run's life: nothing is lost, nothing is applied twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import MachineStatus
from tests.fakes import terraform_shim
from tests.fakes.hosts import contents
from tests.fault.victim import Victim

LINES = 40

# The points of the fault model, in its order: each names where the application dies.
POINTS = {
    "K1 the request is committed": "after:CreateMachine",
    "K2 the run is claimed": "after:ClaimDeployment",
    "K3 the run folder is written": "laid-out",
    "K5 the plan is spawned": "plan-launched",
    "K6 the plan file is written": "before:ReportPlan",
    "K7 the plan is committed": "after:ReportPlan",
    "K9 the intent to apply is about to be committed": "before:ReportPhase/apply",
    "K9 the intent to apply is committed": "after:ReportPhase/apply",
    "K10 the apply is spawned": "apply-launched",
    "K11 a piece of the log is about to be stored": "before:AppendLog",
    "K11 a piece of the log is stored": "after:AppendLog",
    "K12 the apply has ended": "before:SaveState",
    "K13 the state is stored": "after:SaveState",
    "K14 the end is about to be committed": "before:ReportOutcome",
    "K15 the end is committed": "after:ReportOutcome",
    "K17 the plaintext is about to be wiped": "cleaning",
}


CANCEL_POINTS = {
    "C1 the request to cancel is committed": "after:CancelDeployment",
    "C2 the interrupt is asked for": "interrupt-asked",
    "C3 the interrupted apply has ended": "before:SaveState",
    "C4 its state is stored": "after:SaveState",
}


@pytest.fixture
def shim(tmp_path: Path) -> Path:
    folder = tmp_path / "shim"
    terraform_shim.install(folder)
    (folder / "apply.lines").write_text(str(LINES))
    (folder / "apply.line-delay-ms").write_text("2")
    return folder


@pytest.fixture
def victim(tmp_path: Path, shim: Path) -> Iterator[Victim]:
    made = Victim(tmp_path / "home", shim / "terraform", "sandbox")
    yield made
    made.close()


@pytest.mark.fault
@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
def test_a_run_survives_the_death_of_the_application(point: str, victim: Victim, shim: Path) -> None:
    victim.start(die=point)
    assert victim.wait() == -9, f"the application never came to {point}"
    victim.finish()
    left = victim.left()
    assert [deployment.state for deployment in left.deployments] == [DeploymentState.SUCCEEDED]
    assert [machine.actual_status for machine in left.machines] == [MachineStatus.RUNNING]
    assert len(terraform_shim.ledger(shim, "create")) == 1
    said = [line.text for line in left.logs[left.deployments[0].deployment_id] if line.text.startswith("line ")]
    assert said == [f"line {number}" for number in range(LINES)]
    assert left.chain_is_whole
    assert not _plaintext(victim.home)


@pytest.mark.fault
@pytest.mark.parametrize("point", CANCEL_POINTS.values(), ids=CANCEL_POINTS.keys())
def test_a_cancel_survives_the_death_of_the_application(point: str, victim: Victim, shim: Path) -> None:
    (shim / "apply.seconds").write_text("10")
    victim.start(die=point, cancel=True)
    assert victim.wait() == -9, f"the application never came to {point}"
    victim.finish()
    left = victim.left()
    assert [deployment.state for deployment in left.deployments] == [DeploymentState.CANCELLED]
    assert [machine.actual_status for machine in left.machines] == [MachineStatus.ERROR]
    assert left.machines[0].status_reason.startswith("Half created")
    assert len(terraform_shim.ledger(shim, "begin")) == 1
    assert len(terraform_shim.ledger(shim, "interrupt")) == 1
    assert not _plaintext(victim.home)


def _plaintext(home: Path) -> list[Path]:
    kept = {"main.tf", "variables.tf", "outputs.tf", "terraform.rc"}
    return [path for path, _ in contents(home / "runs") if path.name not in kept]
