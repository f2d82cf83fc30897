"""Rows of a machine dragged to other programs and to the panels of other machines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QMimeData
from PySide6.QtWidgets import QApplication

from machina_desktop.core.domain.machine import Machine
from machina_desktop.core.domain.transfer import TransferState
from machina_desktop.views import remembered
from machina_desktop.views.terminal_files.panel import FilesPanel
from tests.fakes.file_machine import file_server
from tests.fakes.files_stage import FilesStage, files_stage, seen
from tests.fakes.sshd import Sshd


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
    folder = tmp_path / "there"
    (folder / "site").mkdir(parents=True)
    (folder / "site" / "index.html").write_text("page")
    (folder / "a file.txt").write_text("of the machine")
    return folder


async def opened(stage: FilesStage, machine_id: str, local: Path, remote: Path) -> FilesPanel:
    await asyncio.to_thread(local.mkdir, exist_ok=True)
    await asyncio.to_thread(remote.mkdir, exist_ok=True)
    remembered.remember(f"files.places.{machine_id}", {"local": str(local)})
    panel = FilesPanel(stage.bridge, machine_id)
    panel.resize(1000, 600)
    panel.show()
    await seen(lambda: panel.local.path and panel.remote.path, "both sides")
    panel.remote.go(str(remote))
    await seen(lambda: panel.remote.path == str(remote), "the folder of the machine")
    return panel


@pytest_asyncio.fixture
async def panel(stage: FilesStage, tmp_path: Path, there: Path) -> AsyncIterator[FilesPanel]:
    made = await opened(stage, stage.machine_id, tmp_path / "here", there)
    yield made
    made.close()
    made.deleteLater()


def dragged(panel: FilesPanel, *names: str) -> QMimeData:
    """What a drag of these rows takes along."""
    model = panel.remote.model
    return model.mimeData([model.index(model.row_of(name), 0) for name in names])


async def test_a_row_of_a_machine_is_a_path_that_is_filled_when_it_is_wanted(
    panel: FilesPanel, stage: FilesStage
) -> None:
    data = dragged(panel, "a file.txt", "site")
    assert data.hasFormat("text/uri-list")
    promise = panel.drag_out.promise
    assert promise is not None
    assert not promise.folder.exists()
    assert stage.files.transfers.all() == ()
    paths = [Path(url.toLocalFile()) for url in data.urls()]
    assert [path.name for path in paths] == ["site", "a file.txt"]
    await seen(lambda: all(path.exists() for path in paths), "what was promised")
    assert (paths[0] / "index.html").read_text() == "page"
    assert paths[1].read_text() == "of the machine"
    assert promise.folder.stat().st_mode & 0o777 == 0o700


async def test_nothing_is_seen_of_a_file_before_it_is_whole(panel: FilesPanel, stage: FilesStage, there: Path) -> None:
    (there / "big.bin").write_bytes(bytes(40 << 20))
    panel.remote.refresh()
    await seen(lambda: panel.remote.model.row_of("big.bin") >= 0)
    (path,) = [Path(url.toLocalFile()) for url in dragged(panel, "big.bin").urls()]
    sizes: set[int] = set()

    def look() -> bool:
        sizes.add(path.stat().st_size if path.exists() else 0)
        return 0 not in sizes or len(sizes) > 1

    await seen(look, "the file")
    assert sizes == {0, 40 << 20}


async def test_what_was_fetched_too_late_is_there_for_the_next_drag(panel: FilesPanel, stage: FilesStage) -> None:
    first = [url.toLocalFile() for url in dragged(panel, "a file.txt").urls()]
    panel.drag_out._is_dragging = False
    await seen(lambda: "can be dragged" in panel._said.text())
    assert [url.toLocalFile() for url in dragged(panel, "a file.txt").urls()] == first
    assert len(stage.files.transfers.all()) == 1
    assert [url.toLocalFile() for url in dragged(panel, "a file.txt").urls()] != first


async def test_a_drag_within_the_window_fetches_nothing(panel: FilesPanel, stage: FilesStage, tmp_path: Path) -> None:
    assert panel.remote.table.select_key("a file.txt")
    dragged(panel, "a file.txt")
    panel.local.table.dropped_ours.emit(panel.remote.table, False)
    panel.drag_out.end()
    await seen((tmp_path / "here" / "a file.txt").exists)
    assert len(stage.files.transfers.all()) == 1
    assert not (tmp_path / "data" / "drags").exists()


async def test_rows_go_from_one_machines_panel_to_anothers(
    panel: FilesPanel, stage: FilesStage, tmp_path: Path
) -> None:
    second = stage.gateway.all(Machine)[1].machine_id
    other = await opened(stage, second, tmp_path / "here", tmp_path / "elsewhere")
    dragged(panel, "site", "a file.txt")
    other.remote.table.dropped_ours.emit(panel.remote.table, False)
    await seen((tmp_path / "elsewhere" / "a file.txt").exists)
    await seen(lambda: all(each.state is TransferState.DONE for each in stage.files.transfers.all()))
    assert (tmp_path / "elsewhere" / "site" / "index.html").read_text() == "page"
    await seen(lambda: not list((tmp_path / "data" / "drags").iterdir()), "what lay in between to be removed")
    assert {each.machine_id for each in stage.files.transfers.all()} == {stage.machine_id, second}
    other.close()
    other.deleteLater()
