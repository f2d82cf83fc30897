"""What asyncio leaves to whoever cancels tasks: to finish what has begun, and to forget a cancel that is over."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

R = TypeVar("R")


async def finish(work: Coroutine[Any, Any, R]) -> R:
    """Run ``work`` to its end, also when whoever waits for it here is cancelled meanwhile.

    What a thread writes cannot be taken back, so that it was written has to be told as well.
    """
    return await asyncio.shield(work)


def settle_cancels() -> None:
    """Take back the cancel with which a task group that failed woke this task.

    Python 3.11 leaves it counted, and until 3.11.3 a time limit in a task with such a count ends the task.
    """
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()
