"""Shells that tmux and screen keep: how their sessions are read, and how one comes back to them."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paramiko  # type: ignore[import-untyped]
import pytest

from machina_desktop.core.domain.kept_shell import Keeper, KeptSession, KeptShell, check_kept_name
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import new_id
from machina_desktop.core.ssh.kept_sessions import kept_sessions, parsed
from machina_desktop.core.ssh.shell import open_shell
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.terminal.terminal import Terminal
from tests.fakes.file_machine import DEADLINE_S, connect_to, file_server
from tests.fakes.sshd import Sshd

END = {Keeper.TMUX: "tmux kill-session -t ={}", Keeper.SCREEN: "screen -S {} -X quit"}
AWKWARD = 'it\'s "$HOME" `id` \\t é'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


def _said_by(kept: KeptShell, home: Path, programs: dict[str, str]) -> str:
    """What stand-ins say that only a login shell finds."""
    folder = home / "programs"
    folder.mkdir()
    for name, script in programs.items():
        program = folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
    (home / ".profile").write_text(f"PATH={folder}:$PATH\n")
    ended = subprocess.run(
        ["/bin/sh", "-c", kept.command],
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ended.stdout


def test_sessions_of_both_keepers_are_told_by_name() -> None:
    found = parsed(
        [
            "Welcome to tmux 1 1 nobody",
            "kept-tmux",
            "tmux 2 1 logs of web",
            "tmux 1 0 deploys",
            "kept-screen",
            "screen There are screens on:",
            "screen \t15828.mine\t(11/23/26 04:29:11)\t(Attached)",
            "screen \t15791.old.one\t(Detached)",
            "screen 2 Sockets in /run/screen/S-root.",
        ]
    )
    assert found.keepers == (Keeper.TMUX, Keeper.SCREEN)
    assert found.sessions == (
        KeptSession(kept=KeptShell(keeper=Keeper.TMUX, name="deploys"), windows=1),
        KeptSession(kept=KeptShell(keeper=Keeper.TMUX, name="logs of web"), windows=2, is_attached=True),
        KeptSession(kept=KeptShell(keeper=Keeper.SCREEN, name="mine"), is_attached=True),
        KeptSession(kept=KeptShell(keeper=Keeper.SCREEN, name="old.one")),
    )


def test_a_name_that_would_deceive_is_passed_over() -> None:
    assert parsed(["kept-tmux", "tmux 1 0 web\u202elive", "tmux 1 0 a\x1b[2Jb"]).sessions == ()


@pytest.mark.parametrize("line", ["screen \t1.a" + " " * 1_000_000, "screen \t1.a\t(Attached)" + "\t(Attached)" * 40])
def test_a_line_that_goes_on_and_on_is_passed_over(line: str) -> None:
    assert parsed(["kept-screen", line]).sessions == ()


def test_a_machine_says_what_it_has(server: Sshd) -> None:
    connection = connect_to(server)
    try:
        found = kept_sessions(connection)
    finally:
        connection.close()
    assert found.keepers == tuple(keeper for keeper in Keeper if shutil.which(keeper))


@pytest.mark.parametrize(
    ("keeper", "ending"), [*((keeper, "it's é") for keeper in Keeper), (Keeper.TMUX, "a#Sb x#(id) ## #[e]#")]
)
def test_one_comes_back_to_a_shell_that_went_on_while_the_line_was_lost(
    server: Sshd, keeper: Keeper, ending: str
) -> None:
    assert shutil.which(keeper), f"{keeper} was not found: install the Debian package {keeper}."
    kept = KeptShell(keeper=keeper, name=f"{new_id('session')} {ending}")
    with connect_to(server) as lost:
        shell = open_shell(lost, ShellWish(columns=80, lines=24, command=kept.command))
        _type(shell, "WORD=kept; echo begun-$WORD", shows="begun-kept")
    with connect_to(server) as again:
        try:
            assert [each.kept for each in kept_sessions(again).sessions if each.kept.name == kept.name] == [kept]
            shell = open_shell(again, ShellWish(columns=80, lines=24, command=kept.command))
            _type(shell, "echo still-$WORD", shows="still-kept")
            assert [each.kept for each in kept_sessions(again).sessions if each.kept.name == kept.name] == [kept]
        finally:
            again.capture(END[keeper].format(shlex.quote(kept.name)))


def _type(shell: paramiko.Channel, line: str, *, shows: str) -> None:
    """Type a line into it and wait until its screen shows something."""
    terminal = Terminal(80, 24, reply=shell.sendall)
    shell.settimeout(DEADLINE_S)
    shell.sendall(f"{line}\n".encode())
    while not any(shows in terminal.row(y).text for y in range(24)):
        data = shell.recv(65_536)
        assert data, [terminal.row(y).text for y in range(24)]
        terminal.feed(data)


@pytest.mark.parametrize("name", ["deploys", AWKWARD])
def test_tmux_gets_the_name_as_it_is(tmp_path: Path, name: str) -> None:
    kept = KeptShell(keeper=Keeper.TMUX, name=name)
    said = _said_by(kept, tmp_path, {"tmux": "printf '%s\\n' \"$@\""})
    assert said.splitlines() == ["-u", "new-session", "-A", "-s", name]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("mine-long", ["-x", "7.mine-long"]), ("mine", ["-S", "mine"]), (AWKWARD, ["-S", AWKWARD])],
)
def test_screen_is_never_led_to_a_session_that_only_begins_so(tmp_path: Path, name: str, wanted: list[str]) -> None:
    script = (
        "if [ \"$1\" = -ls ]; then printf '\\t7.mine-long\\t(Detached)\\n'; exit 0; fi\nshift; printf '%s\\n' \"$@\""
    )
    said = _said_by(KeptShell(keeper=Keeper.SCREEN, name=name), tmp_path, {"screen": script})
    assert said.splitlines() == wanted


@pytest.mark.parametrize("name", ["", "  ", "a:b", "a.b", "a#b", "-x", "=web", "a\nb", "x" * 61])
def test_a_name_that_means_something_else_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_kept_name(name)


def test_blanks_around_a_name_are_left_out() -> None:
    assert check_kept_name(" deploys to web ") == "deploys to web"
