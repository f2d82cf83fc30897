"""A terminal that is only looked at: it keeps the size it was recorded in, and its letters fit the room."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSizeF, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views.terminal.look import SMALLEST, Look
from machina_desktop.views.terminal.view import TerminalView

LARGEST = 20


class ReplayScreen(TerminalView):
    """As a live terminal for the eye and the mouse; keys are left to whoever it is in."""

    def __init__(self, terminal: Terminal, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(terminal, look, parent)
        self.setAccessibleName(self.tr("Recorded terminal"))
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)

    def fit(self) -> None:
        """Take the largest letters with which the whole recorded screen is in sight."""
        self._fit()
        self.refresh()
        self.viewport().update()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride:
            return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        event.ignore()

    def focusNextPrevChild(self, next_: bool) -> bool:
        return QWidget.focusNextPrevChild(self, next_)

    def _fit(self) -> None:
        sight = self.sight
        room = QSizeF(self.viewport().size())
        # Also makes the picture anew, which the recorded size may not fit any more.
        sight.dress(sight.look, self.devicePixelRatioF())
        needed = self._needed()
        part = min(room.width() / needed.width(), room.height() / needed.height())
        wanted = max(SMALLEST, min(LARGEST, int(sight.font_size * part) + 1))
        while True:
            if wanted != sight.font_size:
                sight.zoom(wanted - sight.font_size)
            needed = self._needed()
            if wanted <= SMALLEST or (needed.width() <= room.width() and needed.height() <= room.height()):
                return
            wanted -= 1

    def _needed(self) -> QSizeF:
        return self.sight.size_for(self.sight.terminal.columns, self.sight.terminal.lines)
