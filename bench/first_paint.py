"""First paint: from the start of the process to the first painted window, beside a bare PySide6 window."""

from __future__ import annotations

import compileall
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 9
BAR = 2.0
ROOT = Path(__file__).resolve().parents[1]

# Both print how many seconds after START, which their parent read from the same clock, they were painted.
BARE = """
import os, sys, time
from PySide6.QtWidgets import QApplication, QMainWindow
class Window(QMainWindow):
    def paintEvent(self, event):
        super().paintEvent(event)
        print(time.monotonic() - float(sys.argv[1]), flush=True)
        os._exit(0)
app = QApplication(sys.argv)
window = Window()
window.resize(1280, 820)
window.show()
app.exec()
"""

OURS = """
import os, sys, time
from machina_desktop import app
class Painted:
    def __init__(self, app, window, *rest):
        assert window.is_painted
        print(time.monotonic() - float(sys.argv[1]), flush=True)
        os._exit(0)
app.Desktop = Painted
sys.exit(app.run())
"""

# The clock is read in the child's parent shell-less: right before the interpreter is started.
STARTER = "import os, sys, time; os.execv(sys.executable, [sys.executable, '-c', sys.argv[1], repr(time.monotonic())])"


def measure(program: str, home: str) -> float:
    """Seconds until ``program`` was painted."""
    environment = os.environ | {"MACHINA_HOME": home}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    done = subprocess.run(
        [sys.executable, "-c", STARTER, program],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return float(done.stdout.split()[-1])


def main() -> int:
    """Print both medians and their ratio; fails above the bar."""
    # An interpreter that may not write bytecode compiles everything at each start, ours and Qt's alike.
    compileall.compile_dir(ROOT / "machina_desktop", quiet=2)
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as home:
        for program in (BARE, OURS):
            measure(program, home)
        pairs = [(measure(BARE, home), measure(OURS, home)) for _ in range(RUNS)]
    bare = statistics.median(pair[0] for pair in pairs)
    ours = statistics.median(pair[1] for pair in pairs)
    ratio = statistics.median(pair[1] / pair[0] for pair in pairs)
    print(f"first paint: {ours * 1000:.0f} ms; a bare PySide6 window: {bare * 1000:.0f} ms")
    print(f"paired ratio: {ratio:.2f} (bar: at most {BAR:.1f}), {RUNS} runs each")
    return ratio > BAR


if __name__ == "__main__":
    raise SystemExit(main())
