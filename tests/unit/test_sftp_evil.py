"""What a hostile file server answers never leads out of the chosen folder, hangs us or takes our memory."""

from __future__ import annotations

import os
import struct
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path

import paramiko
import pytest

from machina_desktop.core.domain.transfer import Direction, TransferState, check_name
from machina_desktop.core.errors import MachinaError, Unavailable
from machina_desktop.core.services.transfers import FileDeed
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.sftp import Sftp
from machina_desktop.core.ssh.sftp_copy import Watch, download
from machina_desktop.core.workers.lines import Lines
from machina_desktop.core.workers.supervisor import Supervisor
from machina_desktop.core.workers.transfers import Transfers
from tests.fakes.evil_files import FILE, FOLDER, LINK, evil_connection, facts, packet
from tests.fakes.file_machine import until

ESCAPED = "/tmp/escaped-evil"
WAYS_OUT = ("../escaped", ESCAPED, "a/../../escaped", "..", "a/b", "x\0y")


async def fetched(connection: Connection, source: str, to: Path) -> TransferState:
    """Download through the queue, as the panel does."""
    supervisor = Supervisor()

    async def dial(_machine_id: str) -> Connection:
        return connection

    async def record(_machine_id: str, _deed: FileDeed, _about: str) -> None:
        return

    def spawn(work: Coroutine[object, object, None], name: str) -> object:
        return supervisor.spawn(work, name=name)

    queue = Transfers(Lines(dial), record=record, announce=lambda _key: None, spawn=spawn)
    (key,) = queue.add("machine", Direction.DOWNLOAD, [source], destination=str(to))

    def state() -> TransferState:
        found = queue.get(key)
        assert found is not None
        return found.state

    await until(lambda: state().is_final or state() is TransferState.ASKING)
    await supervisor.stop()
    return state()


def is_there(path: str) -> bool:
    return os.path.lexists(path)


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", WAYS_OUT)
async def test_a_name_that_leads_elsewhere_writes_nothing(tmp_path: Path, name: str) -> None:
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    with evil_connection(tree={"/top": [facts(name, FILE)]}) as connection:
        state = await fetched(connection, "/top", chosen)
    # ".." is left out like every server's own entry for the folder above; all else is refused.
    assert state is (TransferState.DONE if name == ".." else TransferState.FAILED)
    assert everything_in(tmp_path) <= {"chosen", "chosen/top"}
    assert not is_there(ESCAPED)


async def test_a_folder_that_leads_elsewhere_writes_nothing(tmp_path: Path) -> None:
    chosen = tmp_path / "chosen"
    chosen.mkdir()
    tree = {"/top": [facts("../out", FOLDER)], "/top/../out": [facts("file", FILE)]}
    with evil_connection(tree=tree) as connection:
        assert await fetched(connection, "/top", chosen) is TransferState.FAILED
    assert everything_in(tmp_path) <= {"chosen", "chosen/top"}


async def test_a_link_of_ours_inside_the_chosen_folder_is_no_way_out(tmp_path: Path) -> None:
    chosen, outside = tmp_path / "chosen", tmp_path / "outside"
    (chosen / "top").mkdir(parents=True)
    outside.mkdir()
    (chosen / "top" / "logs").symlink_to(outside)
    tree = {"/top": [facts("logs", FOLDER)], "/top/logs": [facts("file", FILE)]}
    with evil_connection(tree=tree) as connection:
        assert await fetched(connection, "/top", chosen) is TransferState.FAILED
    assert list(outside.iterdir()) == []


async def test_a_link_of_the_server_is_never_made_here(tmp_path: Path) -> None:
    tree = {"/top": [facts("door", LINK), facts("door", FOLDER)], "/top/door": [facts("file", FILE)]}
    with evil_connection(tree=tree) as connection:
        await fetched(connection, "/top", tmp_path)
    assert not any((tmp_path / name).is_symlink() for name in everything_in(tmp_path))


def test_more_data_than_was_asked_for_is_refused(tmp_path: Path) -> None:
    with evil_connection(sizes={"/f": 100_000}) as connection, Sftp(connection) as session:
        with pytest.raises(Unavailable) as refused:
            download(session, "/f", tmp_path / "f", Watch())
        assert refused.value.code == "E-SFTP-PROTOCOL"
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize(
    "answer",
    [
        packet(2, struct.pack(">I", 3))[:-1],
        struct.pack(">I", 0xFFFFFFFF) + b"x" * 100,
        packet(2, b""),
        packet(99, b"\xff" * 20),
        b"Welcome to Ubuntu 24.04 LTS\r\n" * 10,
        packet(2, struct.pack(">II", 3, 0xFFFFFFF0)),
    ],
    ids=["cut", "huge", "empty", "unknown", "banner", "long-string"],
)
def test_what_is_no_greeting_is_refused_and_not_waited_for(answer: bytes) -> None:
    def talk(channel: paramiko.Channel) -> None:
        channel.recv(1024)
        channel.sendall(answer)
        channel.close()

    with evil_connection(talk=talk) as connection:
        with pytest.raises(Unavailable) as refused:
            Sftp(connection)
        assert refused.value.code in {"E-SFTP-PROTOCOL", "E-SSH-DROPPED"}


def test_random_answers_leave_as_answers_or_errors_of_ours() -> None:
    def talk(channel: paramiko.Channel) -> None:
        channel.recv(1024)
        channel.sendall(packet(2, struct.pack(">I", 3)))
        for _ in range(40):
            if not channel.recv(1024):
                return
            size = os.urandom(1)[0]
            kind = 101 + os.urandom(1)[0] % 5
            channel.sendall(packet(kind, struct.pack(">I", 1) + os.urandom(size)))
        channel.close()

    for _ in range(5):
        with evil_connection(talk=talk) as connection, Sftp(connection) as session:
            for work in (session.home, lambda: list(session.entries("/")), lambda: session.stat("/x")):
                with suppress(MachinaError):
                    work()


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "a\0b", "x" * 2000])
def test_only_one_name_in_a_folder_is_a_name(name: str) -> None:
    with pytest.raises(Unavailable) as refused:
        check_name(name)
    assert refused.value.code == "E-SFTP-NAME"
