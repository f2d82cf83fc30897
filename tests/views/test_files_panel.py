"""The files panel over a real sshd: two sides, keys, drags, the queue, editing; and the tunnels of a machine."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QDialog, QLineEdit, QWidget

from machina_desktop.core.domain.transfer import Direction, Entry, EntryKind, OnConflict, TransferState
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.services.transfers import FileDeed, RecordFiles
from machina_desktop.views import remembered, tasks
from machina_desktop.views.terminal_files.file_dialogs import (
    ConflictDialog,
    EditConflictDialog,
    NameDialog,
    PermissionsDialog,
)
from machina_desktop.views.terminal_files.file_table import key_of
from machina_desktop.views.terminal_files.file_words import size_words
from machina_desktop.views.terminal_files.pane import FilePane
from machina_desktop.views.terminal_files.panel import FilesPanel
from machina_desktop.views.terminal_files.queue_drawer import QueueDrawer
from tests.fakes.file_machine import file_server
from tests.fakes.files_stage import FilesStage, files_stage, seen
from tests.fakes.sshd import Sshd

T = TypeVar("T", bound=QDialog)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@pytest_asyncio.fixture
async def stage(qapp: QApplication, server: Sshd, tmp_path: Path) -> AsyncIterator[FilesStage]:
    async with files_stage(server, tmp_path / "data") as made:
        yield made


@pytest.fixture
def there(tmp_path: Path) -> Path:
    return plant(tmp_path / "there")


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return plant(tmp_path / "here")


def plant(folder: Path) -> Path:
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_text(f"of {folder.name}")
    (folder / "b.txt").write_text("b")
    (folder / ".hidden").touch()
    return folder


@pytest_asyncio.fixture
async def panel(stage: FilesStage, here: Path, there: Path) -> AsyncIterator[FilesPanel]:
    remembered.remember("files.local", {})
    remembered.remember("files.remote", {})
    remembered.remember(f"files.places.{stage.machine_id}", {"local": str(here)})
    made = FilesPanel(stage.bridge, stage.machine_id)
    made.resize(1000, 600)
    made.show()
    await seen(lambda: made.local.path and made.remote.path, "both sides")
    made.remote.go(str(there))
    await seen(lambda: made.remote.path == str(there), "the folder of the machine")
    yield made
    made.close()
    made.deleteLater()


def save(path: str, text: str) -> None:
    Path(path).write_text(text)


def shown(pane: FilePane) -> list[str]:
    return [entry.name for entry in pane.model.records()]


def press(pane: FilePane, key: Qt.Key) -> None:
    QTest.keyClick(pane.table, key)


def choose(pane: FilePane, name: str) -> None:
    pane.table.setFocus()
    assert pane.table.select_key(name)


async def dialog(shape: type[T]) -> T:
    def found() -> list[T]:
        return [each for each in QApplication.topLevelWidgets() if isinstance(each, shape) and each.isVisible()]

    await seen(found, shape.__name__)
    return found()[0]


async def done(stage: FilesStage) -> None:
    await seen(
        lambda: stage.files.transfers.all() and all(each.state.is_final for each in stage.files.transfers.all()),
        "the transfers",
    )


async def test_both_sides_list_folders_first_and_no_hidden_files(panel: FilesPanel, here: Path) -> None:
    assert panel.local.path == str(here)
    for pane in (panel.local, panel.remote):
        assert shown(pane) == ["sub", "a.txt", "b.txt"]


async def test_hidden_files_are_shown_on_request(panel: FilesPanel) -> None:
    panel.remote._hidden.click()
    assert shown(panel.remote) == ["sub", ".hidden", "a.txt", "b.txt"]


async def test_nothing_stays_chosen_behind_a_folder_that_cannot_be_read(panel: FilesPanel) -> None:
    choose(panel.remote, "a.txt")
    assert panel._buttons["delete"].isEnabled()
    panel.remote.go("/nowhere")
    await seen(lambda: panel.remote.states.currentWidget() is panel.remote.states.error)
    assert panel.remote.selected() == ()
    assert not panel._buttons["delete"].isEnabled()


async def test_transfers_take_their_room_from_the_lists_and_not_from_the_terminal(
    panel: FilesPanel, stage: FilesStage, here: Path, there: Path
) -> None:
    names = [str(here / name) for name in ("a.txt", "b.txt", "sub")]
    stage.files.transfers.add(stage.machine_id, Direction.UPLOAD, names, destination=str(there / "sub"))
    await done(stage)
    await seen(panel.queue.isVisible)
    panel.remote.go("/nowhere")
    await seen(lambda: panel.remote.states.currentWidget() is panel.remote.states.error)
    assert panel.minimumSizeHint().height() < 420


async def test_folders_stay_first_when_sorted_backwards(panel: FilesPanel) -> None:
    panel.remote.model.sort(0, Qt.SortOrder.DescendingOrder)
    assert shown(panel.remote) == ["sub", "b.txt", "a.txt"]


async def test_the_filter_narrows_the_names(panel: FilesPanel) -> None:
    panel.remote._filter.setText("A.T")
    await seen(lambda: shown(panel.remote) == ["a.txt"])
    panel.remote._filter.setText("zzz")
    await seen(lambda: panel.remote.states.currentWidget() is panel.remote.states.empty)


async def test_enter_opens_a_folder_and_backspace_leaves_it(panel: FilesPanel, there: Path) -> None:
    choose(panel.remote, "sub")
    press(panel.remote, Qt.Key.Key_Return)
    await seen(lambda: panel.remote.path == str(there / "sub"))
    panel.remote.table.setFocus()
    press(panel.remote, Qt.Key.Key_Backspace)
    await seen(lambda: panel.remote.path == str(there))
    await seen(lambda: panel.remote.table.selected_keys() == ("sub",))


async def test_a_part_of_the_path_leads_there(panel: FilesPanel, there: Path) -> None:
    panel.remote._bar.chosen.emit(str(there.parent))
    await seen(lambda: panel.remote.path == str(there.parent))


async def test_a_path_can_be_typed(panel: FilesPanel, there: Path) -> None:
    panel.remote._bar.edit()
    edit = panel.remote._bar._edit
    edit.setText(str(there / "sub"))
    QTest.keyClick(edit, Qt.Key.Key_Return)
    await seen(lambda: panel.remote.path == str(there / "sub"))


async def test_a_folder_that_is_not_there_says_so_and_can_be_tried_again(panel: FilesPanel, there: Path) -> None:
    panel.remote.go(str(there / "later"))
    await seen(lambda: panel.remote.states.currentWidget() is panel.remote.states.error)
    (there / "later").mkdir()
    panel.remote.states.error.retry.click()
    await seen(lambda: panel.remote.path == str(there / "later"))


@pytest.mark.parametrize("is_up", [False, True])
async def test_f5_copies_to_the_other_side(
    panel: FilesPanel, stage: FilesStage, here: Path, there: Path, *, is_up: bool
) -> None:
    pane, other, source, target = (
        (panel.local, panel.remote, here, there) if is_up else (panel.remote, panel.local, there, here)
    )
    (source / "new").write_text("fresh")
    pane.refresh()
    await seen(lambda: "new" in shown(pane))
    choose(pane, "new")
    panel._set_active(pane)
    press(pane, Qt.Key.Key_F5)
    await done(stage)
    assert (target / "new").read_text() == "fresh"
    await seen(lambda: "new" in shown(other), "the copy in the list")
    deeds = [ask.deed for ask in stage.recorded if isinstance(ask, RecordFiles)]
    assert deeds == [FileDeed.UPLOAD if is_up else FileDeed.DOWNLOAD]


async def test_f6_moves(panel: FilesPanel, stage: FilesStage, here: Path, there: Path) -> None:
    choose(panel.remote, "b.txt")
    (here / "b.txt").unlink()
    press(panel.remote, Qt.Key.Key_F6)
    await done(stage)
    assert ((here / "b.txt").exists(), (there / "b.txt").exists()) == (True, False)
    await seen(lambda: "b.txt" not in shown(panel.remote))


async def test_tab_goes_to_the_other_side(panel: FilesPanel) -> None:
    panel.activateWindow()
    await seen(panel.isActiveWindow)
    panel.local.table.setFocus()
    press(panel.local, Qt.Key.Key_Tab)
    assert panel.remote.table.hasFocus()
    assert panel.active is panel.remote


async def test_f7_makes_a_folder_and_stands_on_it(panel: FilesPanel, there: Path) -> None:
    choose(panel.remote, "sub")
    press(panel.remote, Qt.Key.Key_F7)
    asked = await dialog(NameDialog)
    asked.findChild(QLineEdit).setText("a/b")
    asked.primary.click()
    assert asked.isVisible()
    asked.findChild(QLineEdit).setText("made")
    asked.primary.click()
    await seen((there / "made").is_dir)
    await seen(lambda: panel.remote.table.selected_keys() == ("made",))


async def test_f2_renames(panel: FilesPanel, there: Path) -> None:
    choose(panel.remote, "b.txt")
    press(panel.remote, Qt.Key.Key_F2)
    asked = await dialog(NameDialog)
    asked.findChild(QLineEdit).setText("c.txt")
    asked.primary.click()
    await seen((there / "c.txt").exists)
    await seen(lambda: "c.txt" in shown(panel.remote))


async def test_f8_asks_before_it_deletes(panel: FilesPanel, stage: FilesStage, there: Path) -> None:
    (there / "sub" / "deep").mkdir()
    choose(panel.remote, "sub")
    press(panel.remote, Qt.Key.Key_F8)
    asked = await dialog(QDialog)
    assert (there / "sub").exists()
    asked.primary.click()  # type: ignore[attr-defined]
    await seen(lambda: not (there / "sub").exists())
    assert isinstance(stage.recorded[-1], RecordFiles)
    assert stage.recorded[-1].deed is FileDeed.DELETE


async def test_permissions_are_set_by_ticks(panel: FilesPanel, there: Path) -> None:
    (there / "b.txt").chmod(0o600)
    panel.remote.refresh()
    choose(panel.remote, "b.txt")
    await seen(lambda: panel.remote.selected()[0].mode & 0o777 == 0o600)
    panel.do("permissions")
    asked = await dialog(PermissionsDialog)
    assert asked.mode == 0o600
    asked._boxes[3][0].click()
    assert asked._octal.text() == "640"
    asked.primary.click()
    await seen(lambda: (there / "b.txt").stat().st_mode & 0o777 == 0o640)


async def test_what_the_machine_refuses_is_told(panel: FilesPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(tasks.PRESENTER, "show", lambda error: told.append(error.code))
    panel._set_active(panel.remote)
    panel.deeds.make_folder(panel.remote, "sub")
    await seen(lambda: told == ["E-SFTP-EXISTS"])


async def test_a_file_in_the_way_is_asked_about_in_a_dialog(panel: FilesPanel, stage: FilesStage, here: Path) -> None:
    choose(panel.remote, "a.txt")
    press(panel.remote, Qt.Key.Key_F5)
    asked = await dialog(ConflictDialog)
    asked.primary.click()
    await done(stage)
    assert (here / "a.txt").read_text() == "of there"


async def test_one_decision_holds_for_all_that_follow(panel: FilesPanel, stage: FilesStage, here: Path) -> None:
    panel.remote.table.setFocus()
    panel.remote.table.selectAll()
    panel._set_active(panel.remote)
    panel.do("copy")
    asked = await dialog(ConflictDialog)
    asked._for_all.click()
    asked._decide(OnConflict.SKIP)
    await done(stage)
    assert (here / "a.txt").read_text() == "of here"
    assert sum(each.skipped for each in stage.files.transfers.all()) == 2


async def test_the_queue_shows_what_can_be_done(panel: FilesPanel, stage: FilesStage, there: Path) -> None:
    (there / "big").write_bytes(os.urandom(100 << 20))
    stage.files.transfers.add(stage.machine_id, Direction.DOWNLOAD, [f"{there}/big"], destination=str(there / "sub"))
    (key,) = [each.transfer_id for each in stage.files.transfers.all()]
    await seen(lambda: panel.queue.isVisible() and key in panel.queue._rows)
    row = panel.queue._rows[key]
    await seen(lambda: stage.files.transfers.all()[0].done > 0)
    row._pause.click()
    await seen(lambda: row._resume.isVisible() and not row._pause.isVisible())
    assert "Paused" in row._words.text()
    row._resume.click()
    await done(stage)
    await seen(panel.queue._clear.isVisible)
    panel.queue._clear.click()
    await seen(lambda: not panel.queue.isVisible())


async def test_a_failed_transfer_says_why_and_can_be_tried_again(
    panel: FilesPanel, stage: FilesStage, here: Path, there: Path
) -> None:
    (key,) = stage.files.transfers.add(stage.machine_id, Direction.UPLOAD, [str(here / "late")], destination=str(there))
    await seen(lambda: key in panel.queue._rows and panel.queue._rows[key]._retry.isVisible())
    assert "late" in panel.queue._rows[key]._words.text()
    (here / "late").write_text("now")
    panel.queue._rows[key]._retry.click()
    await seen((there / "late").exists)


async def test_transfers_outlive_the_panel(stage: FilesStage, panel: FilesPanel, here: Path, there: Path) -> None:
    (there / "big").write_bytes(os.urandom(60 << 20))
    stage.files.transfers.add(stage.machine_id, Direction.DOWNLOAD, [f"{there}/big"], destination=str(here))
    panel.close()
    await done(stage)
    assert (here / "big").stat().st_size == 60 << 20


def dropped(pane: FilePane, data: QMimeData) -> None:
    event = QDropEvent(
        QPointF(20, 60), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    pane.table.dropEvent(event)


async def test_files_dropped_from_the_desktop_are_uploaded(
    panel: FilesPanel, stage: FilesStage, tmp_path: Path, there: Path
) -> None:
    (tmp_path / "dropped").write_text("from the desktop")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "dropped"))])
    dropped(panel.remote, data)
    await done(stage)
    assert (there / "dropped").read_text() == "from the desktop"


async def test_rows_of_one_side_dropped_on_the_other_are_copied(
    panel: FilesPanel, stage: FilesStage, here: Path, there: Path
) -> None:
    (there / "a.txt").unlink()
    choose(panel.local, "a.txt")
    panel.remote.table.dropped_ours.emit(panel.local.table, False)
    await done(stage)
    assert (there / "a.txt").read_text() == (here / "a.txt").read_text()


async def test_rows_of_this_computer_can_be_dragged_to_other_programs(panel: FilesPanel, here: Path) -> None:
    row = panel.local.model.row_of("a.txt")
    data = panel.local.model.mimeData([panel.local.model.index(row, 0)])
    assert [url.toLocalFile() for url in data.urls()] == [str(here / "a.txt")]


async def test_a_name_that_is_no_text_is_shown_and_copied(
    panel: FilesPanel, stage: FilesStage, here: Path, there: Path
) -> None:
    name = os.fsdecode(b"caf\xe9\n")
    (there / name).write_text("strange")
    panel.remote.refresh()
    await seen(lambda: name in shown(panel.remote))
    entry = next(each for each in panel.remote.model.records() if each.name == name)
    choose(panel.remote, key_of(entry))
    press(panel.remote, Qt.Key.Key_F5)
    await done(stage)
    assert (here / name).read_text() == "strange"


async def test_a_file_is_edited_here_and_sent_back_when_saved(
    panel: FilesPanel, stage: FilesStage, there: Path
) -> None:
    opened: list[str] = []
    panel.editing.show_local = lambda url: opened.append(url.toLocalFile()) is None
    choose(panel.remote, "b.txt")
    press(panel.remote, Qt.Key.Key_Return)
    await seen(lambda: opened, "the editor")
    save(opened[0], "edited")
    await seen(lambda: (there / "b.txt").read_text() == "edited", "the file to be sent")
    # As many editors do: a new file in the place of the old one.
    save(f"{opened[0]}.new", "edited again")
    os.replace(f"{opened[0]}.new", opened[0])  # noqa: PTH105 - names of editors
    await seen(lambda: (there / "b.txt").read_text() == "edited again", "the file to be sent again")


async def test_a_file_that_was_changed_there_meanwhile_is_asked_about(
    panel: FilesPanel, stage: FilesStage, there: Path
) -> None:
    opened: list[str] = []
    panel.editing.show_local = lambda url: opened.append(url.toLocalFile()) is None
    panel.editing.open(str(there / "b.txt"))
    await seen(lambda: opened, "the editor")
    (there / "b.txt").write_text("somebody else's")
    save(opened[0], "mine")
    asked = await dialog(EditConflictDialog)
    asked.primary.click()
    await seen((there / "b (mine).txt").exists)
    assert (there / "b.txt").read_text() == "somebody else's"


async def test_a_machine_that_cannot_be_reached_says_so_on_its_side_only(
    stage: FilesStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_machine_id: str) -> None:
        raise Unavailable("web-1 cannot be reached.", hint="Look.", code="E-SSH-UNREACHABLE")

    monkeypatch.setattr(stage.files._lines, "_dial", fail)
    made = FilesPanel(stage.bridge, stage.machine_id)
    await seen(lambda: made.remote.states.currentWidget() is made.remote.states.error)
    await seen(lambda: made.local.path)
    made.deleteLater()


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (999, "999 B"), (1200, "1.2 kB"), (5_000_000, "5 MB"), (67_100_000, "67.1 MB")]
)
def test_sizes_are_told_as_people_say_them(qapp: QApplication, size: int, words: str) -> None:
    assert size_words(size) == words


async def test_every_control_of_the_panel_has_a_name(panel: FilesPanel) -> None:
    nameless = [each for each in panel.findChildren(QAbstractButton) if not (each.accessibleName() or each.text())]
    # The glass in a search line is Qt's own, and no control.
    assert [each for each in nameless if each.isVisible() and not isinstance(each.parent(), QLineEdit)] == []


def test_the_drawer_begins_hidden(qapp: QApplication) -> None:
    owner = QWidget()
    drawer = QueueDrawer(owner)
    drawer.show_transfers(())
    assert not drawer.isVisibleTo(owner)
    assert TransferState.DONE.is_final


async def test_a_file_is_compared_with_its_copy(panel: FilesPanel, here: Path, there: Path) -> None:
    choose(panel.local, "b.txt")
    panel.do("compare")
    await seen(lambda: "same on both sides" in panel._said.text())
    (there / "b.txt").write_text("c")
    panel.do("compare")
    await seen(lambda: "differs" in panel._said.text())
    (there / "b.txt").unlink()
    panel.do("compare")
    await seen(lambda: "could not be read" in panel._said.text())


@pytest.mark.parametrize("is_remote", [False, True])
async def test_a_deletion_can_be_stopped(panel: FilesPanel, there: Path, here: Path, *, is_remote: bool) -> None:
    pane, folder = (panel.remote, there) if is_remote else (panel.local, here)
    for number in range(3000):
        (folder / "sub" / f"{number}").touch()
    choose(pane, "sub")
    panel._set_active(pane)
    panel.deeds.delete(pane, (str(folder / "sub"),))
    await seen(lambda: "deleted" in panel._said.text())
    assert panel._stop.isVisible()
    panel._stop.click()
    await seen(lambda: not pane.states.is_loading and not panel._stop.isVisible())
    assert len(list((folder / "sub").iterdir())) > 0


async def test_a_folder_of_ten_thousand_names_holds_nothing_up(panel: FilesPanel, there: Path) -> None:
    (there / "many").mkdir()
    for number in range(10_000):
        (there / "many" / f"{number:05}").touch()
    gaps: list[float] = []
    # Of this thread's own time: how long others hold it up says nothing about the window.
    last = time.thread_time()
    panel.remote.go(str(there / "many"))
    while panel.remote.model.rowCount() != 10_000:
        await asyncio.sleep(0)
        QApplication.processEvents()
        gaps.append(time.thread_time() - last)
        last = time.thread_time()
        assert sum(gaps) < 60
    print(f"longest gap {max(gaps) * 1000:.0f} ms")
    assert max(gaps) < 1.0


@pytest.mark.parametrize("raw", [b"two\nlines", b"caf\xe9", b"-rf", b"a;rm -rf $HOME", b" "])
async def test_awkward_names_are_copied_by_their_rows(
    panel: FilesPanel, stage: FilesStage, here: Path, there: Path, raw: bytes
) -> None:
    name = os.fsdecode(raw)
    (there / name).write_text("x")
    panel.remote.refresh()
    entry = Entry(name=name, kind=EntryKind.FILE)
    await seen(lambda: panel.remote.model.row_of(key_of(entry)) >= 0)
    panel.remote.table.setFocus()
    assert panel.remote.table.select_key(key_of(entry))
    press(panel.remote, Qt.Key.Key_F5)
    await done(stage)
    assert (here / name).read_text() == "x"


@pytest.mark.parametrize("is_up", [False, True])
async def test_links_that_lead_in_a_circle_are_listed_and_left_out(
    panel: FilesPanel, stage: FilesStage, here: Path, there: Path, *, is_up: bool
) -> None:
    source, target = (panel.local, there) if is_up else (panel.remote, here)
    folder = (here if is_up else there) / "sub"
    (folder / "back").symlink_to("..")
    (folder / "itself").symlink_to("itself")
    (folder / "nowhere").symlink_to("gone")
    (folder / "kept.txt").write_text("kept")
    (folder / "same.txt").symlink_to("kept.txt")
    choose(source, "sub")
    panel._set_active(source)
    panel.do("copy")
    await done(stage)
    (ended,) = stage.files.transfers.all()
    assert (ended.state, ended.skipped) == (TransferState.DONE, 3)
    assert sorted(each.name for each in (target / "sub").iterdir()) == ["kept.txt", "same.txt"]
    source.go(str(folder))
    await seen(lambda: shown(source) == ["back", "itself", "kept.txt", "nowhere", "same.txt"])
