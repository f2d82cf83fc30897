"""A machine's life at a cloud by commands alone: real Terraform, a plugin of ours and a stand-in for the API."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from machina_desktop.core.config import PLUGIN_MIRROR
from tests.fakes.clouds.hetzner import Hetzner as Fake
from tests.fakes.clouds.served import serving
from tests.fakes.clouds.stage import TOKEN
from tests.fakes.command_line import Machina
from tests.fakes.plugin import mirror


class Shell(Machina):
    """The program, whose provider waits no longer than its stand-in takes."""

    def __init__(self, folder: Path, cloud: Fake) -> None:
        super().__init__(folder)
        self.cloud = cloud

    @staticmethod
    def _argv(words: tuple[object, ...]) -> list[str]:
        return [sys.executable, "-m", "tests.fakes.clouds.quick_program", *map(str, words)]


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    mirror.install(tmp_path / "plugins", "hcloud", (sys.executable, "-m", "tests.fakes.plugin.hcloud"))
    token = tmp_path / "token"
    token.write_text(TOKEN)
    with serving(Fake(token=TOKEN)) as cloud:
        made = Shell(tmp_path, cloud)
        made.done("settings", "change", PLUGIN_MIRROR.key, "--value", tmp_path / "plugins")
        made.done("keys", "generate", "--name", "ada")
        account = ("--type", "hetzner", "--label", "Acme", "--colour", "teal", "--endpoint", cloud.url)
        made.done("providers", "add", *account, "--api-token-file", token)
        yield made
        made.end_leftovers()


def test_a_whole_life_by_commands(shell: Shell) -> None:
    offered = shell.done("providers", "catalogue", "Acme")
    assert "cx22" in offered
    assert "As of " in offered
    shell.done("firewalls", "create", "--name", "web", "--template", "ssh", "--rule", "tcp:443")
    wanted = ("--region", "nbg1", "--size", "cx22", "--image", "debian-12", "--firewall", "web", "--key", "ada")
    shell.done("machines", "create", "--account", "Acme", "--name", "web-1", *wanted)
    assert "hcloud_server.machine" in shell.done("deployments", "get", "web-1")
    assert not shell.cloud.servers
    shell.done("deployments", "approve", "web-1", "--wait")
    (server,) = shell.cloud.servers.values()
    (firewall,) = shell.cloud.firewalls.values()
    assert {rule.get("port") for rule in firewall["rules"]} == {"22", "443", None}
    assert "web-1" in shell.done("firewalls", "users", "web")

    resized = shell.done("machines", "resize", "web-1", "--size", "cx32", "--wait", "--yes")
    assert "resize" in resized or "update" in resized
    assert server["server_type"]["name"] == "cx32"
    assert shell.json("machines", "get", "web-1")["size"] == "cx32"

    server["server_type"] = {**server["server_type"], "name": "cx22"}
    assert "changed outside: hcloud_server.machine" in shell.done("machines", "refresh", "web-1")
    shell.done("machines", "destroy", "web-1", "--wait", "--yes")
    assert not shell.cloud.servers
    assert not shell.cloud.firewalls


def test_what_is_there_is_listed_and_taken_over_by_commands(shell: Shell) -> None:
    shell.cloud.add_machines(2)
    listed = shell.done("machines", "instances", "--unmanaged")
    assert "other-0" in listed
    (account,) = shell.json("machines", "instances")
    resource_id = account["instances"][0]["resource_id"]
    words = ("--account", "Acme", "--resource", resource_id, "--name", "old")
    assert "1 to import" in shell.done("machines", "import", *words, "--wait", "--yes")
    assert "other-0" not in shell.done("machines", "instances", "--unmanaged")
    assert shell.json("keys", "sync", "ada", "--account", "Acme")["key"]["provider_key_ids"]
    shell.done("keys", "delete", "ada", "--from-accounts", "--yes")
    assert not shell.cloud.keys
