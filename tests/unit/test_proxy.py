"""A proxy is set as an address without a password, and Terraform's processes see exactly the one that was set."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from machina_desktop.core.config import NO_PROXY_HOSTS, PROXY_MODE, PROXY_URL, Settings
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.process import Command, launch
from machina_desktop.core.proxy import PROXY_NAMES, proxy_environment
from machina_desktop.core.terraform import cli

PRINT = "import json, os; print(json.dumps({n: v for n, v in os.environ.items() if 'proxy' in n.lower()}))"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json")


@pytest.fixture
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://from.the.environment:8080")
    monkeypatch.setenv("no_proxy", "localhost")


async def seen_by_a_child(settings: Settings, folder: Path) -> dict[str, str]:
    """The proxies a launched program finds in its environment, started as Terraform is."""
    environment = cli.terraform_environment(
        config_file=folder / "rc", plugin_cache=None, credentials={}, proxy=proxy_environment(settings)
    )
    started = launch(folder, (Command((sys.executable, "-c", PRINT), "out"),), cwd=folder, environment=environment)
    outcome = await started.wait()
    assert outcome.codes == (0,)
    found: dict[str, str] = json.loads(started.output("out").read_text())
    return found


@pytest.mark.usefixtures("surroundings")
async def test_by_itself_a_child_sees_the_proxy_of_the_environment(settings: Settings, tmp_path: Path) -> None:
    assert await seen_by_a_child(settings, tmp_path) == {
        "HTTPS_PROXY": "http://from.the.environment:8080",
        "no_proxy": "localhost",
    }


@pytest.mark.usefixtures("surroundings")
async def test_without_a_proxy_a_child_sees_none_whatever_the_environment_says(
    settings: Settings, tmp_path: Path
) -> None:
    settings.set(PROXY_MODE, "none")
    assert await seen_by_a_child(settings, tmp_path) == {}


@pytest.mark.usefixtures("surroundings")
async def test_a_child_sees_the_proxy_that_was_set_and_nothing_of_the_environments(
    settings: Settings, tmp_path: Path
) -> None:
    settings.set(PROXY_MODE, "manual")
    settings.set(PROXY_URL, "socks5://proxy.example.com:1080")
    settings.set(NO_PROXY_HOSTS, "localhost, 10.0.0.0/8,.example.com ,")
    address, direct = "socks5://proxy.example.com:1080", "localhost,10.0.0.0/8,.example.com"
    assert await seen_by_a_child(settings, tmp_path) == {
        "http_proxy": address,
        "https_proxy": address,
        "no_proxy": direct,
        "HTTP_PROXY": address,
        "HTTPS_PROXY": address,
        "NO_PROXY": direct,
    }


def test_a_manual_proxy_without_an_address_is_none(settings: Settings) -> None:
    settings.set(PROXY_MODE, "manual")
    assert proxy_environment(settings) == {}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://proxy.example.com:3128",
        "HTTPS://proxy:443/",
        "http://127.0.0.1",
        "socks5://[::1]:1080",
        "http://[fe80::1]",
        "http://bücher.example:80",
    ],
)
def test_an_address_of_a_proxy_is_taken(settings: Settings, address: str) -> None:
    settings.set(PROXY_URL, address)
    assert settings.get(PROXY_URL) == address


@pytest.mark.parametrize(
    "address",
    [
        "proxy.example.com:3128",
        "ftp://proxy:21",
        "socks4://proxy:1080",
        "http://",
        "http://:3128",
        "http://proxy:0",
        "http://proxy:65536",
        "http://proxy:port",
        "http://proxy:٣",
        "http://proxy:3128/path",
        "http://proxy:3128?x",
        "http://pro xy:3128",
        "http://proxy:31\n28",
        "http://::1:80",
    ],
)
def test_what_is_no_address_of_a_proxy_is_refused(settings: Settings, address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings.set(PROXY_URL, address)
    assert (caught.value.field, caught.value.code) == ("proxy_url", "E-PROXY-ADDRESS")
    assert "http://" in caught.value.hint
    assert settings.get(PROXY_URL) == ""


@pytest.mark.parametrize("address", ["http://ada:canary-7f3e@proxy:3128", "https://canary-7f3e@proxy"])
def test_a_password_in_the_address_is_refused_and_not_repeated(settings: Settings, address: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings.set(PROXY_URL, address)
    assert caught.value.code == "E-PROXY-PASSWORD"
    assert "proxy on this computer" in caught.value.hint
    assert "canary" not in str(caught.value)


def test_a_stored_address_with_a_password_is_not_in_force(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{"proxy_mode": "manual", "proxy_url": "http://ada:secret@proxy:3128"}')
    assert proxy_environment(Settings(path)) == {}


@pytest.mark.parametrize("hosts", ["http://a", "a b", "a,b@c", "a\x00b"])
def test_hosts_without_a_proxy_are_names_and_networks(settings: Settings, hosts: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        settings.set(NO_PROXY_HOSTS, hosts)
    assert caught.value.field == "no_proxy_hosts"
