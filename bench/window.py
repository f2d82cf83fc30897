"""Theme switch and page change: the real window over a full store, every page built, from the act to the paint."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from machina_desktop import app as desktop_app
from machina_desktop.core.config import Paths
from machina_desktop.views import theme
from machina_desktop.views.apps import APPS
from tests.e2e.performance import run_with
from tests.fakes.believable_team import settle_in

ROOT = Path(__file__).resolve().parents[1]
SWITCH_BAR_MS = 500
CHANGE_BAR_MS = 100
ROUNDS = 5
# Long enough for what a page asked for to have come.
SETTLE_S = 0.5
CHILD = "in-the-window"


class Painting(QObject):
    """Tells when the page in front is painted.

    Attributes:
        seen: Set once it was.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen = asyncio.Event()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        if event.type() == QEvent.Type.Paint:
            self.seen.set()
        return False


class Stopwatch:
    """Somebody who changes pages and themes, and how long each took to be seen, in milliseconds."""

    def __init__(self, desktop: desktop_app.Desktop) -> None:
        self.window = desktop._window  # noqa: SLF001 - there is one window, and nobody else asks for it
        self.first: list[float] = []
        self.change: list[float] = []
        self.switch: list[float] = []

    async def open_every_page(self) -> None:
        """For the first time."""
        names = [each.name for each in APPS if each.name != self.window.pages.name]
        for name in names:
            self.first.append(await self._open(name))
            await asyncio.sleep(SETTLE_S)

    async def change_pages(self) -> None:
        """All there are, again and again."""
        for name in [each.name for each in APPS] * ROUNDS:
            if name != self.window.pages.name:
                self.change.append(await self._open(name))

    async def switch_themes(self) -> None:
        """To and fro."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        for look in ("light", "dark") * ROUNDS:
            self.switch.append(await self._time(lambda look=look: theme.apply_theme(app, look)))

    async def _open(self, name: str) -> float:
        return await self._time(lambda: self.window.open_app(name))

    async def _time(self, act: Callable[[], object]) -> float:
        """From the act until the page in front has been painted and the loop is free again."""
        began = time.perf_counter()
        act()
        painting = Painting()
        self.window.pages.currentWidget().installEventFilter(painting)
        await painting.seen.wait()
        await asyncio.sleep(0)
        return (time.perf_counter() - began) * 1000


async def play(desktop: desktop_app.Desktop) -> None:
    """Print the figures; fails above a bar."""
    watch = Stopwatch(desktop)
    await asyncio.sleep(4 * SETTLE_S)
    await watch.open_every_page()
    await watch.change_pages()
    await watch.switch_themes()
    figures = (
        ("first opening of a page", watch.first, CHANGE_BAR_MS),
        ("page change", watch.change, CHANGE_BAR_MS),
        ("theme switch", watch.switch, SWITCH_BAR_MS),
    )
    for what, times, bar in figures:
        print(f"{what}: median {statistics.median(times):.0f} ms, longest {max(times):.0f} ms (bar: at most {bar})")
    assert all(max(times) <= bar for _, times, bar in figures), "a bar was missed"


def main() -> int:
    """Open the window in a process of its own, as a person does."""
    if sys.argv[1:] == [CHILD]:
        return run_with(play)
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as home:
        asyncio.run(settle_in(Paths(home=Path(home))))
        environment = os.environ | {"MACHINA_HOME": home, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
        environment.setdefault("QT_QPA_PLATFORM", "offscreen")
        command = [sys.executable, "-m", "bench.window", CHILD]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
