"""Links only show: what they may say, what they open, what is refused, and how a second start hands one over."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QThread
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from machina_desktop.core.domain.key import SSHKey
from machina_desktop.core.domain.provider import ProviderType
from machina_desktop.core.errors import InvalidInput
from machina_desktop.core.ids import new_id
from machina_desktop.core.services.servers import JoinAtServer, RegisterAtServer
from machina_desktop.views import links, single_instance
from machina_desktop.views.apps.team_dialogs import JoinTeamDialog
from machina_desktop.views.connect_dialog import ConnectDialog
from machina_desktop.views.links import Link
from machina_desktop.views.server_watch import servers_of
from machina_desktop.views.single_instance import SingleInstance, server_name
from tests.architecture.source import ROOT
from tests.fakes.gateway import until
from tests.fakes.people_answers import CODE
from tests.fakes.people_rows import events, invites, members, team, users
from tests.fakes.rows import account, deployment, machine
from tests.fakes.server_answers import status
from tests.fakes.whole_window import WholeWindow, whole_window

DEADLINE_S = 40
ONES = "1" * 26
GOOD = (
    f"machina://machine/machine-{ONES}",
    f"machina://deployment/deployment-{ONES}",
    f"machina://provider_account/account-{ONES}",
    f"machina://ssh_key/key-{ONES}",
    "machina://app/settings",
    "machina://app/settings/proxy_url",
    f"machina://join/{CODE}",
)
WITH_SERVER = (
    (f"machina://join/{CODE}?server=https://machina.example.org", "https://machina.example.org"),
    (f"machina://join/{CODE}?server=https%3A%2F%2Fmachina.example.org%3A8443%2F", "https://machina.example.org:8443"),
    (f"machina://join/{CODE}?server=http://127.0.0.1:8000", "http://127.0.0.1:8000"),
)
BAD = (
    "",
    "https://example.com",
    "machina:/machine/x",
    "MACHINA://app/settings",
    "machina://",
    "machina://machine",
    "machina://machine/",
    "machina://machine/web-1",
    f"machina://machine/key-{ONES}",
    f"machina://machine/machine-{ONES}?destroy=yes",
    f"machina://machine/machine-{ONES}#x",
    f"machina://machine/machine-{ONES}/reboot",
    f"machina://machine/machine-{ONES}\n",
    f"machina://machine/machine-{ONES[:-1]}u",
    f"machina://user/user-{ONES}",
    "machina://app/../etc",
    "machina://app/settings/a/b",
    "machina://app/settings/%2e%2e",
    "machina://app/" + "s" * 300,
    f"machina://join/{CODE}?server=",
    f"machina://join/{CODE}?server=javascript:alert(1)",
    f"machina://join/{CODE}?server=https://user:word@example.org",
    f"machina://join/{CODE}?server=https://example.org&then=delete",
    "machina://app/settings?server=https://example.org",
)


@pytest.mark.parametrize("text", GOOD)
def test_a_link_is_written_as_it_is_read(text: str) -> None:
    assert str(Link.parse(text)) == text
    assert Link.parse(f"{text}/") == Link.parse(text)


@pytest.mark.parametrize(("text", "server"), WITH_SERVER)
def test_an_invite_names_the_server_to_join_at(text: str, server: str) -> None:
    link = Link.parse(text)
    assert (link.entity, link.key, link.server) == ("join", CODE, server)
    assert Link.parse(str(link)) == link


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_link_is_refused_with_a_next_step(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Link.parse(text)
    assert refused.value.code == "E-LINK"
    assert refused.value.hint


@given(st.sampled_from(("", links.SCHEME, "machina://app/")), st.text(max_size=260))
def test_any_text_is_read_or_refused(begin: str, text: str) -> None:
    try:
        link = Link.parse(begin + text)
    except InvalidInput:
        return
    assert len(str(link)) <= links.LONGEST


def test_every_kind_of_id_that_is_made_can_be_linked() -> None:
    for entity, kind in links.KINDS.items():
        key = new_id(kind)
        assert links.of_id(key) == Link(entity, key)
        assert Link.parse(str(Link(entity, key))) == Link(entity, key)
    assert links.of_id(new_id("user")) is None


@pytest_asyncio.fixture
async def made(qapp: QApplication, tmp_path: Path) -> AsyncIterator[WholeWindow]:
    async with whole_window(tmp_path) as window:
        yield window


class TestOpening:
    async def test_each_kind_of_thing_is_shown(self, made: WholeWindow) -> None:
        made.gateway.put(machine(3, machine_id=f"machine-{ONES}"))
        made.gateway.put(deployment(3, deployment_id=f"deployment-{ONES}"))
        made.gateway.put(account(ProviderType.HETZNER, f"account-{ONES}", "Linked"))
        made.gateway.put(replace(made.gateway.all(SSHKey)[0], ssh_key_id=f"key-{ONES}"))
        for row in (
            team(team_id=f"team-{ONES}"),
            users()[1],
            replace(members()[1], team_member_id=f"member-{ONES}"),
            replace(invites()[0], invite_id=f"invite-{ONES}"),
            replace(events(1)[0], audit_event_id=f"audit-{ONES}"),
        ):
            made.gateway.put(row)
        for entity, kind in links.KINDS.items():
            made.desk.general.links.open_text(f"machina://{entity}/{kind}-{ONES}")
            await until(lambda entity=entity, kind=kind: made.window.is_inspecting(entity, f"{kind}-{ONES}"))
        assert made.toasts() == []

    async def test_a_link_to_join_asks_with_the_code_in_place(self, made: WholeWindow) -> None:
        made.gateway.servers.statuses = (status(),)
        servers_of(made.bridge).refresh()
        await until(lambda: servers_of(made.bridge).statuses)
        made.desk.general.links.open_text(f"machina://join/{CODE}")
        await until(lambda: made.window.pages.name == "teams")
        dialog = made.window.findChild(JoinTeamDialog)
        assert dialog is not None
        assert dialog.code.text() == CODE
        assert made.gateway.asked_of(JoinAtServer) == []
        dialog.reject()

    @pytest.mark.parametrize("server", ["", "?server=https://machina.example.org"])
    async def test_a_link_to_join_begins_to_connect_where_no_server_is_known(
        self, made: WholeWindow, server: str
    ) -> None:
        made.desk.general.links.open_text(f"machina://join/{CODE}{server}")
        await until(lambda: made.window.findChild(ConnectDialog))
        dialog = made.window.findChild(ConnectDialog)
        assert dialog is not None
        await until(lambda: bool(server) == bool(dialog._identity.code.text()))
        assert made.gateway.asked_of(RegisterAtServer) == []
        dialog.reject()

    async def test_a_page_and_a_place_on_it_are_shown(self, made: WholeWindow) -> None:
        made.desk.general.links.open_text("machina://app/settings/theme")
        await until(lambda: made.window.pages.name == "settings")

    @pytest.mark.parametrize("text", [*GOOD[:4], "machina://app/nonsense", *BAD[1:]])
    async def test_what_does_not_exist_is_told_with_a_next_step(self, made: WholeWindow, text: str) -> None:
        shown = made.window.pages.name
        made.desk.general.links.open_text(text)
        await until(made.toasts)
        toast = made.window.notices.shown()[0].notice
        assert (toast.kind, toast.action) == ("error", "Search")
        assert made.window.pages.name == shown
        assert not made.window.inspectors.docks()[0].isVisible()
        toast.on_action()
        assert made.palette.isVisible()

    async def test_a_link_that_comes_before_the_core_is_shown_once_it_has_started(
        self, made: WholeWindow, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        made.gateway.put(machine(3, machine_id=f"machine-{ONES}"))
        monkeypatch.setattr(type(made.bridge), "is_settled", False)
        made.desk.general.links.open_text(GOOD[0])
        monkeypatch.undo()
        made.bridge.settled.emit()
        await until(lambda: made.window.is_inspecting("machine", f"machine-{ONES}"))

    async def test_the_inspector_copies_a_link_that_leads_back(self, made: WholeWindow) -> None:
        made.gateway.put(machine(3, machine_id=f"machine-{ONES}"))
        made.window.inspect("machine", f"machine-{ONES}")
        assert made.window.commands.run("inspector.copy_link")
        assert QGuiApplication.clipboard().text() == GOOD[0]


@pytest.fixture
def first(qapp: QApplication, tmp_path: Path) -> Iterator[SingleInstance]:
    """The first window of a data folder, listening."""
    instance = SingleInstance(tmp_path)
    assert instance.claim()
    instance.listen()
    yield instance
    instance.release()


def wait_for(condition: object, qapp: QApplication) -> None:
    end = time.monotonic() + DEADLINE_S
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "the condition did not come true in time"
        qapp.processEvents()
        QThread.msleep(5)


def connected(home: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.connect(str(Path(os.environ.get("TMPDIR", "/tmp")) / server_name(home)))
    return made


class TestHandingOver:
    def test_a_second_start_with_a_link_hands_it_to_the_first(
        self, qapp: QApplication, first: SingleInstance, tmp_path: Path
    ) -> None:
        heard: list[str] = []
        first.link_received.connect(heard.append)
        environment = os.environ | {"MACHINA_HOME": str(tmp_path)}
        with subprocess.Popen([sys.executable, "-m", "machina_desktop", GOOD[0]], cwd=ROOT, env=environment) as second:
            wait_for(lambda: second.poll() is not None, qapp)
        wait_for(lambda: heard, qapp)
        assert heard == [GOOD[0]]
        assert second.returncode == 0

    def test_more_than_a_link_can_be_is_cut_and_the_next_is_still_heard(
        self, qapp: QApplication, first: SingleInstance, tmp_path: Path
    ) -> None:
        heard: list[str] = []
        first.link_received.connect(heard.append)
        with connected(tmp_path) as flood:
            flood.setblocking(False)
            flood.send(b"x" * 60_000)
            wait_for(lambda: heard, qapp)
        assert links.LONGEST < len(heard[0]) <= links.LONGEST + 2
        with connected(tmp_path) as caller:
            caller.sendall(f"{GOOD[4]}\nmachina://app/keys\n".encode())
            wait_for(lambda: len(heard) > 1, qapp)
        assert heard[1:] == [GOOD[4]]

    def test_no_text_at_all_is_no_crash(self, qapp: QApplication, first: SingleInstance, tmp_path: Path) -> None:
        heard: list[str] = []
        first.link_received.connect(heard.append)
        with connected(tmp_path) as caller:
            caller.sendall(b"\xff\xfe\x00machina://\n")
            wait_for(lambda: heard, qapp)
        with pytest.raises(InvalidInput):
            Link.parse(heard[0])

    def test_callers_who_say_nothing_are_dismissed_and_keep_nobody_out(
        self, qapp: QApplication, first: SingleInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(single_instance, "LINE_MS", 50)
        raised: list[bool] = []
        heard: list[str] = []
        first.raise_requested.connect(lambda: raised.append(True))
        first.link_received.connect(heard.append)
        silent = []
        for _ in range(2 * single_instance.CALLERS):
            silent.append(connected(tmp_path))
            qapp.processEvents()
        wait_for(lambda: len(raised) >= single_instance.CALLERS, qapp)
        wait_for(lambda: all(_is_closed(each) for each in silent), qapp)
        with connected(tmp_path) as caller:
            caller.sendall(f"{GOOD[4]}\n".encode())
            wait_for(lambda: heard, qapp)
        for each in silent:
            each.close()


def _is_closed(caller: socket.socket) -> bool:
    caller.setblocking(False)
    try:
        return caller.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


FILE_OPEN = """
from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QFileOpenEvent
from machina_desktop.views.application import Application
app = Application("machina://app/keys")
told = []
app.link_opened.connect(told.append)
QCoreApplication.sendEvent(app, QFileOpenEvent(QUrl("machina://app/settings")))
assert told == [], told
app.tell_links()
QCoreApplication.sendEvent(app, QFileOpenEvent(QUrl("machina://app/machines")))
print(*told)
"""


def test_links_that_the_system_opens_are_told_once_the_window_can_show_them() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILE_OPEN], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE_S, check=True
    )
    assert done.stdout.split() == ["machina://app/keys", "machina://app/settings", "machina://app/machines"]
