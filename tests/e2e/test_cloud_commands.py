"""A machine's life at a cloud by commands alone: real Terraform, a plugin of ours and a stand-in for the API."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from machina_desktop.cli import main
from machina_desktop.core.config import PLUGIN_MIRROR
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.providers import registry
from machina_desktop.core.providers.hetzner import Hetzner
from tests.fakes.clouds.hetzner import Hetzner as Fake
from tests.fakes.clouds.served import serving
from tests.fakes.clouds.stage import PACE, PATIENCE, TOKEN, WAITS
from tests.fakes.plugin import mirror
from tests.fakes.provider import install


class Shell:
    """``machina …`` in this process, where the provider waits no longer than its stand-in takes."""

    def __init__(self, capsys: pytest.CaptureFixture[str], cloud: Fake) -> None:
        self.cloud = cloud
        self._capsys = capsys

    def __call__(self, *words: object) -> tuple[int, str, str]:
        """The exit code and what was said."""
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        said = self._capsys.readouterr()
        return code, said.out, said.err

    def done(self, *words: object) -> str:
        """What a command printed that has to succeed."""
        code, out, err = self(*words)
        assert code == 0, f"{words} ended with {code}:\n{out}{err}"
        return out

    def json(self, *words: object) -> Any:
        """The document a command printed."""
        return json.loads(self.done(*words, "--json"))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Shell]:
    monkeypatch.setenv("MACHINA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("MACHINA_VAULT", "key-file")
    known = registry.PROVIDERS[ProviderType.HETZNER]
    mirror.install(tmp_path / "plugins", "hcloud", (sys.executable, "-m", "tests.fakes.plugin.hcloud"))
    token = tmp_path / "token"
    token.write_text(TOKEN)
    try:
        install(Hetzner(pace=PACE, waits=WAITS, patience=PATIENCE))
        with serving(Fake(token=TOKEN)) as cloud:
            made = Shell(capsys, cloud)
            made.done("settings", "set", PLUGIN_MIRROR.key, "--value", tmp_path / "plugins")
            made.done("keys", "generate", "--name", "ada")
            account = ("--type", "hetzner", "--label", "Acme", "--colour", "teal", "--endpoint", cloud.url)
            made.done("providers", "add", *account, "--api-token-file", token)
            yield made
    finally:
        registry.PROVIDERS[ProviderType.HETZNER] = known
        registry.provider_for.cache_clear()


def test_a_whole_life_by_commands(shell: Shell) -> None:
    offered = shell.done("providers", "catalogue", "Acme")
    assert "cx22" in offered
    assert "As of " in offered
    shell.done("firewalls", "create", "--name", "web", "--template", "ssh", "--rule", "tcp:443")
    wanted = ("--region", "nbg1", "--size", "cx22", "--image", "debian-12", "--firewall", "web", "--key", "ada")
    code, out, err = shell("machines", "create", "--account", "Acme", "--name", "web-1", *wanted, "--wait")
    assert "hcloud_server.machine" in out, err
    assert not shell.cloud.servers
    shell.done("deployments", "approve", "web-1", "--wait")
    (server,) = shell.cloud.servers.values()
    (firewall,) = shell.cloud.firewalls.values()
    assert [rule.get("port") for rule in firewall["rules"]] == ["22", None, "443"]
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
    assert code == 0


def test_what_is_there_is_listed_and_taken_over_by_commands(shell: Shell) -> None:
    shell.cloud.add_machines(2)
    listed = shell.done("machines", "instances", "--unmanaged")
    assert "other-0" in listed
    (account,) = shell.json("machines", "instances")
    resource_id = account["instances"][0]["resource_id"]
    words = ("--account", "Acme", "--resource", resource_id, "--name", "old")
    assert "1 to import" in shell.done("machines", "import", *words, "--wait", "--yes")
    assert "other-0" not in shell.done("machines", "instances", "--unmanaged")
    assert shell.json("keys", "sync", "ada", "--account", "Acme")["provider_key_ids"]
    shell.done("keys", "delete", "ada", "--from-accounts", "--yes")
    assert not shell.cloud.keys
