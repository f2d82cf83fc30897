"""The terminal against @xterm/headless on ten workloads, in interleaved rounds; the ratio stands beside its bar.

Needs Node.js and the package: ``npm install --prefix DIR @xterm/headless``, then ``NODE_PATH=DIR/node_modules``.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench._terminal_workloads import COLUMNS, LINES, WORKLOADS, stream
from machina_desktop.core.terminal.terminal import Terminal

SIZE = 4_000_000
CHUNK = 65_536
ROUNDS = int(os.environ.get("TERMINAL_ROUNDS", "3"))
SECONDS = float(os.environ.get("TERMINAL_SECONDS", "0.4"))
#: Ratio to @xterm/headless: the bar, and the goal.
BARS = {
    "ascii_log": (1.5, 2.3),
    "color_log": (1.0, 1.6),
    "long_lines": (1.3, 2.0),
    "scrolling": (3.0, 6.0),
    "scroll_region": (0.8, 1.2),
    "light_cells": (0.8, 1.1),
    "dense_cells": (0.5, 0.8),
    "unicode": (0.5, 1.0),
    "tui_redraw": (0.35, 0.9),
    "cursor_motion": (0.25, 0.5),
}


def rate(data: bytes) -> float:
    """Bytes a second that our terminal takes."""
    terminal = Terminal(COLUMNS, LINES, scrollback=10_000)
    # As in a window that follows the newest row.
    terminal.counts_late = True
    taken = 0
    begin = time.perf_counter()
    elapsed = 0.0
    while elapsed < SECONDS:
        at = taken % len(data)
        chunk = data[at : at + CHUNK]
        taken += len(chunk)
        terminal.feed(chunk)
        elapsed = time.perf_counter() - begin
    return taken / elapsed


def xterm_rates(node: str, files: dict[str, Path]) -> dict[str, float]:
    """Bytes a second that xterm.js takes, by workload."""
    script = Path(__file__).with_name("_xterm.js")
    command = [node, str(script), str(SECONDS), *(f"{name}={file}" for name, file in files.items())]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"@xterm/headless was not found. {__doc__.splitlines()[2]}\n{ended.stderr[-300:]}")
    return json.loads(ended.stdout)


def main() -> int:
    """Answers how many workloads miss their bar."""
    node = shutil.which("node") or sys.exit("node was not found: install the Debian package nodejs.")
    names = os.environ.get("TERMINAL_ONLY", "").split() or list(WORKLOADS)
    data = {name: stream(name, SIZE) for name in names}
    ours: dict[str, list[float]] = {name: [] for name in names}
    ratios: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: Path(folder, name) for name in names}
        for name, file in files.items():
            file.write_bytes(data[name])
        for _ in range(ROUNDS):
            theirs = xterm_rates(node, files)
            for name in names:
                ours[name].append(rate(data[name]))
                ratios[name].append(ours[name][-1] / theirs[name])
    print(f"{'workload':14} {'MB/s':>7} {'ratio to xterm.js':>18} {'bar':>6} {'goal':>6}")
    missed = 0
    for name in names:
        ratio = statistics.median(ratios[name])
        bar, goal = BARS[name]
        missed += ratio < bar
        verdict = "MISSED" if ratio < bar else "goal" if ratio >= goal else "bar"
        print(f"{name:14} {statistics.median(ours[name]) / 1e6:7.1f} {ratio:18.2f} {bar:6} {goal:6}  {verdict}")
    return missed


if __name__ == "__main__":
    raise SystemExit(main())
