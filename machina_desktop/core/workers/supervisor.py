"""Every long-running task is named, referenced and watched here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from machina_desktop.core.errors import Bug, MachinaError

LOG = logging.getLogger(__name__)


class Supervisor:
    """Starts tasks on the running loop, logs how they end, and stops them together."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(
        self,
        work: Coroutine[object, object, None],
        *,
        name: str,
        on_error: Callable[[MachinaError], Awaitable[None]] | None = None,
    ) -> asyncio.Task[None]:
        """Run ``work`` until it ends. An error is logged and told to ``on_error``; a foreign one as a ``Bug``."""
        task = asyncio.create_task(self._watched(work, name, on_error), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # One that was cancelled before its first step would otherwise be complained about as forgotten.
        task.add_done_callback(lambda _task: work.close())
        return task

    async def stop(self, *, deadline_s: float = 5.0) -> None:
        """Cancel everything and wait for it, at most ``deadline_s``; what is still there is logged by name."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            _done, late = await asyncio.wait(self._tasks, timeout=deadline_s)
            for task in late:
                LOG.error("task %s did not stop within %.0f s", task.get_name(), deadline_s)

    @staticmethod
    async def _watched(
        work: Coroutine[object, object, None], name: str, on_error: Callable[[MachinaError], Awaitable[None]] | None
    ) -> None:
        try:
            await work
        except MachinaError as error:
            LOG.warning("task %s ended: %s %s", name, error.code, error)
            problem = error
        except Exception as error:
            LOG.exception("task %s ended unexpectedly", name)
            problem = Bug(f"Something went wrong that should not: {type(error).__name__}.", hint="The log says more.")
        else:
            return
        if on_error is not None:
            try:
                await on_error(problem)
            except MachinaError:
                LOG.exception("the end of task %s could not be reported", name)
