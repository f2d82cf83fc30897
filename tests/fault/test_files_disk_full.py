"""Copies onto a full disk, there and here, stop with a reason, keep what has arrived, and go on once there is room.

Each test runs in a process of its own, in a mount namespace with a small disk; an ordinary user gets one, too. The
sshd it talks to runs in that namespace as well: ``python -m tests.fault.test_files_disk_full ACT DISK OUTSIDE``.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from machina_desktop.core.domain.transfer import Direction, TransferState
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.ssh.sftp_copy import AHEAD_BYTES
from tests.fakes.file_machine import MACHINE, Depot, file_server
from tests.fault.small_disk import act_on_small_disk

SIZE = "16m"
BALLAST = 8 << 20
FILE = 11 << 20


async def copied(depot: Depot, direction: Direction, source: Path, folder: Path, make_room: Callable[[], None]) -> None:
    """Copy a file that does not fit; make room; go on."""
    (key,) = depot.transfers.add(MACHINE, direction, [str(source)], destination=str(folder))
    failed = await depot.until(key, TransferState.FAILED, TransferState.DONE)
    assert failed.problem is not None, failed
    assert (failed.problem.code, bool(failed.problem.hint)) == ("E-SFTP-NO-SPACE", True), failed.problem
    part = _part_in(folder)
    assert part.stat().st_size > AHEAD_BYTES
    make_room()
    begun = len(depot.announced)
    depot.transfers.resume(key)
    ended = await depot.done(key)
    assert ended.done == FILE
    assert len(depot.announced) > begun
    _check_whole(source, folder)


def _part_in(folder: Path) -> Path:
    """What has arrived: the only file, under a name that nobody takes for the whole one's."""
    (part,) = folder.iterdir()
    assert part.name.startswith(".machina-")
    assert part.suffix == ".part"
    return part


def _check_whole(source: Path, folder: Path) -> None:
    (arrived,) = folder.iterdir()
    assert arrived.name == source.name
    assert arrived.read_bytes() == source.read_bytes()


async def an_upload_goes_on_once_there_is_room(disk: Path, outside: Path) -> None:
    await _on_the_disk(Direction.UPLOAD, disk, outside)


async def a_download_goes_on_once_there_is_room(disk: Path, outside: Path) -> None:
    await _on_the_disk(Direction.DOWNLOAD, disk, outside)


async def _on_the_disk(direction: Direction, disk: Path, outside: Path) -> None:
    ballast, source = disk / "ballast", outside / "dump.sql"
    ballast.write_bytes(bytes(BALLAST))
    source.write_bytes(os.urandom(FILE))
    (disk / "to").mkdir()
    with file_server(outside / "sshd") as server:
        depot = Depot(server)
        await copied(depot, direction, source, disk / "to", ballast.unlink)
        await depot.close()


async def a_folder_that_finds_no_room_says_so(disk: Path, outside: Path) -> None:
    source = outside / "many"
    source.mkdir()
    for number in range(6):
        (source / f"{number}.bin").write_bytes(os.urandom(3 << 20))
    with file_server(outside / "sshd") as server:
        depot = Depot(server)
        (key,) = depot.transfers.add(MACHINE, Direction.UPLOAD, [str(source)], destination=str(disk))
        failed = await depot.until(key, TransferState.FAILED, TransferState.DONE)
        assert isinstance(failed.problem, MachinaError)
        assert failed.problem.code == "E-SFTP-NO-SPACE"
        # What was whole stays whole; nothing of it is copied again.
        whole = sorted(path.name for path in (disk / "many").glob("*.bin"))
        assert len(whole) == failed.files_done > 0
        for name in whole:
            assert (disk / "many" / name).read_bytes() == (source / name).read_bytes()
        await depot.close()


async def a_file_larger_than_this_computer_allows_says_so(disk: Path, outside: Path) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    source = disk / "dump.sql"
    source.write_bytes(os.urandom(2 << 20))
    with file_server(outside / "sshd") as server:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))
        depot = Depot(server)
        (key,) = depot.transfers.add(MACHINE, Direction.DOWNLOAD, [str(source)], destination=str(outside))
        failed = await depot.until(key, TransferState.FAILED, TransferState.DONE)
        assert failed.problem is not None
        assert failed.problem.code == "E-SFTP-NO-SPACE"
        assert "ulimit" in failed.problem.hint
        await depot.close()


ACTS: dict[str, Callable[[Path, Path], Awaitable[None]]] = {
    act.__name__: act
    for act in (
        an_upload_goes_on_once_there_is_room,
        a_download_goes_on_once_there_is_room,
        a_folder_that_finds_no_room_says_so,
        a_file_larger_than_this_computer_allows_says_so,
    )
}


@pytest.mark.fault
@pytest.mark.parametrize("act", ACTS)
def test_on_a_full_disk(act: str, tmp_path: Path) -> None:
    act_on_small_disk("tests.fault.test_files_disk_full", act, tmp_path, size=SIZE)


if __name__ == "__main__":
    asyncio.run(ACTS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3])))
