"""The right Terraform is found, and each way of not finding one says what to do."""

from __future__ import annotations

import asyncio
import os
import shlex
import time
from pathlib import Path

import pytest

from machina_desktop.core.config import bundle_folder
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ids import now
from machina_desktop.core.process import Command, Launch, Outcome, end_leftovers, launch
from machina_desktop.core.terraform import cli
from machina_desktop.core.terraform.engine import Engine, find_engine
from machina_desktop.core.terraform.plan import is_applicable, outputs_of_state, summarise
from machina_desktop.core.terraform.workspace import Workspace
from tests.fakes import terraform_shim
from tests.fakes.engine import real_engine
from tests.fakes.shown_state import resources_of_state

REAL_PATH = os.environ["PATH"]
SHELL_PATH = os.pathsep.join(("/usr/bin", "/bin"))

SLOW = """
terraform { required_version = ">= 1.5" }
resource "terraform_data" "first" { input = "first" }
resource "terraform_data" "slow" {
  input = terraform_data.first.output
  provisioner "local-exec" { command = "sleep 60" }
}
"""


def program(folder: Path, script: str, name: str = "terraform") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


def version(number: str) -> str:
    return f'echo \'{{"terraform_version": "{number}"}}\''


@pytest.fixture
def bundled() -> Engine:
    return find_engine("", "/nowhere")


def test_a_real_terraform_on_the_path_is_found(tmp_path: Path) -> None:
    wrapped = program(tmp_path, f'exec {shlex.join(real_engine().argv)} "$@"')
    engine = find_engine("", str(tmp_path))
    expected = ("terraform", str(wrapped), (str(wrapped),), False)
    assert (engine.name, engine.path, engine.argv, engine.is_bundled) == expected
    assert engine.version == real_engine().version


def test_terraform_goes_before_tofu_and_tofu_before_the_bundled_one(tmp_path: Path) -> None:
    tofu = program(tmp_path, version("1.9.0"), "tofu")
    found = find_engine("", str(tmp_path))
    assert (found.name, found.version, found.path) == ("tofu", "1.9.0", str(tofu))
    program(tmp_path, version("1.6.1"))
    assert find_engine("", str(tmp_path)).name == "terraform"


def test_a_chosen_program_is_used_whatever_is_on_the_path(tmp_path: Path) -> None:
    chosen = program(tmp_path / "elsewhere", version("1.5.0"))
    assert find_engine(str(chosen), REAL_PATH).path == str(chosen)


def test_without_any_program_the_bundled_library_serves(bundled: Engine) -> None:
    assert bundled.is_bundled
    assert bundled.version.startswith("1.")
    assert bundled.note == ""


@pytest.mark.parametrize("script", [version("1.4.7"), version("2.0.0"), "echo 'Terraform v0.11.14'"])
def test_a_version_that_does_not_serve_gives_way_to_the_bundled_one_with_a_note(tmp_path: Path, script: str) -> None:
    program(tmp_path, script)
    engine = find_engine("", f"{tmp_path}{os.pathsep}{SHELL_PATH}")
    assert engine.is_bundled
    assert "is version" in engine.note


@pytest.mark.parametrize(
    "script, code, words",
    [
        (version("1.4.7"), "E-TF-OLD", "version 1.4.7"),
        (version("2.0.0"), "E-TF-OLD", "version 2.0.0"),
        ("echo 'Terraform v0.11.14'", "E-TF-OLD", "version 0.11.14"),
        ("echo nonsense", "E-TF-BROKEN", "code 0"),
        ("echo '{\"terraform_version\": 7}'", "E-TF-BROKEN", "code 0"),
        ("echo out of order >&2; exit 1", "E-TF-BROKEN", "code 1: out of order"),
        (f"{version('1.9.0')}; exit 3", "E-TF-BROKEN", "code 3"),
        ("exit 126", "E-TF-BROKEN", "code 126"),
        ("kill -9 $$", "E-TF-BROKEN", "code -9"),
    ],
)
def test_a_chosen_program_that_does_not_serve_is_an_error_with_a_hint(
    tmp_path: Path, script: str, code: str, words: str
) -> None:
    chosen = program(tmp_path, script)
    with pytest.raises(Unavailable) as caught:
        find_engine(str(chosen), REAL_PATH)
    assert caught.value.code == code
    assert words in caught.value.message
    assert caught.value.hint


def test_a_chosen_program_that_is_not_there_is_missing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as caught:
        find_engine(str(tmp_path / "none"), REAL_PATH)
    assert caught.value.code == "E-TF-MISSING"


def test_a_program_that_may_not_be_run_is_broken(tmp_path: Path) -> None:
    (tmp_path / "terraform").write_text("text")
    with pytest.raises(Unavailable) as caught:
        find_engine(str(tmp_path / "terraform"), REAL_PATH)
    assert caught.value.code == "E-TF-BROKEN"
    assert "not executable" in caught.value.message


def test_a_program_for_another_computer_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "terraform"
    path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(57))
    path.chmod(0o700)
    with pytest.raises(Unavailable) as caught:
        find_engine(str(path), REAL_PATH)
    assert caught.value.code == "E-TF-BROKEN"


def test_the_version_is_asked_without_the_users_terraform_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_CLI_ARGS", "-help")
    monkeypatch.setenv("TF_LOG", "trace")
    shim = terraform_shim.install(tmp_path)
    assert find_engine(str(shim), "").version == "1.11.4"
    known = (tmp_path / "calls").read_text()
    assert "TF_CLI_ARGS" not in known
    assert "TF_LOG" not in known


def run(folder: Path, workspace: Workspace, *commands: Command) -> Launch:
    folder.mkdir(mode=0o700, exist_ok=True)
    config = folder.parent / "terraform.rc"
    cli.write_config(config)
    environment = cli.terraform_environment(config_file=config, plugin_cache=None, credentials={})
    return launch(folder, commands, cwd=workspace.folder, environment=environment)


def finish(running: Launch) -> Outcome:
    return asyncio.run(asyncio.wait_for(running.wait(), 60))


@pytest.fixture(params=["program", "bundled"])
def engine(request: pytest.FixtureRequest) -> Engine:
    return find_engine("", REAL_PATH if request.param == "program" else "/nowhere")


def test_a_machine_is_planned_applied_and_destroyed(engine: Engine, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "run")
    variables = {"machine_id": "m-1", "team_id": "t-1", "name": "m1", "directory": "m1", "port": 2222, "user": "u"}
    workspace.lay_out(bundle_folder() / "terraform" / "sandbox", variables)

    planning = run(tmp_path / "plan", workspace, cli.plan(engine), cli.show_plan(engine))
    assert finish(planning).codes == (2, 0)
    shown = planning.output(cli.PLAN_JSON).read_bytes()
    assert is_applicable(shown)
    assert summarise(shown).add == 1

    applying = run(tmp_path / "apply", workspace, cli.apply(engine), cli.show_state(engine))
    assert finish(applying).codes == (0, 0)
    assert outputs_of_state(applying.output(cli.STATE_JSON).read_bytes())["status"] == "recorded"
    decoded = [cli.decode(line, "apply", now()) for line in applying.output(cli.APPLY_OUTPUT).read_bytes().splitlines()]
    assert sum(one.done for one in decoded) == 1
    assert [one.outputs["public_ip"] for one in decoded if one.outputs is not None] == ["127.0.0.1"]

    destroying = run(tmp_path / "end", workspace, cli.plan(engine, cli.PlanMode.DESTROY), cli.apply(engine))
    assert finish(destroying).codes == (2, 0)
    state = workspace.read_state()
    assert state is not None
    assert not state.has_resources


def test_one_interrupt_stops_an_apply_gracefully_with_its_state_saved(engine: Engine, tmp_path: Path) -> None:
    module = tmp_path / "module"
    module.mkdir()
    (module / "main.tf").write_text(SLOW)
    workspace = Workspace(tmp_path / "run")
    workspace.lay_out(module, {})
    assert finish(run(tmp_path / "plan", workspace, cli.plan(engine))).codes == (2,)

    applying = run(tmp_path / "apply", workspace, cli.apply(engine))
    deadline = time.monotonic() + 60
    while b"provision_start" not in (
        applying.output(cli.APPLY_OUTPUT).read_bytes() if applying.output(cli.APPLY_OUTPUT).exists() else b""
    ):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    applying.request_cancel(1)

    outcome = finish(applying)
    assert (outcome.codes, outcome.interrupts, outcome.lost) == ((1,), 1, False)
    # The shell dies with Terraform, the shell's own child lives on.
    assert end_leftovers(applying) == 1
    showing = run(tmp_path / "show", workspace, cli.show_state(engine))
    assert finish(showing).codes == (0,)
    found = resources_of_state(showing.output(cli.STATE_JSON).read_bytes())
    assert {resource.name: resource.is_tainted for resource in found} == {"first": False, "slow": True}
