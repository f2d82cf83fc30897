"""DigitalOcean's own Terraform provider and a stand-in for its API, by ``make real-providers``: a droplet's whole life.

The provider comes from Terraform's registry, or from the folder that MACHINA_PLUGIN_MIRROR names.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.core.config import PLUGIN_MIRROR
from tests.fakes.clouds.digitalocean import DigitalOcean as Fake
from tests.fakes.clouds.served import Fault, Thing, serving
from tests.fakes.clouds.stage import TOKEN
from tests.fakes.command_line import Machina

MIRROR = "MACHINA_PLUGIN_MIRROR"
WANTED = ("--region", "fra1", "--size", "s-1vcpu-1gb", "--image", "debian-12-x64", "--key", "ada", "--firewall", "web")
# The provider waits ten seconds before it first looks at a droplet that changes, and a resize changes it three times.
pytestmark = pytest.mark.timeout(900)


class Shell(Machina):
    """The program, whose own waits are short, with an account at a stand-in."""

    patience_s = 300.0

    def __init__(self, folder: Path, cloud: Fake) -> None:
        super().__init__(folder)
        self.cloud = cloud

    @staticmethod
    def _argv(words: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "tests.fakes.clouds.quick_program", *map(str, words)]

    @property
    def droplet(self) -> Thing:
        """The only droplet there is."""
        (found,) = self.cloud.droplets.values()
        return found

    def run(self, machine: str = "web-1") -> dict[str, Any]:
        """The newest run of the machine."""
        found: dict[str, Any] = self.json("deployments", "get", machine)
        return found

    def log(self, machine: str = "web-1") -> str:
        """What its newest run wrote."""
        return self.done("deployments", "logs", machine)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    cloud = Fake(token=TOKEN)
    with serving(cloud):
        made = Shell(tmp_path, cloud)
        if mirror := os.environ.get(MIRROR, ""):
            made.done("settings", "change", PLUGIN_MIRROR.key, "--value", Path(mirror).absolute())
        made.done("keys", "generate", "--name", "ada")
        made.done("firewalls", "create", "--name", "web", "--template", "ssh", "--rule", "tcp:443")
        account = ("--type", "digitalocean", "--label", "Acme", "--endpoint", cloud.url)
        made.done("providers", "add", *account, "--api-token-file", token)
        yield made
        made.end_leftovers()


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Say how long it took."""
    began = time.monotonic()
    yield
    print(f"{what:<28} {time.monotonic() - began:6.1f} s", flush=True)


def planned(shell: Shell) -> None:
    """Ask for the machine; without the provider there is no plan, and this says what to do."""
    ended = shell("machines", "create", "--account", "Acme", "--name", "web-1", *WANTED, "--tag", "env:prod")
    run = shell.run()
    if run["error_code"] == "E-TF-INIT":
        pytest.fail(
            f"DigitalOcean's Terraform provider cannot be had: {run['error_message']}\n"
            f"Let this computer reach Terraform's registry, or have {MIRROR} name a folder with the provider in it, as "
            "`terraform providers mirror FOLDER` makes one.",
            pytrace=False,
        )
    assert run["state"] == "awaiting_approval", ended.stdout + ended.stderr + shell.log()


def test_a_droplet_lives_from_plan_to_destroy(shell: Shell) -> None:
    with timed("verify"):
        assert "valid" in shell.done("providers", "verify", "Acme")
    with timed("catalogue"):
        assert "s-1vcpu-1gb" in shell.done("providers", "catalogue", "Acme")
    with timed("init and plan"):
        planned(shell)
    assert not shell.cloud.droplets
    with timed("create"):
        shell.done("deployments", "approve", "web-1", "--wait")
    is_made_as_asked(shell)
    with timed("plan of the same"):
        shell.done("machines", "set-firewall", "web-1", "--wait", "--yes")
    assert "Nothing to change" in shell.log()
    with timed("refresh"):
        shell.done("machines", "refresh", "web-1")
    assert shell.run()["plan_summary"]["drift"] == []

    with timed("resize"):
        shell.done("machines", "resize", "web-1", "--size", "s-1vcpu-2gb", "--wait", "--yes")
    assert (shell.droplet["size_slug"], shell.droplet["status"], shell.droplet["disk"]) == ("s-1vcpu-2gb", "active", 25)
    assert shell.json("machines", "get", "web-1")["size"] == "s-1vcpu-2gb"
    with timed("other firewall"):
        shell.done("firewalls", "create", "--name", "closed", "--template", "ssh")
        shell.done("machines", "set-firewall", "web-1", "--profile", "closed", "--wait", "--yes")
    assert ports_open(shell) == {"22", "0"}
    day_two(shell)
    drifted(shell)
    with timed("destroy"):
        shell.done("machines", "destroy", "web-1", "--wait", "--yes")
    assert not shell.cloud.droplets
    assert not shell.cloud.firewalls
    assert shell.json("machines", "list", "--include-gone")[0]["terraform_state_status"] == "none"


def is_made_as_asked(shell: Shell) -> None:
    """The droplet, its firewall and what is on record of it."""
    droplet, machine = shell.droplet, shell.json("machines", "get", "web-1")
    (firewall,) = shell.cloud.firewalls.values()
    addresses = {each["type"]: each["ip_address"] for each in droplet["networks"]["v4"]}
    assert machine["actual_status"] == "running"
    assert machine["provider_resource_id"] == str(droplet["id"])
    assert (machine["public_ip"], machine["private_ip"]) == (addresses["public"], addresses["private"])
    marks = {f"machina-machine-{machine['machine_id']}", f"machina-team-{machine['team_id']}"}
    assert set(droplet["tags"]) == {*marks, "env:prod"}
    assert firewall["droplet_ids"] == [droplet["id"]]
    assert ports_open(shell) == {"22", "443", "0"}


def ports_open(shell: Shell) -> set[str]:
    """Ports that the only firewall lets in, in the API's words."""
    (firewall,) = shell.cloud.firewalls.values()
    return {each["ports"] for each in firewall["inbound_rules"]}


def day_two(shell: Shell) -> None:
    """What the API does by itself leaves nothing for Terraform to put right."""
    for verb, status in (("reboot", "active"), ("stop", "off"), ("start", "active"), ("snapshot", "active")):
        with timed(verb):
            shell.done("machines", verb, "web-1", "--wait")
        assert shell.droplet["status"] == status
        assert "not refreshed" not in shell.log()
    assert shell.droplet["snapshot_ids"]
    with timed("rebuild"):
        shell.done("machines", "rebuild", "web-1", "--image", "ubuntu-24-04-x64", "--wait", "--yes")
    with timed("plan of the same"):
        shell.done("machines", "set-firewall", "web-1", "--wait", "--yes")
    assert "Nothing to change" in shell.log()


def drifted(shell: Shell) -> None:
    """Somebody changes the droplet at the provider: it is told, and nothing is put right by itself."""
    shell.droplet["status"] = "off"
    shell.droplet["tags"].remove("env:prod")
    with timed("refresh after drift"):
        told = shell.done("machines", "refresh", "web-1")
    assert "changed outside: digitalocean_droplet.machine" in told
    assert shell.json("machines", "get", "web-1")["actual_status"] == "stopped"
    assert "env:prod" not in shell.droplet["tags"]


def test_a_droplet_that_the_api_made_before_it_failed_is_taken_over_and_not_made_twice(shell: Shell) -> None:
    planned(shell)
    shell.cloud.faults.append(Fault(match="POST /v2/droplets", status=500, after=True))
    with timed("create that breaks"):
        assert shell("deployments", "approve", "web-1", "--wait").returncode == 1
    assert len(shell.cloud.droplets) == 1
    with timed("try again"):
        shell.done("machines", "retry", "web-1", "--wait", "--yes")
    summary = shell.run()["plan_summary"]
    assert (summary["imports"], summary["add"], summary["remove"]) == (1, 1, 0)
    is_made_as_asked(shell)
    shell.done("machines", "set-firewall", "web-1", "--wait", "--yes")
    assert "Nothing to change" in shell.log()


def test_a_firewall_that_the_api_made_before_it_failed_is_taken_over(shell: Shell) -> None:
    planned(shell)
    shell.cloud.faults.append(Fault(match="POST /v2/firewalls", status=500, after=True))
    assert shell("deployments", "approve", "web-1", "--wait").returncode == 1
    shell.done("machines", "retry", "web-1", "--wait", "--yes")
    summary = shell.run()["plan_summary"]
    assert (summary["imports"], summary["add"], summary["remove"]) == (1, 0, 0)
    is_made_as_asked(shell)
    shell.done("machines", "set-firewall", "web-1", "--wait", "--yes")
    assert "Nothing to change" in shell.log()


def test_a_droplet_that_somebody_made_by_hand_is_taken_over(shell: Shell) -> None:
    shell.cloud.add_machines(1)
    shell.cloud.tags.update({"kept", "dropped"})
    shell.droplet["tags"] += ["kept", "dropped"]
    features = ["backups", "droplet_agent", "monitoring", "private_networking"]
    shell.droplet["features"] = list(features)
    words = ("--account", "Acme", "--resource", shell.droplet["id"], "--name", "old", "--tag", "kept")
    shell.done("machines", "import", *words, "--wait", "--yes")
    summary = shell.run("old")["plan_summary"]
    assert (summary["imports"], summary["add"], summary["remove"]) == (1, 0, 0)
    machine = shell.json("machines", "get", "old")
    marks = {f"machina-machine-{machine['machine_id']}", f"machina-team-{machine['team_id']}"}
    assert (shell.droplet["name"], set(shell.droplet["tags"])) == ("old", {*marks, "kept"})
    assert machine["actual_status"] == "running"
    assert shell.droplet["features"] == features
    shell.done("machines", "refresh", "old")
    assert shell.run("old")["plan_summary"]["drift"] == []


def test_a_resize_goes_on_when_the_api_fails_for_a_moment(shell: Shell) -> None:
    """Were it given up half-way, the droplet would stay switched off."""
    planned(shell)
    shell.done("deployments", "approve", "web-1", "--wait")
    shell.cloud.faults.append(Fault(match=f"GET /v2/droplets/{shell.droplet['id']}", times=2, status=503))
    shell.done("machines", "resize", "web-1", "--size", "s-1vcpu-2gb", "--wait", "--yes")
    assert (shell.droplet["size_slug"], shell.droplet["status"]) == ("s-1vcpu-2gb", "active")
