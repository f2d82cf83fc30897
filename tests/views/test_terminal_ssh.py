"""A terminal over a real sshd: typed into, lost, and open again in place."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.ssh.client import connect
from machina_desktop.core.ssh.hop import Ask
from machina_desktop.core.ssh.target import Target
from machina_desktop.core.ssh.wish import ShellWish
from machina_desktop.core.terminal.session import Opened, Session
from machina_desktop.core.workers.hosted_session import HostedSession
from machina_desktop.core.workers.shell_process import Shells
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import Place, TerminalPane
from tests.fakes.sessions import DirectLead, hop_to
from tests.fakes.sshd import KeyPair, Sshd, running


class Line:
    """The way to a server of the test."""

    def __init__(self, server: Sshd, key: KeyPair) -> None:
        self._server = server
        self._key = key

    def open(self, _ask: Ask, _is_over: Callable[[], bool]) -> Opened:
        target = Target(host="127.0.0.1", port=self._server.port, user=self._server.user)
        connection = connect(target, private_keys=[self._key.private], host_key=self._server.fingerprint)
        wish = ShellWish(command="PS1='ready> ' exec sh -i")
        return Opened(connection=connection, wish=wish, ended=lambda _seconds: None)


def wait(until: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 60
    while not until():
        QApplication.processEvents()
        assert time.monotonic() < deadline, f"waited 60 s for {what}"
        QTest.qWait(2)


def shown(pane: TerminalPane) -> list[str]:
    return [pane.terminal.row(line).text for line in range(pane.terminal.lines)]


@pytest.mark.usefixtures("qapp")
def test_a_shell_over_ssh_is_used_lost_and_opened_again_in_place(tmp_path: Path) -> None:
    with running(tmp_path / "sshd") as server:
        line = Line(server, server.authorize(KeyPair()))
        place = Place(machine_id="machine", name="web-1")
        pane = TerminalPane(lambda columns, lines: Session(line, columns, lines), place=place, look=Look())
        pane.resize(700, 400)
        pane.show()
        pane.view.setFocus()
        wait(lambda: "ready>" in shown(pane), "the prompt")
        QTest.keyClicks(pane.view, "echo $((6 * 7)); stty size")
        QTest.keyClick(pane.view, Qt.Key.Key_Return)
        wait(lambda: "42" in shown(pane), "the answer")
        wait(lambda: f"{pane.terminal.lines} {pane.terminal.columns}" in shown(pane), "the size")
        server.end_sessions()
        wait(lambda: pane.state is SessionState.LOST, "the loss to be noticed")
        assert pane.bar.is_counting
        QTest.keyClick(pane.view, Qt.Key.Key_Return)
        wait(lambda: pane.state is SessionState.LIVE, "the new session")
        wait(lambda: shown(pane).count("ready>") >= 2, "the new prompt")
        assert "42" in shown(pane)
        pane.close_session()
        pane.close()


@pytest.mark.usefixtures("qapp")
def test_a_shell_whose_process_is_killed_opens_again_in_place(tmp_path: Path) -> None:
    shells = Shells()
    with running(tmp_path / "sshd") as server:
        wish = ShellWish(command="PS1='ready> ' exec sh -i")
        lead = DirectLead(hop_to(server, server.authorize(KeyPair())), wish=wish)
        place = Place(machine_id="machine", name="web-1")
        pane = TerminalPane(
            lambda columns, lines: HostedSession(shells, lead, columns, lines), place=place, look=Look()
        )
        pane.resize(700, 400)
        pane.show()
        pane.view.setFocus()
        wait(lambda: "ready>" in shown(pane), "the prompt")
        QTest.keyClicks(pane.view, "echo $((6 * 7)); stty size")
        QTest.keyClick(pane.view, Qt.Key.Key_Return)
        wait(lambda: f"{pane.terminal.lines} {pane.terminal.columns}" in shown(pane), "the size")
        assert shells.process is not None
        psutil.Process(shells.process.pid).kill()
        wait(lambda: pane.state is SessionState.LOST, "the loss to be noticed")
        assert pane.bar.is_counting
        QTest.keyClick(pane.view, Qt.Key.Key_Return)
        wait(lambda: pane.state is SessionState.LIVE, "the new session")
        wait(lambda: shown(pane).count("ready>") >= 2, "the new prompt")
        assert "42" in shown(pane)
        pane.close_session()
        pane.close()
        shells.stop()
