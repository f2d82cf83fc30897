"""Requests and other work begun by a view: the control shows it is busy, errors reach the person in one way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Protocol, TypeVar

from PySide6.QtCore import QObject

from machina_desktop.bridge import Bridge
from machina_desktop.core.errors import Bug, MachinaError
from machina_desktop.core.services.use_case import Request

T = TypeVar("T")
LOG = logging.getLogger(__name__)

ErrorListener = Callable[[MachinaError], None]


class Busy(Protocol):
    """A control that can show that its work is under way."""

    def set_busy(self, busy: bool) -> None: ...


class Presenter:
    """Where errors end that no view handled: the window puts its notices here when it is built."""

    show: ErrorListener = staticmethod(lambda error: LOG.error("%s %s", error.code, error))


PRESENTER = Presenter()


def run(
    bridge: Bridge,
    work: Coroutine[object, object, T],
    *,
    owner: QObject,
    name: str,
    done: Callable[[T], None] | None = None,
    failed: ErrorListener | None = None,
    busy: Busy | None = None,
) -> asyncio.Task[object]:
    """Run ``work`` while ``owner`` lives; ``done`` gets its result, ``failed`` (else the notices) its error.

    The task is cancelled when ``owner`` is destroyed, so a result never reaches a dead widget.
    """

    async def follow() -> None:
        if busy is not None:
            busy.set_busy(True)
        problem: MachinaError | None = None
        try:
            result = await work
        except MachinaError as error:
            problem = error
        except Exception as error:  # the Qt edge: nothing may end in silence
            LOG.exception("unexpected error in %s", name)
            problem = Bug(f"Something went wrong that should not: {type(error).__name__}.")
            # The crash report shows where it came from.
            problem.__cause__ = error
        # When it was cancelled, nothing below is done: its owner and its control may be gone.
        if busy is not None:
            busy.set_busy(False)
        if problem is not None:
            _tell(problem, failed)
        elif done is not None:
            done(result)

    task = bridge.spawn(follow(), name=name)
    # Cancelled before its first step, it has not begun to wait for its work.
    task.add_done_callback(lambda _task: work.close())
    connection = owner.destroyed.connect(task.cancel)
    # Else each question of a long-lived query would stay referenced by its owner.
    task.add_done_callback(lambda _task: QObject.disconnect(connection))
    return task


def ask(
    bridge: Bridge,
    request: Request[T],
    *,
    owner: QObject,
    done: Callable[[T], None] | None = None,
    failed: ErrorListener | None = None,
    busy: Busy | None = None,
) -> asyncio.Task[object]:
    """Send ``request`` as `run` does; the task has the request's name."""
    work = bridge.call(request)
    return run(bridge, work, owner=owner, name=type(request).__name__, done=done, failed=failed, busy=busy)


def _tell(error: MachinaError, failed: ErrorListener | None) -> None:
    (failed or PRESENTER.show)(error)
