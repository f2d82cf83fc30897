"""A place to put pages and details on while a test looks at them; it is cleared when the test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TypeVar

from PySide6.QtCore import QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QWidget

from machina_desktop.bridge import Bridge
from tests.fakes.gateway import FakeGateway, RecordingWindow, bridge_with, close, turn, until

W = TypeVar("W", bound=QWidget)
O = TypeVar("O", bound=QObject)  # noqa: E741 - an object


class Stage:
    """A fake gateway, the bridge to it, a window that remembers, and the widgets shown."""

    def __init__(self, rows: Iterable[object]) -> None:
        self.gateway = FakeGateway(rows)
        self.bridge: Bridge = bridge_with(self.gateway)
        self.window = RecordingWindow()
        self._shown: list[QWidget] = []

    def show(self, widget: W, *, width: int = 900, height: int = 700) -> W:
        """Put ``widget`` on the screen."""
        self._shown.append(widget)
        widget.resize(width, height)
        widget.show()
        return widget

    def find(self, shape: type[O], name: str) -> O:
        """The one object of that name in what is shown, dialogs included."""
        found = [each for widget in self._shown for each in widget.findChildren(shape, name)]
        assert found, f"there is no {name}"
        return found[-1]

    def has(self, name: str) -> bool:
        """Whether something of that name can be seen."""
        return any(each.isVisible() for widget in self._shown for each in widget.findChildren(QWidget, name))

    def press(self, name: str) -> None:
        """Click the button of that name, as a mouse does."""
        button = self.find(QAbstractButton, name)
        assert button.isVisible(), f"{name} cannot be seen"
        assert button.isEnabled(), f"{name} is disabled"
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)

    def type_into(self, name: str, text: str) -> None:
        """Type into the field of that name."""
        QTest.keyClicks(self.find(QWidget, name), text)

    async def clear(self) -> None:
        """Take everything off and let the tasks end."""
        await close(self.bridge, *self._shown)


@asynccontextmanager
async def stage_with(rows: Iterable[object] = ()) -> AsyncIterator[Stage]:
    """A stage for one test."""
    stage = Stage(rows)
    try:
        yield stage
    finally:
        await stage.clear()


__all__ = ["Stage", "stage_with", "turn", "until"]
