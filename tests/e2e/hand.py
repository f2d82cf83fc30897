"""A person at the window: finds controls by name or text, clicks, types, and looks at the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QMenu, QPlainTextEdit, QWidget

from machina_desktop.views.choice_card import ChoiceCard

PATIENCE_S = 30.0


class Hand:
    """Acts on the running application; every step waits until what it needs is there, visible and enabled."""

    def __init__(self, pictures: Path, *, first: int = 1, patience_s: float = PATIENCE_S) -> None:
        """Pictures are numbered from ``first`` on."""
        self._patience_s = patience_s
        self._pictures = pictures
        self._taken = first - 1

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait for a condition, as long as there is patience."""
        deadline = time.monotonic() + self._patience_s
        while not condition():
            if time.monotonic() > deadline:
                await self.look("timeout")
                raise AssertionError(f"waited in vain for: {what}")
            await asyncio.sleep(0.01)

    def seen(self, name: str) -> QWidget | None:
        """The visible control with that object name; the one in the newest window where there are several."""
        for window in reversed(QApplication.topLevelWidgets()):
            for widget in (window, *window.findChildren(QWidget)):
                if widget.objectName() == name and widget.isVisible():
                    return widget
        return None

    def button(self, text: str) -> QAbstractButton | None:
        """The visible, enabled button with that text."""
        for window in reversed(QApplication.topLevelWidgets()):
            for button in window.findChildren(QAbstractButton):
                if button.text() == text and button.isVisible() and button.isEnabled():
                    return button
        return None

    def named(self, name: str) -> QAbstractButton | None:
        """The visible, enabled button that screen readers call so."""
        for window in reversed(QApplication.topLevelWidgets()):
            for button in window.findChildren(QAbstractButton):
                if button.accessibleName().startswith(name) and button.isVisible() and button.isEnabled():
                    return button
        return None

    def menu_row(self, text: str) -> tuple[QMenu, QPoint] | None:
        """The open menu with the enabled row of that text, and where in it the row is."""
        for menu in QApplication.topLevelWidgets():
            if isinstance(menu, QMenu) and menu.isVisible():
                for action in menu.actions():
                    if action.text() == text and action.isEnabled():
                        return menu, menu.actionGeometry(action).center()
        return None

    def choice(self, words: str) -> QWidget | None:
        """The visible choice card whose name has those words."""
        for window in reversed(QApplication.topLevelWidgets()):
            for widget in window.findChildren(ChoiceCard):
                if words in widget.accessibleName().lower() and widget.isVisible():
                    return widget
        return None

    async def click_card(self, words: str) -> None:
        """Click the choice card whose name has those words."""
        await self.until(lambda: self.choice(words) is not None, f"the choice of {words}")
        widget = self.choice(words)
        assert widget is not None
        self.press(widget)

    async def control(self, name: str) -> QWidget:
        """The control, once it can be used."""

        def usable() -> bool:
            widget = self.seen(name)
            # A person waits until the window manager has brought the dialog to the front.
            return widget is not None and widget.isEnabled() and widget.window().isActiveWindow()

        await self.until(usable, f"the control {name}")
        widget = self.seen(name)
        assert widget is not None
        return widget

    async def click(self, name: str) -> None:
        """Press and release the left button on a control."""
        self.press(await self.control(name))

    async def click_text(self, text: str) -> None:
        """Press and release the left button on the button with that text."""
        await self.until(lambda: self.button(text) is not None, f"the button {text}")
        button = self.button(text)
        assert button is not None
        self.press(button)

    async def click_first(self, kind: type[QWidget], prefix: str) -> None:
        """Click the first visible control of that kind whose object name begins so."""

        def found() -> QWidget | None:
            for window in reversed(QApplication.topLevelWidgets()):
                for widget in window.findChildren(kind):
                    if widget.objectName().startswith(prefix) and widget.isVisible() and widget.isEnabled():
                        return widget
            return None

        await self.until(lambda: found() is not None, f"something named {prefix}…")
        widget = found()
        assert widget is not None
        self.press(widget)

    async def write(self, name: str, text: str) -> None:
        """Click into a field, clear it and type key by key."""
        field = await self.control(name)
        assert isinstance(field, QLineEdit | QPlainTextEdit), name
        self.press(field.viewport() if isinstance(field, QPlainTextEdit) else field)
        QTest.keyClick(field, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
        QTest.keyClick(field, Qt.Key.Key_Delete)
        QTest.keyClicks(field, text)
        await asyncio.sleep(0)

    async def paste(self, name: str, text: str) -> None:
        """Click into a field and paste; typing the lines of a key one by one would be no better proof."""
        field = await self.control(name)
        assert isinstance(field, QPlainTextEdit), name
        self.press(field.viewport())
        QApplication.clipboard().setText(text)
        # The display server hands the selection over when it pleases.
        await self.until(lambda: QApplication.clipboard().text() == text, "the clipboard")
        QTest.keyClick(field, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        QApplication.clipboard().clear()

    async def key(self, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """Press a key where the focus is."""

        def target() -> QWidget | None:
            return QApplication.focusWidget() or QApplication.activeWindow()

        await self.until(lambda: target() is not None, "something that has the focus")
        widget = target()
        assert widget is not None
        QTest.keyClick(widget, key, modifier)
        await asyncio.sleep(0)

    async def look(self, name: str, *, rest_s: float = 0.35) -> None:
        """Keep a picture of the whole screen, once it has come to rest."""
        await asyncio.sleep(rest_s)
        self._taken += 1
        self._pictures.mkdir(parents=True, exist_ok=True)
        shot = QGuiApplication.primaryScreen().grabWindow(0)
        assert shot.save(str(self._pictures / f"{self._taken:03d}-{name}.png"))

    def press(self, widget: QWidget) -> None:
        """Press and release the left button on a widget, near its left edge."""
        place = QPoint(min(widget.width() // 2, 40), widget.height() // 2)
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
