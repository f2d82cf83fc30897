"""The Qt application: its names, and the links that macOS hands it as events."""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, Signal
from PySide6.QtGui import QFileOpenEvent
from PySide6.QtWidgets import QApplication

from machina_desktop.views.brand import NAME
from machina_desktop.views.language import load_language
from machina_desktop.views.theme import style_arguments


class Application(QApplication):
    """It does not end with its last window, which may hide: it ends when the person says so.

    Signals:
        link_opened(str): A link is to be shown, wherever it came from; only after `tell_links`.
    """

    link_opened = Signal(str)

    def __init__(self, link: str = "") -> None:
        """``link`` is the one the program was started with."""
        super().__init__([*sys.argv[:1], *style_arguments()])
        self._early = [link] if link else []
        self._is_heard = False
        self.setApplicationName(NAME)
        self.setApplicationDisplayName(NAME)
        self.setDesktopFileName("machina")
        load_language(self)
        self.setQuitOnLastWindowClosed(False)

    def tell_links(self) -> None:
        """Emit `link_opened` from now on, first for the links that came earlier."""
        self._is_heard = True
        early, self._early = self._early, []
        for link in early:
            self.link_opened.emit(link)

    def take_link(self, link: str) -> None:
        """Have a link shown, now or once the window can."""
        if self._is_heard:
            self.link_opened.emit(link)
        else:
            self._early.append(link)

    def event(self, event: QEvent) -> bool:
        # macOS hands a link over by this event, at a start as well: https://doc.qt.io/qt-6/qfileopenevent.html
        if event.type() == QEvent.Type.FileOpen and isinstance(event, QFileOpenEvent):
            self.take_link(event.url().toString())
            return True
        return super().event(event)
