"""Random streams into what a window shows: painted is what the terminal holds, however it is scrolled and resized.

Run as ``python -m tests.terminal.sight_fuzz COUNT``;
``python -m tests.terminal.sight_fuzz 1 NUMBER`` runs one stream alone.
"""

from __future__ import annotations

import os
import random
import sys

from PySide6.QtWidgets import QApplication

from machina_desktop.core.terminal.rows import NO_CLUSTERS, Row
from machina_desktop.core.terminal.terminal import Terminal
from machina_desktop.views import theme
from machina_desktop.views.terminal.look import Look
from machina_desktop.views.terminal.sight import Sight
from tests.terminal import fuzz
from tests.terminal.paths_fuzz import SIZES, data, visible


def difference(seed: int) -> str:
    """What is shown wrong in the stream of that number, the first time; empty if nothing is."""
    choose = random.Random(seed)
    columns, lines = _size(choose)
    terminal = Terminal(columns, lines, scrollback=choose.choice((0, 100, 100_000)))
    terminal._stream.worth = choose.choice((8, 500, 2_048))
    sight = Sight(terminal, Look())
    for _ in range(choose.randint(1, 4)):
        fed = data(choose, terminal.columns, terminal.lines)
        for chunk in fuzz.chunks(choose, fed):
            terminal.counts_late = not sight.back
            terminal.feed(chunk)
            wrong = _shown_wrong(sight) if choose.random() < 0.7 else ""
            if not wrong and choose.random() < 0.3:
                sight.scroll_to(choose.choice((0, 0, 1, 5, choose.randint(0, terminal.scrolled + 2), 1 << 30)))
                wrong = _shown_wrong(sight)
            if not wrong and choose.random() < 0.1:
                sight.resize(*_size(choose))
                wrong = _shown_wrong(sight)
            if not wrong and choose.random() < 0.3:
                terminal.count_some()
            if wrong:
                return f"stream {seed}: {wrong}"
    return ""


def _size(choose: random.Random) -> tuple[int, int]:
    columns, lines = choose.choice(SIZES)
    return max(columns, 4), max(lines, 2)


def _shown_wrong(sight: Sight) -> str:
    """Bring the picture up to date; answers which row of it was painted from something else."""
    sight.refresh()
    backing, terminal = sight.backing, sight.terminal
    for line in range(terminal.lines):
        key = backing._keys[(line + backing._origin) % backing._lines]
        row = terminal.row(line - sight.back)
        if not isinstance(key, tuple):
            return f"line {line} was not painted"
        painted = Row(key[0], key[1], key[2], dict(key[3]) if key[3] else NO_CLUSTERS)
        if visible(painted) != visible(row):
            return f"line {line}, {sight.back} back: expected {row}, painted {painted}"
    return ""


def main() -> int:
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    app = QApplication([])
    theme.apply_theme(app, "dark")
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    found = [wrong for wrong in map(difference, range(first, first + count)) if wrong]
    print("\n".join([*(wrong[:3000] for wrong in found[:3]), f"{count} streams, {len(found)} shown wrong"]))
    return bool(found)


if __name__ == "__main__":
    raise SystemExit(main())
