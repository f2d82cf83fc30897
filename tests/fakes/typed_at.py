"""A pane in which a command runs over a real sshd, and waiting for what it shows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from machina_desktop.core.domain.terminal import SessionState
from machina_desktop.core.ssh.shell import ShellWish
from machina_desktop.core.terminal.session import Session
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.pane import Place, TerminalPane
from tests.fakes.sessions import DirectLine, hop_to
from tests.fakes.sshd import KeyPair, Sshd

DEADLINE_S = 45.0


@contextmanager
def pane_at(server: Sshd, key: KeyPair, command: str = "PS1='ready> ' exec sh -i") -> Iterator[TerminalPane]:
    """A live pane in a window of its own, closed afterwards."""
    line = DirectLine(hop_to(server, key), wish=ShellWish(command=command))
    place = Place(machine_id="machine", name="web-1")
    pane = TerminalPane(lambda columns, lines: Session(line, columns, lines), place=place, look=Look())
    pane.resize(700, 400)
    pane.show()
    pane.view.setFocus()
    try:
        wait(lambda: pane.state is SessionState.LIVE, "the session")
        yield pane
    finally:
        pane.close_session()
        pane.close()
        pane.deleteLater()


def wait(until: Callable[[], object], what: str) -> float:
    """Run the event loop until it is so; answers the longest that this thread held the loop up, in seconds.

    Of this thread's own time: how long others hold it up says nothing about the window.
    """
    began = time.monotonic()
    longest = 0.0
    while not until():
        last = time.thread_time()
        QApplication.processEvents()
        longest = max(longest, time.thread_time() - last)
        assert time.monotonic() - began < DEADLINE_S, f"waited {DEADLINE_S:.0f} s for {what}"
        QTest.qWait(2)
    return longest


def shown(pane: TerminalPane) -> list[str]:
    """The rows of the screen."""
    return [pane.terminal.row(line).text for line in range(pane.terminal.lines)]
