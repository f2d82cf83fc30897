"""Opens the real window and takes a picture of every scene: ``… -m tests.e2e.picture_walk WALK PICTURES FIRST [ID…]``.

``WALK`` names a list of scenes in `tests.e2e.scenes`, ``FIRST`` is the first picture's number, and each ``NAME=ID``
tells the id of a thing in the store. Ends with 0 when every scene was shown, and nothing failed, warned or stopped the
event loop for over a second meanwhile.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from pathlib import Path

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtGui import QCursor

from machina_desktop import app as desktop_app
from tests.e2e.hand import Hand
from tests.e2e.performance import run_with
from tests.e2e.scenes import WALKS
from tests.e2e.steps import take
from tests.e2e.walk import Walk

LONGEST_GAP_MS = 1000
PATIENCE_S = 4.0
_GAP = re.compile(r"did not answer for (\d+) ms")


class Complaints(logging.Handler):
    """What must not happen while the window is looked at."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take every warning; a gap of the event loop only when a person would feel it."""
        text = record.getMessage()
        gap = _GAP.search(text)
        if gap is None or int(gap.group(1)) > LONGEST_GAP_MS:
            self.heard.append(f"{record.levelname} {record.name}: {text}")

    def on_qt_message(self, kind: QtMsgType, _context: QMessageLogContext, text: str) -> None:
        """Take every warning of Qt's."""
        if kind not in {QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg}:
            self.heard.append(f"Qt: {text}")


def main() -> int:
    """Show every scene of the walk; one that cannot be shown does not keep the others from it."""
    name, pictures, first, *pairs = sys.argv[1:]
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    qInstallMessageHandler(complaints.on_qt_message)

    async def play(desktop: desktop_app.Desktop) -> None:
        desktop._crashes.crashed.connect(lambda sentence, report: complaints.heard.append(f"{sentence}\n{report}"))
        hand = Hand(Path(pictures), first=int(first), patience_s=PATIENCE_S)
        walk = Walk(desktop, hand, dict(pair.split("=") for pair in pairs))
        walk.window.showMaximized()
        # Nothing shall look as if the mouse were over it.
        corner = walk.window.screen().geometry().bottomRight()
        QCursor.setPos(corner)
        for scene in WALKS[name]:
            try:
                await take(walk, scene)
            except AssertionError as error:
                complaints.heard.append(f"{scene.name}: {error}")
                await walk.tidy()

    code = run_with(play)
    print("\n".join(complaints.heard), file=sys.stderr)
    return code or bool(complaints.heard)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
