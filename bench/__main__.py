"""Runs every benchmark of this folder, each in a fresh process, and prints its figures beside their anchors."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent


def main() -> int:
    """Run all, or those named on the command line; answers how many failed."""
    wanted = sys.argv[1:] or sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))
    failed = 0
    with tempfile.TemporaryDirectory(prefix="machina-bench-") as scratch:
        for name in wanted:
            print(f"\n== {name}", flush=True)
            command = [sys.executable, "-m", f"bench.{name}"]
            ended = subprocess.run(command, cwd=FOLDER.parent, env={**os.environ, "TMPDIR": scratch}, check=False)
            failed += ended.returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
