"""The queue of transfers against a real sshd: order, conflicts, pauses, losses; and files that are edited here."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from machina_desktop.core.domain.transfer import Direction, OnConflict, TransferState, numbered
from machina_desktop.core.errors import Forbidden
from machina_desktop.core.services.transfers import FileDeed
from machina_desktop.core.workers.file_sides import LocalSide, RemoteSide
from machina_desktop.core.workers.local_edits import LocalEdits, RemoteChanged
from tests.fakes.file_machine import MACHINE, Depot, file_server, until
from tests.fakes.sshd import Sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@pytest_asyncio.fixture
async def depot(server: Sshd) -> AsyncIterator[Depot]:
    made = Depot(server)
    yield made
    await made.close()


@pytest.fixture
def there(tmp_path: Path) -> Path:
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


def plant(folder: Path) -> dict[str, bytes]:
    """A small tree in ``folder``; answers its files."""
    files = {"a.txt": b"a", "sub/b.bin": os.urandom(100_000), "sub/deep/c": b"", "sub/caf\udce9": b"latin"}
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (folder / "sub" / "deep").chmod(0o750)
    os.utime(folder / "sub", (1_650_000_000, 1_650_000_000))
    (folder / "link-to-folder").symlink_to("sub")
    return files


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(each.relative_to(folder)): each.read_bytes() for each in folder.rglob("*") if each.is_file()}


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def up(depot: Depot, here: Path, there: Path, *names: str, **more: bool) -> tuple[str, ...]:
    sources = [str(here / name) for name in names]
    return depot.transfers.add(MACHINE, Direction.UPLOAD, sources, destination=str(there), **more)


def down(depot: Depot, there: Path, here: Path, *names: str, **more: bool) -> tuple[str, ...]:
    sources = [f"{there}/{name}" for name in names]
    return depot.transfers.add(MACHINE, Direction.DOWNLOAD, sources, destination=str(here), **more)


@pytest.mark.parametrize("is_up", [False, True])
async def test_a_folder_arrives_with_all_that_is_in_it(depot: Depot, here: Path, there: Path, *, is_up: bool) -> None:
    source, target = (here, there) if is_up else (there, here)
    (source / "tree").mkdir()
    planted = plant(source / "tree")
    (key,) = up(depot, here, there, "tree") if is_up else down(depot, there, here, "tree")
    transfer = await depot.done(key)
    assert files_in(target / "tree") == planted
    assert (target / "tree" / "sub").stat().st_mtime == 1_650_000_000
    assert (target / "tree" / "sub" / "deep").stat().st_mode & 0o777 == 0o750
    assert (transfer.files, transfer.files_done, transfer.skipped) == (4, 4, 1)
    assert transfer.done == transfer.size == sum(map(len, planted.values()))


async def test_what_is_copied_is_recorded_before_with_names_and_sizes(depot: Depot, here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"12345")
    (key,) = up(depot, here, there, "f")
    await depot.done(key)
    ((deed, words),) = depot.traces
    assert deed is FileDeed.UPLOAD
    assert words == f"{here}/f to {there}, 1 files, 5 bytes"


async def test_nothing_is_copied_by_whom_the_record_refuses(server: Sshd, here: Path, there: Path) -> None:
    depot = Depot(server)

    async def refuse(_machine_id: str, _deed: FileDeed, _about: str) -> None:
        raise Forbidden("You may not.")

    depot.transfers._record = refuse
    (here / "f").write_bytes(b"x")
    (key,) = up(depot, here, there, "f")
    failed = await depot.until(key, TransferState.FAILED, TransferState.DONE)
    assert (failed.state, names_in(there)) == (TransferState.FAILED, [])
    await depot.close()


@pytest.mark.parametrize("is_up", [False, True])
async def test_a_move_leaves_nothing_at_its_source(depot: Depot, here: Path, there: Path, *, is_up: bool) -> None:
    source, target = (here, there) if is_up else (there, here)
    (source / "tree" / "sub").mkdir(parents=True)
    (source / "tree" / "sub" / "f").write_bytes(b"data")
    call = up if is_up else down
    (key,) = call(depot, *((here, there) if is_up else (there, here)), "tree", is_move=True)
    await depot.done(key)
    assert files_in(target) == {"tree/sub/f": b"data"}
    assert names_in(source) == []


@pytest.mark.parametrize(
    ("choice", "found", "copies"),
    [
        (OnConflict.OVERWRITE, b"new", {}),
        (OnConflict.SKIP, b"older", {}),
        (OnConflict.RENAME, b"older", {"f (2)": b"new"}),
        (OnConflict.NEWER, b"new", {}),
    ],
)
@pytest.mark.parametrize("is_up", [False, True])
async def test_a_file_in_the_way_is_asked_about(
    depot: Depot, here: Path, there: Path, *, choice: OnConflict, found: bytes, copies: dict[str, bytes], is_up: bool
) -> None:
    source, target = (here, there) if is_up else (there, here)
    (target / "f").write_bytes(b"older")
    os.utime(target / "f", (1_600_000_000, 1_600_000_000))
    (source / "f").write_bytes(b"new")
    (key,) = up(depot, here, there, "f") if is_up else down(depot, there, here, "f")
    asking = await depot.until(key, TransferState.ASKING)
    assert asking.conflict is not None
    assert (asking.conflict.source_size, asking.conflict.found_size) == (3, 5)
    assert asking.conflict.found_mtime == 1_600_000_000
    depot.transfers.answer(key, choice)
    await depot.done(key)
    assert files_in(target) == {"f": found, **copies}


async def test_newer_only_leaves_a_newer_file_alone(depot: Depot, here: Path, there: Path) -> None:
    (there / "f").write_bytes(b"newer")
    (here / "f").write_bytes(b"old")
    os.utime(here / "f", (1_500_000_000, 1_500_000_000))
    (key,) = up(depot, here, there, "f")
    await depot.until(key, TransferState.ASKING)
    depot.transfers.answer(key, OnConflict.NEWER)
    assert (await depot.done(key)).skipped == 1
    assert (there / "f").read_bytes() == b"newer"


async def test_one_answer_may_hold_for_all(server: Sshd, here: Path, there: Path) -> None:
    depot = Depot(server, at_once=1)
    names = [f"f{number}" for number in range(5)]
    for name in names:
        (here / name).write_bytes(b"new")
        (there / name).write_bytes(b"old")
    keys = up(depot, here, there, *names)
    await depot.until(keys[0], TransferState.ASKING)
    depot.transfers.answer(keys[0], OnConflict.OVERWRITE, is_for_all=True)
    for key in keys:
        await depot.done(key)
    assert set(files_in(there).values()) == {b"new"}
    await depot.close()


async def test_whoever_waits_for_an_answer_does_not_hold_up_the_others(server: Sshd, here: Path, there: Path) -> None:
    depot = Depot(server, at_once=1)
    for name in ("asked", "free"):
        (here / name).write_bytes(b"new")
    (there / "asked").write_bytes(b"old")
    asked, free = up(depot, here, there, "asked", "free")
    await depot.until(asked, TransferState.ASKING)
    await depot.done(free)
    assert depot.shown(asked).state is TransferState.ASKING
    await depot.close()


async def test_only_so_many_run_at_once(server: Sshd, here: Path, there: Path) -> None:
    depot = Depot(server, at_once=2)
    for number in range(6):
        (here / str(number)).write_bytes(os.urandom(3 << 20))
    most = 0

    def look(_key: str) -> None:
        nonlocal most
        most = max(most, sum(each.state is TransferState.RUNNING for each in depot.transfers.all()))

    depot.transfers._announce = look
    for key in up(depot, here, there, *(str(number) for number in range(6))):
        await depot.done(key)
    assert most == 2
    await depot.close()


async def test_a_paused_transfer_goes_on_where_it_was(depot: Depot, here: Path, there: Path) -> None:
    (there / "f").write_bytes(os.urandom(150 << 20))
    (key,) = down(depot, there, here, "f")
    await until(lambda: depot.shown(key).done > 10 << 20)
    depot.transfers.pause(key)
    assert depot.shown(key).state is TransferState.PAUSED
    assert not (here / "f").exists()
    depot.transfers.resume(key)
    await depot.done(key)
    assert (here / "f").stat().st_size == 150 << 20
    assert names_in(here) == ["f"]


async def test_a_cancelled_transfer_leaves_no_partial_file(depot: Depot, here: Path, there: Path) -> None:
    (here / "f").write_bytes(os.urandom(150 << 20))
    (key,) = up(depot, here, there, "f")
    await until(lambda: depot.shown(key).done > 10 << 20)
    depot.transfers.cancel(key)
    assert depot.shown(key).state is TransferState.CANCELLED
    await until(lambda: not names_in(there))
    assert depot.transfers.unfinished == 0


async def test_a_lost_connection_is_made_again_and_the_copy_goes_on(
    depot: Depot, server: Sshd, here: Path, there: Path
) -> None:
    (there / "f").write_bytes(os.urandom(150 << 20))
    (key,) = down(depot, there, here, "f")
    await until(lambda: depot.shown(key).done > 10 << 20)
    server.end_sessions()
    await until(lambda: depot.shown(key).problem is not None)
    problem = depot.shown(key).problem
    assert problem is not None
    assert problem.code == "E-SSH-DROPPED"
    await depot.done(key)
    assert (here / "f").read_bytes() == (there / "f").read_bytes()


async def test_what_failed_can_be_tried_again(depot: Depot, here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"data")
    (key,) = up(depot, here, there / "missing", "f")
    failed = await depot.until(key, TransferState.FAILED)
    assert failed.problem is not None
    assert failed.problem.code == "E-SFTP-NOT-FOUND"
    (there / "missing").mkdir()
    depot.transfers.resume(key)
    await depot.done(key)
    assert files_in(there) == {"missing/f": b"data"}


async def test_progress_is_told_while_bytes_arrive(depot: Depot, here: Path, there: Path) -> None:
    (there / "f").write_bytes(os.urandom(150 << 20))
    seen = []
    depot.transfers._announce = lambda key: seen.append(depot.shown(key))
    (key,) = down(depot, there, here, "f")
    await depot.done(key)
    running = [each for each in seen if each.rate > 0 and each.remaining_s is not None]
    assert running
    assert [each.done for each in seen] == sorted(each.done for each in seen)


async def test_finished_transfers_are_forgotten_on_request(depot: Depot, here: Path, there: Path) -> None:
    (here / "f").write_bytes(b"x")
    (key,) = up(depot, here, there, "f")
    await depot.done(key)
    depot.transfers.clear_finished(MACHINE)
    assert depot.transfers.all() == ()


@pytest.mark.parametrize(
    ("name", "second"),
    [("a.txt", "a (2).txt"), ("a", "a (2)"), (".bashrc", ".bashrc (2)"), ("a.tar.gz", "a.tar (2).gz")],
)
def test_a_free_name_keeps_its_ending(name: str, second: str) -> None:
    assert numbered(name, 2) == second


@pytest.mark.parametrize("is_remote", [False, True])
async def test_both_sides_work_alike(depot: Depot, tmp_path: Path, *, is_remote: bool) -> None:
    side = RemoteSide(depot.lines, MACHINE, depot.record) if is_remote else LocalSide()
    root = tmp_path / "root"
    root.mkdir()
    await side.make_folder(side.join(str(root), "a"))
    await side.rename(side.join(str(root), "a"), "b")
    (root / "b" / "f").touch()
    names: list[str] = []
    real = await side.entries(f"{root}/b/..", lambda chunk: names.extend(entry.name for entry in chunk))
    await until(lambda: names)
    assert (real, names) == (str(root), ["b"])
    await side.set_permissions(side.join(str(root), "b"), 0o700)
    assert (root / "b").stat().st_mode & 0o777 == 0o700
    assert (await side.free_space(str(root)) or 0) > 0
    gone: list[int] = []
    await side.remove((side.join(str(root), "b"),), gone.append, threading.Event())
    await until(lambda: gone)
    assert (names_in(root), side.parent(str(root))) == ([], str(tmp_path))


class TestEditing:
    """A file of a machine in an editor of this computer."""

    @pytest.fixture
    def edits(self, depot: Depot, tmp_path: Path) -> LocalEdits:
        return LocalEdits(depot.lines, tmp_path / "private" / "edits", record=depot.record)

    async def test_the_copy_lies_where_nobody_else_looks(self, edits: LocalEdits, there: Path) -> None:
        (there / "conf").write_text("a = 1\n")
        edit = await edits.open(MACHINE, f"{there}/conf")
        assert edit.local.read_text() == "a = 1\n"
        assert (edit.local.parent.stat().st_mode & 0o777, edit.local.stat().st_mode & 0o777) == (0o700, 0o600)
        edits.close_all()
        assert not edit.local.exists()

    async def test_what_is_saved_is_sent_and_keeps_the_permissions_there(self, edits: LocalEdits, there: Path) -> None:
        (there / "conf").write_text("a = 1\n")
        (there / "conf").chmod(0o664)
        (there / "link").symlink_to("conf")
        edit = await edits.open(MACHINE, f"{there}/link")
        edit.local.write_text("a = 2\n")
        assert [each.edit_id for each in edits.unsaved()] == [edit.edit_id]
        await edits.save(edit.edit_id)
        assert ((there / "conf").read_text(), (there / "conf").stat().st_mode & 0o777) == ("a = 2\n", 0o664)
        assert (there / "link").is_symlink()
        edit.local.write_text("a = 3\n")
        await edits.save(edit.edit_id)
        assert (there / "conf").read_text() == "a = 3\n"
        assert edits.unsaved() == ()

    async def test_a_change_by_somebody_else_is_shown_and_nothing_is_lost(self, edits: LocalEdits, there: Path) -> None:
        (there / "conf").write_text("a = 1\n")
        edit = await edits.open(MACHINE, f"{there}/conf")
        edit.local.write_text("mine\n")
        (there / "conf").write_text("somebody else's\n")
        with pytest.raises(RemoteChanged) as changed:
            await edits.save(edit.edit_id)
        assert (changed.value.found.size, changed.value.mine.size) == (16, 5)
        assert await edits.save_copy(edit.edit_id) == "conf (mine)"
        assert files_in(there) == {"conf": b"somebody else's\n", "conf (mine)": b"mine\n"}
        await edits.save(edit.edit_id, overwrites=True)
        edit.local.write_text("mine again\n")
        await edits.save(edit.edit_id, overwrites=True)
        assert (there / "conf").read_text() == "mine again\n"

    async def test_the_other_version_can_be_loaded(self, edits: LocalEdits, there: Path) -> None:
        (there / "conf").write_text("a\n")
        edit = await edits.open(MACHINE, f"{there}/conf")
        (there / "conf").write_text("theirs\n")
        await edits.reload(edit.edit_id)
        assert (edit.local.read_text(), edits.unsaved()) == ("theirs\n", ())
