"""The whole window on fake rows, with what the desk puts into it: for tests of what crosses its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Paths, Settings
from machina_desktop.views import theme
from machina_desktop.views.apps import APPS
from machina_desktop.views.desk import Desk
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.palette import Palette
from tests.fakes.device import FakeDevice
from tests.fakes.gateway import FakeGateway, bridge_with, turn, until
from tests.fakes.rows import team_rows

CONTROL = Qt.KeyboardModifier.ControlModifier


class WholeWindow:
    """One window, filled, in front.

    Attributes:
        gateway: What answers its requests.
        device: What answers for this computer.
    """

    def __init__(self, folder: Path, rows: tuple[object, ...]) -> None:
        self.gateway = FakeGateway(rows)
        self.device = FakeDevice(self.gateway)
        self.bridge: Bridge = bridge_with(self.gateway)
        self.window = MainWindow(apps=APPS, paths=Paths(folder))
        self.window.show()
        self.desk = Desk(self.window, self.bridge, Settings(folder / "settings.json"), lambda text: text)
        self.window.furnish(self.bridge)
        self.window.activateWindow()

    @property
    def palette(self) -> Palette:
        """The command palette."""
        return self.desk.general.palette

    def press(self, key: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the keyboard is."""
        QTest.keyClick(QApplication.focusWidget() or self.window, key, modifiers)

    def write(self, text: str) -> None:
        """Type where the keyboard is."""
        QTest.keyClicks(QApplication.focusWidget() or self.window, text)

    def toasts(self) -> list[str]:
        """What is told at the lower right."""
        return [toast.notice.text for toast in self.window.notices.shown()]

    async def open_palette(self) -> Palette:
        """Press Ctrl+K and wait until everything can be found."""
        self.press(Qt.Key.Key_K, CONTROL)
        assert self.palette.isVisible()
        await until(lambda: not self.desk.general.sources.is_loading)
        await turn()
        return self.palette

    def titles(self) -> list[str]:
        """The palette's lines, from the top."""
        return [line.entry.title for line in self.palette.lines()]


@asynccontextmanager
async def whole_window(folder: Path, rows: tuple[object, ...] | None = None) -> AsyncIterator[WholeWindow]:
    """A window for one test, its data folder in ``folder``."""
    app = QApplication.instance()
    if isinstance(app, QApplication) and (theme.current().name != "dark" or not app.styleSheet()):
        theme.apply_theme(app, "dark")
    made = WholeWindow(folder, team_rows() if rows is None else rows)
    try:
        await until(lambda: made.window.pages.page() is not None)
        await turn()
        yield made
    finally:
        await turn()
        made.window.close_for_good()
        await made.bridge.finish()
        made.window.deleteLater()
        # Outside of a running Qt loop nobody else does.
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
