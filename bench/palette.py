"""Palette: from a key to the painted result, with 10,000 entries, keys typed one by one."""

from __future__ import annotations

import os
import statistics
import tempfile
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QObject
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMainWindow

from machina_desktop.bridge import Bridge
from machina_desktop.core.domain.machine import MachineStatus
from machina_desktop.core.events import EventBus
from machina_desktop.views import theme
from machina_desktop.views.commands import Command, Commands
from machina_desktop.views.links import Link
from machina_desktop.views.models.status import Status
from machina_desktop.views.palette import Palette
from machina_desktop.views.palette_sources import Found, PaletteSources, found_of
from machina_desktop.views.searches import Finding

ENTRIES = 10_000
BAR_MS = 30
ROUNDS = 3
# Names, words in any order, an address, gaps, an id, and what everything matches or nothing.
QUERIES = ("web-prod-12", "stag que 7", "10.0.3.1", "mtrcs", "machine-00", "reboot", "e", "1", "zq", "> deploy")
_ROLES = ("web", "db", "cache", "queue", "build", "mail", "metrics", "proxy", "telemetry-ingest", "Überwachung")
_PLACES = ("prod", "staging", "eu", "us", "blue")


class Known(PaletteSources):
    """Sources that have been asked already."""

    def __init__(self, found: tuple[Found, ...], *, parent: QObject) -> None:
        super().__init__((), Bridge(EventBus()), parent=parent)
        self._known = found

    @property
    def is_loading(self) -> bool:
        """Never: all is known."""
        return False

    def found(self) -> tuple[Found, ...]:
        """All of it."""
        return self._known


def found(count: int) -> tuple[Found, ...]:
    """Machines with addresses, tags and ids."""
    made = []
    for number in range(count):
        finding = Finding(
            link=Link("machine", f"machine-{number:026}"),
            title=f"{_ROLES[number % len(_ROLES)]}-{_PLACES[number % 7 % len(_PLACES)]}-{number // 10}",
            icon="server",
            detail=f"10.0.{number % 250}.{number // 250}",
            words=f"machine-{number:026} Hetzner · fsn1 prod eu",
            status=Status(MachineStatus.RUNNING),
        )
        made.append(found_of(finding, "Machines"))
    return tuple(made)


def main() -> int:
    """Print the figures beside the bar; fails where the slowest key is above it in every round."""
    app = QApplication([])
    theme.apply_theme(app, "dark")
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as home:
        os.environ["MACHINA_HOME"] = home
        window = QMainWindow()
        window.resize(1440, 900)
        commands = Commands(window)
        commands.add(*(Command(name=f"c{n}", title=f"Deploy thing {n}", group="G", run=app.quit) for n in range(60)))
        start = time.perf_counter()
        entries = found(ENTRIES)
        prepared = time.perf_counter() - start
        palette = Palette(
            apps=(),
            commands=commands,
            sources=Known(entries, parent=window),
            show_found=print,
            show_link=print,
            window=window,
        )
        window.show()
        app.processEvents()
        start = time.perf_counter()
        palette.open()
        app.processEvents()
        print(f"prepared once, on a thread   {prepared * 1000:8.1f} ms for {ENTRIES:,} entries")
        print(f"opened                       {(time.perf_counter() - start) * 1000:8.1f} ms")
        rounds = [typed(app, palette) for _ in range(ROUNDS)]
    every = [spent for keys in rounds for spent in keys.values()]
    slowest = {query: min(keys[query] for keys in rounds) for query in rounds[0]}
    worst = max(slowest, key=lambda query: slowest[query])
    print(f"key to painted result        {statistics.median(every):8.1f} ms median of {len(every)} keys")
    print(
        f"slowest key                  {slowest[worst]:8.1f} ms, at “{worst}” (bar: {BAR_MS}; best of {ROUNDS} rounds)"
    )
    return slowest[worst] > BAR_MS


def typed(app: QApplication, palette: Palette) -> dict[str, float]:
    """Milliseconds from each key to the painted list, by what stood in the line then."""
    spent: dict[str, float] = {}
    for query in QUERIES:
        palette.line.clear()
        app.processEvents()
        for key in query:
            start = time.perf_counter()
            QTest.keyClicks(palette.line, key)
            # Paints as well.
            app.processEvents()
            spent[palette.line.text()] = (time.perf_counter() - start) * 1000
    return spent


if __name__ == "__main__":
    raise SystemExit(main())
