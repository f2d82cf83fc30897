"""Every Terraform module keeps to the contract, and takes the text of users literally."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from machina_desktop.core.config import bundle_folder
from machina_desktop.core.terraform.plan import outputs_of_state, summarise
from machina_desktop.core.terraform.workspace import Workspace
from tests.fakes.engine import real_engine
from tests.fakes.shown_state import resources_of_state

MODULES = bundle_folder() / "terraform"
NAMES = sorted(path.parent.name for path in MODULES.glob("*/main.tf"))
CLOUDS = ("aws", "digitalocean", "gcp", "hetzner")
RECORDS = [name for name in NAMES if name not in CLOUDS]
"""Modules that only keep a record, with what is built into Terraform."""
CONTRACT = (MODULES / "CONTRACT.md").read_text(encoding="utf-8")

EXAMPLES: Mapping[str, Mapping[str, object]] = {
    "baremetal": {"host": "192.0.2.7", "port": 22, "user": "root"},
    "sandbox": {"directory": "m1", "port": 2222, "user": "practice", "host_key_fingerprint": "SHA256:abc"},
}
COMMON = {"machine_id": "machine-1", "team_id": "team-1", "name": "m1", "tags": ["web"]}

HOSTILE = [
    '${file("/etc/passwd")}',
    "%{ for x in [1] }x%{ endfor }",
    '"; rm -rf / #',
    "$(id) `id` && id",
    "<<EOT\nheredoc\nEOT",
    "emoji 🦊 and \u202e direction",
    "x" * 300,
    "\\u0000 \\ \" ' \t",
]


def terraform(folder: Path, *arguments: str) -> bytes:
    environment = {"PATH": os.environ["PATH"], "TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
    command = [*real_engine().argv, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, check=False, capture_output=True)
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout


def laid_out(folder: Path, module: str, /, **changes: object) -> Path:
    Workspace(folder).lay_out(MODULES / module, {**COMMON, **EXAMPLES[module], **changes})
    return folder


def table(heading: str) -> dict[str, str]:
    """Name and second column of the contract's table below that heading."""
    section = CONTRACT.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", section, re.MULTILINE))


def blocks(name: str, kind: str) -> dict[str, str]:
    """Body of each block of that kind in the module, by its label."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((MODULES / name).glob("*.tf")))
    return dict(re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}', text, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("name", NAMES)
def test_the_variables_are_those_of_the_contract(name: str) -> None:
    declared = {}
    for variable, body in blocks(name, "variable").items():
        kind = re.search(r"^  type\s+= (.+)$", body, re.MULTILINE)
        declared[variable] = kind[1] if kind else ""
    assert declared == table("Variables of every module") | table(f"Variables of `{name}`")


@pytest.mark.parametrize("name", NAMES)
def test_the_outputs_are_those_of_the_contract(name: str) -> None:
    assert set(blocks(name, "output")) == set(table("Outputs of every module"))


@pytest.mark.parametrize("name", NAMES)
def test_every_variable_and_output_is_described(name: str) -> None:
    for kind in ("variable", "output"):
        for label, body in blocks(name, kind).items():
            assert re.search(r'^  description = "\S.*\."$', body, re.MULTILINE), f"{kind} {label}"


@pytest.mark.parametrize("name", NAMES)
def test_the_text_keeps_to_the_rules(name: str) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (MODULES / name).glob("*.tf"))
    assert 'required_version = ">= 1.5"' in text
    for forbidden in ("provisioner", "external", "file(", "templatefile(", "backend "):
        assert forbidden not in text, forbidden


@pytest.mark.parametrize("name", RECORDS)
def test_terraform_finds_format_and_configuration_good(name: str, tmp_path: Path) -> None:
    terraform(MODULES / name, "fmt", "-check", "-diff")
    folder = laid_out(tmp_path / "run", name)
    assert json.loads(terraform(folder, "validate", "-json"))["valid"]


@pytest.mark.parametrize("name", RECORDS)
def test_a_whole_life_is_one_record_with_the_outputs(name: str, tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "run", name)
    terraform(folder, "plan", "-out=tfplan")
    assert summarise(terraform(folder, "show", "-json", "tfplan")).add == 1
    terraform(folder, "apply", "tfplan")

    shown = terraform(folder, "show", "-json")
    (record,) = resources_of_state(shown)
    outputs = outputs_of_state(shown)
    assert record.address == "terraform_data.machine"
    assert outputs == {
        "provider_resource_id": record.id,
        "public_ip": EXAMPLES[name].get("host", "127.0.0.1"),
        "status": "recorded",
    }
    terraform(folder, "plan", "-detailed-exitcode")

    terraform(folder, "plan", "-destroy", "-out=tfplan")
    terraform(folder, "apply", "tfplan")
    assert resources_of_state(terraform(folder, "show", "-json")) == ()


@pytest.mark.parametrize("name", RECORDS)
def test_a_changed_value_updates_the_record_in_place(name: str, tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "run", name)
    terraform(folder, "plan", "-out=tfplan")
    terraform(folder, "apply", "tfplan")
    laid_out(folder, name, user="other", host_key_fingerprint="SHA256:new")
    terraform(folder, "plan", "-out=tfplan")
    summary = summarise(terraform(folder, "show", "-json", "tfplan"))
    assert (summary.add, summary.change, summary.remove) == (0, 1, 0)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(name: str, text: str, tmp_path: Path) -> None:
    place = "directory" if name == "sandbox" else "host"
    folder = laid_out(tmp_path / "run", name, name=text, user=text, tags=[text], **{place: text})
    terraform(folder, "plan", "-out=tfplan")
    terraform(folder, "apply", "tfplan")
    (record,) = resources_of_state(terraform(folder, "show", "-json"))
    given = record.values["input"]
    assert isinstance(given, dict)
    assert (given["name"], given["user"], given["tags"], given[place]) == (text, text, [text], text)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("port", [0, 65536, 22.5])
def test_a_port_out_of_range_is_refused_by_the_module(name: str, port: float, tmp_path: Path) -> None:
    folder = laid_out(tmp_path / "run", name, port=port)
    with pytest.raises(AssertionError, match="between 1 and"):
        terraform(folder, "plan")


def test_thousands_of_hostile_texts_arrive_unchanged_in_one_plan(tmp_path: Path) -> None:
    chance = random.Random(7)
    parts = [
        "${",
        "}",
        "%{",
        "$${",
        "%%{",
        "<<EOT",
        "EOT",
        '"',
        "'",
        "\\",
        "\n",
        "\r",
        "\t",
        "`",
        "$(",
        ";",
        "|",
        "#",
        "//",
    ]
    parts += [
        "/*",
        "*/",
        "\0",
        "\x1b[31m",
        "\u2028",
        "\ufeff",
        "é",
        "🦊",
        "file(",
        'file("/etc/passwd")',
        "a",
        "0",
        " ",
    ]
    texts = ["".join(chance.choices(parts, k=chance.randrange(1, 12))) for _ in range(10_000)]
    folder = laid_out(tmp_path / "run", "sandbox", tags=texts)
    terraform(folder, "plan", "-out=tfplan")
    planned = json.loads(terraform(folder, "show", "-json", "tfplan"))
    (change,) = planned["resource_changes"]
    assert change["change"]["after"]["input"]["tags"] == texts
