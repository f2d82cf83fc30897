"""The person's ssh_config is followed as ssh itself would, with its program and without; so are their known_hosts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from machina_desktop.core.domain.terminal import HostKey
from machina_desktop.core.errors import InvalidInput, Unavailable
from machina_desktop.core.ssh import config as config_module
from machina_desktop.core.ssh.config import Asked, HostConfig, evaluate, evaluate_machine, jump_asked
from machina_desktop.core.ssh.known_hosts import known_keys, remember
from tests.fakes.sshd import KeyPair, ssh_program


@pytest.fixture(params=["with ssh", "without ssh"])
def _each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh_program()
    if request.param == "without ssh":
        monkeypatch.setattr(config_module.shutil, "which", lambda _name: None)


both_ways = pytest.mark.usefixtures("_each_way")


def of(folder: Path, text: str, name: str = "web-1", **asked: object) -> HostConfig:
    file = folder / "config"
    file.write_text(text)
    return evaluate(Asked(name=name, **asked), file=file)  # type: ignore[arg-type]


@both_ways
def test_what_is_written_for_a_host_holds_for_it(tmp_path: Path) -> None:
    found = of(
        tmp_path,
        "Host web-*\n  HostName 10.0.0.7\n  Port 2200\n  User ada\n  IdentityFile /keys/web\n  IdentitiesOnly yes\n"
        "  ForwardAgent yes\n  IdentityAgent /run/agent\n  HostKeyAlias web\n  ProxyJump bob@gate:2222,inner\n"
        "Host *\n  User nobody\n",
    )
    assert (found.host, found.port, found.user, found.jumps) == ("10.0.0.7", 2200, "ada", ("bob@gate:2222", "inner"))
    assert (found.key_files, found.is_limited, found.forwards_agent) == ((Path("/keys/web"),), True, True)
    assert (found.agent, found.alias) == ("/run/agent", "web")


@both_ways
def test_nothing_is_forwarded_limited_or_jumped_unless_it_is_written(tmp_path: Path) -> None:
    found = of(tmp_path, "Host other\n  ForwardAgent yes\n  ProxyJump gate\n")
    assert (found.jumps, found.key_files, found.forwards_agent, found.is_limited) == ((), (), False, False)
    assert (found.host, found.agent) == ("web-1", None)
    assert Path("~/.ssh/id_ed25519").expanduser() in found.default_files


@both_ways
def test_what_is_known_of_a_machine_stays(tmp_path: Path) -> None:
    found = of(tmp_path, "Host *\n  HostName evil\n  User root\n  Port 1\n", host="10.0.0.5", port=22, user="ubuntu")
    assert (found.host, found.port, found.user) == ("10.0.0.5", 22, "ubuntu")


@both_ways
def test_included_files_hold_in_their_place(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host web-1\n  User included\n")
    found = of(tmp_path, f"Include {tmp_path}/mo*\nHost web-1\n  User later\n  Port 2200\n")
    assert (found.user, found.port) == ("included", 2200)


@both_ways
def test_what_a_block_includes_holds_for_that_block(tmp_path: Path) -> None:
    (tmp_path / "more").write_text("User included\n")
    text = f"Host web-1\n  Include {tmp_path}/more\n  Port 2200\nHost *\n  User nobody\n"
    assert (of(tmp_path, text).user, of(tmp_path, text).port) == ("included", 2200)
    assert of(tmp_path, text, "db").user == "nobody"


@both_ways
def test_match_by_host_and_user_is_followed(tmp_path: Path) -> None:
    text = "Match host web-1 user ada\n  Port 2200\nMatch originalhost db\n  Port 2300\n"
    assert of(tmp_path, text, user="ada").port == 2200
    assert of(tmp_path, text, "db").port == 2300


@both_ways
def test_a_mistake_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refusal:
        of(tmp_path, "Host *\n  ProxyCommand nc gate 22\n")
    assert refusal.value.code == "E-SSH-CONFIG"
    assert "ProxyJump" in refusal.value.message


def test_without_ssh_a_command_in_a_match_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_module.shutil, "which", lambda _name: None)
    with pytest.raises(Unavailable) as refusal:
        of(tmp_path, f'Match exec "touch {tmp_path}/ran"\n  User ada\n')
    assert refusal.value.code == "E-SSH-CONFIG"
    assert not (tmp_path / "ran").exists()


def test_a_file_that_includes_itself_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config_module.shutil, "which", lambda _name: None)
    with pytest.raises(Unavailable):
        of(tmp_path, f"Include {tmp_path}/config\n")


def test_an_unknown_word_is_told_as_ssh_tells_it(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refusal:
        of(tmp_path, "Nonsense yes\n")
    assert "nonsense" in refusal.value.message.lower()


@pytest.mark.parametrize("name", ["-oProxyCommand=touch /tmp/x", "a b", "$(id)", "`id`", "a;b", "", "x" * 300, "a\nb"])
def test_no_name_reaches_a_command_line_that_is_more_than_a_name(name: str) -> None:
    with pytest.raises(InvalidInput):
        evaluate(Asked(name=name))
    with pytest.raises(InvalidInput):
        evaluate(Asked(name="web", host=name or "-"))
    with pytest.raises(InvalidInput):
        evaluate(Asked(name="web", user=name or "-"))


def test_a_machine_may_be_written_about_by_name_or_by_address(tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text("Host web-1\n  IdentityFile /keys/name\nHost 10.0.*\n  IdentityFile /keys/net\n  ProxyJump gate\n")
    found = evaluate_machine(Asked(name="web-1", host="10.0.0.7", port=22), file=file)
    assert (found.jumps, found.key_files) == (("gate",), (Path("/keys/name"), Path("/keys/net")))
    assert found.host == "10.0.0.7"


@pytest.mark.parametrize(
    "spec, asked",
    [
        ("gate", Asked(name="gate")),
        ("bob@gate:2222", Asked(name="gate", port=2222, user="bob")),
        ("ssh://bob@gate:22", Asked(name="gate", port=22, user="bob")),
        ("[fe80::1]:22", Asked(name="fe80::1", port=22)),
    ],
)
def test_a_jump_host_is_read_as_ssh_reads_it(spec: str, asked: Asked) -> None:
    assert jump_asked(spec) == asked


@pytest.mark.parametrize("spec", ["", "gate:99999", "a@b@:x", "gate:port"])
def test_a_jump_host_that_names_nobody_is_refused(spec: str) -> None:
    with pytest.raises(Unavailable):
        jump_asked(spec)


def test_plain_hashed_and_numbered_lines_are_known(tmp_path: Path) -> None:
    plain, hashed, numbered, revoked = (KeyPair() for _ in range(4))
    file = tmp_path / "known_hosts"
    line = " ".join(hashed.public.split()[:2])
    file.write_text(f"secret.example {line}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", file], check=True, capture_output=True)
    with file.open("a") as more:
        more.write(f"# note\n\n*.example,!bad.example {plain.public}\n[gate]:2200 {numbered.public}\n")
        more.write(f"@revoked * {revoked.public}\n@cert-authority * {plain.public}\nbroken line\n")
    assert known_keys((file,), "secret.example", 22).trusted == (hashed.fingerprint, plain.fingerprint)
    assert known_keys((file,), "bad.example", 22).trusted == ()
    assert known_keys((file,), "gate", 2200).trusted == (numbered.fingerprint,)
    assert known_keys((file,), "gate", 22).trusted == ()
    assert known_keys((file,), "gate", 22).revoked == (revoked.fingerprint,)


def test_what_is_remembered_is_known_and_private(tmp_path: Path) -> None:
    key, file = KeyPair(), tmp_path / "known_hosts"
    line = " ".join(key.public.split()[:2])
    shown = HostKey(fingerprint=key.fingerprint, key_type="ssh-ed25519", bits=256, public_line=line)
    remember(file, "gate", 2200, shown)
    assert known_keys((tmp_path / "none", file), "gate", 2200).trusted == (key.fingerprint,)
    assert file.stat().st_mode & 0o777 == 0o600
