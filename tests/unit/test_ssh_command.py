"""``machina machines ssh``: the real program at a terminal and on pipes, with a real server behind it."""

from __future__ import annotations

import asyncio
import fcntl
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from machina_desktop.cli.escapes import Escapes
from machina_desktop.core.services.keys import ImportKey
from tests.fakes.command_line import DEADLINE_S, ROOT, Machina
from tests.fakes.hosts import core
from tests.fakes.sessions import NO_HOME
from tests.fakes.sshd import USER, KeyPair, Sshd, running

KEY = KeyPair()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd"), options=(NO_HOME,)) as sshd:
        sshd.authorize(KEY)
        yield sshd


@pytest.fixture(scope="module")
def machina(tmp_path_factory: pytest.TempPathFactory, server: Sshd) -> Machina:
    folder = tmp_path_factory.mktemp("desk")
    asyncio.run(_furnish(folder / "home", server))
    return Machina(folder)


async def _furnish(home: Path, server: Sshd) -> None:
    async with core(home) as desk:
        key = await desk.call(ImportKey(team_id=desk.team_id, name="deploy", private_key=KEY.private))
        for name, pin in (("web-1", server.fingerprint), ("new", ""), ("forged", KEY.fingerprint)):
            await desk.create(name, key_ids=(key.ssh_key_id,))
            where = ("127.0.0.1", server.port, USER, pin, name)
            desk.sql("UPDATE machine SET ssh_host=?, ssh_port=?, ssh_user=?, host_key=? WHERE name=?", *where)


def piped(machina: Machina, *words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        machina._argv(("machines", "ssh", *words)),
        cwd=ROOT,
        env=machina.environment,
        input=stdin,
        capture_output=True,
        timeout=DEADLINE_S,
        check=False,
    )


def test_a_command_runs_on_pipes_and_its_status_is_ours(machina: Machina) -> None:
    ended = piped(machina, "web-1", "--", "cat; echo oops >&2; exit 7", stdin=b"a\x00b\n" * 30_000)
    assert (ended.returncode, ended.stdout, ended.stderr) == (7, b"a\x00b\n" * 30_000, b"oops\n")


def test_the_commands_own_options_are_not_ours(machina: Machina) -> None:
    ended = piped(machina, "web-1", "--", "echo", "--help", "-h")
    assert (ended.returncode, ended.stdout) == (0, b"--help -h\n")


def test_a_shell_on_pipes_reads_its_commands_from_there(machina: Machina) -> None:
    ended = piped(machina, "web-1", stdin=b"echo $((6*7)); test -t 0 || echo pipe\nexit 4\n")
    assert (ended.returncode, ended.stdout) == (4, b"42\npipe\n")


def test_a_forged_host_key_ends_with_255_and_says_why(machina: Machina) -> None:
    ended = piped(machina, "forged", "--", "true")
    assert ended.returncode == 255
    assert b"E-SSH-HOST-KEY" in ended.stderr


def test_without_a_person_an_unknown_host_key_is_refused(machina: Machina) -> None:
    ended = piped(machina, "new", "--", "true")
    assert ended.returncode == 255
    assert b"was not accepted" in ended.stderr


def test_a_shell_at_a_terminal_takes_keys_sizes_and_interrupts(machina: Machina) -> None:
    # A shell that exports these means its own terminal.
    machina.environment |= {"COLUMNS": "80", "LINES": "24"}
    with machina.at_terminal("machines", "ssh", "web-1") as person:
        person.type("echo $((6*7))-$TERM\n")
        person.wait_for("42-xterm-256color")
        fcntl.ioctl(person._handle, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 123, 0, 0))
        person.process.send_signal(signal.SIGWINCH)
        person.type('until [ "$(stty size)" = "40 123" ]; do :; done; echo $((7*7))-sized\n')
        person.wait_for("49-sized")
        person.type("echo $((5*5))-sleeps; sleep 100\n")
        person.wait_for("25-sleeps")
        person.type("\x03")
        person.wait_for("^C")
        person.type("echo $((8*8))-interrupted\n")
        person.wait_for("64-interrupted")
        person.type("exit 5\n")
        assert person.ended() == 5


def test_the_terminal_is_as_it_was_afterwards(machina: Machina) -> None:
    with machina.at_terminal("machines", "ssh", "web-1") as person:
        before = termios.tcgetattr(person._handle)
        person.type("echo $((6*7))-raw\n")
        person.wait_for("42-raw")
        person.type("exit\n")
        person.ended()
        assert termios.tcgetattr(person._handle) == before


def test_tilde_dot_leaves_a_shell_that_hangs(machina: Machina) -> None:
    with machina.at_terminal("machines", "ssh", "web-1") as person:
        person.type("echo $((6*7))-up; exec sleep 1000\n")
        person.wait_for("42-up")
        person.type("\r~.")
        assert person.ended() == 255


def test_a_new_host_key_is_asked_about_at_the_terminal_and_kept(machina: Machina, server: Sshd) -> None:
    with machina.at_terminal("machines", "ssh", "new") as person:
        person.wait_for("Is this the host's key? [y/N]")
        assert server.fingerprint in person.shown
        person.type("y\n")
        person.type("echo $((6*7))-in\n")
        person.wait_for("42-in")
        person.type("exit\n")
        assert person.ended() == 0
    assert machina.json("machines", "get", "new")["host_key"] == server.fingerprint


@pytest.mark.parametrize(
    "typed, sent, wants_out",
    [
        (b"ls ~/.\r", b"ls ~/.\r", False),
        (b"~.", b"", True),
        (b"a\r~.b", b"a\r", True),
        (b"\r~~\r", b"\r~\r", False),
        (b"~x", b"~x", False),
    ],
)
def test_the_escape_is_known_in_any_pieces(typed: bytes, sent: bytes, *, wants_out: bool) -> None:
    at_once, by_byte = Escapes(), Escapes()
    assert at_once.feed(typed) == (sent, wants_out)
    pieces = [by_byte.feed(bytes([key])) for key in typed]
    stop = next((index for index, piece in enumerate(pieces) if piece[1]), len(pieces))
    assert b"".join(piece[0] for piece in pieces[: stop + 1]) == sent
