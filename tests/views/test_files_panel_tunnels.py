"""The list of a machine's tunnels and the form for another; tunnels in the tray, and transfers when one quits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QWidget

from machina_desktop.core.domain.transfer import Direction
from machina_desktop.core.domain.tunnel import Tunnel, TunnelKind, TunnelState
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from tests.fakes.file_machine import file_server
from tests.fakes.files_stage import FilesStage, files_stage, seen
from tests.fakes.gateway import until
from tests.fakes.shell import Open
from tests.fakes.sshd import Sshd


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@pytest_asyncio.fixture
async def stage(qapp: QApplication, server: Sshd, tmp_path: Path) -> AsyncIterator[FilesStage]:
    async with files_stage(server, tmp_path / "data") as made:
        yield made


@pytest_asyncio.fixture
async def asked(stage: FilesStage) -> AsyncIterator[TunnelsDialog]:
    owner = QWidget()
    owner.resize(900, 800)
    owner.show()
    made = TunnelsDialog(stage.bridge, stage.machine_id, "web-1", parent=owner)
    made.open()
    yield made
    made.close()
    owner.close()
    owner.deleteLater()


async def test_a_tunnel_is_opened_by_its_ports_alone(asked: TunnelsDialog, stage: FilesStage, server: Sshd) -> None:
    asked._target_port.set_text(str(server.port))
    asked.primary.click()
    await seen(lambda: len(asked._rows) == 1)
    (row,) = asked._rows.values()
    await seen(lambda: row._status.state is TunnelState.LISTENING and row._copy.isVisible())
    row._copy.click()
    assert QApplication.clipboard().text() == f"127.0.0.1:{row._status.port}"
    row._remove.click()
    await seen(lambda: not asked._rows)


async def test_a_port_that_is_taken_is_replaced_by_a_free_one(asked: TunnelsDialog, server: Sshd) -> None:
    asked._bind_port.set_text(str(server.port))
    asked._target_port.set_text("80")
    asked.primary.click()
    await seen(lambda: asked._bind_port.text() != str(server.port))
    assert int(asked._bind_port.text()) > server.port


async def test_no_number_is_told_at_the_field(asked: TunnelsDialog) -> None:
    asked._target_port.set_text("http")
    asked.primary.click()
    assert asked._target_port.error() == "Digits only"
    asked._target_port.set_text("0")
    asked.primary.click()
    await seen(lambda: "1 to 65535" in asked._target_port.error())


async def test_listening_for_others_is_asked_about(asked: TunnelsDialog, stage: FilesStage, server: Sshd) -> None:
    asked._bind_host.set_text("0.0.0.0")
    asked._target_port.set_text(str(server.port))
    asked.primary.click()
    await seen(lambda: len([each for each in asked.findChildren(QDialog) if each.isVisible()]) == 1)
    (question,) = [each for each in asked.findChildren(QDialog) if each.isVisible()]
    assert stage.files.tunnels.all() == ()
    question.primary.click()  # type: ignore[attr-defined]
    await seen(stage.files.tunnels.all)
    assert stage.files.tunnels.all()[0].tunnel.is_open_to_others


async def test_a_socks_proxy_needs_no_target(asked: TunnelsDialog, stage: FilesStage) -> None:
    asked._kind.changed.emit(TunnelKind.SOCKS)
    assert not asked._target_port.isVisible()
    asked.primary.click()
    await seen(stage.files.tunnels.all)
    assert stage.files.tunnels.all()[0].tunnel.kind is TunnelKind.SOCKS


async def test_a_saved_tunnel_is_started_on_request(asked: TunnelsDialog, stage: FilesStage, server: Sshd) -> None:
    stage.files.tunnels.save(Tunnel(tunnel_id="t", machine_id=stage.machine_id, target_port=server.port))
    await seen(lambda: "t" in asked._rows)
    asked._rows["t"]._start.click()
    await seen(lambda: stage.files.tunnels.status("t").state is TunnelState.LISTENING)


async def test_quitting_asks_about_transfers_under_way(open_window: Open, stage: FilesStage, tmp_path: Path) -> None:
    made = open_window(runs=0)
    await until(lambda: made.desk.vault.status)
    made.bridge.attach_files(lambda: stage.files)
    agreed: list[bool] = []
    made.window.quit_agreed.connect(lambda: agreed.append(True))
    (key,) = made.bridge.files.transfers.add(
        stage.machine_id, Direction.UPLOAD, [str(tmp_path)], destination=str(tmp_path / "nowhere")
    )
    stage.files.transfers.pause(key)
    made.window.close()
    await seen(lambda: made.desk.question)
    question = made.desk.question
    assert question is not None
    assert agreed == []
    question.reject()
    await seen(lambda: made.desk.question is None)
    stage.files.transfers.cancel(key)
    made.window.close()
    await seen(lambda: agreed == [True])


async def test_the_tray_lists_tunnels_and_leads_to_them(open_window: Open, stage: FilesStage, server: Sshd) -> None:
    made = open_window(runs=0)
    await until(lambda: made.desk.vault.status)
    made.bridge.attach_files(lambda: stage.files)
    tray = made.desk.tray
    assert tray is not None

    def words() -> list[str]:
        return [action.text() for action in tray.menu().actions()]

    stage.files.tunnels.save(
        Tunnel(tunnel_id="t", machine_id=stage.machine_id, target_port=server.port, label="Database")
    )
    await stage.files.tunnels.start("t")
    made.bridge.tunnel_changed.emit("t")

    def choose(words: str) -> None:
        menu = next(action.menu() for action in tray.menu().actions() if action.text() == "Database")
        assert isinstance(menu, QMenu)
        next(action for action in menu.actions() if action.text().startswith(words)).trigger()

    await seen(lambda: "Database" in words())
    await stage_listens(stage, "t")
    made.bridge.tunnel_changed.emit("t")
    port = stage.files.tunnels.status("t").port
    await seen(lambda: f"127.0.0.1:{port}" in tunnel_words_of(tray.menu()))
    choose("Copy")
    assert QApplication.clipboard().text() == f"127.0.0.1:{port}"
    pages: list[str] = []
    made.desk.tunnels.browse = lambda url: not pages.append(url.toString())
    choose("Open in browser")
    assert pages == [f"http://127.0.0.1:{port}/"]
    choose("Show")
    await seen(lambda: made.window.findChildren(TunnelsDialog))
    made.window.findChildren(TunnelsDialog)[0].close()
    choose("Stop")
    await seen(lambda: stage.files.tunnels.status("t").state is TunnelState.STOPPED)
    made.bridge.tunnel_changed.emit("t")
    await seen(lambda: "Database" not in words())


async def stage_listens(stage: FilesStage, key: str) -> None:
    await seen(lambda: stage.files.tunnels.status(key).state is TunnelState.LISTENING)


def tunnel_words_of(menu: QMenu) -> str:
    """All that the entries of tunnels offer, as one text."""
    submenus = [action.menu() for action in menu.actions()]
    return " ".join(action.text() for each in submenus if isinstance(each, QMenu) for action in each.actions())


async def test_a_port_that_was_found_is_one_click_away(asked: TunnelsDialog, stage: FilesStage, server: Sshd) -> None:
    await seen(lambda: asked.ports.rows)
    if asked.ports._more.isVisible():
        asked.ports._more.click()
    row = asked.ports.rows[server.port]
    row.tunnel.click()
    await seen(lambda: stage.files.tunnels.leading_to(stage.machine_id, server.port))
    await seen(lambda: not row.tunnel.isEnabled())
    (status,) = stage.files.tunnels.all()
    await stage_listens(stage, status.tunnel.tunnel_id)
    await seen(lambda: "the service runs" in asked._rows[status.tunnel.tunnel_id].accessibleName())


async def test_a_page_is_shown_once_its_tunnel_stands(asked: TunnelsDialog, stage: FilesStage, server: Sshd) -> None:
    pages: list[str] = []
    asked.ports.browse = lambda url: not pages.append(url.toString())
    await seen(lambda: asked.ports.rows)
    if asked.ports._more.isVisible():
        asked.ports._more.click()
    asked.ports.rows[server.port].browse.click()
    await seen(lambda: pages)
    (status,) = stage.files.tunnels.all()
    assert status.state is TunnelState.LISTENING
    assert pages == [f"http://127.0.0.1:{status.port}/"]
