"""The stand-in behaves like the real Terraform where other tests rely on it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from machina_desktop.core.config import bundle_folder
from machina_desktop.core.ids import now
from machina_desktop.core.terraform.cli import decode
from machina_desktop.core.terraform.plan import is_applicable, outputs_of_state, summarise
from machina_desktop.core.terraform.workspace import Workspace
from tests.fakes import terraform_shim
from tests.fakes.engine import real_engine
from tests.fakes.shown_state import resources_of_state

VARIABLES = {
    "machine_id": "m-1",
    "team_id": "t-1",
    "name": "m1",
    "tags": ["a"],
    "directory": "m1",
    "port": 22,
    "user": "u",
}


@pytest.fixture
def knobs(tmp_path: Path) -> Path:
    terraform_shim.install(tmp_path / "fake")
    return tmp_path / "fake"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "run")
    made.lay_out(bundle_folder() / "terraform" / "sandbox", VARIABLES)
    return made


def call(engine: Sequence[str | Path], workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    return subprocess.run(
        [*engine, *arguments], cwd=workspace.folder, env=environment, check=False, capture_output=True, timeout=60
    )


PLAN = ("plan", "-json", "-detailed-exitcode", "-out=tfplan")
APPLY = ("apply", "-json", "tfplan")


def lifecycle(engine: Sequence[str | Path], workspace: Workspace) -> list[object]:
    """Everything Machina looks at, over a whole life."""
    seen: list[object] = []
    for variables, options in (
        (VARIABLES, ()),
        (VARIABLES, ()),
        ({**VARIABLES, "user": "v"}, ()),
        (VARIABLES, ("-destroy",)),
    ):
        workspace.lay_out(bundle_folder() / "terraform" / "sandbox", variables)
        planned = call(engine, workspace, *PLAN, *options)
        shown = call(engine, workspace, "show", "-json", "tfplan").stdout
        summary = summarise(shown)
        applied = call(engine, workspace, *APPLY)
        state = workspace.read_state()
        assert state is not None
        after = call(engine, workspace, "show", "-json").stdout
        seen += [planned.returncode, is_applicable(shown), summary.add, summary.change, summary.remove]
        seen += [
            [resource.action for resource in summary.resources],
            applied.returncode,
            state.serial,
            state.has_resources,
        ]
        seen += [sorted(outputs_of_state(after)), [found.address for found in resources_of_state(after)]]
        decoded = [decode(line, "apply", now()) for line in applied.stdout.splitlines()]
        seen += [sum(one.done for one in decoded), [one.outputs is not None for one in decoded].count(True)]
    return seen


def test_a_whole_life_looks_as_with_the_real_program(knobs: Path, workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "other")
    other.lay_out(bundle_folder() / "terraform" / "sandbox", VARIABLES)
    assert lifecycle((knobs / "terraform",), workspace) == lifecycle(real_engine().argv, other)


def test_each_apply_is_in_the_ledger(knobs: Path, workspace: Workspace) -> None:
    call((knobs / "terraform",), workspace, *PLAN)
    call((knobs / "terraform",), workspace, *APPLY)
    assert [row[0] for row in terraform_shim.ledger(knobs)] == ["begin", "create", "end"]


def test_a_plan_is_applied_once_only(knobs: Path, workspace: Workspace) -> None:
    call((knobs / "terraform",), workspace, *PLAN)
    call((knobs / "terraform",), workspace, *APPLY)
    again = call((knobs / "terraform",), workspace, *APPLY)
    assert again.returncode == 1
    assert b"Saved plan is stale" in again.stdout


def test_an_interrupt_in_the_work_leaves_a_tainted_resource(knobs: Path, workspace: Workspace) -> None:
    call((knobs / "terraform",), workspace, *PLAN)
    (knobs / "apply.seconds").write_text("60")
    running = subprocess.Popen([knobs / "terraform", *APPLY], cwd=workspace.folder, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not terraform_shim.ledger(knobs, "create"):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    running.send_signal(signal.SIGINT)
    assert running.wait(20) == 1
    shown = call((knobs / "terraform",), workspace, "show", "-json").stdout
    assert [found.is_tainted for found in resources_of_state(shown)] == [True]


def test_knobs_fail_print_and_dump_as_told(knobs: Path, workspace: Workspace) -> None:
    call((knobs / "terraform",), workspace, *PLAN)
    (knobs / "plan.exit").write_text("3")
    (knobs / "lines").write_text("2")
    (knobs / "apply.no-state").touch()
    failed = call((knobs / "terraform",), workspace, *PLAN)
    applied = call((knobs / "terraform",), workspace, *APPLY)

    assert failed.returncode == 3
    assert [json.loads(line)["@message"] for line in failed.stdout.splitlines()[1:3]] == ["line 0", "line 1"]
    assert applied.returncode == 1
    assert [decode(line, "apply", now()).state_dump is not None for line in applied.stdout.splitlines()].count(
        True
    ) == 1
