"""Idle memory: the window with its core started and nothing to do, beside a bare PySide6 window."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

BAR_MB = 180
ROOT = Path(__file__).resolve().parents[1]
SETTLED_S = 4.0
DEADLINE_S = 40.0

BARE = """
import sys
from PySide6.QtWidgets import QApplication, QMainWindow
app = QApplication(sys.argv)
window = QMainWindow()
window.resize(1280, 820)
window.show()
app.exec()
"""

# pytest brings pygments along, which Mako takes where it finds it; whoever only runs Machina has none.
OURS = """
import sys
sys.modules["pygments"] = None
from machina_desktop.__main__ import main
sys.exit(main())
"""


def measure(command: list[str], home: str) -> float:
    """Resident megabytes (2^20 bytes) once they have not moved by one percent for some seconds."""
    # The key file stands in for the person who would choose how the vault opens.
    environment = os.environ | {"MACHINA_HOME": home, "MACHINA_VAULT": "key-file"}
    environment.setdefault("QT_QPA_PLATFORM", "offscreen")
    child = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
    try:
        process = psutil.Process(child.pid)
        deadline, steady_since, level = time.monotonic() + DEADLINE_S, time.monotonic(), 0.0
        while time.monotonic() < deadline and time.monotonic() - steady_since < SETTLED_S:
            time.sleep(0.2)
            now = process.memory_info().rss / 2**20
            if abs(now - level) > level / 100:
                level, steady_since = now, time.monotonic()
        return level
    finally:
        child.terminate()
        child.wait(timeout=20)


def main() -> int:
    """Print both; fails above the bar."""
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as home:
        bare = measure([sys.executable, "-c", BARE], home)
        ours = measure([sys.executable, "-c", OURS], home)
        later = measure([sys.executable, "-c", OURS], home)
    print(f"idle memory: {ours:.0f} MB at the first start, {later:.0f} MB later (bar: at most {BAR_MB})")
    print(f"a bare PySide6 window: {bare:.0f} MB")
    return ours > BAR_MB


if __name__ == "__main__":
    raise SystemExit(main())
