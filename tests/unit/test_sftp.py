"""Files of a machine over SFTP, against a real sshd: names of all kinds, folders of all sizes, every refusal named."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import paramiko
import pytest

from machina_desktop.core.domain.transfer import Entry, EntryKind, shown_name
from machina_desktop.core.errors import Conflict, MachinaError, NotFound, Unavailable
from machina_desktop.core.ssh.client import Target, connect
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.sftp import Sftp, Stopped
from machina_desktop.core.ssh.sftp_copy import (
    AHEAD_BYTES,
    Watch,
    digest_here,
    digest_there,
    download,
    part_name,
    upload,
)
from machina_desktop.core.ssh.sftp_wire import Refused
from tests.fakes.file_machine import connect_to, file_server
from tests.fakes.sshd import KeyPair, Sshd, running, wait_until


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@pytest.fixture
def connection(server: Sshd) -> Iterator[Connection]:
    with connect_to(server) as opened:
        yield opened


@pytest.fixture
def sftp(connection: Connection) -> Iterator[Sftp]:
    with Sftp(connection) as session:
        yield session


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


def listed(sftp: Sftp, folder: Path) -> dict[str, Entry]:
    return {entry.name: entry for chunk in sftp.entries(str(folder)) for entry in chunk}


def test_a_folder_is_listed_with_kind_size_time_and_permissions(sftp: Sftp, there: Path) -> None:
    (there / "file").write_bytes(b"12345")
    (there / "file").chmod(0o640)
    os.utime(there / "file", (1_700_000_000, 1_700_000_000))
    (there / "folder").mkdir()
    found = listed(sftp, there)
    file = found["file"]
    assert (file.kind, file.size, file.mtime, file.permissions) == (EntryKind.FILE, 5, 1_700_000_000, "-rw-r-----")
    assert (found["folder"].kind, found["folder"].is_folder) == (EntryKind.FOLDER, True)


def test_links_show_where_they_lead_and_what_is_there(sftp: Sftp, there: Path) -> None:
    (there / "folder").mkdir()
    (there / "to-folder").symlink_to("folder")
    (there / "broken").symlink_to("nowhere")
    found = listed(sftp, there)
    assert (found["to-folder"].kind, found["to-folder"].target) == (EntryKind.LINK, "folder")
    assert found["to-folder"].is_folder
    assert (found["broken"].target, found["broken"].is_folder) == ("nowhere", False)


@pytest.mark.parametrize("raw", [b"caf\xe9", b"two\nlines", b"\xff\xfe", "Grüße 文".encode(), b"-rf", b" ", b"a'b\"$x"])
def test_any_name_is_listed_copied_and_removed(sftp: Sftp, there: Path, here: Path, raw: bytes) -> None:
    (there / os.fsdecode(raw)).write_bytes(b"data")
    name = next(iter(listed(sftp, there)))
    assert os.fsencode(name) == raw
    download(sftp, f"{there}/{name}", here / name, Watch())
    assert (here / name).read_bytes() == b"data"
    sftp.remove(f"{there}/{name}")
    assert list(there.iterdir()) == []
    upload(sftp, here / name, f"{there}/{name}", Watch())
    assert [os.fsencode(each.name) for each in there.iterdir()] == [raw]


@pytest.mark.parametrize("name", ["a\nb", "x\u202egpj.exe", "\udcff", "\x1b[31m"])
def test_what_is_shown_of_a_name_is_one_line_of_plain_text(name: str) -> None:
    shown = shown_name(name)
    assert shown.isprintable()
    assert shown.encode() != name.encode("utf-8", "surrogateescape")


def test_ten_thousand_names_come_in_chunks_and_quickly(sftp: Sftp, there: Path) -> None:
    for number in range(10_000):
        os.close(os.open(there / f"file-{number:05}", os.O_CREAT | os.O_WRONLY))
    began = time.process_time()
    chunks = list(sftp.entries(str(there)))
    took_s = time.process_time() - began
    assert sum(map(len, chunks)) == 10_000
    assert max(map(len, chunks)) <= 2000
    assert took_s < 3


def test_a_folder_is_made_renamed_and_removed(sftp: Sftp, there: Path) -> None:
    sftp.make_folder(f"{there}/a")
    sftp.rename(f"{there}/a", f"{there}/b")
    assert [each.name for each in there.iterdir()] == ["b"]
    sftp.remove_folder(f"{there}/b")
    assert list(there.iterdir()) == []


def test_permissions_are_set(sftp: Sftp, there: Path) -> None:
    (there / "f").touch()
    sftp.set_permissions(f"{there}/f", 0o604)
    assert (there / "f").stat().st_mode & 0o777 == 0o604


def test_a_name_that_is_taken_is_refused(sftp: Sftp, there: Path) -> None:
    (there / "a").mkdir()
    (there / "b").touch()
    for attempt in (
        lambda: sftp.make_folder(f"{there}/a"),
        lambda: sftp.rename(f"{there}/b", f"{there}/a"),
    ):
        with pytest.raises(Conflict) as refused:
            attempt()
        assert refused.value.code == "E-SFTP-EXISTS"
    assert (there / "b").exists()


def test_what_is_not_there_is_said_to_be_missing(sftp: Sftp, there: Path) -> None:
    with pytest.raises(NotFound) as missing:
        sftp.remove(f"{there}/gone")
    assert missing.value.code == "E-SFTP-NOT-FOUND"


def test_a_folder_with_something_in_it_is_not_removed_as_an_empty_one(sftp: Sftp, there: Path) -> None:
    (there / "a").mkdir()
    (there / "a" / "b").touch()
    with pytest.raises(Unavailable) as refused:
        sftp.remove_folder(f"{there}/a")
    assert refused.value.code == "E-SFTP-FAILED"


def test_a_tree_is_removed_with_progress_and_links_are_not_followed(sftp: Sftp, there: Path, here: Path) -> None:
    (here / "precious").touch()
    (there / "a" / "b").mkdir(parents=True)
    (there / "a" / "b" / "file").touch()
    (there / "a" / "link").symlink_to(here)
    told: list[int] = []
    assert sftp.remove_tree(f"{there}/a", on_progress=told.append) == 4
    assert told == [1, 2, 3, 4]
    assert list(there.iterdir()) == []
    assert (here / "precious").exists()


def test_a_removal_that_is_stopped_leaves_the_rest(sftp: Sftp, there: Path) -> None:
    (there / "a").mkdir()
    for number in range(10):
        (there / "a" / str(number)).touch()
    stop = threading.Event()
    with pytest.raises(Stopped):
        sftp.remove_tree(f"{there}/a", on_progress=lambda gone: stop.set() if gone == 3 else None, stop=stop)
    assert len(list((there / "a").iterdir())) == 7


def test_free_space_is_what_the_file_system_says(sftp: Sftp, there: Path) -> None:
    facts = os.statvfs(there)
    told = sftp.free_space(str(there))
    assert told is not None
    assert abs(told - facts.f_bavail * facts.f_frsize) < 1 << 30


@pytest.mark.parametrize("size", [0, 1, 32_768, 261_120, 5_000_001])
def test_files_of_any_size_arrive_whole_both_ways(sftp: Sftp, there: Path, here: Path, size: int) -> None:
    data = os.urandom(size)
    (there / "f").write_bytes(data)
    download(sftp, f"{there}/f", here / "f", Watch())
    assert (here / "f").read_bytes() == data
    upload(sftp, here / "f", f"{there}/g", Watch())
    assert (there / "g").read_bytes() == data


def test_permissions_and_times_go_along_but_set_user_id_does_not(sftp: Sftp, there: Path, here: Path) -> None:
    (there / "f").write_bytes(b"x")
    (there / "f").chmod(0o4751)
    os.utime(there / "f", (1_600_000_000, 1_600_000_000))
    download(sftp, f"{there}/f", here / "f", Watch())
    upload(sftp, here / "f", f"{there}/g", Watch())
    for path in (here / "f", there / "g"):
        assert (path.stat().st_mode & 0o7777, path.stat().st_mtime) == (0o751, 1_600_000_000)


def test_a_partial_file_is_private_until_it_is_whole(sftp: Sftp, there: Path, here: Path) -> None:
    (there / "f").write_bytes(os.urandom(20 << 20))
    modes: list[int] = []

    def look(_count: int) -> None:
        modes.extend(each.stat().st_mode & 0o777 for each in here.glob(".machina-*"))

    download(sftp, f"{there}/f", here / "f", Watch(on_bytes=look))
    assert set(modes) == {0o600}
    assert [each.name for each in here.iterdir()] == ["f"]


@pytest.mark.parametrize("is_up", [False, True])
def test_a_copy_that_was_stopped_goes_on_where_it_was(
    connection: Connection, there: Path, here: Path, *, is_up: bool
) -> None:
    size = 24 << 20
    source, target = (here, there) if is_up else (there, here)
    (source / "f").write_bytes(os.urandom(size))
    arrived, resumed = [0], [0]
    first = Watch()

    def count(number: int) -> None:
        arrived[0] += number
        if arrived[0] > size // 2:
            first.stop.set()

    def run(watch: Watch) -> None:
        with Sftp(connection) as session:
            if is_up:
                upload(session, here / "f", f"{there}/f", watch)
            else:
                download(session, f"{there}/f", here / "f", watch)

    with pytest.raises(Stopped):
        run(Watch(on_bytes=count, stop=first.stop))
    assert not (target / "f").exists()
    run(Watch(on_resumed=resumed.append))
    assert size // 2 - 2 * AHEAD_BYTES < resumed[-1] <= size
    assert resumed[-1] > 0
    assert (target / "f").read_bytes() == (source / "f").read_bytes()


def test_a_source_that_changed_meanwhile_begins_anew(sftp: Sftp, there: Path, here: Path) -> None:
    (there / "f").write_bytes(b"old" * 100)
    stale = here / part_name(f"{there}/f", sftp.stat(f"{there}/f"))
    stale.write_bytes(b"stale")
    (there / "f").write_bytes(b"newer" * 100)
    download(sftp, f"{there}/f", here / "f", Watch())
    assert (here / "f").read_bytes() == b"newer" * 100


def test_a_file_that_is_written_to_while_it_is_copied_is_not_passed_off_as_whole(
    sftp: Sftp, there: Path, here: Path
) -> None:
    (there / "f").write_bytes(os.urandom(8 << 20))

    def grow(_count: int) -> None:
        with (there / "f").open("ab") as file:
            file.write(b"more")

    with pytest.raises(Conflict) as refused:
        download(sftp, f"{there}/f", here / "f", Watch(on_bytes=grow))
    assert refused.value.code == "E-SFTP-CHANGED"
    assert not (here / "f").exists()


def test_an_upload_over_a_link_put_in_the_way_of_its_partial_file_spares_what_it_leads_to(
    sftp: Sftp, there: Path, here: Path
) -> None:
    (here / "f").write_bytes(b"data")
    (there / "victim").write_bytes(b"precious")
    facts = (here / "f").stat()
    entry = Entry(name="f", kind=EntryKind.FILE, size=4, mtime=facts.st_mtime)
    (there / part_name(f"{here / 'f'}>{there}/f", entry)).symlink_to("victim")
    upload(sftp, here / "f", f"{there}/f", Watch())
    assert ((there / "victim").read_bytes(), (there / "f").read_bytes()) == (b"precious", b"data")


def test_hashes_there_and_here_agree_whatever_the_name(connection: Connection, there: Path) -> None:
    for name in ("plain", "two\nlines\n", os.fsdecode(b"\xff '$(id)")):
        (there / name).write_bytes(b"the same")
        assert digest_there(connection, f"{there}/{name}") == digest_here(there / name)


def test_a_server_without_sftp_is_told_from_a_broken_one(tmp_path: Path) -> None:
    key = KeyPair()
    with running(tmp_path / "bare") as bare:
        bare.authorize(key)
        target = Target(host="127.0.0.1", port=bare.port, user=bare.user)
        with connect(target, private_keys=[key.private], host_key=bare.fingerprint) as opened:
            with pytest.raises(Unavailable) as missing:
                Sftp(opened)
            assert missing.value.code == "E-SFTP-MISSING"
            assert "sshd_config" in missing.value.hint
            assert opened.capture("echo alive") == (0, "alive\n")


def test_a_connection_lost_in_the_middle_is_said_to_be_lost_and_the_copy_goes_on_later(
    server: Sshd, there: Path, here: Path
) -> None:
    (there / "f").write_bytes(os.urandom(64 << 20))
    with connect_to(server) as doomed, Sftp(doomed) as session:
        cut = threading.Event()

        def cut_off(_count: int) -> None:
            if not cut.is_set():
                cut.set()
                server.end_sessions()

        with pytest.raises(Unavailable) as lost:
            download(session, f"{there}/f", here / "f", Watch(on_bytes=cut_off))
        assert lost.value.code == "E-SSH-DROPPED"
    wait_until(lambda: not server.sessions(), "the sessions to end")
    with connect_to(server) as again, Sftp(again) as session:
        download(session, f"{there}/f", here / "f", Watch())
    assert (here / "f").read_bytes() == (there / "f").read_bytes()


def test_no_slower_than_the_library_alone(connection: Connection, there: Path, here: Path) -> None:
    size = 32 << 20
    (there / "f").write_bytes(os.urandom(size))

    def cost(work: object) -> float:
        assert callable(work)
        began = time.process_time()
        work()
        return time.process_time() - began

    plain = paramiko.SFTPClient.from_transport(connection.transport)
    assert plain is not None
    with Sftp(connection) as session:
        ours, theirs = [], []
        for _ in range(3):
            ours.append(cost(lambda: download(session, f"{there}/f", here / "a", Watch())))
            theirs.append(cost(lambda: plain.get(f"{there}/f", here / "b")))
            ours.append(cost(lambda: upload(session, here / "a", f"{there}/c", Watch())))
            theirs.append(cost(lambda: plain.put(here / "b", f"{there}/d")))
    plain.close()
    assert sum(ours) < 1.1 * sum(theirs), (ours, theirs)


def test_every_refusal_has_a_code_and_says_which_file() -> None:
    session = Sftp.__new__(Sftp)
    session._host = "web-1"
    codes = {}
    for code in range(2, 9):
        error: MachinaError = session._refusal("/srv/a\nb", Refused(code, "Failure"))
        assert "/srv/a\\nb" in str(error) or error.code == "E-SFTP-UNSUPPORTED"
        codes[code] = error.code
    assert codes[3] == "E-SFTP-DENIED"
    assert codes[8] == "E-SFTP-UNSUPPORTED"
