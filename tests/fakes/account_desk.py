"""The window on a real core, with somebody at its keyboard and mouse who sees to provider accounts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QScrollArea,
    QToolButton,
    QWidget,
)

from machina_desktop.bridge import Bridge
from machina_desktop.core.config import Settings
from machina_desktop.core.domain.provider import ProviderAccount
from machina_desktop.core.services.providers import ListAccounts
from machina_desktop.views import theme
from machina_desktop.views.apps import APPS
from machina_desktop.views.callout import Callout
from machina_desktop.views.desk import Desk
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.widgets.inputs import Field
from tests.fakes.gateway import turn, until
from tests.fakes.hosts import Core, core

W = TypeVar("W", bound=QWidget)
LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
WAIT_S = 60.0


class AccountDesk:
    """One window, its core behind it.

    Attributes:
        made: The core.
    """

    def __init__(self, made: Core) -> None:
        self.made = made
        self.bridge = Bridge(made.host.bus)
        self.bridge.settle(made.host.gateway)
        self.window = MainWindow(apps=APPS, paths=made.paths)
        self.window.resize(1280, 860)
        self.window.show()
        self.desk = Desk(self.window, self.bridge, Settings(made.paths.home / "settings.json"), lambda text: text)
        self.window.furnish(self.bridge)
        self.window.open_app("providers")
        self.window.activateWindow()

    def find(self, shape: type[W], name: str) -> W:
        """What can be seen under that name."""
        for each in QApplication.allWidgets():
            if isinstance(each, shape) and each.objectName() == name and each.isVisible():
                return each
        raise AssertionError(f"{name} cannot be seen")

    def sees(self, name: str) -> bool:
        """Whether anything of that name can be seen."""
        return any(each.objectName() == name and each.isVisible() for each in QApplication.allWidgets())

    async def press(self, name: str) -> None:
        """Click on it, where it is brought into view first, as a wheel would."""
        button = self.find(QAbstractButton, name)
        assert button.isEnabled(), f"{name} is disabled"
        self._show(button)
        QTest.mouseClick(button, LEFT)
        await turn()

    async def add(self, provider: str) -> None:
        """Open the dialog on that provider."""
        await until(lambda: self.sees("providers.add"), deadline_s=WAIT_S)
        await self.press("providers.add")
        await until(lambda: self.sees(f"add_account.provider.{provider}"), deadline_s=WAIT_S)
        await self.press(f"add_account.provider.{provider}")
        await until(lambda: self.sees("add_account.submit"))

    async def type(self, name: str, text: str) -> None:
        """Click into a field and type."""
        field = self.find(QWidget, name)
        self._show(field)
        inner = field.viewport() if isinstance(field, QPlainTextEdit) else field
        QTest.mouseClick(inner, LEFT)
        QTest.keyClicks(field, text)
        await turn()

    async def paste(self, name: str, text: str) -> None:
        """Click into a field and press Ctrl+V."""
        field = self.find(QWidget, name)
        self._show(field)
        QGuiApplication.clipboard().setText(text)
        QTest.mouseClick(field.viewport() if isinstance(field, QPlainTextEdit) else field, LEFT)
        QTest.keyClick(field, Qt.Key.Key_V, CONTROL)
        await turn()

    async def press_eye(self, name: str) -> None:
        """Click on the eye in a secret line."""
        (eye,) = self.find(QLineEdit, name).findChildren(QToolButton)
        QTest.mouseClick(eye, LEFT)
        await turn()

    def error(self, name: str) -> str:
        """What is said to be wrong at a field."""
        field = self.find(QWidget, name).parent()
        assert isinstance(field, Field)
        return field.error()

    def said(self, name: str) -> str:
        """What a callout says, its description below it."""
        callout = self.find(Callout, name)
        return f"{callout.title()}\n{callout.accessibleDescription()}"

    def toasts(self) -> list[str]:
        """What is told at the lower right."""
        return [toast.notice.text for toast in self.window.notices.shown()]

    async def accounts(self) -> tuple[ProviderAccount, ...]:
        """As they are stored."""
        return await self.made.call(ListAccounts(team_id=self.made.team_id))

    def _show(self, widget: QWidget) -> None:
        above = widget.parentWidget()
        while above is not None:
            if isinstance(above, QScrollArea):
                above.ensureWidgetVisible(widget, 0, 40)
            above = above.parentWidget()
        inside = QRect(widget.mapTo(widget.window(), QPoint(0, 0)), widget.size())
        assert widget.window().rect().intersects(inside), f"{widget.objectName()} lies outside of its window"


@asynccontextmanager
async def account_desk(home: Path, *, look: str = "dark") -> AsyncIterator[AccountDesk]:
    """A window for one test, its data folder in ``home``."""
    app = QApplication.instance()
    if isinstance(app, QApplication) and (theme.current().name != look or not app.styleSheet()):
        theme.apply_theme(app, look)
    async with core(home) as made:
        at = AccountDesk(made)
        made.host.bus.attach(asyncio.get_running_loop())
        try:
            yield at
        finally:
            await turn()
            at.window.close_for_good()
            await at.bridge.finish()
            at.window.deleteLater()
            # Outside of a running Qt loop nobody else does.
            QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
