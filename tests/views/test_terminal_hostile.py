"""Hostile output over a real sshd into a real pane: what comes back to the program, the clipboard and the browser."""

from __future__ import annotations

import base64
import json
import re
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QClipboard, QDesktopServices, QGuiApplication
from PySide6.QtTest import QTest

from machina_desktop.core.domain.terminal import SessionState
from tests.fakes.sshd import KeyPair, running
from tests.fakes.typed_at import pane_at, wait
from tests.terminal.hostile import ANSWERS, CODED, EVIL, HEX, HOSTILE

# What the mouse that moves here says, where a program has asked for it.
OWN_DEEDS = re.compile(rb"\x1b\[<[0-9;]+[Mm]|\x1b\[[IO]|\x1b\[M...", re.DOTALL)
# Runs on the machine. After each sequence it has the cursor told at a place of its own, so that it knows when all the
# answers to the sequence have come.
PROGRAM = r"""
import base64, json, os, re, select, sys, tty
tty.setraw(0)
answers = []
for number, coded in enumerate(json.load(open(sys.argv[1]))):
    mark = b"\x1b[%d;%dR" % (number % 9 + 2, number % 23 + 11)
    os.write(1, base64.b64decode(coded))
    os.write(1, b"\x18\x1b\\\x1bc\x1b[?1049l\x1b[%d;%dH\x1b[6n" % (number % 9 + 2, number % 23 + 11))
    came = b""
    while mark not in came and select.select([0], [], [], 10)[0]:
        came += os.read(0, 65536)
    answers.append(base64.b64encode(came.replace(mark, b"")).decode() if mark in came else None)
json.dump(answers, open(sys.argv[2], "w"))
"""


@pytest.mark.usefixtures("qapp")
def test_nothing_the_attacker_chose_reaches_program_clipboard_or_browser(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[QUrl] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    clipboard = QGuiApplication.clipboard()
    written: list[QClipboard.Mode] = []
    clipboard.setText("mine")
    clipboard.changed.connect(written.append)
    asked, told, program = tmp_path / "asked", tmp_path / "told", tmp_path / "program"
    asked.write_text(json.dumps([base64.b64encode(each.encode()).decode() for each in HOSTILE]))
    program.write_text(PROGRAM)
    with running(tmp_path / "sshd") as server:
        command = f"{sys.executable} {program} {asked} {told}"
        with pane_at(server, server.authorize(KeyPair()), command) as pane:
            moves = 0

            def is_done() -> bool:
                # A mouse that passes over what looks like links opens none.
                nonlocal moves
                moves += 1
                QTest.mouseMove(pane.view.viewport(), pane.view.viewport().rect().center() / (moves % 5 + 1))
                return pane.state is SessionState.ENDED

            wait(is_done, "the program to be through")
    answers = [None if each is None else base64.b64decode(each) for each in json.loads(told.read_text())]
    answers = [None if each is None else OWN_DEEDS.sub(b"", each) for each in answers]
    assert len(answers) == len(HOSTILE) >= 120
    for sequence, answer in zip(HOSTILE, answers, strict=True):
        assert answer is not None, f"no answer any more after {sequence!r}"
        assert ANSWERS.match(answer), (sequence, answer)
        assert not any(chosen.encode().lower() in answer.lower() for chosen in (EVIL, HEX, CODED)), (sequence, answer)
    assert any(answers)
    assert (clipboard.text(), written, opened) == ("mine", [], [])
