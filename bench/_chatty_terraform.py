"""A stand-in engine that prints log lines at a set rate, each with the time it was printed.

Started as ``chatty_terraform.py LINES RATE BURST`` by the program that ``install`` writes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path


def install(folder: Path, inner: Path, *, lines: int, rate: int, burst: int) -> Path:
    """Write ``folder/terraform``: before ``inner`` applies, it prints ``lines`` lines, ``rate`` a second."""
    program = folder / "terraform"
    source = Path(__file__).resolve()
    program.write_text(
        f'#!/bin/sh\nif [ "$1" = apply ]; then "{sys.executable}" -I "{source}" {lines} {rate} {burst}; fi\n'
        f'exec "{inner}" "$@"\n'
    )
    program.chmod(0o755)
    return program


def main() -> None:
    """Print the lines, evenly."""
    lines, rate, burst = map(int, sys.argv[1:4])
    began = time.perf_counter()
    for first in range(0, lines, burst):
        wait = began + first / rate - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        at = time.time()
        text = "".join(
            json.dumps({"@level": "info", "@message": f"printed {number} {at:.6f}", "type": "log"}) + "\n"
            for number in range(first, min(first + burst, lines))
        )
        sys.stdout.write(text)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
