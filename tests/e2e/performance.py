"""Runs the real application with somebody acting in it."""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable

from machina_desktop import app as desktop_app


def run_with(play: Callable[[desktop_app.Desktop], Awaitable[None]]) -> int:
    """Run the application with ``play`` in it, and end it then. 0 when both went well."""
    failed: list[BaseException] = []
    run = desktop_app.Desktop.run

    def run_and_play(desktop: desktop_app.Desktop) -> int:
        async def performance() -> None:
            try:
                await play(desktop)
            except BaseException as error:
                failed.append(error)
                traceback.print_exc()
                raise
            finally:
                desktop._quit.set()

        desktop._bridge.spawn(performance(), name="scenario")
        return run(desktop)

    desktop_app.Desktop.run = run_and_play  # type: ignore[method-assign, assignment]
    code = desktop_app.run()
    return 1 if failed else code
