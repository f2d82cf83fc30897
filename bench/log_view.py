"""Log view: lines accepted per second, repaints meanwhile, milliseconds per frame, memory of a million lines."""

from __future__ import annotations

import os
import time

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil
from PySide6.QtWidgets import QApplication

from machina_desktop.core.domain.log_line import LogLevel, LogLine
from machina_desktop.core.ids import now
from machina_desktop.views import theme
from machina_desktop.views.widgets.log_view import LogView

BATCH = 1_000
TOTAL = 1_000_000
TEXT = "digitalocean_droplet.web: Still creating... [%07d elapsed] waiting for address"


def main() -> None:
    """Print each figure beside its bar."""
    app = QApplication([])
    theme.apply_theme(app, "dark")
    view = LogView()
    view.resize(1000, 700)
    view.show()
    app.processEvents()
    process = psutil.Process()
    before = process.memory_info().rss
    at = now()
    taken = worst = 0.0
    frames, began = view.canvas.frames, time.perf_counter()
    for first in range(0, TOTAL, BATCH):
        level = LogLevel.ERROR if first % 100_000 == 0 else LogLevel.INFO
        phase = "plan" if first < TOTAL // 2 else "apply"
        lines = [LogLine(at=at, phase=phase, level=level, text=TEXT % n) for n in range(first, first + BATCH)]
        start = time.perf_counter()
        view.append_lines(lines)
        app.processEvents()
        spent = time.perf_counter() - start
        taken += spent
        worst = max(worst, spent)
    del lines
    wall = time.perf_counter() - began
    print(f"lines accepted a second      {TOTAL / taken:12,.0f}   (bar: 100,000)")
    print(f"worst batch of {BATCH:,}         {worst * 1000:10.1f} ms")
    print(f"repaints a second meanwhile  {(view.canvas.frames - frames) / wall:12.1f}   (bar: <= 31)")
    print(f"memory of {TOTAL:,} lines  {(process.memory_info().rss - before) / 1e6:10.0f} MB (bar: 200)")
    bar = view.canvas.verticalScrollBar()
    start = time.perf_counter()
    for step in range(100):
        bar.setValue(step * 997 % bar.maximum())
        view.canvas.viewport().repaint()
    print(f"scrolled frame               {(time.perf_counter() - start) * 10:10.1f} ms (bar: 16)")


if __name__ == "__main__":
    main()
