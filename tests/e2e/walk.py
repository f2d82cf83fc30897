"""A walk through the real window: its door is watched, so that one knows when the window has come to rest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMainWindow

from machina_desktop import app as desktop_app
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.use_case import Request
from machina_desktop.core.sync.gateway import Gateway
from machina_desktop.views.main_window import MainWindow
from machina_desktop.views.palette import Palette
from machina_desktop.views.popup import PopupCard
from tests.e2e.hand import Hand

R = TypeVar("R")


class WatchedGateway:
    """The real door, which knows what is under way and can be told to hold or to refuse kinds of requests.

    Attributes:
        under_way: How many requests have no answer yet, held ones not counted.
        held: Kinds whose answers wait until they are let go.
        refused: Kinds that fail, with what they fail with.
        answers: Kinds that are answered in the place of the real core.
        altered: Kinds whose real answers are changed on their way.
    """

    def __init__(self) -> None:
        self.door: Gateway | None = None
        self.under_way = 0
        self.held: set[type[object]] = set()
        self.refused: dict[type[object], MachinaError] = {}
        self.answers: dict[type[object], Callable[[Any], object]] = {}
        self.altered: dict[type[object], Callable[[Any], object]] = {}
        self._let_go = asyncio.Event()

    async def call(self, ask: Request[R]) -> R:
        """The real answer, unless it is held or refused."""
        while type(ask) in self.held:
            await self._let_go.wait()
        if type(ask) in self.refused:
            raise self.refused[type(ask)]
        if type(ask) in self.answers:
            return cast("R", self.answers[type(ask)](ask))
        assert self.door is not None
        self.under_way += 1
        try:
            answer = await self.door.call(ask)
            return cast("R", self.altered[type(ask)](answer)) if type(ask) in self.altered else answer
        finally:
            self.under_way -= 1

    def __getattr__(self, name: str) -> object:
        return getattr(self.door, name)

    def hold(self, *kinds: type[object]) -> None:
        """Let requests of these kinds wait."""
        self.held |= set(kinds)
        self._let_go.clear()

    def let_go(self) -> None:
        """Answer what was held."""
        self.held.clear()
        self._let_go.set()


class Walk:
    """One run of the window with someone in front of it who looks at everything.

    Attributes:
        gateway: What the window asks through.
        ids: The ids of the things in the store, by name.
    """

    def __init__(self, desktop: desktop_app.Desktop, hand: Hand, ids: dict[str, str]) -> None:
        self.hand = hand
        self.ids = ids
        self.desktop = desktop
        self.bridge = desktop._bridge
        self.gateway = WatchedGateway()
        self._watch_door()

    @property
    def window(self) -> MainWindow:
        """The main window."""
        return self.desktop._window

    async def rest(self) -> None:
        """Wait until the core has started, nothing is asked any more, and what was answered is painted."""
        await self.hand.until(lambda: self.bridge.is_settled or self.hand.named("Retry") is not None, "the core")
        quiet = 0
        while quiet < 3:
            await asyncio.sleep(0.015)
            quiet = quiet + 1 if self.gateway.under_way == 0 else 0

    async def tidy(self) -> None:
        """Close what lies over the page: menus, dialogs, inspectors."""
        if (popup := QApplication.activePopupWidget()) is not None:
            popup.close()
        for widget in QApplication.topLevelWidgets():
            if isinstance(widget, QDialog) and widget.isVisible():
                widget.reject()
            elif isinstance(widget, QMainWindow) and widget is not self.window:
                widget.close()
        for layer in (*self.window.findChildren(Palette), *self.window.findChildren(PopupCard)):
            if layer.isVisible():
                QTest.keyClick(QApplication.focusWidget() or layer, Qt.Key.Key_Escape)
        await self.rest()
        if self.window.inspectors.dismiss():
            await self.rest()
        self.window.activateWindow()
        self.window.setFocus()

    def _watch_door(self) -> None:
        settle = self.bridge.settle

        def settle_with_watch(door: Gateway, *rest: object) -> None:
            self.gateway.door = door
            settle(self.gateway, *rest)  # type: ignore[arg-type]

        self.bridge.settle = settle_with_watch  # type: ignore[method-assign, assignment]


Step = Callable[[Walk], Awaitable[None]]
