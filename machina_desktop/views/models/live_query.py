"""A query whose answer stays current: it is asked again whenever something it depends on has changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from PySide6.QtCore import QObject, QTimer

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import MachinaError
from machina_desktop.core.services.use_case import Request
from machina_desktop.views import tasks

T = TypeVar("T")

# Changes come in bursts of a few rows; one question answers them all.
GATHER_MS = 30


class LiveQuery(QObject, Generic[T]):
    """Asks ``request`` now and after each change of ``depends``; an answer that is overtaken is dropped.

    ``on_answer`` gets each new answer, ``on_error`` what went wrong (the page shows its error state). Lives and
    dies with ``parent``; while paused it only remembers that it has to ask.
    """

    def __init__(
        self,
        bridge: Bridge,
        request: Request[T],
        *,
        depends: frozenset[str],
        on_answer: Callable[[T], None],
        on_error: Callable[[MachinaError], None] | None = None,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._bridge = bridge
        self._request = request
        self._depends = depends
        self._on_answer = on_answer
        self._on_error = on_error
        self._generation = 0
        self._paused = False
        self._stale = False
        self._timer = QTimer(self, singleShot=True, interval=GATHER_MS)
        self._timer.timeout.connect(self.refresh)
        bridge.changed.connect(self._on_changed)
        self.refresh()

    def ask(self, request: Request[T]) -> None:
        """Ask something else from now on, at once."""
        self._request = request
        self.refresh()

    def refresh(self) -> None:
        """Ask again now."""
        if self._paused:
            self._stale = True
            return
        self._generation += 1
        generation = self._generation

        def answer(result: T) -> None:
            if generation == self._generation:
                self._on_answer(result)

        def error(problem: MachinaError) -> None:
            if generation == self._generation and self._on_error is not None:
                self._on_error(problem)

        tasks.ask(
            self._bridge,
            self._request,
            owner=self,
            done=answer,
            failed=error if self._on_error else None,
        )

    def pause(self) -> None:
        """The page is hidden: stop asking."""
        self._paused = True

    def resume(self) -> None:
        """The page is shown: ask if anything has changed meanwhile."""
        self._paused = False
        if self._stale:
            self._stale = False
            self.refresh()

    def _on_changed(self, entities: frozenset[str]) -> None:
        if entities & self._depends and not self._timer.isActive():
            self._timer.start()
