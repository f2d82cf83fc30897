"""A run folder holds what Terraform needs and nothing else, privately, and nothing in clear afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from machina_desktop.core.errors import Unavailable
from machina_desktop.core.terraform.cli import write_config
from machina_desktop.core.terraform.engine import Engine
from machina_desktop.core.terraform.workspace import ERRORED, LOCK_FILE, STATE, VARIABLES, Workspace, init_lock
from tests.fakes.engine import real_engine

ENGINE = Engine(name="terraform", version="1.11.4", argv=("terraform",), path="terraform")
PLUGIN = 'terraform {\n  required_providers {\n    hcloud = { source = "hetznercloud/hcloud" }\n  }\n}\n'


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "main.tf").write_text('resource "terraform_data" "machine" {\n  input = var.name\n}\n')
    (folder / "variables.tf").write_text('variable "name" {}\n')
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "runs" / "m-1")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "terraform.rc"
    write_config(path)
    return path


def names(workspace: Workspace) -> set[str]:
    return {path.name for path in workspace.folder.iterdir()}


def state(serial: int, lineage: str = "one", *, resources: tuple[str, ...] = ("x",)) -> bytes:
    return json.dumps({"version": 4, "serial": serial, "lineage": lineage, "resources": resources}).encode()


def test_the_module_and_the_variables_are_laid_out_privately(workspace: Workspace, module: Path) -> None:
    workspace.lay_out(module, {"name": "m1"})
    assert names(workspace) == {"main.tf", "variables.tf", VARIABLES}
    assert stat.S_IMODE(workspace.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in workspace.folder.iterdir()} == {0o600}
    assert json.loads((workspace.folder / VARIABLES).read_text()) == {"name": "m1"}


@pytest.mark.parametrize(
    "name",
    [
        "override.tf",
        "x_override.tf.json",
        "x.auto.tfvars",
        "terraform.tfvars",
        "x.auto.tfvars.json",
        "old.tf",
        "x.tofu",
    ],
)
def test_what_else_terraform_would_read_is_removed(workspace: Workspace, module: Path, name: str) -> None:
    workspace.folder.mkdir(parents=True)
    (workspace.folder / name).write_text("hostile")
    workspace.lay_out(module, {})
    assert name not in names(workspace)


def test_laying_out_anew_drops_the_plan_and_keeps_state_and_lock_file(workspace: Workspace, module: Path) -> None:
    (module / LOCK_FILE).write_text("shipped")
    workspace.lay_out(module, {})
    for name in ("tfplan", STATE, LOCK_FILE):
        (workspace.folder / name).write_text("earlier")
    workspace.lay_out(module, {})
    assert {"tfplan", STATE} & names(workspace) == {STATE}
    assert (workspace.folder / LOCK_FILE).read_text() == "earlier"


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text())
def test_every_text_arrives_as_it_is(workspace: Workspace, module: Path, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    workspace.lay_out(module, {"name": text})
    assert json.loads((workspace.folder / VARIABLES).read_bytes()) == {"name": text}


def test_a_stored_state_is_restored_and_older_traces_go(workspace: Workspace, module: Path) -> None:
    workspace.lay_out(module, {})
    (workspace.folder / ERRORED).write_bytes(state(9))
    workspace.restore_state(state(3))
    found = workspace.read_state()
    assert found is not None
    assert (found.raw, found.lineage, found.serial, found.has_resources) == (state(3), "one", 3, True)

    workspace.restore_state(None)
    assert workspace.read_state() is None


def test_a_state_without_resources_says_so(workspace: Workspace, module: Path) -> None:
    workspace.lay_out(module, {})
    workspace.restore_state(state(1, resources=()))
    found = workspace.read_state()
    assert found is not None
    assert not found.has_resources


@pytest.mark.parametrize(
    "usual, errored, serial",
    [
        (state(3), state(4), 4),
        (state(3), state(2), 3),
        (state(3), state(4, "other"), 3),
        (state(3), b"", 3),
        (state(3), b"{broken", 3),
        (b"", state(4), 4),
        (b"{broken", state(4), 4),
        (None, state(4), 4),
    ],
)
def test_the_newest_state_of_the_same_lineage_counts(
    workspace: Workspace, module: Path, usual: bytes | None, errored: bytes, serial: int
) -> None:
    workspace.lay_out(module, {})
    workspace.restore_state(usual)
    (workspace.folder / ERRORED).write_bytes(errored)
    found = workspace.read_state()
    assert found is not None
    assert found.serial == serial


def test_the_empty_file_of_a_killed_terraform_is_no_state(workspace: Workspace, module: Path) -> None:
    workspace.lay_out(module, {})
    (workspace.folder / STATE).touch()
    assert workspace.read_state() is None


@pytest.mark.parametrize("raw", [b"{broken", b"[]", b"{}", b'{"lineage": 1, "serial": 2}'])
def test_a_broken_state_is_an_error_and_not_no_state(workspace: Workspace, module: Path, raw: bytes) -> None:
    workspace.lay_out(module, {})
    workspace.restore_state(raw)
    with pytest.raises(Unavailable) as caught:
        workspace.read_state()
    assert caught.value.code == "E-TF-STATE"


def test_a_plan_is_known_by_its_digest(workspace: Workspace, module: Path) -> None:
    workspace.lay_out(module, {})
    assert workspace.plan_digest() == ""
    (workspace.folder / "tfplan").write_bytes(b"plan")
    assert workspace.plan_digest() == hashlib.sha256(b"plan").hexdigest()


def test_a_module_of_built_in_resources_needs_no_init(workspace: Workspace, module: Path, config: Path) -> None:
    workspace.lay_out(module, {})
    assert not workspace.needs_init(ENGINE, config)


@pytest.mark.parametrize(
    "text",
    [
        PLUGIN,
        'resource "hcloud_server" "machine" {}\n',
        '  data "aws_ami" "image" {}\n',
        'module "network" {\n  source = "./x"\n}\n',
        'provider "google" {}\n',
        'terraform {\n  backend "http" {}\n}\n',
    ],
)
def test_plugins_modules_and_backends_need_init(workspace: Workspace, module: Path, config: Path, text: str) -> None:
    (module / "more.tf").write_text(text)
    workspace.lay_out(module, {})
    assert workspace.needs_init(ENGINE, config)


def test_tofu_is_always_initialised(workspace: Workspace, module: Path, config: Path) -> None:
    tofu = Engine(name="tofu", version="1.9.0", argv=("tofu",), path="tofu")
    workspace.lay_out(module, {})
    assert workspace.needs_init(tofu, config)
    workspace.mark_initialised(tofu, config)
    assert not workspace.needs_init(tofu, config)


@pytest.mark.parametrize("changed", ["module", "lock file", "configuration", "engine"])
def test_init_is_skipped_until_something_it_depends_on_changes(
    workspace: Workspace, module: Path, config: Path, changed: str
) -> None:
    (module / "versions.tf").write_text(PLUGIN)
    workspace.lay_out(module, {"name": "m1"})
    workspace.mark_initialised(ENGINE, config)
    workspace.lay_out(module, {"name": "m2"})
    assert not workspace.needs_init(ENGINE, config)

    if changed == "module":
        (workspace.folder / "versions.tf").write_text(PLUGIN + "# new\n")
    if changed == "lock file":
        (workspace.folder / LOCK_FILE).write_text("new")
    if changed == "configuration":
        write_config(config, mirror=Path("/mirror"))
    newer = Engine(name="terraform", version="1.12.0", argv=("terraform",), path="terraform")
    assert workspace.needs_init(newer if changed == "engine" else ENGINE, config)


def test_the_real_terraform_plans_and_applies_a_built_in_module_without_init(
    workspace: Workspace, module: Path, config: Path
) -> None:
    hostile = '${file("/etc/passwd")} %{ if true }x%{ endif } <<EOT "quoted" \\ 🦊'
    workspace.lay_out(module, {"name": hostile})
    assert not workspace.needs_init(ENGINE, config)
    environment = {"PATH": os.environ["PATH"], "TF_CLI_CONFIG_FILE": str(config), "CHECKPOINT_DISABLE": "1"}
    for arguments in (("plan", "-out=tfplan"), ("apply", "tfplan")):
        done = subprocess.run(
            [*real_engine().argv, *arguments],
            cwd=workspace.folder,
            env=environment,
            check=False,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
    found = workspace.read_state()
    assert found is not None
    assert json.loads(found.raw)["resources"][0]["instances"][0]["attributes"]["input"]["value"] == hostile


def test_wiping_leaves_nothing_in_clear_and_nothing_to_initialise_again(
    workspace: Workspace, module: Path, config: Path
) -> None:
    (module / "versions.tf").write_text(PLUGIN)
    workspace.lay_out(module, {"name": "CANARY"})
    (workspace.folder / LOCK_FILE).write_text("lock")
    workspace.mark_initialised(ENGINE, config)
    for name in (STATE, f"{STATE}.backup", ERRORED, "tfplan", "apply.jsonl", "state.json", "apply.jsonl.err"):
        (workspace.folder / name).write_text("CANARY")
    (workspace.folder / "apply").mkdir()
    (workspace.folder / "apply" / "commands").write_text("CANARY")

    workspace.wipe()

    left = [path for path in workspace.folder.rglob("*") if path.is_file()]
    assert names(workspace) == {"main.tf", "variables.tf", "versions.tf", LOCK_FILE, ".terraform"}
    assert not any("CANARY" in path.read_text() for path in left)
    assert not workspace.needs_init(ENGINE, config)
    Workspace(workspace.folder / "none").wipe()


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path, module: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable) as caught:
        Workspace(tmp_path / "file" / "run").lay_out(module, {})
    assert caught.value.code == "E-RUN-FOLDER"
    assert caught.value.hint


async def test_one_init_at_a_time_holds_the_plugin_cache(tmp_path: Path) -> None:
    order: list[str] = []

    async def install(name: str) -> None:
        async with init_lock(tmp_path / "cache"):
            order.append(f"{name} begins")
            await asyncio.sleep(0.02)
            order.append(f"{name} ends")

    await asyncio.gather(install("a"), install("b"), install("c"))
    assert [entry.split()[0] for entry in order] == sorted(entry.split()[0] for entry in order)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the plugin cache until it is killed."""
    source = f"""
import asyncio, sys
from pathlib import Path
from machina_desktop.core.terraform.workspace import init_lock
async def hold():
    async with init_lock(Path({str(tmp_path / "cache")!r})):
        print("held", flush=True)
        sys.stdin.readline()
asyncio.run(hold())
"""
    with subprocess.Popen([sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == b"held\n"
        yield started
        started.kill()


async def test_a_process_that_holds_the_cache_is_waited_for_until_it_dies(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    with pytest.raises(Unavailable) as caught:
        async with init_lock(tmp_path / "cache", timeout_s=0.05):
            pass
    assert caught.value.code == "E-TF-INIT-BUSY"

    holder.kill()
    async with asyncio.timeout(20), init_lock(tmp_path / "cache"):
        pass
