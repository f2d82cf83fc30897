"""Modules of clouds fit their providers' schemas: real Terraform, with plugins of ours that know these schemas."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.core.config import bundle_folder
from machina_desktop.core.domain.firewall import rule_of
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.providers.base import MachineParts
from machina_desktop.core.providers.registry import provider_for
from machina_desktop.core.terraform.plan import outputs_of_state
from machina_desktop.core.terraform.workspace import Workspace
from tests.fakes.engine import real_engine
from tests.fakes.plugin import mirror
from tests.fakes.rows import machine
from tests.fakes.shown_state import resources_of_state

MODULES = bundle_folder() / "terraform"
PLUGINS = {"aws": "aws", "digitalocean": "digitalocean", "gcp": "google", "hetzner": "hcloud"}
MAIN = {
    "aws": "aws_instance.machine",
    "digitalocean": "digitalocean_droplet.machine",
    "gcp": "google_compute_instance.machine",
    "hetzner": "hcloud_server.machine",
}
COMMON = {"machine_id": "machine-1", "team_id": "team-1", "name": "web-1", "tags": ["web", "env:prod", "Größe: 2"]}
PLACES: Mapping[str, Mapping[str, object]] = {
    "aws": {"region": "eu-central-1", "size": "t3.micro", "image": "ami-1", "key_ids": ["mine"]},
    "digitalocean": {"region": "fra1", "size": "s-1vcpu-1gb", "image": "debian-12-x64", "key_ids": ["1"]},
    "gcp": {
        "region": "europe-west3",
        "zone": "europe-west3-a",
        "size": "e2-micro",
        "image": "debian-cloud/debian-12",
        "public_keys": ["ssh-ed25519 AAAA me"],
    },
    "hetzner": {"region": "fsn1", "size": "cx22", "image": "debian-12", "key_ids": ["1"]},
}
RULES = [
    {"direction": "inbound", "protocol": "tcp", "ports": "22", "sources": ["198.51.100.0/24", "2001:db8::/32"]},
    {"direction": "inbound", "protocol": "udp", "ports": "8000-8100", "sources": ["0.0.0.0/0"]},
    {"direction": "inbound", "protocol": "icmp", "ports": "all", "sources": ["0.0.0.0/0"]},
]
OUTBOUND = {"direction": "outbound", "protocol": "tcp", "ports": "all", "sources": ["203.0.113.7/32"]}


@dataclass
class Stage:
    """A folder with one module laid out, and Terraform that takes our plugin for the provider's."""

    module: str
    folder: Path
    configuration: Path

    def lay_out(self, **changes: object) -> None:
        Workspace(self.folder).lay_out(MODULES / self.module, {**COMMON, **PLACES[self.module], **changes})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        environment = {
            "PATH": os.environ["PATH"],
            "TF_CLI_CONFIG_FILE": str(self.configuration),
            "CHECKPOINT_DISABLE": "1",
            "TMPDIR": os.environ["TMPDIR"],
        }
        command = [*real_engine().argv, *arguments]
        return subprocess.run(command, cwd=self.folder, env=environment, check=False, capture_output=True)

    def terraform(self, *arguments: str) -> bytes:
        done = self.run(*arguments)
        assert done.returncode == 0, (done.stdout + done.stderr).decode()
        return done.stdout

    def planned(self) -> dict[str, Any]:
        """The values of each resource that the plan makes, by address."""
        self.terraform("plan", "-out=tfplan")
        shown = json.loads(self.terraform("show", "-json", "tfplan"))
        return {each["address"]: each["change"]["after"] for each in shown["resource_changes"]}


@pytest.fixture(params=sorted(PLUGINS), scope="module")
def initialised(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    base = tmp_path_factory.mktemp("stage")
    plugins = base / "plugins"
    mirror.install_remembered(plugins, PLUGINS[request.param], base / "objects.json")
    made = Stage(request.param, base / "run", mirror.configuration(base / "terraform.rc", plugins))
    made.lay_out()
    made.terraform("init", "-input=false")
    return made


@pytest.fixture
def stage(initialised: Stage) -> Stage:
    initialised.lay_out()
    return initialised


def test_a_whole_life_leaves_nothing_behind(stage: Stage) -> None:
    stage.lay_out(rules=RULES)
    stage.terraform("fmt", "-check", str(MODULES / stage.module))
    assert json.loads(stage.terraform("validate", "-json"))["valid"]
    stage.terraform("plan", "-out=tfplan")
    stage.terraform("apply", "tfplan")

    shown = stage.terraform("show", "-json")
    outputs = outputs_of_state(shown)
    assert MAIN[stage.module] in {each.address for each in resources_of_state(shown)}
    assert outputs["provider_resource_id"]
    assert "status" in outputs
    assert stage.run("plan", "-detailed-exitcode").returncode == 0

    # What only counts at birth replaces nothing.
    stage.lay_out(rules=RULES, image="another", user_data="#!/bin/sh", key_ids=["9"])
    if stage.module == "gcp":
        stage.lay_out(rules=RULES, image="another", user_data="#!/bin/sh", public_keys=[])
    assert stage.run("plan", "-detailed-exitcode").returncode == 0

    stage.terraform("apply", "-destroy", "-auto-approve")
    assert resources_of_state(stage.terraform("show", "-json")) == ()


def test_another_name_for_any_argument_is_refused(stage: Stage) -> None:
    path = stage.folder / "main.tf"
    lines = path.read_text(encoding="utf-8").splitlines()
    changed = {number for number, line in enumerate(lines, start=1) if number in argument_lines(lines)}
    for number in changed:
        lines[number - 1] = re.sub(r"^(\s+)(\w+)(\s+=)", r"\1\2x\3", lines[number - 1])
    path.write_text("\n".join(lines), encoding="utf-8")
    told = json.loads(stage.run("validate", "-json").stdout)
    refused = {
        each["range"]["start"]["line"] for each in told["diagnostics"] if each["summary"] == "Unsupported argument"
    }
    assert len(changed) > 10
    assert {lines[number - 1] for number in changed - refused} == set()


def argument_lines(lines: list[str]) -> set[int]:
    """Numbers of the lines that give a provider's argument: in resources, but nothing of Terraform's own."""
    found, inside, depth, own = set(), False, 0, 0
    for number, line in enumerate(lines, start=1):
        inside = inside or line.startswith("resource ")
        if re.match(r"\s+lifecycle \{", line):
            own = depth + 1
        argument = re.match(r"\s+(\w+)\s+= ", line)
        if inside and not own and argument and argument[1] not in {"count", "for_each"}:
            found.add(number)
        depth += line.count("{") + line.count("(") + line.count("[")
        depth -= line.count("}") + line.count(")") + line.count("]")
        if own and depth < own:
            own = 0
        inside = inside and depth > 0
    return found


def test_marks_and_tags_reach_the_machine_in_words_that_the_provider_takes(stage: Stage) -> None:
    planned = stage.planned()[MAIN[stage.module]]
    if stage.module == "digitalocean":
        assert planned["tags"] == ["Gr--e:-2", "env:prod", "machina-machine-machine-1", "machina-team-team-1", "web"]
        return
    labels = planned["tags" if stage.module == "aws" else "labels"]
    assert labels["machina-machine"] == "machine-1"
    assert labels["machina-team"] == "team-1"
    assert (labels["env"], labels["web"]) == ("prod", "")
    if stage.module == "aws":
        assert labels["Größe"] == " 2"
    else:
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9._-]*", key) for key in labels)


def test_rules_become_those_of_the_provider(stage: Stage) -> None:
    stage.lay_out(rules=RULES)
    open_outside = lets_through(stage)
    assert open_outside >= {
        ("in", "tcp", "22", "198.51.100.0/24"),
        ("in", "tcp", "22", "2001:db8::/32"),
        ("in", "udp", "8000-8100", "0.0.0.0/0"),
        ("in", "icmp", "", "0.0.0.0/0"),
    }
    assert not {rule for rule in open_outside if rule[0] == "in" and rule[3] == "::/0"}

    stage.lay_out(rules=[*RULES, OUTBOUND, {**OUTBOUND, "protocol": "udp", "ports": "53"}])
    out = {rule for rule in lets_through(stage) if rule[0] == "out"}
    assert out == {("out", "tcp", "all", "203.0.113.7/32"), ("out", "udp", "53", "203.0.113.7/32")}


def test_firewalls_are_called_what_they_are_looked_for_by(stage: Stage) -> None:
    rules = ("tcp:22 from 198.51.100.0/24,2001:db8::/32", "udp:8000-8100 from 0.0.0.0/0", "icmp from 0.0.0.0/0")
    parts = MachineParts(rules=tuple(map(rule_of, (*rules, "out tcp to 203.0.113.7/32"))))
    stage.lay_out(rules=[*RULES, OUTBOUND])
    provider = provider_for(ProviderType(stage.module))
    made = {address: values["name"] for address, values in stage.planned().items() if address != MAIN[stage.module]}
    assert made == provider.firewalls(machine(1, machine_id="machine-1"), parts)


def test_ping_is_let_through_by_either_protocol_of_the_internet(stage: Stage) -> None:
    stage.lay_out(rules=[{**RULES[2], "sources": ["0.0.0.0/0", "::/0"]}])
    planned = stage.planned()
    if stage.module == "aws":
        found = {
            (rule["protocol"], *rule["cidr_blocks"], *rule["ipv6_cidr_blocks"])
            for rule in planned["aws_security_group.machine[0]"]["ingress"]
        }
        assert found == {("icmp", "0.0.0.0/0"), ("icmpv6", "::/0")}
    elif stage.module == "gcp":
        rules = [values for address, values in planned.items() if "allowed" in address]
        found = {(values["allow"][0]["protocol"], *values["source_ranges"]) for values in rules}
        assert found == {("icmp", "0.0.0.0/0"), ("58", "::/0")}
    else:
        assert {rule[3] for rule in lets_through(stage) if rule[:2] == ("in", "icmp")} == {"0.0.0.0/0", "::/0"}


def test_without_a_profile_there_is_no_firewall(stage: Stage) -> None:
    found = {address for address in stage.planned() if "firewall" in address or "security_group" in address}
    assert found == ({"aws_security_group.machine[0]"} if stage.module == "aws" else set())


def test_a_machine_that_was_taken_over_stays_behind_its_firewalls(stage: Stage) -> None:
    # What it has is left to the provider to tell: the plan neither names nor empties it.
    kept = {"aws": "vpc_security_group_ids", "hetzner": "firewall_ids"}.get(stage.module)
    stage.lay_out(keep_firewall=True)
    planned = stage.planned()
    assert not {address for address in planned if "firewall" in address or "security_group" in address}
    assert kept not in planned[MAIN[stage.module]]


def test_what_a_machine_was_born_with_elsewhere_is_left_as_it_is(stage: Stage) -> None:
    stage.terraform("apply", "-auto-approve")
    path = stage.folder.parent / "objects.json"
    objects = json.loads(path.read_text(encoding="utf-8"))
    for made in objects.values():
        if made.get("network_interface"):
            made["tags"] = ["http-server"]
            made["network_interface"][0]["network"] = "theirs"
        if made.get("metadata_options"):
            made["metadata_options"][0]["http_tokens"] = "optional"
    path.write_text(json.dumps(objects), encoding="utf-8")
    if stage.module == "gcp":
        # Elsewhere a name can be changed.
        stage.lay_out(name="ours")
    assert stage.run("plan", "-detailed-exitcode").returncode == 0
    stage.terraform("apply", "-destroy", "-auto-approve")


@pytest.mark.parametrize(
    "rule",
    [
        {"direction": "sideways", "protocol": "tcp", "ports": "22", "sources": ["0.0.0.0/0"]},
        {"direction": "inbound", "protocol": "tcp", "ports": "22;reboot", "sources": ["0.0.0.0/0"]},
        {"direction": "inbound", "protocol": "tcp", "ports": "22", "sources": ["everywhere"]},
        {"direction": "inbound", "protocol": "tcp", "ports": "22", "sources": []},
    ],
    ids=["direction", "ports", "range", "nobody"],
)
def test_a_rule_that_means_nothing_is_refused(stage: Stage, rule: dict[str, object]) -> None:
    stage.lay_out(rules=[rule])
    done = stage.run("plan")
    assert done.returncode == 1
    assert b"A rule has a direction" in done.stderr


def lets_through(stage: Stage) -> set[tuple[str, str, str, str]]:
    """Direction, protocol, ports and range of everything that the planned firewall lets through."""
    planned = stage.planned()
    match stage.module:
        case "digitalocean":
            return set(_digitalocean(planned["digitalocean_firewall.machine[0]"]))
        case "hetzner":
            return set(_hetzner(planned["hcloud_firewall.machine[0]"]))
        case "aws":
            return set(_aws(planned["aws_security_group.machine[0]"]))
        case _:
            return {each for address, values in planned.items() if "allowed" in address for each in _gcp(values)}


def _digitalocean(values: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for way, block, ranges in (
        ("in", "inbound_rule", "source_addresses"),
        ("out", "outbound_rule", "destination_addresses"),
    ):
        for rule in values[block]:
            for source in rule[ranges]:
                yield way, rule["protocol"], rule["port_range"] or "", source


def _hetzner(values: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for rule in values["rule"]:
        ports = "all" if rule["port"] == "any" else rule["port"] or ""
        for source in rule["source_ips"] + rule["destination_ips"]:
            yield rule["direction"], rule["protocol"], ports, source


def _aws(values: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for way, block in (("in", "ingress"), ("out", "egress")):
        for rule in values[block]:
            first, last = rule["from_port"], rule["to_port"]
            ports = str(first) if first == last else f"{first}-{last}"
            for source in rule["cidr_blocks"] + rule["ipv6_cidr_blocks"]:
                yield way, rule["protocol"], {"-1": "", "0-65535": "all"}.get(ports, ports), source


def _gcp(values: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    way = "in" if values["direction"] == "INGRESS" else "out"
    for allowed in values["allow"]:
        protocol = "icmp" if allowed["protocol"] == "58" else allowed["protocol"]
        ports = (allowed["ports"] or [""])[0] or ("" if protocol == "icmp" else "all")
        for source in [*(values.get("source_ranges") or ()), *(values.get("destination_ranges") or ())]:
            yield way, protocol, ports, source
