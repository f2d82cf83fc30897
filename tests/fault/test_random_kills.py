"""Application and launchers are killed at random moments, again and again: 0 lost, 0 doubled, 0 stuck, no line missing.

The seed of a failing round is in its test id. What is killed when is decided by the clock, so the sleeps are the test.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from machina_desktop.core.domain.deployment import DeploymentState
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.process import is_process
from tests.fakes import terraform_shim
from tests.fault.victim import Left, Victim

LINES = 40
SLOW_MODULE = """
terraform {
  required_version = ">= 1.5"
}

variable "machine_id" { type = string }
variable "team_id" { type = string }
variable "name" { type = string }
variable "directory" { type = string }
variable "port" { type = number }
variable "user" { type = string }
variable "tags" { type = list(string) }

resource "terraform_data" "part" {
  count = 4
  input = "${var.machine_id}-${count.index}"

  provisioner "local-exec" {
    command = "sleep 0.1; echo ${self.input} >> LEDGER; for i in 1 2 3 4 5; do echo line ${self.input} $i; done"
  }
}

output "provider_resource_id" {
  value = terraform_data.part[0].id
}
"""


def _kill_again_and_again(victim: Victim, *, kills: int, longest_s: float, chance: random.Random) -> int:
    """Kill until ``kills`` are done; answers how many machines were asked for on the way."""
    machines, done = 1, 0
    while done < kills:
        pid = victim.start(create=machines)
        deadline = time.monotonic() + chance.uniform(0.02, longest_s)
        while time.monotonic() < deadline and psutil.pid_exists(pid):
            time.sleep(0.005)
        if chance.random() < 0.2:
            done += _kill_launchers(victim.home)
        if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            victim.kill(pid)
        if victim.wait() == -signal.SIGKILL:
            done += 1
        else:
            machines += 1
    victim.finish()
    return machines


def _kill_launchers(home: Path) -> int:
    """Kill each launcher that is on record, and no child that has just been forked from one.

    Such a child still has its parent's command line, but it is the command: nobody survives the loss of that unseen.
    """
    killed = 0
    for record in home.rglob("launches/*/*/started"):
        # It may end, or its folder be wiped, while it is looked at.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            _, pid, began = record.read_text().splitlines()[1].split()
            if is_process(int(pid), float(began)):
                os.kill(int(pid), signal.SIGKILL)
                killed += 1
    return killed


def _assert_all_succeeded(left: Left) -> None:
    states = Counter((deployment.state, deployment.error_code) for deployment in left.deployments)
    assert states == {(DeploymentState.SUCCEEDED, ""): len(left.deployments)}
    assert {machine.actual_status for machine in left.machines} == {MachineStatus.RUNNING}
    assert left.chain_is_whole


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [11, 12, 13, 14])
def test_fifty_kills_around_a_stand_in_lose_and_double_nothing(seed: int, tmp_path: Path) -> None:
    shim = tmp_path / "shim"
    terraform_shim.install(shim)
    (shim / "apply.lines").write_text(str(LINES))
    (shim / "apply.line-delay-ms").write_text("4")
    victim = Victim(tmp_path / "home", shim / "terraform", "sandbox")
    try:
        _kill_again_and_again(victim, kills=50, longest_s=0.9, chance=random.Random(seed))
        left = victim.left()
    finally:
        victim.close()
    _assert_all_succeeded(left)
    assert len(terraform_shim.ledger(shim, "create")) == len(left.machines)
    for lines in left.logs.values():
        said = [line.text for line in lines if line.text.startswith("line ")]
        assert said == [f"line {number}" for number in range(LINES)]


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [21, 22])
def test_fifteen_kills_around_the_real_terraform_lose_and_double_nothing(
    seed: int, tmp_path: Path, terraform: str
) -> None:
    module, ledger = tmp_path / "module", tmp_path / "ledger"
    module.mkdir()
    (module / "main.tf").write_text(SLOW_MODULE.replace("LEDGER", str(ledger)))
    victim = Victim(tmp_path / "home", terraform, module)
    try:
        _kill_again_and_again(victim, kills=15, longest_s=2.0, chance=random.Random(seed))
        left = victim.left()
    finally:
        victim.close()
    _assert_all_succeeded(left)
    made = Counter(ledger.read_text().split())
    wanted = {f"{machine.machine_id}-{part}" for machine in left.machines for part in range(4)}
    assert made == dict.fromkeys(wanted, 1)
    for deployment in left.deployments:
        printed = Counter(
            line.text.partition("line ")[2] for line in left.logs[deployment.deployment_id] if "): line " in line.text
        )
        parts = {f"{deployment.machine_id}-{part} {number}" for part in range(4) for number in range(1, 6)}
        assert printed == dict.fromkeys(parts, 1)
