"""What a machine asks on behalf of its files and tunnels: shown where these are, once, and never for ever."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from machina_desktop.core.domain.terminal import NO, Answer, Question, QuestionKind
from machina_desktop.core.domain.transfer import Direction, TransferState
from machina_desktop.core.domain.tunnel import Tunnel, TunnelState
from machina_desktop.core.errors import Unavailable
from machina_desktop.core.ssh.connection import Connection
from machina_desktop.core.ssh.hop import Hop
from machina_desktop.core.workers.questions import Questions
from machina_desktop.views import remembered
from machina_desktop.views.terminal.asking import AskingCard
from machina_desktop.views.terminal_files.panel import FilesPanel
from machina_desktop.views.terminal_files.tunnels_dialog import TunnelsDialog
from tests.fakes.file_machine import file_server
from tests.fakes.files_stage import FilesStage, files_stage, seen
from tests.fakes.ssh_server import FINGERPRINT, AskingServer, asking
from tests.fakes.sshd import Sshd

PASSWORD = Question(kind=QuestionKind.PASSWORD, name="db-1", address="203.0.113.5, port 22", user="root", text="")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with file_server(tmp_path_factory.mktemp("sshd")) as sshd:
        yield sshd


@pytest_asyncio.fixture
async def stage(qapp: QApplication, server: Sshd, tmp_path: Path) -> AsyncIterator[FilesStage]:
    async with files_stage(server, tmp_path / "data") as made:
        made.is_trusted = False
        yield made


@pytest_asyncio.fixture
async def panel(stage: FilesStage, tmp_path: Path) -> AsyncIterator[FilesPanel]:
    remembered.remember(f"files.places.{stage.machine_id}", {"local": str(tmp_path)})
    made = FilesPanel(stage.bridge, stage.machine_id)
    made.resize(1000, 600)
    made.show()
    yield made
    made.close()
    made.deleteLater()


@pytest_asyncio.fixture
async def tunnels(stage: FilesStage) -> AsyncIterator[TunnelsDialog]:
    owner = QWidget()
    owner.resize(900, 800)
    owner.show()
    made = TunnelsDialog(stage.bridge, stage.machine_id, "web-1", parent=owner)
    made.open()
    yield made
    owner.close()
    owner.deleteLater()


def cards() -> list[AskingCard]:
    """All questions that can be seen."""
    return [each for each in QApplication.allWidgets() if isinstance(each, AskingCard) and each.isVisible()]


async def card() -> AskingCard:
    await seen(cards, "a question")
    assert len(cards()) == 1
    return cards()[0]


async def test_an_unknown_host_key_is_asked_about_in_place_of_the_files(panel: FilesPanel, server: Sshd) -> None:
    asked = await card()
    assert panel.remote.isAncestorOf(asked)
    assert not panel.remote.states.isVisible()
    assert asked.question.host_key is not None
    assert asked.question.host_key.fingerprint == server.fingerprint
    asked.yes.click()
    await seen(lambda: panel.remote.path, "the files")
    assert panel.remote.states.isVisible()
    assert cards() == []


async def test_a_no_is_told_and_the_next_try_asks_again(panel: FilesPanel) -> None:
    (await card()).no.click()
    await seen(lambda: panel.remote.states.currentWidget() is panel.remote.states.error)
    assert panel.remote.states.isVisible()
    assert "host key of web-1" in panel.remote.states.error.accessibleName()
    panel.remote.states.error.retry.click()
    (await card()).yes.click()
    await seen(lambda: panel.remote.path, "the files")


async def test_transfers_that_wait_are_asked_for_once_above_the_queue(
    panel: FilesPanel, stage: FilesStage, tmp_path: Path
) -> None:
    (await card()).no.click()
    await seen(lambda: not panel.remote.is_reading)
    (tmp_path / "to").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(name)
    sources = [str(tmp_path / name) for name in ("a", "b", "c")]
    before = stage.logins
    stage.files.transfers.add(stage.machine_id, Direction.UPLOAD, sources, destination=str(tmp_path / "to"))
    asked = await card()
    assert panel.queue.isAncestorOf(asked)
    asked.yes.click()
    await seen(lambda: all(each.state is TransferState.DONE for each in stage.files.transfers.all()))
    assert stage.logins == before + 1
    assert cards() == []


async def test_one_no_holds_for_all_that_waited_for_the_answer(
    panel: FilesPanel, stage: FilesStage, tmp_path: Path
) -> None:
    await card()
    (key,) = stage.files.transfers.add(stage.machine_id, Direction.UPLOAD, [str(tmp_path)], destination="/tmp")
    await stage.files.tunnels.open(Tunnel(tunnel_id="t", machine_id=stage.machine_id, target_port=80))
    before = stage.logins
    (await card()).no.click()
    await seen(lambda: stage.files.tunnels.status("t").state is TunnelState.FAILED)
    await seen(lambda: (found := stage.files.transfers.get(key)) and found.state is TransferState.FAILED)
    assert stage.logins == before
    assert cards() == []


async def test_who_types_elsewhere_is_not_interrupted(stage: FilesStage) -> None:
    window = QWidget()
    terminal, column = QLineEdit(), QVBoxLayout(window)
    column.addWidget(terminal)
    window.show()
    window.activateWindow()
    terminal.setFocus()
    await seen(terminal.hasFocus)
    panel = FilesPanel(stage.bridge, stage.machine_id, window)
    column.addWidget(panel)
    asked = await card()
    assert terminal.hasFocus()
    asked.no.click()
    await seen(lambda: not panel.remote.is_reading)
    panel.remote.states.error.retry.setFocus()
    panel.remote.states.error.retry.click()
    assert (await card()).no.hasFocus()
    window.close()
    window.deleteLater()


async def test_a_tunnel_asks_in_its_dialog_and_the_panel_behind_it_does_not(
    tunnels: TunnelsDialog, panel: FilesPanel, stage: FilesStage
) -> None:
    asked = await card()
    assert panel.isAncestorOf(asked)
    second = TunnelsDialog(stage.bridge, stage.machine_id, "web-1", parent=panel)
    second.open()
    await seen(lambda: cards() and second.isAncestorOf(cards()[0]))
    assert len(cards()) == 1
    second.reject()
    second.deleteLater()
    await seen(lambda: cards() and panel.isAncestorOf(cards()[0]))


async def test_a_tunnel_stands_once_its_question_is_answered(
    tunnels: TunnelsDialog, stage: FilesStage, server: Sshd
) -> None:
    tunnels._target_port.set_text(str(server.port))
    tunnels.primary.click()
    asked = await card()
    assert tunnels.isAncestorOf(asked)
    asked.yes.click()
    # The list of ports asks the same; either question may have come first.
    await seen(lambda: len(stage.files.tunnels.all()) == 1)
    (status,) = stage.files.tunnels.all()
    await seen(lambda: stage.files.tunnels.status(status.tunnel.tunnel_id).state is TunnelState.LISTENING)


async def test_passwords_and_codes_are_asked_for_and_a_wrong_one_is_told(stage: FilesStage) -> None:
    server = AskingServer(password="tr0ub4dor", answers=["ada", "421"])
    with asking(server) as target:
        stage.hop = Hop(name="db-1", target=target, pins=(FINGERPRINT,))
        panel = FilesPanel(stage.bridge, stage.machine_id)
        panel.show()
        asked = await card()
        assert [field.control.echoMode() for field in asked.fields] == [
            QLineEdit.EchoMode.Normal,
            QLineEdit.EchoMode.Password,
        ]
        for field, text in zip(asked.fields, ("ada", "421"), strict=True):
            field.set_text(text)
        asked.yes.click()
        # The server has no files; that it says so shows that somebody is logged in.
        await seen(lambda: "SFTP" in panel.remote.states.error.accessibleName())
        stage.files._lines.close()
        panel.remote.states.error.retry.click()
        first = await card()
        for field in first.fields:
            field.set_text("wrong")
        first.yes.click()
        await seen(lambda: cards() and cards()[0] is not first, "the next question")
        assert cards()[0].question.kind in {QuestionKind.PASSWORD, QuestionKind.PROMPTS}
        cards()[0].no.click()
        await seen(lambda: "db-1" in panel.remote.states.error.accessibleName())
        panel.close()
        panel.deleteLater()


async def test_where_nobody_looks_nobody_is_waited_for(stage: FilesStage, tmp_path: Path) -> None:
    (key,) = stage.files.transfers.add(stage.machine_id, Direction.UPLOAD, [str(tmp_path)], destination="/tmp")
    await seen(lambda: (found := stage.files.transfers.get(key)) and found.state is TransferState.FAILED)
    failed = stage.files.transfers.get(key)
    assert failed is not None
    assert failed.problem is not None
    assert failed.problem.code == "E-SSH-ASKS"
    assert failed.problem.hint


async def test_whoever_closes_the_panel_has_said_no(stage: FilesStage, tmp_path: Path) -> None:
    panel = FilesPanel(stage.bridge, stage.machine_id)
    panel.show()
    await card()
    (key,) = stage.files.transfers.add(stage.machine_id, Direction.UPLOAD, [str(tmp_path)], destination="/tmp")
    panel.hide()
    panel.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    await seen(lambda: (found := stage.files.transfers.get(key)) and found.state is TransferState.FAILED)


async def test_a_question_that_nobody_answers_ends() -> None:
    heard: list[Answer] = []

    def connect(_machine_id: str, ask: object, _is_over: object) -> Connection:
        assert callable(ask)
        heard.append(ask(PASSWORD))
        raise Unavailable("It did not let anybody in.", code="E-SSH-AUTH")

    told: list[str] = []
    questions = Questions(connect, announce=told.append, answer_s=0.05)
    questions.attend("machine-1", "somebody")
    with pytest.raises(Unavailable) as refused:
        await asyncio.wait_for(questions.dial("machine-1"), 10)
    assert refused.value.code == "E-SSH-ASKS"
    assert "password" in refused.value.message
    assert heard == [NO]
    assert questions.shown_by("machine-1", "somebody") is None
    assert told


async def test_a_wrong_password_is_told_as_such() -> None:
    def connect(_machine_id: str, ask: object, _is_over: object) -> Connection:
        assert callable(ask)
        assert ask(PASSWORD).is_yes
        raise Unavailable("It did not let anybody in.", code="E-SSH-AUTH")

    questions = Questions(connect, announce=lambda _key: questions.answer("machine-1", Answer(is_yes=True)))
    questions.attend("machine-1", "somebody")
    with pytest.raises(Unavailable) as refused:
        await asyncio.wait_for(questions.dial("machine-1"), 10)
    assert refused.value.code == "E-SSH-AUTH"


async def test_a_login_that_is_given_up_before_it_asks_is_not_waited_for() -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    heard: list[Answer] = []
    loop = asyncio.get_running_loop()

    def connect(_machine_id: str, ask: object, _is_over: object) -> Connection:
        assert callable(ask)
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(10)
        heard.append(ask(PASSWORD))
        raise Unavailable("It did not let anybody in.", code="E-SSH-AUTH")

    questions = Questions(connect, announce=lambda _key: None)
    questions.attend("machine-1", "somebody")
    login = asyncio.ensure_future(questions.dial("machine-1"))
    await begun.wait()
    login.cancel()
    go_on.set()
    await seen(lambda: heard)
    assert heard == [NO]
    assert questions.shown_by("machine-1", "somebody") is None
